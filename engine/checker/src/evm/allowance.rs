//! What the rules ask of a transaction and allow it, for people: tools print these numbers and know none themselves.

use mega_evm::{
    BlockLimits, EvmTxRuntimeLimits, MIN_BUCKET_SIZE, MegaSpecId,
    constants::{mini_rex, rex, rex4},
};
use revm::{
    interpreter::gas::calculate_initial_tx_gas,
    primitives::{eip170, eip3860},
};
use serde::Serialize;

use super::spec::{hardfork_of, spec_name};

/// Of one spec. Gas, bytes, and what else the limits count; nothing where there is no limit.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowance {
    /// The spec's name.
    pub spec: &'static str,
    /// The least that a transaction costs.
    pub intrinsic_gas: u64,
    /// Data size, KV updates, compute gas and state growth, as reverts number them.
    pub limits: [Option<u64>; 4],
    /// The same of all transactions of a block.
    pub block_limits: [Option<u64>; 4],
    /// Of what its caller has left of each limit a call has so much: numerator and denominator.
    pub call_share: Option<[u64; 2]>,
    /// The compute gas that reading volatile data leaves.
    pub detained_compute_gas: Option<u64>,
    /// The longest code of a contract.
    pub code_bytes: usize,
    /// The longest creation code.
    pub initcode_bytes: usize,
    /// Slots of a SALT bucket up to which storage costs nothing more.
    pub bucket_slots: usize,
}

impl Allowance {
    /// What `spec` asks for and allows.
    pub fn of(spec: MegaSpecId) -> Self {
        let limits = EvmTxRuntimeLimits::from_spec(spec);
        let (code_bytes, initcode_bytes) = code_limits(spec);
        let ethereum = calculate_initial_tx_gas(spec.into_eth_spec(), &[], false, 0, 0, 0);
        Self {
            spec: spec_name(spec),
            intrinsic_gas: ethereum.initial_gas + intrinsic_storage_gas(spec),
            limits: [
                limits.tx_data_size_limit,
                limits.tx_kv_updates_limit,
                limits.tx_compute_gas_limit,
                limits.tx_state_growth_limit,
            ]
            .map(limited),
            block_limits: limits_of_block(spec),
            call_share: spec
                .is_enabled(MegaSpecId::REX4)
                .then_some([rex4::FRAME_LIMIT_NUMERATOR, rex4::FRAME_LIMIT_DENOMINATOR]),
            detained_compute_gas: limited(limits.block_env_access_compute_gas_limit),
            code_bytes,
            initcode_bytes,
            bucket_slots: MIN_BUCKET_SIZE,
        }
    }
}

/// What a transaction costs besides Ethereum's intrinsic gas, whatever it does.
pub fn intrinsic_storage_gas(spec: MegaSpecId) -> u64 {
    match spec.is_enabled(MegaSpecId::REX) {
        true => rex::TX_INTRINSIC_STORAGE_GAS,
        false => 0,
    }
}

/// How long a contract's code and its creation code may be.
pub fn code_limits(spec: MegaSpecId) -> (usize, usize) {
    match spec.is_enabled(MegaSpecId::MINI_REX) {
        true => (mini_rex::MAX_CONTRACT_SIZE, mini_rex::MAX_INITCODE_SIZE),
        false => (eip170::MAX_CODE_SIZE, eip3860::MAX_INITCODE_SIZE),
    }
}

fn limits_of_block(spec: MegaSpecId) -> [Option<u64>; 4] {
    let limits = hardfork_of(spec).map_or_else(BlockLimits::no_limits, |fork| {
        BlockLimits::from_hardfork_and_block_gas_limit(fork, u64::MAX)
    });
    [
        limits.block_txs_data_limit,
        limits.block_kv_update_limit,
        limits.block_compute_gas_limit,
        limits.block_state_growth_limit,
    ]
    .map(limited)
}

fn limited(limit: u64) -> Option<u64> {
    (limit != u64::MAX).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_rules_allow_what_is_documented() {
        let rex6 = Allowance::of(MegaSpecId::REX6);
        assert_eq!(
            (rex6.spec, rex6.intrinsic_gas, rex6.call_share),
            ("rex6", 60_000, Some([98, 100]))
        );
        assert_eq!(
            rex6.limits,
            [13_107_200, 500_000, 200_000_000, 1_000].map(Some)
        );
        assert_eq!(
            rex6.block_limits,
            [Some(13_107_200), Some(500_000), None, Some(1_000)]
        );
        assert_eq!(rex6.detained_compute_gas, Some(20_000_000));
        assert_eq!((rex6.code_bytes, rex6.initcode_bytes), (524_288, 548_864));
    }

    #[test]
    fn ethereum_has_no_such_limits() {
        let plain = Allowance::of(MegaSpecId::EQUIVALENCE);
        assert_eq!(
            (plain.intrinsic_gas, plain.limits, plain.call_share),
            (21_000, [None; 4], None)
        );
        assert_eq!(plain.block_limits, [None; 4]);
        assert_eq!((plain.code_bytes, plain.initcode_bytes), (24_576, 49_152));
    }

    #[test]
    fn older_rules_allow_something_else() {
        let rex3 = Allowance::of(MegaSpecId::REX3);
        assert_eq!((rex3.intrinsic_gas, rex3.call_share), (60_000, None));
        let mini_rex = Allowance::of(MegaSpecId::MINI_REX);
        assert_eq!(
            (mini_rex.intrinsic_gas, mini_rex.limits[2]),
            (21_000, Some(1_000_000_000))
        );
        assert_eq!(
            mini_rex.block_limits,
            [Some(13_107_200), Some(500_000), None, None]
        );
    }
}
