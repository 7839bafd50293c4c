//! The state under a node can't always be read: whoever asks is told so, and never a wrong value.

use std::sync::Arc;

use alloy_primitives::{Address, U256};
use serde_json::{Value, json};

use super::testing::*;
use crate::{
    block::{PlainAccount, PlainKey, PlainValue},
    shaky::{Mood, Shaky},
};

const STRANGER: Address = Address::repeat_byte(0x51);

/// A counter that stands at 41, and a stranger with 7 wei.
fn shaky() -> Arc<Shaky> {
    let stranger = PlainAccount {
        balance: U256::from(7),
        ..PlainAccount::default()
    };
    Arc::new(Shaky::new([
        (count(), PlainValue::Slot(U256::from(41))),
        (
            PlainKey::account(STRANGER),
            PlainValue::from_account(stranger),
        ),
    ]))
}

fn count() -> PlainKey {
    PlainKey::slot(COUNTER, U256::ZERO)
}

/// Methods that read either place, with their parameters.
fn questions() -> [(&'static str, Value); 8] {
    let call = json!({"to": COUNTER});
    [
        ("eth_getStorageAt", json!([COUNTER, "0x0", "latest"])),
        ("eth_getBalance", json!([STRANGER, "latest"])),
        ("eth_getTransactionCount", json!([STRANGER, "pending"])),
        ("eth_getCode", json!([STRANGER, "latest"])),
        ("eth_call", json!([call, "latest"])),
        ("eth_estimateGas", json!([call, "latest"])),
        ("eth_createAccessList", json!([call, "latest"])),
        (
            "eth_callMany",
            json!([[{"transactions": [call]}], {"blockNumber": "latest"}]),
        ),
    ]
}

#[test]
fn what_is_not_known_is_told_and_answered_when_it_is() {
    let right: Vec<Value> = {
        let net = Devnet::over(shaky());
        let questions = questions().into_iter();
        questions
            .map(|(method, params)| net.get(method, &params))
            .collect()
    };
    assert_eq!(right[0], json!(format!("0x{:064x}", 41)));
    assert_eq!(right[1], json!("0x7"));
    for (mood, said) in [
        (Mood::Unknown, "is not known"),
        (Mood::Later(1), "is not known"),
        (Mood::Fails, "the source is gone"),
    ] {
        for ((method, params), right) in questions().into_iter().zip(&right) {
            let shaky = shaky();
            shaky.is(count(), mood);
            shaky.is(PlainKey::account(STRANGER), mood);
            let net = Devnet::over(shaky.clone());
            let told = match net.ask(method, &params) {
                Ok(answer) => answer.to_string(),
                Err(error) => error.message,
            };
            assert!(told.contains(said), "{method}, {mood:?}: {told}");
            shaky.calm();
            assert_eq!(net.get(method, &params), *right, "{method}, {mood:?}");
        }
    }
}
