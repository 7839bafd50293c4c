//! Executing ahead on several threads against executing one by one: the same outcomes, mini-blocks and
//! blocks, down to the last bit. Everything is executed ahead, before its turn has come.
//!
//! `MEGAETH_CASES=100000 MEGAETH_SEED=7 cargo test --release builder::tests::ahead` tries more batches than a normal run,
//! and others (docs/conformance.md).

use std::sync::Arc;

use alloy_primitives::{Address, Bytes, TxKind, U256, address, bytes, keccak256};
use op_alloy_consensus::TxDeposit;
use op_revm::constants::{BASE_FEE_RECIPIENT, OPERATOR_FEE_RECIPIENT};

use super::forced::ForcedSpeculation;
use crate::builder::{
    OpenBlock,
    batch::{Executor, Outcomes, Pace},
    generated::{Dice, FORWARD, SPIN, STORE, contracts, draft, words},
    open::{Candidate, TxOutcome},
    testing::*,
};
use crate::{
    block::{BlockRecord, Halt, MiniBlock},
    chain::Chain,
    parallel::{CallHistory, WorkerPool},
    pool::{Deposit, PoolTx},
};

const TOKEN: Address = address!("00000000000000000000000000000000000c1001");
const MARKET: Address = address!("00000000000000000000000000000000000c1002");
const OBSERVE: Address = address!("00000000000000000000000000000000000c1003");
const GROW: Address = address!("00000000000000000000000000000000000c1004");
const CLOCK: Address = address!("00000000000000000000000000000000000c1005");
const DESTROY: Address = address!("00000000000000000000000000000000000c1006");
const CREATE2: Address = address!("00000000000000000000000000000000000c1007");
const INSPECT: Address = address!("00000000000000000000000000000000000c1008");
const DETAINED: Address = address!("00000000000000000000000000000000000c1009");
/// How many kinds of transactions there are.
const KINDS: u64 = 18;

/// Senders, of whom the last two have nothing unless somebody pays them.
const SENDERS: u64 = 8;
const RICH: u64 = 6;

fn all_contracts() -> Vec<(Address, Bytes)> {
    // transfer(to, amount): two balances and a log with three topics.
    let mut token = bytes!("602035803354033355805f3554015f35555f525f35337f").to_vec();
    token.extend_from_slice(keccak256("Transfer(address,address,uint256)").as_slice());
    token.extend_from_slice(&bytes!("60205fa300"));
    let mut all = contracts();
    all.extend([
        (TOKEN, token.into()),
        // Reads two reserves, writes both and one slot of the caller's.
        (
            MARKET,
            bytes!("5f546001548181016001553355" "5f35016001015f5500"),
        ),
        // SSTORE(0, BALANCE(calldata[0]) ^ SLOAD(0))
        (OBSERVE, bytes!("5f35315f54185f5500")),
        // Writes calldata[0] slots after calldata[32].
        (
            GROW,
            bytes!("5f355b801560165780806020350155600190036002565b00"),
        ),
        // SSTORE(0, HighPrecisionTimestamp.timestamp())
        (
            CLOCK,
            bytes!(
                "63b80777ea5f5260205f6004601c5f7363420000000000000000000000000000000000025af1505f515f5500"
            ),
        ),
        // SELFDESTRUCT(calldata[0])
        (DESTROY, bytes!("5f35ff")),
        // SSTORE(0, CREATE2(0, calldata, salt 0))
        (CREATE2, bytes!("365f5f375f365f5ff55f5500")),
        // SSTORE(calldata[0], EXTCODEHASH(calldata[0]) ^ EXTCODESIZE(calldata[0]))
        (INSPECT, bytes!("5f353f5f353b185f355500")),
        // Looks at the time and never ends.
        (DETAINED, bytes!("42505b600256")),
    ]);
    all
}

fn anybody(dice: &mut Dice) -> Address {
    match dice.below(6) {
        0 | 1 => account(dice.below(SENDERS) as u8),
        // Contracts that are made sooner or later, by whom ever.
        2 => account(dice.below(SENDERS) as u8).create(dice.below(8)),
        _ => Address::repeat_byte(dice.below(12) as u8 + 0x30),
    }
}

fn word(address: Address) -> U256 {
    U256::from_be_slice(address.as_slice())
}

/// What to send next. `mood` says what the batch is mostly about.
fn next(dice: &mut Dice, mood: u64, from: u8, nonce: u64, chain: &Chain) -> Draft {
    let kind = match dice.below(3) {
        0 => dice.below(KINDS),
        _ => mood,
    };
    let mut next = Draft {
        from,
        nonce,
        gas: 500_000,
        tip: u128::from(dice.below(4)) * 1000,
        ..Default::default()
    };
    let call = |next: &mut Draft, to, input| (next.to, next.input) = (TxKind::Call(to), input);
    match kind {
        0 => {
            next.to = TxKind::Call(anybody(dice));
            next.value = u128::from(dice.below(5));
            next.gas = 100_000;
        }
        1 => {
            // To one and the same.
            next.to = TxKind::Call(Address::repeat_byte(0x77));
            next.value = 3;
            next.gas = 100_000;
        }
        2 => call(
            &mut next,
            TOKEN,
            words(&[word(anybody(dice)), U256::from(7)]),
        ),
        3 => call(&mut next, TOKEN, words(&[word(STORE), U256::from(7)])),
        4 => call(&mut next, MARKET, words(&[U256::from(dice.below(9))])),
        5 => {
            let observed = [
                chain.config.coinbase,
                BASE_FEE_RECIPIENT,
                OPERATOR_FEE_RECIPIENT,
                Address::repeat_byte(0x77),
                anybody(dice),
            ];
            let observed = observed[dice.below(5) as usize];
            call(&mut next, OBSERVE, words(&[word(observed)]));
        }
        6 => {
            // Money for who has none, or for who earns fees.
            let poor = account((RICH + dice.below(SENDERS - RICH)) as u8);
            let to = [poor, poor, chain.config.coinbase, BASE_FEE_RECIPIENT];
            next.to = TxKind::Call(to[dice.below(4) as usize]);
            next.value = 500_000_000_000 * u128::from(dice.below(3));
        }
        7 => {
            call(&mut next, FORWARD, Bytes::new());
            next.value = 5;
            let to = [
                BASE_FEE_RECIPIENT,
                chain.config.coinbase,
                anybody(dice),
                MARKET,
            ];
            next.input = words(&[word(to[dice.below(4) as usize]), U256::from(dice.below(6))]);
        }
        8 => {
            // A contract that stores, and calls of those that this sender may have made.
            let past = nonce.saturating_sub(dice.below(3));
            if past == nonce {
                (next.to, next.input) = (TxKind::Create, bytes!("645f355f55005f526005601bf3"));
                next.gas = 2_000_000;
            } else {
                call(
                    &mut next,
                    account(from).create(past),
                    words(&[U256::from(nonce)]),
                );
            }
        }
        9 => {
            // Up to more than a transaction may.
            let count = [0, 150, 300, 150, 300, 1_100][dice.below(6) as usize];
            next.gas = 20_000_000 + 100_000 * count;
            let first = U256::from(dice.below(9) * 100);
            call(&mut next, GROW, words(&[U256::from(count), first]));
        }
        10 => call(&mut next, CLOCK, Bytes::new()),
        11 => {
            call(&mut next, SPIN, Bytes::new());
            next.gas = 150_000 + dice.below(3) * 200_000;
        }
        12 => {
            // Can't be executed.
            match dice.below(3) {
                0 => next.nonce += 1 + dice.below(2),
                1 => next.nonce = next.nonce.saturating_sub(1),
                _ => next.value = 20_000 * ETHER,
            }
        }
        13 => {
            call(&mut next, DESTROY, Bytes::new());
            next.value = u128::from(dice.below(3));
            let to = [DESTROY, chain.config.coinbase, BASE_FEE_RECIPIENT];
            let to = to.into_iter().nth(dice.below(12) as usize);
            next.input = words(&[word(to.unwrap_or_else(|| anybody(dice)))]);
        }
        14 => {
            let inits: [&[u8]; 2] = [
                &[0x60, 0xfe, 0x5f, 0x53, 0x60, 0x01, 0x5f, 0xf3],
                &[0x33, 0xff],
            ];
            let init = inits[dice.below(2) as usize].to_vec();
            call(&mut next, CREATE2, init.into());
            next.gas = 2_000_000;
        }
        15 => {
            let made = CREATE2
                .create2_from_code([0; 32], [0x60, 0xfe, 0x5f, 0x53, 0x60, 0x01, 0x5f, 0xf3]);
            let whom = [made, anybody(dice), anybody(dice)][dice.below(3) as usize];
            call(&mut next, INSPECT, words(&[word(whom)]));
        }
        16 if dice.below(50) == 0 => {
            call(&mut next, DETAINED, Bytes::new());
            next.gas = 30_000_000;
        }
        _ => next = draft(dice, from, nonce, chain),
    }
    next
}

fn batch(dice: &mut Dice, chain: &Chain) -> Vec<Arc<PoolTx>> {
    let mood = dice.below(KINDS);
    let senders = 1 + dice.below(SENDERS);
    let mut nonces: Vec<u64> = (0..SENDERS as u8)
        .map(|index| {
            let account = chain.world.tip_account(account(index));
            account.map_or(0, |account| account.nonce)
        })
        .collect();
    (0..2 + dice.below(30))
        .map(|_| {
            let from = dice.below(senders) as usize;
            let draft = next(dice, mood, from as u8, nonces[from], chain);
            if draft.nonce == nonces[from] {
                nonces[from] += 1;
            }
            sign(chain, &draft).pooled()
        })
        .collect()
}

/// Goes on for so many questions.
struct Steps {
    left: usize,
    now_us: u64,
}

impl Pace for Steps {
    fn now_us(&mut self) -> u64 {
        self.now_us
    }

    fn goes_on(&mut self, _: &PoolTx) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }
}

/// How many ways there are to rehearse a batch.
const WAYS: usize = 4;
/// The one in which little holds.
const SHUFFLED: usize = 1;

fn forced(way: usize, dice: &mut Dice) -> ForcedSpeculation {
    match way {
        0 => ForcedSpeculation::InOrder,
        SHUFFLED => ForcedSpeculation::Shuffled(Dice(1 + dice.below(1 << 60))),
        2 => ForcedSpeculation::WorkerPool,
        _ => ForcedSpeculation::Race,
    }
}

/// One of the two chains that must stay the same.
struct Side {
    chain: Arc<Chain>,
    block: Option<OpenBlock>,
    executor: Executor<Option<ForcedSpeculation>>,
}

impl Side {
    fn new(
        config: &crate::chain::ChainConfig,
        executor: Executor<Option<ForcedSpeculation>>,
    ) -> Self {
        let chain = chain_of(config.clone());
        let block = Some(open(&chain));
        Self {
            chain,
            block,
            executor,
        }
    }

    fn block(&mut self) -> &mut OpenBlock {
        self.block.as_mut().unwrap()
    }

    fn execute(&mut self, txs: &[Arc<PoolTx>], steps: usize, now_us: u64) -> Outcomes {
        let mut pace = Steps {
            left: steps,
            now_us,
        };
        let block = self.block.as_mut().unwrap();
        self.executor.execute(block, txs, &mut pace).unwrap()
    }

    fn seal(&mut self, now_us: u64) -> Arc<MiniBlock> {
        self.block().seal_mini(now_us).unwrap()
    }

    fn close(&mut self, second: u64) -> Arc<BlockRecord> {
        let mut progress = self.chain.progress.lock();
        let progress = progress.as_mut().unwrap();
        let block = self.block.take().unwrap();
        let (record, ..) = block.close(&mut progress.followers).unwrap();
        progress.parent = record.clone();
        let next = OpenBlock::open(self.chain.clone(), &record, GENESIS_TIME + second).unwrap();
        self.block = Some(next);
        record
    }
}

fn deposit(dice: &mut Dice, salt: u64) -> Deposit {
    let deposit = TxDeposit {
        from: account(dice.below(SENDERS) as u8),
        to: TxKind::Call(
            [STORE, Address::repeat_byte(0x77), BASE_FEE_RECIPIENT][dice.below(3) as usize],
        ),
        mint: 2,
        value: U256::from(dice.below(4)),
        gas_limit: 300_000,
        input: words(&[U256::from(1), U256::from(9)]),
        ..Default::default()
    };
    Deposit::new(deposit, keccak256(salt.to_be_bytes()))
}

/// What a run has met, so that it is known to have met everything.
#[derive(Debug, Default)]
struct Met {
    included: usize,
    halted: usize,
    full: usize,
    invalid: usize,
    stale: usize,
    back: usize,
    beyond_limits: usize,
    /// In turn, ahead, and aborted, by the way of rehearsing.
    ways: [[u64; 3]; WAYS],
}

/// Batches upon one chain under one spec.
fn same_as_one_by_one(spec: &str, seed: u64, batches: u64, met: &mut Met) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut config = config(spec, &all_contracts());
    for poor in RICH..SENDERS {
        config.genesis.alloc.remove(&account(poor as u8));
    }
    // Not in step with the rules, which take turns by three.
    if seed.is_multiple_of(4) {
        config.gas_limit = 12_000_000;
    }
    let mut one = Side::new(&config, Executor::new(WorkerPool::start(0).unwrap()));
    let mut many = Side::new(&config, Executor::new(WorkerPool::start(2).unwrap()));
    for number in 0..batches {
        let now_us = at(number / 10 + 1) + number % 10 * 100_000;
        let txs = batch(&mut dice, &one.chain);
        let steps = match dice.below(4) {
            0 => dice.below(txs.len() as u64 + 1) as usize,
            _ => usize::MAX,
        };
        let way = dice.below(WAYS as u64) as usize;
        let forced = forced(way, &mut dice);
        many.executor.policy = Some(forced);
        if dice.below(4) > 0 {
            many.executor.history = CallHistory::default();
        }
        let before = many.executor.counts();
        let outcomes = many.execute(&txs, steps, now_us);
        let counts = many.executor.counts();
        met.ways[way][0] += counts.in_turn - before.in_turn;
        met.ways[way][1] += counts.ahead - before.ahead;
        met.ways[way][2] += counts.aborted - before.aborted;
        let executed: Vec<_> = txs
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.is_some())
            .map(|(tx, _)| tx.clone())
            .collect();
        let expected = if steps == usize::MAX {
            one.execute(&txs, steps, now_us)
        } else {
            // Stopped somewhere: what was executed until then is what counts.
            let mut expected = one.execute(&executed, usize::MAX, now_us).into_iter();
            outcomes
                .iter()
                .map(|outcome| outcome.as_ref().and_then(|_| expected.next().flatten()))
                .collect()
        };
        assert_eq!(outcomes, expected, "{spec} {seed}: batch {number}");
        for outcome in &outcomes {
            match outcome {
                Some(TxOutcome::Included) => met.included += 1,
                Some(TxOutcome::Full(_)) => met.full += 1,
                Some(TxOutcome::Invalid(_)) => met.invalid += 1,
                Some(TxOutcome::Stale) => met.stale += 1,
                Some(TxOutcome::Unread(error)) => panic!("{spec} {seed}: {error}"),
                None => met.back += 1,
            }
        }
        if dice.below(4) == 0 {
            let deposit = deposit(&mut dice, number);
            let offer = Candidate {
                envelope: &deposit.envelope,
                raw: &deposit.raw,
                hash: deposit.hash,
                sender: deposit.sender,
                da_size: 0,
                authorizations: &[],
            };
            let attempts =
                [&mut one, &mut many].map(|side| side.block().execute(&offer, now_us).unwrap());
            assert_eq!(attempts[0], attempts[1]);
        }
        if dice.below(5) > 0 {
            let (expected, mini) = (one.seal(now_us), many.seal(now_us));
            for halt in mini
                .txs
                .iter()
                .filter_map(|tx| tx.result.usage.halt.as_ref())
            {
                met.halted += 1;
                met.beyond_limits += usize::from(!matches!(halt, Halt::Evm(_)));
            }
            for (index, (tx, expected)) in mini.txs.iter().zip(&expected.txs).enumerate() {
                assert_eq!(tx, expected, "{spec} {seed}: batch {number}, {index}");
            }
            assert_eq!(mini, expected, "{spec} {seed}: batch {number}");
        }
        if number % 10 == 9 {
            assert_eq!(one.seal(now_us), many.seal(now_us));
            let second = number / 10 + 2;
            assert_eq!(one.close(second), many.close(second), "{spec} {seed}");
        }
    }
}

/// A number that the environment may set.
fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |asked| {
        asked
            .parse()
            .unwrap_or_else(|_| panic!("{name}={asked} is no number"))
    })
}

#[test]
fn executing_ahead_gives_what_executing_one_by_one_gives() {
    const BATCHES: u64 = 50;
    let mut met = Met::default();
    let first = asked("MEGAETH_SEED", 0);
    for seed in first..first + asked("MEGAETH_CASES", 3_000).div_ceil(BATCHES) {
        let spec = ["rex6", "rex5", "rex4"][seed as usize % 3];
        same_as_one_by_one(spec, seed, BATCHES, &mut met);
    }
    let everything = [
        met.included,
        met.halted,
        met.beyond_limits,
        met.full,
        met.invalid,
        met.stale,
        met.back,
    ];
    assert!(
        everything.iter().all(|count| *count > 0),
        "too tame: {met:?}"
    );
    // Nearly everything that can be was executed ahead, and often both held and didn't.
    for [in_turn, ahead, aborted] in &met.ways[..3] {
        assert!(2 * (ahead + aborted) > in_turn + ahead, "too tame: {met:?}");
    }
    let [_, ahead, aborted] = met.ways[SHUFFLED];
    assert!(25 * aborted > ahead + aborted, "too tame: {met:?}");
    println!("{met:?}");
}

#[test]
fn older_rules_are_executed_one_by_one_and_give_the_same() {
    for spec in ["equivalence", "mini-rex", "rex3"] {
        same_as_one_by_one(spec, 1, 10, &mut Met::default());
    }
}
