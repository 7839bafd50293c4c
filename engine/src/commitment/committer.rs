//! The thread that follows the state mini-block by mini-block, so that little is left when a block closes.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::RwLock;
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
    jobs: Sender<Job>,
}

/// A block whose root is on its way.
#[derive(Debug)]
pub(crate) struct Closing(Receiver<Result<Closed, SaltError>>);

impl Closing {
    /// Waits for the root.
    pub(crate) fn wait(self) -> Result<Closed, CommitError> {
        Ok(self.0.recv().map_err(|_| CommitError::Thread)??)
    }
}

impl Committer {
    /// Starts following from where `history` stands, on a chain of blocks of this length.
    pub(crate) fn start(
        history: Arc<RwLock<History>>,
        block_time_us: u64,
    ) -> Result<Self, CommitError> {
        let (jobs, received) = unbounded();
        // Threads of its own, of which it is one: no close waits until others' work is done, nor for a thread that
        // gets no processor. They end with it.
        let threads = ThreadPoolBuilder::new()
            .thread_name(|index| format!("commitment-{index}"))
            // Whoever asks it for something then finds it gone.
            .panic_handler(drop);
        let threads = threads.build().map_err(|_| CommitError::Thread)?;
        threads.spawn(move || follow(&history, Pending::new(block_time_us), &received));
        Ok(Self { jobs })
    }

    /// A mini-block was sealed.
    pub(crate) fn feed(&self, mini: &Arc<MiniBlock>) {
        if !mini.diff.entries.is_empty() {
            // If the thread is gone, closing tells.
            let _ = self.jobs.send(Job::Mini(mini.clone()));
        }
    }

    /// A mini-block was loaded. Nothing is computed of it before its block closes: the nodes may be
    /// known by then.
    pub(crate) fn load(&self, mini: &Arc<MiniBlock>) {
        let _ = self.jobs.send(Job::Loaded(mini.clone()));
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
        let sent = self.jobs.send(Job::Close(block, known, reply));
        sent.map_err(|_| CommitError::Thread)?;
        Ok(Closing(answer))
    }

    /// Takes the last [`begin_close`](Self::begin_close) back, as long as nothing was fed since: the block goes on.
    pub(crate) fn reopen(&self) {
        // If the thread is gone, closing tells.
        let _ = self.jobs.send(Job::Reopen);
    }

    /// Goes back to the end of an earlier block; what was fed since is forgotten. Returns the root there.
    pub(crate) fn rewind(&self, to: BlockEnd) -> Result<B256, CommitError> {
        let (reply, answer) = bounded(1);
        let sent = self.jobs.send(Job::Rewind(to, reply));
        sent.map_err(|_| CommitError::Thread)?;
        let root = answer.recv().map_err(|_| CommitError::Thread)??;
        Ok(root.into())
    }
}

fn follow(history: &RwLock<History>, mut pending: Pending, jobs: &Receiver<Job>) {
    // A bucket seems to grow: only the block's end can tell whether it does.
    let mut crowded = false;
    // What the last close folded in.
    let mut closed = None;
    for job in jobs {
        match job {
            Job::Mini(mini) => {
                closed = None;
                combs::make_some(COMBS_AT_A_TIME);
                let Some(batch) = pending.add(&mini) else {
                    continue;
                };
                if crowded || fold_early(history, &batch).is_none() {
                    crowded = true;
                    pending.put_back(batch);
                }
            }
            Job::Loaded(mini) => pending.hold(&mini),
            Job::Close(block, known, reply) => {
                crowded = false;
                let batch = pending.take_all();
                let result = close(history, block, &batch, known);
                closed = result.is_ok().then_some(batch);
                // Whoever asked may have gone.
                let _ = reply.send(result);
            }
            Job::Reopen => {
                if let Some(batch) = closed.take() {
                    history.write().reopen();
                    pending.put_back(batch);
                }
            }
            Job::Rewind(to, reply) => {
                (crowded, closed) = (false, None);
                pending.clear();
                // Whoever asked may have gone.
                let _ = reply.send(history.write().rewind(&to));
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
