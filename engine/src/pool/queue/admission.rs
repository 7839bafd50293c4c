//! The stateful half of validation: what depends on the sender's account and on what the pool holds.

use std::sync::Arc;

use alloy_consensus::Transaction as _;
use alloy_primitives::{B256, U256, map::Entry};

use super::super::{PoolTx, Rejection};
use super::sender::{QueuedTx, Sender};
use super::{Accounts, Inner, Limits};

/// MegaETH keeps transactions this far ahead for anyone ...
const FREE_GAP: u64 = 5;
/// ... and farther ahead only for who has 0.1 ETH.
const GAP_BALANCE: U256 = U256::from_limbs([100_000_000_000_000_000, 0, 0, 0]);

impl Inner {
    /// Admits one transaction; what it pushes out is added to `dropped`.
    pub(super) fn admit(
        &mut self,
        tx: PoolTx,
        limits: &Limits,
        accounts: &dyn Accounts,
        dropped: &mut Vec<(B256, Rejection)>,
    ) -> Result<B256, Rejection> {
        if self.by_hash.contains_key(&tx.hash) {
            return Err(Rejection::AlreadyKnown);
        }
        let (hash, address, nonce, size) = (tx.hash, tx.sender, tx.nonce, tx.raw.len());
        let mut newcomer = None;
        let sender = match self.senders.get_mut(&address) {
            Some(sender) => sender,
            None => newcomer.insert(Sender::new(accounts.account(&address)?)),
        };
        check_account(sender, &tx, accounts)?;
        check_gas(&tx, accounts)?;
        let replaced = check_nonce(sender, &tx, limits)?;
        check_funds(sender, &tx, replaced)?;
        if replaced.is_none() {
            let unblocks = sender.is_stuck_at(nonce);
            if sender.waiting() >= limits.account_slots && !unblocks {
                let limit = limits.account_slots;
                return Err(Rejection::AccountFull { limit });
            }
            let gapless = nonce == sender.end();
            self.make_room(size, gapless, limits, dropped)?;
        }

        self.arrivals += 1;
        let arrival = self.arrivals;
        let sender = match newcomer {
            Some(sender) => self.senders.entry(address).or_insert(sender),
            // Making room may have evicted this sender's last transaction, and so the sender.
            None => match self.senders.entry(address) {
                Entry::Occupied(sender) => sender.into_mut(),
                Entry::Vacant(place) => place.insert(Sender::new(accounts.account(&address)?)),
            },
        };
        let old = sender.insert(Arc::new(tx), arrival);
        sender.settle_gaps(address, &mut self.gapped);
        if let Some(old) = old {
            self.forget(address, &old);
            dropped.push((
                old.tx.hash,
                Rejection::Dropped("replaced by another transaction".into()),
            ));
        }
        self.by_hash.insert(hash, (address, nonce));
        self.bytes += size;
        self.announce(hash);
        self.refresh(address, limits.order);
        Ok(hash)
    }

    /// What [`Inner::admit`] says of it, as far as transactions that are on their way here can't change that: those of
    /// the same sender, of which as many as may wait may come first.
    pub(super) fn prejudge(
        &self,
        tx: &PoolTx,
        limits: &Limits,
        accounts: &dyn Accounts,
    ) -> Result<(), Rejection> {
        if self.by_hash.contains_key(&tx.hash) {
            return Err(Rejection::AlreadyKnown);
        }
        let newcomer;
        let sender = match self.senders.get(&tx.sender) {
            Some(sender) => sender,
            None => {
                newcomer = Sender::new(accounts.account(&tx.sender)?);
                &newcomer
            }
        };
        check_account(sender, tx, accounts)?;
        check_gas(tx, accounts)?;
        let (have, next) = (tx.nonce, sender.account.nonce);
        if have < next {
            return Err(Rejection::NonceTooLow { next, have });
        }
        let (next, limit) = (sender.end(), limits.account_slots as u64);
        if have.saturating_sub(next) > 2 * limit {
            return Err(Rejection::NonceTooHigh { next, have, limit });
        }
        let (want, have) = (tx.cost, sender.account.balance);
        if want > have {
            return Err(Rejection::InsufficientFunds { have, want });
        }
        Ok(())
    }

    /// A full pool lets a gapless transaction in at the expense of the newest gapped one.
    fn make_room(
        &mut self,
        size: usize,
        gapless: bool,
        limits: &Limits,
        dropped: &mut Vec<(B256, Rejection)>,
    ) -> Result<(), Rejection> {
        while let Some(full) = self.no_room(size, limits) {
            let newest = self.gapped.last().copied();
            let Some((_, address, nonce)) = newest.filter(|_| gapless) else {
                return Err(full);
            };
            let Some(sender) = self.senders.get_mut(&address) else {
                return Err(full);
            };
            let Some(tx) = sender.get(nonce).cloned() else {
                return Err(full);
            };
            if let Some(slot) = sender.remove(&tx, false) {
                self.forget(address, &slot);
            }
            self.refresh(address, limits.order);
            dropped.push((tx.hash, full));
        }
        Ok(())
    }

    /// Why so many bytes more don't fit.
    fn no_room(&self, size: usize, limits: &Limits) -> Option<Rejection> {
        if self.by_hash.len() >= limits.total_slots {
            let limit = limits.total_slots;
            return Some(Rejection::PoolFull { limit });
        }
        let limit = limits.total_bytes;
        (self.bytes + size > limit).then_some(Rejection::PoolBytesFull { limit })
    }
}

/// EIP-3607: contracts don't send transactions.
fn check_account(sender: &Sender, tx: &PoolTx, accounts: &dyn Accounts) -> Result<(), Rejection> {
    let account = &sender.account;
    if account.has_code() && accounts.is_contract(&account.code_hash) {
        let (address, code_hash) = (tx.sender, account.code_hash);
        return Err(Rejection::SenderIsContract { address, code_hash });
    }
    Ok(())
}

/// A crowded bucket makes a new account dear, and that before the first instruction. Should a transaction that
/// waits make the account first, this one is refused all the same: it would have had too little today.
fn check_gas(tx: &PoolTx, accounts: &dyn Accounts) -> Result<(), Rejection> {
    let need = tx.intrinsic_gas.saturating_add(accounts.creation_gas(tx));
    let have = tx.envelope.gas_limit();
    if have < need {
        return Err(Rejection::IntrinsicGas { have, need });
    }
    Ok(())
}

/// Returns the slot that the transaction replaces, if it does and may.
fn check_nonce<'a>(
    sender: &'a Sender,
    tx: &PoolTx,
    limits: &Limits,
) -> Result<Option<&'a QueuedTx>, Rejection> {
    let have = tx.nonce;
    if have < sender.account.nonce {
        return Err(Rejection::NonceTooLow {
            next: sender.account.nonce,
            have,
        });
    }
    if let Some(slot) = sender.slot(have) {
        if slot.taken {
            return Err(Rejection::NonceTooLow {
                next: sender.first_free(),
                have,
            });
        }
        let bump = 100 + u128::from(limits.price_bump_percent);
        let pays = |new: u128, old: u128| new.saturating_mul(100) >= old.saturating_mul(bump);
        // From a tip of zero any tip will do, so the fee cap alone must be strictly higher.
        let (new_cap, old_cap) = (tx.fee_cap(), slot.tx.fee_cap());
        let raised = new_cap > old_cap && pays(new_cap, old_cap);
        if !raised || !pays(tx.tip_cap(), slot.tx.tip_cap()) {
            return Err(Rejection::Underpriced);
        }
        return Ok(Some(slot));
    }
    let next = sender.end();
    let gap = have.saturating_sub(next);
    let limit = limits.account_slots as u64;
    if gap > limit {
        return Err(Rejection::NonceTooHigh { next, have, limit });
    }
    if gap > FREE_GAP && sender.account.balance < GAP_BALANCE {
        return Err(Rejection::GapNeedsBalance {
            next,
            have,
            limit: FREE_GAP,
        });
    }
    Ok(None)
}

fn check_funds(sender: &Sender, tx: &PoolTx, replaced: Option<&QueuedTx>) -> Result<(), Rejection> {
    let freed = replaced.map_or(U256::ZERO, |slot| slot.tx.cost);
    let want = sender.cost.saturating_sub(freed).saturating_add(tx.cost);
    if want > sender.account.balance {
        return Err(Rejection::InsufficientFunds {
            have: sender.account.balance,
            want,
        });
    }
    Ok(())
}
