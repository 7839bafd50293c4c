//! How fast a follower is, and where its time goes: `RAYON_NUM_THREADS=1 cargo test --release
//! follower::measure -- --ignored --nocapture`. Measures, asserts no times.

use std::{fs, sync::Arc};

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, bytes, keccak256};
use rayon::prelude::*;

use super::{Follower, VerifyMode};
use crate::{
    builder::{OpenBlock, TxOutcome, testing::*},
    chain::{Chain, ChainConfig},
    keys::Key,
    state::GenesisAccount,
};

const TOKEN: Address = address!("00000000000000000000000000000000000c0e20");
const SENDERS: u64 = 2000;
const BLOCKS: u64 = 5;
const MINIS: u64 = 50;

fn sender(index: u64) -> Key {
    Key::new(&keccak256(index.to_be_bytes())).unwrap()
}

/// `transfer(to, amount)` without a selector: two balances and a log with three topics.
fn token() -> Bytes {
    let mut code = bytes!("602035803354033355805f3554015f35555f525f35337f").to_vec();
    code.extend_from_slice(keccak256("Transfer(address,address,uint256)").as_slice());
    code.extend_from_slice(&bytes!("60205fa300"));
    code.into()
}

fn funded() -> ChainConfig {
    let mut config = config("rex6", &[]);
    let mut storage = std::collections::BTreeMap::new();
    for index in 0..SENDERS {
        let address = sender(index).address();
        let account = GenesisAccount {
            balance: U256::from(10 * ETHER),
            ..Default::default()
        };
        config.genesis.alloc.insert(address, account);
        storage.insert(address.into_word().into(), U256::from(1u64 << 40));
    }
    let token = GenesisAccount {
        nonce: 1,
        code: token(),
        storage,
        ..Default::default()
    };
    config.genesis.alloc.insert(TOKEN, token);
    config
}

/// Transfer number `nth`: senders take turns, and so do recipients.
fn transfer(chain: &Chain, nth: u64) -> Tx {
    let key = sender(nth % SENDERS);
    let to = sender((nth * 7 + 3) % SENDERS).address();
    let input = [to.into_word().0, B256::from(U256::from(5)).0].concat();
    let tx = TxEip1559 {
        chain_id: chain.config.chain_id,
        nonce: nth / SENDERS,
        gas_limit: 200_000,
        max_fee_per_gas: u128::from(chain.config.base_fee),
        max_priority_fee_per_gas: 0,
        to: TxKind::Call(TOKEN),
        value: U256::ZERO,
        access_list: Default::default(),
        input: input.into(),
    };
    let signature = key.sign(&tx.signature_hash());
    let envelope: op_alloy_consensus::OpTxEnvelope = tx.into_signed(signature).into();
    Tx::of(envelope, key.address())
}

/// Builds a chain of transfers and returns its log.
fn record(per_mini: u64) -> (ChainConfig, Vec<Vec<u8>>) {
    let chain = chain_of(funded());
    let mut progress = chain.progress.lock().take().unwrap();
    let mut records = Vec::new();
    let txs: Vec<Tx> = (0..BLOCKS * MINIS * per_mini)
        .into_par_iter()
        .map(|nth| transfer(&chain, nth))
        .collect();
    let mut rest = txs.iter();
    let start = cpu_ns();
    for second in 1..=BLOCKS {
        let timestamp = GENESIS_TIME + second;
        let mut block = OpenBlock::open(chain.clone(), &progress.parent, timestamp).unwrap();
        for nth in 1..=MINIS {
            for tx in rest.by_ref().take(per_mini as usize) {
                let attempt = block.execute(&tx.offer(), at(second)).unwrap();
                assert_eq!(attempt, TxOutcome::Included);
            }
            let mini = block.seal_mini(at(second) + nth * 10_000).unwrap();
            assert!(mini.txs.iter().all(|tx| tx.result.success));
            records.push(mini.encode());
        }
        let (block, ..) = block.close(&mut progress.followers).unwrap();
        records.push(block.encode());
        progress.parent = block;
    }
    println!(
        "built at {:.2} µs per transaction",
        per_tx(start, txs.len())
    );
    (chain.config.clone(), records)
}

/// Microseconds of CPU since `start`.
fn per_tx(start: u64, count: usize) -> f64 {
    (cpu_ns() - start) as f64 / 1e3 / count as f64
}

/// What this process' living threads have run, in nanoseconds.
fn cpu_ns() -> u64 {
    let ran = |task: fs::DirEntry| {
        let told = fs::read_to_string(task.path().join("schedstat")).ok()?;
        told.split_whitespace().next()?.parse::<u64>().ok()
    };
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks.filter_map(|task| ran(task.unwrap())).sum()
}

#[test]
#[ignore = "a measurement"]
fn transfers_per_second() {
    for per_mini in [20, 200] {
        let (config, records) = record(per_mini);
        let bytes: usize = records.iter().map(Vec::len).sum();
        let count = (BLOCKS * MINIS * per_mini) as usize;
        println!(
            "{per_mini} per mini-block: {} bytes per transaction",
            bytes / count
        );
        for (mode, chunk) in [
            (VerifyMode::Proofs, 1),
            (VerifyMode::Proofs, 64),
            (VerifyMode::Roots, 64),
            (VerifyMode::Reexecute, 64),
        ] {
            let chain: Arc<Chain> = chain_of(ChainConfig {
                follow_commitment: mode > VerifyMode::Proofs,
                ..config.clone()
            });
            let follower = Follower::new(chain, mode).unwrap();
            let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
            let start = cpu_ns();
            for records in slices.chunks(chunk) {
                let batch = follower.apply_many(records);
                assert_eq!(batch.refusal, None);
            }
            let micros = per_tx(start, count);
            println!(
                "{mode:?}, {chunk} at a time: {micros:.2} µs of CPU per transaction, {:.0} per second",
                1e6 / micros
            );
            for (name, value) in follower.metrics().named() {
                if let Some(name) = name.strip_suffix("_ns") {
                    println!("    {name}: {:.2} µs", value as f64 / 1e3 / count as f64);
                }
            }
        }
    }
}
