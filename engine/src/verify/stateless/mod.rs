//! Checks a block of the real chain, or of the devnet, that trusts nothing but the parent's header.
//!
//! ```text
//! parent header --stateRoot--> SALT witness --> the only state --replay--> receipts, changes
//!                                    \---------- changes ----------> new SALT root --> header
//! parent header --withdrawalsRoot--> MPT witness -- changes --> new withdrawals root --> header
//! ```
//!
//! Everything else is recomputed: hashes, senders, roots. The block hash itself must be known from
//! elsewhere; header fields that no rule determines are bound by nothing but it.

mod block;
mod chain;
#[cfg(test)]
mod devnet_tests;
mod known;
mod proof;
mod replay;
#[cfg(test)]
mod tests;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    sync::Arc,
    time::Instant,
};

use alloy_consensus::{Header, constants::EMPTY_OMMER_ROOT_HASH};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Address, B64, B256, Bytes, U256, keccak256};
use mega_evm::MegaHardforks as _;
use op_alloy_consensus::OpTxEnvelope;

pub use block::code_line;
pub use chain::{ChainRules, OLD_TESTNET_CHAIN_ID, rules_json};
pub use proof::{Trusted, check_proof};
pub use wire::{WitnessFile, code_hashes, open_file, open_packed, pack};

use super::{
    checks::{entry, maybe, nowhere, receipt_sums, text, transactions_root},
    report::{Claim, Difference, Effort, Report},
};
use crate::{
    block::{
        FoldedDiffs, MiniBlock, PlainKey, PlainValue, REQUESTS_HASH, Sender, StateDiff,
        WITHDRAWALS_ADDRESS,
    },
    salt::{stateless::WitnessState, withdrawals::MptWitness, witness::SaltWitness},
};
use block::{ClaimedBlock, ClaimedHeader};
use known::{Capacities, Known, Missing, Unknown, place};
use replay::Executed;

/// Input that is not of the kind that it should be, so that nothing can be said about the block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} cannot be read: {reason}")]
pub struct InputError {
    what: &'static str,
    reason: String,
}

impl InputError {
    fn block(what: &'static str, reason: impl Display) -> Self {
        Self {
            what,
            reason: reason.to_string(),
        }
    }

    fn chain(reason: impl Display) -> Self {
        Self::block("chain's rules", reason)
    }

    fn witness(reason: impl Display) -> Self {
        Self::block("witness", reason)
    }

    fn code(reason: impl Display) -> Self {
        Self::block("code", reason)
    }

    fn proof(reason: impl Display) -> Self {
        Self::block("proof", reason)
    }
}

/// Everything a check takes.
#[derive(Clone, Debug)]
pub struct Work<'a> {
    /// The block as JSON, with full transactions.
    pub block: &'a [u8],
    /// Its parent as JSON; the header's fields are enough.
    pub parent: &'a [u8],
    /// Both witnesses, packed as `mega_getBlockWitness` has them after its `v0:` and base64.
    pub witness: &'a [u8],
    /// Contract code, with the hash it is said to have.
    pub codes: &'a [(B256, Bytes)],
    /// The devnet's records of the block's mini-blocks, if their diffs are to be checked too.
    pub minis: &'a [&'a [u8]],
    /// The chain's rules.
    pub rules: &'a ChainRules,
}

const STATE_WITNESS: &str = "state witness";
const COMPLETENESS: &str = "witness completeness";
const CONTRACT_CODE: &str = "contract code";

/// The witnesses' encodings.
struct Witnesses {
    salt: Vec<u8>,
    withdrawals: Vec<u8>,
}

/// Checks a block. The error is for input that is no block; a block or witness that is wrong gives a
/// report that says so.
pub fn check(work: &Work<'_>) -> Result<Report, InputError> {
    let began = Instant::now();
    let block = ClaimedBlock::from_json(work.block)?;
    let parent = ClaimedHeader::from_json(work.parent)?;
    let header = &block.head.header;
    let mut report = Report {
        block: header.number,
        hash: block.head.hash,
        ..Report::default()
    };
    let mut effort = Effort {
        chain_id: work.rules.chain_id,
        spec: format!("{:?}", work.rules.hardforks.spec_id(header.timestamp)).to_lowercase(),
        transactions: block.transactions.len() as u64,
        codes: work.codes.len() as u64,
        code_bytes: work.codes.iter().map(|(_, code)| code.len() as u64).sum(),
        ..Effort::default()
    };

    headers(&block, &parent, &mut report);
    let transactions = transactions(&block, &mut report);
    codes(work.codes, &mut report);
    let (witnesses, state) = timed(&mut effort.witness_micros, || {
        let witnesses = unpack(work, &mut report);
        let root = &parent.header.state_root;
        let state = witnesses
            .as_ref()
            .and_then(|given| witness(given, root, work.rules, &mut report));
        (witnesses, state)
    });
    if let Some(witnesses) = &witnesses {
        effort.witness_bytes = witnesses.salt.len() as u64;
        effort.withdrawals_witness_bytes = witnesses.withdrawals.len() as u64;
    }
    if let Some(state) = &state {
        let slots = state.witness().slots.iter();
        let data = || slots.clone().filter(|(key, _)| !key.is_meta());
        effort.keys = data().filter(|(_, value)| value.is_some()).count() as u64;
        effort.absent = data().filter(|(_, value)| value.is_none()).count() as u64;
        effort.buckets = state.capacities().count() as u64;
    }
    if let (Some(witnesses), Some(state), Some(transactions)) = (witnesses, state, transactions) {
        let missing = Missing::default();
        let known = Known::new(
            state.clone(),
            work.codes.iter().map(|(_, code)| code.clone()),
            header.number,
            header.parent_hash,
            missing.clone(),
        );
        let capacities = Capacities::new(state.clone(), work.rules.data_buckets, missing.clone());
        let executed = timed(&mut effort.replay_micros, || {
            replay::replay(&known, capacities, work.rules, header, &transactions)
        });
        match executed {
            Ok(executed) => {
                report.note(COMPLETENESS, None);
                report.note("execution", None);
                receipt_sums(&executed.receipts, header, &mut report);
                withdrawals(&witnesses, &parent.header, header, &executed, &mut report);
                minis(work.minis, &state, &executed, &mut report);
                timed(&mut effort.root_micros, || {
                    state_root(&state, header, &executed, &mut report);
                });
                report.claim = Some(Claim {
                    parent_state_root: parent.header.state_root,
                    state_root: header.state_root,
                    diff_digest: net_diff(&executed.changes).digest(),
                });
            }
            Err(error) => failed(missing.get(), error.to_string(), &mut report),
        }
    }
    effort.total_micros = micros(began);
    report.effort = Some(effort);
    Ok(report)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn timed<T>(spent: &mut u64, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    *spent = micros(began);
    result
}

/// The block's link to its parent, and every field that the rules fix.
fn headers(block: &ClaimedBlock, parent: &ClaimedHeader, report: &mut Report) {
    let header = &block.head.header;
    report.compare(
        "header hash",
        nowhere,
        &header.hash_slow(),
        &block.head.hash,
    );
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

    let fields = [
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
        ("ommers and withdrawals", text(0), text(block.extras)),
    ];
    for (name, expected, actual) in fields {
        report.compare("header fields", || name.to_owned(), &expected, &actual);
    }
}

type Proven = Vec<(OpTxEnvelope, Sender, Address)>;

/// The transactions' hashes, senders, places and root. Nothing if one of them cannot be executed.
fn transactions(block: &ClaimedBlock, report: &mut Report) -> Option<Proven> {
    const HASHES: &str = "transaction hashes";
    const PLACES: &str = "transaction places";
    report.note(HASHES, None);
    report.note("senders", None);
    report.note(PLACES, None);
    let mut proven = Vec::with_capacity(block.transactions.len());
    let mut raws = Vec::with_capacity(block.transactions.len());
    for (nth, claimed) in block.transactions.iter().enumerate() {
        let at = || format!("transaction {nth}");
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(reason) => {
                report.fail("transactions", "readable", format!("{}: {reason}", at()));
                continue;
            }
        };
        let raw = claimed.envelope.encoded_2718();
        report.compare(HASHES, at, &keccak256(&raw), &claimed.hash);
        raws.push(raw);
        let place = &claimed.place;
        let places = [
            (Some(text(block.head.hash)), place.block_hash.map(text)),
            (
                Some(text(block.head.header.number)),
                place.block_number.map(text),
            ),
            (Some(text(nth)), place.transaction_index.map(text)),
        ];
        for (expected, actual) in places {
            if actual.is_some() {
                report.compare(PLACES, at, &maybe(expected), &maybe(actual));
            }
        }
        match Sender::of(&claimed.envelope) {
            Ok(sender) => {
                if let Sender::Known(sender) = sender {
                    report.compare("senders", at, &sender, &claimed.from);
                }
                proven.push((claimed.envelope.clone(), sender, claimed.from));
            }
            Err(error) => report.fail("senders", "a signature", format!("{}: {error}", at())),
        }
    }
    let root = transactions_root(&raws);
    let claimed = &block.head.header.transactions_root;
    report.compare("transactions root", nowhere, &root, claimed);
    (proven.len() == block.transactions.len()).then_some(proven)
}

/// That each code has the hash it is said to have.
fn codes(codes: &[(B256, Bytes)], report: &mut Report) {
    report.note(CONTRACT_CODE, None);
    for (claimed, code) in codes {
        report.compare(CONTRACT_CODE, nowhere, &keccak256(code), claimed);
    }
}

const PROVEN: &str = "a witness of the parent's state";

fn unpack(work: &Work<'_>, report: &mut Report) -> Option<Witnesses> {
    match open_packed(work.witness) {
        Ok((salt, withdrawals)) => Some(Witnesses { salt, withdrawals }),
        Err(error) => {
            report.fail(STATE_WITNESS, PROVEN, error.to_string());
            None
        }
    }
}

/// The state that the witness proves, if it proves any.
fn witness(
    given: &Witnesses,
    root: &B256,
    rules: &ChainRules,
    report: &mut Report,
) -> Option<Arc<WitnessState>> {
    let proven = SaltWitness::decode(&given.salt)
        .map_err(|error| error.to_string())
        .and_then(|witness| {
            WitnessState::new(witness, &root.0, rules.data_buckets)
                .map_err(|error| error.to_string())
        });
    match proven {
        Ok(state) => {
            report.note(STATE_WITNESS, None);
            Some(Arc::new(state))
        }
        Err(error) => {
            report.fail(STATE_WITNESS, PROVEN, error);
            None
        }
    }
}

/// Why there is no result. What is missing is the giver's fault, not the block's.
fn failed(missing: Option<&Unknown>, error: String, report: &mut Report) {
    let (check, expected, actual) = match missing {
        None => ("execution", "every transaction executes", error),
        Some(code @ Unknown::Code(_)) => (
            CONTRACT_CODE,
            "all code that the block runs",
            code.to_string(),
        ),
        Some(unknown) => (
            COMPLETENESS,
            "a witness of everything that the block reads",
            unknown.to_string(),
        ),
    };
    report.fail(check, expected, actual);
}

/// The withdrawals contract's storage root, before and after.
fn withdrawals(
    given: &Witnesses,
    parent: &Header,
    header: &Header,
    executed: &Executed,
    report: &mut Report,
) {
    const WITNESS: &str = "withdrawals witness";
    let changes = replay::withdrawals(&executed.changes, WITHDRAWALS_ADDRESS);
    let root = MptWitness::decode(&given.withdrawals)
        .map_err(|error| error.to_string())
        .and_then(|witness| {
            let before = Some(B256::from(witness.storage_root));
            report.compare(
                WITNESS,
                nowhere,
                &maybe(parent.withdrawals_root),
                &maybe(before),
            );
            let root = witness.root_after(&changes);
            root.map_err(|error| error.to_string())
        });
    match root {
        Ok(root) => {
            let expected = text(B256::from(root));
            let claimed = maybe(header.withdrawals_root);
            report.compare("withdrawals root", nowhere, &expected, &claimed);
        }
        Err(error) => report.fail(WITNESS, "a witness of the parent's withdrawals", error),
    }
}

/// The state root that the changes lead to.
fn state_root(state: &WitnessState, header: &Header, executed: &Executed, report: &mut Report) {
    let changes: Vec<(Vec<u8>, Vec<u8>)> = executed
        .changes
        .iter()
        .map(|(key, value)| (key.to_bytes(), value.to_bytes()))
        .collect();
    match state.update(changes.iter().map(|(key, value)| (&key[..], &value[..]))) {
        Ok(update) => {
            let root = B256::from(update.root());
            report.compare("state root", nowhere, &root, &header.state_root);
        }
        Err(error) => report.fail(
            COMPLETENESS,
            "a witness of everything that the block changes",
            error.to_string(),
        ),
    }
}

/// What a block changes altogether; code goes by its hash.
fn net_diff(changes: &BTreeMap<PlainKey, PlainValue>) -> StateDiff {
    StateDiff {
        entries: changes.iter().map(|(key, value)| (*key, *value)).collect(),
        codes: Vec::new(),
    }
}

/// That the diffs which the chain's nodes apply amount to what the block does.
fn minis(records: &[&[u8]], before: &WitnessState, executed: &Executed, report: &mut Report) {
    const NAME: &str = "state diffs";
    if records.is_empty() {
        return;
    }
    let mut folded = FoldedDiffs::default();
    for record in records {
        match MiniBlock::decode(record) {
            Ok(mini) => folded.add(mini.diff),
            Err(error) => return report.fail(NAME, "mini-block records", error.to_string()),
        }
    }
    let told = folded.entries;
    let say = |key: &PlainKey, value: Option<&PlainValue>| match value {
        Some(value) => entry((*key, *value)),
        None => format!("{} unchanged", place(key)),
    };
    let keys: BTreeSet<&PlainKey> = told.keys().chain(executed.changes.keys()).collect();
    let difference = keys.into_iter().find_map(|key| {
        let (expected, actual) = (executed.changes.get(key), told.get(key));
        let same = match (expected, actual) {
            // What changes within the block and back is in a diff, but changes nothing.
            (None, Some(told)) => before
                .get(&key.to_bytes())
                .is_ok_and(|old| old.unwrap_or_default() == told.to_bytes()),
            _ => expected == actual,
        };
        (!same).then(|| Difference {
            expected: say(key, expected),
            actual: say(key, actual),
        })
    });
    report.note(NAME, difference);
}
