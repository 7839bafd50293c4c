//! Who may sign: the sequencer that SequencerRegistry names in our own state.

use alloy_primitives::{Address, B256, U256};
use mega_evm::{MegaHardforks as _, MegaSpecId, SEQUENCER_REGISTRY_ADDRESS};

use super::Chain;
use crate::{block::PlainKey, state::StateError};

/// Where SequencerRegistry keeps the sequencer in office.
pub(crate) const CURRENT_SEQUENCER: U256 = U256::from_limbs([1, 0, 0, 0]);

impl Chain {
    /// Who may sign blocks of this time, by the newest state. Only a block's own system calls change that.
    pub(crate) fn sequencer_in_office(&self, timestamp: u64) -> Result<Address, StateError> {
        match self.has_registry(timestamp) {
            true => {
                let key = PlainKey::slot(SEQUENCER_REGISTRY_ADDRESS, CURRENT_SEQUENCER);
                let named = self.world.read(&key)?.as_slot();
                Ok(Address::from_word(B256::from(named)))
            }
            false => Ok(self.sequencer.address()),
        }
    }

    /// Who may sign at the newest visible block's time.
    pub(crate) fn sequencer_of_latest(&self) -> Result<Address, StateError> {
        let number = self.recent.visible_block();
        let newest = self.recent.block(number);
        let timestamp = newest.map_or(self.config.genesis.timestamp, |block| {
            block.header.timestamp
        });
        self.sequencer_in_office(timestamp)
    }

    /// Whether the chain's rules of this time have a SequencerRegistry.
    pub(crate) fn has_registry(&self, timestamp: u64) -> bool {
        self.hardforks.spec_id(timestamp) >= MegaSpecId::REX5
    }
}
