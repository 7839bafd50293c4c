//! MegaETH's own methods: mini-blocks, the chain's rules, and resource usage.

use alloy_eips::BlockId;
use alloy_primitives::Address;

use super::{
    Method, Node, RpcError, block_id,
    blocks::by_id,
    params::Params,
    read::{Answer, damaged, state_error},
    render::{
        block,
        json::{self, Object},
        mini, usage,
    },
    transactions, values,
};
use crate::{
    block::{MiniBlock, PlainAccount},
    state::View,
    verify::stateless::rules_json,
};

/// This room's methods.
pub(super) const METHODS: &[Method] = &[
    Method::cheap("mega_getMiniBlock", get_mini_block),
    Method::heavy("mega_getBlockMiniBlocks", get_block_mini_blocks),
    Method::cheap("mega_getChainRules", get_chain_rules),
    Method::cheap("mega_txUsage", tx_usage),
];

/// `mega_getMiniBlock(number)`: as the `miniBlocks` subscription gave it.
fn get_mini_block(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(1)?;
    let number = params.required(0, |raw| match raw {
        "\"latest\"" => Ok(None),
        _ => values::quantity(raw).map(Some),
    })?;
    let number = number.or_else(|| node.chain.recent.visible_minis().checked_sub(1));
    match number {
        Some(number) => node.mini_json(number),
        None => Ok(json::null_bytes()),
    }
}

/// `mega_getBlockMiniBlocks(block)`: its mini-blocks with transaction hashes only.
fn get_block_mini_blocks(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(1)?;
    let id = params.required(0, block_id::read)?;
    let Some(block) = by_id(node, id)? else {
        return Ok(json::null_bytes());
    };
    let minis = node.minis_of(&block)?;
    Ok(json::bytes(|out| {
        json::array(out, &minis, |out, entry| mini::summary(out, entry))
    }))
}

/// `mega_getChainRules()`: what a stateless check must know of the chain.
fn get_chain_rules(node: &Node, params: &str) -> Answer {
    Params::parse(params)?.at_most(0)?;
    Ok(rules_json(&node.chain))
}

/// `mega_txUsage(hash)`: what a transaction used in each dimension.
fn tx_usage(node: &Node, params: &str) -> Answer {
    let params = &Params::parse(params)?;
    params.at_most(1)?;
    let hash = params.required(0, values::hash)?;
    let Some(place) = transactions::find(node, &hash)? else {
        return Ok(json::null_bytes());
    };
    let record = place
        .mini
        .txs
        .get(place.index)
        .ok_or_else(|| RpcError::internal("the transaction index is damaged"))?;
    Ok(usage::object(&record.result.usage))
}

impl Node {
    /// A visible mini-block with its transactions and receipts; null if there is none.
    pub fn mini_json(&self, number: u64) -> Answer {
        let Some(entry) = self.find_mini(number)? else {
            return Ok(json::null_bytes());
        };
        let place = self.place_of(&entry)?;
        let offset = self.offset_of(&entry)?;
        let mut out = Vec::with_capacity(1024 + entry.txs.len() * 3072);
        mini::mini_block(&mut out, &entry, &place, offset).map_err(damaged)?;
        Ok(out)
    }

    /// A sealed block's header, as `newHeads` gives it; null if there is none.
    pub fn head_json(&self, number: u64) -> Answer {
        let sealed = self.sealed(BlockId::number(number))?;
        Ok(json::bytes(|out| match sealed {
            Some(sealed) => block::header(out, &sealed),
            None => out.extend_from_slice(b"null"),
        }))
    }

    /// What a mini-block changed, one `stateChanges` payload for each of `addresses` that it changed;
    /// for every account if the list is empty.
    pub fn state_changes_json(
        &self,
        mini: &MiniBlock,
        addresses: &[Address],
    ) -> Result<Vec<Vec<u8>>, RpcError> {
        let entries = &mini.diff.entries;
        let mut payloads = Vec::new();
        // Sorted by address: an account's own entry and its slots stand together.
        for group in entries.chunk_by(|a, b| a.0.address == b.0.address) {
            let address = group[0].0.address;
            if !addresses.is_empty() && !addresses.contains(&address) {
                continue;
            }
            let account = match group[0].0.slot {
                None => group[0].1.as_account(),
                Some(_) => self.account_after(mini.number, address)?,
            }
            .unwrap_or_default();
            payloads.push(json::bytes(|out| {
                let mut object = Object::open(out);
                object
                    .data("address", address.as_slice())
                    .number("nonce", account.nonce)
                    .quantity_u256("balance", &account.balance);
                let mut storage = Object::open(object.member("storage"));
                for (key, value) in group {
                    if let Some(slot) = key.slot {
                        let name = format!("{slot:#x}");
                        storage.data(&name, &value.as_slot().to_be_bytes::<32>());
                    }
                }
                storage.close();
                object.close();
            }));
        }
        Ok(payloads)
    }

    /// An account as it was after a mini-block, or now if that is no longer told apart.
    fn account_after(&self, mini: u64, address: Address) -> Result<Option<PlainAccount>, RpcError> {
        let world = &self.chain.world;
        let pin = world
            .pin_version(mini + 1)
            .unwrap_or_else(|| world.pin_visible());
        let view = View::new(world.clone(), pin);
        view.account(address).map_err(state_error)
    }
}
