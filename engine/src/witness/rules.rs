//! What a checker must know of the chain beforehand.

use crate::{
    chain::Chain,
    json::{self, Object},
    verify::stateless::write_config,
};

/// The chain's rules in the form that [`ChainRules::from_json`](crate::verify::stateless::ChainRules::from_json) reads.
pub(crate) fn rules_json(chain: &Chain) -> Vec<u8> {
    json::bytes(|out| {
        let mut object = Object::open(out);
        object
            .number("chainId", chain.config.chain_id)
            .string("spec", &chain.config.spec)
            .data("sequencer", chain.sequencer.address().as_slice())
            .number("dataBuckets", u64::from(chain.config.salt_data_buckets));
        let mut config = Object::open(object.member("config"));
        write_config(&mut config, chain.config.chain_id, &chain.hardforks);
        config.close();
        if chain.config.interventions {
            object.bool("interventions", true);
        }
        let mut header = Object::open(object.member("header"));
        header
            .number("gasLimit", chain.config.gas_limit)
            .number("baseFee", chain.config.base_fee)
            .data("coinbase", chain.config.coinbase.as_slice())
            .data("extraData", &chain.config.extra_data);
        header.close();
        object.close();
    })
}
