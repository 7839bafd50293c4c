//! The block's link to its parent, and every header field that rules fix.

use alloy_consensus::{Header, constants::EMPTY_OMMER_ROOT_HASH};
use alloy_primitives::{B64, B256, U256};

use super::{
    block::{ClaimedBlock, ClaimedHeader},
    chain::HeaderRules,
    maybe, nowhere, text,
};
use crate::{
    block::{REQUESTS_HASH, prev_randao},
    verify::Report,
};

/// What a field must be, and what it is.
type Field = (&'static str, String, String);

pub(super) fn check(
    block: &ClaimedBlock,
    parent: &ClaimedHeader,
    rules: Option<&HeaderRules>,
    report: &mut Report,
) {
    let header = &block.head.header;
    hash(block, report);
    let parent_hash = parent.header.hash_slow();
    report.compare("parent link", nowhere, &parent_hash, &header.parent_hash);
    report.compare(
        "parent link",
        || "claimed hash".into(),
        &parent_hash,
        &parent.hash,
    );
    let number = parent.header.number.saturating_add(1);
    report.compare("parent link", || "number".into(), &number, &header.number);
    // A block from the past would choose the rules of the past.
    let earliest = header.timestamp.max(parent.header.timestamp);
    report.compare("timestamps", nowhere, &earliest, &header.timestamp);
    fields(block, rules, report);
}

/// What can be said of a block whose parent nobody has told.
pub(super) fn check_alone(block: &ClaimedBlock, rules: Option<&HeaderRules>, report: &mut Report) {
    hash(block, report);
    fields(block, rules, report);
}

fn hash(block: &ClaimedBlock, report: &mut Report) {
    let hash = block.head.header.hash_slow();
    report.compare("header hash", nowhere, &hash, &block.head.hash);
}

fn fields(block: &ClaimedBlock, rules: Option<&HeaderRules>, report: &mut Report) {
    let header = &block.head.header;
    let of_all = of_all_chains(header, block.extras).into_iter();
    let of_own = rules.map(|rules| of_devnet(header, rules));
    for (name, expected, actual) in of_all.chain(of_own.into_iter().flatten()) {
        report.compare("header fields", || name.to_owned(), &expected, &actual);
    }
}

/// What OP Isthmus fixes.
fn of_all_chains(header: &Header, extras: usize) -> [Field; 7] {
    [
        (
            "ommers hash",
            text(EMPTY_OMMER_ROOT_HASH),
            text(header.ommers_hash),
        ),
        ("difficulty", text(U256::ZERO), text(header.difficulty)),
        ("nonce", text(B64::ZERO), text(header.nonce)),
        ("blob gas used", text(0), maybe(header.blob_gas_used)),
        ("excess blob gas", text(0), maybe(header.excess_blob_gas)),
        (
            "requests hash",
            text(REQUESTS_HASH),
            maybe(header.requests_hash),
        ),
        ("ommers and withdrawals", text(0), text(extras)),
    ]
}

/// What a devnet fixes besides.
fn of_devnet(header: &Header, rules: &HeaderRules) -> [Field; 6] {
    [
        ("coinbase", text(rules.coinbase), text(header.beneficiary)),
        ("gas limit", text(rules.gas_limit), text(header.gas_limit)),
        (
            "base fee",
            text(rules.base_fee),
            maybe(header.base_fee_per_gas),
        ),
        (
            "extra data",
            text(&rules.extra_data),
            text(&header.extra_data),
        ),
        (
            "mix hash",
            text(prev_randao(header.parent_hash, header.number)),
            text(header.mix_hash),
        ),
        (
            "beacon root",
            text(B256::ZERO),
            maybe(header.parent_beacon_block_root),
        ),
    ]
}
