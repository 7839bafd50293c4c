//! JSON-RPC: every method that reads or writes the chain, answered from bytes to bytes.
//!
//! ```text
//! body --envelope--> requests --service--> inline: answered at once
//!                                     \--> worker threads --\
//!                                     \--> submissions: the pool's recovery workers --> completions
//! ```
//!
//! | room         | is responsible for                                                                    |
//! |--------------|---------------------------------------------------------------------------------------|
//! | `method.rs`  | what a method is: a function, and a line in a table                                   |
//! | `methods/`   | the methods, one file per namespace or idea, and the table of them all                |
//! | `params/`    | reading parameters, with one wording for each mistake                                 |
//! | `node/`      | what methods work on, and the look-ups that they share                                |
//! | `render/`    | JSON of what the chain holds                                                          |
//! | `fork.rs`    | what another chain answers, from which this one was forked                            |
//! | `transport/` | requests in, responses out: envelope, threads, what requests may take; knows no method |
//!
//! Sockets, subscriptions and methods about the network or the dev accounts are Python's.

pub(crate) mod error;
mod fork;
pub(crate) mod method;
pub(crate) mod methods;
mod node;
pub(crate) mod params;
pub(crate) mod render;
pub(crate) mod transport;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unread_tests;

pub(crate) use error::RpcError;
pub(crate) use method::{Handler, Home, Method, Runs};
pub(crate) use node::Node;
pub(crate) use node::read::Answer;
pub(crate) use params::Params;
#[cfg(test)]
pub(crate) use transport::Ticket;
pub(crate) use transport::{Framing, Response, RpcService, Submitted, Turn};
