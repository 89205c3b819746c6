//! Exchanges and connections under way, so that they follow the policy: when it, the trust bundle or
//! a rule's time changes, each is asked again and cut if it is permitted no longer.
//!
//! Invariant: an exchange enrols first and loads the policy then, so that no swap slips between: a
//! swap stores first and walks then. No lock is held while anybody waits.

mod cut;
mod entry;
mod line;
mod peer;
mod shelf;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use certs::bundle::Bundle;
use certs::rotation::Current;
use jiff::Timestamp;
use policy::{Policy, Refusal};
use tokio::sync::Notify;

pub use self::cut::{Cut, Watch, Why, Withdrawn};
pub use self::entry::{Entry, Facts};
pub use self::line::Line;
use self::peer::Peer;
pub use self::peer::Proof;
use self::shelf::Shelf;
use crate::clock;
use crate::drain::Drain;
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::telemetry::Metrics;

/// Shelves, each behind a lock of its own. A power of two.
const SHELVES: usize = 16;
/// How long a cut exchange has to end by itself, with an answer; then its connection is ended.
const CUT_GRACE: Duration = Duration::from_secs(2);

const UNTRUSTED: &str = "the trust bundle now in force has no root that vouches for the other end";

/// Every exchange under way.
#[derive(Debug)]
pub struct Live {
    shelves: [Mutex<Shelf<Arc<Entry>>>; SHELVES],
    next: AtomicUsize,
    peers: Mutex<Shelf<Arc<Peer>>>,
    swapped: Notify,
    metrics: Metrics,
}

/// A peer's connection among the live ones; left when this is dropped.
#[derive(Debug)]
pub struct Seated {
    live: Arc<Live>,
    peer: Arc<Peer>,
    place: usize,
}

/// An exchange's place among the live ones; left when this is dropped.
#[derive(Debug)]
pub struct Enrolled {
    live: Arc<Live>,
    entry: Arc<Entry>,
    shelf: usize,
    place: usize,
}

impl Live {
    /// None under way.
    pub fn new(metrics: Metrics) -> Self {
        let shelves = std::array::from_fn(|_| Mutex::default());
        let (next, peers) = (AtomicUsize::new(0), Mutex::default());
        Self { shelves, next, peers, swapped: Notify::new(), metrics }
    }

    /// Enters an exchange. What `facts` say is asked again at each swap until the place is dropped.
    pub fn enrol(self: &Arc<Self>, facts: Facts, cut: &Cut) -> Enrolled {
        let entry = Arc::new(Entry::new(facts, cut.clone()));
        let shelf = self.next.fetch_add(1, Ordering::Relaxed) % SHELVES;
        let place = self.shelf(shelf).map_or(0, |mut shelf| shelf.put(Arc::clone(&entry)));
        Enrolled { live: Arc::clone(self), entry, shelf, place }
    }

    /// Puts every live exchange to the policy that has just come into force. When this returns,
    /// what is no longer permitted releases nothing more. Returns how many were cut.
    pub fn ask_again(&self, policy: &Policy) -> usize {
        let cut = self.ask(policy, clock::now());
        self.swapped.notify_one();
        cut
    }

    /// Cuts one exchange, because of what the policy says to a question of its own.
    pub fn withdraw(&self, cut: &Cut, refusal: &Refusal) -> Stop {
        let withdrawn = Withdrawn::by(refusal);
        let stop = Stop::from(&withdrawn);
        if cut.raise(withdrawn) {
            self.count(stop.code());
        }
        stop
    }

    /// Cuts all that are under way, for a reason beside the policy.
    pub fn end_all(&self, why: Why, text: &str) {
        for entry in self.entries() {
            if entry.end(why, text) {
                self.count(why.code());
            }
        }
    }

    /// Enters a peer's connection, which lives no longer than what the peer proved to `met`, the
    /// identity of ours that the connection shows.
    pub fn seat(self: &Arc<Self>, proof: Proof, line: &Cut, met: &Arc<Current>) -> Seated {
        let peer = Arc::new(Peer { proof, line: line.clone(), met: Arc::clone(met) });
        let place = self.peers().put(Arc::clone(&peer));
        Seated { live: Arc::clone(self), peer, place }
    }

    /// Ends the connections of peers that `met` vouches for no longer, now that its trust bundle is
    /// another. Returns how many.
    fn peers_trust_changed(&self, met: &Arc<Current>) -> usize {
        let bundle = Arc::clone(met.load().bundle());
        let peers: Vec<_> = self.peers().iter().cloned().collect();
        let mut peers: Vec<_> =
            peers.into_iter().filter(|peer| Arc::ptr_eq(&peer.met, met)).collect();
        peers.retain(|peer| self.judge(peer, &bundle));
        peers.len()
    }

    /// Ends the connections of peers, and the exchanges with upstreams, that met an identity of ours whose
    /// trust bundle vouches for them no longer. Returns how many.
    pub fn trust_changed(&self, own: &Arc<Current>) -> usize {
        let (now, bundle) = (clock::now(), Arc::clone(own.load().bundle()));
        let bundle = &bundle;
        let peers = self.peers_trust_changed(own);
        let met = self.entries().filter(|entry| entry.has_met(own));
        let entries = met.filter(|entry| !entry.is_proved(bundle, now));
        let entries = entries.filter(|entry| entry.end(Why::PeerUntrusted, UNTRUSTED)).count();
        (0..entries).for_each(|_| self.count(Why::PeerUntrusted.code()));
        peers + entries
    }

    /// Returns whether that ends the peer's connection now.
    fn judge(&self, peer: &Peer, bundle: &Arc<Bundle>) -> bool {
        if peer.proof.holds(bundle, clock::now()) {
            return false;
        }
        let is_cut = peer.line.raise(Withdrawn::because(Why::PeerUntrusted, UNTRUSTED));
        if is_cut {
            self.count(Why::PeerUntrusted.code());
        }
        is_cut
    }

    fn peers(&self) -> MutexGuard<'_, Shelf<Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, policy: &Policy, now: Timestamp) -> usize {
        let mut cut = Vec::new();
        for entry in self.entries() {
            if let Some(withdrawn) = entry.ask(policy, now) {
                self.count(withdrawn.code());
                cut.push(Arc::downgrade(&entry));
            }
        }
        let count = cut.len();
        if count > 0 {
            tracing::warn!(count, "exchanges under way are permitted no longer and were cut");
            Drain::spawn_background(force(cut));
        }
        count
    }

    fn entries(&self) -> impl Iterator<Item = Arc<Entry>> {
        (0..SHELVES).flat_map(|at| {
            let shelf = self.shelf(at);
            shelf.map_or_else(Vec::new, |shelf| shelf.iter().cloned().collect())
        })
    }

    fn shelf(&self, at: usize) -> Option<MutexGuard<'_, Shelf<Arc<Entry>>>> {
        Some(self.shelves.get(at)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, code: &str) {
        self.metrics.live_cut.with_label_values(&[code]).inc();
    }
}

/// Cuts what a rule permitted at the moment when its time is over. One sleep for all.
pub async fn watch_time(rooms: Weak<Rooms>) {
    loop {
        let Some(strong) = rooms.upgrade() else { return };
        let live = Arc::clone(&strong.live);
        let now = clock::now();
        let next = strong.policy.load().next_end(now);
        drop(strong);
        let due = async {
            match next {
                Some(end) => clock::reach(end).await,
                None => std::future::pending().await,
            }
        };
        let is_due = tokio::select! {
            () = due => true,
            () = live.swapped.notified() => false,
        };
        if let Some(rooms) = rooms.upgrade().filter(|_| is_due) {
            live.ask(&rooms.policy.load(), clock::now());
        }
    }
}

async fn force(cut: Vec<Weak<Entry>>) {
    tokio::time::sleep(CUT_GRACE).await;
    for entry in cut.iter().filter_map(Weak::upgrade) {
        entry.force();
    }
}

impl Enrolled {
    /// What is known of the exchange.
    pub fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }
}

impl Seated {
    /// Ends the connection unless `bundle` vouches for the peer.
    pub fn judge(&self, bundle: &Arc<Bundle>) {
        self.live.judge(&self.peer, bundle);
    }

    /// Resolves with the reason when the connection is to end at once: when the peer's certificate has
    /// come to its end, or nobody vouches for it any more.
    pub async fn ended(&self) -> Withdrawn {
        let expiring = async {
            match self.peer.proof.end() {
                Some(end) => clock::reach(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            why = self.peer.line.ended() => return why,
            () = expiring => {}
        }
        let text = "the peer's certificate has come to its end";
        if self.peer.line.raise(Withdrawn::because(Why::PeerExpired, text)) {
            self.live.count(Why::PeerExpired.code());
        }
        self.peer.line.ended().await
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.live.peers().take(self.place);
    }
}

impl Drop for Enrolled {
    fn drop(&mut self) {
        if let Some(mut shelf) = self.live.shelf(self.shelf) {
            shelf.take(self.place);
        }
    }
}

#[cfg(test)]
mod tests;
