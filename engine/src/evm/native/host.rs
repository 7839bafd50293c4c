//! The functions that native code calls.

use std::panic::{AssertUnwindSafe, catch_unwind};

use alloy_evm::Database;
use alloy_primitives::U256;
use mega_evm::ExternalEnvTypes;
use revm::interpreter::instructions::i256::{i256_div, i256_mod};

use super::{
    abi::{ACTION, HostTable, NativeFrame, Word},
    entry::NativeSession,
};

/// The table for contexts of one type.
pub(super) struct Host<DB, E>(std::marker::PhantomData<(DB, E)>);

impl<DB: Database, E: ExternalEnvTypes> Host<DB, E> {
    pub(super) const TABLE: &'static HostTable = &HostTable {
        step: step::<DB, E>,
        div,
        modulo,
        sdiv,
        smod,
        addmod,
        mulmod,
        exp,
    };
}

/// # Safety
///
/// `frame` is the frame that [`super::entry::advance`] gave native code, whose `door` is a [`NativeSession`] of
/// these types that nobody else uses meanwhile.
unsafe extern "C" fn step<DB: Database, E: ExternalEnvTypes>(
    frame: *mut NativeFrame,
    opcode: u64,
) -> u64 {
    // SAFETY: native code hands back the pointer that `advance` gave it, and uses neither the frame nor
    // the passage while it waits for this call.
    let frame = unsafe { &mut *frame };
    // SAFETY: `advance` put the passage of these very types there; it outlives native code's run.
    let passage = unsafe { &mut *frame.door.cast::<NativeSession<'_, DB, E>>() };
    // A panic must not unwind through native code, which has no tables for it: it goes on behind it.
    match catch_unwind(AssertUnwindSafe(|| passage.step(frame, opcode as u8))) {
        Ok(answer) => answer,
        Err(panic) => {
            passage.panic = Some(panic);
            ACTION
        }
    }
}

/// # Safety
///
/// All pointers point to words, `out` to one that can be written.
unsafe fn binary(
    a: *const Word,
    b: *const Word,
    out: *mut Word,
    compute: impl FnOnce(U256, U256) -> U256,
) {
    // SAFETY: the caller's promise. `a`, `b` and `out` may be the same word: all are read before it is
    // written.
    unsafe { *out = compute(U256::from_limbs(*a), U256::from_limbs(*b)).into_limbs() }
}

/// # Safety
///
/// All pointers point to words, `out` to one that can be written.
unsafe fn ternary(
    a: *const Word,
    b: *const Word,
    n: *const Word,
    out: *mut Word,
    compute: impl FnOnce(U256, U256, U256) -> U256,
) {
    // SAFETY: as in `binary`.
    unsafe {
        let [a, b, n] = [*a, *b, *n].map(U256::from_limbs);
        *out = compute(a, b, n).into_limbs();
    }
}

macro_rules! binary {
    ($name:ident, $compute:expr) => {
        /// # Safety
        ///
        /// As in [`binary`].
        unsafe extern "C" fn $name(a: *const Word, b: *const Word, out: *mut Word) {
            // SAFETY: native code passes words of its own stack frame or of the EVM's stack.
            unsafe { binary(a, b, out, $compute) }
        }
    };
}

macro_rules! ternary {
    ($name:ident, $compute:expr) => {
        /// # Safety
        ///
        /// As in [`ternary`].
        unsafe extern "C" fn $name(a: *const Word, b: *const Word, n: *const Word, out: *mut Word) {
            // SAFETY: native code passes words of its own stack frame or of the EVM's stack.
            unsafe { ternary(a, b, n, out, $compute) }
        }
    };
}

binary!(div, |a, b| a.checked_div(b).unwrap_or_default());
binary!(modulo, |a, b| a.checked_rem(b).unwrap_or_default());
binary!(sdiv, i256_div);
binary!(smod, i256_mod);
binary!(exp, |base: U256, exponent| base.pow(exponent));
ternary!(addmod, U256::add_mod);
ternary!(mulmod, U256::mul_mod);
