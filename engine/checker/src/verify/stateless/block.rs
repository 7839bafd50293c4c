//! Blocks as JSON-RPC gives them, taken as claims: fields and the hashes said of them.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256};
use op_alloy_consensus::OpTxEnvelope;
use serde::Deserialize;
use serde_json::Value;

use super::InputError;

/// A header with the hash that it is said to have.
#[derive(Clone, Debug)]
pub(super) struct ClaimedHeader {
    /// What the JSON says.
    pub hash: B256,
    /// The fields that are hashed.
    pub header: Header,
}

/// A block with all its transactions.
#[derive(Clone, Debug)]
pub(super) struct ClaimedBlock {
    /// The header.
    pub head: ClaimedHeader,
    /// The transactions; the reason where one cannot be read.
    pub transactions: Vec<Result<ClaimedTransaction, String>>,
    /// How many ommers and withdrawals it lists.
    pub extras: usize,
}

/// A transaction with what is said of it.
#[derive(Clone, Debug)]
pub(super) struct ClaimedTransaction {
    /// The transaction.
    pub envelope: OpTxEnvelope,
    /// Its hash.
    pub hash: B256,
    /// Its sender.
    pub from: Address,
    /// The block it is in, and its place there.
    pub place: Place,
}

/// Where a transaction says it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    /// The block's hash.
    pub block_hash: Option<B256>,
    /// The block's number.
    pub block_number: Option<U256>,
    /// The place in the block.
    pub transaction_index: Option<U256>,
}

/// The block object in `json`: bare, or as the `result` of a response.
fn object(json: &[u8], what: &'static str) -> Result<Value, InputError> {
    let mut value: Value =
        serde_json::from_slice(json).map_err(|error| InputError::block(what, error))?;
    match value.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Ok(value),
    }
}

fn head(value: &Value, what: &'static str) -> Result<ClaimedHeader, InputError> {
    let hash = value.get("hash").cloned().unwrap_or_default();
    Ok(ClaimedHeader {
        hash: serde_json::from_value(hash).map_err(|error| InputError::block(what, error))?,
        header: Header::deserialize(value).map_err(|error| InputError::block(what, error))?,
    })
}

impl ClaimedHeader {
    /// Reads a block of which only the header matters.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, InputError> {
        const PARENT: &str = "parent block";
        head(&object(json, PARENT)?, PARENT)
    }
}

impl ClaimedBlock {
    /// Reads what `eth_getBlockByNumber` answers when asked for full transactions.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, InputError> {
        const BLOCK: &str = "block";
        let value = object(json, BLOCK)?;
        let list = |name: &str| value.get(name).and_then(Value::as_array);
        let transactions = list("transactions")
            .ok_or_else(|| InputError::block(BLOCK, "it has no list of transactions"))?;
        if transactions.iter().any(Value::is_string) {
            return Err(InputError::block(
                BLOCK,
                "it has the transactions' hashes only, not the transactions",
            ));
        }
        let extras = ["uncles", "withdrawals"].map(|name| list(name).map_or(0, Vec::len));
        Ok(Self {
            head: head(&value, BLOCK)?,
            transactions: transactions.iter().map(transaction).collect(),
            extras: extras.iter().sum(),
        })
    }
}

fn transaction(value: &Value) -> Result<ClaimedTransaction, String> {
    let field = |name: &str| value.get(name).cloned().unwrap_or_default();
    let told = |name: &'static str| move |error| format!("{name}: {error}");
    let mut told_by_alloy = value.clone();
    // op-geth tells it as a boolean.
    if let Some(Value::Bool(is_system)) = told_by_alloy.get("isSystemTx") {
        told_by_alloy["isSystemTx"] = Value::from(format!("{:#x}", u8::from(*is_system)));
    }
    Ok(ClaimedTransaction {
        envelope: OpTxEnvelope::deserialize(told_by_alloy).map_err(|error| error.to_string())?,
        hash: serde_json::from_value(field("hash")).map_err(told("hash"))?,
        from: serde_json::from_value(field("from")).map_err(told("from"))?,
        place: Place::deserialize(value).map_err(told("place"))?,
    })
}

/// Code from a line of a code file: `["0x<hash>", code]`, the code plain or as revm keeps it.
pub fn code_line(line: &[u8]) -> Result<(B256, Bytes), InputError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Plain(Bytes),
        Kept(Kept),
    }
    #[derive(Deserialize)]
    enum Kept {
        LegacyRaw(Bytes),
        LegacyAnalyzed {
            bytecode: Bytes,
            original_len: usize,
        },
        Eip7702 {
            raw: Bytes,
        },
    }
    let (hash, code): (B256, Code) = serde_json::from_slice(line).map_err(InputError::code)?;
    let code = match code {
        Code::Plain(code) | Code::Kept(Kept::LegacyRaw(code) | Kept::Eip7702 { raw: code }) => code,
        Code::Kept(Kept::LegacyAnalyzed {
            bytecode,
            original_len,
        }) => {
            if original_len > bytecode.len() {
                return Err(InputError::code("it is longer than its bytes"));
            }
            bytecode.slice(..original_len)
        }
    };
    Ok((hash, code))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloy_primitives::bytes;

    use super::*;

    #[test]
    fn code_comes_plain_or_analysed() {
        let hash = B256::repeat_byte(1);
        for code in [
            r#""0x6001""#,
            r#"{"LegacyRaw": "0x6001"}"#,
            r#"{"LegacyAnalyzed": {"bytecode": "0x60010000", "original_len": 2, "jump_table": {"order": "x"}}}"#,
            r#"{"Eip7702": {"delegated_address": "0x01", "version": 0, "raw": "0x6001"}}"#,
        ] {
            let line = format!("[\"{hash}\", {code}]");
            assert_eq!(
                code_line(line.as_bytes()).unwrap(),
                (hash, bytes!("6001")),
                "{code}"
            );
        }
        for line in [
            "",
            "[]",
            r#"["0x01", "0x"]"#,
            r#"["0x0101010101010101010101010101010101010101010101010101010101010101",
                {"LegacyAnalyzed": {"bytecode": "0x", "original_len": 2}}]"#,
        ] {
            assert!(code_line(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for json in [
            "",
            "null",
            "{}",
            r#"{"result": null}"#,
            r#"{"transactions": ["0x01"]}"#,
        ] {
            assert!(ClaimedBlock::from_json(json.as_bytes()).is_err(), "{json}");
            assert!(ClaimedHeader::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }
}
