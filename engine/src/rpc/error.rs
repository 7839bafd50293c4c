//! The one error of the JSON-RPC door: code, message, and what a client may read beside them.
//! Wording and codes are geth's, with MegaETH's own where the real network differs.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::pool::Rejection;

/// Codes that JSON-RPC 2.0, EIP-1474 and geth give to errors.
pub(crate) mod code {
    /// The body is not JSON.
    pub(crate) const PARSE: i32 = -32700;
    /// The body is JSON but not a request.
    pub(crate) const INVALID_REQUEST: i32 = -32600;
    /// Nobody answers this method.
    pub(crate) const METHOD_NOT_FOUND: i32 = -32601;
    /// The method does not take these parameters.
    pub(crate) const INVALID_PARAMS: i32 = -32602;
    /// A fault of the node itself.
    pub(crate) const INTERNAL: i32 = -32603;
    /// geth's code for everything that a node refuses.
    pub(crate) const SERVER: i32 = -32000;
    /// EIP-1474 "transaction rejected": the sender can't pay.
    pub(crate) const REJECTED: i32 = -32003;
    /// A queue is full: try again later.
    pub(crate) const LIMIT: i32 = -32005;
    /// Execution reverted; `data` is the revert data.
    pub(crate) const REVERTED: i32 = 3;
    /// EIP-7966: the transaction is known but was not included in time.
    pub(crate) const SYNC_TIMEOUT: i32 = 4;
    /// EIP-7966: the node is not ready to take the transaction.
    pub(crate) const SYNC_UNREADY: i32 = 5;
    /// EIP-7966: the transaction waits for one with a lower nonce.
    pub(crate) const SYNC_NONCE_GAP: i32 = 6;
}

/// What went wrong, as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RpcError {
    /// See [`code`].
    pub code: i32,
    /// One sentence.
    pub message: String,
    /// JSON for the member `data` (revert data must be a hex string there).
    pub data: Option<Vec<u8>>,
    /// JSON object for the member `mega`, beside `data`.
    pub mega: Option<Vec<u8>>,
}

/// Of a name that somebody made up, so many characters are told back.
const MAX_NAME: usize = 100;

impl RpcError {
    /// An error without data.
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
            mega: None,
        }
    }

    /// How many bytes it holds.
    pub(crate) fn size(&self) -> usize {
        let parts = [self.data.as_ref(), self.mega.as_ref()];
        let parts = parts.into_iter().flatten().map(Vec::len);
        self.message.len() + parts.sum::<usize>()
    }

    /// Adds `data`, which must be JSON.
    #[must_use]
    pub(crate) fn with_data(mut self, json: Vec<u8>) -> Self {
        self.data = Some(json);
        self
    }

    /// Adds a sentence as `data`.
    #[must_use]
    pub(crate) fn with_detail(self, detail: impl std::fmt::Display) -> Self {
        let json = serde_json::Value::String(detail.to_string()).to_string();
        self.with_data(json.into_bytes())
    }

    /// Adds `mega`, which must be a JSON object.
    #[must_use]
    pub(crate) fn with_mega(mut self, json: Vec<u8>) -> Self {
        self.mega = Some(json);
        self
    }

    /// -32700.
    pub(crate) fn parse(detail: impl std::fmt::Display) -> Self {
        Self::new(code::PARSE, "Parse error").with_detail(detail)
    }

    /// -32600.
    pub(crate) fn invalid_request(detail: impl std::fmt::Display) -> Self {
        Self::new(code::INVALID_REQUEST, "Invalid Request").with_detail(detail)
    }

    /// -32601, in geth's words.
    pub(crate) fn method_not_found(method: &str) -> Self {
        // Cut: an answer shall not be as long as whatever was asked.
        let name: String = method.chars().take(MAX_NAME).collect();
        let more = if name.len() < method.len() { "..." } else { "" };
        let message = format!("the method {name}{more} does not exist/is not available");
        Self::new(code::METHOD_NOT_FOUND, message)
    }

    /// -32602.
    pub(crate) fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_PARAMS, message)
    }

    /// -32000.
    pub(crate) fn server(message: impl Into<String>) -> Self {
        Self::new(code::SERVER, message)
    }

    /// -32603.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(code::INTERNAL, message)
    }

    /// -32005.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(code::LIMIT, message)
    }

    /// The error object as JSON.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        // Maps with string keys and valid raw values always serialise.
        serde_json::to_vec(self).unwrap_or_else(|_| {
            br#"{"code":-32603,"message":"the error could not be rendered"}"#.to_vec()
        })
    }
}

impl std::fmt::Display for RpcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}

impl std::error::Error for RpcError {}

impl Serialize for RpcError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("message", &self.message)?;
        for (name, json) in [("data", &self.data), ("mega", &self.mega)] {
            if let Some(json) = json {
                let raw: &RawValue =
                    serde_json::from_slice(json).map_err(serde::ser::Error::custom)?;
                map.serialize_entry(name, raw)?;
            }
        }
        map.end()
    }
}

impl From<Rejection> for RpcError {
    fn from(rejection: Rejection) -> Self {
        let code = match rejection {
            Rejection::InsufficientFunds { .. } => code::REJECTED,
            Rejection::QueueFull | Rejection::Unread(_) => code::LIMIT,
            Rejection::Internal => code::INTERNAL,
            _ => code::SERVER,
        };
        let error = Self::new(code, rejection.to_string());
        match rejection {
            Rejection::IntrinsicGas { have, need } => error.with_detail(format_args!(
                "intrinsic gas too low: have {have}, want {need} (MegaETH adds storage gas to Ethereum's 21000)"
            )),
            Rejection::GasLimit { have, limit } => {
                error.with_detail(format_args!("gas limit {have}, block gas limit {limit}"))
            }
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_mega_stand_beside_each_other() {
        let error = RpcError::new(code::REVERTED, "execution reverted")
            .with_data(br#""0x08c3""#.to_vec())
            .with_mega(br#"{"detained":false}"#.to_vec());
        assert_eq!(
            String::from_utf8_lossy(&error.to_json()),
            r#"{"code":3,"message":"execution reverted","data":"0x08c3","mega":{"detained":false}}"#
        );
    }

    #[test]
    fn a_detail_is_escaped() {
        let error = RpcError::parse("a \"quote\"");
        assert_eq!(
            String::from_utf8_lossy(&error.to_json()),
            r#"{"code":-32700,"message":"Parse error","data":"a \"quote\""}"#
        );
    }
}
