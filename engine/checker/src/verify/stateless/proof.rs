//! Checks what `eth_getProof` answers: an account and its slots, by the SALT proof that comes with them.
//!
//! Whose state it is, only the state root tells. Where that, or the header it stands in, is known from
//! elsewhere, the answer must be about it; where nothing is known, the report says of which root the rest
//! is true. How many data buckets the chain has must be known too: under another number a key that is
//! there could be proven absent in a bucket that isn't its own.

use alloy_primitives::{Address, B256, U256};
use serde::Deserialize;

use super::{COMPLETENESS, InputError, STATE_WITNESS, block::ClaimedHeader, nowhere, wire::unfold};
use crate::{
    block::{PlainKey, PlainValue, WITHDRAWALS_ADDRESS},
    salt::{stateless::WitnessState, types::DATA_BUCKETS, witness::SaltWitness},
    verify::Report,
};

/// What is known of the chain without asking who gave the proof.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// The root of the state that the proof must be about.
    pub state_root: Option<B256>,
    /// Its block, as `eth_getBlockByNumber` answers.
    pub header: Option<Vec<u8>>,
    /// How many data buckets the chain has, if not as many as the network's.
    pub data_buckets: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    address: Address,
    balance: U256,
    code_hash: B256,
    nonce: U256,
    storage_hash: B256,
    storage_proof: Vec<Entry>,
    salt_proof: TransitionClaim,
}

#[derive(Deserialize)]
struct Entry {
    key: U256,
    value: U256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TransitionClaim {
    block_number: U256,
    block_hash: B256,
    state_root: B256,
    data_buckets: U256,
}

/// Checks an answer of `eth_getProof`; `witness` is its witness behind `v0:`, without the base64.
pub fn check_proof(answer: &[u8], witness: &[u8], trusted: &Trusted) -> Result<Report, InputError> {
    let answer: Answer = serde_json::from_slice(answer).map_err(InputError::proof)?;
    let claim = &answer.salt_proof;
    let header = trusted.header.as_deref().map(ClaimedHeader::from_json);
    let header = header.transpose()?;
    let mut report = Report {
        block: claim.block_number.saturating_to(),
        hash: claim.block_hash,
        ..Report::default()
    };
    if let Some(header) = &header {
        let hash = header.header.hash_slow();
        report.compare("header hash", nowhere, &hash, &header.hash);
        let number = U256::from(header.header.number);
        report.compare("block", || "number".into(), &number, &claim.block_number);
        report.compare("block", || "hash".into(), &hash, &claim.block_hash);
    }
    let of_header = header.as_ref().map(|header| header.header.state_root);
    for known in [trusted.state_root, of_header].into_iter().flatten() {
        report.compare("state root", nowhere, &known, &claim.state_root);
    }
    let buckets = trusted.data_buckets.unwrap_or(DATA_BUCKETS);
    let claimed = &claim.data_buckets;
    report.compare("data buckets", nowhere, &U256::from(buckets), claimed);

    let root = trusted.state_root.or(of_header).unwrap_or(claim.state_root);
    let proven = unfold(witness)
        .map_err(|error| error.to_string())
        .and_then(|bytes| SaltWitness::decode(&bytes).map_err(|error| error.to_string()))
        .and_then(|witness| {
            WitnessState::new(witness, &root.0, buckets).map_err(|error| error.to_string())
        });
    match proven {
        Ok(state) => {
            report.note(STATE_WITNESS, None);
            contents(&answer, &state, &mut report);
        }
        Err(error) => report.fail(STATE_WITNESS, "a proof under the state root", error),
    }
    let storage_hash = match answer.address == WITHDRAWALS_ADDRESS {
        false => Some(B256::ZERO),
        true => header.and_then(|header| header.header.withdrawals_root),
    };
    if let Some(hash) = storage_hash {
        report.compare("storage hash", nowhere, &hash, &answer.storage_hash);
    }
    Ok(report)
}

/// Compares what is said with what is proven.
fn contents(answer: &Answer, state: &WitnessState, report: &mut Report) {
    let mut proven = |key: PlainKey| match value(state, key) {
        Ok(value) => {
            report.note(COMPLETENESS, None);
            Some(value)
        }
        Err(error) => {
            report.fail(COMPLETENESS, "every key", error);
            None
        }
    };
    let account = proven(PlainKey::account(answer.address));
    let slots: Vec<(&Entry, Option<PlainValue>)> = answer
        .storage_proof
        .iter()
        .map(|entry| (entry, proven(PlainKey::slot(answer.address, entry.key))))
        .collect();
    if let Some(account) = account {
        let account = account.as_account().unwrap_or_default();
        let nonce = U256::from(account.nonce);
        report.compare("account", || "nonce".into(), &nonce, &answer.nonce);
        report.compare(
            "account",
            || "balance".into(),
            &account.balance,
            &answer.balance,
        );
        report.compare(
            "account",
            || "code hash".into(),
            &account.code_hash,
            &answer.code_hash,
        );
    }
    for (entry, value) in slots {
        if let Some(value) = value {
            let place = || format!("slot {:#x}", entry.key);
            report.compare("storage", place, &value.as_slot(), &entry.value);
        }
    }
}

fn value(state: &WitnessState, key: PlainKey) -> Result<PlainValue, String> {
    let found = state.get(&key.to_bytes());
    let bytes = found
        .map_err(|error| error.to_string())?
        .unwrap_or_default();
    let value = PlainValue::from_bytes(&bytes).map_err(|error| error.to_string())?;
    match value.fits(&key) {
        true => Ok(value),
        false => Err("a slot's value under an account's key, or the other way round".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_is_refused() {
        for answer in ["", "null", "{}", r#"{"address": "0x01"}"#] {
            assert!(check_proof(answer.as_bytes(), &[], &Trusted::default()).is_err());
        }
    }
}
