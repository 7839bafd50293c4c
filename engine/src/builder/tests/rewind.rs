//! A chain that was rolled back is the chain that never went beyond, and goes on as that one does.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use alloy_eips::BlockId;
use alloy_primitives::{B256, TxKind, U256, bytes};
use parking_lot::Mutex;

use crate::builder::{
    OpenBlock,
    generated::{Dice, contracts, draft},
    open::TxOutcome,
    testing::*,
};
use crate::{
    block::{BlockRecord, PlainKey, PlainValue},
    chain::{Chain, ChainConfig, RewindError},
    commitment::{BucketResize, bucket_key},
    state::{Archive, BlockUndo, StateError, StateReader as _},
};

/// Everything that a store keeps, in memory.
#[derive(Default)]
struct Disk(Mutex<Rows>);

#[derive(Default)]
struct Rows {
    minis: Vec<Vec<u8>>,
    blocks: Vec<Vec<u8>>,
    /// Transactions up to the end of each block.
    tx_totals: Vec<u64>,
    txs: HashMap<B256, (u64, u32)>,
    hashes: HashMap<B256, u64>,
    history: BTreeMap<(Vec<u8>, u64), Vec<u8>>,
}

impl Archive for Disk {
    fn tx_location(&self, hash: &B256) -> Option<(u64, u32)> {
        self.0.lock().txs.get(hash).copied()
    }

    fn block_number(&self, hash: &B256) -> Option<u64> {
        self.0.lock().hashes.get(hash).copied()
    }

    fn block(&self, number: u64) -> Option<Vec<u8>> {
        let rows = self.0.lock();
        rows.blocks.get(number.checked_sub(1)? as usize).cloned()
    }

    fn mini(&self, number: u64) -> Option<Vec<u8>> {
        self.0.lock().minis.get(number as usize).cloned()
    }

    fn value_at(&self, key: &[u8], block: u64) -> Result<Option<Vec<u8>>, StateError> {
        let rows = self.0.lock();
        let mut later = rows
            .history
            .range((key.to_vec(), block + 1)..=(key.to_vec(), u64::MAX));
        Ok(later.next().map(|(_, value)| value.clone()))
    }

    fn tx_total(&self, block: u64) -> Option<u64> {
        let Some(index) = block.checked_sub(1) else {
            return Some(0);
        };
        self.0.lock().tx_totals.get(index as usize).copied()
    }

    fn code(&self, _: &B256) -> Option<Vec<u8>> {
        None
    }
}

/// A chain that builds, and its disk.
struct Node {
    chain: Arc<Chain>,
    disk: Arc<Disk>,
    open: Option<OpenBlock>,
    /// How often each account has sent since the last seal.
    sent: [u64; 5],
}

/// What is done next.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody sends something.
    Send(u8, u64),
    Seal,
    Close,
}

impl Node {
    fn new(config: ChainConfig) -> Self {
        let disk = Arc::new(Disk::default());
        let chain = Arc::new(Chain::new(config, disk.clone()).unwrap());
        Self {
            chain,
            disk,
            open: None,
            sent: [0; 5],
        }
    }

    fn open(&mut self) -> &mut OpenBlock {
        let chain = self.chain.clone();
        self.open.get_or_insert_with(|| {
            let progress = chain.progress.lock();
            let progress = progress.as_ref().unwrap();
            let parent = &progress.parent;
            let opened = match progress.open.is_empty() {
                true => OpenBlock::open(chain.clone(), parent, parent.header.timestamp + 1),
                false => OpenBlock::resume(chain.clone(), parent, &progress.open),
            };
            opened.unwrap()
        })
    }

    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            match *step {
                Step::Send(from, seed) => self.send(from, seed),
                Step::Seal => self.seal(),
                Step::Close => self.close(),
            }
        }
    }

    /// What is sent depends on the seed and the sender's nonce alone.
    fn send(&mut self, from: u8, seed: u64) {
        let chain = self.chain.clone();
        let sent = &mut self.sent[usize::from(from)];
        let known = chain.world.tip_account(account(from));
        let nonce = known.map_or(0, |known| known.nonce) + *sent;
        *sent += 1;
        let mut dice = Dice(seed + 1);
        let mut draft = draft(&mut dice, from, nonce, &chain);
        // Code that nobody has had, so that it matters whether it is forgotten.
        if dice.below(4) == 0 {
            let mut init = bytes!("7f").to_vec();
            init.extend(U256::from(seed).to_be_bytes::<32>());
            init.extend_from_slice(&bytes!("5f5260205ff3"));
            (draft.to, draft.input, draft.value) = (TxKind::Create, init.into(), 0);
        }
        let tx = sign(&chain, &draft);
        let outcome = self.open().execute(&tx.offer(), at(1)).unwrap();
        assert_eq!(outcome, TxOutcome::Included);
    }

    fn seal(&mut self) {
        let mini = self.open().seal_mini(at(2)).unwrap();
        self.sent = [0; 5];
        {
            let mut rows = self.disk.0.lock();
            for (index, tx) in mini.txs.iter().enumerate() {
                rows.txs.insert(tx.hash, (mini.number, index as u32));
            }
            rows.minis.push(mini.encode());
        }
        let mut progress = self.chain.progress.lock();
        progress.as_mut().unwrap().open.push(mini.clone());
        let block = self.chain.recent.visible_block();
        self.chain.durable(mini.number, block);
    }

    fn close(&mut self) {
        self.seal();
        let block = self.open.take().unwrap();
        let mut progress = self.chain.progress.lock();
        let progress = progress.as_mut().unwrap();
        let (record, undo, _) = block.close(&mut progress.followers).unwrap();
        progress.parent = record.clone();
        progress.open.clear();
        self.disk.0.lock().keep(&record, undo);
        self.chain
            .durable(record.next_mini() - 1, record.header.number);
    }

    /// Goes back to so many mini-blocks, in memory and on disk.
    fn rewind(&mut self, minis: u64) {
        if self
            .open
            .as_ref()
            .is_some_and(OpenBlock::has_open_transactions)
        {
            self.seal();
        }
        self.open = None;
        let plan = self.chain.plan_rewind(minis).unwrap();
        self.chain.rewind(&plan).unwrap();
        let mut rows = self.disk.0.lock();
        rows.minis.truncate(minis as usize);
        rows.blocks.truncate(plan.block.header.number as usize);
        rows.tx_totals.truncate(plan.block.header.number as usize);
        for hash in &plan.txs {
            rows.txs.remove(hash);
        }
        for (block, keys) in &plan.blocks {
            rows.hashes.remove(&block.hash);
            for key in keys {
                // What a mini-block has changed and a later one of the same block back has no row.
                rows.history.remove(&(key.to_bytes(), block.header.number));
            }
            for resize in BucketResize::decode_all(&block.commitment).unwrap() {
                let row = (bucket_key(resize.bucket).to_vec(), block.header.number);
                rows.history.remove(&row).expect("a row of the history");
            }
        }
    }

    /// All that anybody could ask.
    fn assert_same(&self, other: &Self) {
        let (here, there) = (self.disk.0.lock(), other.disk.0.lock());
        assert_eq!(here.minis, there.minis);
        assert_eq!(here.blocks, there.blocks);
        assert_eq!(here.txs, there.txs);
        assert_eq!(here.hashes, there.hashes);
        assert_eq!(here.history, there.history);
        drop((here, there));
        let (here, there) = (&self.chain, &other.chain);
        assert_eq!(here.world.len(), there.world.len());
        here.world
            .for_each(|key, value| assert_eq!(there.world.tip(&key), value, "{key:?}"));
        assert_eq!(here.world.version(), there.world.version());
        assert_eq!(here.recent.visible_minis(), there.recent.visible_minis());
        assert_eq!(here.recent.visible_block(), there.recent.visible_block());
        let roots = [here, there].map(|chain| {
            let closed = chain.recent.visible_block();
            let reached = chain.commitment.read().reach(closed, &Default::default());
            reached.unwrap().state().root()
        });
        assert_eq!(roots[0], roots[1]);
        for number in 0..=here.recent.visible_block() {
            let views = [here, there].map(|chain| chain.view_at(BlockId::number(number)).unwrap());
            for key in keys(here) {
                assert_eq!(
                    views[0].value(&key),
                    views[1].value(&key),
                    "{number} {key:?}"
                );
            }
            let capacities = [here, there].map(|chain| chain.capacities_at(number));
            let [left, right] = capacities.map(|capacities| capacities.capacity(3).ok());
            assert_eq!(left, right);
            assert_eq!(here.tx_offset(number + 1), there.tx_offset(number + 1));
        }
        let txs: Vec<B256> = self.disk.0.lock().txs.keys().copied().collect();
        for hash in txs {
            let [left, right] = [here, there].map(|chain| chain.transaction(&hash).unwrap());
            let (left, right) = (left.unwrap(), right.unwrap());
            assert_eq!((left.mini, left.index), (right.mini, right.index));
        }
    }
}

impl Rows {
    fn keep(&mut self, record: &Arc<BlockRecord>, undo: BlockUndo) {
        let number = record.header.number;
        for (key, value) in undo {
            self.history
                .insert((key.to_bytes(), number), value.to_bytes());
        }
        for resize in BucketResize::decode_all(&record.commitment).unwrap() {
            let key = bucket_key(resize.bucket).to_vec();
            self.history
                .insert((key, number), resize.old.encode().to_vec());
        }
        self.hashes.insert(record.hash, number);
        self.blocks.push(record.encode());
        self.tx_totals.push(self.txs.len() as u64);
    }
}

fn keys(chain: &Chain) -> Vec<PlainKey> {
    let mut keys = Vec::new();
    chain.world.for_each(|key, _| keys.push(key));
    keys
}

fn steps(dice: &mut Dice, count: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..count {
        steps.push(match dice.below(12) {
            0 => Step::Close,
            1..=3 => Step::Seal,
            _ => Step::Send(dice.below(5) as u8, dice.below(1_000_000)),
        });
    }
    steps
}

fn settings(history_blocks: usize, buckets: u32) -> ChainConfig {
    let mut config = config(SPEC, &contracts());
    config.history_blocks = history_blocks;
    config.salt_data_buckets = buckets;
    config
}

#[test]
fn a_chain_that_was_rolled_back_is_one_that_never_went_on() {
    let usual = config(SPEC, &[]).salt_data_buckets;
    for seed in 1..=12 {
        let mut dice = Dice(seed * 7919);
        let history = [2, 64][dice.below(2) as usize];
        // One bucket outgrows its trie, so that metadata goes back as well.
        let buckets = [1, usual][dice.below(2) as usize];
        let [mut rolled, mut straight] = [0, 1].map(|_| Node::new(settings(history, buckets)));
        for _ in 0..3 {
            let before = steps(&mut dice, 40);
            rolled.run(&before);
            straight.run(&before);
            // The place that stays is in the middle of a block, or at its end.
            let last = [Step::Seal, Step::Close][dice.below(2) as usize].clone();
            for node in [&mut rolled, &mut straight] {
                node.run(std::slice::from_ref(&last));
            }
            let place = rolled.chain.recent.visible_minis();
            let beyond = dice.below(120) as usize;
            rolled.run(&steps(&mut dice, beyond));
            rolled.rewind(place);
            rolled.assert_same(&straight);
        }
        let after = [steps(&mut dice, 60), vec![Step::Close]].concat();
        rolled.run(&after);
        straight.run(&after);
        rolled.assert_same(&straight);
    }
}

#[test]
fn a_chain_goes_back_to_its_beginning_and_begins_again() {
    let [mut rolled, mut straight] = [0, 1].map(|_| Node::new(settings(2, 1)));
    let mut dice = Dice(5);
    rolled.run(&steps(&mut dice, 200));
    rolled.rewind(0);
    rolled.assert_same(&straight);
    let after = [steps(&mut dice, 60), vec![Step::Close]].concat();
    rolled.run(&after);
    straight.run(&after);
    rolled.assert_same(&straight);
}

#[test]
fn a_view_of_what_was_rolled_back_reads_an_error_and_an_older_one_what_it_read() {
    let mut node = Node::new(settings(64, 1));
    let key = PlainKey::account(account(0));
    node.run(&[Step::Send(0, 1), Step::Close]);
    let older = node.chain.view_at(BlockId::latest()).unwrap();
    let known = older.value(&key).unwrap();
    let place = node.chain.recent.visible_minis();
    node.run(&[Step::Send(0, 2), Step::Close, Step::Send(0, 3), Step::Close]);
    let newer = node.chain.view_at(BlockId::latest()).unwrap();
    node.rewind(place);
    assert_eq!(older.value(&key), Ok(known));
    assert_eq!(newer.value(&key), Err(StateError::RolledBack));
    // Its number is another view's now, which the end of the first must not touch.
    node.run(&[Step::Send(0, 4), Step::Close, Step::Send(0, 5), Step::Close]);
    let again = node.chain.view_at(BlockId::latest()).unwrap();
    let known = again.value(&key);
    drop(newer);
    node.run(&[Step::Send(0, 6), Step::Close]);
    assert_eq!(again.value(&key), known);
    assert!(matches!(known, Ok(PlainValue::Account(_))));
}

#[test]
fn no_plan_is_made_for_a_place_that_is_not_there_and_none_is_good_twice() {
    let mut node = Node::new(settings(64, 1));
    node.run(&[Step::Send(0, 1), Step::Close, Step::Send(0, 2), Step::Close]);
    let there = node.chain.recent.visible_minis();
    let beyond = node.chain.plan_rewind(there + 1);
    assert!(matches!(beyond, Err(RewindError::Beyond { wanted, .. }) if wanted == there + 1));
    let plan = node.chain.plan_rewind(1).unwrap();
    node.chain.rewind(&plan).unwrap();
    assert!(node.chain.rewind(&plan).is_err());
    assert_eq!(node.chain.recent.visible_minis(), 1);
}
