//! `measure_salt` and `measure_mpt`: what authenticated state costs; `measure_recovery`: what the machine
//! can do at most. For the benchmark.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::errors::{EngineError, bad, detached};
use crate::measure::{Measured, mpt, recovery, salt};

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

#[pyfunction]
fn measure_recovery(py: Python<'_>, threads: usize, seconds: f64) -> PyResult<f64> {
    let span = Duration::try_from_secs_f64(seconds).map_err(bad)?;
    detached(py, || recovery::per_second(threads, span))?.map_err(bad)
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
    module.add_function(wrap_pyfunction!(measure_mpt, module)?)?;
    module.add_function(wrap_pyfunction!(measure_recovery, module)?)
}
