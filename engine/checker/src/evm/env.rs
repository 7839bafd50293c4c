//! The environment that a block gives its transactions.

use alloy_consensus::Header;
use alloy_evm::EvmEnv;
use alloy_primitives::{Address, B256, U256};
use mega_evm::{BlockLimits, MegaHardfork, MegaHardforkConfig, MegaHardforks, MegaSpecId};
use revm::{
    context::{BlockEnv, CfgEnv},
    context_interface::block::BlobExcessGasAndPrice,
};

/// What a transaction can learn about its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockContext {
    /// The number.
    pub number: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The parent's hash.
    pub parent_hash: B256,
    /// What PREVRANDAO answers.
    pub prev_randao: B256,
    /// The block gas limit.
    pub gas_limit: u64,
    /// The base fee in wei.
    pub base_fee: u64,
    /// Who receives priority fees.
    pub coinbase: Address,
    /// What EIP-4788's system call writes; zero on a devnet, which has no beacon chain.
    pub parent_beacon_root: Option<B256>,
}

impl BlockContext {
    /// What a sealed block's transactions could learn about it.
    pub fn of(header: &Header) -> Self {
        Self {
            number: header.number,
            timestamp: header.timestamp,
            parent_hash: header.parent_hash,
            prev_randao: header.mix_hash,
            gas_limit: header.gas_limit,
            base_fee: header.base_fee_per_gas.unwrap_or_default(),
            coinbase: header.beneficiary,
            parent_beacon_root: header.parent_beacon_block_root,
        }
    }
}

/// The configuration that all of the chain's transactions share.
pub fn cfg_env(chain_id: u64, spec: MegaSpecId) -> CfgEnv<MegaSpecId> {
    let mut cfg = CfgEnv::new_with_spec(spec);
    cfg.chain_id = chain_id;
    cfg
}

/// mega-evm's environment for a block.
pub fn evm_env(chain_id: u64, spec: MegaSpecId, block: &BlockContext) -> EvmEnv<MegaSpecId> {
    let block_env = BlockEnv {
        number: U256::from(block.number),
        beneficiary: block.coinbase,
        timestamp: U256::from(block.timestamp),
        gas_limit: block.gas_limit,
        basefee: block.base_fee,
        difficulty: U256::ZERO,
        prevrandao: Some(block.prev_randao),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice {
            excess_blob_gas: 0,
            blob_gasprice: 1,
        }),
    };
    EvmEnv {
        cfg_env: cfg_env(chain_id, spec),
        block_env,
    }
}

/// The limits of a block and its transactions under the rules that are active at its time.
pub fn block_limits(hardforks: &MegaHardforkConfig, block: &BlockContext) -> BlockLimits {
    match hardforks.hardfork(block.timestamp) {
        Some(fork) => limits_of(fork, block.gas_limit),
        None => BlockLimits::no_limits().with_block_gas_limit(block.gas_limit),
    }
}

fn limits_of(fork: MegaHardfork, gas_limit: u64) -> BlockLimits {
    BlockLimits::from_hardfork_and_block_gas_limit(fork, gas_limit)
}
