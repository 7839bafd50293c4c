//! A devnet's block that is right passes every check, mini-block by mini-block; each kind of tampering fails the check
//! that is meant for it.
#![allow(clippy::unwrap_used)]

use alloy_primitives::{Address, B256, Bytes, U256, bytes};
use serde_json::{Value, json};

use super::blocks::{Given, assert_right};
use crate::{
    block::{BlockRecord, Halt, Leadership, PlainKey, PlainValue},
    rpc::testing::*,
    verify::{
        Report,
        stateless::{open_packed, pack},
    },
};

fn busy() -> Given {
    Given::of(&Devnet::busy(), 2)
}

fn failures(given: &Given) -> Vec<&'static str> {
    given.check().failures()
}

#[test]
fn a_block_passes_every_check() {
    let net = Devnet::busy();
    let given = Given::of(&net, 2);
    let count: usize = given.minis.iter().map(|mini| mini.txs.len()).sum();
    assert_eq!(count, 9);
    assert_right(&net, 1..=2, "rex6");
    assert!(given.check().checks.len() > 35);
}

#[test]
fn an_empty_block_passes_too_under_every_spec() {
    for spec in crate::evm::SPEC_NAMES {
        let mut net = Devnet::with(spec, |_| {});
        net.block();
        net.block();
        assert_right(&net, 1..=2, spec);
    }
}

#[test]
fn without_records_only_the_block_is_checked() {
    let report = busy().check_with(&[]);
    assert!(report.ok());
    let names: Vec<&str> = report.checks.iter().map(|check| check.name).collect();
    assert!(names.contains(&"state root"));
    assert!(!names.iter().any(|name| name.starts_with("mini-block")));
}

#[test]
fn records_that_cannot_be_read_say_nothing_of_the_block() {
    let given = busy();
    let honest = given.records();
    let [first, .., last] = &honest[..] else {
        panic!("{} records", honest.len());
    };
    let longer = |nth: usize| {
        let mut records = honest.clone();
        records[nth].push(0);
        records
    };
    for (nth, records) in [
        longer(0),
        longer(1),
        longer(honest.len() - 1),
        honest[..honest.len() - 1].to_vec(),
        vec![first.clone(), last[..last.len() / 2].to_vec()],
        vec![Vec::new()],
    ]
    .iter()
    .enumerate()
    {
        let report = given.check_with(records);
        assert_eq!(report.failures(), ["mini-block records"], "{nth}");
        assert!(report.claim.is_some());
    }
    // Who doesn't have the parent's record leaves it out.
    assert_eq!(given.check_with(&honest[1..]).failures(), [""; 0]);
}

#[test]
fn the_rpc_hands_out_what_verification_takes() {
    let net = Devnet::busy();
    let mut given = Given::of(&net, 2);
    let answer = net.get("mega_getBlockWitness", &json!([{"blockNumber": "0x2"}]));
    let text = answer.as_str().unwrap().strip_prefix("v0:").unwrap();
    given.witness = from_base64(text);
    assert_eq!(failures(&given), [""; 0]);
    let (code, _) = net.refusal("mega_getBlockWitness", &json!([{"blockNumber": "0x0"}]));
    assert_eq!(code, -32001);
}

/// Changes the header, and says everywhere that the block has the hash that it then has.
fn with_header(given: &mut Given, change: impl FnOnce(&mut alloy_consensus::Header)) {
    let mut header = given.record.header.clone();
    change(&mut header);
    let BlockRecord {
        first_mini,
        mini_count,
        commitment,
        ..
    } = given.record.clone();
    given.record = BlockRecord::new(header, first_mini, mini_count, commitment);
    let hash = given.record.hash;
    let mut block: Value = serde_json::from_str(&given.block).unwrap();
    let Value::Object(fields) = json!(given.record.header) else {
        panic!("a header is an object");
    };
    block.as_object_mut().unwrap().extend(fields);
    block["hash"] = json!(hash);
    let number = json!(format!("{:#x}", given.record.header.number));
    for transaction in block["transactions"].as_array_mut().unwrap() {
        transaction["blockHash"] = json!(hash);
        transaction["blockNumber"] = number.clone();
    }
    given.block = block.to_string();
}

/// The sequencer itself vouches for what it tampered with.
fn reseal(given: &mut Given) {
    let key = crate::builder::testing::config("rex6", &[])
        .sequencer()
        .unwrap();
    given
        .minis
        .iter_mut()
        .for_each(|mini| mini.sign_content(&key));
    given.record.sign_content(&key);
}

type Tampering = fn(&mut Given);

/// What only one check can notice.
const ALONE: &[(&str, Tampering)] = &[
    ("state root", |given| {
        with_header(given, |header| header.state_root = B256::ZERO)
    }),
    ("receipts root", |given| {
        with_header(given, |header| header.receipts_root = B256::ZERO)
    }),
    ("transactions root", |given| {
        with_header(given, |header| header.transactions_root = B256::ZERO);
    }),
    ("logs bloom", |given| {
        with_header(given, |header| header.logs_bloom.0[0] ^= 1)
    }),
    ("withdrawals root", |given| {
        with_header(given, |header| header.withdrawals_root = Some(B256::ZERO));
    }),
    ("header fields", |given| {
        with_header(given, |header| header.extra_data = bytes!("00"))
    }),
    ("header fields", |given| {
        with_header(given, |header| header.blob_gas_used = Some(1))
    }),
    ("header fields", |given| {
        with_header(given, |header| header.nonce = [1; 8].into())
    }),
    ("mini-block records", |given| {
        given.record = BlockRecord::new(
            alloy_consensus::Header::default(),
            given.record.first_mini,
            given.record.mini_count,
            Bytes::new(),
        );
    }),
    ("mini-block records", |given| {
        given.parent_record.as_mut().unwrap().header.gas_used += 1;
    }),
    ("mini-block signatures", |given| {
        given.minis[0].signature.r += U256::from(1)
    }),
    ("mini-block signatures", |given| {
        given.minis[1].signature = given.minis[0].signature
    }),
    ("status", |given| {
        given.minis[1].txs[0].result.success = false
    }),
    ("compute gas", |given| {
        given.minis[1].txs[0].result.usage.compute_gas += 1
    }),
    ("compute gas", |given| {
        given.minis[1].txs[0].result.usage.metered_compute_gas += 1
    }),
    ("storage gas", |given| {
        given.minis[1].txs[0].result.usage.storage_gas -= 1
    }),
    ("data size", |given| {
        given.minis[1].txs[0].result.usage.data_size += 1
    }),
    ("KV updates", |given| {
        given.minis[1].txs[0].result.usage.kv_updates += 1
    }),
    ("state growth", |given| {
        given.minis[1].txs[0].result.usage.state_growth += 1
    }),
    ("detention", |given| {
        given.minis[2].txs[3].result.usage.detention = None
    }),
    ("halt reasons", |given| {
        given.minis[2].txs[3].result.usage.halt = Some(Halt::Evm("InvalidJump".into()));
    }),
    ("logs", |given| {
        given.minis[1].txs[0].result.logs[0].address = COUNTER.create(0)
    }),
    ("logs", |given| given.minis[1].txs[0].result.logs.clear()),
    ("other results", |given| {
        given.minis[2].txs[2].result.output = Bytes::new()
    }),
    ("other results", |given| {
        given.minis[2].txs[1].result.contract_address = Some(COUNTER)
    }),
    ("state diffs", |given| {
        given.minis[1].diff.entries.pop();
    }),
    ("state diffs", |given| {
        let entries = &mut given.minis[2].diff.entries;
        let slot = entries
            .iter_mut()
            .find(|(key, _)| key.slot.is_some())
            .unwrap();
        slot.1 = PlainValue::Slot(U256::from(99));
    }),
    ("state diffs", |given| {
        given.minis[1].diff.codes.push(bytes!("00"))
    }),
    ("state diffs", |given| {
        for mini in &mut given.minis {
            mini.diff.entries.retain(|(key, _)| key.address != COUNTER);
        }
    }),
    ("state diffs", |given| {
        let stranger = PlainKey::slot(Address::repeat_byte(0x77), U256::from(1));
        let entries = &mut given.minis[0].diff.entries;
        entries.push((stranger, PlainValue::Slot(U256::from(1))));
        entries.sort_unstable_by_key(|(key, _)| *key);
    }),
    ("mini-block order", |given| given.record.mini_count += 1),
    ("mini-block order", |given| {
        given.record.first_mini += 1_000_000
    }),
    ("mini-block order", |given| {
        given.parent_record.as_mut().unwrap().mini_count -= 1
    }),
    ("mini-block transactions", |given| {
        given.minis[1].txs[0].sender = crate::builder::testing::account(1)
    }),
];

/// What other checks notice as well.
const AMONG_OTHERS: &[(&str, Tampering)] = &[
    ("header hash", |given| {
        let hash = json!(given.record.hash).to_string();
        given.block = given
            .block
            .replace(&hash, &json!(B256::repeat_byte(1)).to_string());
    }),
    ("parent link", |given| {
        with_header(given, |header| header.parent_hash = B256::ZERO)
    }),
    ("parent link", |given| {
        with_header(given, |header| header.number += 1)
    }),
    ("header fields", |given| {
        with_header(given, |header| header.beneficiary = COUNTER)
    }),
    ("header fields", |given| {
        with_header(given, |header| header.gas_limit += 1)
    }),
    ("header fields", |given| {
        with_header(given, |header| header.base_fee_per_gas = Some(1))
    }),
    ("header fields", |given| {
        with_header(given, |header| header.mix_hash = B256::ZERO)
    }),
    ("header fields", |given| {
        with_header(given, |header| {
            header.parent_beacon_block_root = Some(B256::repeat_byte(1));
        });
    }),
    ("timestamps", |given| {
        with_header(given, |header| header.timestamp = 1)
    }),
    ("mini-block timestamps", |given| {
        given.minis[2].timestamp_us = given.minis[1].timestamp_us - 1
    }),
    ("mini-block timestamps", |given| {
        given.minis[2].block_timestamp += 1
    }),
    ("gas sums", |given| {
        with_header(given, |header| header.gas_used += 1)
    }),
    ("block gas used", |given| {
        with_header(given, |header| header.gas_used += 1)
    }),
    ("gas sums", |given| given.minis[1].gas_used += 1),
    ("gas used", |given| {
        given.minis[1].txs[0].result.gas_used += 1
    }),
    ("mini-block order", |given| given.minis.swap(1, 2)),
    ("mini-block order", |given| {
        given.minis.remove(0);
    }),
    ("mini-block order", |given| given.minis[1].number += 1),
    ("mini-block order", |given| given.minis[1].index += 1),
    ("mini-block roots", |given| {
        given.minis[1].receipts_root = B256::ZERO
    }),
    ("mini-block roots", |given| {
        given.minis[1].transactions_root = B256::ZERO
    }),
    ("mini-block transactions", |given| {
        given.minis[1].txs.remove(0);
    }),
    ("mini-block transactions", |given| {
        given.minis[1].txs.swap(0, 1)
    }),
    ("transactions root", |given| {
        let mut block: Value = serde_json::from_str(&given.block).unwrap();
        block["transactions"].as_array_mut().unwrap().remove(0);
        given.block = block.to_string();
    }),
    ("state witness", |given| {
        let (mut salt, withdrawals) = open_packed(&given.witness).unwrap();
        let middle = salt.len() / 2;
        salt[middle] ^= 1;
        given.witness = pack(&salt, &withdrawals).unwrap();
    }),
];

#[test]
fn each_tampering_fails_its_check() {
    let honest = busy();
    for (nth, (check, tamper)) in ALONE.iter().enumerate() {
        let mut given = honest.clone();
        tamper(&mut given);
        reseal(&mut given);
        assert_eq!(failures(&given), [*check], "tampering {nth}");
    }
    for (nth, (check, tamper)) in AMONG_OTHERS.iter().enumerate() {
        let mut given = honest.clone();
        tamper(&mut given);
        let failed = failures(&given);
        assert!(
            failed.contains(check),
            "tampering {nth}: {check} is not in {failed:?}"
        );
    }
}

#[test]
fn what_is_changed_on_the_way_breaks_a_seal() {
    let honest = busy();
    let tamperings: [Tampering; 4] = [
        |given| given.minis[0].content_signature.r += U256::from(1),
        |given| given.minis[0].diff_digest = B256::ZERO,
        |given| given.minis[1].content_signature = given.minis[0].content_signature,
        |given| given.record.content_signature = given.minis[0].content_signature,
    ];
    for (nth, tamper) in tamperings.iter().enumerate() {
        let mut given = honest.clone();
        tamper(&mut given);
        assert_eq!(failures(&given), ["seals"], "tampering {nth}");
    }
    let mut given = honest;
    given.minis[1].txs[0].result.usage.data_size += 1;
    assert_eq!(failures(&given), ["seals", "data size"]);
}

#[test]
fn a_led_mini_block_is_sealed_by_the_key_that_it_names() {
    let mut given = busy();
    let [leader, other] = [7, 8].map(crate::builder::testing::key);
    for mini in &mut given.minis {
        mini.leadership = Some(Leadership {
            term: 3,
            key: leader.address(),
        });
        mini.sign_content(&leader);
    }
    assert_eq!(failures(&given), [""; 0]);
    let tamperings: [Tampering; 3] = [
        |given| given.minis[0].leadership = None,
        |given| given.minis[0].leadership.as_mut().unwrap().term = 4,
        |given| given.minis[1].leadership.as_mut().unwrap().key = Address::ZERO,
    ];
    for (nth, tamper) in tamperings.iter().enumerate() {
        let mut given = given.clone();
        tamper(&mut given);
        assert_eq!(failures(&given), ["seals"], "tampering {nth}");
    }
    given.minis[0].sign_content(&other);
    assert_eq!(failures(&given), ["seals"]);
}

#[test]
fn what_is_wrong_with_the_block_itself_is_told_first() {
    let mut given = busy();
    given.minis[1].txs[0].result.success = false;
    with_header(&mut given, |header| header.receipts_root = B256::ZERO);
    assert_eq!(failures(&given)[0], "receipts root");
}

#[test]
fn a_forged_sender_is_found() {
    let mut given = busy();
    given.minis[1].txs[0].sender = crate::builder::testing::account(1);
    assert!(failures(&given).contains(&"mini-block transactions"));
    let mut given = busy();
    let mut block: Value = serde_json::from_str(&given.block).unwrap();
    block["transactions"][0]["from"] = json!(crate::builder::testing::account(1));
    given.block = block.to_string();
    assert!(failures(&given).contains(&"senders"));
}

#[test]
fn a_difference_is_told_with_its_place() {
    let mut given = busy();
    let number = given.minis[1].number;
    given.minis[1].txs[1].result.usage.data_size = 1;
    let report: Report = given.check();
    let check = report
        .checks
        .iter()
        .find(|check| check.name == "data size")
        .unwrap();
    let difference = check.difference.clone().unwrap();
    assert_eq!(
        difference.actual,
        format!("mini-block {number}, transaction 1: 1")
    );
}
