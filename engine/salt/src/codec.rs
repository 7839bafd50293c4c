//! Reading and writing the fixed-width encoding in which witnesses travel ("bincode legacy").
//!
//! Integers are little-endian and of full width; a length is a u64 before what it counts; an option is
//! one byte, 0 or 1, before its value; arrays and structures are their parts one after another.

/// Why bytes could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than announced.
    #[error("the encoding ends early")]
    Short,
    /// More bytes than the value needs.
    #[error("{0} bytes follow the encoding")]
    Trailing(usize),
    /// A part has a value that it cannot have.
    #[error("the encoding has a bad {0}")]
    Bad(&'static str),
}

/// Takes parts from the front of an encoding.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the beginning of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(array)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| *byte)
    }

    /// A 32-bit integer.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// A 64-bit integer.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// The number of parts that follow, each of which takes at least `least` bytes.
    pub fn count(&mut self, least: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.u64()?).map_err(|_| DecodeError::Short)?;
        match count.checked_mul(least) {
            Some(bytes) if bytes <= self.0.len() => Ok(count),
            _ => Err(DecodeError::Short),
        }
    }

    /// Bytes with their length before them.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.count(1)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A 32-byte hash with its length before it.
    pub fn hash(&mut self) -> Result<[u8; 32], DecodeError> {
        self.bytes()?
            .try_into()
            .map_err(|_| DecodeError::Bad("hash"))
    }

    /// What has not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Ends the reading: nothing may be left.
    pub const fn end(self) -> Result<(), DecodeError> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(DecodeError::Trailing(left)),
        }
    }
}

/// Writes a count or length.
pub fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u64).to_le_bytes());
}

/// Writes bytes with their length before them.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_in_order() {
        let mut out = vec![5];
        out.extend_from_slice(&7u32.to_le_bytes());
        put_count(&mut out, 9);
        put_bytes(&mut out, b"abc");
        put_bytes(&mut out, &[8; 32]);
        let mut reader = Reader::new(&out);
        assert_eq!(reader.u8(), Ok(5));
        assert_eq!(reader.u32(), Ok(7));
        assert_eq!(reader.count(1), Ok(9));
        assert_eq!(reader.bytes(), Ok(&b"abc"[..]));
        assert_eq!(reader.hash(), Ok([8; 32]));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn lengths_are_checked_before_anything_is_allocated() {
        let mut out = Vec::new();
        put_count(&mut out, usize::MAX);
        assert_eq!(Reader::new(&out).bytes(), Err(DecodeError::Short));
        assert_eq!(Reader::new(&out).count(1000), Err(DecodeError::Short));
        assert_eq!(Reader::new(&out[..7]).u64(), Err(DecodeError::Short));
        assert_eq!(Reader::new(&[0]).end(), Err(DecodeError::Trailing(1)));
    }
}
