//! Raw connections to upstreams: opened for one permit, never pooled.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use certs::Identity;
use certs::tls::Offer;
use policy::EgressPermit;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::hbone::Socket;
use super::health::Seat;
use super::pool::PoolKey;
use super::{TlsFacts, Upstream, Vetted, dial, key, proof, server_name};
use crate::audit::Announced;
use crate::error::{Error, Kind};
use crate::stop::Stop;
use crate::tunnel::Abort;

/// A raw connection to an upstream.
#[derive(Debug)]
pub struct Tunnel {
    /// Both ways.
    pub stream: Wire,
    /// The address that was dialled.
    pub address: SocketAddr,
    /// TLS of the connection, where the endpoint asks for it.
    pub facts: TlsFacts,
    /// Its place among the connections to the destination.
    pub(super) seat: Arc<Seat>,
}

/// A connection's bytes, within TLS or without.
#[derive(Debug)]
pub enum Wire {
    /// As they are.
    Plain(Socket),
    /// Within TLS that we began.
    Tls(Box<TlsStream<Socket>>),
}

impl Upstream {
    /// Opens a raw connection to one of the vetted addresses, within TLS as the endpoint says.
    ///
    /// # Errors
    /// A refusal when the permit has expired; an error of the upstream's or ours otherwise.
    pub async fn tunnel(
        &self,
        permit: EgressPermit,
        Announced { .. }: Announced,
        vetted: &Vetted,
    ) -> Result<Tunnel, Stop> {
        permit.check(crate::clock::now())?;
        let identity = self.identity.load();
        Ok(self.raw(&permit, &identity, vetted, Offer::Nothing).await?)
    }

    /// Opens a connection of its own, and counts how that went.
    pub(super) async fn raw(
        &self,
        permit: &EgressPermit,
        identity: &Identity,
        vetted: &Vetted,
        offer: Offer,
    ) -> Result<Tunnel, Error> {
        let key = key(permit, identity);
        let opened = match self.health.admit(key.destination(), Instant::now()) {
            Ok(seat) => {
                let on = (&key, identity, &seat);
                let opened = self.open_tunnel(permit, on, vetted, offer).await;
                if seat.judge(&opened, Instant::now()) {
                    self.metrics.upstream.ejections.inc();
                    tracing::warn!(endpoint = &*key.endpoint, "an upstream takes no connection");
                }
                opened
            }
            Err(error) => Err(error),
        };
        let result = match &opened {
            Ok(_) => "ok",
            Err(error) => error.kind().code(),
        };
        self.metrics.upstream.dials.with_label_values(&[result]).inc();
        opened
    }

    async fn open_tunnel(
        &self,
        permit: &EgressPermit,
        (key, identity, seat): (&PoolKey, &Identity, &Arc<Seat>),
        vetted: &Vetted,
        offer: Offer,
    ) -> Result<Tunnel, Error> {
        if identity.not_after() <= crate::clock::now() {
            return Err(Error::new(Kind::UpstreamIdentity, "our certificate has expired"));
        }
        let config = self.tls_config(permit, key, identity, offer)?;
        let seat = Arc::clone(seat);
        let (stream, address, facts) = self.reach(permit, identity, vetted).await?;
        let Some(config) = config else {
            return Ok(Tunnel { stream: Wire::Plain(stream), address, facts, seat });
        };
        let name = server_name(permit.host())?;
        let (stream, mut facts) = dial::handshake(stream, name, config, self.timeouts).await?;
        facts.proof = proof(permit.tls(), stream.get_ref().1);
        Ok(Tunnel { stream: Wire::Tls(Box::new(stream)), address, facts, seat })
    }
}

impl Abort for Wire {
    fn abort(&self) {
        match self {
            Wire::Plain(stream) => stream.abort(),
            Wire::Tls(stream) => stream.get_ref().0.abort(),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(context),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}
