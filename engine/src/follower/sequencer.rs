//! Who may sign a block's mini-blocks, also where the block itself puts another sequencer into office.

use alloy_primitives::{Address, B256};
use mega_evm::SEQUENCER_REGISTRY_ADDRESS;

use crate::{
    block::{MiniBlock, PlainKey},
    chain::{CURRENT_SEQUENCER, Chain, SharedBlock},
    evm::{BlockFactory, ExternalEnv, begin_block},
    state::{Adapter, Latest},
};

/// Who must have signed `mini`, which comes next upon `parent`.
///
/// A block's system calls may put another sequencer into office, and its first mini-block's diff says so.
/// But whoever forged it would name himself there: the calls are made again, upon our state.
pub(super) fn of(chain: &Chain, parent: &SharedBlock, mini: &MiniBlock) -> Result<Address, String> {
    let in_office = chain
        .sequencer_in_office(mini.block_timestamp)
        .map_err(|error| error.to_string())?;
    let key = PlainKey::slot(SEQUENCER_REGISTRY_ADDRESS, CURRENT_SEQUENCER);
    let changes = &mini.diff.entries;
    if mini.index > 0
        || !chain.has_registry(mini.block_timestamp)
        || changes.binary_search_by_key(&key, |entry| entry.0).is_err()
    {
        return Ok(in_office);
    }
    let number = parent.header.number + 1;
    let context = chain
        .config
        .block_context(number, mini.block_timestamp, parent.hash);
    let external = ExternalEnv::new(chain.bucket_capacities());
    let factory = BlockFactory::new(
        chain.config.chain_id,
        &chain.hardforks,
        &context,
        external,
        chain.config.interventions,
    );
    let world = &chain.world;
    let begun = begin_block(
        &factory,
        Latest(world.clone()),
        Adapter::new(Latest(world.clone())),
    )
    .map_err(|error| format!("the system calls of block {number} failed: {error}"))?;
    let newest = begun.states.iter().rev().find_map(|state| {
        let registry = state.get(&SEQUENCER_REGISTRY_ADDRESS)?;
        Some(registry.storage.get(&CURRENT_SEQUENCER)?.present_value)
    });
    Ok(newest.map_or(in_office, |slot| Address::from_word(B256::from(slot))))
}
