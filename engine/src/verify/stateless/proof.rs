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
    salt_proof: Claim,
}

#[derive(Deserialize)]
struct Entry {
    key: U256,
    value: U256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claim {
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
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rpc::testing::{COUNTER, Devnet, calling, from_base64};

    const BUCKETS: u32 = 16;
    const NOBODY: Address = Address::repeat_byte(0x77);

    /// A counter that has counted to one, and what it takes to check proofs about it.
    fn counted() -> (Devnet, Trusted) {
        let mut net = Devnet::with("rex6", |config| config.salt_data_buckets = BUCKETS);
        net.send(&calling(COUNTER, [], 0));
        net.block();
        let header = net.get("eth_getBlockByNumber", &json!(["latest", false]));
        let trusted = Trusted {
            header: Some(serde_json::to_vec(&header).unwrap()),
            data_buckets: Some(BUCKETS),
            ..Trusted::default()
        };
        (net, trusted)
    }

    fn checked(answer: &Value, trusted: &Trusted) -> Report {
        let text = answer["saltProof"]["witness"].as_str().unwrap();
        let witness = from_base64(text.strip_prefix("v0:").unwrap());
        check_proof(&serde_json::to_vec(answer).unwrap(), &witness, trusted).unwrap()
    }

    #[test]
    fn an_honest_answer_holds_for_what_is_there_and_for_what_is_not() {
        let (net, trusted) = counted();
        for params in [
            json!([COUNTER, ["0x0", "0x5"], "latest"]),
            json!([NOBODY, ["0x1"], "latest"]),
            json!([WITHDRAWALS_ADDRESS, [], "latest"]),
        ] {
            let report = checked(&net.get("eth_getProof", &params), &trusted);
            assert_eq!(report.failures(), [""; 0], "{params}");
            assert_eq!(report.block, 1);
        }
    }

    #[test]
    fn nothing_in_an_answer_can_be_changed() {
        let (net, trusted) = counted();
        let honest = net.get("eth_getProof", &json!([COUNTER, ["0x0", "0x5"], "latest"]));
        let other = net.get("eth_getProof", &json!([COUNTER, ["0x0"], "latest"]));
        let word = json!(B256::repeat_byte(9));
        let lies = [
            ("/address", json!(NOBODY), COMPLETENESS),
            ("/balance", json!("0x1"), "account"),
            ("/nonce", json!("0x7"), "account"),
            ("/codeHash", word.clone(), "account"),
            ("/storageHash", word.clone(), "storage hash"),
            ("/storageProof/0/value", json!("0x2"), "storage"),
            ("/storageProof/1/value", json!("0x1"), "storage"),
            ("/storageProof/1/key", json!("0x6"), COMPLETENESS),
            ("/saltProof/blockNumber", json!("0x2"), "block"),
            ("/saltProof/blockHash", word.clone(), "block"),
            ("/saltProof/stateRoot", word, "state root"),
            ("/saltProof/dataBuckets", json!("0x1"), "data buckets"),
            (
                "/saltProof/witness",
                other["saltProof"]["witness"].clone(),
                COMPLETENESS,
            ),
            ("/saltProof/witness", json!("v0:AAAA"), STATE_WITNESS),
        ];
        for (place, lie, check) in lies {
            let mut answer = honest.clone();
            *answer.pointer_mut(place).unwrap() = lie;
            assert_eq!(checked(&answer, &trusted).failures(), [check], "{place}");
        }
    }

    #[test]
    fn each_byte_of_the_witness_counts() {
        let (net, trusted) = counted();
        let answer = net.get("eth_getProof", &json!([COUNTER, ["0x0"], "latest"]));
        let text = answer["saltProof"]["witness"].as_str().unwrap();
        let witness = unfold(&from_base64(text.strip_prefix("v0:").unwrap())).unwrap();
        let json = serde_json::to_vec(&answer).unwrap();
        for at in (0..witness.len()).step_by(37) {
            let mut damaged = witness.clone();
            damaged[at] ^= 1;
            let packed = zstd::encode_all(&damaged[..], 1).unwrap();
            let report = check_proof(&json, &packed, &trusted).unwrap();
            assert!(!report.ok(), "byte {at} of {}", witness.len());
        }
    }

    #[test]
    fn it_must_be_the_state_that_is_known() {
        let (net, trusted) = counted();
        let answer = net.get("eth_getProof", &json!([COUNTER, ["0x0"], "latest"]));
        let root: B256 = serde_json::from_value(answer["saltProof"]["stateRoot"].clone()).unwrap();
        let known = |state_root| Trusted {
            state_root: Some(state_root),
            header: None,
            ..trusted.clone()
        };
        assert!(checked(&answer, &known(root)).ok());
        let elsewhere = checked(&answer, &known(B256::repeat_byte(1)));
        assert_eq!(elsewhere.failures(), ["state root", STATE_WITNESS]);
        let of_the_network = Trusted::default();
        let report = checked(&answer, &of_the_network);
        assert!(report.failures().contains(&"data buckets"));
        let mut block: Value = serde_json::from_slice(trusted.header.as_deref().unwrap()).unwrap();
        block["timestamp"] = json!("0x1");
        let forged = Trusted {
            header: Some(serde_json::to_vec(&block).unwrap()),
            ..trusted
        };
        assert!(
            checked(&answer, &forged)
                .failures()
                .contains(&"header hash")
        );
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for answer in ["", "null", "{}", r#"{"address": "0x01"}"#] {
            assert!(check_proof(answer.as_bytes(), &[], &Trusted::default()).is_err());
        }
    }
}
