//! JSON-RPC: every method that reads or writes the chain, answered from bytes to bytes.
//!
//! ```text
//! body --envelope--> requests --door--> cheap: answered at once
//!                                  \--> heavy: worker threads --\
//!                                  \--> sends: the pool's recovery workers --> completions
//! ```
//!
//! Sockets, subscriptions and methods about the network or the dev accounts are Python's.

pub mod block_id;
mod blocks;
mod call;
mod deposit;
mod diff;
pub mod door;
pub mod envelope;
pub mod error;
mod fees;
mod framing;
pub mod logs;
mod mega;
pub mod methods;
pub mod params;
mod preimages;
mod profile;
mod proofs;
mod read;
pub mod render;
mod reply;
mod request;
pub mod send;
mod state;
mod transactions;
mod txpool;
mod validated;
pub mod values;
mod waiting;
mod work;
mod workers;

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod op_alloy;
#[cfg(test)]
mod overload;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use door::{Door, DoorMetrics, Submitted};
pub use error::RpcError;
pub use framing::Framing;
pub use methods::{Handler, Kind, Method, Node};
pub use reply::Ticket;
pub use work::{Answer, Turn};

/// Every method of the engine, one table per namespace module.
static TABLES: &[&[Method]] = &[
    blocks::METHODS,
    call::METHODS,
    deposit::METHODS,
    diff::METHODS,
    fees::METHODS,
    logs::METHODS,
    mega::METHODS,
    profile::METHODS,
    proofs::METHODS,
    send::METHODS,
    state::METHODS,
    transactions::METHODS,
    txpool::METHODS,
    validated::METHODS,
];
