//! What a verification found: a list of checks, each with the first difference if it failed.

use std::fmt::Display;

use alloy_primitives::B256;

use crate::json::{self, Object};

/// One thing that was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is about.
    pub name: &'static str,
    /// The first difference, if there is one.
    pub difference: Option<Difference>,
}

/// A difference between what must be and what is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What re-execution or the rules give.
    pub expected: String,
    /// What the block says.
    pub actual: String,
}

/// All checks of a block, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The block's number.
    pub block: u64,
    /// The hash that the block claims.
    pub hash: B256,
    /// The checks.
    pub checks: Vec<Check>,
    /// What a prover vouches for, besides the hash, once the block is executed.
    pub claim: Option<TransitionClaim>,
    /// What checking took, where that was measured.
    pub effort: Option<Effort>,
}

/// What a block does to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransitionClaim {
    /// The root before.
    pub parent_state_root: B256,
    /// The root after.
    pub state_root: B256,
    /// The digest of the block's net diff: each key whose value changed, with its new value.
    pub diff_digest: B256,
}

/// What a stateless check was given and how long its parts took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effort {
    /// The chain.
    pub chain_id: u64,
    /// The rules that held.
    pub spec: String,
    /// The hardfork that brought them, and when it began, in seconds since 1970; none before the first.
    pub fork: Option<(String, u64)>,
    /// Who says so: `published`, `genesis` or `named`.
    pub origin: &'static str,
    /// How many transactions were executed.
    pub transactions: u64,
    /// Bytes of the SALT witness.
    pub witness_bytes: u64,
    /// Bytes of the withdrawals witness.
    pub withdrawals_witness_bytes: u64,
    /// Keys that the witness shows to be there.
    pub keys: u64,
    /// Slots that it proves empty.
    pub absent: u64,
    /// Buckets whose capacity it tells.
    pub buckets: u64,
    /// How many contracts' code came with it.
    pub codes: u64,
    /// Bytes of that code.
    pub code_bytes: u64,
    /// Microseconds for reading and verifying the witness.
    pub witness_micros: u64,
    /// Microseconds for executing the block.
    pub replay_micros: u64,
    /// Microseconds for the new state root.
    pub root_micros: u64,
    /// Microseconds for everything.
    pub total_micros: u64,
}

impl Report {
    /// Whether nothing differs.
    pub fn ok(&self) -> bool {
        self.checks.iter().all(|check| check.difference.is_none())
    }

    /// The names of the checks that failed.
    pub fn failures(&self) -> Vec<&'static str> {
        let failed = self
            .checks
            .iter()
            .filter(|check| check.difference.is_some());
        failed.map(|check| check.name).collect()
    }

    /// Compares, and keeps the first difference under `name`. `place` tells where in the block.
    pub(super) fn compare<T: PartialEq + Display>(
        &mut self,
        name: &'static str,
        place: impl FnOnce() -> String,
        expected: &T,
        actual: &T,
    ) {
        self.compare_told(name, place, expected, actual, T::to_string);
    }

    /// Likewise; `tell` puts what differs into words.
    pub(super) fn compare_told<T: PartialEq + ?Sized>(
        &mut self,
        name: &'static str,
        place: impl FnOnce() -> String,
        expected: &T,
        actual: &T,
        tell: impl Fn(&T) -> String,
    ) {
        let difference = (expected != actual).then(|| {
            let place = place();
            let at = |value: &T| match place.as_str() {
                "" => tell(value),
                place => format!("{place}: {}", tell(value)),
            };
            Difference {
                expected: at(expected),
                actual: at(actual),
            }
        });
        self.note(name, difference);
    }

    /// Notes that `name` was checked, with a difference or none. The first difference stays.
    pub(super) fn note(&mut self, name: &'static str, difference: Option<Difference>) {
        match self.checks.iter_mut().find(|check| check.name == name) {
            Some(check) => {
                if check.difference.is_none() {
                    check.difference = difference;
                }
            }
            None => self.checks.push(Check { name, difference }),
        }
    }

    /// Notes that something failed that is no comparison of values.
    pub(super) fn fail(&mut self, name: &'static str, expected: &str, actual: String) {
        self.note(
            name,
            Some(Difference {
                expected: expected.to_owned(),
                actual,
            }),
        );
    }

    /// `{"block", "hash", "ok", "checks": [{"name", "ok", "expected"?, "actual"?}]}`, and where known
    /// `"parentStateRoot", "stateRoot", "diffDigest"` and `"effort": {...}`.
    pub fn to_json(&self) -> Vec<u8> {
        json::bytes(|out| {
            let mut object = Object::open(out);
            object
                .quantity("block", self.block)
                .hash("hash", &self.hash)
                .bool("ok", self.ok());
            json::array(object.member("checks"), &self.checks, |out, check| {
                let mut object = Object::open(out);
                object
                    .string("name", check.name)
                    .bool("ok", check.difference.is_none());
                if let Some(difference) = &check.difference {
                    object
                        .string("expected", &difference.expected)
                        .string("actual", &difference.actual);
                }
                object.close();
            });
            if let Some(claim) = &self.claim {
                object
                    .hash("parentStateRoot", &claim.parent_state_root)
                    .hash("stateRoot", &claim.state_root)
                    .hash("diffDigest", &claim.diff_digest);
            }
            if let Some(effort) = &self.effort {
                effort.write(object.member("effort"));
            }
            object.close();
        })
    }
}

impl Effort {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object
            .string("spec", &self.spec)
            .string("origin", self.origin);
        if let Some((fork, since)) = &self.fork {
            object.string("fork", fork).number("forkSince", *since);
        }
        let numbers = [
            ("chainId", self.chain_id),
            ("transactions", self.transactions),
            ("witnessBytes", self.witness_bytes),
            ("withdrawalsWitnessBytes", self.withdrawals_witness_bytes),
            ("keys", self.keys),
            ("absent", self.absent),
            ("buckets", self.buckets),
            ("codes", self.codes),
            ("codeBytes", self.code_bytes),
            ("witnessMicros", self.witness_micros),
            ("replayMicros", self.replay_micros),
            ("rootMicros", self.root_micros),
            ("totalMicros", self.total_micros),
        ];
        for (name, value) in numbers {
            object.number(name, value);
        }
        object.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_stays_and_later_agreement_does_not_heal_it() {
        let mut report = Report::default();
        report.compare("gas used", || "transaction 0".into(), &1, &1);
        report.compare("gas used", || "transaction 1".into(), &1, &2);
        report.compare("gas used", || "transaction 2".into(), &1, &3);
        report.compare("gas used", || "transaction 3".into(), &1, &1);
        assert_eq!(report.failures(), ["gas used"]);
        assert_eq!(
            String::from_utf8_lossy(&report.to_json()),
            format!(
                "{{\"block\":\"0x0\",\"hash\":\"{:#x}\",\"ok\":false,\"checks\":[{{\"name\":\"gas used\",\
                 \"ok\":false,\"expected\":\"transaction 1: 1\",\"actual\":\"transaction 1: 2\"}}]}}",
                B256::ZERO
            )
        );
    }
}
