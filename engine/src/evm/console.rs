//! What contracts tell `console.log` (hardhat's `console.sol`, forge's `console2`): calls to an account without code, which
//! change nothing. Somebody has to look on to hear them.
//!
//! Knows nothing of what the calls mean: whoever shows them decodes them.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, Bytes, address};
use revm::{
    Inspector,
    context_interface::ContextTr,
    interpreter::{CallInputs, CallOutcome},
};

use super::Watch;

/// Who is called: `console.log` in ASCII. A transaction that has not loaded this account has told nothing.
pub(crate) const CONSOLE: Address = address!("000000000000000000636F6e736F6c652e6c6f67");

/// So many calls of one transaction are kept.
const MAX_CALLS: usize = 1000;
/// So many bytes of their calldata, all together.
const MAX_BYTES: usize = 256 << 10;
/// So long may it take to hear what a part of a block, or a simulation, tells. Who looks on gets no native code.
const PATIENCE: Duration = Duration::from_secs(10);

/// A call of the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsoleCall {
    /// Who called.
    pub contract: Address,
    /// Calldata.
    pub input: Bytes,
}

/// What one execution told, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The first of the calls.
    pub calls: Vec<ConsoleCall>,
    /// How many more there were.
    pub left_out: u64,
}

/// Hears the calls of one execution; an inspector.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    heard: Heard,
    bytes: usize,
}

impl Listener {
    /// What was heard, to begin anew.
    pub(crate) fn take(&mut self) -> Heard {
        std::mem::take(self).heard
    }
}

impl<CTX: ContextTr> Inspector<CTX> for Listener {
    fn call(&mut self, context: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        if inputs.bytecode_address != CONSOLE {
            return None;
        }
        let bytes = self.bytes.saturating_add(inputs.input.len());
        // Once something is left out everything is: what is shown is a beginning.
        if self.heard.left_out > 0 || self.heard.calls.len() == MAX_CALLS || bytes > MAX_BYTES {
            self.heard.left_out += 1;
            return None;
        }
        self.bytes = bytes;
        self.heard.calls.push(ConsoleCall {
            contract: inputs.caller,
            input: inputs.input.bytes(context),
        });
        None
    }
}

/// Ends what takes too long only to be heard.
#[derive(Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// From now on.
    pub(crate) fn begin() -> Self {
        Self(Instant::now() + PATIENCE)
    }
}

impl Watch for Deadline {
    fn may_go_on(&self, _: usize) -> bool {
        Instant::now() < self.0
    }

    fn may_answer(&self, _: usize) -> bool {
        true
    }
}
