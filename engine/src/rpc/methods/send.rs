//! Raw transactions: reading the parameters and wording the answers. `transport/` does the waiting.

use std::time::Duration;

use alloy_primitives::{B256, Bytes};

use super::error::code;
use super::render::json;
use super::{Method, Node, Params, Patience, RpcError, Submission, values};
use crate::pool::{Pool, Rejection};

/// The longest that a client may ask for.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// As long as MegaETH waits for a receipt, and in its words.
pub(super) const REALTIME: Patience = Patience {
    timeout: Duration::from_secs(5),
    expired: |_, hash, _| {
        let error = RpcError::server("realtime transaction expired");
        error.with_data(json::data_bytes(hash.as_slice()))
    },
    refused: RpcError::from,
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::submits("eth_sendRawTransaction", &["raw transaction"], send, "The hash, once the pool has the transaction."),
    Method::submits("realtime_sendRawTransaction", &["raw transaction", "timeout?"], send_realtime, "The receipt, as soon as the mini-block is on disk."),
    Method::submits("eth_sendRawTransactionSync", &["raw transaction", "timeout?"], send_sync, "The receipt, as soon as the mini-block is on disk (EIP-7966)."),
];

/// `eth_sendRawTransaction(raw)`.
fn send(_: &Node, params: &Params<'_>) -> Result<Submission, RpcError> {
    let raw = params.required(0, values::data)?;
    Ok(Submission::Raw { raw, receipt: None })
}

/// `realtime_sendRawTransaction(raw, timeout in milliseconds)`.
fn send_realtime(_: &Node, params: &Params<'_>) -> Result<Submission, RpcError> {
    awaited(params, REALTIME)
}

/// `eth_sendRawTransactionSync(raw, timeout in milliseconds)`.
fn send_sync(_: &Node, params: &Params<'_>) -> Result<Submission, RpcError> {
    let patience = Patience {
        expired: not_processed,
        refused: not_ready,
        ..REALTIME
    };
    awaited(params, patience)
}

/// A transaction whose client waits for the receipt, for as long as it says itself.
fn awaited(params: &Params<'_>, patience: Patience) -> Result<Submission, RpcError> {
    let raw: Bytes = params.required(0, values::data)?;
    let timeout = params.optional(1, timeout)?.unwrap_or(patience.timeout);
    let receipt = Some(Patience {
        timeout,
        ..patience
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

/// The errors of EIP-7966 for a transaction that is still in the pool. One that waits for a lower nonce is told apart only
/// now: that of a client who sends several at once may arrive a moment later.
fn not_processed(pool: &Pool, hash: &B256, timeout: Duration) -> RpcError {
    let message = format!(
        "The transaction was added to the mempool but wasn't processed within {} ms",
        timeout.as_millis()
    );
    match pool.awaited_nonce(hash) {
        Some(nonce) => {
            let message =
                format!("{message}: it waits for the sender's transaction with nonce {nonce}.");
            let nonce = json::quantity_bytes(nonce);
            RpcError::new(code::SYNC_NONCE_GAP, message).with_data(nonce)
        }
        None => {
            let hash = json::data_bytes(hash.as_slice());
            RpcError::new(code::SYNC_TIMEOUT, message + ".").with_data(hash)
        }
    }
}

/// EIP-7966's error of a node that takes nothing now; any other refusal as ever.
fn not_ready(rejection: Rejection) -> RpcError {
    match rejection {
        Rejection::NotBuilding => RpcError::new(code::SYNC_UNREADY, rejection.to_string()),
        _ => rejection.into(),
    }
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

    const REAL: &str = "realtime_sendRawTransaction";
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
        assert!(read(REAL, r#"["0x02", 5, 5]"#).is_err());
    }

    #[test]
    fn a_client_may_choose_the_timeout() {
        for method in [SYNC, REAL] {
            choose_the_timeout(method);
        }
    }

    fn choose_the_timeout(method: &str) {
        let timeout = |params: &str| {
            let (_, receipt) = read(method, params).ok()?;
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
        let net = Devnet::new();
        let expired = |name: &str| {
            let (_, receipt) = read(name, r#"["0x02"]"#).unwrap();
            let patience = receipt.unwrap();
            (patience.expired)(&net.node.pool, &hash, Duration::from_millis(5))
        };
        let sync = expired(SYNC);
        assert_eq!(
            (sync.code, sync.data),
            (4, Some(json::data_bytes(&hash[..])))
        );
        let realtime = expired(REAL);
        assert_eq!(
            (realtime.code, realtime.message.as_str()),
            (-32000, "realtime transaction expired")
        );
    }
    #[test]
    fn a_node_that_builds_nothing_is_not_ready_which_only_the_sync_method_says_in_its_own_way() {
        let refused = |name: &str, rejection: Rejection| {
            let (_, receipt) = read(name, r#"["0x02"]"#).unwrap();
            (receipt.unwrap().refused)(rejection).code
        };
        assert_eq!(refused(SYNC, Rejection::NotBuilding), code::SYNC_UNREADY);
        assert_eq!(refused(REAL, Rejection::NotBuilding), code::SERVER);
        assert_eq!(refused(SYNC, Rejection::Unprotected), code::SERVER);
        assert_eq!(refused(SYNC, Rejection::QueueFull), code::LIMIT);
    }
}
