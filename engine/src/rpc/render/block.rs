//! JSON of an EVM block and of its header.

use alloy_consensus::{Header, constants::EMPTY_OMMER_ROOT_HASH};
use alloy_primitives::B256;
use alloy_rlp::Encodable;

use super::{
    BlockOffset, MiniPlace,
    json::{self, Object},
    mini::included,
    transaction,
};
use crate::block::{BlockRecord, MiniBlock, MiniSignature, RecordError, TxRecord};

/// How `eth_getBlockBy*` shows transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Hashes only.
    Hashes,
    /// Whole transactions.
    Full,
}

/// Writes a block with its transactions. `tx_offset` is how many the chain holds before it, if that is known.
pub(crate) fn block(
    out: &mut Vec<u8>,
    record: &BlockRecord,
    tx_offset: Option<u64>,
    minis: &[impl AsRef<MiniBlock>],
    detail: Detail,
) -> Result<(), RecordError> {
    let placed = minis.iter().flat_map(|mini| {
        let mini = mini.as_ref();
        let place = place_in(record, mini);
        mini.txs.iter().map(move |record| (place, record))
    });
    let mut object = Object::open(out);
    header_members(&mut object, &record.header, &record.hash);
    chain_members(&mut object, record, tx_offset);
    body_members(&mut object, &record.header, placed, detail)?;
    object.close();
    Ok(())
}

/// Opens a block that is in no chain, which may get more members.
pub(crate) fn unchained<'a>(
    out: &'a mut Vec<u8>,
    header: &Header,
    place: &MiniPlace,
    txs: &[TxRecord],
    detail: Detail,
) -> Result<Object<'a>, RecordError> {
    let mut object = Object::open(out);
    header_members(&mut object, header, &place.shown_hash());
    let placed = txs.iter().map(|record| (*place, record));
    body_members(&mut object, header, placed, detail)?;
    Ok(object)
}

/// The members about what is in the block.
fn body_members<'t>(
    object: &mut Object<'_>,
    header: &Header,
    placed: impl Iterator<Item = (MiniPlace, &'t TxRecord)> + Clone,
    detail: Detail,
) -> Result<(), RecordError> {
    let records = || placed.clone().map(|(_, record)| record);
    object.quantity("size", size(header, records()));
    let list = object.member("transactions");
    match detail {
        Detail::Hashes => json::array(list, records(), |out, record| {
            json::data(out, record.hash.as_slice());
        }),
        Detail::Full => full(list, placed)?,
    }
    object.member("uncles").extend_from_slice(b"[]");
    if header.withdrawals_root.is_some() {
        object.member("withdrawals").extend_from_slice(b"[]");
    }
    Ok(())
}

fn full<'t>(
    out: &mut Vec<u8>,
    placed: impl Iterator<Item = (MiniPlace, &'t TxRecord)>,
) -> Result<(), RecordError> {
    let mut offset = BlockOffset::default();
    out.push(b'[');
    for (place, record) in placed {
        if offset.transactions > 0 {
            out.push(b',');
        }
        let inclusion = included(&place, &offset, record, place.block_hash);
        let envelope = record.envelope()?;
        transaction::transaction(
            out,
            &envelope,
            &record.hash,
            &record.sender,
            Some(&inclusion),
        );
        offset = offset.after(record);
    }
    out.push(b']');
    Ok(())
}

/// The place of a mini-block in a sealed block.
pub(crate) fn place_in(record: &BlockRecord, mini: &MiniBlock) -> MiniPlace {
    MiniPlace {
        block_hash: Some(record.hash),
        block_number: record.header.number,
        block_timestamp: record.header.timestamp,
        base_fee: record.header.base_fee_per_gas.unwrap_or_default(),
        mini_number: mini.number,
        mini_timestamp_us: mini.timestamp_us,
    }
}

/// Writes a header alone, as `newHeads` and `eth_getHeaderBy*` show it.
///
/// The last three say nothing. web3.py takes a notification for a head if nine tenths of a block's members are there
/// (`either_set_is_a_subset`), and MegaETH's own members are more than a tenth of a header's.
pub(crate) fn header(out: &mut Vec<u8>, record: &BlockRecord, tx_offset: Option<u64>) {
    let mut object = Object::open(out);
    header_members(&mut object, &record.header, &record.hash);
    chain_members(&mut object, record, tx_offset);
    object.quantity("totalDifficulty", 0);
    object.member("uncles").extend_from_slice(b"[]");
    object.member("withdrawals").extend_from_slice(b"[]");
    object.close();
}

/// Ethereum's members of a header.
fn header_members(object: &mut Object<'_>, header: &Header, hash: &B256) {
    object
        .hash("hash", hash)
        .hash("parentHash", &header.parent_hash)
        .hash("sha3Uncles", &EMPTY_OMMER_ROOT_HASH)
        .data("miner", header.beneficiary.as_slice())
        .hash("stateRoot", &header.state_root)
        .hash("transactionsRoot", &header.transactions_root)
        .hash("receiptsRoot", &header.receipts_root)
        .data("logsBloom", header.logs_bloom.as_slice())
        .quantity_u256("difficulty", &header.difficulty)
        .quantity("number", header.number)
        .quantity("gasLimit", header.gas_limit)
        .quantity("gasUsed", header.gas_used)
        .quantity("timestamp", header.timestamp)
        .data("extraData", &header.extra_data)
        .hash("mixHash", &header.mix_hash)
        .data("nonce", header.nonce.as_slice());
    let quantities = [
        ("baseFeePerGas", header.base_fee_per_gas),
        ("blobGasUsed", header.blob_gas_used),
        ("excessBlobGas", header.excess_blob_gas),
    ];
    for (name, value) in quantities {
        if let Some(value) = value {
            object.quantity(name, value);
        }
    }
    let hashes: [(&str, Option<B256>); 3] = [
        ("withdrawalsRoot", header.withdrawals_root),
        ("parentBeaconBlockRoot", header.parent_beacon_block_root),
        ("requestsHash", header.requests_hash),
    ];
    for (name, value) in hashes {
        if let Some(value) = value {
            object.hash(name, &value);
        }
    }
}

/// MegaETH's members of a block.
fn chain_members(object: &mut Object<'_>, record: &BlockRecord, tx_offset: Option<u64>) {
    object
        .quantity("miniBlockCount", record.mini_count)
        .quantity("miniBlockOffset", record.first_mini);
    if let Some(tx_offset) = tx_offset {
        object.quantity("txOffset", tx_offset);
    }
    if record.content_signature != MiniSignature::default() {
        object.data("signature", &record.content_signature.to_bytes());
    }
}

/// The length of the block's RLP: header, transactions, no ommers, no withdrawals.
fn size<'a>(header: &Header, transactions: impl Iterator<Item = &'a TxRecord>) -> u64 {
    let transactions: usize = transactions
        .map(|record| match record.raw.first() {
            // A legacy transaction is a list already; a typed one is wrapped in a string.
            Some(first) if *first >= 0xc0 => record.raw.len(),
            _ => record.raw.length(),
        })
        .sum();
    let list = |payload: usize| payload + alloy_rlp::length_of_length(payload);
    let empty_lists = 1 + usize::from(header.withdrawals_root.is_some());
    list(header.length() + list(transactions) + empty_lists) as u64
}
