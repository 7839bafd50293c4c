//! What a transaction did, in the forms that geth's and Parity's clients read: instruction by instruction, call by call, or
//! as the state that it met.
//!
//! ```text
//! Form --Recorder::of()--> Recorder, an inspector that looks on --finish(Ran)--> JSON
//! ```
//!
//! Knows nothing of blocks and of requests. What is executed is the interpreter's: who looks on gets no native code. What
//! grows while it is executed asks the watch, so that no trace is larger in memory than an answer may be.

mod frames;
mod list;
mod parity;
mod prestate;
mod steps;
mod tree;

pub(crate) use frames::TxPosition;
pub(crate) use list::FlatOptions;
pub(crate) use parity::ParityOptions;
pub(crate) use prestate::PrestateOptions;
pub(crate) use steps::StepOptions;
pub(crate) use tree::CallOptions;

use std::sync::Arc;

use alloy_evm::Database;
use alloy_primitives::{Address, Bytes, Log, U256};
use mega_evm::{MegaContext, MegaSpecId, MegaTransactionOutcome};
use revm::{
    DatabaseRef, Inspector,
    interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter},
};
use revm_inspectors::{opcode::OpcodeGasInspector, tracing::FourByteInspector};

use super::{ExternalEnv, Watch};
use crate::{
    block::TxResult,
    json::{self, Object},
};
use frames::Frames;
use steps::Steps;

/// What is wanted of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// Each instruction, as geth's struct logger has it.
    Steps(StepOptions),
    /// A tree of calls: `callTracer`.
    Calls(CallOptions),
    /// The accounts that it met, or what it changed of them: `prestateTracer`.
    Prestate(PrestateOptions),
    /// How often each function was called: `4byteTracer`.
    Selectors,
    /// A list of calls as Parity has it: `flatCallTracer`.
    Flat(FlatOptions),
    /// What Parity's clients ask for: calls, changes and instructions in one.
    Parity(ParityOptions),
    /// How often each instruction ran, and the gas of all of them.
    Opcodes,
    /// Nothing: `noopTracer`.
    Nothing,
    /// Several of these under their names: `muxTracer`.
    Several(Vec<(&'static str, Form)>),
}

/// What the first call of a transaction must say, whether or not the transaction got as far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Root {
    /// Who sent it.
    pub from: Address,
    /// The callee; `None` creates a contract.
    pub to: Option<Address>,
    /// Wei sent along.
    pub value: U256,
    /// Calldata or init code.
    pub input: Bytes,
    /// The transaction's gas limit.
    pub gas_limit: u64,
}

/// A transaction that has been executed, over a state that it has not changed yet.
#[derive(Debug)]
pub(crate) struct Ran<'a, D> {
    /// What it began with.
    pub root: Root,
    /// Where it stands in a block, if it stands in one.
    pub position: Option<TxPosition>,
    /// As mega-evm tells it.
    pub outcome: &'a MegaTransactionOutcome,
    /// As its receipt tells it.
    pub result: &'a TxResult,
    /// Under which rules.
    pub spec: MegaSpecId,
    /// The state before.
    pub database: &'a D,
}

impl<D> Ran<'_, D> {
    /// The same, of which is not told where it stands.
    fn nowhere(&self) -> Self {
        Self {
            root: self.root.clone(),
            position: None,
            ..*self
        }
    }
}

/// Why there is no trace.
#[derive(Debug)]
pub(crate) enum Unfinished<E> {
    /// The watch ended it.
    Ended,
    /// The state can't be read.
    Database(E),
    /// It could not be written as JSON.
    Json(serde_json::Error),
}

impl<E> From<serde_json::Error> for Unfinished<E> {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// Looks on while one transaction is executed, for all that a form needs.
#[derive(Debug)]
pub(crate) struct Recorder {
    frames: Option<Frames>,
    selectors: Option<FourByteInspector>,
    opcodes: Option<OpcodeGasInspector>,
    steps: Option<Steps>,
    watch: Option<Arc<dyn Watch>>,
}

impl Recorder {
    /// Nothing seen yet. `held` bytes are in the answer already.
    pub(crate) fn of(form: &Form, held: usize, watch: Option<Arc<dyn Watch>>) -> Self {
        let mut recorder = Self {
            frames: None,
            selectors: None,
            opcodes: None,
            steps: None,
            watch,
        };
        recorder.add(form, held);
        recorder
    }

    fn add(&mut self, form: &Form, held: usize) {
        match form {
            Form::Steps(options) => {
                self.steps = Some(Steps::new(*options, held, self.watch.clone()));
            }
            Form::Calls(_) | Form::Flat(_) | Form::Parity(_) => {
                self.frames.get_or_insert_with(Frames::new).add(form);
            }
            Form::Selectors => self.selectors = Some(FourByteInspector::default()),
            Form::Opcodes => self.opcodes = Some(OpcodeGasInspector::new()),
            Form::Several(forms) => forms.iter().for_each(|(_, form)| self.add(form, held)),
            Form::Prestate(_) | Form::Nothing => {}
        }
    }

    /// Writes what was seen behind what is in the answer already.
    pub(crate) fn finish<D: DatabaseRef>(
        &mut self,
        out: &mut Vec<u8>,
        form: &Form,
        ran: &Ran<'_, D>,
    ) -> Result<(), Unfinished<D::Error>> {
        match form {
            Form::Steps(_) => {
                if let Some(steps) = self.steps.take() {
                    steps.finish(out, ran);
                }
            }
            Form::Calls(options) => {
                if let Some(frames) = &self.frames {
                    tree::write(out, frames, *options, ran, self.watch.as_deref())?;
                }
            }
            Form::Flat(options) => {
                if let Some(frames) = &self.frames {
                    list::write(out, frames, *options, ran, self.watch.as_deref())?;
                }
            }
            Form::Parity(options) => {
                let watch = self.watch.as_deref();
                parity::write(out, *options, self.frames.as_mut(), ran, watch)?;
            }
            Form::Prestate(options) => prestate::write(out, *options, ran.outcome, ran.database)?,
            Form::Selectors => selectors(out, self.selectors.as_ref()),
            Form::Opcodes => opcodes(out, self.opcodes.as_ref()),
            Form::Nothing => out.extend_from_slice(b"{}"),
            Form::Several(forms) => {
                let mut object = Object::open(out);
                for (name, form) in forms {
                    self.finish(object.member(name), form, ran)?;
                }
                object.close();
            }
        }
        admitted(self.watch.as_deref(), out)
    }
}

/// Whether an answer may be as large as that, and larger.
fn admitted<E>(watch: Option<&dyn Watch>, out: &[u8]) -> Result<(), Unfinished<E>> {
    match watch.is_none_or(|watch| watch.may_answer(out.len())) {
        true => Ok(()),
        false => Err(Unfinished::Ended),
    }
}

/// How often each function was called, by selector and length of its arguments.
fn selectors(out: &mut Vec<u8>, seen: Option<&FourByteInspector>) {
    let mut counts: Vec<_> = seen.iter().flat_map(|seen| seen.inner()).collect();
    counts.sort_unstable();
    let mut object = Object::open(out);
    for ((selector, length), count) in counts {
        json::number(object.member(&format!("{selector}-{length}")), *count);
    }
    object.close();
}

/// How often each instruction ran, in the order of their numbers, and their gas without that of the calls they made.
fn opcodes(out: &mut Vec<u8>, seen: Option<&OpcodeGasInspector>) {
    let mut counts: Vec<_> = seen.iter().flat_map(|seen| seen.opcode_iter()).collect();
    counts.sort_unstable_by_key(|(opcode, _)| opcode.get());
    json::array(out, counts, |out, (opcode, (count, gas))| {
        let mut object = Object::open(out);
        object
            .string("opcode", opcode.as_str())
            .number("count", count)
            .number("gasUsed", gas);
        object.close();
    });
}

impl<DB: Database> Inspector<MegaContext<DB, ExternalEnv>> for Recorder {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut MegaContext<DB, ExternalEnv>) {
        if let Some(opcodes) = &mut self.opcodes {
            opcodes.step(interpreter, context);
        }
        if let Some(steps) = &mut self.steps {
            steps.step(interpreter, context);
        }
        if let Some(frames) = &mut self.frames {
            frames.step(interpreter, context, self.watch.as_deref());
        }
    }

    fn step_end(
        &mut self,
        interpreter: &mut Interpreter,
        context: &mut MegaContext<DB, ExternalEnv>,
    ) {
        if let Some(opcodes) = &mut self.opcodes {
            opcodes.step_end(interpreter, context);
        }
        if let Some(steps) = &mut self.steps {
            steps.step_end(interpreter);
        }
        if let Some(frames) = &mut self.frames {
            frames.step_end(interpreter, context);
        }
    }

    fn log(
        &mut self,
        interpreter: &mut Interpreter,
        context: &mut MegaContext<DB, ExternalEnv>,
        log: Log,
    ) {
        if let Some(frames) = &mut self.frames {
            frames.log(interpreter, context, log);
        }
    }

    fn call(
        &mut self,
        context: &mut MegaContext<DB, ExternalEnv>,
        inputs: &mut CallInputs,
    ) -> Option<CallOutcome> {
        if let Some(selectors) = &mut self.selectors {
            selectors.call(context, inputs);
        }
        if let Some(opcodes) = &mut self.opcodes {
            opcodes.call(context, inputs);
        }
        if let Some(frames) = &mut self.frames {
            frames.call(context, inputs);
        }
        None
    }

    fn call_end(
        &mut self,
        context: &mut MegaContext<DB, ExternalEnv>,
        inputs: &CallInputs,
        outcome: &mut CallOutcome,
    ) {
        if let Some(frames) = &mut self.frames {
            frames.call_end(context, inputs, outcome);
        }
    }

    fn create(
        &mut self,
        context: &mut MegaContext<DB, ExternalEnv>,
        inputs: &mut CreateInputs,
    ) -> Option<CreateOutcome> {
        if let Some(opcodes) = &mut self.opcodes {
            opcodes.create(context, inputs);
        }
        if let Some(frames) = &mut self.frames {
            frames.create(context, inputs);
        }
        None
    }

    fn create_end(
        &mut self,
        context: &mut MegaContext<DB, ExternalEnv>,
        inputs: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        if let Some(frames) = &mut self.frames {
            frames.create_end(context, inputs, outcome);
        }
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if let Some(frames) = &mut self.frames {
            frames.selfdestruct(contract, target, value);
        }
    }
}
