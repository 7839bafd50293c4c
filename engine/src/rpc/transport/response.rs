//! A response body on its way to the client.

use super::budget::{Lease, PAGE};

/// A response body. Its memory counts until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Response {
    body: Vec<u8>,
    _lease: Option<Lease>,
}

impl Response {
    /// With the memory that was taken for it.
    pub(crate) fn with_lease(body: Vec<u8>, lease: Lease) -> Self {
        let _lease = Some(lease).filter(|lease| !lease.is_none());
        Self { body, _lease }
    }

    /// The bytes.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether it is so much that whoever sends it keeps these bytes, which count, and no copy of them.
    pub(crate) fn is_large(&self) -> bool {
        self.body.len() > PAGE
    }

    /// With something before it.
    #[must_use]
    pub(crate) fn after(mut self, head: &[u8]) -> Self {
        if !head.is_empty() {
            self.body.splice(0..0, head.iter().copied());
        }
        self
    }
}

impl AsRef<[u8]> for Response {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl From<Vec<u8>> for Response {
    fn from(body: Vec<u8>) -> Self {
        Self { body, _lease: None }
    }
}

impl PartialEq for Response {
    fn eq(&self, other: &Self) -> bool {
        self.body == other.body
    }
}

impl Eq for Response {}
