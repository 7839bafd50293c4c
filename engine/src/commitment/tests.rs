//! The commitment as a specification: followed mini-block by mini-block it is that of the state, and what
//! recent blocks left can be proven as long as it is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, U256};
use parking_lot::RwLock;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    block::{BlockRecord, MiniBlock, PlainAccount, PlainKey, PlainValue, StateDiff},
    chain::Chain,
    rpc::testing::{COUNTER, Devnet, WRITER, calling, from_base64, word},
    salt::{
        codec::Reader,
        hasher::bucket_id_for_account,
        state::{Needs, SaltState},
        stateless::WitnessState,
        withdrawals::MptWitness,
        witness::SaltWitness,
    },
};

const BLOCK_TIME_US: u64 = 1_000_000;
/// Long enough that some mini-blocks of most blocks come shortly before the end.
const MINI_TIME_US: u64 = 70_000;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn encoded<'a>(entries: impl IntoIterator<Item = (&'a PlainKey, &'a PlainValue)>) -> Pairs {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_bytes(), value.to_bytes()))
        .collect()
}

fn pairs(list: &Pairs) -> impl Iterator<Item = (&[u8], &[u8])> {
    list.iter().map(|(key, value)| (&key[..], &value[..]))
}

fn key(number: u16) -> PlainKey {
    let address = Address::from_word(B256::from(U256::from(number)));
    match number % 3 {
        0 => PlainKey::account(address),
        _ => PlainKey::slot(address, U256::from(number)),
    }
}

fn value(key: &PlainKey, number: u8) -> PlainValue {
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
        }
    }

    fn mini(&mut self, changes: &BTreeMap<PlainKey, PlainValue>) {
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
        self.committer.feed(&Arc::new(mini));
    }

    /// Closes a block that consists of these mini-blocks; returns the root.
    fn block(&mut self, minis: &[BTreeMap<PlainKey, PlainValue>]) -> B256 {
        let mut net = BTreeMap::new();
        for changes in minis {
            self.mini(changes);
            net.extend(changes.clone());
        }
        self.blocks += 1;
        let closed = self.committer.close(self.blocks).unwrap();
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
    prop::collection::btree_map(0..900_u16, 0..4_u8, 0..120).prop_map(|numbers| {
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
    ) {
        let mut follower = Follower::new(data_buckets);
        let mut known = vec![(B256::from(follower.whole.root()), follower.model.clone())];
        for minis in &blocks {
            let root = follower.block(minis);
            prop_assert_eq!(root, B256::from(follower.whole.root()));
            prop_assert_eq!(root, follower.rebuilt());
            prop_assert_eq!(follower.capacities.all(), follower.whole.metas());
            known.push((root, follower.model.clone()));
        }
        let needs = Needs {
            reads: (0..40).map(|number| key(number * 20).to_bytes()).collect(),
            ..Needs::default()
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

/// A chain with some blocks of transactions, its buckets as crowded as asked.
fn busy(data_buckets: u32) -> Devnet {
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

fn records(net: &Devnet, number: u64) -> (Arc<BlockRecord>, Arc<BlockRecord>, Vec<Arc<MiniBlock>>) {
    let chain: &Chain = &net.node.chain;
    let block = chain.block(number).unwrap().unwrap();
    let parent = chain.block(number - 1).unwrap().unwrap();
    let minis = (block.first_mini..block.next_mini())
        .map(|mini| chain.mini(mini).unwrap().unwrap())
        .collect();
    (block, parent, minis)
}

#[test]
fn a_blocks_witness_leads_from_its_parents_root_to_its_own() {
    for data_buckets in [crate::salt::types::DATA_BUCKETS, 1] {
        let net = busy(data_buckets);
        let chain: &Chain = &net.node.chain;
        for number in 1..=4 {
            let (block, parent, minis) = records(&net, number);
            let before = chain.view_at(BlockId::number(number - 1)).unwrap();
            let bytes = block_witness(chain, &block, &parent, &minis, &before).unwrap();
            let mut reader = Reader::new(&bytes);
            let witness = SaltWitness::read(&mut reader).unwrap();
            let withdrawals = MptWitness::read(&mut reader).unwrap();
            reader.end().unwrap();
            let root = parent.header.withdrawals_root.unwrap();
            assert_eq!(withdrawals.storage_root, root.0);

            let root = parent.header.state_root;
            let known = WitnessState::new(witness, &root.0, data_buckets).unwrap();
            let mut net_changes = BTreeMap::new();
            for mini in &minis {
                net_changes.extend(mini.diff.entries.iter().copied());
            }
            let net_changes = encoded(&net_changes);
            let update = known.update(pairs(&net_changes)).unwrap();
            assert_eq!(
                B256::from(update.root()),
                block.header.state_root,
                "block {number}"
            );
        }
    }
}

#[test]
fn what_memory_has_lost_is_found_again_from_the_log_in_any_order() {
    for data_buckets in [crate::salt::types::DATA_BUCKETS, 1] {
        let net = busy(data_buckets);
        let chain: &Chain = &net.node.chain;
        let witness = |number| -> Vec<u8> {
            let (block, parent, minis) = records(&net, number);
            let before = chain.view_at(BlockId::number(number - 1)).unwrap();
            block_witness(chain, &block, &parent, &minis, &before).unwrap()
        };
        let fresh: Vec<Vec<u8>> = (1..=4).map(witness).collect();
        let state = chain.commitment.read().state().clone();
        *chain.commitment.write() = History::new(state, 4);
        for number in [4, 3, 4, 1, 2, 3, 1, 4] {
            assert!(witness(number) == fresh[number as usize - 1], "{number}");
        }
    }
}

#[test]
fn a_state_that_the_log_does_not_lead_to_is_not_proven() {
    let net = busy(1);
    let chain: &Chain = &net.node.chain;
    let needs = Needs {
        reads: BTreeSet::from([key(0).to_bytes()]),
        ..Needs::default()
    };
    // As if a block had changed something that its mini-blocks don't show.
    let mut state = chain.commitment.read().state().clone();
    let hidden = [(key(0).to_bytes(), value(&key(0), 1).to_bytes())];
    let update = state.update(pairs(&hidden.to_vec())).unwrap();
    state.apply(&update);
    *chain.commitment.write() = History::new(state, 4);
    assert_eq!(
        prove(chain, 3, &needs).unwrap_err(),
        WitnessError::Gone { block: 3 }
    );
    // The way from genesis does not pass there.
    assert!(prove(chain, 1, &needs).unwrap().is_some());
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
    let growth = Growth::decode_all(&block.commitment).unwrap();
    assert_eq!(Growth::encode_all(&growth), block.commitment);
    assert!(Growth::decode_all(&block.commitment[1..]).is_err());
}

#[test]
fn too_old_a_state_is_not_proven() {
    let net = busy(16);
    let chain = &net.node.chain;
    let needs = Needs {
        reads: BTreeSet::from([key(0).to_bytes()]),
        ..Needs::default()
    };
    assert!(prove(chain, 4, &needs).unwrap().is_some());
    assert_eq!(
        prove(chain, 5, &needs).unwrap_err(),
        WitnessError::Gone { block: 5 }
    );
}

/// What a witness answer holds.
fn unpacked(answer: &serde_json::Value) -> Vec<u8> {
    let text = answer.as_str().unwrap().strip_prefix("v0:").unwrap();
    zstd::decode_all(&from_base64(text)[..]).unwrap()
}

#[test]
fn a_witness_is_served_by_number_and_by_hash() {
    let net = busy(16);
    let chain: &Chain = &net.node.chain;
    let (block, parent, minis) = records(&net, 2);
    let before = chain.view_at(BlockId::number(1)).unwrap();
    let expected = block_witness(chain, &block, &parent, &minis, &before).unwrap();
    let hash = block.hash;
    for params in [
        json!([{"blockNumber": "0x2"}]),
        json!([{"blockNumber": 2, "blockHash": hash}]),
        json!(["2", hash]),
    ] {
        assert_eq!(
            unpacked(&net.get("mega_getBlockWitness", &params)),
            expected
        );
    }
    for params in [json!([{"blockHash": hash}]), json!([])] {
        assert_eq!(net.refusal("mega_getBlockWitness", &params).0, -32602);
    }
}

#[test]
fn a_witness_that_is_not_there_is_refused_with_what_is_wrong() {
    let net = busy(16);
    let (second, ..) = records(&net, 2);
    let unknown = B256::repeat_byte(7);
    for (asked, reason) in [
        (json!({"blockNumber": "0x9"}), "header not found: block 9".to_owned()),
        (
            json!({"blockNumber": "0x2", "blockHash": unknown}),
            format!("header not found: block {unknown:#x}"),
        ),
        (
            json!({"blockNumber": "0x1", "blockHash": second.hash}),
            format!("block {:#x} has number 2, not 1", second.hash),
        ),
        (
            json!({"blockNumber": "0x0"}),
            "block 0 has no witness: the chain begins with it, and nothing was executed; block 1 has the first"
                .to_owned(),
        ),
    ] {
        assert_eq!(
            net.refusal("mega_getBlockWitness", &json!([asked])),
            (-32001, reason)
        );
    }
}

#[test]
fn a_proof_shows_an_account_and_its_slots_under_a_blocks_root() {
    let net = busy(16);
    for (tag, number) in [("latest", 4), ("0x1", 1), ("0x0", 0)] {
        let (slot, unset) = ("0x0", "0xffff");
        let answer = net.get("eth_getProof", &json!([COUNTER, [slot, unset], tag]));
        let salt = &answer["saltProof"];
        assert_eq!(salt["blockNumber"], json!(format!("{number:#x}")));
        let header = &net.node.chain.block(number).unwrap().unwrap().header;
        assert_eq!(salt["stateRoot"], json!(header.state_root));
        let witness = SaltWitness::decode(&unpacked(&salt["witness"])).unwrap();
        let known = WitnessState::new(witness, &header.state_root.0, 16).unwrap();
        for entry in answer["storageProof"].as_array().unwrap() {
            let word: U256 = serde_json::from_value(entry["key"].clone()).unwrap();
            let found = known
                .get(&PlainKey::slot(COUNTER, word).to_bytes())
                .unwrap();
            let shown: U256 = serde_json::from_value(entry["value"].clone()).unwrap();
            let expected = PlainValue::from_slot(shown).to_bytes();
            assert_eq!(found.unwrap_or_default(), expected, "{tag} {word}");
        }
        let account = known.get(COUNTER.as_slice()).unwrap().unwrap();
        assert_eq!(json!(B256::from_slice(&account[40..])), answer["codeHash"]);
    }
    assert_eq!(
        net.refusal("eth_getProof", &json!([COUNTER, [], "0x63"])).0,
        -32001
    );
}
