//! Calls, which change nothing.

use alloy_primitives::{Address, U256};
use alloy_sol_types::{Revert, SolError};
use serde_json::{Value, json};

use super::{hex, quantity};
use crate::builder::testing::account;
use crate::rpc::testing::*;

#[test]
fn a_call_returns_what_the_contract_returns_and_changes_nothing() {
    let mut net = Devnet::new();
    net.mini();
    let call = json!([{"to": hex(ECHO), "input": "0xc0ffee"}, "latest"]);
    assert_eq!(net.get("eth_call", &call), "0xc0ffee");
    let before = net.get("eth_getStorageAt", &json!([hex(COUNTER), "0x0"]));
    net.get("eth_call", &json!([{"to": hex(COUNTER)}]));
    assert_eq!(
        net.get("eth_getStorageAt", &json!([hex(COUNTER), "0x0"])),
        before
    );
}

#[test]
fn a_call_that_pays_nothing_sees_no_prices_and_needs_no_funds() {
    let mut net = Devnet::new();
    net.block();
    net.mini();
    let words = |value: Value| -> Vec<U256> {
        let bytes = alloy_primitives::hex::decode(value.as_str().unwrap()).unwrap();
        bytes.chunks(32).map(U256::from_be_slice).collect()
    };
    let from = Address::repeat_byte(0x55);
    let free = words(net.get(
        "eth_call",
        &json!([{"from": hex(from), "to": hex(CONTEXT)}]),
    ));
    let sender = U256::from_be_bytes(from.into_word().0);
    assert_eq!(free, [sender, U256::ZERO, U256::ZERO, U256::from(2)]);
    let price = "0xf4240";
    let paying = json!([{"from": hex(account(0)), "to": hex(CONTEXT), "gasPrice": price}]);
    let paid = words(net.get("eth_call", &paying));
    assert_eq!(paid[1..3], [U256::from(1_000_000), U256::from(1_000_000)]);
    let sealed = words(net.get("eth_call", &json!([{"to": hex(CONTEXT)}, "0x1"])));
    assert_eq!(sealed[3], U256::from(1));
}

#[test]
fn a_contract_may_call_too() {
    let net = Devnet::new();
    let call = json!([{"from": hex(COUNTER), "to": hex(ECHO), "data": "0x01"}]);
    assert_eq!(net.get("eth_call", &call), "0x01");
}

#[test]
fn a_revert_carries_its_data_and_reason() {
    let net = Devnet::new();
    let data = alloy_primitives::hex::encode_prefixed(
        Revert {
            reason: "no".into(),
        }
        .abi_encode(),
    );
    let call = json!([{"to": hex(REVERT), "input": data}]);
    for method in ["eth_call", "eth_estimateGas"] {
        let error = net.ask(method, &call).unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (3, "execution reverted: no")
        );
        assert_eq!(error.data, Some(json!(data).to_string().into_bytes()));
        let mega: Value = serde_json::from_slice(&error.mega.unwrap()).unwrap();
        assert!(quantity(&mega["computeGas"]) > 21_000);
    }
}

#[test]
fn a_megaeth_halt_says_its_numbers() {
    let net = Devnet::new();
    let error = net
        .ask("eth_call", &json!([{"to": hex(DETAINED)}]))
        .unwrap_err();
    assert_eq!(error.code, -32000);
    assert!(
        error.message.starts_with("gas detention: "),
        "{}",
        error.message
    );
    assert!(
        error.message.ends_with("after reading BLOCK_NUMBER"),
        "{}",
        error.message
    );
    let data: Value = serde_json::from_slice(&error.data.unwrap()).unwrap();
    assert_eq!(data["mega"]["detained"], json!(true));
    // Since Rex4 the limit is the frame's first, which reverts.
    let error = net
        .ask("eth_estimateGas", &json!([{"to": hex(SPIN)}]))
        .unwrap_err();
    assert!(
        error.message.starts_with(
            "execution reverted: MegaLimitExceeded: the frame's compute gas limit of "
        ),
        "{}",
        error.message
    );
    let older = Devnet::with("rex3", |_| {});
    let error = older
        .ask("eth_estimateGas", &json!([{"to": hex(SPIN)}]))
        .unwrap_err();
    assert!(
        error.message.starts_with("compute gas limit exceeded: "),
        "{}",
        error.message
    );
    let out_of_gas = net.refusal("eth_call", &json!([{"to": hex(SPIN), "gas": "0x186a0"}]));
    assert_eq!(out_of_gas, (-32000, "out of gas".to_owned()));
}

#[test]
fn calls_that_cannot_start_are_refused_in_geths_words() {
    let net = Devnet::new();
    let poor = hex(Address::repeat_byte(0x55));
    let refusals = [
        (
            json!({"from": poor, "to": hex(ECHO), "value": "0x1"}),
            -32003,
            "insufficient funds for gas * price + value: address 0x5555555555555555555555555555555555555555 have 0 want 1",
        ),
        (
            json!({"from": hex(account(0)), "to": hex(ECHO), "gasPrice": "0x1"}),
            -32000,
            &format!(
                "max fee per gas less than block base fee: address {}, maxFeePerGas: 1, baseFee: 1000000",
                hex(account(0))
            ),
        ),
        (
            json!({"from": hex(account(0)), "to": hex(ECHO), "maxFeePerGas": "0xf4240", "maxPriorityFeePerGas": "0xf4241"}),
            -32000,
            &format!(
                "max priority fee per gas higher than max fee per gas: address {}, maxPriorityFeePerGas: 1000001, maxFeePerGas: 1000000",
                hex(account(0))
            ),
        ),
    ];
    for (call, code, message) in refusals {
        assert_eq!(
            net.refusal("eth_call", &json!([call])),
            (code, message.to_owned())
        );
    }
}

#[test]
fn overrides_change_what_a_call_sees() {
    let net = Devnet::new();
    let fresh = hex(Address::repeat_byte(0x99));
    let code = "0x5f545f5260205ff3"; // returns slot 0
    let with = |account: Value| {
        let overrides = json!({ fresh.clone(): account });
        net.get("eth_call", &json!([{"to": fresh}, "latest", overrides]))
    };
    let one = format!("{:#066x}", 1);
    let slots = json!({ format!("{:#066x}", 0): one });
    assert_eq!(with(json!({"code": code, "state": slots})), json!(one));
    assert_eq!(with(json!({"code": code, "stateDiff": slots})), json!(one));
    assert_eq!(with(json!({"code": code})), format!("{:#066x}", 0));
    let both = json!({ fresh.clone(): {"state": slots, "stateDiff": slots} });
    let (code, message) = net.refusal("eth_call", &json!([{"to": fresh}, "latest", both]));
    assert_eq!(code, -32602);
    assert!(message.contains("has both 'state' and 'stateDiff'"));

    let rich = json!({ fresh.clone(): {"balance": "0x5"} });
    let spend = json!({"from": fresh, "to": hex(ECHO), "value": "0x5"});
    assert_eq!(net.get("eth_call", &json!([spend, "latest", rich])), "0x");

    let block = json!({"number": "0x1234", "baseFeePerGas": "0x7"});
    let seen = net.get(
        "eth_call",
        &json!([{"to": hex(CONTEXT)}, "latest", {}, block]),
    );
    assert!(
        seen.as_str()
            .unwrap()
            .ends_with(&format!("{:064x}{:064x}", 7, 0x1234))
    );
}

#[test]
fn a_call_without_limits_computes_beyond_them() {
    let net = Devnet::new();
    let loops = hex(Address::repeat_byte(0x99));
    // Counts 8,000,000 down to zero for 26 gas each: beyond 200,000,000 compute gas.
    let overrides = json!({ loops.clone(): {"code": "0x63007a12005b600190038060055700"} });
    let call = |block: Value| json!([{"to": loops}, "latest", overrides, block]);
    let (_, message) = net.refusal("eth_call", &call(json!({})));
    assert!(message.contains("compute gas"), "{message}");
    assert_eq!(net.get("eth_call", &call(json!({"unlimited": true}))), "0x");
    let (code, _) = net.refusal("eth_call", &call(json!({"unlimited": 1})));
    assert_eq!(code, -32602);
}

#[test]
fn a_precompile_can_move() {
    let net = Devnet::new();
    let identity = "0x0000000000000000000000000000000000000004";
    let elsewhere = hex(Address::repeat_byte(0x44));
    let overrides = json!({ identity: {"movePrecompileToAddress": elsewhere} });
    let call = |to: &str| {
        net.get(
            "eth_call",
            &json!([{"to": to, "input": "0xabcd"}, "latest", overrides]),
        )
    };
    assert_eq!(call(&elsewhere), "0xabcd");
    assert_eq!(call(identity), "0x");
    let wrong = json!({ hex(ECHO): {"movePrecompileToAddress": elsewhere} });
    let (code, message) = net.refusal("eth_call", &json!([{"to": elsewhere}, "latest", wrong]));
    assert_eq!(
        (code, message),
        (-32602, format!("account {} is not a precompile", hex(ECHO)))
    );
}

#[test]
fn each_of_many_calls_sees_those_before_it() {
    let net = Devnet::new();
    let read = json!({"to": hex(COUNTER)});
    let bundle = json!([{"transactions": [read, read, {"to": hex(REVERT), "data": "0x01"}]}]);
    let overrides = json!({ hex(COUNTER): {"code": "0x5f54600101805f555f5260205ff3"} });
    let results = net.get(
        "eth_callMany",
        &json!([bundle, {"blockNumber": "latest"}, overrides]),
    );
    assert_eq!(results[0][0]["value"], format!("{:#066x}", 1));
    assert_eq!(results[0][1]["value"], format!("{:#066x}", 2));
    assert_eq!(
        results[0][2],
        json!({"error": "execution reverted", "data": "0x01"})
    );
}

#[test]
fn an_access_list_names_what_is_touched_and_costs_what_it_says() {
    let net = Devnet::new();
    let call =
        json!({"from": hex(account(0)), "to": hex(forwarder(1)), "input": format!("{:#066x}", 2)});
    let found = net.get("eth_createAccessList", &json!([call]));
    let list = found["accessList"].as_array().unwrap();
    assert_eq!(list.len(), 1, "{found}");
    assert_eq!(list[0]["address"], hex(WRITER));
    assert_eq!(list[0]["storageKeys"].as_array().unwrap().len(), 2);
    assert_eq!(found.get("error"), None);
    let failing = json!({"to": hex(REVERT), "input": "0x01"});
    let failed = net.get("eth_createAccessList", &json!([failing]));
    assert_eq!(failed["error"], "execution reverted");
}
