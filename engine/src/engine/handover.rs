//! What the builder has sealed, taken together for the log.

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::STOP_PATIENCE;
use crate::chain::Sealed;

/// Adds to `all`, which holds the first, what belongs with it.
///
/// While there are only mini-blocks without transactions, which have no receipts that anybody waits for, more may come
/// until `linger` is over. A mini-block that closes a block waits for it. Else only what is there already comes along.
pub(super) fn collect(
    sealed: &Receiver<Sealed>,
    all: &mut Vec<Sealed>,
    linger: Duration,
    is_closing: impl Fn(u64) -> bool,
) {
    let lingers_until = Instant::now() + linger;
    let mut nobody_waits = all.iter().all(may_linger);
    while let Some(last) = all.last() {
        let deadline = match last {
            Sealed::Mini(mini) if is_closing(mini.number) => Instant::now() + STOP_PATIENCE,
            _ if nobody_waits => lingers_until,
            _ => Instant::now(),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let next = match left.is_zero() {
            // A receiver that may wait gives its core away first: on a machine that has none to spare the next one
            // would be there when it comes back, for ever.
            true => sealed.try_recv().ok(),
            false => sealed.recv_timeout(left).ok(),
        };
        // Also when the builder is gone: what there is comes first, the end at the next call.
        let Some(next) = next else { break };
        nobody_waits &= may_linger(&next);
        all.push(next);
    }
}

fn may_linger(sealed: &Sealed) -> bool {
    matches!(sealed, Sealed::Mini(mini) if mini.txs.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alloy_consensus::Header;
    use alloy_primitives::{Address, B256, Bytes};
    use crossbeam_channel::{Sender, unbounded};

    use super::*;
    use crate::block::{BlockRecord, MiniBlock, TxRecord, TxResult};

    /// Who waits for that would never come back.
    const FOR_EVER: Duration = Duration::from_secs(1 << 20);

    fn mini(number: u64, transactions: usize) -> Sealed {
        let transaction = TxRecord {
            raw: Bytes::new(),
            hash: B256::ZERO,
            sender: Address::ZERO,
            result: TxResult::default(),
        };
        Sealed::Mini(Arc::new(MiniBlock {
            number,
            txs: vec![transaction; transactions],
            ..MiniBlock::default()
        }))
    }

    fn block() -> Sealed {
        Sealed::Block {
            record: Arc::new(BlockRecord::new(Header::default(), 0, 1, Bytes::new())),
            undo: Default::default(),
            nodes: Bytes::new(),
        }
    }

    /// How many are handed over of what is sealed, and who would seal more.
    fn handed_over(sealed: Vec<Sealed>, linger: Duration) -> (usize, Sender<Sealed>) {
        let (sender, receiver) = unbounded();
        for one in sealed {
            sender.send(one).unwrap();
        }
        let mut all = vec![receiver.recv().unwrap()];
        collect(&receiver, &mut all, linger, |number| number == 9);
        (all.len(), sender)
    }

    #[test]
    fn receipts_wait_for_nothing_that_is_not_there_yet() {
        assert_eq!(handed_over(vec![mini(0, 1)], FOR_EVER).0, 1);
        // The last one is empty, but there is somebody who waits for the first.
        assert_eq!(handed_over(vec![mini(0, 1), mini(1, 0)], FOR_EVER).0, 2);
        assert_eq!(handed_over(vec![mini(0, 0), mini(1, 1)], FOR_EVER).0, 2);
        assert_eq!(
            handed_over(vec![mini(0, 0), block(), mini(1, 0)], FOR_EVER).0,
            3
        );
    }

    #[test]
    fn empty_mini_blocks_wait_for_company_until_it_has_lingered() {
        assert_eq!(
            handed_over(vec![mini(0, 0), mini(1, 0)], Duration::ZERO).0,
            2
        );
        let (sender, receiver) = unbounded();
        let waits = std::thread::spawn(move || {
            let mut all = vec![mini(0, 0)];
            collect(&receiver, &mut all, FOR_EVER, |_| false);
            all.len()
        });
        sender.send(mini(1, 0)).unwrap();
        sender.send(mini(2, 3)).unwrap();
        assert!(matches!(waits.join(), Ok(3)));
    }

    #[test]
    fn a_mini_block_that_closes_a_block_comes_with_it() {
        assert_eq!(handed_over(vec![mini(9, 1), block()], Duration::ZERO).0, 2);
        let (sender, receiver) = unbounded();
        let waits = std::thread::spawn(move || {
            let mut all = vec![mini(9, 1)];
            collect(&receiver, &mut all, Duration::ZERO, |number| number == 9);
            all.len()
        });
        sender.send(block()).unwrap();
        assert!(matches!(waits.join(), Ok(2)));
    }
}
