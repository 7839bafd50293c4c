//! State diffs.

use alloy_primitives::{B256, keccak256};
use serde_json::{Value, json};

use super::{hex, quantity};
use crate::builder::testing::{Draft, account, key};
use crate::rpc::testing::*;

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
