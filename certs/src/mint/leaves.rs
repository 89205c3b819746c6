//! The bounded cache of minted leaves.
//!
//! Invariant: at most `max` names are held, and a name is minted by one thread while others that
//! want the same name wait for it; other names do not wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustls::ServerConfig;

use super::{LEAF_REMAINING_MIN, MintError};

/// A minted leaf, ready to serve.
pub(super) struct Leaf {
    pub(super) config: Arc<ServerConfig>,
    pub(super) not_after: Timestamp,
}

pub(super) struct Leaves {
    max: usize,
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    slots: HashMap<String, Slot>,
    uses: u64,
}

struct Slot {
    leaf: Arc<Mutex<Option<Leaf>>>,
    /// The count of uses at the last one: the smallest is the least recently used.
    used: u64,
}

impl Leaves {
    pub(super) fn new(max: usize) -> Leaves {
        Leaves { max, shelf: Mutex::default() }
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.shelf).slots.len()
    }

    /// The kept leaf of `name`, or the one that `mint` makes now. A failure is not kept.
    pub(super) fn fetch(
        &self,
        name: &str,
        now: Timestamp,
        mint: impl FnOnce() -> Result<Leaf, MintError>,
    ) -> Result<Arc<ServerConfig>, MintError> {
        let place = lock(&self.shelf).place(name, self.max);
        let mut held = lock(&place);
        if let Some(leaf) = held.as_ref()
            && leaf.is_fresh(now)
        {
            return Ok(Arc::clone(&leaf.config));
        }
        let leaf = mint()?;
        let config = Arc::clone(&leaf.config);
        *held = Some(leaf);
        Ok(config)
    }
}

impl Leaf {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.checked_add(LEAF_REMAINING_MIN).is_ok_and(|until| until < self.not_after)
    }
}

impl Shelf {
    fn place(&mut self, name: &str, max: usize) -> Arc<Mutex<Option<Leaf>>> {
        self.uses += 1;
        if let Some(slot) = self.slots.get_mut(name) {
            slot.used = self.uses;
            return Arc::clone(&slot.leaf);
        }
        // A walk over at most `max` slots, and only before a mint, which costs far more.
        while self.slots.len() >= max.max(1) {
            let oldest = self.slots.iter().min_by_key(|(_, slot)| slot.used);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else { break };
            self.slots.remove(&oldest);
        }
        let leaf = Arc::default();
        let slot = Slot { leaf: Arc::clone(&leaf), used: self.uses };
        self.slots.insert(name.to_owned(), slot);
        leaf
    }
}

// A panic while minting leaves the slot empty or whole; both are fine for the next one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
