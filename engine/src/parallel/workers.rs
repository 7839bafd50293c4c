//! The threads that execute ahead.

use std::{io, sync::Arc, thread::JoinHandle};

use crossbeam_channel::Sender;

use super::{batch::Batch, worker::Worker};

/// Threads that wait for batches; they end when it is dropped.
#[derive(Debug)]
pub(crate) struct WorkerPool {
    batches: Option<Sender<Arc<Batch>>>,
    threads: Vec<JoinHandle<()>>,
}

impl WorkerPool {
    /// Starts `count` threads.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let (sender, batches) = crossbeam_channel::bounded::<Arc<Batch>>(count);
        let threads = (0..count)
            .map(|number| {
                let batches = batches.clone();
                std::thread::Builder::new()
                    .name(format!("executor-{number}"))
                    .spawn(move || {
                        let mut worker = Worker::default();
                        for batch in batches {
                            batch.work(&mut worker);
                        }
                    })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            batches: Some(sender),
            threads,
        })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.threads.len()
    }

    /// Calls all that are free to a batch. Who is still at an older one comes later, or never.
    pub(crate) fn call(&self, batch: &Arc<Batch>) {
        if let Some(batches) = &self.batches {
            for _ in 0..self.threads.len() {
                if batches.try_send(batch.clone()).is_err() {
                    break;
                }
            }
        }
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.batches = None;
        for thread in self.threads.drain(..) {
            // A panic there was caught where it happened; there is nothing to learn from it here.
            let _ = thread.join();
        }
    }
}
