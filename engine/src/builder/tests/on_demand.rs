//! Blocks that are closed because somebody asks for them.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_sol_types::SolCall as _;
use crossbeam_channel::{Receiver, bounded};
use megaeth_checker::evm::{INTERVENTION_SENDER, INTERVENTIONS, Interventions};
use op_alloy_consensus::TxDeposit;

use crate::builder::{Builder, testing::*};
use crate::{
    chain::{Chain, MiningMode, Sealed, WantedBlocks},
    engine::tip_accounts,
    pool::{Deposit, Limits, Pool, TxSource as _},
};

/// A builder in a mode other than the usual one.
struct Building {
    chain: Arc<Chain>,
    pool: Arc<Pool>,
    sealed: Receiver<Sealed>,
    builder: Builder,
}

fn building(mode: MiningMode) -> Building {
    let mut config = config("rex6", &[]);
    config.mining = mode;
    config.interventions = true;
    let chain = chain_of(config);
    let pool = Arc::new(Pool::new(Limits::default(), tip_accounts(&chain)));
    let (out, sealed) = bounded(1024);
    let builder = Builder::spawn(chain.clone(), pool.clone(), out).unwrap();
    Building {
        chain,
        pool,
        sealed,
        builder,
    }
}

impl Building {
    fn send(&self, from: u8, nonce: u64) {
        let draft = Draft {
            from,
            nonce,
            ..Draft::default()
        };
        let tx = sign(&self.chain, &draft).pooled();
        let admitted = self.pool.admit([Arc::unwrap_or_clone(tx)]);
        assert!(admitted.iter().all(Result::is_ok));
    }

    fn intervene(&self, salt: u8) {
        let call = Interventions::setBalanceCall {
            account: Address::repeat_byte(0x77),
            amount: U256::from(5),
        };
        let deposit = TxDeposit {
            from: INTERVENTION_SENDER,
            to: TxKind::Call(INTERVENTIONS),
            gas_limit: 1_000_000,
            input: Bytes::from(call.abi_encode()),
            ..TxDeposit::default()
        };
        let deposit = Deposit::new(deposit, B256::repeat_byte(salt));
        self.chain.deposits.push(deposit);
        self.pool.wake();
    }

    fn want(&self, count: u64, interval_s: Option<u64>) -> u64 {
        self.want_later(count, interval_s, false)
    }

    fn want_later(&self, count: u64, interval_s: Option<u64>, pauses_first: bool) -> u64 {
        let (closed, last) = bounded(1);
        self.chain.mining.want(WantedBlocks {
            count,
            interval_s,
            pauses_first,
            closed,
        });
        self.pool.wake();
        last.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    fn next(&self) -> Sealed {
        self.sealed.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    /// The next is a mini-block with so many transactions.
    #[track_caller]
    fn mini(&self, count: usize) {
        match self.next() {
            Sealed::Mini(mini) => assert_eq!(mini.txs.len(), count),
            Sealed::Block { record, .. } => panic!("{:?}", record.header),
        }
    }

    /// The next is a block; its timestamp.
    #[track_caller]
    fn block(&self, number: u64) -> u64 {
        match self.next() {
            Sealed::Block { record, .. } => {
                assert_eq!(record.header.number, number);
                record.header.timestamp
            }
            Sealed::Mini(mini) => panic!("mini-block {}", mini.number),
        }
    }

    /// Nothing more has come, and nothing comes by itself.
    fn nothing(&self) {
        assert_eq!(self.builder.stop(), None);
        assert!(self.sealed.try_recv().is_err());
    }
}

#[test]
fn each_transaction_closes_its_mini_block_and_its_block() {
    let building = building(MiningMode::Automine);
    for nonce in 0..3 {
        building.send(0, nonce);
    }
    let stamps: Vec<u64> = (1..=3)
        .map(|number| {
            building.mini(1);
            building.block(number)
        })
        .collect();
    assert!(
        stamps.is_sorted_by(|earlier, later| earlier < later),
        "{stamps:?}"
    );
    building.nothing();
}

#[test]
fn an_intervention_closes_no_block_until_the_clock_is_set() {
    let building = building(MiningMode::Automine);
    building.intervene(1);
    building.mini(1);
    building.send(0, 0);
    building.mini(1);
    let first = building.block(1);
    building.intervene(2);
    building.mini(1);
    building.chain.mining.increase_time(1_000);
    building.send(0, 1);
    // What was open keeps its time.
    let second = building.block(2);
    building.mini(1);
    assert!(building.block(3) >= second + 900);
    assert!(second < first + 60);
    building.nothing();
}

#[test]
fn blocks_are_closed_when_they_are_asked_for() {
    let building = building(MiningMode::Manual);
    building.send(0, 0);
    building.send(1, 0);
    building.intervene(3);
    building.mini(1);
    assert_eq!(building.want(3, Some(60)), 3);
    building.mini(2);
    let first = building.block(1);
    for number in 2..=3 {
        building.mini(0);
        assert_eq!(building.block(number), first + 60 * (number - 1));
    }
    building.nothing();
}

#[test]
fn an_interventions_block_is_the_first_of_several_that_are_to_be_later() {
    let building = building(MiningMode::Automine);
    building.intervene(5);
    building.mini(1);
    assert_eq!(building.want_later(3, Some(60), true), 3);
    let first = building.block(1);
    for (number, intervals) in [(2, 2), (3, 3)] {
        building.mini(0);
        assert_eq!(building.block(number), first + 60 * intervals);
    }
    // With none that is open all are later by one.
    assert_eq!(building.want_later(2, Some(60), true), 5);
    for number in 4..=5 {
        building.mini(0);
        let stamp = building.block(number);
        let least = first + 60 * number;
        assert!((least..least + 20).contains(&stamp), "{stamp} {least}");
    }
    // One alone has to be later.
    building.intervene(6);
    building.mini(1);
    assert_eq!(building.want_later(1, Some(60), true), 7);
    let opened = building.block(6);
    building.mini(0);
    assert!(building.block(7) >= opened + 60);
    building.nothing();
}

#[test]
fn the_builder_takes_what_has_waited_when_the_mode_changes() {
    let building = building(MiningMode::Manual);
    building.send(0, 0);
    building.chain.mining.set_mode(MiningMode::Automine);
    building.pool.wake();
    building.mini(1);
    building.block(1);
    building.chain.mining.set_block_time(50_000_000);
    building.pool.wake();
    building.send(0, 1);
    // Mini-blocks go on by themselves now.
    loop {
        match building.next() {
            Sealed::Mini(mini) if !mini.txs.is_empty() => break,
            Sealed::Mini(_) => {}
            Sealed::Block { .. } => panic!("a block before its time"),
        }
    }
    assert_eq!(building.want(2, None), 3);
}

#[test]
fn who_waits_for_blocks_hears_when_nobody_builds_them() {
    let building = building(MiningMode::Manual);
    assert_eq!(building.builder.stop(), None);
    let (closed, last) = bounded(1);
    building.chain.mining.want(WantedBlocks {
        count: 1,
        interval_s: None,
        pauses_first: false,
        closed,
    });
    building.chain.mining.refuse_all();
    assert!(last.recv_timeout(Duration::from_secs(20)).is_err());
}
