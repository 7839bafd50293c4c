//! What a transaction did as Parity's clients read it: the list of its calls, what it changed, and each instruction.

use alloy_primitives::map::HashSet;
use alloy_rpc_types_trace::parity::{StateDiff, TraceType};
use revm::{DatabaseRef, context::result::ResultAndState};
use revm_inspectors::tracing::parity::populate_state_diff;

use super::{FlatOptions, Ran, Unfinished, frames::Frames, list};
use crate::{evm::Watch, json::Object};

/// What is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ParityOptions {
    /// The calls: `trace`.
    pub calls: bool,
    /// What changed: `stateDiff`.
    pub changes: bool,
    /// Each instruction: `vmTrace`.
    pub instructions: bool,
}

/// Writes it. Takes the instructions from `frames`.
pub(super) fn write<D: DatabaseRef>(
    out: &mut Vec<u8>,
    options: ParityOptions,
    frames: Option<&mut Frames>,
    ran: &Ran<'_, D>,
    watch: Option<&dyn Watch>,
) -> Result<(), Unfinished<D::Error>> {
    let mut object = Object::open(out);
    object.data(
        "output",
        ran.outcome.result.output().map_or(&[], |output| output),
    );
    let changes = object.member("stateDiff");
    match options.changes {
        true => serde_json::to_writer(changes, &diff(ran)?)?,
        false => changes.extend_from_slice(b"null"),
    }
    let calls = object.member("trace");
    match (&frames, options.calls) {
        // Where they stand is known to who asks.
        (Some(frames), true) => {
            list::write(calls, frames, FlatOptions::default(), &ran.nowhere(), watch)?;
        }
        _ => calls.extend_from_slice(b"[]"),
    }
    let instructions = object.member("vmTrace");
    match frames.filter(|_| options.instructions) {
        Some(frames) => {
            let wanted = HashSet::from_iter([TraceType::VmTrace]);
            let after = ResultAndState::new(ran.outcome.result.clone(), Default::default());
            let told = frames
                .take()
                .into_parity_builder()
                .into_trace_results_with_state(&after, &wanted, ran.database)
                .map_err(Unfinished::Database)?;
            serde_json::to_writer(instructions, &told.vm_trace)?;
        }
        None => instructions.extend_from_slice(b"null"),
    }
    object.close();
    Ok(())
}

/// What changed.
fn diff<D: DatabaseRef>(ran: &Ran<'_, D>) -> Result<StateDiff, Unfinished<D::Error>> {
    let mut diff = StateDiff::default();
    let met = ran.outcome.state.iter();
    populate_state_diff(&mut diff, ran.database, met).map_err(Unfinished::Database)?;
    Ok(diff)
}
