//! What executing a block asks of the state before it.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;

use crate::{
    block::{BlockRecord, MiniBlock, PlainAccount, PlainKey, PlainValue},
    chain::Chain,
    evm::{BlockContext, BucketCapacities, ExternalEnv},
    replay::{Replay, ReplayError, cache},
    state::{Change, StateError, StateReader, View},
};

/// Executes a sealed block over the state before it: the keys that it reads, and the changes that it makes.
pub(super) fn record(
    chain: &Chain,
    block: &BlockRecord,
    minis: &[Arc<MiniBlock>],
    before: &View,
    capacities: Arc<dyn BucketCapacities>,
) -> Result<(BTreeSet<PlainKey>, Vec<Change>), ReplayError> {
    let recorder = Recorder::new(before);
    let mut rules = chain.rules(block.header.number);
    rules.external = ExternalEnv::new(capacities);
    let mut cache = cache(&recorder);
    let context = BlockContext::of(&block.header);
    let mut replay = Replay::begin(&recorder, &mut cache, &rules, &context)?;
    // Who checks the block here checks its mini-blocks' signatures too.
    replay.sequencer()?;
    let records = minis.iter().flat_map(|mini| &mini.txs);
    replay.until(records, usize::MAX)?;
    let changes = replay.take_effect().changes;
    drop(replay);
    drop(cache);
    Ok((recorder.keys.into_inner(), changes))
}

/// Reads a view and remembers what was read.
#[derive(Debug)]
struct Recorder<'a> {
    view: &'a View,
    keys: RefCell<BTreeSet<PlainKey>>,
}

impl<'a> Recorder<'a> {
    /// Nothing read yet.
    fn new(view: &'a View) -> Self {
        Self {
            view,
            keys: RefCell::default(),
        }
    }
}

impl StateReader for Recorder<'_> {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        Ok(self.value(&PlainKey::account(address))?.as_account())
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.value(&PlainKey::slot(address, slot))?.as_slot())
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        self.view.code(hash)
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        let hash = self.view.block_hash(number)?;
        // A stateless check knows the hash from the state (EIP-2935).
        let slot = U256::from(number % HISTORY_SERVE_WINDOW as u64);
        self.slot(HISTORY_STORAGE_ADDRESS, slot)?;
        Ok(hash)
    }

    fn value(&self, key: &PlainKey) -> Result<PlainValue, StateError> {
        let value = self.view.value(key)?;
        self.keys.borrow_mut().insert(*key);
        Ok(value)
    }
}
