//! The administrator's doors. TCP: `/metrics`, `/healthz`, `/readyz` and nothing that changes or
//! reveals anything. A 0600 Unix socket: `/config`, `/policy`, `/certs`, `/drain` beside them.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, mpsc};
use tower::ServiceBuilder;

use crate::accept::ACCEPT_ERROR_PAUSE;
use crate::config::Config;
use crate::drain::{Begun, Drain};
use crate::rooms::Rooms;

/// Connections at each door.
const CONNECTIONS_MAX: usize = 64;
/// Requests at once on one of them.
const REQUESTS_MAX: usize = 32;
/// Connections that wait at the Unix socket.
const BACKLOG_MAX: i32 = 32;
/// How long an admin request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers the administrator.
#[derive(Clone, Debug)]
pub struct Admin {
    rooms: Arc<Rooms>,
    config: Arc<Config>,
    drain: Begun,
    ask_drain: mpsc::Sender<()>,
}

/// Which door a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Socket,
    Tcp,
}

impl Admin {
    /// `ask_drain` is told when the administrator asks for the drain.
    pub fn new(
        rooms: Arc<Rooms>,
        config: Arc<Config>,
        drain: Begun,
        ask_drain: mpsc::Sender<()>,
    ) -> Self {
        Self { rooms, config, drain, ask_drain }
    }

    /// Serves the TCP door for as long as the process lives: health is asked during a drain, too.
    pub async fn serve_tcp(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            match listener.accept().await {
                Ok((stream, _)) => self.clone().serve(stream, Door::Tcp, &places),
                Err(error) => pause(&error).await,
            }
        }
    }

    /// Serves the Unix socket.
    pub async fn serve_socket(self, listener: UnixListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            match listener.accept().await {
                Ok((stream, _)) => self.clone().serve(stream, Door::Socket, &places),
                Err(error) => pause(&error).await,
            }
        }
    }

    /// One more than [`CONNECTIONS_MAX`] is closed unanswered.
    fn serve<S>(self, stream: S, door: Door, places: &Arc<Semaphore>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Ok(place) = Arc::clone(places).try_acquire_owned() else { return };
        let service = ServiceBuilder::new()
            .concurrency_limit(REQUESTS_MAX)
            .timeout(REQUEST_TIMEOUT)
            .service_fn(move |request: Request<Incoming>| {
                let response = self.answer(&request, door);
                async move { Ok::<_, std::convert::Infallible>(response) }
            });
        Drain::spawn_background(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
            if let Ok(Err(error)) = tokio::time::timeout(REQUEST_TIMEOUT, connection).await {
                tracing::debug!(%error, "an admin connection ended");
            }
            drop(place);
        });
    }

    fn answer(&self, request: &Request<Incoming>, door: Door) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        match (request.method(), path, door) {
            (&Method::GET, "/metrics", _) => self.metrics(),
            (&Method::GET, "/healthz", _) => text(StatusCode::OK, "ok\n".to_owned()),
            (&Method::GET, "/readyz", _) => self.ready(),
            (&Method::GET, "/config", Door::Socket) => text(StatusCode::OK, self.config.describe()),
            (&Method::GET, "/policy", Door::Socket) => {
                text(StatusCode::OK, format!("{}\n", self.rooms.policy.load().hash()))
            }
            (&Method::GET, "/certs", Door::Socket) => self.certs(),
            (&Method::POST, "/drain", Door::Socket) => {
                // A full queue means that the drain has been asked for already.
                let _asked = self.ask_drain.try_send(());
                text(StatusCode::ACCEPTED, "draining\n".to_owned())
            }
            (_, _, _) => text(StatusCode::NOT_FOUND, "not found\n".to_owned()),
        }
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        let mut exposition = String::from_utf8_lossy(&self.rooms.metrics.encode()).into_owned();
        let head = self.rooms.audit.head();
        // The head's hash changes with each record, so it is written by hand: a labelled gauge
        // would keep every hash for ever.
        let _infallible = write!(
            exposition,
            "# HELP lazaret_audit_head_info Sequence number and hash of the newest audit line\n\
             # TYPE lazaret_audit_head_info gauge\n\
             lazaret_audit_head_info{{hash=\"{}\"}} {}\n\
             # HELP lazaret_audit_queue_depth Lines waiting for the audit writer\n\
             # TYPE lazaret_audit_queue_depth gauge\n\
             lazaret_audit_queue_depth {}\n\
             # HELP lazaret_policy_info The policy in force\n\
             # TYPE lazaret_policy_info gauge\n\
             lazaret_policy_info{{hash=\"{}\"}} 1\n",
            head.hash,
            head.seq,
            self.rooms.audit.queue_depth(),
            self.rooms.policy.load().hash(),
        );
        let mut response = text(StatusCode::OK, exposition);
        let version = HeaderValue::from_static("text/plain; version=0.0.4");
        response.headers_mut().insert(CONTENT_TYPE, version);
        response
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let rooms = &self.rooms;
        let not_after = rooms.identity.load().not_after();
        let faults: Vec<&str> = [
            (rooms.leaving.load(Ordering::Relaxed) || self.drain.has_begun(), "draining"),
            (!rooms.audit.is_healthy(), "the audit log cannot be written"),
            (not_after <= crate::clock::now(), "our certificate has expired"),
            (rooms.policy.load().is_broken(), "the policy does not load; everything is refused"),
        ]
        .into_iter()
        .filter_map(|(is_faulty, what)| is_faulty.then_some(what))
        .collect();
        if faults.is_empty() {
            text(StatusCode::OK, "ready\n".to_owned())
        } else {
            text(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", faults.join("\n")))
        }
    }

    fn certs(&self) -> Response<Full<Bytes>> {
        let identity = self.rooms.identity.load();
        let shown = format!(
            "{}\nnot after: {}\nsha256: {}\n",
            identity.id(),
            identity.not_after(),
            identity.leaf_sha256()
        );
        text(StatusCode::OK, shown)
    }
}

/// Binds the Unix socket with mode 0600. A socket file that a dead process left is replaced; one
/// that answers is not.
///
/// # Errors
/// Another process answers on it, or the folder refuses.
pub fn bind_socket(path: &Path) -> io::Result<UnixListener> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process answers on it"));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Linux gives the file the mode that the socket has when it is bound. A umask would do as well,
    // but it is the whole process's.
    rustix::fs::fchmod(&socket, Mode::from_raw_mode(0o600))?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, BACKLOG_MAX)?;
    UnixListener::from_std(socket.into())
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "admin accept failed");
    tokio::time::sleep(ACCEPT_ERROR_PAUSE).await;
}
