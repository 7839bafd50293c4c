//! Large responses as Python sees them: a `memoryview` of the engine's own bytes. They are not copied, and their memory
//! counts as work (`rpc/transport/`) until the socket has taken the last of them.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;
use pyo3_bytes::PyBytes;

use crate::rpc::Response;

/// A view of a response, which lives for as long as the view does.
pub(super) fn view(py: Python<'_>, response: Response) -> PyResult<Bound<'_, PyAny>> {
    let owner = Bound::new(py, PyBytes::new(Bytes::from_owner(response)))?;
    Ok(PyMemoryView::from(&owner)?.into_any())
}
