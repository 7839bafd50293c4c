//! What is asked to learn a place, and how the answers are read.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use revm::bytecode::Bytecode;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    desk::{Call, RemoteError},
    known::Learnt,
};
use crate::{
    block::{PlainAccount, PlainKey, PlainValue},
    state::Place,
};

/// The requests that tell what is at a place at the end of `block`. `home`: an account that has the code that is
/// asked for.
pub(super) fn calls(place: Place, block: u64, home: Address) -> Vec<Call> {
    let call = |method: &str, params: String| (method.to_owned(), params);
    let of_account =
        |method: &str, address: Address| call(method, format!("[\"{address:#x}\",\"{block:#x}\"]"));
    match place {
        Place::Key(PlainKey {
            address,
            slot: Some(slot),
        }) => vec![call(
            "eth_getStorageAt",
            format!("[\"{address:#x}\",\"{slot:#x}\",\"{block:#x}\"]"),
        )],
        Place::Key(PlainKey { address, .. }) => {
            ["eth_getBalance", "eth_getTransactionCount", "eth_getCode"]
                .map(|method| of_account(method, address))
                .into()
        }
        Place::Code(_) => vec![of_account("eth_getCode", home)],
        Place::BlockHash(number) => vec![call(
            "eth_getBlockByNumber",
            format!("[\"{number:#x}\",false]"),
        )],
    }
}

/// Reads the answers to those.
pub(super) fn read(place: Place, results: &[Vec<u8>]) -> Result<Learnt, RemoteError> {
    match (place, results) {
        (Place::Key(PlainKey { slot: Some(_), .. }), [value]) => {
            let value = word("eth_getStorageAt", value)?;
            Ok(Learnt::Slot(PlainValue::from_slot(value)))
        }
        (Place::Key(_), [balance, nonce, code]) => account(balance, nonce, code),
        (Place::Code(hash), [code]) => {
            let code: Bytes = json("eth_getCode", code)?;
            match keccak256(&code) == hash {
                true => Ok(Learnt::Code(hash, Bytecode::new_raw(code))),
                false => Err(garbage("eth_getCode", "it is other code than before")),
            }
        }
        (Place::BlockHash(number), [block]) => {
            let block: Option<Hashed> = json("eth_getBlockByNumber", block)?;
            let missing = || garbage("eth_getBlockByNumber", "it has no such block");
            block
                .map(|block| Learnt::Hash(number, block.hash))
                .ok_or_else(missing)
        }
        _ => Err(RemoteError::own(
            "the remote gave another number of answers",
        )),
    }
}

fn account(balance: &[u8], nonce: &[u8], code: &[u8]) -> Result<Learnt, RemoteError> {
    let nonce = word("eth_getTransactionCount", nonce)?;
    let code: Bytes = json("eth_getCode", code)?;
    let code_hash = match code.is_empty() {
        true => KECCAK256_EMPTY,
        false => keccak256(&code),
    };
    let account = PlainAccount {
        balance: word("eth_getBalance", balance)?,
        nonce: u64::try_from(nonce)
            .map_err(|_| garbage("eth_getTransactionCount", "a nonce has 64 bits"))?,
        code_hash,
    };
    let code = (!code.is_empty()).then(|| (code_hash, Bytecode::new_raw(code)));
    Ok(Learnt::Account(PlainValue::from_account(account), code))
}

/// A block, as far as it is of interest.
#[derive(Deserialize)]
struct Hashed {
    hash: B256,
}

/// A quantity or 32 bytes, as nodes write numbers.
fn word(method: &str, result: &[u8]) -> Result<U256, RemoteError> {
    let text: String = json(method, result)?;
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() <= 64);
    let value = match digits {
        Some("") => Some(U256::ZERO),
        Some(digits) => U256::from_str_radix(digits, 16).ok(),
        None => None,
    };
    value.ok_or_else(|| garbage(method, "it is not a number of at most 256 bits"))
}

fn json<T: DeserializeOwned>(method: &str, result: &[u8]) -> Result<T, RemoteError> {
    serde_json::from_slice(result).map_err(|error| garbage(method, error))
}

fn garbage(method: &str, why: impl std::fmt::Display) -> RemoteError {
    RemoteError::own(format!(
        "the remote's answer to {method} can't be used: {why}"
    ))
}
