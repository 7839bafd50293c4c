//! What the tests of several files here need.

use std::sync::Arc;

use super::work::ServingRules;
use crate::{chain::RpcLimits, rpc::RpcError};

/// Rules with limits of the test's own.
pub(super) fn rules(change: impl FnOnce(&mut RpcLimits)) -> Arc<ServingRules> {
    let mut limits = RpcLimits::default();
    change(&mut limits);
    ServingRules::new(limits)
}

/// Why it was refused.
pub(super) fn refusal<T: std::fmt::Debug>(result: Result<T, RpcError>) -> (i32, String) {
    let error = result.expect_err("it is too much");
    (error.code, error.message)
}
