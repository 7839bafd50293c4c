//! What a node answers, on a small chain: methods and transport together.

mod accounts;
mod blocks;
mod bounds;
mod calls;
mod console;
mod estimates;
mod listings;
mod logs;
mod mini_blocks;
mod numbers;
mod op_alloy;
mod otterscan;
mod overload;
mod parity_traces;
mod prices;
mod raw;
mod simulations;
mod state_diffs;
mod table;
mod tags;
mod trace_bounds;
mod trace_forms;
mod traces;

use alloy_primitives::Address;
use serde_json::Value;

/// An address as clients write it.
fn hex(address: Address) -> String {
    format!("{address:#x}")
}

/// A quantity's number.
fn quantity(value: &Value) -> u64 {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("no quantity: {value}"));
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

/// Every member of `expected` must be in `actual` with the same value.
fn assert_contains(actual: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&actual[name], value, "member {name}");
    }
}
