//! The methods, one file per namespace or idea, each with its lines of the table.
//!
//! A handler is given a [`Node`] and its [`Params`], as many as its line says, and answers with JSON. What may take long
//! asks `node.turn` between two steps whether it may go on.

mod before;
mod blocks;
mod call;
pub(crate) mod console;
mod debug;
mod deposit;
mod diff;
mod drops;
mod fees;
mod history;
mod listed;
mod log_filter;
mod logs;
mod mega;
mod mining;
mod news;
mod otterscan;
mod prefetch;
mod preimages;
mod profile;
mod proofs;
mod ranges;
mod raw;
mod request;
mod send;
mod setting;
mod simulation;
mod state;
mod trace;
mod trace_options;
mod traced;
mod transactions;
mod tx_usage;
mod txpool;
mod validated;

use std::sync::LazyLock;

pub(super) use prefetch::prefetch;

use super::method::{Methods, Patience, Submission};
use super::node::read;
use super::params::{self, block_id, values};
use super::{Home, Method, Node, Params, RpcError, Turn, error, render};

static TABLES: &[&[Method]] = &[
    blocks::METHODS,
    call::METHODS,
    debug::METHODS,
    deposit::METHODS,
    diff::METHODS,
    drops::METHODS,
    fees::METHODS,
    logs::METHODS,
    mega::METHODS,
    mining::METHODS,
    otterscan::METHODS,
    profile::METHODS,
    proofs::METHODS,
    ranges::METHODS,
    raw::METHODS,
    send::METHODS,
    simulation::METHODS,
    state::METHODS,
    trace::METHODS,
    transactions::METHODS,
    tx_usage::METHODS,
    txpool::METHODS,
    validated::METHODS,
];

static ALL: LazyLock<Methods> = LazyLock::new(|| Methods::of(TABLES));

/// How many lines the tables have.
#[cfg(test)]
pub(super) fn lines() -> usize {
    TABLES.iter().map(|table| table.len()).sum()
}

/// Every method of the engine.
pub(crate) fn all() -> &'static Methods {
    &ALL
}
