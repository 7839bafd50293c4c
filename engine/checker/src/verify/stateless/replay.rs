//! Executes a block over what is known.

use std::{collections::BTreeMap, fmt::Debug};

use alloy_consensus::Header;
use alloy_primitives::{Address, U256};
use op_alloy_consensus::{OpReceiptEnvelope, OpTxEnvelope};

use crate::{
    block::{PlainKey, PlainValue, Sender, TxResult},
    evm::{BlockContext, is_system_transaction},
    replay::{Effect, Replay, ReplayError, Rules, cache},
    state::{Change, StateReader},
};

/// A transaction, who signed it, and who is said to have sent it.
pub(super) type Claimed<'a> = (&'a OpTxEnvelope, Sender, Address);

/// What execution gives.
#[derive(Debug)]
pub(super) struct ReplayedBlock {
    /// The receipts, in order.
    pub(super) receipts: Vec<OpReceiptEnvelope>,
    /// The results, in order.
    pub(super) results: Vec<TxResult>,
    /// What each part of the block changed.
    pub(super) effects: Vec<Effect>,
    /// The keys whose values after the block differ from those before it, with their new values.
    pub(super) changes: BTreeMap<PlainKey, PlainValue>,
    /// Who must have signed the block's mini-blocks, if that was asked.
    pub(super) sequencer: Option<Address>,
}

/// Executes the block of `header`, in parts of so many transactions each. The claimed sender counts only where a
/// system transaction has no signature. `with_sequencer` asks who has signed mini-blocks, which takes a read that the
/// block itself does not make.
pub(super) fn replay<S: StateReader + Debug>(
    known: &S,
    rules: &Rules,
    header: &Header,
    transactions: &[Claimed<'_>],
    parts: &[usize],
    with_sequencer: bool,
) -> Result<ReplayedBlock, ReplayError> {
    let mut cache = cache(known);
    let mut replay = Replay::begin(known, &mut cache, rules, &BlockContext::of(header))?;
    let sequencer = with_sequencer.then(|| replay.sequencer()).transpose()?;
    let system = replay.system_address();
    let mut rest = transactions.iter().enumerate();
    let mut results = Vec::with_capacity(transactions.len());
    let mut effects = Vec::with_capacity(parts.len());
    for part in parts {
        for (nth, (envelope, sender, claimed)) in rest.by_ref().take(*part) {
            let at = |error: String| ReplayError::of(format!("transaction {nth}: {error}"));
            let sender = match sender {
                Sender::Known(sender) => *sender,
                Sender::Unsigned if is_system_transaction(envelope, *claimed, system) => *claimed,
                Sender::Unsigned => {
                    return Err(at(
                        "it has no signature, which only the system address's have not".into(),
                    ));
                }
            };
            let result = replay.execute(envelope, sender);
            results.push(result.map_err(|error| at(error.to_string()))?);
        }
        effects.push(replay.take_effect());
    }
    Ok(ReplayedBlock {
        receipts: replay.receipts().to_vec(),
        changes: net(&effects),
        results,
        effects,
        sequencer,
    })
}

/// What several parts changed together.
fn net(effects: &[Effect]) -> BTreeMap<PlainKey, PlainValue> {
    let mut net: BTreeMap<PlainKey, Change> = BTreeMap::new();
    for change in effects.iter().flat_map(|effect| &effect.changes) {
        net.entry(change.key).or_insert(*change).new = change.new;
    }
    let changed = net.into_values().filter(|change| change.old != change.new);
    changed.map(|change| (change.key, change.new)).collect()
}

/// The changes of the withdrawals contract's storage, as its trie takes them.
pub(super) fn withdrawals(
    changes: &BTreeMap<PlainKey, PlainValue>,
    contract: Address,
) -> Vec<([u8; 32], [u8; 32])> {
    let own = changes.iter().filter(|(key, _)| key.address == contract);
    own.filter_map(|(key, value)| {
        let slot = key.slot?;
        Some((slot.0, U256::to_be_bytes(&value.as_slot())))
    })
    .collect()
}
