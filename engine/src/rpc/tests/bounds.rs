//! What a call may take, and that it ends when it may not go on: time, memory, a client that is gone.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes, bytes, hex};
use serde_json::{Value, json};

use crate::chain::{ChainConfig, RpcLimits};
use crate::pool::Intake;
use crate::pool::testing::RULES;
use crate::rpc::error::code;
use crate::rpc::testing::{DETAINED, Devnet, ECHO, REVERT, SPIN, ask};
use crate::rpc::transport::{ServingRules, Work};
use crate::rpc::{Node, RpcError, RpcService, Submitted, Turn, methods};
use crate::state::GenesisAccount;

const CODE: &str = "0x00000000000000000000000000000000000c0d1e";
const MIB: usize = 1 << 20;

/// MSTORE at 1 MiB, then calls itself with all gas.
const NEST: Bytes = bytes!("5f6210000052" "5f5f5f5f5f305af100");
/// Logs 64 KiB for ever.
const LOG: Bytes = bytes!("5b620100005fa05f56");
/// Reads one slot after the other for ever.
const READ: Bytes = bytes!("5f5b600101805450600156");
/// Returns 64 KiB.
const RETURN: Bytes = bytes!("620100005ff3");
/// One MSTORE far beyond what any gas pays for.
const UNPAID: Bytes =
    bytes!("5f7f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff52");

pub(super) fn limits(change: impl FnOnce(&mut RpcLimits)) -> RpcLimits {
    let mut limits = RpcLimits::default();
    change(&mut limits);
    limits
}

/// A node on whose thread a request runs within these limits.
pub(super) fn bounded(node: &Node, limits: RpcLimits) -> Node {
    let work = Work::new(&ServingRules::new(limits), 0);
    Node {
        turn: Arc::new(Turn::begin(work, None)),
        ..node.clone()
    }
}

fn of(code: &Bytes) -> Value {
    json!({CODE: {"code": hex::encode_prefixed(code)}})
}

/// A call of this code within these limits; everything that the chain limits is not.
fn unlimited(method: &str, code: &Bytes, limits: RpcLimits) -> Result<Value, RpcError> {
    let net = Devnet::new();
    let params = json!([{"to": CODE}, "latest", of(code), {"unlimited": true}]);
    ask(&bounded(&net.node, limits), method, &params)
}

fn is_refused_for(result: Result<Value, RpcError>, setting: &str) -> bool {
    let error = result.expect_err("it takes too much");
    error.code == code::LIMIT && error.message.contains(setting)
}

#[test]
fn memory_of_nested_frames_logs_and_state_ends_a_call_and_not_the_node() {
    for code in [&NEST, &LOG, &READ] {
        let limits = limits(|limits| limits.max_call_bytes = 24 * MIB);
        let result = unlimited("eth_call", code, limits);
        assert!(is_refused_for(result, "--max-call-bytes"), "{code}");
    }
}

#[test]
fn memory_counts_in_all_that_runs_calls() {
    for method in [
        "eth_estimateGas",
        "eth_createAccessList",
        "mega_getCallGasProfile",
    ] {
        let limits = limits(|limits| limits.max_call_bytes = 24 * MIB);
        let result = unlimited(method, &NEST, limits);
        // The first has a contract that isn't there before the override.
        match method {
            "mega_getCallGasProfile" => assert!(result.is_err()),
            _ => assert!(is_refused_for(result, "--max-call-bytes"), "{method}"),
        }
    }
}

#[test]
fn memory_of_all_work_together_ends_who_wants_more() {
    let limits = limits(|limits| limits.max_work_bytes = 8 * MIB);
    let result = unlimited("eth_call", &NEST, limits);
    assert!(is_refused_for(result, "--max-work-bytes"));
}

#[test]
fn memory_that_the_gas_does_not_reach_is_a_failure_of_the_frame_as_ever() {
    let limits = limits(|limits| limits.max_call_bytes = 2 * MIB);
    let error = unlimited("eth_call", &UNPAID, limits).expect_err("it has no gas");
    assert_eq!(
        (error.code, error.message.as_str()),
        (code::SERVER, "out of gas")
    );
}

#[test]
fn a_call_without_limits_ends_in_time() {
    for method in ["eth_call", "eth_estimateGas", "eth_createAccessList"] {
        let net = Devnet::new();
        let node = bounded(&net.node, limits(|limits| limits.call_timeout_ms = 30));
        let params = json!([{"to": SPIN}, "latest", {}, {"unlimited": true}]);
        let result = ask(&node, method, &params);
        assert!(is_refused_for(result, "--call-timeout"), "{method}");
    }
}

#[test]
fn a_precompile_that_would_run_for_long_is_refused_and_others_cost_what_they_cost() {
    // BLAKE2F's rounds are the first four bytes of its input, and its gas.
    let net = Devnet::new();
    let blake2f = |rounds: u32| {
        let mut input = rounds.to_be_bytes().to_vec();
        input.resize(213, 0);
        let call = json!({"to": "0x0000000000000000000000000000000000000009", "data": hex::encode_prefixed(input)});
        let params = json!([call, "latest", {}, {"unlimited": true}]);
        ask(
            &bounded(&net.node, RpcLimits::default()),
            "eth_call",
            &params,
        )
    };
    assert!(blake2f(12).is_ok());
    let error = blake2f(u32::MAX).expect_err("it is four billion rounds");
    assert!(
        error.message.contains("a precompile needs more than"),
        "{error}"
    );
    let identity =
        json!([{"to": "0x0000000000000000000000000000000000000004", "data": "0x01"}, "latest"]);
    let [free, bound] = [&net.node, &bounded(&net.node, RpcLimits::default())]
        .map(|node| ask(node, "eth_estimateGas", &identity));
    assert_eq!(free, bound);
}

#[test]
fn an_init_code_that_does_not_end_ends_in_time_too() {
    let net = Devnet::new();
    let node = bounded(&net.node, limits(|limits| limits.call_timeout_ms = 30));
    let params = json!([{"data": "0x5b5f56"}, "latest", {}, {"unlimited": true}]);
    assert!(is_refused_for(
        ask(&node, "eth_call", &params),
        "--call-timeout"
    ));
}

#[test]
fn calls_within_the_bounds_have_the_results_that_they_have_without() {
    let net = Devnet::busy();
    let node = bounded(&net.node, RpcLimits::default());
    for to in [SPIN, ECHO, REVERT, DETAINED] {
        for method in ["eth_call", "eth_estimateGas", "eth_createAccessList"] {
            let params = json!([{"to": to, "data": "0x0102"}, "latest"]);
            let [free, bound] = [&net.node, &node].map(|node| ask(node, method, &params));
            assert_eq!(free, bound, "{method} of {to}");
        }
    }
}

#[test]
fn a_large_result_is_refused_by_the_size_of_its_answer() {
    let limits = limits(|limits| limits.max_answer_bytes = 100_000);
    let result = unlimited("eth_call", &RETURN, limits);
    assert!(is_refused_for(result, "--max-answer-bytes"));
}

#[test]
fn many_calls_in_one_are_bounded_by_number_and_by_what_they_answer() {
    let net = Devnet::new();
    let many = |calls: usize, limits| {
        let bundle = json!({"transactions": vec![json!({"to": CODE}); calls]});
        let params = json!([[bundle], {"blockNumber": "latest"}, of(&RETURN)]);
        ask(&bounded(&net.node, limits), "eth_callMany", &params)
    };
    let few = limits(|limits| limits.max_batch = 3);
    assert!(many(3, few.clone()).is_ok());
    assert!(is_refused_for(many(4, few), "--max-batch"));
    let small = limits(|limits| limits.max_answer_bytes = 1_000_000);
    assert!(many(7, small.clone()).is_ok());
    assert!(is_refused_for(many(8, small), "--max-answer-bytes"));
}

/// A service with workers over a chain with these limits.
fn service(change: impl FnOnce(&mut ChainConfig)) -> RpcService {
    let node = Devnet::with("rex6", change).node;
    let intake = Intake::start(RULES, node.pool.clone(), 0);
    let opened = intake.and_then(|intake| RpcService::start(node, methods::all(), intake, 1));
    opened.unwrap_or_else(|error| panic!("{error}"))
}

fn call(id: u64, to: &str, code: &Bytes, more: Value) -> Value {
    let params = json!([{"to": to}, "latest", of(code), more]);
    json!({"jsonrpc": "2.0", "id": id, "method": "eth_call", "params": params})
}

fn submit(service: &RpcService, body: &Value, token: u64) {
    let submitted = service.submit(body.to_string().as_bytes(), token);
    assert_eq!(submitted, Submitted::Taken);
}

/// The next answer, whenever it comes.
fn answer(service: &RpcService) -> (u64, Value) {
    answers(service, 1).remove(0)
}

/// The next answers, of which several may come at once.
fn answers(service: &RpcService, count: usize) -> Vec<(u64, Value)> {
    let mut found = Vec::new();
    while found.len() < count {
        for (ticket, answer) in service.completions() {
            let body = serde_json::from_slice(answer.body());
            found.push((ticket.token, body.unwrap_or_default()));
        }
        std::thread::yield_now();
    }
    found
}

#[test]
fn a_batch_is_bounded_as_a_whole() {
    let service = service(|config| config.rpc.max_answer_bytes = 300_000);
    let batch: Vec<Value> = (0..5)
        .map(|id| call(id, CODE, &RETURN, json!({})))
        .collect();
    submit(&service, &Value::Array(batch), 1);
    let (_, answers) = answer(&service);
    let answers = answers.as_array().cloned().unwrap_or_default();
    let codes: Vec<_> = answers.iter().map(|one| &one["error"]["code"]).collect();
    let limit = json!(code::LIMIT);
    assert_eq!(codes, [&Value::Null, &Value::Null, &limit, &limit, &limit]);
}

#[test]
fn batches_are_as_long_as_the_setting_allows() {
    let service = service(|config| config.rpc.max_batch = 2);
    let one = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []});
    for (size, is_refused) in [(2, false), (3, true)] {
        let body = json!(vec![one.clone(); size]).to_string();
        let Submitted::Answered(answer) = service.submit(body.as_bytes(), 1) else {
            panic!("it is answered at once");
        };
        let answer: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        assert_eq!(
            answer["error"]["code"] == json!(code::INVALID_REQUEST),
            is_refused
        );
    }
}

#[test]
fn the_call_of_a_client_that_is_gone_ends_and_others_go_on() {
    let service = service(|_| ());
    let spin = |id| {
        call(
            id,
            &format!("{SPIN:#x}"),
            &RETURN,
            json!({"unlimited": true}),
        )
    };
    let gone = 7;
    let [first, second, stays] = [1 << 24 | gone, 2 << 24 | gone, 8];
    submit(&service, &spin(1), first);
    submit(&service, &spin(2), second);
    submit(&service, &call(3, CODE, &RETURN, json!({})), stays);
    // The short call has its turn although there is one seat, which the long ones want, too.
    assert_eq!(answer(&service).0, stays);
    service.cancel(gone);
    for (token, answer) in answers(&service, 2) {
        assert_ne!(token, stays);
        assert_eq!(answer["error"]["code"], json!(code::SERVER), "{answer}");
    }
    assert_eq!(service.work_bytes(), 0);
}

#[test]
fn a_stop_ends_calls_that_would_go_on() {
    let service = service(|_| ());
    let spin = call(
        1,
        &format!("{SPIN:#x}"),
        &RETURN,
        json!({"unlimited": true}),
    );
    submit(&service, &spin, 1);
    submit(&service, &spin, 2);
    service.stop();
    let answered = service.completions().len();
    assert_eq!(answered, 2);
}

#[test]
fn answers_that_nobody_has_read_count_however_small_each_is() {
    // An answer of some 40 KB, which takes ten pages.
    const PAGES: usize = 10 * 4096;
    let contract = Address::repeat_byte(0x77);
    let service = service(|config| {
        config.rpc.max_work_bytes = 5 * PAGES;
        let code = vec![0; 20_000].into();
        let account = GenesisAccount {
            code,
            ..GenesisAccount::default()
        };
        config.genesis.alloc.insert(contract, account);
    });
    let ask = |method: &str, params: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        match service.submit(body.to_string().as_bytes(), 1) {
            Submitted::Answered(response) => response,
            other => panic!("{other:?}"),
        }
    };
    let code = || ask("eth_getCode", json!([contract, "latest"]));
    let mut unread: Vec<_> = (0..5).map(|_| code()).collect();
    assert!(unread.iter().all(|one| one.body().len() > 40_000));
    assert_eq!(service.work_bytes(), 5 * PAGES);
    let refused: Value = serde_json::from_slice(code().body()).unwrap();
    assert_eq!(refused["error"]["code"], json!(code::LIMIT));
    let message = refused["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("--max-work-bytes"), "{message}");
    // What is small gets through.
    assert!(!ask("eth_chainId", json!([])).is_large());
    unread.pop();
    assert!(code().body().len() > 40_000);
    unread.clear();
    assert_eq!(service.work_bytes(), 0);
}
