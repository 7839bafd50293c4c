//! What native code and the engine share: the layout of a frame and of the host's functions.
//!
//! The compiler's side of it is `devnet/jit/abi.py`; a test compares the two by [`layout`].

use std::{
    collections::BTreeMap,
    ffi::c_void,
    mem::{offset_of, size_of},
};

/// A 256-bit word: limbs, least significant first, as in `U256`.
pub(super) type Word = [u64; 4];

/// A frame as native code sees it.
#[derive(Debug)]
#[repr(C)]
pub(super) struct NativeFrame {
    /// The bottom of the EVM stack, with room for 1024 words.
    pub stack: *mut Word,
    /// How many words are on the stack; in and out.
    pub stack_len: u64,
    /// In: where to enter. Out: the instruction at which the interpreter goes on.
    pub pc: u64,
    /// In and out: the gas that native code may spend without asking. All of it is compute gas.
    pub budget: i64,
    /// `GAS` gives `budget + gas_bias`, wrapping.
    pub gas_bias: u64,
    /// This frame's memory; refreshed by every `step`.
    pub memory: *mut u8,
    /// How many bytes of it can be addressed: a multiple of 32; refreshed by every `step`.
    pub memory_len: u64,
    /// The calldata; stays where it is while the frame is native.
    pub calldata: *const u8,
    /// Its length.
    pub calldata_len: u64,
    /// The host's functions.
    pub host: *const HostTable,
    /// The engine's own; opaque to native code.
    pub door: *mut c_void,
    /// `ADDRESS`.
    pub address: Word,
    /// `CALLER`.
    pub caller: Word,
    /// `CALLVALUE`.
    pub value: Word,
    /// The bytecode that is running.
    pub code: *const u8,
    /// Its length.
    pub code_len: u64,
}

/// A function of two words.
pub(super) type Binary = unsafe extern "C" fn(a: *const Word, b: *const Word, out: *mut Word);
/// A function of three words.
pub(super) type Ternary =
    unsafe extern "C" fn(a: *const Word, b: *const Word, n: *const Word, out: *mut Word);

/// What native code may call.
#[derive(Debug)]
#[repr(C)]
pub(super) struct HostTable {
    /// Runs one instruction on the real interpreter. The frame's `pc` is at that instruction, and
    /// `stack_len` and `budget` are stored back. Answers [`LEFT`] to go on after the instruction with the
    /// refreshed frame, or [`ACTION`]: then native code returns [`ACTION`] at once.
    pub step: unsafe extern "C" fn(frame: *mut NativeFrame, opcode: u64) -> u64,
    /// `DIV`.
    pub div: Binary,
    /// `MOD`.
    pub modulo: Binary,
    /// `SDIV`.
    pub sdiv: Binary,
    /// `SMOD`.
    pub smod: Binary,
    /// `ADDMOD`.
    pub addmod: Ternary,
    /// `MULMOD`.
    pub mulmod: Ternary,
    /// `EXP`: the value only, its gas is native code's to charge.
    pub exp: Binary,
}

/// Native code's function: runs the frame and answers [`LEFT`], [`LEFT_OUT`] or [`ACTION`].
pub(super) type Entry = unsafe extern "C" fn(frame: *mut NativeFrame) -> u64;

/// The interpreter goes on at the frame's `pc`.
pub(super) const LEFT: u64 = 0;
/// As [`LEFT`], because what follows was not compiled.
pub(super) const LEFT_OUT: u64 = 2;
/// A step has set the interpreter's next action.
pub(super) const ACTION: u64 = 1;

/// No budget allows native code to spend more gas from its entry until it returns. It relies on that where
/// numbers grow with the gas that is spent.
pub(super) const MAX_SPENT: u64 = 1 << 48;

/// Offsets and sizes in bytes, the answers, and the limit, by name.
pub(crate) fn layout() -> BTreeMap<&'static str, u64> {
    macro_rules! offsets {
        ($structure:ident, $($field:ident),+) => {
            [$((concat!(stringify!($structure), ".", stringify!($field)),
                offset_of!($structure, $field) as u64)),+]
        };
    }
    let frame = offsets!(
        NativeFrame,
        stack,
        stack_len,
        pc,
        budget,
        gas_bias,
        memory,
        memory_len,
        calldata,
        calldata_len,
        host,
        door,
        address,
        caller,
        value,
        code,
        code_len
    );
    let host = offsets!(
        HostTable, step, div, modulo, sdiv, smod, addmod, mulmod, exp
    );
    let others = [
        ("NativeFrame.size", size_of::<NativeFrame>() as u64),
        ("HostTable.size", size_of::<HostTable>() as u64),
        ("LEFT", LEFT),
        ("ACTION", ACTION),
        ("LEFT_OUT", LEFT_OUT),
        ("MAX_SPENT", MAX_SPENT),
    ];
    frame.into_iter().chain(host).chain(others).collect()
}
