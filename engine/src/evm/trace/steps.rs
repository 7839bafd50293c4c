//! Each instruction, as geth's struct logger has it: written as JSON while it is executed, so that nothing is kept twice.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use alloy_evm::Database;
use alloy_primitives::{Address, U256};
use mega_evm::MegaContext;
use revm::{
    bytecode::opcode::{self, OpCode},
    context_interface::{ContextTr, JournalTr},
    interpreter::{
        InstructionResult, Interpreter,
        interpreter_types::{
            InputsTr as _, Jumps as _, LoopControl as _, MemoryTr as _, ReturnData as _,
        },
    },
};

use super::Ran;
use crate::{
    evm::{
        ExternalEnv, Watch,
        simulate::{end, reason},
        usage,
    },
    json::{self, Object},
};

/// So much is written between two looks at the watch.
const BETWEEN_LOOKS: usize = 64 << 10;

/// What is told of each instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StepOptions {
    /// The stack before it.
    pub stack: bool,
    /// The contract's slots that were read or written so far, at those that read or write one.
    pub storage: bool,
    /// The memory before it.
    pub memory: bool,
    /// What the last call returned.
    pub return_data: bool,
    /// So many instructions are told; all if it is zero.
    pub limit: u64,
}

impl Default for StepOptions {
    fn default() -> Self {
        Self {
            stack: true,
            storage: true,
            memory: false,
            return_data: false,
            limit: 0,
        }
    }
}

/// The instructions so far.
#[derive(Debug)]
pub(super) struct Steps {
    options: StepOptions,
    /// The open object of the answer with the open list of instructions.
    out: Vec<u8>,
    count: u64,
    /// What is in the answer besides.
    held: usize,
    /// How large this was when the watch was asked.
    asked: usize,
    watch: Option<Arc<dyn Watch>>,
    /// The instruction that runs.
    open: Option<Open>,
    /// Slots that were read or written, by contract.
    slots: HashMap<Address, BTreeMap<U256, U256>>,
}

/// An instruction whose cost is not known yet.
#[derive(Debug)]
struct Open {
    opcode: u8,
    gas: u64,
    contract: Address,
    /// What lies on top of the stack and below: a slot, and what is written to it.
    top: [Option<U256>; 2],
}

impl Steps {
    /// None yet.
    pub(super) fn new(options: StepOptions, held: usize, watch: Option<Arc<dyn Watch>>) -> Self {
        Self {
            options,
            out: b"{\"structLogs\":[".to_vec(),
            count: 0,
            held,
            asked: 0,
            watch,
            open: None,
            slots: HashMap::new(),
        }
    }

    /// Whether there is room for the next instruction.
    fn has_room(&mut self, interpreter: &Interpreter) -> bool {
        let Some(watch) = &self.watch else {
            return true;
        };
        let memory = match self.options.memory {
            true => 3 * interpreter.memory.size(),
            false => 0,
        };
        let returned = match self.options.return_data {
            true => 2 * interpreter.return_data.buffer().len(),
            false => 0,
        };
        let next = self.out.len() + memory + returned;
        if next < self.asked + BETWEEN_LOOKS {
            return true;
        }
        self.asked = self.out.len();
        watch.may_answer(self.held + next)
    }

    /// An instruction begins.
    pub(super) fn step<DB: Database>(
        &mut self,
        interpreter: &mut Interpreter,
        context: &mut MegaContext<DB, ExternalEnv>,
    ) {
        if self.options.limit > 0 && self.count >= self.options.limit {
            return;
        }
        if !self.has_room(interpreter) {
            end(interpreter, context);
            return;
        }
        let opcode = interpreter.bytecode.opcode();
        if self.count > 0 {
            self.out.push(b',');
        }
        self.count += 1;
        let mut object = Object::open(&mut self.out);
        object.number("pc", interpreter.bytecode.pc() as u64);
        match OpCode::new(opcode) {
            Some(known) => object.string("op", known.as_str()),
            None => object.string("op", &format!("opcode {opcode:#x} not defined")),
        };
        object
            .number("gas", interpreter.gas.remaining())
            .number("depth", context.journal_ref().depth() as u64);
        if let Ok(refund @ 1..) = u64::try_from(interpreter.gas.refunded()) {
            object.number("refund", refund);
        }
        let stack = interpreter.stack.data();
        if self.options.stack {
            json::array(object.member("stack"), stack, json::quantity_u256);
        }
        if self.options.memory {
            let memory = interpreter.memory.context_memory();
            let words = memory.chunks(32);
            json::array(object.member("memory"), words, |out, word| {
                json::string(out, &alloy_primitives::hex::encode(word));
            });
        }
        if self.options.return_data {
            object.data("returnData", interpreter.return_data.buffer());
        }
        self.open = Some(Open {
            opcode,
            gas: interpreter.gas.remaining(),
            contract: interpreter.input.target_address(),
            top: [0, 1].map(|depth| interpreter.stack.peek(depth).ok()),
        });
    }

    /// The instruction has ended.
    pub(super) fn step_end(&mut self, interpreter: &mut Interpreter) {
        let Some(open) = self.open.take() else {
            return;
        };
        let cost = open.gas.saturating_sub(interpreter.gas.remaining());
        self.out.extend_from_slice(b",\"gasCost\":");
        json::number(&mut self.out, cost);
        let action = interpreter.bytecode.action().as_ref();
        let ended = action.and_then(|action| action.instruction_result());
        let error = ended.filter(|result| result.is_error());
        if let Some(error) = error {
            self.out.extend_from_slice(b",\"error\":");
            json::string(&mut self.out, &words(error));
        } else if self.options.storage {
            self.storage(&open, interpreter);
        }
        self.out.push(b'}');
    }

    fn storage(&mut self, open: &Open, interpreter: &Interpreter) {
        let value = match open.opcode {
            opcode::SLOAD => interpreter.stack.peek(0).ok(),
            opcode::SSTORE => open.top[1],
            _ => return,
        };
        let (Some(slot), Some(value)) = (open.top[0], value) else {
            return;
        };
        let slots = self.slots.entry(open.contract).or_default();
        slots.insert(slot, value);
        self.out.extend_from_slice(b",\"storage\":");
        let mut object = Object::open(&mut self.out);
        for (slot, value) in slots {
            object.string(&format!("{slot:064x}"), &format!("{value:064x}"));
        }
        object.close();
    }

    /// The object whole, behind what is in the answer already.
    pub(super) fn finish<D>(mut self, out: &mut Vec<u8>, ran: &Ran<'_, D>) {
        let (outcome, result) = (ran.outcome, ran.result);
        self.out.push(b']');
        // A short answer is only moved; nothing else is in it yet but for several transactions.
        match out.is_empty() {
            true => *out = self.out,
            false => out.append(&mut self.out),
        }
        out.extend_from_slice(b",\"gas\":");
        json::number(out, result.gas_used);
        out.extend_from_slice(b",\"failed\":");
        out.extend_from_slice(if result.success { b"false" } else { b"true" });
        out.extend_from_slice(b",\"returnValue\":");
        json::data(out, outcome.result.output().map_or(&[], |output| output));
        out.extend_from_slice(b",\"mega\":");
        out.extend_from_slice(&usage::object(ran.spec, result));
        out.push(b'}');
    }
}

/// Why an instruction or a call failed, in geth's words.
pub(super) fn words(result: InstructionResult) -> String {
    reason::of_instruction(result)
}
