//! Methods about accounts: balance, nonce, code and storage.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256};

use super::{
    Method, Node, RpcError,
    params::Params,
    read::{Answer, state_error},
    render::json::{self, Object},
    values,
};
use crate::block::PlainAccount;

/// This room's methods.
pub(super) const METHODS: &[Method] = &[
    Method::cheap("eth_getBalance", get_balance),
    Method::cheap("eth_getCode", get_code),
    Method::cheap("eth_getCodeByHash", get_code_by_hash),
    Method::cheap("eth_getStorageAt", get_storage_at),
    Method::cheap("eth_getStorageValues", get_storage_values),
    Method::cheap("eth_getTransactionCount", get_transaction_count),
    Method::cheap("eth_getAccountInfo", get_account_info),
];

/// `eth_getBalance(address, block)`.
fn get_balance(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    let account = account(node, params, 1)?;
    Ok(json::bytes(|out| {
        json::quantity_u256(out, &account.balance)
    }))
}

/// `eth_getTransactionCount(address, block)`; `pending` counts the pool's transactions too.
fn get_transaction_count(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    let account = account(node, params, 1)?;
    let mut nonce = account.nonce;
    if params.block(1)? == BlockId::Number(BlockNumberOrTag::Pending) {
        let address = params.required(0, values::address)?;
        nonce = nonce.max(node.pool.pending_nonce(&address));
    }
    Ok(json::quantity_bytes(nonce))
}

/// `eth_getCode(address, block)`.
fn get_code(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(2)?;
    let address = params.required(0, values::address)?;
    let (view, _) = node.view(params.block(1)?)?;
    let account = view
        .account(address)
        .map_err(state_error)?
        .unwrap_or_default();
    let code = view.code(account.code_hash).map_err(state_error)?;
    Ok(json::data_bytes(code.original_byte_slice()))
}

/// `eth_getCodeByHash(hash)`: null if nobody has such code.
fn get_code_by_hash(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(2)?;
    let hash: B256 = params.required(0, values::hash)?;
    if let Some(code) = node.chain.world.code(&hash) {
        return Ok(json::data_bytes(code.original_byte_slice()));
    }
    Ok(node
        .chain
        .archive
        .code(&hash)
        .map_or_else(json::null_bytes, |code| json::data_bytes(&code)))
}

/// `eth_getStorageAt(address, slot, block)`.
fn get_storage_at(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(3)?;
    let address = params.required(0, values::address)?;
    let slot = params.required(1, values::slot)?;
    let (view, _) = node.view(params.block(2)?)?;
    let value = view.slot(address, slot).map_err(state_error)?;
    Ok(json::data_bytes(&value.to_be_bytes::<32>()))
}

/// Slots in one `eth_getStorageValues` at most.
const MAX_STORAGE_VALUES: usize = 1024;

/// `eth_getStorageValues({address: [slot, ...]}, block)`.
fn get_storage_values(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(2)?;
    let wanted = params.required(0, |raw| {
        let mut wanted = Vec::new();
        for (address, slots) in values::members(raw)? {
            let slots = values::in_member(&address, values::list(slots.get(), values::slot))?;
            let quoted = serde_json::Value::String(address).to_string();
            wanted.push((values::address(&quoted)?, slots));
        }
        match wanted.iter().map(|(_, slots)| slots.len()).sum::<usize>() {
            0 => Err("empty request".to_owned()),
            n if n > MAX_STORAGE_VALUES => {
                Err(format!("too many slots (max {MAX_STORAGE_VALUES})"))
            }
            _ => Ok(wanted),
        }
    })?;
    let (view, _) = node.view(params.block(1)?)?;
    let mut out = Vec::new();
    let mut object = Object::open(&mut out);
    for (address, slots) in wanted {
        let values: Result<Vec<_>, _> =
            slots.iter().map(|slot| view.slot(address, *slot)).collect();
        let values = values.map_err(state_error)?;
        json::array(
            object.member(&format!("{address:#x}")),
            values,
            |out, value| {
                json::data(out, &value.to_be_bytes::<32>());
            },
        );
    }
    object.close();
    Ok(out)
}

/// `eth_getAccountInfo(address, block)`: balance, nonce and code in one.
fn get_account_info(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(2)?;
    let address = params.required(0, values::address)?;
    let (view, _) = node.view(params.block(1)?)?;
    let account = view
        .account(address)
        .map_err(state_error)?
        .unwrap_or_default();
    let code = view.code(account.code_hash).map_err(state_error)?;
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        object
            .quantity_u256("balance", &account.balance)
            .quantity("nonce", account.nonce)
            .data("code", code.original_byte_slice());
        object.close();
    }))
}

/// The account at parameter 0 in the block at parameter `block`.
fn account(node: &Node, params: &Params<'_>, block: usize) -> Result<PlainAccount, RpcError> {
    params.at_most(block + 1)?;
    let address: Address = params.required(0, values::address)?;
    let (view, _) = node.view(params.block(block)?)?;
    Ok(view
        .account(address)
        .map_err(state_error)?
        .unwrap_or_default())
}
