//! Methods about accounts: balance, nonce, code and storage.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256};

use super::{
    Home, Method, Node, RpcError,
    before::Before,
    block_id,
    blocks::by_id,
    params::Params,
    read::{Answer, state_error},
    render::json::{self, Object},
    values,
};
use crate::{
    block::PlainAccount,
    state::{StateReader, View},
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("eth_getBalance", &["address", "block?"], get_balance, "An account's balance, in wei."),
    Method::inline("eth_getCode", &["address", "block?"], get_code, "A contract's code."),
    Method::inline("eth_getCodeByHash", &["hash", "block?"], get_code_by_hash, "The code with this hash."),
    Method::inline("eth_getStorageAt", &["address", "slot", "block?"], get_storage_at, "The value of a contract's slot."),
    Method::inline("eth_getStorageValues", &["slots by address", "block?"], get_storage_values, "The values of many slots."),
    Method::inline("eth_getTransactionCount", &["address", "block?"], get_transaction_count, "An account's nonce; at `pending` with the pool's transactions.").of(Home::Pool),
    Method::inline("debug_codeByHash", &["hash", "block?"], get_code_by_hash, "The code with this hash."),
    Method::inline("eth_getAccount", &["address", "block?"], get_account, "An account's nonce, balance and code hash."),
    Method::worker("debug_accountInfoAt", &["block", "index", "address"], account_info_at, "An account's balance, nonce and code after a transaction of a block."),
    Method::inline("eth_getAccountInfo", &["address", "block?"], get_account_info, "An account's balance, nonce and code."),
];

/// `eth_getBalance(address, block)`.
fn get_balance(node: &Node, params: &Params<'_>) -> Answer {
    let (_, account) = view_and_account(node, params)?;
    Ok(json::bytes(|out| {
        json::quantity_u256(out, &account.balance)
    }))
}

/// `eth_getTransactionCount(address, block)`; `pending` counts the pool's transactions too.
fn get_transaction_count(node: &Node, params: &Params<'_>) -> Answer {
    let (_, account) = view_and_account(node, params)?;
    let mut nonce = account.nonce;
    if params.block(1)? == BlockId::Number(BlockNumberOrTag::Pending) {
        let address = params.required(0, values::address)?;
        let pending = node.pool.pending_nonce(&address);
        nonce = nonce.max(pending.map_err(state_error)?);
    }
    Ok(json::quantity_bytes(nonce))
}

/// `eth_getCode(address, block)`.
fn get_code(node: &Node, params: &Params<'_>) -> Answer {
    let (view, account) = view_and_account(node, params)?;
    let code = view.code(account.code_hash).map_err(state_error)?;
    Ok(json::data_bytes(code.original_byte_slice()))
}

/// `eth_getCodeByHash(hash)`: null if nobody has such code.
fn get_code_by_hash(node: &Node, params: &Params<'_>) -> Answer {
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
fn get_storage_at(node: &Node, params: &Params<'_>) -> Answer {
    let address = params.required(0, values::address)?;
    let slot = params.required(1, values::slot)?;
    let (view, _) = node.view(params.block(2)?)?;
    let value = view.slot(address, slot).map_err(state_error)?;
    Ok(json::data_bytes(&value.to_be_bytes::<32>()))
}

/// Slots in one `eth_getStorageValues` at most.
const MAX_STORAGE_VALUES: usize = 1024;

/// `eth_getStorageValues({address: [slot, ...]}, block)`.
fn get_storage_values(node: &Node, params: &Params<'_>) -> Answer {
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

/// `eth_getAccount(address, block)`. Nothing is under a storage root, which MegaETH does not have.
fn get_account(node: &Node, params: &Params<'_>) -> Answer {
    let (_, account) = view_and_account(node, params)?;
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        object
            .quantity("nonce", account.nonce)
            .quantity_u256("balance", &account.balance)
            .hash("storageRoot", &B256::ZERO)
            .hash("codeHash", &account.code_hash);
        object.close();
    }))
}

/// `eth_getAccountInfo(address, block)`: balance, nonce and code in one.
fn get_account_info(node: &Node, params: &Params<'_>) -> Answer {
    let (view, account) = view_and_account(node, params)?;
    info(&view, &account)
}

/// `debug_accountInfoAt(block, index, address)`: null if there is no such transaction.
fn account_info_at(node: &Node, params: &Params<'_>) -> Answer {
    let id = params.required(0, block_id::read)?;
    let index = params.required(1, values::quantity)?;
    let address = params.required(2, values::address)?;
    let Some(block) = by_id(node, id)? else {
        return Ok(json::null_bytes());
    };
    let Some(after) = Before::transaction(node, &block, index.saturating_add(1))? else {
        return Ok(json::null_bytes());
    };
    let account = after.account(address).map_err(state_error)?;
    info(&after, &account.unwrap_or_default())
}

fn info(state: &impl StateReader, account: &PlainAccount) -> Answer {
    let code = state.code(account.code_hash).map_err(state_error)?;
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        object
            .quantity_u256("balance", &account.balance)
            .quantity("nonce", account.nonce)
            .data("code", code.original_byte_slice());
        object.close();
    }))
}

/// The state at the block that the second parameter names, and in it the account that the first does.
fn view_and_account(node: &Node, params: &Params<'_>) -> Result<(View, PlainAccount), RpcError> {
    let address: Address = params.required(0, values::address)?;
    let (view, _) = node.view(params.block(1)?)?;
    let account = view.account(address).map_err(state_error)?;
    Ok((view, account.unwrap_or_default()))
}
