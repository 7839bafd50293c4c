//! Accounts, and how parameters are refused.

use alloy_primitives::{B256, keccak256};
use serde_json::{Value, json};

use super::hex;
use crate::rpc::testing::*;

#[test]
fn code_and_storage_are_read_at_any_block() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    net.block();
    net.run(&calling(COUNTER, [], 1));
    let slot = |tag: &str| net.get("eth_getStorageAt", &json!([hex(COUNTER), "0x0", tag]));
    assert_eq!(slot("latest"), format!("{:#066x}", 2));
    assert_eq!(slot("0x1"), format!("{:#066x}", 1));
    let code = net.get("eth_getCode", &json!([hex(COUNTER), "latest"]));
    assert_eq!(code, "0x5f54600101805f555f52600160205fa100");
    let hash = keccak256(alloy_primitives::hex::decode(code.as_str().unwrap()).unwrap());
    assert_eq!(net.get("eth_getCodeByHash", &json!([hash])), code);
    assert_eq!(
        net.get("eth_getCodeByHash", &json!([B256::repeat_byte(1)])),
        Value::Null
    );
}

#[test]
fn parameters_are_refused_with_their_position_and_fault() {
    let net = Devnet::new();
    let refusals = [
        (
            "eth_getBalance",
            json!([]),
            "missing value for required argument 0: address",
        ),
        (
            "eth_getBalance",
            json!(["0x12", "latest"]),
            "invalid argument 0: hex string has length 2, want 40 for common.Address",
        ),
        (
            "eth_getBalance",
            json!([hex(ECHO), "newest"]),
            "invalid argument 1: hex string without 0x prefix: expected a block number, hash or tag, got \"newest\"",
        ),
        (
            "eth_getBalance",
            json!([hex(ECHO), "latest", 1]),
            "too many arguments, want at most 2",
        ),
        (
            "eth_getBlockByNumber",
            json!(["latest", "yes"]),
            "invalid argument 1: expected true or false, got \"yes\"",
        ),
        ("eth_chainId", json!({"a": 1}), "non-array args"),
    ];
    for (method, params, message) in refusals {
        assert_eq!(
            net.refusal(method, &params),
            (-32602, message.to_owned()),
            "{method}"
        );
    }
}
