//! Readers of single values: from raw JSON to typed values.
//!
//! A fault is a sentence that says what is wrong with the value, in geth's words where geth has some. What a value means
//! for the chain (whether the block exists, whether the account has funds) is not decided here.

use std::borrow::Cow;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::value::RawValue;

/// The contents of a JSON string, without a copy unless it has escapes.
pub(crate) fn text(raw: &str) -> Result<Cow<'_, str>, String> {
    let quoted = raw
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let text = match quoted {
        Some(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
        Some(_) => serde_json::from_str(raw).ok().map(Cow::Owned),
        None => None,
    };
    text.ok_or_else(|| format!("expected a string, got {}", shown(raw)))
}

/// True or false.
pub(crate) fn boolean(raw: &str) -> Result<bool, String> {
    match raw {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("expected true or false, got {}", shown(raw))),
    }
}

/// A quantity that fits 64 bits. Plain JSON numbers are taken too.
pub(crate) fn quantity(raw: &str) -> Result<u64, String> {
    let value = quantity_u256(raw)?;
    u64::try_from(value).map_err(|_| "hex number > 64 bits".to_owned())
}

/// A quantity that fits 128 bits.
pub(crate) fn quantity_u128(raw: &str) -> Result<u128, String> {
    let value = quantity_u256(raw)?;
    u128::try_from(value).map_err(|_| "hex number > 128 bits".to_owned())
}

/// A quantity that fits 256 bits. Leading zeros are let pass, as many tools send them.
pub(crate) fn quantity_u256(raw: &str) -> Result<U256, String> {
    if raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return U256::from_str_radix(raw, 10).map_err(|_| "number > 256 bits".to_owned());
    }
    quantity_text(&text(raw)?)
}

/// A quantity from the contents of a string.
pub(crate) fn quantity_text(text: &str) -> Result<U256, String> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .ok_or_else(|| "hex string without 0x prefix".to_owned())?;
    if digits.is_empty() {
        return Err("hex string \"0x\"".to_owned());
    }
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("invalid hex string".to_owned());
    }
    U256::from_str_radix(digits, 16).map_err(|_| "hex number > 256 bits".to_owned())
}

/// Bytes of any length.
pub(crate) fn data(raw: &str) -> Result<Bytes, String> {
    data_text(&text(raw)?).map(Bytes::from)
}

fn data_text(text: &str) -> Result<Vec<u8>, String> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .ok_or_else(|| "hex string without 0x prefix".to_owned())?;
    if digits.len() % 2 == 1 {
        return Err("hex string of odd length".to_owned());
    }
    alloy_primitives::hex::decode(digits).map_err(|_| "invalid hex string".to_owned())
}

fn fixed<const N: usize>(raw: &str, what: &str) -> Result<[u8; N], String> {
    let bytes = data_text(&text(raw)?)?;
    <[u8; N]>::try_from(bytes.as_slice()).map_err(|_| {
        format!(
            "hex string has length {}, want {} for {what}",
            bytes.len() * 2,
            N * 2
        )
    })
}

/// An address.
pub(crate) fn address(raw: &str) -> Result<Address, String> {
    fixed(raw, "common.Address").map(Address::new)
}

/// A hash of exactly 32 bytes.
pub(crate) fn hash(raw: &str) -> Result<B256, String> {
    fixed(raw, "common.Hash").map(B256::new)
}

/// A storage slot: a quantity or 32 bytes, up to 64 hex digits.
pub(crate) fn slot(raw: &str) -> Result<U256, String> {
    let text = text(raw)?;
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(&text);
    if digits.len() > 64 {
        return Err(format!(
            "unable to decode storage key: hex string too long, want at most 32 bytes, have {} digits",
            digits.len()
        ));
    }
    if digits.is_empty() {
        return Ok(U256::ZERO);
    }
    U256::from_str_radix(digits, 16)
        .map_err(|_| "unable to decode storage key: hex string invalid".to_owned())
}

/// A list, each element read by `read`.
pub(crate) fn list<T>(
    raw: &str,
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let items: Vec<&RawValue> =
        serde_json::from_str(raw).map_err(|_| format!("expected a list, got {}", shown(raw)))?;
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| read(item.get()).map_err(|why| format!("element {index}: {why}")))
        .collect()
}

/// The members of an object in their order, nulls left out.
pub(crate) fn members(raw: &str) -> Result<Vec<(String, &RawValue)>, String> {
    struct Members<'a>(Vec<(String, &'a RawValue)>);
    impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Vec<(String, &'de RawValue)>;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Self::Value, A::Error> {
                    let mut members = Vec::new();
                    while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                        if value.get() != "null" {
                            members.push((name, value));
                        }
                    }
                    Ok(members)
                }
            }
            deserializer.deserialize_map(Visitor).map(Members)
        }
    }
    serde_json::from_str::<Members<'_>>(raw)
        .map(|members| members.0)
        .map_err(|_| format!("expected an object, got {}", shown(raw)))
}

/// Names the member in an error about its value.
pub(crate) fn in_member<T>(name: &str, result: Result<T, String>) -> Result<T, String> {
    result.map_err(|why| format!("{name}: {why}"))
}

/// The beginning of an offending value, for messages.
fn shown(raw: &str) -> String {
    let mut short: String = raw.chars().take(40).collect();
    if short.len() < raw.len() {
        short.push_str("...");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_address_says_how_long_it_must_be() {
        assert_eq!(
            address("\"0x1234\""),
            Err("hex string has length 4, want 40 for common.Address".to_owned())
        );
        assert_eq!(address("17"), Err("expected a string, got 17".to_owned()));
    }

    #[test]
    fn quantities_are_read_with_their_faults_named() {
        assert_eq!(quantity("\"0x0f\""), Ok(15));
        assert_eq!(quantity("15"), Ok(15));
        assert_eq!(quantity("\"0x\""), Err("hex string \"0x\"".to_owned()));
        assert_eq!(
            quantity("\"15\""),
            Err("hex string without 0x prefix".to_owned())
        );
        assert_eq!(
            quantity("\"0x1ffffffffffffffff\""),
            Err("hex number > 64 bits".to_owned())
        );
        assert_eq!(quantity("\"0x+1\""), Err("invalid hex string".to_owned()));
        assert_eq!(
            data("\"0x123\""),
            Err("hex string of odd length".to_owned())
        );
    }

    #[test]
    fn slots_may_be_short_or_long() {
        assert_eq!(slot("\"0x0\""), Ok(U256::ZERO));
        assert_eq!(slot(&format!("\"0x{:064x}\"", 7)), Ok(U256::from(7)));
        assert!(slot(&format!("\"0x{:066x}\"", 7)).is_err());
    }

    #[test]
    fn members_keep_order_and_drop_nulls() {
        let names: Vec<String> = members(r#"{"b":1,"a":null,"c":"x"}"#)
            .unwrap_or_default()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["b", "c"]);
    }
}
