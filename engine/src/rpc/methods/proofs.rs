//! What a client can check without trusting the node: a block's witness, and proofs of single keys.

use std::collections::BTreeSet;

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, U256};

use super::{
    Home, Method, Node, RpcError,
    params::{self, Params},
    read::{Answer, NOT_FOUND, state_error, unreadable},
    render::json::{self, Object},
    values,
};
use crate::{
    block::{BlockRecord, PlainKey, WITHDRAWALS_ADDRESS},
    chain::{SharedBlock, ViewError},
    salt::state::AccessSet,
    state::StateReader as _,
    witness::{self, WitnessError},
};

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::worker("mega_getBlockWitness", &["block", "hash?"], get_block_witness, "What executing a block needs of the state before it, proven under its parent's state root.").of(Home::Commitment),
    Method::worker("eth_getProof", &["address", "slots?", "block?"], get_proof, "An account and slots of it, with SALT's proof.").of(Home::Commitment),
];

/// The encoding's version, as the network writes it.
const VERSION: &str = "v0:";
/// Fast, and most of a witness is hashes and commitments, which don't compress.
const COMPRESSION: i32 = 3;
/// Slots in one `eth_getProof` at most.
const MAX_SLOTS: usize = 1024;

/// `mega_getBlockWitness({blockNumber, blockHash? | parentHash?, attributesHash?})`: what executing the block needs of the
/// state before it, proven under its parent's state root.
fn get_block_witness(node: &Node, params: &Params<'_>) -> Answer {
    let wanted = wanted(params)?;
    let number = wanted.number;
    let block = named(node, &wanted)?;
    if let Some(known) = node.chain.witnesses.get(&block.hash) {
        return Ok(known.to_vec());
    }
    let Some(parent) = number.checked_sub(1).map(BlockId::number) else {
        return Err(RpcError::new(
            NOT_FOUND,
            "block 0 has no witness: the chain begins with it, and nothing was executed; block 1 has the first",
        ));
    };
    let (before, _) = node.view(parent)?;
    let parent = node
        .sealed(parent)?
        .ok_or_else(|| unreadable(&ViewError::UnknownBlock, parent))?;
    let minis = node.minis_of(&block)?;
    let witness = witness::block_witness(&node.chain, &block, &parent, &minis, &before)
        .map_err(|error| refused(&error))?;
    let packed = packed(&witness)?;
    node.chain.witnesses.put(block.hash, packed.clone().into());
    Ok(packed)
}

/// A block, as who wants its witness names it.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    number: u64,
    hash: Option<B256>,
    /// Of a block that is named by what it was built from: its parent's hash. The hash of the payload attributes, which
    /// comes with it, is not looked at: blocks here are not built from any.
    parent: Option<B256>,
}

/// The sealed block of that number, which must have that hash, or that parent.
fn named(node: &Node, wanted: &Wanted) -> Result<SharedBlock, RpcError> {
    let number = wanted.number;
    let unknown = |id| unreadable(&ViewError::UnknownBlock, id);
    let Some(hash) = wanted.hash else {
        let id = BlockId::number(number);
        let block = node.sealed(id)?.ok_or_else(|| unknown(id))?;
        return match wanted.parent {
            Some(parent) if parent != block.header.parent_hash => Err(RpcError::new(
                NOT_FOUND,
                format!(
                    "block {number} has parent {:#x}, not {parent:#x}",
                    block.header.parent_hash
                ),
            )),
            _ => Ok(block),
        };
    };
    let id = BlockId::from(hash);
    let block = node.sealed(id)?.ok_or_else(|| unknown(id))?;
    match block.header.number {
        of_hash if of_hash == number => Ok(block),
        of_hash => Err(RpcError::new(
            NOT_FOUND,
            format!("block {hash:#x} has number {of_hash}, not {number}"),
        )),
    }
}

/// An object, or number and hash as older clients give them.
fn wanted(params: &Params<'_>) -> Result<Wanted, RpcError> {
    let is_object = params.raw(0).is_some_and(|raw| raw.starts_with('{'));
    if is_object {
        return params.required(0, keys);
    }
    Ok(Wanted {
        number: params.required(0, number)?,
        hash: params.optional(1, values::hash)?,
        parent: None,
    })
}

fn keys(raw: &str) -> Result<Wanted, String> {
    let (mut of_number, mut hash, mut parent, mut attributes) = (None, None, None, None);
    for (name, value) in values::members(raw)? {
        let value = value.get();
        if name != "blockNumber" && value == "null" {
            continue;
        }
        let as_hash = || values::in_member(&name, values::hash(value));
        match name.as_str() {
            "blockNumber" => of_number = Some(values::in_member(&name, number(value))?),
            "blockHash" => hash = Some(as_hash()?),
            "parentHash" => parent = Some(as_hash()?),
            "attributesHash" => attributes = Some(as_hash()?),
            _ => return Err(format!("unknown field {name:?}")),
        }
    }
    match (hash, parent, attributes) {
        (_, None, None) | (None, Some(_), Some(_)) => Ok(Wanted {
            number: of_number.ok_or("blockNumber is missing")?,
            hash,
            parent,
        }),
        (_, None, Some(_)) | (_, Some(_), None) => {
            Err("parentHash and attributesHash go together".to_owned())
        }
        (Some(_), Some(_), Some(_)) => {
            Err("blockHash cannot be combined with parentHash and attributesHash".to_owned())
        }
    }
}

/// A quantity, or a decimal number in quotes.
fn number(raw: &str) -> Result<u64, String> {
    let decimal = raw.trim_matches('"');
    match decimal.parse() {
        Ok(number) => Ok(number),
        Err(_) => values::quantity(raw),
    }
}

/// `"v0:"` and the zstd-compressed bytes in base64.
fn packed(bytes: &[u8]) -> Answer {
    let compressed = zstd::bulk::compress(bytes, COMPRESSION)
        .map_err(|error| RpcError::internal(format!("the witness can't be packed: {error}")))?;
    let mut encoded = json::bytes(|out| json::base64(out, &compressed));
    // Behind the opening quote.
    encoded.splice(1..1, VERSION.bytes());
    Ok(encoded)
}

/// `eth_getProof(address, slots, block)`: Ethereum's answer without its trie's nodes, and SALT's proof of
/// the same. `latest` means the newest sealed block: only those have a root.
fn get_proof(node: &Node, params: &Params<'_>) -> Answer {
    let address: Address = params.required(0, values::address)?;
    let slots = params
        .optional(1, |raw| values::list(raw, values::slot))?
        .unwrap_or_default();
    if slots.len() > MAX_SLOTS {
        return Err(params::invalid(
            1,
            &format!("too many slots (max {MAX_SLOTS})"),
        ));
    }
    let block = sealed(node, params.block(2)?)?;
    let number = block.header.number;
    let (view, _) = node.view(BlockId::number(number))?;
    let account = view
        .account(address)
        .map_err(state_error)?
        .unwrap_or_default();
    let values = slots
        .iter()
        .map(|slot| view.slot(address, *slot))
        .collect::<Result<Vec<U256>, _>>()
        .map_err(state_error)?;

    let keys = slots.iter().map(|slot| PlainKey::slot(address, *slot));
    let reads: BTreeSet<Vec<u8>> = std::iter::once(PlainKey::account(address))
        .chain(keys)
        .map(PlainKey::to_bytes)
        .collect();
    let needs = AccessSet {
        reads,
        ..AccessSet::default()
    };
    let witness = witness::prove(&node.chain, number, &needs)
        .and_then(|witness| witness.ok_or(WitnessError::Gone { block: number }))
        .map_err(|error| refused(&error))?;
    let proof = packed(&witness.encode())?;

    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        object.data("address", address.as_slice());
        object.member("accountProof").extend_from_slice(b"[]");
        object
            .quantity_u256("balance", &account.balance)
            .hash("codeHash", &account.code_hash)
            .quantity("nonce", account.nonce)
            .hash("storageHash", &storage_hash(address, &block));
        let entries = slots.iter().zip(&values);
        json::array(
            object.member("storageProof"),
            entries,
            |out, (slot, value)| {
                let mut entry = Object::open(out);
                entry
                    .quantity_u256("key", slot)
                    .quantity_u256("value", value);
                entry.member("proof").extend_from_slice(b"[]");
                entry.close();
            },
        );
        let mut salt = Object::open(object.member("saltProof"));
        salt.quantity("blockNumber", number)
            .hash("blockHash", &block.hash)
            .hash("stateRoot", &block.header.state_root)
            .quantity("dataBuckets", node.chain.config.salt_data_buckets.into())
            .member("witness")
            .extend_from_slice(&proof);
        salt.close();
        object.close();
    }))
}

/// The only storage that has a root of its own is the message passer's; it stands in the header.
fn storage_hash(address: Address, block: &BlockRecord) -> B256 {
    let root = block.header.withdrawals_root;
    root.filter(|_| address == WITHDRAWALS_ADDRESS)
        .unwrap_or_default()
}

fn sealed(node: &Node, id: BlockId) -> Result<SharedBlock, RpcError> {
    let id = match id {
        BlockId::Number(BlockNumberOrTag::Latest | BlockNumberOrTag::Pending) => {
            BlockId::number(node.chain.recent.visible_block())
        }
        id => id,
    };
    node.sealed(id)?
        .ok_or_else(|| unreadable(&ViewError::UnknownBlock, id))
}

fn refused(error: &WitnessError) -> RpcError {
    match error {
        WitnessError::Gone { .. } => RpcError::new(NOT_FOUND, error.to_string()),
        error => RpcError::internal(error.to_string()),
    }
}
