//! Signing transactions for tools: one from a JSON object, or many equal calls for a load generator.
//! It fills nothing in: nonce, fees and gas are the caller's.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2718::Encodable2718;
use alloy_eips::eip2930::AccessList;
use alloy_eips::eip7702::SignedAuthorization;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use op_alloy_consensus::OpTxEnvelope;
use rayon::prelude::*;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::{
    json::JsonObject,
    keys::{Key, KeyError},
};

/// Why a transaction can't be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WalletError {
    /// The key is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The object is not a transaction.
    #[error("invalid transaction: {0}")]
    Invalid(String),
    /// A member is missing.
    #[error("invalid transaction: {0} is missing")]
    Missing(&'static str),
}

/// A transaction object with JSON-RPC names. Quantities may be hex strings or plain numbers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TransactionObject {
    #[serde(default, rename = "type", deserialize_with = "quantity")]
    kind: Option<U256>,
    #[serde(default, deserialize_with = "quantity")]
    chain_id: Option<U256>,
    #[serde(default, deserialize_with = "quantity")]
    nonce: Option<U256>,
    #[serde(default, deserialize_with = "quantity")]
    gas: Option<U256>,
    /// As ethers and hardhat call it.
    #[serde(default, deserialize_with = "quantity")]
    gas_limit: Option<U256>,
    #[serde(default, deserialize_with = "quantity")]
    gas_price: Option<U256>,
    #[serde(default, deserialize_with = "quantity")]
    max_fee_per_gas: Option<U256>,
    #[serde(default, deserialize_with = "quantity")]
    max_priority_fee_per_gas: Option<U256>,
    #[serde(default, deserialize_with = "quantity")]
    value: Option<U256>,
    to: Option<Address>,
    input: Option<Bytes>,
    data: Option<Bytes>,
    access_list: Option<AccessList>,
    authorization_list: Option<Vec<SignedAuthorization>>,
    max_fee_per_blob_gas: Option<IgnoredAny>,
    blob_versioned_hashes: Option<IgnoredAny>,
    blobs: Option<IgnoredAny>,
    sidecars: Option<IgnoredAny>,
}

/// One value under two names: either, or the same under both.
fn either<T: PartialEq>(
    names: [&'static str; 2],
    values: [Option<T>; 2],
) -> Result<Option<T>, WalletError> {
    let [one, other] = values;
    if let (Some(one), Some(other)) = (&one, &other)
        && one != other
    {
        let [one, other] = names;
        return Err(WalletError::Invalid(format!(
            "{one} and {other} are both there and not equal"
        )));
    }
    Ok(one.or(other))
}

fn quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<U256>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Quantity {
        Number(u64),
        Text(String),
    }
    Option::<Quantity>::deserialize(deserializer)?
        .map(|quantity| match quantity {
            Quantity::Number(number) => Ok(U256::from(number)),
            Quantity::Text(text) => text.parse().map_err(serde::de::Error::custom),
        })
        .transpose()
}

fn need<T: TryFrom<U256>>(name: &'static str, value: Option<U256>) -> Result<T, WalletError> {
    let value = value.ok_or(WalletError::Missing(name))?;
    T::try_from(value).map_err(|_| WalletError::Invalid(format!("{name} is out of range")))
}

impl TransactionObject {
    /// The type given, or the oldest that has a place for every field present.
    fn transaction_type(&self) -> Result<u8, WalletError> {
        if self.kind.is_some() {
            return need("type", self.kind);
        }
        Ok(if self.authorization_list.is_some() {
            4
        } else if self.max_fee_per_gas.is_some() || self.max_priority_fee_per_gas.is_some() {
            2
        } else if self.access_list.is_some() {
            1
        } else {
            0
        })
    }

    /// Refuses fields that the type has no place for: what is signed has to be what was meant.
    fn check(&self, kind: u8) -> Result<(), WalletError> {
        let has_blobs = self.max_fee_per_blob_gas.is_some()
            || self.blob_versioned_hashes.is_some()
            || self.blobs.is_some()
            || self.sidecars.is_some();
        if kind == 3 || has_blobs {
            return Err(WalletError::Invalid(
                "blob transactions are not supported".to_owned(),
            ));
        }
        let has_fee_cap = self.max_fee_per_gas.is_some() || self.max_priority_fee_per_gas.is_some();
        if kind < 2 && has_fee_cap {
            return Err(WalletError::Invalid(format!(
                "type {kind:#x} transactions pay gasPrice, not maxFeePerGas or maxPriorityFeePerGas: give type 0x2, or none"
            )));
        }
        Ok(())
    }

    fn sign(self, key: &Key) -> Result<OpTxEnvelope, WalletError> {
        let kind = self.transaction_type()?;
        self.check(kind)?;
        let chain_id = need("chainId", self.chain_id)?;
        let nonce = need("nonce", self.nonce)?;
        let gas = either(["gas", "gasLimit"], [self.gas, self.gas_limit])?;
        let gas_limit = need("gas", gas)?;
        let to = self.to.map_or(TxKind::Create, TxKind::Call);
        let value = self.value.unwrap_or_default();
        let input = either(["input", "data"], [self.input, self.data])?.unwrap_or_default();
        let access_list = self.access_list.unwrap_or_default();
        let gas_price = || need("gasPrice", self.gas_price);
        let max_fee = || need("maxFeePerGas", self.max_fee_per_gas);
        let max_tip = || {
            need(
                "maxPriorityFeePerGas",
                Some(self.max_priority_fee_per_gas.unwrap_or_default()),
            )
        };
        Ok(match kind {
            0 => signed(
                key,
                TxLegacy {
                    chain_id: Some(chain_id),
                    nonce,
                    gas_price: gas_price()?,
                    gas_limit,
                    to,
                    value,
                    input,
                },
            ),
            1 => signed(
                key,
                TxEip2930 {
                    chain_id,
                    nonce,
                    gas_price: gas_price()?,
                    gas_limit,
                    to,
                    value,
                    access_list,
                    input,
                },
            ),
            2 => signed(
                key,
                TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: max_fee()?,
                    max_priority_fee_per_gas: max_tip()?,
                    to,
                    value,
                    access_list,
                    input,
                },
            ),
            4 => signed(
                key,
                TxEip7702 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: max_fee()?,
                    max_priority_fee_per_gas: max_tip()?,
                    to: self.to.ok_or(WalletError::Missing("to"))?,
                    value,
                    access_list,
                    authorization_list: self
                        .authorization_list
                        .ok_or(WalletError::Missing("authorizationList"))?,
                    input,
                },
            ),
            other => {
                return Err(WalletError::Invalid(format!(
                    "type {other} can't be signed here"
                )));
            }
        })
    }
}

fn signed<T>(key: &Key, transaction: T) -> OpTxEnvelope
where
    T: SignableTransaction<alloy_primitives::Signature>,
    OpTxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = key.sign(&transaction.signature_hash());
    transaction.into_signed(signature).into()
}

/// Signs the transaction that a JSON object describes: its EIP-2718 bytes and its hash.
pub(crate) fn sign_transaction(key: &B256, object: &[u8]) -> Result<(Vec<u8>, B256), WalletError> {
    let key = Key::new(key)?;
    let JsonObject(object): JsonObject<TransactionObject> = serde_json::from_slice(object)
        .map_err(|reason| WalletError::Invalid(reason.to_string()))?;
    let raw = object.sign(&key)?.encoded_2718();
    let hash = keccak256(&raw);
    Ok((raw, hash))
}

/// What all transactions of [`sign_transfers`] have in common.
#[derive(Debug, Clone)]
pub(crate) struct TransferTemplate {
    /// Chain to sign for.
    pub chain_id: u64,
    /// Wei that each moves.
    pub value: U256,
    /// Gas limit of each.
    pub gas_limit: u64,
    /// Fee cap of each, wei per gas.
    pub max_fee_per_gas: u128,
    /// Tip cap of each, wei per gas.
    pub max_priority_fee_per_gas: u128,
    /// Calldata: the i-th has `data[i % data]`; none when empty.
    pub data: Vec<Bytes>,
}

/// Signs `count` type 2 calls on all cores. The i-th is from key `i % keys` to recipient `i % recipients`;
/// each key counts up from its nonce.
pub(crate) fn sign_transfers(
    keys: &[(Key, u64)],
    recipients: &[Address],
    count: usize,
    common: &TransferTemplate,
) -> Result<Vec<Vec<u8>>, WalletError> {
    if keys.is_empty() || recipients.is_empty() {
        return Err(WalletError::Invalid(
            "at least one key and one recipient are needed".into(),
        ));
    }
    Ok((0..count)
        .into_par_iter()
        .map(|i| {
            let (key, first_nonce) = &keys[i % keys.len()];
            let transaction = TxEip1559 {
                chain_id: common.chain_id,
                nonce: first_nonce + (i / keys.len()) as u64,
                gas_limit: common.gas_limit,
                max_fee_per_gas: common.max_fee_per_gas,
                max_priority_fee_per_gas: common.max_priority_fee_per_gas,
                to: TxKind::Call(recipients[i % recipients.len()]),
                value: common.value,
                access_list: AccessList::default(),
                input: match common.data.len() {
                    0 => Bytes::new(),
                    pieces => common.data[i % pieces].clone(),
                },
            };
            signed(key, transaction).encoded_2718()
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_consensus::Transaction;
    use alloy_eips::eip2718::Decodable2718;

    const KEY: B256 = B256::repeat_byte(0x11);

    fn sign(object: &str) -> OpTxEnvelope {
        let (raw, hash) = match sign_transaction(&KEY, object.as_bytes()) {
            Ok(signed) => signed,
            Err(error) => panic!("{object}: {error}"),
        };
        let transaction = match OpTxEnvelope::decode_2718_exact(&raw) {
            Ok(transaction) => transaction,
            Err(error) => panic!("{object}: {error}"),
        };
        assert_eq!(*transaction.hash(), hash);
        transaction
    }

    fn refusal(object: &str) -> String {
        match sign_transaction(&B256::repeat_byte(1), object.as_bytes()) {
            Ok(signed) => panic!("signed: {signed:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_value_under_two_names_counts_once_and_must_be_the_same() {
        let of = |more: &str| {
            format!(
                r#"{{"chainId":1,"nonce":0,"gasPrice":1,"gas":"0x5208","input":"0xAb",{more}}}"#
            )
        };
        let plain = sign(&of(r#""value":0"#));
        assert_eq!(sign(&of(r#""gasLimit":21000,"data":"0xaB""#)), plain);
        assert!(refusal(&of(r#""gasLimit":21001"#)).contains("gasLimit"));
        assert!(refusal(&of(r#""data":"0xac""#)).contains("data"));
    }

    #[test]
    fn fields_that_the_type_has_no_place_for_are_refused_not_dropped() {
        let of = |more: &str| format!(r#"{{"chainId":1,"nonce":0,"gas":21000,{more}}}"#);
        let refused = refusal(&of(r#""type":"0x0","maxFeePerGas":1"#));
        assert!(
            refused.contains("type 0x0 transactions pay gasPrice"),
            "{refused}"
        );
        for blob in [
            r#""type":"0x3","maxFeePerGas":1"#,
            r#""maxFeePerGas":1,"maxFeePerBlobGas":1"#,
            r#""maxFeePerGas":1,"blobVersionedHashes":["0x01"]"#,
        ] {
            let refused = refusal(&of(blob));
            assert!(
                refused.contains("blob transactions are not supported"),
                "{refused}"
            );
        }
    }

    #[test]
    fn the_fields_choose_the_type() {
        let base = r#""chainId":"0x10e6","nonce":1,"gas":"0xea60","to":"0x00000000000000000000000000000000000000aa""#;
        let cases = [
            (format!(r#"{{{base},"gasPrice":5}}"#), 0),
            (format!(r#"{{{base},"gasPrice":5,"accessList":[]}}"#), 1),
            (format!(r#"{{{base},"maxFeePerGas":"0x5"}}"#), 2),
            (
                format!(r#"{{{base},"maxFeePerGas":5,"authorizationList":[]}}"#),
                4,
            ),
            (format!(r#"{{{base},"gasPrice":5,"type":"0x0"}}"#), 0),
        ];
        for (object, expected) in cases {
            let transaction = sign(&object);
            assert_eq!(transaction.tx_type() as u8, expected, "{object}");
            assert_eq!(transaction.chain_id(), Some(4326));
            assert_eq!(transaction.nonce(), 1);
        }
    }

    #[test]
    fn a_missing_field_is_named() {
        let refused = sign_transaction(&KEY, br#"{"chainId":1,"gas":1,"gasPrice":1}"#);
        assert_eq!(refused, Err(WalletError::Missing("nonce")));
        let refused = sign_transaction(&KEY, br#"{"chainId":1,"gas":1,"nonce":1}"#);
        assert_eq!(refused, Err(WalletError::Missing("gasPrice")));
    }

    #[test]
    fn transfers_count_nonces_up_per_key_and_take_turns_with_calldata() {
        let keys: Vec<(Key, u64)> = [1_u8, 2]
            .map(|byte| match Key::new(&B256::repeat_byte(byte)) {
                Ok(key) => (key, u64::from(byte) * 10),
                Err(error) => panic!("{error}"),
            })
            .to_vec();
        let common = TransferTemplate {
            chain_id: 6342,
            value: U256::ONE,
            gas_limit: 60_000,
            max_fee_per_gas: 2_000_000,
            max_priority_fee_per_gas: 0,
            data: vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")],
        };
        let raws = match sign_transfers(&keys, &[Address::ZERO], 5, &common) {
            Ok(raws) => raws,
            Err(error) => panic!("{error}"),
        };
        let calls: Vec<(u64, Bytes)> = raws
            .iter()
            .filter_map(|raw| OpTxEnvelope::decode_2718_exact(raw).ok())
            .map(|transaction| (transaction.nonce(), transaction.input().clone()))
            .collect();
        let expected = [(10, "a"), (20, "b"), (11, "a"), (21, "b"), (12, "a")];
        assert_eq!(calls, expected.map(|(nonce, data)| (nonce, data.into())));
        assert!(sign_transfers(&[], &[Address::ZERO], 1, &common).is_err());
    }
}
