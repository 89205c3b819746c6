//! Where the load ends: reads every body to its end, counts, and answers with the size.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::tls::Material;
use crate::{say, spawn};

/// The most connections served at once; more wait in the listen queue.
const CONNECTIONS_MAX: usize = 4096;

/// `loadtest upstream`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// TLS 1.3 mutual where given, plaintext otherwise.
    #[command(flatten)]
    material: Material,
}

/// A running upstream.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    requests: AtomicU64,
    bytes: AtomicU64,
    cut: AtomicU64,
}

impl Upstream {
    /// Listens and serves until the runtime ends.
    pub(crate) async fn start(
        listen: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
    ) -> anyhow::Result<Upstream> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let tally = Arc::new(Tally::default());
        let acceptor = tls.map(TlsAcceptor::from);
        spawn(accept(listener, acceptor, Arc::clone(&tally)));
        Ok(Upstream { address, tally })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests read to their end, and the bytes of all bodies, also of those cut short.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.tally.requests.load(Relaxed), self.tally.bytes.load(Relaxed))
    }
}

/// Serves until interrupted, then says what came.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let upstream = Upstream::start(options.listen, options.material.server()?).await?;
    say(&format!("listening on {}", upstream.address()))?;
    tokio::signal::ctrl_c().await.context("cannot wait for the interrupt")?;
    let (requests, bytes) = upstream.totals();
    let cut = upstream.tally.cut.load(Relaxed);
    say(&serde_json::json!({"requests": requests, "bytes": bytes, "cut": cut}).to_string())
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, tally: Arc<Tally>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        // A connection that is gone before it is accepted is the other end's affair.
        let Ok((tcp, _)) = listener.accept().await else { continue };
        let (tls, tally) = (tls.clone(), Arc::clone(&tally));
        spawn(async move {
            serve(tcp, tls, tally).await;
            drop(slot);
        });
    }
}

async fn serve(tcp: TcpStream, tls: Option<TlsAcceptor>, tally: Arc<Tally>) {
    let _ = tcp.set_nodelay(true);
    let service = service_fn(move |request| answer(request, Arc::clone(&tally)));
    let mut http = hyper::server::conn::http1::Builder::new();
    // Absolute form and origin form alike: what the proxies in front forward differs.
    let http = http.keep_alive(true);
    let _ = match tls {
        None => http.serve_connection(TokioIo::new(tcp), service).await,
        Some(acceptor) => match acceptor.accept(tcp).await {
            Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
            Err(_) => Ok(()),
        },
    };
}

async fn answer(
    request: Request<Incoming>,
    tally: Arc<Tally>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut body = request.into_body();
    let mut bytes = 0_u64;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            tally.cut.fetch_add(1, Relaxed);
            return Ok(respond(StatusCode::BAD_REQUEST, 0));
        };
        let arrived = frame.data_ref().map_or(0, |data| data.len() as u64);
        bytes += arrived;
        tally.bytes.fetch_add(arrived, Relaxed);
    }
    tally.requests.fetch_add(1, Relaxed);
    Ok(respond(StatusCode::OK, bytes))
}

fn respond(status: StatusCode, bytes: u64) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{{\"bytes\":{bytes}}}\n"))));
    *response.status_mut() = status;
    response
}
