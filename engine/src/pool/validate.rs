//! What can be said about a transaction without any state: type, chain, size, gas and fees.

use alloy_consensus::Transaction;
use alloy_primitives::{Bytes, U256, keccak256};
use mega_evm::constants::mini_rex;
use mega_evm::{EthSpecId, MegaSpecId};
use op_alloy_consensus::OpTxEnvelope;
use op_alloy_flz::tx_estimated_size_fjord_bytes;
use revm::interpreter::gas::{calculate_initial_tx_gas, get_tokens_in_calldata};

use super::{PoolTx, Rejection, decode};
use crate::evm::{code_limits, intrinsic_storage_gas};
use crate::keys;

/// Encoded transactions are at most this long, as MegaETH's sequencer has it.
const MAX_TRANSACTION_BYTES: usize = 1024 * 1024;

/// The chain's constants that decide about a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdmissionRules {
    /// EIP-155.
    pub chain_id: u64,
    /// MegaETH's rules.
    pub spec: MegaSpecId,
    /// Gas of a whole block, and so the most that a transaction may ask for.
    pub gas_limit: u64,
    /// Fixed on MegaETH.
    pub base_fee: u64,
}

/// Gas that must be there before the first instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Intrinsic {
    initial: u64,
    floor: u64,
}

impl AdmissionRules {
    /// Decodes, checks, and recovers the sender: everything that needs no state. CPU-bound. Who has authorized what is left
    /// to [`PoolTx::recover_authorizations`]: that may take seconds, and is in vain if the pool refuses the transaction.
    pub(crate) fn validate_stateless(&self, raw: Bytes) -> Result<PoolTx, Rejection> {
        if raw.len() > MAX_TRANSACTION_BYTES {
            return Err(Rejection::Oversized {
                size: raw.len(),
                limit: MAX_TRANSACTION_BYTES,
            });
        }
        let envelope = decode(&raw)?;
        let intrinsic_gas = self.check(&envelope)?;
        let (signature, digest) = match &envelope {
            OpTxEnvelope::Legacy(tx) => (tx.signature(), tx.signature_hash()),
            OpTxEnvelope::Eip2930(tx) => (tx.signature(), tx.signature_hash()),
            OpTxEnvelope::Eip1559(tx) => (tx.signature(), tx.signature_hash()),
            OpTxEnvelope::Eip7702(tx) => (tx.signature(), tx.signature_hash()),
            OpTxEnvelope::Deposit(_) => {
                return Err(Rejection::TypeNotSupported("deposits come from L1 only"));
            }
        };
        let sender = keys::recover(&digest, signature)?;
        let fee_cap = envelope.max_fee_per_gas();
        // Gas and fee cap are at most 64 and 128 bits, so that only adding the value can overflow; nobody
        // has that much.
        let cost = U256::from(envelope.gas_limit())
            .saturating_mul(U256::from(fee_cap))
            .saturating_add(envelope.value());
        let tip = envelope
            .effective_tip_per_gas(self.base_fee)
            .unwrap_or_default();
        Ok(PoolTx {
            hash: keccak256(&raw),
            da_size: tx_estimated_size_fjord_bytes(&raw),
            nonce: envelope.nonce(),
            authorizations: Vec::new(),
            envelope,
            raw,
            sender,
            cost,
            tip,
            intrinsic_gas,
        })
    }

    /// Returns the intrinsic gas.
    fn check(&self, tx: &OpTxEnvelope) -> Result<u64, Rejection> {
        match tx.chain_id() {
            None => return Err(Rejection::Unprotected),
            Some(have) if have != self.chain_id => {
                return Err(Rejection::WrongChain {
                    have,
                    want: self.chain_id,
                });
            }
            Some(_) => {}
        }
        if tx.nonce() == u64::MAX {
            return Err(Rejection::NonceMax);
        }
        let (_, limit) = code_limits(self.spec);
        if tx.is_create() && tx.input().len() > limit {
            return Err(Rejection::InitCode {
                size: tx.input().len(),
                limit,
            });
        }
        if tx.authorization_list().is_some_and(<[_]>::is_empty) {
            return Err(Rejection::EmptyAuthorizations);
        }
        let intrinsic = self.check_gas(tx)?;
        self.check_fees(tx)?;
        Ok(intrinsic)
    }

    fn check_gas(&self, tx: &OpTxEnvelope) -> Result<u64, Rejection> {
        let have = tx.gas_limit();
        if have > self.gas_limit {
            return Err(Rejection::GasLimit {
                have,
                limit: self.gas_limit,
            });
        }
        let Intrinsic { initial, floor } = self.intrinsic(tx);
        if have < initial {
            return Err(Rejection::IntrinsicGas {
                have,
                need: initial,
            });
        }
        if have < floor {
            return Err(Rejection::FloorGas { have, need: floor });
        }
        Ok(initial)
    }

    fn check_fees(&self, tx: &OpTxEnvelope) -> Result<(), Rejection> {
        let cap = tx.max_fee_per_gas();
        if let Some(tip) = tx.max_priority_fee_per_gas()
            && tip > cap
        {
            return Err(Rejection::TipAboveFeeCap { tip, cap });
        }
        if cap < u128::from(self.base_fee) {
            return Err(Rejection::FeeCapTooLow {
                have: cap,
                base_fee: self.base_fee,
            });
        }
        Ok(())
    }

    /// mega-evm's `MegaHandler::validate`, without what depends on how full SALT's buckets are: that is for
    /// the pool, which knows the state.
    fn intrinsic(&self, tx: &OpTxEnvelope) -> Intrinsic {
        let eth_spec: EthSpecId = self.spec.into_eth_spec();
        let (addresses, slots) = tx.access_list().map_or((0, 0), |list| {
            (
                list.len() as u64,
                list.iter().map(|item| item.storage_keys.len() as u64).sum(),
            )
        });
        let authorizations = tx.authorization_list().map_or(0, |list| list.len() as u64);
        let gas = calculate_initial_tx_gas(
            eth_spec,
            tx.input(),
            tx.is_create(),
            addresses,
            slots,
            authorizations,
        );
        let (mut initial, mut floor) = (gas.initial_gas, gas.floor_gas);
        if self.spec.is_enabled(MegaSpecId::MINI_REX) {
            let tokens = get_tokens_in_calldata(tx.input(), true);
            initial += mini_rex::CALLDATA_STANDARD_TOKEN_STORAGE_GAS * tokens;
            floor += mini_rex::CALLDATA_STANDARD_TOKEN_STORAGE_FLOOR_GAS * tokens;
        }
        initial += intrinsic_storage_gas(self.spec);
        Intrinsic { initial, floor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::testing::{self, RULES, SignedDraft};
    use crate::rpc::RpcError;
    use crate::rpc::error::code;

    fn refusal(draft: &SignedDraft) -> RpcError {
        match RULES.validate_stateless(testing::raw(draft).into()) {
            Ok(tx) => panic!("accepted: {tx:?}"),
            Err(rejection) => rejection.into(),
        }
    }

    fn assert_refused(draft: &SignedDraft, code: i32, message: &str) {
        let error = refusal(draft);
        assert_eq!((error.code, error.message.as_str()), (code, message));
    }

    #[test]
    fn the_sender_cost_and_tip_are_worked_out() {
        for kind in [0, 1, 2, 4] {
            let draft = SignedDraft {
                kind,
                value: 7,
                gas: 90_000,
                ..SignedDraft::default()
            };
            let tx = match RULES.validate_stateless(testing::raw(&draft).into()) {
                Ok(tx) => tx,
                Err(rejection) => panic!("type {kind}: {rejection}"),
            };
            assert_eq!(tx.sender, testing::key(0).address());
            assert_eq!(tx.cost, U256::from(90_000 * draft.fee_cap + 7));
            let tip = if kind < 2 {
                draft.fee_cap - u128::from(RULES.base_fee)
            } else {
                draft.tip
            };
            assert_eq!(tx.tip, tip);
        }
    }

    #[test]
    fn a_plain_transfer_needs_60000_gas() {
        let enough = SignedDraft {
            gas: 60_000,
            ..SignedDraft::default()
        };
        assert!(
            RULES
                .validate_stateless(testing::raw(&enough).into())
                .is_ok()
        );
        let draft = SignedDraft {
            gas: 59_999,
            ..SignedDraft::default()
        };
        assert_refused(&draft, code::SERVER, "Gas limit too low. Intrinsic: 60000");
        let detail =
            String::from_utf8_lossy(&refusal(&draft).data.unwrap_or_default()).into_owned();
        assert!(
            detail.contains("intrinsic gas too low: have 59999, want 60000"),
            "{detail}"
        );
    }

    #[test]
    fn calldata_is_charged_for_computing_and_for_storing() {
        // 4 + 40 for the zero byte, 16 + 160 for the other.
        let draft = SignedDraft {
            gas: 60_219,
            input: vec![0, 1],
            ..SignedDraft::default()
        };
        assert_refused(&draft, code::SERVER, "Gas limit too low. Intrinsic: 60220");
    }

    #[test]
    fn long_calldata_must_pay_the_floor() {
        // 1000 non-zero bytes: 4000 tokens at 10 + 100 above 21000; the initial gas is 236000.
        let draft = SignedDraft {
            gas: 300_000,
            input: vec![1; 1000],
            ..SignedDraft::default()
        };
        let message = "insufficient gas for floor data gas cost: gas 300000, minimum needed 461000";
        assert_refused(&draft, code::SERVER, message);
    }

    #[test]
    fn before_rex_ethereums_intrinsic_gas_is_enough() {
        let rules = AdmissionRules {
            spec: MegaSpecId::EQUIVALENCE,
            ..RULES
        };
        let draft = SignedDraft {
            gas: 21_000,
            ..SignedDraft::default()
        };
        assert!(
            rules
                .validate_stateless(testing::raw(&draft).into())
                .is_ok()
        );
    }

    #[test]
    fn more_gas_than_a_block_has_is_refused() {
        let draft = SignedDraft {
            gas: 20_000_000_000,
            ..SignedDraft::default()
        };
        assert_refused(&draft, code::SERVER, "exceeds max transaction gas limit");
    }

    #[test]
    fn another_chains_transaction_is_refused() {
        let draft = SignedDraft {
            chain_id: Some(1),
            ..SignedDraft::default()
        };
        assert_refused(
            &draft,
            code::SERVER,
            "invalid chain id for signer: have 1 want 6342",
        );
    }

    #[test]
    fn an_unprotected_legacy_transaction_is_refused() {
        let draft = SignedDraft {
            kind: 0,
            chain_id: None,
            ..SignedDraft::default()
        };
        let message = "only replay-protected (EIP-155) transactions allowed over RPC";
        assert_refused(&draft, code::SERVER, message);
    }

    #[test]
    fn a_high_s_signature_is_refused() {
        let error: RpcError =
            match RULES.validate_stateless(testing::with_high_s(&SignedDraft::default()).into()) {
                Ok(tx) => panic!("accepted: {tx:?}"),
                Err(rejection) => rejection.into(),
            };
        assert_eq!(error.code, code::SERVER);
        assert!(
            error
                .message
                .starts_with("invalid sender: invalid signature: s"),
            "{error}"
        );
    }

    #[test]
    fn a_fee_cap_below_the_base_fee_is_refused() {
        let draft = SignedDraft {
            fee_cap: 999_999,
            tip: 0,
            ..SignedDraft::default()
        };
        let message =
            "max fee per gas less than block base fee: maxFeePerGas: 999999, baseFee: 1000000";
        assert_refused(&draft, code::SERVER, message);
    }

    #[test]
    fn a_tip_above_the_fee_cap_is_refused() {
        let draft = SignedDraft {
            fee_cap: 1_000_000,
            tip: 1_000_001,
            ..SignedDraft::default()
        };
        let message = "max priority fee per gas higher than max fee per gas: \
                       maxPriorityFeePerGas: 1000001, maxFeePerGas: 1000000";
        assert_refused(&draft, code::SERVER, message);
    }

    #[test]
    fn the_last_nonce_is_refused() {
        let draft = SignedDraft {
            nonce: u64::MAX,
            ..SignedDraft::default()
        };
        assert_refused(&draft, code::SERVER, "nonce has max value");
    }

    #[test]
    fn too_much_init_code_is_refused() {
        let draft = SignedDraft {
            create: true,
            gas: 1_000_000_000,
            input: vec![0; 548_865],
            ..SignedDraft::default()
        };
        let message = "max initcode size exceeded: code size 548865, limit 548864";
        assert_refused(&draft, code::SERVER, message);
    }

    #[test]
    fn an_oversized_transaction_is_refused() {
        let draft = SignedDraft {
            input: vec![0; MAX_TRANSACTION_BYTES],
            ..SignedDraft::default()
        };
        let error = refusal(&draft);
        assert_eq!(error.code, code::SERVER);
        assert!(
            error
                .message
                .starts_with("oversized data: transaction size"),
            "{error}"
        );
    }

    #[test]
    fn an_empty_authorization_list_is_refused() {
        let draft = SignedDraft {
            kind: 4,
            authorizations: 0,
            ..SignedDraft::default()
        };
        assert_refused(
            &draft,
            code::SERVER,
            "EIP-7702 transaction with empty auth list",
        );
    }

    #[test]
    fn an_impossible_cost_saturates_instead_of_wrapping() {
        let draft = SignedDraft {
            fee_cap: u128::MAX,
            gas: 10_000_000_000,
            ..SignedDraft::default()
        };
        let tx = match RULES.validate_stateless(testing::raw(&draft).into()) {
            Ok(tx) => tx,
            Err(rejection) => panic!("{rejection}"),
        };
        assert!(tx.cost > U256::from(u128::MAX));
    }
}
