//! What a compiler must know of a spec, read off mega-evm's own instructions.

use alloy_primitives::{Bytes, U256};
use mega_evm::{EmptyExternalEnv, MegaContext, MegaInstructions, MegaSpecId};
use revm::{
    bytecode::{Bytecode, opcode},
    database::EmptyDB,
    handler::instructions::InstructionProvider as _,
    interpreter::{
        InputsImpl, InstructionContext, InstructionTable, Interpreter, SharedMemory,
        gas::{COPY, KECCAK256WORD, MEMORY},
        interpreter::{EthInterpreter, ExtBytecode, STACK_LIMIT},
        interpreter_types::{Jumps as _, LoopControl as _},
    },
};
use serde::Serialize;

type Context = MegaContext<EmptyDB, EmptyExternalEnv>;

/// Enough for any instruction.
const GAS: u64 = 1_000_000;
/// An opcode that no spec defines.
const UNDEFINED: u8 = 0x0c;

#[derive(Serialize)]
struct Rules<'a> {
    spec: &'a str,
    /// What an opcode costs without its dynamic part. Nothing for those that have to run on the
    /// interpreter, and for those that the spec does not have.
    static_gas: Vec<Option<u64>>,
    /// Whether the spec has the opcode.
    defined: Vec<bool>,
    /// Gas per byte of an exponent.
    exp_byte_gas: u64,
    /// Gas per word copied.
    copy_word_gas: u64,
    /// Gas per word hashed.
    keccak_word_gas: u64,
    /// `w` words of memory cost `w * memory_word_gas + w * w / memory_divisor`.
    memory_word_gas: u64,
    memory_divisor: u64,
    stack_limit: usize,
}

/// The rules of a spec in JSON.
pub(crate) fn rules_json(name: &str, spec: MegaSpecId) -> Vec<u8> {
    let instructions = MegaInstructions::<EmptyDB, EmptyExternalEnv>::new(spec);
    let table = instructions.instruction_table();
    let undefined = table[UNDEFINED as usize] as usize;
    let gas_of = |opcode: u8, operand: U256| gas_of(table, spec, opcode, operand);
    let exp = |exponent| gas_of(opcode::EXP, U256::from(exponent)).unwrap_or_default();
    let rules = Rules {
        spec: name,
        static_gas: (0..=u8::MAX)
            .map(|opcode| {
                is_inlined(opcode)
                    .then(|| gas_of(opcode, U256::ZERO))
                    .flatten()
            })
            .collect(),
        defined: table
            .iter()
            .map(|instruction| *instruction as usize != undefined)
            .collect(),
        exp_byte_gas: exp(1) - exp(0),
        copy_word_gas: COPY,
        keccak_word_gas: KECCAK256WORD,
        memory_word_gas: MEMORY,
        memory_divisor: 512,
        stack_limit: STACK_LIMIT,
    };
    serde_json::to_vec(&rules).unwrap_or_default()
}

/// Whether native code may do without the interpreter: the opcode depends on nothing but the frame.
fn is_inlined(opcode: u8) -> bool {
    use opcode::*;
    matches!(
        opcode,
        ADD..=SIGNEXTEND
            | LT..=CLZ
            | ADDRESS
            | CALLER..=CODECOPY
            | POP..=MSTORE8
            | JUMP..=JUMPDEST
            | MCOPY
            | PUSH0..=SWAP16
    )
}

/// What an instruction costs on a stack of zeros under `operand` as the second word, in a frame whose first
/// word of memory is paid for. Nothing if it fails.
fn gas_of(
    table: &InstructionTable<EthInterpreter, Context>,
    spec: MegaSpecId,
    opcode: u8,
    operand: U256,
) -> Option<u64> {
    let mut context = Context::new(EmptyDB::default(), spec);
    // A jump to zero is a good one.
    let code = Bytecode::new_legacy(Bytes::from(vec![opcode::JUMPDEST, opcode]));
    let mut interpreter = Interpreter::<EthInterpreter>::new(
        SharedMemory::new(),
        ExtBytecode::new(code),
        InputsImpl::default(),
        false,
        spec.into_eth_spec(),
        GAS,
    );
    assert!(interpreter.resize_memory(0, 32));
    for _ in 0..17 {
        let _ = interpreter.stack.push(U256::ZERO);
    }
    let second = interpreter.stack.len() - 2;
    interpreter.stack.data_mut()[second] = operand;
    let before = interpreter.gas.remaining();
    interpreter.bytecode.relative_jump(2);
    table[opcode as usize](InstructionContext {
        interpreter: &mut interpreter,
        host: &mut context,
    });
    let runs_on = interpreter.bytecode.is_not_end();
    runs_on.then(|| before - interpreter.gas.remaining())
}
