//! The bytes that hashes and roots are made of, and transactions by their senders' nonces.

use alloy_consensus::{
    Block, Header,
    proofs::{calculate_transaction_root, ordered_trie_root_with_encoder},
};
use alloy_primitives::{Bytes, keccak256};
use alloy_rlp::{BufMut as _, Decodable as _};
use op_alloy_consensus::{OpTxEnvelope, TxDeposit};
use serde_json::{Value, json};

use crate::builder::testing::{Draft, Tx, account};
use crate::rpc::testing::*;

fn data(value: &Value) -> Bytes {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn raw_blocks_hash_to_what_they_are_named_by() {
    let mut net = Devnet::new();
    net.run(&calling(COUNTER, [], 0));
    net.run(&Draft {
        tip: 3,
        ..calling(COUNTER, [], 1)
    });
    net.include(&Tx::deposit(TxDeposit {
        from: account(3),
        gas_limit: 100_000,
        ..TxDeposit::default()
    }));
    net.mini();
    let record = net.block();
    let by_hash = json!([record.hash]);
    let header = data(&net.get("debug_getRawHeader", &by_hash));
    assert_eq!(keccak256(&header), record.hash);
    assert_eq!(Header::decode(&mut &header[..]).unwrap(), record.header);

    let raw = data(&net.get("debug_getRawBlock", &json!(["0x1"])));
    let mut rest = &raw[..];
    let block = Block::<OpTxEnvelope>::decode(&mut rest).unwrap();
    assert!(rest.is_empty());
    assert_eq!(block.header, record.header);
    assert_eq!(block.body.transactions.len(), 3);
    assert_eq!(
        calculate_transaction_root(&block.body.transactions),
        record.header.transactions_root
    );
    let shown = net.get("eth_getBlockByNumber", &json!(["0x1", false]));
    assert_eq!(shown["size"], format!("{:#x}", raw.len()));

    let receipts = net.get("debug_getRawReceipts", &by_hash);
    let receipts: Vec<Bytes> = receipts.as_array().unwrap().iter().map(data).collect();
    let root = ordered_trie_root_with_encoder(&receipts, |receipt, out| {
        out.put_slice(receipt);
    });
    assert_eq!(root, record.header.receipts_root);
    assert_eq!(net.refusal("debug_getRawHeader", &json!(["0x9"])).0, -32001);
}

#[test]
fn a_raw_transaction_is_what_was_sent_and_nothing_if_nobody_knows_it() {
    let mut net = Devnet::new();
    let mini = net.run(&calling(COUNTER, [], 0));
    let hash = json!([mini.txs[0].hash]);
    let raw = net.get("debug_getRawTransaction", &hash);
    assert_eq!(data(&raw), mini.txs[0].raw);
    assert_eq!(net.get("eth_getRawTransactionByHash", &hash), raw);
    let unknown = json!([keccak256(b"nothing")]);
    assert_eq!(net.get("debug_getRawTransaction", &unknown), "0x");
}

#[test]
fn a_transaction_is_found_by_its_senders_nonce() {
    let mut net = Devnet::new();
    let mut hashes = Vec::new();
    for nonce in 0..5 {
        hashes.push(net.run(&calling(COUNTER, [], nonce)).txs[0].hash);
        (0..nonce).for_each(|_| drop(net.block()));
    }
    let by_nonce = |net: &Devnet, nonce: u64| {
        let params = json!([account(0), format!("{nonce:#x}")]);
        net.get("eth_getTransactionBySenderAndNonce", &params)["hash"].clone()
    };
    for (nonce, hash) in hashes.iter().enumerate() {
        assert_eq!(by_nonce(&net, nonce as u64), json!(hash), "{nonce}");
    }
    let open = net.run(&calling(COUNTER, [], 5)).txs[0].hash;
    assert_eq!(by_nonce(&net, 5), json!(open));
    assert_eq!(by_nonce(&net, 6), Value::Null);
    let stranger = json!([COUNTER, "0x0"]);
    assert_eq!(
        net.get("eth_getTransactionBySenderAndNonce", &stranger),
        Value::Null
    );
}
