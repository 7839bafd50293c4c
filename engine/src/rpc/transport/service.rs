//! The JSON-RPC service of one node: a whole request body in, its response out, now or later.
//!
//! Threads: the caller's for what is answered inline, [`Workers`] for what takes long, the pool's [`Intake`] for raw
//! transactions, and one timer in [`Waiting`]. No thread waits for a receipt. Every queue is bounded;
//! who comes when it is full gets an error.

use std::os::fd::RawFd;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc,
};
use std::time::Instant;

use super::envelope::{self, Body, Entry};
use super::framing::{Framing, KnownHeads, lone_frame};
use super::receipts::{Receipts, since};
use super::reply::{Assembly, Completions, Reply, Ticket};
use super::response::Response;
use super::runner::{self, Runner, Task};
use super::waiting::Waiting;
use super::work::{ServingRules, Work};
use super::workers::Workers;
use crate::metrics::Histogram;
use crate::pool::{Intake, IntakeMetrics, Rejection};
use crate::rpc::method::Methods;
use crate::rpc::{Answer, Method, Node, RpcError, Runs};

/// What became of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// The response (empty: there is nothing to answer).
    Answered(Response),
    /// It comes through [`RpcService::completions`].
    Taken,
    /// Some method in it is not the engine's.
    Foreign,
}

/// What the ends of the pipeline take.
#[derive(Debug, Default)]
pub(crate) struct ServiceMetrics {
    /// Reading a request body.
    pub parse: Histogram,
    /// From the seal of a mini-block with transactions until it is durable.
    pub log: Histogram,
    /// From the seal of a mini-block until its subscribers have been written to.
    pub publish: Histogram,
}

/// The service of one node.
#[derive(Debug)]
pub(crate) struct RpcService {
    runner: Arc<Runner>,
    heads: KnownHeads,
    completions: Arc<Completions>,
    metrics: Arc<ServiceMetrics>,
}

impl RpcService {
    /// Serves these methods: starts the threads behind it.
    pub(crate) fn start(
        node: Node,
        methods: &'static Methods,
        intake: Intake,
        workers: usize,
    ) -> std::io::Result<Self> {
        let waiting = Arc::new(Waiting::start(node.pool.clone())?);
        let metrics = Arc::<ServiceMetrics>::default();
        let completions = Arc::new(Completions::new()?);
        let listener = Arc::new(Receipts {
            completions: completions.clone(),
            metrics: metrics.clone(),
            chain: Arc::downgrade(&node.chain),
            pool: node.pool.clone(),
            waiting: waiting.clone(),
        });
        node.chain.listeners.add(listener);
        let dropped = waiting.clone();
        node.pool.on_drop(move |hash, reason: &Rejection| {
            dropped.answer(hash, || Err(reason.clone().into()));
        });
        let dropped = waiting.clone();
        node.chain.deposits.on_refused(move |hash, reason| {
            let message = format!("the deposit can't be executed: {reason}");
            dropped.answer(hash, || Err(RpcError::server(message)));
        });
        let runner = Runner {
            rules: ServingRules::new(node.chain.config.rpc.clone()),
            node,
            methods,
            intake,
            workers: Workers::start(workers)?,
            waiting,
            forwards: AtomicBool::new(false),
        };
        Ok(Self {
            runner: Arc::new(runner),
            heads: KnownHeads::default(),
            completions,
            metrics,
        })
    }

    /// A whole request body. `token` must be known to whoever reads the completions before this is called.
    pub(crate) fn submit(&self, body: &[u8], token: u64) -> Submitted {
        let framing = Framing::Bare;
        self.take_body(body, Ticket { token, framing })
    }

    /// What arrived on an HTTP connection. It is foreign, too, unless it is one whole request with a known head.
    pub(crate) fn submit_http(&self, message: &[u8], token: u64) -> Submitted {
        let framing = Framing::Http;
        self.heads
            .body_of(message)
            .map_or(Submitted::Foreign, |body| {
                self.take_body(body, Ticket { token, framing })
            })
    }

    /// What arrived on a WebSocket. It is foreign, too, unless it is one whole message.
    pub(crate) fn submit_ws(&self, data: &[u8], token: u64) -> Submitted {
        let framing = Framing::WebSocket;
        lone_frame(data).map_or(Submitted::Foreign, |body| {
            self.take_body(&body, Ticket { token, framing })
        })
    }

    /// Remembers the head of a whole HTTP request: with nothing in it but a body of this length to be answered.
    pub(crate) fn learn_head(&self, message: &[u8], length: usize) {
        self.heads.learn(message, length);
    }

    /// One request of a body that somebody else has parsed. Without an id it is a notification.
    pub(crate) fn submit_one(
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

    /// The result of one method, if it takes next to no time; otherwise it has to be called.
    pub(crate) fn call_at_once(&self, method: &str, params: &str) -> Option<Answer> {
        let method = self.runner.find(method)?;
        self.runner.at_once(method, params)
    }

    /// One method, waiting for its result.
    pub(crate) fn call(&self, method: &str, params: &str) -> Answer {
        let runner = &self.runner;
        let method = runner
            .find(method)
            .ok_or_else(|| RpcError::method_not_found(method))?;
        let work = Work::new(&runner.rules, 0);
        match method.runs {
            // The caller waits anyway: its thread is as good as a worker's.
            Runs::Inline(handler) => runner::run(&runner.node, method, handler, params),
            Runs::Worker(handler) | Runs::InlineIf(_, handler) => {
                work.admit(runner.run_bounded(method, handler, params, &work, None))
            }
            Runs::Submits(_) => {
                let (sender, receiver) = mpsc::sync_channel(1);
                let reply = Reply::new(move |answer| {
                    // Fails only when the caller is gone.
                    let _ = sender.send(answer);
                });
                let task = Task {
                    method,
                    params,
                    reply,
                };
                runner.start(&work, task);
                receiver
                    .recv()
                    .unwrap_or_else(|_| Err(RpcError::server("the node is stopping")))
            }
        }
    }

    /// Bodies that were finished since the last call, with their tickets.
    pub(crate) fn completions(&self) -> Vec<(Ticket, Response)> {
        self.completions.fetch()
    }

    /// A file descriptor that is readable while there are completions.
    pub(crate) fn wakeup_fd(&self) -> RawFd {
        self.completions.wakeup_fd()
    }

    /// Subscribers have been told of the mini-block that was sealed then (microseconds since 1970).
    pub(crate) fn published(&self, sealed_us: u64) {
        self.metrics.publish.note(since(sealed_us));
    }

    /// How long the ends of the pipeline take.
    pub(crate) fn metrics(&self) -> &ServiceMetrics {
        &self.metrics
    }

    /// How long the stages before the pool take.
    pub(crate) fn intake_metrics(&self) -> &IntakeMetrics {
        self.runner.intake.metrics()
    }

    /// What the methods work on.
    pub(crate) fn node(&self) -> &Node {
        &self.runner.node
    }

    /// Takes no transactions any more; reads and waits go on.
    pub(crate) fn refuse_transactions(&self) {
        self.runner.intake.stop();
    }

    /// A connection is gone, and with it those who wait for what came under its tokens: the last 24 bits of a token are the
    /// number of its connection. Calls end, transactions go on.
    pub(crate) fn cancel(&self, connection: u64) {
        self.runner.rules.cancel(connection);
    }

    /// Bytes of memory that calls and answers in work take.
    pub(crate) fn work_bytes(&self) -> usize {
        self.runner.rules.budget().held()
    }

    /// Refuses what comes, ends what runs, answers everyone who waits, ends the threads.
    pub(crate) fn stop(&self) {
        self.runner.rules.stop();
        self.runner.intake.stop();
        self.runner.workers.stop();
        self.runner.waiting.stop();
    }

    /// Raw transactions and heavy calls that wait for a thread, and requests that wait for a receipt.
    pub(crate) fn queues(&self) -> (usize, usize, usize) {
        (
            self.runner.intake.waiting(),
            self.runner.workers.waiting(),
            self.runner.waiting.count(),
        )
    }

    /// Whether from now on transactions are another node's to take: methods that send them are foreign then.
    pub(crate) fn forward_transactions(&self, forwards: bool) {
        self.runner.forwards.store(forwards, Ordering::Release);
    }

    /// The names of all methods that are answered here, sorted.
    pub(crate) fn methods(&self) -> Vec<&'static str> {
        let all = self.runner.methods.sorted().into_iter();
        all.map(|method| method.name)
            .filter(|name| self.runner.find(name).is_some())
            .collect()
    }

    fn take_body(&self, body: &[u8], ticket: Ticket) -> Submitted {
        let began = Instant::now();
        let parsed = envelope::parse(body, self.runner.rules.limits().max_batch);
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
        let Some(method) = self.runner.find(&request.method) else {
            return Submitted::Foreign;
        };
        if let Some(answer) = self.runner.at_once(method, request.params) {
            let Some(id) = request.id else {
                return Submitted::Answered(Response::default());
            };
            let response = self.runner.rules.response(envelope::response(id, answer));
            let refused = |error| envelope::response(id, Err(error)).into();
            return Submitted::Answered(response.unwrap_or_else(refused));
        }
        let work = Work::new(&self.runner.rules, ticket.token);
        let reply = self.completions.reply(ticket, work.clone(), request.id);
        let params = request.params;
        self.runner.start(
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
        let found: Option<Vec<Option<&'static Method>>> = entries
            .iter()
            .map(|entry| match entry {
                Ok(request) => self.runner.find(&request.method).map(Some),
                Err(_) => Some(None),
            })
            .collect();
        let Some(found) = found else {
            return Submitted::Foreign;
        };

        let work = Work::new(&self.runner.rules, ticket.token);
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
        self.runner.start_all(&work, tasks);
        assembly
            .release()
            .map_or(Submitted::Taken, Submitted::Answered)
    }
}
