//! A server on loopback that remembers everything it sees: connections, handshakes, heads, bodies,
//! and whether each body ended whole. Upstreams and the local application are both this.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::pki;
use super::wait::until;

/// A running server. Ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) port: u16,
    seen: Arc<Mutex<Seen>>,
    reply: Arc<Mutex<Reply>>,
}

/// What a server has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// TCP connections that were accepted.
    pub(crate) connections: usize,
    /// TLS handshakes that were finished.
    pub(crate) handshakes: usize,
    /// Requests in the order of their heads.
    pub(crate) requests: Vec<Received>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Which connection it came on, from 1.
    pub(crate) connection: usize,
    /// Fingerprint of the client's certificate.
    pub(crate) client: Option<String>,
    pub(crate) version: Version,
    pub(crate) method: Method,
    /// The request target as it came.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    /// What has come of the body so far.
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) end: End,
}

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It broke off.
    Broken,
    /// More is expected.
    Open,
    /// All of it came.
    Whole,
}

/// How a server answers.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body in pieces; before the second one the gate is passed.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// What follows the body.
    pub(crate) trailers: Vec<(&'static str, &'static str)>,
    /// Sends every piece of the request's body back as it comes.
    pub(crate) is_echo: bool,
    /// Answers when the head has come, and goes on reading.
    pub(crate) is_early: bool,
    /// Passed before the answer's second piece or, where there is none, before the answer.
    pub(crate) gate: Option<Gate>,
}

/// Something that a test opens when the time has come.
#[derive(Clone)]
pub(crate) struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate(Arc::new(watch::channel(false).0))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    async fn pass(&self) {
        self.0.subscribe().wait_for(|is_open| *is_open).await.unwrap();
    }
}

impl Received {
    /// The path and query, in whichever form the target came.
    pub(crate) fn path(&self) -> String {
        let target: http::Uri = self.target.parse().unwrap();
        target.path_and_query().unwrap().to_string()
    }
}

impl Reply {
    /// A body in one piece, with its length.
    pub(crate) fn text(body: &str) -> Reply {
        Reply { pieces: vec![body.as_bytes().to_vec()], ..Reply::default() }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Reply {
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl Upstream {
    /// Speaks plain HTTP.
    pub(crate) async fn plaintext() -> Upstream {
        Upstream::start(None).await
    }

    /// Speaks TLS.
    pub(crate) async fn tls(config: Arc<ServerConfig>) -> Upstream {
        Upstream::start(Some(config)).await
    }

    async fn start(tls: Option<Arc<ServerConfig>>) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Upstream {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
            reply: Arc::new(Mutex::new(Reply::text("ok\n"))),
        };
        tokio::spawn(upstream.clone().run(listener, tls));
        upstream
    }

    /// Answers so from now on.
    pub(crate) fn reply(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    /// What it has seen so far.
    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// The only request, once its body has ended.
    pub(crate) async fn request(&self) -> Received {
        self.requests(1).await.remove(0)
    }

    /// The requests, once there are so many and all their bodies have ended.
    pub(crate) async fn requests(&self, count: usize) -> Vec<Received> {
        until(&format!("{count} requests at the upstream"), || {
            let seen = self.lock();
            assert!(seen.requests.len() <= count, "more than {count} requests");
            let is_ended = |request: &Received| request.end != End::Open;
            (seen.requests.len() == count && seen.requests.iter().all(is_ended))
                .then(|| seen.requests.clone())
        })
        .await
    }

    /// Waits until so many heads have come.
    pub(crate) async fn heads(&self, count: usize) {
        until(&format!("{count} heads at the upstream"), || {
            (self.lock().requests.len() >= count).then_some(())
        })
        .await;
    }

    /// Waits until so many bytes of the first request's body have come.
    pub(crate) async fn has_body_bytes(&self, bytes: usize) {
        until(&format!("{bytes} body bytes at the upstream"), || {
            let seen = self.lock();
            seen.requests.first().filter(|request| request.body.len() >= bytes).map(|_| ())
        })
        .await;
    }

    /// Nothing of an exchange came here, not even a connection.
    pub(crate) fn assert_untouched(&self) {
        let seen = self.seen();
        assert_eq!(seen.connections, 0, "the upstream saw a connection");
        assert!(seen.requests.is_empty(), "the upstream saw a request");
    }

    /// Connections may have come, requests have not.
    pub(crate) fn assert_no_request(&self) {
        assert!(self.seen().requests.is_empty(), "the upstream saw a request");
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    async fn run(self, listener: TcpListener, tls: Option<Arc<ServerConfig>>) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let connection = {
                let mut seen = self.lock();
                seen.connections += 1;
                seen.connections
            };
            tokio::spawn(self.clone().serve(stream, tls.clone(), connection));
        }
    }

    async fn serve(self, stream: TcpStream, tls: Option<Arc<ServerConfig>>, connection: usize) {
        let Some(tls) = tls else {
            let mut start = [0; 4];
            while stream.peek(&mut start).await.is_ok_and(|peeked| (1..4).contains(&peeked)) {}
            return self.speak(stream, start == *b"PRI ", (connection, None)).await;
        };
        // A client that does not like our certificate is what some stories are about.
        let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else { return };
        self.lock().handshakes += 1;
        let session = stream.get_ref().1;
        let client = session.peer_certificates().map(|chain| pki::fingerprint(&chain[0]));
        let is_http2 = session.alpn_protocol() == Some(b"h2");
        self.speak(stream, is_http2, (connection, client)).await;
    }

    async fn speak<S>(
        self,
        stream: S,
        is_http2: bool,
        (connection, client): (usize, Option<String>),
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let this = self.clone();
        let service = service_fn(move |request| {
            let (this, client) = (this.clone(), client.clone());
            async move { Ok::<_, Infallible>(this.answer(request, connection, client).await) }
        });
        // A connection that breaks is for the test to notice.
        if is_http2 {
            let _ended = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            return;
        }
        let _ended = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        connection: usize,
        client: Option<String>,
    ) -> Response<Pieces> {
        let reply = self.reply.lock().unwrap().clone();
        let (head, body) = request.into_parts();
        let at = {
            let mut seen = self.lock();
            seen.requests.push(Received {
                connection,
                client,
                version: head.version,
                method: head.method,
                target: head.uri.to_string(),
                headers: head.headers,
                body: Vec::new(),
                trailers: None,
                end: End::Open,
            });
            seen.requests.len() - 1
        };
        if reply.is_echo {
            return self.echo(reply, at, body);
        }
        if reply.is_early {
            tokio::spawn(self.read(at, body, None));
        } else {
            self.read(at, body, None).await;
        }
        if let Some(gate) = reply.gate.as_ref().filter(|_| reply.pieces.len() < 2) {
            gate.pass().await;
        }
        respond(reply)
    }

    fn echo(self, reply: Reply, at: usize, body: Incoming) -> Response<Pieces> {
        let (sender, pieces) = mpsc::channel(1);
        let response = head_of(&reply);
        tokio::spawn(async move {
            if self.read(at, body, Some(&sender)).await == End::Whole {
                let _gone = sender.send(Frame::trailers(trailers_of(&reply))).await;
            }
        });
        response.body(Pieces { pieces, length: None }).unwrap()
    }

    async fn read(
        self,
        at: usize,
        mut body: Incoming,
        echo: Option<&mpsc::Sender<Frame<Bytes>>>,
    ) -> End {
        let end = loop {
            // hyper tells the end of a body that was answered early only with the next head.
            if body.is_end_stream() {
                break End::Whole;
            }
            match body.frame().await {
                None => break End::Whole,
                Some(Err(_)) => break End::Broken,
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.lock().requests[at].body.extend_from_slice(&data);
                        if let Some(echo) = echo {
                            let _gone = echo.send(Frame::data(data)).await;
                        }
                    }
                    Err(frame) => {
                        self.lock().requests[at].trailers = frame.into_trailers().ok();
                    }
                },
            }
        };
        self.lock().requests[at].end = end;
        end
    }
}

fn head_of(reply: &Reply) -> http::response::Builder {
    let mut response = Response::builder().status(reply.status.unwrap_or(200));
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response
}

fn trailers_of(reply: &Reply) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
    };
    reply.trailers.iter().map(field).collect()
}

fn respond(reply: Reply) -> Response<Pieces> {
    let response = head_of(&reply);
    let is_framed = reply.pieces.len() < 2 && reply.trailers.is_empty();
    let length = is_framed.then(|| reply.pieces.iter().map(Vec::len).sum::<usize>() as u64);
    let (sender, pieces) = mpsc::channel(1);
    tokio::spawn(async move {
        let trailers = trailers_of(&reply);
        for (place, piece) in reply.pieces.into_iter().enumerate() {
            if let Some(gate) = reply.gate.as_ref().filter(|_| place == 1) {
                gate.pass().await;
            }
            // Whoever asked may be gone; that is for the test to notice.
            let _gone = sender.send(Frame::data(Bytes::from(piece))).await;
        }
        if !trailers.is_empty() {
            let _gone = sender.send(Frame::trailers(trailers)).await;
        }
    });
    response.body(Pieces { pieces, length }).unwrap()
}

/// A body that comes in pieces; with a length where that is known.
struct Pieces {
    pieces: mpsc::Receiver<Frame<Bytes>>,
    length: Option<u64>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.pieces.poll_recv(context).map(|piece| piece.map(Ok))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.length.map_or_else(http_body::SizeHint::default, http_body::SizeHint::with_exact)
    }
}
