//! `mega_depositTransaction`: a transaction forced in as if it came from L1. For the devnet only.
//!
//! Reads the parameters; the door does the waiting. A deposit is answered when it is durable: nobody could
//! give it again, as a client gives a transaction again that got lost.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use op_alloy_consensus::TxDeposit;
use serde::Deserialize;

use super::RpcError;
use super::methods::{Kind, Method, Node};
use crate::{json::JsonObject, pool::Deposit};

/// Gas of a deposit that names none.
const DEFAULT_GAS: u64 = 1_000_000;

/// This room's methods.
pub const METHODS: &[Method] = &[Method {
    name: "mega_depositTransaction",
    kind: Kind::Deposit,
}];

/// `{from, to?, value?, mint?, gas?, data?}`; quantities are hex strings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
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

/// The deposit that is asked for.
pub fn read(node: &Node, params: &str) -> Result<Deposit, RpcError> {
    let invalid = |reason: &dyn std::fmt::Display| {
        RpcError::invalid_params(format!("invalid argument 0: {reason}"))
    };
    let (JsonObject(deposit),): (JsonObject<Params>,) =
        serde_json::from_str(params).map_err(|reason| invalid(&reason))?;
    let mint = u128::try_from(deposit.mint.unwrap_or(deposit.value))
        .map_err(|_| invalid(&"mint is out of range"))?;
    let gas_limit = deposit.gas.map_or(Ok(DEFAULT_GAS), |gas| {
        u64::try_from(gas).map_err(|_| invalid(&"gas is out of range"))
    })?;
    let most = node.chain.config.gas_limit;
    if gas_limit > most {
        return Err(
            RpcError::server("exceeds max transaction gas limit").with_detail(format_args!(
                "gas limit {gas_limit}, block gas limit {most}"
            )),
        );
    }
    let transaction = TxDeposit {
        from: deposit.from,
        to: deposit.to.map_or(TxKind::Create, TxKind::Call),
        mint,
        value: deposit.value,
        gas_limit,
        input: deposit.data,
        ..TxDeposit::default()
    };
    // On the real chain the L1 event makes each deposit unique.
    let salt = B256::from(secp256k1::rand::random::<[u8; 32]>());
    Ok(Deposit::new(transaction, salt))
}
