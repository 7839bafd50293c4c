//! Which logs a caller wants: filters, and what of the chain they match.

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{Address, B256, Bloom, BloomInput, Log};

use super::{block_id, values};

/// Addresses in one filter at most; geth's number.
const MAX_ADDRESSES: usize = 1000;
/// Topics of a log at most.
const MAX_TOPICS: usize = 4;

/// Which logs are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Matcher {
    /// Any of these addresses; all if empty.
    pub addresses: Vec<Address>,
    /// By position, any of these topics; all if empty.
    pub topics: Vec<Vec<B256>>,
}

impl Matcher {
    /// Whether the log is wanted.
    pub(super) fn matches(&self, log: &Log) -> bool {
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
    pub(super) fn may_match(&self, bloom: &Bloom) -> bool {
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
pub(super) enum Blocks {
    /// The one with this hash.
    Hash(B256),
    /// From one to another.
    Range(BlockNumberOrTag, BlockNumberOrTag),
}

/// A filter as a caller gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    /// The blocks.
    pub blocks: Blocks,
    /// The logs.
    pub matcher: Matcher,
    /// Where to go on.
    pub cursor: Option<LogCursor>,
}

/// Where the next page of a search begins: this log of this block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogCursor {
    /// The block's number.
    pub block: u32,
    /// The log's place in it.
    pub log: u32,
}

impl LogCursor {
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

    /// As clients are given it.
    pub(super) fn to_bytes(self) -> [u8; 8] {
        (u64::from(self.block) << 32 | u64::from(self.log)).to_be_bytes()
    }
}

/// Reads the addresses and topics of a filter object; other members are left to `rest`.
pub(super) fn read_matcher(
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
    /// Reads a filter object.
    pub(super) fn read(raw: &str) -> Result<Self, String> {
        let (mut from, mut to, mut hash, mut cursor) = (None, None, None, None);
        let matcher = read_matcher(raw, |name, value| {
            match name {
                "fromBlock" => from = Some(block_id::number_or_tag(value)?),
                "toBlock" => to = Some(block_id::number_or_tag(value)?),
                "blockHash" => hash = Some(values::hash(value)?),
                "cursor" => cursor = Some(LogCursor::read(value)?),
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
        let cursor = LogCursor::read("\"0x0000010100000002\"");
        assert_eq!(
            cursor,
            Ok(LogCursor {
                block: 0x101,
                log: 2
            })
        );
        assert_eq!(
            LogCursor {
                block: 0x101,
                log: 2
            }
            .to_bytes(),
            [0, 0, 1, 1, 0, 0, 0, 2]
        );
    }
}
