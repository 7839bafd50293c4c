//! A block that is right passes every check; each kind of tampering fails the check that is meant
//! for it.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, U256, bytes};

use super::{BlockInput, verify};
use crate::{
    block::{BlockRecord, Halt, PlainValue},
    rpc::testing::*,
};

fn input_of(net: &Devnet, number: u64) -> BlockInput {
    let chain = &net.node.chain;
    let block = chain.block(number).unwrap().unwrap();
    let parent = chain.block(number - 1).unwrap().unwrap();
    let numbers = block.first_mini..block.next_mini();
    let minis: Vec<Arc<_>> = numbers
        .map(|mini| chain.mini(mini).unwrap().unwrap())
        .collect();
    let before = chain
        .view_at(alloy_eips::BlockId::number(number - 1))
        .unwrap();
    BlockInput::build(chain, &block, &parent, &minis, &before).unwrap()
}

fn failures(input: &BlockInput) -> Vec<&'static str> {
    verify(&input.encode()).unwrap().failures()
}

#[test]
fn a_block_passes_every_check() {
    let net = Devnet::busy();
    let input = input_of(&net, 2);
    assert_eq!(
        input.minis.iter().map(|mini| mini.txs.len()).sum::<usize>(),
        9
    );
    for number in 1..=2 {
        let report = verify(&input_of(&net, number).encode()).unwrap();
        assert!(
            report.ok(),
            "{}",
            String::from_utf8_lossy(&report.to_json())
        );
        assert!(report.checks.len() > 25);
    }
}

#[test]
fn an_empty_block_passes_too_under_every_spec() {
    for spec in crate::evm::SPEC_NAMES {
        let mut net = Devnet::with(spec, |_| {});
        net.block();
        net.block();
        for number in 1..=2 {
            assert_eq!(
                failures(&input_of(&net, number)),
                [""; 0],
                "{spec}, block {number}"
            );
        }
    }
}

#[test]
fn an_input_survives_its_encoding() {
    let input = input_of(&Devnet::busy(), 2);
    assert_eq!(BlockInput::decode(&input.encode()), Ok(input.clone()));
    let mut bytes = input.encode();
    bytes.push(0);
    assert!(BlockInput::decode(&bytes).is_err());
    assert!(verify(&bytes[..bytes.len() / 2]).is_err());
    assert!(verify(&[]).is_err());
}

#[test]
fn the_rpc_hands_out_what_verification_takes() {
    let net = Devnet::busy();
    let answer = net.get("mega_getBlockInput", &serde_json::json!(["latest"]));
    let text = answer.as_str().unwrap();
    let bytes = crate::rpc::testing::from_base64(text);
    assert!(verify(&bytes).unwrap().ok());
    let (code, _) = net.refusal("mega_getBlockInput", &serde_json::json!(["earliest"]));
    assert_eq!(code, -32001);
}

/// Changes the header and claims the hash that it then has.
fn with_header(input: &mut BlockInput, change: impl FnOnce(&mut alloy_consensus::Header)) {
    let mut header = input.block.header.clone();
    change(&mut header);
    let BlockRecord {
        first_mini,
        mini_count,
        commitment,
        ..
    } = input.block.clone();
    input.block = BlockRecord::new(header, first_mini, mini_count, commitment);
    input.hash = input.block.hash;
}

/// The sequencer itself vouches for what it tampered with.
fn reseal(input: &mut BlockInput) {
    let key = crate::builder::testing::config("rex6", &[])
        .sequencer()
        .unwrap();
    input.minis.iter_mut().for_each(|mini| mini.put_seal(&key));
    input.block.put_seal(&key);
}

type Tampering = fn(&mut BlockInput);

/// What only one check can notice.
const ALONE: &[(&str, Tampering)] = &[
    ("header hash", |input| input.hash = B256::repeat_byte(1)),
    ("state root", |input| {
        with_header(input, |header| header.state_root = B256::ZERO)
    }),
    ("receipts root", |input| {
        with_header(input, |header| header.receipts_root = B256::ZERO)
    }),
    ("transactions root", |input| {
        with_header(input, |header| header.transactions_root = B256::ZERO);
    }),
    ("logs bloom", |input| {
        with_header(input, |header| header.logs_bloom.0[0] ^= 1)
    }),
    ("withdrawals root", |input| {
        with_header(input, |header| header.withdrawals_root = Some(B256::ZERO));
    }),
    ("header fields", |input| {
        with_header(input, |header| header.extra_data = Bytes::new())
    }),
    ("header fields", |input| {
        with_header(input, |header| header.blob_gas_used = Some(1))
    }),
    ("header fields", |input| {
        with_header(input, |header| header.nonce = [1; 8].into())
    }),
    ("mini-block signatures", |input| {
        input.minis[0].signature.r += U256::from(1)
    }),
    ("mini-block signatures", |input| {
        input.minis[1].signature = input.minis[0].signature
    }),
    ("status", |input| {
        input.minis[1].txs[0].result.success = false
    }),
    ("compute gas", |input| {
        input.minis[1].txs[0].result.usage.compute_gas += 1
    }),
    ("compute gas", |input| {
        input.minis[1].txs[0].result.usage.metered_compute_gas += 1
    }),
    ("storage gas", |input| {
        input.minis[1].txs[0].result.usage.storage_gas -= 1
    }),
    ("data size", |input| {
        input.minis[1].txs[0].result.usage.data_size += 1
    }),
    ("KV updates", |input| {
        input.minis[1].txs[0].result.usage.kv_updates += 1
    }),
    ("state growth", |input| {
        input.minis[1].txs[0].result.usage.state_growth += 1
    }),
    ("detention", |input| {
        input.minis[2].txs[3].result.usage.detained = false
    }),
    ("halt reasons", |input| {
        input.minis[2].txs[3].result.usage.halt = Some(Halt::Evm("InvalidJump".into()));
    }),
    ("logs", |input| {
        input.minis[1].txs[0].result.logs[0].address = COUNTER.create(0)
    }),
    ("logs", |input| input.minis[1].txs[0].result.logs.clear()),
    ("other results", |input| {
        input.minis[2].txs[2].result.output = Bytes::new()
    }),
    ("other results", |input| {
        input.minis[2].txs[1].result.contract_address = Some(COUNTER)
    }),
    ("state diffs", |input| {
        input.minis[1].diff.entries.pop();
    }),
    ("state diffs", |input| {
        let entries = &mut input.minis[2].diff.entries;
        let slot = entries
            .iter_mut()
            .find(|(key, _)| key.slot.is_some())
            .unwrap();
        slot.1 = PlainValue::Slot(U256::from(99));
    }),
    ("state diffs", |input| {
        input.minis[1].diff.codes.push(bytes!("00"))
    }),
    ("mini-block order", |input| input.block.mini_count += 1),
    ("mini-block order", |input| {
        input.block.first_mini += 1_000_000
    }),
    ("parent state root", |input| {
        let mut header = input.parent.header.clone();
        header.state_root = B256::ZERO;
        let hash = input.parent.hash;
        input.parent.header = header;
        input.parent.hash = hash;
    }),
];

/// What other checks notice as well.
const AMONG_OTHERS: &[(&str, Tampering)] = &[
    ("parent link", |input| {
        with_header(input, |header| header.parent_hash = B256::ZERO)
    }),
    ("parent link", |input| {
        with_header(input, |header| header.number += 1)
    }),
    ("header fields", |input| {
        with_header(input, |header| header.beneficiary = COUNTER)
    }),
    ("header fields", |input| {
        with_header(input, |header| header.gas_limit += 1)
    }),
    ("header fields", |input| {
        with_header(input, |header| header.mix_hash = B256::ZERO)
    }),
    ("timestamps", |input| {
        with_header(input, |header| header.timestamp = 1)
    }),
    ("timestamps", |input| {
        input.minis[2].timestamp_us = input.minis[1].timestamp_us - 1
    }),
    ("gas sums", |input| {
        with_header(input, |header| header.gas_used += 1)
    }),
    ("block gas used", |input| {
        with_header(input, |header| header.gas_used += 1)
    }),
    ("gas sums", |input| input.minis[1].gas_used += 1),
    ("gas used", |input| {
        input.minis[1].txs[0].result.gas_used += 1
    }),
    ("mini-block order", |input| input.minis.swap(1, 2)),
    ("mini-block order", |input| {
        input.minis.remove(0);
    }),
    ("mini-block order", |input| input.minis[1].number += 1),
    ("mini-block order", |input| input.minis[1].index += 1),
    ("mini-block roots", |input| {
        input.minis[1].receipts_root = B256::ZERO
    }),
    ("mini-block roots", |input| {
        input.minis[1].transactions_root = B256::ZERO
    }),
    ("execution", |input| {
        input.minis[1].txs.remove(0);
    }),
    ("execution", |input| {
        let mut values = input.values.iter();
        let counter = values.position(|(key, _)| key.address == COUNTER && key.slot.is_some());
        input.values.remove(counter.unwrap());
    }),
    ("state before", |input| {
        let mut values = input.values.iter_mut();
        let counter = values.find(|(key, _)| key.address == COUNTER && key.slot.is_some());
        counter.unwrap().1 = PlainValue::Slot(U256::from(41));
    }),
];

#[test]
fn each_tampering_fails_its_check() {
    let honest = input_of(&Devnet::busy(), 2);
    for (nth, (check, tamper)) in ALONE.iter().enumerate() {
        let mut input = honest.clone();
        tamper(&mut input);
        reseal(&mut input);
        // The parent's record keeps its header only: what is tampered there breaks the link too.
        let mut failed = failures(&input);
        if *check == "parent state root" {
            failed.retain(|name| *name != "parent link");
        }
        assert_eq!(failed, [*check], "tampering {nth}");
    }
    for (nth, (check, tamper)) in AMONG_OTHERS.iter().enumerate() {
        let mut input = honest.clone();
        tamper(&mut input);
        let failed = failures(&input);
        assert!(
            failed.contains(check),
            "tampering {nth}: {check} is not in {failed:?}"
        );
    }
}

#[test]
fn what_is_changed_on_the_way_breaks_a_seal() {
    let honest = input_of(&Devnet::busy(), 2);
    let tamperings: [Tampering; 4] = [
        |input| input.minis[0].seal.r += U256::from(1),
        |input| input.minis[0].diff_digest = B256::ZERO,
        |input| input.minis[1].seal = input.minis[0].seal,
        |input| input.block.seal = input.minis[0].seal,
    ];
    for (nth, tamper) in tamperings.iter().enumerate() {
        let mut input = honest.clone();
        tamper(&mut input);
        assert_eq!(failures(&input), ["seals"], "tampering {nth}");
    }
    let mut input = honest;
    input.minis[1].txs[0].result.usage.data_size += 1;
    assert_eq!(failures(&input), ["seals", "data size"]);
}

#[test]
fn a_forged_sender_is_found() {
    let mut input = input_of(&Devnet::busy(), 2);
    input.minis[1].txs[0].sender = crate::builder::testing::account(1);
    assert!(failures(&input).contains(&"senders"));
}

#[test]
fn a_difference_is_told_with_its_place() {
    let mut input = input_of(&Devnet::busy(), 2);
    let number = input.minis[1].number;
    input.minis[1].txs[1].result.usage.data_size = 1;
    let report = verify(&input.encode()).unwrap();
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
