//! The builder against mega-evm's own block executor: the same transactions give the same receipts, gas
//! and state.

use alloy_consensus::transaction::Recovered;
use alloy_eips::{Encodable2718 as _, eip7702::Authorization};
use alloy_evm::{EvmFactory as _, block::BlockExecutor as _};
use alloy_op_evm::block::OpAlloyReceiptBuilder;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, bytes};
use mega_evm::{MegaBlockExecutionCtx, MegaBlockExecutor, MegaEvmFactory, MegaHardforks as _};
use op_alloy_consensus::TxDeposit;
use revm::{Database as _, database::State};

use crate::builder::{open::TxOutcome, testing::*};
use crate::{
    block::{Leaves, PlainKey, PlainValue, encode_receipt, logs_bloom},
    chain::Chain,
    evm::{ExternalEnv, block_limits, evm_env},
    pool::{Deposit, DepositQueue},
    state::{Adapter, Latest},
};

pub(super) const STORE: Address = address!("00000000000000000000000000000000000c0001");
const LOG: Address = address!("00000000000000000000000000000000000c0002");
pub(super) const FORWARD: Address = address!("00000000000000000000000000000000000c0003");
pub(super) const CREATE: Address = address!("00000000000000000000000000000000000c0004");
const REVERT: Address = address!("00000000000000000000000000000000000c0005");
pub(super) const SPIN: Address = address!("00000000000000000000000000000000000c0006");
const BLOCK: Address = address!("00000000000000000000000000000000000c0007");

pub(super) fn contracts() -> Vec<(Address, Bytes)> {
    vec![
        // SSTORE(calldata[0], calldata[32])
        (STORE, bytes!("6020355f355500")),
        // LOG1(memory[0..32], calldata[0])
        (LOG, bytes!("5f3560205fa100")),
        // CALL(gas, calldata[0], calldata[32])
        (FORWARD, bytes!("5f5f5f5f6020355f355af15000")),
        // CREATE(0, calldata)
        (CREATE, bytes!("365f5f37365f5ff05000")),
        (REVERT, bytes!("60205ffd")),
        (SPIN, bytes!("5b5f56")),
        // SSTORE(NUMBER, TIMESTAMP), SSTORE(BLOCKHASH(NUMBER - 1), COINBASE)
        (BLOCK, bytes!("4243554160014303405500")),
    ]
}

/// A small generator of repeatable numbers (xorshift64).
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

pub(super) fn words(words: &[U256]) -> Bytes {
    words
        .iter()
        .flat_map(|word| word.to_be_bytes::<32>())
        .collect()
}

/// What to send next.
pub(super) fn draft(dice: &mut Dice, from: u8, nonce: u64, chain: &Chain) -> Draft {
    let number = |dice: &mut Dice| U256::from(dice.below(6));
    let address = |address: Address| U256::from_be_slice(address.as_slice());
    let mut draft = Draft {
        from,
        nonce,
        gas: 5_000_000 + dice.below(3) * 60_000,
        tip: u128::from(dice.below(3)) * 1000,
        ..Default::default()
    };
    let call = |draft: &mut Draft, to, input| (draft.to, draft.input) = (TxKind::Call(to), input);
    match dice.below(12) {
        0 | 1 => {
            draft.to = TxKind::Call(Address::repeat_byte(dice.below(40) as u8));
            draft.value = u128::from(dice.below(3));
        }
        2..=4 => call(&mut draft, STORE, words(&[number(dice), number(dice)])),
        5 => call(&mut draft, LOG, words(&[number(dice)])),
        6 => {
            let to = [STORE, REVERT, SPIN, Address::repeat_byte(0xee)][dice.below(4) as usize];
            draft.value = u128::from(dice.below(5));
            let input = words(&[address(to), U256::from(dice.below(draft.value as u64 + 1))]);
            call(&mut draft, FORWARD, input);
        }
        7 => {
            // A contract of one byte, one that destroys itself, and one that fails.
            let inits: [&[u8]; 3] = [
                &[0x60, 0xfe, 0x5f, 0x53, 0x60, 0x01, 0x5f, 0xf3],
                &[0x33, 0xff],
                &[0xfe],
            ];
            call(
                &mut draft,
                CREATE,
                inits[dice.below(3) as usize].to_vec().into(),
            );
        }
        8 => (draft.to, draft.input) = (TxKind::Create, bytes!("60fe5f5360015ff3")),
        9 => call(
            &mut draft,
            [REVERT, SPIN][dice.below(2) as usize],
            Bytes::new(),
        ),
        10 => call(&mut draft, BLOCK, Bytes::new()),
        _ => {
            let delegating = 5 + dice.below(4) as u8;
            let authorization = Authorization {
                chain_id: U256::from(chain.config.chain_id),
                address: STORE,
                nonce: dice.below(2),
            };
            let signature = key(delegating).sign(&authorization.signature_hash());
            draft.authorizations = vec![authorization.into_signed(signature)];
            call(
                &mut draft,
                account(delegating),
                words(&[number(dice), number(dice)]),
            );
        }
    }
    draft
}

fn transactions(chain: &Chain, seed: u64, count: usize) -> Vec<Tx> {
    let mut dice = Dice(seed);
    let mut nonces = [0; 5];
    let deposits = DepositQueue::default();
    let mut txs = Vec::new();
    while txs.len() < count {
        if dice.below(20) == 0 {
            let to = TxKind::Call([STORE, Address::repeat_byte(0xdd)][dice.below(2) as usize]);
            let deposit = TxDeposit {
                from: Address::repeat_byte(0xd0),
                to,
                mint: 2,
                value: U256::from(dice.below(4)),
                gas_limit: 100_000 + dice.below(2) * 900_000,
                input: words(&[U256::from(1), U256::from(9)]),
                ..Default::default()
            };
            let salt = B256::from(U256::from(txs.len()));
            deposits.push(Deposit::new(deposit, salt));
            let deposit = deposits.pop().unwrap();
            txs.push(Tx::of(deposit.envelope, deposit.sender));
            continue;
        }
        let from = dice.below(5) as u8;
        let draft = draft(&mut dice, from, nonces[from as usize], chain);
        nonces[from as usize] += 1;
        txs.push(sign(chain, &draft));
    }
    txs
}

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
