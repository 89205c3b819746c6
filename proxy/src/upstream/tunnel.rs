//! Raw connections to upstreams: opened for one permit, never pooled.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use certs::Identity;
use certs::rotation::Current;
use certs::tls::Offer;
use policy::EgressPermit;
use tokio::io::{AsyncRead, AsyncWrite};

use super::health::Seat;
use super::pool::PoolKey;
use super::{TlsFacts, Upstream, Vetted, dial, key, proof, server_name};
use crate::audit::Announced;
use crate::budget::Holder;
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

/// A connection's bytes, within TLS that we began or without.
pub type Wire = Box<dyn Stream>;

/// What reads, writes and can be given up.
pub trait Stream: Abort + AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<S: Abort + AsyncRead + AsyncWrite + Debug + Send + Unpin> Stream for S {}

impl Upstream {
    /// Opens a raw connection to one of the vetted addresses, within TLS as the endpoint says; `shows` is
    /// what is shown there, where that is not our own identity. What it keeps in memory is `holder`'s.
    ///
    /// # Errors
    /// A refusal when the permit has expired; an error of the upstream's or ours otherwise.
    pub async fn tunnel(
        &self,
        permit: EgressPermit,
        Announced { .. }: Announced,
        vetted: &Vetted,
        (shows, holder): (Option<&Arc<Current>>, Holder),
    ) -> Result<Tunnel, Stop> {
        permit.check(crate::clock::now())?;
        let us = self.us(shows);
        let identity = us.load();
        Ok(self.raw(&permit, (&identity, holder), vetted, Offer::Nothing).await?)
    }

    /// Opens a connection of its own, and counts how that went.
    pub(super) async fn raw(
        &self,
        permit: &EgressPermit,
        (identity, holder): (&Identity, Holder),
        vetted: &Vetted,
        offer: Offer,
    ) -> Result<Tunnel, Error> {
        let key = key(permit, identity);
        let opened = match self.health.admit(key.destination(), Instant::now()) {
            Ok(seat) => {
                let on = (&key, (identity, holder), &seat);
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
        (key, (identity, holder), seat): (&PoolKey, (&Identity, Holder), &Arc<Seat>),
        vetted: &Vetted,
        offer: Offer,
    ) -> Result<Tunnel, Error> {
        if identity.not_after() <= crate::clock::now() {
            return Err(Error::new(Kind::UpstreamIdentity, "our certificate has expired"));
        }
        let config = self.tls_config(permit, key, identity, offer)?;
        let seat = Arc::clone(seat);
        let (stream, address, facts) = self.reach(permit, (identity, holder), vetted).await?;
        let Some(config) = config else {
            return Ok(Tunnel { stream: Box::new(stream), address, facts, seat });
        };
        let name = server_name(permit.host())?;
        let (stream, mut facts) = dial::handshake(stream, name, config, self.timeouts).await?;
        facts.proof = proof(permit.tls(), stream.get_ref().1);
        Ok(Tunnel { stream: Box::new(stream), address, facts, seat })
    }
}
