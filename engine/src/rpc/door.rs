//! The hot door: a whole request body in, its answer out, now or later.
//!
//! Threads: the caller's for what is cheap, [`Workers`] for what is heavy, the pool's [`Intake`] for raw
//! transactions, and one timer in [`Waiting`]. No thread waits for a receipt. Every queue is bounded;
//! who comes when it is full gets an error.

use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
    mpsc,
};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy_primitives::{B256, Bytes};

use super::RpcError;
use super::deposit;
use super::envelope::{self, Body, Entry};
use super::framing::{Framing, KnownHeads, lone_frame};
use super::methods::{self, Handler, Kind, Method, Node, Send};
use super::reply::{Assembly, Completions, Outcome, Reply, Ticket};
use super::send::{REALTIME_TIMEOUT, Submission, hash_json};
use super::waiting::{MAX_WAITERS, Waiting};
use super::work::{Answer, Rules, Turn, Work};
use super::workers::{Seat, Workers};
use crate::block::MiniBlock;
use crate::chain::{Chain, DurableListener};
use crate::metrics::Histogram;
use crate::pool::{self, Intake, IntakeMetrics, Pool, Rejection, TxSource as _};

/// A batch of more cheap requests than this is work for a worker.
const INLINE_BATCH: usize = 32;

/// What became of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Submitted {
    /// The answer (empty: there is nothing to answer).
    Answered(Answer),
    /// It comes through [`Door::completions`].
    Taken,
    /// Some method in it is not the engine's.
    Foreign,
}

/// What the ends of the pipeline take.
#[derive(Debug, Default)]
pub struct DoorMetrics {
    /// Reading a request body.
    pub parse: Histogram,
    /// From the seal of a mini-block with transactions until it is durable.
    pub log: Histogram,
    /// From the seal of a mini-block until its subscribers have been written to.
    pub publish: Histogram,
}

/// The door of one node.
#[derive(Debug)]
pub struct Door {
    room: Arc<Room>,
    heads: KnownHeads,
    completions: Arc<Completions>,
    metrics: Arc<DoorMetrics>,
}

/// What jobs need when they run after the caller has left.
#[derive(Debug)]
struct Room {
    node: Node,
    rules: Arc<Rules>,
    intake: Intake,
    workers: Workers,
    waiting: Arc<Waiting>,
    /// Whether what changes the chain is for another node to take.
    forwards: AtomicBool,
}

/// One request of the engine, ready to run.
struct Task<'a> {
    method: Method,
    params: &'a str,
    reply: Reply,
}

impl Door {
    /// Opens the door: starts the threads behind it.
    pub fn open(node: Node, intake: Intake, workers: usize) -> std::io::Result<Self> {
        let waiting = Arc::new(Waiting::start()?);
        let metrics = Arc::<DoorMetrics>::default();
        let completions = Arc::new(Completions::new()?);
        let listener = Arc::new(Receipts {
            completions: completions.clone(),
            metrics: metrics.clone(),
            chain: Arc::downgrade(&node.chain),
            pool: node.pool.clone(),
            waiting: waiting.clone(),
        });
        node.chain.waiters.listen(listener);
        let dropped = waiting.clone();
        node.pool.on_drop(move |hash, reason: &Rejection| {
            dropped.answer(hash, || Err(reason.clone().into()));
        });
        let dropped = waiting.clone();
        node.chain.deposits.on_refused(move |hash, reason| {
            let message = format!("the deposit can't be executed: {reason}");
            dropped.answer(hash, || Err(RpcError::server(message)));
        });
        let room = Room {
            rules: Rules::new(node.chain.config.rpc.clone()),
            node,
            intake,
            workers: Workers::start(workers)?,
            waiting,
            forwards: AtomicBool::new(false),
        };
        Ok(Self {
            room: Arc::new(room),
            heads: KnownHeads::default(),
            completions,
            metrics,
        })
    }

    /// A whole request body. `token` must be known to whoever reads the completions before this is called.
    pub fn submit(&self, body: &[u8], token: u64) -> Submitted {
        let framing = Framing::Bare;
        self.take_body(body, Ticket { token, framing })
    }

    /// What arrived on an HTTP connection. It is foreign, too, unless it is one whole request with a known head.
    pub fn submit_http(&self, message: &[u8], token: u64) -> Submitted {
        let framing = Framing::Http;
        self.heads
            .body_of(message)
            .map_or(Submitted::Foreign, |body| {
                self.take_body(body, Ticket { token, framing })
            })
    }

    /// What arrived on a WebSocket. It is foreign, too, unless it is one whole message.
    pub fn submit_ws(&self, data: &[u8], token: u64) -> Submitted {
        let framing = Framing::WebSocket;
        lone_frame(data).map_or(Submitted::Foreign, |body| {
            self.take_body(&body, Ticket { token, framing })
        })
    }

    /// Remembers the head of a whole HTTP request: with nothing in it but a body of this length to be answered.
    pub fn learn_head(&self, message: &[u8], length: usize) {
        self.heads.learn(message, length);
    }

    /// One request of a body that somebody else has parsed. Without an id it is a notification.
    pub fn submit_one(
        &self,
        method: &str,
        params: &str,
        id: Option<&str>,
        token: u64,
    ) -> Submitted {
        let entry = Ok(envelope::Request {
            id,
            method: method.into(),
            params,
        });
        let framing = Framing::Bare;
        self.take_lone(&entry, Ticket { token, framing })
    }

    /// One method, waiting for its result.
    pub fn call(&self, method: &str, params: &str) -> Outcome {
        let found = self
            .find(method)
            .ok_or_else(|| RpcError::method_not_found(method))?;
        let (sender, receiver) = mpsc::sync_channel(1);
        match found.kind {
            // The caller waits anyway: its thread is as good as a worker's.
            Kind::Cheap(handler) => self.room.run(handler, params),
            Kind::Heavy(handler) | Kind::Judged(_, handler) => {
                let work = Work::new(&self.room.rules, 0);
                work.admit(self.room.run_bounded(handler, params, &work, None))
            }
            Kind::Send(_) | Kind::Deposit => {
                let reply = Reply::new(move |outcome| {
                    // Fails only when the caller is gone.
                    let _ = sender.send(outcome);
                });
                let task = Task {
                    method: found,
                    params,
                    reply,
                };
                self.room.start(&Work::new(&self.room.rules, 0), task);
                receiver
                    .recv()
                    .unwrap_or_else(|_| Err(RpcError::server("the node is stopping")))
            }
        }
    }

    /// Bodies that were finished since the last call, with their tickets.
    pub fn completions(&self) -> Vec<(Ticket, Answer)> {
        self.completions.fetch()
    }

    /// A file descriptor that is readable while there are completions.
    pub fn bell(&self) -> RawFd {
        self.completions.bell()
    }

    /// Subscribers have been told of the mini-block that was sealed then (microseconds since 1970).
    pub fn published(&self, sealed_us: u64) {
        self.metrics.publish.note(since(sealed_us));
    }

    /// How long the ends of the pipeline take.
    pub fn metrics(&self) -> &DoorMetrics {
        &self.metrics
    }

    /// How long the stages before the pool take.
    pub fn intake_metrics(&self) -> &IntakeMetrics {
        self.room.intake.metrics()
    }

    /// What the methods work on.
    pub fn node(&self) -> &Node {
        &self.room.node
    }

    /// Takes no transactions any more; reads and waits go on.
    pub fn refuse_transactions(&self) {
        self.room.intake.stop();
    }

    /// A connection is gone, and with it those who wait for what came under its tokens: the last 24 bits of a token are the
    /// number of its connection. Calls end, transactions go on.
    pub fn cancel(&self, connection: u64) {
        self.room.rules.cancel(connection);
    }

    /// Bytes of memory that calls and answers in work take.
    pub fn work_bytes(&self) -> usize {
        self.room.rules.budget().held()
    }

    /// Refuses what comes, ends what runs, answers everyone who waits, ends the threads.
    pub fn stop(&self) {
        self.room.rules.stop();
        self.room.intake.stop();
        self.room.workers.stop();
        self.room.waiting.stop();
    }

    /// Raw transactions and heavy calls that wait for a thread, and requests that wait for a receipt.
    pub fn queues(&self) -> (usize, usize, usize) {
        (
            self.room.intake.waiting(),
            self.room.workers.waiting(),
            self.room.waiting.count(),
        )
    }

    /// Whether from now on transactions are another node's to take: methods that send them are foreign then.
    pub fn forward_transactions(&self, forwards: bool) {
        self.room.forwards.store(forwards, Ordering::Release);
    }

    /// The names of all methods that are answered here.
    pub fn methods(&self) -> Vec<&'static str> {
        let mut names = methods::names();
        names.retain(|name| self.find(name).is_some());
        names
    }

    fn find(&self, name: &str) -> Option<Method> {
        let forwards = self.room.forwards.load(Ordering::Acquire);
        methods::find(name).filter(|method| !(forwards && method.sends()))
    }

    fn take_body(&self, body: &[u8], ticket: Ticket) -> Submitted {
        let began = Instant::now();
        let parsed = envelope::parse(body, self.room.rules.limits().max_batch);
        self.metrics.parse.note(began.elapsed());
        match parsed {
            Err(error) => Submitted::Answered(envelope::refusal(error).into()),
            Ok(Body::Single(entry)) => self.take_lone(&entry, ticket),
            Ok(Body::Batch(entries)) => self.take_batch(&entries, ticket),
        }
    }

    /// A lone request has nothing to wait for but itself: nothing is put together for it.
    fn take_lone(&self, entry: &Entry<'_>, ticket: Ticket) -> Submitted {
        let request = match entry {
            Ok(request) => request,
            Err(malformed) => {
                let refusal = envelope::response(malformed.id, Err(malformed.error.clone()));
                return Submitted::Answered(refusal.into());
            }
        };
        let Some(method) = self.find(&request.method) else {
            return Submitted::Foreign;
        };
        if let Some(handler) = self.room.at_once(method.kind, request.params) {
            let outcome = self.room.run(handler, request.params);
            let Some(id) = request.id else {
                return Submitted::Answered(Answer::default());
            };
            let answer = self.room.rules.answer(envelope::response(id, outcome));
            let refused = |error| envelope::response(id, Err(error)).into();
            return Submitted::Answered(answer.unwrap_or_else(refused));
        }
        let work = Work::new(&self.room.rules, ticket.token);
        let reply = self.completions.reply(ticket, work.clone(), request.id);
        let params = request.params;
        self.room.start(
            &work,
            Task {
                method,
                params,
                reply,
            },
        );
        Submitted::Taken
    }

    fn take_batch(&self, entries: &[Entry<'_>], ticket: Ticket) -> Submitted {
        let found: Option<Vec<Option<Method>>> = entries
            .iter()
            .map(|entry| match entry {
                Ok(request) => self.find(&request.method).map(Some),
                Err(_) => Some(None),
            })
            .collect();
        let Some(found) = found else {
            return Submitted::Foreign;
        };

        let work = Work::new(&self.room.rules, ticket.token);
        let completions = self.completions.clone();
        let assembly = Assembly::new(ticket, work.clone(), entries.len(), completions);
        let mut tasks = Vec::with_capacity(entries.len());
        for (index, (entry, method)) in entries.iter().zip(found).enumerate() {
            match (entry, method) {
                (Ok(request), Some(method)) => {
                    let reply = assembly.reply(index, request.id);
                    tasks.push(Task {
                        method,
                        params: request.params,
                        reply,
                    });
                }
                (Ok(_), None) => {}
                (Err(malformed), _) => {
                    assembly
                        .reply(index, Some(malformed.id))
                        .send(Err(malformed.error.clone()));
                }
            }
        }
        self.room.start_all(&work, tasks);
        assembly
            .release()
            .map_or(Submitted::Taken, Submitted::Answered)
    }
}

impl Room {
    /// The handler of a request that is answered on the caller's thread.
    fn at_once(&self, kind: Kind, params: &str) -> Option<Handler> {
        match kind {
            Kind::Cheap(handler) => Some(handler),
            Kind::Judged(judge, handler) => judge(&self.node, params).then_some(handler),
            Kind::Heavy(_) | Kind::Send(_) | Kind::Deposit => None,
        }
    }

    /// Runs one task, or sees to it that it is run.
    fn start(self: &Arc<Self>, work: &Arc<Work>, task: Task<'_>) {
        let Task {
            method,
            params,
            reply,
        } = task;
        match method.kind {
            Kind::Cheap(handler) => {
                let may_begin = work.may_begin();
                reply.send(may_begin.and_then(|()| self.run(handler, params)));
            }
            Kind::Heavy(handler) | Kind::Judged(_, handler) => {
                self.delegate(work, handler, params, reply);
            }
            Kind::Send(send) => {
                if let Some((raw, admitted)) = self.submission(send, params, reply) {
                    self.intake.submit(raw, admitted);
                }
            }
            Kind::Deposit => self.deposit(params, reply),
        }
    }

    /// Runs the tasks of one body, in their order as far as they are alike.
    fn start_all(self: &Arc<Self>, work: &Arc<Work>, tasks: Vec<Task<'_>>) {
        let many = tasks.len() > INLINE_BATCH;
        let (mut cheap, mut sends) = (Vec::new(), Vec::new());
        for task in tasks {
            match task.method.kind {
                Kind::Cheap(handler) if many => {
                    cheap.push((handler, task.params.to_owned(), task.reply));
                }
                Kind::Send(send) => sends.extend(self.submission(send, task.params, task.reply)),
                _ => self.start(work, task),
            }
        }
        if !sends.is_empty() {
            self.intake.submit_all(sends);
        }
        if cheap.is_empty() {
            return;
        }
        let bytes = cheap.iter().map(|(_, params, _)| params.len()).sum();
        if !self.workers.has_room(bytes) {
            cheap
                .into_iter()
                .for_each(|(_, _, reply)| reply.send(Err(busy())));
            return;
        }
        work.list();
        let (room, work) = (self.clone(), work.clone());
        self.workers.run(work.connection(), bytes, move |seat| {
            for (handler, params, reply) in cheap {
                seat.give_way();
                let may_begin = work.may_begin();
                reply.send(may_begin.and_then(|()| room.run(handler, &params)));
            }
        });
    }

    /// Runs a handler here; its panic is an internal error.
    fn run(&self, handler: Handler, params: &str) -> Outcome {
        run_on(&self.node, handler, params)
    }

    /// The same, within the bounds of what is long.
    fn run_bounded(
        &self,
        handler: Handler,
        params: &str,
        work: &Arc<Work>,
        seat: Option<Arc<Seat>>,
    ) -> Outcome {
        work.may_begin()?;
        let node = Node {
            turn: Arc::new(Turn::begin(work.clone(), seat)),
            ..self.node.clone()
        };
        run_on(&node, handler, params)
    }

    /// Runs a handler on a worker.
    fn delegate(self: &Arc<Self>, work: &Arc<Work>, handler: Handler, params: &str, reply: Reply) {
        if !self.workers.has_room(params.len()) {
            return reply.send(Err(busy()));
        }
        work.list();
        let (room, work, params) = (self.clone(), work.clone(), params.to_owned());
        let bytes = params.len();
        self.workers.run(work.connection(), bytes, move |seat| {
            reply.send(room.run_bounded(handler, &params, &work, Some(seat)));
        });
    }

    /// Forces a deposit in, and answers with its hash when it is durable.
    fn deposit(&self, params: &str, reply: Reply) {
        let deposit = match deposit::read(&self.node, params) {
            Ok(deposit) => deposit,
            Err(error) => return reply.send(Err(error)),
        };
        if self.waiting.count() >= MAX_WAITERS {
            return reply.send(Err(too_many_wait()));
        }
        let hash = deposit.hash();
        let told = Reply::new(move |outcome: Outcome| {
            reply.send(outcome.map(|_| hash_json(&hash)));
        });
        self.waiting
            .add(hash, Send::Realtime, REALTIME_TIMEOUT, told);
        self.node.chain.deposits.push(deposit);
        self.node.pool.wake();
    }

    /// A raw transaction as the intake takes it, unless it is refused at once.
    fn submission(&self, send: Send, params: &str, reply: Reply) -> Option<(Bytes, pool::Reply)> {
        let submission = match Submission::parse(send, params) {
            Ok(submission) => submission,
            Err(error) => {
                reply.send(Err(error));
                return None;
            }
        };
        let Some(timeout) = submission.timeout else {
            let admitted = move |outcome: pool::Outcome| {
                reply.send(outcome.map(|hash| hash_json(&hash)).map_err(RpcError::from));
            };
            return Some((submission.raw, Box::new(admitted)));
        };
        if self.waiting.count() >= MAX_WAITERS {
            reply.send(Err(too_many_wait()));
            return None;
        }
        let (waiting, node) = (self.waiting.clone(), self.node.clone());
        let admitted = move |outcome: pool::Outcome| match outcome {
            Err(rejection) => reply.send(Err(rejection.into())),
            Ok(hash) => {
                waiting.add(hash, send, timeout, reply);
                answer_if_durable(&node, &waiting, &hash);
            }
        };
        Some((submission.raw, Box::new(admitted)))
    }
}

fn run_on(node: &Node, handler: Handler, params: &str) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| handler(node, params)))
        .unwrap_or_else(|_| Err(RpcError::internal("the method failed unexpectedly")))
}

/// How long ago that was, in microseconds since 1970.
fn since(then_us: u64) -> Duration {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.saturating_sub(Duration::from_micros(then_us))
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

/// Answers waiters as mini-blocks become durable.
struct Receipts {
    /// The chain owns its listeners: a strong reference would keep both for ever.
    chain: Weak<Chain>,
    pool: Arc<Pool>,
    waiting: Arc<Waiting>,
    completions: Arc<Completions>,
    metrics: Arc<DoorMetrics>,
}

impl DurableListener for Receipts {
    fn on_durable(&self, minis: &[Arc<MiniBlock>]) {
        self.pool.durable(minis);
        let Some(chain) = self.chain.upgrade() else {
            return;
        };
        let node = Node::new(chain, self.pool.clone());
        for mini in minis.iter().filter(|mini| !mini.txs.is_empty()) {
            self.metrics.log.note(since(mini.timestamp_us));
            if self.waiting.is_empty() {
                continue;
            }
            self.completions.gather(|| {
                for (index, tx) in mini.txs.iter().enumerate() {
                    self.waiting
                        .answer(&tx.hash, || node.receipt_json(mini, index));
                }
            });
        }
    }
}
