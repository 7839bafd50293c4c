//! Raw transactions: reading the parameters and wording the answers. The door does the waiting.

use std::time::Duration;

use alloy_primitives::{B256, Bytes};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::RpcError;
use super::error::code;
use super::methods::{Method, Send};

/// How long MegaETH waits for a receipt.
pub const REALTIME_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a client may ask for.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// This room's methods.
pub const METHODS: &[Method] = &[
    Method::send("eth_sendRawTransaction", Send::Hash),
    Method::send("realtime_sendRawTransaction", Send::Realtime),
    Method::send("eth_sendRawTransactionSync", Send::Sync),
];

/// A raw transaction to submit, and how long to wait for its receipt.
#[derive(Debug, PartialEq, Eq)]
pub struct Submission {
    /// EIP-2718 bytes, not looked at yet.
    pub raw: Bytes,
    /// `None`: the hash is the answer.
    pub timeout: Option<Duration>,
}

impl Submission {
    /// Reads `[raw]`, or `[raw, timeout in milliseconds]` for the sync method.
    pub fn parse(send: Send, params: &str) -> Result<Self, RpcError> {
        let most = if send == Send::Sync { 2 } else { 1 };
        let params: Vec<&RawValue> = serde_json::from_str(params)
            .map_err(|_| RpcError::invalid_params("params must be an array"))?;
        let Some(raw) = params.first() else {
            return Err(RpcError::invalid_params(
                "missing value for required argument 0",
            ));
        };
        if params.len() > most {
            let message = format!("too many arguments, want at most {most}");
            return Err(RpcError::invalid_params(message));
        }
        let timeout = match send {
            Send::Hash => None,
            Send::Realtime => Some(REALTIME_TIMEOUT),
            Send::Sync => Some(
                params
                    .get(1)
                    .map_or(Ok(REALTIME_TIMEOUT), |json| timeout(json))?,
            ),
        };
        Ok(Self {
            raw: raw_transaction(raw.get())?,
            timeout,
        })
    }
}

fn raw_transaction(json: &str) -> Result<Bytes, RpcError> {
    let bad = |reason: &str| RpcError::invalid_params(format!("invalid argument 0: {reason}"));
    let text = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or_else(|| bad("a raw transaction is a hex string"))?;
    let digits = text
        .strip_prefix("0x")
        .ok_or_else(|| bad("hex string without 0x prefix"))?;
    if digits.len() % 2 == 1 {
        return Err(bad("hex string of odd length"));
    }
    alloy_primitives::hex::decode(digits)
        .map(Bytes::from)
        .map_err(|_| bad("invalid hex string"))
}

fn timeout(json: &RawValue) -> Result<Duration, RpcError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Milliseconds {
        Number(u64),
        Text(String),
    }
    let bad =
        || RpcError::invalid_params("invalid argument 1: the timeout is a number of milliseconds");
    if json.get() == "null" {
        return Ok(REALTIME_TIMEOUT);
    }
    let milliseconds = match serde_json::from_str(json.get()).map_err(|_| bad())? {
        Milliseconds::Number(number) => number,
        Milliseconds::Text(text) => text
            .strip_prefix("0x")
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or_else(bad)?,
    };
    Ok(match milliseconds {
        0 => REALTIME_TIMEOUT,
        _ => Duration::from_millis(milliseconds).min(MAX_TIMEOUT),
    })
}

/// A hash as JSON.
pub fn hash_json(hash: &B256) -> Vec<u8> {
    format!("\"{hash:#x}\"").into_bytes()
}

/// The answer when the receipt didn't come in time. The transaction is still in the pool.
pub fn expired(send: Send, hash: &B256, timeout: Duration) -> RpcError {
    match send {
        Send::Sync => {
            let message = format!(
                "The transaction was added to the mempool but wasn't processed within {} ms.",
                timeout.as_millis()
            );
            RpcError::new(code::SYNC_TIMEOUT, message).with_data(hash_json(hash))
        }
        Send::Hash | Send::Realtime => {
            RpcError::server("realtime transaction expired").with_data(hash_json(hash))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(params: &str) -> RpcError {
        match Submission::parse(Send::Sync, params) {
            Ok(submission) => panic!("accepted: {submission:?}"),
            Err(error) => error,
        }
    }

    #[test]
    fn hex_becomes_bytes() {
        let expected = Submission {
            raw: vec![2, 0xff].into(),
            timeout: None,
        };
        assert_eq!(Submission::parse(Send::Hash, r#"["0x02fF"]"#), Ok(expected));
    }

    #[test]
    fn bad_parameters_are_refused() {
        for params in [
            "{}",
            "[]",
            "[1]",
            "[null]",
            r#"["02"]"#,
            r#"["0x2"]"#,
            r#"["0xzz"]"#,
            r#"["0x02","x"]"#,
            r#"["0x02",-1]"#,
            r#"["0x02",1,2]"#,
        ] {
            assert_eq!(refused(params).code, code::INVALID_PARAMS, "{params}");
        }
        let two = Submission::parse(Send::Hash, r#"["0x02", 5]"#);
        assert!(two.is_err());
    }

    #[test]
    fn a_client_may_choose_the_timeout_of_the_sync_method() {
        let timeout = |params: &str| {
            Submission::parse(Send::Sync, params)
                .ok()
                .and_then(|submission| submission.timeout)
        };
        assert_eq!(
            timeout(r#"["0x02", 250]"#),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            timeout(r#"["0x02", "0xfa"]"#),
            Some(Duration::from_millis(250))
        );
        assert_eq!(timeout(r#"["0x02"]"#), Some(REALTIME_TIMEOUT));
        assert_eq!(timeout(r#"["0x02", null]"#), Some(REALTIME_TIMEOUT));
        assert_eq!(timeout(r#"["0x02", 99999999]"#), Some(MAX_TIMEOUT));
    }

    #[test]
    fn each_method_words_its_own_timeout() {
        let hash = B256::repeat_byte(1);
        let sync = expired(Send::Sync, &hash, Duration::from_millis(5));
        assert_eq!((sync.code, sync.data), (4, Some(hash_json(&hash))));
        let realtime = expired(Send::Realtime, &hash, REALTIME_TIMEOUT);
        assert_eq!(
            (realtime.code, realtime.message.as_str()),
            (-32000, "realtime transaction expired")
        );
    }
}
