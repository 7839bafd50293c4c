//! What the engine puts into a new chain's genesis.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::{Map, Value, json};

use super::errors::bad;
use crate::chain::{ChainConfig, Genesis};

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

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(system_alloc, module)?)
}
