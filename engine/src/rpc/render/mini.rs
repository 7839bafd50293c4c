//! JSON of a mini-block: the payload of the `miniBlocks` subscription, in snake_case as on the real
//! chain, and a short form without transactions.

use alloy_primitives::B256;
use mega_evm::MegaSpecId;

use super::{
    BlockOffset, MiniPlace,
    json::{self, Object},
    receipt,
    transaction::{self, Inclusion},
};
use crate::block::{MiniBlock, RecordError, TxRecord};

/// Writes the whole mini-block. `offset` is what its EVM block holds before it, `spec` whose rules it was executed under.
pub(crate) fn mini_block(
    out: &mut Vec<u8>,
    mini: &MiniBlock,
    place: &MiniPlace,
    offset: BlockOffset,
    spec: MegaSpecId,
) -> Result<(), RecordError> {
    let mut object = Object::open(out);
    common(&mut object, mini);

    let mut at = offset;
    let list = object.member("transactions");
    list.push(b'[');
    for (nth, record) in mini.txs.iter().enumerate() {
        if nth > 0 {
            list.push(b',');
        }
        let inclusion = included(place, &at, record, place.block_hash);
        let envelope = record.envelope()?;
        transaction::transaction(
            list,
            &envelope,
            &record.hash,
            &record.sender,
            Some(&inclusion),
        );
        at = at.after(record);
    }
    list.push(b']');

    let mut at = offset;
    let list = object.member("receipts");
    list.push(b'[');
    for (nth, record) in mini.txs.iter().enumerate() {
        if nth > 0 {
            list.push(b',');
        }
        receipt::receipt(list, record, place, &at, spec)?;
        at = at.after(record);
    }
    list.push(b']');
    object.close();
    Ok(())
}

/// Writes the mini-block with transaction hashes only.
pub(crate) fn summary(out: &mut Vec<u8>, mini: &MiniBlock) {
    let mut object = Object::open(out);
    common(&mut object, mini);
    json::array(object.member("transactions"), &mini.txs, |out, record| {
        json::data(out, record.hash.as_slice());
    });
    object.close();
}

fn common(object: &mut Object<'_>, mini: &MiniBlock) {
    object
        .quantity("block_number", mini.block_number)
        .quantity("block_timestamp", mini.block_timestamp)
        .quantity("index", mini.index)
        .quantity("mini_block_number", mini.number)
        .quantity("mini_block_timestamp", mini.timestamp_us)
        .quantity("gas_used", mini.gas_used)
        .hash("transaction_root", &mini.transactions_root)
        .hash("receipt_root", &mini.receipts_root);
    let mut signature = Object::open(object.member("signature"));
    signature
        .quantity_u256("r", &mini.signature.r)
        .quantity_u256("s", &mini.signature.s)
        .quantity("yParity", u64::from(mini.signature.y_parity));
    signature.close();
}

/// Where `record` is included. A transaction's block hash is null while its block is open, unless
/// the caller wants receipts' placeholder.
pub(crate) fn included(
    place: &MiniPlace,
    offset: &BlockOffset,
    record: &TxRecord,
    block_hash: Option<B256>,
) -> Inclusion {
    Inclusion {
        block_hash,
        block_number: place.block_number,
        block_timestamp: place.block_timestamp,
        index: offset.transactions,
        base_fee: place.base_fee,
        deposit_nonce: record.result.deposit_nonce,
    }
}
