//! HTTP/2 clients: a real one, and one that writes frames by hand.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use super::is_planted_in;
use super::wait::within;

/// A connection that speaks HTTP/2.
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
}

/// A request under way.
pub(crate) struct Call {
    pub(crate) body: SendStream<Bytes>,
    answer: h2::client::ResponseFuture,
}

/// A tunnel in a stream.
pub(crate) struct Tunnel {
    receiving: RecvStream,
    sending: SendStream<Bytes>,
    unread: Bytes,
}

/// An answer under way.
pub(crate) struct Coming {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: RecvStream,
}

/// An answer that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: HeaderMap,
    /// Why it broke off.
    pub(crate) reset: Option<Reason>,
}

impl Http2 {
    pub(crate) async fn new<S>(stream: S) -> Http2
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Http2::with_window(stream, 1 << 20).await
    }

    /// With so much room for what is received on a stream.
    pub(crate) async fn with_window<S>(stream: S, window: u32) -> Http2
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window).enable_push(false);
        let (sender, connection) =
            within("the HTTP/2 handshake", builder.handshake(stream)).await.unwrap();
        tokio::spawn(async move {
            // How it ended is for the streams to tell.
            let _ended = connection.await;
        });
        Http2 { sender }
    }

    /// Sends a head; the body follows.
    pub(crate) async fn call(&self, request: Request<()>) -> Call {
        self.try_call(request).await.unwrap()
    }

    pub(crate) async fn try_call(&self, request: Request<()>) -> Result<Call, h2::Error> {
        let mut sender = within("room for a stream", self.sender.clone().ready()).await?;
        let (answer, body) = sender.send_request(request, false)?;
        Ok(Call { body, answer })
    }

    /// Asks without a body, and waits for the answer's head.
    pub(crate) async fn get(&self, request: Request<()>) -> Coming {
        let mut sender = within("room for a stream", self.sender.clone().ready()).await.unwrap();
        let (answer, body) = sender.send_request(request, true).unwrap();
        Call { body, answer }.head().await.unwrap().0
    }

    /// Sends a request whole and reads its answer.
    pub(crate) async fn ask(&self, request: Request<()>, body: impl AsRef<[u8]>) -> Ended {
        let mut call = self.call(request).await;
        call.end(body.as_ref()).await;
        call.hear().await
    }
}

impl Call {
    /// Sends bytes, as the window allows.
    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        self.send(bytes, false).await;
    }

    /// Sends the last bytes.
    pub(crate) async fn end(&mut self, bytes: &[u8]) {
        self.send(bytes, true).await;
    }

    async fn send(&mut self, bytes: &[u8], is_end: bool) {
        let mut left = Bytes::copy_from_slice(bytes);
        while !left.is_empty() {
            self.body.reserve_capacity(left.len());
            let room = within(
                "a window",
                std::future::poll_fn(|context| self.body.poll_capacity(context)),
            );
            // A stream that was reset is for the answer to tell.
            let Some(Ok(room)) = room.await else { return };
            let part = left.split_to(room.min(left.len()));
            let is_last = left.is_empty() && is_end;
            if self.body.send_data(part, is_last).is_err() || is_last {
                return;
            }
        }
        if is_end {
            let _reset = self.body.send_data(Bytes::new(), true);
        }
    }

    pub(crate) async fn trailers(&mut self, trailers: HeaderMap) {
        self.body.send_trailers(trailers).unwrap();
    }

    /// Waits for the answer's head.
    pub(crate) async fn head(self) -> Result<(Coming, SendStream<Bytes>), h2::Error> {
        let (head, body) = within("an answer's head", self.answer).await?.into_parts();
        let (status, headers) = (head.status.as_u16(), head.headers);
        Ok((Coming { status, headers, body }, self.body))
    }

    /// The tunnel of a CONNECT that was granted.
    pub(crate) async fn tunnel(self) -> Tunnel {
        let (coming, sending) = self.head().await.unwrap();
        assert_eq!(coming.status, 200);
        Tunnel { receiving: coming.body, sending, unread: Bytes::new() }
    }

    /// Reads the whole answer. The request stays as it is: open, if it was not ended.
    pub(crate) async fn hear(self) -> Ended {
        match self.head().await {
            Ok((coming, _body)) => coming.rest().await,
            Err(error) => {
                let (headers, trailers) = (HeaderMap::new(), HeaderMap::new());
                let reset = Some(error.reason().unwrap_or(Reason::INTERNAL_ERROR));
                Ended { status: 0, headers, body: Vec::new(), trailers, reset }
            }
        }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            match ready!(self.receiving.poll_data(context)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(data)) => {
                    self.receiving.flow_control().release_capacity(data.len()).unwrap();
                    self.unread = data;
                }
            }
        }
        let part = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread.split_to(part));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.sending.reserve_capacity(bytes.len());
        match ready!(self.sending.poll_capacity(context)) {
            Some(Ok(room)) => {
                let part = room.min(bytes.len());
                let data = Bytes::copy_from_slice(&bytes[..part]);
                self.sending.send_data(data, false).map_err(io::Error::other)?;
                Poll::Ready(Ok(part))
            }
            Some(Err(error)) => Poll::Ready(Err(io::Error::other(error))),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A stream that was reset is shut down already.
        let _reset = self.sending.send_data(Bytes::new(), true);
        Poll::Ready(Ok(()))
    }
}

impl Coming {
    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let data = within("more of an answer", self.body.data()).await?.unwrap();
        self.body.flow_control().release_capacity(data.len()).unwrap();
        Some(data)
    }

    pub(crate) async fn rest(mut self) -> Ended {
        let (mut body, mut reset) = (Vec::new(), None);
        while let Some(data) = within("more of an answer", self.body.data()).await {
            match data {
                Ok(data) => {
                    let _ended = self.body.flow_control().release_capacity(data.len());
                    body.extend_from_slice(&data);
                }
                Err(error) => {
                    reset = Some(error.reason().unwrap_or(Reason::INTERNAL_ERROR));
                    break;
                }
            }
        }
        let mut trailers = HeaderMap::new();
        if reset.is_none() {
            match within("trailers", self.body.trailers()).await {
                Ok(fields) => trailers = fields.unwrap_or_default(),
                Err(error) => reset = error.reason(),
            }
        }
        let seen = format!("{:?} {trailers:?}", self.headers);
        assert!(!is_planted_in(seen.as_bytes()) && !is_planted_in(&body), "an answer leaks");
        Ended { status: self.status, headers: self.headers, body, trailers, reset }
    }
}

impl Ended {
    pub(crate) fn problem(&self, field: &str) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        let value = &problem[field];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// A refusal in gRPC's own form, with nothing but a head.
    #[track_caller]
    pub(crate) fn assert_trailers_only(&self, status: &str, code: &str) {
        assert_eq!((self.status, self.reset), (200, None), "{self:?}");
        assert_eq!(self.headers["content-type"], "application/grpc");
        assert_eq!(self.headers["grpc-status"], status, "{self:?}");
        let message = self.headers["grpc-message"].to_str().unwrap();
        assert!(message.contains(&format!("lazaret: {code}")), "{message}");
        assert!(self.body.is_empty() && self.trailers.is_empty());
    }
}

/// A gRPC request's head.
pub(crate) fn grpc(uri: &str) -> Request<()> {
    let request = Request::post(uri).header("content-type", "application/grpc");
    request.header("te", "trailers").body(()).unwrap()
}

/// An uncompressed gRPC message.
pub(crate) fn message(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[0], &length[..], content].concat()
}

/// A Protocol Buffers message with one text in field 1.
pub(crate) fn text_message(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 128, "a varint of one byte");
    message(&[&[0x0a, length], text.as_bytes()].concat())
}

/// Frames by hand.
pub(crate) struct Frames {
    stream: TcpStream,
}

/// A frame's bytes (RFC 9113, section 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// What the proxy said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// GOAWAY with this code.
    GoAway(u32),
    /// RST_STREAM with this code.
    Reset(u32),
    /// A head, as far as its status can be told without a decoder.
    Head,
    /// The end of the connection.
    Closed,
}

impl Frames {
    /// Connects, and says the preface and empty settings.
    pub(crate) async fn open(address: std::net::SocketAddr) -> Frames {
        Frames::greet(TcpStream::connect(address).await.unwrap()).await
    }

    async fn greet(stream: TcpStream) -> Frames {
        let mut frames = Frames { stream };
        frames.stream.set_nodelay(true).unwrap();
        frames.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        frames.say(4, 0, 0, &[]).await;
        frames
    }

    /// As [`Frames::open`], by a client that has little room for answers and reads none.
    pub(crate) async fn open_deaf(address: std::net::SocketAddr) -> Frames {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        Frames::greet(socket.connect(address).await.unwrap()).await
    }

    /// Sends the same frame so many times in one write; `false` if the proxy is gone.
    pub(crate) async fn repeat(&mut self, frame: &[u8], times: usize) -> bool {
        self.stream.write_all(&frame.repeat(times)).await.is_ok()
    }

    /// Sends a frame; `false` if the proxy is gone.
    pub(crate) async fn say(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.stream.write_all(&frame(kind, flags, stream, payload)).await.is_ok()
    }

    /// A head of literal fields, in one HEADERS frame that ends the request.
    pub(crate) async fn head(&mut self, stream: u32, fields: &[(&str, &str)]) -> bool {
        self.say(1, 0x5, stream, &literal(fields)).await
    }

    /// Its kind and payload; `None` at the end.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 9];
        within("a frame", self.stream.read_exact(&mut head)).await.ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((head[3], payload))
    }

    /// What may be sent unread on a stream, as the first settings say (RFC 9113, section 6.5.2).
    pub(crate) async fn window(&mut self) -> u32 {
        let (kind, settings) = self.frame().await.unwrap();
        assert_eq!(kind, 4, "SETTINGS come first");
        let window = settings.chunks(6).find(|setting| setting[..2] == [0, 4]);
        window.map_or(65_535, |setting| u32::from_be_bytes(setting[2..].try_into().unwrap()))
    }

    /// Reads until GOAWAY, RST_STREAM, a head or the end.
    pub(crate) async fn hear(&mut self) -> Last {
        loop {
            let Some((kind, payload)) = self.frame().await else { return Last::Closed };
            let code = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
            match kind {
                1 => return Last::Head,
                3 => return Last::Reset(code(0)),
                7 => return Last::GoAway(code(4)),
                _ => {}
            }
        }
    }
}

/// Fields as HPACK literals that are never indexed (RFC 7541, section 6.2.3).
pub(crate) fn literal(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x10);
        for text in [name, value] {
            push_length(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// RFC 7541, section 5.1, with a prefix of 7 bits.
fn push_length(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        return block.push(u8::try_from(length).unwrap());
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 0x80);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}
