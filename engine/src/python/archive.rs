//! The archive that Python keeps in LevelDB, as the engine sees it. Attaches to the interpreter only on
//! a miss of what is in memory.

use alloy_primitives::B256;
use pyo3::exceptions::PyLookupError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyTuple};

use crate::state::{Archive, Beginning, StateError};

/// A Python object with the methods of `devnet._engine.Archive`.
pub(super) struct PythonArchive(pub Py<PyAny>);

impl PythonArchive {
    /// Calls a method. An exception is reported as unraisable and counts as "not there"; while the
    /// interpreter is going down nothing is there.
    fn ask<T>(
        &self,
        method: &str,
        arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>,
        read: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> Option<T> {
        let not_there = |py: Python<'_>, error: PyErr| {
            error.write_unraisable(py, Some(self.0.bind(py)));
            None
        };
        self.attempt(method, arguments, read, not_there)
    }

    /// Likewise; `failed` says what an exception means.
    fn attempt<T>(
        &self,
        method: &str,
        arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>,
        read: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
        failed: impl FnOnce(Python<'_>, PyErr) -> Option<T>,
    ) -> Option<T> {
        Python::try_attach(|py| {
            let answer = arguments(py)
                .and_then(|arguments| self.0.bind(py).call_method1(method, arguments))
                .and_then(|answer| {
                    if answer.is_none() {
                        Ok(None)
                    } else {
                        read(&answer).map(Some)
                    }
                });
            answer.unwrap_or_else(|error| failed(py, error))
        })
        .flatten()
    }
}

fn bytes(answer: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    Ok(answer.extract::<PyBackedBytes>()?.to_vec())
}

fn list(answer: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<u8>>> {
    let records = answer.extract::<Vec<PyBackedBytes>>()?;
    Ok(records.iter().map(|record| record.to_vec()).collect())
}

impl Archive for PythonArchive {
    fn tx_location(&self, hash: &B256) -> Option<(u64, u32)> {
        self.ask(
            "tx_location",
            |py| (PyBytes::new(py, hash.as_slice()),).into_pyobject(py),
            |answer| answer.extract(),
        )
    }

    fn block_number(&self, hash: &B256) -> Option<u64> {
        self.ask(
            "block_number",
            |py| (PyBytes::new(py, hash.as_slice()),).into_pyobject(py),
            |answer| answer.extract(),
        )
    }

    fn block(&self, number: u64) -> Option<Vec<u8>> {
        self.ask("block", |py| (number,).into_pyobject(py), bytes)
    }

    fn mini(&self, number: u64) -> Option<Vec<u8>> {
        self.ask("mini", |py| (number,).into_pyobject(py), bytes)
    }

    fn blocks(&self, first: u64, last: u64) -> Vec<Vec<u8>> {
        let found = self.ask("blocks", |py| (first, last).into_pyobject(py), list);
        found.unwrap_or_default()
    }

    fn minis(&self, first: u64, last: u64) -> Vec<Vec<u8>> {
        let found = self.ask("minis", |py| (first, last).into_pyobject(py), list);
        found.unwrap_or_default()
    }

    fn value_at(&self, key: &[u8], block: u64) -> Result<Option<Vec<u8>>, StateError> {
        let failed = |py: Python<'_>, error: PyErr| {
            if error.is_instance_of::<PyLookupError>(py) {
                return Some(Err(StateError::Pruned));
            }
            error.write_unraisable(py, Some(self.0.bind(py)));
            None
        };
        let found = self.attempt(
            "value_at",
            |py| (PyBytes::new(py, key), block).into_pyobject(py),
            |answer| bytes(answer).map(Ok),
            failed,
        );
        found.transpose()
    }

    fn tx_total(&self, block: u64) -> Option<u64> {
        self.ask(
            "tx_total",
            |py| (block,).into_pyobject(py),
            |answer| answer.extract(),
        )
    }

    fn code(&self, hash: &B256) -> Option<Vec<u8>> {
        self.ask(
            "code",
            |py| (PyBytes::new(py, hash.as_slice()),).into_pyobject(py),
            bytes,
        )
    }

    fn begins_after(&self) -> Option<Beginning> {
        self.ask(
            "begins_after",
            |py| Ok(PyTuple::empty(py)),
            |answer| answer.extract(),
        )
        .map(|(mini, block)| Beginning { mini, block })
    }
}
