//! What a source file declares and imports outside its tests, as far as that shows without a compiler.

/// `source` with comments, literals and items under `#[cfg(test)]` replaced by blanks. Lines stay where they are.
pub(super) fn production_code(source: &str) -> String {
    let mut code: Vec<char> = source.chars().collect();
    blank_comments_and_literals(&mut code);
    let mark: Vec<char> = "#[cfg(test)]".chars().collect();
    let mut at = 0;
    while at + mark.len() <= code.len() {
        if code[at..].starts_with(&mark) {
            let end = end_of_item(&code, at + mark.len());
            blank(&mut code[at..end]);
            at = end;
        } else {
            at += 1;
        }
    }
    code.into_iter().collect()
}

fn blank(part: &mut [char]) {
    part.iter_mut()
        .filter(|c| **c != '\n')
        .for_each(|c| *c = ' ');
}

fn blank_comments_and_literals(code: &mut [char]) {
    let mut at = 0;
    while at < code.len() {
        let end = match code[at] {
            '/' if code.get(at + 1) == Some(&'/') => find(code, at, |rest| rest[0] == '\n'),
            '/' if code.get(at + 1) == Some(&'*') => {
                find(code, at + 2, |rest| rest.starts_with(&['*', '/'])) + 2
            }
            '"' => end_of_string(code, at),
            '\'' if code.get(at + 1) == Some(&'\\') => {
                find(code, at + 3, |rest| rest[0] == '\'') + 1
            }
            '\'' if code.get(at + 2) == Some(&'\'') => at + 3,
            _ => {
                at += 1;
                continue;
            }
        };
        let end = end.min(code.len());
        blank(&mut code[at..end]);
        at = end;
    }
}

/// Where the string that opens at `at` ends; raw strings have the same number of `#` on both sides.
fn end_of_string(code: &[char], at: usize) -> usize {
    let hashes = code[..at].iter().rev().take_while(|c| **c == '#').count();
    let raw = at > hashes && code[at - hashes - 1] == 'r';
    let mut end = at + 1;
    while end < code.len() {
        match code[end] {
            '\\' if !raw => end += 2,
            '"' if !raw => return end + 1,
            '"' if code[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes => {
                return end + 1 + hashes;
            }
            _ => end += 1,
        }
    }
    end
}

fn find(code: &[char], from: usize, is_it: impl Fn(&[char]) -> bool) -> usize {
    (from..code.len())
        .find(|at| is_it(&code[*at..]))
        .unwrap_or(code.len())
}

/// Where the item after an attribute ends: at its `;`, or after its block.
fn end_of_item(code: &[char], from: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code.iter().enumerate().skip(from) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth -= 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ';' | ',' if depth == 0 => return at + 1,
            _ => {}
        }
        if depth < 0 {
            return at;
        }
    }
    code.len()
}

/// The names of `mod name;`.
pub(super) fn declared_modules(code: &str) -> Vec<String> {
    let mut words = code.split_whitespace().peekable();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let name = words.peek().and_then(|name| name.strip_suffix(';'));
        if word == "mod"
            && let Some(name) = name
        {
            found.push(name.to_owned());
        }
    }
    found
}

/// The rooms that paths name by `crate::`, or by as many `super::` as lead to the crate's root, with their lines.
pub(super) fn crate_paths(code: &str, depth: usize) -> Vec<(usize, String)> {
    let root = "super::".repeat(depth);
    let mut found = Vec::new();
    for prefix in ["crate::", root.as_str()] {
        for (at, _) in code.match_indices(prefix) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            for (offset, name) in heads(&code[at + prefix.len()..]) {
                let line = 1 + code[..at + prefix.len() + offset].matches('\n').count();
                found.push((line, name));
            }
        }
    }
    found
}

/// The first segments of what a path or a `{...}` of paths names, with their offsets.
fn heads(paths: &str) -> Vec<(usize, String)> {
    let word = |at: usize| -> String {
        paths[at..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    if !paths.starts_with('{') {
        return vec![(0, word(0))];
    }
    let (mut found, mut depth, mut expected) = (Vec::new(), 0, false);
    for (at, c) in paths.char_indices() {
        match c {
            '{' => {
                depth += 1;
                expected = depth == 1;
            }
            '}' => depth -= 1,
            ',' => expected = depth == 1,
            _ if c.is_whitespace() => {}
            _ if expected => {
                found.push((at, word(at)));
                expected = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let code = "use crate::{\n    chain::{self, Chain},\n    evm,\n};\nfn f() { crate::rpc::g(super::super::pool::h()) }";
    let expected = [(2, "chain"), (3, "evm"), (5, "rpc"), (5, "pool")];
    assert_eq!(
        crate_paths(code, 2),
        expected.map(|(line, room)| (line, room.to_owned()))
    );
}

#[test]
fn comments_literals_and_tests_are_passed_over() {
    let source = r##"
        // crate::a
        /* crate::b */
        const C: (&str, &str, char) = ("crate::c\"", r#"crate::"d"#, '"');
        #[cfg(test)]
        mod tests { fn f() -> [u8; 2] { crate::e() } }
        #[cfg(test)]
        use crate::{f::F, g};
        use crate::h;
    "##;
    assert_eq!(
        crate_paths(&production_code(source), 1),
        [(9, "h".to_owned())]
    );
}
