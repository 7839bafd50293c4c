//! One thread's EVM, and what an execution ahead of its turn leaves.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_consensus::Transaction as _;
use alloy_evm::Evm as _;
use alloy_primitives::Address;
use mega_evm::{EvmTxRuntimeLimits, MEGA_SYSTEM_ADDRESS, MegaSpecId};
use op_alloy_consensus::OpTxEnvelope;
use op_revm::{
    L1BlockInfo,
    constants::{BASE_FEE_RECIPIENT, L1_FEE_RECIPIENT, OPERATOR_FEE_RECIPIENT},
};
use revm::{context::ContextTr as _, handler::EvmTr as _, state::EvmState};

use super::{
    batch::Batch,
    memory::Write,
    reader::{Read, Reads, Seen, SpeculativeReader, Stop},
};
use crate::{
    block::{PlainKey, PlainValue, TxResult},
    evm::{
        BlockContext, BucketCapacities, EvmFactory, ExternalEnv, OracleClock, detention_of,
        evm_env, mega_transaction_with,
        native::{Machine, NativeTable},
        result_from,
    },
    pool::PoolTx,
    state::{Adapter, changes_of, new_code_of},
};

/// The addresses of MegaETH's own contracts begin like this. mega-evm answers for some of them.
const SYSTEM_PREFIX: [u8; 2] = [0x63, 0x42];

/// Whether transactions can be executed ahead under these rules. Since Rex4 mega-evm tells of everyone who
/// looks at the coinbase, before the look as after it.
pub(crate) fn supports(spec: MegaSpecId) -> bool {
    spec.is_enabled(MegaSpecId::REX4)
}

/// What all transactions of a block share.
#[derive(Debug)]
pub(crate) struct BlockRules {
    pub(crate) chain_id: u64,
    pub(crate) spec: MegaSpecId,
    pub(crate) context: BlockContext,
    pub(crate) limits: EvmTxRuntimeLimits,
    /// Contracts that are compiled.
    pub(crate) native: Arc<NativeTable>,
    /// The fees of L1 as the block's first transaction found them.
    pub(crate) l1: L1BlockInfo,
    pub(crate) capacities: Arc<dyn BucketCapacities>,
    /// Whether the chain knows interventions.
    pub(crate) interventions: bool,
    /// Who may send Mega System Transactions.
    pub(crate) system_address: Address,
}

impl BlockRules {
    pub(super) fn coinbase(&self) -> Address {
        self.context.coinbase
    }

    /// Whether every transaction may add to this account.
    pub(super) fn earns_fees(&self, address: Address) -> bool {
        [
            self.context.coinbase,
            L1_FEE_RECIPIENT,
            BASE_FEE_RECIPIENT,
            OPERATOR_FEE_RECIPIENT,
        ]
        .contains(&address)
    }

    /// Whether it is the system's address, to which an EVM made for one block alone is a stranger.
    pub(super) fn is_system(&self, address: Address) -> bool {
        address == self.system_address || address == MEGA_SYSTEM_ADDRESS
    }

    /// Whether only the builder can execute it.
    pub(super) fn needs_order(&self, tx: &PoolTx) -> bool {
        let to = tx.envelope.to();
        matches!(
            tx.envelope,
            OpTxEnvelope::Deposit(_) | OpTxEnvelope::Eip7702(_)
        ) || [Some(tx.sender), to]
            .into_iter()
            .flatten()
            .any(|address| self.earns_fees(address) || self.is_system(address))
    }
}

/// What an execution ahead of its turn found, if all it read is still there.
#[derive(Debug)]
pub(crate) struct Speculation {
    pub(crate) done: Done,
    reads: Vec<(PlainKey, Seen)>,
}

/// The outcome of an execution. Credits in its state are relative to what was read.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) result: TxResult,
    pub(crate) state: EvmState,
    pub(crate) took: Duration,
    /// Accounts that only got something, as they were read: who earned fees, and who was paid.
    credited: Vec<Read>,
}

impl Speculation {
    /// Whether everything that was read would be read again, given what stands under a key now.
    pub(super) fn holds(&self, now: impl Fn(&PlainKey) -> Option<PlainValue>) -> bool {
        self.broken(now).is_none()
    }

    /// The first key under which something else stands now.
    fn broken(&self, now: impl Fn(&PlainKey) -> Option<PlainValue>) -> Option<PlainKey> {
        self.reads
            .iter()
            .find(|(key, seen)| !now(key).is_some_and(|value| seen.holds(&value)))
            .map(|(key, _)| *key)
    }

    /// Whether it holds upon the state as it is now: then its outcome there, otherwise the first key
    /// under which something else stands, or nobody knows what.
    pub(crate) fn settle(
        mut self,
        now: impl Fn(&PlainKey) -> Option<PlainValue>,
    ) -> Result<Done, PlainKey> {
        if let Some(key) = self.broken(&now) {
            return Err(key);
        }
        for (address, before) in &self.done.credited {
            let key = PlainKey::account(*address);
            let here = now(&key).ok_or(key)?.as_account();
            if here.is_some() != before.is_some() {
                return Err(key);
            }
            let (Some(here), Some(before)) = (here, before) else {
                continue; // It made the account.
            };
            if let Some(account) = self.done.state.get_mut(address) {
                let credit = account.info.balance.saturating_sub(before.balance);
                account.info.balance = here.balance.saturating_add(credit);
                account.info.nonce = here.nonce;
            }
        }
        Ok(self.done)
    }
}

/// How an execution ahead of its turn ended.
#[derive(Debug)]
pub(super) enum Attempted {
    Done(Box<Speculation>, Vec<(PlainKey, Write)>),
    /// Something before it must be executed first.
    Blocked(usize),
    /// The builder must execute it.
    NeedsOrder,
}

/// Executes ahead. Its EVM serves one block, and stays on one thread.
#[derive(Default)]
pub(crate) struct Worker {
    evm: Option<BlockEvm>,
}

struct BlockEvm {
    rules: Arc<BlockRules>,
    evm: Machine<Adapter<SpeculativeReader>>,
    clock: OracleClock,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    /// Lets go of the batch that it worked at.
    pub(crate) fn let_go(&mut self) {
        if let Some(block) = &mut self.evm {
            block.evm.db_mut().end();
        }
    }

    pub(super) fn execute(&mut self, batch: &Arc<Batch>, index: usize) -> Attempted {
        let tx = &batch.txs[index];
        let mut block = match self.evm.take() {
            Some(block) if Arc::ptr_eq(&block.rules, &batch.rules) => block,
            _ => BlockEvm::new(batch.rules.clone()),
        };
        // A bug that a transaction finds in the EVM is the builder's to report.
        let result = catch_unwind(AssertUnwindSafe(|| block.execute(batch, index, tx)));
        match result {
            Ok(attempted) => {
                self.evm = Some(block);
                attempted
            }
            Err(_) => Attempted::NeedsOrder,
        }
    }
}

impl BlockEvm {
    fn new(rules: Arc<BlockRules>) -> Self {
        let clock = OracleClock::default();
        let external = ExternalEnv::with_clock(rules.capacities.clone(), clock.clone());
        let factory = EvmFactory {
            env: evm_env(rules.chain_id, rules.spec, &rules.context),
            limits: rules.limits,
            external,
            interventions: rules.interventions,
        };
        let mut evm = Machine::new(factory.interpreter(Adapter::default()), Some(&rules.native));
        *evm.ctx().chain_mut() = rules.l1.clone();
        Self { rules, evm, clock }
    }

    fn execute(&mut self, batch: &Arc<Batch>, index: usize, tx: &PoolTx) -> Attempted {
        let began = Instant::now();
        self.clock.set(Some(0));
        self.evm.db_mut().begin(batch, index, payee(tx));
        let mega =
            mega_transaction_with(&tx.envelope, tx.raw.clone(), tx.sender, &tx.authorizations);
        let outcome = self.evm.execute_transaction(mega);
        let failure = self.evm.db().take_failure();
        if let Some(Stop::Blocked(before)) = self.evm.db().stopped() {
            return Attempted::Blocked(before);
        }
        let (Ok(outcome), None) = (outcome, failure) else {
            return Attempted::NeedsOrder;
        };
        let looked_at_coinbase = {
            let volatile = self.evm.ctx_ref().volatile_data_tracker.borrow();
            volatile.has_accessed_beneficiary_balance()
        };
        if looked_at_coinbase || self.clock.was_asked() {
            return Attempted::NeedsOrder;
        }
        let detention = detention_of(&self.evm);
        let result = result_from(
            self.rules.spec,
            &outcome,
            tx.envelope.input(),
            detention,
            None,
        );
        let reads = self.evm.db_mut().take();
        let writes = writes(batch, &outcome.state, &reads);
        let mut credited = reads.earners;
        credited.extend(reads.paid);
        let done = Done {
            result,
            state: outcome.state,
            took: began.elapsed(),
            credited,
        };
        let speculation = Speculation {
            done,
            reads: reads.seen,
        };
        Attempted::Done(Box::new(speculation), writes)
    }
}

/// The recipient of a transaction that can do nothing but pay it, should the recipient have no code.
fn payee(tx: &PoolTx) -> Option<Address> {
    let to = tx.envelope.to()?;
    let is_plain = to != tx.sender && !to.starts_with(&SYSTEM_PREFIX);
    is_plain.then_some(to)
}

/// What others of the batch should see. Fees are added when the transaction is committed.
fn writes(batch: &Batch, state: &EvmState, reads: &Reads) -> Vec<(PlainKey, Write)> {
    let mut writes = Vec::with_capacity(state.len());
    for (address, account) in state {
        if reads.earners.iter().any(|(earner, _)| earner == address) {
            continue;
        }
        if let Some((hash, code)) = new_code_of(account)
            && account.is_created()
        {
            batch.put_code(hash, code);
        }
        for (key, value) in changes_of(*address, account) {
            if key.slot.is_some() {
                writes.push((key, Write::Value(value)));
                continue;
            }
            match reads.paid {
                Some((payee, before)) if payee == *address => {
                    let before = before.map_or_else(Default::default, |before| before.balance);
                    let credit = account.info.balance.saturating_sub(before);
                    if !credit.is_zero() {
                        writes.push((key, Write::Credit(credit)));
                    }
                }
                _ if reads.seen.contains(&(key, Seen::Exactly(value))) => {}
                _ => writes.push((key, Write::Value(value))),
            }
        }
    }
    writes
}
