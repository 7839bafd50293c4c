//! Executes a followed block's mini-blocks again, by the checker's own way through mega-evm.
//!
//! The executor lives on a thread of its own as long as the block is open, for it borrows the state that it
//! reads. One mini-block at a time goes over and the verdict comes back. After a verdict other than "fine"
//! the thread is of no use any more: the transactions have run already.

use std::{sync::Arc, thread::JoinHandle};

use alloy_primitives::{Address, B256, keccak256};
use crossbeam_channel::{Receiver, Sender, bounded};
use op_alloy_consensus::OpTxEnvelope;
use rayon::prelude::*;

use super::bad_data::{BadData, FollowError, Kind};
use crate::{
    block::{self, MiniBlock, TxRecord},
    chain::{Chain, SharedBlock},
    evm::is_system_transaction,
    replay::{Effect, Replay, cache},
    state::View,
};

type Verdict = Result<(), FollowError>;

/// A block that is being executed again.
pub(super) struct Reexecution {
    minis: Option<Sender<Arc<MiniBlock>>>,
    verdicts: Receiver<Verdict>,
    thread: Option<JoinHandle<()>>,
}

impl Reexecution {
    /// Begins the block after `parent`.
    pub(super) fn begin(
        chain: &Arc<Chain>,
        parent: &SharedBlock,
        timestamp: u64,
    ) -> Result<Self, FollowError> {
        let (minis, inbox) = bounded::<Arc<MiniBlock>>(1);
        let (outbox, verdicts) = bounded(1);
        let (chain, parent) = (chain.clone(), parent.clone());
        let thread = std::thread::Builder::new()
            .name("reexecute".to_owned())
            .spawn(move || run(&chain, &parent, timestamp, &inbox, &outbox))
            .map_err(|error| FollowError::Failed(format!("no thread: {error}")))?;
        Ok(Self {
            minis: Some(minis),
            verdicts,
            thread: Some(thread),
        })
    }

    /// Executes the next mini-block and compares.
    pub(super) fn check(&self, mini: &Arc<MiniBlock>) -> Verdict {
        let gone = || FollowError::Failed("re-execution ended unexpectedly".to_owned());
        let minis = self.minis.as_ref().ok_or_else(gone)?;
        // A thread that ended has left its verdict behind.
        let _ = minis.send(mini.clone());
        self.verdicts.recv().map_err(|_| gone())?
    }
}

impl Drop for Reexecution {
    fn drop(&mut self) {
        drop(self.minis.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn failed(error: impl std::fmt::Display) -> FollowError {
    FollowError::Failed(error.to_string())
}

fn run(
    chain: &Chain,
    parent: &SharedBlock,
    timestamp: u64,
    inbox: &Receiver<Arc<MiniBlock>>,
    outbox: &Sender<Verdict>,
) {
    let Some(pin) = chain.world.pin_block(parent.header.number) else {
        let _ = outbox.send(Err(failed("the parent's state is gone")));
        return;
    };
    let view = View::new(chain.world.clone(), pin);
    let number = parent.header.number + 1;
    let rules = chain.rules(number);
    let mut cache = cache(&view);
    let context = chain.config.block_context(number, timestamp, parent.hash);
    let mut replay = match Replay::begin(&view, &mut cache, &rules, &context) {
        Ok(replay) => replay,
        Err(error) => {
            let _ = outbox.send(Err(failed(error)));
            return;
        }
    };
    while let Ok(mini) = inbox.recv() {
        let verdict = execute(&mut replay, &mini).map_err(FollowError::from);
        let goes_on = verdict.is_ok();
        if outbox.send(verdict).is_err() || !goes_on {
            return;
        }
    }
}

fn execute(replay: &mut Replay<'_, '_, View>, mini: &MiniBlock) -> Result<(), BadData> {
    let bad = |nth: usize, reason: String| {
        BadData::new(
            Kind::Execution,
            format!("mini-block {}, transaction {nth}: {reason}", mini.number),
        )
    };
    let system = replay.system_address();
    let envelopes: Vec<OpTxEnvelope> = mini
        .txs
        .par_iter()
        .enumerate()
        .map(|(nth, record)| {
            let envelope = record
                .envelope()
                .map_err(|error| bad(nth, error.to_string()))?;
            check_sender(&envelope, record, system).map_err(|reason| bad(nth, reason))?;
            Ok(envelope)
        })
        .collect::<Result<_, BadData>>()?;
    for (nth, (envelope, record)) in envelopes.iter().zip(&mini.txs).enumerate() {
        let again = replay
            .execute(envelope, record.sender)
            .map_err(|error| bad(nth, error.to_string()))?;
        if !again.agrees(&record.result) {
            return Err(bad(
                nth,
                format!("it gives {again:?}, not {:?}", record.result),
            ));
        }
    }
    compare(&replay.take_effect(), mini)
}

/// That the sender is who signed. System transactions carry no signature, and only the system address may
/// send them.
fn check_sender(envelope: &OpTxEnvelope, record: &TxRecord, system: Address) -> Result<(), String> {
    if is_system_transaction(envelope, record.sender, system) {
        return Ok(());
    }
    match block::Sender::of(envelope) {
        Ok(block::Sender::Known(signer)) if signer == record.sender => Ok(()),
        Ok(block::Sender::Known(signer)) => {
            Err(format!("{signer} signed it, not {}", record.sender))
        }
        Ok(block::Sender::Unsigned) => Err("nobody signed it".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether a changed account has this code. Over another chain's state its code comes along, though it had that before:
/// who builds has not read it from here.
fn has_code(effect: &Effect, hash: B256) -> bool {
    let mut accounts = effect
        .changes
        .iter()
        .filter_map(|change| change.new.as_account());
    effect.codes.contains_key(&hash) || accounts.any(|account| account.code_hash == hash)
}

/// That a mini-block's diff is what executing it changed.
fn compare(effect: &Effect, mini: &MiniBlock) -> Result<(), BadData> {
    let bad = |reason: String| {
        let reason = format!("mini-block {}, state diff: {reason}", mini.number);
        Err(BadData::new(Kind::Diff, reason))
    };
    let said = &mini.diff.entries;
    for (nth, change) in effect.changes.iter().enumerate() {
        let expected = (change.key, change.new);
        match said.get(nth) {
            Some(actual) if *actual == expected => {}
            Some(actual) => return bad(format!("{actual:?} instead of {expected:?}")),
            None => return bad(format!("{expected:?} is missing")),
        }
    }
    if let Some(more) = said.get(effect.changes.len()) {
        return bad(format!("{more:?} did not change"));
    }
    match mini
        .diff
        .codes
        .iter()
        .find(|code| !has_code(effect, keccak256(code)))
    {
        Some(code) => bad(format!("no account has the code {}", keccak256(code))),
        None => Ok(()),
    }
}
