//! Who created a contract.

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256};

use super::{
    super::{
        Node, RpcError,
        history::{first_with, oldest},
        listed::{LIST, listed, read},
        params::Params,
        read::Answer,
        render::json::{self, Object},
        traced::Part,
        values,
    },
    is_contract,
};

/// `ots_getContractCreator(address)`: null if there is no contract, or no transaction made it.
pub(super) fn creator(node: &Node, params: &Params<'_>) -> Answer {
    let contract = params.required(0, values::address)?;
    let exists = |block| {
        let (view, _) = node.view(BlockId::number(block))?;
        is_contract(&view, contract)
    };
    let (before, now) = (oldest(node), node.chain.recent.visible_block());
    if !exists(now)? || exists(before)? {
        return Ok(json::null_bytes());
    }
    let block = first_with(node, before, now, exists)?;
    let Some((hash, creator)) = creation_in(node, block, contract)? else {
        return Ok(json::null_bytes());
    };
    Ok(json::bytes(|out| {
        let mut object = Object::open(out);
        object
            .hash("hash", &hash)
            .data("creator", creator.as_slice());
        object.close();
    }))
}

/// The last creation of a contract in a block: the transaction, and who created it there.
fn creation_in(
    node: &Node,
    block: u64,
    contract: Address,
) -> Result<Option<(B256, Address)>, RpcError> {
    let mut found = None;
    let part = Part::block(node, BlockId::number(block))?;
    part.each(node, &LIST, &mut Vec::new(), |_, record, trace| {
        let mut list = Vec::new();
        trace.write(&mut list)?;
        if !record.result.success {
            return Ok(());
        }
        for one in listed(&list)? {
            let one = read(one)?;
            let created = one.result.as_ref().and_then(|result| result.address);
            if created == Some(contract) {
                found = one.action.from.map(|creator| (record.hash, creator));
            }
        }
        Ok(())
    })?;
    Ok(found)
}
