//! Which rules a chain follows when: the hardfork schedules, as data.
//!
//! | chain | schedule taken from |
//! |---|---|
//! | 4326, mainnet | our own, `schedule.rs` |
//! | 6343, testnet | our own |
//! | 6342, the testnet before it | nobody published one; replay of its blocks of December 2025 shows Rex |
//! | a devnet | the rules that the devnet names, from its genesis on |
//! | any other | the times in its genesis document |

use alloy_primitives::{Address, Bytes};
use mega_evm::{
    MEGA_SYSTEM_ADDRESS, MegaHardfork, MegaHardforkConfig, MegaHardforks as _,
    alloy_hardforks::ForkCondition,
};
use serde::Deserialize;

use super::{InputError, genesis, schedule};
use crate::{block::PlainAccount, evm, salt::types::DATA_BUCKETS, verify::report::Effort};

/// Who says which hardfork holds when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The schedule that MegaETH has published of its chain.
    Published,
    /// A genesis document's `config`.
    Genesis,
    /// Rules by their name, from genesis on.
    Named,
}

impl Origin {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Genesis => "genesis",
            Self::Named => "named",
        }
    }
}

/// What all blocks of a chain have in common.
#[derive(Clone, Debug)]
pub struct ChainRules {
    /// EIP-155's chain id.
    pub chain_id: u64,
    /// Who says so.
    pub origin: Origin,
    /// When which hardfork begins.
    pub hardforks: MegaHardforkConfig,
    /// How many data buckets the chain's SALT uses.
    pub data_buckets: u32,
    /// Who signs mini-blocks before there is a registry.
    pub sequencer: Address,
    /// Whether its state may be changed by interventions: a devnet's only.
    pub interventions: bool,
    /// What all headers of the chain have in common, where that is known.
    pub header: Option<HeaderRules>,
}

/// What all headers of a devnet have in common.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderRules {
    /// The block gas limit.
    pub gas_limit: u64,
    /// The base fee, wei.
    pub base_fee: u64,
    /// Who receives priority fees.
    pub coinbase: Address,
    /// The extra data.
    pub extra_data: Bytes,
}

/// The JSON form of [`ChainRules`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    chain_id: u64,
    /// All rules up to this one, from genesis on.
    spec: Option<String>,
    /// Who signs at genesis, where the rules come from `spec`.
    sequencer: Option<Address>,
    /// A genesis document's `config`.
    config: Option<genesis::Config>,
    data_buckets: Option<u32>,
    #[serde(default)]
    interventions: bool,
    header: Option<HeaderRules>,
}

impl ChainRules {
    /// The rules of a chain that has a known schedule.
    pub fn published(chain_id: u64) -> Option<Self> {
        Some(Self {
            chain_id,
            origin: Origin::Published,
            hardforks: schedule::published(chain_id)?,
            data_buckets: DATA_BUCKETS,
            sequencer: MEGA_SYSTEM_ADDRESS,
            interventions: false,
            header: None,
        })
    }

    /// The hardfork that holds at a time, and since when.
    pub fn fork_at(&self, timestamp: u64) -> Option<(MegaHardfork, u64)> {
        let fork = self.hardforks.hardfork(timestamp)?;
        match self.hardforks.mega_fork_activation(fork) {
            ForkCondition::Timestamp(since) => Some((fork, since)),
            _ => None,
        }
    }

    /// What the rules that hold at a time ask of a transaction and allow it.
    pub fn allowance(&self, timestamp: u64) -> evm::Allowance {
        evm::Allowance::of(self.hardforks.spec_id(timestamp))
    }

    /// What a report says of the rules that hold at a time.
    pub(super) fn effort(&self, timestamp: u64) -> Effort {
        let fork = self.fork_at(timestamp);
        Effort {
            chain_id: self.chain_id,
            spec: format!("{:?}", self.hardforks.spec_id(timestamp)).to_lowercase(),
            fork: fork.map(|(fork, since)| (format!("{fork:?}"), since)),
            origin: self.origin.name(),
            ..Effort::default()
        }
    }

    /// Refuses a chain of MegaETH's that has gone on to a hardfork which its schedule here has not: its blocks would be
    /// replayed by old rules. `account` tells what the block begins with, where that is known.
    pub(super) fn refuse_unknown_fork(
        &self,
        account: impl Fn(Address) -> Option<PlainAccount>,
    ) -> Result<(), InputError> {
        if self.origin != Origin::Published {
            return Ok(());
        }
        match schedule::unknown_version(account) {
            None => Ok(()),
            Some(reason) => Err(InputError::chain(format!(
                "chain {} has a hardfork that this version does not know: {reason}, which no hardfork up to {} has",
                self.chain_id,
                newest(&self.hardforks)
            ))),
        }
    }

    /// Reads `{"chainId", "spec"?, "sequencer"?, "config"?, "dataBuckets"?, "interventions"?, "header"?}`.
    ///
    /// `spec` names rules that hold from genesis on (a devnet's), `config` is a genesis document's with
    /// its `miniRexTime`, `rexTime`, `rex1Time`... and what its SequencerRegistry begins with
    /// (`rex5InitialSequencer`, `rex5InitialAdmin`, `rex6MinRotationDelay`); where both are given, `spec` must be
    /// what `config` leads to. Without either the chain must have a known schedule.
    pub fn from_json(json: &[u8]) -> Result<Self, InputError> {
        let document: Document = serde_json::from_slice(json).map_err(InputError::chain)?;
        let chain_id = document.chain_id;
        let sequencer = document.sequencer.unwrap_or(MEGA_SYSTEM_ADDRESS);
        if sequencer.is_zero() {
            return Err(InputError::chain("the sequencer is the zero address"));
        }
        let named = match document.spec {
            Some(name) => Some(
                evm::spec_by_name(&name)
                    .ok_or_else(|| InputError::chain(format!("unknown spec {name:?}")))?,
            ),
            None => None,
        };
        let (origin, hardforks) = match (document.config, named) {
            (Some(config), named) => {
                let hardforks = genesis::hardforks(&config, sequencer)?;
                let last = hardforks.spec_id(u64::MAX);
                if let Some(named) = named.filter(|named| *named != last) {
                    return Err(InputError::chain(format!(
                        "\"spec\" is {named:?}, and \"config\" leads to {last:?}"
                    )));
                }
                (Origin::Genesis, hardforks)
            }
            (None, Some(spec)) => (Origin::Named, evm::hardforks(spec, sequencer)),
            (None, None) => match schedule::published(chain_id) {
                Some(hardforks) => (Origin::Published, hardforks),
                None => {
                    return Err(InputError::chain(format!(
                        "chain {chain_id} has no known hardfork schedule; give its \"spec\" or its genesis \"config\""
                    )));
                }
            },
        };
        let data_buckets = document.data_buckets.unwrap_or(DATA_BUCKETS);
        if data_buckets == 0 || !DATA_BUCKETS.is_multiple_of(data_buckets) {
            return Err(InputError::chain(format!(
                "{data_buckets} data buckets do not divide {DATA_BUCKETS}"
            )));
        }
        Ok(Self {
            chain_id,
            origin,
            hardforks,
            data_buckets,
            sequencer,
            interventions: document.interventions,
            header: document.header,
        })
    }
}

/// The last hardfork of a schedule.
fn newest(hardforks: &MegaHardforkConfig) -> String {
    let last = hardforks.hardfork(u64::MAX);
    last.map_or_else(|| "genesis".to_owned(), |fork| format!("{fork:?}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use mega_evm::MegaSpecId;

    use super::*;

    fn spec_at(json: &str, timestamp: u64) -> MegaSpecId {
        let rules = ChainRules::from_json(json.as_bytes()).unwrap();
        rules.hardforks.spec_id(timestamp)
    }

    #[test]
    fn mainnet_followed_its_published_schedule() {
        let mainnet = |timestamp| spec_at(r#"{"chainId": 4326}"#, timestamp);
        assert_eq!(mainnet(0), MegaSpecId::MINI_REX);
        assert_eq!(
            mainnet(1_764_845_637),
            MegaSpecId::EQUIVALENCE,
            "rolled back for an hour"
        );
        assert_eq!(mainnet(1_764_849_932), MegaSpecId::MINI_REX);
        assert_eq!(mainnet(1_764_851_940), MegaSpecId::REX);
        assert_eq!(mainnet(1_780_632_000), MegaSpecId::REX5);
        assert_eq!(mainnet(1_787_626_800), MegaSpecId::REX6);
    }

    #[test]
    fn a_devnet_names_its_rules() {
        let json = r#"{"chainId": 6343, "spec": "rex6", "dataBuckets": 256}"#;
        assert_eq!(spec_at(json, 1), MegaSpecId::REX6);
    }

    #[test]
    fn rules_tell_the_hardfork_and_who_says_so() {
        let rules = |json: &str| ChainRules::from_json(json.as_bytes()).unwrap();
        let mainnet = rules(r#"{"chainId": 4326}"#);
        assert_eq!(mainnet.origin, Origin::Published);
        assert_eq!(
            mainnet.fork_at(1_764_845_637),
            Some((MegaHardfork::MiniRex1, 1_764_845_637))
        );
        let devnet = rules(r#"{"chainId": 7, "spec": "rex6"}"#);
        assert_eq!(devnet.origin, Origin::Named);
        assert_eq!(devnet.fork_at(9), Some((MegaHardfork::Rex6, 0)));
        let genesis = rules(r#"{"chainId": 7, "spec": "rex", "config": {"rexTime": 5}}"#);
        assert_eq!(genesis.origin, Origin::Genesis);
        assert_eq!(genesis.fork_at(4), None);
    }

    #[test]
    fn what_a_transaction_is_allowed_depends_on_the_time() {
        let mainnet = ChainRules::published(4326).unwrap();
        let at = |timestamp| mainnet.allowance(timestamp);
        assert_eq!((at(0).spec, at(0).call_share), ("mini-rex", None));
        let newest = at(u64::MAX);
        assert_eq!((newest.spec, newest.call_share), ("rex6", Some([98, 100])));
    }

    #[test]
    fn only_a_published_schedule_can_be_behind_its_chain() {
        let other = |_| {
            Some(PlainAccount {
                nonce: 1,
                balance: alloy_primitives::U256::ZERO,
                code_hash: alloy_primitives::B256::repeat_byte(7),
            })
        };
        let error = ChainRules::published(4326)
            .unwrap()
            .refuse_unknown_fork(other)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("chain 4326 has a hardfork that this version does not know"),
            "{error}"
        );
        assert!(
            error.ends_with("which no hardfork up to Rex6 has"),
            "{error}"
        );
        let own = ChainRules::from_json(br#"{"chainId": 4326, "spec": "rex6"}"#).unwrap();
        assert_eq!(own.refuse_unknown_fork(other), Ok(()));
    }

    #[test]
    fn a_genesis_document_tells_the_times() {
        let json = r#"{"chainId": 7, "config": {"londonBlock": 0, "miniRexTime": 0, "rexTime": 100, "rex5Time": 200,
                       "rex6Time": null}}"#;
        assert_eq!(spec_at(json, 99), MegaSpecId::MINI_REX);
        assert_eq!(spec_at(json, 100), MegaSpecId::REX);
        assert_eq!(spec_at(json, 200), MegaSpecId::REX5);
    }

    #[test]
    fn a_chain_without_a_schedule_is_refused() {
        for json in [
            "",
            "{}",
            r#"{"chainId": 1}"#,
            r#"{"chainId": 1, "spec": "rex99"}"#,
            r#"{"chainId": 1, "spec": "rex6", "config": {}}"#,
            r#"{"chainId": 1, "spec": "rex5", "config": {"rexTime": 0}}"#,
            r#"{"chainId": 1, "config": {"rexTime": "soon"}}"#,
            r#"{"chainId": 4326, "dataBuckets": 7}"#,
            r#"{"chainId": 4326, "fork": "rex"}"#,
        ] {
            assert!(ChainRules::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }
}
