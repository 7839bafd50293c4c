//! What a method is: one function, and one line in the table of its namespace (`methods/`).
//!
//! Nothing here knows a method, and nothing here runs one (`transport/`).

use std::collections::HashMap;
use std::time::Duration;

use alloy_primitives::{B256, Bytes};

use super::{Answer, Node, Params, RpcError};
use crate::pool::{Deposit, Pool, Rejection};

/// Answers a request: the result as JSON.
pub(crate) type Handler = fn(&Node, &Params<'_>) -> Answer;

/// Whether a request takes no longer than what is answered inline.
pub(crate) type IsBrief = fn(&Node, &Params<'_>) -> bool;

/// Reads what a request gives the chain to execute.
pub(crate) type Submit = fn(&Node, &Params<'_>) -> Result<Submission, RpcError>;

/// Where a method runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Runs {
    /// On the caller's thread: microseconds.
    Inline(Handler),
    /// On a worker thread.
    Worker(Handler),
    /// Inline if there is next to nothing to do, else on a worker thread.
    InlineIf(IsBrief, Handler),
    /// Through the pool, or ahead of it.
    Submits(Submit),
}

/// Which node answers a method. A full node passes on what isn't its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// Any node that has the chain.
    Chain,
    /// Any node that has the chain; where the block is `pending`, the sequencer, which has the pool.
    Pool,
    /// A node that keeps the state commitment, else the sequencer.
    Commitment,
    /// The sequencer alone.
    Sequencer,
}

impl Home {
    /// As Python reads it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Pool => "pool",
            Self::Commitment => "commitment",
            Self::Sequencer => "sequencer",
        }
    }
}

/// A method.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method {
    /// As clients write it.
    pub name: &'static str,
    /// What its parameters are called; those that may be left out end with `?`, and come last.
    pub params: &'static [&'static str],
    /// Where it runs.
    pub runs: Runs,
    /// Which node answers it.
    pub home: Home,
    /// What it answers, in a sentence.
    pub about: &'static str,
}

impl Method {
    const fn new(
        name: &'static str,
        params: &'static [&'static str],
        runs: Runs,
        home: Home,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            params,
            runs,
            home,
            about,
        }
    }

    /// A method that is answered at once.
    pub(crate) const fn inline(
        name: &'static str,
        params: &'static [&'static str],
        handler: Handler,
        about: &'static str,
    ) -> Self {
        Self::new(name, params, Runs::Inline(handler), Home::Chain, about)
    }

    /// A method that a worker answers.
    pub(crate) const fn worker(
        name: &'static str,
        params: &'static [&'static str],
        handler: Handler,
        about: &'static str,
    ) -> Self {
        Self::new(name, params, Runs::Worker(handler), Home::Chain, about)
    }

    /// A method that a worker answers unless there is next to nothing to do.
    pub(crate) const fn inline_if(
        name: &'static str,
        params: &'static [&'static str],
        is_brief: IsBrief,
        handler: Handler,
        about: &'static str,
    ) -> Self {
        let runs = Runs::InlineIf(is_brief, handler);
        Self::new(name, params, runs, Home::Chain, about)
    }

    /// A method that gives the chain something to execute.
    pub(crate) const fn submits(
        name: &'static str,
        params: &'static [&'static str],
        submit: Submit,
        about: &'static str,
    ) -> Self {
        Self::new(name, params, Runs::Submits(submit), Home::Sequencer, about)
    }

    /// The same, answered by other nodes.
    #[must_use]
    pub(crate) const fn of(mut self, home: Home) -> Self {
        self.home = home;
        self
    }
}

/// What a method gives the chain to execute, and what its client waits for.
#[derive(Debug)]
pub(crate) enum Submission {
    /// A transaction for the pool, in EIP-2718 bytes that nobody has looked at. Answered with its hash once the pool has
    /// it, or with its receipt once it is durable.
    Raw {
        /// The bytes.
        raw: Bytes,
        /// How long to wait for the receipt, if at all.
        receipt: Option<Patience>,
    },
    /// A transaction that goes ahead of the pool. Answered with its hash once it is durable: nobody could give it
    /// again, as a client gives a transaction again that got lost.
    Deposit {
        /// The transaction.
        deposit: Box<Deposit>,
        /// How long to wait.
        patience: Patience,
    },
}

/// How long a client waits until its transaction is durable, and what it is told if it isn't by then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// How long.
    pub timeout: Duration,
    /// The error when the time is over, given the pool, the transaction's hash and the timeout.
    pub expired: fn(&Pool, &B256, Duration) -> RpcError,
    /// The error when the pool does not admit the transaction.
    pub refused: fn(Rejection) -> RpcError,
}

/// All methods of an engine, by name.
#[derive(Debug)]
pub(crate) struct Methods(HashMap<&'static str, &'static Method>);

impl Methods {
    /// Those of these tables.
    pub(crate) fn of(tables: &[&'static [Method]]) -> Self {
        let all = tables.iter().flat_map(|table| table.iter());
        Self(all.map(|method| (method.name, method)).collect())
    }

    /// The method of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&'static Method> {
        self.0.get(name).copied()
    }

    /// All of them, in the order of their names.
    pub(crate) fn sorted(&self) -> Vec<&'static Method> {
        let mut all: Vec<_> = self.0.values().copied().collect();
        all.sort_unstable_by_key(|method| method.name);
        all
    }
}
