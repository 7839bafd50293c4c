//! What a rollback takes from the log, as Python's store forgets it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::block::PlainKey;
use crate::chain::RewindPlan;
use crate::commitment::{BucketResize, bucket_key};

/// `devnet._engine.Rewind`: a plan, and what the store has to know of it.
#[pyclass(frozen, module = "devnet._engine")]
pub(super) struct Rewind {
    plan: RewindPlan,
    #[pyo3(get)]
    minis: u64,
    #[pyo3(get)]
    block: u64,
    #[pyo3(get)]
    values: Py<PyList>,
    #[pyo3(get)]
    codes: Py<PyList>,
    #[pyo3(get)]
    tx_hashes: Py<PyList>,
    #[pyo3(get)]
    blocks: Py<PyList>,
    #[pyo3(get)]
    busy: Py<PyList>,
}

impl Rewind {
    pub(super) fn new(py: Python<'_>, plan: RewindPlan) -> PyResult<Self> {
        let bytes = |bytes: &[u8]| PyBytes::new(py, bytes);
        let values = plan.end.values.iter();
        let values = values.map(|(key, value)| (bytes(&key.to_bytes()), bytes(&value.to_bytes())));
        let buckets = plan.end.buckets.iter();
        let buckets = buckets.map(|(id, meta)| (bytes(&bucket_key(*id)), bytes(&meta.encode())));
        let values: Vec<_> = values.chain(buckets).collect();
        let mut blocks = Vec::with_capacity(plan.blocks.len());
        for (block, keys) in &plan.blocks {
            let resized = BucketResize::decode_all(&block.commitment).unwrap_or_default();
            let resized = resized
                .iter()
                .map(|resize| bytes(&bucket_key(resize.bucket)));
            let keys = keys.iter().map(|key| bytes(&PlainKey::to_bytes(*key)));
            let keys: Vec<_> = keys.chain(resized).collect();
            let hash = bytes(block.hash.as_slice());
            blocks.push((block.header.number, hash, PyList::new(py, keys)?));
        }
        let hashes = |hashes: &[alloy_primitives::B256]| {
            PyList::new(py, hashes.iter().map(|hash| bytes(hash.as_slice())))
        };
        Ok(Self {
            minis: plan.minis,
            block: plan.block.header.number,
            values: PyList::new(py, values)?.unbind(),
            codes: hashes(&plan.codes)?.unbind(),
            tx_hashes: hashes(&plan.txs)?.unbind(),
            blocks: PyList::new(py, blocks)?.unbind(),
            busy: PyList::new(py, &plan.busy)?.unbind(),
            plan,
        })
    }

    pub(super) fn plan(&self) -> &RewindPlan {
        &self.plan
    }
}
