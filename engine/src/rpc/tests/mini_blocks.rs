//! Mini-blocks, and what subscribers hear of them.

use alloy_primitives::Address;
use serde_json::{Value, json};

use crate::builder::testing::account;
use crate::rpc::testing::*;

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
        (&json!("0x1"), &json!({}))
    );
    let counter = &changes(&[COUNTER])[0];
    let slots = json!({ format!("{:#066x}", 0): format!("{:#066x}", 1) });
    assert_eq!(
        (&counter["nonce"], &counter["storage"]),
        (&json!("0x1"), &slots)
    );
    assert!(changes(&[]).len() > 2);
    assert!(changes(&[Address::repeat_byte(3)]).is_empty());
}
