//! What contracts told the console, as Python objects.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::rpc::methods::console::{ConsoleText, Executed, Output};

/// Who called, and the calldata.
type Call<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);
/// A transaction's hash or a simulation's method, its calls, and how many more there were.
type Execution<'py> = (Bound<'py, PyAny>, Vec<Call<'py>>, u64);
/// Executions, how many were not heard, and why what is here may not be all.
pub(super) type ConsoleOutput<'py> = (Vec<Execution<'py>>, u64, Option<String>);

/// The Python objects.
pub(super) fn output(py: Python<'_>, output: Output) -> ConsoleOutput<'_> {
    let told = output.told.into_iter();
    let told = told.map(|told| execution(py, told)).collect();
    (told, output.lost, output.failure)
}

fn execution(py: Python<'_>, told: ConsoleText) -> Execution<'_> {
    let source = match told.source {
        Executed::Transaction(hash) => PyBytes::new(py, hash.as_slice()).into_any(),
        Executed::Simulation(method) => PyString::new(py, method).into_any(),
    };
    let calls = told.heard.calls.iter();
    let calls = calls.map(|call| {
        let contract = PyBytes::new(py, call.contract.as_slice());
        (contract, PyBytes::new(py, &call.input))
    });
    (source, calls.collect(), told.heard.left_out)
}
