//! A request while it runs: how far it may go, in time and memory.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::budget::Lease;
use super::work::{Work, over, shown};
use super::workers::Seat;
use crate::chain::RpcLimits;
use crate::evm::Watch;
use crate::memory::Meter;
use crate::rpc::RpcError;

/// A request that runs.
#[derive(Debug)]
pub(crate) struct Turn(Option<Running>);

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
    pub(crate) const fn unbounded() -> Self {
        Self(None)
    }

    /// One that begins now, on this thread.
    pub(crate) fn begin(work: Arc<Work>, seat: Option<Arc<Seat>>) -> Self {
        let lease = Mutex::new(Lease::none(work.rules().budget()));
        Self(Some(Running {
            meter: Meter::start(),
            lease,
            until: Instant::now() + call_timeout(work.rules().limits()),
            seat,
            ended: OnceLock::new(),
            work,
        }))
    }

    /// Whether it may go on and take `more` bytes of memory. Once it may not, it never may.
    pub(crate) fn check(&self, more: usize) -> Result<(), RpcError> {
        self.0
            .as_ref()
            .map_or(Ok(()), |running| running.check(more))
    }

    /// Whether its result may be as large as that.
    pub(crate) fn expect(&self, bytes: usize) -> Result<(), RpcError> {
        let Some(running) = &self.0 else {
            return Ok(());
        };
        if bytes > running.limits().max_answer_bytes {
            return running.end(running.work.rules().answer_too_large());
        }
        running.check(bytes)
    }

    /// Why it may not go on, if so.
    pub(crate) fn ended(&self) -> Option<RpcError> {
        self.0.as_ref()?.ended.get().cloned()
    }

    /// How many calls one request may hold.
    pub(crate) fn max_calls(&self) -> usize {
        let running = self.0.as_ref();
        running.map_or(usize::MAX, |running| running.limits().max_batch)
    }
}

impl Watch for Turn {
    fn may_go_on(&self, more: usize) -> bool {
        self.check(more).is_ok()
    }

    fn may_answer(&self, bytes: usize) -> bool {
        self.expect(bytes).is_ok()
    }
}

impl Running {
    fn limits(&self) -> &RpcLimits {
        self.work.rules().limits()
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
            let most = call_timeout(self.limits());
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
        if !self.lease.lock().cover_call(held) {
            return self.end(self.work.rules().too_much_work());
        }
        Ok(())
    }

    fn end(&self, error: RpcError) -> Result<(), RpcError> {
        Err(self.ended.get_or_init(|| error).clone())
    }
}

fn call_timeout(limits: &RpcLimits) -> Duration {
    Duration::from_millis(limits.call_timeout_ms)
}

#[cfg(test)]
mod tests {
    use super::super::budget::STEP;
    use super::super::testing::{refusal, rules};
    use super::*;
    use crate::rpc::error::code;

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
    fn a_stop_ends_everything() {
        let rules = rules(|_| ());
        let turn = Turn::begin(Work::new(&rules, 0), None);
        rules.stop();
        assert!(turn.check(0).is_err());
    }
}
