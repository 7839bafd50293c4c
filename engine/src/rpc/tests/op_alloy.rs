//! Clients of the OP stack read every kind of transaction, receipt and block that a devnet has with op-alloy's
//! types, as the reference validator does. What they read is what stands in the block.

use std::collections::BTreeSet;

use alloy_consensus::{SignableTransaction, Signed, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::{
    Encodable2718 as _,
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Signature, TxKind, U256, bytes, keccak256};
use alloy_rpc_types_eth::Block;
use op_alloy_consensus::{OpTxEnvelope, TxDeposit};
use op_alloy_rpc_types::{OpTransactionReceipt, Transaction};
use serde_json::{Value, json};

use crate::rpc::testing::*;
use crate::{
    block::Sender,
    builder::testing::{Draft, Tx, account, key},
};

/// Signed by account 1.
fn signed<T>(tx: T) -> Tx
where
    T: SignableTransaction<Signature>,
    OpTxEnvelope: From<Signed<T>>,
{
    let signature = key(1).sign(&tx.signature_hash());
    Tx::of(tx.into_signed(signature).into(), account(1))
}

fn authorization(nonce: u64) -> SignedAuthorization {
    let authorization = Authorization {
        chain_id: U256::from(6343),
        address: ECHO,
        nonce,
    };
    let signature = key(2).sign(&authorization.signature_hash());
    authorization.into_signed(signature)
}

/// A sealed block with everything that a block can hold.
fn everything() -> Devnet {
    let mut net = Devnet::new();
    let to = TxKind::Call(COUNTER);
    let deposit = TxDeposit {
        from: account(3),
        to,
        gas_limit: 200_000,
        ..TxDeposit::default()
    };
    for tx in [
        Tx::deposit(deposit.clone()),
        Tx::deposit(TxDeposit {
            to: TxKind::Create,
            mint: 7,
            value: U256::from(5),
            input: bytes!("60fe60005360016000f3"),
            ..deposit.clone()
        }),
        // More than it has: included, and failed.
        Tx::deposit(TxDeposit {
            from: Address::repeat_byte(0x99),
            value: U256::from(5),
            ..deposit
        }),
        signed(TxLegacy {
            chain_id: Some(6343),
            nonce: 0,
            gas_price: 2_000_000,
            gas_limit: 200_000,
            to,
            ..TxLegacy::default()
        }),
        signed(TxEip2930 {
            chain_id: 6343,
            nonce: 1,
            gas_price: 2_000_000,
            gas_limit: 200_000,
            to,
            access_list: AccessList(vec![AccessListItem {
                address: COUNTER,
                storage_keys: vec![B256::ZERO],
            }]),
            ..TxEip2930::default()
        }),
        signed(TxEip7702 {
            chain_id: 6343,
            nonce: 2,
            gas_limit: 1_000_000,
            max_fee_per_gas: 2_000_000,
            max_priority_fee_per_gas: 1,
            to: COUNTER,
            authorization_list: vec![authorization(0), authorization(9)],
            ..TxEip7702::default()
        }),
    ] {
        net.include(&tx);
    }
    net.send(&Draft {
        tip: 3,
        ..calling(HIGH_PRECISION_TIMESTAMP, bytes!("b80777ea"), 0)
    });
    net.send(&Draft {
        to: TxKind::Create,
        input: bytes!("60fe60005360016000f3"),
        nonce: 1,
        ..Draft::default()
    });
    net.send(&calling(REVERT, [1], 2));
    net.block();
    net
}

/// The names of an object's members.
fn names(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// That op-alloy writes what it read as we do, but for what only we tell.
fn assert_same(ours: &Value, again: &Value, only_ours: &[&str]) {
    for (name, value) in again.as_object().unwrap() {
        assert_eq!(&ours[name], value, "{name} of {ours}");
    }
    let more: Vec<&str> = names(ours).difference(&names(again)).copied().collect();
    assert_eq!(more, only_ours, "{ours}");
}

#[test]
fn op_alloy_reads_every_kind_of_transaction_as_it_stands_in_the_block() {
    let net = everything();
    let block = net.get("eth_getBlockByNumber", &json!(["0x1", true]));
    let transactions = block["transactions"].as_array().unwrap();
    let types: Vec<&Value> = transactions.iter().map(|tx| &tx["type"]).collect();
    let expected = [
        "0x7e", "0x7e", "0x7e", "0x0", "0x1", "0x4", "0x0", "0x2", "0x2", "0x2",
    ];
    assert_eq!(types, expected);
    for shown in transactions {
        let read: Transaction = serde_json::from_value(shown.clone()).unwrap();
        let envelope = read.inner.inner.inner();
        assert_eq!(json!(keccak256(envelope.encoded_2718())), shown["hash"]);
        let sender = Sender::of(envelope).unwrap();
        assert_eq!(sender, Sender::Known(read.inner.inner.signer()));
        assert_same(
            shown,
            &serde_json::to_value(&read).unwrap(),
            &only_ours(shown),
        );
    }
}

/// Creations say so (op-alloy leaves a deposit's out); everything says when it was.
fn only_ours(shown: &Value) -> Vec<&'static str> {
    match (&shown["type"], &shown["to"]) {
        (kind, Value::Null) if kind == "0x7e" => vec!["blockTimestamp", "to"],
        _ => vec!["blockTimestamp"],
    }
}

#[test]
fn a_deposit_is_told_of_as_by_the_real_chain() {
    let net = everything();
    let shown = net.get(
        "eth_getTransactionByBlockNumberAndIndex",
        &json!(["0x1", "0x0"]),
    );
    let members = [
        ("mint", "0x0"),
        ("yParity", "0x0"),
        ("v", "0x0"),
        ("r", "0x0"),
        ("s", "0x0"),
        ("gasPrice", "0x0"),
        ("depositReceiptVersion", "0x1"),
    ];
    for (name, value) in members {
        assert_eq!(shown[name], value, "{name}");
    }
    assert_eq!(shown.get("isSystemTx"), None);
    assert_eq!(shown.get("chainId"), None);
}

#[test]
fn op_alloy_reads_every_kind_of_receipt() {
    let net = everything();
    let receipts = net.get("eth_getBlockReceipts", &json!(["0x1"]));
    for shown in receipts.as_array().unwrap() {
        let read: OpTransactionReceipt = serde_json::from_value(shown.clone()).unwrap();
        let mut again = serde_json::to_value(&read).unwrap();
        // alloy tells an absent timestamp of a log, and no time of what has none.
        let logs = again["logs"].as_array_mut().unwrap();
        for (log, ours) in logs.iter_mut().zip(shown["logs"].as_array().unwrap()) {
            assert_same(ours, log, &[]);
        }
        again["logs"] = shown["logs"].clone();
        assert_same(shown, &again, &["mega"]);
        let is_deposit = shown["type"] == "0x7e";
        assert_eq!(shown.get("depositNonce").is_some(), is_deposit);
        assert_eq!(shown.get("l1Fee").is_some(), !is_deposit);
    }
}

#[test]
fn op_alloy_reads_a_block_and_finds_its_hash() {
    let net = everything();
    for full in [false, true] {
        let shown = net.get("eth_getBlockByNumber", &json!(["0x1", full]));
        let read: Block<Transaction> = serde_json::from_value(shown.clone()).unwrap();
        assert_eq!(read.header.inner.hash_slow(), read.header.hash);
        assert_eq!(json!(read.header.hash), shown["hash"]);
    }
}
