//! Where the log stands: what must come next, by number, index, parent and time.

use alloy_primitives::B256;

use super::bad_data::{BadData, Kind, same};
use crate::{
    block::{BlockRecord, MiniBlock},
    chain::SharedBlock,
};

/// The place of an item in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemPlace {
    /// It comes next. Its block used so much gas before it.
    Next { gas_before: u64 },
    /// Something with this number is there already.
    Known,
}

/// Where the log stands.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    /// The last sealed block.
    parent: u64,
    parent_hash: B256,
    parent_timestamp: u64,
    first_mini: u64,
    /// The open block's mini-blocks.
    count: u64,
    /// The open block's timestamp, once it has a mini-block.
    timestamp: u64,
    /// The open block's gas.
    gas: u64,
    /// Blocks of a second and more have strictly increasing timestamps.
    least_step: u64,
}

impl Cursor {
    /// Behind a block and the mini-blocks that came since.
    pub(super) fn new(
        parent: &BlockRecord,
        open: &[std::sync::Arc<MiniBlock>],
        block_time_ms: u64,
    ) -> Self {
        let mut cursor = Self {
            parent: parent.header.number,
            parent_hash: parent.hash,
            parent_timestamp: parent.header.timestamp,
            first_mini: parent.next_mini(),
            count: 0,
            timestamp: 0,
            gas: 0,
            least_step: u64::from(block_time_ms >= 1000),
        };
        open.iter().for_each(|mini| cursor.pass_mini(mini));
        cursor
    }

    /// Checks that a mini-block comes next, and steps behind it.
    pub(super) fn take_mini(&mut self, mini: &MiniBlock) -> Result<ItemPlace, BadData> {
        let next = self.first_mini + self.count;
        if mini.number < next {
            return Ok(ItemPlace::Known);
        }
        let order = Kind::Order;
        same(order, "mini-block number", next, mini.number)?;
        let at = |what: &str| format!("mini-block {next}: {what}");
        same(order, &at("block"), self.parent + 1, mini.block_number)?;
        same(order, &at("index"), self.count, mini.index)?;
        if self.count > 0 {
            let what = at("block timestamp");
            same(order, &what, self.timestamp, mini.block_timestamp)?;
        } else if mini.block_timestamp < self.parent_timestamp + self.least_step {
            return Err(BadData::new(
                order,
                format!(
                    "{} {} is not after the parent's, {}",
                    at("block timestamp"),
                    mini.block_timestamp,
                    self.parent_timestamp
                ),
            ));
        }
        let gas_before = self.gas;
        if gas_before.checked_add(mini.gas_used).is_none() {
            return Err(BadData::new(Kind::Roots, at("the gas overflows")));
        }
        self.pass_mini(mini);
        Ok(ItemPlace::Next { gas_before })
    }

    fn pass_mini(&mut self, mini: &MiniBlock) {
        self.count += 1;
        self.timestamp = mini.block_timestamp;
        self.gas = self.gas.saturating_add(mini.gas_used);
    }

    /// Checks that a block closes the open mini-blocks, and steps behind it.
    pub(super) fn take_block(&mut self, block: &SharedBlock) -> Result<ItemPlace, BadData> {
        let header = &block.header;
        if header.number <= self.parent {
            return Ok(ItemPlace::Known);
        }
        same(Kind::Order, "block number", self.parent + 1, header.number)?;
        let at = |what: &str| format!("block {}: {what}", header.number);
        let what = at("first mini-block");
        same(Kind::Order, &what, self.first_mini, block.first_mini)?;
        let what = at("number of mini-blocks");
        same(Kind::Order, &what, self.count, block.mini_count)?;
        if self.count == 0 {
            return Err(BadData::new(Kind::Order, at("it has no mini-blocks")));
        }
        let what = at("parent's hash");
        same(Kind::Parent, &what, self.parent_hash, header.parent_hash)?;
        let gas_before = self.gas;
        *self = Self {
            parent: header.number,
            parent_hash: block.hash,
            parent_timestamp: header.timestamp,
            first_mini: block.next_mini(),
            count: 0,
            timestamp: 0,
            gas: 0,
            least_step: self.least_step,
        };
        Ok(ItemPlace::Next { gas_before })
    }
}
