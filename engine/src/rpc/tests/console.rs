//! What contracts told the console, by transactions and by calls that changed nothing.

use std::time::Duration;

use alloy_primitives::{Address, Bytes, bytes};
use serde_json::json;

use super::hex;
use crate::builder::testing::account;
use crate::evm::console::{CONSOLE, ConsoleCall};
use crate::rpc::methods::console::{ConsoleText, Executed, Output, next};
use crate::rpc::testing::*;
use crate::state::GenesisAccount;

/// Tells its calldata.
const TELLER: Address = Address::repeat_byte(0x71);
/// Tells its calldata, then reverts.
const REVERTER: Address = Address::repeat_byte(0x72);
/// Tells nothing as many times as its calldata say.
const CHATTERER: Address = Address::repeat_byte(0x73);

fn devnet() -> Devnet {
    // CALLDATACOPY(0, 0, size); STATICCALL(gas, console, 0, size, 0, 0)
    let mut tells = bytes!("365f5f375f5f365f73").to_vec();
    tells.extend_from_slice(CONSOLE.as_slice());
    tells.extend_from_slice(&bytes!("5afa50"));
    let mut chatters = bytes!("5f355b8015602b575f5f5f5f73").to_vec();
    chatters.extend_from_slice(CONSOLE.as_slice());
    chatters.extend_from_slice(&bytes!("5afa50600190036002565b00"));
    let reverts = [tells.clone(), bytes!("5f5ffd").to_vec()].concat();
    let codes = [(TELLER, tells), (REVERTER, reverts), (CHATTERER, chatters)];
    let net = Devnet::with("rex6", |config| {
        for (address, code) in codes {
            let contract = GenesisAccount {
                nonce: 1,
                code: code.into(),
                ..GenesisAccount::default()
            };
            config.genesis.alloc.insert(address, contract);
        }
    });
    net.node.chain.console.listen(true);
    net
}

fn heard(net: &Devnet) -> Output {
    next(&net.node, Duration::ZERO).unwrap()
}

fn call(contract: Address, input: impl Into<Bytes>) -> ConsoleCall {
    let input = input.into();
    ConsoleCall { contract, input }
}

fn calls(told: &[ConsoleText]) -> Vec<ConsoleCall> {
    let heard = told.iter().map(|told| &told.heard);
    heard.flat_map(|heard| heard.calls.clone()).collect()
}

#[test]
fn transactions_are_heard_in_their_order_once_they_are_visible() {
    let mut net = devnet();
    net.run(&calling(TELLER, [1], 0));
    let first = net.send(&calling(TELLER, [2], 1));
    net.send(&calling(COUNTER, [], 2));
    let second = net.send(&calling(REVERTER, [3, 4], 3));
    assert_eq!(calls(&heard(&net).told), [call(TELLER, [1])]);
    assert!(heard(&net).told.is_empty());
    net.mini();
    let told = heard(&net).told;
    let sources: Vec<Executed> = told.iter().map(|told| told.source).collect();
    assert_eq!(sources, [first, second].map(Executed::Transaction));
    assert_eq!(calls(&told), [call(TELLER, [2]), call(REVERTER, [3, 4])]);

    // The same once the block is sealed.
    net.send(&calling(TELLER, [5], 4));
    net.block();
    assert_eq!(calls(&heard(&net).told), [call(TELLER, [5])]);
}

#[test]
fn a_transaction_that_tells_too_much_is_heard_from_its_beginning() {
    let mut net = devnet();
    net.run(&calling(CHATTERER, word(1500), 0));
    net.run(&calling(TELLER, vec![0; 300_000], 1));
    let [many, large] = [heard(&net), heard(&net)].map(|output| output.told);
    assert_eq!(
        (many[0].heard.calls.len(), many[0].heard.left_out),
        (1000, 500)
    );
    assert_eq!(
        (large[0].heard.calls.len(), large[0].heard.left_out),
        (0, 1)
    );
}

#[test]
fn calls_are_heard_whatever_becomes_of_them_and_estimates_where_they_fail() {
    let mut net = devnet();
    net.run(&calling(COUNTER, [], 0));
    let from = hex(account(0));
    let fine = json!([{"from": from, "to": hex(TELLER), "input": "0x0102"}]);
    let failing = json!([{"from": from, "to": hex(REVERTER), "input": "0x03"}]);
    for method in ["eth_call", "eth_estimateGas"] {
        net.get(method, &fine);
        net.refusal(method, &failing);
        net.get(method, &json!([{"from": from, "to": hex(COUNTER)}]));
    }
    let [first, second, third, nothing] = [heard(&net), heard(&net), heard(&net), heard(&net)];
    assert_eq!(first.told[0].source, Executed::Simulation("eth_call"));
    assert_eq!(calls(&first.told), [call(TELLER, [1, 2])]);
    assert_eq!(calls(&second.told), [call(REVERTER, [3])]);
    let estimated = Executed::Simulation("eth_estimateGas");
    assert_eq!(third.told[0].source, estimated);
    assert_eq!(calls(&third.told), [call(REVERTER, [3])]);
    assert_eq!((nothing.told.len(), nothing.failure), (0, None));
}

#[test]
fn a_call_is_heard_with_its_overrides_over_the_state_that_it_met() {
    let mut net = devnet();
    // Tells the caller's balance and the time.
    let mut code = bytes!("33315f52426020525f5f60405f73").to_vec();
    code.extend_from_slice(CONSOLE.as_slice());
    code.extend_from_slice(&bytes!("5afa00"));
    let code = Bytes::from(code);
    let contract = Address::repeat_byte(0x99);
    let from = Address::repeat_byte(0x98);
    let overrides = json!({hex(contract): {"code": code}, hex(from): {"balance": "0x5"}});
    let request = json!({"from": hex(from), "to": hex(contract)});
    net.get(
        "eth_call",
        &json!([request, "latest", overrides, {"time": "0x9"}]),
    );
    net.run(&calling(COUNTER, [], 0));
    let expected = [word(5), word(9)].concat();
    assert_eq!(calls(&heard(&net).told), [call(contract, expected)]);
}

#[test]
fn nobody_who_does_not_listen_pays_for_it() {
    let mut net = devnet();
    net.node.chain.console.listen(false);
    net.run(&calling(TELLER, [1], 0));
    net.get("eth_call", &json!([{"to": hex(TELLER), "input": "0x01"}]));
    net.node.chain.console.listen(true);
    assert!(heard(&net).told.is_empty());
}
