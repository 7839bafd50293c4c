//! `eth_estimateGas`: the smallest gas limit with which a transaction succeeds, within 1.5 %.
//!
//! Every probe is a real execution. Gas used alone is not the answer: a frame forwards at most
//! 98/100 of its gas to the next, and refunds come after the fact, so that the limit must be higher.

use mega_evm::{EthHaltReason, MegaHaltReason, OpHaltReason};
use op_revm::OpTransactionError;
use revm::context::result::{EVMError, ExecutionResult, InvalidTransaction};

use super::{CallRequest, Outcome, SimulateError, Simulator, Source};

/// The search ends when the bounds are this close: (high - low) / high.
const TOLERANCE: (u64, u64) = (15, 1000);
/// Of 100 parts, how many a frame may hand to the frame that it calls.
const FORWARDED_PERCENT: u64 = 98;
/// Gas that a value call needs beyond what it uses in the end.
const CALL_STIPEND: u64 = 2_300;

/// Why there is no estimate.
#[derive(Debug)]
pub(crate) enum EstimateError<E> {
    /// It can't start.
    Refused(SimulateError<E>),
    /// It fails with any gas.
    Failed(Box<Outcome>),
    /// It needs more than it may have.
    NeedsMore {
        /// What it may have.
        allowance: u64,
        /// The run that ended out of gas, if it got that far.
        outcome: Option<Box<Outcome>>,
    },
}

/// Finds the gas limit, at most `cap`.
pub(crate) fn gas<D: Source>(
    simulator: &mut Simulator<'_, D>,
    request: &CallRequest,
    chain_id: u64,
    cap: u64,
) -> Result<u64, EstimateError<D::Error>> {
    let first = match simulator.run(request.transaction(chain_id, cap)) {
        Ok(outcome) => outcome,
        Err(refusal) if needs_more_gas(&refusal) => {
            return Err(EstimateError::NeedsMore {
                allowance: cap,
                outcome: None,
            });
        }
        Err(refusal) => return Err(EstimateError::Refused(refusal)),
    };
    let (used, refunded) = match &first.raw.result {
        ExecutionResult::Success {
            gas_used,
            gas_refunded,
            ..
        } => (*gas_used, *gas_refunded),
        ExecutionResult::Halt { reason, .. } if is_out_of_gas(reason) => {
            return Err(EstimateError::NeedsMore {
                allowance: cap,
                outcome: Some(Box::new(first)),
            });
        }
        _ => return Err(EstimateError::Failed(Box::new(first))),
    };

    let mut succeeds = |limit: u64| -> Result<bool, EstimateError<D::Error>> {
        match simulator.run(request.transaction(chain_id, limit)) {
            Ok(outcome) => Ok(outcome.result.success),
            Err(refusal) if needs_more_gas(&refusal) => Ok(false),
            Err(refusal) => Err(EstimateError::Refused(refusal)),
        }
    };

    // Less than what was used can't do. What was used before refunds often does exactly.
    let mut low = used.saturating_sub(1);
    let mut high = cap;
    let spent = used.saturating_add(refunded);
    let forwarding = spent.saturating_add(CALL_STIPEND) / FORWARDED_PERCENT * 100 + 100;
    for guess in [spent, forwarding] {
        if guess > low && guess < high {
            if succeeds(guess)? {
                high = guess;
                break;
            }
            low = guess;
        }
    }
    while low + 1 < high
        && u128::from(high - low) * u128::from(TOLERANCE.1)
            > u128::from(high) * u128::from(TOLERANCE.0)
    {
        // Most transactions need little more than they use: look low first.
        let middle = (low + (high - low) / 2).min(low.saturating_mul(2));
        if succeeds(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

/// Whether more gas could heal the halt. MegaETH's own limits do not depend on the gas limit.
pub(crate) fn is_out_of_gas(reason: &MegaHaltReason) -> bool {
    matches!(
        reason,
        MegaHaltReason::Base(OpHaltReason::Base(EthHaltReason::OutOfGas(_)))
    )
}

/// Whether the transaction was refused only because its gas limit is below what it needs to start.
pub(crate) fn needs_more_gas<E>(refusal: &SimulateError<E>) -> bool {
    matches!(
        refusal,
        EVMError::Transaction(OpTransactionError::Base(
            InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
                | InvalidTransaction::GasFloorMoreThanGasLimit { .. }
        ))
    )
}
