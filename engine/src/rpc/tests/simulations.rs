//! Blocks that are made up: `eth_simulateV1`.

use alloy_primitives::{Address, U256};
use serde_json::{Value, json};

use super::{assert_contains, hex, quantity};
use crate::builder::testing::{Draft, account};
use crate::rpc::testing::*;

/// Whoever has nothing.
const POOR: &str = "0xc000000000000000000000000000000000000000";
const OTHER: &str = "0xc100000000000000000000000000000000000000";
const BASE_FEE: &str = "0xf4240";
const ETHER: &str = "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

fn simulated(net: &Devnet, blocks: Value, options: Value) -> Vec<Value> {
    net.get("eth_simulateV1", &asked(blocks, options))
        .as_array()
        .unwrap()
        .clone()
}

fn refused(net: &Devnet, blocks: Value, options: Value) -> (i32, String) {
    net.refusal("eth_simulateV1", &asked(blocks, options))
}

fn asked(blocks: Value, mut options: Value) -> Value {
    options["blockStateCalls"] = blocks;
    json!([options, "latest"])
}

fn plain() -> Value {
    json!({})
}

#[test]
fn calls_see_what_those_before_them_did_and_nothing_is_changed() {
    let mut net = Devnet::new();
    net.block();
    let count = json!({"from": hex(account(0)), "to": hex(COUNTER)});
    let blocks = simulated(
        &net,
        json!([{"calls": [count.clone(), count.clone()]}, {"calls": [count]}]),
        plain(),
    );
    let counted: Vec<u64> = blocks
        .iter()
        .flat_map(|block| block["calls"].as_array().unwrap())
        .map(|call| quantity_of_word(&call["logs"][0]["data"]))
        .collect();
    assert_eq!(counted, [1, 2, 3]);
    let slot = net.get("eth_getStorageAt", &json!([hex(COUNTER), "0x0"]));
    assert_eq!(quantity_of_word(&slot), 0);
}

fn quantity_of_word(word: &Value) -> u64 {
    U256::from_str_radix(word.as_str().unwrap().trim_start_matches("0x"), 16)
        .unwrap()
        .to()
}

#[test]
fn a_block_that_was_made_up_is_the_block_that_comes() {
    let mut net = Devnet::new();
    let parent = net.block();
    let call = |input: &str, nonce: u64| {
        json!({"from": hex(account(0)), "to": hex(COUNTER), "gas": "0x5f5e100", "input": input,
            "nonce": nonce, "maxFeePerGas": BASE_FEE, "maxPriorityFeePerGas": "0x0"})
    };
    let made = simulated(
        &net,
        json!([{"calls": [call("0x", 0), call("0x", 1)]}]),
        json!({"validation": true, "returnFullTransactions": true}),
    );
    net.send(&Draft {
        tip: 0,
        ..calling(COUNTER, [], 0)
    });
    net.send(&Draft {
        tip: 0,
        ..calling(COUNTER, [], 1)
    });
    net.block();
    let block = net.get("eth_getBlockByNumber", &json!(["latest", true]));
    let receipts = net.get("eth_getBlockReceipts", &json!(["latest"]));
    for member in [
        "number",
        "parentHash",
        "timestamp",
        "gasUsed",
        "gasLimit",
        "receiptsRoot",
        "logsBloom",
        "miner",
        "baseFeePerGas",
        "requestsHash",
    ] {
        assert_eq!(made[0][member], block[member], "{member}");
    }
    assert_eq!(made[0]["parentHash"], json!(parent.hash));
    for (nth, receipt) in receipts.as_array().unwrap().iter().enumerate() {
        let call = &made[0]["calls"][nth];
        assert_eq!(call["gasUsed"], receipt["gasUsed"]);
        assert_eq!(call["mega"]["storageGas"], receipt["mega"]["storageGas"]);
        assert_eq!(call["logs"][0]["topics"], receipt["logs"][0]["topics"]);
        assert_eq!(call["logs"][0]["logIndex"], json!(format!("{nth:#x}")));
        assert_eq!(call["logs"][0]["blockHash"], made[0]["hash"]);
        let (shown, real) = (&made[0]["transactions"][nth], &block["transactions"][nth]);
        for member in [
            "type",
            "from",
            "to",
            "nonce",
            "gas",
            "gasPrice",
            "maxFeePerGas",
            "transactionIndex",
        ] {
            assert_eq!(shown[member], real[member], "{member}");
        }
        assert_eq!(call["logs"][0]["transactionHash"], shown["hash"]);
    }
}

#[test]
fn blocks_follow_each_other_and_gaps_are_filled() {
    let mut net = Devnet::new();
    let parent = net.block();
    let blocks = simulated(
        &net,
        json!([
            {"blockOverrides": {"number": "0x4", "time": hex_of(parent.header.timestamp + 100), "gasLimit": "0x3ec",
                "feeRecipient": OTHER, "prevRandao": format!("0x{:064x}", 7), "baseFeePerGas": "0xf"}},
            {},
        ]),
        plain(),
    );
    let of =
        |member: &str| -> Vec<Value> { blocks.iter().map(|block| block[member].clone()).collect() };
    assert_eq!(of("number"), ["0x2", "0x3", "0x4", "0x5"]);
    for (block, next) in blocks.iter().zip(&blocks[1..]) {
        assert_eq!(next["parentHash"], block["hash"]);
        assert!(quantity(&next["timestamp"]) > quantity(&block["timestamp"]));
    }
    let overridden = json!({"timestamp": hex_of(parent.header.timestamp + 100), "gasLimit": "0x3ec", "miner": OTHER,
        "mixHash": format!("0x{:064x}", 7), "baseFeePerGas": "0xf"});
    assert_contains(&blocks[2], &overridden);
    // What is handed on to those that follow, and what is not.
    assert_contains(
        &blocks[3],
        &json!({"gasLimit": "0x3ec", "miner": OTHER, "baseFeePerGas": "0x0"}),
    );
    assert_eq!(
        quantity(&blocks[3]["timestamp"]),
        parent.header.timestamp + 101
    );
}

fn hex_of(number: u64) -> String {
    format!("{number:#x}")
}

#[test]
fn blocks_out_of_order_are_refused() {
    let mut net = Devnet::new();
    let parent = net.block();
    let with = |overrides: Value| json!([{"blockOverrides": overrides}]);
    let time = hex_of(parent.header.timestamp);
    for (blocks, code) in [
        (with(json!({"number": "0x1"})), -38020),
        (
            json!([{"blockOverrides": {"number": "0x5"}}, {"blockOverrides": {"number": "0x5"}}]),
            -38020,
        ),
        (with(json!({"time": time})), -38021),
        (with(json!({"number": "0x102"})), -38026),
        (json!([]), -32602),
        (with(json!({"unlimited": true})), -32602),
    ] {
        assert_eq!(refused(&net, blocks.clone(), plain()).0, code, "{blocks}");
    }
    assert_eq!(
        simulated(&net, with(json!({"number": "0x101"})), plain()).len(),
        256
    );
}

#[test]
fn the_open_block_is_what_a_simulation_takes_the_place_of() {
    let mut net = Devnet::new();
    let parent = net.block();
    net.run(&calling(COUNTER, [], 0));
    let blocks = simulated(
        &net,
        json!([{"calls": [{"from": hex(account(1)), "to": hex(COUNTER)}]}]),
        plain(),
    );
    assert_eq!(
        quantity_of_word(&blocks[0]["calls"][0]["logs"][0]["data"]),
        2
    );
    assert_contains(
        &blocks[0],
        &json!({"number": "0x2", "parentHash": parent.hash}),
    );
}

#[test]
fn what_a_contract_sees_is_the_block_that_was_made_up() {
    let mut net = Devnet::new();
    net.block();
    // BLOCKHASH(NUMBER - 1)
    let code = "0x60014303405f5260205ff3";
    let call = json!({"to": OTHER});
    let blocks = simulated(
        &net,
        json!([
            {"stateOverrides": {OTHER: {"code": code}}, "calls": [call.clone()]},
            {"calls": [call]},
        ]),
        plain(),
    );
    for block in &blocks {
        assert_eq!(block["calls"][0]["returnData"], block["parentHash"]);
    }
    let context = json!([{"blockOverrides": {"number": "0x7", "baseFeePerGas": "0x10"},
        "calls": [{"from": hex(account(0)), "to": hex(CONTEXT), "gasPrice": "0x10"}]}]);
    let made = simulated(&net, context, plain());
    let words = made[5]["calls"][0]["returnData"].as_str().unwrap();
    let seen: Vec<u64> = (1..4)
        .map(|nth| u64::from_str_radix(&words[2 + 64 * nth..][..64], 16).unwrap())
        .collect();
    assert_eq!(seen, [16, 16, 7]);
}

#[test]
fn overrides_last_until_they_are_overridden() {
    let net = Devnet::new();
    let send = json!({"from": POOR, "to": OTHER, "value": "0x3e8"});
    let blocks = json!([
        {"stateOverrides": {POOR: {"balance": "0x7d0"}}, "calls": [send.clone()]},
        {"calls": [send.clone()]},
        {"calls": [send]},
    ]);
    let (code, message) = refused(&net, blocks, plain());
    assert_eq!(code, -38014);
    assert!(message.contains("have 0 want 1000"), "{message}");
}

#[test]
fn a_transaction_is_checked_only_when_that_is_asked_for() {
    let mut net = Devnet::new();
    net.block();
    let rich = hex(account(0));
    let send = |members: Value| {
        let mut call = json!({"from": rich, "to": OTHER, "gas": "0x186a0"});
        call.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        json!([{"calls": [call]}])
    };
    let paying = |nonce: &str| send(json!({"nonce": nonce, "maxFeePerGas": BASE_FEE}));
    for (blocks, code) in [
        (paying("0x1"), -38011),
        (send(json!({})), -38012),
        (
            json!([{"calls": [{"from": POOR, "to": OTHER, "gas": "0x186a0", "maxFeePerGas": BASE_FEE}]}]),
            -38014,
        ),
    ] {
        let checked = refused(&net, blocks.clone(), json!({"validation": true}));
        assert_eq!(checked.0, code, "{blocks} {}", checked.1);
    }
    assert_eq!(
        simulated(&net, paying("0x1"), plain())[0]["calls"][0]["status"],
        "0x1"
    );
    assert_eq!(
        simulated(&net, send(json!({})), plain())[0]["calls"][0]["status"],
        "0x1"
    );
    let blocks = json!([{"stateOverrides": {rich.clone(): {"nonce": "0x5"}},
        "calls": [{"from": rich, "to": OTHER, "gas": "0x186a0", "nonce": "0x0", "maxFeePerGas": BASE_FEE}]}]);
    let (code, message) = refused(&net, blocks, json!({"validation": true}));
    assert_eq!(
        (code, message.contains("tx: 0 state: 5")),
        (-38010, true),
        "{message}"
    );
    // Without a check as well.
    assert_eq!(
        refused(&net, send(json!({"gas": "0x5208"})), plain()).0,
        -38013
    );
    let all = json!([{"blockOverrides": {"gasLimit": "0x186a0"}, "calls": [{"to": OTHER, "gas": "0x186a1"}]}]);
    assert_eq!(refused(&net, all, plain()).0, -38015);
}

#[test]
fn a_call_that_fails_is_a_result() {
    let net = Devnet::new();
    let blocks = simulated(
        &net,
        json!([{"calls": [{"to": hex(REVERT), "input": "0xc0ffee"}, {"to": hex(SPIN), "gas": "0x186a0"}]}]),
        plain(),
    );
    let calls = &blocks[0]["calls"];
    let reverted = json!({"code": 3, "message": "execution reverted", "data": "0xc0ffee"});
    assert_contains(
        &calls[0],
        &json!({"status": "0x0", "returnData": "0x", "error": reverted}),
    );
    let halted = json!({"code": -32015, "message": "vm execution error: out of gas"});
    assert_contains(
        &calls[1],
        &json!({"status": "0x0", "error": halted, "gasUsed": "0x186a0"}),
    );
}

#[test]
fn transfers_of_ether_are_logs_if_that_is_asked_for() {
    let net = Devnet::new();
    // CALL(gas, calldata's first word, CALLVALUE, ...), and reverts if there are two words.
    let forwards = "0x5f5f5f5f345f355af15060203611601257005b5f5ffd";
    let send = |input: String| {
        json!([{"stateOverrides": {OTHER: {"code": forwards}},
            "calls": [{"from": hex(account(0)), "to": OTHER, "value": "0x7", "input": input}]}])
    };
    let logs = |blocks: Value, transfers: bool| {
        simulated(&net, blocks, json!({"traceTransfers": transfers}))[0]["calls"][0]["logs"].clone()
    };
    let one = format!("0x{:064x}", 0x55);
    let shown = logs(send(one.clone()), true);
    let word = |address: &str| format!("0x{:0>64}", &address[2..]);
    let expected = [
        (hex(account(0)), OTHER.to_owned()),
        (OTHER.to_owned(), hex(Address::with_last_byte(0x55))),
    ];
    assert_eq!(shown.as_array().unwrap().len(), expected.len());
    for (nth, (from, to)) in expected.iter().enumerate() {
        assert_eq!(shown[nth]["address"], ETHER);
        assert_eq!(shown[nth]["topics"][1], word(from));
        assert_eq!(shown[nth]["topics"][2], word(to));
        assert_eq!(quantity_of_word(&shown[nth]["data"]), 7);
        assert_eq!(shown[nth]["logIndex"], hex_of(nth as u64));
    }
    assert_eq!(logs(send(one.clone()), false), json!([]));
    let two = format!("{one}{}", "0".repeat(64));
    assert_eq!(logs(send(two), true), json!([]));
    // Of a creation, to what was created; a contract's own logs among them.
    let create = json!([{"calls": [{"from": hex(account(0)), "value": "0x1"}, {"from": hex(account(0)), "to": hex(COUNTER)}]}]);
    let blocks = simulated(&net, create, json!({"traceTransfers": true}));
    let created = account(0).create(0);
    assert_eq!(
        blocks[0]["calls"][0]["logs"][0]["topics"][2],
        word(&hex(created))
    );
    assert_eq!(blocks[0]["calls"][1]["logs"][0]["address"], hex(COUNTER));
    assert_eq!(blocks[0]["calls"][1]["logs"][0]["logIndex"], "0x1");
    // The bloom knows the contract's alone.
    let without = json!([{"calls": [{"from": hex(account(0)), "to": OTHER, "value": "0x1"}]}]);
    let blocks = simulated(&net, without, json!({"traceTransfers": true}));
    assert_eq!(blocks[0]["logsBloom"], format!("0x{}", "00".repeat(256)));
}

#[test]
fn precompiles_move_for_one_block() {
    let net = Devnet::new();
    let identity = format!("0x{:040x}", 4);
    let moved = json!({identity.clone(): {"movePrecompileToAddress": OTHER, "code": "0x"}});
    let call = json!({"to": OTHER, "input": "0xc0ffee"});
    let blocks = simulated(
        &net,
        json!([{"stateOverrides": moved, "calls": [call.clone()]}, {"calls": [call]}]),
        plain(),
    );
    assert_eq!(blocks[0]["calls"][0]["returnData"], "0xc0ffee");
    assert_eq!(blocks[1]["calls"][0]["returnData"], "0x");
    let to = |to: &str| json!({"movePrecompileToAddress": to});
    let sha = format!("0x{:040x}", 2);
    for (state, code) in [
        (json!({identity.clone(): to(&identity)}), -38022),
        (json!({identity: to(OTHER), sha: to(OTHER)}), -38023),
        (json!({POOR: to(OTHER)}), -32602),
    ] {
        assert_eq!(
            refused(&net, json!([{"stateOverrides": state}]), plain()).0,
            code,
            "{state}"
        );
    }
}

#[test]
fn all_calls_together_use_no_more_gas_than_a_block_has() {
    let net = Devnet::with("rex6", |config| config.gas_limit = 1_000_000);
    let burn = json!({"to": hex(SPIN), "gas": "0xf4240"});
    let (code, message) = refused(
        &net,
        json!([{"calls": [burn.clone()]}, {"calls": [burn]}]),
        plain(),
    );
    assert_eq!(code, -38026, "{message}");
}

#[test]
fn every_type_of_transaction_is_shown_as_what_it_is() {
    let net = Devnet::new();
    let list = json!([{"address": OTHER, "storageKeys": []}]);
    let authorization = json!([{"chainId": "0x0", "address": hex(ECHO), "nonce": "0x0", "yParity": "0x0",
        "r": format!("0x{:x}", 1), "s": format!("0x{:x}", 1)}]);
    let calls = json!([
        {"to": OTHER, "gasPrice": "0x0"},
        {"to": OTHER, "gasPrice": "0x0", "accessList": list},
        {"to": OTHER},
        {"to": OTHER, "authorizationList": authorization},
    ]);
    let blocks = simulated(
        &net,
        json!([{"calls": calls}]),
        json!({"returnFullTransactions": true}),
    );
    let transactions = blocks[0]["transactions"].as_array().unwrap();
    let types: Vec<&Value> = transactions.iter().map(|each| &each["type"]).collect();
    assert_eq!(types, ["0x0", "0x1", "0x2", "0x4"]);
    let nonces: Vec<&Value> = transactions.iter().map(|each| &each["nonce"]).collect();
    assert_eq!(nonces, ["0x0", "0x1", "0x2", "0x3"]);
    assert_eq!(
        transactions[3]["authorizationList"][0]["address"],
        hex(ECHO)
    );
}
