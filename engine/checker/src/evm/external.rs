//! What mega-evm asks the outside: SALT bucket capacities, and the oracle's slots.

use std::{cell::Cell, collections::BTreeMap, fmt::Debug, rc::Rc, sync::Arc};

use alloy_primitives::{Address, U256};
use mega_evm::{BucketId, ExternalEnvFactory, ExternalEnvTypes, ExternalEnvs, OracleEnv, SaltEnv};

use crate::salt::{
    hasher,
    types::{META_BUCKETS, MIN_CAPACITY},
};

/// The oracle's slot that HighPrecisionTimestamp reads.
pub const ORACLE_TIMESTAMP_SLOT: U256 = U256::ZERO;

/// The time that HighPrecisionTimestamp tells, in microseconds since 1970: as on the real chain never
/// later than the block's own timestamp, and up to one block time before it. So it is the wall clock's
/// time less one block time.
pub fn oracle_time(now_us: u64, block_time_ms: u64, block_timestamp: u64) -> u64 {
    let newest = block_timestamp.saturating_mul(1_000_000);
    now_us
        .saturating_sub(block_time_ms.saturating_mul(1000))
        .min(newest)
}

/// A capacity that was asked for and isn't known: who has only a witness knows only some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownCapacity(pub String);

/// How many slots each SALT bucket has, as of the parent block. Storage gas grows with it.
pub trait BucketCapacities: Send + Sync + Debug {
    /// The capacity of a bucket, never below 256.
    fn capacity(&self, bucket: BucketId) -> Result<u64, UnknownCapacity>;
}

/// Capacities that never change: those known, and 256 for the rest.
#[derive(Clone, Debug)]
pub struct FixedCapacities {
    /// By the chain's bucket.
    pub capacities: BTreeMap<BucketId, u64>,
    /// How many data buckets the chain has.
    pub data_buckets: u32,
}

impl BucketCapacities for FixedCapacities {
    fn capacity(&self, bucket: BucketId) -> Result<u64, UnknownCapacity> {
        let bucket = chain_bucket(bucket, self.data_buckets);
        let known = self.capacities.get(&bucket);
        Ok(known.copied().unwrap_or(MIN_CAPACITY).max(MIN_CAPACITY))
    }
}

/// The bucket of a chain with `data_buckets` that stands for one of the network's. The number divides the
/// network's, so that the remainders of a key's hash agree.
pub fn chain_bucket(of_network: BucketId, data_buckets: u32) -> BucketId {
    match of_network.checked_sub(META_BUCKETS) {
        Some(index) => META_BUCKETS + index % data_buckets.max(1),
        None => of_network,
    }
}

/// Supplies the oracle's timestamp, and tells afterwards whether it was asked. One per thread.
#[derive(Clone, Debug, Default)]
pub struct OracleClock(Rc<ClockState>);

#[derive(Debug, Default)]
struct ClockState {
    /// Microseconds to answer with; nothing lets the oracle's own storage answer.
    now_us: Cell<Option<u64>>,
    asked: Cell<bool>,
}

impl OracleClock {
    /// Answers with `now_us` until set anew, and forgets whether it was asked.
    pub fn set(&self, now_us: Option<u64>) {
        self.0.now_us.set(now_us);
        self.0.asked.set(false);
    }

    /// Whether anyone read the timestamp since [`OracleClock::set`].
    pub fn was_asked(&self) -> bool {
        self.0.asked.get()
    }
}

/// The outside, as one EVM sees it.
#[derive(Clone, Debug)]
pub struct ExternalEnv {
    capacities: Arc<dyn BucketCapacities>,
    clock: OracleClock,
}

impl ExternalEnv {
    /// Capacities, and an oracle that answers from its own storage only.
    pub fn new(capacities: Arc<dyn BucketCapacities>) -> Self {
        Self {
            capacities,
            clock: OracleClock::default(),
        }
    }

    /// Likewise, with a clock that the caller keeps a handle to.
    pub fn with_clock(capacities: Arc<dyn BucketCapacities>, clock: OracleClock) -> Self {
        Self { capacities, clock }
    }
}

/// The capacities as mega-evm asks for them.
#[derive(Clone, Debug)]
pub struct EvmCapacities(Arc<dyn BucketCapacities>);

impl EvmCapacities {
    /// These.
    pub(super) fn new(capacities: Arc<dyn BucketCapacities>) -> Self {
        Self(capacities)
    }
}

impl SaltEnv for EvmCapacities {
    type Error = UnknownCapacity;

    fn get_bucket_capacity(&self, bucket: BucketId) -> Result<u64, UnknownCapacity> {
        self.0.capacity(bucket)
    }

    fn bucket_id_for_account(account: Address) -> BucketId {
        hasher::bucket_id_for_account(&account.0.0)
    }

    fn bucket_id_for_slot(address: Address, key: U256) -> BucketId {
        hasher::bucket_id_for_slot(&address.0.0, &key.to_be_bytes())
    }
}

impl OracleEnv for OracleClock {
    fn get_oracle_storage(&self, slot: U256) -> Option<U256> {
        if slot != ORACLE_TIMESTAMP_SLOT {
            return None;
        }
        self.0.asked.set(true);
        self.0.now_us.get().map(U256::from)
    }
}

impl ExternalEnvTypes for ExternalEnv {
    type SaltEnv = EvmCapacities;
    type OracleEnv = OracleClock;
}

impl ExternalEnvFactory for ExternalEnv {
    type EnvTypes = Self;

    fn external_envs(&self, _block: u64) -> ExternalEnvs<Self> {
        ExternalEnvs {
            salt_env: EvmCapacities(self.capacities.clone()),
            oracle_env: self.clock.clone(),
        }
    }
}
