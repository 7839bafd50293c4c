//! One transaction over a state that is given with it, in JSON: what came of it in everything that can be
//! observed, so that two ways of executing it can be compared.
//!
//! For tests of native code and of other fast paths. Works without a chain; the rules are a chain's own.

use std::{collections::BTreeMap, sync::Arc};

use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use mega_evm::{EvmTxRuntimeLimits, MegaSpecId};
use revm::{
    bytecode::Bytecode,
    context::{BlockEnv, result::ExecutionResult},
    context_interface::block::BlobExcessGasAndPrice,
    database::{CacheDB, EmptyDB},
    state::{AccountInfo, EvmState},
};
use serde::{Deserialize, Serialize};

use crate::{
    block::Usage,
    evm::{
        ExternalEnv, FixedCapacities,
        native::{NativeTable, SliceBudget, status_of},
        simulate::{CallRequest, Outcome, Setting, Simulator},
        spec_by_name,
    },
    keys,
    salt::types::DATA_BUCKETS,
};

/// Where `code` lies unless the request says otherwise.
const CONTRACT: Address = address!("000000000000000000000000000000000000c0de");
/// Who calls unless the request says otherwise.
const CALLER: Address = address!("000000000000000000000000000000000000ca11");
/// What the caller has unless the request says otherwise.
const CALLER_BALANCE: u128 = 1 << 100;

/// What to run, and over what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct CodeRequest {
    spec: String,
    #[serde(default = "one")]
    chain_id: u64,
    /// The callee's code.
    #[serde(default)]
    code: Bytes,
    #[serde(default = "contract")]
    to: Address,
    /// Creates a contract: `calldata` is its init code.
    #[serde(default)]
    create: bool,
    #[serde(default = "caller")]
    from: Address,
    #[serde(default)]
    calldata: Bytes,
    gas: u64,
    #[serde(default)]
    value: U256,
    gas_price: Option<u64>,
    max_fee_per_gas: Option<u64>,
    max_priority_fee_per_gas: Option<u64>,
    access_list: Option<AccessList>,
    #[serde(default)]
    authorizations: Vec<SignedAuthorization>,
    #[serde(default)]
    accounts: BTreeMap<Address, Account>,
    #[serde(default)]
    block: Block,
    #[serde(default)]
    limits: Limits,
    /// Object code by the hash of the bytecode that it was compiled from.
    #[serde(default)]
    native: Option<BTreeMap<B256, Bytes>>,
    /// Frames begin in the interpreter: native code takes over at the first loop that it can go on with after
    /// so many instructions.
    #[serde(default)]
    native_after: Option<u32>,
    /// Whether to count what is executed of the callee's code, where it is interpreted.
    #[serde(default)]
    watched: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Account {
    balance: U256,
    nonce: u64,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Block {
    number: U256,
    timestamp: U256,
    coinbase: Address,
    gas_limit: u64,
    base_fee: u64,
    prev_randao: B256,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            number: U256::from(1),
            timestamp: U256::from(1_700_000_000),
            coinbase: Address::ZERO,
            gas_limit: u64::MAX,
            base_fee: 0,
            prev_randao: B256::ZERO,
        }
    }
}

/// Limits of the transaction that replace those of the spec.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Limits {
    compute_gas: Option<u64>,
    data_size: Option<u64>,
    kv_updates: Option<u64>,
    state_growth: Option<u64>,
    detained_compute_gas: Option<u64>,
}

fn one() -> u64 {
    1
}

fn contract() -> Address {
    CONTRACT
}

fn caller() -> Address {
    CALLER
}

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// `success`, `revert`, `halt`, or `refused` when it could not even start.
    status: &'static str,
    /// Why it halted or was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    output: Bytes,
    gas_used: u64,
    gas_refunded: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Dimensions>,
    logs: Vec<Log>,
    state: BTreeMap<Address, After>,
    /// What native code did, if there was any: the only part that may differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<serde_json::Value>,
    /// The counts by pc, 32 bits each, little-endian, if they were asked for and there may be native code.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Bytes>,
}

/// Everything that mega-evm meters.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dimensions {
    compute_gas: u64,
    storage_gas: u64,
    metered_compute_gas: u64,
    data_size: u64,
    kv_updates: u64,
    state_growth: u64,
    detained: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Log {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

/// An account that the transaction touched.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct After {
    balance: U256,
    nonce: u64,
    code_hash: B256,
    /// Created, destroyed, touched, and so on, as the journal knows it.
    status: String,
    /// Every slot that was looked at.
    storage: BTreeMap<U256, U256>,
}

/// Runs a request; the report. The error says what is wrong with the request.
pub(crate) fn run_code(request: &[u8]) -> Result<Vec<u8>, String> {
    let request = CodeRequest::parse(request)?;
    let spec = request.spec()?;
    let native = request.native(spec)?;
    let setting = request.setting(spec, native.clone());
    let mut overlay = request.state();
    let call = request.call();
    let mut simulator = Simulator::new(&mut overlay, &setting, call.fee_cap() > 0);
    let outcome = simulator.run(call.transaction(request.chain_id, request.gas));
    drop(simulator);
    let mut report = match outcome {
        Ok(outcome) => Report::of(&outcome),
        Err(refusal) => Report::refused(refusal.to_string()),
    };
    report.seen = native
        .as_ref()
        .and_then(|table| table.seen(&keccak256(&request.code)))
        .map(Bytes::from);
    report.native = native.map(|table| status_of(&table));
    serde_json::to_vec(&report).map_err(|error| error.to_string())
}

impl CodeRequest {
    /// Reads a request.
    pub(crate) fn parse(request: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(request).map_err(|error| error.to_string())
    }

    /// Its rules.
    pub(crate) fn spec(&self) -> Result<MegaSpecId, String> {
        spec_by_name(&self.spec).ok_or_else(|| format!("no spec {:?}", self.spec))
    }

    /// The native code that comes with it, if any does. The error says which object is refused, and why.
    pub(crate) fn native(&self, spec: MegaSpecId) -> Result<Option<Arc<NativeTable>>, String> {
        let Some(objects) = &self.native else {
            return Ok(None);
        };
        let pace = self
            .native_after
            .map_or_else(SliceBudget::default, |instructions| SliceBudget {
                gas: 0,
                instructions,
                late: true,
            });
        let table = NativeTable::with_slice_budget(spec, pace);
        if self.watched {
            table.watch(keccak256(&self.code), self.code.len());
        }
        for (code_hash, object) in objects {
            table
                .load(*code_hash, object)
                .map_err(|error| format!("{code_hash}: {error}"))?;
        }
        Ok(Some(Arc::new(table)))
    }

    /// The state before the transaction.
    pub(crate) fn state(&self) -> CacheDB<EmptyDB> {
        let mut state = CacheDB::new(EmptyDB::default());
        let rich = AccountInfo::from_balance(U256::from(CALLER_BALANCE));
        state.insert_account_info(CALLER, rich);
        if !self.code.is_empty() {
            state.insert_account_info(self.to, account_info(U256::ZERO, 1, &self.code));
        }
        for (address, account) in &self.accounts {
            // The callee's code may come in either place.
            let code = match account.code.is_empty() && *address == self.to {
                true => &self.code,
                false => &account.code,
            };
            let info = account_info(account.balance, account.nonce, code);
            state.insert_account_info(*address, info);
            let storage = account.storage.iter().map(|(slot, value)| (*slot, *value));
            state.cache.accounts.entry(*address).or_default().storage = storage.collect();
        }
        state
    }

    /// The surroundings.
    pub(crate) fn setting(&self, spec: MegaSpecId, native: Option<Arc<NativeTable>>) -> Setting {
        let block = &self.block;
        let mut limits = EvmTxRuntimeLimits::from_spec(spec);
        let chosen = &self.limits;
        for (limit, chosen) in [
            (&mut limits.tx_compute_gas_limit, chosen.compute_gas),
            (&mut limits.tx_data_size_limit, chosen.data_size),
            (&mut limits.tx_kv_updates_limit, chosen.kv_updates),
            (&mut limits.tx_state_growth_limit, chosen.state_growth),
            (
                &mut limits.block_env_access_compute_gas_limit,
                chosen.detained_compute_gas,
            ),
        ] {
            *limit = chosen.unwrap_or(*limit);
        }
        Setting {
            spec,
            chain_id: self.chain_id,
            block: BlockEnv {
                number: block.number,
                beneficiary: block.coinbase,
                timestamp: block.timestamp,
                gas_limit: block.gas_limit,
                basefee: block.base_fee,
                difficulty: U256::ZERO,
                prevrandao: Some(block.prev_randao),
                blob_excess_gas_and_price: Some(BlobExcessGasAndPrice {
                    excess_blob_gas: 0,
                    blob_gasprice: 1,
                }),
            },
            limits,
            external: ExternalEnv::new(Arc::new(FixedCapacities {
                capacities: BTreeMap::new(),
                data_buckets: DATA_BUCKETS,
            })),
            interventions: false,
            native,
            watch: None,
            base_fee_is_chosen: true,
            validates: false,
        }
    }

    /// The gas limit.
    pub(crate) fn gas(&self) -> u64 {
        self.gas
    }

    /// The transaction.
    pub(crate) fn call(&self) -> CallRequest {
        CallRequest {
            from: self.from,
            to: (!self.create).then_some(self.to),
            gas: Some(self.gas),
            gas_price: self.gas_price.map(u128::from),
            max_fee_per_gas: self.max_fee_per_gas.map(u128::from),
            max_priority_fee_per_gas: self.max_priority_fee_per_gas.map(u128::from),
            value: self.value,
            input: self.calldata.clone(),
            access_list: self.access_list.clone(),
            authorizations: self
                .authorizations
                .iter()
                .map(keys::recover_authorization)
                .collect(),
        }
    }
}

fn account_info(balance: U256, nonce: u64, code: &Bytes) -> AccountInfo {
    let code = Bytecode::new_raw_checked(code.clone())
        .unwrap_or_else(|_| Bytecode::new_legacy(code.clone()));
    AccountInfo {
        balance,
        nonce,
        code_hash: code.hash_slow(),
        code: Some(code),
    }
}

impl Report {
    fn of(outcome: &Outcome) -> Self {
        let result = &outcome.raw.result;
        let (status, reason, refunded) = match result {
            ExecutionResult::Success { gas_refunded, .. } => ("success", None, *gas_refunded),
            ExecutionResult::Revert { .. } => ("revert", None, 0),
            ExecutionResult::Halt { reason, .. } => ("halt", Some(format!("{reason:?}")), 0),
        };
        Self {
            status,
            reason,
            output: outcome.output(),
            gas_used: result.gas_used(),
            gas_refunded: refunded,
            usage: Some(Dimensions::of(&outcome.result.usage)),
            logs: result.logs().iter().map(Log::of).collect(),
            state: after(&outcome.raw.state),
            native: None,
            seen: None,
        }
    }

    fn refused(reason: String) -> Self {
        Self {
            status: "refused",
            reason: Some(reason),
            output: Bytes::new(),
            gas_used: 0,
            gas_refunded: 0,
            usage: None,
            logs: Vec::new(),
            state: BTreeMap::new(),
            native: None,
            seen: None,
        }
    }
}

impl Log {
    /// A log as the report has it.
    pub(crate) fn of(log: &alloy_primitives::Log) -> Self {
        Self {
            address: log.address,
            topics: log.topics().to_vec(),
            data: log.data.data.clone(),
        }
    }
}

impl Dimensions {
    /// A usage as the report has it.
    pub(crate) fn of(usage: &Usage) -> Self {
        Self {
            compute_gas: usage.compute_gas,
            storage_gas: usage.storage_gas,
            metered_compute_gas: usage.metered_compute_gas,
            data_size: usage.data_size,
            kv_updates: usage.kv_updates,
            state_growth: usage.state_growth,
            detained: usage.detention.is_some(),
        }
    }
}

fn after(state: &EvmState) -> BTreeMap<Address, After> {
    let accounts = state.iter().map(|(address, account)| {
        let storage = account.storage.iter();
        let after = After {
            balance: account.info.balance,
            nonce: account.info.nonce,
            code_hash: account.info.code_hash,
            status: format!("{:?}", account.status),
            storage: storage
                .map(|(slot, value)| (*slot, value.present_value))
                .collect(),
        };
        (*address, after)
    });
    accounts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn run(request: &Value) -> Value {
        let report = run_code(request.to_string().as_bytes()).unwrap();
        serde_json::from_slice(&report).unwrap()
    }

    #[test]
    fn everything_observable_is_reported() {
        // SSTORE(0, CALLVALUE), LOG0 of nothing, and the word 7 returned.
        let report = run(&json!({
            "spec": "rex5",
            "code": "0x345f555f5fa060075f5260205ff3",
            "gas": 1_000_000,
            "value": "0x5",
        }));
        assert_eq!(report["status"], "success");
        assert_eq!(report["output"], format!("0x{:064x}", 7));
        let contract = &report["state"][format!("{CONTRACT:?}")];
        assert_eq!(contract["balance"], "0x5");
        assert_eq!(contract["storage"]["0x0"], "0x5");
        assert_eq!(report["logs"].as_array().unwrap().len(), 1);
        assert_eq!(report["usage"]["stateGrowth"], 1);
        assert!(report["usage"]["storageGas"].as_u64().unwrap() > 20_000);
    }

    #[test]
    fn limits_can_be_lowered() {
        let report = run(&json!({
            "spec": "rex3",
            "code": "0x5b5f56",
            "gas": 10_000_000,
            "limits": {"computeGas": 100_000},
        }));
        assert_eq!(report["status"], "halt");
        assert!(
            report["reason"]
                .as_str()
                .unwrap()
                .contains("ComputeGasLimitExceeded")
        );
    }

    #[test]
    fn a_transaction_that_cannot_start_is_refused_with_the_reason() {
        let report = run(&json!({"spec": "rex5", "code": "0x00", "gas": 20_000}));
        assert_eq!(report["status"], "refused");
        assert!(run_code(b"{}").is_err());
        assert!(run_code(br#"{"spec": "frontier", "gas": 1}"#).is_err());
    }
}
