//! Methods that execute calls and change nothing: `eth_call`, `eth_callMany`, `eth_estimateGas`,
//! `eth_createAccessList`.

use std::sync::Arc;

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, U256};
use op_revm::OpTransactionError;
use revm::{
    DatabaseCommit,
    context::result::{EVMError, InvalidTransaction},
    database::CacheDB,
};

use super::{
    Method, Node, RpcError, Turn, block_id,
    error::code,
    params::Params,
    read::{Answer, state_error},
    render::{
        json::{self, Object},
        transaction,
    },
    request,
    setting::{overridden, setting_at, setting_of_next},
    trace_options::TraceOptions,
    traced::{of_end, unfinished_error},
    values,
};
use crate::{
    chain::BlockRef,
    evm::{
        simulate::{
            Bounded, CallRequest, GasProfile, Outcome, Setting, SimulateError, Simulator,
            access_list,
            estimate::{self, EstimateError},
            overrides::{BlockOverrides, StateOverrides},
            reason,
        },
        trace::{Form, Ran, Recorder, Root},
        usage,
    },
    state::{Adapter, StateError, View},
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("eth_call", &["call", "block?", "state overrides?", "block overrides?"], call, "What a call returns; nothing is changed."),
    Method::worker("eth_callMany", &["bundles", "context?", "state overrides?", "timeout?"], call_many, "What calls return that see what those before them did."),
    Method::worker("eth_estimateGas", &["call", "block?", "state overrides?", "block overrides?"], estimate_gas, "The gas that a transaction needs."),
    Method::worker("eth_createAccessList", &["call", "block?", "state overrides?", "block overrides?"], create_access_list, "The slots that a call touches, and its gas with them listed."),
];

/// A prepared simulation.
pub(super) struct PreparedCall {
    pub(super) overlay: CacheDB<Adapter<View>>,
    pub(super) setting: Setting,
    pub(super) moves: Vec<(Address, Address)>,
    /// The block that the state belongs to.
    pub(super) anchor: BlockRef,
    pub(super) turn: Arc<Turn>,
}

impl PreparedCall {
    /// The state and surroundings that `id` means, overridden; as `pending`, those of a transaction that is sent now.
    fn new(
        node: &Node,
        id: BlockId,
        state: &StateOverrides,
        block: &BlockOverrides,
    ) -> Result<Self, RpcError> {
        let (view, anchor) = node.view(id)?;
        let mut setting = match id {
            BlockId::Number(BlockNumberOrTag::Pending) => setting_of_next(node, &anchor)?,
            _ => setting_at(node, &anchor)?,
        };
        block.apply(&mut setting);
        let mut overlay = CacheDB::new(Adapter::new(view));
        block.apply_hashes(&mut overlay);
        let moves = overridden(&mut overlay, state, setting.spec)?;
        Ok(Self {
            overlay,
            setting,
            moves,
            anchor,
            turn: node.turn.clone(),
        })
    }

    /// The block that a bundle's calls are in, over the state that those before left.
    pub(super) fn enter(&mut self, bundle: &Bundle, plain: &Setting) {
        self.setting = plain.clone();
        bundle.block.apply(&mut self.setting);
        bundle.block.apply_hashes(&mut self.overlay);
    }

    /// The gas limit of a call: what it asks for, the block's limit, and what its sender can pay.
    pub(super) fn gas_limit(&mut self, request: &CallRequest) -> Result<u64, RpcError> {
        let limit = request
            .gas
            .unwrap_or(u64::MAX)
            .min(self.setting.block.gas_limit);
        if request.fee_cap() == 0 {
            return Ok(limit);
        }
        let sender = self
            .overlay
            .load_account(request.from)
            .map_err(state_error)?;
        let have = sender.info.balance;
        let spare = have.checked_sub(request.value).ok_or_else(|| {
            rejected(format!(
                "insufficient funds for gas * price + value: address {:#x} have {have} want {}",
                request.from, request.value
            ))
        })?;
        let allowance = spare / U256::from(request.fee_cap());
        Ok(limit.min(u64::try_from(allowance).unwrap_or(u64::MAX)))
    }

    pub(super) fn simulator(&mut self, request: &CallRequest) -> Simulator<'_, Adapter<View>> {
        let mut simulator = Simulator::new(&mut self.overlay, &self.setting, request.fee_cap() > 0);
        simulator.move_precompiles(&self.moves);
        simulator
    }

    fn run(&mut self, request: &CallRequest) -> Result<Outcome, RpcError> {
        let gas_limit = self.gas_limit(request)?;
        let transaction = request.transaction(self.setting.chain_id, gas_limit);
        let mut simulator = self.simulator(request);
        let outcome = simulator.run(transaction);
        outcome.map_err(|refusal| self.refused(&refusal, request))
    }

    /// Runs it interpreted, and counts where a contract spends its gas.
    pub(super) fn run_watched(
        &mut self,
        request: &CallRequest,
        profile: &mut GasProfile,
    ) -> Result<Outcome, RpcError> {
        let gas_limit = self.gas_limit(request)?;
        let transaction = request.transaction(self.setting.chain_id, gas_limit);
        let watch = self.setting.watch.clone();
        let plain = self.simulator(request);
        let outcome = plain
            .watched_by(Bounded::new(profile, watch))
            .run(transaction);
        outcome.map_err(|refusal| self.refused(&refusal, request))
    }

    /// Runs it interpreted, and writes what it did behind what is in the answer already.
    pub(super) fn trace(
        &mut self,
        node: &Node,
        request: &CallRequest,
        form: &Form,
        out: &mut Vec<u8>,
    ) -> Result<Outcome, RpcError> {
        let gas_limit = self.gas_limit(request)?;
        let transaction = request.transaction(self.setting.chain_id, gas_limit);
        let watch = self.setting.watch.clone();
        let recorder = Recorder::of(form, out.len(), watch.clone());
        let mut recorder = Bounded::new(recorder, watch);
        let plain = self.simulator(request);
        let outcome = plain.watched_by(&mut recorder).run(transaction);
        let outcome = outcome.map_err(|refusal| match self.turn.ended() {
            Some(ended) => of_end(ended),
            None => self.refused(&refusal, request),
        })?;
        let ran = Ran {
            root: Root {
                from: request.from,
                to: request.to,
                value: request.value,
                input: request.input.clone(),
                gas_limit,
            },
            position: None,
            outcome: &outcome.raw,
            result: &outcome.result,
            spec: outcome.spec,
            database: &self.overlay,
        };
        let finished = recorder.inner.finish(out, form, &ran);
        finished.map_err(|unfinished| unfinished_error(node, unfinished))?;
        Ok(outcome)
    }

    /// The error of a transaction that could not start, or was ended.
    pub(super) fn refused(
        &self,
        refusal: &SimulateError<StateError>,
        request: &CallRequest,
    ) -> RpcError {
        let ended = self.turn.ended();
        ended.unwrap_or_else(|| refused(refusal, request, &self.setting))
    }
}

/// Call object, block, state overrides, block overrides: what these methods take.
pub(super) fn staged(
    node: &Node,
    params: &Params<'_>,
) -> Result<(CallRequest, PreparedCall), RpcError> {
    staged_at(node, params, params.block(1)?)
}

fn staged_at(
    node: &Node,
    params: &Params<'_>,
    id: BlockId,
) -> Result<(CallRequest, PreparedCall), RpcError> {
    let chain_id = node.chain.config.chain_id;
    let request = params.required(0, |raw| request::call(raw, chain_id))?;
    let state = params
        .optional(2, request::state_overrides)?
        .unwrap_or_default();
    let block = params
        .optional(3, request::block_overrides)?
        .unwrap_or_default();
    Ok((request, PreparedCall::new(node, id, &state, &block)?))
}

/// The state and surroundings that a block means, with what a trace's options override.
pub(super) fn traced_stage(
    node: &Node,
    id: BlockId,
    options: &TraceOptions,
) -> Result<PreparedCall, RpcError> {
    PreparedCall::new(node, id, &options.state, &options.block)
}

/// The state and surroundings that a block means, as they are.
pub(super) fn plain_stage(node: &Node, id: BlockId) -> Result<PreparedCall, RpcError> {
    traced_stage(node, id, &TraceOptions::default())
}

/// `eth_call(call, block, state overrides, block overrides)`.
fn call(node: &Node, params: &Params<'_>) -> Answer {
    let (request, mut stage) = staged(node, params)?;
    let outcome = stage.run(&request)?;
    stage.tell_console(node, "eth_call", request);
    let output = outcome.output();
    node.turn.expect(2 * output.len())?;
    match outcome.result.success {
        true => Ok(json::data_bytes(&output)),
        false => Err(failed(&outcome)),
    }
}

/// `eth_estimateGas(call, block, state overrides, block overrides)`: of what will be sent, where the block is the newest.
fn estimate_gas(node: &Node, params: &Params<'_>) -> Answer {
    let id = match params.block(1)? {
        BlockId::Number(BlockNumberOrTag::Latest) => BlockId::pending(),
        id => id,
    };
    let (request, mut stage) = staged_at(node, params, id)?;
    let cap = stage.gas_limit(&request)?;
    let chain_id = stage.setting.chain_id;
    let mut simulator = stage.simulator(&request);
    let estimate = estimate::gas(&mut simulator, &request, chain_id, cap);
    let answer = match estimate {
        Ok(gas) => Ok(json::quantity_bytes(gas)),
        Err(EstimateError::Refused(refusal)) => Err(stage.refused(&refusal, &request)),
        Err(EstimateError::Failed(outcome)) => {
            node.turn.expect(2 * outcome.output().len())?;
            Err(failed(&outcome))
        }
        Err(EstimateError::NeedsMore { allowance, outcome }) => {
            let error = RpcError::server(format!("gas required exceeds allowance ({allowance})"));
            Err(match outcome {
                Some(outcome) => with_numbers(error, &outcome),
                None => error,
            })
        }
    };
    // What succeeds is sent next, and tells the same then.
    if answer.is_err() {
        stage.tell_console(node, "eth_estimateGas", request);
    }
    answer
}

/// `eth_createAccessList(call, block, state overrides)`.
fn create_access_list(node: &Node, params: &Params<'_>) -> Answer {
    let (request, mut stage) = staged(node, params)?;
    let gas_limit = stage.gas_limit(&request)?;
    let PreparedCall {
        overlay,
        setting,
        moves,
        ..
    } = &mut stage;
    let created = access_list::create(overlay, setting, &request, gas_limit, moves);
    let (list, outcome) = created.map_err(|refusal| stage.refused(&refusal, &request))?;
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        transaction::access_list(object.member("accessList"), &list);
        object.quantity("gasUsed", outcome.result.gas_used);
        if !outcome.result.success {
            object.string("error", &failed(&outcome).message);
        }
        object.close();
    }))
}

/// Calls that run after one another in one block.
pub(super) struct Bundle {
    pub(super) calls: Vec<CallRequest>,
    block: BlockOverrides,
}

fn bundle(raw: &str, chain_id: u64) -> Result<Bundle, String> {
    let mut bundle = Bundle {
        calls: Vec::new(),
        block: BlockOverrides::default(),
    };
    for (name, value) in values::members(raw)? {
        match name.as_str() {
            "transactions" => {
                let calls = values::list(value.get(), |raw| request::call(raw, chain_id));
                bundle.calls = values::in_member(&name, calls)?;
            }
            "blockOverride" | "blockOverrides" => {
                bundle.block = values::in_member(&name, request::block_overrides(value.get()))?;
            }
            _ => return Err(format!("unknown member {name:?}")),
        }
    }
    Ok(bundle)
}

/// The block after whose transactions a bundle runs.
pub(super) fn context(raw: &str) -> Result<BlockId, String> {
    let mut id = BlockId::default();
    for (name, value) in values::members(raw)? {
        match name.as_str() {
            "blockNumber" | "block" => id = values::in_member(&name, block_id::read(value.get()))?,
            "transactionIndex" if value.get() == "-1" => {}
            "transactionIndex" => {
                return Err(
                    "transactionIndex: only -1, the end of the block, is supported".to_owned(),
                );
            }
            _ => return Err(format!("unknown member {name:?}")),
        }
    }
    Ok(id)
}

/// The bundles that a request begins with.
pub(super) fn bundles(node: &Node, params: &Params<'_>) -> Result<Vec<Bundle>, RpcError> {
    let chain_id = node.chain.config.chain_id;
    let bundles = params.required(0, |raw| values::list(raw, |raw| bundle(raw, chain_id)))?;
    let calls: usize = bundles.iter().map(|bundle| bundle.calls.len()).sum();
    let most = node.turn.max_calls();
    if calls.max(bundles.len()) > most {
        return Err(RpcError::limit(format!(
            "too many calls: {calls} in {} bundles, at most {most} (--max-batch)",
            bundles.len()
        )));
    }
    Ok(bundles)
}

/// `eth_callMany(bundles, {blockNumber}, state overrides)`: each call sees what those before it did.
fn call_many(node: &Node, params: &Params<'_>) -> Answer {
    let bundles = bundles(node, params)?;
    let id = params
        .optional(1, context)?
        .unwrap_or(BlockId::Number(BlockNumberOrTag::Latest));
    let state = params
        .optional(2, request::state_overrides)?
        .unwrap_or_default();
    let mut stage = PreparedCall::new(node, id, &state, &BlockOverrides::default())?;
    let plain = stage.setting.clone();

    let mut out = vec![b'['];
    for (nth, bundle) in bundles.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        stage.enter(bundle, &plain);
        out.push(b'[');
        for (nth, request) in bundle.calls.iter().enumerate() {
            if nth > 0 {
                out.push(b',');
            }
            let mut result = stage.run(request);
            if let Ok(outcome) = &mut result {
                let state = std::mem::take(&mut outcome.raw.state);
                stage.overlay.commit(state);
                node.turn.expect(out.len() + 2 * outcome.output().len())?;
            }
            node.turn.check(0)?;
            one_of_many(&mut out, &result);
        }
        out.push(b']');
    }
    out.push(b']');
    Ok(out)
}

fn one_of_many(out: &mut Vec<u8>, result: &Result<Outcome, RpcError>) {
    let mut object = Object::open(out);
    match result {
        Ok(outcome) if outcome.result.success => {
            object.data("value", &outcome.output());
        }
        Ok(outcome) => {
            object.string("error", &failed(outcome).message);
            object.data("data", &outcome.output());
        }
        Err(error) => {
            object.string("error", &error.message);
        }
    }
    object.close();
}

/// The error of an execution that reverted or halted.
pub(super) fn failed(outcome: &Outcome) -> RpcError {
    let result = &outcome.raw.result;
    match result {
        revm::context::result::ExecutionResult::Halt { reason, .. } => {
            with_numbers(RpcError::server(reason::of_halt(reason)), outcome)
        }
        _ => {
            let output = outcome.output();
            RpcError::new(code::REVERTED, reason::of_revert(&output))
                .with_data(json::data_bytes(&output))
                .with_mega(usage::object(outcome.spec, &outcome.result))
        }
    }
}

/// Adds what the execution used, in `mega` and, where it holds nothing else, in `data`.
fn with_numbers(error: RpcError, outcome: &Outcome) -> RpcError {
    let numbers = usage::object(outcome.spec, &outcome.result);
    let data = json::bytes(|out| {
        let mut object = Object::open(out);
        object.member("mega").extend_from_slice(&numbers);
        object.close();
    });
    error.with_data(data).with_mega(numbers)
}

fn rejected(message: String) -> RpcError {
    RpcError::new(code::REJECTED, message)
}

/// The error of a transaction that could not start, in geth's words.
pub(super) fn refused(
    refusal: &SimulateError<StateError>,
    request: &CallRequest,
    setting: &Setting,
) -> RpcError {
    let invalid = match refusal {
        EVMError::Transaction(OpTransactionError::Base(invalid)) => invalid,
        EVMError::Database(error) => return state_error(error.clone()),
        other => return RpcError::server(other.to_string()),
    };
    let from = request.from;
    match invalid {
        InvalidTransaction::LackOfFundForMaxFee { fee, balance } => rejected(format!(
            "insufficient funds for gas * price + value: address {from:#x} have {balance} want {fee}"
        )),
        InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        } => RpcError::server(format!(
            "intrinsic gas too low: have {gas_limit}, want {initial_gas}"
        )),
        InvalidTransaction::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        } => RpcError::server(format!(
            "insufficient gas for floor data gas cost: have {gas_limit}, want {gas_floor}"
        )),
        InvalidTransaction::GasPriceLessThanBasefee => RpcError::server(format!(
            "max fee per gas less than block base fee: address {from:#x}, maxFeePerGas: {}, baseFee: {}",
            request.fee_cap(),
            setting.block.basefee
        )),
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => RpcError::server(format!(
            "max priority fee per gas higher than max fee per gas: address {from:#x}, maxPriorityFeePerGas: {}, maxFeePerGas: {}",
            request.max_priority_fee_per_gas.unwrap_or_default(),
            request.fee_cap()
        )),
        InvalidTransaction::CreateInitCodeSizeLimit => RpcError::server(format!(
            "max initcode size exceeded: code size {}",
            request.input.len()
        )),
        other => RpcError::server(other.to_string()),
    }
}
