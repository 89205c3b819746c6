//! The way to upstreams that a gateway carries: one HTTP/2 connection over mutual TLS to the gateway,
//! and in it one CONNECT stream for each connection (as HBONE has it: `:method CONNECT`,
//! `:authority host:port`, nothing else).
//!
//! Invariant: a stream is opened for a permit whose endpoint names the gateway, and no two identities
//! or gateways share a connection.

mod answer;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use certs::Identity;
use certs::tls::{ALPN_HTTP2, Offer};
use http::{Request, Uri, Version};
use http_body_util::Empty;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use policy::EgressPermit;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub use self::answer::{BUSY, Refused};
use super::pool::{KEYS_MAX, PoolKey};
use super::{TlsFacts, Upstream, Vetted, dial, key, proof, server_name};
use crate::budget::cost::{self, Windows};
use crate::budget::{Budget, Holder, Share};
use crate::config::{Http2Limits, Limits};
use crate::drain::{Background, Drain};
use crate::error::{Error, Kind};
use crate::tunnel::Abort;

/// What bytes for an upstream are written to.
#[derive(Debug)]
pub enum Socket {
    /// A stream to a gateway that carries them on, and its place on the connection.
    Carried(Box<TokioIo<Upgraded>>, Place),
    /// A connection of its own.
    Direct(TcpStream),
}

/// A stream's place on its connection, and what it may keep in memory.
#[derive(Debug)]
pub struct Place {
    _load: Arc<()>,
    _memory: Share,
}

/// A connection to a gateway.
#[derive(Clone, Debug)]
struct Carrier {
    sender: SendRequest<Empty<Bytes>>,
    address: SocketAddr,
    facts: TlsFacts,
    /// Of each of its streams, bytes.
    window: u32,
    /// Counts the streams.
    load: Arc<()>,
}

/// The connections to gateways.
#[derive(Debug)]
pub(super) struct Carriers {
    open: Mutex<HashMap<PoolKey, Vec<Carrier>>>,
    streams_max: usize,
    limits: Http2Limits,
    memory: Budget,
}

impl Carriers {
    pub(super) fn new(limits: &Limits, memory: Budget) -> Self {
        let streams_max = usize::try_from(limits.http2.streams_per_connection_max);
        Self {
            open: Mutex::default(),
            streams_max: streams_max.unwrap_or(usize::MAX),
            limits: limits.http2.clone(),
            memory,
        }
    }

    /// Forgets the connections of other identities. Streams under way end on theirs.
    pub(super) fn forget_other_identities(&self, fingerprint: &str) {
        let is_ours =
            |key: &PoolKey| key.identity.as_deref().is_none_or(|identity| identity == fingerprint);
        self.open().retain(|key, _| is_ours(key));
    }

    /// Forgets all connections: each closes when its last stream has ended.
    pub(super) fn clear(&self) {
        self.open().clear();
    }

    /// A connection with room for a stream, to one of the vetted addresses.
    fn take(&self, key: &PoolKey, vetted: &Vetted) -> Option<Carrier> {
        let now = crate::clock::now();
        let mut open = self.open();
        let of_key = open.get_mut(key)?;
        of_key.retain(|one| !one.sender.is_closed() && one.facts.holds_at(now));
        let has_room = |one: &&Carrier| {
            let is_vetted = vetted.addresses().contains(&one.address);
            is_vetted && Arc::strong_count(&one.load) <= self.streams_max
        };
        of_key.iter().find(has_room).cloned()
    }

    fn put(&self, key: PoolKey, carrier: Carrier) {
        let mut open = self.open();
        if open.len() >= KEYS_MAX && !open.contains_key(&key) {
            open.clear();
        }
        open.entry(key).or_default().push(carrier);
    }

    fn open(&self) -> MutexGuard<'_, HashMap<PoolKey, Vec<Carrier>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upstream {
    /// A connection to one of the vetted addresses, or through the gateway that is there. What is
    /// known of TLS is the gateway's.
    pub(super) async fn reach(
        &self,
        permit: &EgressPermit,
        (identity, holder): (&Identity, Holder),
        vetted: &Vetted,
    ) -> Result<(Socket, SocketAddr, TlsFacts), Error> {
        let Some(carrier) = permit.carrier() else {
            let (stream, address) =
                dial::open(vetted.addresses(), &self.own, self.timeouts).await?;
            return Ok((Socket::Direct(stream), address, TlsFacts::default()));
        };
        let mut carrier = self.carrier(&carrier, identity, vetted).await?;
        let mut memory = self.carriers.memory.share(holder);
        if !memory.try_grow(cost::of_stream(&self.carriers.limits, carrier.window)) {
            return Err(Kind::BufferedBytesMax.into());
        }
        let broken = |error| Error::new(Kind::UpstreamBroken, error);
        let opening = async {
            let request = connect(permit)?;
            let answer = carrier.sender.send_request(request).await.map_err(broken)?;
            let answer = answer::taken(answer).await?;
            hyper::upgrade::on(answer).await.map_err(broken)
        };
        // The gateway connects in its turn before it answers.
        let patience = self.timeouts.connect + self.timeouts.handshake;
        let upgraded = tokio::time::timeout(patience, opening)
            .await
            .map_err(|_| Error::from(Kind::UpstreamTimeout))??;
        let stream = Box::new(TokioIo::new(upgraded));
        let place = Place { _load: carrier.load, _memory: memory };
        Ok((Socket::Carried(stream, place), carrier.address, carrier.facts))
    }

    async fn carrier(
        &self,
        permit: &EgressPermit,
        identity: &Identity,
        vetted: &Vetted,
    ) -> Result<Carrier, Error> {
        let key = key(permit, identity);
        if let Some(known) = self.carriers.take(&key, vetted) {
            return Ok(known);
        }
        // One opens a connection while the others wait for it.
        let gate = self.shared.gate(&key);
        let _opening = gate.opening.lock().await;
        if let Some(known) = self.carriers.take(&key, vetted) {
            return Ok(known);
        }
        let carrier = self.open_carrier(permit, (&key, identity), vetted).await?;
        self.carriers.put(key, carrier.clone());
        Ok(carrier)
    }

    async fn open_carrier(
        &self,
        permit: &EgressPermit,
        (key, identity): (&PoolKey, &Identity),
        vetted: &Vetted,
    ) -> Result<Carrier, Error> {
        let (stream, address) = dial::open(vetted.addresses(), &self.own, self.timeouts).await?;
        let Some(config) = self.tls_config(permit, key, identity, Offer::Http2)? else {
            return Err(Error::new(Kind::UpstreamUnverified, "a gateway is reached within TLS"));
        };
        let name = server_name(permit.host())?;
        let (stream, mut facts) =
            dial::handshake(Socket::Direct(stream), name, config, self.timeouts).await?;
        facts.proof = proof(permit.tls(), stream.get_ref().1);
        if stream.get_ref().1.alpn_protocol() != Some(ALPN_HTTP2) {
            return Err(Error::new(Kind::UpstreamBroken, "the gateway does not speak HTTP/2"));
        }
        let limits = &self.carriers.limits;
        let windows = Windows::of(limits, self.carriers.memory.is_short());
        let (sender, connection) = http2::Builder::new(Background)
            .timer(TokioTimer::new())
            .initial_stream_window_size(windows.stream)
            .initial_connection_window_size(windows.connection)
            .max_send_buf_size(limits.send_buffer_max)
            .keep_alive_interval(limits.keep_alive)
            .keep_alive_timeout(limits.keep_alive_timeout)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Error::new(Kind::UpstreamBroken, error))?;
        Drain::spawn_background(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a gateway ended");
            }
        });
        Ok(Carrier { sender, address, facts, window: windows.stream, load: Arc::default() })
    }
}

/// The head that asks the gateway for a stream to the permitted host.
fn connect(permit: &EgressPermit) -> Result<Request<Empty<Bytes>>, Error> {
    let host = permit.host().to_string();
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let authority = format!("{host}:{}", permit.port());
    let malformed = |error| Error::new(Kind::Malformed, error);
    let uri = Uri::builder().authority(authority).build().map_err(malformed)?;
    let request = Request::connect(uri).version(Version::HTTP_2);
    request.body(Empty::new()).map_err(malformed)
}

impl Abort for Socket {
    fn abort(&self) {
        match self {
            Self::Carried(stream, _) => stream.abort(),
            Self::Direct(stream) => stream.abort(),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Carried(stream, _) => Pin::new(stream.as_mut()).poll_read(context, buffer),
            Self::Direct(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Carried(stream, _) => Pin::new(stream.as_mut()).poll_write(context, bytes),
            Self::Direct(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Carried(stream, _) => Pin::new(stream.as_mut()).poll_flush(context),
            Self::Direct(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Carried(stream, _) => Pin::new(stream.as_mut()).poll_shutdown(context),
            Self::Direct(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    // TLS hands over several records at once: one system call for 64 KiB, not for each 16.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Carried(stream, _) => {
                Pin::new(stream.as_mut()).poll_write_vectored(context, pieces)
            }
            Self::Direct(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Carried(stream, _) => stream.is_write_vectored(),
            Self::Direct(stream) => stream.is_write_vectored(),
        }
    }
}
