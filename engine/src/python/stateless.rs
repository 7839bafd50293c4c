//! The stateless check, and the forms in which witnesses and code come.

use std::collections::BTreeMap;

use alloy_primitives::Bytes;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::crypto::word;
use super::errors::{bad, detached};
use crate::verify::stateless::{self, ChainRules, CheckInput, Comparison, Trusted, WitnessFile};

#[pyfunction]
#[pyo3(signature = (block, parent, witness, codes, records, rules, *, by_diffs=false))]
#[expect(
    clippy::too_many_arguments,
    reason = "keyword arguments of a Python function"
)]
fn verify_stateless<'py>(
    py: Python<'py>,
    block: &[u8],
    parent: &[u8],
    witness: &[u8],
    codes: Vec<(PyBackedBytes, PyBackedBytes)>,
    records: Vec<PyBackedBytes>,
    rules: &[u8],
    by_diffs: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let comparison = match by_diffs {
        true => Comparison::StateDiffs,
        false => Comparison::StateRoot,
    };
    let rules = ChainRules::from_json(rules).map_err(bad)?;
    let codes = codes
        .iter()
        .map(|(hash, code)| Ok((word("a code's hash", hash)?, Bytes::copy_from_slice(code))))
        .collect::<PyResult<Vec<_>>>()?;
    let report = detached(py, || {
        let records: Vec<&[u8]> = records.iter().map(AsRef::as_ref).collect();
        stateless::check(&CheckInput {
            block,
            parent,
            witness,
            codes: &codes,
            records: &records,
            comparison,
            rules: &rules,
        })
        .map(|report| report.to_json())
    })?;
    Ok(PyBytes::new(py, &report.map_err(bad)?))
}

#[pyfunction]
#[pyo3(signature = (answer, witness, *, state_root=None, header=None, data_buckets=None))]
fn verify_proof<'py>(
    py: Python<'py>,
    answer: &[u8],
    witness: &[u8],
    state_root: Option<&[u8]>,
    header: Option<Vec<u8>>,
    data_buckets: Option<u32>,
) -> PyResult<Bound<'py, PyBytes>> {
    let root = state_root.map(|root| word("the state root", root));
    let trusted = Trusted {
        state_root: root.transpose()?,
        header,
        data_buckets,
    };
    let report = detached(py, || {
        stateless::check_proof(answer, witness, &trusted).map(|report| report.to_json())
    })?;
    Ok(PyBytes::new(py, &report.map_err(bad)?))
}

#[pyfunction]
fn allowance_at<'py>(
    py: Python<'py>,
    rules: &[u8],
    timestamp: u64,
) -> PyResult<Bound<'py, PyBytes>> {
    let rules = ChainRules::from_json(rules).map_err(bad)?;
    let json = serde_json::to_vec(&rules.allowance(timestamp)).map_err(bad)?;
    Ok(PyBytes::new(py, &json))
}

#[pyfunction]
fn witness_code_hashes<'py>(py: Python<'py>, witness: &[u8]) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let hashes = detached(py, || stateless::code_hashes(witness))?.map_err(bad)?;
    Ok(hashes
        .iter()
        .map(|hash| PyBytes::new(py, hash.as_slice()))
        .collect())
}

#[pyfunction]
fn witness_capacities(py: Python<'_>, witness: &[u8]) -> PyResult<BTreeMap<u32, u64>> {
    let capacities = detached(py, || stateless::capacities(witness))?.map_err(bad)?;
    Ok(capacities.into_iter().collect())
}

#[pyfunction]
fn pack_witness<'py>(
    py: Python<'py>,
    salt: &[u8],
    withdrawals: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let packed = detached(py, || stateless::pack(salt, withdrawals))?.map_err(bad)?;
    Ok(PyBytes::new(py, &packed))
}

/// The parent's hash, the SALT witness, and the withdrawals witness where there is one.
type FileParts<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Option<Bound<'py, PyBytes>>,
);

#[pyfunction]
fn open_witness_file<'py>(py: Python<'py>, file: &[u8]) -> PyResult<FileParts<'py>> {
    let WitnessFile {
        parent,
        salt,
        withdrawals,
    } = stateless::open_file(file).map_err(bad)?;
    Ok((
        PyBytes::new(py, parent.as_slice()),
        PyBytes::new(py, salt),
        withdrawals.map(|withdrawals| PyBytes::new(py, withdrawals)),
    ))
}

#[pyfunction]
fn read_code_line<'py>(
    py: Python<'py>,
    line: &[u8],
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let (hash, code) = stateless::code_line(line).map_err(bad)?;
    Ok((PyBytes::new(py, hash.as_slice()), PyBytes::new(py, &code)))
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(verify_stateless, module)?)?;
    module.add_function(wrap_pyfunction!(verify_proof, module)?)?;
    module.add_function(wrap_pyfunction!(allowance_at, module)?)?;
    module.add_function(wrap_pyfunction!(witness_code_hashes, module)?)?;
    module.add_function(wrap_pyfunction!(witness_capacities, module)?)?;
    module.add_function(wrap_pyfunction!(pack_witness, module)?)?;
    module.add_function(wrap_pyfunction!(open_witness_file, module)?)?;
    module.add_function(wrap_pyfunction!(read_code_line, module)?)
}
