//! What a stateless checker needs of the state before a block, proven under the parent's root.

use std::{collections::BTreeSet, sync::Arc};

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_primitives::B256;
use parking_lot::Mutex;

use super::{historical, recorder::record};
use crate::{
    block::{BlockRecord, MiniBlock, PlainKey, WITHDRAWALS_ADDRESS},
    chain::Chain,
    commitment::{Capacities, History},
    evm::{BucketCapacities, UnknownCapacity},
    replay::ReplayError,
    salt::{
        bucket_table::SaltError,
        state::AccessSet,
        storage_trie::{StorageTrie, TrieError},
        types::BucketId,
        withdrawals::MptWitness,
        witness::SaltWitness,
    },
    state::{Change, StateReader as _, View},
};

/// Why there is no witness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WitnessError {
    /// It is too long ago, or this node doesn't follow the commitment.
    #[error("the state at the end of block {block} can no longer be proven")]
    Gone {
        /// The block.
        block: u64,
    },
    /// The block can't be executed again.
    #[error("the block can't be executed again: {0}")]
    Replay(#[from] ReplayError),
    /// SALT refused.
    #[error("the proof can't be made: {0}")]
    State(#[from] SaltError),
    /// The withdrawals trie.
    #[error("the withdrawals witness can't be made: {0}")]
    Withdrawals(String),
}

impl From<TrieError> for WitnessError {
    fn from(error: TrieError) -> Self {
        Self::Withdrawals(error.to_string())
    }
}

/// Proves what is needed of the state at the end of `block`. A need of nothing gives nothing.
pub(crate) fn prove(
    chain: &Chain,
    block: u64,
    needs: &AccessSet,
) -> Result<Option<SaltWitness>, WitnessError> {
    let reached = {
        let history: &History = &chain.commitment.read();
        let buckets = history.state().buckets_of(needs);
        history.reach(block, &buckets)
    };
    match reached {
        Some(reached) => Ok(reached.state().witness(needs)?),
        None => historical::prove(chain, block, needs),
    }
}

/// What a block needed of the state before it: what it read, what it changed, and the buckets whose
/// capacities its gas depends on.
fn needs_of(
    reads: &BTreeSet<PlainKey>,
    changes: &[Change],
    buckets: BTreeSet<BucketId>,
) -> AccessSet {
    AccessSet {
        buckets,
        reads: reads.iter().map(|key| key.to_bytes()).collect(),
        writes: changes
            .iter()
            .map(|change| (change.key.to_bytes(), change.new.to_bytes()))
            .collect(),
    }
}

/// The encoded witness of a sealed block: SALT's, and behind it that of the withdrawals.
pub(crate) fn block_witness(
    chain: &Chain,
    block: &BlockRecord,
    parent: &BlockRecord,
    minis: &[Arc<MiniBlock>],
    before: &View,
) -> Result<Vec<u8>, WitnessError> {
    let asked = Arc::new(RecordingCapacities::new(chain, parent.header.number));
    let (reads, changes) = record(chain, block, minis, before, asked.clone())?;
    let needs = needs_of(&reads, &changes, asked.buckets());
    let number = parent.header.number;
    let salt = prove(chain, number, &needs)?.ok_or(WitnessError::Gone { block: number })?;
    let root = parent.header.withdrawals_root.unwrap_or(EMPTY_ROOT_HASH);
    let withdrawals = withdrawals(chain, root, &changes, before)?;
    let mut encoded = salt.encode();
    encoded.extend_from_slice(&withdrawals.encode());
    Ok(encoded)
}

/// The withdrawals witness of a block that makes these changes. It always has the root's node, for that is
/// where a checker begins, whatever the block does.
fn withdrawals(
    chain: &Chain,
    storage_root: B256,
    changes: &[Change],
    before: &View,
) -> Result<MptWitness, WitnessError> {
    let changed: Vec<([u8; 32], [u8; 32])> = changes
        .iter()
        .filter(|change| change.key.address == WITHDRAWALS_ADDRESS)
        .filter_map(|change| Some((change.key.slot?.0, change.new.as_slot().to_be_bytes())))
        .collect();
    let of_root = |node: Option<Vec<u8>>| MptWitness {
        storage_root: storage_root.0,
        nodes: node.into_iter().collect(),
    };
    if storage_root == EMPTY_ROOT_HASH {
        return Ok(of_root(None));
    }
    if changed.is_empty()
        && let Some(node) = chain.withdrawals_nodes.get(&storage_root)
    {
        return Ok(of_root(Some(node)));
    }
    let mut trie = withdrawals_trie(chain, before)?;
    if B256::from(trie.root()) != storage_root {
        return Err(WitnessError::Withdrawals(
            "the message passer's code has cleared slots, which MegaETH's never does; the genesis file gave \
             it other code"
                .to_owned(),
        ));
    }
    let witness = MptWitness::create(&mut trie, &changed)?;
    keep_root_node(chain, &mut trie)?;
    for (slot, word) in &changed {
        trie.set(slot, word)?;
    }
    keep_root_node(chain, &mut trie)?;
    Ok(witness)
}

/// The message passer's storage trie.
fn withdrawals_trie(chain: &Chain, before: &View) -> Result<StorageTrie, WitnessError> {
    // The contract never clears a slot, so the newest state names all it ever had.
    let mut keys = Vec::new();
    chain.world.for_each(|key, _| {
        if key.address == WITHDRAWALS_ADDRESS && key.slot.is_some() {
            keys.push(key);
        }
    });
    let mut trie = StorageTrie::default();
    for key in keys {
        let value = before
            .value(&key)
            .map_err(|error| WitnessError::Withdrawals(error.to_string()))?;
        if let Some(slot) = key.slot {
            trie.set(&slot.0, &value.as_slot().to_be_bytes())?;
        }
    }
    Ok(trie)
}

/// Most blocks leave the withdrawals alone: their witnesses need no look at the state.
fn keep_root_node(chain: &Chain, trie: &mut StorageTrie) -> Result<(), TrieError> {
    if let Some(node) = trie.root_node()? {
        chain.withdrawals_nodes.put(trie.root().into(), node);
    }
    Ok(())
}

/// Answers with the capacities at the end of a block, and remembers for which buckets it was asked.
#[derive(Debug)]
struct RecordingCapacities {
    capacities: Arc<dyn BucketCapacities>,
    chain: Capacities,
    buckets: Mutex<BTreeSet<BucketId>>,
}

impl RecordingCapacities {
    /// Nothing was asked yet.
    fn new(chain: &Chain, block: u64) -> Self {
        Self {
            capacities: chain.capacities_at(block),
            chain: chain.capacities.clone(),
            buckets: Mutex::default(),
        }
    }

    /// The chain's buckets that were asked for.
    fn buckets(&self) -> BTreeSet<BucketId> {
        self.buckets.lock().clone()
    }
}

impl BucketCapacities for RecordingCapacities {
    fn capacity(&self, bucket: BucketId) -> Result<u64, UnknownCapacity> {
        self.buckets.lock().insert(self.chain.bucket(bucket));
        self.capacities.capacity(bucket)
    }
}
