//! The calls of a transaction as a list: geth's `flatCallTracer`, and what Parity's clients read.

use revm::DatabaseRef;
use revm_inspectors::tracing::types::{CallKind, CallTraceNode};

use super::{
    Ran, Unfinished, admitted,
    frames::{Frames, end_of, end_of_root, mega},
};
use crate::{
    evm::Watch,
    json::{self, Object},
};

/// What `flatCallTracer` tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FlatOptions {
    /// Calls of precompiles, too.
    pub precompiles: bool,
}

/// Writes it.
pub(super) fn write<D: DatabaseRef>(
    out: &mut Vec<u8>,
    frames: &Frames,
    options: FlatOptions,
    ran: &Ran<'_, D>,
    watch: Option<&dyn Watch>,
) -> Result<(), Unfinished<D::Error>> {
    let mut within = frames.within();
    for calls in &mut within {
        calls.retain(|nth| options.precompiles || !frames.node(*nth).is_precompile());
    }
    let list = List {
        frames,
        within,
        ran,
        watch,
    };
    out.push(b'[');
    list.frame(out, 0, &mut Vec::new())?;
    out.push(b']');
    Ok(())
}

/// What is written as a list.
struct List<'a, D> {
    frames: &'a Frames,
    within: Vec<Vec<usize>>,
    ran: &'a Ran<'a, D>,
    watch: Option<&'a dyn Watch>,
}

impl<D: DatabaseRef> List<'_, D> {
    /// A call with those within it; `address` says which of those within which it is.
    fn frame(
        &self,
        out: &mut Vec<u8>,
        nth: usize,
        address: &mut Vec<usize>,
    ) -> Result<(), Unfinished<D::Error>> {
        admitted(self.watch, out)?;
        let node = self.frames.node(nth);
        let within = &self.within[nth];
        let ended = usize::from(node.is_selfdestruct());
        self.call(out, nth, within.len() + ended, address);
        for (position, inner) in within.iter().enumerate() {
            out.push(b',');
            address.push(position);
            self.frame(out, *inner, address)?;
            address.pop();
        }
        if ended > 0 {
            out.push(b',');
            address.push(within.len());
            self.selfdestruct(out, node, address);
            address.pop();
        }
        Ok(())
    }

    fn call(&self, out: &mut Vec<u8>, nth: usize, subtraces: usize, address: &[usize]) {
        let node = self.frames.node(nth);
        let trace = &node.trace;
        let root = Some(&self.ran.root).filter(|_| nth == 0);
        let gas = self.frames.gas(nth, &self.ran.root, self.ran.result);
        let end = match root {
            Some(_) => end_of_root(self.ran.outcome),
            None => end_of(node),
        };
        let creates = root.map_or(trace.kind.is_any_create(), |root| root.to.is_none());
        let input: &[u8] = root.map_or(&trace.data, |root| &root.input);
        let mut object = Object::open(out);
        let mut action = Object::open(object.member("action"));
        let from = root.map_or(trace.caller, |root| root.from);
        let value = root.map_or(trace.value, |root| root.value);
        action
            .data("from", from.as_slice())
            .quantity("gas", gas.limit)
            .quantity_u256("value", &value);
        if creates {
            let method = match trace.kind {
                CallKind::Create2 => "create2",
                _ => "create",
            };
            action.data("init", input).string("creationMethod", method);
        } else {
            let to = root.and_then(|root| root.to).unwrap_or(trace.address);
            action
                .data("to", to.as_slice())
                .data("input", input)
                .string("callType", &trace.kind.to_str().to_lowercase());
        }
        action.close();
        if let Some(error) = &end.error {
            let parity = match error.as_str() {
                "execution reverted" => "Reverted",
                "out of gas" => "Out of gas",
                other => other,
            };
            object.string("error", parity);
        }
        match end.output {
            // As Parity has it: nothing came of it, not even of what reverted.
            Some(output) if end.error.is_none() || !creates => {
                let mut result = Object::open(object.member("result"));
                result.quantity("gasUsed", gas.used);
                match creates {
                    true => result
                        .data("address", trace.address.as_slice())
                        .data("code", output),
                    false => result.data("output", output),
                };
                result.close();
            }
            _ => {
                object.null("result");
            }
        }
        self.place(&mut object, subtraces, address);
        object.string("type", if creates { "create" } else { "call" });
        mega(&mut object, nth, gas, self.ran);
        object.close();
    }

    fn selfdestruct(&self, out: &mut Vec<u8>, node: &CallTraceNode, address: &[usize]) {
        let trace = &node.trace;
        let contract = trace.selfdestruct_address.unwrap_or(trace.address);
        let target = trace.selfdestruct_refund_target.unwrap_or_default();
        let balance = trace.selfdestruct_transferred_value.unwrap_or_default();
        let mut object = Object::open(out);
        let mut action = Object::open(object.member("action"));
        action
            .data("address", contract.as_slice())
            .data("refundAddress", target.as_slice())
            .quantity_u256("balance", &balance);
        action.close();
        object.null("result");
        self.place(&mut object, 0, address);
        object.string("type", "suicide");
        object.close();
    }

    fn place(&self, object: &mut Object<'_>, subtraces: usize, address: &[usize]) {
        object.number("subtraces", subtraces as u64);
        json::array(object.member("traceAddress"), address, |out, position| {
            json::number(out, *position as u64);
        });
        if let Some(position) = &self.ran.position {
            object
                .number("blockNumber", position.block_number)
                .hash("blockHash", &position.block_hash)
                .hash("transactionHash", &position.hash)
                .number("transactionPosition", position.index);
        }
    }
}
