//! What a verification found: a list of checks, each with the first difference if it failed.

use std::fmt::Display;

use alloy_primitives::B256;

use crate::rpc::render::json::{self, Object};

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
        let difference = (expected != actual).then(|| {
            let place = place();
            let at = |value: &T| match place.as_str() {
                "" => value.to_string(),
                place => format!("{place}: {value}"),
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

    /// `{"block", "hash", "ok", "checks": [{"name", "ok", "expected"?, "actual"?}]}`.
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
            object.close();
        })
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
