//! Where a transaction read the volatile data that lowers its limit of compute gas. mega-evm keeps which kinds it read; where
//! it did, somebody has to look on to see.

use alloy_evm::Database;
use alloy_primitives::Address;
use mega_evm::MegaContext;
use revm::{
    Inspector,
    bytecode::OpCode,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter,
        interpreter_types::{InputsTr as _, Jumps as _},
    },
};

use super::{ExternalEnv, simulate::reason::volatile_flags};
use crate::json::{self, Object};

/// An instruction, and whose code it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    contract: Address,
    pc: usize,
    opcode: u8,
}

/// The first read of volatile data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Detention {
    /// mega-evm's bits of what was read.
    access: u16,
    /// The instruction; none where the transaction itself names the account that is volatile.
    place: Option<Place>,
    /// Compute gas that had been used.
    used: u64,
    /// What the transaction may use in all since, by this read and those after it.
    pub(crate) limit: u64,
}

/// Looks out for it in one transaction; an inspector.
#[derive(Debug, Default)]
pub(crate) struct DetentionWatch {
    found: Option<Detention>,
    /// The instruction that runs, or ran last.
    last: Option<Place>,
}

impl DetentionWatch {
    /// What was found, if anything was.
    pub(crate) fn found(self) -> Option<Detention> {
        self.found
    }

    fn look<DB: Database>(&mut self, context: &MegaContext<DB, ExternalEnv>) {
        if self.found.is_some() {
            return;
        }
        let Some(access) = context
            .volatile_data_tracker
            .borrow()
            .get_volatile_data_info()
        else {
            return;
        };
        let limits = context.additional_limit.borrow();
        self.found = Some(Detention {
            access: access.bits(),
            place: self.last,
            used: limits.get_usage().compute_gas,
            limit: limits.compute_gas_limit(),
        });
    }

    /// Later reads of other kinds may lower it once more.
    fn lower<DB: Database>(&mut self, context: &MegaContext<DB, ExternalEnv>) {
        self.look(context);
        if let Some(found) = &mut self.found {
            found.limit = context.additional_limit.borrow().compute_gas_limit();
        }
    }
}

impl<DB: Database> Inspector<MegaContext<DB, ExternalEnv>> for DetentionWatch {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut MegaContext<DB, ExternalEnv>) {
        if self.found.is_some() {
            return;
        }
        // What a call read before its first instruction is the caller's.
        self.look(context);
        let input = &interpreter.input;
        let code_of = input.bytecode_address().copied();
        self.last = Some(Place {
            contract: code_of.unwrap_or_else(|| input.target_address()),
            pc: interpreter.bytecode.pc(),
            opcode: interpreter.bytecode.opcode(),
        });
    }

    fn step_end(&mut self, _: &mut Interpreter, context: &mut MegaContext<DB, ExternalEnv>) {
        self.look(context);
    }

    fn call_end(
        &mut self,
        context: &mut MegaContext<DB, ExternalEnv>,
        _: &CallInputs,
        _: &mut CallOutcome,
    ) {
        self.lower(context);
    }

    fn create_end(
        &mut self,
        context: &mut MegaContext<DB, ExternalEnv>,
        _: &CreateInputs,
        _: &mut CreateOutcome,
    ) {
        self.lower(context);
    }
}

/// Writes it as an object.
pub(crate) fn write(out: &mut Vec<u8>, found: &Detention) {
    let mut object = Object::open(out);
    json::array(
        object.member("accesses"),
        volatile_flags(found.access),
        json::string,
    );
    match found.place {
        Some(place) => {
            let name = OpCode::new(place.opcode).map_or("INVALID", |opcode| opcode.as_str());
            object
                .data("contract", place.contract.as_slice())
                .quantity("pc", place.pc as u64)
                .string("opcode", name);
        }
        None => {
            object.null("contract").null("pc").null("opcode");
        }
    }
    object
        .quantity("computeGas", found.used)
        .quantity("limit", found.limit);
    object.close();
}
