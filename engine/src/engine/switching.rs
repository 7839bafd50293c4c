//! An engine goes from building to following and back, and the chain that comes of it is one chain.

use super::*;
use crate::block::{Leadership, MiniBlock, is_block_record};
use crate::builder::testing::{self, Draft, SPEC, account, key, sign};
use crate::follower::{BadData, FollowError, Kind};
use crate::state::EmptyArchive;
use alloy_primitives::hex;
use serde_json::{Value, json};
use std::thread::JoinHandle;

/// Records in the order of the log.
type Records = Vec<Vec<u8>>;

/// An engine, and its log in memory.
struct Node {
    engine: Arc<Engine>,
    log: Arc<Mutex<Records>>,
    writer: Option<JoinHandle<()>>,
}

fn config() -> ChainConfig {
    let mut config = testing::config(SPEC, &[]);
    config.block_time_ms = 100;
    config
}

impl Node {
    fn new(config: ChainConfig) -> Self {
        let engine = Engine::new(config, Arc::new(EmptyArchive)).unwrap();
        Self {
            engine: Arc::new(engine),
            log: Arc::default(),
            writer: None,
        }
    }

    fn build(&mut self) {
        self.engine.start().unwrap();
        let (engine, log) = (self.engine.clone(), self.log.clone());
        self.writer = Some(std::thread::spawn(move || write(&engine, &log)));
    }

    fn follow(&self, verify: VerifyMode, leader: &Self) {
        self.engine.follow(verify).unwrap();
        let follower = self.engine.follower().unwrap();
        let known = self.log.lock().len();
        let new = leader.log.lock()[known..].to_vec();
        let records: Vec<&[u8]> = new.iter().map(Vec::as_slice).collect();
        let batch = follower.apply_many(&records);
        assert_eq!(batch.refusal, None);
        durable(&self.engine, batch.applied.iter().flatten());
        self.log.lock().extend(new);
    }

    fn halt(&mut self) {
        self.engine.halt().unwrap();
        if let Some(writer) = self.writer.take() {
            writer.join().unwrap();
        }
        assert!(matches!(
            self.engine
                .next_sealed(Duration::from_secs(60), Duration::ZERO),
            Ok(None)
        ));
    }

    fn call(&self, method: &str, params: &Value) -> Value {
        let answer = self.engine.rpc.call(method, &params.to_string());
        serde_json::from_slice(&answer.unwrap()).unwrap()
    }

    /// Has a transfer executed; its receipt.
    fn transfer(&self, nonce: u64) -> Value {
        let draft = Draft {
            nonce,
            value: 1,
            ..Draft::default()
        };
        let raw = hex::encode_prefixed(&sign(&self.engine.chain, &draft).raw);
        self.call("realtime_sendRawTransaction", &json!([raw]))
    }

    /// Waits until one more block is in the log.
    fn until_next_block(&self) {
        let recent = &self.engine.chain.recent;
        let before = recent.visible_block();
        while recent.visible_block() == before {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Everything that the two should agree on.
    fn assert_same(&self, other: &Self) {
        assert_eq!(*self.log.lock(), *other.log.lock());
        let (here, there) = (&self.engine.chain, &other.engine.chain);
        assert_eq!(here.world.len(), there.world.len());
        here.world
            .for_each(|key, value| assert_eq!(there.world.tip(&key), value));
        let roots = [here, there].map(|chain| chain.commitment.read().state().root());
        assert_eq!(roots[0], roots[1]);
        let block = format!("{:#x}", here.recent.visible_block());
        for method in ["eth_getBlockReceipts", "eth_getBlockByNumber"] {
            let params = match method {
                "eth_getBlockByNumber" => json!([block, true]),
                _ => json!([block]),
            };
            assert_eq!(self.call(method, &params), other.call(method, &params));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.engine.stop();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// The log thread of a builder.
fn write(engine: &Engine, log: &Mutex<Records>) {
    while let Some(sealed) = engine
        .next_sealed(Duration::from_secs(60), Duration::ZERO)
        .unwrap()
    {
        log.lock().extend(sealed.iter().map(|one| match one {
            Sealed::Mini(mini) => mini.encode(),
            Sealed::Block { record, .. } => record.encode(),
        }));
        durable(engine, sealed.iter());
    }
}

fn durable<'a>(engine: &Engine, sealed: impl Iterator<Item = &'a Sealed>) {
    let recent = &engine.chain.recent;
    let (mut minis, mut block) = (recent.visible_minis(), recent.visible_block());
    for one in sealed {
        match one {
            Sealed::Mini(mini) => minis = mini.number + 1,
            Sealed::Block { record, .. } => block = record.header.number,
        }
    }
    if let Some(mini) = minis.checked_sub(1) {
        engine.durable(mini, block);
    }
}

#[test]
fn two_engines_take_turns_in_building_one_chain() {
    for verify in [VerifyMode::Proofs, VerifyMode::Roots, VerifyMode::Reexecute] {
        let [mut first, mut second] = [config(), config()].map(Node::new);
        for turn in 0..2 {
            for (nonce, leads) in [(4 * turn, true), (4 * turn + 2, false)] {
                let (leader, follower) = match leads {
                    true => (&mut first, &mut second),
                    false => (&mut second, &mut first),
                };
                leader.build();
                let receipt = leader.transfer(nonce);
                assert_eq!(receipt["status"], "0x1");
                leader.until_next_block();
                // In the block that is left open, most often.
                leader.transfer(nonce + 1);
                leader.halt();
                follower.follow(verify, leader);
                leader.assert_same(follower);
                let hash = &receipt["transactionHash"];
                let there = follower.call("eth_getTransactionReceipt", &json!([hash]));
                assert_eq!(there["blockNumber"], receipt["blockNumber"]);
                assert_eq!(there["gasUsed"], receipt["gasUsed"]);
                follower.halt();
            }
        }
        let count = first.call("eth_getTransactionCount", &json!([account(0), "latest"]));
        assert_eq!(count, "0x8");
        // Who executes everything from the beginning on finds nothing wrong.
        let third = Node::new(config());
        third.follow(VerifyMode::Reexecute, &first);
        third.assert_same(&first);
        let log = first.log.lock();
        assert!(log.iter().filter(|record| is_block_record(record)).count() >= 4);
    }
}

/// As whom an engine leads in a term, and what everybody is told of it.
fn leads(term: u64) -> (Key, Leadership) {
    let key = key(100 + term as u8);
    let leadership = Leadership {
        term,
        key: key.address(),
    };
    (key, leadership)
}

#[test]
fn two_engines_take_turns_with_keys_of_their_own() {
    for verify in [VerifyMode::Proofs, VerifyMode::Roots, VerifyMode::Reexecute] {
        let [mut first, mut second, third] = [config(), config(), config()].map(Node::new);
        let mut table = Vec::new();
        for term in 1..=4 {
            let (key, leadership) = leads(term);
            let (leader, follower) = match term % 2 {
                1 => (&mut first, &mut second),
                _ => (&mut second, &mut first),
            };
            table.push((leader.engine.chain.world.version(), leadership));
            for node in [&*leader, &*follower, &third] {
                node.engine.chain.leaders.set(table.clone());
            }
            leader.engine.lead_as(term, key).unwrap();
            leader.build();
            leader.transfer(2 * term - 2);
            leader.until_next_block();
            leader.transfer(2 * term - 1);
            leader.halt();
            follower.follow(verify, leader);
            leader.assert_same(follower);
            follower.halt();
        }
        // Who learns of all of it at once takes it, too.
        third.follow(VerifyMode::Reexecute, &first);
        third.assert_same(&first);
        let log = first.log.lock();
        let minis = log.iter().filter(|record| !is_block_record(record));
        let mut terms: Vec<u64> = minis
            .map(|record| {
                let led = MiniBlock::decode(record).unwrap().leadership;
                led.unwrap().term
            })
            .collect();
        assert!(terms.is_sorted());
        terms.dedup();
        assert_eq!(terms, [1, 2, 3, 4]);
    }
}

#[test]
fn what_a_deposed_leader_builds_is_refused() {
    for verify in [VerifyMode::Proofs, VerifyMode::Roots, VerifyMode::Reexecute] {
        let [mut deposed, node] = [config(), config()].map(Node::new);
        let [(key, first), (_, second)] = [1, 2].map(leads);
        deposed.engine.lead_as(1, key).unwrap();
        deposed.engine.chain.leaders.set(vec![(0, first)]);
        deposed.build();
        deposed.transfer(0);
        deposed.halt();
        let record = deposed.log.lock()[0].clone();
        node.engine.chain.leaders.set(vec![(0, second)]);
        node.engine.follow(verify).unwrap();
        let batch = node.engine.follower().unwrap().apply_many(&[&record]);
        assert!(batch.applied.is_empty());
        let Some(FollowError::Bad(BadData { kind, reason, .. })) = batch.refusal else {
            panic!("it was taken");
        };
        assert_eq!(kind, Kind::Signature);
        assert!(reason.contains(&second.to_string()) && reason.contains(&first.to_string()));
        assert_eq!(node.engine.chain.world.version(), 0);
    }
}

#[test]
fn who_builds_does_not_change_its_term() {
    let mut node = Node::new(config());
    node.build();
    let (key, _) = leads(1);
    let outcome = node.engine.lead_as(1, key);
    assert!(matches!(
        outcome,
        Err(EngineError::Restore(RestoreError::Running))
    ));
    node.halt();
}

#[test]
fn who_builds_or_follows_halts_before_it_does_the_other() {
    let mut node = Node::new(config());
    let refused = |outcome: Result<(), EngineError>| {
        matches!(outcome, Err(EngineError::Restore(RestoreError::Running)))
    };
    node.build();
    assert!(refused(node.engine.follow(VerifyMode::Proofs)));
    assert!(node.engine.builder().is_some());
    node.halt();
    assert!(node.engine.builder().is_none());
    node.engine.follow(VerifyMode::Proofs).unwrap();
    assert!(refused(node.engine.start()));
    assert!(refused(node.engine.follow(VerifyMode::Roots)));
    node.halt();
    node.halt();
    assert!(node.engine.follower().is_none());
}

#[test]
fn a_follower_that_was_let_go_applies_nothing_more() {
    let [mut leader, mut node] = [config(), config()].map(Node::new);
    leader.build();
    leader.transfer(0);
    leader.halt();
    node.engine.follow(VerifyMode::Proofs).unwrap();
    let follower = node.engine.follower().unwrap();
    node.halt();
    let batch = follower.apply_many(&[&leader.log.lock()[0]]);
    assert!(batch.applied.is_empty() && batch.refusal.is_some());
    assert_eq!(node.engine.chain.world.version(), 0);
}

#[test]
fn nothing_is_built_upon_what_is_not_in_the_log() {
    let [mut leader, node] = [config(), config()].map(Node::new);
    leader.build();
    leader.transfer(0);
    leader.halt();
    node.engine.follow(VerifyMode::Proofs).unwrap();
    let batch = {
        let log = leader.log.lock();
        node.engine.follower().unwrap().apply_many(&[&log[0]])
    };
    node.engine.halt().unwrap();
    for outcome in [node.engine.start(), node.engine.follow(VerifyMode::Proofs)] {
        assert!(matches!(outcome, Err(EngineError::Unwritten(0))));
    }
    durable(&node.engine, batch.applied.iter().flatten());
    node.engine.follow(VerifyMode::Proofs).unwrap();
}

#[test]
fn who_keeps_no_commitment_does_not_build() {
    let mut config = config();
    config.follow_commitment = false;
    let node = Node::new(config);
    assert!(matches!(
        node.engine.start(),
        Err(EngineError::Restore(RestoreError::Commitment(
            CommitError::Off
        )))
    ));
    node.engine.follow(VerifyMode::Proofs).unwrap();
}

#[test]
fn transactions_that_wait_are_kept_by_who_halts_and_dropped_by_who_follows() {
    let mut node = Node::new(config());
    node.build();
    let gapped = Draft {
        nonce: 1,
        ..Draft::default()
    };
    let raw = hex::encode_prefixed(&sign(&node.engine.chain, &gapped).raw);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "realtime_sendRawTransaction", "params": [raw]});
    let submitted = node.engine.rpc.submit(body.to_string().as_bytes(), 7);
    assert_eq!(submitted, crate::rpc::Submitted::Taken);
    while node.engine.pool.status().queued == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    node.halt();
    assert_eq!(node.engine.pool.status().queued, 1);
    assert!(node.engine.rpc.completions().is_empty());

    node.engine.follow(VerifyMode::Proofs).unwrap();
    assert_eq!(node.engine.pool.status(), Default::default());
    let answers = node.engine.rpc.completions();
    let answer = String::from_utf8_lossy(answers[0].1.body()).into_owned();
    assert!(
        answer.contains("another node builds the chain now"),
        "{answer}"
    );
    assert!(
        !node
            .engine
            .rpc
            .methods()
            .contains(&"eth_sendRawTransaction")
    );

    node.halt();
    node.build();
    assert!(
        node.engine
            .rpc
            .methods()
            .contains(&"eth_sendRawTransaction")
    );
    assert_eq!(node.transfer(0)["status"], "0x1");
    assert_eq!(node.transfer(1)["status"], "0x1");
}

#[test]
fn what_is_handed_over_is_answered_when_its_mini_block_comes() {
    let [mut before, mut after] = [config(), config()].map(Node::new);
    before.build();
    let draft = |nonce| Draft {
        nonce,
        value: 1,
        ..Draft::default()
    };
    let raw = hex::encode_prefixed(&sign(&before.engine.chain, &draft(1)).raw);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "realtime_sendRawTransaction", "params": [raw]});
    before.engine.rpc.submit(body.to_string().as_bytes(), 7);
    while before.engine.pool.status().queued == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(matches!(
        before.engine.hand_over(),
        Err(EngineError::Restore(RestoreError::Running))
    ));
    before.halt();
    let handed = before.engine.hand_over().unwrap();
    assert_eq!(
        handed.iter().map(hex::encode_prefixed).collect::<Vec<_>>(),
        [raw]
    );
    after.follow(VerifyMode::Roots, &before);
    after.halt();
    after.build();
    assert_eq!(after.transfer(0)["status"], "0x1");
    let sent = after.call(
        "realtime_sendRawTransaction",
        &json!([hex::encode_prefixed(&handed[0])]),
    );
    after.halt();
    assert!(before.engine.rpc.completions().is_empty());
    before.follow(VerifyMode::Roots, &after);
    let answers = before.engine.rpc.completions();
    let answer: Value = serde_json::from_slice(answers[0].1.body()).unwrap();
    assert_eq!(answer["result"]["transactionHash"], sent["transactionHash"]);
    assert_eq!(answer["result"]["status"], "0x1");
}

#[test]
fn switching_leaves_nothing_behind() {
    let mut node = Node::new(config());
    let mut held = Vec::new();
    for _ in 0..3 {
        node.build();
        node.halt();
        node.engine.follow(VerifyMode::Reexecute).unwrap();
        node.halt();
        held.push(Arc::strong_count(&node.engine.chain));
    }
    assert_eq!(held[0], held[2]);
    let chain = Arc::downgrade(&node.engine.chain);
    drop(node);
    assert!(chain.upgrade().is_none(), "a thread holds the chain");
}
