//! What Otterscan asks.

use alloy_primitives::{Address, TxKind, U256, bytes};
use serde_json::{Value, json};

use super::{assert_contains, hex, quantity};
use crate::builder::testing::{Draft, account};
use crate::rpc::testing::*;
use crate::state::GenesisAccount;

/// Sends what it is sent to 0x55 and creates a contract with one wei; reverts then if it is given calldata.
const MOVER: Address = Address::with_last_byte(0x77);
const RECEIVER: Address = Address::with_last_byte(0x55);

/// A chain with calls within calls: block 1 is empty, 2 holds transfers and calls, 3 is empty, 4 holds a failure.
fn explored() -> Devnet {
    let mut net = Devnet::with("rex6", |config| {
        let mover = GenesisAccount {
            nonce: 1,
            // CALL(gas, 0x55, callvalue); CREATE(1, 0, 0); if calldatasize REVERT; STOP
            code: bytes!("5f5f5f5f3460555af1505f5f6001f05036601557005b5f5ffd"),
            balance: U256::from(100),
            ..Default::default()
        };
        config.genesis.alloc.insert(MOVER, mover);
    });
    net.block();
    net.run(&Draft::default());
    net.send(&Draft {
        value: 7,
        gas: 10_000_000,
        ..calling(MOVER, [], 1)
    });
    net.send(&calling(forwarder(2), word(1), 2));
    net.block();
    net.block();
    net.send(&Draft {
        value: 7,
        ..calling(MOVER, [1], 3)
    });
    net.send(&calling(REVERT, vec![9; 3000], 4));
    let create = Draft {
        to: TxKind::Create,
        input: bytes!("60fe60005360016000f3"),
        nonce: 5,
        gas: 100_000_000,
        ..Draft::default()
    };
    net.send(&create);
    net.block();
    net
}

fn hashes(net: &Devnet, block: &str) -> Vec<Value> {
    let block = net.get("eth_getBlockByNumber", &json!([block, false]));
    block["transactions"].as_array().unwrap().clone()
}

#[test]
fn the_version_is_the_one_that_otterscan_needs() {
    let net = Devnet::new();
    assert_eq!(net.get("ots_getApiLevel", &json!([])), json!(8));
    let header = net.get("erigon_getHeaderByNumber", &json!([0]));
    assert_eq!(header, net.get("eth_getHeaderByNumber", &json!([0])));
}

#[test]
fn contracts_are_told_from_accounts() {
    let net = explored();
    for (address, is) in [
        (COUNTER, true),
        (account(0), false),
        (account(0).create(5), true),
    ] {
        assert_eq!(
            net.get("ots_hasCode", &json!([hex(address), "latest"])),
            json!(is)
        );
    }
    let early = json!([hex(account(0).create(5)), 2]);
    assert_eq!(net.get("ots_hasCode", &early), json!(false));
}

#[test]
fn ether_that_calls_moved_is_told_unless_they_failed() {
    let net = explored();
    let moved = hashes(&net, "0x2")[1].clone();
    let operations = net.get("ots_getInternalOperations", &json!([moved]));
    let created = MOVER.create(1);
    assert_eq!(
        operations,
        json!([
            {"type": 0, "from": hex(MOVER), "to": hex(RECEIVER), "value": "0x7"},
            {"type": 2, "from": hex(MOVER), "to": hex(created), "value": "0x1"},
        ])
    );
    let failed = hashes(&net, "0x4")[0].clone();
    assert_eq!(
        net.get("ots_getInternalOperations", &json!([failed])),
        json!([])
    );
}

#[test]
fn a_trace_is_a_list_with_depths() {
    let net = explored();
    let all = hashes(&net, "0x2");
    let (moved, forwarded) = (&all[1], &all[2]);
    let trace = net.get("ots_traceTransaction", &json!([moved]));
    let kinds: Vec<_> = trace
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["type"].as_str().unwrap(),
                one["depth"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(kinds, [("CALL", 0), ("CALL", 1), ("CREATE", 1)]);
    assert_contains(
        &trace[1],
        &json!({"from": hex(MOVER), "to": hex(RECEIVER), "value": "0x7", "input": "0x"}),
    );
    let trace = net.get("ots_traceTransaction", &json!([forwarded]));
    let depths: Vec<_> = trace
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["depth"].as_u64().unwrap())
        .collect();
    assert_eq!(depths, [0, 1, 2]);
    assert_contains(
        &trace[2],
        &json!({"from": hex(forwarder(1)), "to": hex(WRITER), "input": format!("0x{:064x}", 1)}),
    );
    let nowhere = json!([format!("0x{:064x}", 7)]);
    assert_eq!(net.refusal("ots_traceTransaction", &nowhere).0, -32000);
}

#[test]
fn an_error_is_all_that_was_returned() {
    let net = explored();
    let failed = hashes(&net, "0x4");
    let whole = net.get("ots_getTransactionError", &json!([failed[1]]));
    assert_eq!(whole, json!(format!("0x{}", "09".repeat(3000))));
    assert_eq!(
        net.get("ots_getTransactionError", &json!([failed[0]])),
        "0x"
    );
    assert_eq!(
        net.get("ots_getTransactionError", &json!([failed[2]])),
        "0x"
    );
}

#[test]
fn a_transaction_is_found_by_its_nonce() {
    let net = explored();
    let found = |nonce: u64| {
        net.get(
            "ots_getTransactionBySenderAndNonce",
            &json!([hex(account(0)), nonce]),
        )
    };
    assert_eq!(found(2), hashes(&net, "0x2")[2]);
    assert_eq!(found(6), Value::Null);
}

#[test]
fn a_contract_has_a_creator_unless_it_was_there_from_the_beginning() {
    let net = explored();
    let creator = |address: Address| net.get("ots_getContractCreator", &json!([hex(address)]));
    let by_account = json!({"hash": hashes(&net, "0x4")[2], "creator": hex(account(0))});
    assert_eq!(creator(account(0).create(5)), by_account);
    for nobody in [COUNTER, account(0), MOVER.create(1)] {
        assert_eq!(creator(nobody), Value::Null);
    }
}

#[test]
fn a_blocks_details_are_the_block_without_what_is_heavy() {
    let net = explored();
    let details = net.get("ots_getBlockDetails", &json!([2]));
    let block = net.get("eth_getBlockByNumber", &json!(["0x2", false]));
    let mut expected = block.clone();
    expected.as_object_mut().unwrap().remove("transactions");
    expected["logsBloom"] = Value::Null;
    expected["transactionCount"] = json!(3);
    assert_eq!(details["block"], expected);
    let receipts = net.get("eth_getBlockReceipts", &json!(["0x2"]));
    let paid: u64 = receipts
        .as_array()
        .unwrap()
        .iter()
        .map(|receipt| quantity(&receipt["gasUsed"]) * quantity(&receipt["effectiveGasPrice"]))
        .sum();
    assert_eq!(quantity(&details["totalFees"]), paid);
    assert_eq!(details["issuance"]["issuance"], "0x0");
    assert_eq!(
        net.get("ots_getBlockDetailsByHash", &json!([block["hash"]])),
        details
    );
    assert_eq!(net.get("ots_getBlockDetails", &json!([99])), Value::Null);
}

#[test]
fn a_blocks_transactions_come_in_pages_from_the_last_on() {
    let net = explored();
    let page = |page: u64, size: u64| net.get("ots_getBlockTransactions", &json!([2, page, size]));
    let whole = net.get("eth_getBlockByNumber", &json!(["0x2", true]));
    let last = page(0, 2);
    assert_eq!(last["fullblock"]["transactionCount"], json!(3));
    for (nth, index) in [(0, 1), (1, 2)] {
        let mut expected = whole["transactions"][index].clone();
        let input = expected["input"].as_str().unwrap().to_owned();
        expected["input"] = json!(&input[..input.len().min(10)]);
        assert_eq!(last["fullblock"]["transactions"][nth], expected);
        let receipt = &last["receipts"][nth];
        assert_eq!(receipt["transactionHash"], expected["hash"]);
        assert_eq!(
            (&receipt["logs"], &receipt["logsBloom"]),
            (&Value::Null, &Value::Null)
        );
    }
    let first = page(1, 2);
    assert_eq!(
        first["fullblock"]["transactions"][0]["hash"],
        whole["transactions"][0]["hash"]
    );
    assert_eq!(first["receipts"].as_array().unwrap().len(), 1);
    assert_eq!(page(9, 2)["receipts"], json!([]));
    assert_eq!(
        net.get("ots_getBlockTransactions", &json!([99, 0, 2])),
        Value::Null
    );
    assert_eq!(
        net.refusal("ots_getBlockTransactions", &json!([2, 0, 1001]))
            .0,
        -32005
    );
}

/// Hashes that a search finds, and whether it was the first and the last page.
fn found(
    net: &Devnet,
    method: &str,
    address: Address,
    block: u64,
    size: u64,
) -> (Vec<Value>, bool, bool) {
    let page = net.get(method, &json!([hex(address), block, size]));
    let txs = page["txs"].as_array().unwrap();
    for (tx, receipt) in txs.iter().zip(page["receipts"].as_array().unwrap()) {
        assert_eq!(tx["hash"], receipt["transactionHash"]);
        assert_eq!(
            receipt["timestamp"].as_u64(),
            Some(quantity(&tx["blockTimestamp"]))
        );
    }
    let hashes = txs.iter().map(|tx| tx["hash"].clone()).collect();
    (hashes, page["firstPage"] == true, page["lastPage"] == true)
}

#[test]
fn an_accounts_transactions_are_found_the_newest_first() {
    let net = explored();
    let (second, fourth) = (hashes(&net, "0x2"), hashes(&net, "0x4"));
    let mut all: Vec<Value> = second.iter().chain(&fourth).cloned().collect();
    all.reverse();
    let before =
        |address, block, size| found(&net, "ots_searchTransactionsBefore", address, block, size);
    let after =
        |address, block, size| found(&net, "ots_searchTransactionsAfter", address, block, size);
    assert_eq!(before(account(0), 0, 100), (all.clone(), true, true));
    assert_eq!(after(account(0), 0, 100), (all.clone(), true, true));
    // Those of one block stay together.
    assert_eq!(before(account(0), 0, 1), (all[..3].to_vec(), true, false));
    assert_eq!(before(account(0), 4, 1), (all[3..].to_vec(), false, true));
    assert_eq!(after(account(0), 0, 1), (all[3..].to_vec(), false, true));
    assert_eq!(after(account(0), 2, 1), (all[..3].to_vec(), true, false));
    // By way of others, who left no trace of it in the records.
    assert_eq!(
        before(RECEIVER, 0, 25),
        (vec![fourth[0].clone(), second[1].clone()], true, true)
    );
    assert_eq!(before(WRITER, 0, 25).0, [second[2].clone()]);
    assert_eq!(before(account(0).create(5), 0, 25).0, [fourth[2].clone()]);
    assert_eq!(before(account(5), 0, 25), (vec![], true, true));
    assert_eq!(after(account(0), 99, 25), (vec![], true, false));
    assert_eq!(
        net.refusal(
            "ots_searchTransactionsBefore",
            &json!([hex(RECEIVER), 0, 101])
        )
        .0,
        -32005
    );
}
