//! What a training job does: requests to the forward proxy, and TLS through CONNECT.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::{future, io};

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::REGISTRY;
use super::pki::client_trusting;
use super::sidecar::Sidecar;
use super::wait::within;
use super::wire::Conversation;

/// A connection to the forward proxy.
pub(crate) type Workload = Conversation<TcpStream>;
/// A TLS session inside CONNECT.
pub(crate) type Session = Conversation<TlsStream<TcpStream>>;

/// A forward-proxy request to the registry, with its length.
pub(crate) fn request(method: &str, path: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    request_with(method, path, "", body)
}

/// As [`request`], with more header lines, each ending in `\r\n`.
pub(crate) fn request_with(
    method: &str,
    path: &str,
    fields: &str,
    body: impl AsRef<[u8]>,
) -> Vec<u8> {
    let body = body.as_ref();
    let length = format!("Content-Length: {}\r\n", body.len());
    let target = format!("http://{REGISTRY}{path}");
    [head(method, &target, &format!("{length}{fields}")).as_bytes(), body].concat()
}

/// A request head to the registry.
pub(crate) fn head(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {REGISTRY}\r\n{fields}\r\n")
}

/// A request inside an intercepted session.
pub(crate) fn inner(method: &str, path: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = format!("Content-Length: {}\r\n", body.as_ref().len());
    [head(method, path, &length).as_bytes(), body.as_ref()].concat()
}

impl Sidecar {
    /// Opens a connection to the forward proxy.
    pub(crate) async fn workload(&self) -> Workload {
        let stream = TcpStream::connect(self.http_proxy).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Conversation::new(stream)
    }

    /// TLS that trusts the published intercept CA alone.
    pub(crate) fn trusting_intercept(&self) -> Arc<ClientConfig> {
        client_trusting(&std::fs::read_to_string(&self.intercept_ca).unwrap(), None)
    }

    /// CONNECTs to `authority` and does the TLS handshake naming `name`.
    pub(crate) async fn session(&self, authority: &str, name: &str) -> io::Result<Session> {
        let stream = self.tunnel(authority).await;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connecting = TlsConnector::from(self.trusting_intercept()).connect(name, stream);
        Ok(Conversation::new(within("the intercepted handshake", connecting).await?))
    }

    /// CONNECTs to `authority`, which must be permitted.
    pub(crate) async fn tunnel(&self, authority: &str) -> TcpStream {
        let mut workload = self.workload().await;
        workload.say(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")).await;
        let answer = workload.hear_head().await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key("content-length"), "RFC 9110, section 9.3.6");
        workload.into_stream()
    }
}

/// A transport that sends at most `piece` bytes at a time, each in a segment of its own.
pub(crate) struct Dribble {
    pub(crate) stream: TcpStream,
    pub(crate) piece: usize,
}

impl AsyncRead for Dribble {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Dribble {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = self.piece.min(bytes.len());
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..piece]));
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Whether the proxy closes an idle connection, without reading anything from it.
pub(crate) async fn is_closed_by_proxy(workload: &Workload) -> bool {
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let peeked = future::poll_fn(|context| workload.stream().poll_peek(context, &mut buffer));
    match within("the proxy to close", peeked).await {
        Ok(read) => read == 0,
        Err(_) => true,
    }
}
