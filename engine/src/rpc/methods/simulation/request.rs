//! Reads what `eth_simulateV1` is asked.

use alloy_eips::eip7702::SignedAuthorization;

use super::super::{
    request,
    values::{self, in_member, members},
};
use crate::evm::simulate::{
    CallRequest,
    overrides::{BlockOverrides, StateOverrides},
};

/// Blocks to be made up, and how.
#[derive(Debug, Default)]
pub(super) struct Simulation {
    /// The blocks, in order.
    pub blocks: Vec<Block>,
    /// Transfers of ether are shown as logs.
    pub transfers: bool,
    /// Transactions are checked as a real block's are, but for signatures and for code at the sender.
    pub validation: bool,
    /// Whole transactions are shown, not their hashes.
    pub full: bool,
}

/// A block to be made up.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// What it has otherwise than its parent.
    pub overrides: BlockOverrides,
    /// What accounts have otherwise when it begins.
    pub state: StateOverrides,
    /// Its transactions.
    pub calls: Vec<Call>,
}

/// A transaction to be made up.
#[derive(Debug)]
pub(super) struct Call {
    /// What it does.
    pub request: CallRequest,
    /// Its nonce; the sender's next if it is not said.
    pub nonce: Option<u64>,
    /// Its authorizations as they were signed.
    pub authorizations: Vec<SignedAuthorization>,
}

/// Reads the whole request, for the chain with this id.
pub(super) fn simulation(raw: &str, chain_id: u64) -> Result<Simulation, String> {
    let mut simulation = Simulation::default();
    for (name, value) in members(raw)? {
        let value = value.get();
        match name.as_str() {
            "blockStateCalls" => {
                let blocks = values::list(value, |raw| block(raw, chain_id));
                simulation.blocks = in_member(&name, blocks)?;
            }
            "traceTransfers" => simulation.transfers = in_member(&name, values::boolean(value))?,
            "validation" => simulation.validation = in_member(&name, values::boolean(value))?,
            "returnFullTransactions" => {
                simulation.full = in_member(&name, values::boolean(value))?;
            }
            _ => return Err(format!("unknown member {name:?}")),
        }
    }
    Ok(simulation)
}

fn block(raw: &str, chain_id: u64) -> Result<Block, String> {
    let mut block = Block::default();
    for (name, value) in members(raw)? {
        let value = value.get();
        match name.as_str() {
            "blockOverrides" => block.overrides = in_member(&name, block_overrides(value))?,
            "stateOverrides" => {
                block.state = in_member(&name, request::state_overrides(value))?;
            }
            "calls" => {
                let calls = values::list(value, |raw| call(raw, chain_id));
                block.calls = in_member(&name, calls)?;
            }
            _ => return Err(format!("unknown member {name:?}")),
        }
    }
    Ok(block)
}

fn block_overrides(raw: &str) -> Result<BlockOverrides, String> {
    let overrides = request::block_overrides(raw)?;
    match overrides.unlimited {
        true => Err("unlimited: for calls alone, not for blocks".to_owned()),
        false => Ok(overrides),
    }
}

fn call(raw: &str, chain_id: u64) -> Result<Call, String> {
    let mut call = Call {
        request: request::call(raw, chain_id)?,
        nonce: None,
        authorizations: Vec::new(),
    };
    // What calls that are in no block have no use for.
    for (name, value) in members(raw)? {
        match name.as_str() {
            "nonce" => call.nonce = Some(in_member(&name, values::quantity(value.get()))?),
            "authorizationList" => {
                let list: Result<Vec<_>, _> = serde_json::from_str(value.get());
                call.authorizations = list.map_err(|error| format!("{name}: {error}"))?;
            }
            _ => {}
        }
    }
    let request = &mut call.request;
    if request.gas_price.is_some() {
        if !call.authorizations.is_empty() {
            return Err(
                "authorizationList: such transactions pay maxFeePerGas, not gasPrice".to_owned(),
            );
        }
    } else {
        // The transaction is an EIP-1559 one if nothing else is said.
        request.max_fee_per_gas.get_or_insert(0);
        request.max_priority_fee_per_gas.get_or_insert(0);
    }
    Ok(call)
}
