//! Interprets long frames slice by slice, so that native code can take over while they run.
//!
//! What ends a frame or suspends it is left to mega-evm's own `frame_run`: a slice ends in front of it.

use std::sync::Arc;

use alloy_evm::Database;
use mega_evm::{ExternalEnvTypes, MegaContext, MegaEvm};
use revm::{
    bytecode::opcode,
    handler::instructions::InstructionProvider as _,
    interpreter::{
        Gas, InstructionContext, InstructionResult, InstructionTable, Interpreter,
        InterpreterAction,
        interpreter::EthInterpreter,
        interpreter_types::{Jumps as _, LoopControl as _},
    },
};

use super::{coverage::Coverage, entry};
use crate::evm::watch::{Watch, admits};

/// When a frame is interpreted slice by slice, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SliceBudget {
    /// A frame that has less gas is interpreted in one go.
    pub gas: u64,
    /// Instructions in a slice; at least one.
    pub instructions: u32,
    /// Whether native code that is there already has to wait for the first slice's end, so that it always
    /// takes over from the interpreter: for tests.
    pub late: bool,
}

impl Default for SliceBudget {
    /// A frame that spends less than this gas ends within some 60 ms, a slice within one.
    fn default() -> Self {
        Self {
            gas: 30_000_000,
            instructions: 1 << 16,
            late: false,
        }
    }
}

/// How a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slice {
    /// There were as many instructions as wanted.
    Over,
    /// The frame goes on where a loop begins again.
    AtLoop,
    /// The rest of this run is for mega-evm's `frame_run`, unless the watch has ended it.
    SideExit,
}

/// The instructions that end a frame or suspend it.
const LEAVING: [u8; 11] = [
    opcode::STOP,
    opcode::CREATE,
    opcode::CALL,
    opcode::CALLCODE,
    opcode::RETURN,
    opcode::DELEGATECALL,
    opcode::CREATE2,
    opcode::STATICCALL,
    opcode::REVERT,
    opcode::INVALID,
    opcode::SELFDESTRUCT,
];

/// The interpreter for slices of frames.
pub(super) struct Slices<DB: Database, E: ExternalEnvTypes> {
    /// mega-evm's instructions, except that [`pause`] is in the place of those that leave.
    instructions: Box<InstructionTable<EthInterpreter, MegaContext<DB, E>>>,
    watch: Option<Arc<dyn Watch>>,
}

impl<DB: Database, E: ExternalEnvTypes> Slices<DB, E> {
    pub(super) fn new<INSP>(mega: &MegaEvm<DB, INSP, E>, watch: Option<Arc<dyn Watch>>) -> Self {
        let mut instructions = Box::new(*mega.instruction.instruction_table());
        for leaving in LEAVING {
            instructions[leaving as usize] = pause;
        }
        Self {
            instructions,
            watch,
        }
    }

    /// Whether the top frame's next instruction may run.
    fn admits(&self, interpreter: &Interpreter) -> bool {
        let watch = self.watch.as_deref();
        watch.is_none_or(|watch| admits(watch, interpreter))
    }

    /// Interprets the top frame for so many instructions.
    pub(super) fn run<INSP>(&self, mega: &mut MegaEvm<DB, INSP, E>, instructions: u32) -> Slice {
        let inner = &mut **mega;
        let interpreter = &mut inner.frame_stack.get().interpreter;
        for _ in 0..instructions.max(1) {
            if !self.admits(interpreter) {
                return Slice::SideExit;
            }
            interpreter.step(&self.instructions, &mut inner.ctx);
            if interpreter.bytecode.is_end() {
                leave(mega);
                return Slice::SideExit;
            }
        }
        Slice::Over
    }

    /// The same, and counts the instructions.
    pub(super) fn run_counted<INSP>(
        &self,
        mega: &mut MegaEvm<DB, INSP, E>,
        instructions: u32,
        coverage: &Coverage,
    ) -> Slice {
        let inner = &mut **mega;
        let interpreter = &mut inner.frame_stack.get().interpreter;
        for _ in 0..instructions {
            if !self.admits(interpreter) {
                return Slice::SideExit;
            }
            coverage.count(interpreter.bytecode.pc());
            interpreter.step(&self.instructions, &mut inner.ctx);
            if interpreter.bytecode.is_end() {
                leave(mega);
                return Slice::SideExit;
            }
        }
        Slice::Over
    }

    /// Interprets the top frame until it has jumped back, for at most so many instructions, which are counted if
    /// somebody wants to know.
    pub(super) fn run_to_loop<INSP>(
        &self,
        mega: &mut MegaEvm<DB, INSP, E>,
        instructions: u32,
        coverage: Option<&Coverage>,
    ) -> Slice {
        let inner = &mut **mega;
        let interpreter = &mut inner.frame_stack.get().interpreter;
        for _ in 0..instructions {
            if !self.admits(interpreter) {
                return Slice::SideExit;
            }
            let before = interpreter.bytecode.pc();
            if let Some(coverage) = coverage {
                coverage.count(before);
            }
            interpreter.step(&self.instructions, &mut inner.ctx);
            if interpreter.bytecode.is_end() {
                leave(mega);
                return Slice::SideExit;
            }
            if interpreter.bytecode.pc() < before {
                return Slice::AtLoop;
            }
        }
        Slice::Over
    }
}

/// Whether the top frame's next instruction is for mega-evm's `frame_run`.
pub(super) fn leaves_next<DB: Database, INSP, E: ExternalEnvTypes>(
    mega: &mut MegaEvm<DB, INSP, E>,
) -> bool {
    let bytecode = &mega.frame_stack.get().interpreter.bytecode;
    bytecode.is_end() || LEAVING.contains(&bytecode.opcode())
}

/// Ends the interpreter's loop in front of the instruction, without an action.
fn pause<H>(context: InstructionContext<'_, H, EthInterpreter>) {
    let bytecode = &mut context.interpreter.bytecode;
    bytecode.relative_jump(-1);
    bytecode.set_action(InterpreterAction::new_halt(
        InstructionResult::Stop,
        Gas::new(0),
    ));
    *bytecode.action() = None;
}

/// After the loop has ended: undoes the pause, if it was one.
fn leave<DB: Database, INSP, E: ExternalEnvTypes>(mega: &mut MegaEvm<DB, INSP, E>) {
    let inner = &mut **mega;
    let interpreter: &mut Interpreter = &mut inner.frame_stack.get().interpreter;
    if interpreter.bytecode.action().is_none() {
        interpreter.bytecode.revert_to_previous_pointer();
        entry::meet_limit(
            interpreter,
            &mut inner.ctx,
            inner.instruction.instruction_table(),
        );
    }
}
