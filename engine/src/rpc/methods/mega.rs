//! MegaETH's own methods: mini-blocks, and the chain's rules.

use super::{
    Method, Node, block_id,
    blocks::by_id,
    params::Params,
    read::Answer,
    render::{json, mini},
    values,
};
use crate::witness::rules_json;

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("mega_getMiniBlock", &["number"], get_mini_block, "A mini-block with its transactions and receipts, as subscribers hear of it."),
    Method::worker("mega_getBlockMiniBlocks", &["block"], get_block_mini_blocks, "A block's mini-blocks with the hashes of their transactions."),
    Method::inline("mega_getChainRules", &[], get_chain_rules, "What a stateless check must know of the chain."),
];

/// `mega_getMiniBlock(number)`: as the `miniBlocks` subscription gave it.
fn get_mini_block(node: &Node, params: &Params<'_>) -> Answer {
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
fn get_block_mini_blocks(node: &Node, params: &Params<'_>) -> Answer {
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
fn get_chain_rules(node: &Node, _: &Params<'_>) -> Answer {
    Ok(rules_json(&node.chain))
}
