//! What subscribers hear of: payloads, each rendered once for all who listen (`devnet/rpc/subscriptions.py`).

use alloy_eips::BlockId;
use alloy_primitives::Address;
use mega_evm::MegaHardforks as _;

use super::{
    Node, RpcError,
    log_filter::{Matcher, read_matcher},
    logs::each_match,
    params,
    read::{Answer, damaged, state_error},
    render::{
        block,
        json::{self, Object},
        log, mini,
    },
};
use crate::{
    block::{MiniBlock, PlainAccount},
    state::{StateReader as _, View},
};

impl Node {
    /// A visible mini-block with its transactions and receipts; null if there is none.
    pub(crate) fn mini_json(&self, number: u64) -> Answer {
        let Some(entry) = self.find_mini(number)? else {
            return Ok(json::null_bytes());
        };
        let place = self.place_of(&entry)?;
        let offset = self.offset_of(&entry)?;
        let mut out = Vec::with_capacity(1024 + entry.txs.len() * 3072);
        let spec = self.chain.hardforks.spec_id(entry.block_timestamp);
        mini::mini_block(&mut out, &entry, &place, offset, spec).map_err(damaged)?;
        Ok(out)
    }

    /// A sealed block's header, as `newHeads` gives it; null if there is none.
    pub(crate) fn head_json(&self, number: u64) -> Answer {
        let sealed = self.sealed(BlockId::number(number))?;
        Ok(json::bytes(|out| match sealed {
            Some(sealed) => block::header(out, &sealed, self.chain.tx_offset(number)),
            None => out.extend_from_slice(b"null"),
        }))
    }

    /// What a mini-block changed, one `stateChanges` payload for each of `addresses` that it changed;
    /// for every account if the list is empty.
    pub(crate) fn state_changes_json(
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
                    .quantity("nonce", account.nonce)
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

    /// The logs of a mini-block that a subscription's filter wants, each as JSON.
    pub(crate) fn logs_json(
        &self,
        filter: &str,
        mini: &MiniBlock,
    ) -> Result<Vec<Vec<u8>>, RpcError> {
        let matcher = match filter.trim_ascii() {
            "" | "null" => Matcher::default(),
            filter => {
                read_matcher(filter, |_, _| Ok(())).map_err(|why| params::invalid(1, &why))?
            }
        };
        let mut found = Vec::new();
        if mini.txs.iter().all(|record| record.result.logs.is_empty()) {
            return Ok(found);
        }
        let place = self.place_of(mini)?;
        let offset = self.offset_of(mini)?;
        each_match(mini, &place, offset, &matcher, &mut |log, at| {
            found.push(json::bytes(|out| log::log(out, log, at)));
            Ok(())
        })?;
        Ok(found)
    }
}
