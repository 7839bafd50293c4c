//! Rigs: parts of the engine run by themselves, so that tests can compare and benchmarks can measure them. Nothing of a node
//! depends on this, and a wheel holds none of it (the feature `harness`).

mod code;
pub(crate) mod measure;
mod speculation;

#[cfg(test)]
pub(crate) use code::CodeRequest;
pub(crate) use code::run_code;
pub(crate) use speculation::run_ahead;
