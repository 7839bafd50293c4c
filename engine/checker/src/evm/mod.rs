//! One transaction through mega-evm: which rules, in which environment, and what came of it.
//!
//! Responsible for turning configuration into mega-evm's types and mega-evm's outcomes into ours. The
//! builder, simulation and verification share it; none of it knows where state comes from.

mod allowance;
mod creation;
mod env;
mod external;
mod factory;
mod intervention;
mod outcome;
mod pre_execution;
mod spec;

pub use allowance::{Allowance, code_limits, intrinsic_storage_gas};
pub use creation::creation_gas;
pub use env::{BlockContext, block_limits, cfg_env, evm_env};
pub use external::{
    BucketCapacities, EvmCapacities, ExternalEnv, FixedCapacities, ORACLE_TIMESTAMP_SLOT,
    OracleClock, UnknownCapacity, chain_bucket, oracle_time,
};
pub use factory::{BlockExecutor, BlockFactory, EvmFactory};
pub use intervention::{
    AccountEntry, AccountSet, BadAccounts, EntryCode, INTERVENTION_SENDER, INTERVENTIONS,
    Interventions, UNTOUCHABLE,
};
pub use outcome::{detention_of, halt_from, mega_transaction, mega_transaction_with, result_from};
pub use pre_execution::{BeginError, BegunBlock, begin_block, is_system_transaction};
pub use spec::{DEFAULT_SPEC, SPEC_NAMES, hardforks, spec_by_name, spec_name};
