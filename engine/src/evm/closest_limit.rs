//! Which of MegaETH's limits a transaction has met, or came closest to.

use alloy_sol_types::SolError as _;
use mega_evm::{MegaLimitExceeded, MegaSpecId};

use super::Allowance;
use crate::{
    block::{Halt, TxResult},
    json::Object,
};

/// The dimensions by the names of `mega` objects, as reverts number them.
const DIMENSIONS: [&str; 4] = ["dataSize", "kvUpdates", "computeGas", "stateGrowth"];
const COMPUTE_GAS: usize = 2;

/// A limit, and how much was used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClosestLimit {
    dimension: &'static str,
    used: u64,
    limit: u64,
    /// Whether it ended the transaction.
    reached: bool,
}

impl ClosestLimit {
    /// Of a transaction under `spec`; nothing where there are no limits. `detained`: the limit of compute gas that reading
    /// volatile data has left it.
    pub(crate) fn of(spec: MegaSpecId, result: &TxResult, detained: Option<u64>) -> Option<Self> {
        met(result).or_else(|| closest(spec, result, detained))
    }

    /// Writes it into an open object.
    pub(crate) fn write(&self, mut object: Object<'_>) {
        object
            .string("dimension", self.dimension)
            .quantity("used", self.used)
            .quantity("limit", self.limit)
            .bool("reached", self.reached);
        object.close();
    }
}

/// What halted it, or reverted its first call.
fn met(result: &TxResult) -> Option<ClosestLimit> {
    let reached = |dimension: usize, used, limit| {
        Some(ClosestLimit {
            dimension: DIMENSIONS.get(dimension)?,
            used,
            limit,
            reached: true,
        })
    };
    match &result.usage.halt {
        Some(Halt::DataLimitExceeded { limit, actual }) => reached(0, *actual, *limit),
        Some(Halt::KvUpdateLimitExceeded { limit, actual }) => reached(1, *actual, *limit),
        Some(
            Halt::ComputeGasLimitExceeded { limit, actual }
            | Halt::VolatileDataAccessOutOfGas { limit, actual, .. },
        ) => reached(COMPUTE_GAS, *actual, *limit),
        Some(Halt::StateGrowthLimitExceeded { limit, actual }) => reached(3, *actual, *limit),
        Some(_) => None,
        None => {
            let over = MegaLimitExceeded::abi_decode(&result.output).ok()?;
            reached(usize::from(over.kind), over.limit, over.limit)
        }
    }
}

/// The largest share; compute gas as it is metered.
fn closest(spec: MegaSpecId, result: &TxResult, detained: Option<u64>) -> Option<ClosestLimit> {
    let usage = &result.usage;
    let used = [
        usage.data_size,
        usage.kv_updates,
        usage.metered_compute_gas,
        usage.state_growth,
    ];
    let mut limits = Allowance::of(spec).limits;
    if let Some(detained) = detained {
        let compute = &mut limits[COMPUTE_GAS];
        *compute = Some(compute.map_or(detained, |limit| limit.min(detained)));
    }
    let shares = DIMENSIONS.into_iter().zip(used).zip(limits);
    let known = shares.filter_map(|((dimension, used), limit)| {
        Some(ClosestLimit {
            dimension,
            used,
            limit: limit?,
            reached: false,
        })
    });
    known.max_by(|one, other| {
        let share =
            |one: &ClosestLimit, by: &ClosestLimit| u128::from(one.used) * u128::from(by.limit);
        share(one, other).cmp(&share(other, one))
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;

    use super::*;
    use crate::block::Usage;

    fn of(usage: Usage, output: Vec<u8>, detained: Option<u64>) -> (&'static str, u64, u64, bool) {
        let result = TxResult {
            usage,
            output: Bytes::from(output),
            ..TxResult::default()
        };
        let found = ClosestLimit::of(MegaSpecId::REX6, &result, detained).unwrap();
        (found.dimension, found.used, found.limit, found.reached)
    }

    #[test]
    fn the_largest_share_comes_closest() {
        let usage = Usage {
            data_size: 13_107,
            state_growth: 2,
            metered_compute_gas: 300_000,
            ..Usage::default()
        };
        assert_eq!(
            of(usage.clone(), vec![], None),
            ("stateGrowth", 2, 1_000, false)
        );
        let detained = of(usage, vec![], Some(20_021_000));
        assert_eq!(detained, ("computeGas", 300_000, 20_021_000, false));
    }

    #[test]
    fn what_ended_it_is_said_with_its_numbers() {
        let halt = |halt| Usage {
            state_growth: 999,
            halt: Some(halt),
            ..Usage::default()
        };
        let (limit, actual) = (20, 21);
        let detained = Halt::VolatileDataAccessOutOfGas {
            access: 2,
            limit,
            actual,
        };
        assert_eq!(
            of(halt(detained), vec![], Some(20)),
            ("computeGas", 21, 20, true)
        );
        let data = Halt::DataLimitExceeded { limit, actual };
        assert_eq!(of(halt(data), vec![], None), ("dataSize", 21, 20, true));
        let over = MegaLimitExceeded {
            kind: 3,
            limit: 980,
        };
        let reverted = of(Usage::default(), over.abi_encode(), None);
        assert_eq!(reverted, ("stateGrowth", 980, 980, true));
    }

    #[test]
    fn ethereum_has_none() {
        let result = TxResult::default();
        assert_eq!(
            ClosestLimit::of(MegaSpecId::EQUIVALENCE, &result, None),
            None
        );
    }
}
