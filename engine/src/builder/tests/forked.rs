//! A chain that was forked: its builder never waits for the remote, and what it puts aside comes back by itself.

use std::sync::{Arc, mpsc};

use alloy_primitives::{Address, TxKind, U256};
use crossbeam_channel::bounded;

use super::priority::minis;
use crate::{
    block::PlainKey,
    builder::{Builder, testing::*},
    chain::Chain,
    engine::tip_accounts,
    fork::{
        RemoteError,
        testing::{CONTRACT, POINT, Remote, reply},
    },
    pool::{Limits, Pool, PoolTx},
};

fn forked() -> Arc<Chain> {
    let mut config = config("rex6", &[]);
    config.genesis.fork = Some(POINT);
    chain_of(config)
}

fn call(chain: &Chain, from: u8) -> Arc<PoolTx> {
    let draft = Draft {
        from,
        to: TxKind::Call(CONTRACT),
        ..Draft::default()
    };
    sign(chain, &draft).pooled()
}

#[test]
fn the_first_block_follows_the_remotes() {
    let chain = forked();
    let first = &chain.genesis.header;
    assert_eq!(first.number, POINT.number + 1);
    assert_eq!(first.parent_hash, POINT.hash);
    assert!(chain.block(POINT.number).unwrap().is_none());
    assert!(chain.block(POINT.number + 1).unwrap().is_some());
}

#[test]
fn what_is_put_aside_is_included_when_it_is_known() {
    let chain = forked();
    let fork = chain.fork.clone().unwrap();
    let _remote = Remote::start(&fork, reply);
    let pool = Arc::new(Pool::new(Limits::default(), tip_accounts(&chain)));
    let tx = call(&chain, 0);
    assert_eq!(pool.admit([PoolTx::clone(&tx)]), [Ok(tx.hash)]);
    let (out, sealed) = bounded(1024);
    let builder = Builder::spawn(chain.clone(), pool, out).unwrap();
    let mini = minis(&sealed).find(|mini| !mini.txs.is_empty()).unwrap();
    assert!(mini.txs[0].result.success);
    // Not in the block that was open when it was put aside.
    assert!(mini.block_number >= POINT.number + 2);
    let count = PlainKey::slot(CONTRACT, U256::ZERO);
    let written = mini.diff.entries.iter().find(|(key, _)| *key == count);
    assert_eq!(written.unwrap().1.as_slot(), U256::from(42));
    assert_eq!(builder.stop(), None);
}

#[test]
fn what_nobody_finds_out_is_refused_and_the_chain_goes_on() {
    let chain = forked();
    let fork = chain.fork.clone().unwrap();
    // It knows all but the contract.
    let _remote = Remote::start(&fork, |question| {
        match question.params.contains("2222222222") {
            true => Err(RemoteError {
                code: -32000,
                message: "not on this plan".to_owned(),
                data: None,
            }),
            false => reply(question),
        }
    });
    let pool = Arc::new(Pool::new(Limits::default(), tip_accounts(&chain)));
    let (told, dropped) = mpsc::channel();
    pool.on_drop(move |hash, reason| told.send((*hash, reason.to_string())).unwrap_or(()));
    let tx = call(&chain, 0);
    assert_eq!(pool.admit([PoolTx::clone(&tx)]), [Ok(tx.hash)]);
    let (out, sealed) = bounded(1024);
    let builder = Builder::spawn(chain.clone(), pool.clone(), out).unwrap();
    let mut minis = minis(&sealed);
    minis.next().unwrap();
    let (hash, reason) = dropped.recv().unwrap();
    assert_eq!(hash, tx.hash);
    assert!(reason.contains("not on this plan"), "{reason}");
    let other = sign(
        &chain,
        &Draft {
            to: TxKind::Call(Address::repeat_byte(0xbb)),
            ..Draft::default()
        },
    )
    .pooled();
    assert_eq!(pool.admit([PoolTx::clone(&other)]), [Ok(other.hash)]);
    let mini = minis.find(|mini| !mini.txs.is_empty()).unwrap();
    assert_eq!(mini.txs[0].hash, other.hash);
    assert_eq!(builder.stop(), None);
}
