//! The builder against mega-evm's own block executor: the same transactions give the same receipts, gas
//! and state.

use alloy_consensus::transaction::Recovered;
use alloy_eips::Encodable2718 as _;
use alloy_evm::{EvmFactory as _, block::BlockExecutor as _};
use alloy_op_evm::block::OpAlloyReceiptBuilder;
use alloy_primitives::{B256, Bytes};
use mega_evm::{MegaBlockExecutionCtx, MegaBlockExecutor, MegaEvmFactory, MegaHardforks as _};
use revm::{Database as _, database::State};

use crate::builder::{
    generated::{contracts, transactions},
    open::TxOutcome,
    testing::*,
};
use crate::{
    block::{Leaves, PlainKey, PlainValue, encode_receipt, logs_bloom},
    evm::{ExternalEnv, block_limits, evm_env},
    state::{Adapter, Latest},
};

fn same_as_the_block_executor(spec: &str, seed: u64) {
    let chain = chain(spec, &contracts());
    let untouched = chain_of(chain.config.clone());
    let txs = transactions(&chain, seed, 120);

    // The builder, in mini-blocks of seven.
    let mut block = open(&chain);
    let mut included = Vec::new();
    let mut minis = Vec::new();
    for (index, tx) in txs.iter().enumerate() {
        match block.execute(&tx.offer(), at(1)).unwrap() {
            TxOutcome::Included => included.push(tx),
            other => panic!("{spec} {seed}: transaction {index} {other:?}"),
        }
        if index % 7 == 6 {
            minis.push(block.seal_mini(at(1) + index as u64).unwrap());
        }
    }
    minis.push(block.seal_mini(at(2)).unwrap());
    let mut progress = chain.progress.lock();
    let (record, ..) = block
        .close(&mut progress.as_mut().unwrap().followers)
        .unwrap();

    // mega-evm's executor, in one go.
    let context = chain
        .config
        .block_context(1, GENESIS_TIME + 1, chain.genesis.hash);
    let limits = block_limits(&chain.hardforks, &context);
    let env = evm_env(
        chain.config.chain_id,
        chain.hardforks.spec_id(context.timestamp),
        &context,
    );
    let mut state = State::builder()
        .with_database_ref(Adapter::new(Latest(untouched.world.clone())))
        .with_bundle_update()
        .build();
    let evm = MegaEvmFactory::new()
        .with_external_env_factory(ExternalEnv::new(chain.bucket_capacities()))
        .create_evm(&mut state, env)
        .with_tx_runtime_limits(limits.to_evm_tx_runtime_limits());
    let execution =
        MegaBlockExecutionCtx::new(context.parent_hash, Some(B256::ZERO), Bytes::new(), limits);
    let mut executor = MegaBlockExecutor::new(
        evm,
        execution,
        chain.hardforks.clone(),
        OpAlloyReceiptBuilder::default(),
    );
    executor.apply_pre_execution_changes().unwrap();
    let mut usages = Vec::new();
    for tx in &included {
        let recovered = Recovered::new_unchecked(&tx.envelope, tx.sender);
        let outcome = executor.run_transaction(recovered).unwrap();
        usages.push((
            outcome.compute_gas_used,
            outcome.data_size,
            outcome.kv_updates,
        ));
        executor.commit_transaction_outcome(outcome).unwrap();
    }
    let (_, result) = executor.finish().unwrap();

    // The same receipts and usage, one by one.
    let records: Vec<_> = minis
        .iter()
        .flat_map(|mini| mini.txs.iter().cloned())
        .collect();
    let mut cumulative = 0;
    let mut outcomes = [0; 3];
    for (index, (tx, expected)) in records.iter().zip(&result.receipts).enumerate() {
        cumulative += tx.result.gas_used;
        assert_eq!(
            encode_receipt(tx, cumulative, &logs_bloom(&tx.result.logs)).unwrap(),
            expected.encoded_2718(),
            "{spec} {seed}: {index}"
        );
        let usage = &tx.result.usage;
        assert_eq!(usage.compute_gas + usage.storage_gas, tx.result.gas_used);
        if spec != "equivalence" {
            let metered = (usage.metered_compute_gas, usage.data_size, usage.kv_updates);
            assert_eq!(metered, usages[index], "{spec} {seed}: {index}");
        }
        let kind = if expected.status() {
            0
        } else {
            1 + usize::from(usage.halt.is_some())
        };
        outcomes[kind] += 1;
    }
    assert!(
        outcomes.iter().all(|count| *count > 0),
        "{spec} {seed}: too tame {outcomes:?}"
    );
    assert_eq!(records.len(), result.receipts.len());
    assert_eq!(record.header.gas_used, result.gas_used);
    let leaves = Leaves::of(&records, 0).unwrap();
    assert_eq!(record.header.receipts_root, leaves.receipts_root());
    assert_eq!(record.header.transactions_root, leaves.transactions_root());

    // The same state: everything the builder's world holds, and everything the executor touched.
    chain.world.for_each(|key, value| match (key.slot, value) {
        (Some(slot), value) => {
            let expected = state.storage(key.address, slot.into()).unwrap();
            assert_eq!(value.as_slot(), expected, "{spec} {seed}: {key:?}");
        }
        (None, value) => {
            let expected = state.basic(key.address).unwrap().unwrap_or_default();
            let account = value.as_account().unwrap();
            assert_eq!(account.balance, expected.balance, "{spec} {seed}: {key:?}");
            assert_eq!(account.nonce, expected.nonce, "{spec} {seed}: {key:?}");
            assert_eq!(
                account.code_hash, expected.code_hash,
                "{spec} {seed}: {key:?}"
            );
        }
    });
    for (address, cached) in &state.cache.accounts {
        let Some(account) = &cached.account else {
            assert_eq!(
                chain.world.tip_account(*address),
                None,
                "{spec} {seed}: {address}"
            );
            continue;
        };
        let here = chain.world.tip_account(*address).unwrap_or_default();
        assert_eq!(
            (here.nonce, here.balance),
            (account.info.nonce, account.info.balance)
        );
        for (slot, value) in &account.storage {
            let here = chain.world.tip(&PlainKey::slot(*address, *slot));
            assert_eq!(
                here,
                PlainValue::from_slot(*value),
                "{spec} {seed}: {address} {slot}"
            );
        }
    }
}

#[test]
fn the_builder_agrees_with_the_block_executor_under_every_spec() {
    for spec in crate::evm::SPEC_NAMES {
        same_as_the_block_executor(spec, 0x5eed);
    }
}

#[test]
fn the_builder_agrees_with_the_block_executor_on_many_lists() {
    for seed in 1..12 {
        same_as_the_block_executor("rex5", seed);
        same_as_the_block_executor("rex6", seed * 1_000_003);
    }
}
