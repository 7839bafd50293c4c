//! From a transaction to mega-evm's form of it, and from mega-evm's outcome to ours.
//!
//! **How gas is split.** mega-evm meters compute gas; all other gas that a transaction pays is storage
//! gas, and refunds (EIP-3529, EIP-7702) lower the compute part only:
//!
//! * `compute_gas = metered compute gas - refund`, `storage_gas = gas_used - compute_gas`.
//! * When the transaction ends in an ordinary halt (out of gas, bad opcode...) it forfeits what was left.
//!   The forfeited gas counts as compute; of storage only the transaction's own bytes remain.
//! * Where EIP-7623's floor decides, what it adds counts as storage.
//! * Without dual gas (`equivalence`) everything is compute.

use alloy_consensus::Signed;
use alloy_eips::eip7702::RecoveredAuthorization;
use alloy_evm::{Database, FromTxWithEncoded};
use alloy_primitives::{Address, Bytes};
use mega_evm::{
    ExternalEnvTypes, MegaEvm, MegaHaltReason, MegaSpecId, MegaTransaction, MegaTransactionOutcome,
    constants,
};
use op_alloy_consensus::OpTxEnvelope;
use op_revm::OpHaltReason;
use revm::{
    context::result::{ExecutionResult, Output},
    context_interface::either::Either,
    handler::EvmTr,
    interpreter::gas::get_tokens_in_calldata,
};

use crate::{
    block::{DetentionCap, Halt, MAX_KEPT_OUTPUT, TxResult, Usage},
    keys,
};

/// mega-evm's form of a transaction. mega-evm asks several times who signed its authorizations: that is found here, once.
pub fn mega_transaction(envelope: &OpTxEnvelope, raw: Bytes, sender: Address) -> MegaTransaction {
    let authorizations = keys::recover_authorizations(envelope);
    mega_transaction_with(envelope, raw, sender, &authorizations)
}

/// Likewise, where it is known who signed its authorizations.
pub fn mega_transaction_with(
    envelope: &OpTxEnvelope,
    raw: Bytes,
    sender: Address,
    authorizations: &[RecoveredAuthorization],
) -> MegaTransaction {
    let mut transaction = match envelope {
        // With its authorizations, it would find out again who signed each.
        OpTxEnvelope::Eip7702(signed) => {
            let mut bare = signed.tx().clone();
            bare.authorization_list.clear();
            let bare = Signed::new_unchecked(bare, *signed.signature(), *signed.hash());
            MegaTransaction::from_encoded_tx(&OpTxEnvelope::Eip7702(bare), sender, raw)
        }
        _ => MegaTransaction::from_encoded_tx(envelope, sender, raw),
    };
    let recovered = authorizations.iter().cloned().map(Either::Right);
    transaction.base.authorization_list = recovered.collect();
    transaction
}

/// How the transaction that `evm` executed last was detained: reading volatile data caps its compute gas.
pub fn detention_of<DB: Database, INSP, E: ExternalEnvTypes>(
    evm: &MegaEvm<DB, INSP, E>,
) -> Option<DetentionCap> {
    let context = evm.ctx_ref();
    let volatile = context.volatile_data_tracker.borrow();
    volatile.get_compute_gas_limit()?;
    Some(DetentionCap::Told {
        access: volatile.get_volatile_data_accessed().bits(),
        limit: context.additional_limit.borrow().compute_gas_limit(),
    })
}

/// Our result of an outcome. `deposit_nonce` is the sender's nonce before a deposit, `input` the
/// transaction's calldata.
pub fn result_from(
    spec: MegaSpecId,
    outcome: &MegaTransactionOutcome,
    input: &[u8],
    detention: Option<DetentionCap>,
    deposit_nonce: Option<u64>,
) -> TxResult {
    let gas_used = outcome.result.gas_used();
    let mut result = TxResult {
        gas_used,
        deposit_nonce,
        ..Default::default()
    };
    let mut halt = None;
    match &outcome.result {
        ExecutionResult::Success {
            gas_refunded,
            logs,
            output,
            ..
        } => {
            result.success = true;
            result.gas_refunded = *gas_refunded;
            result.logs = logs.clone();
            if let Output::Create(_, address) = output {
                result.contract_address = *address;
            }
        }
        ExecutionResult::Revert { output, .. } => {
            result.output = output.slice(..output.len().min(MAX_KEPT_OUTPUT));
        }
        ExecutionResult::Halt { reason, .. } => halt = Some(halt_from(reason)),
    }
    let compute_gas = compute_share(spec, outcome, input, result.gas_refunded, halt.as_ref());
    result.usage = Usage {
        compute_gas,
        storage_gas: gas_used - compute_gas,
        data_size: outcome.data_size,
        kv_updates: outcome.kv_updates,
        state_growth: outcome.state_growth_used,
        metered_compute_gas: outcome.compute_gas_used,
        detention,
        halt,
    };
    result
}

/// The part of the gas used that paid for computing; the module's documentation has the rules.
fn compute_share(
    spec: MegaSpecId,
    outcome: &MegaTransactionOutcome,
    input: &[u8],
    refunded: u64,
    halt: Option<&Halt>,
) -> u64 {
    let gas_used = outcome.result.gas_used();
    if spec < MegaSpecId::MINI_REX {
        return gas_used;
    }
    if matches!(halt, Some(Halt::Evm(_))) {
        let mut own_bytes = constants::mini_rex::CALLDATA_STANDARD_TOKEN_STORAGE_GAS
            * get_tokens_in_calldata(input, true);
        if spec >= MegaSpecId::REX {
            own_bytes += constants::rex::TX_INTRINSIC_STORAGE_GAS;
        }
        return gas_used.saturating_sub(own_bytes);
    }
    outcome
        .compute_gas_used
        .saturating_sub(refunded)
        .min(gas_used)
}

/// Our form of a halt reason.
pub fn halt_from(reason: &MegaHaltReason) -> Halt {
    match *reason {
        MegaHaltReason::Base(OpHaltReason::Base(ref reason)) => Halt::Evm(format!("{reason:?}")),
        MegaHaltReason::Base(ref reason) => Halt::Evm(format!("{reason:?}")),
        MegaHaltReason::DataLimitExceeded { limit, actual } => {
            Halt::DataLimitExceeded { limit, actual }
        }
        MegaHaltReason::KVUpdateLimitExceeded { limit, actual } => {
            Halt::KvUpdateLimitExceeded { limit, actual }
        }
        MegaHaltReason::ComputeGasLimitExceeded { limit, actual } => {
            Halt::ComputeGasLimitExceeded { limit, actual }
        }
        MegaHaltReason::StateGrowthLimitExceeded { limit, actual } => {
            Halt::StateGrowthLimitExceeded { limit, actual }
        }
        MegaHaltReason::SystemTxInvalidCallee { callee } => Halt::SystemTxInvalidCallee { callee },
        MegaHaltReason::VolatileDataAccessOutOfGas {
            access_type,
            limit,
            actual,
        } => Halt::VolatileDataAccessOutOfGas {
            access: access_type.bits(),
            limit,
            actual,
        },
    }
}
