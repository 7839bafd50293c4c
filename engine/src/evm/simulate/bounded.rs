//! An inspector that a [`Watch`] can end, around one that looks on.

use std::sync::Arc;

use alloy_primitives::{Address, Log, U256};
use revm::{
    Inspector,
    context_interface::{ContextError, ContextTr},
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, InstructionResult, Interpreter,
    },
};

use crate::evm::watch::{ENDED, Watch, admits};

/// So many instructions are run between two looks at the watch.
const BETWEEN_LOOKS: u32 = 4096;

/// Ends the execution when the watch says so. What the inspector inside sees until then is all it sees.
#[derive(Debug)]
pub(crate) struct Bounded<I> {
    /// Who looks on.
    pub inner: I,
    watch: Option<Arc<dyn Watch>>,
    steps: u32,
    is_ended: bool,
}

impl<I> Bounded<I> {
    /// Around `inner`.
    pub(crate) fn new(inner: I, watch: Option<Arc<dyn Watch>>) -> Self {
        Self {
            inner,
            watch,
            steps: 0,
            is_ended: false,
        }
    }

    fn may_step(&mut self, interpreter: &Interpreter) -> bool {
        let Some(watch) = self.watch.as_deref() else {
            return true;
        };
        self.steps = self.steps.wrapping_add(1);
        (!self.steps.is_multiple_of(BETWEEN_LOOKS) || watch.may_go_on(0))
            && admits(watch, interpreter)
    }
}

impl<CTX: ContextTr, I: Inspector<CTX>> Inspector<CTX> for Bounded<I> {
    fn initialize_interp(&mut self, interpreter: &mut Interpreter, context: &mut CTX) {
        self.inner.initialize_interp(interpreter, context);
    }

    fn step(&mut self, interpreter: &mut Interpreter, context: &mut CTX) {
        if self.may_step(interpreter) {
            self.inner.step(interpreter, context);
        } else {
            self.is_ended = true;
            end(interpreter, context);
        }
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, context: &mut CTX) {
        // Of an instruction that was not let run, the one inside has not seen the beginning.
        if !self.is_ended {
            self.inner.step_end(interpreter, context);
        }
    }

    fn log(&mut self, interpreter: &mut Interpreter, context: &mut CTX, log: Log) {
        self.inner.log(interpreter, context, log);
    }

    fn call(&mut self, context: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.inner.call(context, inputs)
    }

    fn call_end(&mut self, context: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.inner.call_end(context, inputs, outcome);
    }

    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.inner.create(context, inputs)
    }

    fn create_end(
        &mut self,
        context: &mut CTX,
        inputs: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        self.inner.create_end(context, inputs, outcome);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.inner.selfdestruct(contract, target, value);
    }
}

/// Ends the execution, in place of the next instruction.
pub(crate) fn end<CTX: ContextTr>(interpreter: &mut Interpreter, context: &mut CTX) {
    *context.error() = Err(ContextError::Custom(ENDED.to_owned()));
    interpreter.halt(InstructionResult::FatalExternalError);
}
