//! Exceptions, and the wall that keeps panics out of Python.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::{follower, rpc};

create_exception!(_engine, EngineError, PyException, "The engine can't go on.");
create_exception!(
    _engine,
    RpcError,
    PyException,
    "A JSON-RPC error that a method answered."
);

create_exception!(
    _engine,
    BadData,
    PyException,
    "A record that a follower was given is not what it must be."
);

/// A refused record as an exception. `index` is its place in what was given, `applied` what became of those
/// before it.
pub(super) fn bad_data(
    py: Python<'_>,
    error: &follower::BadData,
    index: usize,
    applied: Vec<Option<Py<PyAny>>>,
) -> PyErr {
    let exception = BadData::new_err(error.to_string());
    let evidence: Vec<_> = error
        .evidence
        .iter()
        .map(|record| PyBytes::new(py, record))
        .collect();
    let value = exception.value(py);
    let filled = value
        .setattr("kind", error.kind.name())
        .and_then(|()| value.setattr("reason", &error.reason))
        .and_then(|()| value.setattr("evidence", evidence))
        .and_then(|()| value.setattr("index", index))
        .and_then(|()| value.setattr("applied", applied));
    match filled {
        Ok(()) => exception,
        Err(failure) => failure,
    }
}

/// A bad argument.
pub(super) fn bad(reason: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(reason.to_string())
}

/// A JSON-RPC error as an exception.
pub(super) fn rpc_error(py: Python<'_>, error: &rpc::RpcError) -> PyErr {
    let exception = RpcError::new_err(error.to_string());
    let bytes = |json: &Option<Vec<u8>>| json.as_ref().map(|json| PyBytes::new(py, json));
    let value = exception.value(py);
    let filled = value
        .setattr("code", error.code)
        .and_then(|()| value.setattr("message", &error.message))
        .and_then(|()| value.setattr("data", bytes(&error.data)))
        .and_then(|()| value.setattr("mega", bytes(&error.mega)))
        .and_then(|()| value.setattr("_json", PyBytes::new(py, &error.to_json())));
    match filled {
        Ok(()) => exception,
        Err(failure) => failure,
    }
}

/// Runs `work` without the GIL; a panic in it becomes an [`EngineError`].
pub(super) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    py.detach(|| catch_unwind(AssertUnwindSafe(work)))
        .map_err(|panic| {
            let reason = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "unknown cause".to_owned());
            EngineError::new_err(format!("the engine failed: {reason}"))
        })
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let rpc_error = py.get_type::<RpcError>();
    let to_json = PyModule::from_code(
        py,
        c"def to_json(self):\n    return self._json\n",
        c"_engine_errors.py",
        c"_engine_errors",
    )?
    .getattr("to_json")?;
    rpc_error.setattr("to_json", to_json)?;
    module.add("BadData", py.get_type::<BadData>())?;
    module.add("EngineError", py.get_type::<EngineError>())?;
    module.add("RpcError", rpc_error)
}
