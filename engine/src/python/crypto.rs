//! Keys, hashes and signed transactions for tools.

use alloy_primitives::{Address, B256, Bytes, Signature, U256};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::errors::{bad, detached};
use crate::keys::{self, Key};
use crate::wallet::{self, TransferTemplate};

/// 32 bytes, or an error that names what should have had them.
pub(super) fn word(name: &str, bytes: &[u8]) -> PyResult<B256> {
    B256::try_from(bytes)
        .map_err(|_| bad(format!("{name} must have 32 bytes, not {}", bytes.len())))
}

/// 20 bytes, or an error that names what should have had them.
pub(super) fn address(name: &str, bytes: &[u8]) -> PyResult<Address> {
    Address::try_from(bytes)
        .map_err(|_| bad(format!("{name} must have 20 bytes, not {}", bytes.len())))
}

#[pyfunction]
fn keccak256<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, alloy_primitives::keccak256(data).as_slice())
}

#[pyfunction]
fn address_of<'py>(py: Python<'py>, key: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let key = Key::new(&word("key", key)?).map_err(bad)?;
    Ok(PyBytes::new(py, key.address().as_slice()))
}

#[pyfunction]
fn sign_hash<'py>(py: Python<'py>, key: &[u8], digest: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let key = Key::new(&word("key", key)?).map_err(bad)?;
    signed(py, &key, digest)
}

/// r, s and v (0 or 1) of a digest signed by a key.
pub(super) fn signed<'py>(
    py: Python<'py>,
    key: &Key,
    digest: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let signature = key.sign(&word("digest", digest)?);
    let mut out = [0_u8; 65];
    out[..32].copy_from_slice(&signature.r().to_be_bytes::<32>());
    out[32..64].copy_from_slice(&signature.s().to_be_bytes::<32>());
    out[64] = u8::from(signature.v());
    Ok(PyBytes::new(py, &out))
}

#[pyfunction]
fn recover<'py>(py: Python<'py>, digest: &[u8], signature: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let digest = word("digest", digest)?;
    let signature = Signature::from_raw(signature).map_err(bad)?;
    let signer = keys::recover(&digest, &signature).map_err(bad)?;
    Ok(PyBytes::new(py, signer.as_slice()))
}

#[pyfunction]
fn sign_transaction<'py>(
    py: Python<'py>,
    key: &[u8],
    tx_json: &[u8],
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let key = word("key", key)?;
    let (raw, hash) = wallet::sign_transaction(&key, tx_json).map_err(bad)?;
    Ok((PyBytes::new(py, &raw), PyBytes::new(py, hash.as_slice())))
}

/// Calldata for all calls, or for each in turn.
#[derive(FromPyObject)]
enum Calldata {
    Same(Vec<u8>),
    Each(Vec<Vec<u8>>),
}

#[pyfunction]
#[pyo3(signature = (
    keys, nonces, recipients, count, *, chain_id, value=1, gas_limit=60_000,
    max_fee_per_gas=2_000_000, max_priority_fee_per_gas=0, data=None
))]
#[expect(
    clippy::too_many_arguments,
    reason = "keyword arguments of a Python function"
)]
fn sign_transfers<'py>(
    py: Python<'py>,
    keys: Vec<Vec<u8>>,
    nonces: Vec<u64>,
    recipients: Vec<Vec<u8>>,
    count: usize,
    chain_id: u64,
    value: u128,
    gas_limit: u64,
    max_fee_per_gas: u128,
    max_priority_fee_per_gas: u128,
    data: Option<Calldata>,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    if keys.len() != nonces.len() {
        return Err(bad(format!(
            "{} keys but {} nonces",
            keys.len(),
            nonces.len()
        )));
    }
    let keys = keys
        .iter()
        .zip(nonces)
        .map(|(key, nonce)| Ok((Key::new(&word("key", key)?).map_err(bad)?, nonce)))
        .collect::<PyResult<Vec<_>>>()?;
    let recipients = recipients
        .iter()
        .map(|recipient| address("recipient", recipient))
        .collect::<PyResult<Vec<_>>>()?;
    let common = TransferTemplate {
        chain_id,
        value: U256::from(value),
        gas_limit,
        max_fee_per_gas,
        max_priority_fee_per_gas,
        data: match data {
            None => Vec::new(),
            Some(Calldata::Same(data)) => vec![data.into()],
            Some(Calldata::Each(data)) => data.into_iter().map(Bytes::from).collect(),
        },
    };
    let raws = detached(py, || {
        wallet::sign_transfers(&keys, &recipients, count, &common)
    })?
    .map_err(bad)?;
    Ok(raws.iter().map(|raw| PyBytes::new(py, raw)).collect())
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(keccak256, module)?)?;
    module.add_function(wrap_pyfunction!(address_of, module)?)?;
    module.add_function(wrap_pyfunction!(sign_hash, module)?)?;
    module.add_function(wrap_pyfunction!(recover, module)?)?;
    module.add_function(wrap_pyfunction!(sign_transaction, module)?)?;
    module.add_function(wrap_pyfunction!(sign_transfers, module)?)
}
