//! The checks themselves: what the block says against what the rules and re-execution give.

use std::fmt::Display;

use alloy_consensus::{
    Header, TxReceipt as _,
    constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH},
};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use alloy_trie::root::{ordered_trie_root_with_encoder, storage_root_unhashed};
use op_alloy_consensus::{OpReceiptEnvelope, OpTxEnvelope};

use super::{
    input::BlockInput,
    replay::{Effect, Replay, ReplayError, cache},
    report::{Difference, Report},
    witness::Witness,
};
use crate::{
    block::{
        Halt, MiniBlock, PlainKey, PlainValue, REQUESTS_HASH, Sender, StateDiff, TxRecord,
        TxResult, WITHDRAWALS_ADDRESS, prev_randao,
    },
    evm::BlockContext,
    salt::{stateless::WitnessState, witness::SaltWitness},
    state::Change,
};

/// Makes all checks.
pub(super) fn check(input: &BlockInput) -> Report {
    let mut report = Report {
        block: input.block.header.number,
        hash: input.hash,
        ..Report::default()
    };
    header(input, &mut report);
    order(input, &mut report);
    let witness = input.witness();
    match execution(input, &witness, &mut report) {
        Ok(executed) => {
            report.note("execution", None);
            roots(input, &executed, &mut report);
            state(input, &witness, &executed.changes, &mut report);
        }
        Err(error) => {
            report.fail("execution", "every transaction executes", error.to_string());
        }
    }
    report
}

pub(super) fn nowhere() -> String {
    String::new()
}

/// The header's link to its parent, and every field that the rules fix.
fn header(input: &BlockInput, report: &mut Report) {
    let (block, parent) = (&input.block.header, &input.parent.header);
    report.compare("header hash", nowhere, &input.block.hash, &input.hash);
    report.compare(
        "parent link",
        nowhere,
        &input.parent.hash,
        &block.parent_hash,
    );
    report.compare(
        "parent link",
        || "number".into(),
        &(parent.number + 1),
        &block.number,
    );
    if block.timestamp < parent.timestamp {
        let expected = format!("at least {}", parent.timestamp);
        report.fail("timestamps", &expected, block.timestamp.to_string());
    } else {
        report.note("timestamps", None);
    }

    let fixed = Header {
        parent_hash: block.parent_hash,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: input.coinbase,
        state_root: block.state_root,
        transactions_root: block.transactions_root,
        receipts_root: block.receipts_root,
        logs_bloom: block.logs_bloom,
        number: block.number,
        gas_limit: input.gas_limit,
        gas_used: block.gas_used,
        timestamp: block.timestamp,
        extra_data: input.extra_data.clone(),
        mix_hash: prev_randao(block.parent_hash, block.number),
        base_fee_per_gas: Some(input.base_fee),
        withdrawals_root: block.withdrawals_root,
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(REQUESTS_HASH),
        ..Header::default()
    };
    let fields: [(&str, String, String); 9] = [
        ("coinbase", text(fixed.beneficiary), text(block.beneficiary)),
        ("gas limit", text(fixed.gas_limit), text(block.gas_limit)),
        (
            "extra data",
            text(&fixed.extra_data),
            text(&block.extra_data),
        ),
        ("mix hash", text(fixed.mix_hash), text(block.mix_hash)),
        (
            "base fee",
            maybe(fixed.base_fee_per_gas),
            maybe(block.base_fee_per_gas),
        ),
        (
            "ommers hash",
            text(fixed.ommers_hash),
            text(block.ommers_hash),
        ),
        (
            "requests hash",
            maybe(fixed.requests_hash),
            maybe(block.requests_hash),
        ),
        (
            "beacon root",
            maybe(fixed.parent_beacon_block_root),
            maybe(block.parent_beacon_block_root),
        ),
        (
            "other fields",
            text(fixed.hash_slow()),
            text(block.hash_slow()),
        ),
    ];
    for (name, expected, actual) in fields {
        report.compare("header fields", || name.to_owned(), &expected, &actual);
    }
}

pub(super) fn text(value: impl Display) -> String {
    value.to_string()
}

pub(super) fn maybe(value: Option<impl Display>) -> String {
    value.map_or_else(|| "absent".to_owned(), text)
}

/// That the mini-blocks are all there, in order, and add up to the block.
fn order(input: &BlockInput, report: &mut Report) {
    const ORDER: &str = "mini-block order";
    let block = &input.block;
    report.compare(
        ORDER,
        || "first mini-block".into(),
        &input.parent.next_mini(),
        &block.first_mini,
    );
    report.compare(
        ORDER,
        || "count".into(),
        &block.mini_count,
        &(input.minis.len() as u64),
    );
    let mut last_us = block.header.timestamp.saturating_mul(1_000_000);
    for (nth, mini) in (0u64..).zip(&input.minis) {
        let at = |what: &str| format!("mini-block {nth}, {what}");
        report.compare(
            ORDER,
            || at("number"),
            &(block.first_mini + nth),
            &mini.number,
        );
        report.compare(ORDER, || at("index"), &nth, &mini.index);
        report.compare(
            ORDER,
            || at("block number"),
            &block.header.number,
            &mini.block_number,
        );
        let timestamp = &block.header.timestamp;
        report.compare(
            "timestamps",
            || at("block timestamp"),
            timestamp,
            &mini.block_timestamp,
        );
        let earliest = last_us.min(mini.timestamp_us);
        report.compare("timestamps", || at("not earlier than"), &last_us, &earliest);
        last_us = mini.timestamp_us;
        let gas: u64 = mini.txs.iter().map(|record| record.result.gas_used).sum();
        report.compare("gas sums", || at("gas used"), &gas, &mini.gas_used);
    }
    let gas: u64 = input.minis.iter().map(|mini| mini.gas_used).sum();
    report.compare("gas sums", || "block".into(), &gas, &block.header.gas_used);
}

/// What re-execution gives for the whole block.
struct Executed {
    receipts: Vec<OpReceiptEnvelope>,
    /// Sorted by key; old values are those before the block.
    changes: Vec<Change>,
}

/// Executes everything again and compares transaction by transaction, mini-block by mini-block.
fn execution(
    input: &BlockInput,
    witness: &Witness,
    report: &mut Report,
) -> Result<Executed, ReplayError> {
    let rules = input.rules().map_err(ReplayError::of)?;
    let mut cache = cache(witness);
    let context = BlockContext::of(&input.block.header);
    let extra_data = input.block.header.extra_data.clone();
    let mut replay = Replay::begin(witness, &mut cache, &rules, &context, extra_data)?;
    signatures(input, replay.sequencer(), report);
    let system_address = replay.system_address();
    let mut changes = std::collections::BTreeMap::new();
    for mini in &input.minis {
        for (nth, record) in mini.txs.iter().enumerate() {
            let place = || format!("mini-block {}, transaction {nth}", mini.number);
            let envelope = record.envelope().map_err(ReplayError::of)?;
            sender(&envelope, record, system_address, place, report);
            let again = replay.execute(&envelope, record.sender)?;
            results(&again, &record.result, place, report);
        }
        let effect = replay.take_effect();
        diff(&effect, mini, report);
        for change in effect.changes {
            changes.entry(change.key).or_insert(change).new = change.new;
        }
    }
    let receipts = replay.receipts().to_vec();
    mini_roots(input, &receipts, report);
    let changes = changes
        .into_values()
        .filter(|change| change.old != change.new)
        .collect();
    Ok(Executed { receipts, changes })
}

fn signatures(input: &BlockInput, sequencer: Address, report: &mut Report) {
    const NAME: &str = "mini-block signatures";
    const SEALS: &str = "seals";
    report.note(NAME, None);
    let expected = text(sequencer);
    for mini in &input.minis {
        let at = |what: &str| format!("mini-block {}{what}", mini.number);
        let signer = mini.signer().map_or_else(text, text);
        report.compare(NAME, || at(""), &expected, &signer);
        let content = mini.digests();
        report.compare(
            SEALS,
            || at(", diff digest"),
            &content.diff,
            &mini.diff_digest,
        );
        let sealer = mini.sealer(&content).map_or_else(text, text);
        report.compare(SEALS, || at(""), &expected, &sealer);
    }
    let sealer = input.block.sealer().map_or_else(text, text);
    report.compare(SEALS, || "block".into(), &expected, &sealer);
}

/// That the sender is who signed. System transactions carry no signature; only the system address
/// may send them, and mega-evm itself checks what they may do.
fn sender(
    envelope: &OpTxEnvelope,
    record: &TxRecord,
    system_address: Address,
    place: impl FnOnce() -> String,
    report: &mut Report,
) {
    let signer = match Sender::of(envelope) {
        Ok(Sender::Known(signer)) => text(signer),
        Ok(Sender::Unsigned) => text(system_address),
        Err(error) => text(error),
    };
    report.compare("senders", place, &signer, &text(record.sender));
}

/// One transaction's result, in every dimension.
fn results(again: &TxResult, said: &TxResult, place: impl Fn() -> String, report: &mut Report) {
    let (a, b) = (&again.usage, &said.usage);
    report.compare("status", &place, &again.success, &said.success);
    report.compare("gas used", &place, &again.gas_used, &said.gas_used);
    let numbers = [
        ("compute gas", a.compute_gas, b.compute_gas),
        ("compute gas", a.metered_compute_gas, b.metered_compute_gas),
        ("storage gas", a.storage_gas, b.storage_gas),
        ("data size", a.data_size, b.data_size),
        ("KV updates", a.kv_updates, b.kv_updates),
        ("state growth", a.state_growth, b.state_growth),
    ];
    for (name, expected, actual) in numbers {
        report.compare(name, &place, &expected, &actual);
    }
    report.compare("detention", &place, &a.detained, &b.detained);
    report.compare("halt reasons", &place, &halt(&a.halt), &halt(&b.halt));
    let count = (again.logs.len(), said.logs.len());
    report.compare("logs", || format!("{}, count", place()), &count.0, &count.1);
    for (nth, (expected, actual)) in again.logs.iter().zip(&said.logs).enumerate() {
        let at = || format!("{}, log {nth}", place());
        report.compare("logs", at, &format!("{expected:?}"), &format!("{actual:?}"));
    }
    // What the fields above leave: contract address, return data, refund, deposit nonce.
    let rest = |result: &TxResult| {
        let mut rest = result.clone();
        (rest.logs, rest.usage, rest.success, rest.gas_used) = Default::default();
        format!("{rest:?}")
    };
    report.compare("other results", &place, &rest(again), &rest(said));
}

fn halt(reason: &Option<Halt>) -> String {
    reason
        .as_ref()
        .map_or_else(|| "none".to_owned(), |reason| format!("{reason:?}"))
}

/// One mini-block's state diff.
fn diff(effect: &Effect, mini: &MiniBlock, report: &mut Report) {
    const NAME: &str = "state diffs";
    report.note(NAME, None);
    let at = |what: String| format!("mini-block {}, {what}", mini.number);
    let StateDiff { entries, codes } = &mini.diff;
    let expected = effect.changes.iter().map(|change| (change.key, change.new));
    let difference = expected
        .clone()
        .map(Some)
        .chain(std::iter::repeat(None))
        .zip(
            entries
                .iter()
                .copied()
                .map(Some)
                .chain(std::iter::repeat(None)),
        )
        .take(expected.len().max(entries.len()))
        .find(|(expected, actual)| expected != actual);
    if let Some((expected, actual)) = difference {
        let expected = at(expected.map_or_else(|| "nothing more".to_owned(), entry));
        let actual = at(actual.map_or_else(|| "nothing more".to_owned(), entry));
        report.note(NAME, Some(Difference { expected, actual }));
    }
    // The diff carries code only where the chain had never seen it, so that less is no fault; code
    // that no changed account has is one.
    for code in codes {
        let hash = alloy_primitives::keccak256(code);
        if !effect.codes.contains_key(&hash) {
            report.fail(
                NAME,
                "only code of changed accounts",
                at(format!("code with hash {hash}")),
            );
        }
    }
}

pub(super) fn entry((key, value): (PlainKey, PlainValue)) -> String {
    match key.slot {
        Some(slot) => format!("{}, slot {slot} = {:#x}", key.address, value.as_slot()),
        None => match value.as_account() {
            Some(account) => format!(
                "{} = nonce {}, balance {}, code hash {}",
                key.address, account.nonce, account.balance, account.code_hash
            ),
            None => format!("{} = absent", key.address),
        },
    }
}

/// The roots that the mini-blocks' signatures cover.
fn mini_roots(input: &BlockInput, receipts: &[OpReceiptEnvelope], report: &mut Report) {
    let mut rest = receipts;
    for mini in &input.minis {
        let (own, others) = rest.split_at(mini.txs.len().min(rest.len()));
        rest = others;
        let at = || format!("mini-block {}", mini.number);
        let raw: Vec<&Bytes> = mini.txs.iter().map(|record| &record.raw).collect();
        report.compare(
            "mini-block roots",
            at,
            &transactions_root(&raw),
            &mini.transactions_root,
        );
        report.compare(
            "mini-block roots",
            at,
            &receipts_root(own),
            &mini.receipts_root,
        );
    }
}

/// The root of the transactions' bytes, in order.
pub(super) fn transactions_root(raw: &[impl AsRef<[u8]>]) -> B256 {
    match raw.is_empty() {
        true => EMPTY_ROOT_HASH,
        false => {
            ordered_trie_root_with_encoder(raw, |raw, out| out.extend_from_slice(raw.as_ref()))
        }
    }
}

fn receipts_root(receipts: &[OpReceiptEnvelope]) -> B256 {
    match receipts.is_empty() {
        true => EMPTY_ROOT_HASH,
        false => ordered_trie_root_with_encoder(receipts, |receipt, out| receipt.encode_2718(out)),
    }
}

/// The header's summary of its transactions.
fn roots(input: &BlockInput, executed: &Executed, report: &mut Report) {
    let header = &input.block.header;
    let raw: Vec<&Bytes> = input
        .minis
        .iter()
        .flat_map(|mini| &mini.txs)
        .map(|record| &record.raw)
        .collect();
    report.compare(
        "transactions root",
        nowhere,
        &transactions_root(&raw),
        &header.transactions_root,
    );
    receipt_sums(&executed.receipts, header, report);
}

/// What the header says of its receipts all together.
pub(super) fn receipt_sums(receipts: &[OpReceiptEnvelope], header: &Header, report: &mut Report) {
    report.compare(
        "receipts root",
        nowhere,
        &receipts_root(receipts),
        &header.receipts_root,
    );
    let bloom = receipts
        .iter()
        .fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.bloom());
    report.compare("logs bloom", nowhere, &bloom, &header.logs_bloom);
    let gas = receipts
        .last()
        .map_or(0, |receipt| receipt.cumulative_gas_used());
    report.compare("block gas used", nowhere, &gas, &header.gas_used);
}

/// The roots that bind the state after the block.
fn state(input: &BlockInput, witness: &Witness, changes: &[Change], report: &mut Report) {
    let (header, parent) = (&input.block.header, &input.parent.header);
    match known_state(input) {
        Ok(known) => {
            report.note("parent state root", None);
            let expected = "what the proof shows";
            for (key, value) in &input.values {
                match known.get(&key.to_bytes()) {
                    Ok(proven) if proven.clone().unwrap_or_default() == value.to_bytes() => {}
                    Ok(_) => report.fail("state before", expected, entry((*key, *value))),
                    Err(error) => report.fail("state before", expected, error.to_string()),
                }
            }
            report.note("state before", None);
            root_after(&known, changes, &header.state_root, report);
        }
        Err(reason) => report.fail("parent state root", &text(parent.state_root), reason),
    }

    let withdrawals = || {
        changes
            .iter()
            .filter(|change| change.key.address == WITHDRAWALS_ADDRESS)
    };
    let root = match withdrawals().any(|change| change.key.slot.is_some()) {
        false => parent.withdrawals_root.unwrap_or(EMPTY_ROOT_HASH),
        true => {
            let mut slots: std::collections::BTreeMap<B256, U256> =
                witness.slots_of(WITHDRAWALS_ADDRESS).collect();
            for change in withdrawals() {
                if let Some(slot) = change.key.slot {
                    slots.insert(slot, change.new.as_slot());
                }
            }
            slots.retain(|_, value| !value.is_zero());
            storage_root_unhashed(slots)
        }
    };
    report.compare(
        "withdrawals root",
        nowhere,
        &Some(root).map_or_else(String::new, text),
        &maybe(header.withdrawals_root),
    );
}

/// The state before the block as far as the input proves it.
fn known_state(input: &BlockInput) -> Result<WitnessState, String> {
    if input.proof.is_empty() {
        return Err("the sequencer can't prove the state before this block any more".to_owned());
    }
    let witness = SaltWitness::decode(&input.proof).map_err(text)?;
    let root = input.parent.header.state_root;
    WitnessState::new(witness, &root.0, input.data_buckets).map_err(text)
}

fn root_after(known: &WitnessState, changes: &[Change], root: &B256, report: &mut Report) {
    let changes: Vec<(Vec<u8>, Vec<u8>)> = changes
        .iter()
        .map(|change| (change.key.to_bytes(), change.new.to_bytes()))
        .collect();
    match known.update(changes.iter().map(|(key, value)| (&key[..], &value[..]))) {
        Ok(update) => report.compare("state root", nowhere, &B256::from(update.root()), root),
        Err(error) => report.fail("state root", &text(root), error.to_string()),
    }
}
