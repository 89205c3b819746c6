//! Load by so many connections. Closed loop: each sends its next request when the last one is answered,
//! so latencies are those of a client that waits. Open loop, with a rate: each request has its time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use http_body_util::BodyExt as _;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;

use crate::arrivals::Arrivals;
use crate::opener::Route;
use crate::report::{Report, Tally};
use crate::scenario::{Bodies, BodySize, Kind, Walk};
use crate::tls::Material;
use crate::{say, spawn};

/// The most connections of one load.
const CONNECTIONS_MAX: u64 = 4096;

/// Failures in a row after which a connection gives up.
const FAILURES_MAX: u32 = 20;

/// `loadtest drive`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to send to; `http://` through a proxy or direct, `https://` only direct.
    #[arg(long)]
    url: Uri,
    /// The forward proxy; its requests are in absolute form.
    #[arg(long)]
    proxy: Option<SocketAddr>,
    /// Where the URL's host is; not asked for where `--proxy` is given.
    #[arg(long, required_unless_present = "proxy", conflicts_with = "proxy")]
    address: Option<SocketAddr>,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=CONNECTIONS_MAX))]
    connections: u64,
    /// Bytes of each body, such as 4KiB, 1MiB.
    #[arg(long, default_value = "64KiB")]
    size: BodySize,
    /// What the bytes are.
    #[arg(long, value_enum, default_value_t = Kind::Gradients)]
    kind: Kind,
    /// Stop after so many requests.
    #[arg(long, required_unless_present = "seconds")]
    requests: Option<u64>,
    /// Stop after so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Requests a second, whatever becomes of them (open loop); without it each connection sends when
    /// it has been answered.
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    /// Certificates for `https://`.
    #[command(flatten)]
    material: Material,
}

/// One load.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) route: Route,
    /// As it stands in the request line: absolute where a proxy reads it.
    pub(crate) uri: Uri,
    /// The `Host` header.
    pub(crate) host: String,
    pub(crate) connections: u64,
    pub(crate) bodies: Arc<Bodies>,
    /// Requests a second in an open loop.
    pub(crate) rate: Option<f64>,
    pub(crate) stop: Stop,
}

/// When a load ends: at whichever comes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    pub(crate) requests: Option<u64>,
    pub(crate) after: Option<Duration>,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("a rate is above 0".to_owned()) }
}

/// Runs the load of the command line and prints its report as one JSON object.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let plan = options.plan()?;
    let report = drive(plan).await?;
    say(&serde_json::to_string_pretty(&report)?)?;
    if report.requests == 0 {
        bail!("no request succeeded");
    }
    Ok(())
}

impl Options {
    fn plan(self) -> anyhow::Result<Plan> {
        let host = self.url.authority().context("the URL has no host")?.as_str().to_owned();
        let is_tls = self.url.scheme_str() == Some("https");
        if is_tls && self.proxy.is_some() {
            bail!("https:// through a proxy is a tunnel: use http://, the proxy originates TLS");
        }
        let address = self.proxy.or(self.address).context("neither --proxy nor --address")?;
        let tls = if is_tls {
            let name = self.url.host().unwrap_or_default().to_owned();
            let name = ServerName::try_from(name).context("the host is not a server name")?;
            let config =
                self.material.client()?.context("https:// needs --chain, --key, --bundle")?;
            Some((config, name))
        } else {
            None
        };
        let uri = if self.proxy.is_some() {
            self.url
        } else {
            let path = self.url.path_and_query().map_or("/", |path| path.as_str());
            path.parse().context("bad path")?
        };
        Ok(Plan {
            route: Route { address, tls },
            uri,
            host,
            connections: self.connections,
            bodies: Arc::new(Bodies::new(self.kind, self.size)),
            rate: self.rate,
            stop: Stop { requests: self.requests, after: self.seconds.map(Duration::from_secs) },
        })
    }
}

/// Runs `plan` to its end.
///
/// # Errors
/// When a connection cannot be opened, or one fails too often in a row.
pub(crate) async fn drive(plan: Plan) -> anyhow::Result<Report> {
    let (connections, start) = (plan.connections, Instant::now());
    let arrivals = plan.rate.map(|rate| Arrivals::new(start, rate));
    let shared = Arc::new(Shared { plan, arrivals, taken: AtomicU64::new(0), start });
    let tasks: Vec<_> = (0..connections).map(|_| spawn(connection(Arc::clone(&shared)))).collect();
    let mut whole = Tally::new()?;
    for task in tasks {
        whole.add(&task.await.map_err(|_| anyhow!("a connection's task ended badly"))??)?;
    }
    Ok(whole.report(shared.start.elapsed()))
}

struct Shared {
    plan: Plan,
    arrivals: Option<Arrivals>,
    taken: AtomicU64,
    start: Instant,
}

impl Shared {
    /// The number of the next request, while there is one.
    fn next(&self) -> Option<u64> {
        let stop = self.plan.stop;
        if stop.after.is_some_and(|after| self.start.elapsed() >= after) {
            return None;
        }
        let number = self.taken.fetch_add(1, Relaxed);
        stop.requests.is_none_or(|max| number < max).then_some(number)
    }
}

async fn connection(shared: Arc<Shared>) -> anyhow::Result<Tally> {
    let mut tally = Tally::new()?;
    let mut sender = None;
    let mut failures = 0;
    while let Some(number) = shared.next() {
        let open = match sender.take().filter(SendRequest::is_ready) {
            Some(open) => open,
            None => connect(&shared.plan.route).await?,
        };
        let from = match &shared.arrivals {
            Some(arrivals) => arrivals.wait(number).await,
            None => Instant::now(),
        };
        match exchange(open, &shared.plan, (number, from), &mut tally).await {
            Ok(still_open) => {
                sender = Some(still_open);
                failures = 0;
            }
            Err(error) => {
                tally.failed += 1;
                failures += 1;
                if failures == FAILURES_MAX {
                    return Err(error.context("too many failures in a row"));
                }
            }
        }
    }
    Ok(tally)
}

type Sender = SendRequest<Walk>;

async fn connect(route: &Route) -> anyhow::Result<Sender> {
    let stream = route.open().await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    spawn(connection);
    Ok(sender)
}

async fn exchange(
    mut sender: Sender,
    plan: &Plan,
    (number, from): (u64, Instant),
    tally: &mut Tally,
) -> anyhow::Result<Sender> {
    let request = Request::builder()
        .method(Method::PUT)
        .uri(plan.uri.clone())
        .header(HOST, &plan.host)
        .header(CONTENT_TYPE, plan.bodies.kind().media_type())
        .body(plan.bodies.body(number))
        .context("bad request")?;
    let response = sender.send_request(request).await.context("no answer")?;
    let is_success = response.status().is_success();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame.context("the answer was cut")?;
    }
    if is_success {
        tally.served(from.elapsed(), plan.bodies.size());
    } else {
        tally.refused += 1;
    }
    // A connection that the other end is closing fails here, and the next request opens another.
    let _ = sender.ready().await;
    Ok(sender)
}
