//! The calls of a transaction, as they are seen, and what each used.
//!
//! The first call is the transaction's own: its gas is the receipt's. Of calls within, `mega.computeGas` is what mega-evm
//! metered from their beginning to their end, calls within them included, and `mega.storageGas` what else they spent.

use alloy_evm::Database;
use alloy_primitives::{Address, B256, Log, U256};
use mega_evm::{MegaContext, MegaSpecId, MegaTransactionOutcome};
use revm::{
    Inspector as _,
    context::result::ExecutionResult,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter,
        interpreter_types::MemoryTr as _,
    },
};
use revm_inspectors::tracing::{TracingInspector, TracingInspectorConfig, types::CallTraceNode};

use super::{Form, Ran, Root, steps::words};
use crate::{
    block::TxResult,
    evm::{
        ExternalEnv, Watch,
        simulate::{end, reason},
        usage,
    },
    json::Object,
};

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TxPosition {
    /// The EVM block's number.
    pub block_number: u64,
    /// Its hash, or what stands for it before it is sealed.
    pub block_hash: B256,
    /// The transaction's hash.
    pub hash: B256,
    /// How many stand before it in its EVM block.
    pub index: u64,
    /// How many logs stand before its first in its EVM block.
    pub first_log: u64,
}

/// The calls so far.
#[derive(Debug)]
pub(super) struct Frames {
    calls: TracingInspector,
    /// mega-evm's compute gas at each call's beginning and, once it has ended, what it took; in the order of the calls.
    compute: Vec<u64>,
    /// Those that are going on.
    open: Vec<usize>,
    /// Whether all gas is compute gas.
    single: bool,
    is_ended: bool,
}

/// Memory up to this size is copied without asking.
const SMALL: usize = 1024;

/// What a call used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gas {
    pub(super) limit: u64,
    pub(super) used: u64,
    compute: u64,
    storage: u64,
}

/// How a call ended.
pub(super) struct End<'a> {
    pub(super) output: Option<&'a [u8]>,
    pub(super) error: Option<String>,
    pub(super) revert_reason: Option<String>,
}

impl Frames {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            calls: TracingInspector::new(TracingInspectorConfig::none()),
            compute: Vec::new(),
            open: Vec::new(),
            single: false,
            is_ended: false,
        }
    }

    /// Sees what this form needs, too.
    pub(super) fn add(&mut self, form: &Form) {
        let config = self.calls.config_mut();
        match form {
            Form::Calls(options) => config.record_logs |= options.logs,
            Form::Parity(options) if options.instructions => {
                *config = TracingInspectorConfig::parity_vm_trace();
            }
            Form::Parity(_) => config.exclude_precompile_calls = true,
            // Marks them, for the list to leave out; the tree has them.
            Form::Flat(options) => config.exclude_precompile_calls |= !options.precompiles,
            _ => {}
        }
    }

    /// What was seen, of which nothing is left.
    pub(super) fn take(&mut self) -> TracingInspector {
        std::mem::take(&mut self.calls)
    }

    /// An instruction begins. Where instructions are kept, their memory is copied with each.
    pub(super) fn step<DB: Database>(
        &mut self,
        interpreter: &mut Interpreter,
        context: &mut MegaContext<DB, ExternalEnv>,
        watch: Option<&dyn Watch>,
    ) {
        if !self.calls.config().record_steps {
            return;
        }
        let memory = interpreter.memory.size();
        if memory > SMALL && watch.is_some_and(|watch| !watch.may_go_on(memory)) {
            self.is_ended = true;
            end(interpreter, context);
            return;
        }
        self.calls.step(interpreter, context);
    }

    pub(super) fn step_end<DB: Database>(
        &mut self,
        interpreter: &mut Interpreter,
        context: &mut MegaContext<DB, ExternalEnv>,
    ) {
        if !self.is_ended {
            self.calls.step_end(interpreter, context);
        }
    }

    pub(super) fn log<DB: Database>(
        &mut self,
        interpreter: &mut Interpreter,
        context: &mut MegaContext<DB, ExternalEnv>,
        log: Log,
    ) {
        self.calls.log(interpreter, context, log);
    }

    pub(super) fn call<DB: Database>(
        &mut self,
        context: &mut MegaContext<DB, ExternalEnv>,
        inputs: &mut CallInputs,
    ) {
        self.begin(context);
        self.calls.call(context, inputs);
    }

    pub(super) fn call_end<DB: Database>(
        &mut self,
        context: &mut MegaContext<DB, ExternalEnv>,
        inputs: &CallInputs,
        outcome: &mut CallOutcome,
    ) {
        self.end(context);
        self.calls.call_end(context, inputs, outcome);
    }

    pub(super) fn create<DB: Database>(
        &mut self,
        context: &mut MegaContext<DB, ExternalEnv>,
        inputs: &mut CreateInputs,
    ) {
        self.begin(context);
        self.calls.create(context, inputs);
    }

    pub(super) fn create_end<DB: Database>(
        &mut self,
        context: &mut MegaContext<DB, ExternalEnv>,
        inputs: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        self.end(context);
        self.calls.create_end(context, inputs, outcome);
    }

    pub(super) fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        // Which context it is makes no difference to it.
        revm::Inspector::<MegaContext<revm::database::EmptyDB, ExternalEnv>>::selfdestruct(
            &mut self.calls,
            contract,
            target,
            value,
        );
    }

    fn begin<DB: Database>(&mut self, context: &MegaContext<DB, ExternalEnv>) {
        self.single = context.mega_spec() < MegaSpecId::MINI_REX;
        self.open.push(self.compute.len());
        self.compute.push(metered(context));
    }

    fn end<DB: Database>(&mut self, context: &MegaContext<DB, ExternalEnv>) {
        if let Some(began) = self.open.pop().and_then(|nth| self.compute.get_mut(nth)) {
            *began = metered(context).saturating_sub(*began);
        }
    }

    pub(super) fn node(&self, nth: usize) -> &CallTraceNode {
        &self.calls.traces().nodes()[nth]
    }

    /// How many calls there were, the first included, even if the transaction did not come to it.
    pub(super) fn count(&self) -> usize {
        self.calls.traces().nodes().len()
    }

    /// The calls within each call.
    pub(super) fn within(&self) -> Vec<Vec<usize>> {
        let mut within = vec![Vec::new(); self.count()];
        for node in self.calls.traces().nodes() {
            if let Some(parent) = node.parent {
                within[parent].push(node.idx);
            }
        }
        within
    }

    /// What a call used. The first's is the receipt's.
    pub(super) fn gas(&self, nth: usize, root: &Root, result: &TxResult) -> Gas {
        if nth == 0 {
            return Gas {
                limit: root.gas_limit,
                used: result.gas_used,
                compute: result.usage.compute_gas,
                storage: result.usage.storage_gas,
            };
        }
        let trace = &self.node(nth).trace;
        let status = trace.status;
        let halted = status.is_some_and(|status| !status.is_ok() && !status.is_revert());
        let used = match halted {
            true => trace.gas_limit,
            false => trace.gas_used,
        };
        let compute = match self.single {
            true => used,
            false => self.compute.get(nth).copied().unwrap_or_default().min(used),
        };
        Gas {
            limit: trace.gas_limit,
            used,
            compute,
            storage: used - compute,
        }
    }
}

/// mega-evm's compute gas so far.
fn metered<DB: Database>(context: &MegaContext<DB, ExternalEnv>) -> u64 {
    context.additional_limit.borrow().get_usage().compute_gas
}

/// How the transaction's own call ended.
pub(super) fn end_of_root<'a>(outcome: &'a MegaTransactionOutcome) -> End<'a> {
    match &outcome.result {
        ExecutionResult::Success { output, .. } => End {
            output: Some(output.data()),
            error: None,
            revert_reason: None,
        },
        ExecutionResult::Revert { output, .. } => End {
            output: Some(output),
            error: Some("execution reverted".to_owned()),
            revert_reason: reason::revert_reason(output),
        },
        ExecutionResult::Halt { reason, .. } => End {
            output: None,
            error: Some(reason::of_halt(reason)),
            revert_reason: None,
        },
    }
}

/// How a call within ended.
pub(super) fn end_of(node: &CallTraceNode) -> End<'_> {
    let trace = &node.trace;
    let failed = trace.status.filter(|status| !status.is_ok());
    let reverted = failed.is_some_and(|status| status.is_revert());
    End {
        output: (failed.is_none() || reverted).then_some(&trace.output),
        error: failed.map(words),
        revert_reason: reason::revert_reason(&trace.output).filter(|_| reverted),
    }
}

/// What a call used: the first, all that its receipt says; others, how their gas is split.
pub(super) fn mega<D>(object: &mut Object<'_>, nth: usize, gas: Gas, ran: &Ran<'_, D>) {
    let mut mega = Object::open(object.member("mega"));
    match nth {
        0 => usage::members(&mut mega, ran.spec, ran.result),
        _ => {
            mega.quantity("computeGas", gas.compute)
                .quantity("storageGas", gas.storage);
        }
    }
    mega.close();
}
