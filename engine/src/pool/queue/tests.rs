//! What admission and the queues promise.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256, address};
use proptest::prelude::*;

use super::*;
use crate::block::{PlainKey, PlainValue, StateDiff};
use crate::pool::testing::{self, RULES, Rich, SignedDraft};
use crate::rpc::RpcError;
use crate::rpc::error::code;

struct World(PlainAccount);

impl Accounts for World {
    fn creation_gas(&self, _: &PoolTx) -> u64 {
        0
    }

    fn account(&self, _: &Address) -> Result<PlainAccount, StateError> {
        Ok(self.0)
    }

    fn is_contract(&self, code_hash: &B256) -> bool {
        *code_hash == B256::repeat_byte(0xcc)
    }
}

fn pool() -> Pool {
    Pool::new(Limits::default(), Arc::new(Rich))
}

fn with_limits(limits: Limits) -> Pool {
    Pool::new(limits, Arc::new(Rich))
}

fn with_account(account: PlainAccount) -> Pool {
    Pool::new(Limits::default(), Arc::new(World(account)))
}

fn tx(draft: &SignedDraft) -> PoolTx {
    match RULES.validate_stateless(testing::raw(draft).into()) {
        Ok(tx) => tx,
        Err(rejection) => panic!("{draft:?}: {rejection}"),
    }
}

fn admit(pool: &Pool, draft: &SignedDraft) -> Result<B256, Rejection> {
    pool.admit([tx(draft)]).remove(0)
}

#[test]
fn what_nothing_before_it_can_save_is_refused_before_it_costs_anything() {
    let limit = Limits::default().account_slots as u64;
    let poor = PlainAccount {
        nonce: 7,
        balance: U256::from(1),
        ..PlainAccount::default()
    };
    let refused = |pool: &Pool, number: u64| pool.prejudge(&tx(&nonce(number))).err();
    assert!(matches!(
        refused(&with_account(poor), 6),
        Some(Rejection::NonceTooLow { next: 7, have: 6 })
    ));
    assert!(matches!(
        refused(&with_account(poor), 7),
        Some(Rejection::InsufficientFunds { .. })
    ));
    let pool = pool();
    assert!(matches!(
        refused(&pool, 1_000_000),
        Some(Rejection::NonceTooHigh { .. })
    ));
    // Those before it may be on their way.
    assert!(admit(&pool, &nonce(limit + 1)).is_err());
    assert_eq!(refused(&pool, limit + 1), None);
    assert!(admit(&pool, &nonce(0)).is_ok());
    assert_eq!(refused(&pool, 0), Some(Rejection::AlreadyKnown));
    assert_eq!(refused(&pool, 1), None);
}

fn admit_all(pool: &Pool, drafts: &[SignedDraft]) {
    for draft in drafts {
        assert!(admit(pool, draft).is_ok(), "{draft:?}");
    }
}

fn nonce(nonce: u64) -> SignedDraft {
    SignedDraft {
        nonce,
        ..SignedDraft::default()
    }
}

fn full() -> Deferral {
    Deferral::Full("block 5 has used 1000 of 1000 state growth".to_owned())
}

fn taken_nonces(pool: &Pool) -> Vec<u64> {
    std::iter::from_fn(|| pool.next())
        .map(|tx| tx.nonce)
        .collect()
}

/// The world has included everything of the first test key below `nonce`.
fn commit_nonce(pool: &Pool, nonce: u64, balance: U256) {
    let account = PlainAccount {
        nonce,
        balance,
        ..PlainAccount::default()
    };
    let key = PlainKey::account(testing::key(0).address());
    let diff = StateDiff {
        entries: vec![(key, PlainValue::from_account(account))],
        codes: vec![],
    };
    pool.committed(&MiniBlock {
        diff,
        ..MiniBlock::default()
    });
}

fn ether(milli: u64) -> U256 {
    U256::from(milli) * U256::from(10_u64).pow(U256::from(15))
}

fn assert_rejected(outcome: Result<B256, Rejection>, code: i32, message: &str) {
    match outcome {
        Ok(hash) => panic!("admitted {hash}"),
        Err(rejection) => {
            let error = RpcError::from(rejection);
            assert_eq!((error.code, error.message.as_str()), (code, message));
        }
    }
}

#[test]
fn nonces_of_a_sender_leave_in_order_however_they_came() {
    let pool = pool();
    admit_all(&pool, &[nonce(2), nonce(0), nonce(3), nonce(1)]);
    assert_eq!(taken_nonces(&pool), [0, 1, 2, 3]);
}

#[test]
fn what_is_behind_a_gap_waits_for_it_to_be_filled() {
    let pool = pool();
    admit_all(&pool, &[nonce(0), nonce(2)]);
    assert_eq!(
        pool.status(),
        Status {
            pending: 1,
            queued: 1
        }
    );
    assert_eq!(pool.pending_nonce(&testing::key(0).address()), Ok(1));
    assert_eq!(taken_nonces(&pool), [0]);
    admit_all(&pool, &[nonce(1)]);
    assert_eq!(
        pool.status(),
        Status {
            pending: 3,
            queued: 0
        }
    );
    assert_eq!(taken_nonces(&pool), [1, 2]);
}

#[test]
fn the_better_tip_leaves_first_then_the_earlier_arrival() {
    let pool = pool();
    for (key, tip) in [(0, 10), (1, 30), (2, 30), (3, 20)] {
        admit_all(
            &pool,
            &[SignedDraft {
                key,
                tip,
                ..SignedDraft::default()
            }],
        );
    }
    let order: Vec<Address> = std::iter::from_fn(|| pool.next())
        .map(|tx| tx.sender)
        .collect();
    assert_eq!(order, [1, 2, 3, 0].map(|key| testing::key(key).address()));
}

#[test]
fn in_fifo_order_tips_do_not_matter() {
    let pool = with_limits(Limits {
        order: Order::Fifo,
        ..Limits::default()
    });
    for (key, tip) in [(0, 10), (1, 30)] {
        admit_all(
            &pool,
            &[SignedDraft {
                key,
                tip,
                ..SignedDraft::default()
            }],
        );
    }
    assert_eq!(
        pool.next().map(|tx| tx.sender),
        Some(testing::key(0).address())
    );
}

#[test]
fn the_same_transaction_twice_is_already_known() {
    let pool = pool();
    admit_all(&pool, &[nonce(0)]);
    assert_rejected(admit(&pool, &nonce(0)), code::SERVER, "already known");
}

#[test]
fn a_replacement_must_pay_ten_percent_more() {
    let pool = pool();
    let old = SignedDraft {
        fee_cap: 2_000_000,
        tip: 100,
        ..SignedDraft::default()
    };
    admit_all(&pool, std::slice::from_ref(&old));
    for cheap in [
        SignedDraft {
            fee_cap: 2_199_999,
            tip: 110,
            ..old.clone()
        },
        SignedDraft {
            fee_cap: 2_200_000,
            tip: 109,
            ..old.clone()
        },
        SignedDraft {
            value: 99,
            ..old.clone()
        },
    ] {
        let message = "replacement transaction underpriced";
        assert_rejected(admit(&pool, &cheap), code::SERVER, message);
    }
    let dear = SignedDraft {
        fee_cap: 2_200_000,
        tip: 110,
        ..old
    };
    let hash = tx(&dear).hash;
    admit_all(&pool, &[dear]);
    assert_eq!(
        pool.status(),
        Status {
            pending: 1,
            queued: 0
        }
    );
    assert_eq!(pool.next().map(|tx| tx.hash), Some(hash));
}

#[test]
fn who_waits_for_a_replaced_transaction_is_told() {
    let pool = pool();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    pool.on_drop(move |hash, reason| heard.lock().push((*hash, reason.to_string())));
    admit_all(
        &pool,
        &[
            nonce(0),
            SignedDraft {
                fee_cap: 4_000_000,
                tip: 100,
                ..nonce(0)
            },
        ],
    );
    let expected = "transaction dropped: replaced by another transaction".to_owned();
    assert_eq!(*told.lock(), [(tx(&nonce(0)).hash, expected)]);
}

#[test]
fn a_used_nonce_is_too_low() {
    let pool = with_account(PlainAccount {
        nonce: 5,
        balance: ether(1),
        ..Default::default()
    });
    let message = "nonce too low: next nonce 5, tx nonce 4";
    assert_rejected(admit(&pool, &nonce(4)), code::SERVER, message);
}

#[test]
fn what_the_builder_has_taken_cannot_be_replaced() {
    let pool = pool();
    admit_all(&pool, &[nonce(0)]);
    assert_eq!(taken_nonces(&pool), [0]);
    let dear = SignedDraft {
        fee_cap: 9_000_000,
        tip: 1_000,
        ..nonce(0)
    };
    let message = "nonce too low: next nonce 1, tx nonce 0";
    assert_rejected(admit(&pool, &dear), code::SERVER, message);
}

#[test]
fn a_nonce_far_ahead_is_too_high() {
    let message = "nonce too high: next nonce 0, tx nonce 501, at most 500 ahead";
    assert_rejected(admit(&pool(), &nonce(501)), code::SERVER, message);
}

#[test]
fn a_gap_of_more_than_five_needs_a_tenth_of_an_ether() {
    let poor = with_account(PlainAccount {
        balance: ether(99),
        ..Default::default()
    });
    assert!(admit(&poor, &nonce(5)).is_ok());
    let message =
        "nonce too high: next nonce 0, tx nonce 6; more than 5 ahead needs a balance of 0.1 ETH";
    assert_rejected(admit(&poor, &nonce(6)), code::SERVER, message);
    let rich = with_account(PlainAccount {
        balance: ether(100),
        ..Default::default()
    });
    assert!(admit(&rich, &nonce(6)).is_ok());
}

#[test]
fn everything_queued_by_a_sender_must_be_affordable_together() {
    // Each costs 100,000 gas × 2,000,000 wei + 1.
    let each = U256::from(200_000_000_001_u64);
    let balance = each * U256::from(2);
    let pool = with_account(PlainAccount {
        balance,
        ..Default::default()
    });
    admit_all(&pool, &[nonce(0), nonce(1)]);
    let want = each * U256::from(3);
    let message = format!("insufficient funds for gas * price + value: have {balance} want {want}");
    assert_rejected(admit(&pool, &nonce(2)), code::REJECTED, &message);
    assert_eq!(taken_nonces(&pool), [0, 1]);
    assert_rejected(admit(&pool, &nonce(2)), code::REJECTED, &message);
    commit_nonce(&pool, 2, each);
    assert_eq!(pool.status(), Status::default());
}

#[test]
fn what_has_been_included_no_longer_counts_against_the_balance() {
    let pool = with_account(PlainAccount {
        balance: U256::from(400_000_000_002_u64),
        ..Default::default()
    });
    admit_all(&pool, &[nonce(0), nonce(1)]);
    assert_eq!(pool.next().map(|tx| tx.nonce), Some(0));
    commit_nonce(&pool, 1, U256::from(400_000_000_002_u64));
    admit_all(&pool, &[nonce(2)]);
    assert_eq!(taken_nonces(&pool), [1, 2]);
}

#[test]
fn a_sender_without_money_is_rejected_with_its_balance() {
    let pool = with_account(PlainAccount::default());
    let message = "insufficient funds for gas * price + value: have 0 want 200000000001";
    assert_rejected(admit(&pool, &nonce(0)), code::REJECTED, message);
}

#[test]
fn contracts_do_not_send_but_delegated_accounts_do() {
    let with_code = |byte| PlainAccount {
        balance: ether(1),
        code_hash: B256::repeat_byte(byte),
        ..Default::default()
    };
    let outcome = admit(&with_account(with_code(0xcc)), &nonce(0));
    let expected = Rejection::SenderIsContract {
        address: testing::key(0).address(),
        code_hash: B256::repeat_byte(0xcc),
    };
    assert_eq!(outcome, Err(expected));
    assert!(admit(&with_account(with_code(0xdd)), &nonce(0)).is_ok());
}

#[test]
fn an_accounts_slots_run_out_but_what_unblocks_it_is_admitted() {
    let pool = with_limits(Limits {
        account_slots: 3,
        ..Limits::default()
    });
    admit_all(&pool, &[nonce(1), nonce(2), nonce(3)]);
    admit_all(&pool, &[nonce(0)]);
    assert_rejected(
        admit(&pool, &nonce(4)),
        code::SERVER,
        "txpool is full: 3 transactions of this account wait, the most that --pool-account-slots allows",
    );
    assert_eq!(taken_nonces(&pool), [0, 1, 2, 3]);
    admit_all(&pool, &[nonce(4)]);
}

#[test]
fn a_full_pool_gives_up_what_is_behind_a_gap_for_what_is_not() {
    let pool = with_limits(Limits {
        total_slots: 2,
        ..Limits::default()
    });
    admit_all(
        &pool,
        &[
            nonce(0),
            SignedDraft {
                key: 1,
                nonce: 1,
                ..SignedDraft::default()
            },
        ],
    );
    let gapped = SignedDraft {
        key: 2,
        nonce: 1,
        ..SignedDraft::default()
    };
    assert_rejected(
        admit(&pool, &gapped),
        code::SERVER,
        "txpool is full: 2 transactions wait, the most that --pool-slots allows",
    );
    admit_all(
        &pool,
        &[SignedDraft {
            key: 2,
            ..SignedDraft::default()
        }],
    );
    assert_eq!(
        pool.status(),
        Status {
            pending: 2,
            queued: 0
        }
    );
    let more = SignedDraft {
        key: 3,
        ..SignedDraft::default()
    };
    assert_rejected(
        admit(&pool, &more),
        code::SERVER,
        "txpool is full: 2 transactions wait, the most that --pool-slots allows",
    );
}

#[test]
fn the_pool_is_bounded_in_bytes_too() {
    let size = testing::raw(&nonce(0)).len();
    let pool = with_limits(Limits {
        total_bytes: size,
        ..Limits::default()
    });
    admit_all(&pool, &[nonce(0)]);
    assert_rejected(
        admit(&pool, &nonce(1)),
        code::SERVER,
        &format!("txpool is full: what waits may have {size} bytes"),
    );
}

#[test]
fn a_deferred_transaction_and_its_successors_wait_for_the_next_block() {
    let pool = pool();
    admit_all(
        &pool,
        &[
            nonce(0),
            nonce(1),
            SignedDraft {
                key: 1,
                ..SignedDraft::default()
            },
        ],
    );
    let first = pool.next();
    let Some(first) = first else {
        panic!("nothing was ready")
    };
    pool.defer(&first, full());
    assert_eq!(
        pool.next().map(|tx| tx.sender),
        Some(testing::key(1).address())
    );
    assert!(pool.next().is_none());
    pool.next_block();
    assert_eq!(taken_nonces(&pool), [0, 1]);
}

#[test]
fn a_refused_transaction_leaves_a_gap() {
    let pool = pool();
    admit_all(&pool, &[nonce(0), nonce(1)]);
    let Some(first) = pool.next() else {
        panic!("nothing was ready")
    };
    pool.refuse(&first, Refusal::Invalid("lack of funds".into()));
    assert!(pool.next().is_none());
    assert_eq!(
        pool.status(),
        Status {
            pending: 0,
            queued: 1
        }
    );
    admit_all(
        &pool,
        &[SignedDraft {
            value: 2,
            ..nonce(0)
        }],
    );
    assert_eq!(taken_nonces(&pool), [0, 1]);
}

#[test]
fn a_stale_transaction_leaves_no_gap() {
    let pool = pool();
    admit_all(&pool, &[nonce(0), nonce(1)]);
    let Some(first) = pool.next() else {
        panic!("nothing was ready")
    };
    pool.refuse(&first, Refusal::Stale);
    assert_eq!(taken_nonces(&pool), [1]);
}

#[test]
fn a_nonce_that_jumped_on_chain_drops_what_it_passed() {
    let pool = pool();
    admit_all(&pool, &[nonce(0), nonce(1), nonce(3)]);
    commit_nonce(&pool, 3, ether(1));
    assert_eq!(taken_nonces(&pool), [3]);
}

#[test]
fn a_nonce_that_went_back_opens_a_gap() {
    let pool = with_account(PlainAccount {
        nonce: 2,
        balance: ether(1),
        ..Default::default()
    });
    admit_all(&pool, &[nonce(2)]);
    commit_nonce(&pool, 0, ether(1));
    assert!(pool.next().is_none());
    admit_all(&pool, &[nonce(0), nonce(1)]);
    assert_eq!(taken_nonces(&pool), [0, 1, 2]);
}

#[test]
fn what_is_included_is_shown_until_it_is_durable() {
    let pool = pool();
    admit_all(&pool, &[nonce(0)]);
    let Some(tx) = pool.next() else {
        panic!("nothing was ready")
    };
    commit_nonce(&pool, 1, ether(1));
    assert_eq!(pool.status(), Status::default());
    assert!(pool.get(&tx.hash).is_some());
    let record = crate::block::TxRecord {
        raw: tx.raw.clone(),
        hash: tx.hash,
        sender: tx.sender,
        result: Default::default(),
    };
    pool.durable(&[Arc::new(MiniBlock {
        txs: vec![record],
        ..MiniBlock::default()
    })]);
    assert!(pool.get(&tx.hash).is_none());
}

#[test]
fn new_hashes_are_announced_once_per_cursor() {
    let pool = pool();
    admit_all(&pool, &[nonce(0), nonce(1)]);
    let (cursor, hashes) = pool.announced(0);
    assert_eq!(hashes, [0, 1].map(|n| tx(&nonce(n)).hash));
    assert_eq!(pool.announced(cursor), (cursor, vec![]));
    admit_all(&pool, &[nonce(2)]);
    assert_eq!(pool.announced(cursor).1, [tx(&nonce(2)).hash]);
}

#[test]
fn content_is_split_at_the_gap() {
    let pool = pool();
    admit_all(&pool, &[nonce(0), nonce(2)]);
    let content = pool.content();
    let nonces = |txs: &[Arc<PoolTx>]| txs.iter().map(|tx| tx.nonce).collect::<Vec<_>>();
    assert_eq!(content.len(), 1);
    assert_eq!(
        (nonces(&content[0].pending), nonces(&content[0].queued)),
        (vec![0], vec![2])
    );
    assert!(pool.get(&tx(&nonce(2)).hash).is_some());
}

#[test]
fn a_parked_builder_is_woken_by_an_arrival() {
    let pool = Arc::new(pool());
    let builder = std::thread::spawn({
        let pool = pool.clone();
        move || {
            pool.wait_until(None);
            pool.next().map(|tx| tx.nonce)
        }
    });
    admit_all(&pool, &[nonce(0)]);
    assert_eq!(builder.join().ok(), Some(Some(0)));
}

/// A transaction that needs no real signature: the queues don't look at it.
fn unsigned(sender: u8, nonce: u64, tip: u128) -> PoolTx {
    let template = template();
    let mut hash = [0_u8; 32];
    hash[0] = sender;
    hash[1..9].copy_from_slice(&nonce.to_be_bytes());
    PoolTx {
        hash: hash.into(),
        sender: Address::repeat_byte(sender),
        nonce,
        tip,
        raw: Bytes::new(),
        cost: U256::ONE,
        envelope: template.envelope.clone(),
        da_size: 0,
        intrinsic_gas: 0,
        authorizations: Vec::new(),
    }
}

fn template() -> &'static PoolTx {
    static TEMPLATE: std::sync::OnceLock<PoolTx> = std::sync::OnceLock::new();
    TEMPLATE.get_or_init(|| tx(&SignedDraft::default()))
}

#[derive(Debug, Clone)]
enum Step {
    Admit { sender: u8, nonce: u64, tip: u128 },
    Take,
    Defer,
    Refuse { stale: bool },
    NextBlock,
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..5_u8, 0..8_u64, 0..4_u128)
            .prop_map(|(sender, nonce, tip)| Step::Admit { sender, nonce, tip }),
        4 => Just(Step::Take),
        1 => Just(Step::Defer),
        1 => any::<bool>().prop_map(|stale| Step::Refuse { stale }),
        1 => Just(Step::NextBlock),
        1 => Just(Step::Commit),
    ]
}

/// What the chain would say of each account.
#[derive(Default, Clone)]
struct Nonces(Arc<Mutex<std::collections::BTreeMap<Address, u64>>>);

impl Nonces {
    fn set(&self, sender: Address, nonce: u64) {
        let mut nonces = self.0.lock();
        let known = nonces.entry(sender).or_default();
        *known = nonce.max(*known);
    }
}

impl Accounts for Nonces {
    fn creation_gas(&self, _: &PoolTx) -> u64 {
        0
    }

    fn account(&self, address: &Address) -> Result<PlainAccount, StateError> {
        let nonce = self.0.lock().get(address).copied().unwrap_or_default();
        Ok(PlainAccount {
            nonce,
            balance: ether(1_000),
            ..Default::default()
        })
    }

    fn is_contract(&self, _: &B256) -> bool {
        false
    }
}

/// Includes everything that was taken, in one mini-block.
fn commit(pool: &Pool, world: &Nonces, taken: &mut Vec<Arc<PoolTx>>) {
    let mut senders = std::collections::BTreeSet::new();
    for tx in taken.drain(..) {
        world.set(tx.sender, tx.nonce + 1);
        senders.insert(tx.sender);
    }
    let entries = senders
        .iter()
        .map(|sender| {
            (
                PlainKey::account(*sender),
                PlainValue::from_account(world.account(sender).unwrap()),
            )
        })
        .collect();
    pool.committed(&MiniBlock {
        diff: StateDiff {
            entries,
            codes: vec![],
        },
        ..MiniBlock::default()
    });
}

proptest! {
    #[test]
    fn whatever_happens_a_ready_pool_drains_in_nonce_order(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let world = Nonces::default();
        let pool = Pool::new(Limits::default(), Arc::new(world.clone()));
        let mut next_nonce = std::collections::BTreeMap::<Address, u64>::new();
        let mut taken: Vec<Arc<PoolTx>> = Vec::new();
        let take = |next_nonce: &mut std::collections::BTreeMap<Address, u64>| {
            let tx = pool.next()?;
            let expected = next_nonce.entry(tx.sender).or_default();
            assert_eq!(tx.nonce, *expected, "{} executed out of order", tx.sender);
            *expected += 1;
            Some(tx)
        };
        for step in steps {
            match step {
                Step::Admit { sender, nonce, tip } => {
                    let _ = pool.admit([unsigned(sender, nonce, tip)]);
                }
                Step::Take => taken.extend(take(&mut next_nonce)),
                Step::Defer => {
                    if let Some(tx) = take(&mut next_nonce) {
                        pool.defer(&tx, full());
                        next_nonce.insert(tx.sender, tx.nonce);
                    }
                }
                Step::Refuse { stale } => {
                    if let Some(tx) = take(&mut next_nonce) {
                        let refusal = if stale {
                            world.set(tx.sender, tx.nonce + 1);
                            Refusal::Stale
                        } else {
                            next_nonce.insert(tx.sender, tx.nonce);
                            Refusal::Invalid("test".into())
                        };
                        pool.refuse(&tx, refusal);
                    }
                }
                Step::NextBlock => pool.next_block(),
                Step::Commit => commit(&pool, &world, &mut taken),
            }
            let status = pool.status();
            let inner = pool.inner.lock();
            let slots: usize = inner.senders.values().map(Sender::len).sum();
            prop_assert_eq!(slots, status.pending + status.queued);
        }
        pool.next_block();
        while let Some(tx) = take(&mut next_nonce) {
            taken.push(tx);
        }
        commit(&pool, &world, &mut taken);
        let left = pool.status();
        prop_assert_eq!(left.pending, 0, "a ready transaction was never offered");
        let inner = pool.inner.lock();
        prop_assert_eq!(inner.gapped.len(), left.queued);
        prop_assert_eq!(inner.by_hash.len(), left.queued);
    }

    #[test]
    fn among_ready_transactions_the_best_tip_is_offered_then_the_earliest(
        tips in prop::collection::vec(0..5_u128, 1..40)
    ) {
        let pool = pool();
        for (index, tip) in tips.iter().enumerate() {
            let sender = u8::try_from(index).unwrap_or_default() + 1;
            prop_assert!(pool.admit([unsigned(sender, 0, *tip)])[0].is_ok());
        }
        let mut expected: Vec<usize> = (0..tips.len()).collect();
        expected.sort_by_key(|index| (std::cmp::Reverse(tips[*index]), *index));
        let offered: Vec<usize> = std::iter::from_fn(|| pool.next())
            .map(|tx| usize::from(tx.sender[0]) - 1)
            .collect();
        prop_assert_eq!(offered, expected);
    }
}

#[test]
fn senders_without_transactions_are_forgotten() {
    let pool = pool();
    admit_all(&pool, &[nonce(0)]);
    assert_eq!(taken_nonces(&pool), [0]);
    commit_nonce(&pool, 1, ether(1));
    assert!(pool.inner.lock().senders.is_empty());
    let stranger = address!("00000000000000000000000000000000000000ff");
    assert_eq!(pool.pending_nonce(&stranger), Ok(0));
}

#[test]
fn a_closed_pool_drops_what_waits_and_admits_nothing_until_it_is_opened() {
    let pool = pool();
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let heard = dropped.clone();
    pool.on_drop(move |hash, reason| heard.lock().push((*hash, reason.clone())));
    let drafts = [0, 1, 7].map(|nonce| SignedDraft {
        nonce,
        ..SignedDraft::default()
    });
    let mut hashes = drafts.clone().map(|draft| admit(&pool, &draft).unwrap());
    pool.close();
    let mut told = std::mem::take(&mut *dropped.lock());
    told.sort_unstable_by_key(|(hash, _)| *hash);
    hashes.sort_unstable();
    assert_eq!(told, hashes.map(|hash| (hash, Rejection::NotBuilding)));
    assert_eq!(pool.status(), Status::default());
    assert!(pool.content().is_empty());
    assert!(pool.next().is_none());
    assert_eq!(pool.best_rank(), 0);
    assert_eq!(admit(&pool, &drafts[0]), Err(Rejection::NotBuilding));
    pool.open();
    let again = drafts.clone().map(|draft| admit(&pool, &draft).unwrap());
    assert_eq!(
        pool.status(),
        Status {
            pending: 2,
            queued: 1
        }
    );
    assert_eq!(pool.next().map(|tx| tx.hash), Some(again[0]));
}
