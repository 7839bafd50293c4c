//! The table of methods, and who knows it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::rpc::{Home, Runs, methods};

#[test]
fn a_line_says_all_that_there_is_to_say_of_a_method() {
    for method in methods::all().sorted() {
        let name = method.name;
        let namespaces = [
            "anvil_",
            "debug_",
            "erigon_",
            "eth_",
            "evm_",
            "hardhat_",
            "mega_",
            "ots_",
            "realtime_",
            "trace_",
            "txpool_",
        ];
        assert!(
            namespaces.iter().any(|space| name.starts_with(space)),
            "{name}"
        );
        assert!(
            method.about.ends_with('.') && !method.about.contains('|'),
            "{name}"
        );
        let required = method
            .params
            .iter()
            .take_while(|param| !param.ends_with('?'));
        let optional = method.params.iter().filter(|param| param.ends_with('?'));
        assert_eq!(
            required.count() + optional.count(),
            method.params.len(),
            "{name}"
        );
        let submits = matches!(method.runs, Runs::Submits(_));
        assert!(!submits || method.home == Home::Sequencer, "{name}");
    }
}

#[test]
fn no_method_stands_in_two_tables() {
    let all = methods::all().sorted();
    let names: BTreeSet<&str> = all.iter().map(|method| method.name).collect();
    assert_eq!(names.len(), methods::lines());
}

/// What no file of a room may name, but for its tests.
fn assert_does_not_name(room: &str, others: &[&str]) {
    let rooms = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rpc");
    let mut paths = vec![rooms.join(room)];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|file| file.unwrap().path()),
            );
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or_default();
        for other in others {
            assert!(!code.contains(other), "{} names {other}", path.display());
        }
    }
}

#[test]
fn transport_knows_no_method_and_methods_no_transport() {
    assert_does_not_name(
        "transport",
        &["methods::", "rpc::methods", "\"eth_", "\"mega_"],
    );
    assert_does_not_name("methods", &["transport::"]);
}
