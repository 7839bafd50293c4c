//! Searches for logs.

use alloy_primitives::{B256, U256};
use serde_json::{Value, json};

use super::hex;
use crate::builder::testing::Draft;
use crate::rpc::testing::*;
use crate::rpc::{Params, Runs, methods};

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
    let method = methods::all().find("eth_getLogs").unwrap();
    let brief = |net: &Devnet, filter: Value| match method.runs {
        Runs::InlineIf(is_brief, _) => {
            let params = json!([filter]).to_string();
            is_brief(&net.node, &Params::read(&params, method.params).unwrap())
        }
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
fn logs_of_many_transactions_tell_what_their_receipts_tell() {
    let mut net = Devnet::new();
    for nonce in 0..9 {
        net.send(&calling(COUNTER, [], nonce));
        if nonce % 2 == 1 {
            net.mini();
        }
        if nonce % 3 == 2 {
            net.block();
        }
    }
    net.mini();
    let logs = net.get("eth_getLogs", &json!([{"fromBlock": "earliest"}]));
    let logs = logs.as_array().unwrap();
    assert_eq!(logs.len(), 9);
    for log in logs {
        let receipt = net.get(
            "eth_getTransactionReceipt",
            &json!([log["transactionHash"]]),
        );
        for member in ["blockHash", "blockNumber", "transactionIndex"] {
            assert_eq!(log[member], receipt[member], "{member}");
        }
        assert_eq!(receipt["logs"], json!([log]));
    }
    let minis = (0..).map_while(|number| net.node.chain.recent.mini(number));
    let alone: Vec<Value> = minis
        .flat_map(|mini| net.node.logs_json("{}", &mini).unwrap())
        .map(|log| serde_json::from_slice(&log).unwrap())
        .collect();
    assert_eq!(logs, &alone);
    let pages = net.get("eth_getLogsWithCursor", &json!([{"fromBlock": "earliest"}]));
    assert_eq!(pages["logs"].as_array(), Some(logs));
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
