//! Interventions: what the user of a devnet does to its state, as transactions of the chain.
//!
//! An intervention is a deposit from [`INTERVENTION_SENDER`] to [`INTERVENTIONS`], where a precompile stands on chains
//! whose rules say so. Whoever executes the block makes the same change: builder, full nodes, checkers.
//!
//! The precompile serves that sender only. Nobody has its key, and no code can stand at its address, so that a call is
//! always a transaction's first: what the precompile does is never taken back half done.

use std::sync::Arc;

use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::SYSTEM_ADDRESS};
use alloy_evm::{
    EvmInternals, EvmInternalsError,
    precompiles::{DynPrecompile, PrecompileInput},
};
use alloy_primitives::{Address, Bytes, address};
use alloy_sol_types::{SolInterface as _, sol};
use mega_evm::{DynPrecompilesBuilder, SEQUENCER_REGISTRY_ADDRESS};
use revm::{
    bytecode::Bytecode,
    precompile::{PrecompileError, PrecompileOutput, PrecompileResult},
    primitives::HashMap,
    state::Account,
};

/// Where the precompile stands: `devnet-interventions` in ASCII.
pub const INTERVENTIONS: Address = address!("6465766e65742d696e74657276656e74696f6e73");

/// Who intervenes: the chain itself. mega-evm meters nothing that comes from it (since Rex6).
pub const INTERVENTION_SENDER: Address = SYSTEM_ADDRESS;

/// What nobody may change: who intervenes and where, who signs mini-blocks, and the block hashes that checkers read.
const UNTOUCHABLE: [Address; 4] = [
    INTERVENTIONS,
    INTERVENTION_SENDER,
    SEQUENCER_REGISTRY_ADDRESS,
    HISTORY_STORAGE_ADDRESS,
];

sol! {
    /// What the precompile is asked.
    interface Interventions {
        function setBalance(address account, uint256 amount);
        function addBalance(address account, uint256 amount);
        function setNonce(address account, uint64 nonce);
        function setCode(address account, bytes code);
        function setStorageAt(address account, uint256 slot, uint256 value);
    }
}

use Interventions::InterventionsCalls as Calls;

/// The precompile, for mega-evm's factory.
pub(super) fn precompiles() -> DynPrecompilesBuilder {
    Arc::new(|_| HashMap::from_iter([(INTERVENTIONS, DynPrecompile::new_stateful(intervene))]))
}

fn intervene(mut input: PrecompileInput<'_>) -> PrecompileResult {
    if input.caller != INTERVENTION_SENDER || !input.value.is_zero() {
        return Err(PrecompileError::other("only the chain itself intervenes"));
    }
    let calls = Calls::abi_decode(input.data)
        .map_err(|error| PrecompileError::other(format!("no intervention: {error}")))?;
    let account = account_of(&calls);
    if UNTOUCHABLE.contains(&account) {
        return Err(PrecompileError::other(format!(
            "{account} can't be changed"
        )));
    }
    change(&mut input.internals, account, calls)?;
    Ok(PrecompileOutput::new(0, Bytes::new()))
}

fn account_of(calls: &Calls) -> Address {
    match calls {
        Calls::setBalance(call) => call.account,
        Calls::addBalance(call) => call.account,
        Calls::setNonce(call) => call.account,
        Calls::setCode(call) => call.account,
        Calls::setStorageAt(call) => call.account,
    }
}

/// Everything that can be refused is, before anything changes.
///
/// Two things that no transaction of Ethereum's does have no place in what blocks are executed with. An account without
/// nonce and code has no storage: revm's state doesn't look for any. And who is there doesn't become empty, but for
/// SELFDESTRUCT: it would vanish with its storage (EIP-161). Such accounts get a nonce of 1.
fn change(
    state: &mut EvmInternals<'_>,
    address: Address,
    calls: Calls,
) -> Result<(), PrecompileError> {
    let mut account = load(state, address)?;
    let was_there = !account.info.is_empty();
    // Whether the account may have storage: it was in use, has code, or is given some now.
    let mut used = account.info.nonce > 0 || !account.info.is_empty_code_hash();
    match calls {
        Calls::setBalance(call) => account.info.balance = call.amount,
        Calls::addBalance(call) => {
            account.info.balance = account.info.balance.saturating_add(call.amount);
        }
        Calls::setNonce(call) => account.info.nonce = call.nonce,
        Calls::setCode(call) => {
            let code = Bytecode::new_raw_checked(call.code)
                .map_err(|error| PrecompileError::other(format!("no code: {error}")))?;
            state.set_code(address, code);
        }
        Calls::setStorageAt(call) => {
            used = true;
            state
                .sstore(address, call.slot, call.value)
                .map_err(unread)?;
        }
    }
    state.touch_account(address);
    account = load(state, address)?;
    let (nonce, code) = (account.info.nonce, !account.info.is_empty_code_hash());
    if nonce == 0 && !code && (used || was_there && account.info.is_empty()) {
        account.info.nonce = 1;
    }
    Ok(())
}

fn load<'a>(
    state: &'a mut EvmInternals<'_>,
    address: Address,
) -> Result<&'a mut Account, PrecompileError> {
    let loaded = state.load_account_code(address).map_err(unread)?;
    Ok(loaded.data)
}

/// What can't be read is no outcome.
#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn unread(error: EvmInternalsError) -> PrecompileError {
    PrecompileError::Fatal(error.to_string())
}
