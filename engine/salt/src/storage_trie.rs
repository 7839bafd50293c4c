//! One account's storage as Ethereum keeps it: the Merkle-Patricia trie behind `withdrawalsRoot`.
//!
//! The header commits to the storage of the contract that collects withdrawals in this older form, so
//! that layer 1 can check it. A trie may be whole, or known only along some paths, from a witness; a
//! change that would need an unknown part is refused.

use alloy_primitives::keccak256;
use alloy_rlp::{Encodable, Header};

/// Hashed keys have 64 half-bytes.
const KEY_NIBBLES: usize = 64;

/// Why a trie cannot be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrieError {
    /// The node at this path of half-bytes is not in the witness.
    #[error("the node at path {0:x?} is not in the witness")]
    Unknown(Vec<u8>),
    /// Bytes that hash to what is wanted, and yet are no node.
    #[error("a node of the witness is not a trie node")]
    Malformed,
}

/// What a store of nodes would have to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Nodes, without those that are part of their parents.
    pub nodes: usize,
    /// Their encodings, and their paths as keys.
    pub bytes: usize,
}

/// A storage trie.
#[derive(Clone, Debug, Default)]
pub struct StorageTrie {
    root: Node,
}

#[derive(Clone, Debug, Default)]
enum Node {
    #[default]
    Empty,
    /// Only its hash is known.
    Unknown([u8; 32]),
    Known(Box<Known>),
}

#[derive(Clone, Debug)]
struct Known {
    kind: Kind,
    /// How the parent refers to the node, once computed: its hash, or itself if it is short.
    reference: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Kind {
    Leaf { path: Vec<u8>, value: Vec<u8> },
    Extension { path: Vec<u8>, child: Node },
    Branch { children: Box<[Node; 16]> },
}

impl From<Kind> for Node {
    fn from(kind: Kind) -> Self {
        Self::Known(Box::new(Known {
            kind,
            reference: None,
        }))
    }
}

impl StorageTrie {
    /// The trie with this root, as far as the given nodes tell.
    ///
    /// Without the root's own node only the root itself is known. That suffices where nobody opens the
    /// trie: it has the root that it had, and every change is refused.
    pub fn from_nodes<'a>(
        root: [u8; 32],
        nodes: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, TrieError> {
        if root == empty_root() {
            return Ok(Self::default());
        }
        let nodes = nodes
            .into_iter()
            .map(|node| (keccak256(node).0, node))
            .collect();
        let root = reveal(&nodes, root, 0)?;
        Ok(Self { root })
    }

    /// The storage root.
    pub fn root(&mut self) -> [u8; 32] {
        match &mut self.root {
            Node::Empty => empty_root(),
            Node::Unknown(hash) => *hash,
            Node::Known(known) => keccak256(encode(known)).0,
        }
    }

    /// Computes what changed since the last time, and tells how much that is.
    pub fn commit(&mut self) -> Written {
        let mut written = Written::default();
        settle(&mut self.root, 0, &mut written);
        written
    }

    /// Sets a slot, both big-endian; zero removes it.
    pub fn set(&mut self, slot: &[u8; 32], word: &[u8; 32]) -> Result<(), TrieError> {
        let path = nibbles(&keccak256(slot).0);
        let significant = word
            .iter()
            .position(|byte| *byte != 0)
            .map(|first| &word[first..]);
        let root = std::mem::take(&mut self.root);
        let (root, result) = match significant {
            Some(digits) => {
                let mut value = Vec::with_capacity(33);
                digits.encode(&mut value);
                insert(root, &path, 0, value)
            }
            None => remove(root, &path, 0),
        };
        self.root = root;
        result
    }

    /// The root's own node; nothing if the trie is empty.
    pub fn root_node(&mut self) -> Result<Option<Vec<u8>>, TrieError> {
        match self.root {
            Node::Empty => Ok(None),
            _ => self.node_at(&[]).map(Some),
        }
    }

    /// The encoded nodes from which a checker can find the root after these changes. The root's own is
    /// always among them, also without changes.
    pub fn witness(&mut self, changes: &[([u8; 32], [u8; 32])]) -> Result<Vec<Vec<u8>>, TrieError> {
        let root = self.root();
        let Some(node) = self.root_node()? else {
            return Ok(Vec::new());
        };
        let mut nodes = vec![node];
        loop {
            let mut partial = Self::from_nodes(root, nodes.iter().map(Vec::as_slice))?;
            match changes
                .iter()
                .try_for_each(|(slot, word)| partial.set(slot, word))
            {
                Ok(()) => return Ok(nodes),
                Err(TrieError::Unknown(path)) => nodes.push(self.node_at(&path)?),
                Err(error) => return Err(error),
            }
        }
    }

    /// The encoding of the node at a path.
    fn node_at(&mut self, path: &[u8]) -> Result<Vec<u8>, TrieError> {
        let unknown = || TrieError::Unknown(path.to_vec());
        let mut node = &mut self.root;
        let mut rest = path;
        loop {
            let Node::Known(known) = node else {
                return Err(unknown());
            };
            if rest.is_empty() {
                return Ok(encode(known));
            }
            node = match &mut known.kind {
                Kind::Leaf { .. } => return Err(unknown()),
                Kind::Extension { path, child } => {
                    rest = rest.strip_prefix(path.as_slice()).ok_or_else(unknown)?;
                    child
                }
                Kind::Branch { children } => {
                    let (first, others) = rest.split_first().ok_or_else(unknown)?;
                    rest = others;
                    children.get_mut(usize::from(*first)).ok_or_else(unknown)?
                }
            };
        }
    }
}

/// The root of a trie without keys: the hash of an empty string's encoding.
pub fn empty_root() -> [u8; 32] {
    keccak256([alloy_rlp::EMPTY_STRING_CODE]).0
}

type Outcome = (Node, Result<(), TrieError>);

/// Puts a value under `path[at..]` of a node. On failure the node comes back as it was.
fn insert(node: Node, path: &[u8], at: usize, value: Vec<u8>) -> Outcome {
    let rest = &path[at..];
    let known = match node {
        Node::Empty => {
            return (
                Kind::Leaf {
                    path: rest.to_vec(),
                    value,
                }
                .into(),
                Ok(()),
            );
        }
        Node::Unknown(_) => return (node, Err(TrieError::Unknown(path[..at].to_vec()))),
        Node::Known(known) => *known,
    };
    match known.kind {
        Kind::Leaf {
            path: leaf,
            value: old,
        } => {
            if leaf == rest {
                return (Kind::Leaf { path: leaf, value }.into(), Ok(()));
            }
            let shared = shared_prefix(&leaf, rest);
            let mut children: Box<[Node; 16]> = Box::default();
            children[usize::from(leaf[shared])] = Kind::Leaf {
                path: leaf[shared + 1..].to_vec(),
                value: old,
            }
            .into();
            children[usize::from(rest[shared])] = Kind::Leaf {
                path: rest[shared + 1..].to_vec(),
                value,
            }
            .into();
            (
                extend(&rest[..shared], Kind::Branch { children }.into()),
                Ok(()),
            )
        }
        Kind::Extension { path: way, child } => {
            let shared = shared_prefix(&way, rest);
            if shared == way.len() {
                let (child, result) = insert(child, path, at + shared, value);
                return (
                    changed(
                        Kind::Extension { path: way, child },
                        known.reference,
                        &result,
                    ),
                    result,
                );
            }
            let mut children: Box<[Node; 16]> = Box::default();
            children[usize::from(way[shared])] = extend(&way[shared + 1..], child);
            children[usize::from(rest[shared])] = Kind::Leaf {
                path: rest[shared + 1..].to_vec(),
                value,
            }
            .into();
            (
                extend(&rest[..shared], Kind::Branch { children }.into()),
                Ok(()),
            )
        }
        Kind::Branch { mut children } => {
            let place = &mut children[usize::from(rest[0])];
            let (child, result) = insert(std::mem::take(place), path, at + 1, value);
            *place = child;
            (
                changed(Kind::Branch { children }, known.reference, &result),
                result,
            )
        }
    }
}

/// Removes what lies under `path[at..]` of a node. On failure the node comes back as it was.
fn remove(node: Node, path: &[u8], at: usize) -> Outcome {
    let rest = &path[at..];
    let known = match node {
        Node::Empty => return (node, Ok(())),
        Node::Unknown(_) => return (node, Err(TrieError::Unknown(path[..at].to_vec()))),
        Node::Known(known) => *known,
    };
    match known.kind {
        Kind::Leaf { path: leaf, .. } if leaf == rest => (Node::Empty, Ok(())),
        Kind::Extension { path: way, child } if rest.starts_with(&way) => {
            let (child, result) = remove(child, path, at + way.len());
            if result.is_err() {
                let kind = Kind::Extension { path: way, child };
                return (changed(kind, known.reference, &result), result);
            }
            (extend(&way, child), result)
        }
        Kind::Branch { mut children } => {
            let index = usize::from(rest[0]);
            let before = children[index].clone();
            let (child, result) = remove(std::mem::take(&mut children[index]), path, at + 1);
            let emptied = matches!(child, Node::Empty);
            children[index] = child;
            let mut left = (0..16).filter(|place| !matches!(children[*place], Node::Empty));
            if let (true, Some(only), None) = (emptied, left.next(), left.next()) {
                if matches!(children[only], Node::Unknown(_)) {
                    // The child would be joined with what led here, and its kind is not known.
                    children[index] = before;
                    let mut unknown = path[..at].to_vec();
                    unknown.push(only as u8);
                    let result = Err(TrieError::Unknown(unknown));
                    return (
                        changed(Kind::Branch { children }, known.reference, &result),
                        result,
                    );
                }
                return (
                    extend(&[only as u8], std::mem::take(&mut children[only])),
                    result,
                );
            }
            (
                changed(Kind::Branch { children }, known.reference, &result),
                result,
            )
        }
        kind => (
            Node::Known(Box::new(Known {
                kind,
                reference: known.reference,
            })),
            Ok(()),
        ),
    }
}

/// A node whose child was worked on; if in vain, what was computed of it still holds.
fn changed(kind: Kind, reference: Option<Vec<u8>>, result: &Result<(), TrieError>) -> Node {
    Node::Known(Box::new(Known {
        kind,
        reference: reference.filter(|_| result.is_err()),
    }))
}

/// A node reached by a further path, joined with the path it has itself.
fn extend(way: &[u8], child: Node) -> Node {
    if way.is_empty() {
        return child;
    }
    let join = |path: &[u8]| [way, path].concat();
    match child {
        Node::Empty => Node::Empty,
        Node::Known(known) => match known.kind {
            Kind::Leaf { path, value } => Kind::Leaf {
                path: join(&path),
                value,
            }
            .into(),
            Kind::Extension { path, child } => Kind::Extension {
                path: join(&path),
                child,
            }
            .into(),
            kind @ Kind::Branch { .. } => {
                let child = Node::Known(Box::new(Known {
                    kind,
                    reference: known.reference,
                }));
                Kind::Extension {
                    path: way.to_vec(),
                    child,
                }
                .into()
            }
        },
        unknown @ Node::Unknown(_) => Kind::Extension {
            path: way.to_vec(),
            child: unknown,
        }
        .into(),
    }
}

fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn nibbles(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .collect()
}

/// A path with its length's parity and whether it ends at a leaf ("hex prefix").
fn compact(path: &[u8], leaf: bool) -> Vec<u8> {
    let flag = if leaf { 2 } else { 0 };
    let (first, rest) = match path {
        [first, rest @ ..] if path.len() % 2 == 1 => (((flag + 1) << 4) | first, rest),
        _ => (flag << 4, path),
    };
    [first]
        .into_iter()
        .chain(rest.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]))
        .collect()
}

fn parse_compact(bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (first, rest) = bytes.split_first()?;
    let (flag, digit) = (first >> 4, first & 15);
    let mut path = Vec::with_capacity(2 * bytes.len());
    match flag {
        1 | 3 => path.push(digit),
        0 | 2 if digit == 0 => {}
        _ => return None,
    }
    path.extend(nibbles(rest));
    Some((path, flag >= 2))
}

/// The RLP of a node.
fn encode(known: &mut Known) -> Vec<u8> {
    let mut payload = Vec::new();
    match &mut known.kind {
        Kind::Leaf { path, value } => {
            compact(path, true).as_slice().encode(&mut payload);
            value.as_slice().encode(&mut payload);
        }
        Kind::Extension { path, child } => {
            compact(path, false).as_slice().encode(&mut payload);
            payload.extend_from_slice(&reference(child));
        }
        Kind::Branch { children } => {
            for child in children.iter_mut() {
                payload.extend_from_slice(&reference(child));
            }
            payload.push(alloy_rlp::EMPTY_STRING_CODE);
        }
    }
    let mut encoded = Vec::with_capacity(payload.len() + 3);
    Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(&mut encoded);
    encoded.extend_from_slice(&payload);
    encoded
}

/// Computes the references that are missing below a node, and counts the nodes that lacked theirs.
fn settle(node: &mut Node, depth: usize, written: &mut Written) {
    let Node::Known(known) = node else { return };
    if known.reference.is_some() {
        return;
    }
    match &mut known.kind {
        Kind::Leaf { .. } => {}
        Kind::Extension { path, child } => settle(child, depth + path.len(), written),
        Kind::Branch { children } => {
            for child in children.iter_mut() {
                settle(child, depth + 1, written);
            }
        }
    }
    let encoded = encode(known);
    if encoded.len() >= 32 || depth == 0 {
        written.nodes += 1;
        written.bytes += encoded.len() + 1 + depth / 2;
    }
    known.reference = Some(refer(encoded));
}

/// How a parent's encoding contains a node.
fn reference(node: &mut Node) -> Vec<u8> {
    match node {
        Node::Empty => vec![alloy_rlp::EMPTY_STRING_CODE],
        Node::Unknown(hash) => hashed(hash),
        Node::Known(known) => {
            if known.reference.is_none() {
                known.reference = Some(refer(encode(known)));
            }
            known.reference.clone().unwrap_or_default()
        }
    }
}

/// The reference to a node with this encoding.
fn refer(encoded: Vec<u8>) -> Vec<u8> {
    if encoded.len() < 32 {
        encoded
    } else {
        hashed(&keccak256(encoded).0)
    }
}

/// The reference to a node by its hash.
fn hashed(hash: &[u8; 32]) -> Vec<u8> {
    let mut reference = Vec::with_capacity(33);
    hash.as_slice().encode(&mut reference);
    reference
}

type NodesByHash<'a> = std::collections::HashMap<[u8; 32], &'a [u8]>;

fn reveal(nodes: &NodesByHash<'_>, hash: [u8; 32], depth: usize) -> Result<Node, TrieError> {
    let Some(encoded) = nodes.get(&hash) else {
        return Ok(Node::Unknown(hash));
    };
    let mut rest = *encoded;
    let node = parse(nodes, &mut rest, depth)?;
    if rest.is_empty() {
        Ok(node)
    } else {
        Err(TrieError::Malformed)
    }
}

/// Reads a node's list; paths add up to the length of a key and no further.
fn parse(nodes: &NodesByHash<'_>, bytes: &mut &[u8], depth: usize) -> Result<Node, TrieError> {
    let malformed = |_| TrieError::Malformed;
    let mut payload = Header::decode_bytes(bytes, true).map_err(malformed)?;
    let mut items = Vec::with_capacity(17);
    while !payload.is_empty() {
        let start = payload;
        let header = Header::decode(&mut payload).map_err(malformed)?;
        payload = payload
            .get(header.payload_length..)
            .ok_or(TrieError::Malformed)?;
        items.push(&start[..start.len() - payload.len()]);
    }
    let kind = match items.as_slice() {
        [path, rest] => {
            let (path, leaf) = parse_compact(string(path)?).ok_or(TrieError::Malformed)?;
            let depth = depth + path.len();
            match leaf {
                true if depth == KEY_NIBBLES => Kind::Leaf {
                    path,
                    value: string(rest)?.to_vec(),
                },
                false if depth < KEY_NIBBLES && !path.is_empty() => Kind::Extension {
                    path,
                    child: parse_child(nodes, rest, depth)?,
                },
                _ => return Err(TrieError::Malformed),
            }
        }
        [branches @ .., value] if branches.len() == 16 && depth < KEY_NIBBLES => {
            if !string(value)?.is_empty() {
                return Err(TrieError::Malformed);
            }
            let mut children: Box<[Node; 16]> = Box::default();
            for (child, item) in children.iter_mut().zip(branches) {
                *child = parse_child(nodes, item, depth + 1)?;
            }
            Kind::Branch { children }
        }
        _ => return Err(TrieError::Malformed),
    };
    Ok(kind.into())
}

fn parse_child(nodes: &NodesByHash<'_>, item: &[u8], depth: usize) -> Result<Node, TrieError> {
    if item
        .first()
        .is_some_and(|first| *first >= alloy_rlp::EMPTY_LIST_CODE)
    {
        return parse(nodes, &mut { item }, depth);
    }
    match string(item)? {
        [] => Ok(Node::Empty),
        hash => reveal(
            nodes,
            hash.try_into().map_err(|_| TrieError::Malformed)?,
            depth,
        ),
    }
}

fn string(mut item: &[u8]) -> Result<&[u8], TrieError> {
    Header::decode_bytes(&mut item, false).map_err(|_| TrieError::Malformed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use alloy_trie::{HashBuilder, Nibbles};
    use proptest::prelude::*;

    use super::*;

    fn slot(number: u16) -> [u8; 32] {
        let mut slot = [0; 32];
        slot[30..].copy_from_slice(&number.to_be_bytes());
        slot
    }

    fn word(byte: u8) -> [u8; 32] {
        let mut word = [0; 32];
        word[31] = byte;
        word[usize::from(byte % 31)] |= byte;
        word
    }

    #[test]
    fn only_the_changed_path_is_written() {
        let mut trie = StorageTrie::default();
        assert_eq!(trie.commit(), Written::default());
        for number in 0..64 {
            trie.set(&slot(number), &word(1)).unwrap();
        }
        let all = trie.commit();
        assert!(all.nodes > 64, "{all:?}");
        assert_eq!(trie.commit(), Written::default());
        trie.set(&slot(7), &word(2)).unwrap();
        let one = trie.commit();
        assert!((2..5).contains(&one.nodes) && one.bytes < all.bytes / 8);
        let mut unsettled = StorageTrie::default();
        for number in 0..64 {
            let byte = if number == 7 { 2 } else { 1 };
            unsettled.set(&slot(number), &word(byte)).unwrap();
        }
        assert_eq!(trie.root(), unsettled.root());
    }

    /// The root by another implementation.
    fn expected(storage: &BTreeMap<[u8; 32], [u8; 32]>) -> [u8; 32] {
        let hashed: BTreeMap<_, _> = storage
            .iter()
            .map(|(slot, word)| (keccak256(slot), *word))
            .collect();
        let mut builder = HashBuilder::default();
        for (key, word) in hashed {
            let mut value = Vec::new();
            alloy_primitives::U256::from_be_bytes(word).encode(&mut value);
            builder.add_leaf(Nibbles::unpack(key), &value);
        }
        builder.root().0
    }

    fn filled(storage: &BTreeMap<[u8; 32], [u8; 32]>) -> StorageTrie {
        let mut trie = StorageTrie::default();
        for (slot, word) in storage {
            trie.set(slot, word).unwrap();
        }
        trie
    }

    fn change() -> impl Strategy<Value = ([u8; 32], [u8; 32])> {
        (0..40u16, prop_oneof![Just(0u8), 1..=255u8])
            .prop_map(|(number, byte)| (slot(number), word(byte)))
    }

    fn apply(storage: &mut BTreeMap<[u8; 32], [u8; 32]>, changes: &[([u8; 32], [u8; 32])]) {
        for (slot, word) in changes {
            if word == &[0; 32] {
                storage.remove(slot)
            } else {
                storage.insert(*slot, *word)
            };
        }
    }

    proptest! {
        #[test]
        fn roots_are_ethereums(changes in prop::collection::vec(change(), 0..80)) {
            let mut storage = BTreeMap::new();
            let mut trie = StorageTrie::default();
            for change in changes {
                trie.set(&change.0, &change.1).unwrap();
                apply(&mut storage, &[change]);
                prop_assert_eq!(trie.root(), expected(&storage));
            }
        }

        #[test]
        fn a_witness_suffices_for_its_changes(
            first in prop::collection::vec(change(), 0..60),
            second in prop::collection::vec(change(), 1..20),
        ) {
            let mut storage = BTreeMap::new();
            apply(&mut storage, &first);
            let mut trie = filled(&storage);
            let nodes = trie.witness(&second).unwrap();
            let mut partial =
                StorageTrie::from_nodes(trie.root(), nodes.iter().map(Vec::as_slice)).unwrap();
            prop_assert_eq!(partial.root(), trie.root());
            for (slot, word) in &second {
                partial.set(slot, word).unwrap();
            }
            apply(&mut storage, &second);
            prop_assert_eq!(partial.root(), expected(&storage));
        }
    }

    #[test]
    fn a_change_outside_the_witness_is_refused_and_changes_nothing() {
        let storage = (0..200).map(|number| (slot(number), word(7))).collect();
        let mut trie = filled(&storage);
        let nodes = trie.witness(&[(slot(3), word(9))]).unwrap();
        let mut partial =
            StorageTrie::from_nodes(trie.root(), nodes.iter().map(Vec::as_slice)).unwrap();
        let refused = (0..200)
            .filter(|number| {
                let result = partial.set(&slot(*number), &word(9));
                assert!(matches!(result, Ok(()) | Err(TrieError::Unknown(_))));
                if result.is_ok() {
                    partial.set(&slot(*number), &word(7)).unwrap();
                }
                result.is_err()
            })
            .count();
        assert!(refused > 150, "{refused}");
        assert_eq!(partial.root(), trie.root());
    }

    #[test]
    fn bytes_that_are_no_nodes_are_refused() {
        let list = |items: &[&[u8]]| {
            let payload: Vec<u8> = items.concat();
            let mut out = Vec::new();
            Header {
                list: true,
                payload_length: payload.len(),
            }
            .encode(&mut out);
            [out, payload].concat()
        };
        let empty_way = list(&[&[0x00], &[0x80]]);
        let short_leaf = list(&[&[0x20], &[0x05]]);
        for bytes in [
            vec![],
            vec![0x80],
            vec![0xc0],
            vec![0xf8],
            empty_way,
            short_leaf,
        ] {
            let root = keccak256(&bytes).0;
            if root == empty_root() {
                continue;
            }
            let refused = StorageTrie::from_nodes(root, [bytes.as_slice()]);
            assert_eq!(refused.err(), Some(TrieError::Malformed), "{bytes:x?}");
        }
    }

    #[test]
    fn a_trie_without_its_roots_node_keeps_its_root_and_refuses_every_change() {
        let mut trie = StorageTrie::from_nodes([7; 32], []).unwrap();
        for word in [word(0), word(9)] {
            assert_eq!(
                trie.set(&slot(3), &word),
                Err(TrieError::Unknown(Vec::new()))
            );
        }
        assert_eq!(trie.root(), [7; 32]);
    }

    #[test]
    fn a_witness_of_no_change_is_the_roots_node() {
        assert_eq!(
            StorageTrie::default().witness(&[]).unwrap(),
            Vec::<Vec<u8>>::new()
        );
        for slots in [1, 2, 50] {
            let storage = (0..slots).map(|number| (slot(number), word(7))).collect();
            let mut trie = filled(&storage);
            let nodes = trie.witness(&[]).unwrap();
            assert_eq!(nodes.len(), 1);
            assert_eq!(keccak256(&nodes[0]), trie.root());
        }
    }
}
