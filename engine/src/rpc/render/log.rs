//! JSON of one log.

use alloy_primitives::{B256, Log};

use super::{
    MiniPlace,
    json::{self, Object},
};

/// What a log shows besides itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogPlace<'a> {
    /// The mini-block.
    pub place: &'a MiniPlace,
    /// The transaction.
    pub transaction_hash: &'a B256,
    /// The transaction's index in the EVM block.
    pub transaction_index: u64,
    /// The log's index in the EVM block.
    pub log_index: u64,
}

/// Writes the log.
pub(crate) fn log(out: &mut Vec<u8>, log: &Log, at: LogPlace<'_>) {
    Logs::default().write(out, log, at);
}

/// Writes logs one after the other. What those of a transaction have in common is rendered once.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    /// Block and transaction that `shared` is of.
    of: Option<(B256, B256)>,
    /// Members from the block's hash to the transaction's index.
    shared: Vec<u8>,
}

impl Logs {
    /// Writes the next log.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, log: &Log, at: LogPlace<'_>) {
        let of = Some((at.place.shown_hash(), *at.transaction_hash));
        if self.of != of {
            self.of = of;
            self.share(at);
        }
        let mut object = Object::open(out);
        object.data("address", log.address.as_slice());
        json::array(object.member("topics"), log.topics(), |out, topic| {
            json::data(out, topic.as_slice());
        });
        object
            .data("data", &log.data.data)
            .rendered(&self.shared)
            .quantity("logIndex", at.log_index)
            .bool("removed", false);
        object.close();
    }

    fn share(&mut self, at: LogPlace<'_>) {
        self.shared.clear();
        Object::members(&mut self.shared)
            .hash("blockHash", &at.place.shown_hash())
            .quantity("blockNumber", at.place.block_number)
            .quantity("blockTimestamp", at.place.block_timestamp)
            .hash("transactionHash", at.transaction_hash)
            .quantity("transactionIndex", at.transaction_index);
    }
}
