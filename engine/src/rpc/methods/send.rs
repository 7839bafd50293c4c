//! Raw transactions: reading the parameters and wording the answers. `transport/` does the waiting.

use std::time::Duration;

use alloy_primitives::{B256, Bytes};

use super::error::code;
use super::method::{Patience, Submission};
use super::render::json;
use super::{Method, Node, Params, RpcError, values};

/// The longest that a client may ask for.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// As long as MegaETH waits for a receipt, and in its words.
pub(super) const REALTIME: Patience = Patience {
    timeout: Duration::from_secs(10),
    expired: |hash, _| {
        let error = RpcError::server("realtime transaction expired");
        error.with_data(json::data_bytes(hash.as_slice()))
    },
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::submits("eth_sendRawTransaction", &["raw transaction"], send, "The hash, once the pool has the transaction."),
    Method::submits("realtime_sendRawTransaction", &["raw transaction"], send_realtime, "The receipt, as soon as the mini-block is on disk."),
    Method::submits("eth_sendRawTransactionSync", &["raw transaction", "timeout?"], send_sync, "The receipt, as soon as the mini-block is on disk (EIP-7966)."),
];

/// `eth_sendRawTransaction(raw)`.
fn send(_: &Node, params: &Params<'_>) -> Result<Submission, RpcError> {
    let raw = params.required(0, values::data)?;
    Ok(Submission::Raw { raw, receipt: None })
}

/// `realtime_sendRawTransaction(raw)`.
fn send_realtime(_: &Node, params: &Params<'_>) -> Result<Submission, RpcError> {
    let raw = params.required(0, values::data)?;
    let receipt = Some(REALTIME);
    Ok(Submission::Raw { raw, receipt })
}

/// `eth_sendRawTransactionSync(raw, timeout in milliseconds)`.
fn send_sync(_: &Node, params: &Params<'_>) -> Result<Submission, RpcError> {
    let raw: Bytes = params.required(0, values::data)?;
    let timeout = params.optional(1, timeout)?;
    let receipt = Some(Patience {
        timeout: timeout.unwrap_or(REALTIME.timeout),
        expired: not_processed,
    });
    Ok(Submission::Raw { raw, receipt })
}

/// A timeout; zero means none in particular.
fn timeout(raw: &str) -> Result<Duration, String> {
    Ok(match values::quantity(raw)? {
        0 => REALTIME.timeout,
        milliseconds => Duration::from_millis(milliseconds).min(MAX_TIMEOUT),
    })
}

/// The error of EIP-7966. The transaction is still in the pool.
fn not_processed(hash: &B256, timeout: Duration) -> RpcError {
    let message = format!(
        "The transaction was added to the mempool but wasn't processed within {} ms.",
        timeout.as_millis()
    );
    RpcError::new(code::SYNC_TIMEOUT, message).with_data(json::data_bytes(hash.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::testing::Devnet;

    fn read(name: &str, params: &str) -> Result<(Bytes, Option<Patience>), RpcError> {
        let method = METHODS.iter().find(|method| method.name == name).unwrap();
        let crate::rpc::Runs::Submits(submit) = method.runs else {
            panic!("{name} submits nothing");
        };
        let params = Params::read(params, method.params)?;
        match submit(&Devnet::new().node, &params)? {
            Submission::Raw { raw, receipt } => Ok((raw, receipt)),
            other @ Submission::Deposit { .. } => panic!("{other:?}"),
        }
    }

    const PLAIN: &str = "eth_sendRawTransaction";
    const SYNC: &str = "eth_sendRawTransactionSync";

    #[test]
    fn hex_becomes_bytes() {
        let (raw, receipt) = read(PLAIN, r#"["0x02fF"]"#).unwrap();
        assert_eq!(raw, Bytes::from_static(&[2, 0xff]));
        assert!(receipt.is_none());
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
            let refused = read(SYNC, params).map(|(raw, _)| raw);
            let code = refused.map_err(|error| error.code);
            assert_eq!(code, Err(code::INVALID_PARAMS), "{params}");
        }
        assert!(read(PLAIN, r#"["0x02", 5]"#).is_err());
    }

    #[test]
    fn a_client_may_choose_the_timeout_of_the_sync_method() {
        let timeout = |params: &str| {
            let (_, receipt) = read(SYNC, params).ok()?;
            Some(receipt?.timeout)
        };
        let quarter = Some(Duration::from_millis(250));
        assert_eq!(timeout(r#"["0x02", 250]"#), quarter);
        assert_eq!(timeout(r#"["0x02", "0xfa"]"#), quarter);
        assert_eq!(timeout(r#"["0x02"]"#), Some(REALTIME.timeout));
        assert_eq!(timeout(r#"["0x02", null]"#), Some(REALTIME.timeout));
        assert_eq!(timeout(r#"["0x02", 0]"#), Some(REALTIME.timeout));
        assert_eq!(timeout(r#"["0x02", 99999999]"#), Some(MAX_TIMEOUT));
    }

    #[test]
    fn each_method_words_its_own_timeout() {
        let hash = B256::repeat_byte(1);
        let expired = |name: &str| {
            let (_, receipt) = read(name, r#"["0x02"]"#).unwrap();
            let patience = receipt.unwrap();
            (patience.expired)(&hash, Duration::from_millis(5))
        };
        let sync = expired(SYNC);
        assert_eq!(
            (sync.code, sync.data),
            (4, Some(json::data_bytes(&hash[..])))
        );
        let realtime = expired("realtime_sendRawTransaction");
        assert_eq!(
            (realtime.code, realtime.message.as_str()),
            (-32000, "realtime transaction expired")
        );
    }
}
