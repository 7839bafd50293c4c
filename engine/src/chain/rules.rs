//! What executing a block of this chain again must know.

use super::Chain;
use crate::{evm::ExternalEnv, replay::Rules};

impl Chain {
    /// The rules of one of the chain's blocks, sealed or open.
    pub(crate) fn rules(&self, block: u64) -> Rules {
        Rules {
            chain_id: self.config.chain_id,
            hardforks: self.hardforks.clone(),
            external: ExternalEnv::new(self.capacities_at(block.saturating_sub(1))),
            interventions: self.config.interventions,
            sequencer: self.sequencer.address(),
        }
    }
}
