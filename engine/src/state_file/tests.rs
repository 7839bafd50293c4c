//! State files say what the state was, and are put together, compared and cut without loss.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use alloy_primitives::{Address, Bytes, KECCAK256_EMPTY, U256, keccak256};
use megaeth_checker::evm::{AccountEntry, AccountSet, EntryCode, UNTOUCHABLE};
use proptest::{collection::vec, prelude::*};

use super::{contents::FileError, *};
use crate::{
    block::{PlainAccount, PlainKey, PlainValue, StateDiff},
    state::{StateStore, View},
};

/// A state that is easily compared: nonce, balance, code and storage by address.
type State = BTreeMap<Address, (u64, U256, Bytes, BTreeMap<U256, U256>)>;

fn state() -> impl Strategy<Value = State> {
    let code = prop_oneof![
        Just(Bytes::new()),
        (0..3u8).prop_map(|number| Bytes::from(vec![0x60, number])),
        (1..5usize).prop_map(|kilobytes| Bytes::from(vec![0x5b; kilobytes << 10])),
    ];
    let slots = vec((any::<u64>(), 1..u64::MAX), 0..5).prop_map(|slots| {
        let word = |number| U256::from(number) << 130;
        let slots = slots.into_iter();
        slots
            .map(|(slot, value)| (word(slot), word(value)))
            .collect::<BTreeMap<_, _>>()
    });
    let account = (1..100u64, any::<u128>(), code, slots).prop_map(
        |(nonce, balance, code, slots): (_, _, _, BTreeMap<U256, U256>)| {
            (nonce, U256::from(balance), code, slots)
        },
    );
    proptest::collection::btree_map(any::<[u8; 20]>().prop_map(Address::from), account, 0..20)
}

fn store_of(state: &State) -> StateStore {
    let store = StateStore::new(8);
    let mut entries = Vec::new();
    let mut codes = BTreeMap::new();
    for (address, (nonce, balance, code, slots)) in state {
        let code_hash = keccak256(code);
        if !code.is_empty() {
            codes.insert(code_hash, code.clone());
        }
        let account = PlainAccount {
            nonce: *nonce,
            balance: *balance,
            code_hash,
        };
        entries.push((PlainKey::account(*address), PlainValue::Account(account)));
        let slots = slots.iter();
        entries.extend(
            slots.map(|(slot, value)| (PlainKey::slot(*address, *slot), PlainValue::Slot(*value))),
        );
    }
    let codes = codes.into_values().collect();
    store.commit(&StateDiff { entries, codes });
    store.set_visible(1);
    store
}

fn visible(store: &StateStore) -> View {
    View::new(store.clone(), store.pin_visible())
}

fn dumped(store: &StateStore, entries: usize) -> Vec<AccountSet> {
    let mut dump = StateDump::new(visible(store), entries);
    std::iter::from_fn(|| dump.part().unwrap()).collect()
}

fn state_of(sets: &[AccountSet]) -> State {
    let mut state = State::new();
    for set in sets {
        for account in &set.accounts {
            let code = match account.code {
                EntryCode::At(place) => set.codes[place].clone(),
                EntryCode::Empty => Bytes::new(),
                EntryCode::Stays => panic!("a dump says what there is"),
            };
            let slots = account.slots.iter().copied().collect();
            let account_state = (account.nonce, account.balance, code, slots);
            assert!(state.insert(account.address, account_state).is_none());
        }
    }
    state
}

fn anvil_of(sets: &[AccountSet]) -> Vec<u8> {
    let mut text = br#"{"block":null,"accounts":{"#.to_vec();
    for (index, set) in sets.iter().enumerate() {
        write_anvil(&mut text, set, index == 0);
    }
    text.extend_from_slice(br#"},"blocks":[{"accounts":{"nonce":[]}}]}"#);
    text
}

const SIZE: PieceSize = PieceSize {
    writes: 1_000,
    bytes: 64 << 10,
};

fn pieces_of(sets: &[AccountSet]) -> Vec<Vec<u8>> {
    sets.iter().flat_map(|set| pieces(set, SIZE)).collect()
}

fn read_back(pieces: &[Vec<u8>]) -> Result<AccountSet, FileError> {
    read_pieces(pieces.iter().map(|piece| &piece[..]))
}

proptest! {
    #[test]
    fn a_dump_in_any_number_of_parts_and_either_form_is_the_state(state in state(), parts in 0..400usize) {
        let sets = dumped(&store_of(&state), parts * 250_000);
        prop_assert_eq!(&state_of(&sets), &state);
        let read = read_anvil(&anvil_of(&sets)).unwrap();
        prop_assert_eq!(&state_of(&[read]), &state);
        let read = read_back(&pieces_of(&sets)).unwrap();
        prop_assert_eq!(&state_of(&[read]), &state);
    }

    #[test]
    fn nothing_of_a_state_differs_from_itself(state in state()) {
        let store = store_of(&state);
        for set in dumped(&store, 0) {
            let (different, needed) = differing(&set, &visible(&store)).unwrap();
            prop_assert_eq!((different.accounts.len(), needed.len()), (0, 0));
        }
    }
}

#[test]
fn a_dump_stands_still_while_the_state_goes_on() {
    let (there, gone) = (Address::repeat_byte(1), Address::repeat_byte(0xfe));
    let account = |nonce| (nonce, U256::from(7), Bytes::new(), BTreeMap::new());
    let before = State::from([(there, account(1)), (gone, account(2))]);
    let store = store_of(&before);
    let mut dump = StateDump::new(visible(&store), 600_000);
    let mut sets = vec![dump.part().unwrap().unwrap()];
    store.commit(&StateDiff {
        entries: vec![
            (
                PlainKey::account(Address::repeat_byte(0x80)),
                PlainValue::Account(PlainAccount {
                    nonce: 9,
                    ..PlainAccount::default()
                }),
            ),
            (PlainKey::account(gone), PlainValue::Absent),
        ],
        codes: Vec::new(),
    });
    store.set_visible(2);
    sets.extend(std::iter::from_fn(|| dump.part().unwrap()));
    assert_eq!(state_of(&sets), before);
}

#[test]
fn only_what_differs_is_written() {
    let (same, other, new) = (
        Address::repeat_byte(1),
        Address::repeat_byte(2),
        Address::repeat_byte(3),
    );
    let (one, code) = (U256::ONE, Bytes::from_static(&[0x60, 1]));
    let account = (
        1,
        one,
        code.clone(),
        BTreeMap::from([(one, one), (U256::from(2), one)]),
    );
    let store = store_of(&State::from([(same, account.clone()), (other, account)]));
    let entry = |address, code| AccountEntry {
        address,
        nonce: 1,
        balance: one,
        code,
        slots: vec![(one, one)],
    };
    let mut set = AccountSet {
        codes: vec![code],
        accounts: vec![
            entry(same, EntryCode::At(0)),
            entry(other, EntryCode::At(0)),
            entry(new, EntryCode::Empty),
        ],
    };
    set.accounts[1].slots = vec![(one, one), (U256::from(2), U256::ZERO)];
    set.accounts.push(entry(UNTOUCHABLE[0], EntryCode::Empty));
    let (different, needed) = differing(&set, &visible(&store)).unwrap();
    assert_eq!(needed, [UNTOUCHABLE[0]]);
    let changed = AccountEntry {
        slots: vec![(U256::from(2), U256::ZERO)],
        ..entry(other, EntryCode::Stays)
    };
    assert_eq!(
        different.accounts,
        [
            changed,
            AccountEntry {
                code: EntryCode::Stays,
                ..entry(new, EntryCode::Empty)
            }
        ]
    );
}

#[test]
fn a_large_account_is_cut_and_comes_back() {
    let slots = (1..2_500u64)
        .map(|number| (U256::from(number), U256::MAX))
        .collect();
    let code = Bytes::from(vec![0x5b; 24 << 10]);
    let mut state = State::from([(Address::repeat_byte(9), (1, U256::MAX, code.clone(), slots))]);
    for byte in 20..120 {
        state.insert(
            Address::repeat_byte(byte),
            (1, U256::ZERO, code.clone(), BTreeMap::new()),
        );
    }
    let pieces = pieces_of(&dumped(&store_of(&state), 0));
    assert!(pieces.len() > 5);
    for piece in &pieces {
        let set = AccountSet::decode(piece).unwrap();
        let slots: usize = set.accounts.iter().map(|account| account.slots.len()).sum();
        assert!(set.accounts.len() + slots <= SIZE.writes && piece.len() <= SIZE.bytes);
    }
    assert_eq!(state_of(&[read_back(&pieces).unwrap()]), state);
}

#[test]
fn a_piece_is_as_full_as_its_bytes_and_its_writes_allow() {
    let account = (1, U256::from(7), Bytes::new(), BTreeMap::new());
    let state: State = (1..=100)
        .map(|byte| (Address::repeat_byte(byte), account.clone()))
        .collect();
    let sets = dumped(&store_of(&state), 0);
    let counts = |writes, bytes| -> Vec<usize> {
        let pieces = sets
            .iter()
            .flat_map(|set| pieces(set, PieceSize { writes, bytes }));
        pieces
            .map(|piece| AccountSet::decode(&piece).unwrap().accounts.len())
            .collect()
    };
    let whole = pieces(&sets[0], SIZE).remove(0).len();
    assert_eq!(counts(100, whole), [100]);
    assert_eq!(counts(99, whole), [99, 1]);
    assert_eq!(counts(100, whole - 1), [99, 1]);
    assert_eq!(counts(0, 0).iter().sum::<usize>(), 100);
}

#[test]
fn anvils_numbers_are_read_in_every_form() {
    let text = br#"{"accounts":{
        "0x0000000000000000000000000000000000000001":{"nonce":5,"balance":"0x10","code":"0x6001","storage":{"0x5":"0x06"}},
        "0000000000000000000000000000000000000002":{"nonce":"0x5","balance":16,"code":"6001","storage":{"0x0000000000000000000000000000000000000000000000000000000000000005":"6"},"more":1},
        "0x0000000000000000000000000000000000000003":{"balance":"16","code":null},
        "0x0000000000000000000000000000000000000004":{}
    },"best_block_number":3}"#;
    let set = read_anvil(text).unwrap();
    assert_eq!(set.codes, [Bytes::from_static(&[0x60, 1])]);
    let five = vec![(U256::from(5), U256::from(6))];
    let found: Vec<_> = set
        .accounts
        .iter()
        .map(|account| {
            (
                account.nonce,
                account.balance.to::<u64>(),
                account.code,
                account.slots.clone(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (5, 16, EntryCode::At(0), five.clone()),
            (5, 16, EntryCode::At(0), five),
            (0, 16, EntryCode::Empty, vec![]),
            (0, 0, EntryCode::Empty, vec![]),
        ]
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_and_where() {
    let account = |members: &str| {
        format!(r#"{{"accounts":{{"0x0000000000000000000000000000000000000001":{{{members}}}}}}}"#)
    };
    let long = format!(r#""code":"0x{}""#, "5b".repeat((512 << 10) + 1));
    for (text, problem) in [
        (
            String::new(),
            "EOF while parsing a value at line 1 column 0",
        ),
        (
            "[]".to_owned(),
            "invalid type: sequence, expected an object with the accounts of a state at line 1",
        ),
        ("{}".to_owned(), "missing field `accounts`"),
        (
            r#"{"accounts":{}"#.to_owned(),
            "EOF while parsing an object at line 1 column 14",
        ),
        (r#"{"accounts":{}} x"#.to_owned(), "trailing characters"),
        (
            r#"{"accounts":{},"accounts":{}}"#.to_owned(),
            "duplicate field `accounts`",
        ),
        (
            r#"{"accounts":{"0x12":{}}}"#.to_owned(),
            r#""0x12" is no address at line 1"#,
        ),
        (
            account(r#""nonce":"0x10000000000000000""#),
            "account 0x0000000000000000000000000000000000000001: 18446744073709551616 is too large",
        ),
        (
            account(r#""nonce":-1"#),
            "expected a number, decimal or hexadecimal",
        ),
        (account(r#""nonce":"""#), "no number"),
        (
            account(r#""balance":"ten""#),
            r#""ten" is no number of at most 256 bits at line 1"#,
        ),
        (
            account(r#""balance":1.5"#),
            "expected a number, decimal or hexadecimal",
        ),
        (account(r#""code":"0x1""#), "its code is none"),
        (account(r#""code":"0xef01""#), "its code is none"),
        (account(&long), "MegaETH's limit is 524288"),
        (
            account(r#""storage":{"":"0x1"}"#),
            "is not up to 32 bytes in hexadecimal",
        ),
        (
            account(r#""storage":[]"#),
            "expected slots with their values",
        ),
    ] {
        let error = read_anvil(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}\n{problem}");
    }
    let twice = r#"{"accounts":{"0x0000000000000000000000000000000000000001":{},"0x0000000000000000000000000000000000000001":{}}}"#;
    let error = read_anvil(twice.as_bytes()).unwrap_err();
    assert_eq!(error, FileError::Twice(Address::with_last_byte(1)));
    let error = read_back(&[vec![0; 4], vec![1]]).unwrap_err().to_string();
    assert!(error.starts_with("piece 2: "), "{error}");
    assert_eq!(keccak256([]), KECCAK256_EMPTY);
}
