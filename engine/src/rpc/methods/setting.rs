//! The surroundings that calls find: rules, limits, the block, and what mega-evm asks the outside.

use alloy_eips::BlockId;
use alloy_primitives::Address;
use mega_evm::MegaSpecId;
use revm::database::CacheDB;

use super::{Node, RpcError, read::state_error};
use crate::{
    chain::BlockRef,
    evm::{
        self, BlockContext, ExternalEnv, OracleClock,
        simulate::{
            Setting, is_precompile,
            overrides::{self, Fault, StateOverrides},
        },
    },
    state::{Adapter, View},
};

/// Those of the block that a state belongs to: calls run as if inside it.
pub(super) fn setting_at(node: &Node, anchor: &BlockRef) -> Result<Setting, RpcError> {
    // HighPrecisionTimestamp answers as at the end of the mini-block that the state belongs to.
    let newest = match anchor.mini {
        Some(mini) => node.find_mini(mini)?,
        None => match node.sealed(BlockId::number(anchor.number))? {
            Some(block) if block.mini_count > 0 => node.find_mini(block.next_mini() - 1)?,
            _ => None,
        },
    };
    let now_us = newest.map_or(u64::MAX, |mini| mini.timestamp_us);
    setting_in(node, &node.chain.config.context_at(anchor), now_us)
}

/// Those of the block that a transaction gets into which is sent now, where `newest` is the newest block.
pub(super) fn setting_of_next(node: &Node, newest: &BlockRef) -> Result<Setting, RpcError> {
    let next = node.chain.block_of_next(newest);
    let next = next.map_err(|error| RpcError::server(error.to_string()))?;
    if next == *newest {
        return setting_at(node, newest);
    }
    let now_us = next.timestamp.saturating_mul(1_000_000);
    setting_in(node, &node.chain.config.context_at(&next), now_us)
}

/// Those of a block, at a time in microseconds since 1970.
pub(super) fn setting_in(
    node: &Node,
    context: &BlockContext,
    now_us: u64,
) -> Result<Setting, RpcError> {
    let chain = &node.chain;
    let config = &chain.config;
    let spec = config
        .spec_id()
        .map_err(|error| RpcError::internal(error.to_string()))?;
    let clock = OracleClock::default();
    let told_us = evm::oracle_time(now_us, config.block_time_ms, context.timestamp);
    clock.set((!config.stored_oracle).then_some(told_us));
    let capacities = chain.bucket_capacities();
    Ok(Setting {
        spec,
        chain_id: config.chain_id,
        block: evm::evm_env(config.chain_id, spec, context).block_env,
        limits: evm::block_limits(&chain.hardforks, context).to_evm_tx_runtime_limits(),
        external: ExternalEnv::with_clock(capacities, clock),
        interventions: config.interventions,
        native: Some(chain.native.clone()),
        base_fee_is_chosen: false,
        validates: false,
        watch: Some(node.turn.clone()),
    })
}

/// Writes what accounts have otherwise over the state; the precompiles to move.
pub(super) fn overridden(
    overlay: &mut CacheDB<Adapter<View>>,
    state: &StateOverrides,
    spec: MegaSpecId,
) -> Result<Vec<(Address, Address)>, RpcError> {
    overrides::apply(state, overlay, |address| is_precompile(spec, address)).map_err(|fault| {
        match fault {
            Fault::Sentence(why) => RpcError::invalid_params(why),
            Fault::Database(error) => state_error(error),
        }
    })
}
