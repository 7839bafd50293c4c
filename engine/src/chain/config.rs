//! The chain's configuration, as Python hands it over in JSON, checked once.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, address, b256, bytes};
use mega_evm::{MegaHardforkConfig, MegaSpecId};
use serde::{Deserialize, Serialize};

use super::MiningMode;
use crate::{
    commitment::CommitError,
    evm,
    fork::ForkPoint,
    keys::{Key, KeyError},
    pool::Order,
    salt::types::{DATA_BUCKETS, MAX_CAPACITY, META_BUCKETS, MIN_CAPACITY},
    state::Alloc,
};

/// Everything the engine must know. Only `genesis` has no default.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ChainConfig {
    /// EIP-155's chain id.
    #[serde(default = "defaults::chain_id")]
    pub chain_id: u64,
    /// The EVM's rules by name: `equivalence`, `mini-rex`, `rex`, `rex1` ... `rex6`.
    #[serde(default = "defaults::spec")]
    pub spec: String,
    /// Where the chain begins.
    pub genesis: Genesis,
    /// The block gas limit.
    #[serde(default = "defaults::gas_limit")]
    pub gas_limit: u64,
    /// The base fee in wei, the same in every block.
    #[serde(default = "defaults::base_fee")]
    pub base_fee: u64,
    /// Length of an EVM block in milliseconds.
    #[serde(default = "defaults::block_time_ms")]
    pub block_time_ms: u64,
    /// Length of a mini-block in microseconds.
    #[serde(default = "defaults::mini_block_time_us")]
    pub mini_block_time_us: u64,
    /// Who receives priority fees.
    #[serde(default = "defaults::coinbase")]
    pub coinbase: Address,
    /// The headers' extra data.
    #[serde(default = "defaults::extra_data")]
    pub extra_data: Bytes,
    /// The key that signs mini-blocks; SequencerRegistry names its address. Never a secret: the default
    /// is the same on every devnet.
    #[serde(default = "defaults::sequencer_key")]
    pub sequencer_key: B256,
    /// The key that signs Mega System Transactions where SequencerRegistry names its address. Never a secret
    /// either.
    #[serde(default = "defaults::system_key")]
    pub system_key: B256,
    /// How many blocks of history stay in memory.
    #[serde(default = "defaults::history_blocks")]
    pub history_blocks: usize,
    /// SALT bucket capacities that differ from 256, by bucket, over those of `genesis`.
    #[serde(default)]
    pub bucket_capacities: BTreeMap<u32, u64>,
    /// How many data buckets SALT spreads the state over. Fewer than the network's show what a crowded
    /// chain costs; the number must divide the network's.
    #[serde(default = "defaults::salt_data_buckets")]
    pub salt_data_buckets: u32,
    /// When blocks are closed.
    #[serde(default)]
    pub mining: MiningMode,
    /// Whether interventions are transactions of this chain.
    #[serde(default)]
    pub interventions: bool,
    /// Whether the state commitment is followed. Without it blocks can be taken over but not sealed.
    #[serde(default = "defaults::follow_commitment")]
    pub follow_commitment: bool,
    /// Whether calls find in the oracle what stands in its storage, not this node's time: for a state that is another
    /// chain's, whose time was written there.
    #[serde(default)]
    pub stored_oracle: bool,
    /// The pool's limits.
    #[serde(default)]
    pub pool: PoolConfig,
    /// What JSON-RPC requests may take.
    #[serde(default)]
    pub rpc: RpcLimits,
    /// Whether the block that is open is answered as a block, too.
    #[serde(default)]
    pub open_block: OpenBlockView,
    /// How many provers must vouch for a block before `safe` and `finalized` reach it; 0 when none
    /// run, and every sealed block counts.
    #[serde(default)]
    pub quorum: usize,
    /// Threads that recover senders; 0 for as many as there are cores.
    #[serde(default)]
    pub recover_threads: usize,
    /// Threads that execute transactions, the builder's own with them; 0 for as many as there are cores.
    #[serde(default)]
    pub execution_threads: usize,
}

/// Where the chain begins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Genesis {
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The accounts.
    #[serde(default)]
    pub alloc: Alloc,
    /// SALT bucket capacities that differ from 256 from the start, by bucket.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bucket_capacities: BTreeMap<u32, u64>,
    /// Where it was forked from another chain, if it was. Block 0 is the block after that one then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<ForkPoint>,
}

/// The pool's limits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PoolConfig {
    /// Pending transactions per account.
    pub account_slots: usize,
    /// Transactions in all.
    pub total_slots: usize,
    /// How much more a replacement must pay, in percent.
    pub price_bump_percent: u64,
    /// Who comes first: `priority` or `fifo`.
    pub order: Order,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            account_slots: 500,
            total_slots: 200_000,
            price_bump_percent: 10,
            order: Order::Priority,
        }
    }
}

/// What JSON-RPC requests may take. Their names, with `--` and dashes, are those of the settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RpcLimits {
    /// Requests in one batch, and calls in one `eth_callMany`.
    pub max_batch: usize,
    /// Bytes of the answer to one body.
    pub max_answer_bytes: usize,
    /// Bytes of memory of one call while it runs.
    pub max_call_bytes: usize,
    /// Bytes of memory of all calls that run and all answers that are not sent yet.
    pub max_work_bytes: usize,
    /// How long one call may take, in milliseconds.
    pub call_timeout_ms: u64,
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self {
            max_batch: 1_000,
            max_answer_bytes: 64 << 20,
            max_call_bytes: 256 << 20,
            max_work_bytes: 512 << 20,
            call_timeout_ms: 60_000,
        }
    }
}

/// What the block that is open is to methods that show blocks. Its state can be read by its number either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OpenBlockView {
    /// Nothing, until it is sealed.
    #[default]
    Null,
    /// A block with what it holds so far.
    Served,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// Not the JSON that was expected.
    #[error("the chain configuration is malformed: {0}")]
    Malformed(String),
    /// A spec that mega-evm doesn't have.
    #[error("unknown spec {0:?}; known are {known}", known = evm::SPEC_NAMES.join(", "))]
    UnknownSpec(String),
    /// The sequencer's key.
    #[error("the sequencer key: {0}")]
    Key(#[from] KeyError),
    /// The system address' key.
    #[error("the system key: {0}")]
    SystemKey(KeyError),
    /// mega-evm doesn't deploy the registry.
    #[error("the SequencerRegistry for genesis can't be made: {0}")]
    Registry(String),
    /// The genesis state has no commitment.
    #[error(transparent)]
    Commitment(#[from] CommitError),
    /// A number out of its range.
    #[error("{0}")]
    OutOfRange(String),
}

impl ChainConfig {
    /// Reads and checks a configuration.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, ConfigError> {
        let config: Self = serde_json::from_slice(bytes)
            .map_err(|error| ConfigError::Malformed(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// The defaults over an alloc.
    pub(crate) fn new(genesis: Genesis) -> Self {
        Self {
            chain_id: defaults::chain_id(),
            spec: defaults::spec(),
            genesis,
            gas_limit: defaults::gas_limit(),
            base_fee: defaults::base_fee(),
            block_time_ms: defaults::block_time_ms(),
            mini_block_time_us: defaults::mini_block_time_us(),
            coinbase: defaults::coinbase(),
            extra_data: defaults::extra_data(),
            sequencer_key: defaults::sequencer_key(),
            system_key: defaults::system_key(),
            history_blocks: defaults::history_blocks(),
            bucket_capacities: BTreeMap::new(),
            salt_data_buckets: defaults::salt_data_buckets(),
            mining: MiningMode::default(),
            interventions: false,
            follow_commitment: defaults::follow_commitment(),
            stored_oracle: false,
            pool: PoolConfig::default(),
            rpc: RpcLimits::default(),
            open_block: OpenBlockView::default(),
            quorum: 0,
            recover_threads: 0,
            execution_threads: 0,
        }
    }

    /// Threads that execute transactions, the builder's own with them.
    pub(crate) fn execution_threads(&self) -> usize {
        match self.execution_threads {
            0 => std::thread::available_parallelism().map_or(1, Into::into),
            count => count,
        }
    }

    /// Refuses what can't work.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.spec_id()?;
        self.sequencer()?;
        self.system()?;
        let out_of_range = |message: String| Err(ConfigError::OutOfRange(message));
        if self.block_time_ms == 0 || self.mini_block_time_us < 100 {
            return out_of_range(
                "a block takes at least 1 ms, a mini-block at least 100 µs".into(),
            );
        }
        if self.mini_block_time_us > self.block_time_ms.saturating_mul(1000) {
            return out_of_range(format!(
                "a mini-block of {} µs doesn't fit into a block of {} ms",
                self.mini_block_time_us, self.block_time_ms
            ));
        }
        if self.history_blocks == 0 {
            return out_of_range("at least one block of history must stay in memory".into());
        }
        if self.salt_data_buckets == 0 || !DATA_BUCKETS.is_multiple_of(self.salt_data_buckets) {
            return out_of_range(format!(
                "SALT can't have {} data buckets: the number must divide {DATA_BUCKETS}",
                self.salt_data_buckets
            ));
        }
        let buckets = META_BUCKETS..META_BUCKETS + self.salt_data_buckets;
        for (bucket, capacity) in self.first_capacities() {
            if !buckets.contains(&bucket) {
                return out_of_range(format!(
                    "there is no data bucket {bucket}: they are {} to {}",
                    buckets.start,
                    buckets.end - 1
                ));
            }
            if !capacity.is_power_of_two() || !(MIN_CAPACITY..=MAX_CAPACITY).contains(&capacity) {
                return out_of_range(format!(
                    "bucket {bucket} can't have capacity {capacity}: powers of two from 256 to 2^40 can"
                ));
            }
        }
        if self.extra_data.len() > 32 {
            return out_of_range("extra data has at most 32 bytes".into());
        }
        Ok(())
    }

    /// The capacities of SALT's buckets that differ from 256 from the start.
    pub(crate) fn first_capacities(&self) -> BTreeMap<u32, u64> {
        let of_genesis = self.genesis.bucket_capacities.iter();
        let all = of_genesis.chain(&self.bucket_capacities);
        all.map(|(bucket, capacity)| (*bucket, *capacity)).collect()
    }

    /// The EVM's rules.
    pub(crate) fn spec_id(&self) -> Result<MegaSpecId, ConfigError> {
        evm::spec_by_name(&self.spec).ok_or_else(|| ConfigError::UnknownSpec(self.spec.clone()))
    }

    /// The key that signs mini-blocks.
    pub(crate) fn sequencer(&self) -> Result<Key, ConfigError> {
        Ok(Key::new(&self.sequencer_key)?)
    }

    /// The key that signs Mega System Transactions.
    pub(crate) fn system(&self) -> Result<Key, ConfigError> {
        Key::new(&self.system_key).map_err(ConfigError::SystemKey)
    }

    /// The hardforks, with what a registry that isn't there yet begins with.
    pub(crate) fn hardforks(&self) -> Result<MegaHardforkConfig, ConfigError> {
        Ok(evm::hardforks(self.spec_id()?, self.sequencer()?.address()))
    }
}

/// The key that signs unless the configuration names another. Never a secret.
pub(crate) fn default_sequencer_key() -> B256 {
    defaults::sequencer_key()
}

mod defaults {
    use super::*;

    pub(super) fn chain_id() -> u64 {
        6343
    }

    pub(super) fn spec() -> String {
        evm::DEFAULT_SPEC.to_owned()
    }

    pub(super) fn gas_limit() -> u64 {
        10_000_000_000
    }

    pub(super) fn base_fee() -> u64 {
        1_000_000
    }

    pub(super) fn block_time_ms() -> u64 {
        1000
    }

    pub(super) fn mini_block_time_us() -> u64 {
        10_000
    }

    pub(super) fn coinbase() -> Address {
        address!("4200000000000000000000000000000000000011")
    }

    pub(super) fn extra_data() -> Bytes {
        bytes!("00000000fa00000001")
    }

    pub(super) fn sequencer_key() -> B256 {
        // keccak256("megaeth devnet sequencer")
        b256!("231eafff8d73c056a59a5d201ee50355700003d5f609f4ec3a8ea716e73590e4")
    }

    pub(super) fn system_key() -> B256 {
        // keccak256("megaeth devnet system")
        b256!("24d6de8a56530af88f95dcff1363327cd9a4495ee1ab9229bc763b6430e11598")
    }

    pub(super) fn salt_data_buckets() -> u32 {
        DATA_BUCKETS
    }

    pub(super) fn follow_commitment() -> bool {
        true
    }

    pub(super) fn history_blocks() -> usize {
        128
    }
}
