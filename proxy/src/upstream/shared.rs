//! HTTP/2 connections to upstreams. Each carries at most so many streams, ours or the upstream's
//! number, whichever is less; then another is opened, by one exchange while the others wait.
//!
//! Invariant: the same as the pool's: no two identities, endpoints or verified peers share one.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::dial::TlsFacts;
use super::health::Seat;
use super::pool::{KEYS_MAX, PoolKey};
use crate::budget::cost::Windows;
use crate::budget::{Budget, Share};
use crate::config::{Http2Limits, Limits};
use crate::content::{ClearedBody, Released};
use crate::drain::{Background, Drain};
use crate::error::{Error, Kind};

/// An open HTTP/2 connection. A clone is another hand on the same one.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) sender: http2::SendRequest<ClearedBody>,
    pub(super) address: SocketAddr,
    pub(super) facts: TlsFacts,
    /// Of each of its streams, bytes.
    pub(super) window: u32,
    load: Arc<Load>,
}

#[derive(Debug)]
struct Load {
    open: AtomicUsize,
    /// What the upstream allows, once it has said so.
    allowed: AtomicUsize,
    /// The upstream is ending the connection.
    is_left: AtomicBool,
    idle_since: Mutex<Instant>,
}

/// A stream's place on its connection, and what it may keep in memory, until its answer has ended.
#[derive(Debug)]
pub(super) struct Place {
    load: Arc<Load>,
    memory: Option<Share>,
}

/// Whoever opens a connection for a key; the others wait and use it.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) opening: tokio::sync::Mutex<()>,
    /// The upstream chose HTTP/1.1 when it was last asked: then there is nothing to wait for.
    pub(super) is_http1: AtomicBool,
    failed: Mutex<Option<Failed>>,
}

/// The last attempt that failed: when, and how.
#[derive(Debug)]
struct Failed {
    at: Instant,
    kind: Kind,
    text: String,
}

/// Cuts a body unless it is told that the answer came: nothing of it leaves later.
#[derive(Debug)]
pub(super) struct CutBodyOnDrop(Option<Released>);

#[derive(Debug)]
pub(super) struct SharedPool {
    connections: Mutex<HashMap<PoolKey, Vec<Shared>>>,
    gates: Mutex<HashMap<PoolKey, Arc<Gate>>>,
    idle_for: Duration,
    streams_max: usize,
    limits: Http2Limits,
    memory: Budget,
    header_bytes_max: usize,
}

impl SharedPool {
    pub(super) fn new(limits: &Limits, memory: Budget) -> Self {
        let streams_max = usize::try_from(limits.http2.streams_per_connection_max);
        Self {
            connections: Mutex::default(),
            gates: Mutex::default(),
            idle_for: limits.pool_idle,
            streams_max: streams_max.unwrap_or(usize::MAX),
            limits: limits.http2.clone(),
            memory,
            header_bytes_max: limits.header_bytes_max,
        }
    }

    /// A connection with a free place, to one of the vetted `addresses`.
    pub(super) fn take(&self, key: &PoolKey, addresses: &[SocketAddr]) -> Option<(Shared, Place)> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = connections.get_mut(key)?;
        let now = crate::clock::now();
        of_key.retain(|shared| {
            let is_open =
                !shared.sender.is_closed() && !shared.load.is_left.load(Ordering::Relaxed);
            let is_usable = is_open && shared.facts.holds_at(now);
            is_usable && !shared.is_stale(self.idle_for)
        });
        of_key
            .iter()
            .filter(|shared| addresses.contains(&shared.address))
            .find_map(|shared| Some((shared.clone(), shared.place(self.streams_max)?)))
    }

    /// Keeps a new connection for whoever comes next.
    pub(super) fn put(&self, key: PoolKey, shared: Shared) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.len() >= KEYS_MAX && !connections.contains_key(&key) {
            connections.clear();
        }
        connections.entry(key).or_default().push(shared);
    }

    pub(super) fn gate(&self, key: &PoolKey) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if gates.len() >= KEYS_MAX && !gates.contains_key(key) {
            gates.clear();
        }
        Arc::clone(gates.entry(key.clone()).or_default())
    }

    /// Forgets all connections: each closes when its last stream has ended.
    pub(super) fn clear(&self) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Forgets every connection that was made with another identity than `fingerprint`. Streams
    /// under way end on theirs.
    pub(super) fn forget_other_identities(&self, fingerprint: &str) {
        let is_ours =
            |key: &PoolKey| key.identity.as_deref().is_none_or(|identity| identity == fingerprint);
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|key, _| is_ours(key));
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|key, _| is_ours(key));
    }

    /// Starts HTTP/2 on a connection, with a place for whoever opened it.
    pub(super) async fn speak<S>(
        &self,
        stream: S,
        (address, facts): (SocketAddr, TlsFacts),
        seat: &Arc<Seat>,
    ) -> Result<(Shared, Place), Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let windows = Windows::of(&self.limits, self.memory.is_short());
        let header_list = u32::try_from(self.header_bytes_max).unwrap_or(u32::MAX);
        let (sender, mut connection) = http2::Builder::new(Background)
            .timer(TokioTimer::new())
            .initial_stream_window_size(windows.stream)
            .initial_connection_window_size(windows.connection)
            .max_send_buf_size(self.limits.send_buffer_max)
            .max_header_list_size(header_list)
            .keep_alive_interval(self.limits.keep_alive)
            .keep_alive_timeout(self.limits.keep_alive_timeout)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Error::new(Kind::UpstreamBroken, error))?;
        let load = Arc::new(Load {
            open: AtomicUsize::new(0),
            is_left: AtomicBool::new(false),
            allowed: AtomicUsize::new(connection.current_max_send_streams()),
            idle_since: Mutex::new(Instant::now()),
        });
        let (told, seat) = (Arc::clone(&load), Arc::clone(seat));
        Drain::spawn_background(async move {
            let ended = std::future::poll_fn(|context| {
                let ended = Pin::new(&mut connection).poll(context);
                told.allowed.store(connection.current_max_send_streams(), Ordering::Relaxed);
                ended
            });
            if let Err(error) = ended.await {
                tracing::debug!(%error, "an upstream connection ended");
            }
            drop(seat);
        });
        let shared = Shared { sender, address, facts, window: windows.stream, load };
        let place = Place::take(&shared.load);
        Ok((shared, place))
    }
}

impl Gate {
    /// Keeps a failure for those who wait for it.
    pub(super) fn fail(&self, error: &Error) {
        let failed = Failed { at: Instant::now(), kind: error.kind(), text: error.chain() };
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failed);
    }

    /// The failure of an attempt that ended after `since`.
    pub(super) fn failed_since(&self, since: Instant) -> Option<Error> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failed.as_ref().filter(|failed| failed.at >= since)?;
        let text = format!("another exchange's attempt to connect failed: {}", failed.text);
        Some(Error::new(failed.kind, text))
    }
}

impl Shared {
    /// Takes no new stream from here on.
    pub(super) fn leave(&self) {
        self.load.is_left.store(true, Ordering::Relaxed);
    }

    fn is_stale(&self, idle_for: Duration) -> bool {
        let idle_since = *self.load.idle_since.lock().unwrap_or_else(PoisonError::into_inner);
        self.load.open.load(Ordering::Relaxed) == 0 && idle_since.elapsed() >= idle_for
    }

    /// Taken under the pool's lock, so that no two take the last one.
    fn place(&self, streams_max: usize) -> Option<Place> {
        let allowed = self.load.allowed.load(Ordering::Relaxed).min(streams_max);
        let has_room = self.load.open.load(Ordering::Relaxed) < allowed;
        has_room.then(|| Place::take(&self.load))
    }
}

impl Place {
    fn take(load: &Arc<Load>) -> Self {
        load.open.fetch_add(1, Ordering::Relaxed);
        Self { load: Arc::clone(load), memory: None }
    }

    pub(super) fn keep_memory(&mut self, share: Share) {
        self.memory = Some(share);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = Instant::now();
        *self.load.idle_since.lock().unwrap_or_else(PoisonError::into_inner) = now;
        self.load.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl CutBodyOnDrop {
    pub(super) fn new(released: &Released) -> Self {
        Self(Some(released.clone()))
    }

    pub(super) fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for CutBodyOnDrop {
    fn drop(&mut self) {
        if let Some(released) = &self.0 {
            released.cut_rest();
        }
    }
}
