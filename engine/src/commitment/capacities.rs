//! How many slots each bucket has, now and as of earlier blocks: what storage gas depends on.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;

use super::resize::{BucketResize, bucket_key};
use crate::{
    evm::{BucketCapacities, UnknownCapacity, chain_bucket},
    salt::types::{BucketId, BucketMeta},
    state::Archive,
};

/// The metadata of all buckets that ever grew. Cheap to clone, all clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Capacities {
    /// How many data buckets the chain uses; it divides the network's number.
    data_buckets: u32,
    known: Arc<RwLock<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    now: BTreeMap<BucketId, BucketMeta>,
    /// Every growth since the start of this process, with its block.
    log: Vec<(u64, BucketResize)>,
    /// Blocks from here on are in the log.
    since: u64,
}

impl Capacities {
    /// Nothing has grown.
    pub(crate) fn new(data_buckets: u32) -> Self {
        Self {
            data_buckets,
            known: Arc::default(),
        }
    }

    /// What a snapshot says of a bucket.
    pub(crate) fn load(&self, bucket: BucketId, meta: BucketMeta) {
        self.known.write().now.insert(bucket, meta);
    }

    /// What is loaded is as of the end of `block`.
    pub(crate) fn loaded(&self, block: u64) {
        let mut known = self.known.write();
        known.since = block + 1;
        known.log.clear();
    }

    /// Takes what grew in a block.
    pub(crate) fn grow(&self, block: u64, list: &[BucketResize]) {
        if list.is_empty() {
            return;
        }
        let mut known = self.known.write();
        for growth in list {
            known.now.insert(growth.bucket, growth.new);
            known.log.push((block, *growth));
        }
    }

    /// Nothing after `block` has grown; `buckets` are those that had, as they were at its end.
    pub(crate) fn rewind(&self, block: u64, buckets: &BTreeMap<BucketId, BucketMeta>) {
        let mut known = self.known.write();
        known.now.extend(buckets);
        known.log.retain(|(of, _)| *of <= block);
        known.since = known.since.min(block + 1);
    }

    /// Every bucket that has grown, with its metadata now.
    pub(crate) fn all(&self) -> Vec<(BucketId, BucketMeta)> {
        let known = self.known.read();
        known.now.iter().map(|(id, meta)| (*id, *meta)).collect()
    }

    /// The capacities at the end of `block`.
    pub(crate) fn at(&self, block: u64, archive: Arc<dyn Archive>) -> Arc<dyn BucketCapacities> {
        Arc::new(PastCapacities {
            capacities: self.clone(),
            archive,
            block,
        })
    }

    /// The chain's bucket for one of the network's.
    pub(crate) fn bucket(&self, of_network: BucketId) -> BucketId {
        chain_bucket(of_network, self.data_buckets)
    }

    fn meta(&self, bucket: BucketId) -> BucketMeta {
        let known = self.known.read();
        known.now.get(&bucket).copied().unwrap_or_default()
    }
}

impl BucketCapacities for Capacities {
    fn capacity(&self, bucket: BucketId) -> Result<u64, UnknownCapacity> {
        Ok(self.meta(self.bucket(bucket)).capacity)
    }
}

struct PastCapacities {
    capacities: Capacities,
    archive: Arc<dyn Archive>,
    block: u64,
}

impl std::fmt::Debug for PastCapacities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PastCapacities").field(&self.block).finish()
    }
}

impl BucketCapacities for PastCapacities {
    fn capacity(&self, bucket: BucketId) -> Result<u64, UnknownCapacity> {
        let bucket = self.capacities.bucket(bucket);
        let logged = {
            let known = self.capacities.known.read();
            if !known.now.contains_key(&bucket) {
                return Ok(BucketMeta::default().capacity);
            }
            let next = known
                .log
                .iter()
                .find(|(block, growth)| *block > self.block && growth.bucket == bucket);
            (self.block + 1 >= known.since).then(|| next.map(|(_, growth)| growth.old))
        };
        let archived = || {
            let bytes = self.archive.value_at(&bucket_key(bucket), self.block);
            let bytes = bytes.map_err(|error| UnknownCapacity(error.to_string()))?;
            Ok(bytes.map(|bytes| BucketMeta::decode(&bytes).unwrap_or_default()))
        };
        let old = logged.map_or_else(archived, Ok)?;
        Ok(old.unwrap_or_else(|| self.capacities.meta(bucket)).capacity)
    }
}
