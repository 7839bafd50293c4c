//! What KECCAK256 is given while the interpreter runs: it tells which keys the slots of mappings belong to.

use std::collections::BTreeSet;

use alloy_primitives::Bytes;
use revm::{
    Inspector,
    bytecode::opcode,
    interpreter::{
        Interpreter,
        interpreter_types::{Jumps, MemoryTr},
    },
};

/// Longer ones make no slots.
const LONGEST: usize = 4096;
/// So many bytes are kept, all together.
const MAX_BYTES: usize = 4 << 20;

/// Different inputs of KECCAK256; an inspector.
#[derive(Debug, Default)]
pub(crate) struct Preimages {
    found: BTreeSet<Bytes>,
    bytes: usize,
}

impl Preimages {
    /// What was hashed, sorted.
    pub(crate) fn into_sorted(self) -> Vec<Bytes> {
        self.found.into_iter().collect()
    }

    fn add(&mut self, data: Vec<u8>) {
        if self.bytes + data.len() <= MAX_BYTES {
            let length = data.len();
            if self.found.insert(data.into()) {
                self.bytes += length;
            }
        }
    }
}

impl<CTX> Inspector<CTX> for Preimages {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut CTX) {
        if interpreter.bytecode.opcode() != opcode::KECCAK256 {
            return;
        }
        let (Ok(offset), Ok(length)) = (interpreter.stack.peek(0), interpreter.stack.peek(1))
        else {
            return;
        };
        let (Ok(offset), Ok(length)) = (usize::try_from(offset), usize::try_from(length)) else {
            return;
        };
        if !(1..=LONGEST).contains(&length) {
            return;
        }
        // The memory may end before: the instruction itself extends it, with zeroes.
        let there = interpreter.memory.size().saturating_sub(offset).min(length);
        let mut data = match there {
            0 => Vec::new(),
            _ => interpreter.memory.slice(offset..offset + there).to_vec(),
        };
        data.resize(length, 0);
        self.add(data);
    }
}
