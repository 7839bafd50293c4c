//! Who may sign a block's mini-blocks: the sequencer that SequencerRegistry names in our own state.

use alloy_primitives::{Address, B256, U256};
use mega_evm::{MegaHardforks as _, MegaSpecId, SEQUENCER_REGISTRY_ADDRESS};

use crate::{
    block::{MiniBlock, PlainKey},
    chain::{Chain, SharedBlock},
    evm::{BlockContext, ExternalEnv, begin_block},
    state::{Overlay, Tip},
};

/// Where SequencerRegistry keeps the sequencer in office.
const CURRENT_SEQUENCER: U256 = U256::from_limbs([1, 0, 0, 0]);

/// Who must have signed `mini`, which comes next upon `parent`.
///
/// A block's system calls may put another sequencer into office, and its first mini-block's diff says so.
/// But whoever forged it would name himself there: the calls are made again, upon our state.
pub(super) fn of(chain: &Chain, parent: &SharedBlock, mini: &MiniBlock) -> Result<Address, String> {
    if chain.hardforks.spec_id(mini.block_timestamp) < MegaSpecId::REX5 {
        return Ok(chain.sequencer.address());
    }
    let key = PlainKey::slot(SEQUENCER_REGISTRY_ADDRESS, CURRENT_SEQUENCER);
    let changes = &mini.diff.entries;
    let in_office = chain.world.tip(&key).as_slot();
    if mini.index > 0 || changes.binary_search_by_key(&key, |entry| entry.0).is_err() {
        return Ok(address(in_office));
    }
    let number = parent.header.number + 1;
    let context = BlockContext::new(&chain.config, number, mini.block_timestamp, parent.hash);
    let begun = begin_block(
        chain.config.chain_id,
        &chain.hardforks,
        &context,
        ExternalEnv::new(chain.bucket_capacities()),
        Tip(chain.world.clone()),
        Overlay::new(chain.world.clone()),
        None,
    )
    .map_err(|error| format!("the system calls of block {number} failed: {error}"))?;
    let newest = begun.states.iter().rev().find_map(|state| {
        let registry = state.get(&SEQUENCER_REGISTRY_ADDRESS)?;
        Some(registry.storage.get(&CURRENT_SEQUENCER)?.present_value)
    });
    Ok(address(newest.unwrap_or(in_office)))
}

fn address(slot: U256) -> Address {
    Address::from_word(B256::from(slot))
}
