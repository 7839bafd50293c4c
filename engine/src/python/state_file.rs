//! `devnet._engine.StateDump` and `StateContents`: a chain's accounts on their way out and in.

use std::sync::Arc;

use alloy_eips::{BlockId, BlockNumberOrTag};
use megaeth_checker::evm::AccountSet;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::engine::failed;
use super::errors::{bad, detached};
use crate::{
    engine,
    state_file::{
        PieceSize, StateDump as Dump, differing, pieces, read_anvil, read_pieces, write_anvil,
    },
};

/// Of a file: small, so that it is read and sent piece by piece.
const IN_A_FILE: PieceSize = PieceSize {
    writes: 1_000,
    bytes: 128 << 10,
};

#[pyclass(frozen, module = "devnet._engine")]
pub(super) struct StateDump {
    #[pyo3(get)]
    block: u64,
    #[pyo3(get)]
    mini: Option<u64>,
    dump: Mutex<Dump>,
}

impl StateDump {
    /// Of the newest visible state.
    pub(super) fn of(engine: &engine::Engine) -> PyResult<Self> {
        let chain = &engine.chain;
        let newest = BlockId::Number(BlockNumberOrTag::Latest);
        let (view, anchor) = chain.view_with_anchor(newest).map_err(failed)?;
        let (accounts, slots) = chain.world.len();
        Ok(Self {
            block: anchor.number,
            mini: anchor.mini,
            dump: Mutex::new(Dump::new(view, accounts + slots)),
        })
    }

    fn part(&self) -> PyResult<Option<AccountSet>> {
        self.dump.lock().part().map_err(failed)
    }
}

#[pymethods]
impl StateDump {
    fn json<'py>(&self, py: Python<'py>, is_first: bool) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let text = detached(py, || {
            Ok::<_, PyErr>(self.part()?.map(|set| {
                let mut text = Vec::new();
                write_anvil(&mut text, &set, is_first);
                text
            }))
        })??;
        Ok(text.map(|text| PyBytes::new(py, &text)))
    }

    fn pieces<'py>(&self, py: Python<'py>) -> PyResult<Option<Vec<Bound<'py, PyBytes>>>> {
        let cut = |set| pieces(&set, IN_A_FILE);
        let found = detached(py, || Ok::<_, PyErr>(self.part()?.map(cut)))??;
        Ok(found.map(|found| found.iter().map(|piece| PyBytes::new(py, piece)).collect()))
    }
}

#[pyclass(frozen, module = "devnet._engine")]
pub(super) struct StateContents {
    set: Arc<AccountSet>,
}

impl StateContents {
    fn new(set: AccountSet) -> Self {
        Self { set: Arc::new(set) }
    }

    /// What of it is not in the newest visible state, and whose accounts the chain itself needs as they are.
    pub(super) fn differing(
        &self,
        py: Python<'_>,
        engine: &engine::Engine,
    ) -> PyResult<(Self, Vec<String>)> {
        let (set, needed) = detached(py, || {
            let newest = BlockId::Number(BlockNumberOrTag::Latest);
            let view = engine.chain.view_at(newest).map_err(failed)?;
            differing(&self.set, &view).map_err(failed)
        })??;
        let needed = needed.iter().map(ToString::to_string).collect();
        Ok((Self::new(set), needed))
    }
}

#[pymethods]
impl StateContents {
    #[staticmethod]
    fn from_json(py: Python<'_>, text: PyBackedBytes) -> PyResult<Self> {
        let set = detached(py, || read_anvil(&text))?.map_err(bad)?;
        Ok(Self::new(set))
    }

    #[staticmethod]
    fn from_pieces(py: Python<'_>, pieces: Vec<PyBackedBytes>) -> PyResult<Self> {
        let set = detached(py, || read_pieces(pieces.iter().map(|piece| &piece[..])))?;
        Ok(Self::new(set.map_err(bad)?))
    }

    #[getter]
    fn accounts(&self) -> usize {
        self.set.accounts.len()
    }

    #[getter]
    fn slots(&self) -> usize {
        let accounts = self.set.accounts.iter();
        accounts.map(|account| account.slots.len()).sum()
    }

    #[pyo3(signature = (writes = IN_A_FILE.writes, size = IN_A_FILE.bytes))]
    fn pieces<'py>(
        &self,
        py: Python<'py>,
        writes: usize,
        size: usize,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let size = PieceSize {
            writes,
            bytes: size,
        };
        let found = detached(py, || pieces(&self.set, size))?;
        Ok(found.iter().map(|piece| PyBytes::new(py, piece)).collect())
    }
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<StateDump>()?;
    module.add_class::<StateContents>()
}
