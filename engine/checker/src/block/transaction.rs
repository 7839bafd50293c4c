//! A transaction as a mini-block carries it: its bytes, who sent it and what came of it.

use alloy_consensus::Transaction as _;
use alloy_eips::Decodable2718;
use alloy_primitives::{Address, B256, Bytes, Log, keccak256};
use alloy_rlp::{Decodable, EMPTY_LIST_CODE, Encodable};
use op_alloy_consensus::OpTxEnvelope;

use super::rlp::{RecordError, close_list, decode_option, encode_list, encode_option, open_list};

/// Return data of a failed transaction is kept up to this many bytes, so that its reason can be told.
pub const MAX_KEPT_OUTPUT: usize = 1024;

/// A transaction, its sender and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxRecord {
    /// The EIP-2718 bytes.
    pub raw: Bytes,
    /// keccak-256 of `raw`; not written, found again on reading.
    pub hash: B256,
    /// Who sent it.
    pub sender: Address,
    /// What came of it.
    pub result: TxResult,
}

impl TxRecord {
    /// The decoded transaction.
    pub fn envelope(&self) -> Result<OpTxEnvelope, RecordError> {
        decode_envelope(&self.raw)
    }
}

/// Reads a transaction from its EIP-2718 bytes, refusing bytes behind it.
pub fn decode_envelope(raw: &[u8]) -> Result<OpTxEnvelope, RecordError> {
    OpTxEnvelope::decode_2718_exact(raw)
        .map_err(|error| RecordError::new(format!("malformed transaction: {error}")))
}

/// The hash of a transaction.
pub fn envelope_hash(raw: &[u8]) -> B256 {
    keccak256(raw)
}

/// What came of executing a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxResult {
    /// The receipt's status.
    pub success: bool,
    /// Gas paid for, after refunds: `usage.compute_gas + usage.storage_gas`.
    pub gas_used: u64,
    /// Gas that EIP-3529 refunded (already taken off `gas_used`).
    pub gas_refunded: u64,
    /// The logs.
    pub logs: Vec<Log>,
    /// The contract that a creating transaction made.
    pub contract_address: Option<Address>,
    /// What a failed transaction returned, cut at [`MAX_KEPT_OUTPUT`]; empty after success.
    pub output: Bytes,
    /// What it used in each of MegaETH's dimensions.
    pub usage: Usage,
    /// A deposit's sender nonce, which its receipt carries.
    pub deposit_nonce: Option<u64>,
}

/// What a transaction used in each of MegaETH's dimensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Gas for computing, after refunds.
    pub compute_gas: u64,
    /// Gas for what the chain must keep.
    pub storage_gas: u64,
    /// Bytes that must be stored and sent.
    pub data_size: u64,
    /// Accounts and slots written.
    pub kv_updates: u64,
    /// Net new accounts and slots.
    pub state_growth: u64,
    /// Compute gas as mega-evm meters it against its limits: before refunds, and without what a frame
    /// forfeits by running out of gas.
    pub metered_compute_gas: u64,
    /// How reading volatile data lowered the compute gas limit, if it did.
    pub detention: Option<DetentionCap>,
    /// Why execution stopped, if it was neither success nor revert.
    pub halt: Option<Halt>,
}

/// That reading volatile data lowered the limit of compute gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetentionCap {
    /// Of a record that says nothing more.
    Untold,
    /// Everything there is to know without looking on.
    Told {
        /// What was read, as mega-evm's bits.
        access: u16,
        /// The compute gas that the transaction could use in all since.
        limit: u64,
    },
}

impl DetentionCap {
    /// Whether `said` of the same transaction can be true: what it does not tell is no contradiction.
    pub fn agrees(again: Option<Self>, said: Option<Self>) -> bool {
        match said {
            Some(Self::Untold) => again.is_some(),
            _ => again == said,
        }
    }

    /// As records have it: false is written for none, true for what is not told, a list for what is.
    fn write(detention: Option<Self>, out: &mut Vec<u8>) {
        match detention {
            Some(Self::Told { access, limit }) => encode_list(out, |out| {
                access.encode(out);
                limit.encode(out);
            }),
            untold => untold.is_some().encode(out),
        }
    }

    fn read(buf: &mut &[u8]) -> Result<Option<Self>, RecordError> {
        if buf.first().is_none_or(|head| *head < EMPTY_LIST_CODE) {
            return Ok(bool::decode(buf)?.then_some(Self::Untold));
        }
        let mut list = open_list(buf)?;
        let told = Self::Told {
            access: u16::decode(&mut list)?,
            limit: u64::decode(&mut list)?,
        };
        close_list(list)?;
        Ok(Some(told))
    }
}

/// Why execution halted: mega-evm's reasons with their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// A reason that every EVM knows, by its name, such as `OutOfGas(Basic)`.
    Evm(String),
    /// The transaction's data size limit.
    DataLimitExceeded {
        /// The limit.
        limit: u64,
        /// What was needed.
        actual: u64,
    },
    /// The transaction's limit of key-value updates.
    KvUpdateLimitExceeded {
        /// The limit.
        limit: u64,
        /// What was needed.
        actual: u64,
    },
    /// The transaction's compute gas limit.
    ComputeGasLimitExceeded {
        /// The limit.
        limit: u64,
        /// What was needed.
        actual: u64,
    },
    /// The transaction's state growth limit.
    StateGrowthLimitExceeded {
        /// The limit.
        limit: u64,
        /// What was needed.
        actual: u64,
    },
    /// A system transaction called something else than the oracle.
    SystemTxInvalidCallee {
        /// What it called.
        callee: Address,
    },
    /// The compute gas limit that reading volatile data had lowered.
    VolatileDataAccessOutOfGas {
        /// What was read, as mega-evm's bits.
        access: u16,
        /// The lowered limit.
        limit: u64,
        /// What was needed.
        actual: u64,
    },
}

impl Halt {
    /// mega-evm's name of the reason.
    pub fn kind(&self) -> &str {
        match self {
            Self::Evm(name) => name,
            Self::DataLimitExceeded { .. } => "DataLimitExceeded",
            Self::KvUpdateLimitExceeded { .. } => "KVUpdateLimitExceeded",
            Self::ComputeGasLimitExceeded { .. } => "ComputeGasLimitExceeded",
            Self::StateGrowthLimitExceeded { .. } => "StateGrowthLimitExceeded",
            Self::SystemTxInvalidCallee { .. } => "SystemTxInvalidCallee",
            Self::VolatileDataAccessOutOfGas { .. } => "VolatileDataAccessOutOfGas",
        }
    }

    /// The limit and what was needed, for the reasons that have them.
    pub fn limit_and_actual(&self) -> Option<(u64, u64)> {
        match self {
            Self::DataLimitExceeded { limit, actual }
            | Self::KvUpdateLimitExceeded { limit, actual }
            | Self::ComputeGasLimitExceeded { limit, actual }
            | Self::StateGrowthLimitExceeded { limit, actual }
            | Self::VolatileDataAccessOutOfGas { limit, actual, .. } => Some((*limit, *actual)),
            Self::Evm(_) | Self::SystemTxInvalidCallee { .. } => None,
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Self::Evm(_) => 1,
            Self::DataLimitExceeded { .. } => 2,
            Self::KvUpdateLimitExceeded { .. } => 3,
            Self::ComputeGasLimitExceeded { .. } => 4,
            Self::StateGrowthLimitExceeded { .. } => 5,
            Self::SystemTxInvalidCallee { .. } => 6,
            Self::VolatileDataAccessOutOfGas { .. } => 7,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(out, |out| {
            self.tag().encode(out);
            match self {
                Self::Evm(name) => name.as_str().encode(out),
                Self::SystemTxInvalidCallee { callee } => callee.encode(out),
                Self::VolatileDataAccessOutOfGas { access, .. } => access.encode(out),
                _ => {}
            }
            if let Some((limit, actual)) = self.limit_and_actual() {
                limit.encode(out);
                actual.encode(out);
            }
        });
    }

    fn decode(buf: &mut &[u8]) -> Result<Self, RecordError> {
        let mut list = open_list(buf)?;
        let list = &mut list;
        let halt = match u8::decode(list)? {
            1 => Self::Evm(String::decode(list)?),
            2 => Self::DataLimitExceeded {
                limit: u64::decode(list)?,
                actual: u64::decode(list)?,
            },
            3 => Self::KvUpdateLimitExceeded {
                limit: u64::decode(list)?,
                actual: u64::decode(list)?,
            },
            4 => Self::ComputeGasLimitExceeded {
                limit: u64::decode(list)?,
                actual: u64::decode(list)?,
            },
            5 => Self::StateGrowthLimitExceeded {
                limit: u64::decode(list)?,
                actual: u64::decode(list)?,
            },
            6 => Self::SystemTxInvalidCallee {
                callee: Address::decode(list)?,
            },
            7 => Self::VolatileDataAccessOutOfGas {
                access: u16::decode(list)?,
                limit: u64::decode(list)?,
                actual: u64::decode(list)?,
            },
            tag => return Err(RecordError::new(format!("unknown halt reason {tag}"))),
        };
        close_list(list)?;
        Ok(halt)
    }
}

impl Usage {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(out, |out| {
            for number in [
                self.compute_gas,
                self.storage_gas,
                self.data_size,
                self.kv_updates,
                self.state_growth,
                self.metered_compute_gas,
            ] {
                number.encode(out);
            }
            DetentionCap::write(self.detention, out);
            if let Some(halt) = &self.halt {
                halt.encode(out);
            }
        });
    }

    fn decode(buf: &mut &[u8]) -> Result<Self, RecordError> {
        let mut list = open_list(buf)?;
        let list = &mut list;
        let usage = Self {
            compute_gas: u64::decode(list)?,
            storage_gas: u64::decode(list)?,
            data_size: u64::decode(list)?,
            kv_updates: u64::decode(list)?,
            state_growth: u64::decode(list)?,
            metered_compute_gas: u64::decode(list)?,
            detention: DetentionCap::read(list)?,
            halt: if list.is_empty() {
                None
            } else {
                Some(Halt::decode(list)?)
            },
        };
        close_list(list)?;
        Ok(usage)
    }
}

impl TxResult {
    /// Whether `said` of the same transaction can be true, where this came of executing it.
    pub fn agrees(&self, said: &Self) -> bool {
        let detention = said.usage.detention;
        if !DetentionCap::agrees(self.usage.detention, detention) {
            return false;
        }
        let mut again = self.clone();
        again.usage.detention = detention;
        again == *said
    }

    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(out, |out| {
            self.success.encode(out);
            self.gas_used.encode(out);
            self.gas_refunded.encode(out);
            encode_list(out, |out| self.logs.iter().for_each(|log| log.encode(out)));
            encode_option(self.contract_address.as_ref(), out);
            self.output.encode(out);
            self.usage.encode(out);
            if let Some(nonce) = self.deposit_nonce {
                nonce.encode(out);
            }
        });
    }

    fn decode(buf: &mut &[u8]) -> Result<Self, RecordError> {
        let mut list = open_list(buf)?;
        let list = &mut list;
        let success = bool::decode(list)?;
        let gas_used = u64::decode(list)?;
        let gas_refunded = u64::decode(list)?;
        let mut log_list = open_list(list)?;
        let mut logs = Vec::new();
        while !log_list.is_empty() {
            logs.push(Log::decode(&mut log_list)?);
        }
        let contract_address = decode_option(list)?;
        let output = Bytes::decode(list)?;
        let usage = Usage::decode(list)?;
        let deposit_nonce = if list.is_empty() {
            None
        } else {
            Some(u64::decode(list)?)
        };
        close_list(list)?;
        Ok(Self {
            success,
            gas_used,
            gas_refunded,
            logs,
            contract_address,
            output,
            usage,
            deposit_nonce,
        })
    }
}

impl TxRecord {
    /// Appends `[raw, sender, result]`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_list(out, |out| {
            self.raw.encode(out);
            self.sender.encode(out);
            self.result.encode(out);
        });
    }

    /// Reads what [`TxRecord::encode`] wrote.
    pub fn decode(buf: &mut &[u8]) -> Result<Self, RecordError> {
        let mut list = open_list(buf)?;
        let raw = Bytes::decode(&mut list)?;
        let sender = Address::decode(&mut list)?;
        let result = TxResult::decode(&mut list)?;
        close_list(list)?;
        Ok(Self {
            hash: envelope_hash(&raw),
            raw,
            sender,
            result,
        })
    }

    /// The gas price that the sender paid, given the block's base fee.
    pub fn effective_gas_price(&self, base_fee: u64) -> Result<u128, RecordError> {
        Ok(self.envelope()?.effective_gas_price(Some(base_fee)))
    }
}
