//! `measure_salt` and `measure_mpt`: what authenticated state costs, for the benchmark.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::errors::{EngineError, bad, detached};
use crate::measure::{Measured, mpt, salt};

#[pyfunction]
fn measure_salt<'py>(
    py: Python<'py>,
    held: usize,
    sizes: Vec<usize>,
    threads: Vec<usize>,
) -> PyResult<Bound<'py, PyBytes>> {
    json(py, detached(py, || salt::measure(held, &sizes, &threads))?)
}

#[pyfunction]
fn measure_mpt<'py>(
    py: Python<'py>,
    held: usize,
    sizes: Vec<usize>,
) -> PyResult<Bound<'py, PyBytes>> {
    json(py, detached(py, || mpt::measure(held, &sizes))?)
}

fn json<'py, E: std::fmt::Display>(
    py: Python<'py>,
    measured: Result<Measured, E>,
) -> PyResult<Bound<'py, PyBytes>> {
    let measured = measured.map_err(|error| EngineError::new_err(error.to_string()))?;
    Ok(PyBytes::new(
        py,
        &serde_json::to_vec(&measured).map_err(bad)?,
    ))
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(measure_salt, module)?)?;
    module.add_function(wrap_pyfunction!(measure_mpt, module)?)
}
