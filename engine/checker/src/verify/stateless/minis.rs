//! A devnet's mini-blocks, one by one, against what execution gives: results, receipts, diffs, signatures.
//!
//! No header commits to a mini-block as such, so that what is wrong here is wrong with what a node gave, or with what
//! the sequencer has signed, and not with the block.

use std::iter;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use op_alloy_consensus::OpReceiptEnvelope;
use rayon::prelude::*;

use super::{
    block::ClaimedTransaction,
    entry,
    replay::ReplayedBlock,
    roots::{receipts_root, transactions_root},
    text,
};
use crate::{
    block::{
        BlockRecord, DetentionCap, Digests, Halt, MiniBlock, StateDiff, TxResult, is_block_record,
    },
    keys::{KeyError, SignatureClaim, recover_claimed},
    replay::Effect,
    verify::{Difference, Report},
};

const RECORDS: &str = "mini-block records";

/// The devnet's log of one block.
#[derive(Debug)]
pub(super) struct Records {
    /// The parent's record, where it is given.
    parent: Option<BlockRecord>,
    minis: Vec<MiniBlock>,
    /// What the mini-blocks' content hashes to.
    contents: Vec<Digests>,
    block: BlockRecord,
}

impl Records {
    /// Reads the records as they follow each other in the log: the parent's, if it is there, the mini-blocks', and the
    /// block's own. Nothing if there are none, or if they can't be read, which the report then says.
    pub(super) fn read(records: &[&[u8]], report: &mut Report) -> Option<Self> {
        if records.is_empty() {
            return None;
        }
        match Self::decode(records) {
            Ok(read) => Some(read),
            Err(reason) => {
                report.fail(RECORDS, "those of the block and its mini-blocks", reason);
                None
            }
        }
    }

    fn decode(records: &[&[u8]]) -> Result<Self, String> {
        let (block, earlier) = records.split_last().ok_or("there are none")?;
        let (parent, minis) = match earlier.split_first() {
            Some((first, minis)) if is_block_record(first) => (Some(first), minis),
            _ => (None, earlier),
        };
        let read = |record: &&[u8]| BlockRecord::decode(record).map_err(text);
        let parent = parent.map(read).transpose()?;
        let minis: Result<Vec<_>, _> = minis
            .par_iter()
            .map(|record| MiniBlock::decode_with_digests(record).map_err(text))
            .collect();
        let (minis, contents) = minis?.into_iter().unzip();
        Ok(Self {
            parent,
            minis,
            contents,
            block: read(block)?,
        })
    }

    /// How many transactions each mini-block has, if together they have the block's.
    pub(super) fn parts(
        &self,
        transactions: &[Result<ClaimedTransaction, String>],
        report: &mut Report,
    ) -> Option<Vec<usize>> {
        const NAME: &str = "mini-block transactions";
        let count: usize = self.minis.iter().map(|mini| mini.txs.len()).sum();
        report.compare(NAME, || "count".into(), &transactions.len(), &count);
        let mut is_same = transactions.len() == count;
        let mut of_block = transactions.iter();
        for mini in &self.minis {
            for ((nth, record), claimed) in mini.txs.iter().enumerate().zip(&mut of_block) {
                let Ok(claimed) = claimed else {
                    return None;
                };
                let at =
                    |what: &str| format!("mini-block {}, transaction {nth}{what}", mini.number);
                report.compare(NAME, || at(""), &claimed.hash, &record.hash);
                report.compare(NAME, || at(", sender"), &claimed.from, &record.sender);
                is_same &= claimed.hash == record.hash;
            }
        }
        is_same.then(|| self.minis.iter().map(|mini| mini.txs.len()).collect())
    }

    /// That the mini-blocks are all there, in order, and add up to the block.
    pub(super) fn order(&self, hash: &B256, header: &Header, report: &mut Report) {
        const ORDER: &str = "mini-block order";
        const TIMESTAMPS: &str = "mini-block timestamps";
        let block = &self.block;
        report.compare(RECORDS, || "block".into(), hash, &block.hash);
        if let Some(parent) = &self.parent {
            let at = || "parent".into();
            report.compare(RECORDS, at, &header.parent_hash, &parent.hash);
            let (next, first) = (parent.next_mini(), block.first_mini);
            report.compare(ORDER, || "first mini-block".into(), &next, &first);
        }
        let count = self.minis.len() as u64;
        report.compare(ORDER, || "count".into(), &block.mini_count, &count);
        let mut last_us = header.timestamp.saturating_mul(1_000_000);
        for (nth, mini) in (0u64..).zip(&self.minis) {
            let at = |what: &str| format!("mini-block {nth}, {what}");
            let number = block.first_mini.saturating_add(nth);
            report.compare(ORDER, || at("number"), &number, &mini.number);
            report.compare(ORDER, || at("index"), &nth, &mini.index);
            let number = &header.number;
            report.compare(ORDER, || at("block number"), number, &mini.block_number);
            report.compare(
                TIMESTAMPS,
                || at("block timestamp"),
                &header.timestamp,
                &mini.block_timestamp,
            );
            let earliest = last_us.max(mini.timestamp_us);
            report.compare(TIMESTAMPS, || at("time"), &earliest, &mini.timestamp_us);
            last_us = mini.timestamp_us;
            let gas: u64 = mini.txs.iter().map(|record| record.result.gas_used).sum();
            report.compare("gas sums", || at("gas used"), &gas, &mini.gas_used);
        }
        let gas: u64 = self.minis.iter().map(|mini| mini.gas_used).sum();
        report.compare("gas sums", || "block".into(), &gas, &header.gas_used);
    }

    /// Who signed the mini-blocks, their content, and the block.
    pub(super) fn signatures(&self, sequencer: Address, report: &mut Report) {
        const NAME: &str = "mini-block signatures";
        const SEALS: &str = "seals";
        report.note(NAME, None);
        let of_minis = self.minis.iter().zip(&self.contents);
        let claims = of_minis.flat_map(|(mini, content)| mini.signature_claims(content, sequencer));
        let claims: Vec<SignatureClaim> = claims
            .chain([self.block.signature_claim(sequencer)])
            .collect();
        let mut signers = recover_claimed(&claims).into_iter();
        let mut signed = |name, place: &dyn Fn() -> String, by: Address, report: &mut Report| {
            let signer = signers.next().unwrap_or(Err(KeyError::InvalidSignature));
            report.compare_told(name, place, &Ok(by), &signer, |signer| {
                signer.map_or_else(text, text)
            });
        };
        for (mini, content) in self.minis.iter().zip(&self.contents) {
            let at = |what: &str| format!("mini-block {}{what}", mini.number);
            signed(NAME, &|| at(""), sequencer, report);
            report.compare(
                SEALS,
                || at(", diff digest"),
                &content.diff,
                &mini.diff_digest,
            );
            signed(SEALS, &|| at(""), mini.sealer(sequencer), report);
        }
        signed(SEALS, &|| "block".into(), sequencer, report);
    }

    /// Compares transaction by transaction, mini-block by mini-block. The block must have been executed in the parts
    /// that are the mini-blocks.
    pub(super) fn contents(&self, executed: &ReplayedBlock, report: &mut Report) {
        let mut receipts = &executed.receipts[..];
        let mut again = executed.results.iter();
        for (mini, effect) in self.minis.iter().zip(&executed.effects) {
            for ((nth, record), again) in mini.txs.iter().enumerate().zip(&mut again) {
                let place = || format!("mini-block {}, transaction {nth}", mini.number);
                results(again, &record.result, place, report);
            }
            diff(effect, mini, report);
            let (own, others) = receipts.split_at(mini.txs.len().min(receipts.len()));
            receipts = others;
            roots(mini, own, report);
        }
    }
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
    // What an older record doesn't tell is compared as if it told the truth.
    let told = match DetentionCap::agrees(a.detention, b.detention) {
        true => a.detention,
        false => b.detention,
    };
    report.compare_told("detention", &place, &a.detention, &told, |detention| {
        format!("{detention:?}")
    });
    report.compare_told("halt reasons", &place, &a.halt, &b.halt, halt);
    let count = (again.logs.len(), said.logs.len());
    report.compare("logs", || format!("{}, count", place()), &count.0, &count.1);
    for (nth, (expected, actual)) in again.logs.iter().zip(&said.logs).enumerate() {
        let at = || format!("{}, log {nth}", place());
        report.compare_told("logs", at, expected, actual, |log| format!("{log:?}"));
    }
    let (expected, actual) = (OtherResults::of(again), OtherResults::of(said));
    report.compare_told("other results", &place, &expected, &actual, |results| {
        format!("{results:?}")
    });
}

/// What is compared under no name of its own.
#[derive(Debug, PartialEq)]
struct OtherResults<'a> {
    gas_refunded: u64,
    contract_address: Option<Address>,
    output: &'a Bytes,
    deposit_nonce: Option<u64>,
}

impl<'a> OtherResults<'a> {
    fn of(result: &'a TxResult) -> Self {
        let TxResult {
            success: _,
            gas_used: _,
            gas_refunded,
            logs: _,
            contract_address,
            output,
            usage: _,
            deposit_nonce,
        } = result;
        Self {
            gas_refunded: *gas_refunded,
            contract_address: *contract_address,
            output,
            deposit_nonce: *deposit_nonce,
        }
    }
}

fn halt(reason: &Option<Halt>) -> String {
    reason
        .as_ref()
        .map_or_else(|| "none".to_owned(), |reason| format!("{reason:?}"))
}

/// One mini-block's state diff: what executing it changed.
fn diff(effect: &Effect, mini: &MiniBlock, report: &mut Report) {
    const NAME: &str = "state diffs";
    report.note(NAME, None);
    let at = |what: String| format!("mini-block {}, {what}", mini.number);
    let StateDiff { entries, codes } = &mini.diff;
    let expected = effect.changes.iter().map(|change| (change.key, change.new));
    let difference = expected
        .clone()
        .map(Some)
        .chain(iter::repeat(None))
        .zip(entries.iter().copied().map(Some).chain(iter::repeat(None)))
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
        let hash = keccak256(code);
        if !effect.codes.contains_key(&hash) {
            report.fail(
                NAME,
                "only code of changed accounts",
                at(format!("code with hash {hash}")),
            );
        }
    }
}

/// The roots that a mini-block's signature covers.
fn roots(mini: &MiniBlock, receipts: &[OpReceiptEnvelope], report: &mut Report) {
    const NAME: &str = "mini-block roots";
    let at = || format!("mini-block {}", mini.number);
    let raw: Vec<&Bytes> = mini.txs.iter().map(|record| &record.raw).collect();
    let root = transactions_root(&raw);
    report.compare(NAME, at, &root, &mini.transactions_root);
    report.compare(NAME, at, &receipts_root(receipts), &mini.receipts_root);
}
