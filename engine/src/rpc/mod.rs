//! JSON-RPC: every method that reads or writes the chain, answered from bytes to bytes.
//!
//! ```text
//! body --envelope--> requests --door--> cheap: answered at once
//!                                  \--> heavy: worker threads --\
//!                                  \--> sends: the pool's recovery workers --> completions
//! ```
//!
//! Sockets, subscriptions and methods about the network or the dev accounts are Python's.

pub mod envelope;
pub mod error;
pub mod methods;
pub mod send;

pub use error::RpcError;
pub use methods::{Handler, Kind, Method, Node};

/// Every method of the engine, one table per namespace module.
static TABLES: &[&[Method]] = &[send::METHODS];
