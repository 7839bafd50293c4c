//! The engine as its callers use it: requests in, answers out.

use super::*;
use crate::chain::Genesis;
use crate::pool::testing::{self, SignedDraft};
use crate::rpc::error::code;
use crate::rpc::{Framing, Submitted, Ticket};
use crate::salt::hasher;
use crate::state::{EmptyArchive, GenesisAccount};
use alloy_primitives::{Address, B256, U256, hex};
use serde_json::{Value, json};
use std::thread::JoinHandle;

/// An engine with a log thread that keeps nothing.
struct Running {
    engine: Arc<Engine>,
    log: Option<JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut ChainConfig)) -> Self {
        let rich = GenesisAccount {
            balance: U256::from(10).pow(U256::from(22)),
            ..GenesisAccount::default()
        };
        let alloc = (0..4)
            .map(|i| (testing::key(i).address(), rich.clone()))
            .collect();
        let mut config = ChainConfig::new(Genesis {
            timestamp: 1,
            alloc,
            ..Genesis::default()
        });
        config.chain_id = testing::RULES.chain_id;
        change(&mut config);
        let engine = match Engine::new(config, Arc::new(EmptyArchive)) {
            Ok(engine) => Arc::new(engine),
            Err(error) => panic!("{error}"),
        };
        assert!(engine.start().is_ok());
        let log = std::thread::spawn({
            let engine = engine.clone();
            move || write_log(&engine)
        });
        Self {
            engine,
            log: Some(log),
        }
    }

    fn call(&self, method: &str, params: &Value) -> Result<Value, i32> {
        let outcome = self.engine.rpc.call(method, &params.to_string());
        outcome
            .map(|json| serde_json::from_slice(&json).unwrap_or_default())
            .map_err(|error| error.code)
    }

    /// What a body is answered with, at once or later.
    fn exchange(&self, body: &Value) -> Value {
        let answer = match self.engine.rpc.submit(body.to_string().as_bytes(), 7) {
            Submitted::Answered(answer) => answer,
            Submitted::Foreign => panic!("{body} is the engine's"),
            Submitted::Taken => loop {
                if let Some((ticket, answer)) = self.engine.rpc.completions().pop() {
                    assert_eq!(ticket.token, 7);
                    break answer;
                }
                std::thread::sleep(Duration::from_millis(1));
            },
        };
        serde_json::from_slice(answer.body()).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        assert!(self.engine.stop().is_ok());
        assert!(self.log.take().is_some_and(|log| log.join().is_ok()));
    }
}

fn write_log(engine: &Engine) {
    let (mut mini, mut block) = (0, 0);
    while let Ok(Some(sealed)) = engine.next_sealed(Duration::from_secs(1), Duration::ZERO) {
        for one in &sealed {
            match one {
                Sealed::Mini(sealed) => mini = sealed.number,
                Sealed::Block { record, .. } => block = record.header.number,
            }
        }
        if !sealed.is_empty() {
            engine.durable(mini, block);
        }
    }
}

fn raw(draft: &SignedDraft) -> String {
    hex::encode_prefixed(testing::raw(draft))
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

#[test]
fn what_is_called_at_once_is_answered_as_if_it_were_called() {
    let node = Running::start();
    let sender = testing::key(SignedDraft::default().key).address();
    for (method, params) in [
        ("eth_chainId", json!([])),
        ("eth_gasPrice", json!([])),
        ("eth_getTransactionCount", json!([sender, "pending"])),
        ("eth_getTransactionCount", json!(["0x1"])),
        ("eth_getTransactionByHash", json!([B256::ZERO])),
    ] {
        let (params, called) = (
            params.to_string(),
            node.engine.rpc.call(method, &params.to_string()),
        );
        let at_once = node.engine.rpc.call_at_once(method, &params);
        let at_once = at_once.unwrap_or_else(|| panic!("{method} takes long"));
        assert_eq!(
            at_once.map_err(|error| error.to_json()),
            called.map_err(|error| error.to_json()),
            "{method}"
        );
    }
    for (method, params) in [
        (
            "eth_sendRawTransaction",
            json!([raw(&SignedDraft::default())]),
        ),
        ("eth_call", json!([{}])),
        ("eth_unknown", json!([])),
    ] {
        assert!(
            node.engine
                .rpc
                .call_at_once(method, &params.to_string())
                .is_none(),
            "{method}"
        );
    }
}

#[test]
fn a_realtime_transaction_is_answered_with_its_receipt() {
    let node = Running::start();
    let receipt = node
        .call(
            "realtime_sendRawTransaction",
            &json!([raw(&SignedDraft::default())]),
        )
        .ok();
    let receipt = receipt.unwrap_or_default();
    assert_eq!(
        (&receipt["status"], &receipt["gasUsed"]),
        (&json!("0x1"), &json!("0xea60"))
    );
    let sender = testing::key(0).address();
    assert_eq!(
        node.call("eth_getTransactionCount", &json!([sender, "latest"])),
        Ok(json!("0x1"))
    );
}

#[test]
fn a_mixed_batch_is_answered_in_its_order() {
    let node = Running::start();
    let bad = SignedDraft {
        chain_id: Some(1),
        ..SignedDraft::default()
    };
    let answers = node.exchange(&json!([
            request(1, "eth_sendRawTransaction", &json!([raw(&SignedDraft::default())])),
            request(2, "eth_chainId", &json!([])),
            {"jsonrpc": "2.0", "method": "eth_chainId"},
            5,
            request(3, "realtime_sendRawTransaction", &json!([raw(&SignedDraft { nonce: 1, ..SignedDraft::default() })])),
            request(4, "eth_sendRawTransaction", &json!([raw(&bad)])),
            request(5, "eth_call", &json!([{"to": testing::key(1).address()}, "latest"])),
        ]));
    let answers = answers.as_array().cloned().unwrap_or_default();
    let ids: Vec<_> = answers.iter().map(|answer| answer["id"].clone()).collect();
    assert_eq!(
        ids,
        [
            json!(1),
            json!(2),
            Value::Null,
            json!(3),
            json!(4),
            json!(5)
        ]
    );
    assert_eq!(answers[1]["result"], json!("0x18c6"));
    assert_eq!(answers[2]["error"]["code"], json!(code::INVALID_REQUEST));
    assert_eq!(answers[3]["result"]["status"], json!("0x1"));
    assert_eq!(answers[4]["error"]["code"], json!(code::SERVER));
    assert_eq!(answers[5]["result"], json!("0x"));
}

#[test]
fn who_waits_in_vain_behind_a_gap_is_told_the_nonce_that_is_missing_or_the_hash() {
    let node = Running::start();
    // The nonce leaves a gap, so that it can't be executed.
    let gapped = raw(&SignedDraft {
        nonce: 3,
        ..SignedDraft::default()
    });
    let answer = node.exchange(&request(
        1,
        "eth_sendRawTransactionSync",
        &json!([gapped, 1]),
    ));
    assert_eq!(answer["error"]["code"], json!(code::SYNC_NONCE_GAP));
    assert_eq!(answer["error"]["data"], "0x0");
    let another = raw(&SignedDraft {
        nonce: 4,
        ..SignedDraft::default()
    });
    let params = json!([another, 1]);
    let answer = node.exchange(&request(2, "realtime_sendRawTransaction", &params));
    assert_eq!(answer["error"]["code"], json!(code::SERVER));
    let hash = answer["error"]["data"].as_str();
    assert!(hash.is_some_and(|hash| hash.len() == 66));
    assert_eq!(
        node.call("txpool_status", &json!([])),
        Ok(json!({"pending": "0x0", "queued": "0x2"}))
    );
}

#[test]
fn the_pools_content_is_shown_by_sender_and_nonce() {
    let node = Running::start();
    let sender = testing::key(0).address().to_checksum(None);
    let gapped = raw(&SignedDraft {
        nonce: 3,
        ..SignedDraft::default()
    });
    assert!(
        node.call("eth_sendRawTransaction", &json!([gapped]))
            .is_ok()
    );
    let content = node.call("txpool_content", &json!([])).unwrap_or_default();
    let shown = &content["queued"][&sender]["3"];
    assert_eq!(
        (&shown["from"], &shown["blockHash"]),
        (&json!(testing::key(0).address()), &Value::Null)
    );
    let line = node.call("txpool_inspect", &json!([])).unwrap_or_default();
    let to = testing::RECIPIENT.to_checksum(None);
    assert_eq!(
        line["queued"][&sender]["3"],
        json!(format!(
            "{to}: 1 wei + 100000 gas × 2000000 wei; waits for nonce 0 and 2 more, which nobody has sent"
        ))
    );
    let from = node
        .call("txpool_contentFrom", &json!([sender]))
        .unwrap_or_default();
    assert_eq!(from["queued"]["3"], *shown);
}

#[test]
fn a_method_that_nobody_here_knows_belongs_to_python() {
    let node = Running::start();
    let body = json!([
        request(1, "eth_chainId", &json!([])),
        request(2, "net_version", &json!([]))
    ]);
    let submitted = node.engine.rpc.submit(body.to_string().as_bytes(), 7);
    assert_eq!(submitted, Submitted::Foreign);
    assert_eq!(
        node.call("net_version", &json!([])),
        Err(code::METHOD_NOT_FOUND)
    );
}

#[test]
fn a_notification_is_run_but_not_answered() {
    let node = Running::start();
    let body = r#"{"jsonrpc":"2.0","method":"eth_chainId"}"#;
    assert_eq!(
        node.engine.rpc.submit(body.as_bytes(), 7),
        Submitted::Answered(vec![].into())
    );
}

#[test]
fn what_arrives_as_one_whole_request_is_answered_in_its_form() {
    let node = Running::start();
    let rpc = &node.engine.rpc;
    let http = |body: &str| {
        let message = format!("POST / HTTP/1.1\r\nLength: {}\r\n\r\n{body}", body.len());
        (message.into_bytes(), body.len())
    };
    let now = request(1, "eth_chainId", &json!([])).to_string();
    let later = request(2, "eth_sendRawTransaction", &json!(["0x02"])).to_string();
    let (message, length) = http(&now);
    assert_eq!(rpc.submit_http(&message, 7), Submitted::Foreign);
    rpc.learn_head(&message, length);
    assert_eq!(rpc.submit_http(&message, 7), rpc.submit(now.as_bytes(), 7));
    let (message, length) = http(&later);
    rpc.learn_head(&message, length);
    assert_eq!(rpc.submit_http(&message, 8), Submitted::Taken);
    let head = [0x81, 0x80 | later.len() as u8, 0, 0, 0, 0];
    let frame = [&head[..], later.as_bytes()].concat();
    assert_eq!(rpc.submit_ws(&frame, 9), Submitted::Taken);
    let mut answered = Vec::new();
    while answered.len() < 2 {
        answered.extend(rpc.completions().into_iter().map(|(ticket, _)| ticket));
        std::thread::sleep(Duration::from_millis(1));
    }
    answered.sort_unstable_by_key(|ticket| ticket.token);
    let (http, ws) = (Framing::Http, Framing::WebSocket);
    let expected = [(8, http), (9, ws)].map(|(token, framing)| Ticket { token, framing });
    assert_eq!(answered, expected);
}

#[test]
fn a_stopping_node_answers_who_waits() {
    let node = Running::start();
    let gapped = raw(&SignedDraft {
        nonce: 3,
        ..SignedDraft::default()
    });
    let body = request(1, "realtime_sendRawTransaction", &json!([gapped]));
    let submitted = node.engine.rpc.submit(body.to_string().as_bytes(), 7);
    assert_eq!(submitted, Submitted::Taken);
    assert!(node.engine.stop().is_ok());
    let finished = node.engine.rpc.completions();
    let answer = String::from_utf8_lossy(finished[0].1.body()).into_owned();
    assert!(answer.contains("stopping"), "{answer}");
    assert_eq!(
        node.call(
            "eth_sendRawTransaction",
            &json!([raw(&SignedDraft::default())])
        ),
        Err(code::SERVER)
    );
}

#[test]
fn a_deposit_mints_and_is_executed() {
    let node = Running::start();
    let (from, to) = (testing::key(9).address(), testing::RECIPIENT);
    let params = json!([{"from": from, "to": to, "value": "0x64", "mint": "0x65"}]);
    let hash = node.call("mega_depositTransaction", &params).unwrap();
    // It is durable when it is answered, so its receipt is there.
    let receipt = node.call("eth_getTransactionReceipt", &json!([hash]));
    assert_eq!(receipt.unwrap()["status"], json!("0x1"));
    assert_eq!(
        node.call("eth_getBalance", &json!([from, "latest"])),
        Ok(json!("0x1"))
    );
    assert_eq!(
        node.call("eth_getBalance", &json!([to, "latest"])),
        Ok(json!("0x64"))
    );
    let too_much = json!([{"from": from, "gas": "0xffffffffff"}]);
    assert_eq!(
        node.call("mega_depositTransaction", &too_much),
        Err(code::SERVER)
    );
    assert_eq!(
        node.call("mega_depositTransaction", &json!([{}])),
        Err(code::INVALID_PARAMS)
    );
}

#[test]
fn a_crowded_bucket_makes_a_new_account_dear_before_the_pool() {
    let made = testing::key(0).address().create(1);
    let bucket = |address: Address| hasher::bucket_id_for_account(&address.0.0);
    let node = Running::with(|config| {
        for address in [testing::RECIPIENT, made] {
            config.bucket_capacities.insert(bucket(address), 1024);
        }
    });
    let gift = SignedDraft::default();
    let create = SignedDraft {
        nonce: 1,
        create: true,
        ..SignedDraft::default()
    };
    // Three times what the first 256 slots cost nothing for, on top of what each transaction pays.
    for (draft, need) in [
        (gift, 60_000 + 3 * 25_000),
        (create, 60_000 + 32_000 + 3 * 32_000),
    ] {
        let with_gas = |gas| {
            raw(&SignedDraft {
                gas,
                ..draft.clone()
            })
        };
        let refused = node.engine.rpc.call(
            "eth_sendRawTransaction",
            &json!([with_gas(need - 1)]).to_string(),
        );
        let message = refused.unwrap_err().message;
        assert_eq!(message, format!("Gas limit too low. Intrinsic: {need}"));
        let receipt = node.call("realtime_sendRawTransaction", &json!([with_gas(need)]));
        let receipt = receipt.unwrap();
        assert_eq!(receipt["gasUsed"], json!(format!("{need:#x}")));
        assert_eq!(receipt["status"], json!("0x1"));
    }
}

#[test]
fn an_engine_that_is_dropped_without_a_stop_leaves_nothing_behind() {
    let config = ChainConfig::new(Genesis::default());
    let engine = Engine::new(config, Arc::new(EmptyArchive)).expect("a valid configuration");
    engine.start().expect("a fresh chain starts");
    let chain = Arc::downgrade(&engine.chain);
    drop(engine);
    assert!(chain.upgrade().is_none());
}

#[test]
fn an_engine_starts_once() {
    let node = Running::start();
    assert!(matches!(
        node.engine.start(),
        Err(EngineError::Restore(RestoreError::Running))
    ));
}

#[test]
fn everything_submitted_at_once_is_executed() {
    let node = Running::start();
    let requests: Vec<Value> = (0..400)
        .map(|i| {
            let draft = SignedDraft {
                key: (i % 4) as u8,
                nonce: i / 4,
                ..SignedDraft::default()
            };
            request(i, "eth_sendRawTransaction", &json!([raw(&draft)]))
        })
        .collect();
    let answers = node.exchange(&Value::Array(requests));
    let answers = answers.as_array().cloned().unwrap_or_default();
    assert!(
        answers.iter().all(|answer| answer["result"].is_string()),
        "{answers:?}"
    );
    let last = raw(&SignedDraft {
        nonce: 100,
        ..SignedDraft::default()
    });
    assert!(
        node.call("realtime_sendRawTransaction", &json!([last]))
            .is_ok()
    );
    for key in 0..4 {
        let sender = testing::key(key).address();
        let expected = if key == 0 { "0x65" } else { "0x64" };
        let count = node.call("eth_getTransactionCount", &json!([sender, "latest"]));
        assert_eq!(count, Ok(json!(expected)));
    }
}
