//! A mini-block by itself: everything that can be checked without our state. Pure functions, run on any
//! core.

use std::sync::Arc;

use alloy_consensus::{TxReceipt as _, constants::EMPTY_ROOT_HASH};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bloom};

use super::bad_data::{BadData, Kind, same};
use crate::block::{MiniBlock, OrderedRoot, receipt_envelope};

/// No mini-block is larger: a block's transactions and their data stay far below.
pub(super) const MAX_RECORD: usize = 64 << 20;

/// From so many transactions on, the two roots are worth two cores.
const PARALLEL_FROM: usize = 64;

/// A mini-block whose digests and sums are right, and who signed it.
pub(super) struct Sound {
    pub(super) mini: Arc<MiniBlock>,
    pub(super) signer: Result<Address, BadData>,
    pub(super) sealer: Result<Address, BadData>,
}

/// Reads a record.
pub(super) fn read(record: &[u8]) -> Result<Sound, BadData> {
    if record.len() > MAX_RECORD {
        return Err(BadData::new(
            Kind::Size,
            format!(
                "a mini-block of {} bytes; at most {MAX_RECORD} are taken",
                record.len()
            ),
        ));
    }
    let (mini, content) = MiniBlock::decode_with_digests(record)
        .map_err(|error| BadData::new(Kind::Malformed, error.to_string()))?;
    let at = |what: &str| format!("mini-block {}: {what}", mini.number);
    let digest = at("digest of the diff");
    same(Kind::Diff, &digest, content.diff, mini.diff_digest)?;
    let gas = mini
        .txs
        .iter()
        .try_fold(0_u64, |sum, tx| sum.checked_add(tx.result.gas_used));
    let gas = gas.ok_or_else(|| BadData::new(Kind::Roots, at("the gas overflows")))?;
    same(Kind::Roots, &at("gas used"), gas, mini.gas_used)?;
    let signer = mini
        .signer()
        .map_err(|error| BadData::new(Kind::Signature, at(&error.to_string())));
    let sealer = mini
        .sealer(&content)
        .map_err(|error| BadData::new(Kind::Seal, at(&error.to_string())));
    Ok(Sound {
        mini: Arc::new(mini),
        signer,
        sealer,
    })
}

/// The receipts of a mini-block as its roots and its block's count them.
#[derive(Default)]
pub(super) struct Receipts {
    pub(super) encoded: Vec<Vec<u8>>,
    pub(super) bloom: Bloom,
}

/// Makes the receipts, and checks both roots. `gas_before` is the block's gas before the mini-block.
pub(super) fn check_roots(mini: &MiniBlock, gas_before: u64) -> Result<Receipts, BadData> {
    let transactions = || root_of(mini.txs.iter().map(|tx| &tx.raw[..]));
    let receipts = || {
        let receipts = receipts_of(mini, gas_before)?;
        let root = root_of(receipts.encoded.iter().map(Vec::as_slice));
        Ok((receipts, root))
    };
    let (transactions_root, receipts) = match mini.txs.len() {
        ..PARALLEL_FROM => (transactions(), receipts()),
        _ => rayon::join(transactions, receipts),
    };
    let (receipts, receipts_root) = receipts?;
    let at = |what: &str| format!("mini-block {}: {what}", mini.number);
    let (kind, what) = (Kind::Roots, at("transactions root"));
    same(kind, &what, transactions_root, mini.transactions_root)?;
    same(
        kind,
        &at("receipts root"),
        receipts_root,
        mini.receipts_root,
    )?;
    Ok(receipts)
}

/// The receipts of a mini-block whose gas sums are right.
pub(super) fn receipts_of(mini: &MiniBlock, gas_before: u64) -> Result<Receipts, BadData> {
    let mut receipts = Receipts {
        encoded: Vec::with_capacity(mini.txs.len()),
        bloom: Bloom::ZERO,
    };
    let mut gas = gas_before;
    for tx in &mini.txs {
        gas = gas.saturating_add(tx.result.gas_used);
        let receipt = receipt_envelope(tx, gas)
            .map_err(|error| BadData::new(Kind::Malformed, error.to_string()))?;
        receipts.bloom |= receipt.bloom();
        receipts.encoded.push(receipt.encoded_2718());
    }
    Ok(receipts)
}

fn root_of<'a>(items: impl Iterator<Item = &'a [u8]>) -> B256 {
    let mut root = OrderedRoot::default();
    items.for_each(|item| root.push(item));
    match root.is_empty() {
        true => EMPTY_ROOT_HASH,
        false => root.finish(),
    }
}
