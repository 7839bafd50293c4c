//! Checks what execution makes of a block upon a state that somebody tells, without a proof of it.
//!
//! Receipts and everything that the header says of them are bound by it; state roots are not, because nobody can
//! compute them without a witness.

use std::{fmt::Debug, sync::Arc, sync::OnceLock, time::Instant};

use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;

use super::{
    ChainRules, InputError, block::ClaimedBlock, headers, micros, receipts::ClaimedReceipts,
    replay, roots::receipt_sums, transactions,
};
use crate::{
    block::PlainAccount,
    evm::{BucketCapacities, ExternalEnv},
    replay::Rules,
    state::{StateError, StateReader},
    verify::report::Report,
};

/// Everything that executing a block takes.
#[derive(Debug)]
pub struct Told<'a, S> {
    /// The block as JSON, with full transactions.
    pub block: &'a [u8],
    /// The receipts of its transactions, or of some of them, as JSON.
    pub receipts: Option<&'a [u8]>,
    /// The state before the block.
    pub state: &'a S,
    /// How many slots buckets have in that state.
    pub capacities: Arc<dyn BucketCapacities>,
    /// The chain's rules.
    pub rules: &'a ChainRules,
}

/// Executes a block and compares what comes of it. The error is for input that is no block, and for a chain whose
/// rules are not known.
pub fn check_told<S: StateReader + Debug>(work: &Told<'_, S>) -> Result<Report, InputError> {
    let began = Instant::now();
    let block = ClaimedBlock::from_json(work.block)?;
    let receipts = work.receipts.map(ClaimedReceipts::from_json).transpose()?;
    let header = &block.head.header;
    work.rules
        .refuse_unknown_fork(|address| work.state.account(address).ok().flatten())?;
    let mut report = Report {
        block: header.number,
        hash: block.head.hash,
        ..Report::default()
    };
    let mut effort = work.rules.effort(header.timestamp);
    effort.transactions = block.transactions.len() as u64;
    headers::check_alone(&block, work.rules.header.as_ref(), &mut report);
    let Some(claimed) = transactions(&block, &mut report) else {
        return Ok(report);
    };
    let rules = Rules {
        chain_id: work.rules.chain_id,
        hardforks: work.rules.hardforks.clone(),
        external: ExternalEnv::new(work.capacities.clone()),
        interventions: work.rules.interventions,
        sequencer: work.rules.sequencer,
    };
    let before = Before {
        state: work.state,
        number: header.number,
        parent_hash: header.parent_hash,
        missing: OnceLock::new(),
    };
    let whole = [claimed.len()];
    let executed = replay::replay(&before, &rules, header, &claimed, &whole, false);
    effort.replay_micros = micros(began);
    match executed {
        Ok(executed) => {
            report.note("prestate", None);
            report.note("execution", None);
            if let Some(receipts) = &receipts {
                receipts.compare(&claimed, &executed, &mut report);
            }
            receipt_sums(&executed.receipts, header, &mut report);
        }
        Err(error) => match before.missing.get() {
            Some(missing) => report.fail(
                "prestate",
                "everything that the block reads",
                missing.to_string(),
            ),
            None => report.fail("execution", "every transaction executes", error.to_string()),
        },
    }
    effort.total_micros = micros(began);
    report.effort = Some(effort);
    Ok(report)
}

/// The state before a block. Remembers the first thing that was read and not told: execution turns errors into words.
#[derive(Debug)]
struct Before<'a, S> {
    state: &'a S,
    number: u64,
    parent_hash: B256,
    missing: OnceLock<StateError>,
}

impl<S> Before<'_, S> {
    fn noted<T>(&self, read: Result<T, StateError>) -> Result<T, StateError> {
        read.inspect_err(|error| {
            self.missing.get_or_init(|| error.clone());
        })
    }
}

impl<S: StateReader> StateReader for Before<'_, S> {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        self.noted(self.state.account(address))
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.noted(self.state.slot(address, slot))
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        self.noted(self.state.code(hash))
    }

    /// The parent's is in the header; older ones are told, or stand in the chain's own state (EIP-2935).
    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        let window = HISTORY_SERVE_WINDOW as u64;
        match self.number.checked_sub(number) {
            Some(1) => Ok(self.parent_hash),
            Some(age) if (2..=window).contains(&age) => {
                if let Ok(hash) = self.state.block_hash(number) {
                    return Ok(hash);
                }
                let slot = U256::from(number % window);
                Ok(self.slot(HISTORY_STORAGE_ADDRESS, slot)?.into())
            }
            _ => self.noted(self.state.block_hash(number)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use alloy_primitives::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        block::{PlainAccount, PlainKey},
        evm::FixedCapacities,
        recorded::chain,
        salt::{stateless::WitnessState, types::DATA_BUCKETS, witness::SaltWitness},
        state::Place,
        verify::stateless::{OLD_TESTNET_CHAIN_ID, code_line, known::Known, open_file},
    };

    const NUMBER: u64 = 1142;

    /// A recorded block with the state that its witness shows, of which one account may be told otherwise.
    #[derive(Debug)]
    struct Recorded {
        block: Value,
        known: Known,
        told: Option<(Address, Result<Option<PlainAccount>, StateError>)>,
    }

    impl Recorded {
        fn load() -> Option<Self> {
            let chain = chain()?;
            let read = |name: String| fs::read(chain.join(name)).unwrap();
            let block: Value = serde_json::from_slice(&read(format!("{NUMBER}.json"))).unwrap();
            let parent: Value =
                serde_json::from_slice(&read(format!("{}.json", NUMBER - 1))).unwrap();
            let root: B256 = serde_json::from_value(parent["stateRoot"].clone()).unwrap();
            let salt = read(format!("{NUMBER}.salt"));
            let witness = SaltWitness::decode(open_file(&salt).unwrap().salt).unwrap();
            let state = WitnessState::new(witness, &root.0, DATA_BUCKETS).unwrap();
            let codes = String::from_utf8(read("contracts.txt".into())).unwrap();
            let codes: Vec<Bytes> = codes
                .lines()
                .map(|line| code_line(line.as_bytes()).unwrap().1)
                .collect();
            let parent_hash = serde_json::from_value(block["parentHash"].clone()).unwrap();
            let known = Known::new(
                Arc::new(state),
                codes,
                NUMBER,
                parent_hash,
                Default::default(),
            );
            Some(Self {
                block,
                known,
                told: None,
            })
        }

        fn check(&self, receipts: Option<&Value>) -> Report {
            self.try_check(receipts).unwrap()
        }

        fn try_check(&self, receipts: Option<&Value>) -> Result<Report, InputError> {
            let receipts = receipts.map(|receipts| receipts.to_string().into_bytes());
            check_told(&Told {
                block: self.block.to_string().as_bytes(),
                receipts: receipts.as_deref(),
                state: self,
                capacities: Arc::new(FixedCapacities {
                    capacities: Default::default(),
                    data_buckets: DATA_BUCKETS,
                }),
                rules: &ChainRules::published(OLD_TESTNET_CHAIN_ID).unwrap(),
            })
        }
    }

    impl StateReader for Recorded {
        fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
            match &self.told {
                Some((other, told)) if *other == address => told.clone(),
                _ => self.known.account(address),
            }
        }

        fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
            self.known.slot(address, slot)
        }

        fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
            self.known.code(hash)
        }

        fn block_hash(&self, number: u64) -> Result<B256, StateError> {
            self.known.block_hash(number)
        }
    }

    #[test]
    fn a_recorded_block_executes_upon_what_its_witness_shows() {
        let Some(recorded) = Recorded::load() else {
            return;
        };
        let report = recorded.check(None);
        assert_eq!(report.failures(), [""; 0]);
        let names: Vec<_> = report.checks.iter().map(|check| check.name).collect();
        for name in ["prestate", "execution", "receipts root", "block gas used"] {
            assert!(names.contains(&name), "{name}");
        }
        assert!(!names.contains(&"state root"), "nobody can compute it");
    }

    #[test]
    fn what_is_not_told_is_named_and_never_taken_for_absent() {
        let Some(mut recorded) = Recorded::load() else {
            return;
        };
        let sender = serde_json::from_value(recorded.block["transactions"][1]["from"].clone());
        let sender: Address = sender.unwrap();
        let place = Place::Key(PlainKey::account(sender));
        recorded.told = Some((sender, Err(StateError::Unknown(place))));
        let report = recorded.check(None);
        assert_eq!(report.failures(), ["prestate"]);
        let mut checks = report.checks.into_iter();
        let failed = checks.find_map(|check| check.difference).unwrap();
        assert_eq!(failed.actual, format!("the account {sender} is not known"));
    }

    #[test]
    fn a_chain_that_has_gone_on_to_an_unknown_hardfork_is_refused() {
        let Some(mut recorded) = Recorded::load() else {
            return;
        };
        let oracle = PlainAccount {
            nonce: 1,
            balance: U256::ZERO,
            code_hash: B256::repeat_byte(7),
        };
        recorded.told = Some((mega_evm::ORACLE_CONTRACT_ADDRESS, Ok(Some(oracle))));
        let refused = recorded.try_check(None).unwrap_err().to_string();
        assert!(
            refused.contains("chain 6342 has a hardfork that this version does not know"),
            "{refused}"
        );
    }

    #[test]
    fn a_receipt_that_says_otherwise_fails_its_check() {
        let Some(recorded) = Recorded::load() else {
            return;
        };
        let deposit = &recorded.block["transactions"][0];
        let mut receipt = json!({
            "transactionHash": deposit["hash"], "type": "0x7e", "status": "0x1", "gasUsed": "0x1",
            "cumulativeGasUsed": "0x1", "logs": [], "logsBloom": alloy_primitives::Bloom::ZERO,
        });
        let told = |receipt: &Value| {
            let report = recorded.check(Some(&json!([receipt])));
            let differences = report.checks.into_iter();
            differences
                .filter_map(|check| Some((check.name, check.difference?.expected)))
                .collect::<Vec<_>>()
        };
        let failed = told(&receipt);
        assert_eq!(
            failed.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["receipt gas used", "receipt cumulative gas used"]
        );
        let gas: u64 = failed[0].1.rsplit(' ').next().unwrap().parse().unwrap();
        receipt["gasUsed"] = json!(format!("{gas:#x}"));
        receipt["cumulativeGasUsed"] = receipt["gasUsed"].clone();
        assert_eq!(told(&receipt), []);
        for (field, value, check) in [
            ("type", json!("0x2"), "receipt types"),
            ("status", json!("0x0"), "receipt status"),
            (
                "logs",
                json!([{"address": Address::ZERO, "topics": [], "data": "0x"}]),
                "receipt logs",
            ),
            ("transactionHash", json!(B256::ZERO), "receipts"),
        ] {
            let mut other = receipt.clone();
            other[field] = value;
            assert_eq!(told(&other)[0].0, check);
        }
    }
}
