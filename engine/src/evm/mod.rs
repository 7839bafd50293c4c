//! What a node adds to the checker's `evm`: contracts that run natively, calls that change nothing, traces,
//! what contracts tell the console, and what transactions used, of which limits, and where they were detained.

pub(crate) mod closest_limit;
pub(crate) mod console;
pub(crate) mod detention;
pub(crate) mod native;
pub(crate) mod simulate;
pub(crate) mod trace;
pub(crate) mod usage;
mod watch;

pub(crate) use megaeth_checker::evm::{
    Allowance, BeginError, BegunBlock, BlockContext, BlockFactory, BucketCapacities, DEFAULT_SPEC,
    EvmFactory, ExternalEnv, FixedCapacities, ORACLE_TIMESTAMP_SLOT, OracleClock, SPEC_NAMES,
    UnknownCapacity, begin_block, block_limits, cfg_env, chain_bucket, code_limits, creation_gas,
    detention_of, evm_env, hardforks, intrinsic_storage_gas, is_system_transaction,
    mega_transaction_with, oracle_time, result_from, spec_by_name,
};
pub(crate) use watch::Watch;
