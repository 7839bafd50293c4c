//! Why a transaction is not admitted, in geth's words (MegaETH's where the real network differs).

use alloy_primitives::{Address, B256, U256};

use crate::keys::KeyError;
use crate::state::StateError;

/// One reason each; the text is what a client sees.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    /// Not the one encoding of a transaction.
    #[error("rlp: {0}")]
    Malformed(String),
    /// Nothing, or a type without a body.
    #[error("typed transaction too short")]
    TooShort,
    /// A type that is not admitted here.
    #[error("transaction type not supported: {0}")]
    TypeNotSupported(&'static str),
    /// A type that nobody knows.
    #[error("transaction type not supported: unknown type {0:#04x}")]
    UnknownType(u8),
    /// Too many bytes.
    #[error("oversized data: transaction size {size}, limit {limit}")]
    Oversized {
        /// Bytes.
        size: usize,
        /// Bytes at most.
        limit: usize,
    },
    /// Signed without a chain id.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// Signed for another chain.
    #[error("invalid chain id for signer: have {have} want {want}")]
    WrongChain {
        /// The transaction's.
        have: u64,
        /// The chain's.
        want: u64,
    },
    /// Nobody signed this.
    #[error("invalid sender: {0}")]
    InvalidSender(#[from] KeyError),
    /// The nonce can't be counted up.
    #[error("nonce has max value")]
    NonceMax,
    /// Below what MegaETH takes before it executes anything.
    #[error("Gas limit too low. Intrinsic: {need}")]
    IntrinsicGas {
        /// Gas limit.
        have: u64,
        /// Intrinsic gas.
        need: u64,
    },
    /// Below EIP-7623's floor.
    #[error("insufficient gas for floor data gas cost: gas {have}, minimum needed {need}")]
    FloorGas {
        /// Gas limit.
        have: u64,
        /// The floor.
        need: u64,
    },
    /// More than a block has.
    #[error("exceeds max transaction gas limit")]
    GasLimit {
        /// Gas limit.
        have: u64,
        /// The block's gas limit.
        limit: u64,
    },
    /// Below the base fee, which never changes here.
    #[error("max fee per gas less than block base fee: maxFeePerGas: {have}, baseFee: {base_fee}")]
    FeeCapTooLow {
        /// Fee cap.
        have: u128,
        /// Base fee.
        base_fee: u64,
    },
    /// More to the sequencer than in all.
    #[error(
        "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {tip}, maxFeePerGas: {cap}"
    )]
    TipAboveFeeCap {
        /// Tip cap.
        tip: u128,
        /// Fee cap.
        cap: u128,
    },
    /// Too much init code (EIP-3860, with MegaETH's limit).
    #[error("max initcode size exceeded: code size {size}, limit {limit}")]
    InitCode {
        /// Bytes.
        size: usize,
        /// Bytes at most.
        limit: usize,
    },
    /// EIP-7702 without a single authorization.
    #[error("EIP-7702 transaction with empty auth list")]
    EmptyAuthorizations,
    /// EIP-3607.
    #[error("sender not an eoa: address {address}, codehash: {code_hash}")]
    SenderIsContract {
        /// Sender.
        address: Address,
        /// Its code's hash.
        code_hash: B256,
    },
    /// This nonce is used.
    #[error("nonce too low: next nonce {next}, tx nonce {have}")]
    NonceTooLow {
        /// What would be accepted.
        next: u64,
        /// What came.
        have: u64,
    },
    /// Too far ahead to be kept.
    #[error("nonce too high: next nonce {next}, tx nonce {have}, at most {limit} ahead")]
    NonceTooHigh {
        /// What would be accepted.
        next: u64,
        /// What came.
        have: u64,
        /// How far ahead may be.
        limit: u64,
    },
    /// A gap costs a deposit on MegaETH.
    #[error(
        "nonce too high: next nonce {next}, tx nonce {have}; more than {limit} ahead needs a balance of 0.1 ETH"
    )]
    GapNeedsBalance {
        /// What would be accepted.
        next: u64,
        /// What came.
        have: u64,
        /// How far ahead anyone may be.
        limit: u64,
    },
    /// This and what is queued before it cost too much.
    #[error("insufficient funds for gas * price + value: have {have} want {want}")]
    InsufficientFunds {
        /// Balance.
        have: U256,
        /// Cost of everything queued and this.
        want: U256,
    },
    /// The same transaction is in the pool.
    #[error("already known")]
    AlreadyKnown,
    /// Another with this nonce is in the pool, and this doesn't pay enough more.
    #[error("replacement transaction underpriced")]
    Underpriced,
    /// The sender's slots are taken.
    #[error(
        "txpool is full: {limit} transactions of this account wait, the most that --pool-account-slots allows"
    )]
    AccountFull {
        /// Transactions at most.
        limit: usize,
    },
    /// Everyone's slots are taken.
    #[error("txpool is full: {limit} transactions wait, the most that --pool-slots allows")]
    PoolFull {
        /// Transactions at most.
        limit: usize,
    },
    /// What waits is too large in all.
    #[error("txpool is full: what waits may have {limit} bytes")]
    PoolBytesFull {
        /// Bytes at most.
        limit: usize,
    },
    /// Recovery can't keep up: back-pressure.
    #[error("transaction queue is full, try again later")]
    QueueFull,
    /// What it takes to judge the transaction can't be read now.
    #[error("{0}, try again later")]
    Unread(#[from] StateError),
    /// What the chain takes is taken elsewhere.
    #[error("another node builds the chain now")]
    NotBuilding,
    /// The chain is stopping.
    #[error("the node is stopping")]
    Stopping,
    /// Admitted, but it could not be executed.
    #[error("transaction dropped: {0}")]
    Dropped(String),
    /// A defect.
    #[error("the transaction could not be processed")]
    Internal,
}
