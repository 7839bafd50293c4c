//! The EVM's rules by name.

use alloy_primitives::Address;
use mega_evm::{
    MegaHardfork, MegaHardforkConfig, MegaSpecId, SequencerRegistryConfig,
    SequencerRegistryRex6Config, alloy_hardforks::ForkCondition,
};

/// The names, oldest first.
pub const SPEC_NAMES: [&str; 9] = [
    "equivalence",
    "mini-rex",
    "rex",
    "rex1",
    "rex2",
    "rex3",
    "rex4",
    "rex5",
    "rex6",
];

/// The newest stable rules.
pub const DEFAULT_SPEC: &str = "rex6";

/// Blocks between scheduling a new sequencer and its taking over; the least that Rex6 allows.
const ROTATION_DELAY_BLOCKS: u64 = 1;

const SPECS: [(MegaSpecId, Option<MegaHardfork>); 9] = [
    (MegaSpecId::EQUIVALENCE, None),
    (MegaSpecId::MINI_REX, Some(MegaHardfork::MiniRex)),
    (MegaSpecId::REX, Some(MegaHardfork::Rex)),
    (MegaSpecId::REX1, Some(MegaHardfork::Rex1)),
    (MegaSpecId::REX2, Some(MegaHardfork::Rex2)),
    (MegaSpecId::REX3, Some(MegaHardfork::Rex3)),
    (MegaSpecId::REX4, Some(MegaHardfork::Rex4)),
    (MegaSpecId::REX5, Some(MegaHardfork::Rex5)),
    (MegaSpecId::REX6, Some(MegaHardfork::Rex6)),
];

/// The rules called `name`; upper case and underscores are forgiven.
pub fn spec_by_name(name: &str) -> Option<MegaSpecId> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let index = SPEC_NAMES
        .iter()
        .position(|known| plain(known) == plain(name))?;
    Some(SPECS[index].0)
}

/// What the rules are called.
pub fn spec_name(spec: MegaSpecId) -> &'static str {
    let place = SPECS.iter().position(|(id, _)| *id == spec);
    place.map_or("unknown", |place| SPEC_NAMES[place])
}

/// The hardfork that brought `spec`; Ethereum's rules came with none.
pub(super) fn hardfork_of(spec: MegaSpecId) -> Option<MegaHardfork> {
    SPECS
        .into_iter()
        .find_map(|(id, fork)| fork.filter(|_| id == spec))
}

/// The hardforks up to `spec`, all active from genesis, with a SequencerRegistry that names `sequencer`.
pub fn hardforks(spec: MegaSpecId, sequencer: Address) -> MegaHardforkConfig {
    let mut config = MegaHardforkConfig::new();
    for (id, fork) in SPECS {
        if let (true, Some(fork)) = (id <= spec, fork) {
            config.insert(fork, ForkCondition::Timestamp(0));
        }
    }
    if spec >= MegaSpecId::REX5 {
        config = config.with_params(SequencerRegistryConfig {
            rex5_initial_sequencer: sequencer,
            rex5_initial_admin: sequencer,
        });
    }
    if spec >= MegaSpecId::REX6 {
        config = config.with_params(SequencerRegistryRex6Config {
            rex6_min_rotation_delay: ROTATION_DELAY_BLOCKS,
        });
    }
    config
}
