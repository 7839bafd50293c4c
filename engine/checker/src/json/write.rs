//! Writes JSON straight into a byte buffer.
//!
//! Responsible for the spelling of values as Ethereum's JSON-RPC wants them: quantities as minimal
//! lower-case hex, data as hex pairs, strings escaped. Not responsible for what a block, a
//! transaction or a receipt consists of: who renders one knows that.

use alloy_primitives::{Address, B256, U256, hex};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Writes `value` as a quantity: `"0x0"`, `"0x1f"`.
pub fn quantity(out: &mut Vec<u8>, value: u64) {
    quantity_u128(out, u128::from(value));
}

/// Writes `value` as a quantity.
pub fn quantity_u128(out: &mut Vec<u8>, value: u128) {
    out.extend_from_slice(b"\"0x");
    nibbles(out, &value.to_be_bytes());
    out.push(b'"');
}

/// Writes `value` as a quantity.
pub fn quantity_u256(out: &mut Vec<u8>, value: &U256) {
    out.extend_from_slice(b"\"0x");
    nibbles(out, &value.to_be_bytes::<32>());
    out.push(b'"');
}

/// The hex digits of a big-endian number, without leading zeros but at least one digit.
fn nibbles(out: &mut Vec<u8>, be: &[u8]) {
    let Some(first) = be.iter().position(|byte| *byte != 0) else {
        out.push(b'0');
        return;
    };
    if be[first] >> 4 != 0 {
        out.push(HEX[usize::from(be[first] >> 4)]);
    }
    out.push(HEX[usize::from(be[first] & 15)]);
    pairs(out, &be[first + 1..]);
}

fn pairs(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + bytes.len() * 2, 0);
    let written = hex::encode_to_slice(bytes, &mut out[start..]);
    debug_assert!(written.is_ok(), "there is room for two digits a byte");
}

/// Writes `bytes` as data: `"0x"`, `"0x00ff"`.
pub fn data(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b"\"0x");
    pairs(out, bytes);
    out.push(b'"');
}

/// Writes `bytes` as a string in base64, with padding.
pub fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.reserve(bytes.len().div_ceil(3) * 4 + 2);
    out.push(b'"');
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let [a, b, c] = group;
        let digits = [
            a >> 2,
            (a & 3) << 4 | b >> 4,
            (b & 15) << 2 | c >> 6,
            c & 63,
        ];
        for (nth, digit) in digits.into_iter().enumerate() {
            let shown = nth <= chunk.len();
            out.push(if shown {
                DIGITS[usize::from(digit)]
            } else {
                b'='
            });
        }
    }
    out.push(b'"');
}

/// Writes a JSON string, escaping what JSON does not allow.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => {
                out.extend_from_slice(b"\\u00");
                pairs(out, &[byte]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Writes a decimal number.
pub fn number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(value.to_string().as_bytes());
}

/// Writes an array, one `item` after the other.
pub fn array<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut item: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (position, value) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        item(out, value);
    }
    out.push(b']');
}

/// The bytes of one value, written by `write`.
pub fn bytes(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    write(&mut out);
    out
}

/// A quantity as bytes of its own: most short answers are one.
pub fn quantity_bytes(value: u64) -> Vec<u8> {
    bytes(|out| quantity(out, value))
}

/// Data as bytes of its own.
pub fn data_bytes(value: &[u8]) -> Vec<u8> {
    bytes(|out| data(out, value))
}

/// The answer for what does not exist.
pub fn null_bytes() -> Vec<u8> {
    b"null".to_vec()
}

/// An open JSON object. `close` writes the brace; members are written in the order of the calls.
#[derive(Debug)]
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Opens an object in `out`.
    pub fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Members without their object, for [`rendered`](Self::rendered).
    pub fn members(out: &'a mut Vec<u8>) -> Self {
        Self { out, empty: true }
    }

    /// Members that are written already; at least one.
    pub fn rendered(&mut self, members: &[u8]) -> &mut Self {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.extend_from_slice(members);
        self
    }

    /// Starts a member and returns the buffer, for values that need more than the calls below.
    pub fn member(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A quantity.
    pub fn quantity(&mut self, name: &str, value: u64) -> &mut Self {
        quantity(self.member(name), value);
        self
    }

    /// A quantity of up to 128 bits.
    pub fn quantity_u128(&mut self, name: &str, value: u128) -> &mut Self {
        quantity_u128(self.member(name), value);
        self
    }

    /// A quantity of up to 256 bits.
    pub fn quantity_u256(&mut self, name: &str, value: &U256) -> &mut Self {
        quantity_u256(self.member(name), value);
        self
    }

    /// Bytes of any length.
    pub fn data(&mut self, name: &str, value: &[u8]) -> &mut Self {
        data(self.member(name), value);
        self
    }

    /// A hash.
    pub fn hash(&mut self, name: &str, value: &B256) -> &mut Self {
        self.data(name, value.as_slice())
    }

    /// An address, or null.
    pub fn address_or_null(&mut self, name: &str, value: Option<&Address>) -> &mut Self {
        match value {
            Some(address) => self.data(name, address.as_slice()),
            None => self.null(name),
        }
    }

    /// A string.
    pub fn string(&mut self, name: &str, value: &str) -> &mut Self {
        string(self.member(name), value);
        self
    }

    /// A decimal number.
    pub fn number(&mut self, name: &str, value: u64) -> &mut Self {
        number(self.member(name), value);
        self
    }

    /// True or false.
    pub fn bool(&mut self, name: &str, value: bool) -> &mut Self {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.member(name).extend_from_slice(text);
        self
    }

    /// Null.
    pub fn null(&mut self, name: &str) -> &mut Self {
        self.member(name).extend_from_slice(b"null");
        self
    }

    /// Closes the object.
    pub fn close(self) {
        self.out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        String::from_utf8(bytes(write)).unwrap_or_default()
    }

    #[test]
    fn quantities_are_minimal_lower_case_hex() {
        assert_eq!(text(|out| quantity(out, 0)), "\"0x0\"");
        assert_eq!(text(|out| quantity(out, 0x0f)), "\"0xf\"");
        assert_eq!(text(|out| quantity(out, 0x10)), "\"0x10\"");
        assert_eq!(text(|out| quantity(out, 0x0abc_def0)), "\"0xabcdef0\"");
        assert_eq!(
            text(|out| quantity(out, u64::MAX)),
            "\"0xffffffffffffffff\""
        );
        assert_eq!(
            text(|out| quantity_u128(out, 1 << 100)),
            format!("\"{:#x}\"", 1u128 << 100)
        );
        assert_eq!(
            text(|out| quantity_u256(out, &U256::MAX)),
            format!("\"{:#x}\"", U256::MAX)
        );
        assert_eq!(text(|out| quantity_u256(out, &U256::ZERO)), "\"0x0\"");
    }

    #[test]
    fn data_keeps_every_byte() {
        assert_eq!(text(|out| data(out, &[])), "\"0x\"");
        assert_eq!(text(|out| data(out, &[0, 1, 0xff])), "\"0x0001ff\"");
    }

    #[test]
    fn base64_pads_to_whole_groups() {
        let of = |bytes: &[u8]| text(|out| base64(out, bytes));
        assert_eq!(of(b""), "\"\"");
        assert_eq!(of(b"f"), "\"Zg==\"");
        assert_eq!(of(b"fo"), "\"Zm8=\"");
        assert_eq!(of(b"foo"), "\"Zm9v\"");
        assert_eq!(of(b"foobar"), "\"Zm9vYmFy\"");
        assert_eq!(of(&[0xfb, 0xff]), "\"+/8=\"");
    }

    #[test]
    fn strings_survive_a_round_trip_whatever_they_hold() {
        let nasty = "quote \" backslash \\ newline \n bell \u{7} unicode é 漢";
        let parsed: Value =
            serde_json::from_str(&text(|out| string(out, nasty))).unwrap_or_default();
        assert_eq!(parsed, Value::String(nasty.into()));
    }

    #[test]
    fn members_that_are_written_already_stand_in_their_order() {
        let members = bytes(|out| {
            Object::members(out).quantity("b", 2).null("c");
        });
        let written = text(|out| {
            let mut object = Object::open(out);
            object.quantity("a", 1).rendered(&members).bool("d", true);
            object.close();
        });
        assert_eq!(written, r#"{"a":"0x1","b":"0x2","c":null,"d":true}"#);
        let alone = text(|out| {
            let mut object = Object::open(out);
            object.rendered(&members);
            object.close();
        });
        assert_eq!(alone, r#"{"b":"0x2","c":null}"#);
    }

    #[test]
    fn objects_and_arrays_nest() {
        let written = text(|out| {
            let mut object = Object::open(out);
            object.quantity("a", 1).bool("b", true).null("c");
            array(object.member("d"), [1u64, 2], quantity);
            object.close();
        });
        assert_eq!(
            written,
            r#"{"a":"0x1","b":true,"c":null,"d":["0x1","0x2"]}"#
        );
    }
}
