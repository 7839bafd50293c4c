//! Makes up blocks, one upon the other, over a state that nobody else sees.

use alloy_consensus::Header;
use alloy_eips::eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{Address, B256, Log, U256};
use revm::{DatabaseCommit as _, database::CacheDB};

use super::{
    super::{
        Node, RpcError,
        read::{damaged, state_error},
        setting::{overridden, setting_in},
    },
    envelope, error,
    plan::{self, Base},
    request::{Block, Call, Simulation},
};
use crate::{
    block::{Leaves, TxRecord, logs_bloom},
    evm::{
        BlockContext,
        simulate::{Bounded, Outcome, Setting, SimulateError, Simulator, Transfers},
    },
    state::{Adapter, StateError, View},
};

/// A chain that goes on from a block of the real one.
pub(super) struct Chain<'a> {
    node: &'a Node,
    overlay: CacheDB<Adapter<View>>,
    parent: Header,
    parent_hash: B256,
    /// Gas that all calls together may still use.
    gas_left: u64,
    transfers: bool,
    validation: bool,
}

/// A block that was made up.
#[derive(Debug)]
pub(super) struct Made {
    /// Its header.
    pub header: Header,
    /// Its hash.
    pub hash: B256,
    /// Its transactions, with what came of them.
    pub txs: Vec<TxRecord>,
    /// How their calls ended, and the logs that are shown of each.
    pub calls: Vec<(Outcome, Vec<Log>)>,
}

/// What all calls of a block share.
struct Surroundings {
    header: Header,
    setting: Setting,
    moves: Vec<(Address, Address)>,
}

impl<'a> Chain<'a> {
    /// Goes on from `base`, over the state that `view` reads.
    pub(super) fn new(node: &'a Node, view: View, base: Base, simulation: &Simulation) -> Self {
        Self {
            node,
            overlay: CacheDB::new(Adapter::new(view)),
            parent: base.header,
            parent_hash: base.hash,
            gas_left: node.chain.config.gas_limit,
            transfers: simulation.transfers,
            validation: simulation.validation,
        }
    }

    /// The next block.
    pub(super) fn next(&mut self, block: &Block) -> Result<Made, RpcError> {
        let surroundings = self.begin(block)?;
        let (mut txs, mut calls) = (Vec::new(), Vec::new());
        let mut used = 0_u64;
        for call in &block.calls {
            self.node.turn.check(0)?;
            let (record, outcome, logs) = self.call(call, &surroundings, used)?;
            used = used.saturating_add(record.result.gas_used);
            txs.push(record);
            calls.push((outcome, logs));
        }
        let leaves = Leaves::of(&txs, 0).map_err(damaged)?;
        let header = Header {
            transactions_root: leaves.transactions_root(),
            receipts_root: leaves.receipts_root(),
            logs_bloom: logs_bloom(txs.iter().flat_map(|record| &record.result.logs)),
            gas_used: used,
            ..surroundings.header
        };
        self.parent = header.clone();
        self.parent_hash = header.hash_slow();
        Ok(Made {
            hash: self.parent_hash,
            header,
            txs,
            calls,
        })
    }

    /// What stands before a block's first transaction.
    fn begin(&mut self, block: &Block) -> Result<Surroundings, RpcError> {
        let base_fee = match self.validation {
            true => self.node.chain.config.base_fee,
            false => 0,
        };
        let header = plan::header(&self.parent, self.parent_hash, &block.overrides, base_fee);
        self.remember_parent()?;
        block.overrides.apply_hashes(&mut self.overlay);
        let mut setting = setting_in(self.node, &BlockContext::of(&header), u64::MAX)?;
        setting.base_fee_is_chosen = true;
        setting.validates = self.validation;
        let moves = overridden(&mut self.overlay, &block.state, setting.spec)?;
        Ok(Surroundings {
            header,
            setting,
            moves,
        })
    }

    /// Puts the parent's hash where BLOCKHASH and EIP-2935's contract look.
    fn remember_parent(&mut self) -> Result<(), RpcError> {
        let number = self.parent.number;
        let hashes = &mut self.overlay.cache.block_hashes;
        hashes.insert(U256::from(number), self.parent_hash);
        let slot = U256::from(number % HISTORY_SERVE_WINDOW as u64);
        self.overlay
            .insert_account_storage(HISTORY_STORAGE_ADDRESS, slot, self.parent_hash.into())
            .map_err(state_error)
    }

    /// Runs a call behind those that used so much of the block's gas.
    fn call(
        &mut self,
        call: &Call,
        surroundings: &Surroundings,
        used: u64,
    ) -> Result<(TxRecord, Outcome, Vec<Log>), RpcError> {
        let setting = &surroundings.setting;
        let gas = self.gas_limit(call, &surroundings.header, used)?;
        let nonce = match call.nonce {
            Some(nonce) => nonce,
            None => {
                let sender = self.overlay.load_account(call.request.from);
                sender.map_err(state_error)?.info.nonce
            }
        };
        let (mut outcome, logs) = self
            .run(call, surroundings, nonce, gas)
            .map_err(|refusal| match self.node.turn.ended() {
                Some(ended) => ended,
                None => error::invalid(&refusal, &call.request, setting),
            })?;
        self.overlay.commit(std::mem::take(&mut outcome.raw.state));
        let result = outcome.result.clone();
        self.gas_left = self.gas_left.saturating_sub(result.gas_used);
        let record = envelope::record(call, setting.chain_id, nonce, gas, result);
        Ok((record, outcome, logs))
    }

    /// The gas limit of a call: what it asks for, else what is left in its block; within what all may use together.
    fn gas_limit(&self, call: &Call, header: &Header, used: u64) -> Result<u64, RpcError> {
        let left = header.gas_limit.saturating_sub(used);
        let asked = call.request.gas.unwrap_or(left);
        if asked > left {
            return Err(error::no_gas_left(asked, used, header.gas_limit));
        }
        if self.gas_left == 0 {
            let most = self.node.chain.config.gas_limit;
            let told = format!("the calls used {most} gas: a simulation may use no more");
            return Err(error::beyond_limit(told));
        }
        Ok(asked.min(self.gas_left))
    }

    fn run(
        &mut self,
        call: &Call,
        surroundings: &Surroundings,
        nonce: u64,
        gas: u64,
    ) -> Result<(Outcome, Vec<Log>), SimulateError<StateError>> {
        let setting = &surroundings.setting;
        let mut transaction = call.request.transaction(setting.chain_id, gas);
        transaction.base.nonce = nonce;
        let pays = call.request.fee_cap() > 0;
        let mut simulator = Simulator::new(&mut self.overlay, setting, pays);
        simulator.move_precompiles(&surroundings.moves);
        if !self.transfers {
            let outcome = simulator.run(transaction)?;
            let logs = outcome.result.logs.clone();
            return Ok((outcome, logs));
        }
        let mut transfers = Bounded::new(Transfers::default(), setting.watch.clone());
        let outcome = simulator.watched_by(&mut transfers).run(transaction)?;
        Ok((outcome, transfers.inner.into_logs()))
    }
}
