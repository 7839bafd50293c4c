//! `mega_getStateDiff`: what a transaction, a mini-block or a block changed, old and new.
//!
//! Mini-blocks carry their diffs, with new values only; the old ones are those of the state before
//! the block, as the block's earlier mini-blocks left it. A transaction has no diff of its own: it is
//! executed again over the state before its mini-block, after those before it in there.
//!
//! Who wants to name slots may ask for what was hashed, and for slots that did not change.

use std::{collections::BTreeMap, sync::Arc};

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes, U256};

use super::{
    Method, Node, RpcError,
    before::{Before, context_of, earlier},
    block_id,
    params::Params,
    preimages,
    read::{Answer, state_error, unreadable},
    render::{
        UNSEALED_HASH, diff,
        json::{self, Object},
    },
    transactions, values,
};
use crate::{
    block::{MiniBlock, PlainKey, PlainValue},
    chain::{SharedBlock, TxPlace, ViewError},
    replay::{Replay, ReplayError, cache},
    state::{Change, StateReader},
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("mega_getStateDiff", &["transaction hash, block or mini-block", "besides?"], get_state_diff, "Every account and slot that a transaction, a mini-block or a block changed, old and new."),
];

/// Whose diff is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// A transaction's or a block's.
    Hash(B256),
    /// A block's.
    Block(BlockId),
    /// A mini-block's.
    Mini(u64),
    /// The newest mini-block's that has transactions.
    Latest,
}

fn wanted(raw: &str) -> Result<Wanted, String> {
    if raw.starts_with('{') {
        for (name, value) in values::members(raw)? {
            if name == "miniBlock" {
                return values::in_member(&name, values::quantity(value.get())).map(Wanted::Mini);
            }
        }
        return block_id::read(raw).map(Wanted::Block);
    }
    if let Ok(text) = values::text(raw) {
        if let Some(number) = text.strip_prefix("mini:") {
            let number = match number.starts_with("0x") {
                true => values::quantity_text(number)?.try_into().ok(),
                false => number.parse().ok(),
            };
            let number = number.ok_or_else(|| format!("{text:?} names no mini-block"))?;
            return Ok(Wanted::Mini(number));
        }
        if matches!(&*text, "latest" | "pending") {
            return Ok(Wanted::Latest);
        }
        if text.len() == 66 {
            return values::hash(raw).map(Wanted::Hash);
        }
    }
    block_id::read(raw).map(Wanted::Block)
}

/// So many slots are read besides those that changed.
const MAX_SLOTS: usize = 16_384;

/// What is wanted besides the changes.
#[derive(Debug, Default)]
struct Besides {
    /// What KECCAK256 was given.
    preimages: bool,
    /// Slots, as they were before.
    slots: Vec<(Address, Vec<U256>)>,
}

fn besides(raw: &str) -> Result<Besides, String> {
    let mut besides = Besides::default();
    let mut count = 0;
    for (name, value) in values::members(raw)? {
        let read = match name.as_str() {
            "preimages" => values::boolean(value.get()).map(|wanted| besides.preimages = wanted),
            "slots" => values::members(value.get()).and_then(|accounts| {
                for (address, slots) in accounts {
                    let slots = values::list(slots.get(), values::slot)?;
                    count += slots.len();
                    let address = values::address(&format!("\"{address}\""))?;
                    besides.slots.push((address, slots));
                }
                Ok(())
            }),
            _ => Err("unknown; preimages and slots are known".to_owned()),
        };
        values::in_member(&name, read)?;
    }
    match count > MAX_SLOTS {
        true => Err(format!("slots: {count} are too many, {MAX_SLOTS} at most")),
        false => Ok(besides),
    }
}

/// A part of a block, and what it changed.
struct Part<'a> {
    kind: &'static str,
    minis: &'a [Arc<MiniBlock>],
    transaction: Option<B256>,
    block: Option<SharedBlock>,
    changes: Vec<Change>,
    codes: BTreeMap<B256, Bytes>,
    before: Before,
    preimages: Option<Vec<Bytes>>,
}

/// `mega_getStateDiff(transaction hash | block | {"miniBlock": number} | "latest", {preimages, slots})`.
fn get_state_diff(node: &Node, params: &Params<'_>) -> Answer {
    let besides = &params.optional(1, besides)?.unwrap_or_default();
    match params.required(0, wanted)? {
        Wanted::Hash(hash) => match transactions::find(node, &hash)? {
            Some(place) => of_transaction(node, &place, besides),
            None => of_block(node, BlockId::from(hash), besides),
        },
        Wanted::Block(id) => of_block(node, id, besides),
        Wanted::Mini(number) => of_mini(node, number, besides),
        Wanted::Latest => of_mini(node, newest_with_transactions(node)?, besides),
    }
}

/// The newest mini-block with transactions that memory holds; the newest at all if there is none.
fn newest_with_transactions(node: &Node) -> Result<u64, RpcError> {
    let recent = &node.chain.recent;
    let newest = recent.visible_minis().checked_sub(1);
    let newest = newest.ok_or_else(|| RpcError::server("there is no mini-block yet"))?;
    let mut number = newest;
    while let Some(mini) = recent.mini(number) {
        if !mini.txs.is_empty() {
            return Ok(number);
        }
        match number.checked_sub(1) {
            Some(earlier) => number = earlier,
            None => break,
        }
    }
    Ok(newest)
}

fn of_block(node: &Node, id: BlockId, besides: &Besides) -> Answer {
    let block = node
        .sealed(id)?
        .ok_or_else(|| unreadable(&ViewError::UnknownBlock, id))?;
    if block.header.number == node.chain.first_block() {
        return Err(RpcError::server(
            "the genesis block changed nothing: it is the beginning",
        ));
    }
    let minis = node.minis_of(&block)?;
    let before = Before::new(node, block.header.number, &[])?;
    of_minis(node, "block", &minis, Some(block), before, besides)
}

fn of_mini(node: &Node, number: u64, besides: &Besides) -> Answer {
    let mini = node
        .find_mini(number)?
        .ok_or_else(|| RpcError::server(format!("mini-block {number} not found")))?;
    let before = Before::new(node, mini.block_number, &earlier(node, &mini)?)?;
    let block = node.sealed(BlockId::number(mini.block_number))?;
    of_minis(node, "miniBlock", &[mini], block, before, besides)
}

fn of_minis(
    node: &Node,
    kind: &'static str,
    minis: &[Arc<MiniBlock>],
    block: Option<SharedBlock>,
    before: Before,
    besides: &Besides,
) -> Answer {
    let preimages = match minis.first().filter(|_| besides.preimages) {
        Some(first) => {
            let context = context_of(node, first, block.as_ref())?;
            let records = minis.iter().flat_map(|mini| &mini.txs);
            Some(preimages::of(node, &context, &before, &[], records)?)
        }
        None => besides.preimages.then(Vec::new),
    };
    let mut newest: BTreeMap<PlainKey, PlainValue> = BTreeMap::new();
    for mini in minis {
        newest.extend(mini.diff.entries.iter().copied());
    }
    let mut changes = Vec::with_capacity(newest.len());
    for (key, new) in newest {
        let old = before.value(&key).map_err(state_error)?;
        if old != new {
            changes.push(Change { key, old, new });
        }
    }
    // Diffs carry only code that the chain had never seen.
    let mut codes = BTreeMap::new();
    for Change { old, new, .. } in &changes {
        let hash = |value: &PlainValue| value.as_account().map(|account| account.code_hash);
        if let Some(now) = hash(new).filter(|now| Some(*now) != hash(old)) {
            let code = before
                .code(now)
                .or_else(|missing| node.chain.world.code(&now).ok_or(missing));
            let code = code.map_err(state_error)?.original_bytes();
            if !code.is_empty() {
                codes.insert(now, code);
            }
        }
    }
    let part = Part {
        kind,
        minis,
        transaction: None,
        block,
        changes,
        codes,
        before,
        preimages,
    };
    render(&part, besides)
}

fn of_transaction(node: &Node, place: &TxPlace, besides: &Besides) -> Answer {
    let mini = &place.mini;
    let earlier = earlier(node, mini)?;
    let mut before = Before::new(node, mini.block_number, &earlier)?;
    let block = node.sealed(BlockId::number(mini.block_number))?;
    let context = context_of(node, mini, block.as_ref())?;
    let preimages = match besides.preimages {
        true => {
            let (first, rest) = mini.txs.split_at(place.index.min(mini.txs.len()));
            Some(preimages::of(node, &context, &before, first, rest.first())?)
        }
        false => None,
    };
    let failed = |error: ReplayError| {
        RpcError::internal(format!("the transaction can't be executed again: {error}"))
    };
    let record = mini.txs.get(place.index);
    let record = record.ok_or_else(|| RpcError::internal("the index is damaged"))?;
    let (prefix, effect) = {
        let rules = node.chain.rules(mini.block_number);
        let mut cache = cache(&before);
        let mut replay = Replay::begin(&before, &mut cache, &rules, &context).map_err(failed)?;
        replay.until(&mini.txs, place.index).map_err(failed)?;
        let prefix = replay.take_effect();
        replay.next(record).map_err(failed)?;
        (prefix, replay.take_effect())
    };
    before
        .newest
        .extend(prefix.changes.iter().map(|change| (change.key, change.new)));
    let part = Part {
        kind: "transaction",
        minis: std::slice::from_ref(mini),
        transaction: Some(record.hash),
        block,
        changes: effect.changes,
        codes: effect.codes,
        before,
        preimages,
    };
    render(&part, besides)
}

fn render(part: &Part<'_>, besides: &Besides) -> Answer {
    let mut out = Vec::with_capacity(512 + part.changes.len() * 256);
    let mut object = Object::open(&mut out);
    object.string("kind", part.kind);
    let (first, last) = (part.minis.first(), part.minis.last());
    if let Some(first) = first {
        object.quantity("blockNumber", first.block_number);
    } else if let Some(block) = &part.block {
        object.quantity("blockNumber", block.header.number);
    }
    object.hash(
        "blockHash",
        &part
            .block
            .as_ref()
            .map_or(UNSEALED_HASH, |block| block.hash),
    );
    let ends = [first, last].into_iter().flatten();
    json::array(object.member("miniBlocks"), ends, |out, mini| {
        json::quantity(out, mini.number)
    });
    if let (Some(first), true) = (first, part.kind != "block") {
        object.quantity("miniBlock", first.number);
    }
    match &part.transaction {
        Some(hash) => {
            object.hash("transactionHash", hash);
            json::array(object.member("transactions"), [hash], |out, hash| {
                json::data(out, hash.as_slice());
            });
        }
        None => {
            let records = part.minis.iter().flat_map(|mini| &mini.txs);
            json::array(object.member("transactions"), records, |out, record| {
                json::data(out, record.hash.as_slice());
            });
        }
    }
    diff::accounts(object.member("accounts"), &part.changes, |key| {
        part.before.value(key).map(|value| value.as_account())
    })
    .map_err(state_error)?;
    diff::codes(object.member("codes"), &part.codes);
    if let Some(preimages) = &part.preimages {
        json::array(object.member("preimages"), preimages, |out, bytes| {
            json::data(out, bytes);
        });
    }
    if !besides.slots.is_empty() {
        let mut accounts = Object::open(object.member("slots"));
        for (address, slots) in &besides.slots {
            let mut found = Object::open(accounts.member(&format!("{address:#x}")));
            for slot in slots {
                let value = part.before.slot(*address, *slot);
                found.quantity_u256(&format!("{slot:#x}"), &value.map_err(state_error)?);
            }
            found.close();
        }
        accounts.close();
    }
    object.close();
    Ok(out)
}
