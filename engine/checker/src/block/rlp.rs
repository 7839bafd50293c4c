//! Small helpers for the one encoding: a version in front, strict lists, and its one error.
//!
//! Every record is an RLP list whose first item is [`ENCODING_VERSION`]. Reading is strict: no bytes
//! left over, no unknown version, no key out of order.

use alloy_rlp::{BufMut, Decodable, Encodable, Header};

/// The version that stands first in every record. Raised whenever a field changes.
pub const ENCODING_VERSION: u8 = 2;

/// A record that isn't what it claims to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RecordError {
    message: String,
}

impl RecordError {
    /// An error that says `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl From<alloy_rlp::Error> for RecordError {
    fn from(error: alloy_rlp::Error) -> Self {
        Self::new(format!("malformed RLP: {error}"))
    }
}

/// Writes a list: the header, then what `body` wrote.
pub(super) fn encode_list(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    body(out);
    let header = Header {
        list: true,
        payload_length: out.len() - start,
    };
    // The header is as long as the payload makes it, so it comes last and the payload moves.
    let end = out.len();
    header.encode(out);
    let length = out.len() - end;
    out[start..].rotate_right(length);
}

/// Reads a list's payload, advancing `buf` behind it.
pub(super) fn open_list<'a>(buf: &mut &'a [u8]) -> alloy_rlp::Result<&'a [u8]> {
    let header = Header::decode(buf)?;
    if !header.list {
        return Err(alloy_rlp::Error::UnexpectedString);
    }
    let (payload, rest) = buf
        .split_at_checked(header.payload_length)
        .ok_or(alloy_rlp::Error::InputTooShort)?;
    *buf = rest;
    Ok(payload)
}

/// Goes past an item, whatever it is.
pub(super) fn skip(buf: &mut &[u8]) -> alloy_rlp::Result<()> {
    let header = Header::decode(buf)?;
    *buf = buf
        .get(header.payload_length..)
        .ok_or(alloy_rlp::Error::InputTooShort)?;
    Ok(())
}

/// Refuses bytes behind a list's last item.
pub(super) fn close_list(payload: &[u8]) -> alloy_rlp::Result<()> {
    if payload.is_empty() {
        Ok(())
    } else {
        Err(alloy_rlp::Error::UnexpectedLength)
    }
}

/// Writes a value, empty if it is the one that goes without saying. Only for types that never encode empty.
pub(super) fn encode_unless<T: Encodable + PartialEq>(value: &T, usual: &T, out: &mut Vec<u8>) {
    encode_option((value != usual).then_some(value), out);
}

/// Reads what [`encode_unless`] wrote; the usual value written out is refused.
pub(super) fn decode_unless<T: Decodable + PartialEq>(
    buf: &mut &[u8],
    usual: T,
) -> alloy_rlp::Result<T> {
    match decode_option(buf)? {
        None => Ok(usual),
        Some(value) if value == usual => Err(alloy_rlp::Error::Custom("not in its shortest form")),
        Some(value) => Ok(value),
    }
}

/// Writes an optional value: empty string for none. Only for types that never encode empty.
pub(super) fn encode_option<T: Encodable>(value: Option<&T>, out: &mut Vec<u8>) {
    match value {
        Some(value) => value.encode(out),
        None => out.put_u8(alloy_rlp::EMPTY_STRING_CODE),
    }
}

/// Reads what [`encode_option`] wrote.
pub(super) fn decode_option<T: Decodable>(buf: &mut &[u8]) -> alloy_rlp::Result<Option<T>> {
    if buf.first() == Some(&alloy_rlp::EMPTY_STRING_CODE) {
        *buf = &buf[1..];
        return Ok(None);
    }
    T::decode(buf).map(Some)
}

/// Reads a whole record: a list that begins with the version, and nothing behind it.
pub(super) fn decode_record<T>(
    mut bytes: &[u8],
    what: &str,
    body: impl FnOnce(&mut &[u8]) -> Result<T, RecordError>,
) -> Result<T, RecordError> {
    let mut payload = open_list(&mut bytes)?;
    close_list(bytes)?;
    let version = u8::decode(&mut payload)?;
    if version != ENCODING_VERSION {
        return Err(RecordError::new(format!(
            "{what} is written in version {version} of the encoding; this program reads version {ENCODING_VERSION}"
        )));
    }
    let value = body(&mut payload)?;
    close_list(payload)?;
    Ok(value)
}
