//! Transactions of every kind from one seed, and the contracts that they call: for tests that compare two ways.

use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, bytes};
use op_alloy_consensus::TxDeposit;

use super::testing::*;
use crate::{
    chain::Chain,
    pool::{Deposit, DepositQueue},
};

pub(crate) const STORE: Address = address!("00000000000000000000000000000000000c0001");
const LOG: Address = address!("00000000000000000000000000000000000c0002");
pub(crate) const FORWARD: Address = address!("00000000000000000000000000000000000c0003");
pub(crate) const CREATE: Address = address!("00000000000000000000000000000000000c0004");
const REVERT: Address = address!("00000000000000000000000000000000000c0005");
pub(crate) const SPIN: Address = address!("00000000000000000000000000000000000c0006");
const BLOCK: Address = address!("00000000000000000000000000000000000c0007");

/// The contracts.
pub(crate) fn contracts() -> Vec<(Address, Bytes)> {
    vec![
        // SSTORE(calldata[0], calldata[32])
        (STORE, bytes!("6020355f355500")),
        // LOG1(memory[0..32], calldata[0])
        (LOG, bytes!("5f3560205fa100")),
        // CALL(gas, calldata[0], calldata[32])
        (FORWARD, bytes!("5f5f5f5f6020355f355af15000")),
        // CREATE(0, calldata)
        (CREATE, bytes!("365f5f37365f5ff05000")),
        (REVERT, bytes!("60205ffd")),
        (SPIN, bytes!("5b5f56")),
        // SSTORE(NUMBER, TIMESTAMP), SSTORE(BLOCKHASH(NUMBER - 1), COINBASE)
        (BLOCK, bytes!("4243554160014303405500")),
    ]
}

/// A small generator of repeatable numbers (xorshift64).
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Words one after the other.
pub(crate) fn words(words: &[U256]) -> Bytes {
    words
        .iter()
        .flat_map(|word| word.to_be_bytes::<32>())
        .collect()
}

/// What to send next.
pub(crate) fn draft(dice: &mut Dice, from: u8, nonce: u64, chain: &Chain) -> Draft {
    let number = |dice: &mut Dice| U256::from(dice.below(6));
    let address = |address: Address| U256::from_be_slice(address.as_slice());
    let mut draft = Draft {
        from,
        nonce,
        gas: 5_000_000 + dice.below(3) * 60_000,
        tip: u128::from(dice.below(3)) * 1000,
        ..Default::default()
    };
    let call = |draft: &mut Draft, to, input| (draft.to, draft.input) = (TxKind::Call(to), input);
    match dice.below(12) {
        0 | 1 => {
            draft.to = TxKind::Call(Address::repeat_byte(dice.below(40) as u8));
            draft.value = u128::from(dice.below(3));
        }
        2..=4 => call(&mut draft, STORE, words(&[number(dice), number(dice)])),
        5 => call(&mut draft, LOG, words(&[number(dice)])),
        6 => {
            let to = [STORE, REVERT, SPIN, Address::repeat_byte(0xee)][dice.below(4) as usize];
            draft.value = u128::from(dice.below(5));
            let input = words(&[address(to), U256::from(dice.below(draft.value as u64 + 1))]);
            call(&mut draft, FORWARD, input);
        }
        7 => {
            // A contract of one byte, one that destroys itself, and one that fails.
            let inits: [&[u8]; 3] = [
                &[0x60, 0xfe, 0x5f, 0x53, 0x60, 0x01, 0x5f, 0xf3],
                &[0x33, 0xff],
                &[0xfe],
            ];
            call(
                &mut draft,
                CREATE,
                inits[dice.below(3) as usize].to_vec().into(),
            );
        }
        8 => (draft.to, draft.input) = (TxKind::Create, bytes!("60fe5f5360015ff3")),
        9 => call(
            &mut draft,
            [REVERT, SPIN][dice.below(2) as usize],
            Bytes::new(),
        ),
        10 => call(&mut draft, BLOCK, Bytes::new()),
        _ => {
            let delegating = 5 + dice.below(4) as u8;
            let authorization = Authorization {
                chain_id: U256::from(chain.config.chain_id),
                address: STORE,
                nonce: dice.below(2),
            };
            let signature = key(delegating).sign(&authorization.signature_hash());
            draft.authorizations = vec![authorization.into_signed(signature)];
            call(
                &mut draft,
                account(delegating),
                words(&[number(dice), number(dice)]),
            );
        }
    }
    draft
}

/// So many transactions, deposits among them, in an order in which all can be executed.
pub(crate) fn transactions(chain: &Chain, seed: u64, count: usize) -> Vec<Tx> {
    let mut dice = Dice(seed);
    let mut nonces = [0; 5];
    let deposits = DepositQueue::default();
    let mut txs = Vec::new();
    while txs.len() < count {
        if dice.below(20) == 0 {
            let to = TxKind::Call([STORE, Address::repeat_byte(0xdd)][dice.below(2) as usize]);
            let deposit = TxDeposit {
                from: Address::repeat_byte(0xd0),
                to,
                mint: 2,
                value: U256::from(dice.below(4)),
                gas_limit: 100_000 + dice.below(2) * 900_000,
                input: words(&[U256::from(1), U256::from(9)]),
                ..Default::default()
            };
            let salt = B256::from(U256::from(txs.len()));
            deposits.push(Deposit::new(deposit, salt));
            let deposit = deposits.pop().unwrap();
            txs.push(Tx::of(deposit.envelope, deposit.sender));
            continue;
        }
        let from = dice.below(5) as u8;
        let draft = draft(&mut dice, from, nonces[from as usize], chain);
        nonces[from as usize] += 1;
        txs.push(sign(chain, &draft));
    }
    txs
}
