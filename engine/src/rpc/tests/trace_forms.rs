//! What the tracers tell that do not tell calls, and several tracers at once.

use serde_json::{Value, json};

use super::hex;
use super::traces::{frames, traced, with_tracer};
use crate::builder::testing::{Draft, account};
use crate::rpc::testing::*;

#[test]
fn each_instruction_is_told_with_what_was_asked_for() {
    let net = Devnet::new();
    let call = json!({"to": hex(WRITER), "input": word(1)});
    let ask = |options: Value| net.get("debug_traceCall", &json!([call, "latest", options]));
    let steps = ask(json!({}));
    let steps = steps["structLogs"].as_array().unwrap();
    let ops: Vec<_> = steps
        .iter()
        .map(|step| step["op"].as_str().unwrap())
        .collect();
    let looped = ["JUMPDEST", "DUP1", "ISZERO", "PUSH1", "JUMPI"];
    let stored = ["DUP1", "PUSH1", "SSTORE"];
    assert_eq!(ops[..7], [&["PUSH0", "CALLDATALOAD"], &looped[..]].concat());
    assert_eq!(ops.iter().filter(|op| **op == "SSTORE").count(), 1);
    assert_eq!(ops.last(), Some(&"STOP"));
    assert!(stored.iter().all(|op| ops.contains(op)));
    assert_eq!(steps[1]["stack"], json!(["0x0"]));
    assert_eq!(steps[2]["pc"], json!(2));
    assert_eq!(steps[0]["depth"], json!(1));
    for two in steps.windows(2) {
        let gas = |step: &Value| step["gas"].as_u64().unwrap();
        assert_eq!(
            gas(&two[0]) - two[0]["gasCost"].as_u64().unwrap(),
            gas(&two[1])
        );
    }
    let bare = ask(json!({"disableStack": true, "disableStorage": true, "limit": 3}));
    assert_eq!(bare["structLogs"].as_array().unwrap().len(), 3);
    assert!(
        bare["structLogs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|step| step["stack"].is_null())
    );
    assert_eq!(bare["gas"], ask(json!({}))["gas"]);

    let echo = json!({"to": hex(ECHO), "input": "0xc0ffee"});
    let memory = net.get(
        "debug_traceCall",
        &json!([echo, "latest", {"enableMemory": true, "enableReturnData": true}]),
    );
    let last = memory["structLogs"].as_array().unwrap().last().unwrap();
    assert_eq!(last["memory"], json!([format!("c0ffee{}", "0".repeat(58))]));
    assert_eq!(last["returnData"], "0x");
    assert_eq!(memory["returnValue"], "0xc0ffee");
}

#[test]
fn an_instruction_that_fails_says_so_and_names_what_is_no_instruction() {
    let net = Devnet::new();
    let code = |code: &str| {
        let over = json!({"stateOverrides": {hex(ECHO): {"code": code}}});
        let trace = net.get(
            "debug_traceCall",
            &json!([{"to": hex(ECHO), "gas": "0x20000"}, "latest", over]),
        );
        trace["structLogs"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone()
    };
    assert_eq!(code("0x0c")["op"], "opcode 0xc not defined");
    assert_eq!(code("0x0c")["error"], "invalid opcode");
    assert_eq!(code("0x50")["error"], "stack underflow");
    assert!(code("0x5f5ffd")["error"].is_null());
}

#[test]
fn the_prestate_is_what_was_met_and_the_diff_what_changed() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    let hash = json!(
        net.run(&Draft {
            value: 5,
            ..calling(COUNTER, [], 1)
        })
        .txs[0]
            .hash
    );
    let slot = format!("0x{:064x}", 0);
    let met = traced(&net, &hash, &json!({"tracer": "prestateTracer"}));
    let counter = &met[hex(COUNTER)];
    assert_eq!(counter["storage"][&slot], json!(format!("0x{:064x}", 1)));
    assert_eq!(counter["code"], "0x5f54600101805f555f52600160205fa100");
    assert_eq!(met[hex(account(0))]["nonce"], json!(1));
    let bare = with_tracer(
        "prestateTracer",
        json!({"disableCode": true, "disableStorage": true}),
    );
    let bare = traced(&net, &hash, &bare);
    assert!(bare[hex(COUNTER)]["code"].is_null() && bare[hex(COUNTER)]["storage"].is_null());

    let diff = traced(
        &net,
        &hash,
        &with_tracer("prestateTracer", json!({"diffMode": true})),
    );
    let (pre, post) = (&diff["pre"][hex(COUNTER)], &diff["post"][hex(COUNTER)]);
    assert_eq!(
        [&pre["storage"][&slot], &post["storage"][&slot]],
        [
            &json!(format!("0x{:064x}", 1)),
            &json!(format!("0x{:064x}", 2))
        ]
    );
    assert_eq!([&pre["balance"], &post["balance"]], ["0x0", "0x5"]);
    assert!(post["code"].is_null());
    assert_eq!(diff["post"][hex(account(0))]["nonce"], json!(2));
    // Those that changed, and no others: what the state's own diff has.
    let state = net.get("mega_getStateDiff", &json!([hash]));
    let accounts = state["accounts"].as_array().unwrap().iter();
    let changed: Vec<_> = accounts
        .map(|account| account["address"].as_str().unwrap())
        .collect();
    let told = diff["pre"].as_object().unwrap();
    assert_eq!(told.keys().collect::<Vec<_>>(), changed);
}

#[test]
fn several_tracers_look_on_at_once() {
    let net = Devnet::busy();
    let block = net.get("eth_getBlockByNumber", &json!(["0x2", false]));
    for hash in block["transactions"].as_array().unwrap() {
        let each = json!({"callTracer": {"withLog": true}, "prestateTracer": null, "4byteTracer": null, "noopTracer": null, "flatCallTracer": {"includePrecompiles": true}});
        let several = traced(&net, hash, &with_tracer("muxTracer", each.clone()));
        for (tracer, config) in each.as_object().unwrap() {
            let alone = traced(&net, hash, &with_tracer(tracer, config.clone()));
            assert_eq!(several[tracer], alone, "{tracer}");
        }
    }
}

#[test]
fn a_precompile_is_a_call_of_the_tree_and_of_the_list_only_where_it_is_asked_for() {
    let net = Devnet::new();
    // CALL(gas, 4, 0, 0, 0, 0, 0)
    let code = json!({hex(ECHO): {"code": "0x5f5f5f5f5f60045af100"}});
    let ask = |tracer: Value| {
        let mut options = tracer;
        options["stateOverrides"] = code.clone();
        net.get(
            "debug_traceCall",
            &json!([{"to": hex(ECHO)}, "latest", options]),
        )
    };
    assert_eq!(frames(&ask(json!({"tracer": "callTracer"}))).len(), 2);
    assert_eq!(
        ask(json!({"tracer": "flatCallTracer"}))
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let all = ask(with_tracer(
        "flatCallTracer",
        json!({"includePrecompiles": true}),
    ));
    assert_eq!(all.as_array().unwrap().len(), 2);
    let both = ask(with_tracer(
        "muxTracer",
        json!({"callTracer": {}, "flatCallTracer": {}}),
    ));
    assert_eq!(frames(&both["callTracer"]).len(), 2);
    assert_eq!(both["flatCallTracer"].as_array().unwrap().len(), 1);
}
