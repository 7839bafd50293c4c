//! Ways to have everything executed ahead, whether that pays or not, and before its turn has come: for tests.
//!
//! What is ready first is otherwise a matter of chance, and where transactions are cheap the builder is
//! quicker than any thread.

use std::sync::Arc;

use crate::builder::generated::Dice;
use crate::{
    builder::batch::Policy,
    parallel::{Advice, Batch, Plan, Worker, WorkerPool},
};

/// Who executes ahead, and in which order.
#[derive(Debug)]
pub(super) enum ForcedSpeculation {
    /// The crew, while the builder goes its way.
    Race,
    /// The crew, and the builder waits for it.
    WorkerPool,
    /// The builder's own thread, in order.
    InOrder,
    /// The builder's own thread: first everything in any order, so that little of it can hold, and then
    /// sometimes what is to be done again.
    Shuffled(Dice),
}

impl Policy for Option<ForcedSpeculation> {
    fn plan(&mut self, advised: Plan) -> Plan {
        match self {
            Some(_) => Plan {
                advice: Advice::Try,
                ..advised
            },
            None => advised,
        }
    }

    fn before(&mut self, batch: &Arc<Batch>, index: usize, crew: &WorkerPool, worker: &mut Worker) {
        if let Some(forced) = self {
            forced.before(batch, index, crew, worker);
        }
    }
}

impl ForcedSpeculation {
    fn before(&mut self, batch: &Arc<Batch>, index: usize, crew: &WorkerPool, worker: &mut Worker) {
        match self {
            Self::Race => return,
            Self::WorkerPool => {
                if index == 0 {
                    crew.call(batch);
                }
            }
            Self::InOrder => {}
            Self::Shuffled(dice) => {
                if index == 0 {
                    let mut left: Vec<usize> = (0..batch.len()).collect();
                    while !left.is_empty() {
                        let next = left.swap_remove(dice.below(left.len() as u64) as usize);
                        batch.execute_ahead(next, worker);
                    }
                }
                if dice.below(2) == 0 {
                    return;
                }
            }
        }
        while batch.help(worker) || batch.is_running() {
            std::thread::yield_now();
        }
    }
}
