//! JSON of a state diff: per account and slot, what was and what is.

use alloy_primitives::{B256, Bytes};

use super::json::{self, Object};
use crate::{
    block::{PlainAccount, PlainKey},
    state::Change,
};

/// An account before and after; `None` where it did not exist.
pub(crate) type Ends = (Option<PlainAccount>, Option<PlainAccount>);

/// Writes `accounts`: sorted by address, slots sorted within. `unchanged` gives the accounts of which
/// only slots changed.
pub(crate) fn accounts<E>(
    out: &mut Vec<u8>,
    changes: &[Change],
    unchanged: impl Fn(&PlainKey) -> Result<Option<PlainAccount>, E>,
) -> Result<(), E> {
    out.push(b'[');
    for (nth, group) in changes
        .chunk_by(|a, b| a.key.address == b.key.address)
        .enumerate()
    {
        if nth > 0 {
            out.push(b',');
        }
        let address = group[0].key.address;
        let ends: Ends = match group[0].key.slot {
            None => (group[0].old.as_account(), group[0].new.as_account()),
            Some(_) => {
                let account = unchanged(&PlainKey::account(address))?;
                (account, account)
            }
        };
        let mut object = Object::open(out);
        object.data("address", address.as_slice());
        account(&mut object, "before", ends.0);
        account(&mut object, "after", ends.1);
        let slots = group
            .iter()
            .filter_map(|change| Some((change.key.slot?, change)));
        json::array(object.member("storage"), slots, |out, (slot, change)| {
            let mut object = Object::open(out);
            object
                .hash("slot", &slot)
                .data("before", &change.old.as_slot().to_be_bytes::<32>())
                .data("after", &change.new.as_slot().to_be_bytes::<32>());
            object.close();
        });
        object.close();
    }
    out.push(b']');
    Ok(())
}

fn account(object: &mut Object<'_>, name: &str, account: Option<PlainAccount>) {
    let Some(account) = account else {
        object.null(name);
        return;
    };
    let mut inner = Object::open(object.member(name));
    inner
        .quantity("nonce", account.nonce)
        .quantity_u256("balance", &account.balance)
        .hash("codeHash", &account.code_hash);
    inner.close();
}

/// Writes `codes`: code that accounts got.
pub(crate) fn codes<'a>(out: &mut Vec<u8>, codes: impl IntoIterator<Item = (&'a B256, &'a Bytes)>) {
    json::array(out, codes, |out, (hash, code)| {
        let mut object = Object::open(out);
        object.hash("hash", hash).data("code", code);
        object.close();
    });
}
