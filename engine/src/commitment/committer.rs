//! Following the state mini-block by mini-block, on a thread of its own, so that little is left when a block closes.

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::{B256, Bytes};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex, RwLock};
use rayon::ThreadPoolBuilder;

use super::{
    history::{BlockEnd, History, KnownUpdate, growth},
    pending::{Batch, Pending},
    resize::BucketResize,
};
use crate::{
    block::MiniBlock,
    salt::{bucket_table::SaltError, combs},
};

/// What a mini-block is followed by: the thread makes so many of SALT's combs, so that closes find them.
const COMBS_AT_A_TIME: usize = 4;
/// So few changed keys that the trie does not share the work between threads.
const FEW: usize = 64;

/// Why there is no root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommitError {
    /// SALT refused the changes.
    #[error("the state commitment failed: {0}")]
    State(#[from] SaltError),
    /// This chain doesn't follow the commitment, so it can't seal.
    #[error("the state commitment is not followed")]
    Off,
    /// The system gave no thread, or it has panicked.
    #[error("the commitment's thread has ended")]
    Thread,
}

/// A closed block.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    /// The root of the state at its end.
    pub root: B256,
    /// Buckets that grew.
    pub growth: Vec<BucketResize>,
    /// The trie's nodes that changed, as they are kept (`salt::node_rows`).
    pub nodes: Bytes,
}

#[derive(Debug)]
enum Job {
    Mini(Arc<MiniBlock>),
    Loaded(Arc<MiniBlock>),
    Close(u64, Option<KnownUpdate>, Sender<Result<Closed, SaltError>>),
    Reopen,
    Rewind(BlockEnd, Sender<Result<[u8; 32], SaltError>>),
}

/// Follows the state. The thread ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Committer {
    shared: Arc<Shared>,
}

/// A block whose root is on its way.
#[derive(Debug)]
pub(crate) struct Closing {
    answer: Receiver<Result<Closed, SaltError>>,
    /// Whose jobs are few enough to be done by who waits.
    here: Option<Arc<Shared>>,
}

impl Closing {
    /// Waits for the root.
    pub(crate) fn wait(self) -> Result<Closed, CommitError> {
        if let Some(shared) = self.here {
            shared.work_off();
        }
        Ok(self.answer.recv().map_err(|_| CommitError::Thread)??)
    }
}

impl Committer {
    /// Starts following from where `history` stands, on a chain of blocks of this length.
    pub(crate) fn start(
        history: Arc<RwLock<History>>,
        block_time_us: u64,
    ) -> Result<Self, CommitError> {
        let shared = Arc::new(Shared {
            follower: Mutex::new(Follower::new(history, block_time_us)),
            queue: Mutex::default(),
            arrived: Condvar::new(),
        });
        // Threads of its own, of which it is one: no close waits until others' work is done, nor for a thread that
        // gets no processor. They end with it.
        let threads = ThreadPoolBuilder::new()
            .thread_name(|index| format!("commitment-{index}"))
            // Whoever asks it for something then finds it gone.
            .panic_handler(drop);
        let threads = threads.build().map_err(|_| CommitError::Thread)?;
        let worker = Worker(shared.clone());
        threads.spawn(move || worker.run());
        Ok(Self { shared })
    }

    /// A mini-block was sealed.
    pub(crate) fn feed(&self, mini: &Arc<MiniBlock>) {
        self.shared.feed(mini, true);
    }

    /// Likewise, the last one of a block that is closed at once. Nobody is woken for it.
    pub(crate) fn feed_last(&self, mini: &Arc<MiniBlock>) {
        self.shared.feed(mini, false);
    }

    /// A mini-block was loaded. Nothing is computed of it before its block closes: the nodes may be
    /// known by then.
    pub(crate) fn load(&self, mini: &Arc<MiniBlock>) {
        // If the thread is gone, closing tells.
        let _ = self.shared.push(Job::Loaded(mini.clone()), true);
    }

    /// The block's last mini-block was fed: its root is asked for.
    pub(crate) fn begin_close(&self, block: u64) -> Result<Closing, CommitError> {
        self.begin(block, None)
    }

    /// Likewise, and waited for, where an earlier run may have computed the nodes.
    pub(crate) fn close_knowing(
        &self,
        block: u64,
        known: Option<KnownUpdate>,
    ) -> Result<Closed, CommitError> {
        self.begin(block, known)?.wait()
    }

    fn begin(&self, block: u64, known: Option<KnownUpdate>) -> Result<Closing, CommitError> {
        let (reply, answer) = bounded(1);
        let is_brief = self.shared.left().is_some_and(|keys| keys < FEW);
        self.shared
            .push(Job::Close(block, known, reply), !is_brief)?;
        let here = is_brief.then(|| self.shared.clone());
        Ok(Closing { answer, here })
    }

    /// Takes the last [`begin_close`](Self::begin_close) back, as long as nothing was fed since: the block goes on.
    pub(crate) fn reopen(&self) {
        // If the thread is gone, closing tells.
        let _ = self.shared.push(Job::Reopen, true);
    }

    /// Goes back to the end of an earlier block; what was fed since is forgotten. Returns the root there.
    pub(crate) fn rewind(&self, to: BlockEnd) -> Result<B256, CommitError> {
        let (reply, answer) = bounded(1);
        let is_brief = to.values.len() < FEW && self.shared.left().is_some_and(|keys| keys < FEW);
        self.shared.push(Job::Rewind(to, reply), !is_brief)?;
        if is_brief {
            self.shared.work_off();
        }
        let root = answer.recv().map_err(|_| CommitError::Thread)??;
        Ok(root.into())
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.queue.lock().ended = true;
        self.shared.arrived.notify_all();
    }
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Nothing more comes, or nobody is there for it.
    ended: bool,
}

/// Jobs, and who does them: the thread, or whoever waits for the last one where there is little to do. Handing that over and
/// back takes longer than the work.
#[derive(Debug)]
struct Shared {
    /// Jobs are taken out of the queue only while this is held, so that they are done in their order.
    follower: Mutex<Follower>,
    queue: Mutex<Queue>,
    arrived: Condvar,
}

impl Shared {
    fn feed(&self, mini: &Arc<MiniBlock>, wakes: bool) {
        if !mini.diff.entries.is_empty() {
            // If the thread is gone, closing tells.
            let _ = self.push(Job::Mini(mini.clone()), wakes);
        }
    }

    fn push(&self, job: Job, wakes: bool) -> Result<(), CommitError> {
        let mut queue = self.queue.lock();
        if queue.ended {
            return Err(CommitError::Thread);
        }
        queue.jobs.push_back(job);
        drop(queue);
        if wakes {
            self.arrived.notify_one();
        }
        Ok(())
    }

    fn pop(&self) -> Option<Job> {
        self.queue.lock().jobs.pop_front()
    }

    /// How many keys are not folded in, at most; nothing while the thread is at work.
    fn left(&self) -> Option<usize> {
        let follower = self.follower.try_lock()?;
        let queue = self.queue.lock();
        let waiting = queue.jobs.iter().map(|job| match job {
            Job::Mini(mini) | Job::Loaded(mini) => mini.diff.entries.len(),
            Job::Close(..) | Job::Reopen | Job::Rewind(..) => 0,
        });
        Some(follower.pending.len() + waiting.sum::<usize>())
    }

    /// Does what is in the queue.
    fn work_off(&self) {
        let mut follower = self.follower.lock();
        while let Some(job) = self.pop() {
            follower.take(job);
        }
    }
}

/// The thread's part.
struct Worker(Arc<Shared>);

impl Worker {
    fn run(&self) {
        while self.wait() {
            let mut follower = self.0.follower.lock();
            // Somebody else may have done it meanwhile.
            if let Some(job) = self.0.pop() {
                if matches!(job, Job::Mini(_)) {
                    combs::make_some(COMBS_AT_A_TIME);
                }
                follower.take(job);
            }
        }
    }

    /// Sleeps until there is something to do; false when nothing will be any more.
    fn wait(&self) -> bool {
        let mut queue = self.0.queue.lock();
        while queue.jobs.is_empty() && !queue.ended {
            self.0.arrived.wait(&mut queue);
        }
        !queue.jobs.is_empty()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Whoever waits for an answer hears that there is none.
        let mut queue = self.0.queue.lock();
        queue.ended = true;
        queue.jobs.clear();
    }
}

/// What is folded in, and what is not yet.
#[derive(Debug)]
struct Follower {
    history: Arc<RwLock<History>>,
    pending: Pending,
    /// A bucket seems to grow: only the block's end can tell whether it does.
    crowded: bool,
    /// What the last close folded in.
    closed: Option<Batch>,
}

impl Follower {
    fn new(history: Arc<RwLock<History>>, block_time_us: u64) -> Self {
        Self {
            history,
            pending: Pending::new(block_time_us),
            crowded: false,
            closed: None,
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Mini(mini) => {
                self.closed = None;
                let Some(batch) = self.pending.add(&mini) else {
                    return;
                };
                if self.crowded || fold_early(&self.history, &batch).is_none() {
                    self.crowded = true;
                    self.pending.put_back(batch);
                }
            }
            Job::Loaded(mini) => self.pending.hold(&mini),
            Job::Close(block, known, reply) => {
                self.crowded = false;
                let batch = self.pending.take_all();
                let result = close(&self.history, block, &batch, known);
                self.closed = result.is_ok().then_some(batch);
                // Whoever asked may have gone.
                let _ = reply.send(result);
            }
            Job::Reopen => {
                if let Some(batch) = self.closed.take() {
                    self.history.write().reopen();
                    self.pending.put_back(batch);
                }
            }
            Job::Rewind(to, reply) => {
                (self.crowded, self.closed) = (false, None);
                self.pending.clear();
                // Whoever asked may have gone.
                let _ = reply.send(self.history.write().rewind(&to));
            }
        }
    }
}

/// Folds changes in before their block ends; `None` if that would let a bucket grow, or fails.
fn fold_early(history: &RwLock<History>, batch: &Batch) -> Option<()> {
    // Nobody else writes: what is computed over the state of now still holds when it is applied.
    let update = history.read().update(batch).ok()?;
    if !update.state.resized.is_empty() {
        return None;
    }
    history.write().apply(&update);
    Some(())
}

fn close(
    history: &RwLock<History>,
    block: u64,
    batch: &Batch,
    known: Option<KnownUpdate>,
) -> Result<Closed, SaltError> {
    let known = known.and_then(|known| history.read().update_known(batch, known));
    let update = match known {
        Some(update) => update,
        None => history.read().update(batch)?,
    };
    let mut history = history.write();
    history.apply(&update);
    let (root, nodes) = history.close(block);
    Ok(Closed {
        root: root.into(),
        growth: growth(&update),
        nodes: nodes.into(),
    })
}
