//! Sends what was cleared to where it is permitted. [`Upstream::send`] consumes one permit per
//! exchange, also on a pooled connection; `dial` is private to this room.

mod dial;
mod hbone;
mod health;
mod pool;
mod race;
mod resolve;
mod shared;
mod switch;
mod tunnel;
mod way;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use certs::Identity;
use certs::rotation::Current;
pub use certs::tls::Offer;
use certs::tls::{Expect, ExpectPeer};
use http::{Request, Response, StatusCode, request};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use policy::{EgressPermit, Host, PeerName, UpstreamTls};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;

use self::dial::Timeouts;
pub use self::dial::{TlsFacts, tend};
use self::hbone::Carriers;
pub use self::hbone::{BUSY as CARRIER_BUSY, Refused as CarrierRefused, Socket};
use self::health::{Health, Seat};
use self::pool::{Connection, Pool, PoolKey, Via};
pub use self::resolve::{Family, InvalidResolver, NAMES_MAX, Resolved, Resolver, Told, Vetted};
use self::shared::SharedPool;
pub use self::tunnel::{Tunnel, Wire};
use self::way::Aim;
use crate::audit::Announced;
use crate::budget::cost::BUFFER_BYTES;
use crate::budget::{Budget, Holder};
use crate::config::Limits;
use crate::content::{Cleared, Released};
use crate::drain::Drain;
use crate::error::{Error, Kind};
use crate::http::body::Arriving;
use crate::live::{Entry, Proof};
use crate::stop::Stop;
use crate::telemetry::Metrics;

/// Why a 101 goes no further: whoever asked would take what follows for another protocol.
pub const UNASKED_UPGRADE: &str = "an answer 101 to a request that asked for no upgrade";
/// TLS configurations kept for reuse; beyond it all are forgotten.
const TLS_CONFIGS_MAX: usize = 256;

/// Our identity, what the upstream must prove under which name, and what is offered.
type TlsKey = (String, UpstreamTls, Host, Offer);

/// The way to upstreams.
#[derive(Debug)]
pub struct Upstream {
    resolver: Resolver,
    pool: Pool,
    health: Health,
    shared: SharedPool,
    carriers: Carriers,
    identity: Arc<Current>,
    tls: Mutex<HashMap<TlsKey, Arc<ClientConfig>>>,
    own: Vec<SocketAddr>,
    timeouts: Timeouts,
    response_timeout: Duration,
    stream_retries_max: u32,
    memory: Budget,
    metrics: Metrics,
}

/// An upstream's answer and where it came from.
#[derive(Debug)]
pub struct Sent {
    /// Head and body as they come.
    pub response: Response<Arriving>,
    /// The address that was dialled.
    pub address: SocketAddr,
    /// TLS of the connection.
    pub facts: TlsFacts,
}

/// Everything that [`Upstream::send`] asks for beside the permit: proof that the bytes may leave,
/// and that they are on record.
#[derive(Debug)]
pub struct Departure {
    /// What leaves.
    pub cleared: Cleared<request::Parts>,
    /// The open line is written.
    pub announced: Announced,
    /// Addresses that were vetted before the body was read.
    pub vetted: Vetted,
    /// Tells when the body has been handed over.
    pub released: Released,
    /// Learns which address was chosen, so that another policy can vet it, too.
    pub entry: Option<Arc<Entry>>,
    /// Which versions of HTTP may carry it.
    pub offer: Offer,
    /// What is shown upstream, where that is not our own identity, and whose memory what is under way is.
    pub as_whom: (Option<Arc<Current>>, Holder),
}

impl Upstream {
    /// `own` are our listeners' addresses, which are never dialled.
    pub fn new(
        resolver: Resolver,
        identity: Arc<Current>,
        own: Vec<SocketAddr>,
        (limits, memory, metrics): (&Limits, Budget, Metrics),
    ) -> Self {
        Self {
            resolver,
            pool: Pool::new(limits.pool_idle, limits.pool_idle_max),
            health: Health::new(limits),
            carriers: Carriers::new(limits, memory.clone()),
            shared: SharedPool::new(limits, memory.clone()),
            identity,
            tls: Mutex::default(),
            own,
            timeouts: Timeouts {
                connect: limits.connect_timeout,
                handshake: limits.handshake_timeout,
                keepalive: limits.keepalive,
            },
            response_timeout: limits.response_timeout,
            stream_retries_max: limits.http2.stream_retries_max,
            memory,
            metrics,
        }
    }

    /// Resolves the permitted host and vets its addresses; or vets the address that a redirected
    /// connection was `aimed` at, which then is the one that is dialled.
    ///
    /// # Errors
    /// The address guard's refusal, or a name that does not resolve.
    pub async fn vet(&self, permit: &EgressPermit, aimed: Option<IpAddr>) -> Result<Vetted, Stop> {
        match permit.carrier() {
            None => self.resolver.vet(permit, aimed).await,
            Some(carrier) => self.resolver.vet(&carrier, None).await,
        }
    }

    /// Whether vetting sends a question to a name server.
    pub fn asks_dns(&self, permit: &EgressPermit, aimed: Option<IpAddr>) -> bool {
        if let Some(carrier) = permit.carrier() {
            return self.resolver.asks_dns(carrier.host());
        }
        aimed.is_none_or(|address| resolve::wants_proof(permit, address))
            && self.resolver.asks_dns(permit.host())
    }

    /// Whether the address is one of our own listeners.
    pub fn is_own(&self, address: SocketAddr) -> bool {
        dial::is_own(&self.own, address)
    }

    /// The resolver, for whoever only asks for names.
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// Sends one exchange.
    ///
    /// # Errors
    /// A refusal when the permit has expired or the name now resolves elsewhere; an error of the
    /// upstream's or ours otherwise.
    pub async fn send(&self, permit: EgressPermit, departure: Departure) -> Result<Sent, Stop> {
        let Departure { cleared, announced, vetted, released, entry, offer, as_whom } = departure;
        let (shows, holder) = as_whom;
        let us = self.us(shows.as_ref());
        let (Announced { .. }, mut vetted) = (announced, vetted);
        permit.check(crate::clock::now())?;
        if us.load().not_after() <= crate::clock::now() {
            return Err(Error::new(Kind::UpstreamIdentity, "our certificate has expired").into());
        }
        if !vetted.is_fresh() {
            vetted = self.vet(&permit, vetted.aimed()).await?;
        }
        let identity = us.load();
        let key = key(&permit, &identity);
        let (head, body) = cleared.into_parts();
        let mut request = Request::from_parts(head, body);
        let ours = (&*identity, holder);
        let aim = Aim { permit: &permit, key: &key, ours, vetted: &vetted, offer };
        let mut retries_left = self.stream_retries_max;
        let (way, response) = loop {
            let pooled = self.pooled(aim);
            let is_pooled = pooled.is_some();
            self.metrics.upstream.pool_reuses.inc_by(u64::from(is_pooled));
            let mut way = match pooled {
                Some(way) => way,
                // Dialling is rare, and its state large.
                None => Box::pin(self.opened(aim)).await?,
            };
            way.take_memory(self.memory.share(holder))?;
            told(entry.as_deref(), way.reached(), (us, &identity))?;
            let again = (retries_left > 0).then(|| way.again(&request)).flatten();
            let mut error = match self.exchange(&mut way, request, (&permit, &released)).await? {
                Ok(response) => break (way, response),
                Err(error) => error,
            };
            // Nothing of it was sent: another connection may take it.
            let unsent = error.take_message().filter(|_| is_pooled);
            let error = error.into_error();
            request = match (unsent, again) {
                (Some(unsent), _) => unsent,
                // The upstream says that it has done nothing with it.
                (None, Some(again)) if way.left_undone(&error) => {
                    retries_left -= 1;
                    self.metrics.upstream.stream_retries.inc();
                    again.map(|spare| spare.into_body(&released))
                }
                (None, _) => return Err(Error::new(Kind::UpstreamBroken, error).into()),
            };
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::new(Kind::UpstreamBroken, UNASKED_UPGRADE).into());
        }
        Ok(self.sent(key.clone(), way, response))
    }

    /// Who we are to an upstream.
    fn us<'a>(&'a self, shows: Option<&'a Arc<Current>>) -> &'a Arc<Current> {
        shows.unwrap_or(&self.identity)
    }

    /// Forgets pooled connections of an identity that has been rotated out, and of those that links alone
    /// show.
    pub fn identity_changed(&self) {
        let identity = self.identity.load();
        self.pool.forget_other_identities(identity.fingerprint());
        self.shared.forget_other_identities(identity.fingerprint());
        self.tls.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.carriers.forget_other_identities(identity.fingerprint());
    }

    /// Closes what nothing uses any more: a drained proxy asks for nothing, and those whom it asked may be
    /// draining, too.
    pub fn close_idle(&self) {
        self.pool.clear();
        self.shared.clear();
        self.carriers.clear();
    }

    async fn with_timeout<T>(
        &self,
        released: &Released,
        sending: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let overdue = async {
            released.ended().await;
            tokio::time::sleep(self.response_timeout).await;
        };
        tokio::select! {
            biased;
            sent = sending => Ok(sent),
            () = overdue => Err(Kind::UpstreamTimeout.into()),
            // An upstream that stops reading ends as one that does not answer.
            () = released.stalled(self.response_timeout) => Err(Kind::UpstreamTimeout.into()),
        }
    }

    fn tls_config(
        &self,
        permit: &EgressPermit,
        key: &PoolKey,
        identity: &Identity,
        offer: Offer,
    ) -> Result<Option<Arc<ClientConfig>>, Error> {
        let Some(expect) = expect(permit.tls()) else { return Ok(None) };
        let kept_as = (identity.fingerprint().to_owned(), key.tls.clone(), key.host.clone(), offer);
        let mut kept = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = kept.get(&kept_as) {
            return Ok(Some(Arc::clone(config)));
        }
        let config = certs::tls::client_config(identity, &expect, offer)
            .map_err(|error| Error::new(Kind::UpstreamIdentity, error))?;
        if kept.len() >= TLS_CONFIGS_MAX {
            kept.clear();
        }
        kept.insert(kept_as, Arc::clone(&config));
        Ok(Some(config))
    }
}

/// Tells the exchange's entry where it goes. A trust bundle that came into force since the connection was
/// chosen has asked the entry before it could know, so it is asked here.
fn told(
    entry: Option<&Entry>,
    (address, proof): (SocketAddr, Option<Arc<Proof>>),
    (us, identity): (&Arc<Current>, &Arc<Identity>),
) -> Result<(), Error> {
    if let Some(entry) = entry {
        entry.reached(address, proof.clone(), us);
    }
    let now = us.load();
    let is_proved = Arc::ptr_eq(&now, identity)
        || proof.as_ref().is_none_or(|proof| proof.holds(now.bundle(), crate::clock::now()));
    if is_proved {
        return Ok(());
    }
    let why = "the trust bundle has lost the root that vouches for it";
    Err(Error::new(Kind::UpstreamUnverified, why))
}

/// What the upstream must prove; `None` where it is reached without TLS.
fn expect(tls: &UpstreamTls) -> Option<Expect> {
    let (peer, pins, mutual) = match tls {
        UpstreamTls::Plaintext => return None,
        UpstreamTls::Mutual { peer, pins } => (peer, pins, true),
        UpstreamTls::Server { peer, pins } => (peer, pins, false),
    };
    let peer = match peer {
        PeerName::ServerName(host) => ExpectPeer::ServerName(host.to_string()),
        PeerName::SpiffeId(id) => ExpectPeer::SpiffeId(id.clone()),
    };
    Some(Expect { peer, pins: pins.iter().map(|pin| pin.0).collect(), mutual })
}

/// What the upstream has proved, to be proved again when the trust bundle changes.
fn proof(tls: &UpstreamTls, session: &rustls::ClientConnection) -> Option<Arc<Proof>> {
    Some(Arc::new(Proof::new(session.peer_certificates()?, Some(expect(tls)?))))
}

/// What a connection for this permit and our `identity` must agree in.
fn key(permit: &EgressPermit, our: &Identity) -> PoolKey {
    let identity = match permit.tls() {
        UpstreamTls::Plaintext => None,
        UpstreamTls::Mutual { .. } | UpstreamTls::Server { .. } => {
            Some(our.fingerprint().to_owned())
        }
    };
    PoolKey {
        endpoint: Arc::clone(permit.endpoint()),
        host: permit.host().clone(),
        port: permit.port(),
        tls: permit.tls().clone(),
        identity,
        via: permit.carrier().map(|carrier| Via {
            host: carrier.host().clone(),
            port: carrier.port(),
            tls: carrier.tls().clone(),
            identity: our.fingerprint().to_owned(),
        }),
    }
}

/// Starts HTTP/1.1 on a connection. Its task ends with the connection, or when it is cut.
async fn speak<S>(
    stream: S,
    (address, facts): (SocketAddr, TlsFacts),
    seat: &Arc<Seat>,
) -> Result<Connection, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Error::new(Kind::UpstreamBroken, error))?;
    let cut = Arc::new(Notify::new());
    let is_cut = Arc::clone(&cut);
    let seat = Arc::clone(seat);
    Drain::spawn_background(async move {
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(%error, "an upstream connection ended");
            },
            () = is_cut.notified() => tracing::debug!("an upstream connection was cut"),
        }
        drop(seat);
    });
    Ok(Connection { sender, address, facts, idle_since: Instant::now(), cut })
}

fn server_name(host: &Host) -> Result<ServerName<'static>, Error> {
    match host.ip() {
        Some(address) => Ok(ServerName::IpAddress(address.into())),
        None => ServerName::try_from(host.to_string())
            .map_err(|error| Error::new(Kind::UpstreamUnverified, error)),
    }
}
