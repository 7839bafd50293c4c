//! The open EVM block: executes transactions one by one, seals mini-blocks, closes the block.
//!
//! No threads, no clocks: the caller says when and how late it is, so that the same calls always give
//! the same blocks.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use alloy_consensus::{Header, Transaction as _, Typed2718 as _, constants::EMPTY_OMMER_ROOT_HASH};
use alloy_eips::eip7702::RecoveredAuthorization;
use alloy_evm::Evm as _;
use alloy_primitives::{Address, B256, Bytes, U256};
use mega_evm::{
    BlockLimiter, BlockLimits, MegaHardforks as _, MegaSpecId, MegaTransactionOutcome,
    ORACLE_CONTRACT_ADDRESS,
};
use op_alloy_consensus::OpTxEnvelope;
use op_revm::transaction::deposit::DEPOSIT_TRANSACTION_TYPE;
use revm::{
    context::{ContextTr as _, result::EVMError},
    handler::EvmTr as _,
    state::EvmState,
};

use super::{limit_met::limit_met, system_tx};
use crate::{
    block::{
        BlockRecord, BlockRoots, Leaves, MiniBlock, PlainKey, PlainValue, REQUESTS_HASH,
        RecordError, TxRecord, TxResult,
    },
    chain::{Chain, HeaderRoots, console::Job},
    commitment::{BucketResize, CommitError},
    evm::{
        BeginError, BegunBlock, BlockContext, BlockFactory, ExternalEnv, ORACLE_TIMESTAMP_SLOT,
        OracleClock, begin_block, console::CONSOLE, detention_of, mega_transaction_with,
        native::Machine, oracle_time, result_from,
    },
    parallel::{BlockRules, Done, Speculation, supports},
    state::{
        Adapter, BlockUndo, Change, Frozen, Latest, Overlay, StateError, StateReader as _,
        changes_of,
    },
};

/// What became of a transaction that was offered to the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TxOutcome {
    /// It is in the open mini-block.
    Included,
    /// The block has no room for it; the next one may. Which limit was met, with its numbers.
    Full(String),
    /// Its nonce is used already.
    Stale,
    /// It can't be executed in this state.
    Invalid(String),
    /// What it reads can't be read now. Nothing is said of the transaction.
    Unread(StateError),
}

/// What ends building: not a transaction's fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The state can't be read.
    #[error("the state can't be read: {0}")]
    State(#[from] StateError),
    /// A block's system calls failed.
    #[error("the system calls at the beginning of block {block} failed: {message}")]
    SystemCalls {
        /// The block.
        block: u64,
        /// What mega-evm said.
        message: String,
    },
    /// The block has no state root.
    #[error(transparent)]
    Commitment(#[from] CommitError),
    /// A record can't be read back.
    #[error("a record can't be read: {0}")]
    Record(#[from] RecordError),
}

/// A transaction with everything that executing it needs.
pub(crate) struct Candidate<'a> {
    pub(crate) envelope: &'a OpTxEnvelope,
    pub(crate) raw: &'a Bytes,
    pub(crate) hash: B256,
    pub(crate) sender: Address,
    pub(crate) da_size: u64,
    pub(crate) authorizations: &'a [RecoveredAuthorization],
}

/// The block that is being built.
pub(crate) struct OpenBlock {
    chain: Arc<Chain>,
    context: BlockContext,
    spec: MegaSpecId,
    limits: BlockLimits,
    limiter: BlockLimiter,
    evm: Machine<Adapter<Overlay>>,
    clock: OracleClock,
    system_address: Address,
    /// What the oracle's timestamp is, in microseconds: it never goes back.
    oracle_us: u64,
    /// What those who execute ahead have to know, once the block's first transaction has read it.
    rules: Option<Arc<BlockRules>>,
    /// What was changed since somebody began to listen.
    changes: Option<Vec<(PlainKey, PlainValue)>>,
    /// The open mini-block's transactions.
    txs: Vec<TxRecord>,
    /// Which of them met the console.
    to_console: Vec<usize>,
    leaves: Leaves,
    /// The block's gas used before the open mini-block.
    gas_before_mini: u64,
    first_mini: u64,
    next_index: u64,
    /// When the last mini-block was sealed, in microseconds since 1970: the next one is no earlier.
    sealed_us: u64,
    /// The sealed mini-blocks'.
    sums: BlockRoots,
}

impl std::fmt::Debug for OpenBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenBlock")
            .field("number", &self.context.number)
            .field("next_index", &self.next_index)
            .finish_non_exhaustive()
    }
}

impl OpenBlock {
    /// Opens the block after `parent`, and makes its system calls.
    pub(crate) fn open(
        chain: Arc<Chain>,
        parent: &BlockRecord,
        timestamp: u64,
    ) -> Result<Self, BuildError> {
        Self::begin(chain, parent, timestamp, true)
    }

    /// Continues the block after `parent` from its sealed mini-blocks, which the world already has.
    pub(crate) fn resume(
        chain: Arc<Chain>,
        parent: &BlockRecord,
        minis: &[Arc<MiniBlock>],
    ) -> Result<Self, BuildError> {
        let timestamp = minis
            .first()
            .map_or(parent.header.timestamp, |mini| mini.block_timestamp);
        let mut block = Self::begin(chain, parent, timestamp, minis.is_empty())?;
        for mini in minis {
            for tx in &mini.txs {
                let envelope = tx.envelope()?;
                let is_deposit = envelope.ty() == DEPOSIT_TRANSACTION_TYPE;
                let usage = &tx.result.usage;
                block.limiter.post_execution_update_raw(
                    tx.result.gas_used,
                    tx.raw.len() as u64,
                    op_alloy_flz::tx_estimated_size_fjord_bytes(&tx.raw),
                    usage.data_size,
                    usage.kv_updates,
                    usage.metered_compute_gas,
                    usage.state_growth,
                    is_deposit,
                );
            }
            block
                .sums
                .add(&Leaves::of(&mini.txs, block.gas_before_mini)?);
            block.next_index += 1;
            block.sealed_us = block.sealed_us.max(mini.timestamp_us);
            block.gas_before_mini = block.limiter.block_gas_used;
        }
        Ok(block)
    }

    fn begin(
        chain: Arc<Chain>,
        parent: &BlockRecord,
        timestamp: u64,
        fresh: bool,
    ) -> Result<Self, BuildError> {
        let number = parent.header.number + 1;
        let context = chain.config.block_context(number, timestamp, parent.hash);
        let clock = OracleClock::default();
        let begun = begin_over(&chain, &context, &clock, Overlay::new(chain.world.clone()))?;
        let mut block = Self {
            spec: chain.hardforks.spec_id(timestamp),
            limits: begun.limits,
            limiter: begun.limits.to_block_limiter(),
            evm: Machine::new(begun.evm, Some(&chain.native)),
            clock,
            system_address: begun.system_address,
            oracle_us: 0,
            rules: None,
            changes: None,
            txs: Vec::new(),
            to_console: Vec::new(),
            leaves: Leaves::default(),
            gas_before_mini: 0,
            first_mini: parent.next_mini(),
            next_index: 0,
            // A block's time may be ahead of the clock, as with many blocks within a second.
            sealed_us: context.timestamp.saturating_mul(1_000_000),
            sums: BlockRoots::default(),
            context,
            chain,
        };
        if fresh {
            for state in &begun.states {
                block.evm.db_mut().apply(state);
            }
        }
        block.oracle_us = block
            .evm
            .db()
            .slot(ORACLE_CONTRACT_ADDRESS, ORACLE_TIMESTAMP_SLOT)?
            .saturating_to();
        Ok(block)
    }

    /// Seconds since 1970.
    pub(crate) fn timestamp(&self) -> u64 {
        self.context.timestamp
    }

    /// How many mini-blocks are sealed.
    pub(crate) fn mini_count(&self) -> u64 {
        self.next_index
    }

    /// The number of the open mini-block.
    pub(crate) fn next_mini(&self) -> u64 {
        self.first_mini + self.next_index
    }

    /// Whether the open mini-block has transactions.
    pub(crate) fn has_open_transactions(&self) -> bool {
        !self.txs.is_empty()
    }

    /// Executes a transaction and includes it, if it can be. The oracle's timestamp is
    /// derived from `now_us`.
    pub(crate) fn execute(
        &mut self,
        offer: &Candidate<'_>,
        now_us: u64,
    ) -> Result<TxOutcome, BuildError> {
        let timestamp_us = self.oracle_time(now_us);
        self.clock.set(Some(timestamp_us));
        let first = match self.run(offer)? {
            Ok(outcome) => outcome,
            Err(attempt) => return Ok(attempt),
        };
        if !self.clock.was_asked() {
            return self.accept(offer, first);
        }
        // It read the timestamp: a system transaction writes it first, and then whoever replays the
        // block without the oracle gets the same result.
        if let Err(error) = self.write_timestamp(timestamp_us)? {
            return Ok(TxOutcome::Unread(error));
        }
        self.clock.set(None);
        match self.run(offer)? {
            Ok(outcome) => self.accept(offer, outcome),
            Err(attempt) => Ok(attempt),
        }
    }

    /// Writes the oracle's timestamp, if it can be written: otherwise whoever reads it gets the one before.
    /// Nothing is written where what that reads can't be read.
    fn write_timestamp(&mut self, timestamp_us: u64) -> Result<Result<(), StateError>, BuildError> {
        let sender = self.system_address;
        let account = match self.evm.db().account(sender) {
            Ok(account) => account,
            Err(error) => return Ok(Err(error)),
        };
        let nonce = account.map_or(0, |account| account.nonce);
        let chain = self.chain.clone();
        // The registry names another than ours where a chain began without ours, or somebody rotated it.
        let key = Some(&chain.system).filter(|key| key.address() == sender);
        let left = self
            .limits
            .block_gas_limit
            .saturating_sub(self.limiter.block_gas_used);
        self.clock.set(None);
        // Before Rex6 a crowded bucket makes the oracle's first write dearer than the real chain's limit.
        for gas_limit in [system_tx::GAS_LIMIT, left] {
            let (envelope, raw, hash) = system_tx::set_timestamp(
                chain.config.chain_id,
                nonce,
                gas_limit,
                timestamp_us,
                key,
            );
            let offer = Candidate {
                envelope: &envelope,
                raw: &raw,
                hash,
                sender,
                da_size: op_alloy_flz::tx_estimated_size_fjord_bytes(&raw),
                authorizations: &[],
            };
            match self.run(&offer)? {
                Ok(outcome) if outcome.result.is_success() => {
                    self.accept(&offer, outcome)?;
                    self.oracle_us = timestamp_us;
                    break;
                }
                Err(TxOutcome::Unread(error)) => return Ok(Err(error)),
                _ => {}
            }
        }
        Ok(Ok(()))
    }

    /// What HighPrecisionTimestamp says at `now_us`: never less than it has said before.
    fn oracle_time(&self, now_us: u64) -> u64 {
        let block_time_ms = self.chain.config.block_time_ms;
        let newest = self.context.timestamp.saturating_mul(1_000_000);
        oracle_time(now_us, block_time_ms, self.context.timestamp).max(self.oracle_us.min(newest))
    }

    /// Whether the block has room for a transaction.
    fn admit(&self, offer: &Candidate<'_>) -> Result<(), TxOutcome> {
        let gas_limit = offer.envelope.gas_limit();
        if gas_limit > self.limits.block_gas_limit {
            return Err(TxOutcome::Invalid("exceeds block gas limit".to_owned()));
        }
        let is_deposit = offer.envelope.ty() == DEPOSIT_TRANSACTION_TYPE;
        let size = offer.raw.len() as u64;
        self.limiter
            .pre_execution_check(offer.hash, gas_limit, size, offer.da_size, is_deposit)
            .map_err(|error| TxOutcome::Full(limit_met(self.context.number, &error)))
    }

    /// Runs a transaction without keeping what it did.
    fn run(
        &mut self,
        offer: &Candidate<'_>,
    ) -> Result<Result<MegaTransactionOutcome, TxOutcome>, BuildError> {
        if let Err(attempt) = self.admit(offer) {
            return Ok(Err(attempt));
        }
        let tx = mega_transaction_with(
            offer.envelope,
            offer.raw.clone(),
            offer.sender,
            offer.authorizations,
        );
        // A bug that one transaction finds in the EVM must not take the chain down.
        let result = catch_unwind(AssertUnwindSafe(|| self.evm.execute_transaction(tx)));
        // Whatever a transaction makes of a read that failed, it is no outcome.
        if let (Ok(_), Some(error)) = (&result, self.evm.db().take_failure()) {
            return Ok(Err(TxOutcome::Unread(error)));
        }
        match result {
            Ok(Ok(outcome)) => Ok(Ok(outcome)),
            Ok(Err(EVMError::Database(error))) => Ok(Err(TxOutcome::Unread(error))),
            Ok(Err(EVMError::Transaction(error))) => Ok(Err(invalid(&error))),
            Ok(Err(error)) => Ok(Err(TxOutcome::Invalid(error.to_string()))),
            Err(_) => {
                self.renew_evm()?;
                Ok(Err(TxOutcome::Invalid(
                    "the EVM failed on this transaction".to_owned(),
                )))
            }
        }
    }

    fn accept(
        &mut self,
        offer: &Candidate<'_>,
        outcome: MegaTransactionOutcome,
    ) -> Result<TxOutcome, BuildError> {
        let is_deposit = offer.envelope.ty() == DEPOSIT_TRANSACTION_TYPE;
        let deposit_nonce = match is_deposit {
            true => {
                let account = self.evm.db().account(offer.sender)?;
                Some(account.map_or(0, |account| account.nonce))
            }
            false => None,
        };
        let detention = detention_of(&self.evm);
        let input = offer.envelope.input();
        let result = result_from(self.spec, &outcome, input, detention, deposit_nonce);
        self.keep(offer, result, &outcome.state)?;
        Ok(TxOutcome::Included)
    }

    /// Includes a transaction with its result, and lays what it left over the state.
    fn keep(
        &mut self,
        offer: &Candidate<'_>,
        result: TxResult,
        state: &EvmState,
    ) -> Result<(), BuildError> {
        let usage = &result.usage;
        self.limiter.post_execution_update_raw(
            result.gas_used,
            offer.raw.len() as u64,
            offer.da_size,
            usage.data_size,
            usage.kv_updates,
            usage.metered_compute_gas,
            usage.state_growth,
            offer.envelope.ty() == DEPOSIT_TRANSACTION_TYPE,
        );
        self.evm.db_mut().apply(state);
        if let Some(changes) = &mut self.changes {
            let accounts = state.iter();
            changes.extend(accounts.flat_map(|(address, account)| changes_of(*address, account)));
        }
        let record = TxRecord {
            raw: offer.raw.clone(),
            hash: offer.hash,
            sender: offer.sender,
            result,
        };
        self.leaves.push(&record, self.gas_before_mini)?;
        if state.contains_key(&CONSOLE) {
            self.to_console.push(self.txs.len());
        }
        self.txs.push(record);
        Ok(())
    }

    /// Includes a transaction that was executed ahead of its turn, if that holds here; otherwise names a
    /// key that it should have read differently.
    pub(super) fn accept_ahead(
        &mut self,
        offer: &Candidate<'_>,
        speculation: Speculation,
    ) -> Result<Result<TxOutcome, PlainKey>, BuildError> {
        if let Err(attempt) = self.admit(offer) {
            return Ok(Ok(attempt));
        }
        let overlay = self.evm.db();
        match speculation.settle(|key| overlay.value(key).ok()) {
            Ok(Done { result, state, .. }) => {
                self.keep(offer, result, &state)?;
                Ok(Ok(TxOutcome::Included))
            }
            Err(key) => Ok(Err(key)),
        }
    }

    /// The state as it is now and the block's rules, for those who execute ahead; nothing where nobody
    /// may, or before the block's first transaction.
    pub(super) fn ahead(&mut self) -> Option<(Frozen, Arc<BlockRules>)> {
        if self.rules.is_none() {
            let l1 = self.evm.ctx_ref().chain().clone();
            if !supports(self.spec) || l1.l2_block != U256::from(self.context.number) {
                return None;
            }
            self.rules = Some(Arc::new(BlockRules {
                chain_id: self.chain.config.chain_id,
                spec: self.spec,
                context: self.context,
                limits: self.limits.to_evm_tx_runtime_limits(),
                native: self.chain.native.clone(),
                l1,
                capacities: self.chain.bucket_capacities(),
                interventions: self.chain.config.interventions,
                system_address: self.system_address,
            }));
        }
        let rules = self.rules.clone()?;
        Some((self.evm.db_mut().freeze(), rules))
    }

    /// Begins or ends listening to what is changed.
    pub(super) fn listen(&mut self, on: bool) {
        self.changes = on.then(Vec::new);
    }

    /// What was changed since the last call.
    pub(super) fn heard(&mut self) -> Vec<(PlainKey, PlainValue)> {
        self.changes
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Seals the open mini-block: commits its diff, and signs it. Empty ones are sealed likewise.
    pub(crate) fn seal_mini(&mut self, now_us: u64) -> Result<Arc<MiniBlock>, BuildError> {
        let txs = std::mem::take(&mut self.txs);
        let diff = self.evm.db_mut().take_diff();
        let gas_used = self.limiter.block_gas_used - self.gas_before_mini;
        let leaves = std::mem::take(&mut self.leaves);
        self.sums.add(&leaves);
        // The clock that the last one was sealed by may have been ahead of this one: before a restart.
        self.sealed_us = self.sealed_us.max(now_us);
        let mut mini = MiniBlock {
            number: self.first_mini + self.next_index,
            block_number: self.context.number,
            block_timestamp: self.context.timestamp,
            index: self.next_index,
            timestamp_us: self.sealed_us,
            gas_used,
            transactions_root: leaves.transactions_root(),
            receipts_root: leaves.receipts_root(),
            txs,
            diff,
            ..Default::default()
        };
        self.chain.leaders.sign(&mut mini, &self.chain.sequencer);
        self.chain.world.commit(&mini.diff);
        self.next_index += 1;
        self.gas_before_mini = self.limiter.block_gas_used;
        let mini = Arc::new(mini);
        self.chain.feed_commitment(&mini);
        self.chain.recent.push_mini(mini.clone());
        let indices = std::mem::take(&mut self.to_console);
        if !indices.is_empty() {
            let mini = mini.number;
            self.chain.console.note(Job::Transactions { mini, indices });
        }
        Ok(mini)
    }

    /// Closes the block after its last mini-block is sealed. The followers have had all of them. Returns
    /// the parts of [`Sealed::Block`](crate::chain::Sealed::Block).
    pub(crate) fn close(
        self,
        followers: &mut HeaderRoots,
    ) -> Result<(Arc<BlockRecord>, BlockUndo, Bytes), BuildError> {
        debug_assert!(self.txs.is_empty());
        let number = self.context.number;
        let closing = self.chain.close_commitment(number)?;
        let closing = closing.ok_or(CommitError::Off)?;
        let undo = self.chain.world.close_block(number);
        let changes = followers.advance(&self.chain.world, &undo);
        let transactions_root = self.sums.transactions_root();
        let receipts_root = self.sums.receipts_root();
        let withdrawals_root = followers.withdrawals.root();
        let closed = closing.wait()?;
        self.chain.capacities.grow(number, &closed.growth);
        let header = Header {
            parent_hash: self.context.parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: self.context.coinbase,
            state_root: closed.root,
            transactions_root,
            receipts_root,
            logs_bloom: *self.sums.bloom(),
            number: self.context.number,
            gas_limit: self.context.gas_limit,
            gas_used: self.limiter.block_gas_used,
            timestamp: self.context.timestamp,
            extra_data: self.chain.config.extra_data.clone(),
            mix_hash: self.context.prev_randao,
            base_fee_per_gas: Some(self.context.base_fee),
            withdrawals_root: Some(withdrawals_root),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(REQUESTS_HASH),
            ..Default::default()
        };
        let mut record = BlockRecord::new(
            header,
            self.first_mini,
            self.next_index,
            BucketResize::encode_all(&closed.growth).into(),
        );
        record.sign_content(&self.chain.sequencer);
        let record = Arc::new(record);
        self.chain
            .world
            .put_block_hash(record.header.number, record.hash);
        self.chain.recent.push_block(record.clone());
        let undo = changes
            .iter()
            .map(|change| (change.key, change.old))
            .collect();
        Ok((record, undo, closed.nodes))
    }

    /// A fresh EVM over the same overlay, after a panic left the old one in an unknown state. Only beginning
    /// the block again makes one that knows the block's system address.
    pub(super) fn renew_evm(&mut self) -> Result<(), BuildError> {
        let empty = Overlay::new(self.chain.world.clone());
        let overlay = std::mem::replace(&mut **self.evm.db_mut(), empty);
        let begun = begin_over(&self.chain, &self.context, &self.clock, overlay)?;
        self.evm = Machine::new(begun.evm, Some(&self.chain.native));
        Ok(())
    }
}

/// Begins a block that is built over `overlay`.
fn begin_over(
    chain: &Chain,
    context: &BlockContext,
    clock: &OracleClock,
    overlay: Overlay,
) -> Result<BegunBlock<Adapter<Overlay>>, BuildError> {
    let external = ExternalEnv::with_clock(chain.bucket_capacities(), clock.clone());
    let factory = BlockFactory::new(
        chain.config.chain_id,
        &chain.hardforks,
        context,
        external,
        chain.config.interventions,
    );
    let before = Latest(chain.world.clone());
    let overlay = Adapter::new(overlay);
    begin_block(&factory, before, overlay).map_err(|error| match error {
        BeginError::State(error) => error.into(),
        BeginError::Call(error) => BuildError::SystemCalls {
            block: context.number,
            message: error.to_string(),
        },
    })
}

fn invalid(error: &mega_evm::MegaTransactionError) -> TxOutcome {
    use mega_evm::{InvalidTransaction, OpTransactionError};
    match error {
        OpTransactionError::Base(InvalidTransaction::NonceTooLow { .. }) => TxOutcome::Stale,
        error => TxOutcome::Invalid(error.to_string()),
    }
}

impl HeaderRoots {
    /// Takes a closed block's changes: what its undo names and what the world holds now. Returns those
    /// that are changes indeed.
    pub(crate) fn advance(
        &mut self,
        world: &crate::state::StateStore,
        undo: &BlockUndo,
    ) -> Vec<Change> {
        let changes: Vec<Change> = undo
            .iter()
            .map(|(key, old)| Change {
                key: *key,
                old: *old,
                new: world.tip(key),
            })
            .filter(|change| change.old != change.new)
            .collect();
        self.withdrawals.update(&changes);
        changes
    }
}
