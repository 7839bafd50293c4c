//! What a chain is after it was stopped or killed: the same.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy_consensus::{Transaction as _, Typed2718 as _};
use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, bytes};
use crossbeam_channel::{Receiver, bounded};
use op_alloy_consensus::TxDeposit;
use parking_lot::Mutex;

use crate::builder::{Builder, OpenBlock, open::TxOutcome, testing::*};
use crate::{
    block::{BlockRecord, MiniBlock, PlainKey, Sender, StateDiff, TxRecord},
    chain::{Chain, ChainConfig, RestoreError, Sealed},
    pool::{Deferral, Deposit, PoolTx, Refusal, TxSource},
    salt::node_rows,
    state::StateReader as _,
};

const TIMESTAMP: Address = address!("6342000000000000000000000000000000000002");
/// Calls HighPrecisionTimestamp.timestamp() and stores the answer at 0.
const STORE_TIMESTAMP: Address = address!("00000000000000000000000000000000000c0de0");
const STORE_TIMESTAMP_CODE: Bytes = bytes!(
    "63b80777ea5f5260205f6004601c5f7363420000000000000000000000000000000000025af1505f515f5500"
);

/// Seals `count` mini-blocks, each with a transfer from `from`, whose next nonce is `nonce`.
fn seal_some(
    chain: &Chain,
    block: &mut OpenBlock,
    from: u8,
    nonce: &mut u64,
    count: usize,
) -> Vec<Arc<MiniBlock>> {
    (0..count)
        .map(|_| {
            let tx = sign(
                chain,
                &Draft {
                    from,
                    nonce: *nonce,
                    value: 7,
                    ..Default::default()
                },
            );
            *nonce += 1;
            assert_eq!(
                block.execute(&tx.offer(), at(1)).unwrap(),
                TxOutcome::Included
            );
            block.seal_mini(at(1) + *nonce).unwrap()
        })
        .collect()
}

fn close(chain: &Chain, block: OpenBlock) -> Arc<BlockRecord> {
    close_with_nodes(chain, block).0
}

/// The record, and what is kept of the state commitment's nodes.
fn close_with_nodes(chain: &Chain, block: OpenBlock) -> (Arc<BlockRecord>, Bytes) {
    let mut progress = chain.progress.lock();
    let progress = progress.as_mut().unwrap();
    let (record, _, nodes) = block.close(&mut progress.followers).unwrap();
    progress.parent = record.clone();
    (record, nodes)
}

fn assert_same_state(left: &Chain, right: &Chain) {
    assert_eq!(left.world.len(), right.world.len());
    left.world
        .for_each(|key, value| assert_eq!(right.world.tip(&key), value, "{key:?}"));
}

#[test]
fn the_log_alone_brings_back_the_open_block_and_it_goes_on_the_same() {
    let first = chain(SPEC, &[]);
    let mut nonce = 0;
    let mut block = open(&first);
    let minis = seal_some(&first, &mut block, 0, &mut nonce, 3);
    let sealed = close(&first, block);
    let mut block = OpenBlock::open(first.clone(), &sealed, GENESIS_TIME + 2).unwrap();
    let open_minis = seal_some(&first, &mut block, 0, &mut nonce, 2);

    // kill -9: only the records are left.
    let second = chain_of(first.config.clone());
    minis
        .iter()
        .for_each(|mini| second.load_mini(&mini.encode()).unwrap());
    second.load_block(&sealed.encode(), &[]).unwrap();
    open_minis
        .iter()
        .for_each(|mini| second.load_mini(&mini.encode()).unwrap());
    assert_same_state(&first, &second);
    assert_eq!(second.recent.visible_minis(), 5);
    assert_eq!(second.recent.visible_block(), 1);

    let progress = second.progress.lock().take().unwrap();
    let mut resumed = OpenBlock::resume(second.clone(), &progress.parent, &progress.open).unwrap();
    *second.progress.lock() = Some(progress);
    let mut nonce_too = nonce;
    let here = seal_some(&first, &mut block, 0, &mut nonce, 1);
    let there = seal_some(&second, &mut resumed, 0, &mut nonce_too, 1);
    assert_eq!(here, there);
    assert_eq!(close(&first, block), close(&second, resumed));
    assert_same_state(&first, &second);
}

#[test]
fn a_clock_that_is_behind_after_a_restart_seals_nothing_before_what_was_sealed() {
    let first = chain(SPEC, &[]);
    let mut nonce = 0;
    let mut block = open(&first);
    let mut open = seal_some(&first, &mut block, 0, &mut nonce, 1);
    let ahead_us = (GENESIS_TIME + 86_400) * 1_000_000;
    open.push(block.seal_mini(ahead_us).unwrap());

    let progress = first.progress.lock().take().unwrap();
    let mut resumed = OpenBlock::resume(first.clone(), &progress.parent, &open).unwrap();
    *first.progress.lock() = Some(progress);
    let next = resumed.seal_mini(GENESIS_TIME * 1_000_000).unwrap();
    assert_eq!(next.timestamp_us, ahead_us);
}

#[test]
fn a_snapshot_and_the_log_after_it_bring_back_the_chain() {
    let first = chain(SPEC, &[]);
    let mut nonce = 0;
    let mut block = open(&first);
    seal_some(&first, &mut block, 0, &mut nonce, 3);
    let tip = close(&first, block);
    let mut entries = Vec::new();
    first
        .world
        .for_each(|key, value| entries.push((key, value)));
    let mut block = OpenBlock::open(first.clone(), &tip, GENESIS_TIME + 2).unwrap();
    let after = seal_some(&first, &mut block, 0, &mut nonce, 2);

    let second = chain_of(first.config.clone());
    let codes = mega_codes(&first);
    second.load_state(entries, codes);
    let mut forged = BlockRecord::decode(&tip.encode()).unwrap();
    forged.sign_content(&key(3));
    let refused = second.load_tip(&forged.encode());
    assert!(matches!(refused, Err(RestoreError::Seal { block: 1, .. })));
    assert!(second.load_tip(&tip.encode()).unwrap());
    after
        .iter()
        .for_each(|mini| second.load_mini(&mini.encode()).unwrap());
    assert_same_state(&first, &second);
    assert_eq!(second.recent.visible_minis(), 5);

    let progress = second.progress.lock().take().unwrap();
    let resumed = OpenBlock::resume(second.clone(), &progress.parent, &progress.open).unwrap();
    *second.progress.lock() = Some(progress);
    assert_eq!(close(&first, block), close(&second, resumed));
}

#[test]
fn nodes_that_were_kept_are_not_computed_again_unless_they_are_wrong() {
    let mut config = config(SPEC, &[]);
    config.salt_data_buckets = 1; // which outgrow their tries
    let first = chain_of(config);
    let mut nonce = 0;
    let mut block = open(&first);
    seal_some(&first, &mut block, 0, &mut nonce, 3);
    let (tip, kept) = close_with_nodes(&first, block);
    let mut entries = Vec::new();
    first
        .world
        .for_each(|key, value| entries.push((key, value)));
    let mut block = OpenBlock::open(first.clone(), &tip, GENESIS_TIME + 2).unwrap();
    let after = seal_some(&first, &mut block, 0, &mut nonce, 20);
    let (sealed, kept_after) = close_with_nodes(&first, block);
    let nodes = |chain: &Chain| {
        let rows = chain.commitment.read().nodes();
        let mut rows: Vec<_> = rows.as_chunks::<{ node_rows::ROW }>().0.to_vec();
        rows.sort_unstable();
        rows
    };

    let (root, rest) = kept.split_at(node_rows::ROW);
    let wrong_root = [
        &root[..node_rows::NUMBER],
        &rest[node_rows::NUMBER..node_rows::ROW],
        rest,
    ]
    .concat();
    let wrong_after = kept_after[..kept_after.len() - node_rows::ROW].to_vec();
    for (snapshot, log, computed) in [
        (&kept[..], &kept_after[..], false),
        (&kept[..], &[][..], false),
        (&wrong_root[..], &kept[..], true),
        (&[][..], &wrong_after[1..], true),
    ] {
        let second = chain_of(first.config.clone());
        second.load_state(entries.clone(), mega_codes(&first));
        if !snapshot.is_empty() {
            second.load_nodes(snapshot).unwrap();
        }
        assert_eq!(second.load_tip(&tip.encode()).unwrap(), computed);
        for mini in &after {
            second.load_mini(&mini.encode()).unwrap();
        }
        second.load_block(&sealed.encode(), log).unwrap();
        assert!(nodes(&second) == nodes(&first));
    }
    assert!(
        chain_of(first.config.clone())
            .load_nodes(&kept[1..])
            .is_err()
    );
}

/// The code that mini-block 0 brought: the system contracts.
fn mega_codes(chain: &Chain) -> Vec<alloy_primitives::Bytes> {
    chain.recent.set_visible(0, 0);
    chain.recent.mini(0).unwrap().diff.codes.clone()
}

#[test]
fn a_damaged_log_is_refused() {
    let first = chain(SPEC, &[]);
    let mut nonce = 0;
    let mut block = open(&first);
    let minis = seal_some(&first, &mut block, 0, &mut nonce, 2);
    let sealed = close(&first, block);

    let second = chain_of(first.config.clone());
    assert!(matches!(
        second.load_mini(&minis[1].encode()),
        Err(RestoreError::Gap(_))
    ));
    assert!(matches!(
        second.load_mini(&minis[0].encode()[1..]),
        Err(RestoreError::Decode(_))
    ));
    second.load_mini(&minis[0].encode()).unwrap();
    assert!(matches!(
        second.load_block(&sealed.encode(), &[]),
        Err(RestoreError::Gap(_))
    ));
    let mut tampered = (*minis[1]).clone();
    tampered.diff = StateDiff::default();
    second.load_mini(&tampered.encode()).unwrap();
    assert!(matches!(
        second.load_block(&sealed.encode(), &[]),
        Err(RestoreError::StateRoot { .. })
    ));
}

/// Has the timestamp stored in block 1; the system transaction and the mini-block.
fn store_timestamp(chain: &Arc<Chain>, block: &mut OpenBlock) -> (TxRecord, Arc<MiniBlock>) {
    let draft = Draft {
        to: TxKind::Call(STORE_TIMESTAMP),
        ..Default::default()
    };
    let tx = sign(chain, &draft);
    // The contracts are deployed by block 1's system calls, before its first transaction.
    let now_us = at(1) + 123_456;
    assert_eq!(
        block.execute(&tx.offer(), now_us).unwrap(),
        TxOutcome::Included
    );
    let mini = block.seal_mini(at(1) + 130_000).unwrap();
    let [system, user] = &mini.txs[..] else {
        panic!("the system transaction stands before it")
    };
    assert!(system.result.success && user.result.success);
    let stored = PlainKey::slot(STORE_TIMESTAMP, U256::ZERO);
    assert_eq!(
        chain.world.tip(&stored).as_slot(),
        U256::from(now_us - 1_000_000)
    );
    (system.clone(), mini)
}

#[test]
fn a_transaction_that_reads_the_timestamp_gets_it_through_a_system_transaction() {
    let chain = chain(SPEC, &[(STORE_TIMESTAMP, STORE_TIMESTAMP_CODE)]);
    let (system, mini) = store_timestamp(&chain, &mut open(&chain));
    assert_eq!(system.sender, chain.system.address());
    assert!(mini.txs[1].result.usage.detention.is_some());
    assert!(chain.world.tip_account(TIMESTAMP).is_some());
    // Like those of the real chain.
    let envelope = system.envelope().unwrap();
    assert_eq!(
        Sender::of(&envelope).unwrap(),
        Sender::Known(chain.system.address())
    );
    assert_eq!(envelope.gas_limit(), 0x3d_5720);
    assert_eq!((envelope.ty(), envelope.gas_price()), (0, Some(0)));
    assert_eq!(envelope.chain_id(), Some(chain.config.chain_id));
}

#[test]
fn nobody_signs_for_a_system_address_that_is_not_ours() {
    let contracts = [(STORE_TIMESTAMP, STORE_TIMESTAMP_CODE)];
    // A chain that was made before its genesis held the registry, and rules without one.
    let mut of_before = config(SPEC, &contracts);
    let alloc = &mut of_before.genesis.alloc;
    alloc.remove(&mega_evm::SEQUENCER_REGISTRY_ADDRESS);
    for config in [of_before, config("rex4", &contracts)] {
        let chain = chain_of(config);
        let (system, _) = store_timestamp(&chain, &mut open(&chain));
        assert_eq!(system.sender, mega_evm::MEGA_SYSTEM_ADDRESS);
        let envelope = system.envelope().unwrap();
        assert_eq!(Sender::of(&envelope).unwrap(), Sender::Unsigned);
        assert!(crate::evm::is_system_transaction(
            &envelope,
            system.sender,
            mega_evm::MEGA_SYSTEM_ADDRESS
        ));
    }
}

/// SequencerRegistry's slots after the system calls of block 1.
fn registry(config: ChainConfig) -> BTreeMap<U256, U256> {
    let chain = chain_of(config);
    open(&chain).seal_mini(at(1)).unwrap();
    let mut slots = BTreeMap::new();
    chain.world.for_each(|key, value| {
        if let (mega_evm::SEQUENCER_REGISTRY_ADDRESS, Some(slot)) = (key.address, key.slot) {
            slots.insert(slot.into(), value.as_slot());
        }
    });
    slots
}

#[test]
fn genesis_holds_the_registry_that_would_be_deployed_but_for_the_system_address() {
    let word = |address: Address| U256::from_be_bytes(address.into_word().0);
    for spec in ["rex5", "rex6"] {
        let with = config(spec, &[]);
        let mut without = with.clone();
        let alloc = &mut without.genesis.alloc;
        alloc.remove(&mega_evm::SEQUENCER_REGISTRY_ADDRESS);
        let ours = word(with.system().unwrap().address());
        let mut deployed = registry(without);
        for value in deployed.values_mut() {
            if *value == word(mega_evm::MEGA_SYSTEM_ADDRESS) {
                *value = ours;
            }
        }
        let held = registry(with);
        assert_eq!(held.values().filter(|value| **value == ours).count(), 2);
        // Since block 1; ours is there since block 0, which takes no slot.
        let since = deployed.extract_if(.., |slot, _| !held.contains_key(slot));
        let since: Vec<U256> = since.map(|(_, block)| block).collect();
        assert_eq!(since, [U256::ONE], "{spec}");
        assert_eq!(held, deployed, "{spec}");
    }
}

#[test]
fn a_crowded_bucket_does_not_keep_the_timestamp_from_being_written() {
    let slot =
        crate::salt::hasher::bucket_id_for_slot(&mega_evm::ORACLE_CONTRACT_ADDRESS.0.0, &[0; 32]);
    for (spec, is_dearer) in [("rex5", true), ("rex6", false)] {
        let mut config = config(spec, &[(STORE_TIMESTAMP, STORE_TIMESTAMP_CODE)]);
        config.bucket_capacities.insert(slot, 1 << 20);
        let chain = chain_of(config);
        let (system, _) = store_timestamp(&chain, &mut open(&chain));
        let gas_limit = system.envelope().unwrap().gas_limit();
        assert_eq!(gas_limit > 0x3d_5720, is_dearer, "{spec}: {gas_limit}");
    }
}

#[test]
fn an_evm_that_was_renewed_knows_the_system_address() {
    let chain = chain(SPEC, &[(STORE_TIMESTAMP, STORE_TIMESTAMP_CODE)]);
    let mut block = open(&chain);
    block.renew_evm().unwrap();
    let (system, _) = store_timestamp(&chain, &mut block);
    assert_eq!(system.sender, chain.system.address());
}

#[test]
fn the_oracle_never_tells_a_time_after_its_block_nor_one_before_what_it_told() {
    for block_time_ms in [1000, 250, 4000] {
        let mut config = config(SPEC, &[(STORE_TIMESTAMP, STORE_TIMESTAMP_CODE)]);
        config.block_time_ms = block_time_ms;
        let chain = chain_of(config);
        let mut block = open(&chain);
        let mut told = Vec::new();
        // The clock was set back in between, and the block lasts longer than it should.
        for (nonce, now_us) in [at(1) + 200_000, at(1) + 900_000, at(0), at(3), at(9)]
            .into_iter()
            .enumerate()
        {
            let draft = Draft {
                to: TxKind::Call(STORE_TIMESTAMP),
                nonce: nonce as u64,
                ..Default::default()
            };
            let tx = sign(&chain, &draft);
            assert_eq!(
                block.execute(&tx.offer(), now_us).unwrap(),
                TxOutcome::Included
            );
            block.seal_mini(now_us).unwrap();
            let slot = PlainKey::slot(STORE_TIMESTAMP, U256::ZERO);
            told.push(chain.world.tip(&slot).as_slot().to::<u64>());
        }
        assert!(told.is_sorted(), "{told:?}");
        let block_us = at(1);
        assert!(told.iter().all(|told| *told <= block_us), "{told:?}");
        let first = (at(1) + 200_000 - block_time_ms * 1000).min(block_us);
        assert_eq!(told[0], first);
        assert_eq!(told[4], block_us);
    }
}

/// A source that gives what it is told to.
#[derive(Default)]
struct List {
    ready: Mutex<Vec<Arc<PoolTx>>>,
    changed: parking_lot::Condvar,
}

impl List {
    fn push(&self, tx: Tx) {
        self.ready.lock().push(tx.pooled());
        self.changed.notify_all();
    }
}

impl TxSource for List {
    fn next(&self) -> Option<Arc<PoolTx>> {
        self.ready.lock().pop()
    }

    fn rank(&self, _: &PoolTx) -> u64 {
        1
    }

    fn best_rank(&self) -> u64 {
        u64::from(!self.ready.lock().is_empty())
    }

    fn put_back(&self, txs: &[Arc<PoolTx>]) {
        self.ready.lock().extend(txs.iter().rev().cloned());
    }

    fn wait_until(&self, deadline: Option<std::time::Instant>) {
        let mut ready = self.ready.lock();
        if let (true, Some(deadline)) = (ready.is_empty(), deadline) {
            self.changed.wait_until(&mut ready, deadline);
        }
    }

    fn wake(&self) {
        self.changed.notify_all();
    }

    fn defer(&self, _: &PoolTx, _: Deferral) {}

    fn next_block(&self) {}

    fn refuse(&self, _: &PoolTx, _: Refusal) {}

    fn committed(&self, _: &MiniBlock) {}
}

fn next(sealed: &Receiver<Sealed>) -> Sealed {
    sealed.recv_timeout(Duration::from_secs(20)).unwrap()
}

#[test]
fn a_running_builder_includes_what_arrives_and_numbers_everything() {
    let chain = chain(SPEC, &[]);
    let source = Arc::new(List::default());
    let (out, sealed) = bounded(64);
    let builder = Builder::spawn(chain.clone(), source.clone(), out).unwrap();
    source.push(sign(
        &chain,
        &Draft {
            value: 9,
            ..Default::default()
        },
    ));
    let (mut minis, mut blocks, mut in_block, mut found) = (0, 0, 0, false);
    while blocks < 2 || !found {
        match next(&sealed) {
            Sealed::Mini(mini) => {
                assert_eq!((mini.number, mini.index), (minis, in_block));
                assert_eq!(mini.block_number, blocks + 1);
                assert_eq!(mini.signer().unwrap(), chain.sequencer.address());
                assert!(mini.block_timestamp * 1_000_000 <= mini.timestamp_us);
                found |= !mini.txs.is_empty();
                minis += 1;
                in_block += 1;
                chain.durable(mini.number, blocks);
            }
            Sealed::Block { record, undo, .. } => {
                assert_eq!(record.header.number, blocks + 1);
                assert_eq!(record.mini_count, in_block);
                assert!(undo.is_sorted_by_key(|(key, _)| *key));
                blocks += 1;
                in_block = 0;
                chain.durable(minis - 1, blocks);
            }
        }
    }
    assert_eq!(builder.stop(), None);
    let view = chain.view_at(BlockId::latest()).unwrap();
    let balance = view
        .account(Address::repeat_byte(0xaa))
        .unwrap()
        .unwrap()
        .balance;
    assert_eq!(balance, U256::from(9));
    let before = chain.view_at(BlockId::number(0)).unwrap();
    assert_eq!(before.account(Address::repeat_byte(0xaa)).unwrap(), None);
}

#[test]
fn a_stopped_builder_leaves_a_block_that_the_next_one_goes_on_with() {
    let mut config = config(SPEC, &[]);
    config.block_time_ms = 1_000_000;
    let chain = chain_of(config);
    let source = Arc::new(List::default());
    let (out, sealed) = bounded(1024);
    let builder = Builder::spawn(chain.clone(), source.clone(), out.clone()).unwrap();
    assert!(matches!(next(&sealed), Sealed::Mini(mini) if mini.index == 0));
    let deposit = TxDeposit {
        from: Address::repeat_byte(1),
        to: TxKind::Call(Address::repeat_byte(2)),
        mint: 5,
        value: U256::from(3),
        gas_limit: 200_000,
        ..Default::default()
    };
    let deposit = Deposit::new(deposit, B256::repeat_byte(1));
    let hash = deposit.hash();
    chain.deposits.push(deposit);
    source.wake();
    let mut last = 0;
    loop {
        let Sealed::Mini(mini) = next(&sealed) else {
            panic!("no block ends here")
        };
        last = last.max(mini.index);
        if let Some(tx) = mini.txs.first() {
            assert_eq!(tx.hash, hash);
            assert!(tx.result.success);
            assert_eq!(tx.result.deposit_nonce, Some(0));
            break;
        }
    }
    assert_eq!(builder.stop(), None);
    let rest = sealed.try_iter().count() as u64;
    let again = Builder::spawn(chain.clone(), source, out).unwrap();
    let Sealed::Mini(mini) = next(&sealed) else {
        panic!("no block ends here")
    };
    assert_eq!((mini.block_number, mini.index), (1, last + rest + 1));
    assert_eq!(again.stop(), None);
    let paid = chain.world.tip_account(Address::repeat_byte(1)).unwrap();
    assert_eq!((paid.nonce, paid.balance), (1, U256::from(2)));
}
