//! The root of an ordered list that grows at its end, as of a block's transactions and receipts.
//!
//! The trie wants its keys in the order of their bytes. They are RLP numbers, so the order is 1..=127, 0,
//! 128...: only the first item has to wait.
//!
//! Items whose keys differ in the last nibble only are a *group* and hang on one branch. There an item's
//! node doesn't depend on its index. So it is made once, as a [`Leaf`], however many lists the item is in:
//! its mini-block's and its block's.

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{EMPTY_STRING_CODE, Encodable, Header};
use alloy_trie::{HashBuilder, Nibbles, nodes::RlpNode};

/// How many items a group has at most.
const GROUP: usize = 16;
/// The hex prefix of an empty path that ends in a leaf.
const EMPTY_LEAF_PATH: u8 = 0x20;
/// What an RLP list or string may begin with.
const MAX_HEADER: usize = 9;

/// An item with the node that it is in a group of several.
#[derive(Clone, Debug)]
pub struct Leaf {
    item: Bytes,
    node: RlpNode,
}

impl Leaf {
    /// The leaf of an item.
    pub fn new(item: Bytes) -> Self {
        let mut encoded = Vec::with_capacity(item.len() + 2 * MAX_HEADER);
        let payload_length = 1 + item[..].length();
        Header {
            list: true,
            payload_length,
        }
        .encode(&mut encoded);
        encoded.push(EMPTY_LEAF_PATH);
        item[..].encode(&mut encoded);
        let node = RlpNode::from_rlp(&encoded);
        Self { item, node }
    }
}

/// The root of an ordered list that grows at its end.
#[derive(Clone, Debug, Default)]
pub struct OrderedRoot {
    /// All groups but the last one, and the first item once its turn has come.
    upper: HashBuilder,
    count: usize,
    first: Option<Bytes>,
    group: Group,
}

/// The newest items.
#[derive(Clone, Debug, Default)]
struct Group {
    /// The index of the first of them.
    start: usize,
    leaves: Vec<Leaf>,
}

impl OrderedRoot {
    /// Adds an item at the end.
    pub fn push(&mut self, leaf: &Leaf) {
        let index = self.count;
        self.count += 1;
        if index == 0 {
            self.first = Some(leaf.item.clone());
            return;
        }
        if index.is_multiple_of(GROUP) {
            self.group.settle(&mut self.upper);
            self.group.start = index;
            if index == 128 {
                self.settle_first();
            }
        } else if index == 1 {
            self.group.start = index;
        }
        self.group.leaves.push(leaf.clone());
    }

    /// The root of all items.
    pub fn root(&self) -> B256 {
        let mut all = self.clone();
        all.group.settle(&mut all.upper);
        all.settle_first();
        all.upper.root()
    }

    fn settle_first(&mut self) {
        if let Some(first) = self.first.take() {
            self.upper.add_leaf(key(0), &first);
        }
    }
}

impl<'a> FromIterator<&'a Leaf> for OrderedRoot {
    fn from_iter<I: IntoIterator<Item = &'a Leaf>>(leaves: I) -> Self {
        let mut root = Self::default();
        leaves.into_iter().for_each(|leaf| root.push(leaf));
        root
    }
}

impl Group {
    /// Adds the group to those above it, and empties it.
    fn settle(&mut self, upper: &mut HashBuilder) {
        let branch = (self.leaves.len() > 1).then(|| self.branch());
        // Shorter nodes stand in their parents themselves; the builder makes such from their leaves.
        match branch.filter(|node| node.len() >= B256::len_bytes()) {
            Some(node) => {
                let path = key(self.start);
                upper.add_branch(path.slice(..path.len() - 1), keccak256(node), false);
            }
            None => {
                for (index, leaf) in (self.start..).zip(&self.leaves) {
                    upper.add_leaf(key(index), &leaf.item);
                }
            }
        }
        self.leaves.clear();
    }

    /// The group's node: 16 places by the last nibble, and no value.
    fn branch(&self) -> Vec<u8> {
        let nodes = self.leaves.iter().map(|leaf| leaf.node.len());
        let payload_length = GROUP + 1 - self.leaves.len() + nodes.sum::<usize>();
        let mut out = Vec::with_capacity(payload_length + MAX_HEADER);
        Header {
            list: true,
            payload_length,
        }
        .encode(&mut out);
        let before = self.start % GROUP;
        out.resize(out.len() + before, EMPTY_STRING_CODE);
        for leaf in &self.leaves {
            out.extend_from_slice(&leaf.node);
        }
        let behind = GROUP + 1 - before - self.leaves.len();
        out.resize(out.len() + behind, EMPTY_STRING_CODE);
        out
    }
}

fn key(index: usize) -> Nibbles {
    Nibbles::unpack(alloy_rlp::encode_fixed_size(&index))
}
