//! Where tests find the recorded blocks of a real MegaETH chain.
//!
//! Set `MEGAETH_VECTORS` to their directory, or put them into `shared/vectors` beside the repository;
//! without them, tests of a real chain pass without checking anything.

use std::path::{Path, PathBuf};

/// The directory of blocks, witnesses and code, if there is one here.
pub(crate) fn chain() -> Option<PathBuf> {
    let given = std::env::var_os("MEGAETH_VECTORS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let beside = beside.map(|above| above.join("shared/vectors"));
    let places: Vec<_> = given.map_or_else(|| beside.collect(), |given| vec![given]);
    let chain = places.iter().map(|vectors| vectors.join("chain"));
    let found = chain.into_iter().find(|chain| chain.is_dir());
    if found.is_none() {
        eprintln!("skipped: no recorded blocks in any of {places:?}");
    }
    found
}
