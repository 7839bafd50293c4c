//! What contracts told the console: transactions that met it are executed again by the one replay, simulations once more
//! over the state that they ran over. No method: [`next`] is for who shows it.

use std::{sync::Arc, time::Duration};

use alloy_eips::BlockId;
use alloy_primitives::B256;
use revm::{bytecode::Bytecode, database::CacheDB};

use super::{
    Node, RpcError,
    before::{Before, context_of, earlier},
    call::PreparedCall,
    setting::setting_at,
};
use crate::{
    chain::console::Job,
    evm::{
        Watch,
        console::{CONSOLE, Deadline, Heard, Listener},
        simulate::{Bounded, CallRequest, Setting},
    },
    replay::{Replay, ReplayError, cache},
};

/// Of memory, a slot in a map, and an account.
const SLOT_BYTES: usize = 128;
const ACCOUNT_BYTES: usize = 256;

/// What was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Executed {
    /// A transaction of the chain.
    Transaction(B256),
    /// A call that changed nothing, by its method.
    Simulation(&'static str),
}

/// What one execution told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsoleText {
    /// The execution.
    pub source: Executed,
    /// What it told.
    pub heard: Heard,
}

/// What was told since the last time.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// In the order of execution.
    pub told: Vec<ConsoleText>,
    /// Executions that met the console and will not be heard: there were too many.
    pub lost: u64,
    /// Why that is not all.
    pub failure: Option<String>,
}

/// Waits until something was told, and finds out what; nothing after the timeout, `None` when nothing will be any more.
pub(crate) fn next(node: &Node, timeout: Duration) -> Option<Output> {
    let recent = &node.chain.recent;
    let next = (node.chain.console).next(timeout, || recent.visible_minis())?;
    let mut output = Output {
        lost: next.lost,
        ..Output::default()
    };
    match next.job {
        None => {}
        Some(Job::Transactions { mini, indices }) => {
            let heard = hear(node, mini, &indices, &mut output.told);
            output.failure = heard.err().map(|error| {
                format!(
                    "transactions of mini-block {mini} can't be heard: {}",
                    error.message
                )
            });
        }
        Some(Job::Simulation { method, again, .. }) => {
            let (heard, failure) = again();
            let source = Executed::Simulation(method);
            output.told.push(ConsoleText { source, heard });
            output.failure = failure.map(|why| format!("{method} was not heard to its end: {why}"));
        }
    }
    Some(output)
}

/// Executes these transactions of a mini-block again, and those before them.
fn hear(
    node: &Node,
    number: u64,
    indices: &[usize],
    told: &mut Vec<ConsoleText>,
) -> Result<(), RpcError> {
    let failed = |error: ReplayError| RpcError::internal(error.to_string());
    let mini = node.mini(number)?;
    let block = node.sealed(BlockId::number(mini.block_number))?;
    let context = context_of(node, &mini, block.as_ref())?;
    let before = Before::new(node, mini.block_number, &earlier(node, &mini)?)?;
    let rules = node.chain.rules(mini.block_number);
    let mut cache = cache(&before);
    let mut replay = Replay::begin(&before, &mut cache, &rules, &context).map_err(failed)?;
    let first = indices.first().copied().unwrap_or_default();
    replay.until(&mini.txs, first).map_err(failed)?;
    let listener = Bounded::new(Listener::default(), Some(Arc::new(Deadline::begin())));
    let mut replay = replay.with_inspector(listener);
    for index in indices {
        replay.until(&mini.txs, *index).map_err(failed)?;
        // Of those between, nobody wants to know.
        replay.inspector_mut().inner.take();
        let Some(record) = mini.txs.get(*index) else {
            break;
        };
        let executed = replay.next(record);
        told.push(ConsoleText {
            source: Executed::Transaction(record.hash),
            heard: replay.inspector_mut().inner.take(),
        });
        executed.map_err(failed)?;
    }
    Ok(())
}

impl PreparedCall {
    /// Where the simulation met the console, and somebody listens, has it executed again for what it told: later, by who
    /// shows that.
    pub(super) fn tell_console(self, node: &Node, method: &'static str, request: CallRequest) {
        let console = &node.chain.console;
        if !console.is_heard() || !self.overlay.cache.accounts.contains_key(&CONSOLE) {
            return;
        }
        let bytes = bytes_of(&self.overlay) + request.input.len();
        let node = Node::new(node.chain.clone(), node.pool.clone());
        let (overlay, moves, anchor) = (self.overlay, self.moves, self.anchor);
        let (block, limits) = (self.setting.block, self.setting.limits);
        let base_fee_is_chosen = self.setting.base_fee_is_chosen;
        let again = move || {
            // Of the setting, what belongs to one thread is made anew.
            let setting = match setting_at(&node, &anchor) {
                Ok(setting) => setting,
                Err(error) => return (Heard::default(), Some(error.message)),
            };
            let stage = Self {
                overlay,
                setting: Setting {
                    block,
                    limits,
                    base_fee_is_chosen,
                    ..setting
                },
                moves,
                anchor,
                turn: node.turn.clone(),
            };
            stage.hear(&request)
        };
        let again = Box::new(again);
        console.note(Job::Simulation {
            method,
            bytes,
            again,
        });
    }

    /// What the call tells, and why that is not all.
    fn hear(mut self, request: &CallRequest) -> (Heard, Option<String>) {
        let watch: Arc<dyn Watch> = Arc::new(Deadline::begin());
        let mut listener = Bounded::new(Listener::default(), Some(watch));
        let outcome = self.gas_limit(request).and_then(|gas_limit| {
            let transaction = request.transaction(self.setting.chain_id, gas_limit);
            let simulator = self.simulator(request).watched_by(&mut listener);
            let outcome = { simulator }.run(transaction);
            outcome.map_err(|refusal| self.refused(&refusal, request))
        });
        let failure = outcome.err().map(|error| error.message);
        (listener.inner.take(), failure)
    }
}

/// Roughly what a simulation's state takes in memory.
fn bytes_of<D>(overlay: &CacheDB<D>) -> usize {
    let accounts = overlay.cache.accounts.values();
    let slots = accounts.map(|account| ACCOUNT_BYTES + account.storage.len() * SLOT_BYTES);
    let codes = overlay.cache.contracts.values().map(Bytecode::len);
    slots.chain(codes).sum()
}
