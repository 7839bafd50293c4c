//! How long a trace may take, and how large it may be.

use alloy_primitives::bytes;
use serde_json::{Value, json};

use super::bounds::{bounded, limits};
use super::hex;
use crate::builder::testing::Draft;
use crate::rpc::RpcError;
use crate::rpc::error::code;
use crate::rpc::testing::*;

fn assert_refused(result: Result<Value, RpcError>, setting: &str) {
    let error = result.expect_err("it takes too much");
    assert!(
        error.code == code::LIMIT && error.message.contains(setting),
        "{error}"
    );
    let advice = String::from_utf8(error.data.unwrap_or_default()).unwrap();
    assert!(advice.contains("onlyTopCall"), "{advice}");
}

#[test]
fn a_long_trace_is_ended_by_the_size_of_its_answer_and_not_after_it_was_made() {
    let mut net = Devnet::new();
    let spun = json!(
        net.run(&Draft {
            gas: 200_000_000,
            ..calling(SPIN, [], 0)
        })
        .txs[0]
            .hash
    );
    let call = json!([{"to": hex(SPIN)}, "latest", {}]);
    for (method, params) in [
        ("debug_traceTransaction", json!([spun])),
        ("debug_traceCall", call),
        ("debug_traceBlockByNumber", json!(["pending"])),
    ] {
        for _ in 0..10 {
            // Were the trace longer in memory than the answer may be, the memory would end it.
            let node = bounded(
                &net.node,
                limits(|limits| {
                    limits.max_answer_bytes = 4 << 20;
                    limits.max_call_bytes = 16 << 20;
                }),
            );
            assert_refused(ask(&node, method, &params), "--max-answer-bytes");
        }
    }
    // As geth has it: what is told is cut, and the rest runs on.
    let node = bounded(
        &net.node,
        limits(|limits| limits.max_answer_bytes = 4 << 20),
    );
    let cut = ask(
        &node,
        "debug_traceTransaction",
        &json!([spun, {"limit": 1000}]),
    )
    .unwrap();
    assert_eq!(cut["structLogs"].as_array().unwrap().len(), 1000);
}

#[test]
fn a_trace_is_ended_by_time() {
    let net = Devnet::new();
    let unlimited = json!({"tracer": "callTracer", "blockOverrides": {"unlimited": true}});
    let node = bounded(&net.node, limits(|limits| limits.call_timeout_ms = 30));
    let params = json!([{"to": hex(SPIN)}, "latest", unlimited]);
    assert_refused(ask(&node, "debug_traceCall", &params), "--call-timeout");
}

#[test]
fn a_trace_of_many_calls_is_ended_by_its_memory() {
    // Calls the identity precompile for ever: JUMPDEST, CALL(gas, 4, 0, 0, 0, 0, 0), POP, PUSH0, JUMP.
    let net = Devnet::new();
    let code = bytes!("5b5f5f5f5f5f60045af1505f56");
    let options = json!({
        "tracer": "callTracer",
        "stateOverrides": {hex(ECHO): {"code": code}},
        "blockOverrides": {"unlimited": true},
    });
    let node = bounded(&net.node, limits(|limits| limits.max_call_bytes = 8 << 20));
    let params = json!([{"to": hex(ECHO)}, "latest", options]);
    assert_refused(ask(&node, "debug_traceCall", &params), "--max-call-bytes");
}

#[test]
fn the_deepest_calls_are_told() {
    // CALL(gas, this, 0, 0, 0, 0, 0)
    let net = Devnet::with("equivalence", |_| {});
    let markers = [
        ("callTracer", "\"type\":\"CALL\""),
        ("flatCallTracer", "\"callType\":\"call\""),
    ];
    for (tracer, marker) in markers {
        let options = json!({
            "tracer": tracer,
            "stateOverrides": {hex(ECHO): {"code": "0x5f5f5f5f5f305af100"}},
            "blockOverrides": {"unlimited": true},
        });
        let params = json!([{"to": hex(ECHO)}, "latest", options]);
        // Deeper than parsers of JSON go.
        let told = answer(&net.node, "debug_traceCall", &params.to_string()).unwrap();
        let text = String::from_utf8(told).unwrap();
        assert!(text.matches(marker).count() > 1024, "{tracer}");
    }
}
