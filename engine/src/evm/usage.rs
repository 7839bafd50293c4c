//! The `mega` object: what a transaction used in each of MegaETH's dimensions, as receipts, errors and traces show it.

use super::simulate::reason::volatile_flags;
use crate::{
    block::{Halt, Usage},
    json::{self, Object},
};

/// Writes the members about usage into an open object.
pub(crate) fn members(object: &mut Object<'_>, usage: &Usage) {
    object
        .quantity("computeGas", usage.compute_gas)
        .quantity("storageGas", usage.storage_gas)
        .quantity("dataSize", usage.data_size)
        .quantity("kvUpdates", usage.kv_updates)
        .quantity("stateGrowth", usage.state_growth)
        .bool("detained", usage.detained);
    match &usage.halt {
        Some(reason) => halt(object.member("haltReason"), reason),
        None => {
            object.null("haltReason");
        }
    }
}

/// The object on its own, for errors.
pub(crate) fn object(usage: &Usage) -> Vec<u8> {
    json::bytes(|out| {
        let mut object = Object::open(out);
        members(&mut object, usage);
        object.close();
    })
}

fn halt(out: &mut Vec<u8>, reason: &Halt) {
    let mut object = Object::open(out);
    object.string("kind", reason.kind());
    if let Some((limit, actual)) = reason.limit_and_actual() {
        object.quantity("limit", limit).quantity("actual", actual);
    }
    match reason {
        Halt::SystemTxInvalidCallee { callee } => {
            object.data("callee", callee.as_slice());
        }
        Halt::VolatileDataAccessOutOfGas { access, .. } => {
            json::array(
                object.member("accesses"),
                volatile_flags(*access),
                json::string,
            );
        }
        _ => {}
    }
    object.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halt_carries_its_numbers() {
        let usage = Usage {
            compute_gas: 16,
            storage_gas: 1,
            detained: true,
            halt: Some(Halt::VolatileDataAccessOutOfGas {
                access: 0b10,
                limit: 20,
                actual: 21,
            }),
            ..Usage::default()
        };
        assert_eq!(
            String::from_utf8_lossy(&object(&usage)),
            "{\"computeGas\":\"0x10\",\"storageGas\":\"0x1\",\"dataSize\":\"0x0\",\"kvUpdates\":\"0x0\",\
             \"stateGrowth\":\"0x0\",\"detained\":true,\"haltReason\":{\"kind\":\"VolatileDataAccessOutOfGas\",\
             \"limit\":\"0x14\",\"actual\":\"0x15\",\"accesses\":[\"TIMESTAMP\"]}}"
        );
    }
}
