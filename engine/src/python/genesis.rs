//! What the engine puts into a new chain's genesis.

use mega_evm::MegaHardforks as _;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::{Map, Value, json};

use super::errors::bad;
use crate::chain::{ChainConfig, Genesis};
use crate::evm::{SPEC_NAMES, spec_by_name};
use crate::verify::stateless::ChainRules;

#[pyfunction]
fn system_alloc<'py>(py: Python<'py>, spec: &str) -> PyResult<Bound<'py, PyBytes>> {
    let mut config = ChainConfig::new(Genesis::default());
    config.spec = spec.to_owned();
    let alloc = config.system_alloc().map_err(bad)?.into_iter();
    let alloc: Map<String, Value> = alloc
        .map(|(address, account)| {
            let entry = json!({"code": account.code, "storage": account.storage});
            (format!("{address:#x}"), entry)
        })
        .collect();
    Ok(PyBytes::new(py, Value::from(alloc).to_string().as_bytes()))
}

#[pyfunction]
fn published_spec(chain_id: u64, timestamp: u64) -> Option<&'static str> {
    let rules = ChainRules::published(chain_id)?;
    let spec = Some(rules.hardforks.spec_id(timestamp));
    let names = SPEC_NAMES.into_iter();
    names.rev().find(|name| spec_by_name(name) == spec)
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(published_spec, module)?)?;
    module.add_function(wrap_pyfunction!(system_alloc, module)?)
}
