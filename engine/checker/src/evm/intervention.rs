//! Interventions: what the user of a devnet does to its state, as transactions of the chain.
//!
//! An intervention is a deposit from [`INTERVENTION_SENDER`] to [`INTERVENTIONS`], where a precompile stands on chains
//! whose rules say so. Whoever executes the block makes the same change: builder, full nodes, checkers.
//!
//! The precompile serves that sender only. Nobody has its key, and no code can stand at its address, so that a call is
//! always a transaction's first: what the precompile does is never taken back half done.

mod accounts;

use std::sync::Arc;

use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::SYSTEM_ADDRESS};
use alloy_evm::{
    EvmInternals, EvmInternalsError,
    precompiles::{DynPrecompile, PrecompileInput},
};
use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::{SolInterface as _, sol};
use mega_evm::{DynPrecompilesBuilder, SEQUENCER_REGISTRY_ADDRESS};
use revm::{
    bytecode::Bytecode,
    precompile::{PrecompileError, PrecompileOutput, PrecompileResult},
    primitives::HashMap,
    state::Account,
};

pub use accounts::{AccountEntry, AccountSet, BadAccounts, EntryCode};

/// Where the precompile stands: `devnet-interventions` in ASCII.
pub const INTERVENTIONS: Address = address!("6465766e65742d696e74657276656e74696f6e73");

/// Who intervenes: the chain itself. mega-evm meters nothing that comes from it (since Rex6).
pub const INTERVENTION_SENDER: Address = SYSTEM_ADDRESS;

/// What nobody may change: who intervenes and where, who signs mini-blocks, and the block hashes that checkers read.
pub const UNTOUCHABLE: [Address; 4] = [
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
        /// Of many accounts at once, in the form of an `AccountSet`.
        function setAccounts(bytes accounts);
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
    let mut accounts = Accounts(&mut input.internals);
    match calls {
        Calls::setBalance(call) => accounts.change(call.account, |account| {
            account.info.balance = call.amount;
        }),
        Calls::addBalance(call) => accounts.change(call.account, |account| {
            account.info.balance = account.info.balance.saturating_add(call.amount);
        }),
        Calls::setNonce(call) => accounts.change(call.account, |account| {
            account.info.nonce = call.nonce;
        }),
        Calls::setCode(call) => accounts.set_code(call.account, call.code),
        Calls::setStorageAt(call) => accounts.set_slot(call.account, call.slot, call.value),
        Calls::setAccounts(call) => accounts.set_all(&call.accounts),
    }?;
    Ok(PrecompileOutput::new(0, Bytes::new()))
}

/// Changes accounts.
///
/// Everything that can be refused is, before anything changes.
///
/// Two things that no transaction of Ethereum's does have no place in what blocks are executed with. An account without
/// nonce and code has no storage: revm's state doesn't look for any. And who is there doesn't become empty, but for
/// SELFDESTRUCT: it would vanish with its storage (EIP-161). Such accounts get a nonce of 1.
struct Accounts<'a, 'b>(&'a mut EvmInternals<'b>);

impl Accounts<'_, '_> {
    fn change(
        &mut self,
        address: Address,
        change: impl FnOnce(&mut Account),
    ) -> Result<(), PrecompileError> {
        check_touchable(address)?;
        let before = self.before(address)?;
        change(self.load(address)?);
        self.finish(address, before)
    }

    fn set_code(&mut self, address: Address, code: Bytes) -> Result<(), PrecompileError> {
        check_touchable(address)?;
        let code = checked_code(code)?;
        let before = self.before(address)?;
        self.0.set_code(address, code);
        self.finish(address, before)
    }

    fn set_slot(
        &mut self,
        address: Address,
        slot: U256,
        value: U256,
    ) -> Result<(), PrecompileError> {
        check_touchable(address)?;
        let before = Before {
            may_have_storage: true,
            ..self.before(address)?
        };
        self.0.sstore(address, slot, value).map_err(unread)?;
        self.finish(address, before)
    }

    fn set_all(&mut self, bytes: &[u8]) -> Result<(), PrecompileError> {
        let set =
            AccountSet::decode(bytes).map_err(|error| PrecompileError::other(error.to_string()))?;
        for account in &set.accounts {
            check_touchable(account.address)?;
        }
        let codes = set
            .codes
            .into_iter()
            .map(checked_code)
            .collect::<Result<Vec<_>, _>>()?;
        set.accounts
            .iter()
            .try_for_each(|account| self.set(account, &codes))
    }

    fn set(&mut self, entry: &AccountEntry, codes: &[Bytecode]) -> Result<(), PrecompileError> {
        let address = entry.address;
        let mut before = self.before(address)?;
        before.may_have_storage |= !entry.slots.is_empty();
        let account = self.load(address)?;
        account.info.nonce = entry.nonce;
        account.info.balance = entry.balance;
        match entry.code {
            EntryCode::Empty if account.info.is_empty_code_hash() => {}
            EntryCode::Empty => self.0.set_code(address, Bytecode::default()),
            EntryCode::At(index) => self.0.set_code(address, codes[index].clone()),
            EntryCode::Stays => {}
        }
        for (slot, value) in &entry.slots {
            self.0.sstore(address, *slot, *value).map_err(unread)?;
        }
        self.finish(address, before)
    }

    fn before(&mut self, address: Address) -> Result<Before, PrecompileError> {
        let info = &self.load(address)?.info;
        Ok(Before {
            was_there: !info.is_empty(),
            may_have_storage: info.nonce > 0 || !info.is_empty_code_hash(),
        })
    }

    fn finish(&mut self, address: Address, before: Before) -> Result<(), PrecompileError> {
        self.0.touch_account(address);
        let info = &mut self.load(address)?.info;
        let used = before.may_have_storage || before.was_there && info.is_empty();
        if info.nonce == 0 && info.is_empty_code_hash() && used {
            info.nonce = 1;
        }
        Ok(())
    }

    fn load(&mut self, address: Address) -> Result<&mut Account, PrecompileError> {
        let loaded = self.0.load_account_code(address).map_err(unread)?;
        Ok(loaded.data)
    }
}

/// What an account was.
#[derive(Clone, Copy)]
struct Before {
    was_there: bool,
    /// It was in use, has code, or is given some storage now.
    may_have_storage: bool,
}

fn check_touchable(address: Address) -> Result<(), PrecompileError> {
    match UNTOUCHABLE.contains(&address) {
        true => Err(PrecompileError::other(format!(
            "{address} can't be changed"
        ))),
        false => Ok(()),
    }
}

fn checked_code(code: Bytes) -> Result<Bytecode, PrecompileError> {
    Bytecode::new_raw_checked(code)
        .map_err(|error| PrecompileError::other(format!("no code: {error}")))
}

/// What can't be read is no outcome.
#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn unread(error: EvmInternalsError) -> PrecompileError {
    PrecompileError::Fatal(error.to_string())
}
