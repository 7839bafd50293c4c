//! Witnesses of a real MegaETH chain, where its [recorded](crate::recorded) blocks are at hand.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use super::codec::Reader;
use super::stateless::WitnessState;
use super::types::DATA_BUCKETS;
use super::withdrawals::MptWitness;
use super::witness::SaltWitness;
use crate::recorded::chain;

/// Numbers of the blocks that have a witness and a parent.
fn blocks(chain: &Path) -> Vec<u64> {
    let mut blocks: Vec<u64> = fs::read_dir(chain)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".salt")?.parse().ok())
        .filter(|number| chain.join(format!("{}.json", number - 1)).exists())
        .collect();
    blocks.sort_unstable();
    assert!(!blocks.is_empty());
    blocks
}

fn header_hash(chain: &Path, block: u64, field: &str) -> [u8; 32] {
    let text = fs::read_to_string(chain.join(format!("{block}.json"))).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let block = json.get("result").unwrap_or(&json);
    let hex = block[field].as_str().unwrap().trim_start_matches("0x");
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
}

/// The witness after the two hashes that its file begins with.
fn witness(chain: &Path, block: u64) -> SaltWitness {
    let file = fs::read(chain.join(format!("{block}.salt"))).unwrap();
    let mut reader = Reader::new(&file);
    let _attributes = reader.hash().unwrap();
    assert_eq!(
        reader.hash().unwrap(),
        header_hash(chain, block - 1, "hash"),
        "parent"
    );
    let witness = SaltWitness::read(&mut reader).unwrap();
    reader.end().unwrap();
    witness
}

#[test]
fn every_witness_verifies_against_its_parents_root() {
    let Some(chain) = chain() else { return };
    for block in blocks(&chain) {
        let witness = witness(&chain, block);
        witness
            .verify(&header_hash(&chain, block - 1, "stateRoot"))
            .unwrap();
    }
}

#[test]
fn a_witness_comes_back_from_its_encoding() {
    let Some(chain) = chain() else { return };
    for block in blocks(&chain) {
        let witness = witness(&chain, block);
        assert_eq!(SaltWitness::decode(&witness.encode()).unwrap(), witness);
    }
}

#[test]
fn keys_of_a_witness_are_where_their_hashes_say() {
    let Some(chain) = chain() else { return };
    for block in blocks(&chain) {
        let root = header_hash(&chain, block - 1, "stateRoot");
        let state = WitnessState::new(witness(&chain, block), &root, DATA_BUCKETS).unwrap();
        let mut keys = 0;
        for (place, value) in &state.witness().slots {
            if let Some(value) = value.as_ref().filter(|_| !place.is_meta()) {
                assert_eq!(place.bucket(), super::hasher::bucket_id(value.key()));
                assert_eq!(
                    state.get(value.key()).unwrap().as_deref(),
                    Some(value.value())
                );
                keys += 1;
            }
        }
        assert_eq!(state.entries().count(), keys);
        assert_eq!(state.update([]).unwrap().root(), root);
    }
}

#[test]
fn a_changed_witness_does_not_verify() {
    let Some(chain) = chain() else { return };
    for block in blocks(&chain) {
        let root = header_hash(&chain, block - 1, "stateRoot");
        let state = WitnessState::new(witness(&chain, block), &root, DATA_BUCKETS).unwrap();
        let old: Vec<(Vec<u8>, Vec<u8>)> = state
            .entries()
            .map(|(key, value)| (key.to_vec(), value.to_vec()))
            .collect();
        let new = old.iter().map(|(key, value)| {
            let flipped: Vec<u8> = value.iter().map(|byte| !byte).collect();
            (key.clone(), flipped)
        });
        let new: Vec<(Vec<u8>, Vec<u8>)> = new.collect();
        let update = state
            .update(new.iter().map(|(key, value)| (&key[..], &value[..])))
            .unwrap();
        assert_ne!(update.root(), root);

        let mut changed = witness(&chain, block);
        for (place, change) in &update.state.slots {
            changed.slots.insert(*place, change.new);
        }
        changed
            .proof
            .commitments
            .extend(update.trie.nodes.iter().copied());
        assert!(
            changed.verify(&update.root()).is_err(),
            "the opening is for the old state"
        );
    }
}

#[test]
fn withdrawal_witnesses_are_for_their_parents_root() {
    let Some(chain) = chain() else { return };
    for block in blocks(&chain) {
        let file = fs::read(chain.join(format!("{block}.mpt"))).unwrap();
        let witness = MptWitness::decode(&file).unwrap();
        let parent = header_hash(&chain, block - 1, "withdrawalsRoot");
        assert_eq!(witness.storage_root, parent);
        assert_eq!(witness.root_after(&[]).unwrap(), parent);
        assert_eq!(witness.encode(), file);
    }
}
