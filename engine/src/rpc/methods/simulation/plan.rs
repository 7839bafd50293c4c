//! The headers of blocks that are to be made up: each follows the one before, and gaps are filled with empty blocks.

use std::collections::HashSet;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, U256};

use super::{
    super::RpcError,
    error::{
        beyond_limit, moved_to_another, moved_to_itself, number_out_of_order, time_out_of_order,
    },
    request::Block,
};
use crate::{
    block::REQUESTS_HASH,
    evm::simulate::overrides::{BlockOverrides, StateOverrides},
};

/// A simulation's blocks end so far beyond the block that they follow.
pub(super) const MAX_BLOCKS: u64 = 256;

/// What the first block follows.
#[derive(Debug)]
pub(super) struct Base {
    /// The header of the block before.
    pub header: Header,
    /// Its hash.
    pub hash: B256,
    /// The first block is no earlier, if its time is not said: the time of the state that is built upon.
    pub earliest: u64,
    /// Seconds between blocks whose time is not said.
    pub interval: u64,
}

/// Numbers and times of all blocks, those in the gaps included. What goes without saying is written down.
pub(super) fn in_order(base: &Base, blocks: Vec<Block>) -> Result<Vec<Block>, RpcError> {
    let last = base.header.number.saturating_add(MAX_BLOCKS);
    let mut number = base.header.number;
    let mut time = base.header.timestamp;
    let mut all = Vec::with_capacity(blocks.len());
    for mut block in blocks {
        movable(&block.state)?;
        let asked = match block.overrides.number {
            Some(asked) => u64::try_from(asked).unwrap_or(u64::MAX),
            None => number.saturating_add(1),
        };
        if asked <= number {
            return Err(number_out_of_order(asked, number));
        }
        if asked > last {
            return Err(beyond_limit(format!(
                "too many blocks: block {asked}, at most {MAX_BLOCKS} after block {}",
                base.header.number
            )));
        }
        for between in number + 1..asked {
            time = next_time(base, time);
            all.push(empty(between, time));
        }
        number = asked;
        let asked = match block.overrides.time {
            Some(asked) => u64::try_from(asked).unwrap_or(u64::MAX),
            None => next_time(base, time),
        };
        if asked <= time {
            return Err(time_out_of_order(asked, time));
        }
        time = asked;
        block.overrides.number = Some(U256::from(number));
        block.overrides.time = Some(U256::from(time));
        all.push(block);
    }
    Ok(all)
}

fn next_time(base: &Base, time: u64) -> u64 {
    time.saturating_add(base.interval).max(base.earliest)
}

fn empty(number: u64, time: u64) -> Block {
    Block {
        overrides: BlockOverrides {
            number: Some(U256::from(number)),
            time: Some(U256::from(time)),
            ..BlockOverrides::default()
        },
        ..Block::default()
    }
}

/// Refuses precompiles that would move to where they are, or two to one place.
fn movable(state: &StateOverrides) -> Result<(), RpcError> {
    let mut taken: HashSet<Address> = HashSet::new();
    for (address, account) in state {
        let Some(to) = account.move_precompile_to else {
            continue;
        };
        if to == *address {
            return Err(moved_to_itself(format_args!("{address:#x}")));
        }
        if !taken.insert(to) {
            return Err(moved_to_another(format_args!("{to:#x}")));
        }
    }
    Ok(())
}

/// The header of a block that follows another, as it is before its transactions run. What a simulation does not find out
/// stays zero: the state root, and the root under withdrawals.
pub(super) fn header(
    parent: &Header,
    parent_hash: B256,
    overrides: &BlockOverrides,
    base_fee: u64,
) -> Header {
    let number = overrides
        .number
        .and_then(|number| u64::try_from(number).ok());
    let time = overrides.time.and_then(|time| u64::try_from(time).ok());
    Header {
        parent_hash,
        beneficiary: overrides.coinbase.unwrap_or(parent.beneficiary),
        state_root: B256::ZERO,
        difficulty: overrides.difficulty.unwrap_or(parent.difficulty),
        number: number.unwrap_or_else(|| parent.number.saturating_add(1)),
        gas_limit: overrides.gas_limit.unwrap_or(parent.gas_limit),
        timestamp: time.unwrap_or_else(|| parent.timestamp.saturating_add(1)),
        mix_hash: overrides.random.unwrap_or_default(),
        base_fee_per_gas: Some(overrides.base_fee.unwrap_or(base_fee)),
        withdrawals_root: Some(B256::ZERO),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(REQUESTS_HASH),
        ..Header::default()
    }
}
