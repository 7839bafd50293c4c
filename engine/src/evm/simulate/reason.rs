//! Says in words why an execution failed: geth's words where geth has some.

use alloy_primitives::Bytes;
use alloy_sol_types::{Panic, Revert, SolError};
use mega_evm::{
    EthHaltReason, MegaHaltReason, MegaLimitExceeded, OpHaltReason, VolatileDataAccess,
};
use revm::interpreter::{InstructionResult, SuccessOrHalt};

alloy_sol_types::sol! {
    /// MegaAccessControl: a parent frame has disabled reads of volatile data.
    error VolatileDataAccessDisabled(uint8 accessType);
    /// MegaAccessControl: only the frame that disabled reads may enable them.
    error DisabledByParent();
    /// A system contract's function that only the EVM itself can answer.
    error NotIntercepted();
    /// A system contract takes no value.
    error NonZeroTransfer();
    /// The oracle takes writes from the system address only.
    error NotSystemAddress();
}

/// Names of the dimensions as `MegaLimitExceeded` numbers them.
const LIMITS: [&str; 4] = ["data size", "KV updates", "compute gas", "state growth"];

/// `execution reverted`, with the reason if the revert data hold one.
pub(crate) fn of_revert(output: &Bytes) -> String {
    match revert_reason(output) {
        Some(reason) => format!("execution reverted: {reason}"),
        None => "execution reverted".to_owned(),
    }
}

/// What a contract said when it reverted, if it is known how to read it.
pub(crate) fn revert_reason(output: &Bytes) -> Option<String> {
    if let Ok(revert) = Revert::abi_decode(output) {
        return Some(revert.reason);
    }
    if let Ok(panic) = Panic::abi_decode(output) {
        return Some(of_panic(&panic));
    }
    if let Ok(limit) = MegaLimitExceeded::abi_decode(output) {
        let kind = LIMITS
            .get(usize::from(limit.kind))
            .copied()
            .unwrap_or("unknown");
        return Some(format!(
            "MegaLimitExceeded: the frame's {kind} limit of {} is used up",
            limit.limit
        ));
    }
    if let Ok(access) = VolatileDataAccessDisabled::abi_decode(output) {
        let names = volatile_names(VolatileDataAccess::from_bits_truncate(
            1u16.checked_shl(u32::from(access.accessType))
                .unwrap_or_default(),
        ));
        return Some(format!("VolatileDataAccessDisabled: {names}"));
    }
    let selector: [u8; 4] = output.get(..4)?.try_into().ok()?;
    let known = [
        (DisabledByParent::SELECTOR, "DisabledByParent"),
        (NotIntercepted::SELECTOR, "NotIntercepted"),
        (NonZeroTransfer::SELECTOR, "NonZeroTransfer"),
        (NotSystemAddress::SELECTOR, "NotSystemAddress"),
    ];
    known
        .into_iter()
        .find(|(known, _)| *known == selector && output.len() == 4)
        .map(|(_, name)| name.to_owned())
}

/// Solidity's panic codes in geth's words.
fn of_panic(panic: &Panic) -> String {
    let words = match u64::try_from(panic.code).unwrap_or(u64::MAX) {
        0x00 => "generic panic",
        0x01 => "assert(false)",
        0x11 => "arithmetic underflow or overflow",
        0x12 => "division or modulo by zero",
        0x21 => "enum overflow",
        0x22 => "invalid encoded storage byte array accessed",
        0x31 => "out-of-bounds array access; popping on an empty array",
        0x32 => "out-of-bounds access of an array or bytesN",
        0x41 => "out of memory",
        0x51 => "uninitialized function",
        _ => return format!("unknown panic code: {:#x}", panic.code),
    };
    words.to_owned()
}

/// Why the EVM gave up.
pub(crate) fn of_halt(reason: &MegaHaltReason) -> String {
    match reason {
        MegaHaltReason::Base(OpHaltReason::Base(reason)) => of_ethereum_halt(reason).to_owned(),
        MegaHaltReason::Base(OpHaltReason::FailedDeposit) => "failed deposit".to_owned(),
        MegaHaltReason::DataLimitExceeded { limit, actual } => {
            format!("data size limit exceeded: {actual} bytes used, limit {limit}")
        }
        MegaHaltReason::KVUpdateLimitExceeded { limit, actual } => {
            format!("KV update limit exceeded: {actual} updates used, limit {limit}")
        }
        MegaHaltReason::ComputeGasLimitExceeded { limit, actual } => {
            format!("compute gas limit exceeded: {actual} gas used, limit {limit}")
        }
        MegaHaltReason::StateGrowthLimitExceeded { limit, actual } => {
            format!("state growth limit exceeded: {actual} new entries, limit {limit}")
        }
        MegaHaltReason::SystemTxInvalidCallee { callee } => {
            format!("system transaction may not call {callee:#x}")
        }
        MegaHaltReason::VolatileDataAccessOutOfGas {
            access_type,
            limit,
            actual,
        } => format!(
            "gas detention: {actual} compute gas used, limit {limit} after reading {}",
            volatile_names(*access_type)
        ),
    }
}

/// Why an instruction or a call failed.
pub(crate) fn of_instruction(result: InstructionResult) -> String {
    match SuccessOrHalt::<EthHaltReason>::from(result) {
        SuccessOrHalt::Revert => "execution reverted".to_owned(),
        SuccessOrHalt::Halt(reason) => of_ethereum_halt(&reason).to_owned(),
        _ => format!("{result:?}"),
    }
}

fn of_ethereum_halt(reason: &EthHaltReason) -> &'static str {
    match reason {
        EthHaltReason::OutOfGas(_) => "out of gas",
        EthHaltReason::OpcodeNotFound | EthHaltReason::NotActivated => "invalid opcode",
        EthHaltReason::InvalidFEOpcode => "invalid opcode: INVALID",
        EthHaltReason::InvalidJump => "invalid jump destination",
        EthHaltReason::StackUnderflow => "stack underflow",
        EthHaltReason::StackOverflow => "stack limit reached 1024 (1023)",
        EthHaltReason::OutOfOffset => "return data out of bounds",
        EthHaltReason::CreateCollision => "contract address collision",
        EthHaltReason::PrecompileError => "precompile failed",
        EthHaltReason::NonceOverflow => "nonce uint64 overflow",
        EthHaltReason::CreateContractSizeLimit => "max code size exceeded",
        EthHaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        EthHaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded",
        EthHaltReason::OverflowPayment => "gas uint64 overflow",
        EthHaltReason::StateChangeDuringStaticCall | EthHaltReason::CallNotAllowedInsideStatic => {
            "write protection"
        }
        EthHaltReason::OutOfFunds => "insufficient balance for transfer",
        EthHaltReason::CallTooDeep => "max call depth exceeded",
    }
}

/// The volatile data read, by name.
pub(crate) fn volatile_names(access: VolatileDataAccess) -> String {
    let names = volatile_flags(access.bits());
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

/// The names of mega-evm's bits for volatile data.
pub(crate) fn volatile_flags(bits: u16) -> Vec<&'static str> {
    VolatileDataAccess::from_bits_truncate(bits)
        .iter_names()
        .map(|(name, _)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;

    #[test]
    fn solidity_reasons_are_decoded_in_geths_words() {
        let revert = Revert {
            reason: "not the owner".into(),
        }
        .abi_encode()
        .into();
        assert_eq!(of_revert(&revert), "execution reverted: not the owner");
        let panic = Panic {
            code: U256::from(0x11),
        }
        .abi_encode()
        .into();
        assert_eq!(
            of_revert(&panic),
            "execution reverted: arithmetic underflow or overflow"
        );
        assert_eq!(of_revert(&Bytes::new()), "execution reverted");
        assert_eq!(
            of_revert(&Bytes::from_static(&[1, 2, 3, 4, 5])),
            "execution reverted"
        );
    }

    #[test]
    fn a_frame_over_its_budget_says_which_dimension() {
        let data = MegaLimitExceeded {
            kind: 2,
            limit: 196_000_000,
        }
        .abi_encode()
        .into();
        assert_eq!(
            of_revert(&data),
            "execution reverted: MegaLimitExceeded: the frame's compute gas limit of 196000000 is used up"
        );
    }

    #[test]
    fn detention_says_what_was_read() {
        let reason = MegaHaltReason::VolatileDataAccessOutOfGas {
            access_type: VolatileDataAccess::TIMESTAMP | VolatileDataAccess::BLOCK_NUMBER,
            limit: 20_000_100,
            actual: 20_000_123,
        };
        assert_eq!(
            of_halt(&reason),
            "gas detention: 20000123 compute gas used, limit 20000100 after reading BLOCK_NUMBER, TIMESTAMP"
        );
    }
}
