//! What transactions and calls did, told as Parity tells it; and what geth tells of several calls.

use alloy_primitives::{Address, B256, bytes, hex};
use serde_json::{Value, json};

use super::bounds::{bounded, limits};
use super::hex as address;
use crate::builder::testing::{Draft, account, sign};
use crate::chain::ChainConfig;
use crate::rpc::error::code;
use crate::rpc::testing::*;
use crate::state::GenesisAccount;

const ALL: [&str; 3] = ["trace", "stateDiff", "vmTrace"];

fn list(net: &Devnet, method: &str, params: Value) -> Vec<Value> {
    net.get(method, &params).as_array().unwrap().clone()
}

/// A chain whose second block holds calls within calls; its transactions.
fn nested() -> (Devnet, Vec<Value>) {
    let mut net = Devnet::new();
    net.run(&Draft::default());
    net.block();
    net.run(&calling(forwarder(2), word(1), 1));
    net.run(&calling(COUNTER, [], 2));
    net.send(&calling(REVERT, [1, 2], 3));
    net.block();
    let block = net.get("eth_getBlockByNumber", &json!(["0x2", false]));
    let hashes = block["transactions"].as_array().unwrap().clone();
    (net, hashes)
}

#[test]
fn a_block_is_the_list_of_its_transactions_calls() {
    let (net, hashes) = nested();
    let whole = list(&net, "trace_block", json!(["0x2"]));
    let of = |hash: &Value| list(&net, "trace_transaction", json!([hash]));
    let parts: Vec<_> = hashes.iter().flat_map(of).collect();
    assert_eq!(whole, parts);
    assert_eq!(whole.len(), 5);
    let flat = net.get(
        "debug_traceTransaction",
        &json!([hashes[0], {"tracer": "flatCallTracer"}]),
    );
    assert_eq!(flat, json!(of(&hashes[0])));
    assert_eq!(
        list(&net, "trace_block", json!(["0x2"]))[4]["error"],
        "Reverted"
    );
    let third = net.get("trace_get", &json!([hashes[0], ["0x0", "0x0"]]));
    assert_eq!(third, whole[2]);
    assert_eq!(
        net.get("trace_get", &json!([hashes[0], ["0x1"]])),
        Value::Null
    );
    let nowhere = json!([B256::repeat_byte(7)]);
    assert_eq!(net.get("trace_transaction", &nowhere), Value::Null);
}

#[test]
fn calls_are_found_by_who_is_in_them() {
    let (net, _) = nested();
    let all = list(
        &net,
        "trace_filter",
        json!([{"fromBlock": "0x1", "toBlock": "latest"}]),
    );
    assert_eq!(all.len(), 6);
    let found = |filter: Value| {
        let mut range = json!({"fromBlock": "0x1", "toBlock": "0x2"});
        range
            .as_object_mut()
            .unwrap()
            .extend(filter.as_object().unwrap().clone());
        list(&net, "trace_filter", json!([range]))
    };
    assert_eq!(
        found(json!({"toAddress": [address(WRITER)]})),
        [all[3].clone()]
    );
    assert_eq!(
        found(json!({"fromAddress": [address(forwarder(2))]})),
        [all[2].clone()]
    );
    let sender = address(account(0));
    let both = json!({"fromAddress": [sender], "toAddress": [address(WRITER)]});
    assert_eq!(found(both.clone()).len(), 5);
    let mut neither = both;
    neither["mode"] = json!("intersection");
    assert_eq!(found(neither), Vec::<Value>::new());
    assert_eq!(found(json!({"after": 2, "count": 2})), all[2..4]);
    assert_eq!(found(json!({"count": 0})), Vec::<Value>::new());
    assert_eq!(
        net.refusal("trace_filter", &json!([{"mode": "all"}])).0,
        -32602
    );
    assert_eq!(
        net.refusal("trace_filter", &json!([{"toBlock": "0x99"}])).0,
        -32001
    );
}

#[test]
fn a_replay_tells_calls_changes_and_instructions() {
    let (net, hashes) = nested();
    let whole = list(&net, "trace_replayBlockTransactions", json!(["0x2", ALL]));
    for (one, hash) in whole.iter().zip(&hashes) {
        let mut alone = net.get("trace_replayTransaction", &json!([hash, ALL]));
        alone["transactionHash"] = hash.clone();
        assert_eq!(one, &alone);
    }
    let counted = &whole[1];
    let slot = format!("0x{:064x}", 0);
    let changed = &counted["stateDiff"][address(COUNTER)]["storage"][&slot]["*"];
    assert_eq!(
        changed,
        &json!({"from": slot, "to": format!("0x{:064x}", 1)})
    );
    assert_eq!(
        counted["vmTrace"]["code"],
        "0x5f54600101805f555f52600160205fa100"
    );
    let ops = counted["vmTrace"]["ops"].as_array().unwrap();
    let stores = ops.iter().filter(|op| !op["ex"]["store"].is_null());
    assert_eq!(stores.count(), 1);
    assert!(counted["trace"][0]["blockHash"].is_null());
    assert_eq!(whole[2]["output"], "0x0102");
    let bare = net.get("trace_replayTransaction", &json!([hashes[0], []]));
    assert_eq!(
        bare,
        json!({"output": "0x", "stateDiff": null, "trace": [], "vmTrace": null})
    );
    let (code, message) = net.refusal("trace_replayTransaction", &json!([hashes[0], ["calls"]]));
    assert_eq!(code, -32602);
    assert!(message.contains("stateDiff"), "{message}");
}

#[test]
fn calls_in_a_row_see_what_those_before_did() {
    let (net, _) = nested();
    let call = json!({"to": address(COUNTER)});
    let slot = format!("0x{:064x}", 0);
    let pair = json!([call, ["stateDiff"]]);
    let told = list(&net, "trace_callMany", json!([[pair, pair], "latest"]));
    let of =
        |told: &Value| told["stateDiff"][address(COUNTER)]["storage"][&slot]["*"]["to"].clone();
    let number = |number: u64| json!(format!("0x{number:064x}"));
    assert_eq!([of(&told[0]), of(&told[1])], [number(2), number(3)]);
    assert_eq!(
        net.get("trace_call", &json!([call, ["stateDiff"], "latest"])),
        told[0]
    );

    let diff = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
    let bundle = json!({"transactions": [call, call]});
    let told = net.get(
        "debug_traceCallMany",
        &json!([[bundle, bundle], {"blockNumber": "latest"}, diff]),
    );
    let of = |told: &Value| told["post"][address(COUNTER)]["storage"][&slot].clone();
    assert_eq!(of(&told[0][1]), number(3));
    assert_eq!(of(&told[1][1]), number(5));
}

#[test]
fn a_signed_transaction_is_traced_without_being_sent() {
    let (net, _) = nested();
    let tx = sign(&net.node.chain, &calling(COUNTER, [], 4));
    let told = net.get("trace_rawTransaction", &json!([tx.raw, ["trace"]]));
    assert_eq!(told["trace"][0]["action"]["from"], address(account(0)));
    assert_eq!(
        net.get("eth_getTransactionByHash", &json!([tx.hash])),
        Value::Null
    );
    assert_eq!(
        net.refusal("trace_rawTransaction", &json!(["0x02", ["trace"]]))
            .0,
        -32602
    );
}

#[test]
fn a_block_in_rlp_is_traced_if_it_is_of_this_chain() {
    let (net, _) = nested();
    let header = net.node.chain.block(2).unwrap().unwrap().header.clone();
    let encoded = |header: &alloy_consensus::Header| {
        let mut block = Vec::new();
        alloy_rlp::Header {
            list: true,
            payload_length: alloy_rlp::Encodable::length(header),
        }
        .encode(&mut block);
        alloy_rlp::Encodable::encode(header, &mut block);
        hex::encode_prefixed(block)
    };
    let options = json!({"tracer": "callTracer"});
    let told = net.get("debug_traceBlock", &json!([encoded(&header), options]));
    assert_eq!(
        told,
        net.get("debug_traceBlockByNumber", &json!(["0x2", options]))
    );
    let other = alloy_consensus::Header {
        gas_used: 1,
        ..header
    };
    let (code, message) = net.refusal("debug_traceBlock", &json!([encoded(&other)]));
    assert_eq!(code, -32000);
    assert!(message.contains("not part of this chain"), "{message}");
    assert_eq!(net.refusal("debug_traceBlock", &json!(["0x01"])).0, -32602);
}

#[test]
fn instructions_with_much_memory_are_bounded() {
    let config = |config: &mut ChainConfig| {
        // MSTORE at 1 MiB, then again and again at 0: the memory is copied for each.
        let code = bytes!("5f62100000525b5f5f52600656");
        let contract = GenesisAccount {
            code,
            ..Default::default()
        };
        config
            .genesis
            .alloc
            .insert(Address::repeat_byte(0x99), contract);
    };
    let net = Devnet::with("rex6", config);
    let node = bounded(&net.node, limits(|limits| limits.max_call_bytes = 16 << 20));
    let params = json!([{"to": Address::repeat_byte(0x99)}, ["vmTrace"]]);
    let error = ask(&node, "trace_call", &params).expect_err("it takes too much");
    assert!(
        error.code == code::LIMIT && error.message.contains("--max-call-bytes"),
        "{error}"
    );
}
