//! A block replayed gives what the block had, whole or in part, watched or not.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use alloy_consensus::Transaction as _;
use alloy_eips::BlockId;
use alloy_primitives::U256;
use op_alloy_consensus::OpReceiptEnvelope;
use revm::{
    Inspector,
    interpreter::{CallInputs, CallOutcome},
};

use crate::{
    block::{BlockRecord, Leaves, MiniBlock, PlainKey, TxRecord, TxResult},
    evm::BlockContext,
    replay::{Cache, Replay, cache},
    rpc::testing::{COUNTER, Devnet},
    shaky::{Mood, Shaky},
    state::{Place, StateReader as _, View},
};

/// A sealed block, and the state before it.
struct Sealed {
    net: Devnet,
    block: Arc<BlockRecord>,
    minis: Vec<Arc<MiniBlock>>,
    before: View,
}

impl Sealed {
    /// The block of every kind of transaction.
    fn busy() -> Self {
        let net = Devnet::busy();
        let chain = &net.node.chain;
        let block = chain.block(2).unwrap().unwrap();
        let minis = (block.first_mini..block.next_mini())
            .map(|number| chain.mini(number).unwrap().unwrap())
            .collect();
        let before = chain.view_at(BlockId::number(1)).unwrap();
        Self {
            block,
            minis,
            before,
            net,
        }
    }

    fn records(&self) -> Vec<TxRecord> {
        let records = self.minis.iter().flat_map(|mini| mini.txs.iter().cloned());
        records.collect()
    }

    fn replay<'c, 'a>(&'a self, cache: &'c mut Cache<'a, View>) -> Replay<'c, 'a, View> {
        let rules = self.net.node.chain.rules(self.block.header.number);
        let context = BlockContext::of(&self.block.header);
        Replay::begin(&self.before, cache, &rules, &context).unwrap()
    }
}

fn results(records: &[TxRecord]) -> Vec<TxResult> {
    records.iter().map(|record| record.result.clone()).collect()
}

/// Counts the calls that begin, a transaction's own among them.
#[derive(Debug, Default)]
struct Calls(usize);

impl<C> Inspector<C> for Calls {
    fn call(&mut self, _: &mut C, _: &mut CallInputs) -> Option<CallOutcome> {
        self.0 += 1;
        None
    }
}

#[test]
fn a_block_gives_its_results_receipts_and_diffs_again() {
    let sealed = Sealed::busy();
    let mut cache = cache(&sealed.before);
    let mut replay = sealed.replay(&mut cache);
    for mini in &sealed.minis {
        for record in &mini.txs {
            assert_eq!(replay.next(record).unwrap(), record.result);
        }
        let effect = replay.take_effect();
        let changed = effect.changes.iter().map(|change| (change.key, change.new));
        assert_eq!(changed.collect::<Vec<_>>(), mini.diff.entries);
    }
    let gas = replay.receipts().last().unwrap().cumulative_gas_used();
    assert_eq!(gas, sealed.block.header.gas_used);
    assert_eq!(
        replay.sequencer().unwrap(),
        sealed.net.node.chain.sequencer.address()
    );
}

#[test]
fn a_block_is_replayed_up_to_any_transaction_and_watched_from_there_on() {
    let sealed = Sealed::busy();
    let records = sealed.records();
    let expected = results(&records);
    for index in 0..records.len() {
        let mut cache = cache(&sealed.before);
        let mut replay = sealed.replay(&mut cache);
        assert_eq!(replay.until(&records, index).unwrap(), expected[..index]);
        let mut replay = replay.with_inspector(Calls::default());
        assert_eq!(replay.inspector().0, 0);
        assert_eq!(replay.next(&records[index]).unwrap(), expected[index]);
        let is_creation = records[index].envelope().unwrap().kind().is_create();
        assert_eq!(replay.inspector().0 > 0, !is_creation, "{index}");
        // Who goes on gets the rest, and the block's receipts.
        let rest = replay.until(&records, records.len()).unwrap();
        assert_eq!(rest, expected[index + 1..]);
        let root = alloy_trie::root::ordered_trie_root_with_encoder(
            replay.receipts(),
            |receipt: &OpReceiptEnvelope, out| {
                alloy_eips::Encodable2718::encode_2718(receipt, out);
            },
        );
        assert_eq!(root, sealed.block.header.receipts_root, "{index}");
        assert_eq!(root, Leaves::of(&records, 0).unwrap().receipts_root());
    }
}

#[test]
fn what_has_been_executed_is_passed_over() {
    let sealed = Sealed::busy();
    let records = sealed.records();
    let mut cache = cache(&sealed.before);
    let mut replay = sealed.replay(&mut cache);
    assert_eq!(replay.until(&records, 3).unwrap(), results(&records[..3]));
    assert_eq!(replay.until(&records, 2).unwrap(), []);
    assert_eq!(replay.until(&records, 5).unwrap(), results(&records[3..5]));
}

#[test]
fn what_the_state_does_not_know_is_an_error_and_never_a_value() {
    let sealed = Sealed::busy();
    let mut values = Vec::new();
    sealed.net.node.chain.world.for_each(|key, _| {
        values.push((key, sealed.before.value(&key).unwrap()));
    });
    let hashes = values.iter().filter_map(|(_, value)| value.as_account());
    let codes: Vec<_> = hashes
        .map(|account| sealed.before.code(account.code_hash).unwrap())
        .collect();
    let shaky = Shaky::new(values).with_codes(codes);
    let records = sealed.records();
    let count = PlainKey::slot(COUNTER, U256::ZERO);
    let replayed = || {
        let mut cache = cache(&shaky);
        let rules = sealed.net.node.chain.rules(2);
        let context = BlockContext::of(&sealed.block.header);
        let mut replay = Replay::begin(&shaky, &mut cache, &rules, &context)?;
        replay.until(&records, records.len())
    };
    assert_eq!(replayed(), Ok(results(&records)));
    for mood in [Mood::Unknown, Mood::Fails, Mood::Later(1)] {
        shaky.is(count, mood);
        let error = replayed().unwrap_err().to_string();
        let expected = match mood {
            Mood::Fails => "the source is gone".to_owned(),
            _ => format!("{} is not known", Place::Key(count)),
        };
        assert!(error.contains(&expected), "{error}");
    }
    // What came too late for one is there for the next.
    assert_eq!(replayed(), Ok(results(&records)));
    // Who signs mini-blocks stands in the registry, and is nothing that a block itself reads.
    let sequencer = PlainKey::slot(mega_evm::SEQUENCER_REGISTRY_ADDRESS, U256::from(1));
    shaky.is(sequencer, Mood::Unknown);
    assert_eq!(replayed(), Ok(results(&records)));
}

#[test]
fn a_transaction_that_cannot_be_executed_is_an_error() {
    let sealed = Sealed::busy();
    let records = sealed.records();
    let mut cache = cache(&sealed.before);
    let mut replay = sealed.replay(&mut cache);
    // Its nonce comes later.
    let error = replay.next(&records[1]).unwrap_err();
    assert!(error.to_string().contains("nonce"), "{error}");
}
