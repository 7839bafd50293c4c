//! The state as a specification: roots depend on content alone, nodes commit to what they should, and a
//! witness does whatever the whole state does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::bucket_table::SaltError;
use super::fixed_base::Tables;
use super::group::Point;
use super::node::{
    NodeId, ROOT, bucket_levels, bucket_node, bucket_top, child, default_node, is_main, level,
};
use super::node_rows;
use super::proof::VectorSource;
use super::state::{AccessSet, SaltState, Update};
use super::stateless::WitnessState;
use super::types::{DATA_BUCKETS, META_BUCKETS, SaltKey};

type Batch = Vec<(Vec<u8>, Vec<u8>)>;

fn pairs(batch: &Batch) -> impl Iterator<Item = (&[u8], &[u8])> {
    batch
        .iter()
        .map(|(key, value)| (key.as_slice(), value.as_slice()))
}

fn change(state: &mut SaltState, batch: &Batch) -> Update {
    let update = state.update(pairs(batch)).unwrap();
    state.apply(&update);
    assert_eq!(state.root(), update.root());
    update
}

/// `count` accounts with values made of `salt`.
fn accounts(count: u32, salt: u8) -> Batch {
    (0..count)
        .map(|number| {
            let mut key = vec![0x11; 20];
            key[16..].copy_from_slice(&number.to_be_bytes());
            (key, vec![salt; 40])
        })
        .collect()
}

fn removal(batch: &Batch) -> Batch {
    batch
        .iter()
        .map(|(key, _)| (key.clone(), Vec::new()))
        .collect()
}

/// Recomputes every stored node from its whole vector.
fn assert_nodes_commit_to_their_vectors(state: &SaltState) {
    for (node, _) in state.nodes() {
        let vector = if is_main(node) && level(node) == 3 {
            let bucket = (node - bucket_node(0)) as u32;
            match state.bucket_levels(bucket) {
                1 => state.leaf_vector(node),
                levels => state.inner_vector(child(bucket_top(bucket, levels), 0)),
            }
        } else if level(node) == 4 {
            state.leaf_vector(node)
        } else {
            state.inner_vector(child(node, 0))
        };
        let expected = Point::from_sum(&Tables::shared().commit(&vector));
        assert_eq!(state.commitment(node), expected, "node {node:x}");
    }
}

#[test]
fn an_empty_state_has_the_networks_empty_root() {
    let root = SaltState::default().root();
    assert_eq!(root, super::group::scalar_to_le(&default_node(ROOT).scalar));
    let untouched = SaltState::default().update([]).unwrap();
    assert_eq!(untouched.root(), root);
    assert!(untouched.trie.nodes.is_empty());
}

#[test]
fn what_is_written_is_read() {
    let mut state = SaltState::default();
    let batch = accounts(300, 7);
    change(&mut state, &batch);
    assert_eq!(state.len(), 300);
    for (key, value) in &batch {
        assert_eq!(state.get(key), Some(value.as_slice()));
    }
    assert_eq!(state.get(b"someone else"), None);
    assert_nodes_commit_to_their_vectors(&state);
}

#[test]
fn removing_everything_gives_the_empty_root() {
    let mut state = SaltState::default();
    let batch = accounts(100, 7);
    let empty = state.root();
    change(&mut state, &batch);
    assert_ne!(state.root(), empty);
    change(&mut state, &removal(&batch));
    assert_eq!(state.root(), empty);
    assert!(state.is_empty());
}

#[test]
fn an_update_touches_four_nodes_for_one_key() {
    let mut state = SaltState::default();
    let update = change(&mut state, &accounts(1, 7));
    assert_eq!(update.trie.nodes.len(), 4);
    assert_eq!(update.trie.products, 4);
}

#[test]
fn a_crowded_bucket_doubles_and_its_trie_grows() {
    let mut state = SaltState::new(1);
    let capacity = |state: &SaltState| state.bucket_meta(META_BUCKETS).capacity;
    change(&mut state, &accounts(204, 1));
    assert_eq!(capacity(&state), 256);
    change(&mut state, &accounts(205, 1));
    assert_eq!(capacity(&state), 512);
    assert_eq!(bucket_levels(capacity(&state)), 2);
    assert_nodes_commit_to_their_vectors(&state);
    change(&mut state, &accounts(1000, 1));
    assert_eq!(capacity(&state), 2048);
    assert_nodes_commit_to_their_vectors(&state);
    for (key, value) in accounts(1000, 1) {
        assert_eq!(state.get(&key), Some(value.as_slice()));
    }
}

#[test]
fn a_bucket_of_three_levels_commits_to_its_slots() {
    let mut state = SaltState::new(1);
    change(&mut state, &accounts(60_000, 1));
    assert_eq!(state.bucket_meta(META_BUCKETS).capacity, 1 << 17);
    assert_eq!(state.bucket_levels(META_BUCKETS), 3);
    change(&mut state, &accounts(500, 2));
    assert_nodes_commit_to_their_vectors(&state);
}

#[test]
fn growth_within_a_batch_that_ends_small_is_taken_back() {
    let mut state = SaltState::new(1);
    let first = accounts(200, 1);
    change(&mut state, &first);
    // The first hundred go, another hundred and four come: 304 at some moment, 204 in the end.
    let mut batch = removal(&first[..100].to_vec());
    batch.extend(accounts(304, 1).split_off(200));
    change(&mut state, &batch);
    assert_eq!(state.bucket_meta(META_BUCKETS).capacity, 256);
    assert_nodes_commit_to_their_vectors(&state);

    let mut other = SaltState::new(1);
    let rest: Batch = accounts(304, 1).split_off(100);
    change(&mut other, &rest);
    assert_eq!(state.root(), other.root());
}

#[test]
fn a_bucket_can_be_enlarged_by_hand() {
    let mut state = SaltState::new(2);
    change(&mut state, &accounts(100, 1));
    let bucket = state.bucket_of(&accounts(1, 1)[0].0);
    let update = state.enlarge(bucket, 100_000).unwrap();
    state.apply(&update);
    assert_eq!(state.root(), update.root());
    assert_eq!(state.bucket_meta(bucket).capacity, 1 << 17);
    assert_nodes_commit_to_their_vectors(&state);
    for (key, value) in accounts(100, 1) {
        assert_eq!(state.get(&key), Some(value.as_slice()));
    }
    change(&mut state, &accounts(150, 2));
    assert_nodes_commit_to_their_vectors(&state);
    assert!(matches!(
        state.enlarge(bucket, 256),
        Err(SaltError::Capacity { .. })
    ));
    assert!(matches!(
        state.enlarge(3, 512),
        Err(SaltError::Capacity { .. })
    ));
    // An empty bucket's node changes too.
    let empty = state.enlarge(META_BUCKETS + 77, 512).unwrap();
    state.apply(&empty);
    assert_nodes_commit_to_their_vectors(&state);
}

/// What rows leave of each other, laid over one another in order.
fn folded(rows: &[Vec<u8>]) -> BTreeMap<NodeId, Point> {
    let mut nodes = BTreeMap::new();
    for (node, point) in rows
        .iter()
        .flat_map(|rows| node_rows::read_rows(rows).unwrap())
    {
        match point {
            Some(point) => drop(nodes.insert(node, point)),
            None => drop(nodes.remove(&node)),
        }
    }
    nodes
}

#[test]
fn what_is_kept_of_updates_assembles_the_state() {
    for data_buckets in [2, DATA_BUCKETS] {
        let mut state = SaltState::new(data_buckets);
        let mut known = SaltState::new(data_buckets);
        let mut rows = Vec::new();
        let mut steps = vec![accounts(700, 1), accounts(40, 2), removal(&accounts(30, 1))];
        steps.push(accounts(20, 3));
        for step in &steps {
            let update = state.update(pairs(step)).unwrap();
            let undo = state.apply(&update);
            rows.push(state.kept_since([&undo]));

            let nodes = node_rows::read_rows(&rows[rows.len() - 1]).unwrap();
            let nodes = nodes
                .into_iter()
                .filter_map(|(node, point)| Some((node, point?)))
                .collect();
            let again = known.update_known(pairs(step), nodes).unwrap();
            assert_eq!((again.root(), again.trie.products), (update.root(), 0));
            known.apply(&again);
        }
        let entries: Batch = state
            .entries()
            .map(|(key, value)| (key.to_vec(), value.to_vec()))
            .collect();
        let nodes = folded(&rows);
        let assembled =
            SaltState::assemble(data_buckets, state.metas(), nodes, pairs(&entries)).unwrap();
        for mut other in [assembled, known] {
            assert_eq!(other.root(), state.root());
            let nodes = |state: &SaltState| -> BTreeMap<NodeId, [u8; 64]> {
                state
                    .nodes()
                    .map(|(node, point)| (node, point.to_bytes()))
                    .collect()
            };
            assert_eq!(nodes(&other), nodes(&state));
            let mut state = state.clone();
            let more = accounts(900, 9);
            let (a, b) = (change(&mut state, &more), change(&mut other, &more));
            assert_eq!(a.root(), b.root());
            assert_eq!(a.state, b.state);
        }
    }
}

#[test]
fn damaged_rows_are_refused() {
    let mut state = SaltState::default();
    change(&mut state, &accounts(3, 1));
    let mut rows = state.kept();
    assert!(node_rows::read_rows(&rows[..rows.len() - 1]).is_err());
    let last = rows.len() - 1;
    rows[last] ^= 1;
    assert!(node_rows::read_rows(&rows).is_err());
}

#[test]
fn a_state_is_not_assembled_in_buckets_that_are_too_small() {
    let mut state = SaltState::new(1);
    change(&mut state, &accounts(700, 1));
    let entries: Batch = state
        .entries()
        .map(|(key, value)| (key.to_vec(), value.to_vec()))
        .collect();
    let refused = SaltState::assemble(1, [], state.nodes(), pairs(&entries));
    assert!(matches!(refused, Err(SaltError::Capacity { .. })));
}

/// A witness of what `needs` says, used in place of the state.
fn stateless(state: &SaltState, needs: &AccessSet, data_buckets: u32) -> WitnessState {
    let witness = state.witness(needs).unwrap().unwrap();
    let decoded = super::witness::SaltWitness::decode(&witness.encode()).unwrap();
    assert_eq!(decoded, witness);
    assert_eq!(witness.root().unwrap(), state.root());
    WitnessState::new(decoded, &state.root(), data_buckets).unwrap()
}

#[test]
fn a_witness_tells_known_absent_and_unknown_apart() {
    let mut state = SaltState::default();
    let batch = accounts(10, 1);
    change(&mut state, &batch);
    let (present, absent, other) = (batch[0].0.clone(), vec![9; 20], vec![8; 20]);
    let needs = AccessSet {
        reads: [present.clone(), absent.clone()].into(),
        buckets: [state.bucket_of(&other)].into(),
        ..AccessSet::default()
    };
    let known = stateless(&state, &needs, DATA_BUCKETS);
    assert_eq!(known.get(&present).unwrap(), Some(vec![1; 40]));
    assert_eq!(known.get(&absent).unwrap(), None);
    assert!(matches!(known.get(&other), Err(SaltError::UnknownSlot(_))));
    assert!(matches!(
        known.get(&batch[1].0),
        Err(SaltError::UnknownMeta(_))
    ));
    assert_eq!(known.capacity(state.bucket_of(&other)).unwrap(), 256);
    assert!(matches!(
        known.capacity(META_BUCKETS),
        Err(SaltError::UnknownMeta(_))
    ));
}

#[test]
fn a_needless_witness_does_not_exist() {
    assert!(
        SaltState::default()
            .witness(&AccessSet::default())
            .unwrap()
            .is_none()
    );
}

#[test]
fn no_part_of_a_witness_can_be_changed() {
    let mut state = SaltState::new(3);
    let batch = accounts(700, 1);
    change(&mut state, &batch);
    let needs = AccessSet {
        reads: batch.iter().take(3).map(|(key, _)| key.clone()).collect(),
        ..AccessSet::default()
    };
    let root = state.root();
    let witness = state.witness(&needs).unwrap().unwrap();
    witness.verify(&root).unwrap();
    assert!(witness.verify(&[7; 32]).is_err());

    let first = *witness.slots.keys().find(|key| !key.is_meta()).unwrap();
    let mut hidden = witness.clone();
    hidden.slots.insert(first, None);
    assert!(hidden.verify(&root).is_err());

    let mut moved = witness.clone();
    let value = moved.slots.remove(&first).unwrap();
    moved.slots.insert(SaltKey(first.0 ^ 1), value);
    assert!(moved.verify(&root).is_err());

    let mut shallow = witness.clone();
    shallow.proof.levels.insert(first.bucket(), 1);
    assert!(shallow.verify(&root).is_err());

    let mut missing = witness.clone();
    missing
        .proof
        .commitments
        .remove(&bucket_node(first.bucket()));
    assert!(missing.verify(&root).is_err());

    let mut needless = witness.clone();
    needless
        .proof
        .commitments
        .insert(1 << 60, Point::generator());
    assert!(needless.verify(&root).is_err());

    let mut empty = witness;
    empty.slots.clear();
    assert!(empty.verify(&root).is_err());
}

/// Everything a block did, stateless and with the whole state.
fn assert_stateless_agrees(
    state: &mut SaltState,
    data_buckets: u32,
    writes: &Batch,
    reads: &[Vec<u8>],
) {
    let needs = AccessSet {
        buckets: writes.iter().map(|(key, _)| state.bucket_of(key)).collect(),
        reads: reads.iter().cloned().collect(),
        writes: writes.iter().cloned().collect(),
    };
    if needs.reads.is_empty() && needs.writes.is_empty() {
        return;
    }
    let known = stateless(state, &needs, data_buckets);
    for key in &needs.reads {
        assert_eq!(known.get(key).unwrap().as_deref(), state.get(key));
    }
    let alone = known.update(pairs(writes)).unwrap();
    let whole = change(state, writes);
    assert_eq!(alone.root(), whole.root());
    assert_eq!(alone.state.slots, whole.state.slots);
}

#[test]
fn a_witness_suffices_while_buckets_grow() {
    let mut state = SaltState::new(1);
    for count in [1, 150, 205, 206, 450, 1000] {
        assert_stateless_agrees(&mut state, 1, &accounts(count, count as u8), &[vec![3; 20]]);
    }
    assert_stateless_agrees(&mut state, 1, &removal(&accounts(900, 0)), &[]);
    assert_nodes_commit_to_their_vectors(&state);
}

/// Few enough keys that batches meet each other's.
fn key() -> impl Strategy<Value = Vec<u8>> {
    (0..60u8, any::<bool>()).prop_map(|(number, slot)| vec![number; if slot { 52 } else { 20 }])
}

fn batch() -> impl Strategy<Value = Batch> {
    let value = prop_oneof![
        3 => (1..=255u8).prop_map(|byte| vec![byte; 32]),
        1 => Just(Vec::new()),
    ];
    prop::collection::btree_map(key(), value, 0..40).prop_map(|map| map.into_iter().collect())
}

type Nodes = Vec<(NodeId, Point)>;

/// What comes of batches with so many threads: the state, and the nodes that each batch changed.
fn applied(data_buckets: u32, batches: &[Batch], threads: usize) -> (SaltState, Vec<Nodes>) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(|| {
        let mut state = SaltState::new(data_buckets);
        let changed = batches
            .iter()
            .map(|batch| in_order(change(&mut state, batch).trie.nodes))
            .collect();
        (state, changed)
    })
}

fn in_order(mut nodes: Nodes) -> Nodes {
    nodes.sort_unstable_by_key(|(node, _)| *node);
    nodes
}

#[test]
fn threads_change_the_nodes_that_one_thread_does() {
    for data_buckets in [2, 200_000, DATA_BUCKETS] {
        let mut some = accounts(150, 3);
        some.extend(removal(&accounts(300, 0)).into_iter().skip(250));
        let batches = [accounts(300, 1), accounts(700, 2), some];
        let (alone, changed) = applied(data_buckets, &batches, 1);
        assert_nodes_commit_to_their_vectors(&alone);
        let nodes = in_order(alone.nodes().collect());
        for threads in [2, 5] {
            let (state, changed_too) = applied(data_buckets, &batches, threads);
            assert_eq!(changed_too, changed);
            assert_eq!(in_order(state.nodes().collect()), nodes);
            assert!(state.entries().eq(alone.entries()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_gives_the_same_root(
        batch in batch(),
        cuts in prop::collection::vec(0..40usize, 0..3),
        seed in any::<u64>(),
    ) {
        let mut shuffled = batch.clone();
        shuffled.sort_by_key(|(key, _)| super::hasher::hash_with_nonce(key, seed as u32));
        let mut whole = SaltState::new(4);
        change(&mut whole, &batch);
        let mut pieces = SaltState::new(4);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(shuffled.len())).collect();
        cuts.extend([0, shuffled.len()]);
        cuts.sort_unstable();
        for range in cuts.windows(2) {
            change(&mut pieces, &shuffled[range[0]..range[1]].to_vec());
        }
        prop_assert_eq!(whole.root(), pieces.root());
    }

    #[test]
    fn undoing_a_batch_gives_the_old_root(first in batch(), second in batch()) {
        let mut state = SaltState::new(4);
        change(&mut state, &first);
        let before = state.root();
        let undo: Batch = second
            .iter()
            .map(|(key, _)| (key.clone(), state.get(key).unwrap_or_default().to_vec()))
            .collect();
        change(&mut state, &second);
        change(&mut state, &undo);
        prop_assert_eq!(state.root(), before);
    }

    #[test]
    fn a_state_holds_what_a_map_holds(batches in prop::collection::vec(batch(), 1..5)) {
        let mut state = SaltState::new(2);
        let mut map = BTreeMap::new();
        for batch in &batches {
            change(&mut state, batch);
            for (key, value) in batch {
                if value.is_empty() { map.remove(key) } else { map.insert(key.clone(), value.clone()) };
            }
        }
        let held: BTreeMap<Vec<u8>, Vec<u8>> =
            state.entries().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        prop_assert_eq!(&held, &map);
        let touched: BTreeSet<&Vec<u8>> = batches.iter().flatten().map(|(key, _)| key).collect();
        for key in touched {
            prop_assert_eq!(state.get(key), map.get(key).map(Vec::as_slice));
        }
    }

    #[test]
    fn a_witness_does_what_the_state_does(
        first in batch(),
        second in batch(),
        reads in prop::collection::vec(key(), 0..10),
        data_buckets in prop::sample::select(vec![1, 5, DATA_BUCKETS]),
    ) {
        let mut state = SaltState::new(data_buckets);
        change(&mut state, &first);
        assert_stateless_agrees(&mut state, data_buckets, &second, &reads);
    }
}
