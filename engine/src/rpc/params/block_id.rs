//! Reads which block a caller means: a tag, a number, a hash, or EIP-1898's object.

use alloy_eips::{BlockId, BlockNumberOrTag};

use super::values;

/// Reads a block parameter.
pub(crate) fn read(raw: &str) -> Result<BlockId, String> {
    match raw.as_bytes().first() {
        Some(b'{') => read_object(raw),
        Some(b'"') => read_text(raw),
        _ => values::quantity(raw).map(BlockId::number),
    }
}

fn read_text(raw: &str) -> Result<BlockId, String> {
    let text = values::text(raw)?;
    // A number has at most 16 digits, a hash always 64.
    if text.len() == 66 {
        return values::hash(raw).map(BlockId::from);
    }
    read_number(&text).map(BlockId::Number)
}

/// Reads a tag or a number, but no hash.
pub(crate) fn number_or_tag(raw: &str) -> Result<BlockNumberOrTag, String> {
    match raw.as_bytes().first() {
        Some(b'"') => read_number(&values::text(raw)?),
        _ => values::quantity(raw).map(BlockNumberOrTag::Number),
    }
}

fn read_number(text: &str) -> Result<BlockNumberOrTag, String> {
    Ok(match text {
        "latest" => BlockNumberOrTag::Latest,
        "pending" => BlockNumberOrTag::Pending,
        "safe" => BlockNumberOrTag::Safe,
        "finalized" => BlockNumberOrTag::Finalized,
        "earliest" => BlockNumberOrTag::Earliest,
        _ => {
            let number = values::quantity_text(text).map_err(|why| {
                format!("{why}: expected a block number, hash or tag, got {text:?}")
            })?;
            let number = u64::try_from(number).map_err(|_| "block number larger than int64")?;
            BlockNumberOrTag::Number(number)
        }
    })
}

fn read_object(raw: &str) -> Result<BlockId, String> {
    let mut number = None;
    let mut hash = None;
    for (name, value) in values::members(raw)? {
        match name.as_str() {
            "blockNumber" => number = Some(values::in_member(&name, number_or_tag(value.get()))?),
            "blockHash" => hash = Some(values::in_member(&name, values::hash(value.get()))?),
            "requireCanonical" => {
                values::in_member(&name, values::boolean(value.get()))?;
            }
            _ => return Err(format!("unknown member {name:?} of a block")),
        }
    }
    match (number, hash) {
        (Some(number), None) => Ok(BlockId::Number(number)),
        (None, Some(hash)) => Ok(BlockId::from(hash)),
        (Some(_), Some(_)) => {
            Err("cannot specify both BlockHash and BlockNumber, choose one or the other".to_owned())
        }
        (None, None) => Err("a block needs blockNumber or blockHash".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;

    #[test]
    fn tags_numbers_and_hashes_are_told_apart() {
        assert_eq!(read("\"latest\""), Ok(BlockId::latest()));
        assert_eq!(read("\"0x10\""), Ok(BlockId::number(16)));
        assert_eq!(read("16"), Ok(BlockId::number(16)));
        let hash = B256::repeat_byte(7);
        assert_eq!(read(&format!("\"{hash:#x}\"")), Ok(BlockId::from(hash)));
        assert_eq!(
            read(&format!("{{\"blockHash\":\"{hash:#x}\"}}")),
            Ok(BlockId::from(hash))
        );
        assert_eq!(
            read("{\"blockNumber\":\"pending\"}"),
            Ok(BlockId::pending())
        );
    }

    #[test]
    fn nonsense_is_named() {
        assert!(read("\"newest\"").is_err_and(|why| why.contains("newest")));
        assert!(read("{}").is_err());
        assert!(read("true").is_err());
    }
}
