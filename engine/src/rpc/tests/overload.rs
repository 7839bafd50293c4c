//! What a client sees when more comes than can be done: errors at once, and queues that end.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::pool::Intake;
use crate::pool::testing::RULES;
use crate::rpc::error::code;
use crate::rpc::testing::{Devnet, SPIN};
use crate::rpc::{RpcService, Submitted, methods};

/// Requests in one batch.
const MAX_BATCH: usize = 1_000;

/// A service behind which nobody works: whatever has to wait waits for ever.
fn idle() -> RpcService {
    let node = Devnet::new().node;
    let opened = Intake::start(RULES, Arc::clone(&node.pool), 0)
        .and_then(|intake| RpcService::start(node, methods::all(), intake, 0));
    match opened {
        Ok(service) => service,
        Err(error) => panic!("{error}"),
    }
}

fn batch(method: &str, params: &Value, size: usize) -> Vec<u8> {
    let one = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    json!(vec![one; size]).to_string().into_bytes()
}

/// Submits batches until one is answered; how many were taken before, and the answers.
fn fill(service: &RpcService, body: &[u8]) -> (usize, Vec<Value>) {
    for taken in 0.. {
        if let Submitted::Answered(answer) = service.submit(body, taken) {
            return (
                taken as usize,
                serde_json::from_slice(answer.body()).unwrap(),
            );
        }
    }
    unreachable!("a counter ends")
}

fn all_refused(answers: &[Value]) -> bool {
    answers
        .iter()
        .all(|answer| answer["error"]["code"] == json!(code::LIMIT))
}

#[test]
fn transactions_beyond_the_queue_are_refused_at_once_and_the_queue_grows_no_more() {
    let service = idle();
    let body = batch("eth_sendRawTransaction", &json!(["0x02"]), MAX_BATCH);
    let (taken, answers) = fill(&service, &body);
    // The batch in which the queue became full waits for those of its transactions that found room.
    assert_eq!(taken, Intake::CAPACITY / MAX_BATCH + 1);
    assert_eq!((answers.len(), all_refused(&answers)), (MAX_BATCH, true));
    for _ in 0..100 {
        assert!(matches!(service.submit(&body, 0), Submitted::Answered(_)));
    }
    assert_eq!(service.queues().0, Intake::CAPACITY);
}

#[test]
fn calls_beyond_the_queue_are_refused_at_once_and_reads_still_answered() {
    let service = idle();
    let call = json!([{"to": SPIN}, "latest"]);
    let (taken, answers) = fill(&service, &batch("eth_call", &call, MAX_BATCH));
    let waiting = service.queues().1;
    assert!(all_refused(&answers));
    assert!(waiting > 0 && waiting.div_ceil(MAX_BATCH) == taken);
    let (taken, _) = fill(&service, &batch("eth_call", &call, MAX_BATCH));
    assert_eq!((taken, service.queues().1), (0, waiting));
    assert!(matches!(
        service.submit(
            br#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#,
            0
        ),
        Submitted::Answered(_)
    ));
}
