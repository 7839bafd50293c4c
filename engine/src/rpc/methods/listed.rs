//! The list of a transaction's calls, read again by those who look for something in it.

use std::borrow::Cow;

use alloy_primitives::{Address, U256};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::RpcError;
use crate::evm::trace::{FlatOptions, Form};

/// The form of such a list.
pub(super) const LIST: Form = Form::Flat(FlatOptions { precompiles: false });

/// A call of a list.
#[derive(Deserialize)]
pub(super) struct Listed<'a> {
    /// What was asked for.
    #[serde(borrow)]
    pub action: Action<'a>,
    /// What came of it; nothing if it failed, or of a contract that ends.
    #[serde(borrow)]
    pub result: Option<Outcome<'a>>,
    /// Why it failed.
    pub error: Option<Cow<'a, str>>,
    /// Within which calls it is, by their places.
    #[serde(rename = "traceAddress")]
    pub address: Vec<u64>,
}

/// What a call, a creation or a contract that ends is about.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Action<'a> {
    /// Who calls or creates.
    pub from: Option<Address>,
    /// Who is called.
    pub to: Option<Address>,
    /// Wei sent along.
    pub value: Option<U256>,
    /// Calldata.
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
    /// Init code.
    #[serde(borrow)]
    pub init: Option<&'a RawValue>,
    /// How it is called, in small letters.
    pub call_type: Option<&'a str>,
    /// How it is created, in small letters.
    pub creation_method: Option<&'a str>,
    /// The contract that ends, which calls nobody.
    pub address: Option<Address>,
    /// Who receives its balance.
    pub refund_address: Option<Address>,
    /// That balance.
    pub balance: Option<U256>,
}

/// What came of a call or a creation.
#[derive(Deserialize)]
pub(super) struct Outcome<'a> {
    /// The contract that was created.
    pub address: Option<Address>,
    /// Its code.
    #[serde(borrow)]
    pub code: Option<&'a RawValue>,
    /// What a call returned.
    #[serde(borrow)]
    pub output: Option<&'a RawValue>,
}

impl Listed<'_> {
    /// Who does something.
    pub(super) fn senders(&self) -> [Option<Address>; 2] {
        [self.action.from, self.action.address]
    }

    /// To whom.
    pub(super) fn receivers(&self) -> [Option<Address>; 2] {
        let action = &self.action;
        let created = self.result.as_ref().and_then(|result| result.address);
        [action.to.or(action.refund_address), created]
    }
}

/// The calls of a list, one by one.
pub(super) fn listed(list: &[u8]) -> Result<Vec<&RawValue>, RpcError> {
    serde_json::from_slice(list).map_err(|error| RpcError::internal(error.to_string()))
}

/// One of them.
pub(super) fn read(one: &RawValue) -> Result<Listed<'_>, RpcError> {
    serde_json::from_str(one.get()).map_err(|error| RpcError::internal(error.to_string()))
}
