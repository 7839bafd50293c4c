//! Everything that re-executing a block needs, and its encoding.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::{Decodable, RlpDecodable, RlpEncodable};

use super::{
    replay::{Replay, ReplayError, Rules, cache},
    witness::{Recorded, Recorder, Witness},
};
use crate::{
    block::{BlockRecord, DecodeError, MiniBlock, PlainKey, PlainValue, WITHDRAWALS_ADDRESS},
    chain::Chain,
    commitment::{Asked, WitnessError, needs_of, prove},
    evm::{self, BlockContext, BucketCapacities, ExternalEnv, FixedCapacities},
    salt::types::BucketMeta,
    state::{Change, View},
};

/// The version of the encoding.
const VERSION: u8 = 2;

/// A block with its parent, the state that it reads, and the chain's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockInput {
    /// EIP-155's chain id.
    pub chain_id: u64,
    /// The rules by name.
    pub spec: String,
    /// The sequencer's address at genesis.
    pub sequencer: Address,
    /// The block gas limit of the chain.
    pub gas_limit: u64,
    /// The base fee of the chain, wei.
    pub base_fee: u64,
    /// Who receives priority fees.
    pub coinbase: Address,
    /// The headers' extra data.
    pub extra_data: Bytes,
    /// Bucket capacities other than 256.
    pub capacities: Vec<(u32, u64)>,
    /// The hash by which the block is known.
    pub hash: B256,
    /// The block.
    pub block: BlockRecord,
    /// Its parent.
    pub parent: BlockRecord,
    /// Its mini-blocks.
    pub minis: Vec<MiniBlock>,
    /// The state before the block, of every key that it reads or changes.
    pub values: Vec<(PlainKey, PlainValue)>,
    /// Code that it runs.
    pub codes: Vec<Bytes>,
    /// Hashes of older blocks that it asks for.
    pub hashes: Vec<(u64, B256)>,
    /// How many data buckets SALT has on the chain.
    pub data_buckets: u32,
    /// SALT's witness, which ties the values to the parent's state root; nothing if the sequencer can't
    /// prove that state any more.
    pub proof: Bytes,
}

#[derive(RlpEncodable, RlpDecodable)]
struct Pair {
    key: Bytes,
    value: Bytes,
}

#[derive(RlpEncodable, RlpDecodable)]
struct Capacity {
    bucket: u32,
    capacity: u64,
}

#[derive(RlpEncodable, RlpDecodable)]
struct NumberedHash {
    number: u64,
    hash: B256,
}

#[derive(RlpEncodable, RlpDecodable)]
struct Encoded {
    version: u8,
    chain_id: u64,
    spec: String,
    sequencer: Address,
    gas_limit: u64,
    base_fee: u64,
    coinbase: Address,
    extra_data: Bytes,
    capacities: Vec<Capacity>,
    hash: B256,
    block: Bytes,
    parent: Bytes,
    minis: Vec<Bytes>,
    values: Vec<Pair>,
    codes: Vec<Bytes>,
    hashes: Vec<NumberedHash>,
    data_buckets: u32,
    proof: Bytes,
}

impl BlockInput {
    /// The input's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let pair = |(key, value): &(PlainKey, PlainValue)| Pair {
            key: key.to_bytes().into(),
            value: value.to_bytes().into(),
        };
        let encoded = Encoded {
            version: VERSION,
            chain_id: self.chain_id,
            spec: self.spec.clone(),
            sequencer: self.sequencer,
            gas_limit: self.gas_limit,
            base_fee: self.base_fee,
            coinbase: self.coinbase,
            extra_data: self.extra_data.clone(),
            capacities: self
                .capacities
                .iter()
                .map(|(bucket, capacity)| Capacity {
                    bucket: *bucket,
                    capacity: *capacity,
                })
                .collect(),
            hash: self.hash,
            block: self.block.encode().into(),
            parent: self.parent.encode().into(),
            minis: self.minis.iter().map(|mini| mini.encode().into()).collect(),
            values: self.values.iter().map(pair).collect(),
            codes: self.codes.clone(),
            hashes: self
                .hashes
                .iter()
                .map(|(number, hash)| NumberedHash {
                    number: *number,
                    hash: *hash,
                })
                .collect(),
            data_buckets: self.data_buckets,
            proof: self.proof.clone(),
        };
        alloy_rlp::encode(encoded)
    }

    /// Reads an input.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, DecodeError> {
        let encoded = Encoded::decode(&mut bytes)
            .map_err(|error| DecodeError::new(format!("malformed block input: {error}")))?;
        if !bytes.is_empty() {
            return Err(DecodeError::new(
                "malformed block input: bytes behind its end",
            ));
        }
        if encoded.version != VERSION {
            return Err(DecodeError::new(format!(
                "the block input is of version {}; this program reads version {VERSION}",
                encoded.version
            )));
        }
        let pair = |pair: &Pair| {
            let key = PlainKey::from_bytes(&pair.key)?;
            let value = PlainValue::from_bytes(&pair.value)?;
            match value.fits(&key) {
                true => Ok((key, value)),
                false => Err(DecodeError::new(
                    "a value of the block input doesn't fit its key",
                )),
            }
        };
        Ok(Self {
            chain_id: encoded.chain_id,
            spec: encoded.spec,
            sequencer: encoded.sequencer,
            gas_limit: encoded.gas_limit,
            base_fee: encoded.base_fee,
            coinbase: encoded.coinbase,
            extra_data: encoded.extra_data,
            capacities: encoded
                .capacities
                .iter()
                .map(|c| (c.bucket, c.capacity))
                .collect(),
            hash: encoded.hash,
            block: BlockRecord::decode(&encoded.block)?,
            parent: BlockRecord::decode(&encoded.parent)?,
            minis: encoded
                .minis
                .iter()
                .map(|mini| MiniBlock::decode(mini))
                .collect::<Result<_, _>>()?,
            values: encoded.values.iter().map(pair).collect::<Result<_, _>>()?,
            codes: encoded.codes,
            hashes: encoded.hashes.iter().map(|h| (h.number, h.hash)).collect(),
            data_buckets: encoded.data_buckets,
            proof: encoded.proof,
        })
    }

    /// Collects the input of a sealed block by executing it over the state before it.
    pub fn build(
        chain: &Chain,
        block: &BlockRecord,
        parent: &BlockRecord,
        minis: &[Arc<MiniBlock>],
        before: &View,
    ) -> Result<Self, ReplayError> {
        let number = parent.header.number;
        let asked = Arc::new(Asked::new(chain, number));
        let (recorded, changes) = record(chain, block, minis, before, asked.clone())?;
        let needs = needs_of(&recorded, &changes, asked.buckets());
        let proof = match prove(chain, number, &needs) {
            Ok(witness) => witness.map(|witness| witness.encode().into()),
            Err(WitnessError::Gone { .. }) => None,
            Err(error) => return Err(ReplayError::of(error)),
        };
        let config = &chain.config;
        Ok(Self {
            chain_id: config.chain_id,
            spec: config.spec.clone(),
            sequencer: chain.sequencer.address(),
            gas_limit: config.gas_limit,
            base_fee: config.base_fee,
            coinbase: config.coinbase,
            extra_data: config.extra_data.clone(),
            capacities: capacities_of(chain, number),
            hash: block.hash,
            block: block.clone(),
            parent: parent.clone(),
            minis: minis.iter().map(|mini| MiniBlock::clone(mini)).collect(),
            values: recorded.values,
            codes: recorded.codes,
            hashes: recorded.hashes,
            data_buckets: config.salt_data_buckets,
            proof: proof.unwrap_or_default(),
        })
    }

    /// The chain's rules, or why they are none.
    pub(super) fn rules(&self) -> Result<Rules, DecodeError> {
        let spec = evm::spec_by_name(&self.spec)
            .ok_or_else(|| DecodeError::new(format!("unknown spec {:?}", self.spec)))?;
        let capacities: BTreeMap<u32, u64> = self.capacities.iter().copied().collect();
        Ok(Rules {
            chain_id: self.chain_id,
            hardforks: evm::hardforks(spec, self.sequencer),
            external: ExternalEnv::new(Arc::new(FixedCapacities {
                capacities,
                data_buckets: self.data_buckets,
            })),
            sequencer: self.sequencer,
        })
    }

    /// The state before the block.
    pub(super) fn witness(&self) -> Witness {
        Witness::new(
            self.values.iter().copied(),
            self.codes.iter().cloned(),
            self.hashes.iter().copied(),
        )
    }
}

/// Executes a sealed block over the state before it and records what that reads, what the block says it
/// changed, and what its withdrawals root needs; and the changes that execution makes.
pub fn record(
    chain: &Chain,
    block: &BlockRecord,
    minis: &[Arc<MiniBlock>],
    before: &View,
    capacities: Arc<dyn BucketCapacities>,
) -> Result<(Recorded, Vec<Change>), ReplayError> {
    let recorder = Recorder::new(before);
    let mut rules = rules_of(chain, block.header.number);
    rules.external = ExternalEnv::new(capacities);
    let mut cache = cache(&recorder);
    let context = BlockContext::of(&block.header);
    let extra_data = block.header.extra_data.clone();
    let mut replay = Replay::begin(&recorder, &mut cache, &rules, &context, extra_data)?;
    for record in minis.iter().flat_map(|mini| &mini.txs) {
        let envelope = record.envelope().map_err(ReplayError::of)?;
        replay.execute(&envelope, record.sender)?;
    }
    let changes = replay.take_effect().changes;
    drop(replay);
    drop(cache);
    // What the block says it changed must be comparable even where execution disagrees.
    let changed = minis.iter().flat_map(|mini| &mini.diff.entries);
    for (key, _) in changed {
        recorder.value(*key).map_err(ReplayError::of)?;
    }
    record_withdrawals(chain, &recorder, minis)?;
    Ok((recorder.finish(), changes))
}

/// The capacities at the end of a block that are not 256.
fn capacities_of(chain: &Chain, block: u64) -> Vec<(u32, u64)> {
    let then = chain.capacities_at(block);
    let all = chain.capacities.all().into_iter();
    all.map(|(bucket, _)| (bucket, then.capacity(bucket)))
        .filter(|(_, capacity)| *capacity != BucketMeta::default().capacity)
        .collect()
}

/// The rules of a running chain, for one of its blocks.
pub fn rules_of(chain: &Chain, block: u64) -> Rules {
    Rules {
        chain_id: chain.config.chain_id,
        hardforks: chain.hardforks.clone(),
        external: ExternalEnv::new(chain.capacities_at(block.saturating_sub(1))),
        sequencer: chain.sequencer.address(),
    }
}

/// The withdrawals root is a Merkle root over one contract's whole storage: if the block changes that,
/// all of it must be known. Its slots are never cleared, so that the newest state names them all.
fn record_withdrawals(
    chain: &Chain,
    recorder: &Recorder<'_>,
    minis: &[Arc<MiniBlock>],
) -> Result<(), ReplayError> {
    let is_slot = |key: &PlainKey| key.address == WITHDRAWALS_ADDRESS && key.slot.is_some();
    let changed = minis
        .iter()
        .any(|mini| mini.diff.entries.iter().any(|(key, _)| is_slot(key)));
    if !changed {
        return Ok(());
    }
    let mut keys = Vec::new();
    chain.world.for_each(|key, _| {
        if is_slot(&key) {
            keys.push(key);
        }
    });
    for key in keys {
        recorder.value(key).map_err(ReplayError::of)?;
    }
    Ok(())
}
