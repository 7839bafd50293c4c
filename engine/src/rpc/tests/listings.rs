//! What the state holds, listed; and what it held in the middle of a block.

use alloy_primitives::{Address, B256, U256, bytes, keccak256};
use serde_json::{Value, json};

use super::{hex, quantity};
use crate::builder::testing::account;
use crate::rpc::testing::*;
use crate::state::GenesisAccount;

const NOTHING: &str = "0x";

fn hash_of_slot(slot: u64) -> B256 {
    keccak256(U256::from(slot).to_be_bytes::<32>())
}

fn storage(net: &Devnet, address: Address, index: u64, first: &str, count: u64) -> Value {
    net.get(
        "debug_storageRangeAt",
        &json!(["0x2", index, hex(address), first, count]),
    )
}

#[test]
fn slots_are_listed_in_the_order_of_their_hashes() {
    let net = Devnet::busy();
    let whole = storage(&net, WRITER, 3, NOTHING, 100);
    let mut hashes: Vec<B256> = (1..=5).map(hash_of_slot).collect();
    hashes.sort_unstable();
    let listed = whole["storage"].as_object().unwrap();
    assert_eq!(listed.len(), 5);
    for (slot, hash) in (1..=5).map(|slot| (slot, hash_of_slot(slot))) {
        let entry = &listed[&format!("{hash:#x}")];
        assert_eq!(entry["key"], json!(B256::from(U256::from(slot))));
        assert_eq!(entry["value"], json!(B256::from(U256::ONE)));
    }
    assert_eq!(whole["nextKey"], Value::Null);
    let first = storage(&net, WRITER, 3, NOTHING, 2);
    assert_eq!(first["nextKey"], json!(hashes[2]));
    let rest = storage(&net, WRITER, 3, &format!("{:#x}", hashes[2]), 100);
    assert_eq!(rest["storage"].as_object().unwrap().len(), 3);
    // As they were before the transaction that set them.
    assert_eq!(storage(&net, WRITER, 2, NOTHING, 100)["storage"], json!({}));
}

#[test]
fn slots_are_as_they_were_in_the_middle_of_a_block() {
    let net = Devnet::busy();
    let at = |index: u64| {
        let listed = storage(&net, COUNTER, index, NOTHING, 10);
        let entry = listed["storage"][format!("{:#x}", hash_of_slot(0))].clone();
        entry["value"]
            .as_str()
            .map(|value| u64::from_str_radix(&value[2..], 16).unwrap())
    };
    // The first two transactions count, within one mini-block.
    assert_eq!(
        [at(0), at(1), at(2), at(7)],
        [None, Some(1), Some(2), Some(2)]
    );
    let transactions = net.get("eth_getBlockTransactionCountByNumber", &json!(["0x2"]));
    let beyond = quantity(&transactions) + 1;
    let refused = net.refusal(
        "debug_storageRangeAt",
        &json!(["0x2", beyond, hex(COUNTER), "0x", 1]),
    );
    assert_eq!(refused.0, -32000);
    assert_eq!(
        net.refusal(
            "debug_storageRangeAt",
            &json!(["0x0", 0, hex(COUNTER), "0x", 1])
        )
        .0,
        -32000
    );
}

#[test]
fn what_was_removed_since_is_listed_where_it_was() {
    let clearer = Address::with_last_byte(0x77);
    let mut net = Devnet::with("rex6", |config| {
        let contract = GenesisAccount {
            nonce: 1,
            // Clears the slot that its calldata say.
            code: bytes!("5f5f355500"),
            storage: [(U256::from(1), U256::from(5))].into_iter().collect(),
            ..Default::default()
        };
        config.genesis.alloc.insert(clearer, contract);
    });
    net.block();
    net.run(&calling(clearer, word(1), 0));
    net.block();
    net.block();
    let at = |block: &str| {
        let params = json!([block, 0, hex(clearer), NOTHING, 10]);
        let listed = net.get("debug_storageRangeAt", &params);
        listed["storage"].as_object().unwrap().len()
    };
    assert_eq!([at("0x1"), at("0x2"), at("0x3")], [1, 1, 0]);
}

#[test]
fn an_account_is_told_as_it_was_after_a_transaction() {
    let net = Devnet::busy();
    let after = |index: u64| {
        net.get(
            "debug_accountInfoAt",
            &json!(["0x2", index, hex(account(0))]),
        )
    };
    let now = net.get("eth_getAccountInfo", &json!([hex(account(0)), "latest"]));
    assert_eq!(quantity(&after(0)["nonce"]), 2);
    assert_eq!(quantity(&after(3)["nonce"]), 5);
    let transactions = quantity(&net.get("eth_getBlockTransactionCountByNumber", &json!(["0x2"])));
    assert_eq!(after(transactions - 1), now);
    assert_eq!(after(transactions), Value::Null);
    assert_eq!(
        net.get("debug_accountInfoAt", &json!(["0x63", 0, hex(account(0))])),
        Value::Null
    );
}

#[test]
fn accounts_are_listed_in_the_order_of_their_hashes() {
    let net = Devnet::busy();
    let list = |first: &str, count: u64, no_code: bool, no_storage: bool| {
        net.get(
            "debug_accountRange",
            &json!(["latest", first, count, no_code, no_storage, true]),
        )
    };
    let whole = list(NOTHING, 256, false, false);
    let accounts = whole["accounts"].as_object().unwrap();
    let writer = &accounts[&WRITER.to_checksum(None)];
    let code = net.get("eth_getCode", &json!([hex(WRITER)]));
    assert_eq!(writer["code"], code);
    assert_eq!(writer["storage"].as_object().unwrap().len(), 5);
    assert_eq!(writer["storage"][format!("0x{:064x}", 1)], "1");
    assert_eq!(writer["key"], json!(keccak256(WRITER)));
    let sender = &accounts[&account(0).to_checksum(None)];
    let balance = net.get("eth_getBalance", &json!([hex(account(0))]));
    let balance = U256::from_str_radix(&balance.as_str().unwrap()[2..], 16).unwrap();
    assert_eq!(sender["balance"], json!(balance.to_string()));
    assert!(whole.get("next").is_none());
    let block = net.get("eth_getBlockByNumber", &json!(["latest", false]));
    assert_eq!(
        format!("0x{}", whole["root"].as_str().unwrap()),
        block["stateRoot"].as_str().unwrap()
    );
    // Page by page they are the same.
    let mut found = serde_json::Map::new();
    let mut first = NOTHING.to_owned();
    loop {
        let page = list(&first, 7, false, false);
        let part = page["accounts"].as_object().unwrap();
        assert!(part.len() <= 7);
        found.extend(part.clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        first = alloy_primitives::hex::encode_prefixed(from_base64(next));
    }
    assert_eq!(&found, accounts);
    let bare = list(NOTHING, 256, true, true);
    let writer = &bare["accounts"][&WRITER.to_checksum(None)];
    assert!(writer.get("code").is_none() && writer.get("storage").is_none());
}

#[test]
fn accounts_that_changed_are_those_that_are_not_as_they_were() {
    let net = Devnet::busy();
    let by_number = |params: Value| net.get("debug_getModifiedAccountsByNumber", &params);
    let has =
        |list: &Value, address: Address| list.as_array().unwrap().contains(&json!(hex(address)));
    let second = by_number(json!(["0x2"]));
    assert!(has(&second, COUNTER) && has(&second, WRITER) && has(&second, account(0)));
    assert!(!has(&second, ECHO) && !has(&second, account(1)));
    assert_eq!(by_number(json!(["0x1", "0x2"])), second);
    let both = by_number(json!(["0x0", "0x2"]));
    assert!(has(&both, COUNTER));
    let hash =
        |number: &str| net.get("eth_getBlockByNumber", &json!([number, false]))["hash"].clone();
    let by_hash = net.get(
        "debug_getModifiedAccountsByHash",
        &json!([hash("0x1"), hash("0x2")]),
    );
    assert_eq!(by_hash, second);
    let refused = net.refusal("debug_getModifiedAccountsByNumber", &json!(["0x2", "0x1"]));
    assert_eq!(refused.0, -32000);
    assert_eq!(
        net.refusal("debug_getModifiedAccountsByNumber", &json!(["0x63"]))
            .0,
        -32001
    );
}

#[test]
fn an_account_and_code_have_several_names() {
    let net = Devnet::busy();
    let account = net.get("eth_getAccount", &json!([hex(WRITER)]));
    let hash = keccak256(
        alloy_primitives::hex::decode(
            net.get("eth_getCode", &json!([hex(WRITER)]))
                .as_str()
                .unwrap(),
        )
        .unwrap(),
    );
    assert_eq!(account["codeHash"], json!(hash));
    assert_eq!(account["nonce"], "0x1");
    assert_eq!(
        net.get("debug_codeByHash", &json!([hash])),
        net.get("eth_getCode", &json!([hex(WRITER)]))
    );
    let block = net.get("eth_getBlockByNumber", &json!(["0x2", false]));
    let raw: Vec<Value> = block["transactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hash| net.get("debug_getRawTransaction", &json!([hash])))
        .collect();
    assert_eq!(
        net.get("debug_getRawTransactions", &json!(["0x2"])),
        json!(raw)
    );
}

#[test]
fn the_gas_of_instructions_adds_up_to_the_transactions() {
    let net = Devnet::busy();
    let block = net.get("eth_getBlockByNumber", &json!(["0x2", false]));
    let whole = net.get("trace_blockOpcodeGas", &json!(["0x2"]));
    assert_eq!(
        (&whole["blockHash"], &whole["blockNumber"]),
        (&block["hash"], &json!(2))
    );
    for (nth, hash) in block["transactions"].as_array().unwrap().iter().enumerate() {
        let alone = net.get("trace_transactionOpcodeGas", &json!([hash]));
        assert_eq!(whole["transactions"][nth], alone);
        assert_eq!(alone["transactionHash"], *hash);
    }
    let writes = &whole["transactions"][2]["opcodeGas"];
    let of = |name: &str| {
        writes
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["opcode"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(of("SSTORE")["count"], json!(5));
    assert!(of("SSTORE")["gasUsed"].as_u64().unwrap() >= 5 * 20_000);
    assert_eq!(
        of("STOP"),
        json!({"opcode": "STOP", "count": 1, "gasUsed": 0})
    );
    assert_eq!(
        net.get("trace_blockOpcodeGas", &json!(["0x63"])),
        Value::Null
    );
}
