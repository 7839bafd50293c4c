//! SequencerRegistry as a genesis holds it.
//!
//! Where it is missing, mega-evm deploys it in the first block of Rex5 with a constant as the system address,
//! and only MegaETH has that address' key. On the real chain Mega System Transactions are signed, and checkers
//! recover who signed. So a devnet's genesis has the registry that mega-evm would deploy, with the address of
//! a key of our own.
//!
//! A chain whose genesis lacks it goes on as it began: what nobody can sign carries no signature. Before Rex5
//! there is no registry, the constant rules, and nothing can be signed either.

use alloy_primitives::{Address, B256, U256};
use mega_evm::{
    MEGA_SYSTEM_ADDRESS, MegaHardforks as _, SEQUENCER_REGISTRY_ADDRESS, SequencerRegistryConfig,
    transact_deploy_sequencer_registry,
};
use revm::database::{EmptyDB, State};

use super::{ChainConfig, ConfigError};
use crate::state::{Alloc, GenesisAccount};

impl ChainConfig {
    /// What a new chain's genesis should hold beside the accounts that are asked for: the registry, if the
    /// rules have one.
    pub(crate) fn system_alloc(&self) -> Result<Alloc, ConfigError> {
        let refused = |error: &dyn std::fmt::Display| ConfigError::Registry(error.to_string());
        let hardforks = self.hardforks()?;
        let Some(parameters) = hardforks.fork_params::<SequencerRegistryConfig>() else {
            return Ok(Alloc::new());
        };
        let mut nothing = State::builder().with_database(EmptyDB::new()).build();
        let deployed =
            transact_deploy_sequencer_registry(&hardforks, 0, 0, &mut nothing, parameters)
                .map_err(|error| refused(&error))?
                .and_then(|mut state| state.remove(&SEQUENCER_REGISTRY_ADDRESS))
                .ok_or_else(|| refused(&"mega-evm deploys none"))?;
        let code = deployed
            .info
            .code
            .ok_or_else(|| refused(&"it has no code"))?;
        let constant = word(MEGA_SYSTEM_ADDRESS);
        let ours = word(self.system()?.address());
        let slots = deployed.storage.into_iter();
        let storage = slots
            .map(|(slot, value)| match value.present_value {
                value if value == constant => (slot, ours),
                value => (slot, value),
            })
            .filter(|(_, value)| !value.is_zero());
        let registry = GenesisAccount {
            balance: deployed.info.balance,
            nonce: deployed.info.nonce,
            code: code.original_bytes(),
            storage: storage.collect(),
        };
        Ok(Alloc::from([(SEQUENCER_REGISTRY_ADDRESS, registry)]))
    }
}

fn word(address: Address) -> U256 {
    B256::from(address.into_word()).into()
}
