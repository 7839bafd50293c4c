//! `eth_createAccessList`: which accounts and slots a transaction touches.

use std::collections::{BTreeMap, BTreeSet};

use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, U256};
use mega_evm::MegaSpecId;
use revm::{
    Inspector,
    bytecode::opcode,
    database::CacheDB,
    interpreter::{
        CreateInputs, CreateOutcome, Interpreter,
        interpreter_types::{InputsTr, Jumps},
    },
};

use super::{
    Bounded, CallRequest, Outcome, Setting, SimulateError, Simulator, Source, is_precompile,
};

/// Rounds after which the list is taken as it is, should it still change.
const MAX_ROUNDS: usize = 8;

/// Runs the request, with the list found so far, until the list no longer changes. Returns it with
/// the outcome of the last run.
pub(crate) fn create<D: Source>(
    overlay: &mut CacheDB<D>,
    setting: &Setting,
    request: &CallRequest,
    gas_limit: u64,
    moves: &[(Address, Address)],
) -> Result<(AccessList, Outcome), SimulateError<D::Error>> {
    let mut request = request.clone();
    let mut list = request.access_list.clone().unwrap_or_default();
    let mut round = 1;
    loop {
        request.access_list = Some(list.clone());
        let mut plain = Simulator::new(overlay, setting, request.fee_cap() > 0);
        plain.move_precompiles(moves);
        let touches = Touches::starting_with(&list);
        let mut simulator = plain.watched_by(Bounded::new(touches, setting.watch.clone()));
        let outcome = simulator.run(request.transaction(setting.chain_id, gas_limit))?;
        let found = simulator.inspector().inner.list(&request, setting.spec);
        if found == list || round == MAX_ROUNDS {
            return Ok((found, outcome));
        }
        list = found;
        round += 1;
    }
}

/// Collects what the opcodes touch.
#[derive(Debug, Default)]
pub(crate) struct Touches {
    seen: BTreeMap<Address, BTreeSet<B256>>,
    created: BTreeSet<Address>,
}

impl Touches {
    fn starting_with(list: &AccessList) -> Self {
        let mut touches = Self::default();
        for item in &list.0 {
            touches
                .seen
                .entry(item.address)
                .or_default()
                .extend(&item.storage_keys);
        }
        touches
    }

    /// The list: sender, callee, new contracts and precompiles only where slots of them are touched,
    /// as they are warm anyway.
    fn list(&self, request: &CallRequest, spec: MegaSpecId) -> AccessList {
        let warm = |address: &Address| {
            *address == request.from
                || Some(*address) == request.to
                || self.created.contains(address)
                || is_precompile(spec, address)
        };
        let items = self
            .seen
            .iter()
            .filter(|(address, slots)| !slots.is_empty() || !warm(address))
            .map(|(address, slots)| AccessListItem {
                address: *address,
                storage_keys: slots.iter().copied().collect(),
            })
            .collect();
        AccessList(items)
    }
}

impl<CTX> Inspector<CTX> for Touches {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut CTX) {
        let stack = interpreter.stack.data();
        let from_top = |depth: usize| stack.len().checked_sub(depth + 1).map(|at| stack[at]);
        let address = |value: U256| Address::from_word(B256::from(value));
        let touched = match interpreter.bytecode.opcode() {
            opcode::SLOAD | opcode::SSTORE => {
                if let Some(slot) = from_top(0) {
                    let account = interpreter.input.target_address();
                    self.seen
                        .entry(account)
                        .or_default()
                        .insert(B256::from(slot));
                }
                None
            }
            opcode::BALANCE
            | opcode::EXTCODESIZE
            | opcode::EXTCODECOPY
            | opcode::EXTCODEHASH
            | opcode::SELFDESTRUCT => from_top(0),
            opcode::CALL | opcode::CALLCODE | opcode::DELEGATECALL | opcode::STATICCALL => {
                from_top(1)
            }
            _ => None,
        };
        if let Some(value) = touched {
            self.seen.entry(address(value)).or_default();
        }
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.created.extend(outcome.address);
    }
}
