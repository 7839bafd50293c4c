//! What the reading methods answer, on a small chain.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{Revert, SolError};
use serde_json::{Value, json};

use super::testing::*;
use super::{Kind, methods};
use crate::builder::testing::{Draft, account, key, sign};
use crate::chain::OpenBlock;

fn hex(address: Address) -> String {
    format!("{address:#x}")
}

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

// --- tags -----------------------------------------------------------------------------------------

#[test]
fn latest_is_the_newest_mini_block_and_a_number_is_a_sealed_block() {
    let mut net = Devnet::new();
    let receiver = Address::repeat_byte(0x77);
    let give = |nonce| Draft {
        to: receiver.into(),
        value: 5,
        nonce,
        ..Draft::default()
    };
    net.run(&give(0));
    net.block();
    net.run(&give(1));
    let balance = |tag: &str| net.get("eth_getBalance", &json!([hex(receiver), tag]));
    assert_eq!(balance("latest"), "0xa");
    assert_eq!(balance("pending"), "0xa");
    assert_eq!(balance("0x1"), "0x5");
    assert_eq!(balance("safe"), "0x5");
    assert_eq!(balance("finalized"), "0x5");
    assert_eq!(balance("earliest"), "0x0");
    assert_eq!(net.get("eth_getBalance", &json!([hex(receiver)])), "0xa");
    assert_eq!(net.get("eth_blockNumber", &json!([])), "0x1");
}

#[test]
fn the_open_blocks_number_stands_for_the_state_of_its_newest_mini_block() {
    let mut net = Devnet::new();
    net.block();
    let receipt = |net: &Devnet, hash: B256| {
        net.get("eth_getTransactionReceipt", &json!([hash]))["blockNumber"].clone()
    };
    let hash = net.send(&calling(COUNTER, [], 0));
    net.mini();
    let number = receipt(&net, hash);
    assert_eq!(number, "0x2");
    let count =
        |net: &Devnet| net.get("eth_getTransactionCount", &json!([hex(account(0)), number]));
    let slot = |net: &Devnet| net.get("eth_getStorageAt", &json!([hex(COUNTER), "0x0", number]));
    let block = |net: &Devnet, id: Value| {
        let call = json!([{"to": hex(CONTEXT)}, id]);
        let output = net.get("eth_call", &call);
        output
            .as_str()
            .map(|output| output[2 + 3 * 64..].to_owned())
    };
    assert_eq!(count(&net), "0x1");
    assert!(slot(&net).as_str().is_some_and(|slot| slot.ends_with('1')));
    assert_eq!(block(&net, number.clone()), block(&net, json!("latest")));
    assert_eq!(
        block(&net, json!({"blockNumber": number})),
        block(&net, json!("latest"))
    );
    net.run(&calling(COUNTER, [], 1));
    assert_eq!(count(&net), "0x2");
    let open = block(&net, number.clone());
    net.block();
    assert_eq!(
        (count(&net), block(&net, number.clone())),
        (json!("0x2"), open)
    );
    net.run(&calling(COUNTER, [], 2));
    assert_eq!(count(&net), "0x2", "sealed, it stays what it was");
}

#[test]
fn an_open_block_that_is_served_is_found_by_all_that_names_it() {
    let mut net = Devnet::with("rex6", |config| config.open_block = OpenBlock::Served);
    net.block();
    let hash = net.send(&calling(COUNTER, [], 0));
    net.mini();
    let receipt = net.get("eth_getTransactionReceipt", &json!([hash]));
    let [number, unsealed] = ["blockNumber", "blockHash"].map(|name| receipt[name].clone());
    let block = net.get("eth_getBlockByNumber", &json!([number, false]));
    assert_eq!(block["transactions"], json!([hash]));
    assert_eq!((&block["number"], &block["hash"]), (&number, &unsealed));
    let gas = |value: &Value| value["gasUsed"].clone();
    assert_eq!(gas(&block), gas(&receipt));
    assert_eq!(block["logsBloom"], receipt["logsBloom"]);
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["pending", false])),
        ("eth_getBlockByHash", json!([unsealed, false])),
    ] {
        assert_eq!(net.get(method, &params), block, "{method}");
    }
    let parent = net.get("eth_getBlockByNumber", &json!(["0x1", false]));
    assert_eq!(block["parentHash"], parent["hash"]);
    assert_eq!(
        net.get("eth_getBlockReceipts", &json!([number])),
        json!([receipt])
    );
    let count = net.get("eth_getBlockTransactionCountByHash", &json!([unsealed]));
    assert_eq!(count, "0x1");
    let logs = net.get("eth_getLogs", &json!([{"blockHash": unsealed}]));
    assert_eq!(logs, receipt["logs"]);
    assert_eq!(
        net.get("eth_getBlockByNumber", &json!(["latest", false])),
        parent
    );
    assert_eq!(
        net.get("eth_getBlockByNumber", &json!(["0x3", false])),
        Value::Null
    );
    let sealed = net.block();
    let block = net.get("eth_getBlockByNumber", &json!([number, false]));
    assert_eq!(block["hash"], json!(sealed.hash));
    assert_eq!(
        net.get("eth_getBlockByNumber", &json!(["pending", false])),
        Value::Null
    );
}

#[test]
fn a_block_of_which_nothing_is_there_has_no_state() {
    let mut net = Devnet::new();
    net.run(&Draft::default());
    let (code, message) = net.refusal("eth_getBalance", &json!([hex(account(0)), "0x2"]));
    assert_eq!(
        (code, message.as_str()),
        (-32001, "header not found: block 2")
    );
    assert_eq!(
        net.get("eth_getBlockByNumber", &json!(["0x1", false])),
        Value::Null
    );
    assert_eq!(
        net.get("eth_getBlockByNumber", &json!(["pending", false])),
        Value::Null
    );
    assert_eq!(
        net.get("eth_getBlockByNumber", &json!(["latest", false]))["number"],
        "0x0"
    );
}

#[test]
fn what_is_not_durable_is_not_visible() {
    let mut net = Devnet::new();
    let hash = net.send(&Draft {
        value: 1,
        ..Draft::default()
    });
    assert_eq!(
        net.get("eth_getTransactionReceipt", &json!([hash])),
        Value::Null
    );
    assert_eq!(
        net.get(
            "eth_getTransactionCount",
            &json!([hex(account(0)), "latest"])
        ),
        "0x0"
    );
    net.mini();
    assert_eq!(
        net.get("eth_getTransactionReceipt", &json!([hash]))["status"],
        "0x1"
    );
    assert_eq!(
        net.get(
            "eth_getTransactionCount",
            &json!([hex(account(0)), "latest"])
        ),
        "0x1"
    );
}

// --- accounts -------------------------------------------------------------------------------------

#[test]
fn code_and_storage_are_read_at_any_block() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    net.block();
    net.run(&calling(COUNTER, [], 1));
    let slot = |tag: &str| net.get("eth_getStorageAt", &json!([hex(COUNTER), "0x0", tag]));
    assert_eq!(slot("latest"), format!("{:#066x}", 2));
    assert_eq!(slot("0x1"), format!("{:#066x}", 1));
    let code = net.get("eth_getCode", &json!([hex(COUNTER), "latest"]));
    assert_eq!(code, "0x5f54600101805f555f52600160205fa100");
    let hash = keccak256(alloy_primitives::hex::decode(code.as_str().unwrap()).unwrap());
    assert_eq!(net.get("eth_getCodeByHash", &json!([hash])), code);
    assert_eq!(
        net.get("eth_getCodeByHash", &json!([B256::repeat_byte(1)])),
        Value::Null
    );
}

#[test]
fn parameters_are_refused_with_their_position_and_fault() {
    let net = Devnet::new();
    let refusals = [
        (
            "eth_getBalance",
            json!([]),
            "missing value for required argument 0",
        ),
        (
            "eth_getBalance",
            json!(["0x12", "latest"]),
            "invalid argument 0: hex string has length 2, want 40 for common.Address",
        ),
        (
            "eth_getBalance",
            json!([hex(ECHO), "newest"]),
            "invalid argument 1: hex string without 0x prefix: expected a block number, hash or tag, got \"newest\"",
        ),
        (
            "eth_getBalance",
            json!([hex(ECHO), "latest", 1]),
            "too many arguments, want at most 2",
        ),
        (
            "eth_getBlockByNumber",
            json!(["latest", "yes"]),
            "invalid argument 1: expected true or false, got \"yes\"",
        ),
        ("eth_chainId", json!({"a": 1}), "non-array args"),
    ];
    for (method, params, message) in refusals {
        assert_eq!(
            net.refusal(method, &params),
            (-32602, message.to_owned()),
            "{method}"
        );
    }
}

// --- blocks, transactions, receipts ---------------------------------------------------------------

#[test]
fn a_header_is_what_alloy_would_write() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    let record = net.block();
    let shown = net.get("eth_getBlockByNumber", &json!(["0x1", false]));
    assert_contains(&shown, &serde_json::to_value(&record.header).unwrap());
    assert_eq!(shown["hash"], json!(record.hash));
    assert_eq!(shown["miniBlockCount"], "0x2");
    assert_eq!(shown["miniBlockOffset"], "0x0");
    assert_eq!(
        net.get("eth_getBlockByHash", &json!([record.hash, false])),
        shown
    );
    let header = net.get("eth_getHeaderByNumber", &json!(["latest"]));
    assert_contains(&shown, &header);
    assert_eq!(
        net.get("eth_getHeaderByHash", &json!([record.hash])),
        header
    );
}

#[test]
fn a_transaction_is_what_alloy_would_write() {
    let mut net = Devnet::new();
    let draft = Draft {
        tip: 7,
        value: 9,
        ..calling(ECHO, [1, 2], 0)
    };
    let envelope = sign(&net.node.chain, &draft).envelope;
    let hash = net.send(&draft);
    net.mini();
    let open = net.get("eth_getTransactionByHash", &json!([hash]));
    assert_eq!(open["blockHash"], format!("0x{}", "ff".repeat(32)));
    let record = net.block();
    let shown = net.get("eth_getTransactionByHash", &json!([hash]));
    assert_contains(&shown, &serde_json::to_value(&envelope).unwrap());
    assert_eq!(shown["from"], json!(account(0)));
    assert_eq!(shown["blockHash"], json!(record.hash));
    assert_eq!(shown["gasPrice"], format!("{:#x}", 1_000_000 + 7));
    let by_number = json!(["0x1", "0x0"]);
    assert_eq!(
        net.get("eth_getTransactionByBlockNumberAndIndex", &by_number),
        shown
    );
    let by_hash = json!([record.hash, "0x0"]);
    assert_eq!(
        net.get("eth_getTransactionByBlockHashAndIndex", &by_hash),
        shown
    );
    assert_eq!(
        net.get(
            "eth_getTransactionByBlockNumberAndIndex",
            &json!(["0x1", "0x1"])
        ),
        Value::Null
    );
    let full = net.get("eth_getBlockByNumber", &json!(["0x1", true]));
    assert_eq!(full["transactions"], json!([shown]));
    let raw = net.get("eth_getRawTransactionByHash", &json!([hash]));
    let bytes = alloy_primitives::hex::decode(raw.as_str().unwrap()).unwrap();
    assert_eq!(keccak256(bytes), hash);
}

#[test]
fn a_pending_transaction_is_found_in_the_pool() {
    let net = Devnet::new();
    let draft = Draft::default();
    let tx = sign(&net.node.chain, &draft);
    let pooled = crate::pool::PoolTx {
        cost: U256::ZERO,
        tip: 0,
        nonce: 0,
        da_size: 100,
        intrinsic_gas: 0,
        authorizations: Vec::new(),
        envelope: tx.envelope.clone(),
        raw: tx.raw.clone(),
        hash: tx.hash,
        sender: tx.sender,
    };
    assert!(net.node.pool.admit([pooled])[0].is_ok());
    let shown = net.get("eth_getTransactionByHash", &json!([tx.hash]));
    assert_eq!(
        (&shown["blockHash"], &shown["blockNumber"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(shown["hash"], json!(tx.hash));
    assert_eq!(
        net.get("eth_getTransactionReceipt", &json!([tx.hash])),
        Value::Null
    );
    let count = |tag: &str| net.get("eth_getTransactionCount", &json!([tx.sender, tag]));
    assert_eq!(
        (count("pending"), count("latest")),
        (json!("0x1"), json!("0x0"))
    );
}

#[test]
fn receipts_count_through_the_block_across_mini_blocks() {
    let mut net = Devnet::new();
    net.send(&calling(COUNTER, [], 0));
    net.send(&calling(COUNTER, [], 1));
    net.mini();
    net.mini();
    let last = net.send(&calling(COUNTER, [], 2));
    net.mini();
    let early = net.get("eth_getTransactionReceipt", &json!([last]));
    let record = net.block();
    let receipts = net.get("eth_getBlockReceipts", &json!(["0x1"]));
    let receipts = receipts.as_array().unwrap();
    let mut gas = 0;
    for (nth, receipt) in receipts.iter().enumerate() {
        gas += quantity(&receipt["gasUsed"]);
        assert_eq!(quantity(&receipt["cumulativeGasUsed"]), gas);
        assert_eq!(quantity(&receipt["transactionIndex"]), nth as u64);
        assert_eq!(quantity(&receipt["logs"][0]["logIndex"]), nth as u64);
        assert_eq!(receipt["blockHash"], json!(record.hash));
        assert_eq!(receipt["to"], json!(COUNTER));
        assert_eq!(receipt["contractAddress"], Value::Null);
    }
    assert_eq!(gas, record.header.gas_used);

    // A receipt handed out before the block was sealed differs in nothing but the hash.
    let mut sealed = receipts[2].clone();
    assert_eq!(early["blockHash"], format!("0x{}", "ff".repeat(32)));
    sealed["blockHash"] = early["blockHash"].clone();
    sealed["logs"][0]["blockHash"] = early["blockHash"].clone();
    assert_eq!(sealed, early);
    assert_eq!(early["mega"]["miniBlock"], "0x2");
}

#[test]
fn a_receipt_tells_what_each_dimension_took() {
    let mut net = Devnet::new();
    let receipt = |net: &Devnet, hash| net.get("eth_getTransactionReceipt", &json!([hash]));
    // The first transaction of all brings the fee vaults into being, which counts too.
    net.run(&Draft {
        nonce: 0,
        ..Draft::default()
    });
    let hash = net.send(&calling(WRITER, word(3), 1));
    net.mini();
    let mega = receipt(&net, hash)["mega"].clone();
    assert_eq!(
        (&mega["stateGrowth"], &mega["detained"]),
        (&json!("0x3"), &json!(false))
    );
    assert_eq!(mega["haltReason"], Value::Null);
    assert_eq!(
        net.get("mega_txUsage", &json!([hash]))["stateGrowth"],
        "0x3"
    );

    let hash = net.send(&calling(DETAINED, [], 2));
    net.mini();
    let halted = receipt(&net, hash);
    assert_eq!(
        (&halted["status"], &halted["mega"]["detained"]),
        (&json!("0x0"), &json!(true))
    );
    let reason = &halted["mega"]["haltReason"];
    assert_eq!(reason["kind"], "VolatileDataAccessOutOfGas");
    assert_eq!(reason["accesses"], json!(["BLOCK_NUMBER"]));
    assert!(quantity(&reason["actual"]) > quantity(&reason["limit"]));
    assert!(
        quantity(&halted["gasUsed"]) < 100_000_000,
        "what is left is given back"
    );

    let reason = Revert {
        reason: "no".into(),
    }
    .abi_encode();
    let hash = net.send(&calling(REVERT, reason.clone(), 3));
    net.mini();
    let reverted = receipt(&net, hash);
    assert_eq!(
        reverted["mega"]["output"],
        alloy_primitives::hex::encode_prefixed(reason)
    );
}

#[test]
fn a_creation_shows_its_address_even_if_it_failed() {
    let mut net = Devnet::new();
    let create = |nonce, input: &[u8]| Draft {
        to: alloy_primitives::TxKind::Create,
        input: input.to_vec().into(),
        nonce,
        ..Draft::default()
    };
    let made = net.send(&create(0, &alloy_primitives::hex!("60fe60005360016000f3")));
    let failed = net.send(&create(1, &alloy_primitives::hex!("5f5ffd")));
    net.mini();
    for (nonce, hash, status) in [(0, made, "0x1"), (1, failed, "0x0")] {
        let receipt = net.get("eth_getTransactionReceipt", &json!([hash]));
        assert_eq!(receipt["contractAddress"], json!(account(0).create(nonce)));
        assert_eq!(
            (&receipt["to"], &receipt["status"]),
            (&Value::Null, &json!(status))
        );
    }
}

// --- logs -----------------------------------------------------------------------------------------

#[test]
fn logs_are_found_by_range_address_and_topic() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    let first = net.block();
    net.run(&calling(ECHO, [], 1));
    net.block();
    net.run(&calling(COUNTER, [], 2));
    net.send(&calling(COUNTER, [], 3));
    net.mini();
    let find = |filter: Value| {
        net.get("eth_getLogs", &json!([filter]))
            .as_array()
            .unwrap()
            .len()
    };
    let topic = B256::from(U256::from(1));
    assert_eq!(find(json!({"fromBlock": "earliest", "toBlock": "safe"})), 1);
    assert_eq!(
        find(json!({"fromBlock": "earliest"})),
        3,
        "latest is the open block"
    );
    assert_eq!(
        find(json!({"fromBlock": "earliest", "toBlock": "pending"})),
        3
    );
    assert_eq!(
        find(json!({"fromBlock": "0x3"})),
        2,
        "a receipt's block number"
    );
    assert_eq!(
        find(json!({"fromBlock": "0x3", "toBlock": "0x3"})),
        2,
        "the open block"
    );
    assert_eq!(find(json!({"fromBlock": "0x2", "toBlock": "0x2"})), 0);
    assert_eq!(
        find(json!({"blockHash": first.hash, "address": hex(COUNTER)})),
        1
    );
    assert_eq!(
        find(json!({"blockHash": first.hash, "address": [hex(ECHO)]})),
        0
    );
    assert_eq!(
        find(json!({"blockHash": first.hash, "topics": [[topic]]})),
        1
    );
    assert_eq!(
        find(json!({"blockHash": first.hash, "topics": [null, topic]})),
        0
    );
    let logs = net.get(
        "eth_getLogs",
        &json!([{"fromBlock": "0x3", "toBlock": "pending"}]),
    );
    assert_eq!(logs[1]["logIndex"], "0x1");
    assert_eq!(logs[1]["blockHash"], format!("0x{}", "ff".repeat(32)));
}

#[test]
fn only_a_search_through_a_newest_block_with_little_in_it_is_brief() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    net.block();
    let brief = |net: &Devnet, filter: Value| match methods::find("eth_getLogs").unwrap().kind {
        Kind::Judged(judge, _) => judge(&net.node, &json!([filter]).to_string()),
        other => panic!("{other:?}"),
    };
    assert!(brief(&net, json!({})), "sealed, and the newest");
    net.run(&calling(COUNTER, [], 1));
    assert!(brief(
        &net,
        json!({"fromBlock": "latest", "address": hex(ECHO)})
    ));
    assert!(brief(
        &net,
        json!({"fromBlock": "0x2", "toBlock": "pending"})
    ));
    for filter in [
        json!({"fromBlock": "earliest"}),
        json!({"fromBlock": "0x1", "toBlock": "0x1"}),
        json!({"fromBlock": "0x9"}),
        json!({"blockHash": B256::repeat_byte(9)}),
        json!("nonsense"),
    ] {
        assert!(!brief(&net, filter.clone()), "{filter}");
    }
    for nonce in 2..258 {
        net.send(&Draft {
            nonce,
            ..Draft::default()
        });
    }
    net.mini();
    assert!(!brief(&net, json!({})), "more than a few transactions");
}

#[test]
fn impossible_log_ranges_are_refused() {
    let mut net = Devnet::new();
    net.block();
    let unknown = json!([{"blockHash": B256::repeat_byte(9)}]);
    assert_eq!(
        net.refusal("eth_getLogs", &unknown),
        (-32000, "unknown block".to_owned())
    );
    let backwards = net.refusal(
        "eth_getLogs",
        &json!([{"fromBlock": "0x1", "toBlock": "0x0"}]),
    );
    assert_eq!(backwards.0, -32602);
    let future = net.refusal(
        "eth_getLogs",
        &json!([{"fromBlock": "0x9", "toBlock": "0x9"}]),
    );
    let beyond = (
        -32602,
        "block range extends beyond current head block".to_owned(),
    );
    assert_eq!(future, beyond);
    for method in ["eth_getLogs", "eth_getLogsWithCursor"] {
        for (from, to) in [
            ("0x1", "0x2"),
            ("0x0", "0xffffffffffffffff"),
            ("latest", "0x2"),
        ] {
            let range = json!([{"fromBlock": from, "toBlock": to}]);
            assert_eq!(net.refusal(method, &range), beyond, "{method} {from} {to}");
        }
    }
    net.mini();
    net.get(
        "eth_getLogs",
        &json!([{"fromBlock": "0x1", "toBlock": "0x2"}]),
    );
}

#[test]
fn a_cursor_goes_on_where_it_points() {
    let mut net = Devnet::new();
    net.send(&calling(COUNTER, [], 0));
    net.send(&calling(COUNTER, [], 1));
    net.block();
    let all = net.get("eth_getLogsWithCursor", &json!([{"fromBlock": "0x0"}]));
    assert_eq!(all["logs"].as_array().unwrap().len(), 2);
    assert_eq!(all.get("cursor"), None, "complete");
    let rest = json!([{"fromBlock": "0x0", "cursor": "0x0000000100000001"}]);
    let rest = net.get("eth_getLogsWithCursor", &rest);
    assert_eq!(rest["logs"], json!([all["logs"][1]]));
}

#[test]
fn a_subscription_sees_the_logs_of_one_mini_block() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    let mini = net.run(&calling(COUNTER, [], 1));
    let logs = net.node.logs_json("{}", &mini).unwrap();
    let log: Value = serde_json::from_slice(&logs[0]).unwrap();
    assert_eq!((logs.len(), &log["logIndex"]), (1, &json!("0x1")));
    let other = json!({"address": hex(ECHO)}).to_string();
    assert!(net.node.logs_json(&other, &mini).unwrap().is_empty());
}

// --- calls ----------------------------------------------------------------------------------------

#[test]
fn a_call_returns_what_the_contract_returns_and_changes_nothing() {
    let mut net = Devnet::new();
    net.mini();
    let call = json!([{"to": hex(ECHO), "input": "0xc0ffee"}, "latest"]);
    assert_eq!(net.get("eth_call", &call), "0xc0ffee");
    let before = net.get("eth_getStorageAt", &json!([hex(COUNTER), "0x0"]));
    net.get("eth_call", &json!([{"to": hex(COUNTER)}]));
    assert_eq!(
        net.get("eth_getStorageAt", &json!([hex(COUNTER), "0x0"])),
        before
    );
}

#[test]
fn a_call_that_pays_nothing_sees_no_prices_and_needs_no_funds() {
    let mut net = Devnet::new();
    net.block();
    net.mini();
    let words = |value: Value| -> Vec<U256> {
        let bytes = alloy_primitives::hex::decode(value.as_str().unwrap()).unwrap();
        bytes.chunks(32).map(U256::from_be_slice).collect()
    };
    let from = Address::repeat_byte(0x55);
    let free = words(net.get(
        "eth_call",
        &json!([{"from": hex(from), "to": hex(CONTEXT)}]),
    ));
    let sender = U256::from_be_bytes(from.into_word().0);
    assert_eq!(free, [sender, U256::ZERO, U256::ZERO, U256::from(2)]);
    let price = "0xf4240";
    let paying = json!([{"from": hex(account(0)), "to": hex(CONTEXT), "gasPrice": price}]);
    let paid = words(net.get("eth_call", &paying));
    assert_eq!(paid[1..3], [U256::from(1_000_000), U256::from(1_000_000)]);
    let sealed = words(net.get("eth_call", &json!([{"to": hex(CONTEXT)}, "0x1"])));
    assert_eq!(sealed[3], U256::from(1));
}

#[test]
fn a_contract_may_call_too() {
    let net = Devnet::new();
    let call = json!([{"from": hex(COUNTER), "to": hex(ECHO), "data": "0x01"}]);
    assert_eq!(net.get("eth_call", &call), "0x01");
}

#[test]
fn a_revert_carries_its_data_and_reason() {
    let net = Devnet::new();
    let data = alloy_primitives::hex::encode_prefixed(
        Revert {
            reason: "no".into(),
        }
        .abi_encode(),
    );
    let call = json!([{"to": hex(REVERT), "input": data}]);
    for method in ["eth_call", "eth_estimateGas"] {
        let error = net.ask(method, &call).unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (3, "execution reverted: no")
        );
        assert_eq!(error.data, Some(json!(data).to_string().into_bytes()));
        let mega: Value = serde_json::from_slice(&error.mega.unwrap()).unwrap();
        assert!(quantity(&mega["computeGas"]) > 21_000);
    }
}

#[test]
fn a_megaeth_halt_says_its_numbers() {
    let net = Devnet::new();
    let error = net
        .ask("eth_call", &json!([{"to": hex(DETAINED)}]))
        .unwrap_err();
    assert_eq!(error.code, -32000);
    assert!(
        error.message.starts_with("gas detention: "),
        "{}",
        error.message
    );
    assert!(
        error.message.ends_with("after reading BLOCK_NUMBER"),
        "{}",
        error.message
    );
    let data: Value = serde_json::from_slice(&error.data.unwrap()).unwrap();
    assert_eq!(data["mega"]["detained"], json!(true));
    // Since Rex4 the limit is the frame's first, which reverts.
    let error = net
        .ask("eth_estimateGas", &json!([{"to": hex(SPIN)}]))
        .unwrap_err();
    assert!(
        error.message.starts_with(
            "execution reverted: MegaLimitExceeded: the frame's compute gas limit of "
        ),
        "{}",
        error.message
    );
    let older = Devnet::with("rex3", |_| {});
    let error = older
        .ask("eth_estimateGas", &json!([{"to": hex(SPIN)}]))
        .unwrap_err();
    assert!(
        error.message.starts_with("compute gas limit exceeded: "),
        "{}",
        error.message
    );
    let out_of_gas = net.refusal("eth_call", &json!([{"to": hex(SPIN), "gas": "0x186a0"}]));
    assert_eq!(out_of_gas, (-32000, "out of gas".to_owned()));
}

#[test]
fn calls_that_cannot_start_are_refused_in_geths_words() {
    let net = Devnet::new();
    let poor = hex(Address::repeat_byte(0x55));
    let refusals = [
        (
            json!({"from": poor, "to": hex(ECHO), "value": "0x1"}),
            -32003,
            "insufficient funds for gas * price + value: address 0x5555555555555555555555555555555555555555 have 0 want 1",
        ),
        (
            json!({"from": hex(account(0)), "to": hex(ECHO), "gasPrice": "0x1"}),
            -32000,
            &format!(
                "max fee per gas less than block base fee: address {}, maxFeePerGas: 1, baseFee: 1000000",
                hex(account(0))
            ),
        ),
        (
            json!({"from": hex(account(0)), "to": hex(ECHO), "maxFeePerGas": "0xf4240", "maxPriorityFeePerGas": "0xf4241"}),
            -32000,
            &format!(
                "max priority fee per gas higher than max fee per gas: address {}, maxPriorityFeePerGas: 1000001, maxFeePerGas: 1000000",
                hex(account(0))
            ),
        ),
    ];
    for (call, code, message) in refusals {
        assert_eq!(
            net.refusal("eth_call", &json!([call])),
            (code, message.to_owned())
        );
    }
}

#[test]
fn overrides_change_what_a_call_sees() {
    let net = Devnet::new();
    let fresh = hex(Address::repeat_byte(0x99));
    let code = "0x5f545f5260205ff3"; // returns slot 0
    let with = |account: Value| {
        let overrides = json!({ fresh.clone(): account });
        net.get("eth_call", &json!([{"to": fresh}, "latest", overrides]))
    };
    let one = format!("{:#066x}", 1);
    let slots = json!({ format!("{:#066x}", 0): one });
    assert_eq!(with(json!({"code": code, "state": slots})), json!(one));
    assert_eq!(with(json!({"code": code, "stateDiff": slots})), json!(one));
    assert_eq!(with(json!({"code": code})), format!("{:#066x}", 0));
    let both = json!({ fresh.clone(): {"state": slots, "stateDiff": slots} });
    let (code, message) = net.refusal("eth_call", &json!([{"to": fresh}, "latest", both]));
    assert_eq!(code, -32602);
    assert!(message.contains("has both 'state' and 'stateDiff'"));

    let rich = json!({ fresh.clone(): {"balance": "0x5"} });
    let spend = json!({"from": fresh, "to": hex(ECHO), "value": "0x5"});
    assert_eq!(net.get("eth_call", &json!([spend, "latest", rich])), "0x");

    let block = json!({"number": "0x1234", "baseFeePerGas": "0x7"});
    let seen = net.get(
        "eth_call",
        &json!([{"to": hex(CONTEXT)}, "latest", {}, block]),
    );
    assert!(
        seen.as_str()
            .unwrap()
            .ends_with(&format!("{:064x}{:064x}", 7, 0x1234))
    );
}

#[test]
fn a_call_without_limits_computes_beyond_them() {
    let net = Devnet::new();
    let loops = hex(Address::repeat_byte(0x99));
    // Counts 8,000,000 down to zero for 26 gas each: beyond 200,000,000 compute gas.
    let overrides = json!({ loops.clone(): {"code": "0x63007a12005b600190038060055700"} });
    let call = |block: Value| json!([{"to": loops}, "latest", overrides, block]);
    let (_, message) = net.refusal("eth_call", &call(json!({})));
    assert!(message.contains("compute gas"), "{message}");
    assert_eq!(net.get("eth_call", &call(json!({"unlimited": true}))), "0x");
    let (code, _) = net.refusal("eth_call", &call(json!({"unlimited": 1})));
    assert_eq!(code, -32602);
}

#[test]
fn a_precompile_can_move() {
    let net = Devnet::new();
    let identity = "0x0000000000000000000000000000000000000004";
    let elsewhere = hex(Address::repeat_byte(0x44));
    let overrides = json!({ identity: {"movePrecompileToAddress": elsewhere} });
    let call = |to: &str| {
        net.get(
            "eth_call",
            &json!([{"to": to, "input": "0xabcd"}, "latest", overrides]),
        )
    };
    assert_eq!(call(&elsewhere), "0xabcd");
    assert_eq!(call(identity), "0x");
    let wrong = json!({ hex(ECHO): {"movePrecompileToAddress": elsewhere} });
    let (code, message) = net.refusal("eth_call", &json!([{"to": elsewhere}, "latest", wrong]));
    assert_eq!(
        (code, message),
        (-32602, format!("account {} is not a precompile", hex(ECHO)))
    );
}

#[test]
fn each_of_many_calls_sees_those_before_it() {
    let net = Devnet::new();
    let read = json!({"to": hex(COUNTER)});
    let bundle = json!([{"transactions": [read, read, {"to": hex(REVERT), "data": "0x01"}]}]);
    let overrides = json!({ hex(COUNTER): {"code": "0x5f54600101805f555f5260205ff3"} });
    let results = net.get(
        "eth_callMany",
        &json!([bundle, {"blockNumber": "latest"}, overrides]),
    );
    assert_eq!(results[0][0]["value"], format!("{:#066x}", 1));
    assert_eq!(results[0][1]["value"], format!("{:#066x}", 2));
    assert_eq!(
        results[0][2],
        json!({"error": "execution reverted", "data": "0x01"})
    );
}

#[test]
fn an_access_list_names_what_is_touched_and_costs_what_it_says() {
    let net = Devnet::new();
    let call =
        json!({"from": hex(account(0)), "to": hex(forwarder(1)), "input": format!("{:#066x}", 2)});
    let found = net.get("eth_createAccessList", &json!([call]));
    let list = found["accessList"].as_array().unwrap();
    assert_eq!(list.len(), 1, "{found}");
    assert_eq!(list[0]["address"], hex(WRITER));
    assert_eq!(list[0]["storageKeys"].as_array().unwrap().len(), 2);
    assert_eq!(found.get("error"), None);
    let failing = json!({"to": hex(REVERT), "input": "0x01"});
    let failed = net.get("eth_createAccessList", &json!([failing]));
    assert_eq!(failed["error"], "execution reverted");
}

// --- estimates ------------------------------------------------------------------------------------

#[test]
fn plain_transfers_and_deployments_are_estimated_exactly() {
    let net = Devnet::new();
    let transfer = json!([{"from": hex(account(0)), "to": hex(account(1)), "value": "0x1"}]);
    assert_eq!(
        net.get("eth_estimateGas", &transfer),
        format!("{:#x}", 60_000)
    );
    let create = json!([{"from": hex(account(0)), "input": "0x60fe60005360016000f3"}]);
    assert_eq!(
        net.get("eth_estimateGas", &create),
        format!("{:#x}", 103_716)
    );
}

#[test]
fn an_estimate_is_refused_when_no_gas_is_enough() {
    let net = Devnet::new();
    let capped =
        json!([{"from": hex(account(0)), "to": hex(WRITER), "input": word(3), "gas": "0xea61"}]);
    let (code, message) = net.refusal("eth_estimateGas", &capped);
    assert_eq!(
        (code, message.as_str()),
        (-32000, "gas required exceeds allowance (60001)")
    );
    let low = json!([{"to": hex(account(1)), "gas": "0x5208"}]);
    let (code, message) = net.refusal("eth_estimateGas", &low);
    assert_eq!(
        (code, message.as_str()),
        (-32000, "gas required exceeds allowance (21000)")
    );
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    /// Through calls of any depth, with any number of writes and any calldata behind.
    #[test]
    fn an_estimate_succeeds_and_is_not_much_too_high(
        depth in 0..=FORWARDERS,
        writes in 0u64..40,
        tail in proptest::collection::vec(0u8.., 0..64),
        value in 0u128..2,
    ) {
        let mut net = Devnet::new();
        let to = if depth == 0 { WRITER } else { forwarder(depth) };
        let input: Vec<u8> = [word(writes).to_vec(), tail].concat();
        let mut call = json!({
            "from": hex(account(0)),
            "to": hex(to),
            "input": alloy_primitives::hex::encode_prefixed(&input),
            "value": format!("{value:#x}"),
        });
        let estimate = quantity(&net.get("eth_estimateGas", &json!([call])));
        let draft = Draft { gas: estimate, value, ..calling(to, input, 0) };
        let mini = net.run(&draft);
        proptest::prop_assert!(mini.txs[0].result.success, "estimate {estimate} fails");
        let used = mini.txs[0].result.gas_used;
        // With 1.6 % less it must fail: otherwise the estimate was more than 1.5 % too high.
        let less = estimate - estimate * 16 / 1000;
        if less >= used {
            call["gas"] = json!(format!("{less:#x}"));
            proptest::prop_assert!(net.ask("eth_call", &json!([call, "0x0"])).is_err(), "{less} does too");
        }
    }
}

// --- prices ---------------------------------------------------------------------------------------

#[test]
fn prices_never_change() {
    let mut net = Devnet::new();
    net.send(&Draft {
        tip: 5,
        ..Draft::default()
    });
    net.block();
    assert_eq!(net.get("eth_gasPrice", &json!([])), "0xf4240");
    assert_eq!(net.get("eth_maxPriorityFeePerGas", &json!([])), "0x0");
    assert_eq!(
        net.get("eth_chainId", &json!([])),
        format!("{:#x}", net.node.chain.config.chain_id)
    );
    let history = net.get("eth_feeHistory", &json!(["0x5", "latest", [0, 50.5, 100]]));
    assert_eq!(history["oldestBlock"], "0x0");
    assert_eq!(
        history["baseFeePerGas"],
        json!(["0xf4240", "0xf4240", "0xf4240"])
    );
    assert_eq!(
        history["reward"],
        json!([["0x0", "0x0", "0x0"], ["0x5", "0x5", "0x5"]])
    );
    assert!(history["gasUsedRatio"][1].as_f64().unwrap() > 0.0);
    let bad = net.refusal("eth_feeHistory", &json!(["0x1", "latest", [50, 10]]));
    assert_eq!(
        bad,
        (
            -32602,
            "invalid argument 2: invalid reward percentile: #0:50 >= #1:10: each has to be higher than the one before".into()
        )
    );
    let twice = net.refusal("eth_feeHistory", &json!(["0x1", "latest", [50, 50]]));
    assert_eq!(twice.0, -32602);
}

// --- MegaETH's own --------------------------------------------------------------------------------

#[test]
fn a_mini_block_can_be_had_again_as_it_was_streamed() {
    let mut net = Devnet::new();
    net.mini();
    let mini = net.run(&calling(COUNTER, [], 0));
    let shown = net.get("mega_getMiniBlock", &json!(["0x1"]));
    assert_eq!(
        (&shown["mini_block_number"], &shown["index"]),
        (&json!("0x1"), &json!("0x1"))
    );
    assert_eq!(
        shown["mini_block_timestamp"],
        format!("{:#x}", mini.timestamp_us)
    );
    assert_eq!(shown["transactions"][0]["blockHash"], Value::Null);
    assert_eq!(
        shown["receipts"][0]["transactionHash"],
        json!(mini.txs[0].hash)
    );
    assert_eq!(shown["signature"]["r"], json!(mini.signature.r));
    assert_eq!(net.get("mega_getMiniBlock", &json!(["0x9"])), Value::Null);
    let record = net.block();
    let all = net.get("mega_getBlockMiniBlocks", &json!([record.hash]));
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert_eq!(all[1]["transactions"], json!([mini.txs[0].hash]));
}

#[test]
fn state_changes_are_told_per_account() {
    let mut net = Devnet::new();
    let mini = net.run(&calling(COUNTER, [], 0));
    let changes = |addresses: &[Address]| -> Vec<Value> {
        let changes = net.node.state_changes_json(&mini, addresses).unwrap();
        changes
            .iter()
            .map(|change| serde_json::from_slice(change).unwrap())
            .collect()
    };
    let sender = &changes(&[account(0)])[0];
    assert_eq!(
        (&sender["nonce"], &sender["storage"]),
        (&json!(1), &json!({}))
    );
    let counter = &changes(&[COUNTER])[0];
    let slots = json!({ format!("{:#066x}", 0): format!("{:#066x}", 1) });
    assert_eq!(
        (&counter["nonce"], &counter["storage"]),
        (&json!(1), &slots)
    );
    assert!(changes(&[]).len() > 2);
    assert!(changes(&[Address::repeat_byte(3)]).is_empty());
}

#[test]
fn a_state_diff_is_that_of_the_transaction_alone() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    net.send(&calling(COUNTER, [], 1));
    let hash = net.send(&calling(COUNTER, [], 2));
    net.send(&calling(COUNTER, [], 3));
    net.mini();
    let slot_of = |diff: &Value| {
        let accounts = diff["accounts"].as_array().unwrap();
        let counter = accounts
            .iter()
            .find(|one| one["address"] == hex(COUNTER))
            .unwrap();
        assert_eq!(counter["storage"].as_array().unwrap().len(), 1);
        let slot = &counter["storage"][0];
        let number = |name: &str| quantity(&slot[name]);
        (number("before"), number("after"))
    };
    let open = net.get("mega_getStateDiff", &json!([hash]));
    assert_eq!(slot_of(&open), (2, 3));
    assert_eq!(open["kind"], "transaction");
    let record = net.block();
    let sealed = net.get("mega_getStateDiff", &json!([hash]));
    assert_eq!(sealed["accounts"], open["accounts"]);
    let sender = sealed["accounts"].as_array().unwrap().iter();
    let sender = sender
        .clone()
        .find(|one| one["address"] == hex(account(0)))
        .unwrap();
    assert_eq!(
        (&sender["before"]["nonce"], &sender["after"]["nonce"]),
        (&json!("0x2"), &json!("0x3"))
    );

    let block = net.get("mega_getStateDiff", &json!([record.hash]));
    assert_eq!((slot_of(&block), &block["kind"]), ((0, 4), &json!("block")));
    assert_eq!(net.get("mega_getStateDiff", &json!(["0x1"])), block);
    for mini in [
        json!([{"miniBlock": "0x1"}]),
        json!(["mini:1"]),
        json!(["latest"]),
    ] {
        let diff = net.get("mega_getStateDiff", &mini);
        assert_eq!(
            (slot_of(&diff), &diff["miniBlock"]),
            ((1, 4), &json!("0x1")),
            "{mini}"
        );
    }
}

#[test]
fn a_state_diff_shows_new_code() {
    let mut net = Devnet::new();
    // The first block deploys the system contracts.
    net.block();
    let create = Draft {
        to: alloy_primitives::TxKind::Create,
        input: alloy_primitives::bytes!("60fe60005360016000f3"),
        ..Draft::default()
    };
    let hash = net.send(&create);
    net.mini();
    let code = json!([{"hash": keccak256([0xfe]), "code": "0xfe"}]);
    assert_eq!(net.get("mega_getStateDiff", &json!([hash]))["codes"], code);
    assert_eq!(
        net.get("mega_getStateDiff", &json!(["latest"]))["codes"],
        code
    );
    let diff = net.get("mega_getStateDiff", &json!([hash]));
    let made = hex(key(0).address().create(0));
    let made = diff["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["address"] == made);
    assert_eq!(made.unwrap()["before"], Value::Null);
}

#[test]
fn a_state_diff_tells_what_was_hashed_and_slots_that_did_not_change() {
    let mut net = Devnet::new();
    net.block();
    let creation = |nonce: u64, hashed: &str| {
        // Stores 1 at keccak256(a word), and 5 at 5.
        let code = format!("7f{hashed}5f52600160205f2055600580555f5ff3");
        Draft {
            nonce,
            to: alloy_primitives::TxKind::Create,
            input: alloy_primitives::hex::decode(code).unwrap().into(),
            ..Draft::default()
        }
    };
    let words = ["11", "22"].map(|digits| digits.repeat(32));
    let first = net.send(&creation(0, &words[0]));
    let second = net.send(&creation(1, &words[1]));
    net.mini();
    let besides = json!({"preimages": true});
    for _ in 0..2 {
        let of = |what: Value| {
            net.get("mega_getStateDiff", &json!([what, besides]))["preimages"].clone()
        };
        let hex = words.each_ref().map(|word| format!("0x{word}"));
        assert_eq!(of(json!(first)), json!([hex[0]]));
        assert_eq!(of(json!(second)), json!([hex[1]]));
        assert_eq!(of(json!("latest")), json!(hex));
        net.block();
    }
    let made = hex(key(0).address().create(0));
    let asked = json!({"slots": {made.as_str(): ["0x5", "0x6"]}});
    let slots =
        |what: &B256| net.get("mega_getStateDiff", &json!([what, asked]))["slots"][&made].clone();
    assert_eq!(slots(&first), json!({"0x5": "0x0", "0x6": "0x0"}));
    assert_eq!(slots(&second), json!({"0x5": "0x5", "0x6": "0x0"}));
    let plain = net.get("mega_getStateDiff", &json!([first]));
    assert_eq!(
        (&plain["preimages"], &plain["slots"]),
        (&Value::Null, &Value::Null)
    );
    let (code, message) = net.refusal("mega_getStateDiff", &json!([first, {"hashes": true}]));
    assert_eq!(
        (code, message.contains("preimages and slots are known")),
        (-32602, true)
    );
}

// --- numbers --------------------------------------------------------------------------------------

#[test]
fn numbers_beyond_64_bits_are_the_callers_fault_in_all_of_megaeths_methods() {
    let net = Devnet::busy();
    let numbers = [
        r#""0x10000000000000000""#,
        r#""0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff""#,
        "18446744073709551616",
        "123456789012345678901234567890123456789012345678901234567890123456789012345678901",
        "-1",
        "1.5",
    ];
    for method in methods::names() {
        let found = methods::find(method).unwrap();
        if !method.starts_with("mega_") || found.sends() {
            continue;
        }
        let (Kind::Cheap(run) | Kind::Heavy(run) | Kind::Judged(_, run)) = found.kind else {
            panic!("{method} is no reading method");
        };
        for number in numbers {
            for params in [
                format!("[{number}]"),
                format!(r#"[{{"miniBlock":{number}}}]"#),
                format!(r#"[{{"blockNumber":{number}}}]"#),
            ] {
                let code = run(&net.node, &params).map_err(|error| error.code);
                assert_eq!(code, Err(-32602), "{method}{params}");
            }
        }
    }
}
