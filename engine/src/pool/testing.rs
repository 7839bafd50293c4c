//! Signed transactions for the tests of this room.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2718::Encodable2718;
use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Address, B256, Signature, TxKind, U256};
use mega_evm::MegaSpecId;
use op_alloy_consensus::OpTxEnvelope;

use super::AdmissionRules;
use crate::block::PlainAccount;
use crate::keys::{Key, SECP256K1_HALF_ORDER};
use crate::state::StateError;

pub(crate) const RULES: AdmissionRules = AdmissionRules {
    chain_id: 6342,
    spec: MegaSpecId::REX6,
    gas_limit: 10_000_000_000,
    base_fee: 1_000_000,
};

pub(crate) const RECIPIENT: Address = Address::repeat_byte(0xaa);

/// What a test wants to sign; the default is a valid transfer.
#[derive(Debug, Clone)]
pub(crate) struct SignedDraft {
    pub(crate) kind: u8,
    pub(crate) key: u8,
    pub(crate) chain_id: Option<u64>,
    pub(crate) nonce: u64,
    pub(crate) gas: u64,
    pub(crate) fee_cap: u128,
    pub(crate) tip: u128,
    pub(crate) value: u64,
    pub(crate) create: bool,
    pub(crate) input: Vec<u8>,
    pub(crate) authorizations: usize,
}

impl Default for SignedDraft {
    fn default() -> Self {
        Self {
            kind: 2,
            key: 0,
            chain_id: Some(RULES.chain_id),
            nonce: 0,
            gas: 100_000,
            fee_cap: 2_000_000,
            tip: 10,
            value: 1,
            create: false,
            input: Vec::new(),
            authorizations: 1,
        }
    }
}

pub(crate) fn key(index: u8) -> Key {
    match Key::new(&B256::repeat_byte(index + 1)) {
        Ok(key) => key,
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn raw(draft: &SignedDraft) -> Vec<u8> {
    encode(draft, |signature| signature)
}

/// The same transaction in the malleable form of its signature.
pub(crate) fn with_high_s(draft: &SignedDraft) -> Vec<u8> {
    let order = SECP256K1_HALF_ORDER * U256::from(2) + U256::ONE;
    encode(draft, |low| {
        Signature::new(low.r(), order - low.s(), !low.v())
    })
}

fn encode(draft: &SignedDraft, change: impl Fn(Signature) -> Signature) -> Vec<u8> {
    let to = if draft.create {
        TxKind::Create
    } else {
        TxKind::Call(RECIPIENT)
    };
    let value = U256::from(draft.value);
    let chain_id = draft.chain_id.unwrap_or_default();
    let input = draft.input.clone().into();
    match draft.kind {
        0 => signed(
            draft,
            change,
            TxLegacy {
                chain_id: draft.chain_id,
                nonce: draft.nonce,
                gas_price: draft.fee_cap,
                gas_limit: draft.gas,
                to,
                value,
                input,
            },
        ),
        1 => signed(
            draft,
            change,
            TxEip2930 {
                chain_id,
                nonce: draft.nonce,
                gas_price: draft.fee_cap,
                gas_limit: draft.gas,
                to,
                value,
                access_list: Default::default(),
                input,
            },
        ),
        4 => signed(
            draft,
            change,
            TxEip7702 {
                chain_id,
                nonce: draft.nonce,
                gas_limit: draft.gas,
                max_fee_per_gas: draft.fee_cap,
                max_priority_fee_per_gas: draft.tip,
                to: RECIPIENT,
                value,
                access_list: Default::default(),
                authorization_list: vec![
                    Authorization {
                        chain_id: U256::from(chain_id),
                        address: Address::ZERO,
                        nonce: 0,
                    }
                    .into_signed(Signature::test_signature());
                    draft.authorizations
                ],
                input,
            },
        ),
        _ => signed(
            draft,
            change,
            TxEip1559 {
                chain_id,
                nonce: draft.nonce,
                gas_limit: draft.gas,
                max_fee_per_gas: draft.fee_cap,
                max_priority_fee_per_gas: draft.tip,
                to,
                value,
                access_list: Default::default(),
                input,
            },
        ),
    }
}

fn signed<T>(draft: &SignedDraft, change: impl Fn(Signature) -> Signature, tx: T) -> Vec<u8>
where
    T: SignableTransaction<Signature>,
    OpTxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = change(key(draft.key).sign(&tx.signature_hash()));
    OpTxEnvelope::from(tx.into_signed(signature)).encoded_2718()
}

/// Every account has 10,000 ETH and nonce 0.
pub(crate) struct Rich;

impl super::Accounts for Rich {
    fn creation_gas(&self, _: &super::PoolTx) -> u64 {
        0
    }

    fn account(&self, _: &Address) -> Result<PlainAccount, StateError> {
        Ok(PlainAccount {
            balance: U256::from(10_000_u64) * U256::from(10_u64).pow(U256::from(18)),
            ..Default::default()
        })
    }

    fn is_contract(&self, _: &B256) -> bool {
        true
    }
}
