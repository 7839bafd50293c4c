//! What a genesis document's `config` says of hardforks: read as MegaETH's node and validator read it, and written for
//! them.

use alloy_primitives::Address;
use mega_evm::{
    MegaHardfork, MegaHardforkConfig, MegaHardforks, SequencerRegistryConfig,
    SequencerRegistryRex6Config, alloy_hardforks::ForkCondition,
};
use serde::Deserialize as _;

use super::InputError;
use crate::json::Object;

/// Ethereum's hardforks that hold by block number, all from block 0 on.
const BLOCKS: [&str; 14] = [
    "homesteadBlock",
    "eip150Block",
    "eip155Block",
    "eip158Block",
    "byzantiumBlock",
    "constantinopleBlock",
    "petersburgBlock",
    "istanbulBlock",
    "berlinBlock",
    "londonBlock",
    "arrowGlacierBlock",
    "grayGlacierBlock",
    "mergeNetsplitBlock",
    "bedrockBlock",
];

/// Ethereum's and Optimism's that hold by time, all from genesis on.
const TIMES: [&str; 10] = [
    "shanghaiTime",
    "cancunTime",
    "pragueTime",
    "regolithTime",
    "canyonTime",
    "ecotoneTime",
    "fjordTime",
    "graniteTime",
    "holoceneTime",
    "isthmusTime",
];

/// The names under which a genesis document tells when a hardfork begins, oldest first.
const FORK_TIMES: [(&str, MegaHardfork); 10] = [
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

/// A document's `config`.
pub(super) type Config = serde_json::Map<String, serde_json::Value>;

/// A member that is there and not null.
fn member<'a>(config: &'a Config, name: &str) -> Option<&'a serde_json::Value> {
    config.get(name).filter(|value| !value.is_null())
}

/// Reads a member.
fn number(config: &Config, name: &str, what: &str) -> Result<Option<u64>, InputError> {
    let read = |value: &serde_json::Value| {
        let number = value.as_u64();
        number.ok_or_else(|| InputError::chain(format!("{name} is not a number of {what}")))
    };
    member(config, name).map(read).transpose()
}

/// Likewise.
fn account(config: &Config, name: &str) -> Result<Option<Address>, InputError> {
    let read = |value: &serde_json::Value| match Address::deserialize(value) {
        Ok(address) if !address.is_zero() => Ok(address),
        Ok(_) => Err(InputError::chain(format!("{name} is the zero address"))),
        Err(_) => Err(InputError::chain(format!("{name} is not an address"))),
    };
    member(config, name).map(read).transpose()
}

/// The hardforks that a document schedules. `sequencer` is in office where it names nobody.
pub(super) fn hardforks(
    config: &Config,
    sequencer: Address,
) -> Result<MegaHardforkConfig, InputError> {
    refuse_unknown(config)?;
    let mut hardforks = MegaHardforkConfig::new();
    for (name, fork) in FORK_TIMES {
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
fn refuse_unknown(config: &Config) -> Result<(), InputError> {
    let of_forks = FORK_TIMES.iter().map(|(name, _)| *name);
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

/// Writes the `config` of a chain whose hardforks are these.
pub fn write_config(object: &mut Object<'_>, chain_id: u64, hardforks: &MegaHardforkConfig) {
    object.number("chainId", chain_id);
    for name in BLOCKS.into_iter().chain(TIMES) {
        object.number(name, 0);
    }
    object.number("terminalTotalDifficulty", 0);
    let mut optimism = Object::open(object.member("optimism"));
    optimism
        .number("eip1559Elasticity", 1)
        .number("eip1559Denominator", 1000)
        .number("eip1559DenominatorCanyon", 250);
    optimism.close();
    for (name, fork) in FORK_TIMES {
        if let ForkCondition::Timestamp(time) = hardforks.mega_fork_activation(fork) {
            object.number(name, time);
        }
    }
    if let Some(registry) = hardforks.fork_params::<SequencerRegistryConfig>() {
        object
            .data(
                INITIAL_SEQUENCER,
                registry.rex5_initial_sequencer.as_slice(),
            )
            .data(INITIAL_ADMIN, registry.rex5_initial_admin.as_slice());
    }
    if let Some(rotation) = hardforks.fork_params::<SequencerRegistryRex6Config>() {
        object.number(MIN_ROTATION_DELAY, rotation.rex6_min_rotation_delay);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::ChainRules, *};
    use crate::{evm, json};

    #[test]
    fn a_genesis_document_names_each_hardfork_that_mega_evm_knows() {
        let named = FORK_TIMES.map(|(_, fork)| fork);
        assert_eq!(named, MegaHardfork::VARIANTS);
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
    fn what_is_written_reads_as_the_same_hardforks() {
        let sequencer = Address::repeat_byte(0x11);
        for name in evm::SPEC_NAMES {
            let spec = evm::spec_by_name(name).unwrap();
            let hardforks = evm::hardforks(spec, sequencer);
            let written = json::bytes(|out| {
                let mut object = Object::open(out);
                write_config(&mut object, 7, &hardforks);
                object.close();
            });
            let config: Config = serde_json::from_slice(&written).unwrap();
            assert_eq!(config["isthmusTime"], 0);
            let read = super::hardforks(&config, Address::repeat_byte(0x22)).unwrap();
            for fork in MegaHardfork::VARIANTS {
                assert_eq!(
                    read.mega_fork_activation(*fork),
                    hardforks.mega_fork_activation(*fork),
                    "{fork:?} of {name}"
                );
            }
            assert_eq!(
                read.fork_params::<SequencerRegistryConfig>(),
                hardforks.fork_params::<SequencerRegistryConfig>()
            );
            assert_eq!(
                read.fork_params::<SequencerRegistryRex6Config>(),
                hardforks.fork_params::<SequencerRegistryRex6Config>()
            );
        }
    }
}
