//! What of a forked chain lies before the fork: the remote answers for it, and its errors are shown as they are.
//!
//! | asked for                                | answered by                                                       |
//! |------------------------------------------|-------------------------------------------------------------------|
//! | a block before the first one here        | the remote: blocks, receipts, state and calls there, traces       |
//! | a hash that nobody here knows            | the remote, unless what it has there is of a later block          |
//! | logs from before the fork to after it    | the remote as far as the fork, this chain from there on           |
//! | a proof                                  | nobody: the state root covers only what was written here          |

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, U64};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Answer, Handler, Home, Method, Node, Params, RpcError,
    params::{block_id, values},
    render::{UNSEALED_HASH, json},
};
use crate::fork::{ForkState, RemoteError};

pub(super) use super::methods::prefetch;

/// Namespaces that the remote has too.
const SHARED: [&str; 3] = ["eth_", "debug_", "trace_"];
/// What they call a parameter that names a block, and one that is a hash.
const BLOCK: [&str; 3] = ["block", "number or tag", "newest block"];
const HASH: &str = "hash";
/// Methods with one of these in their names ask about a block by its hash, others about a transaction.
const OF_BLOCKS: [&str; 2] = ["Block", "Header"];
/// Its hash is neither's.
const CODE_BY_HASH: &str = "eth_getCodeByHash";

/// Whether whoever reads its parameters may have to wait for the remote.
pub(super) fn may_wait(node: &Node, method: &Method) -> bool {
    node.chain.fork.is_some() && !method.params.is_empty()
}

/// Runs a handler with parameters in JSON, or asks the remote instead.
pub(super) fn answer(node: &Node, method: &Method, handler: Handler, text: &str) -> Answer {
    let params = Params::read(text, method.params)?;
    let Some(fork) = &node.chain.fork else {
        return handler(node, &params);
    };
    if method.home == Home::Commitment {
        return Err(RpcError::server(
            "a forked chain has no proofs: its state root covers only what was written since the fork",
        ));
    }
    if method.name == "eth_getLogs" {
        return logs(node, fork, method, handler, &params);
    }
    match subject(node, method, &params) {
        Subject::Here => handler(node, &params),
        Subject::Before => remote(fork, method.name, text),
        Subject::Foreign(named) => by_hash(node, fork, method, handler, text, named),
    }
}

/// What a request is about.
enum Subject {
    /// Something here, or nothing in particular.
    Here,
    /// A block before the first one here.
    Before,
    /// Something that isn't one of ours.
    Foreign(Named),
}

/// What has a hash.
enum Named {
    Transaction(B256),
    Block(B256),
}

fn subject(node: &Node, method: &Method, params: &Params<'_>) -> Subject {
    let is_shared = SHARED.iter().any(|prefix| method.name.starts_with(prefix));
    if !is_shared || method.name == CODE_BY_HASH {
        return Subject::Here;
    }
    for (position, name) in method.params.iter().enumerate() {
        let name = name.trim_end_matches('?');
        let Some(raw) = params.raw(position) else {
            continue;
        };
        // What can't be read is for the handler to refuse.
        if BLOCK.contains(&name) {
            return match block_id::read(raw) {
                Ok(BlockId::Number(BlockNumberOrTag::Earliest)) => Subject::Before,
                Ok(BlockId::Number(BlockNumberOrTag::Number(number)))
                    if number < node.chain.first_block() =>
                {
                    Subject::Before
                }
                Ok(BlockId::Hash(hash)) if is_foreign(node, &hash.block_hash) => {
                    Subject::Foreign(Named::Block(hash.block_hash))
                }
                _ => Subject::Here,
            };
        }
        if name == HASH
            && let Ok(hash) = values::hash(raw)
            && is_foreign(node, &hash)
        {
            return match OF_BLOCKS.iter().any(|word| method.name.contains(word)) {
                true => Subject::Foreign(Named::Block(hash)),
                false => Subject::Foreign(Named::Transaction(hash)),
            };
        }
    }
    Subject::Here
}

/// Whether nothing here has this hash.
fn is_foreign(node: &Node, hash: &B256) -> bool {
    let chain = &node.chain;
    *hash != UNSEALED_HASH
        && matches!(chain.transaction(hash), Ok(None))
        && chain.block_number(hash).is_none()
        && node.pool.get(hash).is_none()
}

/// A block or a transaction, as far as it says where it stands.
#[derive(Deserialize)]
struct Placed {
    #[serde(alias = "blockNumber")]
    number: Option<U64>,
}

/// What the remote answers about a hash, if it had what has it at the fork. Otherwise the handler says that there is
/// nothing.
fn by_hash(
    node: &Node,
    fork: &ForkState,
    method: &Method,
    handler: Handler,
    text: &str,
    named: Named,
) -> Answer {
    let (finder, params) = match named {
        Named::Transaction(hash) => ("eth_getTransactionByHash", format!("[\"{hash:#x}\"]")),
        Named::Block(hash) => ("eth_getBlockByHash", format!("[\"{hash:#x}\",false]")),
    };
    let found = remote(fork, finder, &params)?;
    let placed: Option<Placed> = serde_json::from_slice(&found)
        .map_err(|error| RpcError::server(format!("the remote's answer to {finder}: {error}")))?;
    let number = placed.and_then(|placed| placed.number);
    match number.is_some_and(|number| number.to::<u64>() <= fork.point.number) {
        true => remote(fork, method.name, text),
        false => handler(node, &Params::read(text, method.params)?),
    }
}

/// Logs of the remote up to the fork, and of this chain from there on.
fn logs(
    node: &Node,
    fork: &ForkState,
    method: &Method,
    handler: Handler,
    params: &Params<'_>,
) -> Answer {
    let raw = params.raw(0).unwrap_or_default();
    // What can't be read is for the handler to refuse.
    let Ok(filter) = serde_json::from_str::<Map<String, Value>>(raw) else {
        return handler(node, params);
    };
    if let Some(hash) = filter.get("blockHash").filter(|hash| !hash.is_null()) {
        return match values::hash(&hash.to_string()) {
            Ok(hash) if is_foreign(node, &hash) => by_hash(
                node,
                fork,
                method,
                handler,
                &format!("[{raw}]"),
                Named::Block(hash),
            ),
            _ => handler(node, params),
        };
    }
    let bound = |name: &str| match filter.get(name) {
        Some(value) if !value.is_null() => block_id::number_or_tag(&value.to_string()).ok(),
        _ => Some(BlockNumberOrTag::Latest),
    };
    let first = node.chain.first_block();
    let is_before = |tag: BlockNumberOrTag| match tag {
        BlockNumberOrTag::Earliest => true,
        tag => tag.as_number().is_some_and(|number| number < first),
    };
    let (Some(from), Some(to)) = (bound("fromBlock"), bound("toBlock")) else {
        return handler(node, params);
    };
    if !is_before(from) {
        return handler(node, params);
    }
    if is_before(to) {
        return remote(fork, method.name, &format!("[{raw}]"));
    }
    let part = |name: &str, number: u64| {
        let mut filter = filter.clone();
        filter.insert(name.to_owned(), format!("{number:#x}").into());
        format!("[{}]", Value::from(filter))
    };
    let older = remote(fork, method.name, &part("toBlock", fork.point.number))?;
    let newer = part("fromBlock", first);
    let newer = handler(node, &Params::read(&newer, method.params)?)?;
    joined(&older, &newer)
}

/// Two lists as one.
fn joined(first: &[u8], second: &[u8]) -> Answer {
    let inner = |list: &[u8]| -> Option<Vec<u8>> {
        let list = list.trim_ascii().strip_prefix(b"[")?.strip_suffix(b"]")?;
        Some(list.trim_ascii().to_vec())
    };
    let (Some(mut first), Some(second)) = (inner(first), inner(second)) else {
        return Err(RpcError::server(
            "the remote's answer to eth_getLogs is no list",
        ));
    };
    if !first.is_empty() && !second.is_empty() {
        first.push(b',');
    }
    Ok([b"[".as_slice(), &first, &second, b"]"].concat())
}

/// The remote's answer as it is.
fn remote(fork: &ForkState, method: &str, params: &str) -> Answer {
    let answer = fork.ask(method, params).map_err(RpcError::from)?;
    Ok(match answer.is_empty() {
        true => json::null_bytes(),
        false => answer,
    })
}

impl From<RemoteError> for RpcError {
    fn from(error: RemoteError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            data: error.data,
            mega: None,
        }
    }
}
