//! How a node's commitment is kept between runs: rows of fixed length, so that nobody else needs to read them.
//!
//! A row is the node's number (8 bytes, big-endian) and its commitment (64 bytes), or zeros where there is
//! none any more. Later rows stand over earlier ones.

use super::codec::DecodeError;
use super::group::Point;
use super::node::NodeId;

/// Bytes of a node's number in a row.
pub const NUMBER: usize = size_of::<NodeId>();
/// Bytes of a row.
pub const ROW: usize = NUMBER + Point::UNCOMPRESSED;

const GONE: [u8; Point::UNCOMPRESSED] = [0; Point::UNCOMPRESSED];

/// Adds a row.
pub fn put_row(out: &mut Vec<u8>, node: NodeId, commitment: Option<&Point>) {
    out.extend_from_slice(&node.to_be_bytes());
    out.extend_from_slice(&commitment.map_or(GONE, |point| point.to_bytes()));
}

/// Reads rows.
pub fn read_rows(rows: &[u8]) -> Result<Vec<(NodeId, Option<Point>)>, DecodeError> {
    let (rows, rest) = rows.as_chunks::<ROW>();
    if !rest.is_empty() {
        return Err(DecodeError::Trailing(rest.len()));
    }
    let read = |row: &[u8; ROW]| {
        let (number, commitment) = row.split_first_chunk::<NUMBER>()?;
        let commitment: &[u8; Point::UNCOMPRESSED] = commitment.try_into().ok()?;
        let point = match *commitment == GONE {
            true => None,
            false => Some(Point::from_trusted_bytes(commitment)?),
        };
        Some((NodeId::from_be_bytes(*number), point))
    };
    rows.iter()
        .map(|row| read(row).ok_or(DecodeError::Bad("commitment")))
        .collect()
}
