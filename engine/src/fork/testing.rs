//! A remote on a thread of its own, for tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use alloy_primitives::{Address, B256};
use serde_json::{Value, json};

use super::{ForkPoint, ForkState, RemoteError, desk::Question};

/// The account with a balance of 7 and a nonce of 3.
pub(crate) const RICH: Address = Address::repeat_byte(0x11);
/// The account with [`CODE`], whose slots all hold 41.
pub(crate) const CONTRACT: Address = Address::repeat_byte(0x22);
/// SSTORE(0, SLOAD(0) + 1)
pub(crate) const CODE: &str = "0x5f546001015f55";
/// Where forks of it begin.
pub(crate) const POINT: ForkPoint = ForkPoint {
    chain_id: 1,
    number: 0x64,
    hash: B256::repeat_byte(0x64),
};

/// What the remote says.
pub(crate) fn reply(question: &Question) -> Result<Value, RemoteError> {
    let params: Value = serde_json::from_str(&question.params).unwrap();
    let of = |address: Address| params[0] == json!(format!("{address:#x}"));
    let at = match question.method.as_str() {
        "eth_getBlockByNumber" => {
            return Ok(json!({"hash": B256::repeat_byte(7), "number": params[0]}));
        }
        "eth_getStorageAt" => &params[2],
        _ => &params[1],
    };
    assert_eq!(at, "0x64", "{question:?}");
    Ok(match question.method.as_str() {
        "eth_getBalance" if of(RICH) => json!("0x7"),
        "eth_getTransactionCount" if of(RICH) => json!("0x3"),
        "eth_getCode" if of(CONTRACT) => json!(CODE),
        "eth_getStorageAt" if of(CONTRACT) => json!(format!("0x{:064x}", 41)),
        "eth_getCode" => json!("0x"),
        _ => json!("0x0"),
    })
}

/// A thread that answers until the desk is closed.
pub(crate) struct Remote {
    fork: Arc<ForkState>,
    asked: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Remote {
    /// Begins to answer.
    pub(crate) fn start(
        fork: &Arc<ForkState>,
        reply: fn(&Question) -> Result<Value, RemoteError>,
    ) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let (theirs, count) = (fork.clone(), asked.clone());
        let thread = std::thread::spawn(move || {
            while let Some(question) = theirs.desk.take(Duration::from_secs(60)) {
                count.fetch_add(1, Ordering::Relaxed);
                let result = reply(&question).map(|result| result.to_string().into_bytes());
                theirs.desk.answer(question.id, result);
            }
        });
        Self {
            fork: fork.clone(),
            asked,
            thread: Some(thread),
        }
    }

    /// How many questions there were.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.fork.desk.close();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
