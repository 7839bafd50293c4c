//! The newest accounts of a chain, as its pool asks for them.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use mega_evm::MegaSpecId;

use crate::{
    block::{PlainAccount, PlainKey},
    chain::Chain,
    evm::{BucketCapacities, creation_gas},
    pool::{Accounts, PoolTx},
    state::{StateError, StateStore},
};

/// The newest accounts of a chain, durable or not, as a pool asks for them.
#[cfg(test)]
pub(crate) fn tip_accounts(chain: &Chain) -> Arc<dyn Accounts> {
    Arc::new(LatestAccounts::of(chain))
}

/// The newest committed state, durable or not, and how crowded it is.
pub(super) struct LatestAccounts {
    world: StateStore,
    capacities: Arc<dyn BucketCapacities>,
    spec: MegaSpecId,
}

impl LatestAccounts {
    pub(super) fn of(chain: &Chain) -> Self {
        Self {
            world: chain.world.clone(),
            capacities: chain.bucket_capacities(),
            spec: chain.config.spec_id().unwrap_or_default(),
        }
    }
}

impl Accounts for LatestAccounts {
    fn account(&self, address: &Address) -> Result<PlainAccount, StateError> {
        let value = self.world.read(&PlainKey::account(*address))?;
        Ok(value.as_account().unwrap_or_default())
    }

    fn creation_gas(&self, tx: &PoolTx) -> u64 {
        let capacities = self.capacities.clone();
        creation_gas(self.spec, capacities, &tx.envelope, tx.sender, |to| {
            // Execution tells of what isn't known.
            self.account(to).is_ok_and(|account| account.is_empty())
        })
    }

    fn is_contract(&self, code_hash: &B256) -> bool {
        // Execution tells of what isn't known.
        self.world
            .read_code(*code_hash)
            .is_ok_and(|code| !code.is_eip7702())
    }
}
