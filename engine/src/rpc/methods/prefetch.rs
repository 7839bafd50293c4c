//! Over another chain's state: has what a transaction reads fetched before the builder gets it.

use alloy_consensus::Transaction as _;
use alloy_eips::BlockId;
use op_alloy_consensus::OpTxEnvelope;
use revm::context::result::EVMError;

use super::{Node, RpcError, Submission, call::plain_stage, read::state_error, trace::request_of};
use crate::{evm::simulate::CallRequest, pool::Deposit, state::StateError};

/// Reads what the submission would read if it were executed now, waiting for it. An error only if that can't be read:
/// whether the transaction is a good one is for others to say.
pub(crate) fn prefetch(node: &Node, submission: &Submission) -> Result<(), RpcError> {
    let request = match submission {
        Submission::Raw { raw, .. } => request_of(raw).ok(),
        Submission::Deposit { deposit, .. } => Some(request_of_deposit(deposit)),
    };
    match request {
        Some(request) => read_through(node, &request),
        None => Ok(()),
    }
}

fn read_through(node: &Node, request: &CallRequest) -> Result<(), RpcError> {
    let mut stage = plain_stage(node, BlockId::pending())?;
    let unread = |error: StateError| state_error(error);
    stage.overlay.load_account(request.from).map_err(unread)?;
    let limit = request.gas.unwrap_or(u64::MAX);
    let limit = limit.min(stage.setting.block.gas_limit);
    let transaction = request.transaction(stage.setting.chain_id, limit);
    match stage.simulator(request).run(transaction) {
        Err(EVMError::Database(error)) => Err(unread(error)),
        _ => Ok(()),
    }
}

fn request_of_deposit(deposit: &Deposit) -> CallRequest {
    let envelope: &OpTxEnvelope = &deposit.envelope;
    CallRequest {
        from: deposit.sender,
        to: envelope.to(),
        gas: Some(envelope.gas_limit()),
        value: envelope.value(),
        input: envelope.input().clone(),
        ..CallRequest::default()
    }
}
