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

pub use error::RpcError;
