//! Executes a part of a block again, by the one replay, and has somebody look on.

use mega_evm::MegaHardforks as _;
use std::sync::Arc;

use alloy_consensus::Transaction as _;
use alloy_eips::{BlockId, BlockNumberOrTag};

use super::{
    Node, RpcError,
    before::{Before, context_of, earlier},
    read::{Answer, damaged, state_error, unreadable},
    render::{BlockOffset, UNSEALED_HASH},
};
use crate::{
    block::{MiniBlock, TxRecord},
    chain::{SharedBlock, TxPlace, ViewError},
    evm::{
        BlockContext,
        simulate::Bounded,
        trace::{Form, Ran, Recorder, Root, TxPosition, Unfinished},
    },
    replay::{Replay, ReplayError, cache},
    state::StateError,
};

/// Transactions of a block that follow one another, and what was before them.
pub(super) struct Part {
    context: BlockContext,
    before: Before,
    block: Option<SharedBlock>,
    minis: Vec<Arc<MiniBlock>>,
    /// So many of the transactions are only there for what they changed.
    passed: usize,
    /// So many are traced.
    traced: usize,
    /// What the block holds before the first of `minis`.
    offset: BlockOffset,
}

impl Part {
    /// One transaction, from the beginning of its mini-block on.
    pub(super) fn transaction(node: &Node, place: &TxPlace) -> Result<Self, RpcError> {
        let mini = &place.mini;
        let block = node.sealed(BlockId::number(mini.block_number))?;
        Ok(Self {
            context: context_of(node, mini, block.as_ref())?,
            before: Before::new(node, mini.block_number, &earlier(node, mini)?)?,
            block,
            minis: vec![mini.clone()],
            passed: place.index,
            traced: 1,
            offset: node.offset_of(mini)?,
        })
    }

    /// A whole block, or of the open one what it holds so far.
    pub(super) fn block(node: &Node, id: BlockId) -> Result<Self, RpcError> {
        let unknown = || unreadable(&ViewError::UnknownBlock, id);
        let (block, minis) = match open(node, id)? {
            Some(minis) => (None, minis),
            None => {
                let block = node.sealed(id)?.ok_or_else(unknown)?;
                if block.header.number == node.chain.first_block() {
                    return Err(RpcError::server("genesis is not traceable"));
                }
                let minis = node.minis_of(&block)?;
                (Some(block), minis)
            }
        };
        let first = minis.first().ok_or_else(unknown)?;
        let traced = minis.iter().map(|mini| mini.txs.len()).sum();
        Ok(Self {
            context: context_of(node, first, block.as_ref())?,
            before: Before::new(node, first.block_number, &[])?,
            block,
            minis,
            passed: 0,
            traced,
            offset: BlockOffset::default(),
        })
    }

    /// Executes it; the trace of its only transaction.
    pub(super) fn one(&self, node: &Node, form: &Form) -> Answer {
        let mut out = Vec::new();
        self.each(node, form, &mut out, |out, _, trace| trace.write(out))?;
        Ok(out)
    }

    /// Executes it. `show` is handed the answer so far with each transaction's trace, to put around it what it likes.
    pub(super) fn each(
        &self,
        node: &Node,
        form: &Form,
        out: &mut Vec<u8>,
        mut show: impl FnMut(&mut Vec<u8>, &TxRecord, &mut Trace<'_>) -> Result<(), RpcError>,
    ) -> Result<(), RpcError> {
        if self.traced == 0 {
            return Ok(());
        }
        let failed = |error: ReplayError| match node.turn.ended() {
            Some(ended) => of_end(ended),
            None => RpcError::internal(format!("can't be executed again: {error}")),
        };
        let rules = node.chain.rules(self.context.number);
        let spec = node.chain.hardforks.spec_id(self.context.timestamp);
        let mut cache = cache(&self.before);
        let mut replay =
            Replay::begin(&self.before, &mut cache, &rules, &self.context).map_err(failed)?;
        let mut records = self.minis.iter().flat_map(|mini| &mini.txs);
        let mut offset = self.offset;
        for record in records.by_ref().take(self.passed) {
            node.turn.check(0).map_err(of_end)?;
            replay.next(record).map_err(failed)?;
            offset = offset.after(record);
        }
        let bounded = |held: usize| {
            let recorder = Recorder::of(form, held, Some(node.turn.clone()));
            Bounded::new(recorder, Some(node.turn.clone()))
        };
        let mut replay = replay.with_inspector(bounded(0));
        for record in records.take(self.traced) {
            node.turn.check(0).map_err(of_end)?;
            *replay.inspector_mut() = bounded(out.len());
            let envelope = record.envelope().map_err(damaged)?;
            let executed = replay.run(&envelope, record.sender).map_err(failed)?;
            if !executed.result().agrees(&record.result) {
                return Err(RpcError::internal(format!(
                    "transaction {} executed again has another result than its receipt",
                    record.hash
                )));
            }
            let mut recorder = std::mem::replace(replay.inspector_mut(), bounded(0)).inner;
            let ran = Ran {
                root: root(record, &envelope),
                position: Some(self.position(record, &offset)),
                outcome: executed.outcome(),
                result: executed.result(),
                spec,
                database: replay.state(),
            };
            let mut finish = |out: &mut Vec<u8>| {
                let finished = recorder.finish(out, form, &ran);
                finished.map_err(|unfinished| unfinished_error(node, unfinished))
            };
            show(out, record, &mut Trace(&mut finish))?;
            replay.commit(executed).map_err(failed)?;
            offset = offset.after(record);
        }
        Ok(())
    }

    fn position(&self, record: &TxRecord, offset: &BlockOffset) -> TxPosition {
        TxPosition {
            block_number: self.context.number,
            block_hash: self
                .block
                .as_ref()
                .map_or(UNSEALED_HASH, |block| block.hash),
            hash: record.hash,
            index: offset.transactions,
            first_log: offset.logs,
        }
    }
}

/// A transaction's trace, to be written behind what is in the answer already.
pub(super) struct Trace<'a>(&'a mut dyn FnMut(&mut Vec<u8>) -> Result<(), RpcError>);

impl Trace<'_> {
    /// Writes it.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> Result<(), RpcError> {
        (self.0)(out)
    }
}

/// The mini-blocks of the open block, if that is what `id` means.
fn open(node: &Node, id: BlockId) -> Result<Option<Vec<Arc<MiniBlock>>>, RpcError> {
    let minis = node.open_minis()?;
    let meant = match (id, minis.first()) {
        (_, None) => false,
        (BlockId::Number(BlockNumberOrTag::Pending), _) => true,
        (BlockId::Number(BlockNumberOrTag::Number(number)), Some(first)) => {
            number == first.block_number
        }
        _ => false,
    };
    Ok(Some(minis).filter(|_| meant))
}

/// What the first call of a transaction must say.
fn root(record: &TxRecord, envelope: &op_alloy_consensus::OpTxEnvelope) -> Root {
    Root {
        from: record.sender,
        to: envelope.to(),
        value: envelope.value(),
        input: envelope.input().clone(),
        gas_limit: envelope.gas_limit(),
    }
}

/// Why there is no trace.
pub(super) fn unfinished_error(node: &Node, unfinished: Unfinished<StateError>) -> RpcError {
    match unfinished {
        Unfinished::Ended => of_end(
            node.turn
                .ended()
                .unwrap_or_else(|| RpcError::internal("the trace was ended")),
        ),
        Unfinished::Database(error) => state_error(error),
        Unfinished::Json(error) => RpcError::internal(error.to_string()),
    }
}

/// The error of a trace that was ended, with what may be done about it.
pub(super) fn of_end(error: RpcError) -> RpcError {
    error.with_detail(
        "traces get shorter with callTracer (and onlyTopCall), with disableStack and disableStorage, and with a limit",
    )
}

/// Begins the next element of a list.
pub(super) fn separated(out: &mut Vec<u8>) {
    out.push(if out.is_empty() { b'[' } else { b',' });
}

/// Ends a list.
pub(super) fn closed(mut out: Vec<u8>) -> Vec<u8> {
    if out.is_empty() {
        out.push(b'[');
    }
    out.push(b']');
    out
}
