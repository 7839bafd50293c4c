//! Blocks of a real MegaETH chain, where they are [at hand](crate::recorded): all verify, and no part of one
//! can be changed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::Path};

use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::*;
use crate::recorded::chain;

/// One block's files, ready to be changed.
#[derive(Clone)]
struct Files {
    block: Value,
    parent: Value,
    salt: Vec<u8>,
    mpt: Vec<u8>,
    codes: Vec<(B256, Bytes)>,
}

fn numbers(chain: &Path) -> Vec<u64> {
    let mut numbers: Vec<u64> = fs::read_dir(chain)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".salt")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    assert!(!numbers.is_empty());
    numbers
}

fn read(chain: &Path, number: u64, kind: &str) -> Vec<u8> {
    fs::read(chain.join(format!("{number}.{kind}"))).unwrap()
}

impl Files {
    fn load(chain: &Path, number: u64) -> Self {
        let json = |number| serde_json::from_slice(&read(chain, number, "json")).unwrap();
        let file = read(chain, number, "salt");
        let codes = fs::read_to_string(chain.join("contracts.txt")).unwrap();
        Self {
            block: json(number),
            parent: json(number - 1),
            salt: open_file(&file).unwrap().salt.to_vec(),
            mpt: read(chain, number, "mpt"),
            codes: codes
                .lines()
                .map(|line| code_line(line.as_bytes()).unwrap())
                .collect(),
        }
    }

    fn check(&self) -> Report {
        self.check_by(&ChainRules::published(OLD_TESTNET_CHAIN_ID).unwrap())
    }

    fn check_by(&self, rules: &ChainRules) -> Report {
        check(&CheckInput {
            block: self.block.to_string().as_bytes(),
            parent: self.parent.to_string().as_bytes(),
            witness: &pack(&self.salt, &self.mpt).unwrap(),
            codes: &self.codes,
            records: &[],
            comparison: Comparison::StateRoot,
            rules,
        })
        .unwrap()
    }

    /// Sets a field of the header, and the hash that the block then has.
    fn set(&mut self, field: &str, value: Value) {
        self.block[field] = value;
        let hash = Header::deserialize(&self.block).unwrap().hash_slow();
        self.name(hash);
    }

    /// Claims a hash.
    fn name(&mut self, hash: B256) {
        self.block["hash"] = json!(hash);
        for transaction in self.block["transactions"].as_array_mut().unwrap() {
            transaction["blockHash"] = json!(hash);
        }
    }

    fn transaction(&mut self, nth: usize) -> &mut Value {
        &mut self.block["transactions"][nth]
    }

    fn change_witness(&mut self, change: impl FnOnce(&mut SaltWitness)) {
        let mut witness = SaltWitness::decode(&self.salt).unwrap();
        change(&mut witness);
        self.salt = witness.encode();
    }
}

/// The value with its last hex digit changed.
fn nudged(value: &Value) -> Value {
    let mut text = value.as_str().unwrap().to_owned();
    let last = if text.pop() == Some('1') { '2' } else { '1' };
    text.push(last);
    json!(text)
}

#[test]
fn every_block_of_the_recorded_chain_verifies() {
    let Some(chain) = chain() else { return };
    for number in numbers(&chain) {
        let report = Files::load(&chain, number).check();
        assert!(
            report.ok(),
            "block {number}: {:?}",
            report
                .checks
                .iter()
                .find(|check| check.difference.is_some())
        );
        let effort = report.effort.unwrap();
        assert!(effort.transactions > 0 && effort.keys > 0 && effort.absent > 0);
        assert_eq!(report.block, number);
        assert!(report.claim.is_some());
    }
}

#[test]
fn other_rules_do_not_explain_the_chain() {
    let Some(chain) = chain() else { return };
    let files = Files::load(&chain, numbers(&chain)[0]);
    for spec in ["equivalence", "mini-rex", "rex2"] {
        let json = json!({"chainId": OLD_TESTNET_CHAIN_ID, "spec": spec}).to_string();
        let rules = ChainRules::from_json(json.as_bytes()).unwrap();
        assert!(!files.check_by(&rules).ok(), "{spec}");
    }
}

#[test]
fn blocks_are_tied_to_each_other() {
    let Some(chain) = chain() else { return };
    let numbers = numbers(&chain);
    for pair in numbers.windows(2) {
        let (before, after) = (Files::load(&chain, pair[0]), Files::load(&chain, pair[1]));
        assert_eq!(after.block["parentHash"], before.block["hash"]);
        let (before, after) = (before.check().claim.unwrap(), after.check().claim.unwrap());
        assert_eq!(after.parent_state_root, before.state_root);
    }
}

/// The first block, with what the change makes fail.
fn failures(change: impl FnOnce(&mut Files)) -> Option<Vec<&'static str>> {
    let chain = chain()?;
    let mut files = Files::load(&chain, numbers(&chain)[0]);
    change(&mut files);
    Some(files.check().failures())
}

const HEADER_FIELDS: [&str; 20] = [
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "parentBeaconBlockRoot",
    "requestsHash",
];

#[test]
fn no_field_of_the_header_can_change_under_its_hash() {
    for field in HEADER_FIELDS {
        let Some(failed) = failures(|files| files.block[field] = nudged(&files.block[field]))
        else {
            return;
        };
        assert!(failed.contains(&"header hash"), "{field}: {failed:?}");
    }
}

type Tampering = fn(&mut Files);

/// What only one check can notice, the hash being that of the changed header.
const ALONE: &[(&str, Tampering)] = &[
    ("header hash", |files| files.name(B256::repeat_byte(1))),
    ("state root", |files| {
        let other = files.parent["stateRoot"].clone();
        files.set("stateRoot", other);
    }),
    ("receipts root", |files| {
        let other = nudged(&files.block["receiptsRoot"]);
        files.set("receiptsRoot", other);
    }),
    ("withdrawals root", |files| {
        let other = nudged(&files.block["withdrawalsRoot"]);
        files.set("withdrawalsRoot", other);
    }),
    ("transactions root", |files| {
        let other = nudged(&files.block["transactionsRoot"]);
        files.set("transactionsRoot", other);
    }),
    ("logs bloom", |files| {
        let other = nudged(&files.block["logsBloom"]);
        files.set("logsBloom", other);
    }),
    ("block gas used", |files| {
        let other = nudged(&files.block["gasUsed"]);
        files.set("gasUsed", other);
    }),
    ("header fields", |files| {
        let other = nudged(&files.block["sha3Uncles"]);
        files.set("sha3Uncles", other);
    }),
    ("header fields", |files| {
        files.set("difficulty", json!("0x1"))
    }),
    ("header fields", |files| {
        files.set("nonce", json!("0x0000000000000001"))
    }),
    ("header fields", |files| {
        files.set("blobGasUsed", json!("0x1"))
    }),
    ("header fields", |files| {
        files.set("excessBlobGas", json!("0x1"))
    }),
    ("header fields", |files| {
        let other = nudged(&files.block["requestsHash"]);
        files.set("requestsHash", other);
    }),
    ("header fields", |files| {
        files.block["uncles"] = json!([B256::ZERO])
    }),
    ("header fields", |files| {
        files.block["withdrawals"] = json!([{}])
    }),
    ("parent link", |files| {
        files.parent["hash"] = json!(B256::ZERO)
    }),
    ("parent link", |files| {
        files.parent["extraData"] = json!("0x");
    }),
    ("transaction hashes", |files| {
        *files.transaction(3) = {
            let mut other = files.transaction(3).clone();
            other["hash"] = json!(B256::ZERO);
            other
        };
    }),
    ("senders", |files| {
        let other = files.transaction(4)["to"].clone();
        files.transaction(3)["from"] = other;
    }),
    ("transaction places", |files| {
        files.transaction(3)["transactionIndex"] = json!("0x4");
    }),
    ("transaction places", |files| {
        files.transaction(3)["blockHash"] = json!(B256::ZERO);
    }),
    ("transaction places", |files| {
        files.transaction(3)["blockNumber"] = json!("0x1");
    }),
    ("contract code", |files| files.codes[0].0 = B256::ZERO),
    ("withdrawals witness", |files| files.mpt[9] ^= 1),
    ("withdrawals witness", |files| {
        files.mpt.pop();
    }),
    ("withdrawals witness", |files| {
        let root = files.parent["withdrawalsRoot"].clone();
        let other = nudged(&root);
        files.parent["withdrawalsRoot"] = other;
        let hash = Header::deserialize(&files.parent).unwrap().hash_slow();
        files.parent["hash"] = json!(hash);
        // The link to the parent is another matter.
        files.parent["withdrawalsRoot"] = root;
        files.parent["hash"] = files.block["parentHash"].clone();
        files.mpt[40] ^= 1;
    }),
    ("state witness", |files| {
        files.salt.pop();
    }),
    ("state witness", |files| {
        files.change_witness(|witness| {
            let slot = witness
                .slots
                .iter_mut()
                .find(|(key, value)| !key.is_meta() && value.is_some());
            *slot.unwrap().1 = None;
        });
    }),
    ("state witness", |files| {
        files.change_witness(|witness| {
            let slot = witness
                .slots
                .values_mut()
                .rev()
                .find_map(Option::as_mut)
                .unwrap();
            let mut value = slot.value().to_vec();
            value[31] ^= 1;
            *slot = crate::salt::types::SaltValue::new(slot.key(), &value).unwrap();
        });
    }),
    ("state witness", |files| {
        files.change_witness(|witness| {
            let key = *witness.slots.keys().next_back().unwrap();
            witness.slots.remove(&key);
        });
    }),
    ("state witness", |files| {
        files.change_witness(|witness| {
            let node = *witness.proof.commitments.keys().next_back().unwrap();
            witness.proof.commitments.remove(&node);
        });
    }),
    ("contract code", |files| {
        let used = files.codes.iter().position(|(_, code)| code.len() > 10_000);
        files.codes.remove(used.unwrap());
        files.codes.truncate(3);
    }),
];

/// What other checks notice as well.
const AMONG_OTHERS: &[(&str, Tampering)] = &[
    ("parent link", |files| {
        let other = nudged(&files.block["parentHash"]);
        files.set("parentHash", other);
    }),
    ("state root", |files| {
        let other = nudged(&files.block["parentBeaconBlockRoot"]);
        files.set("parentBeaconBlockRoot", other);
    }),
    ("witness completeness", |files| {
        let other = nudged(&files.block["miner"]);
        files.set("miner", other);
    }),
    ("state root", |files| {
        files.set("baseFeePerGas", json!("0xf4241"))
    }),
    ("execution", |files| {
        files.set("gasLimit", json!("0x1000000"))
    }),
    ("parent link", |files| {
        let other = nudged(&files.block["number"]);
        files.set("number", other);
    }),
    ("timestamps", |files| files.set("timestamp", json!("0x1"))),
    ("transactions root", |files| {
        files.block["transactions"].as_array_mut().unwrap().pop();
    }),
    ("transactions root", |files| {
        files.block["transactions"]
            .as_array_mut()
            .unwrap()
            .swap(1, 2);
    }),
    ("transactions root", |files| {
        files.transaction(3)["value"] = json!("0x1")
    }),
    ("transaction hashes", |files| {
        files.transaction(3)["gas"] = json!("0x5f5e101")
    }),
    ("senders", |files| {
        files.transaction(3)["input"] = json!("0x")
    }),
    ("transaction hashes", |files| {
        let other = nudged(&files.transaction(3)["r"]);
        files.transaction(3)["r"] = other;
    }),
    ("transaction hashes", |files| {
        let deposit = &mut files.transaction(0);
        deposit["mint"] = json!("0x1");
    }),
    ("transactions", |files| {
        files.transaction(3)["type"] = json!("0x3")
    }),
    ("contract code", |files| {
        for (_, code) in &mut files.codes {
            *code = Bytes::from(vec![0; code.len()]);
        }
    }),
    ("state witness", |files| {
        files.parent["stateRoot"] = files.block["stateRoot"].clone();
    }),
];

#[test]
fn each_tampering_fails_its_check() {
    for (nth, (check, tamper)) in ALONE.iter().enumerate() {
        let Some(failed) = failures(tamper) else {
            return;
        };
        assert_eq!(failed, [*check], "tampering {nth}");
    }
    for (nth, (check, tamper)) in AMONG_OTHERS.iter().enumerate() {
        let Some(failed) = failures(tamper) else {
            return;
        };
        assert!(
            failed.contains(check),
            "tampering {nth}: {check} is not in {failed:?}"
        );
    }
}

#[test]
fn no_byte_of_the_state_witness_is_idle() {
    let Some(chain) = chain() else { return };
    let files = Files::load(&chain, numbers(&chain)[0]);
    for at in (0..files.salt.len()).step_by(1009) {
        let mut changed = files.clone();
        changed.salt[at] ^= 0x10;
        assert_eq!(changed.check().failures(), ["state witness"], "byte {at}");
    }
}

#[test]
fn what_the_witness_does_not_speak_of_cannot_be_read() {
    let Some(chain) = chain() else { return };
    let numbers = numbers(&chain);
    let mut files = Files::load(&chain, numbers[1]);
    let earlier = Files::load(&chain, numbers[0]);
    (files.parent, files.salt, files.mpt) = (earlier.parent, earlier.salt, earlier.mpt);
    let report = files.check();
    assert!(report.failures().contains(&"parent link"));
    let mut checks = report.checks.into_iter();
    let complete = checks
        .find(|check| check.name == "witness completeness")
        .unwrap();
    let reason = complete.difference.unwrap().actual;
    assert!(reason.contains("is not in the witness"), "{reason}");
}

#[test]
fn the_rpc_form_unfolds_to_the_same_witnesses() {
    let Some(chain) = chain() else { return };
    let files = Files::load(&chain, numbers(&chain)[0]);
    let packed = pack(&files.salt, &files.mpt).unwrap();
    assert!(packed.len() < files.salt.len());
    let (salt, mpt) = open_packed(&packed).unwrap();
    assert_eq!((salt, mpt), (files.salt, files.mpt));
    assert!(open_packed(&packed[..packed.len() / 2]).is_err());
    assert!(open_packed(b"").is_err());
}

#[test]
fn a_witness_names_the_code_that_may_run() {
    let Some(chain) = chain() else { return };
    let mut files = Files::load(&chain, numbers(&chain)[0]);
    let named = code_hashes(&pack(&files.salt, &files.mpt).unwrap()).unwrap();
    files.codes.retain(|(hash, _)| named.contains(hash));
    assert!(!files.codes.is_empty());
    assert!(files.check().ok());
}

#[test]
fn a_file_without_its_envelope_is_refused() {
    assert!(open_file(&[]).is_err());
    assert!(open_file(&[0; 100]).is_err());
}
