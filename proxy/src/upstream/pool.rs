//! Idle upstream connections, kept by destination and both identities, so that no two identities
//! ever share one and a rotated certificate is never used past its rotation.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::SendRequest;
use policy::{Host, UpstreamTls};
use tokio::sync::Notify;

use super::dial::TlsFacts;
use super::health::Destination;
use crate::content::ClearedBody;

/// Distinct keys that are kept; beyond it the pool forgets all idle connections.
pub(super) const KEYS_MAX: usize = 1024;

/// What must be equal for a connection to be used again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PoolKey {
    pub(super) endpoint: Arc<str>,
    pub(super) host: Host,
    pub(super) port: u16,
    /// Mode, peer and pins that the handshake was verified against.
    pub(super) tls: UpstreamTls,
    /// Fingerprint of our own certificate; `None` for plaintext.
    pub(super) identity: Option<String>,
    /// The gateway that carries it.
    pub(super) via: Option<Via>,
}

/// A gateway: where it is, who it must prove to be, and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Via {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) tls: UpstreamTls,
    pub(super) identity: String,
}

impl PoolKey {
    pub(super) fn destination(&self) -> Destination {
        let (endpoint, host) = (Arc::clone(&self.endpoint), self.host.clone());
        Destination { endpoint, host, port: self.port }
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<ClearedBody>,
    pub(super) address: SocketAddr,
    pub(super) facts: TlsFacts,
    pub(super) idle_since: Instant,
    /// Ends the connection's task, and with it whatever it was still sending.
    pub(super) cut: Arc<Notify>,
}

/// Cuts a connection unless it is told that the answer came.
#[derive(Debug)]
pub(super) struct CutOnDrop(Option<Arc<Notify>>);

impl Connection {
    /// Whoever gives up an exchange while it is being sent drops this: nothing of it leaves later.
    pub(super) fn cut_on_drop(&self) -> CutOnDrop {
        CutOnDrop(Some(Arc::clone(&self.cut)))
    }
}

impl CutOnDrop {
    pub(super) fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        if let Some(cut) = &self.0 {
            cut.notify_one();
        }
    }
}

#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<HashMap<PoolKey, Vec<Connection>>>,
    idle_for: Duration,
    idle_max: usize,
}

impl Pool {
    pub(super) fn new(idle_for: Duration, idle_max: usize) -> Self {
        Self { idle: Mutex::default(), idle_for, idle_max }
    }

    /// A connection that is ready, to one of the vetted `addresses`. The youngest first; those
    /// that are closed, too old or whose certificate has ended are dropped on the way.
    pub(super) fn take(&self, key: &PoolKey, addresses: &[SocketAddr]) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.get_mut(key)?;
        let now = crate::clock::now();
        connections.retain(|connection| {
            let is_young = connection.idle_since.elapsed() < self.idle_for;
            !connection.sender.is_closed() && is_young && connection.facts.holds_at(now)
        });
        let at = connections.iter().rposition(|connection| {
            connection.sender.is_ready() && addresses.contains(&connection.address)
        })?;
        Some(connections.swap_remove(at))
    }

    /// Keeps a connection. It may still be busy with its response; `take` passes over it until
    /// it is ready.
    pub(super) fn put(&self, key: PoolKey, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= KEYS_MAX && !idle.contains_key(&key) {
            idle.clear();
        }
        let connections = idle.entry(key).or_default();
        connections.retain(|connection| !connection.sender.is_closed());
        if connections.len() < self.idle_max {
            connections.push(connection);
        }
    }

    /// Forgets all connections, which closes them.
    pub(super) fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Forgets every connection that was made with another identity than `fingerprint`.
    pub(super) fn forget_other_identities(&self, fingerprint: &str) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|key, _| key.identity.as_deref().is_none_or(|own| own == fingerprint));
    }
}
