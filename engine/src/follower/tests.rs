//! A follower has what the sequencer has, and takes nothing that is wrong.

use std::sync::{Arc, LazyLock};

use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes, U256, bytes, keccak256};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{BadData, FollowError, Follower, VerifyMode, bad_data::Kind};
use crate::{
    block::{
        BlockRecord, BlockRoots, Leadership, Leaves, MiniBlock, PlainKey, PlainValue,
        is_block_record,
    },
    builder::testing::{Draft, account, chain_of, key},
    chain::{Chain, ChainConfig, Sealed},
    engine::{Engine, EngineError},
    forge::{self, Forgery},
    keys::Key,
    pool::{Limits, Pool},
    rpc::{Node, Submitted, testing::*},
    state::EmptyArchive,
};

const MODES: [VerifyMode; 3] = [VerifyMode::Proofs, VerifyMode::Roots, VerifyMode::Reexecute];

/// A chain with a bit of everything, and its log: two blocks and an open one.
struct Source {
    net: Devnet,
    log: Vec<Vec<u8>>,
}

fn source() -> Source {
    let mut net = Devnet::busy();
    net.run(&calling(COUNTER, [], 9));
    net.run(&Draft {
        from: 1,
        value: 1,
        ..Draft::default()
    });
    let log = log_of(&net.node.chain);
    Source { net, log }
}

/// The log of everything that a chain has made visible.
fn log_of(chain: &Chain) -> Vec<Vec<u8>> {
    let mut log = Vec::new();
    let mut minis = 0..chain.recent.visible_minis();
    for number in 1..=chain.recent.visible_block() {
        let block = chain.block(number).unwrap().unwrap();
        for number in minis.by_ref().take(block.mini_count as usize) {
            log.push(chain.mini(number).unwrap().unwrap().encode());
        }
        log.push(block.encode());
    }
    for number in minis {
        log.push(chain.mini(number).unwrap().unwrap().encode());
    }
    log
}

/// Its configuration and its log, made once.
static LOG: LazyLock<(ChainConfig, Vec<Vec<u8>>)> = LazyLock::new(|| {
    let source = source();
    (source.net.node.chain.config.clone(), source.log)
});

/// A chain at genesis and its follower.
struct Follows {
    chain: Arc<Chain>,
    follower: Follower,
}

fn fresh(mode: VerifyMode) -> Follows {
    let chain = chain_of(LOG.0.clone());
    let follower = Follower::new(chain.clone(), mode).unwrap();
    Follows { chain, follower }
}

impl Follows {
    /// Behind the first `count` records.
    fn after(mode: VerifyMode, count: usize) -> Self {
        let node = fresh(mode);
        for record in &LOG.1[..count] {
            assert!(node.follower.apply(record).unwrap().is_some());
        }
        node
    }

    fn fingerprint(&self) -> (u64, usize, B256) {
        let mut entries = Vec::new();
        self.chain
            .world
            .for_each(|key, value| entries.push((key, value.to_bytes())));
        entries.sort_unstable();
        let mut bytes = Vec::new();
        for (key, value) in entries {
            bytes.extend(key.to_bytes());
            bytes.extend(value);
        }
        let version = self.chain.world.version();
        let open = self.chain.world.open_undo().len();
        (version, open, keccak256(bytes))
    }

    /// That a record is refused for this reason and nothing changes.
    #[track_caller]
    fn refuses(&self, record: &[u8], kind: Kind) -> BadData {
        let before = self.fingerprint();
        let bad = match self.follower.apply(record) {
            Err(FollowError::Bad(bad)) => bad,
            other => panic!("{kind:?} was expected, not {other:?}"),
        };
        assert_eq!(bad.kind, kind, "{bad}");
        assert_eq!(self.fingerprint(), before);
        bad
    }

    #[track_caller]
    fn takes(&self, records: &[Vec<u8>]) {
        for record in records {
            assert!(self.follower.apply(record).unwrap().is_some());
        }
    }
}

fn sequencer() -> Key {
    LOG.0.sequencer().unwrap()
}

/// A mini-block's record with something changed, signed and sealed by the sequencer.
fn changed(record: &[u8], change: impl FnOnce(&mut MiniBlock)) -> Vec<u8> {
    let mut mini = MiniBlock::decode(record).unwrap();
    change(&mut mini);
    mini.sign(&sequencer());
    mini.encode()
}

/// A block's record with its header changed, sealed by the sequencer.
fn with_header(record: &[u8], change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let block = BlockRecord::decode(record).unwrap();
    let mut header = block.header;
    change(&mut header);
    let mut block = BlockRecord::new(header, block.first_mini, block.mini_count, block.commitment);
    block.sign_content(&sequencer());
    block.encode()
}

/// Where the blocks and some mini-blocks are in the log.
fn first_block() -> usize {
    LOG.1
        .iter()
        .position(|record| is_block_record(record))
        .unwrap()
}

fn second_block() -> usize {
    let after = first_block() + 1;
    let rest = &LOG.1[after..];
    after
        + rest
            .iter()
            .position(|record| is_block_record(record))
            .unwrap()
}

// --- the same as the sequencer ------------------------------------------------------------------------------

/// What a node answers, be it an error.
fn answer(node: &Node, method: &str, params: &Value) -> Value {
    ask(node, method, params)
        .unwrap_or_else(|error| serde_json::from_slice(&error.to_json()).unwrap())
}

/// Everything worth asking about a chain.
fn questions(chain: &Chain) -> Vec<(&'static str, Value)> {
    let mut questions = vec![
        ("eth_blockNumber", json!([])),
        (
            "eth_getLogs",
            json!([{"fromBlock": "0x0", "toBlock": "latest"}]),
        ),
        ("eth_call", json!([{"to": COUNTER}, "latest"])),
        ("eth_call", json!([{"to": CONTEXT}, "pending"])),
        (
            "eth_call",
            json!([{"to": HIGH_PRECISION_TIMESTAMP, "input": "0xb80777ea"}, "latest"]),
        ),
        ("eth_estimateGas", json!([{"to": COUNTER}])),
        ("eth_feeHistory", json!(["0x3", "latest", [50]])),
        ("eth_getBlockByNumber", json!(["safe", true])),
    ];
    for number in 0..=chain.recent.visible_block() {
        let number = format!("{number:#x}");
        questions.push(("eth_getBlockByNumber", json!([number, true])));
        questions.push(("eth_getBlockReceipts", json!([number])));
        questions.push(("mega_getBlockMiniBlocks", json!([number])));
        questions.push(("mega_getStateDiff", json!([number])));
        if number != "0x0" {
            let block = json!([{"blockNumber": number}]);
            questions.push(("mega_getBlockWitness", block));
        }
        for index in 0..3 {
            questions.push(("eth_getBalance", json!([account(index), number])));
            questions.push(("eth_getTransactionCount", json!([account(index), number])));
        }
        questions.push(("eth_getStorageAt", json!([COUNTER, "0x0", number])));
    }
    for number in 0..chain.recent.visible_minis() {
        questions.push(("mega_getMiniBlock", json!([format!("{number:#x}")])));
        for tx in &chain.mini(number).unwrap().unwrap().txs {
            questions.push(("eth_getTransactionByHash", json!([tx.hash])));
            questions.push(("eth_getTransactionReceipt", json!([tx.hash])));
            questions.push(("mega_txUsage", json!([tx.hash])));
        }
    }
    questions
}

#[test]
fn a_follower_answers_what_the_sequencer_answers_in_every_mode() {
    let source = source();
    let chain = &source.net.node.chain;
    for mode in MODES {
        let node = fresh(mode);
        let (mut minis, mut blocks) = (0, 0);
        for record in &source.log {
            match node.follower.apply(record).unwrap().unwrap() {
                Sealed::Mini(mini) => minis = mini.number,
                Sealed::Block { record, .. } => blocks = record.header.number,
            }
            node.chain.durable(minis, blocks);
        }
        assert_eq!(node.chain.world.len(), chain.world.len());
        chain
            .world
            .for_each(|key, value| assert_eq!(node.chain.world.tip(&key), value));
        let pool = Arc::new(Pool::new(
            Limits::default(),
            crate::engine::tip_accounts(&node.chain),
        ));
        let there = Node::new(node.chain.clone(), pool);
        for (method, params) in questions(chain) {
            let expected = answer(&source.net.node, method, &params);
            let actual = answer(&there, method, &params);
            assert_eq!(actual, expected, "{mode:?}: {method}{params}");
        }
    }
}

#[test]
fn a_block_undoes_to_what_was_before_it() {
    let node = Follows::after(VerifyMode::Proofs, second_block());
    let before = node.chain.world.open_changes();
    let sealed = node.follower.apply(&LOG.1[second_block()]).unwrap();
    let Some(Sealed::Block { undo, .. }) = sealed else {
        panic!("{sealed:?}")
    };
    let expected: Vec<_> = before
        .iter()
        .map(|change| (change.key, change.old))
        .collect();
    assert_eq!(undo, expected);
    assert!(!undo.is_empty());
    assert!(node.chain.world.open_undo().is_empty());
}

#[test]
fn nothing_is_visible_before_it_is_durable() {
    let node = Follows::after(VerifyMode::Proofs, first_block() + 1);
    assert_eq!(node.chain.recent.visible_minis(), 0);
    assert_eq!(node.chain.recent.visible_block(), 0);
    node.chain.durable(0, 0);
    assert_eq!(node.chain.recent.visible_minis(), 1);
    let all = first_block() as u64;
    node.chain.durable(all - 1, 1);
    assert_eq!(node.chain.recent.visible_minis(), all);
    assert_eq!(node.chain.recent.visible_block(), 1);
}

/// Whatever goes to other threads goes to so many.
fn on_cores<T: Send>(cores: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(cores);
    pool.build().unwrap().install(work)
}

#[test]
fn a_log_is_taken_at_once_as_well_as_piece_by_piece_on_any_number_of_cores() {
    let records: Vec<&[u8]> = LOG.1.iter().map(Vec::as_slice).collect();
    let one_by_one = Follows::after(VerifyMode::Roots, records.len()).fingerprint();
    for (size, cores) in [(2, 3), (3, 3), (records.len(), 3), (records.len(), 1)] {
        let node = fresh(VerifyMode::Roots);
        for chunk in records.chunks(size) {
            let batch = on_cores(cores, || node.follower.apply_many(chunk));
            assert_eq!(batch.refusal, None);
            assert!(batch.applied.iter().all(Option::is_some));
        }
        assert_eq!(node.fingerprint(), one_by_one);
    }
}

#[test]
fn what_came_before_a_refusal_stays_and_what_comes_after_it_is_not_looked_at() {
    let place = second_block() - 1;
    let bad = changed(&LOG.1[place], |mini| mini.receipts_root = B256::ZERO);
    let mut records: Vec<&[u8]> = LOG.1.iter().map(Vec::as_slice).collect();
    records[place] = &bad;
    let node = fresh(VerifyMode::Proofs);
    let batch = node.follower.apply_many(&records);
    assert_eq!(batch.applied.len(), place);
    assert!(matches!(batch.refusal, Some(FollowError::Bad(bad)) if bad.kind == Kind::Roots));
    let expected = Follows::after(VerifyMode::Proofs, place).fingerprint();
    assert_eq!(node.fingerprint(), expected);
    node.takes(&LOG.1[place..]);
}

#[test]
fn what_is_there_already_is_passed_over() {
    for mode in MODES {
        let node = fresh(mode);
        for (nth, record) in LOG.1.iter().enumerate() {
            assert!(node.follower.apply(record).unwrap().is_some());
            for again in &LOG.1[..=nth] {
                assert!(node.follower.apply(again).unwrap().is_none());
            }
        }
        let records: Vec<&[u8]> = LOG.1.iter().map(Vec::as_slice).collect();
        let batch = node.follower.apply_many(&records);
        assert_eq!(batch.refusal, None);
        assert!(batch.applied.iter().all(Option::is_none));
    }
    // A batch that begins with what is there.
    let node = Follows::after(VerifyMode::Proofs, first_block() - 1);
    let records: Vec<&[u8]> = LOG.1.iter().map(Vec::as_slice).collect();
    let batch = node.follower.apply_many(&records);
    assert_eq!(batch.refusal, None);
    let passed_over = batch.applied.iter().filter(|one| one.is_none()).count();
    assert_eq!(passed_over, first_block() - 1);
}

#[test]
fn a_follower_goes_on_where_its_own_log_ends() {
    for mode in MODES {
        for kept in 0..LOG.1.len() {
            let chain = chain_of(LOG.0.clone());
            for record in &LOG.1[..kept] {
                match is_block_record(record) {
                    true => chain.load_block(record, &[]).unwrap(),
                    false => chain.load_mini(record).unwrap(),
                }
            }
            let follower = Follower::new(chain.clone(), mode).unwrap();
            let node = Follows { chain, follower };
            node.takes(&LOG.1[kept..]);
            let expected = Follows::after(mode, LOG.1.len()).fingerprint();
            assert_eq!(node.fingerprint(), expected, "{mode:?} from {kept}");
        }
    }
}

#[test]
fn diffs_and_proofs_need_no_commitment() {
    let mut config = LOG.0.clone();
    config.follow_commitment = false;
    let chain = chain_of(config.clone());
    for mode in [VerifyMode::Roots, VerifyMode::Reexecute] {
        assert!(Follower::new(chain.clone(), mode).is_err());
    }
    let follower = Follower::new(chain.clone(), VerifyMode::Proofs).unwrap();
    let node = Follows { chain, follower };
    node.takes(&LOG.1);
    let expected = Follows::after(VerifyMode::Roots, LOG.1.len()).fingerprint();
    assert_eq!(node.fingerprint(), expected);
}

// --- what is wrong ------------------------------------------------------------------------------------------

#[test]
fn malformed_and_oversized_records_are_refused() {
    let node = fresh(VerifyMode::Proofs);
    let record = &LOG.1[0];
    node.refuses(&[], Kind::Malformed);
    node.refuses(&record[..record.len() - 1], Kind::Malformed);
    node.refuses(&[&record[..], &[0]].concat(), Kind::Malformed);
    node.refuses(&vec![0; (64 << 20) + 1], Kind::Size);
    node.refuses(&vec![0xc0; (64 << 10) + 1], Kind::Size);
    node.takes(&LOG.1);
}

#[test]
fn what_does_not_come_next_is_out_of_order() {
    let node = fresh(VerifyMode::Proofs);
    node.refuses(&LOG.1[1], Kind::Order);
    node.refuses(&LOG.1[first_block()], Kind::Order);
    let wrong: [fn(&mut MiniBlock); 4] = [
        |mini| mini.number += 1,
        |mini| mini.block_number += 1,
        |mini| mini.index += 1,
        |mini| mini.block_timestamp = 5,
    ];
    for wrong in wrong {
        node.refuses(&changed(&LOG.1[0], wrong), Kind::Order);
    }
    node.takes(&LOG.1[..1]);
    let later = changed(&LOG.1[1], |mini| mini.block_timestamp += 1);
    node.refuses(&later, Kind::Order);
    // A block before all of its mini-blocks are there, and one that counts them wrong.
    node.refuses(&LOG.1[first_block()], Kind::Order);
    node.takes(&LOG.1[1..first_block()]);
    let mut block = BlockRecord::decode(&LOG.1[first_block()]).unwrap();
    block.mini_count += 1;
    block.sign_content(&sequencer());
    node.refuses(&block.encode(), Kind::Order);
    node.takes(&LOG.1[first_block()..]);
}

#[test]
fn a_block_that_follows_another_parent_is_refused() {
    let node = Follows::after(VerifyMode::Proofs, second_block());
    let record = &LOG.1[second_block()];
    let parent = Some(B256::repeat_byte(7));
    let relinked = forge::block(record, Forgery::Relink, &[], parent, &sequencer()).unwrap();
    node.refuses(&relinked, Kind::Parent);
    node.takes(&LOG.1[second_block()..]);
}

#[test]
fn only_the_sequencer_signs_and_seals() {
    let node = fresh(VerifyMode::Proofs);
    for (place, record) in LOG.1.iter().enumerate() {
        if is_block_record(record) {
            let mut block = BlockRecord::decode(record).unwrap();
            block.sign_content(&key(3));
            node.refuses(&block.encode(), Kind::Seal);
        } else {
            let mut mini = MiniBlock::decode(record).unwrap();
            mini.sign_content(&key(3));
            node.refuses(&mini.encode(), Kind::Seal);
            mini.sign(&key(3));
            node.refuses(&mini.encode(), Kind::Signature);
        }
        node.takes(&LOG.1[place..=place]);
    }
}

#[test]
fn a_sequencer_cannot_be_put_into_office_by_its_own_diff() {
    let usurper = key(3);
    let slot = PlainKey::slot(mega_evm::SEQUENCER_REGISTRY_ADDRESS, U256::from(1));
    for place in [0, first_block() + 1] {
        let node = Follows::after(VerifyMode::Proofs, place);
        let mut mini = MiniBlock::decode(&LOG.1[place]).unwrap();
        let entries = &mut mini.diff.entries;
        entries.retain(|(key, _)| *key != slot);
        let at = entries.partition_point(|(key, _)| *key < slot);
        let office = PlainValue::from_slot(usurper.address().into_word().into());
        entries.insert(at, (slot, office));
        mini.sign(&usurper);
        node.refuses(&mini.encode(), Kind::Signature);
        node.takes(&LOG.1[place..]);
    }
}

#[test]
fn roots_and_sums_must_be_those_of_the_content() {
    let place = first_block() + 2;
    let node = Follows::after(VerifyMode::Proofs, place);
    let wrong: [fn(&mut MiniBlock); 6] = [
        |mini| mini.transactions_root = B256::ZERO,
        |mini| mini.receipts_root = B256::ZERO,
        |mini| mini.gas_used += 1,
        |mini| mini.txs[0].result.success = false,
        |mini| mini.txs[0].result.logs.clear(),
        |mini| mini.txs.swap(0, 1),
    ];
    for wrong in wrong {
        node.refuses(&changed(&LOG.1[place], wrong), Kind::Roots);
    }
    node.takes(&LOG.1[place..second_block()]);
    let wrong: [fn(&mut Header); 5] = [
        |header| header.transactions_root = B256::ZERO,
        |header| header.receipts_root = B256::ZERO,
        |header| header.logs_bloom.0[0] ^= 1,
        |header| header.gas_used += 1,
        |header| header.withdrawals_root = Some(B256::ZERO),
    ];
    for wrong in wrong {
        node.refuses(&with_header(&LOG.1[second_block()], wrong), Kind::Roots);
    }
    let wrong: [fn(&mut Header); 4] = [
        |header| header.gas_limit += 1,
        |header| header.extra_data = Bytes::new(),
        |header| header.timestamp += 1,
        |header| header.mix_hash = B256::ZERO,
    ];
    for wrong in wrong {
        node.refuses(&with_header(&LOG.1[second_block()], wrong), Kind::Header);
    }
    node.takes(&LOG.1[second_block()..]);
}

#[test]
fn a_diff_must_have_its_digest_and_its_code() {
    let creating = (first_block() + 1..second_block())
        .find(|place| {
            !MiniBlock::decode(&LOG.1[*place])
                .unwrap()
                .diff
                .codes
                .is_empty()
        })
        .unwrap();
    let node = Follows::after(VerifyMode::Proofs, creating);
    let mut mini = MiniBlock::decode(&LOG.1[creating]).unwrap();
    mini.diff.entries.pop();
    node.refuses(&mini.encode(), Kind::Diff);
    let without = changed(&LOG.1[creating], |mini| mini.diff.codes.clear());
    node.refuses(&without, Kind::Diff);
    let foreign = changed(&LOG.1[creating], |mini| {
        mini.diff.codes = vec![bytes!("00")];
        mini.diff.entries.retain(|(key, _)| key.slot.is_some());
    });
    node.refuses(&foreign, Kind::Diff);
    node.takes(&LOG.1[creating..]);
}

#[test]
fn two_things_signed_for_one_place_are_kept_as_evidence() {
    let node = Follows::after(VerifyMode::Proofs, LOG.1.len());
    for record in &LOG.1 {
        let other = match is_block_record(record) {
            true => forge::block(record, Forgery::Root, &[], None, &sequencer()).unwrap(),
            false => forge::mini(record, Forgery::Equivocation, 0, &sequencer(), None).unwrap(),
        };
        let bad = node.refuses(&other, Kind::Equivocation);
        assert_eq!(bad.evidence, [record.clone(), other]);
    }
    // What somebody else signed is no evidence against the sequencer.
    let record = &LOG.1[0];
    let other = forge::mini(record, Forgery::Equivocation, 0, &key(3), None).unwrap();
    let bad = node.refuses(&other, Kind::Signature);
    assert!(bad.evidence.is_empty());
}

/// A mini-block's record as it would be if somebody had led in this term, with that key.
fn led(record: &[u8], term: u64, sealer: &Key) -> Vec<u8> {
    let mut mini = MiniBlock::decode(record).unwrap();
    mini.leadership = Some(Leadership {
        term,
        key: sealer.address(),
    });
    mini.sign_header(&sequencer());
    mini.sign_content(sealer);
    mini.encode()
}

#[test]
fn who_leads_seals_and_nobody_else() {
    let place = first_block() + 2;
    let number = MiniBlock::decode(&LOG.1[place]).unwrap().number;
    let leaders = [(1, key(3)), (2, key(4))];
    let [(_, deposed), (_, leader)] = &leaders;
    let table = |first: u64, (term, key): &(u64, Key)| {
        let key = key.address();
        (first, Leadership { term: *term, key })
    };
    for mode in MODES {
        let node = Follows::after(mode, place);
        // Nobody leads: then nobody says so.
        node.refuses(&led(&LOG.1[place], 1, deposed), Kind::Signature);
        let table = vec![table(0, &leaders[0]), table(number, &leaders[1])];
        node.chain.leaders.set(table);
        let right = led(&LOG.1[place], 2, leader);
        let mut not_sealed = MiniBlock::decode(&right).unwrap();
        not_sealed.sign_content(&sequencer());
        for (wrong, kind) in [
            (LOG.1[place].clone(), Kind::Signature),
            (led(&LOG.1[place], 1, deposed), Kind::Signature),
            (led(&LOG.1[place], 3, leader), Kind::Signature),
            (led(&LOG.1[place], 2, deposed), Kind::Signature),
            (not_sealed.encode(), Kind::Seal),
        ] {
            node.refuses(&wrong, kind);
        }
        node.takes(std::slice::from_ref(&right));
        // Of two words of who leads on one thing there is evidence; what somebody else said is none.
        let again = |term, sealer: &Key| {
            let (lie, sequencer) = (Forgery::Equivocation, sequencer());
            let record = led(&LOG.1[place], term, sealer);
            forge::mini(&record, lie, 0, &sequencer, Some(sealer)).unwrap()
        };
        let bad = node.refuses(&again(2, leader), Kind::Equivocation);
        assert_eq!(bad.evidence, [right, again(2, leader)]);
        node.refuses(&again(1, deposed), Kind::Signature);
    }
}

// --- what only some modes notice ----------------------------------------------------------------------------

/// A lie in the mini-block at `place`, with its true gas.
fn lying(place: usize, lie: Forgery) -> Vec<u8> {
    forge::mini(&LOG.1[place], lie, 0, &sequencer(), None).unwrap()
}

#[test]
fn a_wrong_diff_is_noticed_by_execution_at_once_and_by_roots_when_the_block_closes() {
    let place = first_block() + 2;
    let lie = lying(place, Forgery::Diff);
    let node = Follows::after(VerifyMode::Reexecute, place);
    node.refuses(&lie, Kind::Diff);
    node.takes(&LOG.1[place..]);

    let node = Follows::after(VerifyMode::Roots, place);
    node.takes(std::slice::from_ref(&lie));
    node.takes(&LOG.1[place + 1..second_block()]);
    node.refuses(&LOG.1[second_block()], Kind::Roots);
    node.refuses(&LOG.1[second_block()], Kind::Roots);

    let node = Follows::after(VerifyMode::Proofs, place);
    node.takes(&[lie]);
    node.takes(&LOG.1[place + 1..=second_block()]);
}

#[test]
fn a_wrong_result_is_noticed_by_execution_only() {
    let place = first_block() + 2;
    let wrong = [
        lying(place, Forgery::Receipt),
        changed(&LOG.1[place], |mini| {
            mini.txs[0].result.usage.data_size += 1
        }),
        changed(&LOG.1[place], |mini| mini.txs[0].sender = account(4)),
    ];
    for lie in wrong {
        let node = Follows::after(VerifyMode::Reexecute, place);
        node.refuses(&lie, Kind::Execution);
        node.takes(&LOG.1[place..]);
        for mode in [VerifyMode::Proofs, VerifyMode::Roots] {
            Follows::after(mode, place).takes(std::slice::from_ref(&lie));
        }
    }
}

#[test]
fn a_wrong_state_root_is_noticed_by_those_who_keep_the_commitment() {
    let place = second_block();
    let lie = forge::block(&LOG.1[place], Forgery::Root, &[], None, &sequencer()).unwrap();
    for mode in [VerifyMode::Roots, VerifyMode::Reexecute] {
        let node = Follows::after(mode, place);
        node.refuses(&lie, Kind::Roots);
        node.takes(&LOG.1[place..]);
    }
    Follows::after(VerifyMode::Proofs, place).takes(&[lie]);
}

/// The second block's record as if it ended before `place`, which its state root knows nothing of.
fn ended_early(place: usize) -> Vec<u8> {
    let mut sums = BlockRoots::default();
    for record in &LOG.1[first_block() + 1..place] {
        let txs = MiniBlock::decode(record).unwrap().txs;
        sums.add(&Leaves::of(&txs, sums.gas()).unwrap());
    }
    let block = BlockRecord::decode(&LOG.1[second_block()]).unwrap();
    let header = Header {
        transactions_root: sums.transactions_root(),
        receipts_root: sums.receipts_root(),
        logs_bloom: *sums.bloom(),
        gas_used: sums.gas(),
        withdrawals_root: BlockRecord::decode(&LOG.1[first_block()])
            .unwrap()
            .header
            .withdrawals_root,
        ..block.header
    };
    let count = (place - first_block() - 1) as u64;
    let mut block = BlockRecord::new(header, block.first_mini, count, block.commitment);
    block.sign_content(&sequencer());
    block.encode()
}

#[test]
fn a_block_that_was_refused_for_its_state_root_goes_on() {
    for mode in [VerifyMode::Roots, VerifyMode::Reexecute] {
        for place in first_block() + 2..second_block() {
            let node = Follows::after(mode, place);
            for _ in 0..2 {
                let bad = node.refuses(&ended_early(place), Kind::Roots);
                assert!(bad.reason.contains("state root"), "{bad}");
            }
            node.takes(&LOG.1[place..]);
            let expected = Follows::after(mode, LOG.1.len());
            assert_eq!(node.fingerprint(), expected.fingerprint());
            let root = |node: &Follows| node.chain.commitment.read().state().root();
            assert_eq!(root(&node), root(&expected));
        }
    }
}

/// What can be told at a place of the log instead of the truth: of a mini-block, or of a block.
fn lies_at(place: usize) -> Vec<(Forgery, Vec<u8>)> {
    let record = &LOG.1[place];
    let block = |lie, parent| forge::block(record, lie, &[], parent, &sequencer()).unwrap();
    if is_block_record(record) {
        let other = Some(B256::repeat_byte(7));
        return vec![
            (Forgery::Root, block(Forgery::Root, None)),
            (Forgery::Relink, block(Forgery::Relink, other)),
        ];
    }
    let first = LOG.1[..place]
        .iter()
        .rposition(|record| is_block_record(record));
    let before = &LOG.1[first.map_or(0, |first| first + 1)..place];
    let gas = before
        .iter()
        .map(|record| MiniBlock::decode(record).unwrap().gas_used);
    let gas = gas.sum();
    [Forgery::Diff, Forgery::Receipt, Forgery::Equivocation]
        .into_iter()
        .filter_map(|lie| Some((lie, forge::mini(record, lie, gas, &sequencer(), None).ok()?)))
        .collect()
}

/// By whom a lie is refused at the place where it is told. What isn't refused there is noticed when the block
/// closes, by another record of the same place, or by provers.
fn refused_as(lie: Forgery, mode: VerifyMode) -> Option<Kind> {
    match (lie, mode) {
        (Forgery::Diff, VerifyMode::Reexecute) => Some(Kind::Diff),
        (Forgery::Receipt, VerifyMode::Reexecute) => Some(Kind::Execution),
        (Forgery::Root, VerifyMode::Roots | VerifyMode::Reexecute) => Some(Kind::Roots),
        (Forgery::Relink, _) => Some(Kind::Parent),
        _ => None,
    }
}

#[test]
fn each_lie_is_refused_by_who_can_tell_at_every_place_and_the_truth_is_taken_after_it() {
    for mode in MODES {
        for (place, truth) in LOG.1.iter().enumerate() {
            for (lie, told) in lies_at(place) {
                let node = Follows::after(mode, place);
                match refused_as(lie, mode) {
                    Some(kind) => {
                        node.refuses(&told, kind);
                        node.refuses(&told, kind);
                        node.takes(&LOG.1[place..]);
                    }
                    None => {
                        node.takes(std::slice::from_ref(&told));
                        let bad = node.refuses(truth, Kind::Equivocation);
                        assert_eq!(bad.evidence, [told, truth.clone()]);
                    }
                }
            }
        }
    }
}

/// Whoever took a lie in cuts its log back to the last block, and takes the truth from there.
#[test]
fn a_follower_begins_anew_behind_a_lie() {
    let (open, place) = (first_block() + 1, first_block() + 2);
    for (mode, lie) in [
        (VerifyMode::Proofs, Forgery::Receipt),
        (VerifyMode::Roots, Forgery::Receipt),
        (VerifyMode::Roots, Forgery::Diff),
    ] {
        let told = &lies_at(place)
            .into_iter()
            .find(|one| one.0 == lie)
            .unwrap()
            .1;
        let node = Follows::after(mode, place);
        node.takes(std::slice::from_ref(told));
        node.takes(&LOG.1[place + 1..second_block()]);
        node.refuses(&LOG.1[second_block()], Kind::Roots);
        let anew = Follows::after(mode, open);
        anew.takes(&LOG.1[open..]);
    }
}

#[test]
fn a_block_may_sum_up_lies_consistently() {
    let place = first_block() + 2;
    let lie = lying(place, Forgery::Receipt);
    let node = Follows::after(VerifyMode::Proofs, place);
    node.takes(std::slice::from_ref(&lie));
    node.takes(&LOG.1[place + 1..second_block()]);
    node.refuses(&LOG.1[second_block()], Kind::Roots);
    let mut minis: Vec<&[u8]> = vec![&LOG.1[place - 1], &lie];
    minis.extend(LOG.1[place + 1..second_block()].iter().map(Vec::as_slice));
    let record = &LOG.1[second_block()];
    let block = forge::block(record, Forgery::Receipt, &minis, None, &sequencer()).unwrap();
    node.takes(&[block]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whoever passes a record on can't change a byte of it.
    #[test]
    fn a_record_with_any_byte_changed_is_refused_and_leaves_no_trace(
        garblings in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 60),
        mode in prop::sample::select(MODES.to_vec()),
    ) {
        let node = fresh(mode);
        let mut garblings = garblings.into_iter();
        let each = 60 / LOG.1.len();
        for record in &LOG.1 {
            let before = node.fingerprint();
            for (place, flip) in garblings.by_ref().take(each) {
                let mut garbled = record.clone();
                garbled[place.index(record.len())] ^= flip;
                let refused = node.follower.apply(&garbled);
                prop_assert!(matches!(refused, Err(FollowError::Bad(_))), "{refused:?}");
            }
            prop_assert_eq!(node.fingerprint(), before);
            prop_assert!(node.follower.apply(record).unwrap().is_some());
        }
    }
}

/// What a peer may do to a log.
#[derive(Clone, Debug)]
enum Fault {
    Flip(prop::sample::Index, u8),
    Root,
    Repeat(prop::sample::Index),
    Leave,
}

impl Fault {
    fn apply(&self, log: &mut Vec<Vec<u8>>, place: usize) {
        match self {
            Self::Flip(at, flip) => {
                let at = at.index(log[place].len());
                log[place][at] ^= flip;
            }
            Self::Root => {
                log[place] = match is_block_record(&log[place]) {
                    true => with_header(&log[place], |header| header.state_root = B256::ZERO),
                    false => changed(&log[place], |mini| mini.receipts_root = B256::ZERO),
                }
            }
            Self::Repeat(other) => {
                let again = log[other.index(log.len())].clone();
                log.insert(place, again);
            }
            Self::Leave => drop(log.remove(place)),
        }
    }
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        (any::<prop::sample::Index>(), 1..=255_u8).prop_map(|(at, flip)| Fault::Flip(at, flip)),
        Just(Fault::Root),
        any::<prop::sample::Index>().prop_map(Fault::Repeat),
        Just(Fault::Leave),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_batch_does_what_its_records_do_one_by_one(
        fault in faults(),
        place in any::<prop::sample::Index>(),
        before in any::<prop::sample::Index>(),
        mode in prop::sample::select(MODES.to_vec()),
        cores in prop::sample::select(vec![1, 3]),
    ) {
        let mut log = LOG.1.clone();
        fault.apply(&mut log, place.index(LOG.1.len()));
        let [single, batched] = [(), ()].map(|()| fresh(mode));
        // Both have taken something before, so that the batch begins anywhere.
        let begin = before.index(log.len());
        for node in [&single, &batched] {
            let _ = log[..begin].iter().try_for_each(|record| node.follower.apply(record).map(drop));
        }
        let (mut applied, mut refusal) = (Vec::new(), None);
        for record in &log[begin..] {
            match single.follower.apply(record) {
                Ok(one) => applied.push(one.map(|_| record)),
                Err(error) => {
                    refusal = Some(error);
                    break;
                }
            }
        }
        let records: Vec<&[u8]> = log[begin..].iter().map(Vec::as_slice).collect();
        let batch = on_cores(cores, || batched.follower.apply_many(&records));
        prop_assert_eq!(&batch.refusal, &refusal);
        prop_assert_eq!(batch.applied.len(), applied.len());
        for (one, alone) in batch.applied.iter().zip(&applied) {
            prop_assert_eq!(one.is_some(), alone.is_some());
        }
        prop_assert_eq!(batched.fingerprint(), single.fingerprint());
        let counted = |node: &Follows| {
            let metrics = node.follower.metrics();
            [&metrics.minis, &metrics.blocks, &metrics.known, &metrics.refused]
                .map(|counter| counter.load(std::sync::atomic::Ordering::Relaxed))
        };
        prop_assert_eq!(counted(&batched), counted(&single));
    }
}

// --- the engine ---------------------------------------------------------------------------------------------

#[test]
fn a_following_engine_reads_but_leaves_transactions_to_others() {
    let engine = Engine::new(LOG.0.clone(), Arc::new(EmptyArchive)).unwrap();
    let submit = |method: &str| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": []});
        engine.rpc.submit(body.to_string().as_bytes(), 1)
    };
    assert!(engine.follower().is_none());
    engine.follow(VerifyMode::Proofs).unwrap();
    for method in [
        "eth_sendRawTransaction",
        "realtime_sendRawTransaction",
        "eth_sendRawTransactionSync",
        "mega_depositTransaction",
    ] {
        assert_eq!(submit(method), Submitted::Foreign, "{method}");
        assert!(!engine.rpc.methods().contains(&method));
    }
    assert!(matches!(submit("eth_chainId"), Submitted::Answered(_)));
    assert!(engine.start().is_err(), "who follows doesn't build");
    assert!(matches!(
        engine.follow(VerifyMode::Proofs),
        Err(EngineError::Restore(_))
    ));
    let records: Vec<&[u8]> = LOG.1.iter().map(Vec::as_slice).collect();
    let batch = engine.follower().unwrap().apply_many(&records);
    assert_eq!(batch.refusal, None);
    engine.durable(engine.chain.world.version() - 1, 2);
    let metrics = engine.metrics();
    assert_eq!(metrics["follower_blocks"], 2);
    assert_eq!(metrics["visible_block"], 2);
    assert!(engine.stop().is_ok());
}
