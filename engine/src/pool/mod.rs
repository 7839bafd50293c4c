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
mod way;

pub use decode::decode;
pub use deposits::{Deposit, DepositQueue};
pub use intake::{Intake, IntakeMetrics, Outcome, Reply};
pub use order::Order;
pub use queue::{Accounts, Limits, Pool, SenderTransactions};
pub use rejection::Rejection;
pub use source::{PoolTx, Refusal, TxSource};
pub use validate::Rules;
