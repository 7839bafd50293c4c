//! The whole state, in memory: every slot, and the commitments of the nodes that were ever touched.
//!
//! [`SaltState::update`] computes what a batch of changes does and changes nothing; until
//! [`SaltState::apply`] the old state can still make witnesses. Untouched nodes and empty buckets take
//! no memory. A key takes some 150 bytes, a touched node some 100.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::bucket_table::{Edits, SaltError, SlotReader, StateChange, layout, search};
use super::group::{Fr, Point};
use super::hasher::bucket_id_among;
use super::node::{
    NodeId, ROOT, bucket_levels, bucket_node, bucket_of, child, default_node, is_main, leaf_start,
    level, parent, slot_scalar,
};
use super::node_rows;
use super::proof::polynomial::Values;
use super::proof::{SaltProof, Slots, VectorSource};
use super::trie::{self, NodeReader, TrieChange, root_hash};
use super::types::{
    BUCKETS, BucketId, BucketMeta, DATA_BUCKETS, MAX_CAPACITY, META_BUCKETS, MIN_CAPACITY,
    SLOT_BITS, SaltKey, SaltValue, WIDTH,
};
use super::witness::SaltWitness;

/// A state.
#[derive(Clone, Debug)]
pub struct SaltState {
    data_buckets: u32,
    slots: BTreeMap<SaltKey, SaltValue>,
    /// Metadata that is not the default.
    metas: HashMap<BucketId, BucketMeta>,
    /// Taken slots of enlarged buckets; small ones are counted when asked.
    used: HashMap<BucketId, u64>,
    main: HashMap<NodeId, Point>,
    /// Nodes of enlarged buckets' own tries.
    own: BTreeMap<NodeId, Point>,
}

impl Default for SaltState {
    fn default() -> Self {
        Self::new(DATA_BUCKETS)
    }
}

/// What a batch of changes does to a state.
#[derive(Clone, Debug)]
pub struct Update {
    /// To the buckets.
    pub state: StateChange,
    /// To the trie, with the new root.
    pub trie: TrieChange,
}

impl Update {
    /// The state root after the update.
    pub const fn root(&self) -> [u8; 32] {
        self.trie.root
    }

    /// Bytes that are kept of the update, besides the plain keys and values, so that the state can be
    /// [assembled](SaltState::assemble) without computing commitments.
    pub fn kept_bytes(&self) -> usize {
        self.state.resized.len() * (size_of::<BucketId>() + BucketMeta::LENGTH)
            + self.trie.nodes.len() * node_rows::ROW
    }
}

/// How to take an applied update back.
#[derive(Clone, Debug, Default)]
pub struct Undo {
    slots: Vec<(SaltKey, Option<SaltValue>)>,
    metas: Vec<(BucketId, BucketMeta)>,
    rebuilt: Vec<BucketId>,
    nodes: Vec<(NodeId, Option<Point>)>,
}

impl Undo {
    /// Bytes that it takes in memory.
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + self.slots.len() * size_of::<(SaltKey, Option<SaltValue>)>()
            + self.metas.len() * size_of::<(BucketId, BucketMeta)>()
            + self.rebuilt.len() * size_of::<BucketId>()
            + self.nodes.len() * size_of::<(NodeId, Option<Point>)>()
    }
}

/// What a block needed of a state, by plain keys.
#[derive(Clone, Debug, Default)]
pub struct AccessSet {
    /// Buckets whose capacity was asked for.
    pub buckets: BTreeSet<BucketId>,
    /// Keys that were read.
    pub reads: BTreeSet<Vec<u8>>,
    /// Keys that were written, with their new values; empty ones were removed.
    pub writes: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl SaltState {
    /// An empty state that spreads keys over so many data buckets.
    ///
    /// The network uses all; fewer let a developer preview a crowded chain.
    pub fn new(data_buckets: u32) -> Self {
        Self {
            data_buckets: data_buckets.clamp(1, DATA_BUCKETS),
            slots: BTreeMap::new(),
            metas: HashMap::new(),
            used: HashMap::new(),
            main: HashMap::new(),
            own: BTreeMap::new(),
        }
    }

    /// How many data buckets keys are spread over.
    pub const fn data_buckets(&self) -> u32 {
        self.data_buckets
    }

    /// The state root.
    pub fn root(&self) -> [u8; 32] {
        root_hash(&self.commitment(ROOT))
    }

    /// How many keys the state holds.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the state holds nothing.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many nodes have a commitment of their own.
    pub fn node_count(&self) -> usize {
        self.main.len() + self.own.len()
    }

    /// Every key and value, in the order of the buckets.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.slots
            .values()
            .map(|value| (value.key(), value.value()))
    }

    /// How many levels a bucket's own trie has.
    pub fn bucket_levels(&self, bucket: BucketId) -> u8 {
        bucket_levels(self.bucket_meta(bucket).capacity)
    }

    /// Bytes that slots and nodes take, without what maps add.
    pub fn memory(&self) -> usize {
        self.slots.len() * (size_of::<SaltKey>() + size_of::<SaltValue>())
            + self.node_count() * (size_of::<NodeId>() + size_of::<Point>())
    }

    /// The value of a plain key.
    pub fn get(&self, plain_key: &[u8]) -> Option<&[u8]> {
        let bucket = self.bucket_of(plain_key);
        let read = |place| Ok(self.slots.get(&place).copied());
        // Reading the whole state does not fail.
        let (place, _) = search(plain_key, bucket, &self.bucket_meta(bucket), read).ok()??;
        self.slots.get(&place).map(SaltValue::value)
    }

    /// A bucket's nonce and capacity.
    pub fn bucket_meta(&self, bucket: BucketId) -> BucketMeta {
        self.metas.get(&bucket).copied().unwrap_or_default()
    }

    /// The bucket of a plain key in this state.
    pub fn bucket_of(&self, plain_key: &[u8]) -> BucketId {
        bucket_id_among(plain_key, self.data_buckets)
    }

    /// Computes what these changes do. An empty value removes its key.
    pub fn update<'c>(
        &self,
        changes: impl IntoIterator<Item = (&'c [u8], &'c [u8])>,
    ) -> Result<Update, SaltError> {
        self.commit(self.edit(changes)?)
    }

    /// What these changes do to the buckets.
    pub(super) fn edit<'c>(
        &self,
        changes: impl IntoIterator<Item = (&'c [u8], &'c [u8])>,
    ) -> Result<StateChange, SaltError> {
        let mut edits = Edits::new(self);
        edits.apply(changes)?;
        edits.finish()
    }

    /// What changed buckets do to the trie.
    pub(super) fn commit(&self, state: StateChange) -> Result<Update, SaltError> {
        let trie = trie::update(self, &state)?;
        Ok(Update { state, trie })
    }

    /// Computes what it does to give a bucket at least this many slots, doubling the ones it has.
    pub fn enlarge(&self, bucket: BucketId, capacity: u64) -> Result<Update, SaltError> {
        let old = self.bucket_meta(bucket);
        let possible = (META_BUCKETS..BUCKETS).contains(&bucket) && capacity <= MAX_CAPACITY;
        if !possible || capacity < old.capacity {
            return Err(SaltError::Capacity { bucket, capacity });
        }
        let mut new = old;
        while new.capacity < capacity {
            new.capacity *= 2;
        }
        self.lay_out(bucket, new)
    }

    /// Computes what it does to lay a bucket out by other metadata, also by what it had earlier.
    pub fn lay_out(&self, bucket: BucketId, new: BucketMeta) -> Result<Update, SaltError> {
        let held = self.bucket_slots(bucket).map(|(_, value)| *value);
        let new_layout = layout(bucket, &new, held);
        if new_layout.len() != self.bucket_slots(bucket).count() {
            let capacity = new.capacity;
            return Err(SaltError::Capacity { bucket, capacity });
        }
        let old = self.bucket_meta(bucket);
        let change = relaid(self, bucket, old, new, new_layout);
        let trie = trie::update(self, &change)?;
        Ok(Update {
            state: change,
            trie,
        })
    }

    /// Makes an update of this state true. Returns how to take it back.
    pub fn apply(&mut self, update: &Update) -> Undo {
        let mut undo = Undo {
            rebuilt: update.trie.rebuilt.clone(),
            ..Undo::default()
        };
        for (place, change) in &update.state.slots {
            match change.new {
                Some(value) => self.slots.insert(*place, value),
                None => self.slots.remove(place),
            };
            let gained = i64::from(change.new.is_some()) - i64::from(change.old.is_some());
            if let Some(used) = self.used.get_mut(&place.bucket()) {
                *used = used.saturating_add_signed(gained);
            }
        }
        undo.slots = update
            .state
            .slots
            .iter()
            .map(|(place, change)| (*place, change.old))
            .collect();
        for (bucket, resize) in &update.state.resized {
            undo.metas.push((*bucket, resize.old));
            self.set_meta(*bucket, resize.new);
        }
        for bucket in &update.trie.rebuilt {
            let gone = self.forget_own_nodes(*bucket);
            undo.nodes
                .extend(gone.into_iter().map(|(node, point)| (node, Some(point))));
        }
        for (node, point) in &update.trie.nodes {
            let old = self.set_node(*node, *point);
            let voided = !is_main(*node) && update.trie.rebuilt.contains(&bucket_of(*node));
            if !voided {
                undo.nodes.push((*node, old));
            }
        }
        undo
    }

    /// Takes the last applied update back.
    pub fn undo(&mut self, undo: &Undo) {
        for (place, old) in &undo.slots {
            let gone = match old {
                Some(value) => self.slots.insert(*place, *value),
                None => self.slots.remove(place),
            };
            let gained = i64::from(old.is_some()) - i64::from(gone.is_some());
            if let Some(used) = self.used.get_mut(&place.bucket()) {
                *used = used.saturating_add_signed(gained);
            }
        }
        for (bucket, old) in &undo.metas {
            self.set_meta(*bucket, *old);
        }
        for bucket in &undo.rebuilt {
            self.forget_own_nodes(*bucket);
        }
        for (node, old) in &undo.nodes {
            match old {
                Some(point) => drop(self.set_node(*node, *point)),
                None if is_main(*node) => drop(self.main.remove(node)),
                None => drop(self.own.remove(node)),
            }
        }
    }

    /// A copy of what witnesses about these buckets are made of. It has the same root.
    ///
    /// [Undoing](Self::undo) what was applied to the whole state leads it back as well, so that the
    /// past can be proven without holding up the present.
    pub fn cut(&self, buckets: &BTreeSet<BucketId>) -> Self {
        let mut cut = Self::new(self.data_buckets);
        let mut parents = BTreeSet::new();
        for bucket in buckets {
            let metadata = bucket / WIDTH as BucketId;
            for mut node in [bucket_node(*bucket), bucket_node(metadata)] {
                while node != ROOT {
                    node = parent(node);
                    parents.insert(node);
                }
            }
            let place = SaltKey::new(*bucket, 0);
            cut.slots.extend(
                self.bucket_slots(*bucket)
                    .map(|(place, value)| (*place, *value)),
            );
            if !place.is_meta() {
                let own = self.own_nodes(*bucket);
                cut.own.extend(own.map(|(node, point)| (*node, *point)));
            }
            for neighbour in metadata * WIDTH as BucketId..(metadata + 1) * WIDTH as BucketId {
                if let Some(meta) = self.metas.get(&neighbour) {
                    cut.metas.insert(neighbour, *meta);
                }
                if let Some(used) = self.used.get(&neighbour) {
                    cut.used.insert(neighbour, *used);
                }
            }
        }
        cut.main.extend(self.main.get_key_value(&ROOT));
        for parent in parents {
            for index in 0..=u8::MAX {
                cut.main
                    .extend(self.main.get_key_value(&child(parent, index)));
            }
        }
        cut
    }

    /// The buckets that these needs concern.
    pub fn buckets_of(&self, needs: &AccessSet) -> BTreeSet<BucketId> {
        let keys = needs.reads.iter().chain(needs.writes.keys());
        keys.map(|key| self.bucket_of(key))
            .chain(needs.buckets.iter().copied())
            .collect()
    }

    /// A state of these keys whose buckets have at least these capacities.
    pub fn build<'c>(
        data_buckets: u32,
        metas: impl IntoIterator<Item = (BucketId, BucketMeta)>,
        entries: impl IntoIterator<Item = (&'c [u8], &'c [u8])>,
    ) -> Result<Self, SaltError> {
        let mut state = Self::new(data_buckets);
        for (bucket, meta) in metas {
            let update = state.enlarge(bucket, meta.capacity)?;
            state.apply(&update);
        }
        let update = state.update(entries)?;
        state.apply(&update);
        Ok(state)
    }

    /// A state whose metadata and nodes are known: lays keys out and computes no commitment.
    ///
    /// Keys come once each, none is empty.
    pub fn assemble<'c>(
        data_buckets: u32,
        metas: impl IntoIterator<Item = (BucketId, BucketMeta)>,
        nodes: impl IntoIterator<Item = (NodeId, Point)>,
        entries: impl IntoIterator<Item = (&'c [u8], &'c [u8])>,
    ) -> Result<Self, SaltError> {
        let mut state = Self::new(data_buckets);
        for (node, point) in nodes {
            state.set_node(node, point);
        }
        for (bucket, meta) in metas {
            state.set_meta(bucket, meta);
        }
        let mut buckets: HashMap<BucketId, Vec<SaltValue>> = HashMap::new();
        for (key, value) in entries {
            let joined =
                SaltValue::new(key, value).ok_or(SaltError::TooLong(key.len() + value.len()))?;
            let bucket = state.bucket_of(key);
            buckets.entry(bucket).or_default().push(joined);
        }
        for (bucket, values) in buckets {
            let meta = state.bucket_meta(bucket);
            let count = values.len();
            let layout = layout(bucket, &meta, values);
            if layout.len() != count {
                let capacity = meta.capacity;
                return Err(SaltError::Capacity { bucket, capacity });
            }
            state.slots.extend(layout);
            state.set_meta(bucket, meta);
        }
        Ok(state)
    }

    /// The nodes with a commitment of their own.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, Point)> {
        let nodes = self.main.iter().chain(self.own.iter());
        nodes.map(|(node, point)| (*node, *point))
    }

    /// What is kept of all nodes.
    pub fn kept(&self) -> Vec<u8> {
        self.rows(self.main.keys().chain(self.own.keys()))
    }

    /// What is kept of the nodes that updates have changed, given how to take back the newest updates.
    pub fn kept_since<'u>(&self, undone: impl IntoIterator<Item = &'u Undo>) -> Vec<u8> {
        let mut nodes = BTreeSet::new();
        for undo in undone {
            nodes.extend(undo.nodes.iter().map(|(node, _)| *node));
            for bucket in &undo.rebuilt {
                nodes.extend(self.own_nodes(*bucket).map(|(node, _)| *node));
            }
        }
        self.rows(&nodes)
    }

    fn rows<'n>(&self, nodes: impl IntoIterator<Item = &'n NodeId>) -> Vec<u8> {
        let mut rows = Vec::new();
        for node in nodes {
            node_rows::put_row(&mut rows, *node, self.stored(*node));
        }
        rows
    }

    /// What these changes do, where the nodes that they change are known: computes no commitment.
    pub fn update_known<'c>(
        &self,
        changes: impl IntoIterator<Item = (&'c [u8], &'c [u8])>,
        nodes: Vec<(NodeId, Point)>,
    ) -> Result<Update, SaltError> {
        let state = self.edit(changes)?;
        let root = nodes.iter().rfind(|(node, _)| *node == ROOT);
        let root = root.map_or_else(|| self.commitment(ROOT), |(_, point)| *point);
        let trie = TrieChange {
            root: root_hash(&root),
            rebuilt: trie::rebuilt(&state).map(|(bucket, _)| bucket).collect(),
            nodes,
            products: 0,
        };
        Ok(Update { state, trie })
    }

    /// Makes the witness of what a block needed; `None` if it needed nothing.
    pub fn witness(&self, needs: &AccessSet) -> Result<Option<SaltWitness>, SaltError> {
        let keys = self.needed_slots(needs)?;
        let Some(proof) = SaltProof::create(&keys, self) else {
            return Ok(None);
        };
        let slots: Slots = keys.into_iter().map(|key| (key, self.held(key))).collect();
        Ok(Some(SaltWitness { slots, proof }))
    }

    /// The slots that a checker will look at when it reads and writes the same keys.
    fn needed_slots(&self, needs: &AccessSet) -> Result<BTreeSet<SaltKey>, SaltError> {
        let mut keys: BTreeSet<SaltKey> = needs
            .buckets
            .iter()
            .map(|bucket| SaltKey::meta_of(*bucket))
            .collect();
        let mut plain = Edits::new(self);
        let mut recorder = Edits::recording(self);
        for key in &needs.reads {
            match plain.find(key)? {
                // A key that is there needs only its slot ...
                Some((place, _)) => drop(keys.insert(place)),
                // ... one that is not, all slots where it could be.
                None => drop(recorder.get(key)?),
            }
        }
        let mut moving = Vec::new();
        for (key, value) in &needs.writes {
            match plain.find(key)? {
                Some((place, _)) if !value.is_empty() => drop(keys.insert(place)),
                _ => moving.push((key, value)),
            }
        }
        for (key, value) in moving {
            recorder.set(key, value)?;
        }
        keys.append(&mut recorder.touched());
        Ok(keys)
    }

    /// What a slot, of data or metadata, holds; metadata is never absent.
    fn held(&self, key: SaltKey) -> Option<SaltValue> {
        match key.described() {
            Some(bucket) => Some(SaltValue::meta(&self.bucket_meta(bucket))),
            None => self.slots.get(&key).copied(),
        }
    }

    /// All metadata that is not the default.
    pub fn metas(&self) -> Vec<(BucketId, BucketMeta)> {
        let mut metas: Vec<_> = self
            .metas
            .iter()
            .map(|(bucket, meta)| (*bucket, *meta))
            .collect();
        metas.sort_unstable_by_key(|(bucket, _)| *bucket);
        metas
    }

    /// What taken slots hold, from one to another.
    pub(super) fn slots_between(
        &self,
        first: SaltKey,
        last: SaltKey,
    ) -> impl Iterator<Item = &SaltValue> {
        self.slots.range(first..=last).map(|(_, value)| value)
    }

    /// The taken slots of a bucket.
    fn bucket_slots(&self, bucket: BucketId) -> impl Iterator<Item = (&SaltKey, &SaltValue)> {
        self.slots
            .range(SaltKey::new(bucket, 0)..=SaltKey::new(bucket, MAX_CAPACITY - 1))
    }

    fn set_meta(&mut self, bucket: BucketId, meta: BucketMeta) {
        if meta == BucketMeta::default() {
            self.metas.remove(&bucket);
        } else {
            self.metas.insert(bucket, meta);
        }
        if meta.capacity > MIN_CAPACITY {
            let used = self.bucket_slots(bucket).count() as u64;
            self.used.insert(bucket, used);
        } else {
            self.used.remove(&bucket);
        }
    }

    fn set_node(&mut self, node: NodeId, point: Point) -> Option<Point> {
        if is_main(node) {
            self.main.insert(node, point)
        } else {
            self.own.insert(node, point)
        }
    }

    fn own_nodes(&self, bucket: BucketId) -> impl Iterator<Item = (&NodeId, &Point)> {
        let first = NodeId::from(bucket) << SLOT_BITS;
        self.own.range(first..first + (1 << SLOT_BITS))
    }

    fn forget_own_nodes(&mut self, bucket: BucketId) -> Vec<(NodeId, Point)> {
        let gone: Vec<(NodeId, Point)> = self
            .own_nodes(bucket)
            .map(|(node, point)| (*node, *point))
            .collect();
        for (node, _) in &gone {
            self.own.remove(node);
        }
        gone
    }

    fn stored(&self, node: NodeId) -> Option<&Point> {
        if is_main(node) {
            self.main.get(&node)
        } else {
            self.own.get(&node)
        }
    }
}

/// A bucket laid out anew, as a change of the state.
fn relaid(
    state: &SaltState,
    bucket: BucketId,
    old: BucketMeta,
    new: BucketMeta,
    layout: BTreeMap<SaltKey, SaltValue>,
) -> StateChange {
    use super::bucket_table::{Resize, SlotChange};
    let mut change = StateChange::default();
    if old == new {
        return change;
    }
    let before: BTreeMap<SaltKey, SaltValue> = state
        .bucket_slots(bucket)
        .map(|(place, value)| (*place, *value))
        .collect();
    for place in before.keys().chain(layout.keys()) {
        let (old, new) = (before.get(place).copied(), layout.get(place).copied());
        if old != new {
            change.slots.insert(*place, SlotChange { old, new });
        }
    }
    change.resized.insert(bucket, Resize { old, new, layout });
    change
}

impl SlotReader for SaltState {
    fn bucket_of(&self, plain_key: &[u8]) -> BucketId {
        Self::bucket_of(self, plain_key)
    }

    fn slot(&self, key: SaltKey) -> Result<Option<SaltValue>, SaltError> {
        Ok(self.slots.get(&key).copied())
    }

    fn meta(&self, bucket: BucketId) -> Result<BucketMeta, SaltError> {
        Ok(self.bucket_meta(bucket))
    }

    fn used(&self, bucket: BucketId) -> Option<u64> {
        let counted = self.used.get(&bucket).copied();
        Some(counted.unwrap_or_else(|| self.bucket_slots(bucket).count() as u64))
    }
}

impl NodeReader for SaltState {
    fn node(&self, node: NodeId) -> Result<Point, SaltError> {
        Ok(self.commitment(node))
    }

    fn levels(&self, bucket: BucketId) -> Result<u8, SaltError> {
        Ok(self.bucket_levels(bucket))
    }
}

impl VectorSource for SaltState {
    fn levels(&self, bucket: BucketId) -> u8 {
        self.bucket_levels(bucket)
    }

    fn commitment(&self, node: NodeId) -> Point {
        self.stored(node)
            .copied()
            .unwrap_or_else(|| default_node(node).point)
    }

    fn leaf_vector(&self, leaf: NodeId) -> Box<Values> {
        let start = leaf_start(leaf);
        let mut vector = if start.is_meta() {
            let default = slot_scalar(Some(&SaltValue::meta(&BucketMeta::default())));
            let mut vector = Box::new([default; WIDTH]);
            let first = start.bucket() * WIDTH as BucketId;
            for (value, bucket) in vector.iter_mut().zip(first..) {
                if let Some(meta) = self.metas.get(&bucket) {
                    *value = slot_scalar(Some(&SaltValue::meta(meta)));
                }
            }
            return vector;
        } else {
            Box::new([slot_scalar(None); WIDTH])
        };
        let end = SaltKey(start.0 + WIDTH as u64);
        for (key, value) in self.slots.range(start..end) {
            vector[key.slot() as usize % WIDTH] = slot_scalar(Some(value));
        }
        vector
    }

    fn inner_vector(&self, first_child: NodeId) -> Box<Values> {
        let mut vector: Box<Values> = Box::new([default_node(first_child).scalar; WIDTH]);
        if is_main(first_child) && level(first_child) == 1 {
            // The root's first child covers the metadata, the others data.
            vector[1..].fill(default_node(first_child + 1).scalar);
        }
        let mut places = Vec::new();
        let mut points = Vec::new();
        for (place, child) in (first_child..).take(WIDTH).enumerate() {
            if let Some(point) = self.stored(child) {
                places.push(place);
                points.push(*point);
            }
        }
        let scalars: Vec<Fr> = super::group::to_scalars(&points);
        for (place, scalar) in places.into_iter().zip(scalars) {
            vector[place] = scalar;
        }
        vector
    }
}
