//! What the state holds, listed piece by piece, and which accounts changed: geth's `debug_` methods about it.
//!
//! The order is that of the hashes, as in Ethereum's tries, though MegaETH has none: there are no roots of accounts.
//! The state has no index: each time all of it is looked through. It can be listed as far back as memory holds it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, keccak256};

use super::{
    Method, Node, RpcError,
    before::Before,
    block_id,
    blocks::by_id,
    params::Params,
    read::{Answer, state_error, unreadable},
    render::json::{self, Object},
    values,
};
use crate::{
    block::{PlainAccount, PlainKey},
    chain::{SharedBlock, ViewError},
    state::{StateReader as _, View},
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("debug_storageRangeAt", &["block", "index", "address", "first", "count"], storage_range, "Slots of a contract before a transaction of a block, in the order of their hashes."),
    Method::worker("debug_accountRange", &["block", "first", "count", "no code?", "no storage?", "incomplete?"], account_range, "Accounts in the order of their hashes, with code and storage."),
    Method::worker("debug_getModifiedAccountsByNumber", &["number", "number?"], modified_by_number, "The accounts that a block changed, or those between two blocks."),
    Method::worker("debug_getModifiedAccountsByHash", &["hash", "hash?"], modified_by_hash, "The accounts that a block changed, or those between two blocks."),
];

/// So many accounts are listed at a time.
const MAX_ACCOUNTS: u64 = 256;

/// So many blocks are compared at a time.
const MAX_BLOCKS: u64 = 1_000;

/// A state of which it can't be said what it holds.
fn unlisted() -> RpcError {
    RpcError::server(
        "this state can't be listed: it is older than the node's memory (--history-blocks), or lies over another chain's",
    )
}

/// A place in the order of hashes: the beginning of a hash.
fn place(raw: &str) -> Result<B256, String> {
    let bytes = values::data(raw)?;
    match bytes.len() {
        ..=32 => Ok(B256::right_padding_from(&bytes)),
        length => Err(format!("{length} bytes are more than a hash has")),
    }
}

/// `debug_storageRangeAt(block, index, address, first, count)`.
fn storage_range(node: &Node, params: &Params<'_>) -> Answer {
    let id = params.required(0, block_id::read)?;
    let index = params.required(1, values::quantity)?;
    let address = params.required(2, values::address)?;
    let first = params.required(3, place)?;
    let count = params.required(4, values::quantity)?;
    let block = block(node, id)?;
    let before = Before::transaction(node, &block, index)?;
    let before = before.ok_or_else(|| {
        RpcError::server(format!(
            "transaction index {index} out of range for block {}",
            block.hash
        ))
    })?;
    let slots = before.slots_of(address).ok_or_else(unlisted)?;
    let mut slots: Vec<_> = slots
        .into_iter()
        .map(|slot| (keccak256(slot), slot))
        .collect();
    slots.sort_unstable();
    let mut out = Vec::new();
    let mut object = Object::open(&mut out);
    let mut next = None;
    let mut shown = Object::open(object.member("storage"));
    let mut left = count;
    for (hash, slot) in slots.into_iter().skip_while(|(hash, _)| *hash < first) {
        let value = before.slot(address, slot.into()).map_err(state_error)?;
        if value.is_zero() {
            continue;
        }
        if left == 0 {
            next = Some(hash);
            break;
        }
        left -= 1;
        let mut entry = Object::open(shown.member(&format!("{hash:#x}")));
        entry
            .hash("key", &slot)
            .data("value", &value.to_be_bytes::<32>());
        entry.close();
        node.turn.check(0)?;
    }
    shown.close();
    match next {
        Some(hash) => object.hash("nextKey", &hash),
        None => object.null("nextKey"),
    };
    object.close();
    node.turn.expect(out.len())?;
    Ok(out)
}

/// `debug_accountRange(block, first, count, no code, no storage, incomplete)`.
fn account_range(node: &Node, params: &Params<'_>) -> Answer {
    let id = params.required(0, block_id::read)?;
    let first = params.required(1, place)?;
    let count = params.required(2, values::quantity)?.min(MAX_ACCOUNTS);
    let no_code = params.optional(3, values::boolean)?.unwrap_or_default();
    let no_storage = params.optional(4, values::boolean)?.unwrap_or_default();
    // Accounts whose address is not known: there are none.
    params.optional(5, values::boolean)?;
    let (view, anchor) = node.view(id)?;
    let sealed = by_id(node, BlockId::number(anchor.number))?;
    let root = sealed.map_or(B256::ZERO, |block| block.header.state_root);
    let keys = view.keys(|key| key.slot.is_none()).ok_or_else(unlisted)?;
    let mut hashed: Vec<_> = keys
        .into_iter()
        .map(|key| (keccak256(key.address), key.address))
        .filter(|(hash, _)| *hash >= first)
        .collect();
    hashed.sort_unstable();
    let mut listed = Vec::new();
    let mut next = None;
    for (hash, address) in hashed {
        let Some(account) = view.account(address).map_err(state_error)? else {
            continue;
        };
        if listed.len() as u64 == count {
            next = Some(hash);
            break;
        }
        listed.push((hash, address, account));
    }
    let storage = match no_storage {
        true => BTreeMap::new(),
        false => storage_of(
            &view,
            listed.iter().map(|(_, address, _)| *address).collect(),
        )?,
    };
    let mut out = Vec::new();
    let mut object = Object::open(&mut out);
    object.string("root", &format!("{root:x}"));
    let mut accounts = Object::open(object.member("accounts"));
    for (hash, address, account) in &listed {
        let entry = accounts.member(&address.to_checksum(None));
        let slots = storage.get(address).map_or(&[][..], Vec::as_slice);
        dump(entry, &view, (hash, address, account), slots, no_code)?;
        node.turn.expect(entry.len())?;
    }
    accounts.close();
    if let Some(hash) = next {
        json::base64(object.member("next"), hash.as_slice());
    }
    object.close();
    Ok(out)
}

/// The slots of several accounts.
fn storage_of(
    view: &View,
    wanted: HashSet<Address>,
) -> Result<BTreeMap<Address, Vec<B256>>, RpcError> {
    let keys = view.keys(|key| key.slot.is_some() && wanted.contains(&key.address));
    let mut storage: BTreeMap<Address, Vec<B256>> = BTreeMap::new();
    for key in keys.ok_or_else(unlisted)? {
        storage.entry(key.address).or_default().extend(key.slot);
    }
    Ok(storage)
}

/// An account as geth dumps one.
fn dump(
    out: &mut Vec<u8>,
    view: &View,
    (hash, address, account): (&B256, &Address, &PlainAccount),
    slots: &[B256],
    no_code: bool,
) -> Result<(), RpcError> {
    let mut object = Object::open(out);
    object
        .string("balance", &account.balance.to_string())
        .number("nonce", account.nonce)
        .hash("root", &B256::ZERO)
        .hash("codeHash", &account.code_hash);
    if account.has_code() && !no_code {
        let code = view.code(account.code_hash).map_err(state_error)?;
        object.data("code", code.original_byte_slice());
    }
    if !slots.is_empty() {
        let mut storage = Object::open(object.member("storage"));
        for slot in slots {
            let value = view.slot(*address, (*slot).into()).map_err(state_error)?;
            if !value.is_zero() {
                storage.string(&format!("{slot:#x}"), &format!("{value:x}"));
            }
        }
        storage.close();
    }
    object.data("address", address.as_slice()).hash("key", hash);
    object.close();
    Ok(())
}

/// `debug_getModifiedAccountsByNumber(number, number)`.
fn modified_by_number(node: &Node, params: &Params<'_>) -> Answer {
    let first = params.required(0, block_id::number_or_tag)?;
    let last = params.optional(1, block_id::number_or_tag)?;
    modified(node, BlockId::Number(first), last.map(BlockId::Number))
}

/// `debug_getModifiedAccountsByHash(hash, hash)`.
fn modified_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let first = params.required(0, values::hash)?;
    let last = params.optional(1, values::hash)?;
    modified(node, BlockId::from(first), last.map(BlockId::from))
}

/// The accounts that are not as they were: by one block, or by those after one up to another.
fn modified(node: &Node, first: BlockId, last: Option<BlockId>) -> Answer {
    let first = block(node, first)?.header.number;
    let (before, after) = match last {
        Some(last) => (first, block(node, last)?.header.number),
        None => (first.saturating_sub(1), first),
    };
    if before >= after {
        return Err(RpcError::server(format!(
            "start block height ({before}) must be less than end block height ({after})"
        )));
    }
    if after - before > MAX_BLOCKS {
        let told = format!(
            "{} blocks are too many, {MAX_BLOCKS} at most",
            after - before
        );
        return Err(RpcError::limit(told));
    }
    let (old, _) = node.view(BlockId::number(before))?;
    let (new, _) = node.view(BlockId::number(after))?;
    let mut accounts = BTreeSet::new();
    for key in written(node, before + 1..=after)? {
        if old.value(&key).map_err(state_error)? != new.value(&key).map_err(state_error)? {
            accounts.insert(key.address);
        }
        node.turn.check(0)?;
    }
    Ok(json::bytes(|out| {
        json::array(out, &accounts, |out, address| {
            json::data(out, address.as_slice());
        });
    }))
}

/// Everything that blocks wrote.
fn written(
    node: &Node,
    blocks: std::ops::RangeInclusive<u64>,
) -> Result<BTreeSet<PlainKey>, RpcError> {
    let mut keys = BTreeSet::new();
    for number in blocks {
        let block = block(node, BlockId::number(number))?;
        for mini in node.minis_of(&block)? {
            keys.extend(mini.diff.entries.iter().map(|(key, _)| *key));
        }
        node.turn.check(0)?;
    }
    Ok(keys)
}

/// A block that must be there.
fn block(node: &Node, id: BlockId) -> Result<SharedBlock, RpcError> {
    by_id(node, id)?.ok_or_else(|| unreadable(&ViewError::UnknownBlock, id))
}
