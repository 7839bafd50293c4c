//! From a request body to its response: the envelope, the threads that requests run on, and what they may take.
//!
//! Knows no method: it is given a table of them (`method.rs`), finds each request's line there, and runs it as that says.

mod budget;
mod envelope;
mod framing;
mod receipts;
mod reply;
mod response;
mod runner;
mod service;
#[cfg(test)]
mod testing;
mod turn;
mod waiting;
mod work;
mod workers;

pub(crate) use framing::Framing;
#[cfg(test)]
pub(crate) use reply::Ticket;
pub(crate) use response::Response;
pub(crate) use service::{RpcService, Submitted};
pub(crate) use turn::Turn;
#[cfg(test)]
pub(crate) use work::{ServingRules, Work};
