//! Large answers as Python sees them: a `memoryview` of the engine's own bytes. They are not copied, and their memory counts as
//! work (`rpc/work.rs`) until the socket has taken the last of them.

#![allow(unsafe_code)]

use std::ffi::c_int;

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

use crate::rpc::Answer;

/// Keeps the bytes for who looks at them.
#[pyclass(frozen, module = "devnet._engine")]
struct Kept(Answer);

#[pymethods]
impl Kept {
    /// # Safety
    ///
    /// As Python's buffer protocol has it: `view` is a `Py_buffer` to fill.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let body = slf.get().0.body();
        let length = isize::try_from(body.len())
            .map_err(|_| PyBufferError::new_err("the answer is too large"))?;
        // SAFETY: `view` is to be filled. The bytes stay where they are for as long as this object lives, which the view
        // holds; nobody writes through it, as it is filled in as read-only.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(
                view,
                slf.as_ptr(),
                body.as_ptr().cast_mut().cast(),
                length,
                1,
                flags,
            )
        };
        match filled {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}

/// A view of an answer, which lives for as long as the view does.
pub fn view(py: Python<'_>, answer: Answer) -> PyResult<Bound<'_, PyAny>> {
    let kept = Bound::new(py, Kept(answer))?;
    Ok(PyMemoryView::from(&kept)?.into_any())
}
