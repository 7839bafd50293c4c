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
//!
//! Where nobody has a witness, a block can still be executed upon a state that somebody [tells](check_told).

mod block;
mod chain;
mod genesis;
mod headers;
mod known;
mod minis;
mod proof;
mod receipts;
mod replay;
mod roots;
mod schedule;
#[cfg(test)]
mod tests;
mod told;
mod wire;

use std::{collections::BTreeMap, fmt::Display, sync::Arc, time::Instant};

use alloy_consensus::Header;
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{B256, Bytes, U256, keccak256};

pub use block::code_line;
pub use chain::{ChainRules, HeaderRules, Origin};
pub use genesis::write_config;
pub use proof::{Trusted, check_proof};
pub use schedule::OLD_TESTNET_CHAIN_ID;
pub use told::{Told, check_told};
pub use wire::{WitnessFile, capacities, code_hashes, open_file, open_packed, pack};

use super::report::{Effort, Report, TransitionClaim};
use crate::{
    block::{PlainKey, PlainValue, Sender, StateDiff, WITHDRAWALS_ADDRESS},
    evm::ExternalEnv,
    replay::Rules,
    salt::{stateless::WitnessState, withdrawals::MptWitness, witness::SaltWitness},
};
use block::{ClaimedBlock, ClaimedHeader};
use known::{Known, Missing, Unknown, WitnessCapacities};
use minis::Records;
use replay::{Claimed, ReplayedBlock};
use roots::{receipt_sums, transactions_root};

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

/// How what executing a block changes is bound to what the block claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    /// By the state root that it leads to.
    #[default]
    StateRoot,
    /// By the state diffs in the records, if they can be compared: for who has applied these to a state of its own, and
    /// knows the root that they have led to.
    StateDiffs,
}

/// Everything a check takes.
#[derive(Clone, Debug)]
pub struct CheckInput<'a> {
    /// The block as JSON, with full transactions.
    pub block: &'a [u8],
    /// Its parent as JSON; the header's fields are enough.
    pub parent: &'a [u8],
    /// Both witnesses, packed as `mega_getBlockWitness` has them after its `v0:` and base64.
    pub witness: &'a [u8],
    /// Contract code, with the hash it is said to have.
    pub codes: &'a [(B256, Bytes)],
    /// The devnet's log of the block, if its mini-blocks are to be compared too: the parent's record, where it is
    /// known, the mini-blocks' and the block's own.
    pub records: &'a [&'a [u8]],
    /// How what the block changes is compared with what it claims.
    pub comparison: Comparison,
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
pub fn check(work: &CheckInput<'_>) -> Result<Report, InputError> {
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
        transactions: block.transactions.len() as u64,
        codes: work.codes.len() as u64,
        code_bytes: work.codes.iter().map(|(_, code)| code.len() as u64).sum(),
        ..work.rules.effort(header.timestamp)
    };

    headers::check(&block, &parent, work.rules.header.as_ref(), &mut report);
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
        count(state, &mut effort);
        work.rules.refuse_unknown_fork(|address| {
            let key = PlainKey::account(address).to_bytes();
            let value = state.get(&key).ok().flatten()?;
            PlainValue::from_bytes(&value).ok()?.as_account()
        })?;
    }
    // What is wrong with the block itself comes first.
    let mut of_minis = Report::default();
    let records = Records::read(work.records, &mut of_minis);
    let parts = records.as_ref().and_then(|records| {
        records.order(&block.head.hash, header, &mut of_minis);
        records.parts(&block.transactions, &mut of_minis)
    });
    if let (Some(witnesses), Some(state), Some(transactions)) = (witnesses, state, transactions) {
        let missing = Missing::default();
        let whole = [transactions.len()];
        let executed = timed(&mut effort.replay_micros, || {
            let known = Known::new(
                state.clone(),
                work.codes.iter().map(|(_, code)| code.clone()),
                header.number,
                header.parent_hash,
                missing.clone(),
            );
            let rules = rules(work.rules, &state, &missing);
            let parts = parts.as_deref().unwrap_or(&whole);
            let with_sequencer = records.is_some();
            replay::replay(&known, &rules, header, &transactions, parts, with_sequencer)
        });
        match executed {
            Ok(executed) => {
                report.note(COMPLETENESS, None);
                report.note("execution", None);
                receipt_sums(&executed.receipts, header, &mut report);
                withdrawals(&witnesses, &parent.header, header, &executed, &mut report);
                if work.comparison == Comparison::StateRoot || parts.is_none() {
                    timed(&mut effort.root_micros, || {
                        state_root(&state, header, &executed, &mut report);
                    });
                }
                if let (Some(records), Some(sequencer)) = (&records, executed.sequencer) {
                    records.signatures(sequencer, &mut of_minis);
                }
                if let (Some(records), Some(_)) = (&records, &parts) {
                    records.contents(&executed, &mut of_minis);
                }
                report.claim = Some(TransitionClaim {
                    parent_state_root: parent.header.state_root,
                    state_root: header.state_root,
                    diff_digest: net_diff(&executed.changes).digest(),
                });
            }
            Err(error) => failed(missing.get(), error.to_string(), &mut report),
        }
    }
    report.checks.append(&mut of_minis.checks);
    effort.total_micros = micros(began);
    report.effort = Some(effort);
    Ok(report)
}

/// What a witness speaks of.
fn count(state: &WitnessState, effort: &mut Effort) {
    let slots = state.witness().slots.iter();
    let data = || slots.clone().filter(|(key, _)| !key.is_meta());
    effort.keys = data().filter(|(_, value)| value.is_some()).count() as u64;
    effort.absent = data().filter(|(_, value)| value.is_none()).count() as u64;
    effort.buckets = state.capacities().count() as u64;
}

/// The rules, with the capacities that the witness tells.
fn rules(chain: &ChainRules, state: &Arc<WitnessState>, missing: &Missing) -> Rules {
    let capacities = WitnessCapacities::new(state.clone(), chain.data_buckets, missing.clone());
    Rules {
        chain_id: chain.chain_id,
        hardforks: chain.hardforks.clone(),
        external: ExternalEnv::new(Arc::new(capacities)),
        interventions: chain.interventions,
        sequencer: chain.sequencer,
    }
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

/// The transactions' hashes, senders, places and root. Nothing if one of them cannot be executed.
fn transactions<'a>(block: &'a ClaimedBlock, report: &mut Report) -> Option<Vec<Claimed<'a>>> {
    const HASHES: &str = "transaction hashes";
    const PLACES: &str = "transaction places";
    report.note(HASHES, None);
    report.note("senders", None);
    report.note(PLACES, None);
    let count = block.transactions.len();
    let (mut raws, mut readable) = (Vec::with_capacity(count), Vec::with_capacity(count));
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
        if let Some(hash) = &place.block_hash {
            report.compare(PLACES, at, &block.head.hash, hash);
        }
        for (expected, actual) in [
            (block.head.header.number, &place.block_number),
            (nth as u64, &place.transaction_index),
        ] {
            if let Some(actual) = actual {
                report.compare(PLACES, at, &U256::from(expected), actual);
            }
        }
        readable.push((nth, (&claimed.envelope, claimed.from)));
    }
    let (places, claims): (Vec<usize>, Vec<_>) = readable.into_iter().unzip();
    let senders = places.iter().zip(&claims).zip(Sender::of_claimed(&claims));
    let mut proven = Vec::with_capacity(count);
    for ((nth, (envelope, from)), sender) in senders {
        let at = || format!("transaction {nth}");
        match sender {
            Ok(sender) => {
                if let Sender::Known(sender) = sender {
                    report.compare("senders", at, &sender, from);
                }
                proven.push((*envelope, sender, *from));
            }
            Err(error) => report.fail("senders", "a signature", format!("{}: {error}", at())),
        }
    }
    let root = transactions_root(&raws);
    let claimed = &block.head.header.transactions_root;
    report.compare("transactions root", nowhere, &root, claimed);
    (proven.len() == count).then_some(proven)
}

/// That each code has the hash it is said to have.
fn codes(codes: &[(B256, Bytes)], report: &mut Report) {
    report.note(CONTRACT_CODE, None);
    for (claimed, code) in codes {
        report.compare(CONTRACT_CODE, nowhere, &keccak256(code), claimed);
    }
}

const PROVEN: &str = "a witness of the parent's state";

fn unpack(work: &CheckInput<'_>, report: &mut Report) -> Option<Witnesses> {
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
    executed: &ReplayedBlock,
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
fn state_root(
    state: &WitnessState,
    header: &Header,
    executed: &ReplayedBlock,
    report: &mut Report,
) {
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

fn nowhere() -> String {
    String::new()
}

fn text(value: impl Display) -> String {
    value.to_string()
}

fn maybe(value: Option<impl Display>) -> String {
    value.map_or_else(|| "absent".to_owned(), text)
}

/// A key and its value in words.
fn entry((key, value): (PlainKey, PlainValue)) -> String {
    match key.slot {
        Some(slot) => format!("{}, slot {slot} = {:#x}", key.address, value.as_slot()),
        None => match value.as_account() {
            Some(account) => format!(
                "{} = nonce {}, balance {}, code hash {}",
                key.address, account.nonce, account.balance, account.code_hash
            ),
            None => format!("{} = absent", key.address),
        },
    }
}
