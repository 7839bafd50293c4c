//! The rooms of the engine's crates in floors: what a room may import lies below it, so that each can be read,
//! tested and taken away without what stands on it. These tests read the sources; a new room needs its floor here.

mod source;

use std::{
    fs,
    path::{Path, PathBuf},
};

use source::{crate_paths, declared_modules, production_code};

/// The rooms, from the top down. Those of one floor don't know each other.
const FLOORS: &[&[&str]] = &[
    &["python"],
    &["harness"],
    &["engine"],
    &["rpc"],
    &["builder", "follower", "witness"],
    &["chain"],
    &["commitment", "parallel", "state_file", "verify"],
    &["pool", "replay"],
    &["evm", "forge", "fork"],
    &["state"],
    &["block", "wallet"],
    &["json", "keys", "memory", "metrics", "salt"],
];

/// The sources of the crates whose modules are rooms.
const SOURCES: &[&str] = &["src", "checker/src"];
/// Crates that are a room each. That they know nothing of what stands on them is cargo's to say.
const CRATES: &[&str] = &["salt"];

/// An import of one room by another.
#[derive(Debug, PartialEq)]
struct Import {
    from: String,
    to: String,
    file: String,
    line: usize,
}

impl Import {
    fn leads_down(&self) -> bool {
        matches!((floor(&self.from), floor(&self.to)), (Some(from), Some(to)) if from < to)
    }
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn every_import_leads_down() {
    let wrong: Vec<String> = imports()
        .iter()
        .filter(|import| !import.leads_down())
        .map(
            |Import {
                 from,
                 to,
                 file,
                 line,
             }| format!("{file}:{line}: {from} -> {to}"),
        )
        .collect();
    assert!(wrong.is_empty(), "not downward:\n{}", wrong.join("\n"));
}

#[test]
fn every_room_has_one_floor() {
    let mut placed: Vec<_> = FLOORS.concat().into_iter().map(str::to_owned).collect();
    let libs = SOURCES
        .iter()
        .map(|sources| code_of(&format!("{sources}/lib.rs")));
    let mut rooms: Vec<_> = libs.flat_map(|lib| declared_modules(&lib)).collect();
    rooms.extend(CRATES.iter().map(|name| (*name).to_owned()));
    placed.sort();
    rooms.sort();
    // A room may have a part in either crate.
    rooms.dedup();
    assert_eq!(placed, rooms);
}

/// Every import of one room by another outside tests.
fn imports() -> Vec<Import> {
    SOURCES
        .iter()
        .flat_map(|sources| imports_in(sources))
        .collect()
}

fn imports_in(sources: &str) -> Vec<Import> {
    let mut found = Vec::new();
    let mut modules = vec![Vec::<String>::new()];
    while let Some(module) = modules.pop() {
        let file = file_of(sources, &module);
        let code = code_of(&file);
        for child in declared_modules(&code) {
            modules.push(module.iter().cloned().chain([child]).collect());
        }
        let Some(room) = module.first() else { continue };
        let paths = crate_paths(&code, module.len()).into_iter();
        found.extend(paths.filter(|(_, to)| to != room).map(|(line, to)| Import {
            from: room.clone(),
            to,
            file: file.clone(),
            line,
        }));
    }
    found
}

/// The file of a module.
fn file_of(sources: &str, module: &[String]) -> String {
    let path = module.join("/");
    let candidates = match path.as_str() {
        "" => vec![format!("{sources}/lib.rs")],
        path => vec![
            format!("{sources}/{path}.rs"),
            format!("{sources}/{path}/mod.rs"),
        ],
    };
    let file = candidates.into_iter().find(|file| here(file).is_file());
    file.unwrap_or_else(|| panic!("no file for {path}"))
}

fn code_of(file: &str) -> String {
    let source = fs::read_to_string(here(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    production_code(&source)
}

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}
