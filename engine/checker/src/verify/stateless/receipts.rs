//! Receipts as JSON-RPC gives them, compared with what execution gives.

use alloy_consensus::{TxReceipt as _, Typed2718 as _};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, U64, keccak256};
use serde::Deserialize;
use serde_json::Value;

use super::{
    InputError, maybe,
    replay::{Claimed, ReplayedBlock},
    text,
};
use crate::verify::report::Report;

/// The receipts of a block's transactions, or of some of them.
#[derive(Clone, Debug)]
pub(super) struct ClaimedReceipts(Vec<ClaimedReceipt>);

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaimedReceipt {
    transaction_hash: B256,
    #[serde(rename = "type")]
    ty: Option<U64>,
    status: U64,
    gas_used: U64,
    cumulative_gas_used: U64,
    logs: Vec<ClaimedLog>,
    logs_bloom: Bloom,
    contract_address: Option<Address>,
    deposit_nonce: Option<U64>,
}

#[derive(Clone, Debug, Deserialize)]
struct ClaimedLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

impl ClaimedReceipts {
    /// Reads what `eth_getBlockReceipts` answers, bare or as the `result` of a response.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, InputError> {
        let refused = |error| InputError::block("receipts", error);
        let mut value: Value = serde_json::from_slice(json).map_err(refused)?;
        if let Some(result) = value.get_mut("result") {
            value = result.take();
        }
        serde_json::from_value(value).map(Self).map_err(refused)
    }

    /// Compares each with that of the transaction which it names.
    pub(super) fn compare(
        &self,
        transactions: &[Claimed<'_>],
        executed: &ReplayedBlock,
        report: &mut Report,
    ) {
        let hashes: Vec<B256> = transactions
            .iter()
            .map(|(envelope, ..)| keccak256(envelope.encoded_2718()))
            .collect();
        for claimed in &self.0 {
            let place = hashes
                .iter()
                .position(|hash| *hash == claimed.transaction_hash);
            match place {
                Some(nth) => claimed.compare(nth, executed, report),
                None => report.fail(
                    "receipts",
                    "a transaction of the block",
                    text(claimed.transaction_hash),
                ),
            }
        }
        report.note("receipts", None);
    }
}

impl ClaimedReceipt {
    fn compare(&self, nth: usize, executed: &ReplayedBlock, report: &mut Report) {
        let (receipt, result) = (&executed.receipts[nth], &executed.results[nth]);
        let at = || format!("transaction {nth}");
        let logs = receipt.logs();
        for (name, expected, actual) in [
            ("receipt types", text(receipt.ty()), maybe(self.ty)),
            (
                "receipt status",
                text(u8::from(receipt.status())),
                text(self.status),
            ),
            (
                "receipt gas used",
                text(result.gas_used),
                text(self.gas_used),
            ),
            (
                "receipt cumulative gas used",
                text(receipt.cumulative_gas_used()),
                text(self.cumulative_gas_used),
            ),
            (
                "receipt logs",
                in_words(logs),
                in_words(&self.logs.iter().map(ClaimedLog::log).collect::<Vec<_>>()),
            ),
            (
                "receipt bloom",
                text(receipt.bloom()),
                text(self.logs_bloom),
            ),
        ] {
            report.compare(name, at, &expected, &actual);
        }
        if let Some(nonce) = self.deposit_nonce {
            let expected = maybe(result.deposit_nonce);
            report.compare("deposit nonces", at, &expected, &text(nonce));
        }
        // A creation that failed is told by some nodes with the address that it would have had, and by others without.
        if result.success && result.contract_address.is_some() {
            let expected = maybe(result.contract_address);
            report.compare(
                "contract addresses",
                at,
                &expected,
                &maybe(self.contract_address),
            );
        }
    }
}

impl ClaimedLog {
    fn log(&self) -> Log {
        Log::new_unchecked(self.address, self.topics.clone(), self.data.clone())
    }
}

/// Logs so that a difference can be read.
fn in_words(logs: &[Log]) -> String {
    let one = |log: &Log| format!("{} {:?} {}", log.address, log.topics(), log.data.data);
    format!(
        "{}: {}",
        logs.len(),
        logs.iter().map(one).collect::<Vec<_>>().join("; ")
    )
}
