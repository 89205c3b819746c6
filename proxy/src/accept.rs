//! Listeners: take connections, at most so many, until the drain begins; serve HTTP/1.1 or HTTP/2
//! on one.

mod http2;
mod patient;
mod preface;
mod streams;
mod strict;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{Extensions, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use policy::Verdict;
use prometheus::IntGauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::patient::Patient;
pub use self::preface::Spoken;
use self::strict::{Faults, Strict};
use crate::budget::Budget;
use crate::budget::cost::{Carriage, Windows};
use crate::config::Limits;
use crate::drain::Drain;
use crate::error::{Error, Kind};
use crate::http::body::BodyError;
use crate::http::headers;
use crate::link::Entrance;
use crate::link::budget::Share;
use crate::live::{Cut, Line, Seated, Why, Withdrawn};
use crate::telemetry::Metrics;

/// Pause after an accept error such as "too many open files", so that it is not a busy loop.
pub const ACCEPT_ERROR_PAUSE: Duration = Duration::from_millis(50);

/// A bound listener and its name in metrics.
#[derive(Debug)]
pub struct Listener {
    /// Bound.
    pub socket: TcpListener,
    /// Such as `http-proxy`.
    pub name: Arc<str>,
    /// Connections at once.
    pub connections_max: usize,
    /// How old a connection may grow.
    pub connection_age_max: Duration,
}

/// A connection that was let in: whose it is, and what counts it for as long as it lives, also
/// when it has become a tunnel.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The client's address.
    pub downstream: SocketAddr,
    /// The drain that the connection's work is counted in.
    pub drain: Drain,
    /// How long the connection lasts.
    pub line: Line,
    /// The link that it came over, in a gateway.
    pub entrance: Option<Arc<Entrance>>,
    /// The peer at its other end, which it lives no longer than.
    pub peer: Option<Arc<Seated>>,
    _seat: Arc<Seat>,
}

#[derive(Debug)]
struct Seat {
    open: IntGauge,
    _place: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.dec();
    }
}

/// How the conversation on a connection ended.
#[derive(Debug)]
pub enum Ended {
    /// In order, or the client left.
    Done,
    /// What came has no single reading. No exchange exists.
    Malformed {
        /// 400 or 431, or 0 where the end of the connection was the answer.
        status: u16,
        /// What is wrong with it.
        cause: Error,
    },
}

impl Listener {
    /// Takes connections until the drain begins; `turn_away` answers and records those that are too
    /// many.
    pub async fn run<H, F, R>(self, mut drain: Drain, metrics: Metrics, (handle, turn_away): (H, R))
    where
        H: Fn(TcpStream, Arrival) -> F,
        F: Future<Output = ()> + Send + 'static,
        R: Fn(&TcpStream, SocketAddr),
    {
        let places = Arc::new(Semaphore::new(self.connections_max));
        let open = metrics.connections_open.with_label_values(&[&*self.name]);
        loop {
            let accepted = tokio::select! {
                biased;
                () = drain.begun() => return,
                accepted = self.socket.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(listener = %self.name, %error, "accept failed");
                    tokio::time::sleep(ACCEPT_ERROR_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                metrics
                    .connections_refused
                    .with_label_values(&[&*self.name, "connections-max"])
                    .inc();
                turn_away(&stream, address);
                continue;
            };
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(listener = %self.name, %error, "nodelay refused");
            }
            open.inc();
            let seat = Arc::new(Seat { open: open.clone(), _place: place });
            let line = Line::new(&drain, self.connection_age_max);
            let (downstream, counted) = (address, drain.clone());
            let (entrance, peer) = (None, None);
            let arrival = Arrival { downstream, drain: counted, line, entrance, peer, _seat: seat };
            drain.spawn(handle(stream, arrival));
        }
    }
}

impl Arrival {
    /// Resolves with the reason when the connection is to end at once, whatever it has become.
    pub async fn ended(&self) -> Withdrawn {
        let peer = async {
            match &self.peer {
                Some(peer) => peer.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            why = self.line.cut().ended() => why,
            why = peer => why,
        }
    }

    /// Lets an exchange in by the link that the connection came over, if it came over one. A peer that
    /// the link does not list has its answer and no more of the connection, whose seat others want.
    ///
    /// # Errors
    /// The verdict.
    pub fn admit(&self) -> Result<Option<Arc<Share>>, Box<Verdict>> {
        let Some(entrance) = &self.entrance else { return Ok(None) };
        let admitted = entrance.admit();
        if let Err(verdict) = &admitted
            && !entrance.is_welcome()
        {
            self.line.retire(Withdrawn::because(Why::PeerUntrusted, &verdict.reason.text));
        }
        admitted.map(Some)
    }

    /// Does the work of what the connection has become. When the connection is to end, `cut` is
    /// raised for the same reason, which ends the work.
    pub async fn bind<T>(&self, cut: &Cut, mut work: impl Future<Output = T> + Unpin) -> T {
        tokio::select! {
            biased;
            done = &mut work => return done,
            why = self.ended() => cut.raise(why),
        };
        work.await
    }
}

/// The window of the stream that a request came on, bytes.
#[derive(Clone, Copy, Debug)]
struct StreamWindow(u32);

/// How a request came, for what it may come to keep in memory.
pub fn carriage(version: Version, extensions: &Extensions, body: &Incoming) -> Carriage {
    let window = extensions.get::<StreamWindow>().map_or(0, |window| window.0);
    Carriage { version, window, has_body: !body.is_end_stream() }
}

/// Serves HTTP on one connection until it ends; finishes its exchanges when the line retires, and
/// drops them when the line is cut. The version is what the TLS handshake settled or, where it settled nothing, what the client begins
/// with.
pub async fn serve<S, H, F, B>(
    stream: S,
    spoken: Spoken,
    (limits, memory): (&Limits, &Budget),
    mut line: Line,
    handle: H,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BodyError>,
{
    let stream = Patient::new(stream, limits.response_timeout);
    let sniffing = preface::sniff(stream, spoken, limits.header_timeout);
    let (stream, spoken) = tokio::select! {
        biased;
        sniffed = sniffing => match sniffed {
            Some(sniffed) => sniffed,
            None => return Ended::Done,
        },
        () = line.retiring() => return Ended::Done,
    };
    match spoken {
        Spoken::Http2 => {
            let windows = Windows::of(&limits.http2, memory.is_short());
            Box::pin(http2::serve(stream, (limits, windows), line, handle)).await
        }
        Spoken::Either | Spoken::Http1 => Box::pin(serve_http1(stream, limits, line, handle)).await,
    }
}

async fn serve_http1<S, H, F, B>(stream: S, limits: &Limits, mut line: Line, handle: H) -> Ended
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body + 'static,
    B::Error: Into<BodyError>,
{
    let last = line.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (leaving, last) = (Leaving::of(&request), last.clone());
        let is_h1 = request.version() < Version::HTTP_2;
        // hyper keeps room for the work of a request as long as the connection lasts; of a box that
        // is a pointer's, and an idle connection costs 16 KiB less.
        let response = Box::pin(handle(request));
        async move {
            let mut response = response.await;
            leaving.close_if_it_stays(&mut response);
            if is_h1 && !leaving.has_left(&response) {
                close_if_last(&mut response, &last);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let (stream, faults) = Strict::new(stream, limits.header_bytes_max);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes_max)
        .max_headers(limits.headers_max)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let cut = line.cut().clone();
    let lasting = async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = line.retiring() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    let ended = tokio::select! {
        ended = lasting => ended,
        _ = cut.raised() => return Ended::Done,
    };
    match ended {
        Err(error) if error.is_parse() => malformed(error, &faults),
        // hyper closes without an answer, also where nothing had been asked.
        Err(error) if error.is_timeout() && faults.is_in_head() => {
            Ended::Malformed { status: 0, cause: Error::new(Kind::HeaderTimeout, error) }
        }
        Err(error) => {
            tracing::debug!(%error, "a downstream connection ended");
            Ended::Done
        }
        Ok(()) => Ended::Done,
    }
}

/// Whether a request wants to leave HTTP. What follows it is no longer delimited, so an answer that
/// stays in HTTP is the connection's last.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    ByConnect,
    ByUpgrade,
    No,
}

impl Leaving {
    fn of<B>(request: &Request<B>) -> Self {
        if request.method() == Method::CONNECT {
            Self::ByConnect
        } else if headers::wants_upgrade(request.headers()) {
            Self::ByUpgrade
        } else {
            Self::No
        }
    }

    fn has_left<B>(self, response: &Response<B>) -> bool {
        match self {
            Self::ByConnect => response.status().is_success(),
            Self::ByUpgrade => response.status() == StatusCode::SWITCHING_PROTOCOLS,
            Self::No => false,
        }
    }

    fn close_if_it_stays<B>(self, response: &mut Response<B>) {
        let wanted_to = !matches!(self, Self::No);
        if wanted_to && !self.has_left(response) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

fn malformed(error: hyper::Error, faults: &Faults) -> Ended {
    let status = if error.is_parse_too_large() { 431 } else { 400 };
    let cause = match faults.first() {
        Some(fault) => Error::new(Kind::Malformed, fault),
        None => Error::new(Kind::Malformed, error),
    };
    Ended::Malformed { status, cause }
}

/// Tells the client that its connection takes no more requests, where that is so.
fn close_if_last<B>(response: &mut Response<B>, line: &Line) {
    if line.is_retiring() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
