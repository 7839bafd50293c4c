//! The `mega` object: what a transaction used in each of MegaETH's dimensions, as receipts, errors and traces show it.

use mega_evm::MegaSpecId;

use super::{closest_limit::ClosestLimit, simulate::reason::volatile_flags};
use crate::{
    block::{DetentionCap, Halt, TxResult, Usage},
    json::{self, Object},
};

/// Writes everything into an open object.
pub(crate) fn members(object: &mut Object<'_>, spec: MegaSpecId, result: &TxResult) {
    let detention = result.usage.detention;
    dimensions(object, &result.usage);
    let cap = detention.and_then(|detention| match detention {
        DetentionCap::Told { limit, .. } => Some(limit),
        DetentionCap::Untold => None,
    });
    closest_limit(object, ClosestLimit::of(spec, result, cap));
    match detention {
        Some(DetentionCap::Told { access, limit }) => {
            let mut detention = Object::open(object.member("detention"));
            let accesses = volatile_flags(access);
            json::array(detention.member("accesses"), accesses, json::string);
            detention.quantity("limit", limit);
            detention.close();
        }
        Some(DetentionCap::Untold) | None => {
            object.null("detention");
        }
    }
}

/// Writes the limit that ended it or came closest, if there is one.
pub(crate) fn closest_limit(object: &mut Object<'_>, closest: Option<ClosestLimit>) {
    match closest {
        Some(closest) => closest.write(Object::open(object.member("closestLimit"))),
        None => {
            object.null("closestLimit");
        }
    }
}

/// Writes what was used, and what ended it.
pub(crate) fn dimensions(object: &mut Object<'_>, usage: &Usage) {
    object
        .quantity("computeGas", usage.compute_gas)
        .quantity("storageGas", usage.storage_gas)
        .quantity("dataSize", usage.data_size)
        .quantity("kvUpdates", usage.kv_updates)
        .quantity("stateGrowth", usage.state_growth)
        .bool("detained", usage.detention.is_some());
    match &usage.halt {
        Some(reason) => halt(object.member("haltReason"), reason),
        None => {
            object.null("haltReason");
        }
    }
}

/// The object on its own, for errors.
pub(crate) fn object(spec: MegaSpecId, result: &TxResult) -> Vec<u8> {
    json::bytes(|out| {
        let mut object = Object::open(out);
        members(&mut object, spec, result);
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
            detention: Some(DetentionCap::Told {
                access: 0b10,
                limit: 20,
            }),
            halt: Some(Halt::VolatileDataAccessOutOfGas {
                access: 0b10,
                limit: 20,
                actual: 21,
            }),
            ..Usage::default()
        };
        let result = TxResult {
            usage,
            ..TxResult::default()
        };
        assert_eq!(
            String::from_utf8_lossy(&object(MegaSpecId::REX6, &result)),
            "{\"computeGas\":\"0x10\",\"storageGas\":\"0x1\",\"dataSize\":\"0x0\",\"kvUpdates\":\"0x0\",\
             \"stateGrowth\":\"0x0\",\"detained\":true,\"haltReason\":{\"kind\":\"VolatileDataAccessOutOfGas\",\
             \"limit\":\"0x14\",\"actual\":\"0x15\",\"accesses\":[\"TIMESTAMP\"]},\"closestLimit\":{\"dimension\":\"computeGas\",\"used\":\"0x15\",\
             \"limit\":\"0x14\",\"reached\":true},\"detention\":{\"accesses\":[\"TIMESTAMP\"],\"limit\":\"0x14\"}}"
        );
    }
}
