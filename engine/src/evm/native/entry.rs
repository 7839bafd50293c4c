//! Hands the top frame to native code, and takes it back in step.
//!
//! While native code runs, the interpreter's stack length, pc and gas are behind; what native code has
//! done lies in the [`NativeFrame`]. [`NativeSession::settle`] brings the interpreter up to date before anything
//! else looks at it, [`NativeSession::refresh`] tells native code afterwards what has changed.

use std::{any::Any, panic::resume_unwind};

use alloy_evm::Database;
use alloy_primitives::{Address, U256};
use mega_evm::{ExternalEnvTypes, MegaContext, MegaEvm, MegaSpecId};
use revm::{
    handler::{EthFrame, instructions::InstructionProvider as _},
    interpreter::{
        CallInput, InstructionContext, InstructionResult, InstructionTable, Interpreter,
        interpreter::{EthInterpreter, STACK_LIMIT},
        interpreter_types::{Jumps as _, LegacyBytecode as _, LoopControl as _},
    },
};

use super::{
    abi::{ACTION, LEFT, LEFT_OUT, MAX_SPENT, NativeFrame, Word},
    host::Host,
    ledger::Ledger,
    loader::ObjectCode,
};
use crate::evm::watch::{Watch, admits};

/// Gas that native code is given at once where somebody watches: less than 50 ms.
pub(super) const WATCHED_SLICE: u64 = 50_000_000;

/// What one run of native code did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NativeRun {
    /// The gas that the frame spent meanwhile, steps included.
    pub(super) gas: u64,
    /// Whether it left the rest to the interpreter.
    pub(super) left: bool,
    /// Whether it did because that was not compiled.
    pub(super) left_out: bool,
}

/// Everything that a step needs, while native code runs.
pub(super) struct NativeSession<'a, DB: Database, E: ExternalEnvTypes> {
    interpreter: &'a mut Interpreter,
    context: &'a mut MegaContext<DB, E>,
    instructions: &'a InstructionTable<EthInterpreter, MegaContext<DB, E>>,
    ledger: &'a mut Ledger,
    /// Whether the rules meter compute gas.
    metered: bool,
    /// Gas that native code is not given.
    reserve: u64,
    /// The budget when the interpreter's gas was last in step.
    in_step: i64,
    watch: Option<&'a dyn Watch>,
    /// What a step panicked with.
    pub(super) panic: Option<Box<dyn Any + Send>>,
}

/// Lets `code` advance the top frame as far as it can. The code must be that frame's.
pub(super) fn advance<DB: Database, INSP, E: ExternalEnvTypes>(
    mega: &mut MegaEvm<DB, INSP, E>,
    code: &ObjectCode,
    ledger: &mut Ledger,
    calldata: &mut Vec<u8>,
    watch: Option<&dyn Watch>,
) -> Option<NativeRun> {
    let inner = &mut **mega;
    if is_at_limit(&inner.ctx) {
        return None;
    }
    let metered = is_metered(&inner.ctx);
    let frame: &mut EthFrame = inner.frame_stack.get();
    let interpreter = &mut frame.interpreter;
    if interpreter.bytecode.is_end() || interpreter.stack.data().capacity() < STACK_LIMIT {
        return None;
    }
    let gas_before = interpreter.gas.remaining();

    let (input, input_len) = input_of(interpreter, calldata);
    let bytecode = interpreter.bytecode.bytecode_slice();
    let mut native = NativeFrame {
        stack: interpreter.stack.data_mut().as_mut_ptr().cast::<Word>(),
        stack_len: 0,
        pc: interpreter.bytecode.pc() as u64,
        budget: 0,
        gas_bias: 0,
        memory: std::ptr::null_mut(),
        memory_len: 0,
        calldata: input,
        calldata_len: input_len as u64,
        host: Host::<DB, E>::TABLE,
        door: std::ptr::null_mut(),
        address: word_of(interpreter.input.target_address),
        caller: word_of(interpreter.input.caller_address),
        value: interpreter.input.call_value.into_limbs(),
        code: bytecode.as_ptr(),
        code_len: bytecode.len() as u64,
    };
    let mut passage = NativeSession {
        interpreter,
        context: &mut inner.ctx,
        instructions: inner.instruction.instruction_table(),
        ledger,
        metered,
        reserve: gas_before.saturating_sub(watch.map_or(MAX_SPENT, |_| WATCHED_SLICE)),
        in_step: 0,
        watch,
        panic: None,
    };
    passage.refresh(&mut native);
    native.door = (&raw mut passage).cast();
    // SAFETY: the object code was compiled from this frame's bytecode by the rules of this table's spec
    // (its loader vouches for that), and keeps to the ABI. All pointers in the frame stay valid until it
    // returns: the stack never reallocates (its capacity was checked), code and calldata belong to the
    // frame or to `calldata`, and memory is refreshed by the only function that moves it.
    let answer = unsafe { code.run(&raw mut native) };
    if let Some(panic) = passage.panic.take() {
        resume_unwind(panic);
    }
    let left = matches!(answer, LEFT | LEFT_OUT);
    if left {
        passage.settle(&native);
        passage.jump(native.pc);
        meet_limit(passage.interpreter, passage.context, passage.instructions);
    } else {
        assert!(
            answer == ACTION && passage.interpreter.bytecode.is_end(),
            "native code returned {answer} without an action"
        );
    }
    let gas_after = passage.interpreter.gas.remaining();
    Some(NativeRun {
        gas: gas_before.saturating_sub(gas_after),
        left,
        left_out: answer == LEFT_OUT,
    })
}

/// Whether the rules meter compute gas.
fn is_metered<DB: Database, E: ExternalEnvTypes>(context: &MegaContext<DB, E>) -> bool {
    context.mega_spec() >= MegaSpecId::MINI_REX
}

/// Whether a limit is exceeded: then mega-evm ends a frame before its first instruction.
pub(super) fn is_at_limit<DB: Database, E: ExternalEnvTypes>(context: &MegaContext<DB, E>) -> bool {
    is_metered(context)
        && context
            .additional_limit
            .borrow_mut()
            .check_limit()
            .exceeded_limit()
}

/// Interprets one instruction more where more compute gas is recorded than the transaction may use. mega-evm
/// ends a frame beyond its limit before it runs it, but looks only after each instruction while it runs: one
/// that reads volatile data may have lowered the limit so far.
pub(super) fn meet_limit<DB: Database, E: ExternalEnvTypes>(
    interpreter: &mut Interpreter,
    context: &mut MegaContext<DB, E>,
    instructions: &InstructionTable<EthInterpreter, MegaContext<DB, E>>,
) {
    let is_beyond = {
        let limit = context.additional_limit.borrow();
        is_metered(context) && limit.get_usage().compute_gas > limit.compute_gas_limit()
    };
    if is_beyond {
        interpreter.step(instructions, context);
    }
}

impl<DB: Database, E: ExternalEnvTypes> NativeSession<'_, DB, E> {
    /// Runs one instruction on the interpreter.
    pub(super) fn step(&mut self, frame: &mut NativeFrame, opcode: u8) -> u64 {
        self.settle(frame);
        self.jump(frame.pc);
        if self
            .watch
            .is_some_and(|watch| !admits(watch, self.interpreter))
        {
            // Whoever let native code run asks the watch before it goes on.
            self.interpreter.halt(InstructionResult::FatalExternalError);
            return ACTION;
        }
        self.run_instruction(opcode);
        if self.interpreter.bytecode.is_end() {
            return ACTION;
        }
        self.refresh(frame);
        LEFT
    }

    /// Runs the instruction where the interpreter stands as its loop does it: the pointer is behind the opcode
    /// meanwhile.
    fn run_instruction(&mut self, opcode: u8) {
        self.interpreter.bytecode.relative_jump(1);
        self.instructions[opcode as usize](InstructionContext {
            interpreter: self.interpreter,
            host: self.context,
        });
    }

    /// Sets the interpreter's pc. The bytecode is padded, so that running off its end is a STOP.
    fn jump(&mut self, pc: u64) {
        let bytecode = &mut self.interpreter.bytecode;
        let padded = bytecode.bytecode().len() as u64;
        assert!(pc < padded, "native code runs beyond the code");
        bytecode.absolute_jump(pc as usize);
    }

    /// Brings the interpreter up to date with what native code has done.
    fn settle(&mut self, frame: &NativeFrame) {
        assert!(
            (0..=self.in_step).contains(&frame.budget),
            "native code spent more than its budget"
        );
        let spent = (self.in_step - frame.budget) as u64;
        let paid = self.interpreter.gas.record_cost(spent);
        debug_assert!(paid, "the budget is never more than the gas");
        self.in_step = frame.budget;
        if self.metered && spent > 0 {
            self.ledger.record(self.context, spent);
        }
        let len = frame.stack_len as usize;
        assert!(len <= STACK_LIMIT, "native code overflowed the stack");
        // SAFETY: the capacity is at least STACK_LIMIT. Of the words below `stack_len` native code leaves
        // only those stale that nothing reads any more, and every bit pattern is a word.
        unsafe { self.interpreter.stack.data_mut().set_len(len) }
    }

    /// Tells native code where the interpreter stands.
    fn refresh(&mut self, frame: &mut NativeFrame) {
        let remaining = self.interpreter.gas.remaining();
        let mut budget = remaining.saturating_sub(self.reserve);
        if self.metered {
            let limit = self.context.additional_limit.borrow();
            budget = budget.min(limit.current_call_remaining_compute_gas());
        }
        frame.budget = budget as i64;
        frame.gas_bias = remaining - budget;
        self.in_step = frame.budget;
        frame.stack_len = self.interpreter.stack.len() as u64;
        let mut memory = self.interpreter.memory.context_memory_mut();
        frame.memory = memory.as_mut_ptr();
        frame.memory_len = memory.len() as u64;
    }
}

/// Where the frame's input lies. Input in memory that calls share moves when memory grows, so that it is
/// copied first.
fn input_of(interpreter: &Interpreter, copy: &mut Vec<u8>) -> (*const u8, usize) {
    match &interpreter.input.input {
        CallInput::Bytes(bytes) => (bytes.as_ptr(), bytes.len()),
        CallInput::SharedBuffer(range) => {
            copy.clear();
            copy.extend_from_slice(&interpreter.memory.global_slice_range(range.clone()));
            (copy.as_ptr(), copy.len())
        }
    }
}

fn word_of(address: Address) -> Word {
    U256::from_be_bytes(address.into_word().0).into_limbs()
}
