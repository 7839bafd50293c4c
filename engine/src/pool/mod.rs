//! The pool: from raw bytes to the next transaction that the builder should execute.
//!
//! ```text
//! raw ─ decode ─▶ validate ─▶ recover ─┐   stateless, on the recovery workers (`intake`)
//!                                      ▼   back in the order of arrival
//!                                    admit: nonce, funds, slots, replacement   (`queue`, one lock)
//!                                      ▼
//!   builder ◀─ next ─ ready: best tip first, then arrival (`order`)
//! ```
//!
//! Not responsible for executing anything, nor for who waits for a receipt.

mod decode;
mod deposits;
mod intake;
mod order;
mod queue;
mod rejection;
mod source;
#[cfg(test)]
pub(crate) mod testing;
mod validate;
mod waiting;
mod yield_gate;

pub(crate) use decode::decode;
pub(crate) use deposits::{Deposit, DepositQueue};
pub(crate) use intake::{Intake, IntakeMetrics, IntakeOutcome, Reply};
pub(crate) use order::Order;
pub(crate) use queue::{Accounts, Limits, Pool, SenderTransactions};
pub(crate) use rejection::Rejection;
pub(crate) use source::{PoolTx, Refusal, TxSource};
pub(crate) use validate::AdmissionRules;
pub(crate) use waiting::{Deferral, Waiting};
