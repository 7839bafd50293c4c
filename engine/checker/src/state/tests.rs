//! Views stand still, history is merged and dropped.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, U256};
use proptest::prelude::*;

use super::*;
use crate::block::{PlainAccount, PlainKey, PlainValue, StateDiff};

fn key(index: u8) -> PlainKey {
    match index % 2 {
        0 => PlainKey::account(Address::repeat_byte(index)),
        _ => PlainKey::slot(Address::repeat_byte(index), U256::from(index)),
    }
}

fn value(key: &PlainKey, number: u64) -> PlainValue {
    match key.slot {
        None => PlainValue::from_account(PlainAccount {
            nonce: number,
            ..Default::default()
        }),
        Some(_) => PlainValue::from_slot(U256::from(number)),
    }
}

fn diff(entries: &[(u8, u64)]) -> StateDiff {
    let sorted: BTreeMap<_, _> = entries
        .iter()
        .map(|(index, number)| (key(*index), value(&key(*index), *number)))
        .collect();
    StateDiff {
        entries: sorted.into_iter().collect(),
        codes: Vec::new(),
    }
}

fn slot_of(view: &View, index: u8) -> U256 {
    view.slot(Address::repeat_byte(index), U256::from(index))
        .unwrap()
}

#[test]
fn a_view_does_not_see_later_commits() {
    let world = StateStore::new(8);
    world.commit(&diff(&[(1, 10)]));
    world.set_visible(1);
    let view = View::new(world.clone(), world.pin_visible());
    world.commit(&diff(&[(1, 20), (3, 30)]));
    world.commit(&diff(&[(1, 0)]));
    world.close_block(1);
    world.set_visible(3);
    assert_eq!(slot_of(&view, 1), U256::from(10));
    assert_eq!(slot_of(&view, 3), U256::ZERO);
    let latest = View::new(world.clone(), world.pin_visible());
    assert_eq!(slot_of(&latest, 1), U256::ZERO);
    assert_eq!(slot_of(&latest, 3), U256::from(30));
}

#[test]
fn what_is_not_durable_is_not_visible() {
    let world = StateStore::new(8);
    world.commit(&diff(&[(1, 10)]));
    let view = View::new(world.clone(), world.pin_visible());
    assert_eq!(slot_of(&view, 1), U256::ZERO);
    world.close_block(1);
    let still = View::new(world.clone(), world.pin_visible());
    assert_eq!(slot_of(&still, 1), U256::ZERO);
}

#[test]
fn closing_a_block_tells_what_its_keys_held_before() {
    let world = StateStore::new(8);
    world.commit(&diff(&[(1, 10), (2, 1)]));
    world.close_block(1);
    world.commit(&diff(&[(1, 11)]));
    world.commit(&diff(&[(1, 12), (3, 5)]));
    let undo = world.close_block(2);
    let expected = vec![(key(1), value(&key(1), 10)), (key(3), PlainValue::Absent)];
    assert_eq!(undo, expected);
}

#[test]
fn values_of_old_blocks_go_before_they_fill_the_memory() {
    const EACH: u64 = 40_000;
    let world = StateStore::new(10_000);
    for block in 0..40 {
        let entries = (0..EACH)
            .map(|number| {
                let slot = PlainKey::slot(Address::ZERO, U256::from(number));
                (slot, PlainValue::from_slot(U256::from(block + 1)))
            })
            .collect();
        world.commit(&StateDiff {
            entries,
            codes: Vec::new(),
        });
        world.close_block(block);
        world.set_visible(block + 1);
    }
    let held = |block| world.pin_block(block).is_some();
    assert!(!held(13), "its values are the archive's");
    assert!(held(14) && held(39), "a million values may stay");
}

/// Remembers one key's value before a block, as the history table does.
struct OneValue {
    key: Vec<u8>,
    changed_in: u64,
    before: Vec<u8>,
    begins_after: u64,
}

impl Archive for OneValue {
    fn tx_location(&self, hash: &B256) -> Option<(u64, u32)> {
        EmptyArchive.tx_location(hash)
    }

    fn block_number(&self, hash: &B256) -> Option<u64> {
        EmptyArchive.block_number(hash)
    }

    fn block(&self, number: u64) -> Option<Vec<u8>> {
        EmptyArchive.block(number)
    }

    fn mini(&self, number: u64) -> Option<Vec<u8>> {
        EmptyArchive.mini(number)
    }

    fn value_at(&self, key: &[u8], block: u64) -> Result<Option<Vec<u8>>, StateError> {
        if block < self.begins_after {
            return Err(StateError::Pruned);
        }
        let is_changed = key == self.key && block < self.changed_in;
        Ok(is_changed.then(|| self.before.clone()))
    }

    fn code(&self, hash: &B256) -> Option<Vec<u8>> {
        EmptyArchive.code(hash)
    }
}

#[test]
fn blocks_older_than_memory_are_read_through_the_archive() {
    let world = StateStore::new(2);
    for block in 1..=6 {
        world.commit(&diff(&[(1, block * 10)]));
        world.close_block(block);
        world.set_visible(block);
    }
    assert_eq!(world.oldest_block(), 4);
    assert!(world.pin_block(3).is_none());
    let view = View::new(world.clone(), world.pin_block(5).unwrap());
    assert_eq!(slot_of(&view, 1), U256::from(50));

    let archive = OneValue {
        key: key(1).to_bytes(),
        changed_in: 3,
        before: value(&key(1), 20).to_bytes(),
        begins_after: 0,
    };
    let (_, pin) = world.pin_oldest();
    let view = View::archived(world.clone(), pin, Arc::new(archive), 2);
    assert_eq!(slot_of(&view, 1), U256::from(20));
}

#[test]
fn a_state_whose_history_is_pruned_meanwhile_is_an_error() {
    let world = StateStore::new(1);
    for block in 1..=3 {
        world.commit(&diff(&[(1, block)]));
        world.close_block(block);
        world.set_visible(block);
    }
    let archive = OneValue {
        key: key(1).to_bytes(),
        changed_in: 3,
        before: value(&key(1), 2).to_bytes(),
        begins_after: 2,
    };
    let archive: Arc<dyn Archive> = Arc::new(archive);
    let at = |block| View::archived(world.clone(), world.pin_oldest().1, archive.clone(), block);
    assert_eq!(slot_of(&at(2), 1), U256::from(2));
    assert_eq!(at(1).value(&key(1)), Err(StateError::Pruned));
}

#[test]
fn a_pinned_version_keeps_its_history() {
    let world = StateStore::new(1);
    world.commit(&diff(&[(1, 1)]));
    world.set_visible(1);
    let pin = world.pin_visible();
    for block in 1..=5 {
        world.commit(&diff(&[(1, 100 + block)]));
        world.close_block(block);
        world.set_visible(block + 1);
    }
    let view = View::new(world.clone(), pin);
    assert_eq!(slot_of(&view, 1), U256::from(1));
    drop(view);
    world.commit(&diff(&[(1, 200)]));
    world.close_block(6);
    world.set_visible(7);
    assert_eq!(world.oldest_block(), 5);
}

#[test]
fn readers_and_the_writer_at_once_never_disagree() {
    let world = StateStore::new(4);
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (world, done) = (world.clone(), done.clone());
            std::thread::spawn(move || {
                while !done.load(std::sync::atomic::Ordering::Acquire) {
                    let view = View::new(world.clone(), world.pin_visible());
                    // Every commit writes the same number everywhere.
                    let first = slot_of(&view, 1);
                    for index in [3, 5, 7, 9, 1] {
                        assert_eq!(slot_of(&view, index), first);
                    }
                }
            })
        })
        .collect();
    for number in 1..=4000_u64 {
        world.commit(&diff(&[
            (1, number),
            (3, number),
            (5, number),
            (7, number),
            (9, number),
        ]));
        if number % 7 == 0 {
            world.close_block(number / 7);
        }
        world.set_visible(number);
    }
    done.store(true, std::sync::atomic::Ordering::Release);
    readers
        .into_iter()
        .for_each(|reader| reader.join().unwrap());
}

proptest! {
    /// Any run of commits: every pinned version reads like a map that was copied then.
    #[test]
    fn pinned_versions_read_like_copies(
        commits in prop::collection::vec(
            (prop::collection::vec((0..12_u8, 0..4_u64), 0..5), any::<bool>(), any::<bool>()),
            1..40,
        ),
    ) {
        let world = StateStore::new(3);
        let mut model: BTreeMap<PlainKey, PlainValue> = BTreeMap::new();
        let mut pinned = Vec::new();
        let mut block = 0;
        for (entries, closes, pins) in commits {
            let diff = diff(&entries);
            let version = world.commit(&diff);
            model.extend(diff.entries);
            world.set_visible(version);
            if pins {
                pinned.push((View::new(world.clone(), world.pin_visible()), model.clone()));
            }
            if closes {
                block += 1;
                world.close_block(block);
            }
            if pinned.len() > 6 {
                pinned.remove(0);
            }
            for (view, model) in &pinned {
                for index in 0..12 {
                    let expected = model.get(&key(index)).copied().unwrap_or_default();
                    prop_assert_eq!(view.value(&key(index)).unwrap(), expected);
                }
            }
        }
    }
}

#[test]
fn a_genesis_account_may_be_written_as_geth_writes_it() {
    let alloc: Alloc = serde_json::from_str(
        r#"{"0x0000000000000000000000000000000000000001": {"balance": "0x10", "nonce": "0x2"},
            "0x0000000000000000000000000000000000000002":
                {"balance": "16", "nonce": 2, "code": "0x00", "storage": {"0x01": "0x02"}}}"#,
    )
    .unwrap();
    let [one, two] = alloc.values().collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!((one.balance, one.nonce), (two.balance, two.nonce));
    assert_eq!(two.storage[&U256::from(1)], U256::from(2));
    let genesis = genesis_diff(&alloc);
    assert!(genesis.entries.is_sorted_by_key(|(key, _)| *key));
    let unknown = r#"{"0x0000000000000000000000000000000000000001": {"ballance": "1"}}"#;
    assert!(serde_json::from_str::<Alloc>(unknown).is_err());
}
