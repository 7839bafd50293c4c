//! A small chain and signed transactions, for the engine's tests.

use std::sync::Arc;

use alloy_consensus::{SignableTransaction, Transaction as _, TxEip1559, TxEip7702};
use alloy_eips::{
    Encodable2718,
    eip7702::{RecoveredAuthorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use op_alloy_consensus::{OpTxEnvelope, TxDeposit};

use super::open::{Candidate, OpenBlock, TxOutcome};
use crate::{
    block::MiniBlock,
    chain::{Chain, ChainConfig, Genesis},
    keys::{self, Key},
    pool::{Deposit, PoolTx},
    state::{Alloc, EmptyArchive, GenesisAccount},
};

/// Ether in wei.
pub(crate) const ETHER: u128 = 1_000_000_000_000_000_000;
/// When the test chain began.
pub(crate) const GENESIS_TIME: u64 = 1_700_000_000;
/// The test chain's rules unless a test says otherwise.
pub(crate) const SPEC: &str = "rex5";

/// The key of account `index`.
pub(crate) fn key(index: u8) -> Key {
    Key::new(&B256::repeat_byte(index + 1)).unwrap()
}

/// The address of account `index`.
pub(crate) fn account(index: u8) -> Address {
    key(index).address()
}

/// A configuration with ten rich accounts and the given contracts.
pub(crate) fn config(spec: &str, contracts: &[(Address, Bytes)]) -> ChainConfig {
    let mut alloc = Alloc::new();
    for index in 0..10 {
        let balance = U256::from(10_000 * ETHER);
        alloc.insert(
            account(index),
            GenesisAccount {
                balance,
                ..Default::default()
            },
        );
    }
    for (address, code) in contracts {
        let contract = GenesisAccount {
            nonce: 1,
            code: code.clone(),
            ..Default::default()
        };
        alloc.insert(*address, contract);
    }
    let mut config = ChainConfig::new(Genesis {
        timestamp: GENESIS_TIME,
        alloc,
        ..Genesis::default()
    });
    config.spec = spec.to_owned();
    let system = config.system_alloc().unwrap();
    config.genesis.alloc.extend(system);
    config
}

/// A chain at genesis.
pub(crate) fn chain(spec: &str, contracts: &[(Address, Bytes)]) -> Arc<Chain> {
    chain_of(config(spec, contracts))
}

/// A chain of this configuration at genesis.
pub(crate) fn chain_of(config: ChainConfig) -> Arc<Chain> {
    Arc::new(Chain::new(config, Arc::new(EmptyArchive)).unwrap())
}

/// What a test wants to send; the default is a transfer of one wei to nobody.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) from: u8,
    pub(crate) nonce: u64,
    pub(crate) gas: u64,
    pub(crate) to: TxKind,
    pub(crate) value: u128,
    pub(crate) input: Bytes,
    pub(crate) tip: u128,
    pub(crate) authorizations: Vec<SignedAuthorization>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            from: 0,
            nonce: 0,
            gas: 1_000_000,
            to: TxKind::Call(Address::repeat_byte(0xaa)),
            value: 0,
            input: Bytes::new(),
            tip: 0,
            authorizations: Vec::new(),
        }
    }
}

/// A signed transaction.
pub(crate) struct Tx {
    pub(crate) envelope: OpTxEnvelope,
    pub(crate) raw: Bytes,
    pub(crate) hash: B256,
    pub(crate) sender: Address,
    pub(crate) authorizations: Vec<RecoveredAuthorization>,
}

impl Tx {
    /// A transaction that `sender` has made.
    pub(crate) fn of(envelope: OpTxEnvelope, sender: Address) -> Self {
        Self {
            authorizations: keys::recover_authorizations(&envelope),
            hash: *envelope.hash(),
            raw: envelope.encoded_2718().into(),
            sender,
            envelope,
        }
    }

    /// A deposit.
    pub(crate) fn deposit(deposit: TxDeposit) -> Self {
        let salt = keccak256(format!("{deposit:?}"));
        let Deposit {
            envelope, sender, ..
        } = Deposit::new(deposit, salt);
        Self::of(envelope, sender)
    }

    pub(crate) fn offer(&self) -> Candidate<'_> {
        Candidate {
            envelope: &self.envelope,
            raw: &self.raw,
            hash: self.hash,
            sender: self.sender,
            da_size: op_alloy_flz::tx_estimated_size_fjord_bytes(&self.raw),
            authorizations: &self.authorizations,
        }
    }

    /// As the pool gives it to the builder, with a tip as for a chain without base fee.
    pub(crate) fn pooled(&self) -> Arc<PoolTx> {
        let envelope = self.envelope.clone();
        Arc::new(PoolTx {
            raw: self.raw.clone(),
            hash: self.hash,
            sender: self.sender,
            nonce: envelope.nonce(),
            authorizations: self.authorizations.clone(),
            cost: U256::ZERO,
            intrinsic_gas: 0,
            tip: envelope.max_priority_fee_per_gas().unwrap_or_default(),
            da_size: self.offer().da_size,
            envelope,
        })
    }
}

/// Signs a draft for the test chain.
pub(crate) fn sign(chain: &Chain, draft: &Draft) -> Tx {
    let chain_id = chain.config.chain_id;
    let max_fee_per_gas = u128::from(chain.config.base_fee) + draft.tip;
    let key = key(draft.from);
    let value = U256::from(draft.value);
    let envelope: OpTxEnvelope = if draft.authorizations.is_empty() {
        let tx = TxEip1559 {
            chain_id,
            nonce: draft.nonce,
            gas_limit: draft.gas,
            max_fee_per_gas,
            max_priority_fee_per_gas: draft.tip,
            to: draft.to,
            value,
            access_list: Default::default(),
            input: draft.input.clone(),
        };
        let signature = key.sign(&tx.signature_hash());
        tx.into_signed(signature).into()
    } else {
        let tx = TxEip7702 {
            chain_id,
            nonce: draft.nonce,
            gas_limit: draft.gas,
            max_fee_per_gas,
            max_priority_fee_per_gas: draft.tip,
            to: draft.to.to().copied().unwrap_or_default(),
            value,
            access_list: Default::default(),
            authorization_list: draft.authorizations.clone(),
            input: draft.input.clone(),
        };
        let signature = key.sign(&tx.signature_hash());
        tx.into_signed(signature).into()
    };
    Tx::of(envelope, key.address())
}

/// Microseconds of a second after genesis.
pub(crate) fn at(second: u64) -> u64 {
    (GENESIS_TIME + second) * 1_000_000
}

/// Opens block 1 of a chain at genesis.
pub(crate) fn open(chain: &Arc<Chain>) -> OpenBlock {
    OpenBlock::open(chain.clone(), &chain.genesis, GENESIS_TIME + 1).unwrap()
}

/// Executes one draft alone in block 1 and seals it.
pub(crate) fn run_one(chain: &Arc<Chain>, draft: &Draft) -> Arc<MiniBlock> {
    let mut block = open(chain);
    let tx = sign(chain, draft);
    assert_eq!(
        block.execute(&tx.offer(), at(1)).unwrap(),
        TxOutcome::Included
    );
    block.seal_mini(at(1) + 10_000).unwrap()
}
