//! JSON: values written straight into buffers, and structs read from objects.

mod read;
mod write;

pub use read::JsonObject;
pub use write::{
    Object, array, base64, bytes, data, data_bytes, null_bytes, number, quantity, quantity_bytes,
    quantity_u128, quantity_u256, string,
};
