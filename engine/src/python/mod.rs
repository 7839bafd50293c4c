//! The Python face: the extension module `devnet._engine`, typed in `devnet/_engine.pyi`.
//! Thin by rule: it converts arguments, releases the GIL, and turns errors into exceptions.

mod archive;
mod console;
mod crypto;
mod engine;
mod errors;
mod forge;
mod genesis;
#[cfg(feature = "harness")]
mod harness;
mod native;
mod response;
mod rewind;
mod sealed;
mod state_file;
mod stateless;
mod told;

use pyo3::prelude::*;

/// `devnet._engine`.
#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    crate::memory::return_large_allocations();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::register(module)?;
    crypto::register(module)?;
    forge::register(module)?;
    genesis::register(module)?;
    #[cfg(feature = "harness")]
    harness::register(module)?;
    native::register(module)?;
    engine::register(module)?;
    state_file::register(module)?;
    stateless::register(module)?;
    told::register(module)
}
