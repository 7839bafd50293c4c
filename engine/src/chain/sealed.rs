//! What a builder seals, or a follower takes over, and hands to the log.

use std::sync::Arc;

use alloy_primitives::Bytes;

use crate::{
    block::{BlockRecord, MiniBlock},
    state::BlockUndo,
};

/// What is sealed, in order.
#[derive(Clone, Debug)]
pub(crate) enum Sealed {
    /// A mini-block.
    Mini(Arc<MiniBlock>),
    /// The block that the mini-blocks since the last one close into.
    Block {
        /// Its record.
        record: Arc<BlockRecord>,
        /// What its changed keys held before it.
        undo: BlockUndo,
        /// The state commitment's nodes that it changed, as they are kept; nothing where it isn't followed.
        nodes: Bytes,
    },
}
