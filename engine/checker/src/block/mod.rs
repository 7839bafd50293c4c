//! Mini-blocks, EVM blocks, receipts and state diffs, and their one encoding.
//!
//! Pure data and pure functions: nothing here executes, stores or sends anything. The same bytes are
//! the chain log's records, the wire's messages and what the command line decodes.

mod block_roots;
mod diff;
mod leadership;
mod mini;
mod offset;
mod ordered;
mod plain;
mod receipt;
mod record;
mod rlp;
mod sender;
mod signing;
mod transaction;

#[cfg(test)]
mod tests;

pub use block_roots::{BlockRoots, Leaves};
pub use diff::{FoldedDiffs, StateDiff};
pub use leadership::Leadership;
pub use mini::{Digests, EMPTY_DIFF_DIGEST, MiniBlock, MiniSignature};
pub use offset::BlockOffset;
pub use ordered::{Leaf, OrderedRoot};
pub use plain::{PlainAccount, PlainKey, PlainValue};
pub use receipt::{encode_receipt, logs_bloom};
pub use record::{BlockRecord, REQUESTS_HASH, WITHDRAWALS_ADDRESS, is_block_record, prev_randao};
pub use rlp::{ENCODING_VERSION, RecordError};
pub use sender::Sender;
pub use transaction::{
    DetentionCap, Halt, MAX_KEPT_OUTPUT, TxRecord, TxResult, Usage, decode_envelope, envelope_hash,
};
