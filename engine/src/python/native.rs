//! What the compiler of native code needs to know of the engine.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::errors::bad;
use crate::evm::{native, spec_by_name};

#[pyfunction]
fn native_abi() -> BTreeMap<&'static str, u64> {
    native::layout()
}

#[pyfunction]
fn native_rules<'py>(py: Python<'py>, spec: &str) -> PyResult<Bound<'py, PyBytes>> {
    let id = spec_by_name(spec).ok_or_else(|| bad(format!("no spec {spec:?}")))?;
    Ok(PyBytes::new(py, &native::rules_json(spec, id)))
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(native_abi, module)?)?;
    module.add_function(wrap_pyfunction!(native_rules, module)?)
}
