//! Where tests find the recorded blocks of a real MegaETH chain.
//!
//! Set `MEGAETH_VECTORS` to their directory, or put them into `../shared/vectors` beside the repository;
//! without them, tests of a real chain pass without checking anything.

use std::path::{Path, PathBuf};

/// The directory of blocks, witnesses and code, if there is one here.
pub(crate) fn chain() -> Option<PathBuf> {
    let vectors = std::env::var_os("MEGAETH_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"),
        PathBuf::from,
    );
    let chain = vectors.join("chain");
    if !chain.is_dir() {
        eprintln!("skipped: no recorded blocks in {}", vectors.display());
        return None;
    }
    Some(chain)
}
