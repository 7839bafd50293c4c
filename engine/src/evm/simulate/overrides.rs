//! State and block overrides: what a simulation should find different from the chain.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use mega_evm::EvmTxRuntimeLimits;
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    context::BlockEnv,
    database::{AccountState, CacheDB},
};

use super::Setting;

/// What is different about one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AccountOverride {
    /// Wei.
    pub balance: Option<U256>,
    /// Nonce.
    pub nonce: Option<u64>,
    /// Code.
    pub code: Option<Bytes>,
    /// The whole storage: every other slot is zero.
    pub state: Option<Vec<(U256, U256)>>,
    /// Some slots: the others stay.
    pub state_diff: Option<Vec<(U256, U256)>>,
    /// Where the precompile at this address moves.
    pub move_precompile_to: Option<Address>,
}

/// What is different about the accounts.
pub(crate) type StateOverrides = Vec<(Address, AccountOverride)>;

/// What is different about the block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BlockOverrides {
    /// `NUMBER`.
    pub number: Option<U256>,
    /// `DIFFICULTY` before the merge; kept for callers that still send it.
    pub difficulty: Option<U256>,
    /// `TIMESTAMP`, seconds.
    pub time: Option<U256>,
    /// `GASLIMIT`.
    pub gas_limit: Option<u64>,
    /// `COINBASE`.
    pub coinbase: Option<Address>,
    /// `PREVRANDAO`.
    pub random: Option<B256>,
    /// `BASEFEE`, wei.
    pub base_fee: Option<u64>,
    /// `BLOCKHASH` by number.
    pub block_hashes: Vec<(u64, B256)>,
    /// Lifts MegaETH's limits of a transaction, and the gas limit to [`UNLIMITED_GAS`].
    pub unlimited: bool,
}

/// The gas of a call without limits: an end for what would never end otherwise, an hour away for the
/// interpreter.
pub(crate) const UNLIMITED_GAS: u64 = 1 << 40;

impl BlockOverrides {
    /// Changes the setting. Block hashes belong to the database, see [`Self::apply_hashes`].
    pub(crate) fn apply(&self, setting: &mut Setting) {
        let block: &mut BlockEnv = &mut setting.block;
        if self.unlimited {
            block.gas_limit = UNLIMITED_GAS;
            setting.limits = EvmTxRuntimeLimits::no_limits();
        }
        if let Some(number) = self.number {
            block.number = number;
        }
        if let Some(difficulty) = self.difficulty {
            block.difficulty = difficulty;
        }
        if let Some(time) = self.time {
            block.timestamp = time;
        }
        if let Some(gas_limit) = self.gas_limit {
            block.gas_limit = gas_limit;
        }
        if let Some(coinbase) = self.coinbase {
            block.beneficiary = coinbase;
        }
        if let Some(random) = self.random {
            block.prevrandao = Some(random);
        }
        if let Some(base_fee) = self.base_fee {
            block.basefee = base_fee;
            setting.base_fee_is_chosen = true;
        }
    }

    /// Puts the block hashes where `BLOCKHASH` looks.
    pub(crate) fn apply_hashes<D>(&self, overlay: &mut CacheDB<D>) {
        for (number, hash) in &self.block_hashes {
            overlay
                .cache
                .block_hashes
                .insert(U256::from(*number), *hash);
        }
    }
}

/// Writes account overrides into the overlay and returns the precompiles to move. The error is a
/// sentence for the caller: contradictory overrides.
pub(crate) fn apply<D: DatabaseRef>(
    overrides: &StateOverrides,
    overlay: &mut CacheDB<D>,
    is_precompile: impl Fn(&Address) -> bool,
) -> Result<Vec<(Address, Address)>, Fault<D::Error>> {
    let mut moves = Vec::new();
    let mut taken: HashMap<Address, Address> = HashMap::new();
    for (address, account) in overrides {
        if let Some(to) = account.move_precompile_to {
            if !is_precompile(address) {
                return Err(Fault::Sentence(format!(
                    "account {address:#x} is not a precompile"
                )));
            }
            if taken.insert(to, *address).is_some() {
                return Err(Fault::Sentence(format!(
                    "account {to:#x} has already been overridden"
                )));
            }
            moves.push((*address, to));
        }
        apply_account(*address, account, overlay)?;
    }
    Ok(moves)
}

/// Why overrides were not applied.
#[derive(Debug)]
pub(crate) enum Fault<E> {
    /// They contradict each other.
    Sentence(String),
    /// The state could not be read.
    Database(E),
}

fn apply_account<D: DatabaseRef>(
    address: Address,
    account: &AccountOverride,
    overlay: &mut CacheDB<D>,
) -> Result<(), Fault<D::Error>> {
    if account.state.is_some() && account.state_diff.is_some() {
        return Err(Fault::Sentence(format!(
            "account {address:#x} has both 'state' and 'stateDiff'"
        )));
    }
    let entry = overlay.load_account(address).map_err(Fault::Database)?;
    if let Some(balance) = account.balance {
        entry.info.balance = balance;
    }
    if let Some(nonce) = account.nonce {
        entry.info.nonce = nonce;
    }
    if let Some(code) = &account.code {
        // Delegation designators must be recognised; anything malformed is plain bytes.
        let code = Bytecode::new_raw_checked(code.clone())
            .unwrap_or_else(|_| Bytecode::new_legacy(code.clone()));
        entry.info.code_hash = code.hash_slow();
        entry.info.code = Some(code);
    }
    if entry.account_state == AccountState::NotExisting {
        entry.account_state = AccountState::Touched;
    }
    if let Some(state) = &account.state {
        entry.account_state = AccountState::StorageCleared;
        entry.storage = state.iter().copied().collect();
    }
    for (slot, value) in account.state_diff.iter().flatten() {
        entry.storage.insert(*slot, *value);
    }
    Ok(())
}
