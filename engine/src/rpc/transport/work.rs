//! What requests may take: memory and time. A body in work is a [`Work`], one of its requests while it runs a `Turn`.
//!
//! ```text
//! body --> Work: who waits for it, how much its answer holds
//!            |-- Turn: a request that runs on a thread, until when, with how much memory of its own
//!            '-- Response: bytes on their way to the client, and the lease of the memory that they take
//! ```
//!
//! All memory is taken from one [`Budget`]. A handler calls `Turn::check` between two steps of what may be long; the
//! EVM does, too. Who may not go on gets the error that names the setting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::budget::{Budget, Lease};
use super::response::Response;
use crate::chain::RpcLimits;
use crate::rpc::RpcError;

/// So many of a token's last bits are the number of its connection.
const CONNECTION_BITS: u32 = 24;

/// What all work has in common.
#[derive(Debug)]
pub(crate) struct ServingRules {
    limits: RpcLimits,
    budget: Arc<Budget>,
    stopping: AtomicBool,
    /// What runs on workers, by connection and token.
    running: Mutex<BTreeMap<(u64, u64), Weak<Work>>>,
}

impl ServingRules {
    /// Within these limits, with nothing in work.
    pub(crate) fn new(limits: RpcLimits) -> Arc<Self> {
        Arc::new(Self {
            budget: Arc::new(Budget::new(limits.max_work_bytes)),
            limits,
            stopping: AtomicBool::new(false),
            running: Mutex::default(),
        })
    }

    /// The limits.
    pub(crate) fn limits(&self) -> &RpcLimits {
        &self.limits
    }

    /// The memory of all work.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Ends everything in work.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Ends what a connection, which nobody reads any more, has in work.
    pub(crate) fn cancel(&self, connection: u64) {
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
    pub(crate) fn response(&self, body: Vec<u8>) -> Result<Response, RpcError> {
        if body.len() > self.limits.max_answer_bytes {
            return Err(self.answer_too_large());
        }
        let mut lease = Lease::none(&self.budget);
        match lease.cover_response(body.len()) {
            true => Ok(Response::with_lease(body, lease)),
            false => Err(self.too_much_work()),
        }
    }

    /// The error for more than the answer to one body may hold.
    pub(crate) fn answer_too_large(&self) -> RpcError {
        let most = shown(self.limits.max_answer_bytes);
        RpcError::limit(format!(
            "the answer would be larger than {most} (--max-answer-bytes): ask for less at a time"
        ))
    }

    /// The error for more memory than there is for all work.
    pub(crate) fn too_much_work(&self) -> RpcError {
        let most = shown(self.limits.max_work_bytes);
        RpcError::limit(format!(
            "calls and answers in work would take more than {most} (--max-work-bytes): try again later"
        ))
    }
}

/// A body in work.
#[derive(Debug)]
pub(crate) struct Work {
    rules: Arc<ServingRules>,
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
    pub(crate) fn new(rules: &Arc<ServingRules>, token: u64) -> Arc<Self> {
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
    pub(crate) fn connection(&self) -> u64 {
        self.token & ((1 << CONNECTION_BITS) - 1)
    }

    fn key(&self) -> (u64, u64) {
        (self.connection(), self.token)
    }

    /// From now on it can be cancelled.
    pub(crate) fn list(self: &Arc<Self>) {
        if self.token != 0 && !self.is_listed.swap(true, Ordering::AcqRel) {
            let mut running = self.rules.running.lock();
            running.insert(self.key(), Arc::downgrade(self));
        }
    }

    /// Whether there is somebody who waits for it, and room in its answer.
    pub(crate) fn may_begin(&self) -> Result<(), RpcError> {
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
    pub(crate) fn admit(&self, outcome: Result<Vec<u8>, RpcError>) -> Result<Vec<u8>, RpcError> {
        let size = outcome.as_ref().map_or_else(RpcError::size, Vec::len);
        let mut answered = self.answered.lock();
        let all = answered.bytes.saturating_add(size);
        if all > self.rules.limits.max_answer_bytes {
            answered.bytes = usize::MAX;
            return Err(self.rules.answer_too_large());
        }
        if !answered.lease.cover_response(all) {
            return Err(self.rules.too_much_work());
        }
        answered.bytes = all;
        outcome
    }

    /// The whole answer, with the memory that was taken for it.
    pub(crate) fn response(&self, body: Vec<u8>) -> Response {
        let mut answered = self.answered.lock();
        let none = Lease::none(&self.rules.budget);
        let lease = std::mem::replace(&mut answered.lease, none);
        Response::with_lease(body, lease)
    }

    /// What it has in common with all other work.
    pub(crate) fn rules(&self) -> &ServingRules {
        &self.rules
    }

    /// Whether nobody waits for it any more, or the node stops.
    pub(crate) fn is_over(&self) -> bool {
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

/// The error for what nobody waits for any more.
pub(super) fn over() -> RpcError {
    RpcError::server("the call was cancelled: its client is gone, or the node is stopping")
}

/// A number of bytes for people.
pub(super) fn shown(bytes: usize) -> String {
    match bytes {
        mib if mib.is_multiple_of(1 << 20) => format!("{} MiB", mib >> 20),
        kib if kib.is_multiple_of(1 << 10) => format!("{} KiB", kib >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::{PAGE, STEP};
    use super::super::testing::{refusal, rules};
    use super::*;
    use crate::rpc::error::code;

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
        let answer = work.response(body.unwrap_or_default());
        assert_eq!(rules.budget().held(), 2 * STEP);
        let (code, message) = refusal(Work::new(&rules, 0).admit(Ok(vec![0; 2 * STEP])));
        assert_eq!(code, code::LIMIT);
        assert!(message.contains("--max-work-bytes"), "{message}");
        assert!(Work::new(&rules, 0).admit(Ok(vec![0; PAGE])).is_ok());
        drop(answer);
        assert_eq!(rules.budget().held(), 0);
        assert!(Work::new(&rules, 0).admit(Ok(vec![0; 2 * STEP])).is_ok());
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
}
