//! The state under the chain can't always be read: what needs it waits, and everything else goes on as if nothing
//! had been.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes, TxKind, U256, address, bytes};

use crossbeam_channel::bounded;

use super::{forced::ForcedSpeculation, priority::minis};
use crate::builder::generated::Dice;
use crate::{
    block::{MiniBlock, PlainKey, PlainValue},
    builder::{
        BuildError, Builder, OpenBlock,
        batch::{Executor, Outcomes, Pace},
        open::TxOutcome,
        testing::*,
    },
    chain::Chain,
    engine::tip_accounts,
    parallel::WorkerPool,
    pool::{Limits, Pool, PoolTx, Rejection},
    shaky::{Mood, Shaky},
    state::{Base, EmptyArchive, Place, StateError},
};

/// SSTORE(0, SLOAD(0) + 1)
const COUNTER: Address = address!("00000000000000000000000000000000000c2001");
/// CALL(gas, calldata[0], calldata[32]), whatever comes of it.
const FORWARD: Address = address!("00000000000000000000000000000000000c2002");
const STRANGER: Address = Address::repeat_byte(0x51);

fn contracts() -> [(Address, Bytes); 2] {
    [
        (COUNTER, bytes!("5f546001015f55")),
        (FORWARD, bytes!("5f5f5f5f6020355f355af15000")),
    ]
}

fn count() -> PlainKey {
    PlainKey::slot(COUNTER, U256::ZERO)
}

/// A chain over a state in which the counter stands at 41.
fn chain_over(shaky: &Arc<Shaky>) -> Arc<Chain> {
    let base: Base = shaky.clone();
    let config = config("rex6", &contracts());
    Arc::new(Chain::over(config, Arc::new(EmptyArchive), base).unwrap())
}

fn shaky() -> Arc<Shaky> {
    Arc::new(Shaky::new([(count(), PlainValue::Slot(U256::from(41)))]))
}

fn to(from: u8, nonce: u64, to: Address) -> Draft {
    Draft {
        from,
        nonce,
        to: TxKind::Call(to),
        value: u128::from(to == STRANGER),
        ..Draft::default()
    }
}

/// The mini-block of these transactions over a state that is always known.
fn undisturbed(drafts: &[Draft]) -> Arc<MiniBlock> {
    let chain = chain_over(&shaky());
    let mut block = open(&chain);
    for draft in drafts {
        let tx = sign(&chain, draft);
        let attempt = block.execute(&tx.offer(), at(1)).unwrap();
        assert_eq!(attempt, TxOutcome::Included);
    }
    block.seal_mini(at(1) + 10_000).unwrap()
}

#[test]
fn a_transaction_that_meets_the_unknown_leaves_no_trace_and_is_included_later() {
    for mood in [Mood::Unknown, Mood::Fails] {
        for (key, draft) in [
            (count(), to(0, 0, COUNTER)),
            (PlainKey::account(STRANGER), to(0, 0, STRANGER)),
        ] {
            let shaky = shaky();
            let chain = chain_over(&shaky);
            let mut block = open(&chain);
            shaky.is(key, mood);
            let waiting = sign(&chain, &draft);
            let expected = match mood {
                Mood::Fails => StateError::Failed("the source is gone".to_owned()),
                _ => StateError::Unknown(Place::Key(key)),
            };
            for _ in 0..3 {
                let attempt = block.execute(&waiting.offer(), at(1)).unwrap();
                assert_eq!(attempt, TxOutcome::Unread(expected.clone()));
            }
            let other = to(1, 0, Address::repeat_byte(0xbb));
            let attempt = block.execute(&sign(&chain, &other).offer(), at(1));
            assert_eq!(attempt.unwrap(), TxOutcome::Included);
            shaky.calm();
            let attempt = block.execute(&waiting.offer(), at(1)).unwrap();
            assert_eq!(attempt, TxOutcome::Included);
            let mini = block.seal_mini(at(1) + 10_000).unwrap();
            assert_eq!(*mini, *undisturbed(&[other, draft]), "{mood:?} {key:?}");
        }
    }
}

#[test]
fn a_call_that_fails_inside_does_not_hide_that_the_state_is_unknown() {
    // The contract goes on whether the call fails or not.
    let shaky = shaky();
    let chain = chain_over(&shaky);
    let mut block = open(&chain);
    shaky.is(count(), Mood::Unknown);
    let mut draft = to(0, 0, FORWARD);
    let word = U256::from_be_slice(COUNTER.as_slice());
    draft.input = [word, U256::ZERO]
        .iter()
        .flat_map(|word| word.to_be_bytes::<32>())
        .collect();
    let tx = sign(&chain, &draft);
    let attempt = block.execute(&tx.offer(), at(1)).unwrap();
    assert_eq!(
        attempt,
        TxOutcome::Unread(StateError::Unknown(Place::Key(count())))
    );
    shaky.calm();
    let attempt = block.execute(&tx.offer(), at(1)).unwrap();
    assert_eq!(attempt, TxOutcome::Included);
    block.seal_mini(at(1) + 10_000).unwrap();
    assert_eq!(chain.world.tip(&count()).as_slot(), U256::from(42));
}

#[test]
fn a_slow_state_is_asked_again_and_never_waited_for() {
    let shaky = shaky();
    let chain = chain_over(&shaky);
    let mut block = open(&chain);
    shaky.is(count(), Mood::Later(2));
    let tx = sign(&chain, &to(0, 0, COUNTER));
    let attempts: Vec<bool> = (0..3)
        .map(|_| block.execute(&tx.offer(), at(1)).unwrap() == TxOutcome::Included)
        .collect();
    assert_eq!(attempts, [false, false, true]);
    // What was read once stays in memory.
    let asked = shaky.asked();
    let attempt = block.execute(&sign(&chain, &to(0, 1, COUNTER)).offer(), at(1));
    assert_eq!(attempt.unwrap(), TxOutcome::Included);
    assert_eq!(shaky.asked(), asked);
    block.seal_mini(at(1) + 10_000).unwrap();
    assert_eq!(chain.world.tip(&count()).as_slot(), U256::from(43));
}

#[test]
fn a_block_whose_beginning_is_unknown_is_not_opened() {
    let shaky = shaky();
    let chain = chain_over(&shaky);
    // EIP-2935's system call writes the parent's hash there.
    let history = alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
    let key = PlainKey::slot(history, U256::ZERO);
    shaky.is(key, Mood::Unknown);
    let opened = OpenBlock::open(chain.clone(), &chain.genesis, GENESIS_TIME + 1);
    assert!(matches!(
        opened,
        Err(BuildError::State(StateError::Unknown(Place::Key(found)))) if found == key
    ));
    shaky.calm();
    open(&chain);
}

/// Nothing stops it.
struct Unhurried;

impl Pace for Unhurried {
    fn now_us(&mut self) -> u64 {
        at(1)
    }

    fn goes_on(&mut self, _: &PoolTx) -> bool {
        true
    }
}

/// Executes a batch with everything ahead of its turn, some of it over what is unknown.
fn ahead(how: ForcedSpeculation, shaky: &Shaky, chain: &Arc<Chain>) -> (OpenBlock, Outcomes) {
    let mut block = open(chain);
    let sign = |draft: &Draft| sign(chain, draft).pooled();
    // The block's first transaction is never executed ahead.
    let first = sign(&to(9, 0, Address::repeat_byte(0xbb)));
    let mut executor: Executor<Option<ForcedSpeculation>> =
        Executor::new(WorkerPool::start(2).unwrap());
    executor.policy = Some(how);
    let included = executor
        .execute(&mut block, &[first], &mut Unhurried)
        .unwrap();
    assert_eq!(included, [Some(TxOutcome::Included)]);
    shaky.is(count(), Mood::Unknown);
    shaky.is(PlainKey::account(STRANGER), Mood::Fails);
    let mut txs = Vec::new();
    for from in 0..6 {
        let nowhere = Address::repeat_byte(0x90 + from);
        let first = [COUNTER, STRANGER, nowhere][usize::from(from) % 3];
        txs.push(sign(&to(from, 0, first)));
        txs.push(sign(&to(from, 1, nowhere)));
    }
    let outcomes = executor.execute(&mut block, &txs, &mut Unhurried).unwrap();
    (block, outcomes)
}

#[test]
fn threads_that_execute_ahead_leave_the_unknown_to_its_turn() {
    for how in [
        ForcedSpeculation::InOrder,
        ForcedSpeculation::WorkerPool,
        ForcedSpeculation::Race,
        ForcedSpeculation::Shuffled(Dice(7)),
    ] {
        let (told, shaky) = (format!("{how:?}"), shaky());
        let chain = chain_over(&shaky);
        let (mut block, outcomes) = ahead(how, &shaky, &chain);
        for (nth, outcome) in outcomes.iter().enumerate() {
            let (from, second) = (nth / 2, nth % 2 == 1);
            match (from % 3, second) {
                (2, _) => assert_eq!(*outcome, Some(TxOutcome::Included), "{told} {nth}"),
                // What its sender sent later goes back.
                (_, true) => assert_eq!(*outcome, None, "{told} {nth}"),
                _ => assert!(
                    matches!(outcome, Some(TxOutcome::Unread(_))),
                    "{told} {nth}"
                ),
            }
        }
        let mini = block.seal_mini(at(1) + 10_000).unwrap();
        let drafts = [2, 5].map(|from| {
            let nowhere = Address::repeat_byte(0x90 + from);
            [to(from, 0, nowhere), to(from, 1, nowhere)]
        });
        let first = to(9, 0, Address::repeat_byte(0xbb));
        let drafts: Vec<Draft> = [first]
            .into_iter()
            .chain(drafts.into_iter().flatten())
            .collect();
        assert_eq!(*mini, *undisturbed(&drafts), "{told}");
    }
}

#[test]
fn a_running_builder_goes_on_while_transactions_wait_for_the_state() {
    let shaky = shaky();
    let chain = chain_over(&shaky);
    let pool = Arc::new(Pool::new(Limits::default(), tip_accounts(&chain)));
    shaky.is(count(), Mood::Unknown);
    let waiting = sign(&chain, &to(0, 0, COUNTER)).pooled();
    let other = sign(&chain, &to(1, 0, Address::repeat_byte(0xbb))).pooled();
    let admitted = pool.admit([&waiting, &other].map(|tx| PoolTx::clone(tx)));
    assert!(admitted.iter().all(Result::is_ok));
    let (out, sealed) = bounded(1024);
    let builder = Builder::spawn(chain.clone(), pool.clone(), out).unwrap();
    let mut minis = minis(&sealed);
    let mut found =
        |wanted: &PoolTx| minis.find(|mini| mini.txs.iter().any(|tx| tx.hash == wanted.hash));
    assert!(found(&other).is_some());
    shaky.calm();
    let mini = found(&waiting).unwrap();
    assert!(mini.txs[0].result.success);
    let counted = PlainValue::Slot(U256::from(42));
    assert!(mini.diff.entries.contains(&(count(), counted)));
    assert_eq!(builder.stop(), None);
}

#[test]
fn the_pool_judges_nobody_whose_account_is_unknown() {
    let shaky = shaky();
    let chain = chain_over(&shaky);
    let pool = Pool::new(Limits::default(), tip_accounts(&chain));
    let tx = sign(&chain, &to(20, 0, COUNTER)).pooled();
    let key = PlainKey::account(account(20));
    shaky.is(key, Mood::Unknown);
    let judged = pool.admit([PoolTx::clone(&tx)]);
    let unknown = StateError::Unknown(Place::Key(key));
    assert_eq!(judged, [Err(Rejection::Unread(unknown.clone()))]);
    assert_eq!(pool.pending_nonce(&account(20)), Err(unknown));
    shaky.calm();
    let judged = pool.admit([PoolTx::clone(&tx)]);
    assert_eq!(judged, [Ok(tx.hash)]);
}
