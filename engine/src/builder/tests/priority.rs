//! Priorities as a running builder keeps them.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, TxKind, U256, address, bytes};
use crossbeam_channel::{Receiver, bounded};

use crate::builder::{Builder, testing::*};
use crate::{
    block::MiniBlock,
    chain::{Chain, ChainConfig, Sealed},
    engine::tip_accounts,
    pool::{Limits, Order, Pool, PoolTx},
    state::GenesisAccount,
};

/// Counts down from calldata[0].
const BURN: Address = address!("00000000000000000000000000000000000c0de0");

const FLOOD: u64 = 10_000;
const FLOODERS: u8 = 100;
/// Who pays more than they.
const PAYER: u8 = 200;

fn flooded_config() -> ChainConfig {
    let mut config = config(SPEC, &[(BURN, bytes!("5f355b6001900380600257" "00"))]);
    for index in (0..FLOODERS).chain([PAYER]) {
        let rich = GenesisAccount {
            balance: U256::from(10_000 * ETHER),
            ..Default::default()
        };
        config.genesis.alloc.insert(account(index), rich);
    }
    config.follow_commitment = true;
    config
}

/// A call that takes a good while, with the least of tips.
fn heavy(chain: &Chain, index: u64) -> PoolTx {
    let draft = Draft {
        from: (index % u64::from(FLOODERS)) as u8,
        nonce: index / u64::from(FLOODERS),
        to: TxKind::Call(BURN),
        input: U256::from(20_000).to_be_bytes::<32>().into(),
        gas: 2_000_000,
        tip: 1,
        ..Default::default()
    };
    Arc::unwrap_or_clone(sign(chain, &draft).pooled())
}

pub(super) fn minis(sealed: &Receiver<Sealed>) -> impl Iterator<Item = Arc<MiniBlock>> + '_ {
    std::iter::from_fn(|| sealed.recv_timeout(Duration::from_secs(20)).ok()).filter_map(|sealed| {
        match sealed {
            Sealed::Mini(mini) => Some(mini),
            Sealed::Block { .. } => None,
        }
    })
}

#[test]
fn a_flood_of_low_tips_delays_a_high_one_by_at_most_one_mini_block() {
    let chain = chain_of(flooded_config());
    let limits = Limits {
        order: Order::Priority,
        ..Limits::default()
    };
    let pool = Arc::new(Pool::new(limits, tip_accounts(&chain)));
    let admitted = pool.admit((0..FLOOD).map(|index| heavy(&chain, index)));
    assert!(admitted.iter().all(Result::is_ok));
    let (out, sealed) = bounded(1024);
    let builder = Builder::spawn(chain.clone(), pool.clone(), out).unwrap();
    let mut minis = minis(&sealed);
    // Under full load.
    minis.find(|mini| !mini.txs.is_empty()).unwrap();
    let mut nonce = 0;
    while nonce < 3 {
        let urgent = sign(
            &chain,
            &Draft {
                from: PAYER,
                nonce,
                tip: 1_000_000,
                ..Default::default()
            },
        );
        let hash = urgent.hash;
        assert!(pool.admit([Arc::unwrap_or_clone(urgent.pooled())])[0].is_ok());
        // The mini-block that is open now has this number.
        let open = chain.world.version();
        let found = minis
            .find(|mini| mini.txs.iter().any(|tx| tx.hash == hash))
            .unwrap();
        assert!(found.number <= open + 1, "{} after {open}", found.number);
        nonce += 1;
    }
    assert!(pool.status().pending > 0, "the flood was over too soon");
    assert_eq!(builder.stop(), None);
}

#[test]
fn a_senders_better_later_transactions_do_not_hold_up_its_earlier_ones() {
    let chain = chain_of(flooded_config());
    let pool = Arc::new(Pool::new(Limits::default(), tip_accounts(&chain)));
    const COUNT: u64 = 60;
    let rising = (0..COUNT).map(|nonce| {
        let draft = Draft {
            nonce,
            tip: u128::from(nonce % 7) * 1000,
            to: TxKind::Call(BURN),
            input: U256::from(20_000).to_be_bytes::<32>().into(),
            gas: 2_000_000,
            ..Default::default()
        };
        Arc::unwrap_or_clone(sign(&chain, &draft).pooled())
    });
    let admitted = pool.admit(rising);
    assert!(admitted.iter().all(Result::is_ok));
    let (out, sealed) = bounded(1024);
    let builder = Builder::spawn(chain.clone(), pool, out).unwrap();
    let mut included = 0;
    for mini in minis(&sealed) {
        included += mini.txs.len() as u64;
        if included == COUNT {
            break;
        }
    }
    assert_eq!(included, COUNT);
    assert_eq!(builder.stop(), None);
}
