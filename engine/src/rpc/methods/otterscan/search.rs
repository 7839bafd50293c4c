//! The transactions in whose calls an account is: its own, those to it, and those that reach it by way of others.
//!
//! There is no index. Blocks are looked through one by one, and executed again where the records do not tell; so a search
//! ends after so many blocks, with what was found.

use std::{collections::BTreeSet, sync::Arc};

use alloy_consensus::{Transaction as _, constants::EMPTY_ROOT_HASH};
use alloy_eips::BlockId;
use alloy_primitives::Address;

use super::super::{
    Node, RpcError,
    history::oldest,
    listed::{LIST, listed, read},
    params::Params,
    read::{Answer, damaged},
    render::json::{self, Object},
    traced::Part,
    transactions::shown,
    values,
};
use crate::{
    block::{MiniBlock, TxRecord},
    chain::{SharedBlock, TxPlace},
};

/// So many transactions are asked for at a time.
const MAX_PAGE: u64 = 100;

/// So many blocks with transactions are looked through at a time.
const MAX_FULL: u64 = 1_000;

/// So many blocks in all.
const MAX_BLOCKS: u64 = 100_000;

/// Ether alone was sent if no more was computed.
const PLAIN_TRANSFER: u64 = 21_000;

/// What was found, and whether that was all.
struct Found {
    places: Vec<TxPlace>,
    is_all: bool,
}

/// Whom to look for, and how many transactions.
struct Search {
    address: Address,
    block: u64,
    size: usize,
}

fn search_of(params: &Params<'_>) -> Result<Search, RpcError> {
    let address = params.required(0, values::address)?;
    let block = params.required(1, values::quantity)?;
    let size = params.required(2, values::quantity)?;
    if size > MAX_PAGE {
        let told = format!("{size} transactions are too many for a page, {MAX_PAGE} at most");
        return Err(RpcError::limit(told));
    }
    let size = size as usize;
    Ok(Search {
        address,
        block,
        size,
    })
}

/// `ots_searchTransactionsBefore(address, block number, page size)`: newest first; from the newest block on for number 0.
pub(super) fn before(node: &Node, params: &Params<'_>) -> Answer {
    let search = search_of(params)?;
    let newest = node.chain.recent.visible_block();
    let is_first = search.block == 0 || search.block > newest;
    let last = match is_first {
        true => newest,
        false => search.block - 1,
    };
    let found = look_through(node, &search, (oldest(node) + 1..=last).rev())?;
    page(node, &found.places, is_first, found.is_all)
}

/// `ots_searchTransactionsAfter(address, block number, page size)`: newest first; from the oldest block on for number 0.
pub(super) fn after(node: &Node, params: &Params<'_>) -> Answer {
    let search = search_of(params)?;
    let is_last = search.block <= oldest(node);
    let first = search.block.max(oldest(node)).saturating_add(1);
    let newest = node.chain.recent.visible_block();
    let mut found = look_through(node, &search, first..=newest)?;
    found
        .places
        .sort_by_key(|place| std::cmp::Reverse((place.mini.number, place.index)));
    page(node, &found.places, found.is_all, is_last)
}

/// Looks through blocks until there are enough transactions; those of one block stay together.
fn look_through(
    node: &Node,
    search: &Search,
    blocks: impl Iterator<Item = u64>,
) -> Result<Found, RpcError> {
    let (mut looked, mut full) = (0, 0);
    let mut places = Vec::new();
    for number in blocks {
        node.turn.check(0)?;
        if looked == MAX_BLOCKS || full == MAX_FULL {
            return match places.is_empty() {
                true => Err(RpcError::limit(format!(
                    "nothing was found in {looked} blocks, {full} of them with transactions; no more are looked through at a time: go on from block {number}"
                ))),
                false => Ok(Found {
                    places,
                    is_all: false,
                }),
            };
        }
        looked += 1;
        let block = node.sealed(BlockId::number(number))?;
        let is_full = |block: &SharedBlock| block.header.transactions_root != EMPTY_ROOT_HASH;
        let Some(block) = block.filter(is_full) else {
            continue;
        };
        if places.len() >= search.size.max(1) {
            return Ok(Found {
                places,
                is_all: false,
            });
        }
        full += 1;
        let minis = node.minis_of(&block)?;
        places.extend(in_block(node, search.address, number, &minis)?);
    }
    Ok(Found {
        places,
        is_all: true,
    })
}

/// A block's transactions that concern an account, the last first.
fn in_block(
    node: &Node,
    address: Address,
    number: u64,
    minis: &[Arc<MiniBlock>],
) -> Result<Vec<TxPlace>, RpcError> {
    let mut found = BTreeSet::new();
    let mut is_sure = true;
    for (nth, record) in minis.iter().flat_map(|mini| &mini.txs).enumerate() {
        if concerns(record, address)? {
            found.insert(nth);
        } else {
            is_sure &= record.result.usage.compute_gas <= PLAIN_TRANSFER;
        }
    }
    if !is_sure {
        let mut nth = 0;
        let part = Part::block(node, BlockId::number(number))?;
        part.each(node, &LIST, &mut Vec::new(), |_, _, trace| {
            let mut list = Vec::new();
            trace.write(&mut list)?;
            if !found.contains(&nth) && is_among(&list, address)? {
                found.insert(nth);
            }
            nth += 1;
            Ok(())
        })?;
    }
    let places = minis.iter().flat_map(|mini| {
        (0..mini.txs.len()).map(|index| TxPlace {
            mini: mini.clone(),
            index,
        })
    });
    let mut places: Vec<_> = places
        .enumerate()
        .filter(|(nth, _)| found.contains(nth))
        .map(|(_, place)| place)
        .collect();
    places.reverse();
    Ok(places)
}

/// Whether a transaction's record alone says so.
fn concerns(record: &TxRecord, address: Address) -> Result<bool, RpcError> {
    let result = &record.result;
    Ok(record.sender == address
        || result.contract_address == Some(address)
        || result.logs.iter().any(|log| log.address == address)
        || record.envelope().map_err(damaged)?.to() == Some(address))
}

/// Whether an account is in a call of a list.
fn is_among(list: &[u8], address: Address) -> Result<bool, RpcError> {
    for one in listed(list)? {
        let one = read(one)?;
        let parties = one.senders().into_iter().chain(one.receivers());
        if parties.flatten().any(|party| party == address) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What was found as Otterscan reads it.
fn page(node: &Node, places: &[TxPlace], is_first: bool, is_last: bool) -> Answer {
    let (mut txs, mut receipts) = (Vec::new(), Vec::new());
    for place in places {
        txs.push(shown(node, Some(place.clone()))?);
        let mut receipt = node.receipt_json(&place.mini, place.index)?;
        // One member more, behind the others.
        receipt.pop();
        receipt.extend_from_slice(b",\"timestamp\":");
        json::number(&mut receipt, place.mini.block_timestamp);
        receipt.push(b'}');
        receipts.push(receipt);
    }
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        for (name, rendered) in [("txs", &txs), ("receipts", &receipts)] {
            json::array(object.member(name), rendered, |out, one| {
                out.extend_from_slice(one);
            });
        }
        object.bool("firstPage", is_first).bool("lastPage", is_last);
        object.close();
    }))
}
