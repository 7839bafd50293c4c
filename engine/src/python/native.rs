//! What the compiler of native code needs to know of the engine, and a way to try its code without a chain.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::errors::{bad, detached};
use crate::{
    evm::{native, run_code as run, spec_by_name},
    parallel,
};

#[pyfunction]
fn native_abi() -> BTreeMap<&'static str, u64> {
    native::layout()
}

#[pyfunction]
fn native_rules<'py>(py: Python<'py>, spec: &str) -> PyResult<Bound<'py, PyBytes>> {
    let id = spec_by_name(spec).ok_or_else(|| bad(format!("no spec {spec:?}")))?;
    Ok(PyBytes::new(py, &native::rules_json(spec, id)))
}

#[pyfunction]
fn run_code<'py>(py: Python<'py>, request: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let report = detached(py, || run(request))?.map_err(bad)?;
    Ok(PyBytes::new(py, &report))
}

#[pyfunction]
fn run_ahead<'py>(py: Python<'py>, request: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let report = detached(py, || parallel::run_ahead(request))?.map_err(bad)?;
    Ok(PyBytes::new(py, &report))
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(native_abi, module)?)?;
    module.add_function(wrap_pyfunction!(native_rules, module)?)?;
    module.add_function(wrap_pyfunction!(run_code, module)?)?;
    module.add_function(wrap_pyfunction!(run_ahead, module)?)
}
