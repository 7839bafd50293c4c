//! Why there is no simulation, in the codes that `eth_simulateV1` has for it.

use op_revm::OpTransactionError;
use revm::context::result::{EVMError, InvalidTransaction};

use super::super::{RpcError, call::refused, error::code};
use crate::{
    evm::simulate::{CallRequest, Setting, SimulateError},
    state::StateError,
};

const NONCE_TOO_LOW: i32 = -38010;
const NONCE_TOO_HIGH: i32 = -38011;
const BASE_FEE_TOO_LOW: i32 = -38012;
const INTRINSIC_GAS: i32 = -38013;
const INSUFFICIENT_FUNDS: i32 = -38014;
const BLOCK_GAS_LIMIT: i32 = -38015;
const BLOCK_NUMBER: i32 = -38020;
const BLOCK_TIMESTAMP: i32 = -38021;
const MOVED_TO_ITSELF: i32 = -38022;
const MOVED_TO_ANOTHER: i32 = -38023;
const INIT_CODE_SIZE: i32 = -38025;
const CLIENT_LIMIT: i32 = -38026;

/// The code of a call that halted, which is part of a result.
pub(super) const HALTED: i32 = -32015;

/// A block's number that is not beyond that of the block before.
pub(super) fn number_out_of_order(number: u64, previous: u64) -> RpcError {
    let told = format!("block numbers must be in order: {number} <= {previous}");
    RpcError::new(BLOCK_NUMBER, told)
}

/// A block's time that is not beyond that of the block before.
pub(super) fn time_out_of_order(time: u64, previous: u64) -> RpcError {
    let told = format!("block timestamps must be in order: {time} <= {previous}");
    RpcError::new(BLOCK_TIMESTAMP, told)
}

/// More than a node simulates at once.
pub(super) fn beyond_limit(told: impl Into<String>) -> RpcError {
    RpcError::new(CLIENT_LIMIT, told)
}

/// A call that has more gas than is left in its block.
pub(super) fn no_gas_left(asked: u64, used: u64, limit: u64) -> RpcError {
    let told = format!("block gas limit reached: {used} used, {asked} asked for, limit {limit}");
    RpcError::new(BLOCK_GAS_LIMIT, told)
}

/// A precompile that moves to its own address.
pub(super) fn moved_to_itself(address: impl std::fmt::Display) -> RpcError {
    let told = format!("account {address} has movePrecompileToAddress to itself");
    RpcError::new(MOVED_TO_ITSELF, told)
}

/// Two precompiles that move to one address.
pub(super) fn moved_to_another(address: impl std::fmt::Display) -> RpcError {
    let told = format!("account {address} has already been overridden by a precompile");
    RpcError::new(MOVED_TO_ANOTHER, told)
}

/// A transaction that could not start.
pub(super) fn invalid(
    refusal: &SimulateError<StateError>,
    request: &CallRequest,
    setting: &Setting,
) -> RpcError {
    let mut error = refused(refusal, request, setting);
    let EVMError::Transaction(OpTransactionError::Base(invalid)) = refusal else {
        return error;
    };
    let from = request.from;
    match invalid {
        InvalidTransaction::NonceTooLow { tx, state } => {
            let told = format!("nonce too low: address {from:#x}, tx: {tx} state: {state}");
            return RpcError::new(NONCE_TOO_LOW, told);
        }
        InvalidTransaction::NonceTooHigh { tx, state } => {
            let told = format!("nonce too high: address {from:#x}, tx: {tx} state: {state}");
            return RpcError::new(NONCE_TOO_HIGH, told);
        }
        InvalidTransaction::LackOfFundForMaxFee { .. } => error.code = INSUFFICIENT_FUNDS,
        InvalidTransaction::GasPriceLessThanBasefee => error.code = BASE_FEE_TOO_LOW,
        InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
        | InvalidTransaction::GasFloorMoreThanGasLimit { .. } => error.code = INTRINSIC_GAS,
        InvalidTransaction::CreateInitCodeSizeLimit => error.code = INIT_CODE_SIZE,
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => error.code = code::INVALID_PARAMS,
        _ => error.code = code::INTERNAL,
    }
    error
}
