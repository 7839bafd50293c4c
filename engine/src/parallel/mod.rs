//! Transactions of one batch executed on several threads, with the results of executing them one by one.
//!
//! A Block-STM of the builder's own making. The order is fixed beforehand. Threads execute ahead of their
//! turn over a multi-version memory: each sees what those before it have written so far. The builder commits in
//! order, and accepts what was executed ahead only if everything that it read is what stands there now;
//! otherwise, or where nobody has come to a transaction yet, it executes it itself, and then nothing precedes
//! it that could still change. So the threads can save time or waste it, but they can't change a result.
//!
//! ```text
//!   txs in order ─ plan ─▶ Batch ◀─ task ─ Worker, Worker ... ─ speculate ─▶ Memory (versions by key)
//!                            │                                                  ▲
//!        builder: take(0), take(1), ... ─ holds? ─ yes: commit                  │
//!                                           └───── no: execute ─ commit ────────┘
//! ```
//!
//! Whoever reads what an aborted execution had written waits for it (an *estimate*). Credits don't conflict:
//! fees go to their recipients when a transaction is committed, and so does the value of a transfer to an
//! account without code, of which only is read that it has none and whether it exists. What needs the order
//! itself is left to the builder: deposits, EIP-7702, whoever looks at the oracle's clock or at an
//! account that earns fees.
//!
//! Not responsible for limits of blocks and for refusing transactions: the builder does that when it commits.

mod batch;
mod gains;
mod history;
mod memory;
mod reader;
mod worker;
mod workers;

pub(crate) use batch::{AheadTurn, Batch};
pub(crate) use gains::Advice;
pub(crate) use history::{CallHistory, Plan};
pub(crate) use worker::{BlockRules, Done, Speculation, Worker, supports};
pub(crate) use workers::WorkerPool;
