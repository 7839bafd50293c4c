//! Lies on purpose, for `megaeth devnet inject` and for tests: records that say something wrong and bear
//! the sequencer's valid signatures, as a sequencer gone bad would make them.

use alloy_primitives::{Address, B256, U256, keccak256};

use crate::{
    block::{
        BlockRecord, BlockRoots, Leaves, MiniBlock, PlainAccount, PlainKey, PlainValue,
        RecordError, prev_randao,
    },
    keys::Key,
};

/// What a record is made to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    /// A mini-block's diff gives one wei to an account that nobody has.
    Diff,
    /// A mini-block's first transaction failed instead of succeeding, or the other way round; or a block
    /// sums such mini-blocks up.
    Receipt,
    /// Another mini-block of the same number.
    Equivocation,
    /// A block's state root is off by one bit.
    Root,
    /// Nothing but the parent's hash: a block that follows a false one.
    Relink,
}

/// Why a record can't lie in the way asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ForgeError {
    /// The record isn't one.
    #[error(transparent)]
    Decode(#[from] RecordError),
    /// The word for the lie.
    #[error("unknown kind {0:?}; known are diff, receipt, equivocation, root, relink")]
    UnknownKind(String),
    /// There is nothing in the record to lie about.
    #[error("{0}")]
    Impossible(&'static str),
}

impl std::str::FromStr for Forgery {
    type Err = ForgeError;

    fn from_str(name: &str) -> Result<Self, ForgeError> {
        Ok(match name {
            "diff" => Self::Diff,
            "receipt" => Self::Receipt,
            "equivocation" => Self::Equivocation,
            "root" => Self::Root,
            "relink" => Self::Relink,
            _ => return Err(ForgeError::UnknownKind(name.to_owned())),
        })
    }
}

/// Makes a mini-block lie. `gas_before` is its EVM block's gas before it; `leader`: the key of who leads, where the
/// chain has standbys.
pub(crate) fn mini(
    record: &[u8],
    lie: Forgery,
    gas_before: u64,
    key: &Key,
    leader: Option<&Key>,
) -> Result<Vec<u8>, ForgeError> {
    let mut mini = MiniBlock::decode(record)?;
    match lie {
        Forgery::Diff => enrich(&mut mini, record),
        Forgery::Receipt => {
            let first = mini
                .txs
                .first_mut()
                .ok_or(ForgeError::Impossible("the mini-block has no transactions"))?;
            first.result.success = !first.result.success;
            mini.receipts_root = Leaves::of(&mini.txs, gas_before)?.receipts_root();
        }
        Forgery::Equivocation => mini.timestamp_us += 1,
        Forgery::Root | Forgery::Relink => {
            return Err(ForgeError::Impossible("only a block has that"));
        }
    }
    mini.sign_header(key);
    mini.sign_content(leader.unwrap_or(key));
    Ok(mini.encode())
}

/// One wei for an account that nobody has: no later mini-block writes it, so the block's net diff tells the lie too.
fn enrich(mini: &mut MiniBlock, seed: &[u8]) {
    let key = PlainKey::account(Address::from_word(keccak256(seed)));
    let gift = PlainAccount {
        balance: U256::from(1),
        ..Default::default()
    };
    let entries = &mut mini.diff.entries;
    let place = entries.partition_point(|(other, _)| *other < key);
    entries.insert(place, (key, PlainValue::Account(gift)));
}

/// Makes a block lie. A `parent_hash` takes the place of its own. For [`Forgery::Receipt`], `minis` are all
/// of the block's mini-blocks with the lies that they tell.
pub(crate) fn block(
    record: &[u8],
    lie: Forgery,
    minis: &[&[u8]],
    parent_hash: Option<B256>,
    key: &Key,
) -> Result<Vec<u8>, ForgeError> {
    let BlockRecord {
        mut header,
        first_mini,
        mini_count,
        commitment,
        ..
    } = BlockRecord::decode(record)?;
    match lie {
        Forgery::Root => header.state_root.0[31] ^= 1,
        Forgery::Relink => {}
        Forgery::Receipt => {
            let mut sums = BlockRoots::default();
            for record in minis {
                let txs = MiniBlock::decode(record)?.txs;
                sums.add(&Leaves::of(&txs, sums.gas())?);
            }
            header.receipts_root = sums.receipts_root();
            header.gas_used = sums.gas();
        }
        Forgery::Diff | Forgery::Equivocation => {
            return Err(ForgeError::Impossible("only a mini-block has that"));
        }
    }
    if let Some(parent_hash) = parent_hash {
        header.parent_hash = parent_hash;
        header.mix_hash = prev_randao(parent_hash, header.number);
    }
    let mut block = BlockRecord::new(header, first_mini, mini_count, commitment);
    block.sign_content(key);
    Ok(block.encode())
}
