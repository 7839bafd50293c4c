//! Accounts of a state file: put together and checked, compared with a state, cut into pieces.

use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256,
    map::{HashMap, HashSet},
};
use megaeth_checker::evm::{AccountEntry, AccountSet, BadAccounts, EntryCode, UNTOUCHABLE};
use revm::bytecode::Bytecode;

use crate::state::{StateError, StateReader};

/// MegaETH's limit of a contract's size.
const MAX_CODE_BYTES: usize = 512 * 1024;
/// What an account takes of a piece besides its balance, code and slots; what a count takes, and a number's length.
const ACCOUNT_BYTES: usize = 37;
const COUNT_BYTES: usize = 4;
const LENGTH_BYTES: usize = 1;
/// Room for an account and a slot, however large their numbers.
const LEAST: PieceSize = PieceSize {
    writes: 2,
    bytes: 192,
};

/// How much one piece holds at most; a code that is larger has a piece to itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PieceSize {
    /// Accounts and slots.
    pub writes: usize,
    /// Of the encoding.
    pub bytes: usize,
}

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
pub(crate) fn pieces(set: &AccountSet, size: PieceSize) -> Vec<Vec<u8>> {
    let size = PieceSize {
        writes: size.writes.max(LEAST.writes),
        bytes: size.bytes.max(LEAST.bytes) - COUNT_BYTES,
    };
    let mut cutter = Cutter {
        codes: &set.codes,
        size,
        left: size,
        piece: Accounts::default(),
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
    size: PieceSize,
    /// Of the piece that is open.
    left: PieceSize,
    piece: Accounts,
    pieces: Vec<Vec<u8>>,
}

impl Cutter<'_> {
    fn add(&mut self, account: &AccountEntry) {
        let code_bytes = match account.code {
            EntryCode::At(place) => COUNT_BYTES + self.codes[place].len(),
            _ => 0,
        };
        let bytes = ACCOUNT_BYTES + account.balance.byte_len() + code_bytes;
        if self.left.writes == 0 || self.left.bytes < bytes {
            self.cut();
        }
        self.take(bytes);
        let mut code = match account.code {
            EntryCode::At(place) => self.piece.code(self.codes[place].clone()),
            other => other,
        };
        let mut slots = &account.slots[..];
        loop {
            let (now, later) = slots.split_at(self.take_slots(slots));
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
            self.take(ACCOUNT_BYTES + account.balance.byte_len());
            code = EntryCode::Stays;
            slots = later;
        }
    }

    /// How many of these there is room for, which they take.
    fn take_slots(&mut self, slots: &[(U256, U256)]) -> usize {
        for (index, (slot, value)) in slots.iter().enumerate() {
            let bytes = 2 * LENGTH_BYTES + slot.byte_len() + value.byte_len();
            if self.left.writes == 0 || self.left.bytes < bytes {
                return index;
            }
            self.take(bytes);
        }
        slots.len()
    }

    fn take(&mut self, bytes: usize) {
        self.left.writes = self.left.writes.saturating_sub(1);
        self.left.bytes = self.left.bytes.saturating_sub(bytes);
    }

    fn cut(&mut self) {
        let piece = std::mem::take(&mut self.piece).set;
        self.left = self.size;
        if !piece.accounts.is_empty() {
            self.pieces.push(piece.encode());
        }
    }
}
