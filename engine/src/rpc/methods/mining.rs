//! When blocks are closed, and what time they tell, under the names that anvil and hardhat have for it.
//!
//! Only reads parameters and waits: `chain/mining.rs` keeps what is set, the builder obeys.

use std::time::{Duration, Instant};

use alloy_eips::BlockNumberOrTag;
use crossbeam_channel::bounded;
use serde_json::value::RawValue;

use super::{Home, Method, Node, Params, RpcError, values};
use crate::{
    chain::{MiningMode, WantedBlocks},
    json,
    pool::TxSource as _,
    rpc::Answer,
};

/// No more blocks at a time.
const MAX_BLOCKS: u64 = 100_000;
/// How long a client waits for the blocks that it asks for, at least.
const PATIENCE: Duration = Duration::from_secs(60);
/// And for each of them.
const PATIENCE_PER_BLOCK: Duration = Duration::from_millis(100);
/// Later than any sensible block, and small enough to add to.
const MAX_TIMESTAMP: u64 = 1 << 40;

const BY_SEQUENCER: Home = Home::Sequencer;

/// These namespaces' methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("anvil_mine", &["blocks?", "interval?"], anvil_mine, "Closes blocks, each that many seconds after the last.").of(BY_SEQUENCER),
    Method::worker("hardhat_mine", &["blocks?", "interval?"], hardhat_mine, "Closes blocks; those after the first are that many seconds apart.").of(BY_SEQUENCER),
    Method::worker("evm_mine", &["options?"], evm_mine, "Closes a block, or several with a timestamp; `0x0`.").of(BY_SEQUENCER),
    Method::inline("anvil_getAutomine", &[], get_automine, "Whether transactions get into blocks by themselves.").of(BY_SEQUENCER),
    Method::inline("hardhat_getAutomine", &[], get_automine, "Whether transactions get into blocks by themselves.").of(BY_SEQUENCER),
    Method::inline("anvil_setAutomine", &["enabled"], set_automine, "Whether each transaction closes a block, or none does.").of(BY_SEQUENCER),
    Method::inline("evm_setAutomine", &["enabled"], set_automine, "Whether each transaction closes a block, or none does.").of(BY_SEQUENCER),
    Method::inline("anvil_getIntervalMining", &[], get_interval, "Seconds after which a block is closed, if time closes blocks.").of(BY_SEQUENCER),
    Method::inline("anvil_setIntervalMining", &["seconds"], set_interval_s, "Closes a block after so many seconds; 0: only when asked.").of(BY_SEQUENCER),
    Method::inline("evm_setIntervalMining", &["milliseconds"], set_interval_ms, "Closes a block after so many milliseconds; 0: only when asked.").of(BY_SEQUENCER),
    Method::inline("anvil_increaseTime", &["seconds"], increase_time, "Moves the clock on; how many seconds it is ahead then.").of(BY_SEQUENCER),
    Method::inline("evm_increaseTime", &["seconds"], increase_time, "Moves the clock on; how many seconds it is ahead then.").of(BY_SEQUENCER),
    Method::inline("anvil_setTime", &["timestamp"], set_time, "Sets the clock; how many seconds it has moved on.").of(BY_SEQUENCER),
    Method::inline("evm_setTime", &["timestamp"], set_time, "Sets the clock; how many seconds it has moved on.").of(BY_SEQUENCER),
    Method::inline("anvil_setNextBlockTimestamp", &["timestamp"], set_next_timestamp, "Gives the next block this timestamp.").of(BY_SEQUENCER),
    Method::inline("evm_setNextBlockTimestamp", &["timestamp"], set_next_timestamp, "Gives the next block this timestamp.").of(BY_SEQUENCER),
    Method::inline("anvil_setBlockTimestampInterval", &["seconds"], set_interval_of_timestamps, "Puts blocks' timestamps so far apart.").of(BY_SEQUENCER),
    Method::inline("anvil_removeBlockTimestampInterval", &[], remove_interval_of_timestamps, "Ends that; whether there was one.").of(BY_SEQUENCER),
];

fn null() -> Answer {
    Ok(json::null_bytes())
}

fn boolean(value: bool) -> Answer {
    Ok(if value {
        b"true".to_vec()
    } else {
        b"false".to_vec()
    })
}

fn number(value: i128) -> Answer {
    Ok(value.to_string().into_bytes())
}

/// The newest timestamp that a block has.
fn newest_timestamp(node: &Node) -> Result<u64, RpcError> {
    let anchor = node.chain.view_with_anchor(BlockNumberOrTag::Latest.into());
    let (_, anchor) = anchor.map_err(|error| RpcError::server(error.to_string()))?;
    Ok(anchor.timestamp)
}

/// A timestamp that the next block may have.
fn later(node: &Node, params: &Params<'_>) -> Result<u64, RpcError> {
    let timestamp = params.required(0, values::quantity)?;
    check_later(node, timestamp)?;
    Ok(timestamp)
}

fn check_later(node: &Node, timestamp: u64) -> Result<(), RpcError> {
    let newest = newest_timestamp(node)?;
    if timestamp > MAX_TIMESTAMP {
        return Err(RpcError::invalid_params(format!(
            "timestamp {timestamp} is too far in the future"
        )));
    }
    if timestamp <= newest {
        return Err(RpcError::invalid_params(format!(
            "timestamp {timestamp} is lower than or equal to previous block's timestamp {newest}"
        )));
    }
    Ok(())
}

fn seconds(node: &Node, params: &Params<'_>) -> Result<u64, RpcError> {
    let seconds = params.required(0, values::quantity)?;
    check_ahead(node, seconds)?;
    Ok(seconds)
}

/// Refuses to go so far ahead of the chain's time that sums of timestamps come near their limit.
fn check_ahead(node: &Node, seconds: u64) -> Result<(), RpcError> {
    let newest = node.chain.mining.now_s().max(newest_timestamp(node)?);
    if newest.saturating_add(seconds) > MAX_TIMESTAMP {
        return Err(RpcError::invalid_params(format!(
            "{seconds} seconds are too many"
        )));
    }
    Ok(())
}

/// From the newest block's time on, which may be ahead of the clock where blocks were many.
fn increase_time(node: &Node, params: &Params<'_>) -> Answer {
    let seconds = seconds(node, params)?;
    let mining = &node.chain.mining;
    mining.catch_up_with(newest_timestamp(node)?);
    let ahead = mining.increase_time(seconds);
    node.pool.wake();
    number(ahead)
}

fn set_time(node: &Node, params: &Params<'_>) -> Answer {
    let timestamp = later(node, params)?;
    let mining = &node.chain.mining;
    let moved = i128::from(timestamp) - i128::from(mining.now_s());
    mining.set_time(timestamp);
    node.pool.wake();
    number(moved.max(0))
}

fn set_next_timestamp(node: &Node, params: &Params<'_>) -> Answer {
    node.chain.mining.set_next_timestamp(later(node, params)?);
    node.pool.wake();
    null()
}

fn set_interval_of_timestamps(node: &Node, params: &Params<'_>) -> Answer {
    let seconds = seconds(node, params)?;
    node.chain.mining.set_interval(Some(seconds));
    null()
}

fn remove_interval_of_timestamps(node: &Node, _: &Params<'_>) -> Answer {
    boolean(node.chain.mining.set_interval(None))
}

fn get_automine(node: &Node, _: &Params<'_>) -> Answer {
    boolean(node.chain.mining.mode() != MiningMode::Manual)
}

fn set_automine(node: &Node, params: &Params<'_>) -> Answer {
    let mode = match params.required(0, values::boolean)? {
        true => MiningMode::Automine,
        false => MiningMode::Manual,
    };
    set_mode(node, mode);
    null()
}

fn set_mode(node: &Node, mode: MiningMode) {
    node.chain.mining.set_mode(mode);
    node.pool.wake();
}

fn get_interval(node: &Node, _: &Params<'_>) -> Answer {
    let mining = &node.chain.mining;
    match mining.mode() {
        MiningMode::Continuous => number(i128::from(mining.block_time_us().div_ceil(1_000_000))),
        _ => null(),
    }
}

fn set_interval_s(node: &Node, params: &Params<'_>) -> Answer {
    set_interval(node, params, 1_000_000, "")
}

fn set_interval_ms(node: &Node, params: &Params<'_>) -> Answer {
    let hint = "; this takes milliseconds, as hardhat's does, and anvil_setIntervalMining seconds";
    set_interval(node, params, 1_000, hint)
}

fn set_interval(node: &Node, params: &Params<'_>, unit_us: u64, hint: &str) -> Answer {
    let block_time_us = params
        .required(0, values::quantity)?
        .saturating_mul(unit_us);
    let least = node.chain.config.mini_block_time_us;
    if block_time_us == 0 {
        set_mode(node, MiningMode::Manual);
        return null();
    }
    check_ahead(node, block_time_us / 1_000_000)?;
    if block_time_us < least {
        return Err(RpcError::invalid_params(format!(
            "a block is at least as long as a mini-block, {least} µs{hint}"
        )));
    }
    node.chain.mining.set_block_time(block_time_us);
    node.pool.wake();
    null()
}

fn count(params: &Params<'_>) -> Result<u64, RpcError> {
    let count = params.optional(0, values::quantity)?.unwrap_or(1);
    if count > MAX_BLOCKS {
        return Err(RpcError::invalid_params(format!(
            "at most {MAX_BLOCKS} blocks at a time"
        )));
    }
    Ok(count)
}

/// Seconds from one of so many blocks to the next; tools send 0 for none in particular.
fn interval(node: &Node, params: &Params<'_>, count: u64) -> Result<Option<u64>, RpcError> {
    let interval_s: Option<u64> = params.optional(1, values::quantity)?;
    if let Some(interval_s) = interval_s {
        check_ahead(node, interval_s.saturating_mul(count))?;
    }
    Ok(interval_s.filter(|seconds| *seconds > 0))
}

fn anvil_mine(node: &Node, params: &Params<'_>) -> Answer {
    let count = count(params)?;
    let interval_s = interval(node, params, count)?;
    mine(node, count, interval_s, interval_s.is_some())
}

fn hardhat_mine(node: &Node, params: &Params<'_>) -> Answer {
    let count = count(params)?;
    let apart = match params.raw(1) {
        None => Some(1),
        Some(_) => interval(node, params, count)?,
    };
    mine(node, count, apart, false)
}

/// `evm_mine(timestamp)` or `evm_mine({timestamp?, blocks?})`.
fn evm_mine(node: &Node, params: &Params<'_>) -> Answer {
    let mut blocks = 1;
    let mut timestamp = None;
    if let Some(raw) = params.raw(0) {
        if raw.starts_with('{') {
            let members = values::members(raw).map_err(RpcError::invalid_params)?;
            for (name, value) in members {
                let value: &RawValue = value;
                if value.get() == "null" {
                    continue;
                }
                let read = values::in_member(&name, values::quantity(value.get()));
                let read = read.map_err(RpcError::invalid_params)?;
                match name.as_str() {
                    "timestamp" => timestamp = Some(read),
                    "blocks" => blocks = read,
                    _ => return Err(RpcError::invalid_params(format!("unknown option {name}"))),
                }
            }
        } else {
            timestamp = Some(params.required(0, values::quantity)?);
        }
    }
    if blocks > MAX_BLOCKS {
        return Err(RpcError::invalid_params(format!(
            "at most {MAX_BLOCKS} blocks at a time"
        )));
    }
    if let Some(timestamp) = timestamp {
        check_later(node, timestamp)?;
        node.chain.mining.set_next_timestamp(timestamp);
    }
    mine(node, blocks, None, false)?;
    Ok(b"\"0x0\"".to_vec())
}

/// Returns when the blocks can be seen: so many, that many seconds apart, the first one likewise if it `pauses_first`.
fn mine(node: &Node, count: u64, interval_s: Option<u64>, pauses_first: bool) -> Answer {
    if count == 0 {
        return null();
    }
    let (closed, last) = bounded(1);
    node.chain.mining.want(WantedBlocks {
        count,
        interval_s,
        pauses_first,
        closed,
    });
    node.pool.wake();
    let extra = PATIENCE_PER_BLOCK.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    let deadline = Instant::now() + PATIENCE + extra;
    let last = last.recv_deadline(deadline);
    let last =
        last.map_err(|_| RpcError::server("the blocks were not closed: nobody builds here now"))?;
    if !node.chain.mining.wait_shown(last, deadline) {
        return Err(RpcError::server(
            "the blocks are closed, but not on disk yet",
        ));
    }
    null()
}
