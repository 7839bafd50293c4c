//! Where in the chain something became so.

use super::{Node, RpcError};

/// The oldest block whose state this node has.
pub(super) fn oldest(node: &Node) -> u64 {
    let begin = node.chain.archive.begins_after();
    begin.map_or(node.chain.first_block(), |begin| begin.block)
}

/// The first block in which something holds that does not hold in `before` yet, and does in `after`.
pub(super) fn first_with(
    node: &Node,
    mut before: u64,
    mut after: u64,
    holds: impl Fn(u64) -> Result<bool, RpcError>,
) -> Result<u64, RpcError> {
    while after - before > 1 {
        node.turn.check(0)?;
        let middle = before.midpoint(after);
        match holds(middle)? {
            true => after = middle,
            false => before = middle,
        }
    }
    Ok(after)
}
