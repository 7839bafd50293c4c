//! What met a state that isn't known is put aside until it is. The threads here wait for the builder, which doesn't.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::{
    chain::Chain,
    pool::{Deposit, PoolTx, Refusal, TxSource},
    state::Place,
};

/// How many are waited for at a time.
const THREADS: usize = 4;

/// What waits.
pub(super) enum Unread {
    /// It stays in the pool meanwhile.
    Transaction(Arc<PoolTx>),
    /// It stays here.
    Deposit(Box<Deposit>),
}

/// Gives back what was put aside when it can be tried again; ends with the builder.
pub(super) struct PutAside {
    waiting: Sender<(Unread, Place)>,
}

impl PutAside {
    /// For a chain over another state.
    pub(super) fn start(chain: &Arc<Chain>, source: &Arc<dyn TxSource>) -> std::io::Result<Self> {
        let (waiting, next) = unbounded();
        for nth in 0..THREADS {
            let (chain, source, next) = (chain.clone(), source.clone(), next.clone());
            std::thread::Builder::new()
                .name(format!("put-aside-{nth}"))
                .spawn(move || run(&chain, &*source, &next))?;
        }
        Ok(Self { waiting })
    }

    /// It is tried again once this place is known, and refused if nobody finds out.
    pub(super) fn put(&self, what: Unread, place: Place) {
        // Nobody takes it only when all is over.
        let _ = self.waiting.send((what, place));
    }
}

fn run(chain: &Chain, source: &dyn TxSource, waiting: &Receiver<(Unread, Place)>) {
    for (what, place) in waiting {
        let outcome = chain.world.wait_for(place);
        match (what, outcome) {
            (Unread::Transaction(tx), Ok(())) => source.ready(&tx),
            (Unread::Transaction(tx), Err(error)) => {
                source.refuse(&tx, Refusal::Invalid(error.to_string()));
            }
            (Unread::Deposit(deposit), Ok(())) => {
                chain.deposits.push_front(*deposit);
                source.wake();
            }
            (Unread::Deposit(deposit), Err(error)) => {
                chain.deposits.refuse(&deposit, &error.to_string());
            }
        }
    }
}
