//! Records compute gas that was spent outside of an instruction.
//!
//! mega-evm records compute gas only from within its instructions (`AdditionalLimit::record_compute_gas`
//! is its own). So the amount is spent by an instruction: an `MSTORE` of mega-evm, run on an interpreter
//! whose memory costs what is wanted and holds nothing, over the context whose record is meant.

use std::{
    cell::{Ref, RefCell},
    ops::Range,
};

use alloy_primitives::U256;
use mega_evm::{HostExt, compute_gas_ext};
use revm::interpreter::{
    Gas, InputsImpl, InstructionContext, Interpreter, InterpreterAction, InterpreterTypes, Stack,
    gas::{MemoryGas, VERYLOW, memory_gas},
    interpreter::{ExtBytecode, ReturnDataImpl, RuntimeFlags},
    interpreter_types::{LoopControl as _, MemoryTr},
};

/// So much memory that its price covers any amount of gas within reason.
const WORDS: usize = 1 << 32;
/// Where a word lies whose use needs all of that memory.
const LAST_WORD: usize = (WORDS - 1) * 32;

/// An interpreter that only spends gas.
pub(super) struct Ledger(Interpreter<Weightless>);

impl Ledger {
    pub(super) fn new() -> Self {
        Self(Interpreter {
            bytecode: ExtBytecode::default(),
            gas: Gas::new(0),
            stack: Stack::new(),
            return_data: ReturnDataImpl::default(),
            memory: Nowhere::default(),
            input: InputsImpl::default(),
            runtime_flag: RuntimeFlags {
                is_static: false,
                spec_id: Default::default(),
            },
            extend: (),
        })
    }

    /// Records `amount` in `host`. It must be within the limits.
    pub(super) fn record<H: HostExt>(&mut self, host: &mut H, mut amount: u64) {
        let most = memory_gas(WORDS);
        while amount >= VERYLOW {
            let part = amount.min(most);
            self.spend(host, part);
            amount -= part;
        }
        for _ in 0..amount {
            self.0.gas = Gas::new(1);
            compute_gas_ext::jumpdest(self.context(host));
        }
        debug_assert!(
            self.0.bytecode.is_not_end(),
            "the amount is within the limits"
        );
    }

    fn spend<H: HostExt>(&mut self, host: &mut H, amount: u64) {
        self.0.gas = Gas::new(amount);
        // Growing to WORDS costs their price less what was paid already.
        *self.0.gas.memory_mut() = MemoryGas {
            words_num: 0,
            expansion_cost: memory_gas(WORDS) - (amount - VERYLOW),
        };
        let stack = self.0.stack.data_mut();
        stack.clear();
        stack.extend([U256::ZERO, U256::from(LAST_WORD)]);
        compute_gas_ext::mstore(self.context(host));
    }

    fn context<'a, H>(&'a mut self, host: &'a mut H) -> InstructionContext<'a, H, Weightless> {
        InstructionContext {
            interpreter: &mut self.0,
            host,
        }
    }
}

/// The usual interpreter, except that its memory holds nothing.
struct Weightless;

impl InterpreterTypes for Weightless {
    type Stack = Stack;
    type Memory = Nowhere;
    type Bytecode = ExtBytecode;
    type ReturnData = ReturnDataImpl;
    type Input = InputsImpl;
    type RuntimeFlag = RuntimeFlags;
    type Extend = ();
    type Output = InterpreterAction;
}

/// Memory that forgets.
#[derive(Default)]
struct Nowhere(RefCell<[u8; 0]>);

impl Nowhere {
    fn nothing(&self) -> Ref<'_, [u8]> {
        Ref::map(self.0.borrow(), |nothing| &nothing[..])
    }
}

impl MemoryTr for Nowhere {
    fn set_data(&mut self, _: usize, _: usize, _: usize, _: &[u8]) {}

    fn set_data_from_global(&mut self, _: usize, _: usize, _: usize, _: Range<usize>) {}

    fn global_slice(&self, _: Range<usize>) -> Ref<'_, [u8]> {
        self.nothing()
    }

    fn local_memory_offset(&self) -> usize {
        0
    }

    fn set(&mut self, _: usize, _: &[u8]) {}

    fn size(&self) -> usize {
        0
    }

    fn copy(&mut self, _: usize, _: usize, _: usize) {}

    fn slice(&self, _: Range<usize>) -> Ref<'_, [u8]> {
        self.nothing()
    }

    fn resize(&mut self, _: usize) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mega_evm::{MegaContext, MegaSpecId};
    use revm::database::EmptyDB;

    #[test]
    fn exactly_the_amount_is_recorded() {
        let mut context = MegaContext::new(EmptyDB::default(), MegaSpecId::REX5);
        let mut ledger = Ledger::new();
        let mut total = 0;
        for amount in [0, 1, 2, 3, 4, 5, 1000, 1 << 20, 7] {
            ledger.record(&mut context, amount);
            total += amount;
            let usage = context.additional_limit.borrow().get_usage();
            assert_eq!(usage.compute_gas, total);
        }
    }

    #[test]
    fn an_amount_beyond_one_step_is_split() {
        let mut context = MegaContext::new(EmptyDB::default(), MegaSpecId::EQUIVALENCE);
        Ledger::new().record(&mut context, memory_gas(WORDS) + 10);
        let usage = context.additional_limit.borrow().get_usage();
        assert_eq!(usage.compute_gas, memory_gas(WORDS) + 10);
    }
}
