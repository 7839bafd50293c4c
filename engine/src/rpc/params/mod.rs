//! The positional parameters of a call, each read by one of the readers in `values.rs` and `block_id.rs`.
//!
//! Every fault becomes error -32602 that names the parameter by its position, in geth's words.

pub(crate) mod block_id;
pub(crate) mod values;

use alloy_eips::BlockId;
use serde_json::value::RawValue;

use super::RpcError;

/// The positional parameters of one call.
#[derive(Debug)]
pub(crate) struct Params<'a> {
    values: Vec<&'a RawValue>,
    names: &'static [&'static str],
}

impl<'a> Params<'a> {
    /// Splits the JSON of `params` for a method whose parameters have these names ([`super::Method::params`]). Another
    /// number than the method takes is refused, and so are parameters by name, as by geth.
    pub(crate) fn read(json: &'a str, names: &'static [&'static str]) -> Result<Self, RpcError> {
        let json = json.trim_ascii();
        if !json.starts_with('[') {
            return Err(RpcError::invalid_params("non-array args"));
        }
        let values: Vec<&RawValue> = serde_json::from_str(json)
            .map_err(|error| RpcError::invalid_params(format!("params: {error}")))?;
        let params = Self { values, names };
        let most = names.len();
        if params.values.len() > most {
            let message = format!("too many arguments, want at most {most}");
            return Err(RpcError::invalid_params(message));
        }
        match names.get(params.values.len()) {
            Some(name) if !name.ends_with('?') => Err(params.missing(params.values.len())),
            _ => Ok(params),
        }
    }

    /// The raw JSON at `position`, unless it is absent or null.
    pub(crate) fn raw(&self, position: usize) -> Option<&'a str> {
        let text = self.values.get(position)?.get();
        (text != "null").then_some(text)
    }

    /// The value at `position`, read by `read`, or an error that it is missing.
    pub(crate) fn required<T>(
        &self,
        position: usize,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, RpcError> {
        match self.raw(position) {
            Some(raw) => read(raw).map_err(|why| invalid(position, &why)),
            None => Err(self.missing(position)),
        }
    }

    /// The value at `position`, if it is there.
    pub(crate) fn optional<T>(
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
    pub(crate) fn block(&self, position: usize) -> Result<BlockId, RpcError> {
        Ok(self.optional(position, block_id::read)?.unwrap_or_default())
    }

    fn missing(&self, position: usize) -> RpcError {
        let name = self.names.get(position).map_or("", |name| name);
        RpcError::invalid_params(format!(
            "missing value for required argument {position}: {name}"
        ))
    }
}

/// Error -32602 for the parameter at `position`.
pub(crate) fn invalid(position: usize, why: &str) -> RpcError {
    RpcError::invalid_params(format!("invalid argument {position}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::values::quantity;
    use super::*;

    const NAMES: &[&str] = &["number", "block", "more?"];

    fn refusal<T: std::fmt::Debug>(result: Result<T, RpcError>) -> (i32, String) {
        let error = result.expect_err("it is refused");
        (error.code, error.message)
    }

    #[test]
    fn as_many_are_taken_as_the_method_has() {
        for taken in [r#"["0x1","0x2"]"#, r#" ["0x1","0x2",null] "#] {
            assert!(Params::read(taken, NAMES).is_ok(), "{taken}");
        }
        for (json, message) in [
            ("[1,2,3,4]", "too many arguments, want at most 3"),
            ("[1]", "missing value for required argument 1: block"),
            ("[]", "missing value for required argument 0: number"),
            (r#"{"number":1}"#, "non-array args"),
        ] {
            let refused = refusal(Params::read(json, NAMES));
            assert_eq!(refused, (-32602, message.to_owned()));
        }
        assert!(Params::read("[]", &[]).is_ok());
    }

    #[test]
    fn a_parameter_that_is_null_is_missing() {
        let params = Params::read(r#"["0x1",null,null]"#, NAMES).unwrap();
        assert_eq!(params.optional(2, quantity), Ok(None));
        let message = "missing value for required argument 1: block".to_owned();
        assert_eq!(refusal(params.required(1, quantity)), (-32602, message));
    }
}
