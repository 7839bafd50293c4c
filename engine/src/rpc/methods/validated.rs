//! What stateless validators report, and are told back. It is what `safe` and `finalized` mean where no provers are
//! counted; where there are, that takes a quorum's attestations, which Python counts.

use alloy_primitives::B256;
use serde_json::value::RawValue;

use super::{
    Method, Node,
    params::Params,
    read::{Answer, unreadable},
    render::json::{self, Object},
    values,
};
use crate::chain::Named;

/// This namespace's methods.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    Method::inline("mega_getValidatedChain", &[], get_validated_chain, "The newest block that a validator has reported: `tip`, `[number, hash]`. `anchor`: behind which block this node's own validator has begun; null: it has none."),
    Method::inline("mega_setValidatedBlocks", &["first", "last"], set_validated_blocks, "Takes the first and the last block, `[number, hash]` each, of a run that a validator has checked."),
];

/// `mega_getValidatedChain()`.
fn get_validated_chain(node: &Node, _: &Params<'_>) -> Answer {
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        let verified = &node.chain.verified;
        for (name, block) in [("anchor", verified.anchor()), ("tip", verified.reported())] {
            match block {
                Some(block) => pair(object.member(name), block),
                None => {
                    object.null(name);
                }
            }
        }
        object.close();
    }))
}

/// `mega_setValidatedBlocks([number, hash], [number, hash])`: the first and the last block of a run that
/// a validator has checked. Accepted if both are this chain's.
fn set_validated_blocks(node: &Node, params: &Params<'_>) -> Answer {
    let first = params.required(0, named)?;
    let last = params.required(1, named)?;
    let is_ours = |(number, hash): Named| {
        let block = node
            .chain
            .block(number)
            .map_err(|error| unreadable(&error, alloy_eips::BlockId::number(number)))?;
        Ok::<_, super::RpcError>(block.is_some_and(|block| block.hash == hash))
    };
    let accepted = first.0 <= last.0 && is_ours(first)? && is_ours(last)?;
    let genesis = (node.chain.first_block(), node.chain.genesis.hash);
    let newest = match accepted {
        true => node.chain.verified.report(last),
        false => node.chain.verified.reported().unwrap_or(genesis),
    };
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        object.bool("accepted", accepted);
        pair(object.member("lastValidatedBlock"), newest);
        object.close();
    }))
}

/// A block as the real chain's validator reads it: a plain number, and a hash.
fn pair(out: &mut Vec<u8>, (number, hash): Named) {
    out.push(b'[');
    json::number(out, number);
    out.push(b',');
    json::data(out, hash.as_slice());
    out.push(b']');
}

fn named(raw: &str) -> Result<Named, String> {
    let pair: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
    let [number, hash] = pair[..] else {
        return Err("expected [block number, block hash]".to_owned());
    };
    let hash: B256 = values::hash(hash.get())?;
    Ok((values::quantity(number.get())?, hash))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rpc::testing::Devnet;

    #[test]
    fn a_run_of_our_blocks_is_accepted_and_the_newest_remembered() {
        let mut net = Devnet::new();
        let blocks = [net.block(), net.block(), net.block()];
        let pair = |nth: usize| json!([blocks[nth].header.number, blocks[nth].hash]);
        let report =
            |net: &Devnet, first, last| net.get("mega_setValidatedBlocks", &json!([first, last]));
        let accepted = |nth: usize| json!({"accepted": true, "lastValidatedBlock": pair(nth)});
        assert_eq!(report(&net, pair(0), pair(1)), accepted(1));
        assert_eq!(report(&net, pair(0), pair(0)), accepted(1));
        let foreign = json!([blocks[2].header.number, blocks[1].hash]);
        let refused = json!({"accepted": false, "lastValidatedBlock": pair(1)});
        assert_eq!(report(&net, pair(0), foreign), refused);
        assert_eq!(report(&net, pair(2), pair(1)), refused);
        let reported = net.node.chain.verified.reported();
        assert_eq!(reported, Some((2, blocks[1].hash)));
    }

    #[test]
    fn without_provers_safe_and_finalized_are_what_validators_have_reported() {
        let mut net = Devnet::new();
        let tags = |net: &Devnet| {
            ["latest", "safe", "finalized"]
                .map(|tag| net.get("eth_getBlockByNumber", &json!([tag, false]))["number"].clone())
        };
        let told = |net: &Devnet| net.get("mega_getValidatedChain", &json!([]));
        let blocks = [net.block(), net.block(), net.block()];
        assert_eq!(told(&net), json!({"anchor": null, "tip": null}));
        assert_eq!(tags(&net), [json!("0x3"), json!("0x3"), json!("0x3")]);
        let pair = |nth: usize| json!([blocks[nth].header.number, blocks[nth].hash]);
        net.get("mega_setValidatedBlocks", &json!([pair(0), pair(1)]));
        assert_eq!(told(&net), json!({"anchor": null, "tip": pair(1)}));
        assert_eq!(tags(&net), [json!("0x3"), json!("0x2"), json!("0x2")]);
    }

    #[test]
    fn a_node_with_a_validator_says_where_that_began() {
        let mut net = Devnet::new();
        let block = net.block();
        net.node.chain.verified.begin_after((1, block.hash));
        let told = net.get("mega_getValidatedChain", &json!([]));
        assert_eq!(told, json!({"anchor": [1, block.hash], "tip": null}));
    }

    #[test]
    fn a_report_is_no_quorum() {
        let mut net = Devnet::with("rex6", |config| config.quorum = 1);
        let block = net.block();
        let pair = json!([block.header.number, block.hash]);
        net.get("mega_setValidatedBlocks", &json!([pair, pair]));
        assert_eq!(net.node.chain.verified.height(), Some(0));
    }

    #[test]
    fn safe_and_finalized_are_the_newest_verified_block_when_provers_run() {
        let mut net = Devnet::with("rex6", |config| config.quorum = 1);
        (0..3).for_each(|_| drop(net.block()));
        let numbers = |net: &Devnet| {
            ["latest", "safe", "finalized"]
                .map(|tag| net.get("eth_getBlockByNumber", &json!([tag, false]))["number"].clone())
        };
        assert_eq!(numbers(&net), [json!("0x3"), json!("0x0"), json!("0x0")]);
        net.node.chain.verified.raise(2);
        net.node.chain.verified.raise(1);
        assert_eq!(numbers(&net), [json!("0x3"), json!("0x2"), json!("0x2")]);
        net.node.chain.verified.raise(9);
        assert_eq!(numbers(&net), [json!("0x3"), json!("0x3"), json!("0x3")]);
        let sealed = Devnet::new();
        assert_eq!(numbers(&sealed), [json!("0x0"), json!("0x0"), json!("0x0")]);
        assert_eq!(sealed.node.chain.verified.height(), None);
    }

    #[test]
    fn a_block_claim_holds_what_changed_in_all() {
        let mut net = Devnet::new();
        net.run(&crate::rpc::testing::calling(
            crate::rpc::testing::COUNTER,
            [],
            0,
        ));
        net.block();
        net.run(&crate::rpc::testing::calling(
            crate::rpc::testing::COUNTER,
            [],
            1,
        ));
        net.run(&crate::rpc::testing::calling(
            crate::rpc::testing::COUNTER,
            [],
            2,
        ));
        let block = net.block();
        let chain = &net.node.chain;
        let claim = chain.block_claim(2).unwrap().unwrap();
        assert_eq!(claim.block_hash, block.hash);
        assert_eq!(claim.state_root, block.header.state_root);
        let parent = chain.block(1).unwrap().unwrap();
        assert_eq!(claim.parent_state_root, parent.header.state_root);
        // The counter went from 1 to 3 in two mini-blocks: once in the net diff.
        let minis: Vec<_> = (block.first_mini..block.next_mini())
            .map(|number| chain.mini(number).unwrap().unwrap())
            .collect();
        let mut folded = crate::block::FoldedDiffs::default();
        minis.iter().for_each(|mini| folded.add(mini.diff.clone()));
        let folded = crate::block::StateDiff {
            entries: folded.entries.into_iter().collect(),
            codes: Vec::new(),
        };
        assert_eq!(claim.diff_digest, folded.digest());
        assert_eq!(chain.block_claim(0).unwrap(), None);
        assert_eq!(chain.block_claim(3).unwrap(), None);
    }
}
