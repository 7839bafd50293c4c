//! JSON of a transaction.

use alloy_consensus::{SignableTransaction, Signed, Transaction as _};
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, U256};
use op_alloy_consensus::{OpTxEnvelope, TxDeposit};

use super::{
    json::{self, Object},
    receipt::DEPOSIT_RECEIPT_VERSION,
};

/// Where a transaction is included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inclusion {
    /// The EVM block's hash; null in a stream, where the block is not sealed yet.
    pub block_hash: Option<B256>,
    /// The EVM block's number.
    pub block_number: u64,
    /// The EVM block's timestamp, seconds.
    pub block_timestamp: u64,
    /// Index in the EVM block.
    pub index: u64,
    /// The EVM block's base fee, wei.
    pub base_fee: u64,
    /// A deposit's nonce.
    pub deposit_nonce: Option<u64>,
}

/// Writes a transaction, in the pool if it has no `inclusion`.
pub(crate) fn transaction(
    out: &mut Vec<u8>,
    envelope: &OpTxEnvelope,
    hash: &B256,
    sender: &Address,
    inclusion: Option<&Inclusion>,
) {
    let mut object = Object::open(out);
    match inclusion.and_then(|inclusion| inclusion.block_hash) {
        Some(block_hash) => object.hash("blockHash", &block_hash),
        None => object.null("blockHash"),
    };
    match inclusion {
        Some(at) => object
            .quantity("blockNumber", at.block_number)
            .quantity("blockTimestamp", at.block_timestamp)
            .quantity("transactionIndex", at.index),
        None => object
            .null("blockNumber")
            .null("blockTimestamp")
            .null("transactionIndex"),
    };
    let deposit_nonce = inclusion.and_then(|inclusion| inclusion.deposit_nonce);
    object
        .hash("hash", hash)
        .data("from", sender.as_slice())
        .quantity("type", u64::from(envelope.tx_type() as u8))
        .quantity("nonce", deposit_nonce.unwrap_or_else(|| envelope.nonce()))
        .address_or_null("to", envelope.kind().to())
        .quantity_u256("value", &envelope.value())
        .quantity("gas", envelope.gas_limit())
        .data("input", envelope.input())
        // Before inclusion the price is the most that may be paid.
        .quantity_u128(
            "gasPrice",
            match inclusion {
                Some(at) => envelope.effective_gas_price(Some(at.base_fee)),
                None => envelope.max_fee_per_gas(),
            },
        );
    match envelope {
        OpTxEnvelope::Legacy(signed) => {
            let parity = signed.signature().v();
            let v = match signed.tx().chain_id {
                Some(chain_id) => {
                    object.quantity("chainId", chain_id);
                    u128::from(chain_id) * 2 + 35 + u128::from(parity)
                }
                None => 27 + u128::from(parity),
            };
            object.quantity_u128("v", v);
            r_and_s(&mut object, signed);
        }
        OpTxEnvelope::Eip2930(signed) => {
            typed(
                &mut object,
                signed.tx().chain_id,
                &signed.tx().access_list,
                signed,
            );
        }
        OpTxEnvelope::Eip1559(signed) => {
            fees(&mut object, envelope);
            typed(
                &mut object,
                signed.tx().chain_id,
                &signed.tx().access_list,
                signed,
            );
        }
        OpTxEnvelope::Eip7702(signed) => {
            fees(&mut object, envelope);
            let list = &signed.tx().authorization_list;
            json::array(object.member("authorizationList"), list, authorization);
            typed(
                &mut object,
                signed.tx().chain_id,
                &signed.tx().access_list,
                signed,
            );
        }
        OpTxEnvelope::Deposit(sealed) => deposit(&mut object, sealed.inner()),
    }
    object.close();
}

fn fees(object: &mut Object<'_>, envelope: &OpTxEnvelope) {
    object
        .quantity_u128("maxFeePerGas", envelope.max_fee_per_gas())
        .quantity_u128(
            "maxPriorityFeePerGas",
            envelope.max_priority_fee_per_gas().unwrap_or_default(),
        );
}

/// What all EIP-2718 types with a signature have.
fn typed<T: SignableTransaction<alloy_primitives::Signature>>(
    object: &mut Object<'_>,
    chain_id: u64,
    list: &AccessList,
    signed: &Signed<T>,
) {
    let parity = u64::from(signed.signature().v());
    object.quantity("chainId", chain_id);
    access_list(object.member("accessList"), list);
    object.quantity("v", parity).quantity("yParity", parity);
    r_and_s(object, signed);
}

fn r_and_s<T>(object: &mut Object<'_>, signed: &Signed<T>) {
    let signature = signed.signature();
    object
        .quantity_u256("r", &signature.r())
        .quantity_u256("s", &signature.s());
}

/// Writes an access list.
pub(crate) fn access_list(out: &mut Vec<u8>, list: &AccessList) {
    json::array(out, &list.0, |out, item| {
        let mut object = Object::open(out);
        object.data("address", item.address.as_slice());
        json::array(
            object.member("storageKeys"),
            &item.storage_keys,
            |out, key| {
                json::data(out, key.as_slice());
            },
        );
        object.close();
    });
}

fn authorization(out: &mut Vec<u8>, authorization: &SignedAuthorization) {
    let mut object = Object::open(out);
    object
        .quantity_u256("chainId", &authorization.chain_id)
        .data("address", authorization.address.as_slice())
        .quantity("nonce", authorization.nonce)
        .quantity("yParity", u64::from(authorization.y_parity()))
        .quantity_u256("r", &authorization.r())
        .quantity_u256("s", &authorization.s());
    object.close();
}

/// As the real chain tells of deposits. `isSystemTx` is left out: since Regolith nothing in a block can be one,
/// and clients disagree on whether it is a boolean (op-geth) or a quantity (op-alloy).
fn deposit(object: &mut Object<'_>, deposit: &TxDeposit) {
    object
        .hash("sourceHash", &deposit.source_hash)
        .quantity_u128("mint", deposit.mint)
        .quantity("depositReceiptVersion", DEPOSIT_RECEIPT_VERSION)
        .quantity("v", 0)
        .quantity("yParity", 0)
        .quantity_u256("r", &U256::ZERO)
        .quantity_u256("s", &U256::ZERO);
}
