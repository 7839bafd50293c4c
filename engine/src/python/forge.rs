//! `forge`: lies for `megaeth devnet inject`.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::{crypto::word, errors::bad};
use crate::{
    block::is_block_record,
    chain::default_sequencer_key,
    forge::{self as lies, Forgery},
    keys::Key,
};

#[pyfunction]
#[pyo3(signature = (kind, record, *, key=None, leader=None, gas_before=0, minis=Vec::new(), parent_hash=None))]
#[allow(clippy::too_many_arguments)] // as many as Python has names for
fn forge<'py>(
    py: Python<'py>,
    kind: &str,
    record: &[u8],
    key: Option<&[u8]>,
    leader: Option<&[u8]>,
    gas_before: u64,
    minis: Vec<PyBackedBytes>,
    parent_hash: Option<&[u8]>,
) -> PyResult<Bound<'py, PyBytes>> {
    let lie: Forgery = kind.parse().map_err(bad)?;
    let key = match key {
        Some(key) => word("key", key)?,
        None => default_sequencer_key(),
    };
    let key = Key::new(&key).map_err(bad)?;
    let leader = leader
        .map(|key| Key::new(&word("leader", key)?).map_err(bad))
        .transpose()?;
    let parent_hash = parent_hash
        .map(|hash| word("parent_hash", hash))
        .transpose()?;
    let falsified = if is_block_record(record) {
        let minis: Vec<&[u8]> = minis.iter().map(|mini| &mini[..]).collect();
        lies::block(record, lie, &minis, parent_hash, &key)
    } else {
        lies::mini(record, lie, gas_before, &key, leader.as_ref())
    };
    Ok(PyBytes::new(py, &falsified.map_err(bad)?))
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(forge, module)?)
}
