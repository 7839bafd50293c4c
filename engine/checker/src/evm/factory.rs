//! The one place where an EVM is put together: the rules in force, the block, the limits, and what mega-evm asks the
//! outside.
//!
//! ```text
//! EvmFactory    --interpreter(db)--> MegaEvm (the node may put native code beside it)
//! BlockFactory  --executor(cache)--> MegaBlockExecutor (a block's beginning, replay)
//! ```

use alloy_evm::{Database, EvmEnv, EvmFactory as _};
use alloy_op_evm::block::OpAlloyReceiptBuilder;
use mega_evm::{
    BlockLimits, EvmTxRuntimeLimits, MegaBlockExecutionCtx, MegaBlockExecutor, MegaContext,
    MegaEvm, MegaEvmFactory, MegaHardforkConfig, MegaHardforks as _, MegaSpecId,
};
use revm::{Inspector, database::State, inspector::NoOpInspector};

use super::{
    env::{BlockContext, block_limits, evm_env},
    external::ExternalEnv,
    intervention,
};

/// Everything that an EVM is made of, besides its database.
#[derive(Clone, Debug)]
pub struct EvmFactory {
    /// The rules and the block.
    pub env: EvmEnv<MegaSpecId>,
    /// Limits of one transaction.
    pub limits: EvmTxRuntimeLimits,
    /// Bucket capacities and the oracle.
    pub external: ExternalEnv,
    /// Whether the chain knows interventions.
    pub interventions: bool,
}

impl EvmFactory {
    /// mega-evm over any database.
    pub fn interpreter<DB: Database>(self, db: DB) -> MegaEvm<DB, NoOpInspector, ExternalEnv> {
        let mut factory = MegaEvmFactory::new();
        if self.interventions {
            factory = factory.with_dyn_precompiles_builder(intervention::precompiles());
        }
        factory
            .with_external_env_factory(self.external)
            .create_evm(db, self.env)
            .with_tx_runtime_limits(self.limits)
    }
}

/// mega-evm's own block executor, over a cache.
pub type BlockExecutor<'c, DB, I = NoOpInspector> = MegaBlockExecutor<
    MegaHardforkConfig,
    MegaEvm<&'c mut State<DB>, I, ExternalEnv>,
    OpAlloyReceiptBuilder,
>;

/// What executes the transactions of one block.
#[derive(Clone, Debug)]
pub struct BlockFactory {
    chain_id: u64,
    hardforks: MegaHardforkConfig,
    block: BlockContext,
    external: ExternalEnv,
    interventions: bool,
}

impl BlockFactory {
    /// For a block under the rules that are active at its time.
    pub fn new(
        chain_id: u64,
        hardforks: &MegaHardforkConfig,
        block: &BlockContext,
        external: ExternalEnv,
        interventions: bool,
    ) -> Self {
        Self {
            chain_id,
            hardforks: hardforks.clone(),
            block: *block,
            external,
            interventions,
        }
    }

    /// The rules in force.
    pub fn spec(&self) -> MegaSpecId {
        self.hardforks.spec_id(self.block.timestamp)
    }

    /// The limits of the block and its transactions.
    pub fn limits(&self) -> BlockLimits {
        block_limits(&self.hardforks, &self.block)
    }

    /// The block executor over `cache`. It has executed nothing yet, not even the block's system calls.
    pub fn executor<'c, DB: Database>(&self, cache: &'c mut State<DB>) -> BlockExecutor<'c, DB> {
        let evm = EvmFactory {
            env: evm_env(self.chain_id, self.spec(), &self.block),
            limits: self.limits().to_evm_tx_runtime_limits(),
            external: self.external.clone(),
            interventions: self.interventions,
        };
        self.executor_of(evm.interpreter(cache))
    }

    /// The same executor in the middle of its block, watched by an inspector from here on.
    pub fn inspected<'c, DB, I, J>(
        &self,
        executor: BlockExecutor<'c, DB, I>,
        inspector: J,
    ) -> BlockExecutor<'c, DB, J>
    where
        DB: Database,
        J: Inspector<MegaContext<&'c mut State<DB>, ExternalEnv>>,
    {
        let mut inspected = self.executor_of(executor.evm.with_inspector(inspector));
        inspected.block_limiter = executor.block_limiter;
        inspected.receipts = executor.receipts;
        inspected
    }

    fn executor_of<'c, DB, I>(
        &self,
        evm: MegaEvm<&'c mut State<DB>, I, ExternalEnv>,
    ) -> BlockExecutor<'c, DB, I>
    where
        DB: Database,
        I: Inspector<MegaContext<&'c mut State<DB>, ExternalEnv>>,
    {
        // No transaction sees the block's extra data.
        let context = MegaBlockExecutionCtx::new(
            self.block.parent_hash,
            self.block.parent_beacon_root,
            Default::default(),
            self.limits(),
        );
        let receipts = OpAlloyReceiptBuilder::default();
        MegaBlockExecutor::new(evm, context, self.hardforks.clone(), receipts)
    }
}
