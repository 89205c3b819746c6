//! Builds every room from the configuration, binds all listeners before any traffic, runs them,
//! and drains them.

mod links;
mod sockets;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use certs::mint::InterceptCa;
use certs::rotation::Current;
use policy::Policy;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;

use self::sockets::{Sockets, other_loopback};
use crate::accept::Listener;
use crate::admin::{self, Admin};
use crate::app_link::AppLink;
use crate::audit::{self, Audit, Kind};
use crate::budget::Budget;
use crate::config::Config;
use crate::content::{Content, Ledger, SpoolRoom};
use crate::dns::Dns;
use crate::drain::{self, Drain, Drained, Tasks};
use crate::inbound::Inbound;
use crate::live::{self, Live, Why};
use crate::outbound::Outbound;
use crate::rate::Rates;
use crate::reload::Watched;
use crate::rooms::{Places, Rooms};
use crate::telemetry::Metrics;
use crate::upstream::{Resolver, Upstream};
use crate::{clock, reload};

/// Places in the audit queue; each exchange under way needs two.
const AUDIT_QUEUE_MAX: usize = 16 * 1024;
/// A signed head after so many records.
const AUDIT_HEAD_RECORDS_MAX: u64 = 1024;
/// A signed head after so long, also when idle.
const AUDIT_HEAD_INTERVAL: Duration = Duration::from_secs(10);
/// Bytes of one audit file.
const AUDIT_SEGMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// How long what the drain's deadline cut has to answer and record itself.
const CUT_MAX: Duration = Duration::from_secs(1);

/// A running proxy.
#[derive(Debug)]
pub struct App {
    addresses: Addresses,
    links: Vec<(Arc<str>, SocketAddr)>,
    rooms: Arc<Rooms>,
    tasks: Tasks,
    writer: audit::Writer,
    drain_asked: mpsc::Receiver<()>,
    drain_deadline: Duration,
}

/// Where the listeners are bound; differs from the configuration where that says port 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses {
    /// The forward proxy.
    pub http_proxy: Option<SocketAddr>,
    /// The SOCKS5 proxy.
    pub socks5: Option<SocketAddr>,
    /// Redirected connections.
    pub transparent: Option<SocketAddr>,
    /// Peers.
    pub inbound: Option<SocketAddr>,
    /// The resolver: the first of its addresses.
    pub dns: Option<SocketAddr>,
    /// `/metrics` and health.
    pub admin: Option<SocketAddr>,
}

/// Why a proxy does not start: what, and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct StartError {
    what: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl App {
    /// Starts everything. Needs a running tokio runtime.
    ///
    /// # Errors
    /// An address cannot be bound, the identity or audit log does not load. A broken policy is no
    /// error: everything is refused, and says so.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let metrics = Metrics::new().map_err(|error| failed("metrics", error))?;
        let mut watched = Watched::look(&config.policy, &config.identity);
        let mut sockets = Sockets::bind(&config)?;
        let addresses = sockets.addresses();
        let links = links::addresses(&sockets.links, &config);
        let identity = load_identity(&config, &metrics)?;
        let (audit, writer) = start_audit(&config)?;
        let rooms = Arc::new(rooms(
            &config,
            (identity, watched.load_or_broken()),
            audit,
            (metrics, addresses, &links),
        )?);
        let (tasks, drain) = drain::channel();
        let (ask_drain, drain_asked) = mpsc::channel(1);
        if sockets.lead_out() || !links.is_empty() {
            let outbound = outbound(&config, &rooms)?;
            links::listen(
                &config,
                (&rooms, &outbound),
                std::mem::take(&mut sockets.links),
                &drain,
            )?;
            listen_outbound(&config, (&rooms, outbound), &mut sockets, &drain);
        }
        if let (Some(socket), Some(part)) = (sockets.inbound, &config.inbound) {
            let app = AppLink::new(part.forward, &config.limits);
            let inbound = Arc::new(Inbound::new(Arc::clone(&rooms), app));
            listen_inbound(inbound, listener(socket, "inbound", &config), (&rooms, &drain));
        }
        listen_dns(&config, &rooms, sockets.dns, &drain);
        Drain::spawn_background(reload::watch(Arc::clone(&rooms), watched, drain.clone()));
        Drain::spawn_background(live::watch_time(Arc::downgrade(&rooms)));
        let drain_deadline = config.limits.drain_deadline;
        let config = Arc::new(config);
        let admin =
            Admin::new(Arc::clone(&rooms), Arc::clone(&config), drain.onlooker(), ask_drain);
        if let Some(path) = &config.admin_socket {
            let listener = admin::bind_socket(path)
                .map_err(|error| failed(&format!("admin.socket {}", path.display()), error))?;
            Drain::spawn_background(admin.clone().serve_socket(listener));
        }
        if let Some(socket) = sockets.admin {
            Drain::spawn_background(admin.serve_tcp(socket));
        }
        tracing::info!(?addresses, policy = %rooms.policy.load().hash(), "ready");
        Ok(Self { addresses, links, rooms, tasks, writer, drain_asked, drain_deadline })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Where each link listens, by its name.
    pub fn links(&self) -> &[(Arc<str>, SocketAddr)] {
        &self.links
    }

    /// The newest audit line, as `seq:hash`: what `audit verify --expect-head` takes.
    pub fn audit_head(&self) -> String {
        let head = self.rooms.audit.head();
        format!("{}:{}", head.seq, head.hash)
    }

    /// Resolves when the administrator asks for the drain.
    pub async fn drain_asked(&mut self) {
        if self.drain_asked.recv().await.is_none() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }

    /// Not ready from now on, stops accepting after `limits.drainDelay`, and finishes what is under
    /// way, at most `limits.drainDeadline`; then it is cut. The audit writer goes on until it is
    /// stopped, since what does not end even so is still to be recorded.
    pub async fn drain(mut self) -> (Drained, audit::Writer) {
        tracing::info!("draining");
        self.rooms.audit.note("drain", serde_json::Value::Null);
        self.rooms.leaving.store(true, Ordering::Relaxed);
        if let Some(delay) = self.rooms.limits.drain_delay {
            tokio::time::sleep(delay).await;
        }
        self.tasks.begin();
        let drained = self.tasks.ended(self.drain_deadline).await;
        if drained == Drained::DeadlinePassed {
            let text = "the proxy is ending and waited no longer (limits.drainDeadline)";
            self.rooms.live.end_all(Why::DrainDeadline, text);
            // Whether all of it has ended is the same for the caller.
            let _last = self.tasks.ended(CUT_MAX).await;
        }
        self.rooms.upstream.close_idle();
        (drained, self.writer)
    }
}

fn load_identity(config: &Config, metrics: &Metrics) -> Result<Arc<Current>, StartError> {
    let identity = config.identity.load(clock::now()).map_err(|error| failed("identity", error))?;
    metrics.identity_not_after.set(reload::seconds(identity.not_after()));
    Ok(Arc::new(Current::new(identity)))
}

fn start_audit(config: &Config) -> Result<(Audit, audit::Writer), StartError> {
    Audit::start(audit::Settings {
        folder: config.audit.path.clone(),
        signing_key: config.audit.key.clone(),
        sync: config.audit.sync,
        queue_max: AUDIT_QUEUE_MAX,
        head_records_max: AUDIT_HEAD_RECORDS_MAX,
        head_interval: AUDIT_HEAD_INTERVAL,
        segment_bytes_max: AUDIT_SEGMENT_BYTES_MAX,
        now: clock::now,
    })
    .map_err(|error| failed("audit", error))
}

fn rooms(
    config: &Config,
    (identity, policy): (Arc<Current>, Policy),
    audit: Audit,
    (metrics, addresses, links): (Metrics, Addresses, &[(Arc<str>, SocketAddr)]),
) -> Result<Rooms, StartError> {
    let limits = &config.limits;
    let resolver = Resolver::new(&config.hosts, &config.nameservers, limits.dns_names_max)
        .map_err(|error| failed("resolver", error))?;
    let Addresses { http_proxy, socks5, transparent, inbound, admin, .. } = addresses;
    let other = transparent.map(other_loopback);
    let own = [http_proxy, socks5, transparent, other, inbound, admin];
    let links = links.iter().map(|(_, address)| *address);
    let own = own.into_iter().flatten().chain(addresses.dns).chain(links).collect();
    let files = (limits.spool_max, metrics.spool_bytes.clone());
    let memory = Budget::new(limits.buffered_bytes_max, metrics.buffered_bytes.clone());
    let spool = SpoolRoom::new(config.spool.clone(), limits.hold_memory_max, files, memory.clone());
    let way = (limits, memory.clone(), metrics.clone());
    let upstream = Upstream::new(resolver, Arc::clone(&identity), own, way);
    let counter = metrics.source_findings.clone();
    let (findings_max, window) = (limits.source_findings_max, limits.source_findings_window);
    let ledger = Ledger::new(findings_max, window, counter);
    Ok(Rooms {
        policy: ArcSwap::from_pointee(policy),
        live: Arc::new(Live::new(metrics.clone())),
        identity,
        audit,
        content: Content::new(spool, limits),
        memory,
        upstream,
        metrics,
        limits: limits.clone(),
        ledger,
        places: Places::new(limits.exchanges_max),
        rates: Rates::new(limits.source_requests_per_second_max, limits.source_burst_max),
        leaving: AtomicBool::new(false),
    })
}

fn outbound(config: &Config, rooms: &Arc<Rooms>) -> Result<Arc<Outbound>, StartError> {
    let intercept =
        InterceptCa::new(clock::now()).map_err(|error| failed("intercept CA", error))?;
    if let Some(path) = &config.publish {
        publish(path, intercept.certificate_pem()).map_err(|error| {
            failed(&format!("outbound.intercept.publish {}", path.display()), error)
        })?;
    }
    Ok(Arc::new(Outbound::new(Arc::clone(rooms), intercept)))
}

fn listen_outbound(
    config: &Config,
    (rooms, outbound): (&Rooms, Arc<Outbound>),
    sockets: &mut Sockets,
    drain: &Drain,
) {
    let (drain, metrics) = (|| drain.clone(), || rooms.metrics.clone());
    if let Some(socket) = sockets.http_proxy.take() {
        let (serving, turning) = (Arc::clone(&outbound), Arc::clone(&outbound));
        let serve = move |stream, arrival| Arc::clone(&serving).serve(stream, arrival);
        let turn_away = move |stream: &TcpStream, from| turning.turn_away(stream, from);
        let listener = listener(socket, "http-proxy", config);
        Drain::spawn_background(listener.run(drain(), metrics(), (serve, turn_away)));
    }
    if let Some(socket) = sockets.socks5.take() {
        let (serving, turning) = (Arc::clone(&outbound), Arc::clone(&outbound));
        let serve = move |stream, arrival| Arc::clone(&serving).serve_socks(stream, arrival);
        let turn_away = move |_: &TcpStream, from| turning.turn_away_raw(Kind::Socks5, from);
        let listener = listener(socket, "socks5", config);
        Drain::spawn_background(listener.run(drain(), metrics(), (serve, turn_away)));
    }
    for socket in sockets.transparent.drain(..) {
        let (serving, turning) = (Arc::clone(&outbound), Arc::clone(&outbound));
        let serve = move |stream, arrival| Arc::clone(&serving).serve_redirected(stream, arrival);
        let turn_away = move |_: &TcpStream, from| turning.turn_away_raw(Kind::Redirect, from);
        let listener = listener(socket, "transparent", config);
        Drain::spawn_background(listener.run(drain(), metrics(), (serve, turn_away)));
    }
}

fn listen_inbound(inbound: Arc<Inbound>, listener: Listener, (rooms, drain): (&Rooms, &Drain)) {
    let turning = Arc::clone(&inbound);
    let serve = move |stream, arrival| Arc::clone(&inbound).serve(stream, arrival);
    let turn_away = move |_: &TcpStream, from| turning.turn_away(from);
    let work = (serve, turn_away);
    Drain::spawn_background(listener.run(drain.clone(), rooms.metrics.clone(), work));
}

fn listen_dns(
    config: &Config,
    rooms: &Arc<Rooms>,
    sockets: Vec<(UdpSocket, TcpListener)>,
    drain: &Drain,
) {
    let dns = Arc::new(Dns::new(Arc::clone(rooms)));
    for (datagrams, socket) in sockets {
        drain.spawn(Arc::clone(&dns).serve_datagrams(datagrams, drain.clone()));
        let (serving, turning) = (Arc::clone(&dns), Arc::clone(&dns));
        let serve = move |stream, arrival| Arc::clone(&serving).serve(stream, arrival);
        let turn_away = move |_: &TcpStream, from| turning.turn_away(from);
        let listener = listener(socket, "dns", config);
        let listener = Listener { connections_max: config.limits.dns_connections_max, ..listener };
        let work = (serve, turn_away);
        Drain::spawn_background(listener.run(drain.clone(), rooms.metrics.clone(), work));
    }
}

/// Writes the intercept CA's certificate where the workload reads it, whole or not at all.
fn publish(path: &Path, pem: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let unfinished = path.with_extension("tmp");
    std::fs::write(&unfinished, pem)?;
    // A certificate is public; the workload has another UID.
    std::fs::set_permissions(&unfinished, std::fs::Permissions::from_mode(0o644))?;
    std::fs::rename(&unfinished, path)
}

fn listener(socket: TcpListener, name: &str, config: &Config) -> Listener {
    let limits = &config.limits;
    let (connections_max, connection_age_max) = (limits.connections_max, limits.connection_age_max);
    Listener { socket, name: name.into(), connections_max, connection_age_max }
}

fn failed(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StartError {
    StartError { what: what.to_owned(), source: source.into() }
}
