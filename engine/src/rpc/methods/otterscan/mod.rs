//! `ots_*`: what the block explorer Otterscan asks besides Ethereum's methods, in the forms that Erigon gives it.

mod blocks;
mod creator;
mod operations;
mod search;

use alloy_primitives::Address;

use super::{
    Method, Node, RpcError,
    blocks::get_header_by_number,
    params::Params,
    read::{Answer, state_error},
    render::json,
    transactions, values,
};
use crate::state::StateReader as _;

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("ots_getApiLevel", &[], get_api_level, "The version of these methods."),
    Method::inline("ots_hasCode", &["address", "block?"], has_code, "Whether an account is a contract."),
    Method::worker("ots_getInternalOperations", &["hash"], operations::internal, "The ether that a transaction's calls sent, and the contracts that they made and ended."),
    Method::worker("ots_traceTransaction", &["hash"], operations::trace, "The calls of a transaction, each with its depth."),
    Method::worker("ots_getTransactionError", &["hash"], operations::error, "What a failed transaction returned; nothing of one that succeeded."),
    Method::worker("ots_getTransactionBySenderAndNonce", &["address", "nonce"], by_sender_and_nonce, "The hash of the transaction with which an account used a nonce."),
    Method::worker("ots_getContractCreator", &["address"], creator::creator, "Who created a contract, and in which transaction."),
    Method::worker("ots_getBlockDetails", &["number or tag"], blocks::details_by_number, "A block without its transactions, with the fees that they paid."),
    Method::worker("ots_getBlockDetailsByHash", &["hash"], blocks::details_by_hash, "A block without its transactions, with the fees that they paid."),
    Method::worker("ots_getBlockTransactions", &["number or tag", "page", "page size"], blocks::transactions, "A block's transactions page by page from the last on, with short calldata and receipts."),
    Method::worker("ots_searchTransactionsBefore", &["address", "block number", "page size"], search::before, "The transactions in whose calls an account is, from a block on back."),
    Method::worker("ots_searchTransactionsAfter", &["address", "block number", "page size"], search::after, "The transactions in whose calls an account is, from a block on."),
    Method::inline("erigon_getHeaderByNumber", &["number or tag"], get_header_by_number, "A block's header."),
];

/// What Otterscan compares with what it needs.
const API_LEVEL: u64 = 8;

/// `ots_getApiLevel()`.
fn get_api_level(_: &Node, _: &Params<'_>) -> Answer {
    Ok(json::bytes(|out| json::number(out, API_LEVEL)))
}

/// `ots_hasCode(address, block)`.
fn has_code(node: &Node, params: &Params<'_>) -> Answer {
    let address = params.required(0, values::address)?;
    let (view, _) = node.view(params.block(1)?)?;
    let is_contract = is_contract(&view, address)?;
    Ok(is_contract.to_string().into_bytes())
}

/// Whether an account has code in a state.
fn is_contract(view: &crate::state::View, address: Address) -> Result<bool, RpcError> {
    let account = view.account(address).map_err(state_error)?;
    Ok(account.is_some_and(|account| account.code_hash != revm::primitives::KECCAK_EMPTY))
}

/// `ots_getTransactionBySenderAndNonce(address, nonce)`: null if there is none.
fn by_sender_and_nonce(node: &Node, params: &Params<'_>) -> Answer {
    let sender = params.required(0, values::address)?;
    let nonce = params.required(1, values::quantity)?;
    let place = transactions::by_nonce(node, sender, nonce)?;
    let record = place
        .as_ref()
        .and_then(|place| place.mini.txs.get(place.index));
    Ok(record.map_or_else(json::null_bytes, |record| {
        json::data_bytes(record.hash.as_slice())
    }))
}
