//! Logs by filter: `eth_getLogs`, `eth_getLogsWithCursor`.
//!
//! Sealed blocks are passed over by their bloom before any mini-block is read. The open block counts as
//! one more: `latest` and `pending` mean it, as does its number, which receipts already show.

use std::{ops::RangeInclusive, sync::Arc};

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::Log;

use super::{
    Method, Node, RpcError,
    log_filter::{Blocks, Filter, LogCursor, Matcher},
    params::Params,
    read::{Answer, unreadable},
    render::{
        BlockOffset, MiniPlace, UNSEALED_HASH,
        block::place_in,
        json::Object,
        log::{LogPlace, Logs},
    },
};
use crate::{
    block::{MiniBlock, TxRecord},
    chain::SharedBlock,
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline_if("eth_getLogs", &["filter"], is_brief, get_logs, "Logs by block range, address and topics."),
    Method::worker("eth_getLogsWithCursor", &["filter with cursor"], get_logs_with_cursor, "Logs page by page."),
];

/// Blocks that one query may span.
pub(super) const MAX_BLOCKS: u64 = 100_000;
/// Logs that one answer may hold; as on MegaETH's public endpoint.
pub(super) const MAX_LOGS: usize = 20_000;
/// An answer grows by so much before it is looked at the clock again, and at what it takes.
const METERED_BYTES: usize = 16 * 1024;
/// A search through a block with no more transactions, and no more logs, than this is done at once.
const FEW: u64 = 256;

/// Whether a search looks at nothing but the newest block, and that holds little.
fn is_brief(node: &Node, params: &Params<'_>) -> bool {
    let filter = params.required(0, Filter::read);
    let range = filter.and_then(|filter| node.range(&filter));
    let (Ok(range), Some(newest)) = (range, node.chain.recent.newest_mini()) else {
        return false;
    };
    let holds = node.chain.recent.offset(newest.number);
    *range.start() == newest.block_number
        && holds
            .map(|before| before.after_mini(&newest))
            .is_some_and(|all| all.transactions <= FEW && all.logs <= FEW)
}

/// `eth_getLogs(filter)`.
fn get_logs(node: &Node, params: &Params<'_>) -> Answer {
    let filter = params.required(0, Filter::read)?;
    let range = node.range(&filter)?;
    let span = range.end() - range.start() + 1;
    if span > MAX_BLOCKS {
        return Err(RpcError::invalid_params(format!(
            "query exceeds max block range {MAX_BLOCKS}: {span} blocks asked for"
        )));
    }
    let mut out = vec![b'['];
    let mut count = 0;
    let mut metered = 0;
    let mut rendered = Logs::default();
    let mut ahead = Ahead::new(node, *range.end());
    for number in range {
        ahead.search(number, &filter.matcher, &mut |log, at| {
            if count == MAX_LOGS {
                return Err(RpcError::invalid_params(format!(
                    "query exceeds max results {MAX_LOGS}: ask for fewer blocks than up to {number}, or use eth_getLogsWithCursor"
                )));
            }
            if count > 0 {
                out.push(b',');
            }
            count += 1;
            rendered.write(&mut out, log, at);
            meter(node, out.len(), &mut metered)
        })?;
    }
    out.push(b']');
    node.turn.expect(out.len())?;
    Ok(out)
}

/// `eth_getLogsWithCursor(filter with cursor)`: a page, and where the next begins.
fn get_logs_with_cursor(node: &Node, params: &Params<'_>) -> Answer {
    let filter = params.required(0, Filter::read)?;
    let range = node.range(&filter)?;
    let start = filter.cursor.unwrap_or(LogCursor {
        block: narrow(*range.start()),
        log: 0,
    });
    let first = u64::from(start.block).max(*range.start());
    let last = *range.end();

    let mut logs = Vec::new();
    let mut count = 0;
    let mut metered = 0;
    let mut next = None;
    let mut rendered = Logs::default();
    let mut ahead = Ahead::new(node, last);
    for number in first..=last {
        if number - first == MAX_BLOCKS {
            next = Some(LogCursor {
                block: narrow(number),
                log: 0,
            });
        }
        if next.is_some() {
            break;
        }
        ahead.search(number, &filter.matcher, &mut |log, at| {
            let passed = number == u64::from(start.block) && at.log_index < u64::from(start.log);
            if passed || next.is_some() {
                return Ok(());
            }
            if count == MAX_LOGS {
                next = Some(LogCursor {
                    block: narrow(number),
                    log: narrow(at.log_index),
                });
                return Ok(());
            }
            if count > 0 {
                logs.push(b',');
            }
            count += 1;
            rendered.write(&mut logs, log, at);
            meter(node, logs.len(), &mut metered)
        })?;
    }
    let mut out = Vec::with_capacity(logs.len() + 64);
    let mut object = Object::open(&mut out);
    let list = object.member("logs");
    list.push(b'[');
    list.extend_from_slice(&logs);
    list.push(b']');
    if let Some(cursor) = next {
        object.data("cursor", &cursor.to_bytes());
    }
    object.close();
    node.turn.expect(out.len())?;
    Ok(out)
}

/// Asks whether an answer may be so large, once it has grown by a piece since it was asked last: looking at the clock
/// takes as long as writing a log.
fn meter(node: &Node, bytes: usize, metered: &mut usize) -> Result<(), RpcError> {
    if bytes - *metered < METERED_BYTES {
        return Ok(());
    }
    *metered = bytes;
    node.turn.expect(bytes)
}

/// Blocks that are read from disk together.
const TOGETHER: u64 = 256;

/// Blocks in their order, some of them read ahead.
struct Ahead<'a> {
    node: &'a Node,
    last: u64,
    /// The number of the first one in `blocks`.
    first: u64,
    blocks: Vec<SharedBlock>,
}

impl<'a> Ahead<'a> {
    /// Blocks up to `last`.
    const fn new(node: &'a Node, last: u64) -> Self {
        Self {
            node,
            last,
            first: 0,
            blocks: Vec::new(),
        }
    }

    /// Calls `found` with every wanted log of a block, sealed or open.
    fn search(&mut self, number: u64, matcher: &Matcher, found: Found<'_>) -> Result<(), RpcError> {
        self.node.turn.check(0)?;
        match self.block(number)? {
            Some(block) => self.node.search_sealed(&block, matcher, found),
            None => self.node.search_open(number, matcher, found),
        }
    }

    fn block(&mut self, number: u64) -> Result<Option<SharedBlock>, RpcError> {
        let beyond = self.first + self.blocks.len() as u64;
        if !(self.first..beyond).contains(&number) {
            let range = number..=self.last.min(number.saturating_add(TOGETHER - 1));
            let blocks = self.node.chain.blocks(range);
            self.blocks = blocks.map_err(|error| unreadable(&error, BlockId::number(number)))?;
            self.first = number;
        }
        Ok(self.blocks.get((number - self.first) as usize).cloned())
    }
}

/// Cursors have room for 32 bits, as on the real chain.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Node {
    /// The block numbers that a filter means. The open block counts as one more.
    fn range(&self, filter: &Filter) -> Result<RangeInclusive<u64>, RpcError> {
        let sealed = self.chain.recent.visible_block();
        let (from, to) = match filter.blocks {
            Blocks::Hash(UNSEALED_HASH) if self.open_block()?.is_some() => {
                let open = self.chain.recent.newest_mini();
                let number = open.map_or(sealed, |mini| mini.block_number);
                return Ok(number..=number);
            }
            Blocks::Hash(hash) => {
                let number = self.chain.block_number(&hash);
                let number = number.ok_or_else(|| RpcError::server("unknown block"))?;
                return Ok(number..=number);
            }
            Blocks::Range(from, to) => (from, to),
        };
        let open = self
            .chain
            .recent
            .newest_mini()
            .map_or(sealed, |mini| mini.block_number.max(sealed));
        let resolve = |tag| match tag {
            BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => open,
            BlockNumberOrTag::Number(number) => number,
            BlockNumberOrTag::Earliest => self.chain.first_block(),
            BlockNumberOrTag::Safe | BlockNumberOrTag::Finalized => {
                let verified = self.chain.verified.height();
                verified.map_or(sealed, |verified| verified.min(sealed))
            }
        };
        let (first, last) = (resolve(from), resolve(to));
        if first > last {
            return Err(RpcError::invalid_params(format!(
                "invalid block range params: fromBlock {first} is after toBlock {last}"
            )));
        }
        if last > open {
            let beyond = "block range extends beyond current head block";
            return Err(RpcError::invalid_params(beyond));
        }
        Ok(first..=last)
    }

    fn search_sealed(
        &self,
        block: &SharedBlock,
        matcher: &Matcher,
        found: Found<'_>,
    ) -> Result<(), RpcError> {
        if block.header.logs_bloom.is_zero() || !matcher.may_match(&block.header.logs_bloom) {
            return Ok(());
        }
        let mut offset = BlockOffset::default();
        for mini in self.minis_of(block)? {
            offset = each_match(&mini, &place_in(block, &mini), offset, matcher, found)?;
        }
        Ok(())
    }

    fn search_open(
        &self,
        number: u64,
        matcher: &Matcher,
        found: Found<'_>,
    ) -> Result<(), RpcError> {
        let mut offset = BlockOffset::default();
        let minis: Vec<Arc<MiniBlock>> = self.open_minis()?;
        let with_logs =
            |mini: &&Arc<MiniBlock>| mini.block_number == number && !mini.txs.is_empty();
        for mini in minis.iter().filter(with_logs) {
            offset = each_match(mini, &self.place_of(mini)?, offset, matcher, found)?;
        }
        Ok(())
    }
}

type Found<'a> = &'a mut dyn FnMut(&Log, LogPlace<'_>) -> Result<(), RpcError>;

/// Calls `found` with every wanted log of a mini-block; returns the place behind it.
pub(super) fn each_match(
    mini: &MiniBlock,
    place: &MiniPlace,
    mut offset: BlockOffset,
    matcher: &Matcher,
    found: Found<'_>,
) -> Result<BlockOffset, RpcError> {
    for record in &mini.txs {
        each_of_transaction(record, place, &offset, matcher, found)?;
        offset = offset.after(record);
    }
    Ok(offset)
}

fn each_of_transaction(
    record: &TxRecord,
    place: &MiniPlace,
    offset: &BlockOffset,
    matcher: &Matcher,
    found: Found<'_>,
) -> Result<(), RpcError> {
    for (nth, log) in record.result.logs.iter().enumerate() {
        if matcher.matches(log) {
            let at = LogPlace {
                place,
                transaction_hash: &record.hash,
                transaction_index: offset.transactions,
                log_index: offset.logs + nth as u64,
            };
            found(log, at)?;
        }
    }
    Ok(())
}
