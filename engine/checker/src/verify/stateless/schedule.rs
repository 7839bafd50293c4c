//! When which hardfork began on MegaETH's own chains, as data of ours: a release of mega-evm may know what a hardfork
//! changes and not when it came.

use alloy_primitives::{Address, B256, address};
use mega_evm::{
    MAINNET_CHAIN_ID, MegaHardfork, MegaHardforkConfig, ORACLE_CONTRACT_ADDRESS,
    ORACLE_CONTRACT_CODE_HASH, ORACLE_CONTRACT_CODE_HASH_REX2, ORACLE_CONTRACT_CODE_HASH_REX5,
    SEQUENCER_REGISTRY_ADDRESS, SEQUENCER_REGISTRY_CODE_HASH, SEQUENCER_REGISTRY_CODE_HASH_REX6,
    SequencerRegistryConfig, SequencerRegistryRex6Config, TESTNET_CHAIN_ID,
    alloy_hardforks::ForkCondition,
};

use crate::block::PlainAccount;

/// The testnet whose chain ended in 2026.
pub const OLD_TESTNET_CHAIN_ID: u64 = 6342;

/// The least number of blocks between announcing a sequencer and its taking over, on mainnet and testnet.
const MIN_ROTATION_DELAY_BLOCKS: u64 = 21_600;

/// Seconds since 1970 at which a hardfork begins.
type Times = &'static [(MegaHardfork, u64)];

const MAINNET: Times = &[
    (MegaHardfork::MiniRex, 0),
    // A rollback for an hour, and its end.
    (MegaHardfork::MiniRex1, 1_764_845_637),
    (MegaHardfork::MiniRex2, 1_764_849_932),
    (MegaHardfork::Rex, 1_764_851_940),
    (MegaHardfork::Rex1, 1_766_282_400),
    (MegaHardfork::Rex2, 1_770_246_000),
    (MegaHardfork::Rex3, 1_771_639_200),
    (MegaHardfork::Rex4, 1_776_659_200),
    (MegaHardfork::Rex5, 1_780_632_000),
    (MegaHardfork::Rex6, 1_787_626_800),
];

const TESTNET: Times = &[
    (MegaHardfork::MiniRex, 0),
    (MegaHardfork::Rex, 1_764_694_618),
    (MegaHardfork::Rex1, 1_766_147_599),
    (MegaHardfork::Rex2, 1_770_116_400),
    (MegaHardfork::Rex3, 1_771_380_000),
    (MegaHardfork::Rex4, 1_776_400_000),
    (MegaHardfork::Rex5, 1_780_459_200),
    (MegaHardfork::Rex6, 1_786_330_800),
];

const OLD_TESTNET: Times = &[(MegaHardfork::MiniRex, 0), (MegaHardfork::Rex, 0)];

/// What mainnet's SequencerRegistry was first filled with.
const MAINNET_REGISTRY: SequencerRegistryConfig = SequencerRegistryConfig {
    rex5_initial_sequencer: address!("0x7a49197dd1ebb8d38c67e4eb7626af6ade432445"),
    rex5_initial_admin: address!("0x92e0e0b15e3e99b32c9ed9ad284f939553c7b7d6"),
};

/// And testnet's.
const TESTNET_REGISTRY: SequencerRegistryConfig = SequencerRegistryConfig {
    rex5_initial_sequencer: address!("0xb8db54eba7ae650d14f362de461516a4ff1551fc"),
    rex5_initial_admin: address!("0x1d9bd232c44b39341e670b735c7f423c40426b34"),
};

/// The hardforks of a chain of MegaETH's.
pub(super) fn published(chain_id: u64) -> Option<MegaHardforkConfig> {
    match chain_id {
        MAINNET_CHAIN_ID => Some(with_registry(MAINNET, MAINNET_REGISTRY)),
        TESTNET_CHAIN_ID => Some(with_registry(TESTNET, TESTNET_REGISTRY)),
        OLD_TESTNET_CHAIN_ID => Some(scheduled(OLD_TESTNET)),
        _ => None,
    }
}

fn scheduled(times: Times) -> MegaHardforkConfig {
    let mut hardforks = MegaHardforkConfig::new();
    for (fork, time) in times {
        hardforks.insert(*fork, ForkCondition::Timestamp(*time));
    }
    hardforks
}

fn with_registry(times: Times, registry: SequencerRegistryConfig) -> MegaHardforkConfig {
    let rotation = SequencerRegistryRex6Config {
        rex6_min_rotation_delay: MIN_ROTATION_DELAY_BLOCKS,
    };
    scheduled(times).with_params(registry).with_params(rotation)
}

/// System contracts whose code hardforks have replaced, with each code that they have had.
const VERSIONS: [(&str, Address, &[B256]); 2] = [
    (
        "SequencerRegistry",
        SEQUENCER_REGISTRY_ADDRESS,
        &[
            SEQUENCER_REGISTRY_CODE_HASH,
            SEQUENCER_REGISTRY_CODE_HASH_REX6,
        ],
    ),
    (
        "oracle",
        ORACLE_CONTRACT_ADDRESS,
        &[
            ORACLE_CONTRACT_CODE_HASH,
            ORACLE_CONTRACT_CODE_HASH_REX2,
            ORACLE_CONTRACT_CODE_HASH_REX5,
        ],
    ),
];

/// Which system contract has code that came with no hardfork known here, in words. The chain has then gone on to one
/// that is not in its schedule. `account` tells what a block begins with, where that is known.
pub(super) fn unknown_version(account: impl Fn(Address) -> Option<PlainAccount>) -> Option<String> {
    VERSIONS.into_iter().find_map(|(name, address, versions)| {
        let hash = account(address)?.code_hash;
        let is_known = hash == alloy_primitives::KECCAK256_EMPTY || versions.contains(&hash);
        (!is_known).then(|| format!("its {name} has the code {hash}"))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloy_primitives::U256;
    use mega_evm::{MegaHardforks as _, MegaSpecId, hardfork_schedule};

    use super::*;

    /// Hardforks that a chain has never had.
    const NEVER: [(u64, MegaHardfork); 2] = [
        (TESTNET_CHAIN_ID, MegaHardfork::MiniRex1),
        (TESTNET_CHAIN_ID, MegaHardfork::MiniRex2),
    ];

    #[test]
    fn each_hardfork_that_mega_evm_knows_has_a_time_on_mainnet_and_testnet() {
        for chain_id in [MAINNET_CHAIN_ID, TESTNET_CHAIN_ID] {
            let hardforks = published(chain_id).unwrap();
            for fork in MegaHardfork::VARIANTS {
                let condition = hardforks.mega_fork_activation(*fork);
                let is_scheduled = matches!(condition, ForkCondition::Timestamp(_));
                assert_eq!(
                    is_scheduled,
                    !NEVER.contains(&(chain_id, *fork)),
                    "{fork:?} on chain {chain_id}: a hardfork without a time here has its blocks replayed by old rules"
                );
            }
            let rotation = hardforks.fork_params::<SequencerRegistryRex6Config>();
            assert_eq!(rotation.unwrap().rex6_min_rotation_delay, 21_600);
        }
    }

    #[test]
    fn the_times_that_mega_evm_knows_are_the_same_here() {
        for chain_id in [MAINNET_CHAIN_ID, TESTNET_CHAIN_ID] {
            let (ours, theirs) = (published(chain_id).unwrap(), hardfork_schedule(chain_id));
            for fork in MegaHardfork::VARIANTS {
                let known = theirs.mega_fork_activation(*fork);
                if matches!(known, ForkCondition::Timestamp(_)) {
                    assert_eq!(ours.mega_fork_activation(*fork), known, "{fork:?}");
                }
            }
            assert_eq!(
                ours.fork_params::<SequencerRegistryConfig>(),
                theirs.fork_params::<SequencerRegistryConfig>()
            );
        }
    }

    #[test]
    fn both_networks_went_to_rex6_in_august_2026() {
        for (chain_id, time) in [
            (MAINNET_CHAIN_ID, 1_787_626_800),
            (TESTNET_CHAIN_ID, 1_786_330_800),
        ] {
            let hardforks = published(chain_id).unwrap();
            assert_eq!(hardforks.spec_id(time - 1), MegaSpecId::REX5);
            assert_eq!(hardforks.spec_id(time), MegaSpecId::REX6);
        }
    }

    #[test]
    fn a_system_contract_of_another_version_is_noticed() {
        let with = |hash| {
            move |address| {
                (address == SEQUENCER_REGISTRY_ADDRESS).then_some(PlainAccount {
                    nonce: 1,
                    balance: U256::ZERO,
                    code_hash: hash,
                })
            }
        };
        assert_eq!(unknown_version(|_| None), None);
        for known in [
            SEQUENCER_REGISTRY_CODE_HASH_REX6,
            alloy_primitives::KECCAK256_EMPTY,
        ] {
            assert_eq!(unknown_version(with(known)), None);
        }
        let other = B256::repeat_byte(7);
        let told = unknown_version(with(other)).unwrap();
        assert_eq!(told, format!("its SequencerRegistry has the code {other}"));
    }
}
