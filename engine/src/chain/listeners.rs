//! Who wants to hear when something becomes durable.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::block::MiniBlock;

/// Hears of mini-blocks as they become visible, in order. Called on the thread that acknowledges them,
/// so it must be quick.
pub(crate) trait DurableListener: Send + Sync {
    /// These mini-blocks became visible.
    fn on_durable(&self, minis: &[Arc<MiniBlock>]);
}

/// All who listen, for as long as the chain is there.
#[derive(Default)]
pub(crate) struct Listeners(RwLock<Vec<Arc<dyn DurableListener>>>);

impl std::fmt::Debug for Listeners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listeners")
            .field(&self.0.read().len())
            .finish()
    }
}

impl Listeners {
    /// Adds one.
    pub(crate) fn add(&self, listener: Arc<dyn DurableListener>) {
        self.0.write().push(listener);
    }

    /// Tells everyone of `minis`.
    pub(super) fn notify(&self, minis: &[Arc<MiniBlock>]) {
        for listener in self.0.read().iter() {
            listener.on_durable(minis);
        }
    }
}
