//! Receipts, which methods show and transactions that wait for them are answered with.

use mega_evm::MegaHardforks as _;
use std::sync::Arc;

use super::Node;
use super::read::{Answer, damaged};
use crate::block::{MiniBlock, TxRecord};
use crate::rpc::RpcError;
use crate::rpc::render::{BlockOffset, receipt};

impl Node {
    /// The receipt of the transaction at `index` of a mini-block.
    pub(crate) fn receipt_json(&self, mini: &Arc<MiniBlock>, index: usize) -> Answer {
        let place = self.place_of(mini)?;
        let (record, offset) = self.locate(mini, index)?;
        let mut out = Vec::with_capacity(1536);
        let spec = self.chain.hardforks.spec_id(mini.block_timestamp);
        receipt::receipt(&mut out, record, &place, &offset, spec).map_err(damaged)?;
        Ok(out)
    }

    /// A transaction's record, and what its EVM block holds before it.
    pub(crate) fn locate<'a>(
        &self,
        mini: &'a MiniBlock,
        index: usize,
    ) -> Result<(&'a TxRecord, BlockOffset), RpcError> {
        let mut offset = self.offset_of(mini)?;
        for earlier in mini.txs.iter().take(index) {
            offset = offset.after(earlier);
        }
        let record = mini.txs.get(index).ok_or_else(|| {
            RpcError::internal(format!(
                "mini-block {} has no transaction {index}",
                mini.number
            ))
        })?;
        Ok((record, offset))
    }
}
