//! The rigs (`harness/`): `run_code` and `run_ahead` execute one transaction without a chain, for tests; `measure_salt` and
//! `measure_mpt` say what authenticated state costs, `measure_execution` how fast transactions are executed,
//! `measure_recovery` what the machine can do at most, for the benchmark.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;

use super::errors::{EngineError, bad, detached};
use crate::chain::ChainConfig;
use crate::harness::{
    self,
    measure::{execution, mpt, recovery, salt},
};

#[pyfunction]
fn run_code<'py>(py: Python<'py>, request: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let report = detached(py, || harness::run_code(request))?.map_err(bad)?;
    Ok(PyBytes::new(py, &report))
}

#[pyfunction]
fn run_ahead<'py>(py: Python<'py>, request: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let report = detached(py, || harness::run_ahead(request))?.map_err(bad)?;
    Ok(PyBytes::new(py, &report))
}

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
fn measure_execution<'py>(
    py: Python<'py>,
    config: &[u8],
    transactions: Vec<Vec<u8>>,
    before: usize,
    threads: Vec<usize>,
    batch: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let config = ChainConfig::from_json(config).map_err(bad)?;
    let raws = transactions.into_iter().map(Into::into).collect();
    let measured = detached(py, || {
        execution::measure(&config, raws, before, &threads, batch)
    })?;
    json(py, measured)
}

#[pyfunction]
fn measure_recovery(py: Python<'_>, threads: usize, seconds: f64) -> PyResult<f64> {
    let span = Duration::try_from_secs_f64(seconds).map_err(bad)?;
    detached(py, || recovery::per_second(threads, span))?.map_err(bad)
}

fn json<'py, T: Serialize, E: std::fmt::Display>(
    py: Python<'py>,
    measured: Result<T, E>,
) -> PyResult<Bound<'py, PyBytes>> {
    let measured = measured.map_err(|error| EngineError::new_err(error.to_string()))?;
    Ok(PyBytes::new(
        py,
        &serde_json::to_vec(&measured).map_err(bad)?,
    ))
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(run_code, module)?)?;
    module.add_function(wrap_pyfunction!(run_ahead, module)?)?;
    module.add_function(wrap_pyfunction!(measure_salt, module)?)?;
    module.add_function(wrap_pyfunction!(measure_execution, module)?)?;
    module.add_function(wrap_pyfunction!(measure_mpt, module)?)?;
    module.add_function(wrap_pyfunction!(measure_recovery, module)?)
}
