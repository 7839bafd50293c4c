//! What headers say of transactions and receipts all together.

use alloy_consensus::{Header, TxReceipt as _, constants::EMPTY_ROOT_HASH};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{B256, Bloom};
use alloy_trie::root::ordered_trie_root_with_encoder;
use op_alloy_consensus::OpReceiptEnvelope;

use super::nowhere;
use crate::verify::Report;

/// The root of the transactions' bytes, in order.
pub(super) fn transactions_root(raw: &[impl AsRef<[u8]>]) -> B256 {
    match raw.is_empty() {
        true => EMPTY_ROOT_HASH,
        false => {
            ordered_trie_root_with_encoder(raw, |raw, out| out.extend_from_slice(raw.as_ref()))
        }
    }
}

/// The root of receipts, in order.
pub(super) fn receipts_root(receipts: &[OpReceiptEnvelope]) -> B256 {
    match receipts.is_empty() {
        true => EMPTY_ROOT_HASH,
        false => ordered_trie_root_with_encoder(receipts, |receipt, out| receipt.encode_2718(out)),
    }
}

/// What the header says of its receipts.
pub(super) fn receipt_sums(receipts: &[OpReceiptEnvelope], header: &Header, report: &mut Report) {
    let root = receipts_root(receipts);
    report.compare("receipts root", nowhere, &root, &header.receipts_root);
    let bloom = receipts
        .iter()
        .fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.bloom());
    report.compare("logs bloom", nowhere, &bloom, &header.logs_bloom);
    let gas = receipts
        .last()
        .map_or(0, |receipt| receipt.cumulative_gas_used());
    report.compare("block gas used", nowhere, &gas, &header.gas_used);
}
