//! Runs calls that change nothing: `eth_call`, `eth_callMany`, `eth_estimateGas`,
//! `eth_createAccessList`, `eth_simulateV1`.
//!
//! Works over any read-only database, in practice a pinned view of the world, so that a simulation
//! never waits for the builder nor the builder for it. Knows nothing of JSON. The rules are those of
//! a real transaction (both kinds of gas, all four limits, 98/100 forwarding, detention); only what
//! a call can't have is left out: nonce, signature, and fees where no gas price is given.
//!
//! ```text
//! CallRequest --transaction()--> MegaTransaction --Simulator::run()--> Outcome
//!                                                  \--estimate::gas()--> u64
//!                                                  \--access_list::create()--> AccessList
//! ```

pub(crate) mod access_list;
mod bounded;
pub(crate) mod estimate;
pub(crate) mod overrides;
mod preimages;
mod profile;
pub(crate) mod reason;
mod transfers;

pub(crate) use bounded::{Bounded, end};
pub(crate) use preimages::Preimages;
pub(crate) use profile::GasProfile;
pub(crate) use transfers::Transfers;

use std::{fmt::Debug, sync::Arc};

use alloy_eips::{eip2930::AccessList, eip7702::RecoveredAuthorization};
use alloy_evm::{Evm as _, EvmEnv};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use mega_evm::{
    EvmTxRuntimeLimits, MegaPrecompiles, MegaSpecId, MegaTransaction, MegaTransactionError,
    MegaTransactionOutcome,
};
use op_revm::transaction::deposit::DepositTransactionParts;
use revm::{
    DatabaseRef,
    context::{BlockEnv, TxEnv, result::EVMError},
    context_interface::either::Either,
    database::{CacheDB, EmptyDB},
    inspector::NoOpInspector,
};

use super::{
    EvmFactory, ExternalEnv, Watch, cfg_env, detention_of,
    native::{Machine, NativeTable},
    result_from,
};
use crate::{
    block::TxResult,
    state::{Adapter, StateError, StateReader},
};

/// What a caller asks to run. `None` leaves the choice to the simulation.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallRequest {
    /// Who calls; the zero address if it is not said.
    pub from: Address,
    /// The callee; `None` creates a contract.
    pub to: Option<Address>,
    /// Gas limit.
    pub gas: Option<u64>,
    /// Price per gas of a legacy or EIP-2930 transaction, wei.
    pub gas_price: Option<u128>,
    /// EIP-1559 fee cap, wei.
    pub max_fee_per_gas: Option<u128>,
    /// EIP-1559 tip cap, wei.
    pub max_priority_fee_per_gas: Option<u128>,
    /// Wei sent along.
    pub value: U256,
    /// Calldata or init code.
    pub input: Bytes,
    /// EIP-2930 access list.
    pub access_list: Option<AccessList>,
    /// EIP-7702 authorizations.
    pub authorizations: Vec<RecoveredAuthorization>,
}

impl CallRequest {
    /// The most that the caller offers per gas; zero if it offers nothing.
    pub(crate) fn fee_cap(&self) -> u128 {
        self.gas_price.or(self.max_fee_per_gas).unwrap_or_default()
    }

    /// EIP-2718 type of the transaction that fits the fields.
    fn transaction_type(&self) -> u8 {
        if !self.authorizations.is_empty() {
            4
        } else if self.max_fee_per_gas.is_some() || self.max_priority_fee_per_gas.is_some() {
            2
        } else {
            u8::from(self.access_list.is_some())
        }
    }

    /// The transaction to execute.
    pub(crate) fn transaction(&self, chain_id: u64, gas_limit: u64) -> MegaTransaction {
        let tip = match self.transaction_type() {
            2 | 4 => Some(self.max_priority_fee_per_gas.unwrap_or_default()),
            _ => None,
        };
        let base = TxEnv {
            tx_type: self.transaction_type(),
            caller: self.from,
            gas_limit,
            gas_price: self.fee_cap(),
            kind: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value,
            data: self.input.clone(),
            nonce: 0,
            chain_id: Some(chain_id),
            access_list: self.access_list.clone().unwrap_or_default(),
            gas_priority_fee: tip,
            blob_hashes: Vec::new(),
            max_fee_per_blob_gas: 0,
            authorization_list: self
                .authorizations
                .iter()
                .cloned()
                .map(Either::Right)
                .collect(),
        };
        MegaTransaction {
            base,
            // Not empty-handed: op-revm insists on an envelope, and an empty one costs no L1 fee.
            enveloped_tx: Some(Bytes::new()),
            deposit: DepositTransactionParts::default(),
        }
    }
}

/// The surroundings of a simulation.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// Rules in force.
    pub spec: MegaSpecId,
    /// What `CHAINID` gives.
    pub chain_id: u64,
    /// What the block opcodes give.
    pub block: BlockEnv,
    /// Limits of one transaction. The seam for callers that want them lifted.
    pub limits: EvmTxRuntimeLimits,
    /// Bucket capacities and the oracle's clock.
    pub external: ExternalEnv,
    /// Whether the chain knows interventions.
    pub interventions: bool,
    /// Contracts that run natively.
    pub native: Option<Arc<NativeTable>>,
    /// The caller set the base fee itself, so that it stays even if the call pays nothing.
    pub base_fee_is_chosen: bool,
    /// A transaction must be one that the block could hold: its nonce the sender's next, its price the base fee at least.
    pub validates: bool,
    /// Who may end it.
    pub watch: Option<Arc<dyn Watch>>,
}

/// What a simulated transaction did.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// As mega-evm tells it, with the accounts and slots touched.
    pub raw: MegaTransactionOutcome,
    /// As a receipt would tell it.
    pub result: TxResult,
    /// Under which rules.
    pub spec: MegaSpecId,
}

impl Outcome {
    /// What it returned: the result, the deployed code or the revert data.
    pub(crate) fn output(&self) -> Bytes {
        self.raw.result.output().cloned().unwrap_or_default()
    }
}

/// Why a transaction could not even start.
pub(crate) type SimulateError<E> = EVMError<E, MegaTransactionError>;

/// What the database under a simulation must be: readable, with errors that can be shown.
pub(crate) trait Source:
    DatabaseRef<Error: std::error::Error + Send + Sync + 'static> + Debug
{
    /// Why a read failed since this was asked last, if one did.
    fn take_failure(&self) -> Option<Self::Error>;
}

impl<R: StateReader + Debug> Source for Adapter<R> {
    fn take_failure(&self) -> Option<StateError> {
        self.take_failure()
    }
}

impl Source for EmptyDB {
    fn take_failure(&self) -> Option<Self::Error> {
        None
    }
}

/// A simulated database: overrides and committed calls over a read-only one.
pub(crate) type CallOverlay<'a, D> = &'a mut CacheDB<D>;

/// Executes transactions over an overlay, one by one.
#[allow(missing_debug_implementations)] // The EVM inside has no useful one.
pub(crate) struct Simulator<'a, D: Source, I = NoOpInspector> {
    evm: Machine<CallOverlay<'a, D>, I>,
    spec: MegaSpecId,
}

impl<'a, D: Source> Simulator<'a, D> {
    /// An EVM in this setting. `pays` tells whether the caller offers a gas price: if not, the base
    /// fee is zero inside, as in geth, so that `tx.gasprice - block.basefee` does not underflow.
    pub(crate) fn new(overlay: CallOverlay<'a, D>, setting: &Setting, pays: bool) -> Self {
        let mut cfg_env = cfg_env(setting.chain_id, setting.spec);
        cfg_env.disable_nonce_check = !setting.validates;
        cfg_env.disable_eip3607 = true;
        cfg_env.disable_base_fee = !pays && !setting.validates;
        let mut block_env = setting.block.clone();
        if !pays && !setting.base_fee_is_chosen {
            block_env.basefee = 0;
        }
        let factory = EvmFactory {
            env: EvmEnv { cfg_env, block_env },
            limits: setting.limits,
            external: setting.external.clone(),
            interventions: setting.interventions,
        };
        let mut evm = Machine::new(factory.interpreter(overlay), setting.native.as_ref());
        if let Some(watch) = &setting.watch {
            evm = evm.ended_by(watch.clone());
        }
        Self {
            evm,
            spec: setting.spec,
        }
    }

    /// The same EVM, watched by `inspector`, which alone ends it: see [`Bounded`].
    pub(crate) fn watched_by<I>(self, inspector: I) -> Simulator<'a, D, I> {
        Simulator {
            evm: self.evm.with_inspector(inspector),
            spec: self.spec,
        }
    }

    /// Moves precompiles to other addresses.
    pub(crate) fn move_precompiles(&mut self, moves: &[(Address, Address)]) {
        for (from, to) in moves {
            let mut taken = None;
            self.evm.precompiles.apply_precompile(from, |precompile| {
                taken = precompile;
                None
            });
            self.evm.precompiles.apply_precompile(to, |_| taken);
        }
    }
}

impl<'a, D: Source, I> Simulator<'a, D, I>
where
    I: revm::Inspector<mega_evm::MegaContext<CallOverlay<'a, D>, ExternalEnv>>,
{
    /// Executes one transaction. The overlay does not change; commit the state to change it.
    pub(crate) fn run(
        &mut self,
        transaction: MegaTransaction,
    ) -> Result<Outcome, SimulateError<D::Error>> {
        let input = transaction.base.data.clone();
        let raw = self.evm.execute_transaction(transaction);
        // Whatever a transaction makes of a read that failed, it is no outcome.
        if let Some(error) = self.evm.db().db.take_failure() {
            return Err(EVMError::Database(error));
        }
        let raw = raw?;
        let result = result_from(self.spec, &raw, &input, detention_of(&self.evm), None);
        let spec = self.spec;
        Ok(Outcome { raw, result, spec })
    }

    /// The inspector, for what it has seen.
    pub(crate) fn inspector(&self) -> &I {
        &self.evm.inspector
    }
}

/// Whether `address` is a precompile under these rules.
pub(crate) fn is_precompile(spec: MegaSpecId, address: &Address) -> bool {
    MegaPrecompiles::new_with_spec(spec)
        .precompiles()
        .contains(address)
}
