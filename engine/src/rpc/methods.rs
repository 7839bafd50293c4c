//! Which methods there are, and how each is run.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::RpcError;
use super::work::Turn;
use crate::chain::Chain;
use crate::pool::Pool;

/// What handlers work on.
#[derive(Debug, Clone)]
pub struct Node {
    /// State and blocks.
    pub chain: Arc<Chain>,
    /// Transactions that wait.
    pub pool: Arc<Pool>,
    /// How far the request at hand may go.
    pub turn: Arc<Turn>,
}

impl Node {
    /// For requests that nothing bounds.
    pub fn new(chain: Arc<Chain>, pool: Arc<Pool>) -> Self {
        Self {
            chain,
            pool,
            turn: Arc::new(Turn::unbounded()),
        }
    }
}

/// Parameters (JSON text, an array or an object) to result (JSON).
pub type Handler = fn(&Node, &str) -> Result<Vec<u8>, RpcError>;

/// Whether a request with these parameters takes no longer than a cheap one.
pub type Judge = fn(&Node, &str) -> bool;

/// A method that submits a raw transaction; the door runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Send {
    /// Answers with the hash once the pool has it.
    Hash,
    /// Answers with the receipt once it is durable; times out as MegaETH does.
    Realtime,
    /// Likewise, with EIP-7966's timeout parameter and error.
    Sync,
}

/// How a method is run.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// At once, on the caller's thread: microseconds.
    Cheap(Handler),
    /// On a worker thread.
    Heavy(Handler),
    /// At once if the judge says so, else on a worker thread.
    Judged(Judge, Handler),
    /// Through the pool.
    Send(Send),
    /// Ahead of the pool.
    Deposit,
}

/// A method's name and how it is run.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// As clients write it.
    pub name: &'static str,
    /// How it is run.
    pub kind: Kind,
}

impl Method {
    /// A method that is answered at once.
    pub const fn cheap(name: &'static str, handler: Handler) -> Self {
        Self {
            name,
            kind: Kind::Cheap(handler),
        }
    }

    /// A method that a worker answers.
    pub const fn heavy(name: &'static str, handler: Handler) -> Self {
        Self {
            name,
            kind: Kind::Heavy(handler),
        }
    }

    /// A method that a worker answers unless there is next to nothing to do.
    pub const fn judged(name: &'static str, judge: Judge, handler: Handler) -> Self {
        Self {
            name,
            kind: Kind::Judged(judge, handler),
        }
    }

    /// Whether it gives the chain something to execute.
    pub fn sends(&self) -> bool {
        matches!(self.kind, Kind::Send(_) | Kind::Deposit)
    }

    /// A method that sends a raw transaction.
    pub const fn send(name: &'static str, send: Send) -> Self {
        Self {
            name,
            kind: Kind::Send(send),
        }
    }
}

static BY_NAME: LazyLock<HashMap<&'static str, Method>> = LazyLock::new(|| {
    super::TABLES
        .iter()
        .flat_map(|table| table.iter())
        .map(|method| (method.name, *method))
        .collect()
});

/// The method of this name, if the engine answers it.
pub fn find(name: &str) -> Option<Method> {
    BY_NAME.get(name).copied()
}

/// The names of all methods that the engine answers, sorted.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = BY_NAME.keys().copied().collect();
    names.sort_unstable();
    names
}
