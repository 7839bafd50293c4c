//! Where a contract spends its gas: counted per instruction while the interpreter runs.
//!
//! A contract is known by its code, so that all that share it are counted together. What its instructions
//! pay is counted, calls without what the callee spends in code of its own; precompiles have none, so that
//! they count for who calls them.

use alloy_primitives::B256;
use revm::{
    Inspector,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, FrameInput, Gas, Interpreter,
        InterpreterAction,
        interpreter_types::{Jumps, LoopControl},
    },
};

/// What one instruction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpentGas {
    /// How often it ran.
    pub runs: u64,
    /// The gas that it took, altogether.
    pub gas: u64,
}

/// Counts for one contract; an inspector.
#[derive(Debug)]
pub(crate) struct GasProfile {
    code_hash: B256,
    /// By pc.
    spent: Vec<SpentGas>,
    entries: u64,
    frames: Vec<Frame>,
}

/// A call or creation that is going on.
#[derive(Debug, Default)]
struct Frame {
    is_create: bool,
    /// Whether it has code that runs.
    is_run: bool,
    /// Whether that is the contract's.
    is_watched: bool,
    /// The instruction that runs, and the gas there was before it.
    pc: usize,
    gas_before: u64,
}

impl GasProfile {
    /// Nothing yet, for the contract with this code.
    pub(crate) fn of(code_hash: B256) -> Self {
        Self {
            code_hash,
            spent: Vec::new(),
            entries: 0,
            frames: Vec::new(),
        }
    }

    /// How often the contract was entered.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// The gas that it has spent.
    pub(crate) fn gas(&self) -> u64 {
        self.spent.iter().map(|spent| spent.gas).sum()
    }

    /// The instructions that ran, by pc.
    pub(crate) fn instructions(&self) -> impl Iterator<Item = (usize, SpentGas)> {
        let all = self.spent.iter().copied().enumerate();
        all.filter(|(_, spent)| spent.runs > 0)
    }

    fn add(&mut self, pc: usize, runs: u64, gas: u64) {
        if let Some(spent) = self.spent.get_mut(pc) {
            spent.runs += runs;
            spent.gas += gas;
        }
    }

    /// A call or creation has ended, with this gas.
    fn leave(&mut self, gas: &Gas) {
        let ended = self.frames.pop();
        if ended.is_some_and(|frame| frame.is_run) {
            return;
        }
        let caller = self.frames.last().filter(|frame| frame.is_watched);
        if let Some(pc) = caller.map(|frame| frame.pc) {
            self.add(pc, 0, gas.spent());
        }
    }
}

impl<CTX> Inspector<CTX> for GasProfile {
    fn initialize_interp(&mut self, interpreter: &mut Interpreter, _: &mut CTX) {
        let is_code = interpreter.bytecode.hash() == Some(self.code_hash);
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        frame.is_run = true;
        frame.is_watched = is_code && !frame.is_create;
        if frame.is_watched {
            self.entries += 1;
            self.spent
                .resize(interpreter.bytecode.bytecode().len(), SpentGas::default());
        }
    }

    fn step(&mut self, interpreter: &mut Interpreter, _: &mut CTX) {
        if let Some(frame) = self.frames.last_mut().filter(|frame| frame.is_watched) {
            frame.pc = interpreter.bytecode.pc();
            frame.gas_before = interpreter.gas.remaining();
        }
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, _: &mut CTX) {
        let Some(frame) = self.frames.last().filter(|frame| frame.is_watched) else {
            return;
        };
        let (pc, before) = (frame.pc, frame.gas_before);
        let forwarded = match interpreter.bytecode.action() {
            Some(InterpreterAction::NewFrame(FrameInput::Call(call))) => call.gas_limit,
            Some(InterpreterAction::NewFrame(FrameInput::Create(create))) => create.gas_limit,
            _ => 0,
        };
        let after = interpreter.gas.remaining().saturating_add(forwarded);
        self.add(pc, 1, before.saturating_sub(after));
    }

    fn call(&mut self, _: &mut CTX, _: &mut CallInputs) -> Option<CallOutcome> {
        self.frames.push(Frame::default());
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, outcome: &mut CallOutcome) {
        self.leave(&outcome.result.gas);
    }

    fn create(&mut self, _: &mut CTX, _: &mut CreateInputs) -> Option<CreateOutcome> {
        self.frames.push(Frame {
            is_create: true,
            ..Frame::default()
        });
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.leave(&outcome.result.gas);
    }
}
