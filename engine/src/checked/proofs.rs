//! A proof that this node gives holds; nothing in it can be changed.
#![allow(clippy::unwrap_used)]

use alloy_primitives::{Address, B256};
use serde_json::{Value, json};

use crate::{
    block::WITHDRAWALS_ADDRESS,
    rpc::testing::{COUNTER, Devnet, calling, from_base64},
    verify::{
        Report,
        stateless::{Trusted, check_proof},
    },
};

const BUCKETS: u32 = 16;
const NOBODY: Address = Address::repeat_byte(0x77);

/// A counter that has counted to one, and what it takes to check proofs about it.
fn counted() -> (Devnet, Trusted) {
    let mut net = Devnet::with("rex6", |config| config.salt_data_buckets = BUCKETS);
    net.send(&calling(COUNTER, [], 0));
    net.block();
    let header = net.get("eth_getBlockByNumber", &json!(["latest", false]));
    let trusted = Trusted {
        header: Some(serde_json::to_vec(&header).unwrap()),
        data_buckets: Some(BUCKETS),
        ..Trusted::default()
    };
    (net, trusted)
}

fn checked(answer: &Value, trusted: &Trusted) -> Report {
    let text = answer["saltProof"]["witness"].as_str().unwrap();
    let witness = from_base64(text.strip_prefix("v0:").unwrap());
    check_proof(&serde_json::to_vec(answer).unwrap(), &witness, trusted).unwrap()
}

#[test]
fn an_honest_answer_holds_for_what_is_there_and_for_what_is_not() {
    let (net, trusted) = counted();
    for params in [
        json!([COUNTER, ["0x0", "0x5"], "latest"]),
        json!([NOBODY, ["0x1"], "latest"]),
        json!([WITHDRAWALS_ADDRESS, [], "latest"]),
    ] {
        let report = checked(&net.get("eth_getProof", &params), &trusted);
        assert_eq!(report.failures(), [""; 0], "{params}");
        assert_eq!(report.block, 1);
    }
}

#[test]
fn nothing_in_an_answer_can_be_changed() {
    let (net, trusted) = counted();
    let honest = net.get("eth_getProof", &json!([COUNTER, ["0x0", "0x5"], "latest"]));
    let other = net.get("eth_getProof", &json!([COUNTER, ["0x0"], "latest"]));
    let word = json!(B256::repeat_byte(9));
    let lies = [
        ("/address", json!(NOBODY), "witness completeness"),
        ("/balance", json!("0x1"), "account"),
        ("/nonce", json!("0x7"), "account"),
        ("/codeHash", word.clone(), "account"),
        ("/storageHash", word.clone(), "storage hash"),
        ("/storageProof/0/value", json!("0x2"), "storage"),
        ("/storageProof/1/value", json!("0x1"), "storage"),
        ("/storageProof/1/key", json!("0x6"), "witness completeness"),
        ("/saltProof/blockNumber", json!("0x2"), "block"),
        ("/saltProof/blockHash", word.clone(), "block"),
        ("/saltProof/stateRoot", word, "state root"),
        ("/saltProof/dataBuckets", json!("0x1"), "data buckets"),
        (
            "/saltProof/witness",
            other["saltProof"]["witness"].clone(),
            "witness completeness",
        ),
        ("/saltProof/witness", json!("v0:AAAA"), "state witness"),
    ];
    for (place, lie, check) in lies {
        let mut answer = honest.clone();
        *answer.pointer_mut(place).unwrap() = lie;
        assert_eq!(checked(&answer, &trusted).failures(), [check], "{place}");
    }
}

#[test]
fn each_byte_of_the_witness_counts() {
    let (net, trusted) = counted();
    let answer = net.get("eth_getProof", &json!([COUNTER, ["0x0"], "latest"]));
    let text = answer["saltProof"]["witness"].as_str().unwrap();
    let witness = zstd::decode_all(&from_base64(text.strip_prefix("v0:").unwrap())[..]).unwrap();
    let json = serde_json::to_vec(&answer).unwrap();
    for at in (0..witness.len()).step_by(37) {
        let mut damaged = witness.clone();
        damaged[at] ^= 1;
        let packed = zstd::encode_all(&damaged[..], 1).unwrap();
        let report = check_proof(&json, &packed, &trusted).unwrap();
        assert!(!report.ok(), "byte {at} of {}", witness.len());
    }
}

#[test]
fn it_must_be_the_state_that_is_known() {
    let (net, trusted) = counted();
    let answer = net.get("eth_getProof", &json!([COUNTER, ["0x0"], "latest"]));
    let root: B256 = serde_json::from_value(answer["saltProof"]["stateRoot"].clone()).unwrap();
    let known = |state_root| Trusted {
        state_root: Some(state_root),
        header: None,
        ..trusted.clone()
    };
    assert!(checked(&answer, &known(root)).ok());
    let elsewhere = checked(&answer, &known(B256::repeat_byte(1)));
    assert_eq!(elsewhere.failures(), ["state root", "state witness"]);
    let of_the_network = Trusted::default();
    let report = checked(&answer, &of_the_network);
    assert!(report.failures().contains(&"data buckets"));
    let mut block: Value = serde_json::from_slice(trusted.header.as_deref().unwrap()).unwrap();
    block["timestamp"] = json!("0x1");
    let forged = Trusted {
        header: Some(serde_json::to_vec(&block).unwrap()),
        ..trusted
    };
    assert!(
        checked(&answer, &forged)
            .failures()
            .contains(&"header hash")
    );
}
