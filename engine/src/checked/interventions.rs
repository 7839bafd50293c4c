//! Interventions: they do what they say, every checker follows them, and nobody else can make them.
#![allow(clippy::unwrap_used)]

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, bytes, keccak256};
use alloy_sol_types::SolCall;
use megaeth_checker::evm::{
    AccountEntry, AccountSet, EntryCode, INTERVENTION_SENDER, INTERVENTIONS, Interventions::*,
};
use op_alloy_consensus::TxDeposit;
use serde_json::json;

use super::blocks::{Given, assert_right};
use crate::{
    block::{PlainAccount, PlainKey},
    builder::testing::{Draft, Tx, account, chain_of},
    evm::SPEC_NAMES,
    follower::{Follower, VerifyMode},
    rpc::testing::*,
};

/// Nobody has ever been here.
const FRESH: Address = address!("000000000000000000000000000000000000beef");
const GAS: u64 = 400_000_000;

fn net(spec: &str, allowed: bool) -> Devnet {
    Devnet::with(spec, |config| config.interventions = allowed)
}

fn intervention(call: &impl SolCall, salt: u8) -> Tx {
    deposit(INTERVENTION_SENDER, call.abi_encode().into(), salt)
}

/// `salt` tells deposits that are the same otherwise from each other.
fn deposit(from: Address, input: Bytes, salt: u8) -> Tx {
    Tx::deposit(TxDeposit {
        source_hash: B256::repeat_byte(salt),
        from,
        to: TxKind::Call(INTERVENTIONS),
        gas_limit: GAS,
        input,
        ..TxDeposit::default()
    })
}

/// Makes one intervention in a mini-block of its own; whether it succeeded.
fn intervene(net: &mut Devnet, call: &impl SolCall) -> bool {
    intervene_with(net, &intervention(call, 0))
}

fn intervene_with(net: &mut Devnet, tx: &Tx) -> bool {
    net.include(tx);
    net.mini().txs[0].result.success
}

fn state_of(net: &Devnet, address: Address) -> PlainAccount {
    let world = &net.node.chain.world;
    world.tip_account(address).unwrap_or_default()
}

fn slot_of(net: &Devnet, address: Address, slot: u64) -> U256 {
    let key = PlainKey::slot(address, U256::from(slot));
    net.node.chain.world.tip(&key).as_slot()
}

/// A block of interventions, each of which is used in the same block.
fn block_of_interventions(net: &mut Devnet) {
    let rich = U256::from(7).pow(U256::from(80));
    assert!(intervene(
        net,
        &setBalanceCall {
            account: FRESH,
            amount: rich
        }
    ));
    assert_eq!(state_of(net, FRESH).balance, rich);
    assert!(intervene(
        net,
        &addBalanceCall {
            account: FRESH,
            amount: U256::MAX
        }
    ));
    assert_eq!(state_of(net, FRESH).balance, U256::MAX);
    assert!(intervene(
        net,
        &setNonceCall {
            account: FRESH,
            nonce: 77
        }
    ));
    assert_eq!(state_of(net, FRESH).nonce, 77);

    // The counter's code at another place, with another count.
    let code = bytes!("5f54600101805f555f52600160205fa100");
    assert!(intervene(
        net,
        &setCodeCall {
            account: FRESH,
            code: code.clone()
        }
    ));
    assert_eq!(state_of(net, FRESH).code_hash, keccak256(&code));
    let value = U256::from(41);
    assert!(intervene(
        net,
        &setStorageAtCall {
            account: FRESH,
            slot: U256::ZERO,
            value
        }
    ));
    net.run(&calling(FRESH, [], 0));
    assert_eq!(slot_of(net, FRESH, 0), U256::from(42));
    // Of accounts that are in use, too.
    assert!(intervene(
        net,
        &setStorageAtCall {
            account: COUNTER,
            slot: U256::ZERO,
            value
        }
    ));
    net.run(&calling(COUNTER, [], 1));
    assert_eq!(slot_of(net, COUNTER, 0), U256::from(42));
    assert!(intervene(
        net,
        &setNonceCall {
            account: account(0),
            nonce: 50
        }
    ));
    net.run(&Draft {
        nonce: 50,
        ..Draft::default()
    });
    assert_eq!(state_of(net, account(0)).nonce, 51);
    net.block();
}

#[test]
fn interventions_hold_under_every_rules_and_every_check_agrees() {
    for spec in SPEC_NAMES {
        let mut net = net(spec, true);
        block_of_interventions(&mut net);
        // And a block that finds what they left.
        net.run(&calling(FRESH, [], 51));
        assert_eq!(slot_of(&net, FRESH, 0), U256::from(43), "{spec}");
        net.block();
        assert_right(&net, 1..=2, spec);
    }
}

#[test]
fn full_nodes_of_every_mode_follow_interventions() {
    let mut net = net("rex6", true);
    block_of_interventions(&mut net);
    for mode in [VerifyMode::Proofs, VerifyMode::Roots, VerifyMode::Reexecute] {
        let chain = chain_of(net.node.chain.config.clone());
        let follower = Follower::new(chain.clone(), mode).unwrap();
        let given = Given::of(&net, 1);
        for record in &given.records()[1..] {
            assert!(follower.apply(record).unwrap().is_some());
        }
        let followed = chain.world.tip_account(FRESH);
        assert_eq!(followed, Some(state_of(&net, FRESH)), "{mode:?}");
    }
}

#[test]
fn a_checker_without_the_rule_refuses_the_block() {
    let mut net = net("rex6", true);
    block_of_interventions(&mut net);
    let config = crate::chain::ChainConfig {
        interventions: false,
        ..net.node.chain.config.clone()
    };
    let follower = Follower::new(chain_of(config), VerifyMode::Reexecute).unwrap();
    let records = Given::of(&net, 1).records();
    assert!(
        records[1..]
            .iter()
            .any(|record| follower.apply(record).is_err())
    );
}

#[test]
fn nothing_meters_an_intervention() {
    // Half a megabyte of code: the calldata alone is more than a transaction may have in most ways.
    let code = Bytes::from(vec![0x5b; 512 << 10]);
    for spec in ["rex6", "rex5", "equivalence"] {
        let mut net = net(spec, true);
        let account = FRESH;
        assert!(
            intervene(
                &mut net,
                &setCodeCall {
                    account,
                    code: code.clone()
                }
            ),
            "{spec}"
        );
        assert_eq!(state_of(&net, FRESH).code_hash, keccak256(&code));
        net.block();
        assert_right(&net, [1], spec);
    }
}

#[test]
fn a_chain_that_does_not_say_so_knows_none() {
    let mut net = net("rex6", false);
    let amount = U256::from(5);
    // To it this is a call of an account without code.
    assert!(intervene(
        &mut net,
        &setBalanceCall {
            account: FRESH,
            amount
        }
    ));
    assert_eq!(net.node.chain.world.tip_account(FRESH), None);
    net.block();
    assert_right(&net, [1], "without interventions");
}

#[test]
fn nobody_else_intervenes() {
    let mut net = net("rex6", true);
    let input: Bytes = setBalanceCall {
        account: FRESH,
        amount: U256::ONE,
    }
    .abi_encode()
    .into();
    // By a transaction, by a deposit, and through a contract that passes on its calldata.
    assert!(
        !net.run(&calling(INTERVENTIONS, input.clone(), 0)).txs[0]
            .result
            .success
    );
    assert!(!intervene_with(
        &mut net,
        &deposit(account(1), input.clone(), 1)
    ));
    let relay = {
        // CALLDATACOPY(0, 0, size); CALL(gas, INTERVENTIONS, 0, 0, size, 0, 0); SSTORE(0, success)
        let mut code = bytes!("365f5f375f5f365f5f73").to_vec();
        code.extend_from_slice(INTERVENTIONS.as_slice());
        code.extend_from_slice(&bytes!("5af15f5500"));
        Bytes::from(code)
    };
    let account = Address::repeat_byte(0x77);
    assert!(intervene(
        &mut net,
        &setCodeCall {
            account,
            code: relay
        }
    ));
    net.run(&calling(account, input, 1));
    assert_eq!(net.node.chain.world.tip_account(FRESH), None);
    net.block();
    assert_right(&net, [1], "refused interventions");
}

#[test]
fn what_the_chain_itself_needs_cannot_be_changed() {
    let mut net = net("rex6", true);
    for account in [
        INTERVENTIONS,
        INTERVENTION_SENDER,
        mega_evm::SEQUENCER_REGISTRY_ADDRESS,
        alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS,
    ] {
        let before = state_of(&net, account).balance;
        assert!(!intervene(
            &mut net,
            &setBalanceCall {
                account,
                amount: U256::ONE
            }
        ));
        assert_eq!(state_of(&net, account).balance, before);
    }
    let malformed = bytes!("ef0100");
    assert!(!intervene(
        &mut net,
        &setCodeCall {
            account: FRESH,
            code: malformed
        }
    ));
    assert!(!intervene_with(
        &mut net,
        &deposit(INTERVENTION_SENDER, bytes!("12345678"), 3)
    ));
    net.block();
    assert_right(&net, [1], "refused interventions");
}

#[test]
fn an_account_whose_last_wei_is_taken_is_replayed_in_a_later_block_too() {
    let mut net = net("rex6", true);
    let account = FRESH;
    let amount = U256::from(5);
    assert!(intervene(&mut net, &setBalanceCall { account, amount }));
    net.block();
    // The block before has it: for those who replay this one it is an account that was read, not one that was made.
    let amount = U256::ZERO;
    assert!(intervene(&mut net, &setBalanceCall { account, amount }));
    net.block();
    assert_eq!(state_of(&net, account).nonce, 1);
    assert_right(&net, [1, 2], "an emptied account");
}

#[test]
fn an_account_that_may_have_storage_never_becomes_empty() {
    let mut net = net("rex6", true);
    let (account, one) = (FRESH, U256::ONE);
    let slot = U256::from(3);
    // Storage at an account that is not there.
    assert!(intervene(
        &mut net,
        &setStorageAtCall {
            account,
            slot,
            value: one
        }
    ));
    assert_eq!(
        (state_of(&net, FRESH).nonce, slot_of(&net, FRESH, 3)),
        (1, one)
    );
    // Its nonce is to go while it has a balance, and then the balance.
    assert!(intervene(
        &mut net,
        &setBalanceCall {
            account,
            amount: one
        }
    ));
    assert!(intervene(&mut net, &setNonceCall { account, nonce: 0 }));
    assert_eq!(state_of(&net, FRESH).nonce, 1);
    assert!(intervene(
        &mut net,
        &setBalanceCall {
            account,
            amount: U256::ZERO
        }
    ));
    assert_eq!(
        (state_of(&net, FRESH).nonce, slot_of(&net, FRESH, 3)),
        (1, one)
    );
    // Code that comes and goes.
    let other = Address::repeat_byte(0x55);
    let code = bytes!("60015f5500");
    assert!(intervene(
        &mut net,
        &setCodeCall {
            account: other,
            code
        }
    ));
    net.run(&calling(other, [], 0));
    assert!(intervene(
        &mut net,
        &setCodeCall {
            account: other,
            code: Bytes::new()
        }
    ));
    assert_eq!(
        (state_of(&net, other).nonce, slot_of(&net, other, 0)),
        (1, one)
    );
    // The storage is there for the code that comes next, in the same block.
    let copies = bytes!("5f546001555f545f5500");
    assert!(intervene(
        &mut net,
        &setCodeCall {
            account: other,
            code: copies
        }
    ));
    net.run(&calling(other, [], 1));
    assert_eq!(slot_of(&net, other, 1), one);
    net.block();
    assert_right(&net, [1], "storage that stays");
}

#[test]
fn storage_that_is_older_than_its_code_is_there_for_code_of_a_later_block() {
    let mut net = net("rex6", true);
    let (account, amount) = (FRESH, U256::from(5));
    let (slot, value) = (U256::ZERO, U256::from(41));
    assert!(intervene(&mut net, &setBalanceCall { account, amount }));
    net.block();
    assert!(intervene(
        &mut net,
        &setStorageAtCall {
            account,
            slot,
            value
        }
    ));
    net.block();
    let code = bytes!("5f54600101805f555f52600160205fa100");
    assert!(intervene(&mut net, &setCodeCall { account, code }));
    net.run(&calling(account, [], 0));
    assert_eq!(slot_of(&net, account, 0), U256::from(42));
    net.block();
    assert_right(&net, [1, 2, 3], "storage before its code");
}

#[test]
fn calls_see_the_precompile_as_the_chain_does() {
    let net = net("rex6", true);
    let input: Bytes = setBalanceCall {
        account: FRESH,
        amount: U256::ONE,
    }
    .abi_encode()
    .into();
    let call = json!([{"from": INTERVENTION_SENDER, "to": INTERVENTIONS, "data": input}]);
    assert_eq!(net.get("eth_call", &call), json!("0x"));
    let call = json!([{"from": account(0), "to": INTERVENTIONS, "data": input}]);
    assert!(net.ask("eth_call", &call).is_err());
}

#[test]
fn many_accounts_at_once_hold_under_every_rules_and_every_check_agrees() {
    let writes_slot_0 = bytes!("5f54600101805f555f52600160205fa100");
    let entry = |index: u64| AccountEntry {
        address: Address::from_word(B256::from(U256::from(0x1_0000 + index))),
        nonce: index % 3,
        balance: U256::from(index % 2),
        code: match index % 5 {
            0 => EntryCode::At(0),
            _ => EntryCode::Empty,
        },
        slots: match index % 7 {
            0 => (0..3)
                .map(|slot| (U256::from(slot), U256::from(40 + slot)))
                .collect(),
            _ => vec![],
        },
    };
    let set = AccountSet {
        codes: vec![writes_slot_0],
        accounts: (0..700).map(entry).collect(),
    };
    for spec in SPEC_NAMES {
        let mut net = net(spec, true);
        let accounts = Bytes::from(set.encode());
        assert!(intervene(&mut net, &setAccountsCall { accounts }), "{spec}");
        for wanted in &set.accounts {
            let found = state_of(&net, wanted.address);
            // Who has storage, and nothing else, is given a nonce.
            let nonce = match (wanted.nonce, wanted.code, wanted.slots.is_empty()) {
                (0, EntryCode::Empty, false) => 1,
                _ => wanted.nonce,
            };
            assert_eq!(
                (found.nonce, found.balance, found.has_code()),
                (nonce, wanted.balance, wanted.code == EntryCode::At(0))
            );
            for (slot, value) in &wanted.slots {
                assert_eq!(slot_of(&net, wanted.address, slot.to()), *value);
            }
        }
        // The code finds the storage that came with it.
        let both = set.accounts[0].address;
        net.run(&calling(both, [], 0));
        assert_eq!(slot_of(&net, both, 0), U256::from(41));
        net.block();
        assert_right(&net, [1], spec);
    }
}

#[test]
fn what_accounts_do_not_say_stays() {
    let mut net = net("rex6", true);
    let code = bytes!("60015f5500");
    let slot = |number: u64, value: u64| (U256::from(number), U256::from(value));
    let entry = |code, slots| AccountSet {
        codes: vec![bytes!("60015f5500")],
        accounts: vec![AccountEntry {
            address: FRESH,
            nonce: 3,
            balance: U256::from(9),
            code,
            slots,
        }],
    };
    let set = |net: &mut Devnet, set: &AccountSet, salt| {
        let accounts = Bytes::from(set.encode());
        intervene_with(net, &intervention(&setAccountsCall { accounts }, salt))
    };
    assert!(set(
        &mut net,
        &entry(EntryCode::At(0), vec![slot(1, 7), slot(2, 8)]),
        1
    ));
    assert!(set(
        &mut net,
        &entry(EntryCode::Stays, vec![slot(2, 0), slot(3, 9)]),
        2
    ));
    assert_eq!(state_of(&net, FRESH).code_hash, keccak256(&code));
    assert_eq!(
        [1, 2, 3].map(|number| slot_of(&net, FRESH, number).to::<u64>()),
        [7u64, 0, 9]
    );
    assert!(set(&mut net, &entry(EntryCode::Empty, vec![]), 3));
    assert!(!state_of(&net, FRESH).has_code());
    net.block();
    assert_right(&net, [1], "accounts that stay");
}

#[test]
fn accounts_that_are_refused_change_nothing() {
    let mut net = net("rex6", true);
    let entry = |address| AccountEntry {
        address,
        nonce: 5,
        balance: U256::from(5),
        code: EntryCode::At(0),
        slots: vec![],
    };
    let with = |code: Bytes, second| AccountSet {
        codes: vec![code],
        accounts: vec![entry(FRESH), entry(second)],
    };
    let whole = with(bytes!("6001"), Address::repeat_byte(7)).encode();
    let refused = [
        with(bytes!("ef0100"), Address::repeat_byte(7)).encode(),
        with(bytes!("6001"), INTERVENTIONS).encode(),
        whole[..whole.len() - 1].to_vec(),
    ];
    for (salt, accounts) in (1..).zip(refused) {
        let accounts = Bytes::from(accounts);
        assert!(!intervene_with(
            &mut net,
            &intervention(&setAccountsCall { accounts }, salt)
        ));
        assert_eq!(net.node.chain.world.tip_account(FRESH), None);
    }
    net.block();
    assert_right(&net, [1], "refused accounts");
}
