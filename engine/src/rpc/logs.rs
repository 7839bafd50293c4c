//! Logs by filter: `eth_getLogs`, `eth_getLogsWithCursor`, and the matching that subscriptions use.
//!
//! Sealed blocks are passed over by their bloom before any mini-block is read. The open block counts as
//! one more: `latest` and `pending` mean it, as does its number, which receipts already show.

use std::{ops::RangeInclusive, sync::Arc};

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bloom, BloomInput, Log};

use super::{
    Method, Node, RpcError, block_id,
    params::{self, Params},
    read::{Answer, unreadable},
    render::{
        Offset, Place, UNSEALED_HASH,
        block::place_in,
        json::{self, Object},
        log::{self, LogPlace},
    },
    values,
};
use crate::{
    block::{MiniBlock, TxRecord},
    chain::SharedBlock,
};

/// This room's methods.
pub(super) const METHODS: &[Method] = &[
    Method::judged("eth_getLogs", is_brief, get_logs),
    Method::heavy("eth_getLogsWithCursor", get_logs_with_cursor),
];

/// Blocks that one query may span.
pub const MAX_BLOCKS: u64 = 100_000;
/// Logs that one answer may hold; as on MegaETH's public endpoint.
pub const MAX_LOGS: usize = 20_000;
/// A search through a block with no more transactions, and no more logs, than this is done at once.
const FEW: u64 = 256;
/// Addresses in one filter at most; geth's number.
const MAX_ADDRESSES: usize = 1000;
/// Topics of a log at most.
const MAX_TOPICS: usize = 4;

/// Which logs are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matcher {
    /// Any of these addresses; all if empty.
    pub addresses: Vec<Address>,
    /// By position, any of these topics; all if empty.
    pub topics: Vec<Vec<B256>>,
}

impl Matcher {
    /// Whether the log is wanted.
    pub fn matches(&self, log: &Log) -> bool {
        let topics = log.topics();
        (self.addresses.is_empty() || self.addresses.contains(&log.address))
            && self.topics.len() <= topics.len()
            && self
                .topics
                .iter()
                .zip(topics)
                .all(|(any, topic)| any.is_empty() || any.contains(topic))
    }

    /// Whether something with this bloom may hold a wanted log.
    pub fn may_match(&self, bloom: &Bloom) -> bool {
        let holds = |bytes: &[u8]| bloom.contains_input(BloomInput::Raw(bytes));
        (self.addresses.is_empty()
            || self
                .addresses
                .iter()
                .any(|address| holds(address.as_slice())))
            && self
                .topics
                .iter()
                .all(|any| any.is_empty() || any.iter().any(|topic| holds(topic.as_slice())))
    }
}

/// Which blocks are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blocks {
    Hash(B256),
    Range(BlockNumberOrTag, BlockNumberOrTag),
}

/// A filter as a caller gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter {
    blocks: Blocks,
    matcher: Matcher,
    cursor: Option<Cursor>,
}

/// Where the next page of a search begins: this log of this block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    block: u32,
    log: u32,
}

impl Cursor {
    fn read(raw: &str) -> Result<Self, String> {
        let bytes = values::data(raw)?;
        let bytes: [u8; 8] = bytes
            .as_ref()
            .try_into()
            .map_err(|_| "a cursor has 8 bytes".to_owned())?;
        let [a, b, c, d, e, f, g, h] = bytes;
        Ok(Self {
            block: u32::from_be_bytes([a, b, c, d]),
            log: u32::from_be_bytes([e, f, g, h]),
        })
    }

    fn to_bytes(self) -> [u8; 8] {
        (u64::from(self.block) << 32 | u64::from(self.log)).to_be_bytes()
    }
}

/// Reads the addresses and topics of a filter object; other members are left to `rest`.
fn read_matcher(
    raw: &str,
    mut rest: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<Matcher, String> {
    let mut matcher = Matcher::default();
    for (name, value) in values::members(raw)? {
        let value = value.get();
        match name.as_str() {
            "address" => {
                matcher.addresses = values::in_member(&name, one_or_more(value, values::address))?;
                if matcher.addresses.len() > MAX_ADDRESSES {
                    return Err(format!(
                        "exceed max addresses or topics per search position: at most {MAX_ADDRESSES} addresses"
                    ));
                }
            }
            "topics" => {
                matcher.topics = values::in_member(
                    &name,
                    values::list(value, |raw| match raw {
                        "null" => Ok(Vec::new()),
                        _ => topic_position(raw),
                    }),
                )?;
                if matcher.topics.len() > MAX_TOPICS {
                    return Err("exceed max topics: a log has at most 4".to_owned());
                }
            }
            _ => values::in_member(&name, rest(&name, value))?,
        }
    }
    Ok(matcher)
}

/// One topic or a list; a null in the list means any.
fn topic_position(raw: &str) -> Result<Vec<B256>, String> {
    if raw.starts_with('[') {
        let topics = values::list(raw, |raw| match raw {
            "null" => Ok(None),
            _ => values::hash(raw).map(Some),
        })?;
        return Ok(topics
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .unwrap_or_default());
    }
    values::hash(raw).map(|topic| vec![topic])
}

fn one_or_more<T>(raw: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    if raw.starts_with('[') {
        values::list(raw, read)
    } else {
        Ok(vec![read(raw)?])
    }
}

impl Filter {
    fn read(raw: &str) -> Result<Self, String> {
        let (mut from, mut to, mut hash, mut cursor) = (None, None, None, None);
        let matcher = read_matcher(raw, |name, value| {
            match name {
                "fromBlock" => from = Some(block_id::number_or_tag(value)?),
                "toBlock" => to = Some(block_id::number_or_tag(value)?),
                "blockHash" => hash = Some(values::hash(value)?),
                "cursor" => cursor = Some(Cursor::read(value)?),
                _ => {}
            }
            Ok(())
        })?;
        let blocks = match hash {
            Some(_) if from.is_some() || to.is_some() => {
                return Err(
                    "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
                        .to_owned(),
                );
            }
            Some(hash) => Blocks::Hash(hash),
            None => Blocks::Range(
                from.unwrap_or(BlockNumberOrTag::Latest),
                to.unwrap_or(BlockNumberOrTag::Latest),
            ),
        };
        Ok(Self {
            blocks,
            matcher,
            cursor,
        })
    }
}

/// Whether a search looks at nothing but the newest block, and that holds little.
fn is_brief(node: &Node, params: &str) -> bool {
    let filter = Params::parse(params).and_then(|params| params.required(0, Filter::read));
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
fn get_logs(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(1)?;
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
            log::log(&mut out, log, at);
            node.turn.expect(out.len())
        })?;
    }
    out.push(b']');
    Ok(out)
}

/// `eth_getLogsWithCursor(filter with cursor)`: a page, and where the next begins.
fn get_logs_with_cursor(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(1)?;
    let filter = params.required(0, Filter::read)?;
    let range = node.range(&filter)?;
    let start = filter.cursor.unwrap_or(Cursor {
        block: narrow(*range.start()),
        log: 0,
    });
    let first = u64::from(start.block).max(*range.start());
    let last = *range.end();

    let mut logs = Vec::new();
    let mut count = 0;
    let mut next = None;
    let mut ahead = Ahead::new(node, last);
    for number in first..=last {
        if number - first == MAX_BLOCKS {
            next = Some(Cursor {
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
                next = Some(Cursor {
                    block: narrow(number),
                    log: narrow(at.log_index),
                });
                return Ok(());
            }
            if count > 0 {
                logs.push(b',');
            }
            count += 1;
            log::log(&mut logs, log, at);
            node.turn.expect(logs.len())
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
    Ok(out)
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
    /// The logs of a mini-block that a subscription's filter wants, each as JSON.
    pub fn logs_json(&self, filter: &str, mini: &MiniBlock) -> Result<Vec<Vec<u8>>, RpcError> {
        let matcher = match filter.trim_ascii() {
            "" | "null" => Matcher::default(),
            filter => {
                read_matcher(filter, |_, _| Ok(())).map_err(|why| params::invalid(1, &why))?
            }
        };
        let mut found = Vec::new();
        if mini.txs.iter().all(|record| record.result.logs.is_empty()) {
            return Ok(found);
        }
        let place = self.place_of(mini)?;
        let offset = self.offset_of(mini)?;
        each_match(mini, &place, offset, &matcher, &mut |log, at| {
            found.push(json::bytes(|out| log::log(out, log, at)));
            Ok(())
        })?;
        Ok(found)
    }

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
            BlockNumberOrTag::Earliest => 0,
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
        let mut offset = Offset::default();
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
        let mut offset = Offset::default();
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
fn each_match(
    mini: &MiniBlock,
    place: &Place,
    mut offset: Offset,
    matcher: &Matcher,
    found: Found<'_>,
) -> Result<Offset, RpcError> {
    for record in &mini.txs {
        each_of_transaction(record, place, &offset, matcher, found)?;
        offset = offset.after(record);
    }
    Ok(offset)
}

fn each_of_transaction(
    record: &TxRecord,
    place: &Place,
    offset: &Offset,
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Bytes, logs_bloom};

    fn log(address: u8, topics: &[u8]) -> Log {
        let topics = topics
            .iter()
            .map(|topic| B256::repeat_byte(*topic))
            .collect();
        Log::new_unchecked(Address::repeat_byte(address), topics, Bytes::new())
    }

    #[test]
    fn topics_match_by_position_with_gaps_and_alternatives() {
        let entry = log(1, &[2, 3]);
        let topic = |byte| vec![B256::repeat_byte(byte)];
        let with = |topics| Matcher {
            addresses: Vec::new(),
            topics,
        };
        assert!(with(vec![]).matches(&entry));
        assert!(with(vec![vec![], topic(3)]).matches(&entry));
        assert!(with(vec![[topic(9), topic(2)].concat()]).matches(&entry));
        assert!(!with(vec![topic(3)]).matches(&entry));
        assert!(
            !with(vec![vec![], vec![], vec![]]).matches(&entry),
            "the log has two topics only"
        );
    }

    #[test]
    fn a_bloom_never_hides_a_match() {
        let entry = log(1, &[2]);
        let bloom = logs_bloom([&entry]);
        let matcher = Matcher {
            addresses: vec![Address::repeat_byte(1)],
            topics: vec![vec![B256::repeat_byte(2)]],
        };
        assert!(matcher.matches(&entry) && matcher.may_match(&bloom));
        let other = Matcher {
            addresses: vec![Address::repeat_byte(0x77)],
            ..matcher
        };
        assert!(!other.may_match(&bloom));
    }

    #[test]
    fn filters_name_what_is_wrong_with_them() {
        let both = r#"{"blockHash":"0x1111111111111111111111111111111111111111111111111111111111111111","fromBlock":"0x1"}"#;
        assert!(Filter::read(both).is_err_and(|why| why.starts_with("cannot specify both")));
        let topic = Filter::read(r#"{"topics":["0x12"]}"#);
        assert!(
            topic.is_err_and(|why| why.starts_with("topics: element 0: hex string has length 2"))
        );
        let five = Filter::read(r#"{"topics":[null,null,null,null,null]}"#);
        assert!(five.is_err_and(|why| why.starts_with("exceed max topics")));
    }

    #[test]
    fn cursors_are_block_then_log_as_on_the_real_chain() {
        let cursor = Cursor::read("\"0x0000010100000002\"");
        assert_eq!(
            cursor,
            Ok(Cursor {
                block: 0x101,
                log: 2
            })
        );
        assert_eq!(
            Cursor {
                block: 0x101,
                log: 2
            }
            .to_bytes(),
            [0, 0, 1, 1, 0, 0, 0, 2]
        );
    }
}
