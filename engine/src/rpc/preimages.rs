//! A part of a block is executed again, watched, for what its contracts hash.

use alloy_evm::Evm as _;
use alloy_primitives::Bytes;
use mega_evm::MegaContext;
use revm::{DatabaseCommit, Inspector, database::CacheDB};

use super::{Node, RpcError, read::damaged};
use crate::{
    block::TxRecord,
    evm::{
        BlockContext, ExternalEnv, begin_block, mega_transaction,
        native::Machine,
        simulate::{Preimages, Source},
    },
};

/// What KECCAK256 was given by `part`, the transactions that follow `earlier` over the state `before`.
pub(super) fn of<'a>(
    node: &Node,
    context: &BlockContext,
    before: &impl Source,
    earlier: impl IntoIterator<Item = &'a TxRecord>,
    part: impl IntoIterator<Item = &'a TxRecord>,
) -> Result<Vec<Bytes>, RpcError> {
    let chain = &node.chain;
    let begun = begin_block(
        chain.config.chain_id,
        &chain.hardforks,
        context,
        ExternalEnv::new(chain.capacities_at(context.number - 1)),
        before,
        CacheDB::new(before),
        None,
    )
    .map_err(|error| RpcError::internal(error.to_string()))?;
    let mut evm = begun.evm;
    for state in begun.states {
        evm.db_mut().commit(state);
    }
    for record in earlier {
        execute(&mut evm, record)?;
    }
    let mut preimages = Preimages::default();
    let mut evm = evm.with_inspector(&mut preimages);
    for record in part {
        execute(&mut evm, record)?;
    }
    drop(evm);
    Ok(preimages.into_sorted())
}

fn execute<DB, I>(evm: &mut Machine<DB, I>, record: &TxRecord) -> Result<(), RpcError>
where
    DB: alloy_evm::Database + DatabaseCommit,
    I: Inspector<MegaContext<DB, ExternalEnv>>,
{
    let envelope = record.envelope().map_err(damaged)?;
    let transaction = mega_transaction(&envelope, record.raw.clone(), record.sender);
    let outcome = evm
        .execute_transaction(transaction)
        .map_err(|error| RpcError::internal(error.to_string()))?;
    evm.db_mut().commit(outcome.state);
    Ok(())
}
