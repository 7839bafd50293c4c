//! The calls of a transaction as a tree: geth's `callTracer`.

use revm::DatabaseRef;
use revm_inspectors::tracing::types::{CallKind, CallTraceNode, TraceMemberOrder};

use super::{
    Ran, Unfinished, admitted,
    frames::{Frames, end_of, end_of_root, mega},
};
use crate::{
    evm::Watch,
    json::{self, Object},
};

/// What `callTracer` tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CallOptions {
    /// The logs, too.
    pub logs: bool,
    /// No calls within the first.
    pub only_top: bool,
}

/// Writes it.
pub(super) fn write<D: DatabaseRef>(
    out: &mut Vec<u8>,
    frames: &Frames,
    options: CallOptions,
    ran: &Ran<'_, D>,
    watch: Option<&dyn Watch>,
) -> Result<(), Unfinished<D::Error>> {
    let mut tree = Tree {
        frames,
        within: frames.within(),
        logs: vec![Vec::new(); frames.count()],
        options,
        ran,
        watch,
    };
    if options.logs && ran.result.success {
        let first = ran.position.map_or(0, |position| position.first_log);
        tree.number_logs(0, first);
    }
    tree.frame(out, 0)
}

/// What is drawn as a tree.
struct Tree<'a, D> {
    frames: &'a Frames,
    within: Vec<Vec<usize>>,
    /// The places in the block of each call's logs; none of calls that failed, or within one that did.
    logs: Vec<Vec<u64>>,
    options: CallOptions,
    ran: &'a Ran<'a, D>,
    watch: Option<&'a dyn Watch>,
}

impl<D: DatabaseRef> Tree<'_, D> {
    /// Numbers the logs of a call that has not failed and of those within it, from `next` on; what comes then.
    fn number_logs(&mut self, nth: usize, mut next: u64) -> u64 {
        let frames = self.frames;
        let node = frames.node(nth);
        for member in &node.ordering {
            match *member {
                TraceMemberOrder::Log(_) => {
                    self.logs[nth].push(next);
                    next += 1;
                }
                TraceMemberOrder::Call(position) => {
                    let inner = node.children.get(position).copied();
                    if let Some(inner) = inner.filter(|inner| frames.node(*inner).trace.success) {
                        next = self.number_logs(inner, next);
                    }
                }
                TraceMemberOrder::Step(_) => {}
            }
        }
        next
    }

    fn frame(&self, out: &mut Vec<u8>, nth: usize) -> Result<(), Unfinished<D::Error>> {
        admitted(self.watch, out)?;
        let node = self.frames.node(nth);
        let trace = &node.trace;
        let end = match nth {
            0 => end_of_root(self.ran.outcome),
            _ => end_of(node),
        };
        let gas = self.frames.gas(nth, &self.ran.root, self.ran.result);
        let mut object = Object::open(out);
        self.parties(&mut object, nth, end.error.is_some());
        object
            .quantity("gas", gas.limit)
            .quantity("gasUsed", gas.used)
            .data(
                "input",
                if nth == 0 {
                    &self.ran.root.input
                } else {
                    &trace.data
                },
            );
        if let Some(output) = end.output.filter(|output| !output.is_empty()) {
            object.data("output", output);
        }
        if let Some(error) = &end.error {
            object.string("error", error);
        }
        if let Some(reason) = &end.revert_reason {
            object.string("revertReason", reason);
        }
        if !self.options.only_top {
            self.calls(&mut object, nth)?;
        }
        if !self.logs[nth].is_empty() {
            logs(object.member("logs"), node, &self.logs[nth]);
        }
        mega(&mut object, nth, gas, self.ran);
        object.close();
        Ok(())
    }

    fn parties(&self, object: &mut Object<'_>, nth: usize, failed: bool) {
        let trace = &self.frames.node(nth).trace;
        let root = Some(&self.ran.root).filter(|_| nth == 0);
        let kind = match root {
            Some(root) if root.to.is_some() => CallKind::Call,
            Some(_) => CallKind::Create,
            None => trace.kind,
        };
        let from = root.map_or(trace.caller, |root| root.from);
        let to = match kind.is_any_create() {
            true => Some(trace.address).filter(|_| !failed),
            false => Some(root.and_then(|root| root.to).unwrap_or(trace.address)),
        };
        object
            .string("type", kind.to_str())
            .data("from", from.as_slice());
        if let Some(to) = to {
            object.data("to", to.as_slice());
        }
        if !kind.is_static_call() {
            let value = root.map_or(trace.value, |root| root.value);
            object.quantity_u256("value", &value);
        }
    }

    fn calls(&self, object: &mut Object<'_>, nth: usize) -> Result<(), Unfinished<D::Error>> {
        let node = self.frames.node(nth);
        let within = &self.within[nth];
        if within.is_empty() && !node.is_selfdestruct() {
            return Ok(());
        }
        let out = object.member("calls");
        out.push(b'[');
        for (position, inner) in within.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            self.frame(out, *inner)?;
        }
        if node.is_selfdestruct() {
            if !within.is_empty() {
                out.push(b',');
            }
            selfdestruct(out, node);
        }
        out.push(b']');
        Ok(())
    }
}

/// The end of a contract, which geth shows as a call.
fn selfdestruct(out: &mut Vec<u8>, node: &CallTraceNode) {
    let trace = &node.trace;
    let contract = trace.selfdestruct_address.unwrap_or(trace.address);
    let mut object = Object::open(out);
    object
        .string("type", "SELFDESTRUCT")
        .data("from", contract.as_slice());
    if let Some(target) = trace.selfdestruct_refund_target {
        object.data("to", target.as_slice());
    }
    let value = trace.selfdestruct_transferred_value.unwrap_or_default();
    object
        .quantity_u256("value", &value)
        .quantity("gas", 0)
        .quantity("gasUsed", 0)
        .data("input", &[]);
    object.close();
}

fn logs(out: &mut Vec<u8>, node: &CallTraceNode, places: &[u64]) {
    let address = node.execution_address();
    json::array(out, node.logs.iter().zip(places), |out, (log, place)| {
        let mut object = Object::open(out);
        object.data("address", address.as_slice());
        json::array(
            object.member("topics"),
            log.raw_log.topics(),
            |out, topic| {
                json::data(out, topic.as_slice());
            },
        );
        object
            .data("data", &log.raw_log.data)
            .quantity("position", log.position)
            .quantity("index", *place);
        object.close();
    });
}
