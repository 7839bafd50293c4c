//! The one encoding reads what it wrote, and nothing else.

use alloy_consensus::{TxReceipt as _, constants::EMPTY_ROOT_HASH};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bloom, Bytes, LogData, U256, keccak256};
use alloy_trie::root::ordered_trie_root_with_encoder;
use op_alloy_consensus::{OpReceiptEnvelope, OpTxType};
use proptest::prelude::*;

use super::*;

fn keys() -> impl Strategy<Value = PlainKey> {
    (any::<[u8; 20]>(), proptest::option::of(any::<[u8; 32]>())).prop_map(|(address, slot)| {
        PlainKey {
            address: Address::from(address),
            slot: slot.map(B256::from),
        }
    })
}

fn diffs() -> impl Strategy<Value = StateDiff> {
    let entries = prop::collection::btree_map(keys(), any::<(u64, u64, bool)>(), 0..6);
    let codes = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..3)
        .prop_map(|codes| codes.into_iter().map(|code| (keccak256(&code), code)))
        .prop_map(std::collections::BTreeMap::from_iter);
    (entries, codes).prop_map(|(entries, codes)| StateDiff {
        entries: entries
            .into_iter()
            .map(|(key, (nonce, balance, with_code))| {
                let balance = U256::from(balance);
                let code_hash = if with_code {
                    keccak256([1])
                } else {
                    PlainAccount::default().code_hash
                };
                let account = PlainAccount {
                    nonce,
                    balance,
                    code_hash,
                };
                let value = match key.slot {
                    None => PlainValue::from_account(account),
                    Some(_) => PlainValue::from_slot(balance),
                };
                (key, value)
            })
            .collect(),
        codes: codes.into_values().map(Bytes::from).collect(),
    })
}

fn halts() -> impl Strategy<Value = Option<Halt>> {
    proptest::option::of(
        (0..7_u8, any::<u64>(), any::<u64>(), any::<u16>()).prop_map(
            |(kind, limit, actual, access)| match kind {
                0 => Halt::Evm("OutOfGas(Basic)".to_owned()),
                1 => Halt::DataLimitExceeded { limit, actual },
                2 => Halt::KvUpdateLimitExceeded { limit, actual },
                3 => Halt::ComputeGasLimitExceeded { limit, actual },
                4 => Halt::StateGrowthLimitExceeded { limit, actual },
                5 => Halt::SystemTxInvalidCallee {
                    callee: Address::repeat_byte(access as u8),
                },
                _ => Halt::VolatileDataAccessOutOfGas {
                    access,
                    limit,
                    actual,
                },
            },
        ),
    )
}

fn transactions() -> impl Strategy<Value = TxRecord> {
    let small = prop::collection::vec(any::<u8>(), 1..60);
    (
        small.clone(),
        any::<[u8; 20]>(),
        any::<(bool, u64, u64, u64)>(),
        prop::collection::vec((any::<[u8; 20]>(), small), 0..3),
        halts(),
        proptest::option::of(any::<u64>()),
        0..4_u16,
    )
        .prop_map(
            |(raw, sender, (success, a, b, c), logs, halt, deposit_nonce, access)| {
                let raw = Bytes::from(raw);
                TxRecord {
                    hash: envelope_hash(&raw),
                    sender: sender.into(),
                    result: TxResult {
                        success,
                        gas_used: a,
                        gas_refunded: b,
                        logs: logs
                            .into_iter()
                            .map(|(address, data)| alloy_primitives::Log {
                                address: address.into(),
                                data: LogData::new_unchecked(vec![keccak256(&data)], data.into()),
                            })
                            .collect(),
                        contract_address: success.then(|| Address::from(sender)),
                        output: raw.clone(),
                        usage: Usage {
                            compute_gas: a,
                            storage_gas: b,
                            data_size: c,
                            kv_updates: a,
                            state_growth: b,
                            metered_compute_gas: c,
                            detention: match (success, access) {
                                (true, _) => None,
                                (false, 0) => Some(DetentionCap::Untold),
                                (false, access) => Some(DetentionCap::Told { access, limit: c }),
                            },
                            halt,
                        },
                        deposit_nonce,
                    },
                    raw,
                }
            },
        )
}

fn minis() -> impl Strategy<Value = MiniBlock> {
    (
        prop::collection::vec(transactions(), 0..4),
        diffs(),
        any::<[u64; 6]>(),
        any::<([u8; 32], bool)>(),
        proptest::option::of(any::<(u64, [u8; 20])>()),
    )
        .prop_map(|(txs, diff, numbers, (root, y_parity), led)| MiniBlock {
            number: numbers[0],
            block_number: numbers[1],
            block_timestamp: numbers[2],
            index: numbers[3],
            timestamp_us: numbers[4],
            gas_used: numbers[5],
            transactions_root: B256::from(root),
            receipts_root: keccak256(root),
            signature: MiniSignature {
                r: U256::from_be_bytes(root),
                s: U256::from(numbers[0]),
                y_parity,
            },
            diff_digest: diff.digest(),
            content_signature: MiniSignature {
                r: U256::from(numbers[1]),
                s: U256::from_be_bytes(root),
                y_parity: !y_parity,
            },
            txs,
            diff,
            leadership: led.map(|(term, key)| Leadership {
                term,
                key: key.into(),
            }),
        })
}

proptest! {
    #[test]
    fn a_mini_block_is_read_as_it_was_written(mini in minis()) {
        let bytes = mini.encode();
        prop_assert_eq!(MiniBlock::decode_diff(&bytes).unwrap(), mini.diff.clone());
        prop_assert_eq!(MiniBlock::decode(&bytes).unwrap(), mini);
    }

    #[test]
    fn a_mini_block_with_a_byte_changed_is_refused_or_says_something_else(
        mini in minis(),
        place in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut bytes = mini.encode();
        let index = place.index(bytes.len());
        bytes[index] ^= flip;
        if let Ok(other) = MiniBlock::decode(&bytes) {
            prop_assert_ne!(other, mini);
        }
    }

    #[test]
    fn keys_sort_as_their_bytes_do(left in keys(), right in keys()) {
        prop_assert_eq!(left.cmp(&right), left.to_bytes().cmp(&right.to_bytes()));
        prop_assert_eq!(PlainKey::from_bytes(&left.to_bytes()).unwrap(), left);
    }

    #[test]
    fn a_truncated_record_is_refused(mini in minis(), place in any::<prop::sample::Index>()) {
        let bytes = mini.encode();
        prop_assert!(MiniBlock::decode(&bytes[..place.index(bytes.len())]).is_err());
    }
}

#[test]
fn an_empty_mini_block_takes_little_room() {
    let key = crate::keys::Key::new(&B256::repeat_byte(1)).unwrap();
    let mut mini = MiniBlock {
        number: 1 << 30,
        block_number: 1 << 24,
        block_timestamp: 1_700_000_000,
        timestamp_us: 1_700_000_000_000_000,
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        ..Default::default()
    };
    mini.sign(&key);
    assert_eq!(mini.signer().unwrap(), key.address());
    assert!(mini.encode().len() < 180, "{}", mini.encode().len());
}

#[test]
fn a_record_of_another_version_is_refused_by_its_number() {
    let mut bytes = MiniBlock::default().encode();
    let place = bytes
        .iter()
        .position(|byte| *byte == ENCODING_VERSION)
        .unwrap();
    bytes[place] = ENCODING_VERSION + 1;
    let error = MiniBlock::decode(&bytes).unwrap_err().to_string();
    assert!(error.contains("version 3"), "{error}");
}

#[test]
fn a_signature_is_for_this_mini_block_only() {
    let key = crate::keys::Key::new(&B256::repeat_byte(1)).unwrap();
    let mut mini = MiniBlock {
        number: 5,
        ..Default::default()
    };
    mini.sign(&key);
    mini.gas_used += 1;
    assert_ne!(mini.signer(), Ok(key.address()));
}

#[test]
fn a_seal_covers_the_diff_and_what_the_signature_leaves_out() {
    let key = crate::keys::Key::new(&B256::repeat_byte(1)).unwrap();
    let mut mini = MiniBlock {
        txs: vec![TxRecord {
            raw: Bytes::from_static(&[0xc0]),
            hash: keccak256([0xc0]),
            sender: Address::repeat_byte(1),
            result: TxResult::default(),
        }],
        ..Default::default()
    };
    mini.sign(&key);
    let digests = mini.digests();
    assert_eq!(mini.content_signer(&digests), Ok(key.address()));
    assert_eq!(mini.diff_digest, EMPTY_DIFF_DIGEST);
    let (read, same) = MiniBlock::decode_with_digests(&mini.encode()).unwrap();
    assert_eq!((&read, same), (&mini, digests));

    let mut other = mini.clone();
    other.txs[0].sender = Address::repeat_byte(2);
    assert_eq!(other.signer(), Ok(key.address()));
    assert_ne!(other.content_signer(&other.digests()), Ok(key.address()));
    let mut other = mini.clone();
    let key_of_a_slot = PlainKey::slot(Address::ZERO, U256::ZERO);
    other.diff.entries.push((key_of_a_slot, PlainValue::Absent));
    assert_ne!(other.content_signer(&other.digests()), Ok(key.address()));
}

#[test]
fn a_seal_covers_who_leads() {
    let [first, second] =
        [1, 2].map(|byte| crate::keys::Key::new(&B256::repeat_byte(byte)).unwrap());
    let mut mini = MiniBlock {
        leadership: Some(Leadership {
            term: 7,
            key: first.address(),
        }),
        ..Default::default()
    };
    mini.sign_header(&second);
    mini.sign_content(&first);
    let digests = mini.digests();
    assert_eq!(mini.signer(), Ok(second.address()));
    assert_eq!(mini.content_signer(&digests), Ok(first.address()));
    assert_eq!(mini.sealer(second.address()), first.address());
    for leadership in [
        None,
        Some(Leadership {
            term: 8,
            key: first.address(),
        }),
        Some(Leadership {
            term: 7,
            key: second.address(),
        }),
    ] {
        let other = MiniBlock {
            leadership,
            ..mini.clone()
        };
        assert_eq!(other.signer(), Ok(second.address()));
        assert_ne!(other.content_signer(&digests), Ok(first.address()));
        assert_eq!(MiniBlock::decode(&other.encode()).unwrap(), other);
    }
}

#[test]
fn a_record_without_a_leader_has_nothing_where_one_would_stand() {
    let mini = MiniBlock::default();
    let led = MiniBlock {
        leadership: Some(Leadership {
            term: 1,
            key: Address::ZERO,
        }),
        ..mini.clone()
    };
    // A byte for the term, 21 for the address; the header of the list has two either way.
    assert_eq!(led.encode().len(), mini.encode().len() + 22);
    assert_eq!(&led.encode()[2..mini.encode().len()], &mini.encode()[2..]);
}

#[test]
fn a_value_has_one_form() {
    let zero_slot = [0; 32];
    let empty_account = [0; 40];
    let mut no_code = [1; 72];
    no_code[40..].copy_from_slice(PlainAccount::default().code_hash.as_slice());
    for bytes in [&zero_slot[..], &empty_account, &no_code, &[0; 72]] {
        assert!(PlainValue::from_bytes(bytes).is_err(), "{}", bytes.len());
    }
}

#[test]
fn an_account_with_code_is_longer_by_its_hash() {
    let mut account = PlainAccount {
        nonce: 7,
        balance: U256::from_be_bytes([3; 32]),
        ..Default::default()
    };
    for (code_hash, length) in [(account.code_hash, 40), (B256::repeat_byte(9), 72)] {
        account.code_hash = code_hash;
        let bytes = PlainValue::from_account(account).to_bytes();
        assert_eq!(bytes.len(), length);
        let read = PlainValue::from_bytes(&bytes).unwrap();
        assert_eq!(read.as_account(), Some(account));
    }
}

#[test]
fn other_lengths_are_no_values() {
    for length in [1, 31, 33, 39, 41, 71, 73] {
        assert!(
            PlainValue::from_bytes(&vec![1; length]).is_err(),
            "{length}"
        );
    }
}

#[test]
fn a_slot_s_key_is_the_address_and_then_the_slot() {
    let address = Address::repeat_byte(1);
    let key = PlainKey::slot(address, U256::from_be_bytes([2; 32])).to_bytes();
    assert_eq!(key[..20], PlainKey::account(address).to_bytes());
    assert_eq!(key[20..], [2; 32]);
}

/// Lists around every place where the keys get longer, where a group is full, and where it has one item.
#[test]
fn a_growing_root_is_the_root_of_the_list() {
    for length in [0, 1, 2, 29, 30, 31, 32, 200] {
        let item =
            |index: u64| Bytes::from(keccak256(index.to_be_bytes()).repeat(7)[..length].to_vec());
        let mut items: Vec<Bytes> = Vec::new();
        let mut root = OrderedRoot::default();
        for count in 0..1100 {
            if count < 300 || count % 16 < 3 {
                let expected =
                    ordered_trie_root_with_encoder(&items, |item, out| out.extend_from_slice(item));
                assert_eq!(root.root(), expected, "{count} of {length} bytes");
            }
            items.push(item(count));
            root.push(&Leaf::new(item(count)));
        }
    }
}

/// Of op-alloy's, as its own receipt types have them.
fn envelopes(txs: &[TxRecord], mut gas: u64) -> Vec<OpReceiptEnvelope> {
    let envelope = |tx: &TxRecord| {
        gas = gas.saturating_add(tx.result.gas_used);
        let tx_type = match tx.raw[0] {
            0xc0.. => OpTxType::Legacy,
            kind => OpTxType::try_from(kind).unwrap(),
        };
        let is_deposit = tx_type == OpTxType::Deposit;
        OpReceiptEnvelope::from_parts(
            tx.result.success,
            gas,
            &tx.result.logs,
            tx_type,
            tx.result.deposit_nonce.filter(|_| is_deposit),
            is_deposit.then_some(1),
        )
    };
    txs.iter().map(envelope).collect()
}

proptest! {
    #[test]
    fn leaves_and_sums_are_those_of_the_receipts(
        txs in prop::collection::vec(transactions(), 0..200),
        kinds in prop::collection::vec(prop::sample::select(vec![0xc0, 1, 2, 4, 0x7e]), 200),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 3),
    ) {
        let mut txs = txs;
        for (tx, kind) in txs.iter_mut().zip(kinds) {
            tx.raw = [vec![kind], tx.raw.to_vec()].concat().into();
        }
        let receipts = envelopes(&txs, 0);
        let bloom = receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.bloom());
        let transactions = ordered_trie_root_with_encoder(&txs, |tx, out| out.extend_from_slice(&tx.raw));
        let root = |receipts: &[OpReceiptEnvelope]| {
            ordered_trie_root_with_encoder(receipts, |receipt, out| receipt.encode_2718(out))
        };

        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(txs.len() + 1)).collect();
        cuts.extend([0, txs.len()]);
        cuts.sort_unstable();
        let mut sums = BlockRoots::default();
        for cut in cuts.windows(2) {
            let part = &txs[cut[0]..cut[1]];
            let leaves = Leaves::of(part, sums.gas()).unwrap();
            prop_assert_eq!(leaves.receipts_root(), root(&receipts[cut[0]..cut[1]]));
            let mut one_by_one = Leaves::default();
            for tx in part {
                one_by_one.push(tx, sums.gas()).unwrap();
            }
            prop_assert_eq!(one_by_one.transactions_root(), leaves.transactions_root());
            prop_assert_eq!(one_by_one.receipts_root(), leaves.receipts_root());
            sums.add(&leaves);
        }
        prop_assert_eq!(sums.transactions_root(), transactions);
        prop_assert_eq!(sums.receipts_root(), root(&receipts));
        prop_assert_eq!(*sums.bloom(), bloom);
    }
}

#[test]
fn an_address_and_a_topic_that_end_alike_are_told_apart() {
    let address = Address::repeat_byte(7);
    let data = LogData::new_unchecked(vec![address.into_word()], Bytes::new());
    let log = alloy_primitives::Log { address, data };
    for _ in 0..2 {
        assert_eq!(logs_bloom([&log]), Bloom::from_iter([&log]));
    }
}

#[test]
fn a_block_record_is_read_as_it_was_written() {
    let header = alloy_consensus::Header {
        number: 7,
        base_fee_per_gas: Some(1),
        withdrawals_root: Some(B256::ZERO),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(REQUESTS_HASH),
        ..Default::default()
    };
    let key = crate::keys::Key::new(&B256::repeat_byte(1)).unwrap();
    let mut record = BlockRecord::new(header, 600, 100, Bytes::from_static(&[1, 2]));
    record.sign_content(&key);
    assert_eq!(BlockRecord::decode(&record.encode()).unwrap(), record);
    assert_eq!(record.content_signer(), Ok(key.address()));
    assert!(is_block_record(&record.encode()));
    assert!(!is_block_record(&MiniBlock::default().encode()));
    assert!(!is_block_record(&[]));
    record.commitment = Bytes::new();
    assert_ne!(record.content_signer(), Ok(key.address()));
}

#[test]
fn folding_keeps_the_last_value_of_each_key() {
    let key = PlainKey::slot(Address::ZERO, U256::from(1));
    let mut folded = FoldedDiffs::default();
    for value in [1, 2, 0] {
        folded.add(StateDiff {
            entries: vec![(key, PlainValue::from_slot(U256::from(value)))],
            codes: Vec::new(),
        });
    }
    assert_eq!(
        folded.entries.into_iter().collect::<Vec<_>>(),
        [(key, PlainValue::Absent)]
    );
    assert!(folded.codes.is_empty());
}

#[test]
fn what_an_older_record_does_not_tell_of_detention_contradicts_nothing() {
    let told = |limit| Some(DetentionCap::Told { access: 2, limit });
    let of = |detention| TxResult {
        usage: Usage {
            detention,
            ..Usage::default()
        },
        ..TxResult::default()
    };
    let again = of(told(20));
    assert!(again.agrees(&of(Some(DetentionCap::Untold))));
    assert!(again.agrees(&of(told(20))));
    for said in [None, told(21)] {
        assert!(!again.agrees(&of(said)));
    }
    assert!(!of(None).agrees(&of(Some(DetentionCap::Untold))));
    let mut said = of(Some(DetentionCap::Untold));
    said.gas_used = 1;
    assert!(!again.agrees(&said));
}
