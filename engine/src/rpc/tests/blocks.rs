//! Blocks, transactions and receipts.

use alloy_primitives::{Signature, U256, keccak256};
use alloy_sol_types::{Revert, SolError};
use serde_json::{Value, json};

use super::{assert_contains, quantity};
use crate::builder::testing::{Draft, account, sign};
use crate::rpc::testing::*;

#[test]
fn a_header_is_what_alloy_would_write() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    let record = net.block();
    let shown = net.get("eth_getBlockByNumber", &json!(["0x1", false]));
    assert_contains(&shown, &serde_json::to_value(&record.header).unwrap());
    assert_eq!(shown["hash"], json!(record.hash));
    assert_eq!(shown["miniBlockCount"], "0x2");
    assert_eq!(shown["miniBlockOffset"], "0x0");
    assert_eq!(
        net.get("eth_getBlockByHash", &json!([record.hash, false])),
        shown
    );
    let mut header = net.get("eth_getHeaderByNumber", &json!(["latest"]));
    assert_eq!(
        net.get("eth_getHeaderByHash", &json!([record.hash])),
        header
    );
    // All that a block has not.
    let told: Option<Value> = header.as_object_mut().unwrap().remove("totalDifficulty");
    assert_eq!(told, Some(json!("0x0")));
    assert_contains(&shown, &header);
}

#[test]
fn a_header_says_how_many_transactions_came_before_and_carries_the_sequencers_signature() {
    let mut net = Devnet::new();
    let mut nonce = 0;
    for transactions in [2, 0, 1, 0] {
        for _ in 0..transactions {
            net.run(&calling(COUNTER, [], nonce));
            nonce += 1;
        }
        net.block();
    }
    let header = |number: u64| net.get("eth_getHeaderByNumber", &json!([format!("{number:#x}")]));
    let offsets: Vec<_> = (0..=4)
        .map(|number| header(number)["txOffset"].clone())
        .collect();
    assert_eq!(json!(offsets), json!(["0x0", "0x0", "0x2", "0x2", "0x3"]));
    let block = net.get("eth_getBlockByNumber", &json!(["0x4", false]));
    assert_eq!(block["txOffset"], "0x3");
    let head: Value = serde_json::from_slice(&net.node.head_json(4).unwrap()).unwrap();
    assert_eq!(head, header(4));
    assert_eq!(header(0)["signature"], Value::Null);
    let record = net.node.chain.block(4).unwrap().unwrap();
    let signature = format!(
        "0x{}",
        alloy_primitives::hex::encode(record.content_signature.to_bytes())
    );
    assert_eq!(header(4)["signature"], signature);
    let signature: Signature = signature.parse().unwrap();
    let signer = signature
        .recover_address_from_prehash(&record.content_signing_hash())
        .unwrap();
    assert_eq!(signer, net.node.chain.sequencer.address());
}

#[test]
fn a_transaction_is_what_alloy_would_write() {
    let mut net = Devnet::new();
    let draft = Draft {
        tip: 7,
        value: 9,
        ..calling(ECHO, [1, 2], 0)
    };
    let envelope = sign(&net.node.chain, &draft).envelope;
    let hash = net.send(&draft);
    net.mini();
    let open = net.get("eth_getTransactionByHash", &json!([hash]));
    assert_eq!(open["blockHash"], format!("0x{}", "ff".repeat(32)));
    let record = net.block();
    let shown = net.get("eth_getTransactionByHash", &json!([hash]));
    assert_contains(&shown, &serde_json::to_value(&envelope).unwrap());
    assert_eq!(shown["from"], json!(account(0)));
    assert_eq!(shown["blockHash"], json!(record.hash));
    assert_eq!(shown["gasPrice"], format!("{:#x}", 1_000_000 + 7));
    let by_number = json!(["0x1", "0x0"]);
    assert_eq!(
        net.get("eth_getTransactionByBlockNumberAndIndex", &by_number),
        shown
    );
    let by_hash = json!([record.hash, "0x0"]);
    assert_eq!(
        net.get("eth_getTransactionByBlockHashAndIndex", &by_hash),
        shown
    );
    assert_eq!(
        net.get(
            "eth_getTransactionByBlockNumberAndIndex",
            &json!(["0x1", "0x1"])
        ),
        Value::Null
    );
    let full = net.get("eth_getBlockByNumber", &json!(["0x1", true]));
    assert_eq!(full["transactions"], json!([shown]));
    let raw = net.get("eth_getRawTransactionByHash", &json!([hash]));
    let bytes = alloy_primitives::hex::decode(raw.as_str().unwrap()).unwrap();
    assert_eq!(keccak256(bytes), hash);
}

#[test]
fn a_pending_transaction_is_found_in_the_pool() {
    let net = Devnet::new();
    let draft = Draft::default();
    let tx = sign(&net.node.chain, &draft);
    let pooled = crate::pool::PoolTx {
        cost: U256::ZERO,
        tip: 0,
        nonce: 0,
        da_size: 100,
        intrinsic_gas: 0,
        authorizations: Vec::new(),
        envelope: tx.envelope.clone(),
        raw: tx.raw.clone(),
        hash: tx.hash,
        sender: tx.sender,
    };
    assert!(net.node.pool.admit([pooled])[0].is_ok());
    let shown = net.get("eth_getTransactionByHash", &json!([tx.hash]));
    assert_eq!(
        (&shown["blockHash"], &shown["blockNumber"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(shown["hash"], json!(tx.hash));
    assert_eq!(
        net.get("eth_getTransactionReceipt", &json!([tx.hash])),
        Value::Null
    );
    let count = |tag: &str| net.get("eth_getTransactionCount", &json!([tx.sender, tag]));
    assert_eq!(
        (count("pending"), count("latest")),
        (json!("0x1"), json!("0x0"))
    );
}

#[test]
fn receipts_count_through_the_block_across_mini_blocks() {
    let mut net = Devnet::new();
    net.send(&calling(COUNTER, [], 0));
    net.send(&calling(COUNTER, [], 1));
    net.mini();
    net.mini();
    let last = net.send(&calling(COUNTER, [], 2));
    net.mini();
    let early = net.get("eth_getTransactionReceipt", &json!([last]));
    let record = net.block();
    let receipts = net.get("eth_getBlockReceipts", &json!(["0x1"]));
    let receipts = receipts.as_array().unwrap();
    let mut gas = 0;
    for (nth, receipt) in receipts.iter().enumerate() {
        gas += quantity(&receipt["gasUsed"]);
        assert_eq!(quantity(&receipt["cumulativeGasUsed"]), gas);
        assert_eq!(quantity(&receipt["transactionIndex"]), nth as u64);
        assert_eq!(quantity(&receipt["logs"][0]["logIndex"]), nth as u64);
        assert_eq!(receipt["blockHash"], json!(record.hash));
        assert_eq!(receipt["to"], json!(COUNTER));
        assert_eq!(receipt["contractAddress"], Value::Null);
    }
    assert_eq!(gas, record.header.gas_used);

    // A receipt handed out before the block was sealed differs in nothing but the hash.
    let mut sealed = receipts[2].clone();
    assert_eq!(early["blockHash"], format!("0x{}", "ff".repeat(32)));
    sealed["blockHash"] = early["blockHash"].clone();
    sealed["logs"][0]["blockHash"] = early["blockHash"].clone();
    assert_eq!(sealed, early);
    assert_eq!(early["mega"]["miniBlock"], "0x2");
}

#[test]
fn a_receipt_tells_what_each_dimension_took() {
    let mut net = Devnet::new();
    let receipt = |net: &Devnet, hash| net.get("eth_getTransactionReceipt", &json!([hash]));
    // The first transaction of all brings the fee vaults into being, which counts too.
    net.run(&Draft {
        nonce: 0,
        ..Draft::default()
    });
    let hash = net.send(&calling(WRITER, word(3), 1));
    net.mini();
    let mega = receipt(&net, hash)["mega"].clone();
    assert_eq!(
        (&mega["stateGrowth"], &mega["detained"]),
        (&json!("0x3"), &json!(false))
    );
    assert_eq!(mega["haltReason"], Value::Null);
    let usage = net.get("mega_txUsage", &json!([hash]));
    assert_eq!(usage["stateGrowth"], "0x3");
    assert_eq!(
        usage["closestLimit"],
        json!({"dimension": "stateGrowth", "used": "0x3", "limit": "0x3e8", "reached": false})
    );
    assert_eq!(usage["detention"], Value::Null);

    let hash = net.send(&calling(DETAINED, [], 2));
    net.mini();
    let halted = receipt(&net, hash);
    assert_eq!(
        (&halted["status"], &halted["mega"]["detained"]),
        (&json!("0x0"), &json!(true))
    );
    let reason = &halted["mega"]["haltReason"];
    assert_eq!(reason["kind"], "VolatileDataAccessOutOfGas");
    assert_eq!(reason["accesses"], json!(["BLOCK_NUMBER"]));
    assert!(quantity(&reason["actual"]) > quantity(&reason["limit"]));
    let usage = net.get("mega_txUsage", &json!([hash]));
    let (limit, actual) = (&reason["limit"], &reason["actual"]);
    assert_eq!(
        usage["closestLimit"],
        json!({"dimension": "computeGas", "used": actual, "limit": limit, "reached": true})
    );
    let detention = &usage["detention"];
    assert_eq!(
        (&detention["accesses"], &detention["opcode"]),
        (&json!(["BLOCK_NUMBER"]), &json!("NUMBER"))
    );
    assert_eq!(
        (&detention["contract"], &detention["pc"]),
        (&json!(DETAINED), &json!("0x0"))
    );
    assert_eq!(&detention["limit"], limit);
    assert_eq!(
        quantity(limit) - quantity(&detention["computeGas"]),
        20_000_000,
        "from there on"
    );
    assert!(
        quantity(&halted["gasUsed"]) < 100_000_000,
        "what is left is given back"
    );

    let reason = Revert {
        reason: "no".into(),
    }
    .abi_encode();
    let hash = net.send(&calling(REVERT, reason.clone(), 3));
    net.mini();
    let reverted = receipt(&net, hash);
    assert_eq!(
        reverted["mega"]["output"],
        alloy_primitives::hex::encode_prefixed(reason)
    );
}

#[test]
fn a_creation_shows_its_address_even_if_it_failed() {
    let mut net = Devnet::new();
    let create = |nonce, input: &[u8]| Draft {
        to: alloy_primitives::TxKind::Create,
        input: input.to_vec().into(),
        nonce,
        ..Draft::default()
    };
    let made = net.send(&create(0, &alloy_primitives::hex!("60fe60005360016000f3")));
    let failed = net.send(&create(1, &alloy_primitives::hex!("5f5ffd")));
    net.mini();
    for (nonce, hash, status) in [(0, made, "0x1"), (1, failed, "0x0")] {
        let receipt = net.get("eth_getTransactionReceipt", &json!([hash]));
        assert_eq!(receipt["contractAddress"], json!(account(0).create(nonce)));
        assert_eq!(
            (&receipt["to"], &receipt["status"]),
            (&Value::Null, &json!(status))
        );
    }
}
