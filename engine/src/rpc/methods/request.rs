//! Reads call objects and overrides into what a simulation takes.

use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::value::RawValue;

use super::values::{self, in_member, members};
use crate::{
    evm::simulate::{
        CallRequest,
        overrides::{AccountOverride, BlockOverrides, StateOverrides},
    },
    keys,
};

/// Reads a call object, for the chain with this id.
pub(super) fn call(raw: &str, chain_id: u64) -> Result<CallRequest, String> {
    let mut call = CallRequest::default();
    let (mut data, mut input): (Option<Bytes>, Option<Bytes>) = (None, None);
    let (mut kind, mut gas_limit) = (None, None);
    for (name, value) in members(raw)? {
        let value = value.get();
        match name.as_str() {
            "from" => call.from = in_member(&name, values::address(value))?,
            "to" if value != "\"\"" => call.to = Some(in_member(&name, values::address(value))?),
            "gas" => call.gas = Some(in_member(&name, values::quantity(value))?),
            // As ethers and hardhat call it.
            "gasLimit" => gas_limit = Some(in_member(&name, values::quantity(value))?),
            "gasPrice" => call.gas_price = Some(in_member(&name, values::quantity_u128(value))?),
            "maxFeePerGas" => {
                call.max_fee_per_gas = Some(in_member(&name, values::quantity_u128(value))?);
            }
            "maxPriorityFeePerGas" => {
                call.max_priority_fee_per_gas =
                    Some(in_member(&name, values::quantity_u128(value))?);
            }
            "value" => call.value = in_member(&name, values::quantity_u256(value))?,
            "data" => data = Some(in_member(&name, values::data(value))?),
            "input" => input = Some(in_member(&name, values::data(value))?),
            "accessList" => {
                let list: Result<AccessList, _> = serde_json::from_str(value);
                call.access_list = Some(list.map_err(|error| format!("accessList: {error}"))?);
            }
            "authorizationList" => {
                let list: Result<Vec<SignedAuthorization>, _> = serde_json::from_str(value);
                let list = list.map_err(|error| format!("authorizationList: {error}"))?;
                call.authorizations = list.iter().map(keys::recover_authorization).collect();
            }
            "chainId" => {
                let given = in_member(&name, values::quantity(value))?;
                if given != chain_id {
                    return Err(format!(
                        "chainId does not match node's (have={given}, want={chain_id})"
                    ));
                }
            }
            "nonce" => {
                in_member(&name, values::quantity(value))?;
            }
            "type" => kind = Some(in_member(&name, values::quantity(value))?),
            "blobVersionedHashes"
            | "blobs"
            | "commitments"
            | "proofs"
            | "sidecars"
            | "maxFeePerBlobGas" => {
                return Err(format!("{name}: blob transactions are not supported"));
            }
            _ => {}
        }
    }
    if let (Some(data), Some(input)) = (&data, &input)
        && data != input
    {
        return Err("both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data".to_owned());
    }
    if let (Some(gas), Some(limit)) = (call.gas, gas_limit)
        && gas != limit
    {
        return Err(format!(
            "both \"gas\" ({gas}) and \"gasLimit\" ({limit}) are set and not equal. Please use \"gas\""
        ));
    }
    call.gas = call.gas.or(gas_limit);
    let has_fee_cap = call.max_fee_per_gas.is_some() || call.max_priority_fee_per_gas.is_some();
    match kind {
        Some(kind @ (0 | 1)) if has_fee_cap => {
            return Err(format!(
                "type {kind:#x} transactions pay gasPrice, not maxFeePerGas or maxPriorityFeePerGas: give type 0x2, or none"
            ));
        }
        Some(3) => return Err("type 0x3: blob transactions are not supported".to_owned()),
        _ => {}
    }
    if call.gas_price.is_some() && has_fee_cap {
        return Err(
            "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified".to_owned(),
        );
    }
    if !call.authorizations.is_empty() && call.to.is_none() {
        return Err("EIP-7702 transaction cannot be used to create contract".to_owned());
    }
    call.input = input.or(data).unwrap_or_default();
    Ok(call)
}

/// Reads state overrides: `{address: {balance, nonce, code, state, stateDiff, ...}}`.
pub(super) fn state_overrides(raw: &str) -> Result<StateOverrides, String> {
    members(raw)?
        .into_iter()
        .map(|(address, account)| {
            let quoted = serde_json::Value::String(address.clone()).to_string();
            let key: Address = in_member(&address, values::address(&quoted))?;
            Ok((key, in_member(&address, account_override(account.get()))?))
        })
        .collect()
}

fn account_override(raw: &str) -> Result<AccountOverride, String> {
    let mut account = AccountOverride::default();
    for (name, value) in members(raw)? {
        let value = value.get();
        match name.as_str() {
            "balance" => account.balance = Some(in_member(&name, values::quantity_u256(value))?),
            "nonce" => account.nonce = Some(in_member(&name, values::quantity(value))?),
            "code" => account.code = Some(in_member(&name, values::data(value))?),
            "state" => account.state = Some(in_member(&name, slots(value))?),
            "stateDiff" => account.state_diff = Some(in_member(&name, slots(value))?),
            "movePrecompileToAddress" => {
                account.move_precompile_to = Some(in_member(&name, values::address(value))?);
            }
            _ => return Err(format!("unknown member {name:?}")),
        }
    }
    Ok(account)
}

fn slots(raw: &str) -> Result<Vec<(U256, U256)>, String> {
    members(raw)?
        .into_iter()
        .map(|(slot, value): (String, &RawValue)| {
            let quoted = serde_json::Value::String(slot.clone()).to_string();
            let key = in_member(&slot, values::slot(&quoted))?;
            Ok((key, in_member(&slot, values::slot(value.get()))?))
        })
        .collect()
}

/// Reads block overrides, under geth's names old and new.
pub(super) fn block_overrides(raw: &str) -> Result<BlockOverrides, String> {
    let mut block = BlockOverrides::default();
    for (name, value) in members(raw)? {
        let value = value.get();
        match name.as_str() {
            "number" => block.number = Some(in_member(&name, values::quantity_u256(value))?),
            "difficulty" => {
                block.difficulty = Some(in_member(&name, values::quantity_u256(value))?)
            }
            "time" | "timestamp" => {
                block.time = Some(in_member(&name, values::quantity_u256(value))?)
            }
            "gasLimit" => block.gas_limit = Some(in_member(&name, values::quantity(value))?),
            "feeRecipient" | "coinbase" => {
                block.coinbase = Some(in_member(&name, values::address(value))?);
            }
            "prevRandao" | "random" => block.random = Some(in_member(&name, values::hash(value))?),
            "baseFeePerGas" | "baseFee" => {
                block.base_fee = Some(in_member(&name, values::quantity(value))?);
            }
            "unlimited" => {
                let unlimited: Result<bool, _> = serde_json::from_str(value);
                block.unlimited = unlimited.map_err(|error| format!("unlimited: {error}"))?;
            }
            "blockHash" => block.block_hashes = in_member(&name, hashes(value))?,
            // Known to geth, without meaning for a call here.
            "blobBaseFee" | "beaconRoot" | "withdrawals" => {}
            _ => return Err(format!("unknown member {name:?}")),
        }
    }
    Ok(block)
}

fn hashes(raw: &str) -> Result<Vec<(u64, B256)>, String> {
    members(raw)?
        .into_iter()
        .map(|(number, hash)| {
            let bare = number.bytes().all(|byte| byte.is_ascii_digit());
            let text = if bare {
                number.clone()
            } else {
                serde_json::Value::String(number.clone()).to_string()
            };
            let key = in_member(&number, values::quantity(&text))?;
            Ok((key, in_member(&number, values::hash(hash.get()))?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_input_must_agree() {
        assert!(
            call(r#"{"data":"0x01","input":"0x01"}"#, 1)
                .is_ok_and(|call| call.input == Bytes::from_static(&[1]))
        );
        assert!(call(r#"{"data":"0x01","input":"0x02"}"#, 1).is_err());
        assert!(call(r#"{"data":"0xAb","input":"0xaB"}"#, 1).is_ok());
    }

    #[test]
    fn the_gas_limit_has_two_names() {
        let gas = |raw| call(raw, 1).map(|call| call.gas);
        assert_eq!(gas(r#"{"gasLimit":"0x5208"}"#), Ok(Some(21_000)));
        assert_eq!(
            gas(r#"{"gas":"0x5208","gasLimit":"0x05208"}"#),
            Ok(Some(21_000))
        );
        let why = gas(r#"{"gas":"0x5208","gasLimit":"0x5209"}"#).unwrap_err();
        assert!(why.contains("gasLimit"), "{why}");
    }

    #[test]
    fn a_type_that_the_fields_contradict_is_refused_by_its_name() {
        for kind in ["0x0", "0x1"] {
            let raw = format!(r#"{{"type":"{kind}","maxFeePerGas":"0x1"}}"#);
            let why = call(&raw, 1).err().unwrap_or_default();
            assert!(why.starts_with(&format!("type {kind} ")), "{why}");
        }
        assert!(call(r#"{"type":"0x2","maxFeePerGas":"0x1"}"#, 1).is_ok());
        for blob in [
            r#"{"type":"0x3"}"#,
            r#"{"maxFeePerBlobGas":"0x1"}"#,
            r#"{"blobVersionedHashes":[]}"#,
            r#"{"sidecars":[]}"#,
        ] {
            let why = call(blob, 1).err().unwrap_or_default();
            assert!(why.contains("blob transactions are not supported"), "{why}");
        }
    }

    #[test]
    fn two_ways_of_paying_exclude_each_other() {
        let why = call(r#"{"gasPrice":"0x1","maxFeePerGas":"0x1"}"#, 1)
            .err()
            .unwrap_or_default();
        assert_eq!(
            why,
            "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified"
        );
    }

    #[test]
    fn another_chains_call_is_refused() {
        let why = call(r#"{"chainId":"0x2"}"#, 1).err().unwrap_or_default();
        assert_eq!(why, "chainId does not match node's (have=2, want=1)");
    }

    #[test]
    fn a_misspelt_override_is_not_ignored() {
        let raw = r#"{"0x0000000000000000000000000000000000000001":{"balnce":"0x1"}}"#;
        let why = state_overrides(raw).err().unwrap_or_default();
        assert_eq!(
            why,
            "0x0000000000000000000000000000000000000001: unknown member \"balnce\""
        );
    }
}
