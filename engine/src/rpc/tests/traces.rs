//! What transactions and calls did, told as geth tells it.

use alloy_primitives::{Address, TxKind, bytes};
use serde_json::{Value, json};

use super::{hex, quantity};
use crate::builder::{
    generated,
    testing::{Draft, account},
};
use crate::rpc::testing::*;

pub(super) fn with_tracer(tracer: &str, config: Value) -> Value {
    json!({"tracer": tracer, "tracerConfig": config})
}

pub(super) fn traced(net: &Devnet, hash: &Value, options: &Value) -> Value {
    net.get("debug_traceTransaction", &json!([hash, options]))
}

pub(super) fn calls(net: &Devnet, hash: &Value) -> Value {
    traced(net, hash, &json!({"tracer": "callTracer"}))
}

/// All calls of a tree.
pub(super) fn frames(tree: &Value) -> Vec<&Value> {
    let within = tree["calls"].as_array().into_iter().flatten();
    let mut all = vec![tree];
    all.extend(within.flat_map(frames));
    all
}

fn gas_of(object: &Value) -> [u64; 2] {
    let mega = &object["mega"];
    [quantity(&mega["computeGas"]), quantity(&mega["storageGas"])]
}

/// Every form's total is the receipt's, in both dimensions; of a call within, both dimensions are what it spent.
fn assert_gas_is_the_receipts(net: &Devnet, hash: &Value, told: &str) {
    let receipt = net.get("eth_getTransactionReceipt", &json!([hash]));
    let (used, mega) = (quantity(&receipt["gasUsed"]), gas_of(&receipt));
    let succeeded = receipt["status"] == "0x1";

    let tree = calls(net, hash);
    assert_eq!(
        (quantity(&tree["gasUsed"]), gas_of(&tree)),
        (used, mega),
        "{told}"
    );
    assert_eq!(tree["error"].is_null(), succeeded, "{told}: {tree}");
    for frame in frames(&tree) {
        // The end of a contract is only shown as a call.
        if frame["type"] != "SELFDESTRUCT" {
            let [compute, storage] = gas_of(frame);
            assert_eq!(
                compute + storage,
                quantity(&frame["gasUsed"]),
                "{told}: {frame}"
            );
        }
    }
    let steps = traced(net, hash, &json!({"limit": 20}));
    assert_eq!(
        (steps["gas"].as_u64(), gas_of(&steps)),
        (Some(used), mega),
        "{told}"
    );
    assert_eq!(steps["failed"], json!(!succeeded), "{told}");
    let list = traced(net, hash, &json!({"tracer": "flatCallTracer"}));
    assert_eq!(gas_of(&list[0]), mega, "{told}");
    if succeeded {
        assert_eq!(quantity(&list[0]["result"]["gasUsed"]), used, "{told}");
    }
}

#[test]
fn the_gas_of_every_trace_is_that_of_the_receipt_under_every_spec() {
    // Successes, reverts and halts.
    let mut met = [0; 3];
    for (spec, seed) in [
        ("equivalence", 3),
        ("mini-rex", 4),
        ("rex", 5),
        ("rex4", 6),
        ("rex6", 7),
    ] {
        let mut net = Devnet::with(spec, |config| {
            let code = generated::contracts();
            *config = crate::builder::testing::config(spec, &code);
        });
        let txs = generated::transactions(&net.node.chain, seed, 60);
        for (nth, tx) in txs.iter().enumerate() {
            net.include(tx);
            if nth % 7 == 6 {
                net.mini();
            }
        }
        net.block();
        for tx in &txs {
            let hash = json!(tx.hash);
            assert_gas_is_the_receipts(&net, &hash, &format!("{spec} {}", tx.hash));
            let tree = calls(&net, &hash);
            let told = tree["error"].as_str();
            met[told.map_or(0, |error| 1 + usize::from(error != "execution reverted"))] += 1;
        }
    }
    assert!(met.iter().all(|count| *count > 0), "met {met:?}");
}

#[test]
fn a_block_is_traced_as_its_transactions_are() {
    let net = Devnet::busy();
    let block = net.get("eth_getBlockByNumber", &json!(["0x2", false]));
    let hashes = block["transactions"].as_array().unwrap();
    for options in [
        json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}}),
        json!({"limit": 100}),
        json!({"tracer": "prestateTracer"}),
    ] {
        let whole = net.get("debug_traceBlockByNumber", &json!(["0x2", options]));
        let by_hash = json!([block["hash"], options]);
        assert_eq!(whole, net.get("debug_traceBlockByHash", &by_hash));
        let whole = whole.as_array().unwrap();
        assert_eq!(whole.len(), hashes.len());
        for (one, hash) in whole.iter().zip(hashes) {
            assert_eq!(&one["txHash"], hash);
            assert_eq!(
                one["result"],
                traced(&net, hash, &options),
                "{hash} {options}"
            );
        }
    }
    for hash in hashes {
        assert_gas_is_the_receipts(&net, hash, "busy");
    }
}

#[test]
fn a_transaction_is_traced_as_soon_as_its_receipt_is_there() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    let hash = json!(net.run(&calling(COUNTER, [], 1)).txs[0].hash);
    let open = traced(&net, &hash, &json!({}));
    let slot = json!(format!("{:064x}", 0));
    let stored = |trace: &Value| {
        let steps = trace["structLogs"].as_array().unwrap();
        let stores = steps.iter().filter(|step| step["op"] == "SSTORE");
        stores
            .map(|step| step["storage"][slot.as_str().unwrap()].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(stored(&open), [json!(format!("{:064x}", 2))]);
    let part = net.get(
        "debug_traceBlockByNumber",
        &json!(["pending", {"tracer": "callTracer"}]),
    );
    assert_eq!(part.as_array().unwrap().len(), 2);
    assert_eq!(
        part,
        net.get(
            "debug_traceBlockByNumber",
            &json!(["0x1", {"tracer": "callTracer"}])
        )
    );
    net.block();
    assert_eq!(traced(&net, &hash, &json!({})), open);
    assert_eq!(
        part,
        net.get(
            "debug_traceBlockByNumber",
            &json!(["0x1", {"tracer": "callTracer"}])
        )
    );
    let list = traced(&net, &hash, &json!({"tracer": "flatCallTracer"}));
    assert_eq!(list[0]["transactionPosition"], json!(1));
    assert_eq!(list[0]["blockNumber"], json!(1));
}

#[test]
fn a_tree_of_calls_says_who_called_whom_with_what_and_what_came_back() {
    let mut net = Devnet::new();
    let input = alloy_primitives::hex::encode_prefixed(word(2));
    let hash = json!(net.run(&calling(forwarder(2), word(2), 0)).txs[0].hash);
    let tree = calls(&net, &hash);
    let parties: Vec<_> = frames(&tree)
        .into_iter()
        .map(|frame| {
            (
                frame["type"].clone(),
                frame["from"].clone(),
                frame["to"].clone(),
                frame["input"].clone(),
            )
        })
        .collect();
    let call = |from, to| {
        (
            json!("CALL"),
            json!(hex(from)),
            json!(hex(to)),
            json!(input),
        )
    };
    assert_eq!(
        parties,
        [
            call(account(0), forwarder(2)),
            call(forwarder(2), forwarder(1)),
            call(forwarder(1), WRITER)
        ]
    );
    let top = traced(
        &net,
        &hash,
        &with_tracer("callTracer", json!({"onlyTopCall": true})),
    );
    assert_eq!(frames(&top).len(), 1);

    let list = traced(&net, &hash, &json!({"tracer": "flatCallTracer"}));
    let places: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["traceAddress"], &one["subtraces"]))
        .collect();
    assert_eq!(
        places,
        [
            (&json!([]), &json!(1)),
            (&json!([0]), &json!(1)),
            (&json!([0, 0]), &json!(0))
        ]
    );
    assert_eq!(list[2]["action"]["callType"], "call");
    let selectors = traced(&net, &hash, &json!({"tracer": "4byteTracer"}));
    assert_eq!(selectors, json!({"0x00000000-28": 3}));
    assert_eq!(
        traced(&net, &hash, &json!({"tracer": "noopTracer"})),
        json!({})
    );
}

#[test]
fn logs_stand_with_the_call_that_made_them_unless_it_failed() {
    let mut net = Devnet::new();
    let hash = json!(net.run(&calling(COUNTER, [], 0)).txs[0].hash);
    let logged = traced(
        &net,
        &hash,
        &with_tracer("callTracer", json!({"withLog": true})),
    );
    let log = &logged["logs"][0];
    assert_eq!(log["address"], hex(COUNTER));
    assert_eq!([&log["position"], &log["index"]], ["0x0", "0x0"]);
    assert_eq!(log["topics"][0], json!(format!("0x{:064x}", 1)));
    assert!(calls(&net, &hash)["logs"].is_null());
    let hash = json!(net.run(&calling(COUNTER, [], 1)).txs[0].hash);
    let second = traced(
        &net,
        &hash,
        &with_tracer("callTracer", json!({"withLog": true})),
    );
    let receipt = net.get("eth_getTransactionReceipt", &json!([hash]));
    assert_eq!(second["logs"][0]["index"], receipt["logs"][0]["logIndex"]);
    assert_eq!(second["logs"][0]["index"], "0x1");
    // A call within that fails takes its log with it, and one that does not keeps it.
    let code = |ends: &str| format!("0x5f5f5f5f5f73{:x}5af150{ends}", COUNTER);
    let logs = |ends: &str| {
        let options = json!({
            "tracer": "callTracer",
            "tracerConfig": {"withLog": true},
            "stateOverrides": {hex(ECHO): {"code": code(ends)}},
        });
        let trace = net.get(
            "debug_traceCall",
            &json!([{"to": hex(ECHO)}, "latest", options]),
        );
        trace["calls"][0]["logs"].clone()
    };
    assert_eq!(logs("00")[0]["address"], hex(COUNTER));
    assert!(logs("5f5ffd").is_null());
}

#[test]
fn what_failed_says_why() {
    let net = Devnet::new();
    let reason = alloy_sol_types::SolError::abi_encode(&alloy_sol_types::Revert {
        reason: "no".into(),
    });
    let ask = |to: Address, input: &[u8], gas: &str| {
        let call = json!({"to": hex(to), "input": alloy_primitives::hex::encode_prefixed(input), "gas": gas});
        net.get(
            "debug_traceCall",
            &json!([call, "latest", {"tracer": "callTracer"}]),
        )
    };
    let reverted = ask(REVERT, &reason, "0x100000");
    assert_eq!(
        [&reverted["error"], &reverted["revertReason"]],
        ["execution reverted", "no"]
    );
    assert_eq!(reverted["output"], reverted["input"]);
    let spun = ask(SPIN, &[], "0x186a0");
    assert_eq!(spun["error"], "out of gas");
    assert_eq!(quantity(&spun["gasUsed"]), 100_000);
    let detained = ask(DETAINED, &[], "0x10000000");
    assert!(
        detained["error"]
            .as_str()
            .is_some_and(|error| error.starts_with("gas detention: ")),
        "{detained}"
    );
}

#[test]
fn a_call_is_traced_over_what_is_overridden_and_changes_nothing() {
    let mut net = Devnet::new();
    net.block();
    let over = json!({
        "tracer": "callTracer",
        "stateOverrides": {hex(ECHO): {"code": "0x435f5260205ff3"}},
        "blockOverrides": {"number": "0x77"},
    });
    let trace = net.get(
        "debug_traceCall",
        &json!([{"to": hex(ECHO)}, "latest", over]),
    );
    assert_eq!(trace["output"], json!(format!("0x{:064x}", 0x77)));
    let create = json!([{"data": "0x60fe5f5360015ff3"}, "latest", {"tracer": "callTracer"}]);
    let trace = net.get("debug_traceCall", &create);
    assert_eq!([&trace["type"], &trace["output"]], ["CREATE", "0xfe"]);
    assert_eq!(net.get("eth_getCode", &json!([trace["to"]])), "0x");
    let counted = net.get("debug_traceCall", &json!([{"to": hex(COUNTER)}, "latest", with_tracer("prestateTracer", json!({"diffMode": true}))]));
    assert_eq!(
        counted["post"][hex(COUNTER)]["storage"]
            .as_object()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn what_is_not_there_and_what_is_not_known_is_refused() {
    let mut net = Devnet::new();
    net.block();
    let nowhere = format!("0x{:064x}", 7);
    let (code, message) = net.refusal("debug_traceTransaction", &json!([nowhere]));
    assert_eq!((code, message.as_str()), (-32000, "transaction not found"));
    assert_eq!(
        net.refusal("debug_traceBlockByHash", &json!([nowhere])).0,
        -32001
    );
    assert_eq!(
        net.refusal("debug_traceBlockByNumber", &json!(["0x9"])).0,
        -32001
    );
    let genesis = net.refusal("debug_traceBlockByNumber", &json!(["0x0"]));
    assert_eq!(genesis, (-32000, "genesis is not traceable".to_owned()));
    let (code, message) = net.refusal(
        "debug_traceTransaction",
        &json!([nowhere, {"tracer": "{}"}]),
    );
    assert_eq!(code, -32602);
    assert!(message.contains("callTracer"), "{message}");
    let empty = net.get("debug_traceBlockByNumber", &json!(["0x1"]));
    assert_eq!(empty, json!([]));
}

#[test]
fn a_creation_is_traced_with_its_address() {
    let mut net = Devnet::new();
    let mini = net.run(&Draft {
        to: TxKind::Create,
        input: bytes!("60fe60005360016000f3"),
        ..Draft::default()
    });
    let tree = calls(&net, &json!(mini.txs[0].hash));
    let made = mini.txs[0].result.contract_address.unwrap();
    assert_eq!(
        [&tree["type"], &tree["to"], &tree["output"]],
        [&json!("CREATE"), &json!(hex(made)), &json!("0xfe")]
    );
}

#[test]
fn a_call_within_that_a_limit_of_the_transaction_ended_used_what_it_used_and_says_which() {
    let net = Devnet::new();
    // The innermost is detained, and never ends.
    let overrides = json!({hex(WRITER): {"code": "0x43505b600256"}});
    let call = json!({"to": hex(forwarder(3)), "gas": "0x10000000"});
    let options = json!({"tracer": "callTracer", "stateOverrides": overrides});
    let tree = net.get("debug_traceCall", &json!([call, "latest", options]));
    let all = frames(&tree);
    assert_eq!(all.len(), 4, "{tree}");
    let mut above = quantity(&tree["gasUsed"]);
    for frame in all {
        let (used, [compute, storage]) = (quantity(&frame["gasUsed"]), gas_of(frame));
        assert!(
            20_000_000 <= used && used <= above,
            "{used} {above}: {tree}"
        );
        assert_eq!(compute + storage, used, "{tree}");
        let error = frame["error"].as_str().unwrap_or_default();
        assert!(error.starts_with("gas detention: "), "{tree}");
        above = used;
    }
    let innermost = gas_of(&tree["calls"][0]["calls"][0]["calls"][0]);
    assert_eq!(innermost[1], 0, "{tree}");
}
