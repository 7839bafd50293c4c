//! The door with machine code written by hand, against the interpreter; and what the loader refuses.
//! What a compiler makes is tested from Python.

#![cfg(target_arch = "x86_64")]

use std::{sync::Arc, thread, time::Duration};

use alloy_primitives::{B256, Bytes, hex, keccak256};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SymbolFlags, SymbolKind, SymbolScope,
    elf,
    write::{Object, Relocation, StandardSection, Symbol, SymbolSection},
};
use serde_json::{Value, json};

use super::{NativeTable, SliceBudget, layout, rules_json};
use crate::{
    evm::{
        SPEC_NAMES,
        simulate::{Outcome, Simulator},
        spec_by_name,
    },
    harness::{CodeRequest, run_ahead, run_code},
};

/// `xor eax, eax; ret`: leaves at once.
const LEAVE: &[u8] = &hex!("31c0c3");

/// PUSH1 2, PUSH1 3, ADD in one: pushes 5, takes 9 gas, leaves at 5.
const ADD: &[u8] = &hex!(
    "488b07 48c70005000000 48c7400800000000 48c7401000000000 48c7401800000000"
    "48c7470801000000 48c7471005000000 48836f1809 31c0 c3"
);

/// PUSH1 7, PUSH0 in one, for 5 gas; then a step of SSTORE at 3; leaves at 4. Leaves at once if the budget is
/// below 5 or the frame is not at its beginning.
const STORE: &[u8] = &hex!(
    "48837f18057c5548837f1000754e534889fb488b070f57c00f11000f1140100f"
    "1140200f11403048c7000700000048c747080200000048836f180548c7471003"
    "000000be55000000488b4748ff1085c0750848c74310040000005bc331c0c3"
);

/// `mov [rdi + 24], -1; xor eax, eax; ret`: claims more than its budget.
const CHEAT: &[u8] = &hex!("48c74718ffffffff 31c0 c3");

/// An object whose entry is `text`.
fn object(text: &[u8]) -> Vec<u8> {
    with_symbol(text, "entry", |_, _| ())
}

fn with_symbol(
    text: &[u8],
    name: &str,
    more: impl FnOnce(&mut Object<'_>, object::write::SectionId),
) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let section = object.section_id(StandardSection::Text);
    let offset = object.append_section_data(section, text, 16);
    object.add_symbol(Symbol {
        name: name.as_bytes().to_vec(),
        value: offset,
        size: text.len() as u64,
        kind: SymbolKind::Text,
        scope: SymbolScope::Dynamic,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    });
    more(&mut object, section);
    object.write().unwrap()
}

fn symbol(name: &str, section: SymbolSection) -> Symbol {
    Symbol {
        name: name.as_bytes().to_vec(),
        value: 0,
        size: 0,
        kind: SymbolKind::Data,
        scope: SymbolScope::Compilation,
        weak: false,
        section,
        flags: SymbolFlags::None,
    }
}

fn run(request: &Value) -> Value {
    let report = run_code(request.to_string().as_bytes()).unwrap();
    serde_json::from_slice(&report).unwrap()
}

/// Runs code interpreted and with `text` as its native code: the outcome, which must be the same, and what
/// native code did.
fn both(mut request: Value, code: &[u8], text: &[u8]) -> (Value, Value) {
    request["code"] = json!(Bytes::copy_from_slice(code));
    let interpreted = run(&request);
    let native: Bytes = object(text).into();
    request["native"] = json!({keccak256(code).to_string(): native});
    let mut report = run(&request);
    let native = report["native"].take();
    report.as_object_mut().unwrap().remove("native");
    assert_eq!(report, interpreted, "{request}");
    (interpreted, native[0].clone())
}

/// 2 + 3, returned as a word.
const ADDING: &[u8] = &hex!("6002600301 5f52 60205ff3");
/// Stores 7 in slot 0, and returns what GAS says then.
const STORING: &[u8] = &hex!("60075f 55 5a 5f52 60205ff3");

#[test]
fn a_frame_that_native_code_leaves_is_finished_by_the_interpreter() {
    for spec in SPEC_NAMES {
        let (report, native) = both(json!({"spec": spec, "gas": 100_000}), ADDING, LEAVE);
        assert_eq!(report["output"], format!("0x{:064x}", 5));
        assert_eq!(native["runs"], 1);
        assert_eq!(native["nativeGas"], 0);
    }
}

#[test]
fn what_native_code_spent_counts_in_every_dimension() {
    for spec in SPEC_NAMES {
        let (report, native) = both(json!({"spec": spec, "gas": 100_000}), ADDING, ADD);
        assert_eq!(report["output"], format!("0x{:064x}", 5));
        assert_eq!(native["nativeGas"], 9);
        assert_eq!(native["leaves"], 1);
    }
}

/// Runs code one by one interpreted, and ahead with `text` as its native code: whether it makes a difference.
fn differs_ahead(spec: &str, code: &[u8], text: &[u8]) -> bool {
    let native: Bytes = object(text).into();
    let request = json!({
        "spec": spec,
        "gas": 10_000_000,
        "code": Bytes::copy_from_slice(code),
        "native": {keccak256(code).to_string(): native},
    });
    let report = run_ahead(request.to_string().as_bytes()).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["ahead"]["subjectHeld"], 2, "{report}");
    assert!(report["native"][0]["runs"].as_u64().unwrap() >= 4);
    report["differences"] != json!([])
}

#[test]
fn what_is_executed_ahead_runs_natively() {
    const STORING_8: &[u8] = &hex!("60085f 55 5a 5f52 60205ff3");
    for spec in ["equivalence", "rex4", "rex5", "rex6"] {
        assert!(!differs_ahead(spec, STORING, STORE), "{spec}");
        assert!(differs_ahead(spec, STORING_8, STORE), "{spec}");
    }
}

#[test]
fn a_step_runs_the_instruction_with_all_its_gas() {
    for spec in SPEC_NAMES {
        let (report, native) = both(json!({"spec": spec, "gas": 10_000_000}), STORING, STORE);
        assert_eq!(report["status"], "success", "{report}");
        assert!(native["nativeGas"].as_u64().unwrap() > 20_000);
    }
}

#[test]
fn a_step_that_fails_ends_the_frame_as_the_interpreter_does() {
    // Everything from too little for the step to enough for the whole.
    for gas in (21_010..66_000).step_by(97) {
        both(json!({"spec": "equivalence", "gas": gas}), STORING, STORE);
    }
    for gas in (60_020..126_000).step_by(311) {
        both(json!({"spec": "rex5", "gas": gas}), STORING, STORE);
    }
    for compute in (21_000..50_000).step_by(97) {
        let limits = json!({"computeGas": compute});
        let request = json!({"spec": "rex6", "gas": 200_000, "limits": limits});
        both(request, STORING, STORE);
    }
    // In a frame that may not store.
    let caller = hex!("5f5f5f5f 61beef 5a fa 5f52 60205ff3");
    let mut request = json!({
        "spec": "rex6",
        "code": Bytes::copy_from_slice(&caller),
        "gas": 200_000,
        "accounts": {format!("0x{:040x}", 0xbeef): {"code": Bytes::copy_from_slice(STORING)}},
    });
    let interpreted = run(&request);
    let native: Bytes = object(STORE).into();
    request["native"] = json!({keccak256(STORING).to_string(): native});
    let report = run(&request);
    assert_eq!(report["native"][0]["runs"], 1);
    assert_eq!(report["usage"], interpreted["usage"]);
    assert_eq!(report["output"], interpreted["output"]);
}

#[test]
#[should_panic(expected = "more than its budget")]
fn code_that_spends_more_than_it_may_is_stopped() {
    both(json!({"spec": "rex6", "gas": 100_000}), ADDING, CHEAT);
}

fn refusal(bytes: &[u8]) -> String {
    let table = NativeTable::new(spec_by_name("rex6").unwrap());
    table.load(B256::ZERO, bytes).unwrap_err().to_string()
}

#[test]
fn objects_that_are_not_as_expected_are_refused() {
    assert!(refusal(b"").contains("no 64-bit ELF file"));
    assert!(refusal(b"\x7fELF").contains("no 64-bit ELF file"));
    assert!(refusal(&with_symbol(LEAVE, "start", |_, _| ())).contains("exports no \"entry\""));
    let other = Object::new(BinaryFormat::Elf, Architecture::Aarch64, Endianness::Little);
    assert!(refusal(&other.write().unwrap()).contains("not for x86-64"));
    let foreign = with_symbol(LEAVE, "entry", |object, _| {
        object.add_symbol(symbol("memcpy", SymbolSection::Undefined));
    });
    assert!(refusal(&foreign).contains("needs \"memcpy\" from elsewhere"));
    let writable = with_symbol(LEAVE, "entry", |object, _| {
        let data = object.section_id(StandardSection::Data);
        object.append_section_data(data, &[1], 1);
    });
    assert!(refusal(&writable).contains(".data can be written"));
    let relocated = |r_type, offset| {
        with_symbol(LEAVE, "entry", |object, text| {
            let constant = object.section_id(StandardSection::ReadOnlyData);
            object.append_section_data(constant, &[0; 8], 8);
            let symbol = object.add_symbol(symbol("c", SymbolSection::Section(constant)));
            let flags = RelocationFlags::Elf { r_type };
            let relocation = Relocation {
                offset,
                symbol,
                addend: 0,
                flags,
            };
            object.add_relocation(text, relocation).unwrap();
        })
    };
    assert!(refusal(&relocated(elf::R_X86_64_GOTPCREL, 0)).contains("unknown kind"));
    assert!(refusal(&relocated(elf::R_X86_64_64, 4000)).contains("outside of its section"));
}

#[test]
fn constants_are_found_through_relocations() {
    // `movups xmm0, [rip + constant]` and `[rip + constant + 16]` into the stack's first word.
    let text = hex!(
        "488b07 0f1005 00000000 0f1100 0f1005 00000000 0f114010"
        "48c7470801000000 48c7471005000000 48836f1809 31c0 c3"
    );
    let native = with_symbol(&text, "entry", |object, section| {
        let constant = object.section_id(StandardSection::ReadOnlyData);
        let mut word = [0; 32];
        word[0] = 5;
        object.append_section_data(constant, &word, 16);
        let symbol = object.add_symbol(symbol("five", SymbolSection::Section(constant)));
        for (offset, addend) in [(6, -4), (16, 12)] {
            let flags = RelocationFlags::Elf {
                r_type: elf::R_X86_64_PC32,
            };
            let relocation = Relocation {
                offset,
                symbol,
                addend,
                flags,
            };
            object.add_relocation(section, relocation).unwrap();
        }
    });
    let native = json!({keccak256(ADDING).to_string(): Bytes::from(native)});
    let code = Bytes::copy_from_slice(ADDING);
    let report = run(&json!({"spec": "rex6", "gas": 100_000, "code": code, "native": native}));
    assert_eq!(report["output"], format!("0x{:064x}", 5));
    assert_eq!(report["native"][0]["nativeGas"], 9);
}

/// JUMPDEST, PUSH0, JUMP: for as long as there is gas; then STOP.
const ENDLESS: &[u8] = &hex!("5b5f5600");
/// `mov qword [rdi + 16], 3; xor eax, eax; ret`: the frame goes on at 3.
const END: &[u8] = &hex!("48c7471003000000 31c0 c3");
/// Adds up the numbers from 200 down.
const COUNTING: &[u8] = &hex!("5f60c8 5b 80820191506001900380600357 505f5260205ff3");

/// What a request does over a table.
fn run_over(table: &Arc<NativeTable>, request: &Value) -> Outcome {
    let request = CodeRequest::parse(request.to_string().as_bytes()).unwrap();
    let setting = request.setting(table.spec(), Some(table.clone()));
    let mut overlay = request.state();
    let call = request.call();
    let mut simulator = Simulator::new(&mut overlay, &setting, false);
    simulator.run(call.transaction(1, request.gas())).unwrap()
}

fn pace(instructions: u32) -> SliceBudget {
    let gas = 0;
    SliceBudget {
        gas,
        instructions,
        ..SliceBudget::default()
    }
}

#[test]
fn a_long_frame_tells_its_gas_while_it_runs_and_native_code_that_arrives_takes_over() {
    let table = Arc::new(NativeTable::new(spec_by_name("rex6").unwrap()));
    table.candidates(0);
    let arrival = table.clone();
    let elsewhere = thread::spawn(move || {
        let candidate = loop {
            assert!(arrival.wait(Duration::from_secs(60)));
            if let [candidate] = arrival.candidates(10)[..] {
                break candidate;
            }
        };
        assert!(candidate.gas > 0);
        assert_eq!(
            (candidate.code_hash, candidate.calls),
            (keccak256(ENDLESS), 0)
        );
        arrival.load(candidate.code_hash, &object(END)).unwrap();
    });
    // So much takes longer than anybody waits.
    let gas = 1_u64 << 42;
    let code = Bytes::copy_from_slice(ENDLESS);
    let request = json!({"spec": "rex6", "code": code, "gas": gas, "limits": {"computeGas": gas}});
    assert!(run_over(&table, &request).raw.result.is_success());
    elsewhere.join().unwrap();
    let [status] = table.status().try_into().unwrap();
    assert_eq!((status.runs, status.interpreted_runs), (1, 1));
}

#[test]
fn gas_is_counted_once_however_long_the_pieces_are() {
    let code = Bytes::copy_from_slice(COUNTING);
    let request = json!({"spec": "rex6", "code": code, "gas": 1_000_000});
    let mut counted = Vec::new();
    for pace in [
        SliceBudget::default(),
        pace(1),
        pace(7),
        pace(100),
        pace(1 << 16),
    ] {
        let table = Arc::new(NativeTable::with_slice_budget(
            spec_by_name("rex6").unwrap(),
            pace,
        ));
        table.candidates(0);
        let outcome = run_over(&table, &request);
        assert!(outcome.raw.result.is_success());
        counted.push(table.candidates(10));
    }
    assert_eq!(counted[0].len(), 1);
    assert_eq!(counted[0][0].calls, 1);
    assert!(counted.iter().all(|one| *one == counted[0]), "{counted:?}");
}

#[test]
fn a_frame_in_pieces_is_what_it_is_in_one() {
    let programs = [
        ADDING,
        STORING,
        COUNTING,
        &hex!("42 5f52 60205ff3"),
        &hex!("42 00"),
        &hex!("60205ffd"),
    ];
    let every = programs.map(|code| SPEC_NAMES.map(|spec| (spec, code)));
    for (spec, code) in every.into_iter().flatten() {
        for gas in (21_000..90_000).step_by(1_111) {
            let code = Bytes::copy_from_slice(code);
            let limits = json!({"detainedComputeGas": 21_100, "computeGas": 60_000});
            let request = json!({"spec": spec, "code": code, "gas": gas, "limits": limits});
            let interpreted = run(&request);
            for after in [0, 1, 3] {
                let mut request = request.clone();
                // Without native code for it, but with a table in use.
                request["native"] = json!({B256::ZERO.to_string(): Bytes::from(object(LEAVE))});
                request["nativeAfter"] = json!(after);
                let mut report = run(&request);
                report.as_object_mut().unwrap().remove("native");
                assert_eq!(report, interpreted, "{request}");
            }
        }
    }
}

#[test]
fn code_can_be_replaced() {
    let table = NativeTable::new(spec_by_name("rex6").unwrap());
    let hash = keccak256(ADDING);
    table.load(hash, &object(LEAVE)).unwrap();
    table.load(hash, &object(ADD)).unwrap();
    assert_eq!(table.status().len(), 1);
}

#[test]
fn the_layout_is_the_abi_s() {
    let layout = layout();
    assert_eq!(layout["NativeFrame.budget"], 24);
    assert_eq!(layout["NativeFrame.host"], 72);
    assert_eq!(layout["NativeFrame.address"], 88);
    assert_eq!(layout["NativeFrame.code_len"], 192);
    assert_eq!(layout["HostTable.exp"], 56);
}

#[test]
fn the_rules_of_every_spec_can_be_told() {
    for spec in SPEC_NAMES {
        let rules = rules_json(spec, spec_by_name(spec).unwrap());
        let rules: Value = serde_json::from_slice(&rules).unwrap();
        let gas = &rules["static_gas"];
        for (opcode, cost) in [
            (0x01, 3),
            (0x0a, 10),
            (0x56, 8),
            (0x57, 10),
            (0x5b, 1),
            (0x9f, 3),
        ] {
            assert_eq!(gas[opcode], cost, "{spec} {opcode:#x}");
        }
        for interpreted in [0x00, 0x20, 0x42, 0x54, 0x55, 0xf1, 0xf3] {
            assert_eq!(gas[interpreted], Value::Null, "{spec} {interpreted:#x}");
            assert_eq!(rules["defined"][interpreted], true);
        }
        assert_eq!(rules["defined"][0x0c], false);
        assert_eq!(rules["exp_byte_gas"], 50);
    }
}
