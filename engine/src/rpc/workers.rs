//! Threads for what takes longer than a glance: calls, estimates, log searches. One bounded queue.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

/// Jobs that wait at most; more are refused.
const MAX_WAITING: usize = 8_192;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

/// A fixed number of threads, parked when there is nothing to do.
pub struct Workers {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl Workers {
    /// Starts `count` threads.
    pub fn start(count: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let threads = (0..count)
            .map(|index| {
                let shared = shared.clone();
                std::thread::Builder::new()
                    .name(format!("rpc-{index}"))
                    .spawn(move || shared.work())
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
        })
    }

    /// Whether another job may be queued; callers refuse their clients when it may not.
    pub fn has_room(&self) -> bool {
        self.waiting() < MAX_WAITING
    }

    /// Queues a job; drops it if the workers have stopped.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        {
            let mut queue = self.shared.queue.lock();
            if queue.closed {
                return;
            }
            queue.jobs.push_back(Box::new(job));
        }
        self.shared.arrived.notify_one();
    }

    /// How many jobs wait.
    pub fn waiting(&self) -> usize {
        self.shared.queue.lock().jobs.len()
    }

    /// Drops what waits and ends the threads after their current jobs.
    pub fn stop(&self) {
        let jobs = {
            let mut queue = self.shared.queue.lock();
            queue.closed = true;
            std::mem::take(&mut queue.jobs)
        };
        drop(jobs);
        self.shared.arrived.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock());
        let this = std::thread::current().id();
        for thread in threads {
            // A job may own the last reference to the workers, and so drop them on one of their threads.
            if thread.thread().id() != this {
                // Jobs' panics are caught; if one got out there is nothing left to save.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn work(&self) {
        loop {
            let job = {
                let mut queue = self.queue.lock();
                loop {
                    if let Some(job) = queue.jobs.pop_front() {
                        break job;
                    }
                    if queue.closed {
                        return;
                    }
                    self.arrived.wait(&mut queue);
                }
            };
            // Handlers catch their own panics; this keeps the thread alive should a reply panic.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_panicking_job_does_not_cost_the_thread() {
        let workers = match Workers::start(1) {
            Ok(workers) => workers,
            Err(error) => panic!("{error}"),
        };
        let (sender, receiver) = mpsc::channel();
        workers.run(|| panic!("on purpose"));
        workers.run(move || sender.send(1).unwrap_or(()));
        assert_eq!(receiver.recv(), Ok(1));
    }

    #[test]
    fn a_stopped_pool_drops_its_jobs() {
        let workers = match Workers::start(1) {
            Ok(workers) => workers,
            Err(error) => panic!("{error}"),
        };
        workers.stop();
        let (sender, receiver) = mpsc::channel();
        workers.run(move || sender.send(1).unwrap_or(()));
        assert!(receiver.recv().is_err());
    }
}
