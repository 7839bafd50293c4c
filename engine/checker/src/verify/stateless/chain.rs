//! Which rules a chain follows when: the hardfork schedules, as data.
//!
//! | chain | schedule taken from |
//! |---|---|
//! | 4326, mainnet | mega-evm's published one |
//! | 6343, testnet | mega-evm's published one |
//! | 6342, the testnet before it | nobody published one; replay of its blocks of December 2025 shows Rex |
//! | a devnet | the rules that the devnet names, from its genesis on |
//! | any other | the times in its genesis document |

use alloy_primitives::{Address, Bytes};
use mega_evm::{
    MAINNET_CHAIN_ID, MEGA_SYSTEM_ADDRESS, MegaHardfork, MegaHardforkConfig, MegaHardforks as _,
    SequencerRegistryConfig, SequencerRegistryRex6Config, TESTNET_CHAIN_ID,
    alloy_hardforks::ForkCondition, hardfork_schedule,
};
use serde::Deserialize;

use super::InputError;
use crate::{evm, salt::types::DATA_BUCKETS};

/// The testnet whose chain ended in 2026.
pub const OLD_TESTNET_CHAIN_ID: u64 = 6342;

/// The names under which a genesis document tells when a hardfork begins, oldest first.
const GENESIS_NAMES: [(&str, MegaHardfork); 10] = [
    ("miniRexTime", MegaHardfork::MiniRex),
    ("miniRex1Time", MegaHardfork::MiniRex1),
    ("miniRex2Time", MegaHardfork::MiniRex2),
    ("rexTime", MegaHardfork::Rex),
    ("rex1Time", MegaHardfork::Rex1),
    ("rex2Time", MegaHardfork::Rex2),
    ("rex3Time", MegaHardfork::Rex3),
    ("rex4Time", MegaHardfork::Rex4),
    ("rex5Time", MegaHardfork::Rex5),
    ("rex6Time", MegaHardfork::Rex6),
];

/// What a genesis document's SequencerRegistry begins with: who signs mini-blocks, who may change that, and
/// how many blocks ahead.
const INITIAL_SEQUENCER: &str = "rex5InitialSequencer";
const INITIAL_ADMIN: &str = "rex5InitialAdmin";
const MIN_ROTATION_DELAY: &str = "rex6MinRotationDelay";

/// How MegaETH's own names in a genesis document begin, in small letters.
const OWN_PREFIXES: [&str; 4] = ["rex", "minirex", "mega", "satin"];

/// What all blocks of a chain have in common.
#[derive(Clone, Debug)]
pub struct ChainRules {
    /// EIP-155's chain id.
    pub chain_id: u64,
    /// When which hardfork begins.
    pub hardforks: MegaHardforkConfig,
    /// How many data buckets the chain's SALT uses.
    pub data_buckets: u32,
    /// Who signs mini-blocks before there is a registry.
    pub sequencer: Address,
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
    config: Option<serde_json::Map<String, serde_json::Value>>,
    data_buckets: Option<u32>,
    header: Option<HeaderRules>,
}

impl ChainRules {
    /// The rules of a chain that has a known schedule.
    pub fn published(chain_id: u64) -> Option<Self> {
        let hardforks = match chain_id {
            MAINNET_CHAIN_ID | TESTNET_CHAIN_ID => hardfork_schedule(chain_id),
            OLD_TESTNET_CHAIN_ID => MegaHardforkConfig::new()
                .with(MegaHardfork::MiniRex, ForkCondition::Timestamp(0))
                .with(MegaHardfork::Rex, ForkCondition::Timestamp(0)),
            _ => return None,
        };
        Some(Self {
            chain_id,
            hardforks,
            data_buckets: DATA_BUCKETS,
            sequencer: MEGA_SYSTEM_ADDRESS,
            header: None,
        })
    }

    /// Reads `{"chainId", "spec"?, "sequencer"?, "config"?, "dataBuckets"?, "header"?}`.
    ///
    /// `spec` names rules that hold from genesis on (a devnet's), `config` is a genesis document's with
    /// its `miniRexTime`, `rexTime`, `rex1Time`... and what its SequencerRegistry begins with
    /// (`rex5InitialSequencer`, `rex5InitialAdmin`, `rex6MinRotationDelay`); without either the chain must have
    /// a known schedule.
    pub fn from_json(json: &[u8]) -> Result<Self, InputError> {
        let document: Document = serde_json::from_slice(json).map_err(InputError::chain)?;
        let chain_id = document.chain_id;
        let sequencer = document.sequencer.unwrap_or(MEGA_SYSTEM_ADDRESS);
        if sequencer.is_zero() {
            return Err(InputError::chain("the sequencer is the zero address"));
        }
        let hardforks = match (document.spec, document.config) {
            (Some(_), Some(_)) => {
                return Err(InputError::chain("either \"spec\" or \"config\", not both"));
            }
            (Some(name), None) => {
                let spec = evm::spec_by_name(&name)
                    .ok_or_else(|| InputError::chain(format!("unknown spec {name:?}")))?;
                evm::hardforks(spec, sequencer)
            }
            (None, Some(config)) => from_genesis(&config, sequencer)?,
            (None, None) => match Self::published(chain_id) {
                Some(rules) => rules.hardforks,
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
            hardforks,
            data_buckets,
            sequencer,
            header: document.header,
        })
    }
}

type GenesisConfig = serde_json::Map<String, serde_json::Value>;

/// A member that is there and not null.
fn member<'a>(config: &'a GenesisConfig, name: &str) -> Option<&'a serde_json::Value> {
    config.get(name).filter(|value| !value.is_null())
}

/// Reads a member.
fn number(config: &GenesisConfig, name: &str, what: &str) -> Result<Option<u64>, InputError> {
    let read = |value: &serde_json::Value| {
        let number = value.as_u64();
        number.ok_or_else(|| InputError::chain(format!("{name} is not a number of {what}")))
    };
    member(config, name).map(read).transpose()
}

/// Likewise.
fn account(config: &GenesisConfig, name: &str) -> Result<Option<Address>, InputError> {
    let read = |value: &serde_json::Value| match Address::deserialize(value) {
        Ok(address) if !address.is_zero() => Ok(address),
        Ok(_) => Err(InputError::chain(format!("{name} is the zero address"))),
        Err(_) => Err(InputError::chain(format!("{name} is not an address"))),
    };
    member(config, name).map(read).transpose()
}

/// `sequencer` is in office where the document names nobody.
fn from_genesis(
    config: &GenesisConfig,
    sequencer: Address,
) -> Result<MegaHardforkConfig, InputError> {
    refuse_unknown(config)?;
    let mut hardforks = MegaHardforkConfig::new();
    for (name, fork) in GENESIS_NAMES {
        let Some(time) = number(config, name, "seconds")? else {
            continue;
        };
        hardforks.insert(fork, ForkCondition::Timestamp(time));
    }
    // What a registry is first filled with; one that is there already is read from the state.
    let registry = SequencerRegistryConfig {
        rex5_initial_sequencer: account(config, INITIAL_SEQUENCER)?.unwrap_or(sequencer),
        rex5_initial_admin: account(config, INITIAL_ADMIN)?.unwrap_or(sequencer),
    };
    let rex6_min_rotation_delay = number(config, MIN_ROTATION_DELAY, "blocks")?.unwrap_or(1);
    if rex6_min_rotation_delay == 0 {
        return Err(InputError::chain(format!("{MIN_ROTATION_DELAY} is zero")));
    }
    let is_scheduled = |fork| {
        matches!(
            hardforks.mega_fork_activation(fork),
            ForkCondition::Timestamp(_)
        )
    };
    let (rex5, rex6) = (
        is_scheduled(MegaHardfork::Rex5),
        is_scheduled(MegaHardfork::Rex6),
    );
    if rex6 && !rex5 {
        return Err(InputError::chain(
            "rex6Time without rex5Time: Rex6 changes the registry that Rex5 brings",
        ));
    }
    if rex5 {
        hardforks = hardforks.with_params(registry);
    }
    if rex6 {
        hardforks = hardforks.with_params(SequencerRegistryRex6Config {
            rex6_min_rotation_delay,
        });
    }
    Ok(hardforks)
}

/// A name of MegaETH's that means nothing here may change what a block does.
fn refuse_unknown(config: &GenesisConfig) -> Result<(), InputError> {
    let of_forks = GENESIS_NAMES.iter().map(|(name, _)| *name);
    let known: Vec<&str> = of_forks
        .chain([INITIAL_SEQUENCER, INITIAL_ADMIN, MIN_ROTATION_DELAY])
        .collect();
    let is_unknown = |name: &str| {
        let small = name.to_ascii_lowercase();
        let is_own = OWN_PREFIXES.iter().any(|prefix| small.starts_with(prefix));
        is_own && member(config, name).is_some() && !known.contains(&name)
    };
    match config.keys().find(|name| is_unknown(name)) {
        Some(name) => Err(InputError::chain(format!(
            "\"config\" has {name:?}, which means nothing to this version; known are {}. Take it out to have \
             blocks checked as if it weren't there",
            known.join(", ")
        ))),
        None => Ok(()),
    }
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
    }

    #[test]
    fn a_devnet_names_its_rules() {
        let json = r#"{"chainId": 6343, "spec": "rex6", "dataBuckets": 256}"#;
        assert_eq!(spec_at(json, 1), MegaSpecId::REX6);
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
    fn a_genesis_document_tells_what_the_registry_begins_with() {
        let json = r#"{"chainId": 7, "config": {"rex5Time": 0, "rex6Time": 5, "rex6MinRotationDelay": 21600,
            "rex5InitialSequencer": "0x1111111111111111111111111111111111111111",
            "rex5InitialAdmin": "0x2222222222222222222222222222222222222222"}}"#;
        let rules = ChainRules::from_json(json.as_bytes()).unwrap();
        assert_eq!(
            rules.hardforks.fork_params::<SequencerRegistryConfig>(),
            Some(&SequencerRegistryConfig {
                rex5_initial_sequencer: Address::repeat_byte(0x11),
                rex5_initial_admin: Address::repeat_byte(0x22),
            })
        );
        assert_eq!(
            rules.hardforks.fork_params::<SequencerRegistryRex6Config>(),
            Some(&SequencerRegistryRex6Config {
                rex6_min_rotation_delay: 21_600
            })
        );
    }

    #[test]
    fn what_a_genesis_document_says_and_nobody_understands_is_named() {
        for (config, named) in [
            (r#""rex7Time": 5"#, "rex7Time"),
            (r#""rex5InitialSequencers": []"#, "rex5InitialSequencers"),
            (r#""miniRex3Time": 5"#, "miniRex3Time"),
            (r#""megaGasLimit": 5"#, "megaGasLimit"),
            (r#""satinTime": 5"#, "satinTime"),
            (
                r#""rex5Time": 0, "rex5InitialAdmin": "0x12""#,
                "rex5InitialAdmin",
            ),
            (
                r#""rex5InitialSequencer": "0x0000000000000000000000000000000000000000""#,
                "rex5InitialSequencer",
            ),
            (r#""rex6MinRotationDelay": 0"#, "rex6MinRotationDelay"),
            (r#""rex6MinRotationDelay": "0x1""#, "rex6MinRotationDelay"),
            (r#""rex6Time": 0"#, "rex5Time"),
        ] {
            let json = format!(r#"{{"chainId": 7, "config": {{{config}}}}}"#);
            let error = ChainRules::from_json(json.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(named), "{config}: {error}");
        }
        let of_others =
            r#"{"chainId": 7, "config": {"optimism": {}, "regolithTime": 0, "rex7Time": null}}"#;
        assert!(ChainRules::from_json(of_others.as_bytes()).is_ok());
    }

    #[test]
    fn a_chain_without_a_schedule_is_refused() {
        for json in [
            "",
            "{}",
            r#"{"chainId": 1}"#,
            r#"{"chainId": 1, "spec": "rex99"}"#,
            r#"{"chainId": 1, "spec": "rex6", "config": {}}"#,
            r#"{"chainId": 1, "config": {"rexTime": "soon"}}"#,
            r#"{"chainId": 4326, "dataBuckets": 7}"#,
            r#"{"chainId": 4326, "fork": "rex"}"#,
        ] {
            assert!(ChainRules::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }
}
