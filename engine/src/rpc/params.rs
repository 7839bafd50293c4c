//! The positional parameters of a call, each read by one of the readers in `values.rs`.
//!
//! Every fault becomes error -32602 that names the parameter by its position.

use alloy_eips::BlockId;
use serde_json::value::RawValue;

use super::{RpcError, block_id};

/// The positional parameters of one call.
#[derive(Debug)]
pub struct Params<'a> {
    values: Vec<&'a RawValue>,
}

impl<'a> Params<'a> {
    /// Splits the raw JSON of `params`. Absent and null are the empty list; by-name parameters are
    /// refused, as geth does.
    pub fn parse(raw: &'a str) -> Result<Self, RpcError> {
        let raw = raw.trim_ascii();
        if raw.is_empty() || raw == "null" {
            return Ok(Self { values: Vec::new() });
        }
        if !raw.starts_with('[') {
            return Err(RpcError::invalid_params("non-array args"));
        }
        let values = serde_json::from_str(raw)
            .map_err(|error| RpcError::invalid_params(format!("params: {error}")))?;
        Ok(Self { values })
    }

    /// Refuses more than `most` parameters.
    pub fn at_most(&self, most: usize) -> Result<(), RpcError> {
        if self.values.len() > most {
            return Err(RpcError::invalid_params(format!(
                "too many arguments, want at most {most}"
            )));
        }
        Ok(())
    }

    /// The raw JSON at `position`, unless it is absent or null.
    pub fn raw(&self, position: usize) -> Option<&'a str> {
        let text = self.values.get(position)?.get();
        (text != "null").then_some(text)
    }

    /// The value at `position`, read by `read`, or an error that it is missing.
    pub fn required<T>(
        &self,
        position: usize,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, RpcError> {
        match self.raw(position) {
            Some(raw) => read(raw).map_err(|why| invalid(position, &why)),
            None => Err(RpcError::invalid_params(format!(
                "missing value for required argument {position}"
            ))),
        }
    }

    /// The value at `position`, if it is there.
    pub fn optional<T>(
        &self,
        position: usize,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, RpcError> {
        match self.raw(position) {
            Some(raw) => read(raw).map(Some).map_err(|why| invalid(position, &why)),
            None => Ok(None),
        }
    }

    /// The block named at `position`; `latest` if it is not there.
    pub fn block(&self, position: usize) -> Result<BlockId, RpcError> {
        Ok(self.optional(position, block_id::read)?.unwrap_or_default())
    }
}

/// Error -32602 for the parameter at `position`.
pub fn invalid(position: usize, why: &str) -> RpcError {
    RpcError::invalid_params(format!("invalid argument {position}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::values::quantity;

    #[test]
    fn absent_and_null_params_are_the_empty_list() {
        for raw in ["", "null", " [] "] {
            assert!(Params::parse(raw).is_ok_and(|params| params.raw(0).is_none()));
        }
        let named = Params::parse("{\"a\":1}")
            .map(|_| ())
            .map_err(|error| error.code);
        assert_eq!(named, Err(-32602));
    }

    #[test]
    fn a_missing_parameter_is_named_by_position() {
        let error = Params::parse("[\"0x1\"]").and_then(|params| params.required(1, quantity));
        assert_eq!(
            error.map_err(|error| (error.code, error.message)),
            Err((-32602, "missing value for required argument 1".to_owned()))
        );
    }
}
