//! The accounts and slots that a transaction met, or what it changed of them, as geth's `prestateTracer` has them.

use alloy_rpc_types_trace::geth::PreStateConfig;
use mega_evm::MegaTransactionOutcome;
use revm::{DatabaseRef, context::result::ResultAndState, state::EvmState};
use revm_inspectors::tracing::GethTraceBuilder;

use super::Unfinished;

/// What is told of the accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PrestateOptions {
    /// What changed, before and after, in place of all that was met.
    pub diff: bool,
    /// No code.
    pub no_code: bool,
    /// No slots.
    pub no_storage: bool,
}

/// Writes them, given what the transaction did to the state that `database` reads.
pub(super) fn write<D: DatabaseRef>(
    out: &mut Vec<u8>,
    options: PrestateOptions,
    outcome: &MegaTransactionOutcome,
    database: &D,
) -> Result<(), Unfinished<D::Error>> {
    let state = with_code(&outcome.state, options, database).map_err(Unfinished::Database)?;
    let after = ResultAndState::new(outcome.result.clone(), state);
    let config = PreStateConfig {
        diff_mode: Some(options.diff),
        disable_code: Some(options.no_code),
        disable_storage: Some(options.no_storage),
    };
    let frame = GethTraceBuilder::new(Vec::new())
        .geth_prestate_traces(&after, &config, database)
        .map_err(Unfinished::Database)?;
    Ok(serde_json::to_writer(out, &frame)?)
}

/// The state after, with the code of accounts whose code did not have to be read, so that it compares with what was there.
fn with_code<D: DatabaseRef>(
    state: &EvmState,
    options: PrestateOptions,
    database: &D,
) -> Result<EvmState, D::Error> {
    let mut state = state.clone();
    if !options.diff {
        return Ok(state);
    }
    for account in state.values_mut() {
        let info = &mut account.info;
        if options.no_code {
            info.code = None;
        } else if info.code.is_none() && !info.is_empty_code_hash() {
            info.code = Some(database.code_by_hash_ref(info.code_hash)?);
        }
    }
    Ok(state)
}
