//! Blocks of a devnet, with the witnesses that its nodes make: they verify, and a lie of a node shows.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, TxKind, address, bytes, keccak256};
use op_alloy_consensus::TxDeposit;
use serde_json::{Value, json};

use crate::{
    block::{BlockRecord, MiniBlock},
    builder::testing::{Draft, Tx},
    rpc::testing::*,
    salt::{types::META_BUCKETS, withdrawals::MptWitness},
    verify::{
        Report,
        stateless::{ChainRules, CheckInput, Comparison, check, code_hashes, open_packed, pack},
    },
    witness::{block_witness, rules_json},
};

/// Keeps the hash of the block before the parent in slot 0.
const ASKS_HASH: Address = address!("00000000000000000000000000000000000c00aa");

/// Everything that a prover fetches.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) block: String,
    parent: String,
    pub(super) witness: Vec<u8>,
    codes: Vec<(B256, Bytes)>,
    pub(super) parent_record: Option<BlockRecord>,
    pub(super) minis: Vec<MiniBlock>,
    pub(super) record: BlockRecord,
    rules: ChainRules,
}

impl Given {
    pub(super) fn of(net: &Devnet, number: u64) -> Self {
        let chain = &net.node.chain;
        let block = chain.block(number).unwrap().unwrap();
        let parent = chain.block(number - 1).unwrap().unwrap();
        let minis: Vec<Arc<MiniBlock>> = (block.first_mini..block.next_mini())
            .map(|mini| chain.mini(mini).unwrap().unwrap())
            .collect();
        let before = chain
            .view_at(alloy_eips::BlockId::number(number - 1))
            .unwrap();
        let both = block_witness(chain, &block, &parent, &minis, &before).unwrap();
        let witness = pack(&both, &[]).unwrap();
        let json = |number: u64, full: bool| {
            let params = json!([format!("{number:#x}"), full]);
            net.get("eth_getBlockByNumber", &params).to_string()
        };
        let codes = code_hashes(&witness).unwrap().into_iter().map(|hash| {
            let code = net.get("eth_getCodeByHash", &json!([hash]));
            (hash, serde_json::from_value(code).unwrap())
        });
        Self {
            block: json(number, true),
            parent: json(number - 1, false),
            codes: codes.collect(),
            witness,
            parent_record: Some(BlockRecord::clone(&parent)),
            minis: minis.iter().map(|mini| MiniBlock::clone(mini)).collect(),
            record: BlockRecord::clone(&block),
            rules: ChainRules::from_json(&rules_json(chain)).unwrap(),
        }
    }

    /// The log of the block, from its parent's record on.
    pub(super) fn records(&self) -> Vec<Vec<u8>> {
        let parent = self.parent_record.iter().map(BlockRecord::encode);
        let minis = self.minis.iter().map(MiniBlock::encode);
        parent.chain(minis).chain([self.record.encode()]).collect()
    }

    pub(super) fn check(&self) -> Report {
        self.check_with(&self.records())
    }

    pub(super) fn check_with(&self, records: &[Vec<u8>]) -> Report {
        self.check_by(Comparison::StateRoot, records)
    }

    fn check_by(&self, comparison: Comparison, records: &[Vec<u8>]) -> Report {
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        check(&CheckInput {
            block: self.block.as_bytes(),
            parent: self.parent.as_bytes(),
            witness: &self.witness,
            codes: &self.codes,
            records: &records,
            comparison,
            rules: &self.rules,
        })
        .unwrap()
    }
}

pub(super) fn assert_right(net: &Devnet, numbers: impl IntoIterator<Item = u64>, what: &str) {
    for number in numbers {
        let report = Given::of(net, number).check();
        let json = report.to_json();
        let json = String::from_utf8_lossy(&json);
        assert!(report.ok(), "{what}, block {number}: {json}");
    }
}

#[test]
fn blocks_of_a_devnet_pass_every_check() {
    let net = Devnet::busy();
    assert_right(&net, 1..=2, "rex6");
    let report = Given::of(&net, 2).check();
    let claim = report.claim.unwrap();
    let parent = net.node.chain.block(1).unwrap().unwrap();
    assert_eq!(claim.parent_state_root, parent.header.state_root);
}

#[test]
fn who_has_applied_the_diffs_need_not_have_the_state_root_computed_again() {
    let net = Devnet::busy();
    let mut given = Given::of(&net, 2);
    let names =
        |report: &Report| -> Vec<&str> { report.checks.iter().map(|check| check.name).collect() };
    let by_diffs =
        |given: &Given, records: &[Vec<u8>]| given.check_by(Comparison::StateDiffs, records);
    let whole = given.check();
    let report = by_diffs(&given, &given.records());
    assert!(report.ok());
    let mut expected = names(&whole);
    expected.retain(|name| *name != "state root");
    assert_eq!(names(&report), expected);
    assert_eq!(report.claim, whole.claim);
    // Where there are no diffs to compare, the root is.
    assert!(names(&by_diffs(&given, &[])).contains(&"state root"));
    // What was applied is what is compared.
    given.minis[1].diff.entries.pop();
    let failures = by_diffs(&given, &given.records()).failures();
    assert!(failures.contains(&"state diffs"), "{failures:?}");
}

#[test]
fn every_spec_is_replayed_by_its_own_rules() {
    for spec in crate::evm::SPEC_NAMES {
        let mut net = Devnet::with(spec, |_| {});
        net.run(&Draft::default());
        net.block();
        net.send(&calling(COUNTER, [], 1));
        let clock = bytes!("b80777ea");
        net.send(&calling(HIGH_PRECISION_TIMESTAMP, clock, 2));
        for mint in [0, 5] {
            net.include(&deposit(mint));
        }
        net.block();
        assert_right(&net, 1..=2, spec);
    }
}

fn deposit(mint: u128) -> Tx {
    Tx::deposit(TxDeposit {
        from: Address::repeat_byte(0x33),
        to: TxKind::Call(COUNTER),
        mint,
        gas_limit: 200_000,
        ..TxDeposit::default()
    })
}

#[test]
fn a_genesis_document_tells_what_the_block_that_deploys_the_registry_writes() {
    let mut net = Devnet::with("rex6", |config| {
        let alloc = &mut config.genesis.alloc;
        alloc.remove(&mega_evm::SEQUENCER_REGISTRY_ADDRESS);
    });
    net.block();
    let mut given = Given::of(&net, 1);
    let sequencer = net.node.chain.sequencer.address();
    let mut config = json!({
        "miniRexTime": 0, "rexTime": 0, "rex1Time": 0, "rex2Time": 0, "rex3Time": 0, "rex4Time": 0,
        "rex5Time": 0, "rex5InitialSequencer": sequencer, "rex5InitialAdmin": sequencer,
        "rex6Time": 0, "rex6MinRotationDelay": 1,
    });
    let mut check = |config: &Value| {
        let rules = json!({"chainId": 6343, "config": config}).to_string();
        given.rules = ChainRules::from_json(rules.as_bytes()).unwrap();
        given.check().ok()
    };
    assert!(check(&config));
    config["rex6MinRotationDelay"] = json!(2);
    assert!(!check(&config));
    config["rex6MinRotationDelay"] = json!(1);
    config["rex5InitialAdmin"] = json!(Address::repeat_byte(1));
    assert!(!check(&config));
}

#[test]
fn a_deposit_is_read_however_a_node_tells_that_it_is_no_system_transaction() {
    let mut net = Devnet::new();
    net.include(&deposit(5));
    net.block();
    let given = Given::of(&net, 1);
    for (told, failures) in [
        (json!(null), &[][..]),
        (json!(false), &[]),
        (json!("0x0"), &[]),
        // Which is another transaction.
        (json!(true), &["transaction hashes", "transactions root"]),
    ] {
        let mut block: Value = serde_json::from_str(&given.block).unwrap();
        let deposit = block["transactions"][0].as_object_mut().unwrap();
        deposit.remove("isSystemTx");
        if !told.is_null() {
            deposit.insert("isSystemTx".to_owned(), told.clone());
        }
        let block = block.to_string();
        let report = Given {
            block,
            ..given.clone()
        }
        .check();
        let failed = report.failures();
        let found: Vec<&str> = failures
            .iter()
            .copied()
            .filter(|name| failed.contains(name))
            .collect();
        assert_eq!(found, failures, "{told}: {failed:?}");
        assert_eq!(report.ok(), failures.is_empty(), "{told}: {failed:?}");
    }
}

#[test]
fn a_chain_with_few_buckets_is_checked_with_their_capacities() {
    let mut net = Devnet::with("rex6", |config| {
        config.salt_data_buckets = 1;
        config.bucket_capacities.insert(META_BUCKETS, 1024);
    });
    net.run(&Draft::default());
    net.block();
    net.send(&calling(COUNTER, [], 1));
    net.block();
    assert_right(&net, 1..=2, "one bucket");
}

#[test]
fn hashes_of_older_blocks_come_from_the_state() {
    let mut net = Devnet::with("rex6", |config| {
        let account = crate::state::GenesisAccount {
            nonce: 1,
            code: bytes!("6002430340600055"),
            ..Default::default()
        };
        config.genesis.alloc.insert(ASKS_HASH, account);
    });
    for nonce in 0..4 {
        net.send(&calling(ASKS_HASH, [], nonce));
        net.block();
    }
    assert_right(&net, 1..=4, "BLOCKHASH");
}

/// The withdrawals witness, read as the reference validator reads it: from the root's node on, whatever
/// the block does.
fn withdrawals_nodes(given: &Given) -> Vec<Vec<u8>> {
    let (_, withdrawals) = open_packed(&given.witness).unwrap();
    let witness = MptWitness::decode(&withdrawals).unwrap();
    let root = B256::from(witness.storage_root);
    let is_there = witness.nodes.iter().any(|node| keccak256(node) == root);
    assert!(is_there || root == alloy_consensus::constants::EMPTY_ROOT_HASH);
    witness.nodes
}

#[test]
fn blocks_after_a_withdrawal_verify_whether_they_have_one_or_not() {
    let net = || {
        let mut net = Devnet::busy();
        net.block();
        net.send(&calling(MESSAGE_PASSER, word(10), 9));
        net.block();
        for _ in 0..5 {
            net.block();
        }
        net
    };
    let net_in_order = net();
    assert_right(&net_in_order, 1..=9, "withdrawals in blocks 2 and 4");
    for number in 1..=9 {
        let nodes = withdrawals_nodes(&Given::of(&net_in_order, number));
        assert_eq!(nodes.is_empty(), number <= 2, "block {number}");
    }
    // Nothing depends on what was asked for before.
    let net_backwards = net();
    for number in (1..=9).rev() {
        assert_eq!(
            Given::of(&net_backwards, number).witness,
            Given::of(&net_in_order, number).witness,
            "block {number}"
        );
    }
}

#[test]
fn withdrawals_that_genesis_holds_are_proven_without_a_change() {
    let mut net = Devnet::with("rex6", |config| {
        let alloc = &mut config.genesis.alloc;
        alloc.insert(MESSAGE_PASSER, message_passer(1..40));
    });
    net.block();
    net.send(&calling(MESSAGE_PASSER, word(99), 0));
    net.block();
    net.block();
    assert_right(&net, 1..=3, "storage from genesis");
    assert_eq!(withdrawals_nodes(&Given::of(&net, 1)).len(), 1);
}

#[test]
fn a_witness_without_nodes_suffices_only_where_no_withdrawal_is_made() {
    let mut net = Devnet::busy();
    net.block();
    net.send(&calling(MESSAGE_PASSER, word(10), 9));
    net.block();
    for (number, failures) in [(3, &[][..]), (4, &["withdrawals witness"])] {
        let mut given = Given::of(&net, number);
        let (salt, withdrawals) = open_packed(&given.witness).unwrap();
        let mut witness = MptWitness::decode(&withdrawals).unwrap();
        witness.nodes.clear();
        given.witness = pack(&salt, &witness.encode()).unwrap();
        assert_eq!(given.check().failures(), failures, "block {number}");
    }
}

#[test]
fn code_that_is_not_given_is_the_givers_fault() {
    let mut given = Given::of(&Devnet::busy(), 2);
    given.codes.clear();
    let report = given.check();
    assert_eq!(report.failures(), ["contract code"]);
    assert_eq!(report.claim, None);
}

#[test]
fn a_witness_for_another_block_proves_nothing() {
    let net = Devnet::busy();
    let mut given = Given::of(&net, 2);
    given.witness = Given::of(&net, 1).witness;
    assert_eq!(given.check().failures(), ["state witness"]);
    given.witness.truncate(20);
    assert_eq!(given.check().failures(), ["state witness"]);
}
