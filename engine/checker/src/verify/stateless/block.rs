//! Blocks as JSON-RPC gives them, taken as claims: fields and the hashes said of them.

use std::fmt::Display;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256};
use op_alloy_consensus::OpTxEnvelope;
use rayon::prelude::*;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};

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
    pub place: ToldPlace,
}

/// Where a transaction says it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToldPlace {
    /// The block's hash.
    pub block_hash: Option<B256>,
    /// The block's number.
    pub block_number: Option<U256>,
    /// The place in the block.
    pub transaction_index: Option<U256>,
}

/// The block object in `json`: bare, or as the `result` of a response.
fn object<'a>(json: &'a [u8], what: &'static str) -> Result<&'a str, InputError> {
    #[derive(Deserialize)]
    struct Response<'a> {
        #[serde(borrow)]
        result: Option<&'a RawValue>,
    }
    let refused = |error: &dyn Display| InputError::block(what, error);
    let response: Response<'a> = serde_json::from_slice(json).map_err(|error| refused(&error))?;
    match response.result {
        Some(result) => Ok(result.get()),
        None => str::from_utf8(json).map_err(|error| refused(&error)),
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a str, what: &'static str) -> Result<T, InputError> {
    serde_json::from_str(json).map_err(|error| InputError::block(what, error))
}

impl ClaimedHeader {
    /// Reads a block of which only the header matters.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, InputError> {
        #[derive(Deserialize)]
        struct Hash {
            hash: B256,
        }
        const PARENT: &str = "parent block";
        let json = object(json, PARENT)?;
        let Hash { hash } = read(json, PARENT)?;
        let header = read(json, PARENT)?;
        Ok(Self { hash, header })
    }
}

/// What a block's JSON has beside the header's fields.
#[derive(Deserialize)]
struct Body<'a> {
    hash: B256,
    #[serde(borrow)]
    transactions: Option<Vec<&'a RawValue>>,
    uncles: Option<Vec<IgnoredAny>>,
    withdrawals: Option<Vec<IgnoredAny>>,
}

impl ClaimedBlock {
    /// Reads what `eth_getBlockByNumber` answers when asked for full transactions.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, InputError> {
        const BLOCK: &str = "block";
        let json = object(json, BLOCK)?;
        let body: Body<'_> = read(json, BLOCK)?;
        let transactions = body
            .transactions
            .ok_or_else(|| InputError::block(BLOCK, "it has no list of transactions"))?;
        if transactions.iter().any(|one| one.get().starts_with('"')) {
            return Err(InputError::block(
                BLOCK,
                "it has the transactions' hashes only, not the transactions",
            ));
        }
        let extras = [body.uncles, body.withdrawals].map(|list| list.map_or(0, |list| list.len()));
        Ok(Self {
            head: ClaimedHeader {
                hash: body.hash,
                header: read(json, BLOCK)?,
            },
            transactions: transactions
                .par_iter()
                .map(|one| transaction(one.get()).map_err(|error| error.to_string()))
                .collect(),
            extras: extras.iter().sum(),
        })
    }
}

fn transaction(json: &str) -> serde_json::Result<ClaimedTransaction> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        hash: B256,
        from: Address,
        is_system_tx: Option<Value>,
    }
    let told: Told = serde_json::from_str(json)?;
    let envelope = match told.is_system_tx {
        // op-geth tells it as a boolean, alloy reads it as a number.
        Some(Value::Bool(is_system)) => {
            let mut told_by_alloy: Value = serde_json::from_str(json)?;
            told_by_alloy["isSystemTx"] = Value::from(format!("{:#x}", u8::from(is_system)));
            OpTxEnvelope::deserialize(told_by_alloy)?
        }
        _ => serde_json::from_str(json)?,
    };
    Ok(ClaimedTransaction {
        envelope,
        hash: told.hash,
        from: told.from,
        place: serde_json::from_str(json)?,
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
