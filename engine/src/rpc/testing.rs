//! A chain in one process, without threads, to ask methods about.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, bytes};
use serde_json::Value;

use super::{Answer, Node, Params, RpcError, Runs, methods};
use crate::{
    block::{BlockRecord, MiniBlock, PlainAccount},
    builder::{
        OpenBlock, TxOutcome,
        testing::{Draft, GENESIS_TIME, Tx, at, chain_of, config, sign},
    },
    chain::{Chain, ChainConfig, Progress},
    pool::{Accounts, Limits, Pool, PoolTx},
    state::{Base, EmptyArchive, GenesisAccount, StateError},
};

/// Adds one to slot 0 and logs it under topic 1.
pub(crate) const COUNTER: Address = address!("00000000000000000000000000000000000c0001");
/// Returns its calldata.
pub(crate) const ECHO: Address = address!("00000000000000000000000000000000000c0002");
/// Reverts with its calldata.
pub(crate) const REVERT: Address = address!("00000000000000000000000000000000000c0003");
/// Never ends.
pub(crate) const SPIN: Address = address!("00000000000000000000000000000000000c0004");
/// Reads the block number, then never ends.
pub(crate) const DETAINED: Address = address!("00000000000000000000000000000000000c0005");
/// Sets as many slots as its calldata say.
pub(crate) const WRITER: Address = address!("00000000000000000000000000000000000c0006");
/// Returns the caller, the gas price, the base fee and the block number.
pub(crate) const CONTEXT: Address = address!("00000000000000000000000000000000000c0007");
/// Sets slot n to 1 for n = its calldata, as the real message passer does for each message.
pub(crate) const MESSAGE_PASSER: Address = address!("4200000000000000000000000000000000000016");
/// Tells the time, after a system transaction that writes it.
pub(crate) const HIGH_PRECISION_TIMESTAMP: Address =
    address!("6342000000000000000000000000000000000002");
/// The innermost of a line of contracts, each calling the next with all its gas; see [`forwarder`].
const FIRST_FORWARDER: u64 = 0xc1_00;
/// How many forwarders there are.
pub(crate) const FORWARDERS: u64 = 8;

/// What a reading method answers, to parameters as JSON.
pub(crate) fn answer(node: &Node, method: &str, params: &str) -> Answer {
    let found = methods::all().find(method);
    let found = found.unwrap_or_else(|| panic!("no method {method}"));
    let (Runs::Inline(handler) | Runs::Worker(handler) | Runs::InlineIf(_, handler)) = found.runs
    else {
        panic!("{method} is no reading method");
    };
    handler(node, &Params::read(params, found.params)?)
}

/// Calls a method of a node.
pub(crate) fn ask(node: &Node, method: &str, params: &Value) -> Result<Value, RpcError> {
    let answer = answer(node, method, &params.to_string())?;
    Ok(serde_json::from_slice(&answer).unwrap_or_else(|error| {
        panic!(
            "{method} gave no JSON ({error}): {}",
            String::from_utf8_lossy(&answer)
        )
    }))
}

/// The contract that reaches [`WRITER`] through `depth` calls, `depth` at least 1.
pub(crate) fn forwarder(depth: u64) -> Address {
    Address::from_word(B256::from(U256::from(FIRST_FORWARDER + depth)))
}

/// Calls `callee` with its own calldata and all its gas, and reverts if that fails.
fn forwarding_code(callee: Address) -> Bytes {
    // CALLDATACOPY(0, 0, size); CALL(gas, callee, 0, 0, size, 0, 0); if zero REVERT
    let mut code = bytes!("365f5f375f5f365f5f73").to_vec();
    code.extend_from_slice(callee.as_slice());
    code.extend_from_slice(&bytes!("5af115602557005b5f5ffd"));
    code.into()
}

fn contracts() -> Vec<(Address, Bytes)> {
    let mut contracts = vec![
        (COUNTER, bytes!("5f54600101805f555f52600160205fa100")),
        (ECHO, bytes!("365f5f37365ff3")),
        (REVERT, bytes!("365f5f37365ffd")),
        (SPIN, bytes!("5b5f56")),
        (DETAINED, bytes!("43505b600256")),
        (WRITER, bytes!("5f355b801560135760018155600190036002565b00")),
        (CONTEXT, bytes!("335f523a602052486040524360605260805ff3")),
    ];
    for depth in 1..=FORWARDERS {
        let callee = if depth == 1 {
            WRITER
        } else {
            forwarder(depth - 1)
        };
        contracts.push((forwarder(depth), forwarding_code(callee)));
    }
    contracts
}

/// [`MESSAGE_PASSER`], with these slots set to 1 already.
pub(crate) fn message_passer(slots: impl IntoIterator<Item = u64>) -> GenesisAccount {
    let slots = slots.into_iter();
    GenesisAccount {
        nonce: 1,
        code: bytes!("60015f355500"),
        storage: slots.map(|slot| (U256::from(slot), U256::ONE)).collect(),
        ..Default::default()
    }
}

/// The chain, and the block that is open.
pub(crate) struct Devnet {
    pub(crate) node: Node,
    progress: Progress,
    open: Option<OpenBlock>,
    second: u64,
    now_us: u64,
}

/// Admission is not what these tests are about: the pool sees the newest state.
struct Newest(Arc<Chain>);

impl Accounts for Newest {
    fn creation_gas(&self, _: &PoolTx) -> u64 {
        0
    }

    fn account(&self, address: &Address) -> Result<PlainAccount, StateError> {
        Ok(self.0.world.tip_account(*address).unwrap_or_default())
    }

    fn is_contract(&self, _: &B256) -> bool {
        true
    }
}

impl Devnet {
    /// Genesis with ten rich accounts and the contracts above.
    pub(crate) fn new() -> Self {
        Self::with("rex6", |_| {})
    }

    /// A chain whose second block holds a bit of everything, in three mini-blocks.
    pub(crate) fn busy() -> Self {
        let mut net = Self::with("rex6", |config| {
            let alloc = &mut config.genesis.alloc;
            alloc.insert(MESSAGE_PASSER, message_passer([]));
        });
        net.run(&Draft::default());
        net.block();
        net.mini();
        net.send(&Draft {
            value: 7,
            tip: 3,
            ..calling(COUNTER, [], 1)
        });
        net.send(&calling(COUNTER, [], 2));
        net.mini();
        net.send(&calling(WRITER, word(5), 3));
        let create = Draft {
            to: TxKind::Create,
            input: bytes!("60fe60005360016000f3"),
            nonce: 4,
            ..Draft::default()
        };
        net.send(&create);
        net.send(&calling(REVERT, [1, 2, 3], 5));
        net.send(&calling(DETAINED, [], 6));
        net.mini();
        let clock = bytes!("b80777ea");
        net.send(&calling(HIGH_PRECISION_TIMESTAMP, clock, 7));
        net.send(&calling(MESSAGE_PASSER, word(9), 8));
        net.block();
        net
    }

    /// Genesis with other rules, and whatever `change` does.
    pub(crate) fn with(spec: &str, change: impl FnOnce(&mut ChainConfig)) -> Self {
        let mut config = config(spec, &contracts());
        change(&mut config);
        Self::of(chain_of(config))
    }

    /// Genesis over another state.
    pub(crate) fn over(base: Base) -> Self {
        let config = config("rex6", &contracts());
        let chain = Chain::over(config, Arc::new(EmptyArchive), base);
        Self::of(Arc::new(chain.unwrap()))
    }

    fn of(chain: Arc<Chain>) -> Self {
        let progress = chain.progress.lock().take().unwrap();
        let pool = Arc::new(Pool::new(
            Limits::default(),
            Arc::new(Newest(chain.clone())),
        ));
        Self {
            node: Node::new(chain, pool),
            progress,
            open: None,
            second: 0,
            now_us: 0,
        }
    }

    fn open(&mut self) -> &mut OpenBlock {
        if self.open.is_none() {
            self.second += 1;
            self.now_us = at(self.second);
            let parent = self.progress.parent.clone();
            let timestamp = GENESIS_TIME + self.second;
            let block = OpenBlock::open(self.node.chain.clone(), &parent, timestamp).unwrap();
            self.open = Some(block);
        }
        self.open.as_mut().unwrap()
    }

    /// Executes a transaction in the open mini-block.
    pub(crate) fn send(&mut self, draft: &Draft) -> B256 {
        let tx = sign(&self.node.chain, draft);
        self.include(&tx)
    }

    /// Executes what is signed already, or is a deposit.
    pub(crate) fn include(&mut self, tx: &Tx) -> B256 {
        self.open();
        let now_us = self.now_us;
        assert_eq!(
            self.open().execute(&tx.offer(), now_us).unwrap(),
            TxOutcome::Included
        );
        tx.hash
    }

    /// Seals the open mini-block and makes it visible.
    pub(crate) fn mini(&mut self) -> Arc<MiniBlock> {
        self.open();
        self.now_us += 10_000;
        let now_us = self.now_us;
        let mini = self.open().seal_mini(now_us).unwrap();
        self.node
            .chain
            .durable(mini.number, self.progress.parent.header.number);
        mini
    }

    /// Seals the open block, with a last mini-block, and makes it visible.
    pub(crate) fn block(&mut self) -> Arc<BlockRecord> {
        let mini = self.mini();
        let (record, ..) = self
            .open
            .take()
            .unwrap()
            .close(&mut self.progress.followers)
            .unwrap();
        self.progress.parent = record.clone();
        self.node.chain.durable(mini.number, record.header.number);
        record
    }

    /// Sends `draft` alone in a mini-block of its own.
    pub(crate) fn run(&mut self, draft: &Draft) -> Arc<MiniBlock> {
        self.send(draft);
        self.mini()
    }

    /// Calls a method.
    pub(crate) fn ask(&self, method: &str, params: &Value) -> Result<Value, RpcError> {
        ask(&self.node, method, params)
    }

    /// The result of a call that must succeed.
    pub(crate) fn get(&self, method: &str, params: &Value) -> Value {
        self.ask(method, params)
            .unwrap_or_else(|error| panic!("{method}{params}: {error}"))
    }

    /// Code and message of a call that must fail.
    pub(crate) fn refusal(&self, method: &str, params: &Value) -> (i32, String) {
        match self.ask(method, params) {
            Ok(value) => panic!("{method}{params} gave {value}"),
            Err(error) => (error.code, error.message),
        }
    }
}

/// A call to a contract with calldata, with plenty of gas.
pub(crate) fn calling(to: Address, input: impl Into<Bytes>, nonce: u64) -> Draft {
    Draft {
        to: TxKind::Call(to),
        input: input.into(),
        nonce,
        gas: 100_000_000,
        ..Draft::default()
    }
}

/// A number as calldata.
pub(crate) fn word(number: u64) -> Bytes {
    U256::from(number).to_be_bytes::<32>().into()
}

/// The bytes that base64 stands for.
pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = text
        .trim_end_matches('=')
        .chars()
        .flat_map(|digit| {
            let value = digits.find(digit).unwrap();
            (0..6).rev().map(move |bit| (value >> bit & 1) as u8)
        })
        .collect();
    bits.chunks_exact(8)
        .map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit))
        .collect()
}
