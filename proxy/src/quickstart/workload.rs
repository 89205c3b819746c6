//! The quickstart's workload: plain HTTP through the forward proxy, over a real socket.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::drain::Drain;

/// The largest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one piece of a streamed body.
const PIECE_BYTES: usize = 64 * 1024;

/// What the workload got back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) code: String,
}

/// Sends one request; `is_streamed` sends the body in pieces without a length.
pub(super) async fn send(
    proxy: SocketAddr,
    (method, url): (Method, &str),
    body: Bytes,
    is_streamed: bool,
) -> anyhow::Result<Answer> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(connect(proxy).await?)).await?;
    Drain::spawn_background(async move {
        // A refusal may close the connection under the body; the answer is what counts.
        let _ended = connection.await;
    });
    let host = url.split('/').nth(2).unwrap_or_default();
    let pieces = Pieces { rest: body, is_streamed };
    let request = Request::builder().method(method).uri(url).header("host", host).body(pieces)?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    #[expect(clippy::disallowed_methods, reason = "limited")]
    let collecting = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect();
    let text = collecting.await.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let field = |name: &str| problem.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    Ok(Answer { status, code: field("code").unwrap_or_else(|| "permitted".to_owned()) })
}

#[expect(clippy::disallowed_methods, reason = "the workload, not the proxy, connects")]
pub(super) async fn connect(proxy: SocketAddr) -> std::io::Result<TcpStream> {
    TcpStream::connect(proxy).await
}

/// A body in pieces.
struct Pieces {
    rest: Bytes,
    is_streamed: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let at = PIECE_BYTES.min(self.rest.len());
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(at)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_streamed {
            SizeHint::default()
        } else {
            SizeHint::with_exact(self.rest.len() as u64)
        }
    }
}
