//! `mega_depositTransaction`: a transaction forced in as if it came from L1. For the devnet only.
//!
//! Reads the parameters; `transport/` does the waiting.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use op_alloy_consensus::TxDeposit;
use serde::Deserialize;

use super::send::REALTIME;
use super::{Method, Node, Params, Patience, RpcError, Submission};
use crate::{json::JsonObject, pool::Deposit};

/// Gas of a deposit that names none.
const DEFAULT_GAS: u64 = 1_000_000;
/// How long it may take until it is on disk, ...
const PATIENCE: Duration = Duration::from_secs(10);
/// ... and for so many bytes of calldata a second longer: what writes a state's accounts has a block of its own to do.
const BYTES_A_SECOND: usize = 128 << 10;

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::submits("mega_depositTransaction", &["deposit"], deposit_transaction, "Has a transaction executed as if it came from L1; its hash when it is on disk. Only a devnet has this."),
];

/// `{from, to?, value?, mint?, gas?, data?}`; quantities are hex strings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    from: Address,
    to: Option<Address>,
    #[serde(default)]
    value: U256,
    /// Wei that the sender is given first; by default as much as it sends.
    mint: Option<U256>,
    gas: Option<U256>,
    #[serde(default, alias = "input")]
    data: Bytes,
}

/// The deposit that is asked for, without what tells it from others.
fn read(raw: &str) -> Result<TxDeposit, String> {
    let JsonObject(wanted): JsonObject<Wanted> =
        serde_json::from_str(raw).map_err(|reason| reason.to_string())?;
    let mint = u128::try_from(wanted.mint.unwrap_or(wanted.value))
        .map_err(|_| "mint is out of range".to_owned())?;
    let gas_limit = wanted.gas.map_or(Ok(DEFAULT_GAS), |gas| {
        u64::try_from(gas).map_err(|_| "gas is out of range".to_owned())
    })?;
    Ok(TxDeposit {
        from: wanted.from,
        to: wanted.to.map_or(TxKind::Create, TxKind::Call),
        mint,
        value: wanted.value,
        gas_limit,
        input: wanted.data,
        ..TxDeposit::default()
    })
}

/// `mega_depositTransaction({from, to, value, mint, gas, data})`.
fn deposit_transaction(node: &Node, params: &Params<'_>) -> Result<Submission, RpcError> {
    let transaction = params.required(0, read)?;
    let gas_limit = transaction.gas_limit;
    let most = node.chain.config.gas_limit;
    if gas_limit > most {
        return Err(
            RpcError::server("exceeds max transaction gas limit").with_detail(format_args!(
                "gas limit {gas_limit}, block gas limit {most}"
            )),
        );
    }
    // On the real chain the L1 event makes each deposit unique.
    let salt = B256::from(secp256k1::rand::random::<[u8; 32]>());
    let longer = Duration::from_secs((transaction.input.len() / BYTES_A_SECOND) as u64);
    Ok(Submission::Deposit {
        deposit: Box::new(Deposit::new(transaction, salt)),
        patience: Patience {
            timeout: PATIENCE + longer,
            ..REALTIME
        },
    })
}
