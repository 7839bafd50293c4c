//! Which block a request means.

use alloy_primitives::{Address, B256};
use serde_json::{Value, json};

use super::hex;
use crate::builder::testing::{Draft, account};
use crate::chain::OpenBlockView;
use crate::rpc::testing::*;

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
    let mut net = Devnet::with("rex6", |config| config.open_block = OpenBlockView::Served);
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
