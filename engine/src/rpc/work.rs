//! What requests may take: memory and time. A body in work is a [`Work`], one of its requests while it runs a [`Turn`].
//!
//! ```text
//! body --> Work: who waits for it, how much its answer holds
//!            |-- Turn: a request that runs on a thread, until when, with how much memory of its own
//!            '-- Answer: bytes on their way to the client, and the lease of the memory that they take
//! ```
//!
//! All memory is taken from one [`Budget`]. A handler calls [`Turn::check`] between two steps of what may be long; the
//! EVM does, too ([`Watch`]). Who may not go on gets the error that names the setting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::RpcError;
use super::workers::Seat;
use crate::chain::RpcLimits;
use crate::evm::Watch;
use crate::memory::Meter;

/// Memory is taken from the budget in steps of this.
const STEP: usize = 1 << 20;
/// What each request and each answer takes without asking.
const FREE: usize = 64 << 10;
/// From this size on an answer stays where it is.
const LARGE: usize = 64 << 10;
/// So many of a token's last bits are the number of its connection.
const CONNECTION_BITS: u32 = 24;

/// Memory that all work may hold together.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    held: AtomicUsize,
}

impl Budget {
    fn take(&self, bytes: usize) -> bool {
        let grown = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.most);
        let (set, fetch) = (Ordering::AcqRel, Ordering::Acquire);
        self.held.fetch_update(set, fetch, grown).is_ok()
    }

    /// How much of it is taken.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub struct Lease {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Lease {
    fn none(budget: &Arc<Budget>) -> Self {
        Self {
            budget: budget.clone(),
            bytes: 0,
        }
    }

    /// Makes it enough for so many bytes, if there are as many.
    fn grow_to(&mut self, bytes: usize) -> bool {
        let wanted = match bytes {
            0..=FREE => 0,
            more => more.div_ceil(STEP).saturating_mul(STEP),
        };
        let more = wanted.saturating_sub(self.bytes);
        let granted = more == 0 || self.budget.take(more);
        if granted {
            self.bytes += more;
        }
        granted
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// A response body on its way out. Its memory counts until it is dropped.
#[derive(Debug, Default)]
pub struct Answer {
    body: Vec<u8>,
    _lease: Option<Lease>,
}

impl Answer {
    /// The bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether a second object costs less than a copy.
    pub fn is_large(&self) -> bool {
        self.body.len() >= LARGE
    }

    /// With something before it.
    #[must_use]
    pub fn after(mut self, head: &[u8]) -> Self {
        if !head.is_empty() {
            self.body.splice(0..0, head.iter().copied());
        }
        self
    }
}

impl From<Vec<u8>> for Answer {
    fn from(body: Vec<u8>) -> Self {
        Self { body, _lease: None }
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.body == other.body
    }
}

impl Eq for Answer {}

/// What all work has in common.
#[derive(Debug)]
pub struct Rules {
    limits: RpcLimits,
    budget: Arc<Budget>,
    stopping: AtomicBool,
    /// What runs on workers, by connection and token.
    running: Mutex<BTreeMap<(u64, u64), Weak<Work>>>,
}

impl Rules {
    /// Within these limits, with nothing in work.
    pub fn new(limits: RpcLimits) -> Arc<Self> {
        let budget = Budget {
            most: limits.max_work_bytes,
            held: AtomicUsize::new(0),
        };
        Arc::new(Self {
            limits,
            budget: Arc::new(budget),
            stopping: AtomicBool::new(false),
            running: Mutex::default(),
        })
    }

    /// The limits.
    pub fn limits(&self) -> &RpcLimits {
        &self.limits
    }

    /// The memory of all work.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Ends everything in work.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Ends what a connection, which nobody reads any more, has in work.
    pub fn cancel(&self, connection: u64) {
        let running = self.running.lock();
        // Kept until the lock is released: dropping the last one takes it, too.
        let cancelled: Vec<_> = running
            .range((connection, 0)..=(connection, u64::MAX))
            .filter_map(|(_, work)| work.upgrade())
            .collect();
        drop(running);
        for work in cancelled {
            work.cancelled.store(true, Ordering::Release);
        }
    }

    /// What goes out as it is, counted. An error in its place if it is too much.
    pub fn answer(&self, body: Vec<u8>) -> Result<Answer, RpcError> {
        if body.len() <= FREE {
            return Ok(body.into());
        }
        if body.len() > self.limits.max_answer_bytes {
            return Err(self.answer_too_large());
        }
        let mut lease = Lease::none(&self.budget);
        match lease.grow_to(body.len()) {
            true => Ok(Answer {
                body,
                _lease: Some(lease),
            }),
            false => Err(self.too_much_work()),
        }
    }

    fn answer_too_large(&self) -> RpcError {
        let most = shown(self.limits.max_answer_bytes);
        RpcError::limit(format!(
            "the answer would be larger than {most} (--max-answer-bytes): ask for less at a time"
        ))
    }

    fn too_much_work(&self) -> RpcError {
        let most = shown(self.limits.max_work_bytes);
        RpcError::limit(format!(
            "calls and answers in work would take more than {most} (--max-work-bytes): try again later"
        ))
    }
}

/// A body in work.
#[derive(Debug)]
pub struct Work {
    rules: Arc<Rules>,
    /// Zero where nobody can cancel it.
    token: u64,
    cancelled: AtomicBool,
    is_listed: AtomicBool,
    answered: Mutex<Answered>,
}

/// What its requests have been answered with so far.
#[derive(Debug)]
struct Answered {
    bytes: usize,
    lease: Lease,
}

impl Work {
    /// A body that came under this token.
    pub fn new(rules: &Arc<Rules>, token: u64) -> Arc<Self> {
        Arc::new(Self {
            rules: rules.clone(),
            token,
            cancelled: AtomicBool::new(false),
            is_listed: AtomicBool::new(false),
            answered: Mutex::new(Answered {
                bytes: 0,
                lease: Lease::none(&rules.budget),
            }),
        })
    }

    /// The connection that it came from.
    pub fn connection(&self) -> u64 {
        self.token & ((1 << CONNECTION_BITS) - 1)
    }

    fn key(&self) -> (u64, u64) {
        (self.connection(), self.token)
    }

    /// From now on it can be cancelled.
    pub fn list(self: &Arc<Self>) {
        if self.token != 0 && !self.is_listed.swap(true, Ordering::AcqRel) {
            let mut running = self.rules.running.lock();
            running.insert(self.key(), Arc::downgrade(self));
        }
    }

    /// Whether there is somebody who waits for it, and room in its answer.
    pub fn may_begin(&self) -> Result<(), RpcError> {
        if self.is_over() {
            return Err(over());
        }
        if self.answered.lock().bytes > self.rules.limits.max_answer_bytes {
            return Err(self.rules.answer_too_large());
        }
        Ok(())
    }

    /// Counts the result or the error (which may hold as much: revert data) of one of its requests; another error in its
    /// place if it is too much.
    pub fn admit(&self, outcome: Result<Vec<u8>, RpcError>) -> Result<Vec<u8>, RpcError> {
        let size = outcome.as_ref().map_or_else(RpcError::size, Vec::len);
        let mut answered = self.answered.lock();
        let all = answered.bytes.saturating_add(size);
        if all > self.rules.limits.max_answer_bytes {
            answered.bytes = usize::MAX;
            return Err(self.rules.answer_too_large());
        }
        if !answered.lease.grow_to(all) {
            return Err(self.rules.too_much_work());
        }
        answered.bytes = all;
        outcome
    }

    /// The whole answer, with the memory that was taken for it.
    pub fn answer(&self, body: Vec<u8>) -> Answer {
        let mut answered = self.answered.lock();
        let none = Lease::none(&self.rules.budget);
        let lease = std::mem::replace(&mut answered.lease, none);
        Answer {
            body,
            _lease: (lease.bytes > 0).then_some(lease),
        }
    }

    fn is_over(&self) -> bool {
        self.cancelled.load(Ordering::Acquire) || self.rules.stopping.load(Ordering::Acquire)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !*self.is_listed.get_mut() {
            return;
        }
        let mut running = self.rules.running.lock();
        // Who has one request at a time may use one token for all.
        let is_own = |listed: &Weak<Self>| std::ptr::eq(listed.as_ptr(), self);
        if running.get(&self.key()).is_some_and(is_own) {
            running.remove(&self.key());
        }
    }
}

fn over() -> RpcError {
    RpcError::server("the call was cancelled: its client is gone, or the node is stopping")
}

/// A request that runs.
#[derive(Debug)]
pub struct Turn(Option<Running>);

#[derive(Debug)]
struct Running {
    work: Arc<Work>,
    meter: Meter,
    lease: Mutex<Lease>,
    until: Instant,
    seat: Option<Arc<Seat>>,
    /// Why it may not go on, once it may not.
    ended: OnceLock<RpcError>,
}

impl Turn {
    /// One that nothing ends: for what is short by nature.
    pub const fn unbounded() -> Self {
        Self(None)
    }

    /// One that begins now, on this thread.
    pub fn begin(work: Arc<Work>, seat: Option<Arc<Seat>>) -> Self {
        let lease = Mutex::new(Lease::none(&work.rules.budget));
        Self(Some(Running {
            meter: Meter::start(),
            lease,
            until: Instant::now() + work.rules.limits.call_timeout(),
            seat,
            ended: OnceLock::new(),
            work,
        }))
    }

    /// Whether it may go on and take `more` bytes of memory. Once it may not, it never may.
    pub fn check(&self, more: usize) -> Result<(), RpcError> {
        self.0
            .as_ref()
            .map_or(Ok(()), |running| running.check(more))
    }

    /// Whether its result may be as large as that.
    pub fn expect(&self, bytes: usize) -> Result<(), RpcError> {
        let Some(running) = &self.0 else {
            return Ok(());
        };
        if bytes > running.limits().max_answer_bytes {
            return running.end(running.work.rules.answer_too_large());
        }
        running.check(bytes)
    }

    /// Why it may not go on, if so.
    pub fn ended(&self) -> Option<RpcError> {
        self.0.as_ref()?.ended.get().cloned()
    }

    /// How many calls one request may hold.
    pub fn max_calls(&self) -> usize {
        let running = self.0.as_ref();
        running.map_or(usize::MAX, |running| running.limits().max_batch)
    }
}

impl Watch for Turn {
    fn may_go_on(&self, more: usize) -> bool {
        self.check(more).is_ok()
    }
}

impl Running {
    fn limits(&self) -> &RpcLimits {
        &self.work.rules.limits
    }

    fn check(&self, more: usize) -> Result<(), RpcError> {
        if let Some(error) = self.ended.get() {
            return Err(error.clone());
        }
        if let Some(seat) = &self.seat {
            seat.give_way();
        }
        if self.work.is_over() {
            return self.end(over());
        }
        if Instant::now() > self.until {
            let most = self.limits().call_timeout();
            return self.end(RpcError::limit(format!(
                "execution aborted (timeout = {most:?}): --call-timeout allows no more"
            )));
        }
        let held = self.meter.held().saturating_add(more);
        let most = self.limits().max_call_bytes;
        if held > most {
            let most = shown(most);
            return self.end(RpcError::limit(format!(
                "the call needs more than {most} of memory: --max-call-bytes allows no more"
            )));
        }
        if !self.lease.lock().grow_to(held) {
            return self.end(self.work.rules.too_much_work());
        }
        Ok(())
    }

    fn end(&self, error: RpcError) -> Result<(), RpcError> {
        Err(self.ended.get_or_init(|| error).clone())
    }
}

/// A number of bytes for people.
fn shown(bytes: usize) -> String {
    match bytes {
        mib if mib.is_multiple_of(1 << 20) => format!("{} MiB", mib >> 20),
        kib if kib.is_multiple_of(1 << 10) => format!("{} KiB", kib >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

impl RpcLimits {
    fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::error::code;

    fn rules(change: impl FnOnce(&mut RpcLimits)) -> Arc<Rules> {
        let mut limits = RpcLimits::default();
        change(&mut limits);
        Rules::new(limits)
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T, RpcError>) -> (i32, String) {
        let error = result.expect_err("it is too much");
        (error.code, error.message)
    }

    #[test]
    fn an_answer_beyond_the_bound_is_refused_by_the_name_of_the_setting() {
        let rules = rules(|limits| limits.max_answer_bytes = 100);
        let work = Work::new(&rules, 0);
        assert!(work.admit(Ok(vec![0; 60])).is_ok());
        let (code, message) = refusal(work.admit(Ok(vec![0; 60])));
        assert_eq!(code, code::LIMIT);
        assert!(message.contains("--max-answer-bytes"), "{message}");
        // What follows in the same body needs not run at all.
        assert!(work.may_begin().is_err());
    }

    #[test]
    fn the_data_of_errors_counts_as_results_do() {
        let rules = rules(|limits| limits.max_answer_bytes = 1_000);
        let work = Work::new(&rules, 0);
        let reverted = |bytes| Err(RpcError::new(code::REVERTED, "x").with_data(vec![b'0'; bytes]));
        assert_eq!(refusal(work.admit(reverted(600))).0, code::REVERTED);
        let (code, message) = refusal(work.admit(reverted(600)));
        assert_eq!(code, code::LIMIT);
        assert!(message.contains("--max-answer-bytes"), "{message}");
    }

    #[test]
    fn memory_of_answers_counts_until_they_are_gone() {
        let rules = rules(|limits| limits.max_work_bytes = 3 * STEP);
        let work = Work::new(&rules, 0);
        let body = work.admit(Ok(vec![0; 2 * STEP]));
        let answer = work.answer(body.unwrap_or_default());
        assert_eq!(rules.budget().held(), 2 * STEP);
        let (code, message) = refusal(Work::new(&rules, 0).admit(Ok(vec![0; 2 * STEP])));
        assert_eq!(code, code::LIMIT);
        assert!(message.contains("--max-work-bytes"), "{message}");
        assert!(Work::new(&rules, 0).admit(Ok(vec![0; FREE])).is_ok());
        drop(answer);
        assert_eq!(rules.budget().held(), 0);
        assert!(Work::new(&rules, 0).admit(Ok(vec![0; 2 * STEP])).is_ok());
    }

    #[test]
    fn a_turn_ends_by_memory_for_good() {
        let rules = rules(|limits| limits.max_call_bytes = STEP);
        let turn = Turn::begin(Work::new(&rules, 0), None);
        assert!(turn.check(0).is_ok());
        let kept = vec![1_u8; 2 * STEP];
        let (code, message) = refusal(turn.check(0));
        assert_eq!(code, code::LIMIT);
        assert!(message.contains("--max-call-bytes"), "{message}");
        drop(kept);
        assert!(turn.check(0).is_err());
        assert_eq!(turn.ended().map(|error| error.message), Some(message));
    }

    #[test]
    fn a_turn_ends_by_time() {
        let rules = rules(|limits| limits.call_timeout_ms = 0);
        let turn = Turn::begin(Work::new(&rules, 0), None);
        while turn.check(0).is_ok() {
            std::thread::yield_now();
        }
        let message = turn.ended().map_or_else(String::new, |error| error.message);
        assert!(message.contains("--call-timeout"), "{message}");
    }

    #[test]
    fn a_connection_that_is_gone_cancels_its_own_work_only() {
        let rules = rules(|_| ());
        let token = |connection: u64, nth: u64| nth << CONNECTION_BITS | connection;
        let works: Vec<_> = [token(1, 1), token(1, 7), token(2, 1)]
            .iter()
            .map(|token| Work::new(&rules, *token))
            .collect();
        works.iter().for_each(|work| work.list());
        rules.cancel(1);
        let begins: Vec<_> = works.iter().map(|work| work.may_begin().is_ok()).collect();
        assert_eq!(begins, [false, false, true]);
        drop(works);
        assert!(rules.running.lock().is_empty());
    }

    #[test]
    fn the_next_request_under_the_same_token_is_not_forgotten_with_the_one_before() {
        let rules = rules(|_| ());
        let first = Work::new(&rules, 5);
        first.list();
        let second = Work::new(&rules, 5);
        second.list();
        drop(first);
        rules.cancel(5);
        assert!(second.may_begin().is_err());
    }

    #[test]
    fn a_stop_ends_everything() {
        let rules = rules(|_| ());
        let turn = Turn::begin(Work::new(&rules, 0), None);
        rules.stop();
        assert!(turn.check(0).is_err());
    }
}
