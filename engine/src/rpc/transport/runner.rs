//! Runs requests where their methods say: here, on a worker, or through the pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alloy_primitives::{B256, Bytes};

use super::reply::Reply;
use super::turn::Turn;
use super::waiting::{MAX_WAITERS, Waiting};
use super::work::{ServingRules, Work};
use super::workers::{Seat, Workers};
use crate::chain::MiningMode;
use crate::pool::{self, Intake, TxSource as _};
use crate::rpc::fork;
use crate::rpc::method::{Home, Methods, Patience, Submission, Submit};
use crate::rpc::render::json;
use crate::rpc::{Answer, Handler, Method, Node, Params, RpcError, Runs};

/// How long the hash of a transaction waits for its block, where each makes one.
const AUTOMINED: Patience = Patience {
    timeout: Duration::from_millis(500),
    expired: |_, _, _| RpcError::server("it waits for others"),
    refused: RpcError::from,
};

/// A batch of more inline requests than this is work for a worker.
const INLINE_BATCH: usize = 32;

/// One request of the engine, ready to run.
pub(super) struct Task<'a> {
    /// Its method.
    pub method: &'static Method,
    /// Its parameters, as JSON.
    pub params: &'a str,
    /// Whom to answer.
    pub reply: Reply,
}

/// What requests run with, also after their caller has left.
#[derive(Debug)]
pub(super) struct Runner {
    /// What handlers work on.
    pub node: Node,
    /// The methods that there are.
    pub methods: &'static Methods,
    /// What requests may take.
    pub rules: Arc<ServingRules>,
    /// Takes raw transactions.
    pub intake: Intake,
    /// Run what takes long.
    pub workers: Workers,
    /// Those who wait for receipts.
    pub waiting: Arc<Waiting>,
    /// Whether what changes the chain is for another node to take.
    pub forwards: AtomicBool,
}

impl Runner {
    /// The method of this name, if it is answered here.
    pub(super) fn find(&self, name: &str) -> Option<&'static Method> {
        let forwards = self.forwards.load(Ordering::Acquire);
        let is_ours = |method: &&Method| !(forwards && method.home == Home::Sequencer);
        self.methods.find(name).filter(is_ours)
    }

    /// The answer to a request that takes next to no time; `None`: it is to be started.
    pub(super) fn at_once(&self, method: &Method, params: &str) -> Option<Answer> {
        if fork::may_wait(&self.node, method) {
            return None;
        }
        let (handler, is_brief) = match method.runs {
            Runs::Inline(handler) => (handler, None),
            Runs::InlineIf(is_brief, handler) => (handler, Some(is_brief)),
            Runs::Worker(_) | Runs::Submits(_) => return None,
        };
        let params = match Params::read(params, method.params) {
            Ok(params) => params,
            Err(error) => return Some(Err(error)),
        };
        if is_brief.is_some_and(|is_brief| !is_brief(&self.node, &params)) {
            return None;
        }
        Some(guarded(|| handler(&self.node, &params)))
    }

    /// Runs one task, or sees to it that it is run.
    pub(super) fn start(self: &Arc<Self>, work: &Arc<Work>, task: Task<'_>) {
        let Task {
            method,
            params,
            reply,
        } = task;
        match method.runs {
            Runs::Inline(handler) if !fork::may_wait(&self.node, method) => {
                let may_begin = work.may_begin();
                reply.send(may_begin.and_then(|()| run(&self.node, method, handler, params)));
            }
            Runs::Inline(handler) | Runs::Worker(handler) | Runs::InlineIf(_, handler) => {
                self.delegate(work, method, handler, params, reply);
            }
            Runs::Submits(submit) if self.node.chain.fork.is_some() => {
                self.submit_later(work, method, submit, params, reply);
            }
            Runs::Submits(submit) => self.submit(method, submit, params, reply),
        }
    }

    fn submit(&self, method: &Method, submit: Submit, params: &str, reply: Reply) {
        if let Some((raw, admitted)) = self.submission(method, submit, params, reply) {
            match self.node.chain.mining.mode() {
                // Each client waits for its own block, which nothing else goes into.
                MiningMode::Automine => self.intake.submit_here(raw, admitted),
                MiningMode::Continuous | MiningMode::Manual => self.intake.submit(raw, admitted),
            }
        }
    }

    /// Submits on a worker, when what the transaction reads is there.
    fn submit_later(
        self: &Arc<Self>,
        work: &Arc<Work>,
        method: &'static Method,
        submit: Submit,
        params: &str,
        reply: Reply,
    ) {
        let params = params.to_owned();
        self.on_worker(work, params.len(), reply, move |runner, node, reply| {
            let submission = Params::read(&params, method.params).and_then(|p| submit(&node, &p));
            match submission.and_then(|submission| fork::prefetch(&node, &submission)) {
                Ok(()) => runner.submit(method, submit, &params, reply),
                Err(error) => reply.send(Err(error)),
            }
        });
    }

    /// Runs the tasks of one body, in their order as far as they are alike.
    pub(super) fn start_all(self: &Arc<Self>, work: &Arc<Work>, tasks: Vec<Task<'_>>) {
        let many = tasks.len() > INLINE_BATCH;
        let (mut inline, mut raw) = (Vec::new(), Vec::new());
        for task in tasks {
            match task.method.runs {
                Runs::Inline(handler) if many && !fork::may_wait(&self.node, task.method) => {
                    inline.push((task.method, handler, task.params.to_owned(), task.reply));
                }
                Runs::Submits(submit) if self.node.chain.fork.is_none() => {
                    raw.extend(self.submission(task.method, submit, task.params, task.reply));
                }
                _ => self.start(work, task),
            }
        }
        if !raw.is_empty() {
            self.intake.submit_all(raw);
        }
        if inline.is_empty() {
            return;
        }
        let bytes = inline.iter().map(|(_, _, params, _)| params.len()).sum();
        if !self.workers.has_room(bytes) {
            inline
                .into_iter()
                .for_each(|(.., reply)| reply.send(Err(busy())));
            return;
        }
        work.list();
        let (runner, work) = (self.clone(), work.clone());
        self.workers.run(work.connection(), bytes, move |seat| {
            for (method, handler, params, reply) in inline {
                seat.give_way();
                let may_begin = work.may_begin();
                reply.send(may_begin.and_then(|()| run(&runner.node, method, handler, &params)));
            }
        });
    }

    /// Runs a handler within the bounds of what is long.
    pub(super) fn run_bounded(
        &self,
        method: &Method,
        handler: Handler,
        params: &str,
        work: &Arc<Work>,
        seat: Option<Arc<Seat>>,
    ) -> Answer {
        work.may_begin()?;
        run(&self.bounded(work, seat), method, handler, params)
    }

    /// What handlers work on, within the bounds of what is long.
    fn bounded(&self, work: &Arc<Work>, seat: Option<Arc<Seat>>) -> Node {
        Node {
            turn: Arc::new(Turn::begin(work.clone(), seat)),
            ..self.node.clone()
        }
    }

    /// Runs a handler on a worker.
    fn delegate(
        self: &Arc<Self>,
        work: &Arc<Work>,
        method: &'static Method,
        handler: Handler,
        params: &str,
        reply: Reply,
    ) {
        let params = params.to_owned();
        self.on_worker(work, params.len(), reply, move |_, node, reply| {
            reply.send(run(&node, method, handler, &params));
        });
    }

    /// Has a worker do something within the bounds of what is long, unless its client is gone by then.
    fn on_worker(
        self: &Arc<Self>,
        work: &Arc<Work>,
        bytes: usize,
        reply: Reply,
        job: impl FnOnce(&Self, Node, Reply) + Send + 'static,
    ) {
        if !self.workers.has_room(bytes) {
            return reply.send(Err(busy()));
        }
        work.list();
        let (runner, work) = (self.clone(), work.clone());
        self.workers.run(work.connection(), bytes, move |seat| {
            match work.may_begin() {
                Ok(()) => job(&runner, runner.bounded(&work, Some(seat)), reply),
                Err(error) => reply.send(Err(error)),
            }
        });
    }

    /// A raw transaction as the intake takes it. Nothing if it is refused at once, or a deposit, which goes ahead of it.
    fn submission(
        &self,
        method: &Method,
        submit: Submit,
        params: &str,
        reply: Reply,
    ) -> Option<(Bytes, pool::Reply)> {
        let read = |params: Params<'_>| submit(&self.node, &params);
        let submission = match Params::read(params, method.params).and_then(read) {
            Ok(submission) => submission,
            Err(error) => {
                reply.send(Err(error));
                return None;
            }
        };
        let must_wait = !matches!(submission, Submission::Raw { receipt: None, .. });
        if must_wait && self.waiting.count() >= MAX_WAITERS {
            reply.send(Err(too_many_wait()));
            return None;
        }
        match submission {
            Submission::Raw { raw, receipt: None }
                if self.node.chain.mining.mode() == MiningMode::Automine =>
            {
                Some((raw, self.mined(reply)))
            }
            Submission::Raw { raw, receipt } => Some((raw, self.admitted(receipt, reply))),
            Submission::Deposit { deposit, patience } => {
                let hash = deposit.hash();
                let waits = self.node.chain.mining.mode() == MiningMode::Manual;
                if waits && !deposit.is_intervention() {
                    // Nobody knows when somebody asks for its block.
                    self.node.chain.deposits.push(*deposit);
                    reply.send(Ok(hash_json(&hash)));
                    return None;
                }
                let durable = Reply::new(move |answer: Answer| {
                    reply.send(answer.map(|_| hash_json(&hash)));
                });
                self.waiting.add(hash, patience, durable);
                self.node.chain.deposits.push(*deposit);
                self.node.pool.wake();
                None
            }
        }
    }

    /// Where each transaction closes a block, its hash is told when that can be seen; not much later if it has to wait for
    /// others.
    fn mined(&self, reply: Reply) -> pool::Reply {
        let (waiting, node) = (self.waiting.clone(), self.node.clone());
        Box::new(move |outcome: pool::IntakeOutcome| match outcome {
            Err(rejection) => reply.send(Err(rejection.into())),
            Ok(hash) => {
                let told = Reply::new(move |_| reply.send(Ok(hash_json(&hash))));
                waiting.add(hash, AUTOMINED, told);
                answer_if_durable(&node, &waiting, &hash);
            }
        })
    }

    /// What becomes of a request when the pool has its transaction, or has refused it.
    fn admitted(&self, receipt: Option<Patience>, reply: Reply) -> pool::Reply {
        let Some(patience) = receipt else {
            return Box::new(move |outcome: pool::IntakeOutcome| {
                reply.send(outcome.map(|hash| hash_json(&hash)).map_err(RpcError::from));
            });
        };
        let (waiting, node) = (self.waiting.clone(), self.node.clone());
        Box::new(move |outcome: pool::IntakeOutcome| match outcome {
            Err(rejection) => reply.send(Err((patience.refused)(rejection))),
            Ok(hash) => {
                waiting.add(hash, patience, reply);
                answer_if_durable(&node, &waiting, &hash);
            }
        })
    }
}

/// Reads the parameters and runs the handler.
pub(super) fn run(node: &Node, method: &Method, handler: Handler, params: &str) -> Answer {
    guarded(|| fork::answer(node, method, handler, params))
}

/// A handler's panic is an internal error.
fn guarded(handle: impl FnOnce() -> Answer) -> Answer {
    catch_unwind(AssertUnwindSafe(handle))
        .unwrap_or_else(|_| Err(RpcError::internal("the method failed unexpectedly")))
}

fn hash_json(hash: &B256) -> Vec<u8> {
    json::data_bytes(hash.as_slice())
}

fn too_many_wait() -> RpcError {
    RpcError::limit("too many requests wait for receipts")
}

fn busy() -> RpcError {
    RpcError::limit("too many requests are waiting, try again later")
}

/// The transaction may have become durable between its admission and the registration of its waiter.
fn answer_if_durable(node: &Node, waiting: &Waiting, hash: &B256) {
    if let Some(place) = node.chain.recent.transaction(hash) {
        waiting.answer(hash, || node.receipt_json(&place.mini, place.index));
    }
}
