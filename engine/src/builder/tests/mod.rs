//! What the open block does, transaction by transaction.

use alloy_primitives::{Address, TxKind, U256, address, bytes};

use alloy_sol_types::SolError as _;

mod ahead;
mod differential;
mod forced;
mod forked;
mod on_demand;
mod priority;
mod restart;
mod rewind;
mod unread;

use super::{open::TxOutcome, testing::*};
use crate::{
    block::{Halt, PlainKey, TxResult},
    salt::hasher,
};

const CONTRACT: Address = address!("00000000000000000000000000000000000c0de0");

fn result_of(spec: &str, code: alloy_primitives::Bytes, draft: Draft) -> TxResult {
    let chain = chain(spec, &[(CONTRACT, code)]);
    run_one(&chain, &draft).txs[0].result.clone()
}

fn call(gas: u64) -> Draft {
    Draft {
        to: TxKind::Call(CONTRACT),
        gas,
        ..Default::default()
    }
}

// The gas of mega-evme's own fixtures.

#[test]
fn a_call_that_returns_a_word_pays_60018() {
    // PUSH1 42, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN
    let result = result_of(SPEC, bytes!("602a60005260206000f3"), call(1_000_000));
    assert!(result.success);
    assert_eq!(result.gas_used, 60_018);
    assert_eq!(
        (result.usage.compute_gas, result.usage.storage_gas),
        (21_018, 39_000)
    );
}

#[test]
fn a_transfer_to_ecrecover_pays_63000() {
    let to = address!("0000000000000000000000000000000000000001");
    let draft = Draft {
        to: TxKind::Call(to),
        value: 1,
        ..Default::default()
    };
    let chain = chain(SPEC, &[(to, Default::default())]);
    // The precompile has a balance already, so that no account is created.
    let result = &run_one(&chain, &draft).txs[0].result.clone();
    assert!(result.success);
    assert_eq!(result.gas_used, 63_000);
}

#[test]
fn creating_a_contract_of_one_byte_pays_103716() {
    let init = bytes!("60fe60005360016000f3");
    let draft = Draft {
        to: TxKind::Create,
        input: init,
        ..Default::default()
    };
    let mini = run_one(&chain(SPEC, &[]), &draft);
    let result = &mini.txs[0].result;
    assert!(result.success, "{result:?}");
    assert_eq!(result.gas_used, 103_716);
    assert_eq!(result.contract_address, Some(account(0).create(0)));
}

#[test]
fn creating_a_contract_in_a_doubled_bucket_pays_32000_more() {
    let mut config = config(SPEC, &[]);
    let bucket = hasher::bucket_id_for_account(&account(0).create(0).0.0);
    config.bucket_capacities.insert(bucket, 512);
    let init = bytes!("60fe60005360016000f3");
    let draft = Draft {
        to: TxKind::Create,
        input: init,
        ..Default::default()
    };
    let mini = run_one(&chain_of(config), &draft);
    assert_eq!(mini.txs[0].result.gas_used, 103_716 + 32_000);
}

#[test]
fn a_revert_pays_for_what_it_did() {
    let result = result_of(SPEC, bytes!("5f5ffd"), call(1_000_000));
    assert!(!result.success);
    assert_eq!(result.gas_used, 60_004);
    assert_eq!(result.usage.halt, None);
}

#[test]
fn running_out_of_gas_forfeits_the_limit_as_compute() {
    // JUMPDEST, PUSH1 0, JUMP
    let result = result_of(SPEC, bytes!("5b600056"), call(60_100));
    assert!(!result.success);
    assert_eq!(result.gas_used, 60_100);
    assert_eq!(
        result.usage.halt,
        Some(Halt::Evm("OutOfGas(Basic)".to_owned()))
    );
    assert_eq!(
        (result.usage.compute_gas, result.usage.storage_gas),
        (21_100, 39_000)
    );
}

#[test]
fn refunds_lower_the_compute_part_only() {
    // SSTORE(0, 1), SSTORE(0, 0)
    let result = result_of(SPEC, bytes!("60015f555f5f5500"), call(1_000_000));
    assert!(result.success);
    assert!(result.gas_refunded > 0);
    assert_eq!(
        result.usage.metered_compute_gas,
        result.usage.compute_gas + result.gas_refunded
    );
    assert_eq!(
        result.gas_used,
        result.usage.compute_gas + result.usage.storage_gas
    );
}

#[test]
fn reading_the_block_number_detains_and_spinning_then_halts_with_the_numbers() {
    // NUMBER, POP, JUMPDEST, PUSH1 2, JUMP
    let result = result_of(SPEC, bytes!("43505b600256"), call(1_000_000_000));
    assert!(!result.success);
    assert!(result.usage.detention.is_some());
    assert!(result.gas_used < 30_000_000, "what is left is given back");
    match result.usage.halt {
        Some(Halt::VolatileDataAccessOutOfGas { limit, actual, .. }) => assert!(actual > limit),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_compute_limit_halts_before_rex4_and_names_its_numbers() {
    let result = result_of("rex3", bytes!("5b600056"), call(1_000_000_000));
    match result.usage.halt {
        Some(Halt::ComputeGasLimitExceeded { limit, actual }) => {
            assert_eq!(limit, 200_000_000);
            assert!(actual > limit);
        }
        other => panic!("{other:?}"),
    }
    assert!(result.gas_used < 300_000_000, "what is left is given back");
}

#[test]
fn since_rex4_the_frame_reverts_with_the_limit_as_its_reason() {
    let result = result_of("rex5", bytes!("5b600056"), call(1_000_000_000));
    let reason = mega_evm::MegaLimitExceeded::abi_decode(&result.output).unwrap();
    assert_eq!(reason.kind, mega_evm::LimitKind::ComputeGas.as_u8());
    assert!(!result.success);
    assert!(result.gas_used < 300_000_000, "what is left is given back");
}

#[test]
fn every_spec_builds_a_block_with_a_transfer() {
    for spec in crate::evm::SPEC_NAMES {
        let chain = chain(spec, &[]);
        // Mini-Rex asks two million for a new account.
        let draft = Draft {
            value: 5,
            gas: 5_000_000,
            ..Default::default()
        };
        let mini = run_one(&chain, &draft);
        let result = &mini.txs[0].result;
        assert!(result.success, "{spec}: {result:?}");
        let usage = &result.usage;
        assert_eq!(
            usage.compute_gas + usage.storage_gas,
            result.gas_used,
            "{spec}"
        );
    }
}

#[test]
fn fees_go_to_the_base_fee_vault_and_the_coinbase() {
    let chain = chain(SPEC, &[]);
    let mini = run_one(
        &chain,
        &Draft {
            value: 5,
            tip: 7,
            ..Default::default()
        },
    );
    let gas = u128::from(mini.gas_used);
    let balance = |address| {
        chain
            .world
            .tip_account(address)
            .map_or(U256::ZERO, |a| a.balance)
    };
    let base_fee_vault = address!("4200000000000000000000000000000000000019");
    assert_eq!(balance(base_fee_vault), U256::from(gas * 1_000_000));
    assert_eq!(balance(chain.config.coinbase), U256::from(gas * 7));
    assert_eq!(balance(Address::repeat_byte(0xaa)), U256::from(5));
    let paid = U256::from(10_000 * ETHER) - balance(account(0));
    assert_eq!(paid, U256::from(gas * 1_000_007 + 5));
}

#[test]
fn a_transaction_that_cannot_run_changes_nothing() {
    let chain = chain(SPEC, &[]);
    let mut block = open(&chain);
    let stale = sign(&chain, &Draft::default());
    assert_eq!(
        block.execute(&stale.offer(), at(1)).unwrap(),
        TxOutcome::Included
    );
    assert_eq!(
        block.execute(&stale.offer(), at(1)).unwrap(),
        TxOutcome::Stale
    );
    let poor = sign(
        &chain,
        &Draft {
            nonce: 1,
            value: u128::MAX,
            ..Default::default()
        },
    );
    assert!(matches!(
        block.execute(&poor.offer(), at(1)).unwrap(),
        TxOutcome::Invalid(_)
    ));
    let low = sign(
        &chain,
        &Draft {
            nonce: 1,
            gas: 59_999,
            ..Default::default()
        },
    );
    assert!(matches!(
        block.execute(&low.offer(), at(1)).unwrap(),
        TxOutcome::Invalid(_)
    ));
    let mini = block.seal_mini(at(1)).unwrap();
    assert_eq!(mini.txs.len(), 1);
    assert_eq!(chain.world.tip_account(account(0)).unwrap().nonce, 1);
}

#[test]
fn a_full_block_puts_transactions_off() {
    let mut config = config(SPEC, &[]);
    config.gas_limit = 150_000;
    let chain = chain_of(config);
    let mut block = open(&chain);
    let attempt = |block: &mut super::OpenBlock, nonce, gas| {
        let tx = sign(
            &chain,
            &Draft {
                nonce,
                gas,
                ..Default::default()
            },
        );
        block.execute(&tx.offer(), at(1)).unwrap()
    };
    assert_eq!(attempt(&mut block, 0, 100_000), TxOutcome::Included);
    let limit = "block 1 has 90000 gas left, and it may take 100000".to_owned();
    assert_eq!(attempt(&mut block, 1, 100_000), TxOutcome::Full(limit));
    assert!(matches!(
        attempt(&mut block, 1, 150_001),
        TxOutcome::Invalid(_)
    ));
    assert_eq!(attempt(&mut block, 1, 90_000), TxOutcome::Included);
}

#[test]
fn the_sequencer_signs_and_the_registry_names_it() {
    let chain = chain(SPEC, &[]);
    let mini = run_one(&chain, &Draft::default());
    assert_eq!(mini.signer().unwrap(), chain.sequencer.address());
    // SequencerRegistry._currentSequencer
    let slot = chain.world.tip(&PlainKey::slot(
        mega_evm::SEQUENCER_REGISTRY_ADDRESS,
        U256::from(1),
    ));
    assert_eq!(
        Address::from_word(slot.as_slot().into()),
        chain.sequencer.address()
    );
}
