//! Witnesses lead from one root to the next, and are served or refused.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use alloy_eips::BlockId;
use alloy_primitives::{B256, U256};
use serde_json::json;

use super::*;
use crate::{
    block::{PlainKey, PlainValue},
    chain::Chain,
    commitment::{
        History,
        tests::{busy, encoded, key, pairs, records, value},
    },
    rpc::testing::{COUNTER, from_base64},
    salt::{
        codec::Reader, state::AccessSet, stateless::WitnessState, withdrawals::MptWitness,
        witness::SaltWitness,
    },
};

#[test]
fn a_blocks_witness_leads_from_its_parents_root_to_its_own() {
    for data_buckets in [crate::salt::types::DATA_BUCKETS, 1] {
        let net = busy(data_buckets);
        let chain: &Chain = &net.node.chain;
        for number in 1..=4 {
            let (block, parent, minis) = records(&net, number);
            let before = chain.view_at(BlockId::number(number - 1)).unwrap();
            let bytes = block_witness(chain, &block, &parent, &minis, &before).unwrap();
            let mut reader = Reader::new(&bytes);
            let witness = SaltWitness::read(&mut reader).unwrap();
            let withdrawals = MptWitness::read(&mut reader).unwrap();
            reader.end().unwrap();
            let root = parent.header.withdrawals_root.unwrap();
            assert_eq!(withdrawals.storage_root, root.0);

            let root = parent.header.state_root;
            let known = WitnessState::new(witness, &root.0, data_buckets).unwrap();
            let mut net_changes = BTreeMap::new();
            for mini in &minis {
                net_changes.extend(mini.diff.entries.iter().copied());
            }
            let net_changes = encoded(&net_changes);
            let update = known.update(pairs(&net_changes)).unwrap();
            assert_eq!(
                B256::from(update.root()),
                block.header.state_root,
                "block {number}"
            );
        }
    }
}

#[test]
fn what_memory_has_lost_is_found_again_from_the_log_in_any_order() {
    for data_buckets in [crate::salt::types::DATA_BUCKETS, 1] {
        let net = busy(data_buckets);
        let chain: &Chain = &net.node.chain;
        let witness = |number| -> Vec<u8> {
            let (block, parent, minis) = records(&net, number);
            let before = chain.view_at(BlockId::number(number - 1)).unwrap();
            block_witness(chain, &block, &parent, &minis, &before).unwrap()
        };
        let fresh: Vec<Vec<u8>> = (1..=4).map(witness).collect();
        let state = chain.commitment.read().state().clone();
        *chain.commitment.write() = History::new(state, 4);
        for number in [4, 3, 4, 1, 2, 3, 1, 4] {
            assert!(witness(number) == fresh[number as usize - 1], "{number}");
        }
    }
}

#[test]
fn a_state_that_the_log_does_not_lead_to_is_not_proven() {
    let net = busy(1);
    let chain: &Chain = &net.node.chain;
    let needs = AccessSet {
        reads: BTreeSet::from([key(0).to_bytes()]),
        ..AccessSet::default()
    };
    // As if a block had changed something that its mini-blocks don't show.
    let mut state = chain.commitment.read().state().clone();
    let hidden = [(key(0).to_bytes(), value(&key(0), 1).to_bytes())];
    let update = state.update(pairs(&hidden.to_vec())).unwrap();
    state.apply(&update);
    *chain.commitment.write() = History::new(state, 4);
    assert_eq!(
        prove(chain, 3, &needs).unwrap_err(),
        WitnessError::Gone { block: 3 }
    );
    // The way from genesis does not pass there.
    assert!(prove(chain, 1, &needs).unwrap().is_some());
}

#[test]
fn too_old_a_state_is_not_proven() {
    let net = busy(16);
    let chain = &net.node.chain;
    let needs = AccessSet {
        reads: BTreeSet::from([key(0).to_bytes()]),
        ..AccessSet::default()
    };
    assert!(prove(chain, 4, &needs).unwrap().is_some());
    assert_eq!(
        prove(chain, 5, &needs).unwrap_err(),
        WitnessError::Gone { block: 5 }
    );
}

/// What a witness answer holds.
fn unpacked(answer: &serde_json::Value) -> Vec<u8> {
    let text = answer.as_str().unwrap().strip_prefix("v0:").unwrap();
    zstd::decode_all(&from_base64(text)[..]).unwrap()
}

#[test]
fn a_witness_is_served_by_number_and_by_hash() {
    let net = busy(16);
    let chain: &Chain = &net.node.chain;
    let (block, parent, minis) = records(&net, 2);
    let before = chain.view_at(BlockId::number(1)).unwrap();
    let expected = block_witness(chain, &block, &parent, &minis, &before).unwrap();
    let hash = block.hash;
    for params in [
        json!([{"blockNumber": "0x2"}]),
        json!([{"blockNumber": 2, "blockHash": hash}]),
        json!(["2", hash]),
        json!([{"blockNumber": "0x2", "blockHash": hash, "parentHash": null}]),
        json!([{"blockNumber": "0x2", "parentHash": parent.hash, "attributesHash": B256::ZERO}]),
    ] {
        assert_eq!(
            unpacked(&net.get("mega_getBlockWitness", &params)),
            expected
        );
    }
    for params in [
        json!([{"blockHash": hash}]),
        json!([]),
        json!([{"blockNumber": "0x2", "parentHash": parent.hash}]),
        json!([{"blockNumber": "0x2", "attributesHash": hash}]),
        json!([{"blockNumber": "0x2", "blockHash": hash, "attributesHash": hash}]),
        json!([{"blockNumber": "0x2", "blockHash": hash, "parentHash": parent.hash, "attributesHash": hash}]),
        json!([{"parentHash": parent.hash, "attributesHash": hash}]),
    ] {
        assert_eq!(
            net.refusal("mega_getBlockWitness", &params).0,
            -32602,
            "{params}"
        );
    }
}

#[test]
fn a_witness_that_is_not_there_is_refused_with_what_is_wrong() {
    let net = busy(16);
    let (second, ..) = records(&net, 2);
    let unknown = B256::repeat_byte(7);
    for (asked, reason) in [
        (json!({"blockNumber": "0x9"}), "header not found: block 9".to_owned()),
        (
            json!({"blockNumber": "0x2", "blockHash": unknown}),
            format!("header not found: block {unknown:#x}"),
        ),
        (
            json!({"blockNumber": "0x1", "blockHash": second.hash}),
            format!("block {:#x} has number 2, not 1", second.hash),
        ),
        (
            json!({"blockNumber": "0x2", "parentHash": unknown, "attributesHash": unknown}),
            format!("block 2 has parent {:#x}, not {unknown:#x}", second.header.parent_hash),
        ),
        (
            json!({"blockNumber": "0x0"}),
            "block 0 has no witness: the chain begins with it, and nothing was executed; block 1 has the first"
                .to_owned(),
        ),
    ] {
        assert_eq!(
            net.refusal("mega_getBlockWitness", &json!([asked])),
            (-32001, reason)
        );
    }
}

#[test]
fn a_proof_shows_an_account_and_its_slots_under_a_blocks_root() {
    let net = busy(16);
    for (tag, number) in [("latest", 4), ("0x1", 1), ("0x0", 0)] {
        let (slot, unset) = ("0x0", "0xffff");
        let answer = net.get("eth_getProof", &json!([COUNTER, [slot, unset], tag]));
        let salt = &answer["saltProof"];
        assert_eq!(salt["blockNumber"], json!(format!("{number:#x}")));
        let header = &net.node.chain.block(number).unwrap().unwrap().header;
        assert_eq!(salt["stateRoot"], json!(header.state_root));
        let witness = SaltWitness::decode(&unpacked(&salt["witness"])).unwrap();
        let known = WitnessState::new(witness, &header.state_root.0, 16).unwrap();
        for entry in answer["storageProof"].as_array().unwrap() {
            let word: U256 = serde_json::from_value(entry["key"].clone()).unwrap();
            let found = known
                .get(&PlainKey::slot(COUNTER, word).to_bytes())
                .unwrap();
            let shown: U256 = serde_json::from_value(entry["value"].clone()).unwrap();
            let expected = PlainValue::from_slot(shown).to_bytes();
            assert_eq!(found.unwrap_or_default(), expected, "{tag} {word}");
        }
        let account = known.get(COUNTER.as_slice()).unwrap().unwrap();
        assert_eq!(json!(B256::from_slice(&account[40..])), answer["codeHash"]);
    }
    assert_eq!(
        net.refusal("eth_getProof", &json!([COUNTER, [], "0x63"])).0,
        -32001
    );
}
