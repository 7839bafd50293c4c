//! One transaction over a state that is given with it, executed ahead of its turn among others: what a block
//! records of it, beside what it records when all are executed one by one.
//!
//! For tests. The others are an unrelated transfer before it, and after it the same call by somebody else, which
//! meets it wherever it can. Ahead, native code takes part if there is any; one by one all is interpreted. Works
//! without a chain, so under any rules and in any block.

use std::sync::Arc;

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxLegacy};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, Signature, TxKind, U256, address, keccak256};
use mega_evm::{EvmTxRuntimeLimits, MEGA_SYSTEM_ADDRESS, MegaSpecId};
use op_alloy_consensus::OpTxEnvelope;
use op_revm::{
    L1BlockInfo,
    constants::{BASE_FEE_RECIPIENT, L1_FEE_RECIPIENT, OPERATOR_FEE_RECIPIENT},
};
use revm::{context::ContextTr as _, handler::EvmTr as _, state::EvmState};
use serde::Serialize;

use super::code::{CodeRequest, Dimensions, Log};
use crate::{
    block::{PlainAccount, PlainKey, PlainValue, StateDiff, TxResult},
    evm::{
        BlockContext, EvmFactory, ExternalEnv, FixedCapacities, detention_of, evm_env,
        mega_transaction_with,
        native::{Machine, NativeTable, status_of},
        result_from,
        simulate::CallRequest,
    },
    keys,
    parallel::{AheadTurn, Batch, BlockRules, Plan, Worker, supports},
    pool::PoolTx,
    salt::types::DATA_BUCKETS,
    state::{Adapter, Overlay, StateReader as _, StateStore, changes_of},
};

const PAYER: Address = address!("00000000000000000000000000000000000ca112");
const PAID: Address = address!("00000000000000000000000000000000000ca113");
const OTHER: Address = address!("00000000000000000000000000000000000ca114");
/// What the payer has, in wei.
const MONEY: u128 = 1 << 100;
/// The place of the transaction in question.
const SUBJECT: usize = 1;
/// In which order the subject and the one after it are executed ahead. The first is left to its turn.
const ORDERS: [[usize; 2]; 2] = [[1, 2], [2, 1]];
/// As many block hashes are known.
const HASHES: u64 = 256;

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// `success`, `revert`, `halt`, or `refused` when no block can have it.
    status: &'static str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    gas_used: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Dimensions>,
    logs: Vec<Log>,
    /// Where executing ahead made a difference to anything of any transaction, or to the state: both sides.
    differences: Vec<[String; 2]>,
    ahead: Counts,
    /// What the request's native code did in all executions ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<serde_json::Value>,
}

/// How often which of the transactions was executed how.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    /// The subject, and that held.
    subject_held: u32,
    /// Any, and that held.
    held: u32,
    /// Any, and that was aborted.
    aborted: u32,
}

/// What there is when all are done.
#[derive(Debug, PartialEq)]
struct End {
    /// What became of each: its result, or why it was refused.
    results: Vec<Result<TxResult, String>>,
    diff: StateDiff,
}

/// Runs a request of [`run_code`](super::run_code) ahead of its turn, there with the native code that the
/// request has; the report. The error says what is wrong with the request.
pub(crate) fn run_ahead(request: &[u8]) -> Result<Vec<u8>, String> {
    let request = CodeRequest::parse(request)?;
    let native = request.native(request.spec()?)?;
    let trial = Trial::new(&request, native.clone())?;
    let mut block = trial.block();
    let results = trial.txs.iter().map(|tx| block.execute(tx).0).collect();
    let l1 = block.evm.ctx_ref().chain().clone();
    let one_by_one = block.end(results);
    let rules = Arc::new(trial.rules(l1));
    let mut counts = Counts::default();
    let mut differences = Vec::new();
    // Under other rules the builder executes nothing ahead: before Rex1, for one, a limit that a transaction has
    // lowered holds for those after it. Ethereum's own rules have nothing of the kind.
    let is_allowed = supports(trial.spec) || trial.spec == MegaSpecId::EQUIVALENCE;
    for order in ORDERS.into_iter().filter(|_| is_allowed) {
        let ahead = trial.ahead(&rules, order, &mut counts);
        if ahead != one_by_one {
            differences.push([format!("{one_by_one:?}"), format!("{ahead:?}")]);
        }
    }
    let native = native.map(|table| status_of(&table));
    let report = Report::new(&one_by_one.results[SUBJECT], differences, counts, native);
    serde_json::to_vec(&report).map_err(|error| error.to_string())
}

struct Trial {
    chain_id: u64,
    spec: MegaSpecId,
    context: BlockContext,
    limits: EvmTxRuntimeLimits,
    native: Arc<NativeTable>,
    capacities: Arc<FixedCapacities>,
    world: StateStore,
    txs: Vec<Arc<PoolTx>>,
}

impl Trial {
    fn new(request: &CodeRequest, native: Option<Arc<NativeTable>>) -> Result<Self, String> {
        let spec = request.spec()?;
        let setting = request.setting(spec, None);
        let block = &setting.block;
        let beyond = |_| "a number beyond 64 bits".to_owned();
        let context = BlockContext {
            number: block.number.try_into().map_err(beyond)?,
            timestamp: block.timestamp.try_into().map_err(beyond)?,
            parent_hash: Default::default(),
            prev_randao: block.prevrandao.unwrap_or_default(),
            gas_limit: block.gas_limit,
            base_fee: block.basefee,
            coinbase: block.beneficiary,
            parent_beacon_root: Some(Default::default()),
        };
        let call = request.call();
        let world = world_of(request, &context, call.from);
        let nonce = |address| {
            let account = world.tip_account(address);
            account.map_or(0, |account| account.nonce)
        };
        let payment = CallRequest {
            from: PAYER,
            to: Some(PAID),
            gas: Some(21_000),
            gas_price: Some(u128::from(context.base_fee)),
            value: U256::from(1),
            ..CallRequest::default()
        };
        let other = CallRequest {
            from: OTHER,
            ..call.clone()
        };
        let txs = [payment, call, other]
            .iter()
            .map(|call| {
                Arc::new(pooled(
                    call,
                    setting.chain_id,
                    request.gas(),
                    nonce(call.from),
                ))
            })
            .collect();
        Ok(Self {
            chain_id: setting.chain_id,
            spec,
            context,
            limits: setting.limits,
            native: native.unwrap_or_else(|| Arc::new(NativeTable::new(spec))),
            capacities: Arc::new(FixedCapacities {
                capacities: Default::default(),
                data_buckets: DATA_BUCKETS,
            }),
            world,
            txs,
        })
    }

    fn rules(&self, l1: L1BlockInfo) -> BlockRules {
        BlockRules {
            chain_id: self.chain_id,
            spec: self.spec,
            context: self.context,
            limits: self.limits,
            native: self.native.clone(),
            l1,
            capacities: self.capacities.clone(),
            interventions: false,
            system_address: MEGA_SYSTEM_ADDRESS,
        }
    }

    fn block(&self) -> Block {
        let factory = EvmFactory {
            env: evm_env(self.chain_id, self.spec, &self.context),
            limits: self.limits,
            external: ExternalEnv::new(self.capacities.clone()),
            interventions: false,
        };
        let evm = Machine::new(
            factory.interpreter(Adapter::new(Overlay::new(self.world.clone()))),
            None,
        );
        Block {
            spec: self.spec,
            evm,
        }
    }

    /// As the builder does it, on this thread alone.
    fn ahead(&self, rules: &Arc<BlockRules>, order: [usize; 2], counts: &mut Counts) -> End {
        let mut block = self.block();
        let frozen = block.evm.db_mut().freeze();
        let plan = Plan {
            after: vec![None; self.txs.len()],
            ..Plan::default()
        };
        let batch = Arc::new(Batch::new(rules.clone(), frozen, self.txs.clone(), plan));
        let mut worker = Worker::default();
        for index in order {
            batch.execute_ahead(index, &mut worker);
        }
        let mut results = Vec::new();
        for (index, tx) in self.txs.iter().enumerate() {
            let mut instead = false;
            if let AheadTurn::Speculated(speculation) = batch.take(index) {
                let overlay = block.evm.db();
                if let Ok(done) = speculation.settle(|key| overlay.value(key).ok()) {
                    counts.held += 1;
                    counts.subject_held += u32::from(index == SUBJECT);
                    block.evm.db_mut().apply(&done.state);
                    results.push(Ok(done.result));
                    continue;
                }
                counts.aborted += 1;
                batch.mark_estimates(index);
                instead = true;
            }
            let (result, changes) = block.execute(tx);
            batch.commit(index, &changes, instead);
            results.push(result);
            while batch.help(&mut worker) {}
        }
        worker.let_go();
        block.end(results)
    }
}

/// Transactions in their turns.
struct Block {
    spec: MegaSpecId,
    evm: Machine<Adapter<Overlay>>,
}

impl Block {
    /// What came of a transaction, and what it changed.
    fn execute(&mut self, tx: &PoolTx) -> (Result<TxResult, String>, Vec<(PlainKey, PlainValue)>) {
        let mega =
            mega_transaction_with(&tx.envelope, tx.raw.clone(), tx.sender, &tx.authorizations);
        let input = mega.base.data.clone();
        let outcome = match self.evm.execute_transaction(mega) {
            Ok(outcome) => outcome,
            Err(error) => return (Err(error.to_string()), Vec::new()),
        };
        let detention = detention_of(&self.evm);
        let result = result_from(self.spec, &outcome, &input, detention, None);
        (Ok(result), self.apply(&outcome.state))
    }

    fn apply(&mut self, state: &EvmState) -> Vec<(PlainKey, PlainValue)> {
        self.evm.db_mut().apply(state);
        let accounts = state.iter();
        accounts
            .flat_map(|(address, account)| changes_of(*address, account))
            .collect()
    }

    fn end(mut self, results: Vec<Result<TxResult, String>>) -> End {
        let diff = self.evm.db_mut().take_diff();
        End { results, diff }
    }
}

/// The state before all, with money for the others.
fn world_of(request: &CodeRequest, context: &BlockContext, caller: Address) -> StateStore {
    let world = StateStore::new(1);
    let state = request.state();
    let plain = |balance, nonce, code_hash| PlainAccount {
        nonce,
        balance,
        code_hash,
    };
    for (address, account) in &state.cache.accounts {
        let info = &account.info;
        if let Some(code) = &info.code {
            world.load_code(code.original_bytes());
        }
        let own = PlainValue::from_account(plain(info.balance, info.nonce, info.code_hash));
        let slots = account.storage.iter().map(|(slot, value)| {
            (
                PlainKey::slot(*address, *slot),
                PlainValue::from_slot(*value),
            )
        });
        world.load(
            [(PlainKey::account(*address), own)]
                .into_iter()
                .chain(slots),
        );
    }
    let money = |address: Address, balance| {
        let mut account = world.tip_account(address).unwrap_or_default();
        account.balance = account.balance.max(balance);
        world.load([(PlainKey::account(address), PlainValue::Account(account))]);
    };
    let callers = world.tip_account(caller).unwrap_or_default().balance;
    money(PAYER, U256::from(MONEY));
    money(OTHER, callers);
    // Fees change what is there; they don't make it.
    for vault in [L1_FEE_RECIPIENT, BASE_FEE_RECIPIENT, OPERATOR_FEE_RECIPIENT] {
        money(vault, U256::from(1));
    }
    // The hashes that a state without a chain has.
    for number in context.number.saturating_sub(HASHES)..context.number {
        world.put_block_hash(number, keccak256(number.to_string()));
    }
    world
}

/// A call as the pool would have it, had its sender signed it.
fn pooled(call: &CallRequest, chain_id: u64, gas: u64, nonce: u64) -> PoolTx {
    let signature = Signature::test_signature();
    let gas_limit = call.gas.unwrap_or(gas);
    let to = call.to.map_or(TxKind::Create, TxKind::Call);
    let (value, input) = (call.value, call.input.clone());
    let access_list = call.access_list.clone();
    let envelope: OpTxEnvelope = if let Some(max_fee_per_gas) = call.max_fee_per_gas {
        let tx = TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas: call.max_priority_fee_per_gas.unwrap_or_default(),
            to,
            value,
            access_list: access_list.unwrap_or_default(),
            input,
        };
        tx.into_signed(signature).into()
    } else if let Some(access_list) = access_list {
        let tx = TxEip2930 {
            chain_id,
            nonce,
            gas_price: call.fee_cap(),
            gas_limit,
            to,
            value,
            access_list,
            input,
        };
        tx.into_signed(signature).into()
    } else {
        let tx = TxLegacy {
            chain_id: Some(chain_id),
            nonce,
            gas_price: call.fee_cap(),
            gas_limit,
            to,
            value,
            input,
        };
        tx.into_signed(signature).into()
    };
    let raw = envelope.encoded_2718().into();
    PoolTx {
        raw,
        hash: *envelope.hash(),
        sender: call.from,
        nonce,
        cost: U256::ZERO,
        tip: 0,
        intrinsic_gas: 0,
        da_size: 0,
        authorizations: keys::recover_authorizations(&envelope),
        envelope,
    }
}

impl Report {
    fn new(
        result: &Result<TxResult, String>,
        differences: Vec<[String; 2]>,
        ahead: Counts,
        native: Option<serde_json::Value>,
    ) -> Self {
        let empty = TxResult::default();
        let (status, reason, result) = match result {
            Err(reason) => ("refused", Some(reason.clone()), &empty),
            Ok(result) if result.success => ("success", None, result),
            Ok(result) if result.usage.halt.is_some() => ("halt", None, result),
            Ok(result) => ("revert", None, result),
        };
        Self {
            status,
            usage: reason.is_none().then(|| Dimensions::of(&result.usage)),
            reason,
            gas_used: result.gas_used,
            logs: result.logs.iter().map(Log::of).collect(),
            differences,
            ahead,
            native,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{evm::SPEC_NAMES, harness::run_code};

    fn run(request: &Value) -> Value {
        let report = run_ahead(request.to_string().as_bytes()).unwrap();
        serde_json::from_slice(&report).unwrap()
    }

    #[test]
    fn a_transaction_executed_ahead_gives_what_it_gives_alone() {
        // A log, and a slot of the caller's own.
        let request = |spec| json!({"spec": spec, "code": "0x5f5fa0423355", "gas": 1_000_000});
        for spec in SPEC_NAMES {
            let request = request(spec);
            let found = run(&request);
            assert_eq!(found["differences"], json!([]), "{spec}");
            let held = match spec {
                "mini-rex" | "rex" | "rex1" | "rex2" | "rex3" => [0, 0],
                _ => [2, 4],
            };
            assert_eq!(found["ahead"]["subjectHeld"], held[0], "{spec}");
            assert_eq!(found["ahead"]["held"], held[1], "{spec}");
            let alone = run_code(request.to_string().as_bytes()).unwrap();
            let alone: Value = serde_json::from_slice(&alone).unwrap();
            for key in ["status", "gasUsed", "usage", "logs"] {
                assert_eq!(found[key], alone[key], "{spec} {key}");
            }
        }
    }

    #[test]
    fn what_meets_another_is_executed_again_and_gives_the_same() {
        // SSTORE(0, SLOAD(0) + 1): executed ahead of the one before, it reads too little.
        let found = run(&json!({"spec": "rex5", "code": "0x5f546001015f55", "gas": 1_000_000}));
        assert_eq!(found["differences"], json!([]));
        assert_eq!(
            found["ahead"],
            json!({"subjectHeld": 2, "held": 3, "aborted": 1})
        );
    }

    #[test]
    fn limits_of_the_request_hold_in_the_block() {
        // Spins.
        let found = run(&json!({
            "spec": "rex3",
            "code": "0x5b5f56",
            "gas": 10_000_000,
            "limits": {"computeGas": 100_000},
        }));
        assert_eq!(found["status"], "halt");
        assert!(found["usage"]["computeGas"].as_u64().unwrap() < 200_000);
        assert_eq!(found["differences"], json!([]));
    }

    #[test]
    fn what_no_block_can_have_is_refused() {
        let found = run(&json!({"spec": "rex5", "code": "0x00", "gas": 20_000}));
        assert_eq!(found["status"], "refused");
        assert_eq!(found["differences"], json!([]));
        assert!(run_ahead(b"{}").is_err());
    }
}
