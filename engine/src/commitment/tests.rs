//! The commitment as a specification: followed mini-block by mini-block it is that of the state, and what
//! recent blocks left can be proven as long as it is kept.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, U256};
use parking_lot::RwLock;
use proptest::prelude::*;

use super::*;
use crate::{
    block::{BlockRecord, MiniBlock, PlainAccount, PlainKey, PlainValue, StateDiff},
    chain::Chain,
    rpc::testing::{COUNTER, Devnet, WRITER, calling, word},
    salt::{
        hasher::bucket_id_for_account,
        state::{AccessSet, SaltState},
        stateless::WitnessState,
    },
};

const BLOCK_TIME_US: u64 = 1_000_000;
/// Long enough that some mini-blocks of most blocks come shortly before the end.
const MINI_TIME_US: u64 = 70_000;

pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

pub(crate) fn encoded<'a>(
    entries: impl IntoIterator<Item = (&'a PlainKey, &'a PlainValue)>,
) -> Pairs {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_bytes(), value.to_bytes()))
        .collect()
}

pub(crate) fn pairs(list: &Pairs) -> impl Iterator<Item = (&[u8], &[u8])> {
    list.iter().map(|(key, value)| (&key[..], &value[..]))
}

pub(crate) fn key(number: u16) -> PlainKey {
    let address = Address::from_word(B256::from(U256::from(number)));
    match number % 3 {
        0 => PlainKey::account(address),
        _ => PlainKey::slot(address, U256::from(number)),
    }
}

pub(crate) fn value(key: &PlainKey, number: u8) -> PlainValue {
    match key.slot {
        Some(_) => PlainValue::from_slot(U256::from(number)),
        None => PlainValue::from_account(PlainAccount {
            balance: U256::from(number),
            ..PlainAccount::default()
        }),
    }
}

/// Follows blocks as the builder does, and keeps the whole state to compare with.
struct Follower {
    history: Arc<RwLock<History>>,
    committer: Committer,
    capacities: Capacities,
    model: BTreeMap<PlainKey, PlainValue>,
    /// SALT's state brought forward block by block, each as a whole.
    whole: SaltState,
    minis: u64,
    blocks: u64,
    /// Whether a block's last mini-block is told apart.
    closes_at_once: bool,
}

impl Follower {
    fn new(data_buckets: u32) -> Self {
        let state = SaltState::new(data_buckets);
        let history = Arc::new(RwLock::new(History::new(state.clone(), 0)));
        Self {
            committer: Committer::start(history.clone(), BLOCK_TIME_US).unwrap(),
            history,
            capacities: Capacities::new(data_buckets),
            model: BTreeMap::new(),
            whole: state,
            minis: 0,
            blocks: 0,
            closes_at_once: false,
        }
    }

    fn mini(&mut self, changes: &BTreeMap<PlainKey, PlainValue>) {
        let mini = self.sealed(changes);
        self.committer.feed(&mini);
    }

    fn sealed(&mut self, changes: &BTreeMap<PlainKey, PlainValue>) -> Arc<MiniBlock> {
        let mini = MiniBlock {
            number: self.minis,
            timestamp_us: self.minis * MINI_TIME_US,
            diff: StateDiff {
                entries: changes.iter().map(|(key, value)| (*key, *value)).collect(),
                codes: Vec::new(),
            },
            ..MiniBlock::default()
        };
        self.minis += 1;
        self.model.extend(changes);
        Arc::new(mini)
    }

    /// Closes a block that consists of these mini-blocks; returns the root.
    fn block(&mut self, minis: &[BTreeMap<PlainKey, PlainValue>]) -> B256 {
        let mut net = BTreeMap::new();
        for (index, changes) in minis.iter().enumerate() {
            let mini = self.sealed(changes);
            match self.closes_at_once && index + 1 == minis.len() {
                true => self.committer.feed_last(&mini),
                false => self.committer.feed(&mini),
            }
            net.extend(changes.clone());
        }
        self.blocks += 1;
        let closed = self.committer.close_knowing(self.blocks, None).unwrap();
        self.capacities.grow(self.blocks, &closed.growth);
        let net = encoded(&net);
        let update = self.whole.update(pairs(&net)).unwrap();
        self.whole.apply(&update);
        closed.root
    }

    /// The root of the plain state alone, laid out anew.
    fn rebuilt(&self) -> B256 {
        let entries: Vec<_> = self
            .model
            .iter()
            .filter(|(_, value)| **value != PlainValue::Absent)
            .map(|(key, value)| (*key, *value))
            .collect();
        let data_buckets = self.whole.data_buckets();
        let state = History::build(data_buckets, &self.capacities.all(), &entries).unwrap();
        state.root().into()
    }
}

fn changes() -> impl Strategy<Value = BTreeMap<PlainKey, PlainValue>> {
    fewer_than(120)
}

fn fewer_than(keys: usize) -> impl Strategy<Value = BTreeMap<PlainKey, PlainValue>> {
    prop::collection::btree_map(0..900_u16, 0..4_u8, 0..keys).prop_map(|numbers| {
        numbers
            .into_iter()
            .map(|(number, content)| (key(number), value(&key(number), content)))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However mini-blocks cut a block, its root is that of the block as a whole and that of the plain
    /// state; and every block's state can be proven afterwards. A bucket or two, so that they grow.
    #[test]
    fn the_root_is_that_of_the_state(
        data_buckets in 1..3_u32,
        blocks in prop::collection::vec(prop::collection::vec(changes(), 1..30), 1..4),
        closes_at_once: bool,
    ) {
        let mut follower = Follower::new(data_buckets);
        follower.closes_at_once = closes_at_once;
        let mut known = vec![(B256::from(follower.whole.root()), follower.model.clone())];
        for minis in &blocks {
            let root = follower.block(minis);
            prop_assert_eq!(root, B256::from(follower.whole.root()));
            prop_assert_eq!(root, follower.rebuilt());
            prop_assert_eq!(follower.capacities.all(), follower.whole.metas());
            known.push((root, follower.model.clone()));
        }
        let needs = AccessSet {
            reads: (0..40).map(|number| key(number * 20).to_bytes()).collect(),
            ..AccessSet::default()
        };
        for (block, (root, model)) in known.iter().enumerate() {
            let history = follower.history.read();
            let buckets = history.state().buckets_of(&needs);
            let state = history.reach(block as u64, &buckets).unwrap().state();
            let witness = state.witness(&needs).unwrap().unwrap();
            let state = WitnessState::new(witness, &root.0, data_buckets).unwrap();
            for number in 0..40 {
                let key = key(number * 20);
                let expected = model.get(&key).copied().unwrap_or_default().to_bytes();
                let found = state.get(&key.to_bytes()).unwrap().unwrap_or_default();
                prop_assert_eq!(found, expected);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Blocks of few changes are folded in by who closes them; their roots are those of the state, and of a commitment
    /// whose thread has folded in whatever it could.
    #[test]
    fn whoever_folds_in_a_block_its_root_is_that_of_the_state(
        blocks in prop::collection::vec((fewer_than(6), changes(), any::<bool>()), 1..20),
    ) {
        let [mut here, mut there] = [(); 2].map(|()| Follower::new(3));
        here.closes_at_once = true;
        for (few, many, is_many) in blocks {
            let minis = [if is_many { many } else { few }];
            let root = here.block(&minis);
            prop_assert_eq!(root, there.block(&minis));
            prop_assert_eq!(root, B256::from(here.whole.root()));
        }
        prop_assert_eq!(here.whole.root(), here.history.read().state().root());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Back to any block, by the layers that lead there and by the values that differ: its root, and from there the
    /// roots of a chain that never went on.
    #[test]
    fn a_commitment_that_went_back_is_one_that_never_went_on(
        data_buckets in 1..3_u32,
        blocks in prop::collection::vec(prop::collection::vec(changes(), 1..12), 2..5),
        to in 0..4_usize,
        open in changes(),
        has_layers: bool,
    ) {
        let to = to.min(blocks.len() - 1);
        let [mut gone, mut straight] = [(); 2].map(|()| Follower::new(data_buckets));
        let mut metas = vec![];
        for (number, minis) in blocks.iter().enumerate() {
            if number == to {
                metas = gone.capacities.all();
            }
            gone.block(minis);
            if number < to {
                straight.block(minis);
            }
        }
        gone.mini(&open);
        let later = blocks[to..].iter().flatten().chain([&open]);
        let keys: BTreeMap<_, _> = later.flatten().map(|(key, _)| {
            (*key, straight.model.get(key).copied().unwrap_or_default())
        }).collect();
        let default = |(bucket, _): (u32, _)| (bucket, Default::default());
        let mut buckets: BTreeMap<_, _> = gone.capacities.all().into_iter().map(default).collect();
        buckets.extend(metas);
        if !has_layers {
            // As if they had become too many.
            let mut history = gone.history.write();
            let state = history.state().clone();
            *history = History::new(state, blocks.len() as u64);
        }
        let end = BlockEnd { block: to as u64, values: keys.into_iter().collect(), buckets };
        let root = gone.committer.rewind(end).unwrap();
        prop_assert_eq!(root, B256::from(straight.whole.root()));
        prop_assert_eq!(gone.history.read().state().metas(), straight.whole.metas());
        gone.model.clone_from(&straight.model);
        gone.whole = straight.whole.clone();
        gone.blocks = straight.blocks;
        for minis in &blocks[to..] {
            prop_assert_eq!(gone.block(minis), straight.block(minis));
        }
    }
}

/// A chain with some blocks of transactions, its buckets as crowded as asked.
pub(crate) fn busy(data_buckets: u32) -> Devnet {
    let mut net = Devnet::with("rex6", |config| config.salt_data_buckets = data_buckets);
    let mut nonce = 0;
    for block in 0..3 {
        for count in [3, 40] {
            net.send(&calling(COUNTER, [], nonce));
            net.send(&calling(WRITER, word(count + block * 60), nonce + 1));
            nonce += 2;
            net.mini();
        }
        net.block();
    }
    net.block();
    net
}

pub(crate) fn records(
    net: &Devnet,
    number: u64,
) -> (Arc<BlockRecord>, Arc<BlockRecord>, Vec<Arc<MiniBlock>>) {
    let chain: &Chain = &net.node.chain;
    let block = chain.block(number).unwrap().unwrap();
    let parent = chain.block(number - 1).unwrap().unwrap();
    let minis = (block.first_mini..block.next_mini())
        .map(|mini| chain.mini(mini).unwrap().unwrap())
        .collect();
    (block, parent, minis)
}

#[test]
fn the_header_carries_the_root_of_the_plain_state() {
    let net = busy(16);
    let chain = &net.node.chain;
    let mut entries = Vec::new();
    chain
        .world
        .for_each(|key, value| entries.push((key, value)));
    let state = History::build(16, &chain.capacities.all(), &entries).unwrap();
    let (newest, _, _) = records(&net, 4);
    assert_eq!(B256::from(state.root()), newest.header.state_root);
}

#[test]
fn a_crowded_chain_costs_more_from_the_next_block_on() {
    let mut net = Devnet::with("rex6", |config| config.salt_data_buckets = 1);
    let gas = |net: &mut Devnet, nonce, count| {
        let mini = net.run(&calling(WRITER, word(count), nonce));
        mini.txs[0].result.usage.storage_gas
    };
    let first = gas(&mut net, 0, 250);
    net.block();
    // One more slot: 20,000 times (512 / 256 - 1).
    let overhead = gas(&mut net, 1, 250);
    let crowded = gas(&mut net, 2, 251);
    assert_eq!(crowded - overhead, 20_000);
    assert!(first < 100_000, "{first}");
    net.block();
    let (_, _, _) = records(&net, 2);
    let then = net.node.chain.capacities_at(0);
    let now = net.node.chain.capacities_at(1);
    let bucket = bucket_id_for_account(&COUNTER.0.0);
    assert_eq!(
        (then.capacity(bucket), now.capacity(bucket)),
        (Ok(256), Ok(512))
    );
}

#[test]
fn what_grew_survives_its_encoding() {
    let net = busy(1);
    let grew = (1..=4).map(|number| records(&net, number).0);
    let block = grew.into_iter().find(|block| !block.commitment.is_empty());
    let block = block.unwrap();
    let growth = BucketResize::decode_all(&block.commitment).unwrap();
    assert_eq!(BucketResize::encode_all(&growth), block.commitment);
    assert!(BucketResize::decode_all(&block.commitment[1..]).is_err());
}
