//! A followed block's record: what its header must be, given the mini-blocks that came before it.

use alloy_consensus::{Header, constants::EMPTY_OMMER_ROOT_HASH};
use alloy_primitives::{Address, B256};

use super::bad_data::{BadData, Kind, same};
use crate::{
    block::{BlockRecord, BlockRoots, REQUESTS_HASH, prev_randao},
    chain::{ChainConfig, SharedBlock},
};

/// No block record is larger; a header has about 600 bytes.
const MAX_RECORD: usize = 64 << 10;

/// A block record, and who sealed it.
pub(super) struct SealedRecord {
    pub(super) block: SharedBlock,
    pub(super) content_signer: Result<Address, BadData>,
}

/// Reads a record.
pub(super) fn read(record: &[u8]) -> Result<SealedRecord, BadData> {
    if record.len() > MAX_RECORD {
        return Err(BadData::new(
            Kind::Size,
            format!(
                "a block record of {} bytes; at most {MAX_RECORD} are taken",
                record.len()
            ),
        ));
    }
    let block = BlockRecord::decode(record)
        .map_err(|error| BadData::new(Kind::Malformed, error.to_string()))?;
    let content_signer = block.content_signer().map_err(|error| {
        let reason = format!("block {}: {error}", block.header.number);
        BadData::new(Kind::Seal, reason)
    });
    Ok(SealedRecord {
        block: block.into(),
        content_signer,
    })
}

/// Checks everything in the header but the state root. `sums` are those of the block's mini-blocks,
/// `timestamp` is theirs, `withdrawals_root` that of our state.
pub(super) fn check(
    sums: &BlockRoots,
    header: &Header,
    config: &ChainConfig,
    timestamp: u64,
    withdrawals_root: B256,
) -> Result<(), BadData> {
    let at = |what: &str| format!("block {}: {what}", header.number);
    let roots =
        |what: &str, expected: B256, actual: B256| same(Kind::Roots, &at(what), expected, actual);
    roots(
        "transactions root",
        sums.transactions_root(),
        header.transactions_root,
    )?;
    roots("receipts root", sums.receipts_root(), header.receipts_root)?;
    if *sums.bloom() != header.logs_bloom {
        return Err(BadData::new(Kind::Roots, at("bloom of other logs")));
    }
    same(Kind::Roots, &at("gas used"), sums.gas(), header.gas_used)?;
    roots(
        "withdrawals root",
        withdrawals_root,
        header.withdrawals_root.unwrap_or_default(),
    )?;
    let fixed = Header {
        parent_hash: header.parent_hash,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: config.coinbase,
        state_root: header.state_root,
        transactions_root: header.transactions_root,
        receipts_root: header.receipts_root,
        logs_bloom: header.logs_bloom,
        number: header.number,
        gas_limit: config.gas_limit,
        gas_used: header.gas_used,
        timestamp,
        extra_data: config.extra_data.clone(),
        mix_hash: prev_randao(header.parent_hash, header.number),
        base_fee_per_gas: Some(config.base_fee),
        withdrawals_root: header.withdrawals_root,
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(REQUESTS_HASH),
        ..Header::default()
    };
    match fixed == *header {
        true => Ok(()),
        false => Err(BadData::new(
            Kind::Header,
            at("a field that the chain's rules fix is another"),
        )),
    }
}
