//! A mini-block by itself: everything that can be checked without our state. Pure functions, run on any
//! core.

use std::sync::Arc;

use alloy_primitives::Address;

use super::bad_data::{BadData, Kind, same};
use crate::block::{Leadership, Leaves, MiniBlock};

/// No mini-block is larger: a block's transactions and their data stay far below.
pub(super) const MAX_RECORD: usize = 64 << 20;

/// A mini-block whose digests and sums are right, and who signed it.
pub(super) struct Sound {
    pub(super) mini: Arc<MiniBlock>,
    pub(super) signer: Result<Address, BadData>,
    pub(super) content_signer: Result<Address, BadData>,
}

/// Reads a record.
pub(super) fn read(record: &[u8]) -> Result<Sound, BadData> {
    if record.len() > MAX_RECORD {
        return Err(BadData::new(
            Kind::Size,
            format!(
                "a mini-block of {} bytes; at most {MAX_RECORD} are taken",
                record.len()
            ),
        ));
    }
    let (mini, content) = MiniBlock::decode_with_digests(record)
        .map_err(|error| BadData::new(Kind::Malformed, error.to_string()))?;
    let at = |what: &str| format!("mini-block {}: {what}", mini.number);
    let digest = at("digest of the diff");
    same(Kind::Diff, &digest, content.diff, mini.diff_digest)?;
    let gas = mini
        .txs
        .iter()
        .try_fold(0_u64, |sum, tx| sum.checked_add(tx.result.gas_used));
    let gas = gas.ok_or_else(|| BadData::new(Kind::Roots, at("the gas overflows")))?;
    same(Kind::Roots, &at("gas used"), gas, mini.gas_used)?;
    let signer = mini
        .signer()
        .map_err(|error| BadData::new(Kind::Signature, at(&error.to_string())));
    let content_signer = mini
        .content_signer(&content)
        .map_err(|error| BadData::new(Kind::Seal, at(&error.to_string())));
    Ok(Sound {
        mini: Arc::new(mini),
        signer,
        content_signer,
    })
}

/// That it says who leads there: what somebody seals who has been deposed is nobody's.
pub(super) fn check_leadership(
    mini: &MiniBlock,
    expected: Option<Leadership>,
) -> Result<(), BadData> {
    let told =
        |led: Option<Leadership>| led.map_or_else(|| "no leader".to_owned(), |led| led.to_string());
    let what = format!("mini-block {}: led by", mini.number);
    let (expected, actual) = (told(expected), told(mini.leadership));
    same(Kind::Signature, &what, expected, actual)
}

/// Makes the leaves, and checks both roots. `gas_before` is the block's gas before the mini-block.
pub(super) fn check_roots(mini: &MiniBlock, gas_before: u64) -> Result<Leaves, BadData> {
    let leaves = leaves_of(mini, gas_before)?;
    let roots = [
        (
            "transactions root",
            leaves.transactions_root(),
            mini.transactions_root,
        ),
        ("receipts root", leaves.receipts_root(), mini.receipts_root),
    ];
    for (what, expected, actual) in roots {
        let what = format!("mini-block {}: {what}", mini.number);
        same(Kind::Roots, &what, expected, actual)?;
    }
    Ok(leaves)
}

/// What a mini-block adds to its block's roots.
pub(super) fn leaves_of(mini: &MiniBlock, gas_before: u64) -> Result<Leaves, BadData> {
    Leaves::of(&mini.txs, gas_before)
        .map_err(|error| BadData::new(Kind::Malformed, error.to_string()))
}
