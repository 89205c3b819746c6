//! One end of a WebSocket: what it sends is read from here, what it is sent is framed here.

use std::io;

use bytes::BytesMut;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::Bounds;
use crate::content::ReadingCell;
use crate::http::websocket::extension::Deflate;
use crate::http::websocket::parser::Parser;
use crate::http::websocket::{self, Broken, Code, Coded, Kind, Message, Sender};
use crate::link::TolledWire;
use crate::ongoing::Ongoing;
use crate::tunnel::CHUNK_BYTES;

/// A connection that HTTP gave up; the client's pays where it came over a link.
type Stream = TolledWire<TokioIo<Upgraded>>;

/// One end.
pub(super) struct End {
    reader: Reader,
    writer: Writer,
}

/// Reads from an end.
pub(super) struct Reader {
    stream: ReadHalf<Stream>,
    parser: Parser,
    input: BytesMut,
    /// Whether the end has closed, or what it sends has no meaning any more.
    is_over: bool,
}

/// Writes to an end.
pub(super) struct Writer {
    /// How messages may be compressed.
    pub(super) deflate: Option<Deflate>,
    stream: WriteHalf<Stream>,
    /// Whether what we send there is masked: we are its client.
    is_masking: bool,
    /// Whether nothing stands there in part.
    is_whole: bool,
    has_closed: bool,
}

impl End {
    pub(super) fn of_server(stream: Upgraded, deflate: Option<Deflate>, bounds: Bounds) -> Self {
        let unread = ReadingCell::default();
        let stream = TolledWire::new(TokioIo::new(stream), None, &unread);
        Self::new(stream, deflate, (Sender::Server, bounds))
    }

    pub(super) fn of_client(
        stream: Upgraded,
        deflate: Option<Deflate>,
        bounds: Bounds,
        ongoing: &Ongoing,
    ) -> Self {
        let share = ongoing.share().cloned();
        let cell = &ongoing.meters().cell;
        let stream = TolledWire::new(TokioIo::new(stream), share, cell);
        Self::new(stream, deflate, (Sender::Client, bounds))
    }

    fn new(stream: Stream, deflate: Option<Deflate>, (sender, bounds): (Sender, Bounds)) -> Self {
        let (reader, stream) = tokio::io::split(stream);
        let parser = Parser::new(sender, bounds.growth.bytes_max, deflate.is_some());
        let reader = Reader { stream: reader, parser, input: BytesMut::new(), is_over: false };
        // We are the client of a server.
        let is_masking = sender == Sender::Server;
        let writer = Writer { deflate, stream, is_masking, is_whole: true, has_closed: false };
        Self { reader, writer }
    }

    /// Both directions.
    pub(super) fn parts(&mut self) -> (&mut Reader, &mut Writer) {
        (&mut self.reader, &mut self.writer)
    }

    /// Tells the end that it is over, and waits for it to go, so that it reads what it is told.
    pub(super) async fn leave(mut self, told: Option<(Code, &'static str)>, bounds: Bounds) {
        let leaving = async {
            if let Some((code, reason)) = told.filter(|_| self.writer.may_close()) {
                let payload = websocket::close(code, reason);
                self.writer.send(Kind::Close, (Coded::Plain, &payload)).await?;
                // A connection that ends before its answer looks broken off (RFC 6455, section 7.1.1).
                self.reader.await_close(bounds.linger_max).await?;
            }
            self.writer.stream.shutdown().await?;
            let mut rest = self.reader.stream.take(bounds.linger_max);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
        };
        // An end that is gone, or does not go, has been told as well as it can be.
        let _gone = tokio::time::timeout(bounds.closing, leaving).await;
    }
}

impl Reader {
    /// The next message; `None` where more has to be read.
    pub(super) fn next(&mut self) -> Result<Option<Message>, Broken> {
        let next = self.parser.next(&mut self.input);
        self.is_over |= match &next {
            Ok(message) => message.as_ref().is_some_and(|message| message.kind == Kind::Close),
            Err(_) => true,
        };
        next
    }

    /// Reads more; 0 at the end. May be given up at any time.
    pub(super) async fn read(&mut self) -> io::Result<usize> {
        self.input.reserve(CHUNK_BYTES);
        self.stream.read_buf(&mut self.input).await
    }

    /// Bytes of an unfinished message that are kept.
    pub(super) fn held(&self) -> usize {
        self.parser.held()
    }

    /// Reads on to the end's close frame, which goes nowhere, nor what comes before it.
    async fn await_close(&mut self, bytes_max: u64) -> io::Result<()> {
        let mut bytes = 0;
        while !self.is_over && bytes <= bytes_max {
            if let Ok(None) = self.next() {
                match self.read().await? {
                    0 => self.is_over = true,
                    read => bytes += read as u64,
                }
            }
        }
        Ok(())
    }
}

impl Writer {
    fn may_close(&self) -> bool {
        self.is_whole && !self.has_closed
    }

    pub(super) async fn send(&mut self, kind: Kind, payload: (Coded, &[u8])) -> io::Result<()> {
        let mask = if self.is_masking { Some(random_mask()?) } else { None };
        let frame = websocket::frame(kind, payload, mask);
        self.is_whole = false;
        self.stream.write_all(&frame).await?;
        self.stream.flush().await?;
        self.is_whole = true;
        self.has_closed |= kind == Kind::Close;
        Ok(())
    }
}

/// Unforeseeable for whoever chose the payload (RFC 6455, section 5.3).
fn random_mask() -> io::Result<[u8; 4]> {
    let mut mask = [0; 4];
    aws_lc_rs::rand::fill(&mut mask).map_err(|_| io::Error::other("no random bytes"))?;
    Ok(mask)
}
