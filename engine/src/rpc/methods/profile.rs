//! `mega_getGasProfile`, `mega_getCallGasProfile`: where a contract spends its gas, instruction by
//! instruction, found by executing what called it again.
//!
//! Blocks are executed on their parents' states, by the interpreter. A transaction that does not give the
//! result that its receipt has is an error and not a profile.

use std::sync::Arc;

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, KECCAK256_EMPTY};
use revm::DatabaseRef as _;

use super::{
    Method, Node, RpcError,
    call::{failed, staged},
    params::Params,
    read::{Answer, state_error},
    render::json::{self, Object},
    values,
};
use crate::{
    block::MiniBlock,
    evm::{BlockContext, simulate::GasProfile},
    replay::{Replay, ReplayError, cache},
    state::StateReader as _,
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("mega_getGasProfile", &["contract"], get_gas_profile, "Where a contract spends gas, by the newest transactions that entered it."),
    Method::worker("mega_getCallGasProfile", &["call", "block?", "state overrides?", "block overrides?"], get_call_gas_profile, "Where a contract spends gas, by a call of it."),
];

/// So many blocks are looked at, empty ones too.
const MAX_BLOCKS: u64 = 5_000;
/// Blocks are executed again until so much gas was used in them,
const MAX_GAS: u64 = 10_000_000_000;
/// or until the contract has spent so much,
const ENOUGH_GAS: u64 = 1_000_000_000;
/// or until so many transactions have entered it.
const ENOUGH_TRANSACTIONS: usize = 100;

/// `mega_getGasProfile(contract)`: by the newest transactions that entered the contract.
fn get_gas_profile(node: &Node, params: &Params<'_>) -> Answer {
    let address = params.required(0, values::address)?;
    let (view, _) = node.view(BlockId::Number(BlockNumberOrTag::Latest))?;
    let account = view.account(address).map_err(state_error)?;
    let code_hash = account.map(|account| account.code_hash);
    let mut history = History::of(code_of(address, code_hash)?);
    history.look_back(node)?;
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        object.hash("codeHash", &history.code_hash);
        object.quantity("blocks", history.blocks);
        json::array(
            object.member("transactions"),
            &history.transactions,
            |out, hash| json::data(out, hash.as_slice()),
        );
        render(object, &history.profile);
    }))
}

/// `mega_getCallGasProfile(call, block, state overrides, block overrides)`: by a call of the contract.
fn get_call_gas_profile(node: &Node, params: &Params<'_>) -> Answer {
    let (request, mut stage) = staged(node, params)?;
    let Some(address) = request.to else {
        return Err(RpcError::invalid_params("a creation calls no contract"));
    };
    let account = stage.overlay.basic_ref(address).map_err(state_error)?;
    let code_hash = code_of(address, account.map(|account| account.code_hash))?;
    let mut profile = GasProfile::of(code_hash);
    let outcome = stage.run_watched(&request, &mut profile)?;
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        object.hash("codeHash", &code_hash);
        match outcome.result.success {
            true => object.null("error"),
            false => object.string("error", &failed(&outcome).message),
        };
        render(object, &profile);
    }))
}

/// The rest of an answer: what the profile has counted.
fn render(mut object: Object<'_>, profile: &GasProfile) {
    object.quantity("entries", profile.entries());
    object.quantity("gas", profile.gas());
    json::array(
        object.member("instructions"),
        profile.instructions(),
        |out, (pc, spent)| {
            let numbers = [pc as u64, spent.runs, spent.gas];
            json::array(out, numbers, json::number);
        },
    );
    object.close();
}

/// The hash of a contract's code.
fn code_of(address: Address, code_hash: Option<B256>) -> Result<B256, RpcError> {
    code_hash
        .filter(|hash| *hash != KECCAK256_EMPTY)
        .ok_or_else(|| RpcError::server(format!("there is no contract at {address:#x}")))
}

/// The newest part of the chain, as far as it was executed again.
struct History {
    code_hash: B256,
    profile: GasProfile,
    transactions: Vec<B256>,
    /// How many blocks were executed again.
    blocks: u64,
    gas: u64,
}

impl History {
    fn of(code_hash: B256) -> Self {
        Self {
            code_hash,
            profile: GasProfile::of(code_hash),
            transactions: Vec::new(),
            blocks: 0,
            gas: 0,
        }
    }

    /// From the open block back, as far as this node's log goes.
    fn look_back(&mut self, node: &Node) -> Result<(), RpcError> {
        let open = node.open_minis()?;
        if let Some(first) = open.first() {
            let parent = node.sealed(BlockId::number(first.block_number - 1))?;
            let parent = parent.ok_or_else(|| RpcError::internal("a block without parent"))?;
            let context = node.chain.config.block_context(
                first.block_number,
                first.block_timestamp,
                parent.hash,
            );
            self.execute(node, &context, &open)?;
        }
        let begin = node.chain.archive.begins_after();
        let oldest = begin.map_or(1, |begin| begin.block + 1);
        let newest = node.chain.recent.visible_block();
        for number in (oldest..=newest).rev().take(MAX_BLOCKS as usize) {
            node.turn.check(0)?;
            if self.is_enough() {
                break;
            }
            let block = node.sealed(BlockId::number(number))?;
            let block = block.ok_or_else(|| RpcError::internal("a block is missing"))?;
            if block.header.gas_used > 0 {
                let minis = node.minis_of(&block)?;
                self.execute(node, &BlockContext::of(&block.header), &minis)?;
            }
        }
        Ok(())
    }

    fn is_enough(&self) -> bool {
        self.gas >= MAX_GAS
            || self.profile.gas() >= ENOUGH_GAS
            || self.transactions.len() >= ENOUGH_TRANSACTIONS
    }

    /// Executes a block's mini-blocks on its parent's state.
    fn execute(
        &mut self,
        node: &Node,
        context: &BlockContext,
        minis: &[Arc<MiniBlock>],
    ) -> Result<(), RpcError> {
        if minis.iter().all(|mini| mini.txs.is_empty()) {
            return Ok(());
        }
        let failed = |error: ReplayError| RpcError::internal(error.to_string());
        let (before, _) = node.view(BlockId::number(context.number - 1))?;
        let rules = node.chain.rules(context.number);
        let mut cache = cache(&before);
        let replay = Replay::begin(&before, &mut cache, &rules, context).map_err(failed)?;
        let mut replay = replay.with_inspector(&mut self.profile);
        self.blocks += 1;
        for record in minis.iter().flat_map(|mini| &mini.txs) {
            node.turn.check(0)?;
            let entries = replay.inspector().entries();
            let again = replay.next(record).map_err(failed)?;
            if !again.agrees(&record.result) {
                return Err(RpcError::internal(format!(
                    "transaction {} executed again has another result than its receipt",
                    record.hash
                )));
            }
            if replay.inspector().entries() > entries {
                self.transactions.push(record.hash);
            }
            self.gas += again.gas_used;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alloy_primitives::TxKind;
    use serde_json::{Value, json};

    use super::*;
    use crate::{builder::testing::Draft, rpc::testing::*};

    fn hex(address: Address) -> String {
        format!("{address:#x}")
    }

    fn quantity(value: &Value) -> u64 {
        let text = value.as_str().unwrap();
        u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
    }

    /// How often each instruction ran, by pc.
    fn runs(profile: &Value) -> BTreeMap<u64, u64> {
        let found = profile["instructions"].as_array().unwrap().iter();
        found
            .map(|one| (one[0].as_u64().unwrap(), one[1].as_u64().unwrap()))
            .collect()
    }

    #[test]
    fn a_gas_profile_counts_what_the_newest_transactions_did_in_a_contract() {
        let mut net = Devnet::new();
        let plain = Address::repeat_byte(0x77);
        net.run(&Draft {
            to: TxKind::Call(plain),
            value: 1,
            ..Draft::default()
        });
        let nowhere = net.run(&calling(plain, word(2), 1));
        net.block();
        net.send(&calling(forwarder(1), word(2), 2));
        let called = net.mini();
        let profile = |address: Address| net.get("mega_getGasProfile", &json!([hex(address)]));
        // The contract's own, and that of its only caller: a transaction's gas beyond what it costs by itself.
        let (writer, caller) = (profile(WRITER), profile(forwarder(1)));
        assert_eq!(
            quantity(&writer["gas"]) + quantity(&caller["gas"]),
            called.txs[0].result.gas_used - nowhere.txs[0].result.gas_used
        );
        let hash = called.txs[0].hash;
        assert_eq!(writer["transactions"], json!([hash]));
        assert_eq!(quantity(&writer["entries"]), 1);
        // CALLDATALOAD once, the loop's head for 2, 1 and 0, SSTORE twice.
        let runs = runs(&writer);
        assert_eq!([runs[&1], runs[&2], runs[&10]], [1, 3, 2]);

        // The same once the block is sealed.
        net.block();
        let sealed = net.get("mega_getGasProfile", &json!([hex(WRITER)]));
        assert_eq!(sealed["instructions"], writer["instructions"]);
        let (code, _) = net.refusal("mega_getGasProfile", &json!([hex(plain)]));
        assert_eq!(code, -32000);
    }

    #[test]
    fn blocks_of_every_kind_of_transaction_are_profiled() {
        let net = Devnet::busy();
        let profile = net.get("mega_getGasProfile", &json!([hex(COUNTER)]));
        assert_eq!(profile["transactions"].as_array().unwrap().len(), 2);
        assert_eq!(quantity(&profile["entries"]), 2);
        assert!(runs(&profile).values().all(|count| *count == 2));
        let never = net.get("mega_getGasProfile", &json!([hex(ECHO)]));
        assert_eq!(never["instructions"], json!([]));
        assert_eq!(quantity(&never["blocks"]), 2);
    }

    #[test]
    fn a_call_is_profiled_even_where_it_fails() {
        let net = Devnet::new();
        let call = |to: Address| json!([{"to": hex(to), "input": word(3), "gas": "0x186a0"}]);
        let writer = net.get("mega_getCallGasProfile", &call(WRITER));
        assert_eq!(writer["error"], json!("out of gas"));
        let spins = net.get("mega_getCallGasProfile", &call(SPIN));
        assert_eq!(spins["error"], json!("out of gas"));
        // 5b 5f 56 costs 1, 2 and 8.
        let left = 100_000 - quantity(&spins["gas"]);
        assert!(left > 21_000);
        assert!(runs(&spins).values().all(|count| *count > 100));
        let echo = net.get("mega_getCallGasProfile", &call(ECHO));
        assert_eq!(echo["error"], Value::Null);
        assert_eq!(quantity(&echo["entries"]), 1);
    }
}
