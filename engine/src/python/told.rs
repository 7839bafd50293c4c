//! Executing a block upon a state that Python tells.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyTuple};
use revm::bytecode::Bytecode;

use super::crypto::word;
use super::errors::{bad, detached};
use crate::{
    block::{PlainAccount, PlainKey},
    evm::FixedCapacities,
    state::{Place, StateError, StateReader},
    verify::stateless::{self, ChainRules, Told},
};

/// A Python object with the methods of `devnet._engine.StateBefore`.
#[derive(Debug)]
struct PythonState(Py<PyAny>);

impl PythonState {
    /// Calls a method. `KeyError` is how it says that it does not know `place`.
    fn ask<T>(
        &self,
        place: Place,
        method: &str,
        arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>,
        read: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> Result<T, StateError> {
        let asked = Python::try_attach(|py| {
            let answer = arguments(py)
                .and_then(|arguments| self.0.bind(py).call_method1(method, arguments))
                .and_then(|answer| read(&answer));
            answer.map_err(|error| match error.is_instance_of::<PyKeyError>(py) {
                true => StateError::Unknown(place),
                false => StateError::Failed(format!("{place}: {error}")),
            })
        });
        asked.unwrap_or(Err(StateError::Unknown(place)))
    }
}

/// 32 bytes.
fn hash(answer: &Bound<'_, PyAny>) -> PyResult<B256> {
    word("the answer", &answer.extract::<PyBackedBytes>()?)
}

/// (nonce, balance as 32 bytes, code hash), or nothing for an account that does not exist.
fn account(answer: &Bound<'_, PyAny>) -> PyResult<Option<PlainAccount>> {
    let told: Option<(u64, PyBackedBytes, PyBackedBytes)> = answer.extract()?;
    told.map(|(nonce, balance, code_hash)| {
        Ok(PlainAccount {
            nonce,
            balance: word("a balance", &balance)?.into(),
            code_hash: word("a code hash", &code_hash)?,
        })
    })
    .transpose()
}

impl StateReader for PythonState {
    fn account(&self, address: Address) -> Result<Option<PlainAccount>, StateError> {
        self.ask(
            Place::Key(PlainKey::account(address)),
            "account",
            |py| (PyBytes::new(py, address.as_slice()),).into_pyobject(py),
            account,
        )
    }

    fn slot(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let key = slot.to_be_bytes::<32>();
        let value = self.ask(
            Place::Key(PlainKey::slot(address, slot)),
            "slot",
            |py| (PyBytes::new(py, address.as_slice()), PyBytes::new(py, &key)).into_pyobject(py),
            hash,
        )?;
        Ok(value.into())
    }

    fn code(&self, hash: B256) -> Result<Bytecode, StateError> {
        let code = self.ask(
            Place::Code(hash),
            "code",
            |py| (PyBytes::new(py, hash.as_slice()),).into_pyobject(py),
            |answer| Ok(answer.extract::<PyBackedBytes>()?.to_vec()),
        )?;
        if alloy_primitives::keccak256(&code) != hash {
            return Err(StateError::Failed(format!(
                "what is told as the code with hash {hash} has another"
            )));
        }
        Ok(Bytecode::new_raw(code.into()))
    }

    fn block_hash(&self, number: u64) -> Result<B256, StateError> {
        self.ask(
            Place::BlockHash(number),
            "block_hash",
            |py| (number,).into_pyobject(py),
            hash,
        )
    }
}

#[pyfunction]
fn verify_told<'py>(
    py: Python<'py>,
    block: &[u8],
    receipts: Option<Vec<u8>>,
    state: Py<PyAny>,
    capacities: Vec<(u32, u64)>,
    rules: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let rules = ChainRules::from_json(rules).map_err(bad)?;
    let state = PythonState(state);
    let report = detached(py, || {
        stateless::check_told(&Told {
            block,
            receipts: receipts.as_deref(),
            state: &state,
            capacities: Arc::new(FixedCapacities {
                capacities: capacities.into_iter().collect(),
                data_buckets: rules.data_buckets,
            }),
            rules: &rules,
        })
        .map(|report| report.to_json())
    })?;
    Ok(PyBytes::new(py, &report.map_err(bad)?))
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(verify_told, module)?)
}
