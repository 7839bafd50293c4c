//! Where questions to the remote lie until somebody takes and answers them.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// A JSON-RPC request for the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// By which it is answered.
    pub id: u64,
    /// The method.
    pub method: String,
    /// Its parameters, as JSON.
    pub params: String,
}

/// A method with its parameters in JSON.
pub(super) type Call = (String, String);

/// Why the remote gives no result: its own error, or that it could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct RemoteError {
    /// JSON-RPC's code.
    pub code: i32,
    /// In words.
    pub message: String,
    /// What came with it, as JSON.
    pub data: Option<Vec<u8>>,
}

impl RemoteError {
    /// One that the remote has not said itself.
    pub(super) fn own(message: impl Into<String>) -> Self {
        Self {
            code: -32000,
            message: message.into(),
            data: None,
        }
    }
}

/// Results in JSON, in the order of the calls.
pub(super) type Results = Result<Vec<Vec<u8>>, RemoteError>;
/// Told of them, by whoever gives the last one.
type Then = Box<dyn FnOnce(Results) + Send>;

/// Calls that belong together.
struct Batch {
    results: Vec<Option<Vec<u8>>>,
    missing: usize,
    then: Option<Then>,
}

#[derive(Default)]
struct Inner {
    queue: VecDeque<Question>,
    /// What was taken or waits to be, with its place in its batch.
    open: HashMap<u64, (Arc<Mutex<Batch>>, usize)>,
    last_id: u64,
    closed: bool,
}

/// Questions in the order in which they came. What is asked is asked once at a time, by whom it concerns.
#[derive(Default)]
pub(crate) struct Desk {
    inner: Mutex<Inner>,
    asked: Condvar,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Desk").field(&self.waiting()).finish()
    }
}

impl Desk {
    /// Lays calls that belong together on the desk. `then` hears what came of them, on another thread or, once nobody
    /// asks any more, at once.
    pub(super) fn ask(&self, calls: Vec<Call>, then: impl FnOnce(Results) + Send + 'static) {
        let batch = Arc::new(Mutex::new(Batch {
            results: vec![None; calls.len()],
            missing: calls.len(),
            then: Some(Box::new(then)),
        }));
        let mut inner = self.inner.lock();
        if inner.closed {
            drop(inner);
            return fail(&batch, stopping());
        }
        for (index, (method, params)) in calls.into_iter().enumerate() {
            inner.last_id += 1;
            let id = inner.last_id;
            inner.open.insert(id, (batch.clone(), index));
            inner.queue.push_back(Question { id, method, params });
        }
        self.asked.notify_all();
    }

    /// The next question; `None` after the timeout, or once nobody asks any more.
    pub(crate) fn take(&self, timeout: Duration) -> Option<Question> {
        let deadline = Instant::now() + timeout;
        let mut inner = self.inner.lock();
        while inner.queue.is_empty() && !inner.closed {
            if self.asked.wait_until(&mut inner, deadline).timed_out() {
                break;
            }
        }
        inner.queue.pop_front()
    }

    /// What came of a question. Of what nobody waits for any more nothing comes.
    pub(crate) fn answer(&self, id: u64, result: Result<Vec<u8>, RemoteError>) {
        let Some((batch, index)) = self.inner.lock().open.remove(&id) else {
            return;
        };
        match result {
            Err(error) => fail(&batch, error),
            Ok(result) => {
                let mut all = batch.lock();
                all.results[index] = Some(result);
                all.missing -= 1;
                if all.missing > 0 {
                    return;
                }
                let results = std::mem::take(&mut all.results);
                let then = all.then.take();
                drop(all);
                if let Some(then) = then {
                    then(Ok(results.into_iter().flatten().collect()));
                }
            }
        }
    }

    /// Nobody answers any more: neither what was asked nor what will be.
    pub(crate) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        inner.queue.clear();
        let open = std::mem::take(&mut inner.open);
        drop(inner);
        self.asked.notify_all();
        for (batch, _) in open.into_values() {
            fail(&batch, stopping());
        }
    }

    /// How many wait to be taken.
    pub(crate) fn waiting(&self) -> usize {
        self.inner.lock().queue.len()
    }
}

fn fail(batch: &Mutex<Batch>, error: RemoteError) {
    let then = batch.lock().then.take();
    if let Some(then) = then {
        then(Err(error));
    }
}

fn stopping() -> RemoteError {
    RemoteError::own("the remote is not asked any more: the node is stopping")
}
