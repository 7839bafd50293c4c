//! From changed slots to the new root, level by level.
//!
//! A commitment is linear: when a slot changes from `a` to `b` its leaf gains `(b - a) * G[i]`, and when
//! a child's scalar changes so does its parent. All changes of one level are added up before the next
//! is looked at, so that a node is normalised once and neighbours share their inversions. Nothing is
//! read but the nodes that change.

use ark_ff::Zero;
use rayon::prelude::*;

use super::bucket_table::{Resize, SaltError, StateChange};
use super::combs;
use super::fixed_base::Tables;
use super::group::{Fr, Point, Sum, normalize, scalar_to_le, to_scalars};
use super::node::{
    BUCKET_LEVEL, FIRST, MAX_BUCKET_LEVELS, NodeId, ROOT, SEGMENT_LEVEL, ZERO, bucket_levels,
    bucket_node, bucket_of, default_bucket, default_node, index_in_parent, is_main, leaf_node,
    level, levels_capacity, parent, slot_scalar,
};
use super::types::{BUCKETS, BucketId, SLOT_BITS, SaltKey, SaltValue, WIDTH};

/// Fewer products than this are not worth another thread.
const LEAST_PER_THREAD: usize = 32;
/// Fewer are not worth the way to other threads at each level. Who waits for those waits until the machine has a core
/// for them: under load that takes longer than the work.
const LEAST_TO_SHARE: usize = 384;
/// Changed slots that are worth the way to another thread once, from the leaves to the root.
const LEAST_PER_PART: usize = 32;
/// So many for each thread: one that comes late leaves more to the others.
const PARTS_PER_THREAD: usize = 4;
/// From here on products are ordered by generator, whose table then stays in the cache.
const ORDER_BY_GENERATOR: usize = 2048;

/// Where the old nodes come from.
pub trait NodeReader: Sync {
    /// A node's commitment.
    fn node(&self, node: NodeId) -> Result<Point, SaltError>;
    /// How many levels a bucket's own trie has.
    fn levels(&self, bucket: BucketId) -> Result<u8, SaltError>;
}

/// What an update did to the trie.
#[derive(Clone, Debug, Default)]
pub struct TrieChange {
    /// The state root.
    pub root: [u8; 32],
    /// Every changed node and its new commitment, the root included.
    pub nodes: Vec<(NodeId, Point)>,
    /// Buckets whose own tries were built anew: their old nodes are void.
    pub rebuilt: Vec<BucketId>,
    /// Products of a scalar and a generator that it took.
    pub products: usize,
}

/// A state root from the root node.
pub fn root_hash(root: &Point) -> [u8; 32] {
    scalar_to_le(&root.to_scalar())
}

/// `scalar` to be added at a place of a node's vector.
#[derive(Clone, Copy)]
struct Delta {
    node: NodeId,
    index: u8,
    scalar: Fr,
}

/// Deltas of main tries' nodes, and of nodes of buckets' own tries.
type Deltas = (Vec<Delta>, Vec<Delta>);
/// What the root gains, and what was done below it.
type Risen = Result<(Vec<Delta>, TrieChange), SaltError>;

struct Changed {
    node: NodeId,
    /// The commitment whose scalar the parent contains.
    old: Point,
    new: Point,
}

/// Computes the new root and every changed node.
pub fn update<N: NodeReader>(reader: &N, change: &StateChange) -> Result<TrieChange, SaltError> {
    let slots: usize = change.slots.len()
        + change
            .resized
            .values()
            .map(|resize| resize.layout.len())
            .sum::<usize>();
    let plan = Plan {
        reader,
        change,
        tables: Tables::for_products(slots * (BUCKET_LEVEL + 1)),
    };
    let mut result = TrieChange {
        rebuilt: rebuilt(change).map(|(bucket, _)| bucket).collect(),
        ..TrieChange::default()
    };
    let mut at_root = Vec::new();
    for risen in plan.rise_in_parts(plan.slot_deltas()?) {
        let (deltas, part) = risen?;
        at_root.extend(deltas);
        result.nodes.extend(part.nodes);
        result.products += part.products;
    }
    let root = match plan.add(at_root, &mut result)?.first() {
        Some(changed) => changed.new,
        None => reader.node(ROOT)?,
    };
    result.root = root_hash(&root);
    Ok(result)
}

/// Buckets whose own tries get another depth: they are built from nothing.
pub fn rebuilt(change: &StateChange) -> impl Iterator<Item = (BucketId, &Resize)> {
    let resized = change.resized.iter();
    resized
        .map(|(bucket, resize)| (*bucket, resize))
        .filter(|(_, resize)| gets_another_depth(resize))
}

fn gets_another_depth(resize: &Resize) -> bool {
    bucket_levels(resize.old.capacity) != bucket_levels(resize.new.capacity)
}

struct Plan<'a, N> {
    reader: &'a N,
    change: &'a StateChange,
    /// Without tables products are made with combs.
    tables: Option<&'static Tables>,
}

impl<N: NodeReader> Plan<'_, N> {
    fn resize(&self, bucket: BucketId) -> Option<&Resize> {
        self.change.resized.get(&bucket)
    }

    fn is_rebuilt(&self, bucket: BucketId) -> bool {
        self.resize(bucket).is_some_and(gets_another_depth)
    }

    fn new_levels(&self, bucket: BucketId) -> Result<u8, SaltError> {
        match self.resize(bucket) {
            Some(resize) => Ok(bucket_levels(resize.new.capacity)),
            None => self.reader.levels(bucket),
        }
    }

    /// What the leaves gain: those of the main trie, and segments of enlarged buckets.
    fn slot_deltas(&self) -> Result<Deltas, SaltError> {
        let mut slots: Vec<(NodeId, SaltKey, Option<&SaltValue>, Option<&SaltValue>)> = Vec::new();
        let mut last = None;
        for (key, change) in &self.change.slots {
            let bucket = key.bucket();
            let (levels, rebuilt) = match last {
                Some((known, levels, rebuilt)) if known == bucket => (levels, rebuilt),
                _ => (self.new_levels(bucket)?, self.is_rebuilt(bucket)),
            };
            last = Some((bucket, levels, rebuilt));
            if !rebuilt {
                slots.push((
                    leaf_node(*key, levels),
                    *key,
                    change.old.as_ref(),
                    change.new.as_ref(),
                ));
            }
        }
        for (_, resize) in rebuilt(self.change) {
            let levels = bucket_levels(resize.new.capacity);
            slots.extend(
                resize
                    .layout
                    .iter()
                    .map(|(key, value)| (leaf_node(*key, levels), *key, None, Some(value))),
            );
        }
        let metas: Vec<(SaltKey, SaltValue, SaltValue)> = self
            .change
            .resized
            .iter()
            .map(|(bucket, resize)| {
                let (old, new) = (SaltValue::meta(&resize.old), SaltValue::meta(&resize.new));
                (SaltKey::meta_of(*bucket), old, new)
            })
            .collect();
        slots.extend(
            metas
                .iter()
                .map(|(key, old, new)| (leaf_node(*key, 1), *key, Some(old), Some(new))),
        );

        let delta = |(node, key, old, new): (NodeId, SaltKey, _, _)| Delta {
            node,
            index: key.slot() as u8,
            scalar: slot_scalar(new) - slot_scalar(old),
        };
        let deltas: Vec<Delta> = if slots.len() >= LEAST_TO_SHARE {
            let shared = slots.into_par_iter().with_min_len(4 * LEAST_PER_THREAD);
            shared.map(delta).collect()
        } else {
            slots.into_iter().map(delta).collect()
        };
        let (mut main, own): (Vec<Delta>, Vec<Delta>) =
            deltas.into_iter().partition(|delta| is_main(delta.node));
        // A rebuilt bucket's node changes even if the bucket is empty.
        main.extend(rebuilt(self.change).map(|(bucket, _)| Delta {
            node: bucket_node(bucket),
            index: 0,
            scalar: ZERO,
        }));
        Ok((main, own))
    }

    /// Goes up to the root, in several threads if there is enough to do. One of their own pool does whatever none of the
    /// others has begun.
    fn rise_in_parts(&self, (main, own): Deltas) -> Vec<Risen> {
        let parts = (main.len() + own.len()) / LEAST_PER_PART;
        if parts <= 1 {
            return vec![self.rise((main, own))];
        }
        let parts = parts.min(PARTS_PER_THREAD * rayon::current_num_threads());
        split_between_branches(main, own, parts)
            .into_par_iter()
            .with_max_len(1)
            .map(|deltas| self.rise(deltas))
            .collect()
    }

    /// Adds deltas to their nodes, and what those gain to their parents, up to the root's children.
    fn rise(&self, (mut main, mut own): Deltas) -> Risen {
        let mut result = TrieChange::default();
        for _ in (1..=SEGMENT_LEVEL).rev() {
            let changed = self.add(own, &mut result)?;
            own = Vec::new();
            for delta in lift(&changed) {
                let bucket = bucket_of(delta.node);
                let top = usize::from(MAX_BUCKET_LEVELS - self.new_levels(bucket)?);
                if level(delta.node) == top {
                    main.push(Delta {
                        node: bucket_node(bucket),
                        ..delta
                    });
                } else {
                    own.push(delta);
                }
            }
        }
        for _ in 0..BUCKET_LEVEL {
            let changed = self.add(main, &mut result)?;
            main = lift(&changed);
        }
        Ok((main, result))
    }

    /// The commitment to which a node's deltas are added, and the one whose scalar its parent has.
    fn start(&self, node: NodeId) -> Result<(Point, Point), SaltError> {
        if !is_main(node) {
            let bucket = bucket_of(node);
            let fresh = self.is_rebuilt(bucket)
                || self
                    .resize(bucket)
                    .is_some_and(|resize| first_slot(node) >= resize.old.capacity);
            let point = if fresh {
                default_node(node).point
            } else {
                self.reader.node(node)?
            };
            return Ok((point, point));
        }
        let old = self.reader.node(node)?;
        if level(node) == BUCKET_LEVEL {
            let bucket = (node - FIRST[BUCKET_LEVEL]) as BucketId;
            if self.is_rebuilt(bucket) {
                return Ok((default_bucket(self.new_levels(bucket)?).point, old));
            }
        }
        Ok((old, old))
    }

    /// Adds deltas to their nodes.
    fn add(
        &self,
        mut deltas: Vec<Delta>,
        result: &mut TrieChange,
    ) -> Result<Vec<Changed>, SaltError> {
        result.products += deltas.iter().filter(|delta| delta.scalar != ZERO).count();
        let place = |delta: &Delta| (delta.node, delta.index);
        let chunk = if deltas.len() >= LEAST_TO_SHARE {
            deltas.par_sort_unstable_by_key(place);
            let pieces = 4 * rayon::current_num_threads();
            deltas.len().div_ceil(pieces).max(LEAST_PER_THREAD)
        } else {
            deltas.sort_unstable_by_key(place);
            deltas.len()
        };
        let chunks = split_between_nodes(&deltas, chunk);
        let changed: Vec<Vec<Changed>> = match chunks.as_slice() {
            [] => return Ok(Vec::new()),
            [only] => vec![self.add_serially(only)?],
            many => many
                .par_iter()
                .map(|deltas| self.add_serially(deltas))
                .collect::<Result<_, _>>()?,
        };
        let changed: Vec<Changed> = changed.into_iter().flatten().collect();
        result
            .nodes
            .extend(changed.iter().map(|changed| (changed.node, changed.new)));
        Ok(changed)
    }

    fn add_serially(&self, deltas: &[Delta]) -> Result<Vec<Changed>, SaltError> {
        let mut nodes: Vec<(NodeId, Point)> = Vec::new();
        let mut sums: Vec<Sum> = Vec::new();
        let mut products: Vec<(u8, u32, Fr)> = Vec::with_capacity(deltas.len());
        for delta in deltas {
            if nodes.last().is_none_or(|(node, _)| *node != delta.node) {
                let (start, old) = self.start(delta.node)?;
                nodes.push((delta.node, old));
                sums.push(start.to_sum());
            }
            products.push((delta.index, sums.len() as u32 - 1, delta.scalar));
        }
        if products.len() >= ORDER_BY_GENERATOR {
            products.sort_unstable_by_key(|(index, sum, _)| (*index, *sum));
        }
        for (index, sum, scalar) in &products {
            if scalar.is_zero() {
                continue;
            }
            let sum = &mut sums[*sum as usize];
            match self.tables {
                Some(tables) => tables.add_product(sum, *index, scalar),
                None => combs::add_product(sum, *index, scalar),
            }
        }
        Ok(nodes
            .into_iter()
            .zip(normalize(&sums))
            .map(|((node, old), new)| Changed { node, old, new })
            .collect())
    }
}

/// The first slot below a node of a bucket's own trie.
const fn first_slot(node: NodeId) -> u64 {
    let level = level(node);
    let local = node & ((1 << SLOT_BITS) - 1);
    (local - FIRST[level]) * levels_capacity(MAX_BUCKET_LEVELS - level as u8)
}

/// What the parents of changed nodes gain.
fn lift(changed: &[Changed]) -> Vec<Delta> {
    if changed.len() < LEAST_TO_SHARE {
        return lift_serially(changed).collect();
    }
    let pieces = rayon::current_num_threads();
    changed
        .par_chunks(changed.len().div_ceil(pieces).max(4 * LEAST_PER_THREAD))
        .flat_map_iter(lift_serially)
        .collect()
}

fn lift_serially(changed: &[Changed]) -> impl Iterator<Item = Delta> + '_ {
    let points: Vec<Point> = changed
        .iter()
        .flat_map(|changed| [changed.old, changed.new])
        .collect();
    let scalars = to_scalars(&points);
    let lifted = changed.iter().enumerate().map(move |(at, changed)| Delta {
        node: parent(changed.node),
        index: index_in_parent(changed.node),
        scalar: scalars[2 * at + 1] - scalars[2 * at],
    });
    lifted.filter(|delta| delta.scalar != ZERO)
}

/// Divides deltas of leaves among so many parts, none of which touches a node of another below the root.
fn split_between_branches(main: Vec<Delta>, own: Vec<Delta>, parts: usize) -> Vec<Deltas> {
    let mut before = [0; WIDTH + 1];
    for delta in main.iter().chain(&own) {
        before[branch(delta.node) + 1] += 1;
    }
    for at in 1..=WIDTH {
        before[at] += before[at - 1];
    }
    let part_of = |delta: &Delta| before[branch(delta.node)] * parts / before[WIDTH];
    let mut split = vec![(Vec::new(), Vec::new()); parts];
    for delta in main {
        split[part_of(&delta)].0.push(delta);
    }
    for delta in own {
        split[part_of(&delta)].1.push(delta);
    }
    split
}

/// The place in the root's vector below which a leaf lies.
const fn branch(leaf: NodeId) -> usize {
    let bucket = if is_main(leaf) {
        (leaf - FIRST[BUCKET_LEVEL]) as BucketId
    } else {
        bucket_of(leaf)
    };
    (bucket / (BUCKETS / WIDTH as BucketId)) as usize
}

/// Cuts sorted deltas into pieces of about `size`, never within a node.
fn split_between_nodes(mut deltas: &[Delta], size: usize) -> Vec<&[Delta]> {
    let mut pieces = Vec::new();
    while !deltas.is_empty() {
        let mut end = size.min(deltas.len());
        while end < deltas.len() && deltas[end].node == deltas[end - 1].node {
            end += 1;
        }
        let (piece, rest) = deltas.split_at(end);
        pieces.push(piece);
        deltas = rest;
    }
    pieces
}
