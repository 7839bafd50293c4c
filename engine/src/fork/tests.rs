//! A remote of a few values: asked once for each, never waited for unless somebody says so.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use serde_json::json;

use super::{ForkState, RemoteError, testing::*};
use crate::{
    block::PlainKey,
    state::{Latest, LowerState as _, Place, StateError, StateReader as _, StateStore, View},
};

fn fork() -> Arc<ForkState> {
    Arc::new(ForkState::new(POINT))
}

fn view_over(fork: &Arc<ForkState>) -> View {
    let world = StateStore::over(fork.clone(), 8);
    let pin = world.pin_visible();
    View::new(world, pin)
}

#[test]
fn what_is_not_known_is_told_at_once_and_asked_for_once() {
    let fork = fork();
    let key = PlainKey::account(RICH);
    for _ in 0..3 {
        let read = fork.account(RICH);
        assert_eq!(read, Err(StateError::Unknown(Place::Key(key))));
    }
    assert_eq!(fork.desk.waiting(), 3); // balance, nonce and code
    let remote = Remote::start(&fork, reply);
    fork.wait_for(Place::Key(key)).unwrap();
    let account = fork.account(RICH).unwrap().unwrap();
    assert_eq!((account.balance, account.nonce), (U256::from(7), 3));
    assert_eq!(account.code_hash, KECCAK256_EMPTY);
    assert_eq!(remote.asked(), 3);
}

#[test]
fn a_view_waits_and_the_writer_does_not() {
    let fork = fork();
    let world = StateStore::over(fork.clone(), 8);
    let writer = Latest(world.clone());
    assert!(matches!(
        writer.slot(CONTRACT, U256::ZERO),
        Err(StateError::Unknown(_))
    ));
    let remote = Remote::start(&fork, reply);
    let view = View::new(world.clone(), world.pin_visible());
    assert_eq!(view.slot(CONTRACT, U256::ZERO), Ok(U256::from(41)));
    assert_eq!(writer.slot(CONTRACT, U256::ZERO), Ok(U256::from(41)));
    let code: Bytes = CODE.parse().unwrap();
    let account = view.account(CONTRACT).unwrap().unwrap();
    assert_eq!(account.code_hash, keccak256(&code));
    let found = view.code(account.code_hash).unwrap();
    assert_eq!(found.original_bytes(), code);
    assert_eq!(view.account(Address::repeat_byte(0x99)), Ok(None));
    assert_eq!(view.block_hash(5), Ok(B256::repeat_byte(7)));
    assert_eq!(view.block_hash(0x64), Ok(POINT.hash));
    // All of it was asked once.
    let before = remote.asked();
    assert_eq!(view.slot(CONTRACT, U256::ZERO), Ok(U256::from(41)));
    assert_eq!(view.block_hash(5), Ok(B256::repeat_byte(7)));
    assert_eq!(remote.asked(), before);
}

#[test]
fn what_was_only_read_is_no_part_of_the_state_here() {
    let fork = fork();
    let _remote = Remote::start(&fork, reply);
    let world = StateStore::over(fork.clone(), 8);
    let key = PlainKey::slot(CONTRACT, U256::ZERO);
    assert_eq!(world.learn(&key).unwrap().as_slot(), U256::from(41));
    assert_eq!(world.tip(&key).as_slot(), U256::from(41));
    let mut entries = 0;
    world.for_each(|_, _| entries += 1);
    assert_eq!(entries, 0);
}

#[test]
fn an_error_of_the_remote_is_told_and_the_next_one_asks_again() {
    let fork = fork();
    let remote = Remote::start(&fork, |_| {
        Err(RemoteError {
            code: -32005,
            message: "daily limit reached".to_owned(),
            data: None,
        })
    });
    let view = view_over(&fork);
    for _ in 0..2 {
        let read = view.slot(CONTRACT, U256::ZERO);
        let limit = StateError::Failed("daily limit reached".to_owned());
        assert_eq!(read, Err(limit));
    }
    // Once for each read, or twice, where the refusal was there before the reader began to wait.
    assert!((2..=4).contains(&remote.asked()));
    let own = fork.ask("eth_getLogs", "[{}]").unwrap_err();
    assert_eq!(own.code, -32005);
    drop(remote);
    let after = view.slot(CONTRACT, U256::ZERO).unwrap_err();
    assert!(after.to_string().contains("stopping"), "{after}");
}

#[test]
fn garbage_is_no_value() {
    for (garbage, of) in [
        (json!("0xzz"), "eth_getStorageAt"),
        (json!(null), "eth_getStorageAt"),
        (json!(format!("0x1{:064x}", 0)), "eth_getStorageAt"),
        (json!({"hash": 1}), "eth_getBlockByNumber"),
        (json!(null), "eth_getBlockByNumber"),
    ] {
        let fork = fork();
        let view = view_over(&fork);
        let theirs = fork.clone();
        let answer = garbage.to_string().into_bytes();
        let thread = std::thread::spawn(move || {
            let question = theirs.desk.take(Duration::from_secs(60)).unwrap();
            theirs.desk.answer(question.id, Ok(answer));
        });
        let read = match of {
            "eth_getStorageAt" => view.slot(CONTRACT, U256::ZERO).map(drop),
            _ => view.block_hash(5).map(drop),
        };
        thread.join().unwrap();
        let told = read.unwrap_err().to_string();
        assert!(told.contains(of), "{garbage}: {told}");
    }
}
