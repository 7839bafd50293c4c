//! What may end a simulation before its own end: time, memory, a client that is gone.

use std::fmt::Debug;

use revm::{
    bytecode::opcode,
    interpreter::{
        Interpreter,
        gas::memory_gas,
        interpreter_types::{Jumps as _, MemoryTr as _},
        num_words,
    },
};

/// Why an execution that a [`Watch`] ended has no outcome.
pub(super) const ENDED: &str = "the execution was ended";

/// So much may be taken between two looks.
const SMALL: usize = 1024;

/// Watches over a simulation.
pub(crate) trait Watch: Debug + Send + Sync {
    /// Whether it may go on, and take `more` bytes of memory. Once it may not, it never may again.
    fn may_go_on(&self, more: usize) -> bool;

    /// Whether what it is to be answered with may be as large as that. Once it may not, it may not go on.
    fn may_answer(&self, bytes: usize) -> bool;
}

/// Whether the next instruction may run: what it would take is within the watch's bounds, or its gas doesn't reach, so that
/// it takes nothing.
pub(super) fn admits(watch: &dyn Watch, interpreter: &Interpreter) -> bool {
    let opcode = interpreter.bytecode.opcode();
    !TAKES[opcode as usize] || admits_taking(watch, interpreter, opcode)
}

fn admits_taking(watch: &dyn Watch, interpreter: &Interpreter, opcode: u8) -> bool {
    let (mut end, mut copied) = (0, 0);
    for (offset, length) in ranges(opcode).iter().copied().flatten() {
        let length = match length {
            Length::Fixed(bytes) => bytes,
            Length::OnStack(depth) => from_top(interpreter, depth),
        };
        if length > 0 {
            end = end.max(from_top(interpreter, offset).saturating_add(length));
            copied = copied.max(length);
        }
    }
    let grown = end.saturating_sub(interpreter.memory.size());
    if grown.max(copied) <= SMALL {
        return true;
    }
    let paid = interpreter.gas.memory().expansion_cost;
    let price = memory_gas(num_words(end)).saturating_sub(paid);
    price > interpreter.gas.remaining() || watch.may_go_on(grown.saturating_add(copied))
}

/// The number that lies so deep on the stack; a stack that is too short makes the instruction fail.
fn from_top(interpreter: &Interpreter, depth: usize) -> usize {
    let stack = interpreter.stack.data();
    let value = stack.len().checked_sub(depth + 1).map(|at| stack[at]);
    value.map_or(0, |value| usize::try_from(value).unwrap_or(usize::MAX))
}

#[derive(Clone, Copy)]
enum Length {
    Fixed(usize),
    OnStack(usize),
}

/// Where on the stack a range's offset lies, and its length.
type Range = Option<(usize, Length)>;

/// The ranges of memory that an instruction touches.
const fn ranges(opcode: u8) -> [Range; 2] {
    use Length::{Fixed, OnStack};
    match opcode {
        opcode::MLOAD | opcode::MSTORE => [Some((0, Fixed(32))), None],
        opcode::MSTORE8 => [Some((0, Fixed(1))), None],
        opcode::KECCAK256
        | opcode::LOG0
        | opcode::LOG1
        | opcode::LOG2
        | opcode::LOG3
        | opcode::LOG4
        | opcode::RETURN
        | opcode::REVERT => [Some((0, OnStack(1))), None],
        opcode::CALLDATACOPY | opcode::CODECOPY | opcode::RETURNDATACOPY => {
            [Some((0, OnStack(2))), None]
        }
        opcode::EXTCODECOPY => [Some((1, OnStack(3))), None],
        opcode::MCOPY => [Some((0, OnStack(2))), Some((1, OnStack(2)))],
        opcode::CREATE | opcode::CREATE2 => [Some((1, OnStack(2))), None],
        opcode::CALL | opcode::CALLCODE => [Some((3, OnStack(4))), Some((5, OnStack(6)))],
        opcode::DELEGATECALL | opcode::STATICCALL => [Some((2, OnStack(3))), Some((4, OnStack(5)))],
        _ => [None, None],
    }
}

/// Whether an instruction touches memory.
static TAKES: [bool; 256] = {
    let mut takes = [false; 256];
    let mut opcode = 0;
    while opcode < takes.len() {
        takes[opcode] = ranges(opcode as u8)[0].is_some();
        opcode += 1;
    }
    takes
};
