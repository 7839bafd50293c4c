//! The door into native code: contracts that a compiler has turned into machine code run here.
//!
//! Responsible for loading object code, for handing the top frame to it and taking it back, for the
//! host functions that it calls, and for counting. Not responsible for compiling: bytecode becomes
//! object code elsewhere, by the rules that [`rules`] states.
//!
//! ```text
//! Machine::execute_transaction -> MegaHandler -> Runner::frame_run
//!      |                                            |  1. entry::advance: native code moves the frame on
//!      |                                            |  2. Slices: where much gas is left, the interpreter
//!      |                                            |     does, until native code can take over in a loop
//!      '- MegaEvm (plain interpreter)  <------------'  3. MegaEvm::frame_run: the interpreter finishes it
//! ```
//!
//! **What keeps every result the interpreter's.** Native code never decides a failure and never leaves a
//! frame: where gas, stack or a limit would not hold, or at a call, it stores the frame back and the
//! interpreter goes on from there. Whatever has side effects runs mega-evm's own instruction on the real
//! interpreter ([`host`]), after the gas spent natively was charged in all its dimensions. The
//! checker is a crate that has no [`Machine`], so that what native code might get wrong is caught there.
//!
//! `unsafe` code is here, in `memory.rs` (the allocator's counter), and in a line or two where the system or Python is asked
//! for something (`rpc/workers.rs`, `python/answer.rs`).

#![allow(unsafe_code)]

mod abi;
mod coverage;
mod entry;
mod host;
mod ledger;
mod loader;
mod machine;
mod rules;
mod slices;
mod table;

pub(crate) use abi::layout;
pub(crate) use machine::Machine;
pub(crate) use rules::rules_json;
pub(crate) use slices::SliceBudget;
pub(crate) use table::{NativeTable, status_of};

#[cfg(test)]
mod tests;
