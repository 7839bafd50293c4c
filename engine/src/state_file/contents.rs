//! Accounts of a state file: put together and checked, compared with a state, cut into pieces.

use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, keccak256,
    map::{HashMap, HashSet},
};
use megaeth_checker::evm::{AccountEntry, AccountSet, BadAccounts, EntryCode, UNTOUCHABLE};
use revm::bytecode::Bytecode;

use crate::state::{StateError, StateReader};

/// MegaETH's limit of a contract's size.
const MAX_CODE_BYTES: usize = 512 * 1024;
/// What one intervention writes: accounts and slots. It executes in about a millisecond.
const PIECE_WRITES: usize = 1_000;
/// So many bytes of code count as one write.
const CODE_BYTES_A_WRITE: usize = 512;

/// Why a state file can't be used; the message says where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    /// It is no JSON of this form.
    #[error("{0}")]
    Json(String),
    /// A piece is not what it must be.
    #[error("piece {0}: {1}")]
    Piece(usize, BadAccounts),
    /// An account is there more than once.
    #[error("account {0} is listed twice")]
    Twice(Address),
    /// No chain of ours can have such code.
    #[error("account {0}: its code {1}")]
    Code(Address, String),
}

/// Accounts as they come, with each code once.
#[derive(Default)]
pub(super) struct Accounts {
    set: AccountSet,
    places: HashMap<B256, usize>,
}

impl Accounts {
    /// The code, as an entry names it.
    pub(super) fn code(&mut self, code: Bytes) -> EntryCode {
        if code.is_empty() {
            return EntryCode::Empty;
        }
        let codes = &mut self.set.codes;
        let place = *self.places.entry(keccak256(&code)).or_insert(codes.len());
        if place == codes.len() {
            codes.push(code);
        }
        EntryCode::At(place)
    }

    /// The code with that hash, if an account had it before.
    pub(super) fn known(&self, hash: B256) -> Option<EntryCode> {
        self.places.get(&hash).copied().map(EntryCode::At)
    }

    /// Another account.
    pub(super) fn push(&mut self, entry: AccountEntry) {
        self.set.accounts.push(entry);
    }

    /// The last account's further slots, or another account.
    fn push_or_continue(&mut self, entry: AccountEntry) {
        match self.set.accounts.last_mut() {
            Some(last) if last.address == entry.address && entry.code == EntryCode::Stays => {
                last.slots.extend(entry.slots);
            }
            _ => self.push(entry),
        }
    }

    /// All of them, from a chain.
    pub(super) fn unchecked(self) -> AccountSet {
        self.set
    }

    /// All of them, if a chain can have them.
    pub(super) fn checked(self) -> Result<AccountSet, FileError> {
        let set = self.set;
        let mut seen: HashSet<Address> =
            HashSet::with_capacity_and_hasher(set.accounts.len(), Default::default());
        for account in &set.accounts {
            if !seen.insert(account.address) {
                return Err(FileError::Twice(account.address));
            }
        }
        let problems: Vec<_> = set.codes.iter().map(problem_of).collect();
        for account in &set.accounts {
            if let EntryCode::At(place) = account.code
                && let Some(problem) = &problems[place]
            {
                return Err(FileError::Code(account.address, problem.clone()));
            }
        }
        Ok(set)
    }
}

fn problem_of(code: &Bytes) -> Option<String> {
    if code.len() > MAX_CODE_BYTES {
        return Some(format!(
            "has {} bytes, MegaETH's limit is {MAX_CODE_BYTES}",
            code.len()
        ));
    }
    let error = Bytecode::new_raw_checked(code.clone()).err()?;
    Some(format!("is none: {error}"))
}

/// The accounts of the pieces of a file, in their order.
pub(crate) fn read_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<AccountSet, FileError> {
    let mut all = Accounts::default();
    for (index, piece) in pieces.into_iter().enumerate() {
        let set = AccountSet::decode(piece).map_err(|error| FileError::Piece(index + 1, error))?;
        let codes: Vec<_> = set.codes.into_iter().map(|code| all.code(code)).collect();
        for mut entry in set.accounts {
            if let EntryCode::At(place) = entry.code {
                entry.code = codes[place];
            }
            all.push_or_continue(entry);
        }
    }
    all.checked()
}

/// What has to be written so that a state has these accounts, and whose accounts would have to be other than the chain
/// itself needs them: those are left out.
pub(crate) fn differing(
    set: &AccountSet,
    state: &impl StateReader,
) -> Result<(AccountSet, Vec<Address>), StateError> {
    let hashes: Vec<_> = set.codes.iter().map(keccak256).collect();
    let mut different = Vec::new();
    let mut needed = Vec::new();
    for wanted in &set.accounts {
        let mut entry = AccountEntry {
            slots: Vec::new(),
            ..*wanted
        };
        let now = known(state.account(entry.address))?.map(Option::unwrap_or_default);
        let code_hash = match entry.code {
            EntryCode::Empty => Some(KECCAK256_EMPTY),
            EntryCode::At(place) => Some(hashes[place]),
            EntryCode::Stays => now.map(|now| now.code_hash),
        };
        for (slot, value) in &wanted.slots {
            if known(state.slot(entry.address, *slot))? != Some(*value) {
                entry.slots.push((*slot, *value));
            }
        }
        if now.is_some_and(|now| code_hash == Some(now.code_hash)) {
            entry.code = EntryCode::Stays;
        }
        let is_same = now.is_some_and(|now| {
            (entry.nonce, entry.balance) == (now.nonce, now.balance)
                && entry.code == EntryCode::Stays
                && entry.slots.is_empty()
        });
        match (is_same, UNTOUCHABLE.contains(&entry.address)) {
            (true, _) => {}
            (false, true) => needed.push(entry.address),
            (false, false) => different.push(entry),
        }
    }
    let different = AccountSet {
        codes: set.codes.clone(),
        accounts: different,
    };
    Ok((different, needed))
}

/// What was read; nothing where that is not known yet.
fn known<T>(read: Result<T, StateError>) -> Result<Option<T>, StateError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(StateError::Unknown(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The set in pieces, each for one intervention. An account with many slots goes on in the next piece.
pub(crate) fn pieces(set: &AccountSet) -> Vec<Vec<u8>> {
    let mut cutter = Cutter {
        codes: &set.codes,
        piece: Accounts::default(),
        writes: 0,
        pieces: Vec::new(),
    };
    for account in &set.accounts {
        cutter.add(account);
    }
    cutter.cut();
    cutter.pieces
}

struct Cutter<'a> {
    codes: &'a [Bytes],
    piece: Accounts,
    writes: usize,
    pieces: Vec<Vec<u8>>,
}

impl Cutter<'_> {
    fn add(&mut self, account: &AccountEntry) {
        let code_bytes = match account.code {
            EntryCode::At(place) => self.codes[place].len(),
            _ => 0,
        };
        let own = 1 + code_bytes / CODE_BYTES_A_WRITE;
        if self.writes > 0 && self.writes + own > PIECE_WRITES {
            self.cut();
        }
        let mut code = match account.code {
            EntryCode::At(place) => self.piece.code(self.codes[place].clone()),
            other => other,
        };
        let mut slots = &account.slots[..];
        self.writes += own;
        loop {
            let room = PIECE_WRITES.saturating_sub(self.writes);
            let (now, later) = slots.split_at(slots.len().min(room));
            self.writes += now.len();
            self.piece.push(AccountEntry {
                address: account.address,
                nonce: account.nonce,
                balance: account.balance,
                code,
                slots: now.to_vec(),
            });
            if later.is_empty() {
                return;
            }
            self.cut();
            code = EntryCode::Stays;
            slots = later;
            self.writes = 1;
        }
    }

    fn cut(&mut self) {
        let piece = std::mem::take(&mut self.piece).set;
        self.writes = 0;
        if !piece.accounts.is_empty() {
            self.pieces.push(piece.encode());
        }
    }
}
