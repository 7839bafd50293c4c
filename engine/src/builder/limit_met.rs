//! Which of a block's limits leaves no room for a transaction, in words.

use std::any::Any;

use alloy_evm::block::{BlockExecutionError, BlockValidationError};
use mega_evm::MegaBlockLimitExceededError as Limit;

/// What mega-evm's check of the block's limits has found, with its numbers.
pub(super) fn limit_met(block: u64, error: &BlockExecutionError) -> String {
    let BlockExecutionError::Validation(error) = error else {
        return error.to_string();
    };
    match error {
        BlockValidationError::TransactionGasLimitMoreThanAvailableBlockGas {
            transaction_gas_limit: wanted,
            block_available_gas: left,
        } => format!("block {block} has {left} gas left, and it may take {wanted}"),
        BlockValidationError::InvalidTx { error, .. } => {
            let any: &dyn Any = error.as_ref();
            match any.downcast_ref::<Limit>() {
                Some(limit) => of_dimension(block, limit),
                None => error.to_string(),
            }
        }
        error => error.to_string(),
    }
}

fn of_dimension(block: u64, met: &Limit) -> String {
    let what = match met {
        Limit::TransactionDataLimit { .. } => "data size",
        Limit::KVUpdateLimit { .. } => "KV updates",
        Limit::ComputeGasLimit { .. } => "compute gas",
        Limit::StateGrowthLimit { .. } => "state growth",
        Limit::TransactionEncodeSizeLimit { .. } => "bytes of transactions",
        Limit::DataAvailabilitySizeLimit { .. } => "bytes of data availability",
    };
    let (used, limit) = (met.block_used(), met.limit());
    format!("block {block} has used {used} of {limit} {what}")
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    #[test]
    fn a_limit_of_the_block_is_named_with_its_numbers() {
        let met = |limit| {
            let error = BlockExecutionError::Validation(BlockValidationError::InvalidTx {
                hash: B256::ZERO,
                error: Box::new(limit),
            });
            limit_met(7, &error)
        };
        let grown = Limit::StateGrowthLimit {
            block_used: 1_003,
            limit: 1_000,
        };
        assert_eq!(met(grown), "block 7 has used 1003 of 1000 state growth");
        let data = Limit::TransactionDataLimit {
            block_used: 13_107_200,
            limit: 13_107_200,
        };
        assert_eq!(met(data), "block 7 has used 13107200 of 13107200 data size");
    }
}
