//! JSON of a receipt: Ethereum's fields, OP's for deposits, and the `mega` object.

use alloy_consensus::Transaction as _;
use alloy_primitives::TxKind;
use mega_evm::MegaSpecId;
use op_alloy_consensus::OpTxEnvelope;

use super::{
    BlockOffset, MiniPlace,
    json::{self, Object},
    log::{LogPlace, Logs},
};
use crate::{
    block::{RecordError, TxRecord, logs_bloom},
    evm::usage,
};

/// The version of deposit receipts since Canyon.
pub(super) const DEPOSIT_RECEIPT_VERSION: u64 = 1;

/// `logsBloom` of no logs: 256 zero bytes.
const EMPTY_BLOOM: [u8; 256] = [0; 256];

/// Writes the receipt of `record`, which was executed under `spec`.
pub(crate) fn receipt(
    out: &mut Vec<u8>,
    record: &TxRecord,
    place: &MiniPlace,
    offset: &BlockOffset,
    spec: MegaSpecId,
) -> Result<(), RecordError> {
    let envelope = record.envelope()?;
    let result = &record.result;
    let nonce = result.deposit_nonce.unwrap_or_else(|| envelope.nonce());
    let to = match envelope.kind() {
        TxKind::Call(to) => Some(to),
        TxKind::Create => None,
    };
    let created = to.is_none().then(|| record.sender.create(nonce));

    let mut object = Object::open(out);
    object
        .quantity("type", u64::from(envelope.tx_type() as u8))
        .quantity("status", u64::from(result.success))
        .quantity("cumulativeGasUsed", offset.gas + result.gas_used);
    let mut rendered = Logs::default();
    json::array(
        object.member("logs"),
        result.logs.iter().enumerate(),
        |out, (nth, entry)| {
            let at = LogPlace {
                place,
                transaction_hash: &record.hash,
                transaction_index: offset.transactions,
                log_index: offset.logs + nth as u64,
            };
            rendered.write(out, entry, at);
        },
    );
    if result.logs.is_empty() {
        object.data("logsBloom", &EMPTY_BLOOM);
    } else {
        object.data("logsBloom", logs_bloom(&result.logs).as_slice());
    }
    object
        .hash("transactionHash", &record.hash)
        .quantity("transactionIndex", offset.transactions)
        .hash("blockHash", &place.shown_hash())
        .quantity("blockNumber", place.block_number)
        .quantity("gasUsed", result.gas_used)
        .quantity_u128(
            "effectiveGasPrice",
            envelope.effective_gas_price(Some(place.base_fee)),
        )
        .data("from", record.sender.as_slice())
        .address_or_null("to", to.as_ref())
        .address_or_null("contractAddress", created.as_ref());
    if matches!(envelope, OpTxEnvelope::Deposit(_)) {
        object
            .quantity("depositNonce", nonce)
            .quantity("depositReceiptVersion", DEPOSIT_RECEIPT_VERSION);
    } else {
        // There is no L1 under a devnet; OP clients expect the fields.
        object
            .quantity("l1GasPrice", 0)
            .quantity("l1GasUsed", 0)
            .quantity("l1Fee", 0);
    }
    let mut mega = Object::open(object.member("mega"));
    usage::members(&mut mega, spec, result);
    if !result.output.is_empty() {
        mega.data("output", &result.output);
    }
    mega.quantity("miniBlock", place.mini_number)
        .quantity("miniBlockTimestamp", place.mini_timestamp_us);
    mega.close();
    object.close();
    Ok(())
}
