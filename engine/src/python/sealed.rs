//! What the builder sealed, as Python objects for the log.

use alloy_primitives::{B256, Bytes};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList};

use crate::block::{BlockRecord, PlainKey};
use crate::chain::Sealed;
use crate::commitment::{BucketResize, bucket_key};

#[pyclass(frozen, get_all, module = "devnet._engine")]
pub struct SealedMini {
    number: u64,
    block: u64,
    index: u64,
    timestamp_us: u64,
    tx_count: usize,
    record: Py<PyBytes>,
    tx_hashes: Py<PyList>,
}

#[pyclass(frozen, get_all, module = "devnet._engine")]
pub struct SealedBlock {
    number: u64,
    hash: Py<PyBytes>,
    record: Py<PyBytes>,
    undo: Py<PyList>,
    nodes: Py<PyBytes>,
}

#[pymethods]
impl SealedMini {
    #[new]
    fn new(
        number: u64,
        block: u64,
        index: u64,
        timestamp_us: u64,
        record: Py<PyBytes>,
        tx_hashes: Bound<'_, PyList>,
    ) -> Self {
        Self {
            number,
            block,
            index,
            timestamp_us,
            tx_count: tx_hashes.len(),
            record,
            tx_hashes: tx_hashes.unbind(),
        }
    }
}

#[pymethods]
impl SealedBlock {
    #[new]
    fn new(
        number: u64,
        hash: Py<PyBytes>,
        record: Py<PyBytes>,
        undo: Py<PyList>,
        nodes: Py<PyBytes>,
    ) -> Self {
        Self {
            number,
            hash,
            record,
            undo,
            nodes,
        }
    }
}

/// The metadata that grown buckets had before the block, under the buckets' keys.
fn metas_before(record: &BlockRecord) -> Vec<(Vec<u8>, Vec<u8>)> {
    let growth = BucketResize::decode_all(&record.commitment).unwrap_or_default();
    growth
        .iter()
        .map(|growth| {
            (
                bucket_key(growth.bucket).to_vec(),
                growth.old.encode().to_vec(),
            )
        })
        .collect()
}

/// A record's bytes: encoded here, or as Python gave them.
pub(super) enum Record {
    Ours(Vec<u8>),
    Given(PyBackedBytes),
}

impl Record {
    fn into_python(self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        match self {
            Self::Ours(bytes) => Ok(PyBytes::new(py, &bytes).unbind()),
            Self::Given(bytes) => match bytes.into_pyobject(py)?.cast_into::<PyBytes>() {
                Ok(bytes) => Ok(bytes.unbind()),
                Err(error) => Err(error.into()),
            },
        }
    }
}

/// Something sealed with its record, encoded while no lock of Python's is held.
pub(super) enum Encoded {
    Mini {
        number: u64,
        block: u64,
        index: u64,
        timestamp_us: u64,
        record: Record,
        hashes: Vec<B256>,
    },
    Block {
        number: u64,
        hash: B256,
        record: Record,
        undo: Vec<(Vec<u8>, Vec<u8>)>,
        nodes: Bytes,
    },
}

impl From<Sealed> for Encoded {
    fn from(sealed: Sealed) -> Self {
        let record = Record::Ours(match &sealed {
            Sealed::Mini(mini) => mini.encode(),
            Sealed::Block { record, .. } => record.encode(),
        });
        Self::with_record(sealed, record)
    }
}

impl Encoded {
    /// Something whose record is known already.
    pub(super) fn with_record(sealed: Sealed, bytes: Record) -> Self {
        match sealed {
            Sealed::Mini(mini) => Self::Mini {
                number: mini.number,
                block: mini.block_number,
                index: mini.index,
                timestamp_us: mini.timestamp_us,
                record: bytes,
                hashes: mini.txs.iter().map(|tx| tx.hash).collect(),
            },
            Sealed::Block {
                record,
                undo,
                nodes,
            } => Self::Block {
                nodes,
                number: record.header.number,
                hash: record.hash,
                record: bytes,
                undo: undo
                    .iter()
                    .map(|(key, value)| (PlainKey::to_bytes(*key), value.to_bytes()))
                    .chain(metas_before(&record))
                    .collect(),
            },
        }
    }

    /// The Python object.
    pub(super) fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let bytes = |bytes: &[u8]| PyBytes::new(py, bytes).unbind();
        Ok(match self {
            Self::Mini {
                number,
                block,
                index,
                timestamp_us,
                record,
                hashes,
            } => {
                let tx_hashes = hashes.iter().map(|hash| PyBytes::new(py, hash.as_slice()));
                let mini = SealedMini {
                    number,
                    block,
                    index,
                    timestamp_us,
                    tx_count: hashes.len(),
                    record: record.into_python(py)?,
                    tx_hashes: PyList::new(py, tx_hashes)?.unbind(),
                };
                Py::new(py, mini)?.into_any()
            }
            Self::Block {
                number,
                hash,
                record,
                undo,
                nodes,
            } => {
                let undo = undo
                    .iter()
                    .map(|(key, value)| (PyBytes::new(py, key), PyBytes::new(py, value)));
                let block = SealedBlock {
                    number,
                    hash: bytes(hash.as_slice()),
                    record: record.into_python(py)?,
                    undo: PyList::new(py, undo)?.unbind(),
                    nodes: bytes(&nodes),
                };
                Py::new(py, block)?.into_any()
            }
        })
    }
}
