//! What the methods of a node work on, and the look-ups that they share.

pub(super) mod read;
mod receipt;

use std::sync::Arc;

use super::transport::Turn;
use crate::chain::Chain;
use crate::pool::Pool;

/// What handlers work on.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// State and blocks.
    pub chain: Arc<Chain>,
    /// Transactions that wait.
    pub pool: Arc<Pool>,
    /// How far the request at hand may go.
    pub turn: Arc<Turn>,
}

impl Node {
    /// For requests that nothing bounds.
    pub(crate) fn new(chain: Arc<Chain>, pool: Arc<Pool>) -> Self {
        Self {
            chain,
            pool,
            turn: Arc::new(Turn::unbounded()),
        }
    }
}
