//! One end of a WebSocket: what it sends is read from here, what it is sent is framed here.

use std::io;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::Bounds;
use crate::content::ReadingCell;
use crate::http::websocket::extension::Deflate;
use crate::http::websocket::{self, Code, Coded, Kind};
use crate::link::TolledWire;
use crate::ongoing::Ongoing;

/// A connection that HTTP gave up; the client's pays where it came over a link.
type Stream = TolledWire<TokioIo<Upgraded>>;

/// One end.
pub(super) struct End {
    reader: Reader,
    writer: Writer,
}

/// Reads from an end.
pub(super) struct Reader {
    pub(super) stream: ReadHalf<Stream>,
    /// Whether what comes may be compressed.
    pub(super) may_deflate: bool,
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
    pub(super) fn of_server(stream: Upgraded, deflate: Option<Deflate>) -> Self {
        let unread = ReadingCell::default();
        Self::new((TolledWire::new(TokioIo::new(stream), None, &unread), deflate), true)
    }

    pub(super) fn of_client(stream: Upgraded, deflate: Option<Deflate>, ongoing: &Ongoing) -> Self {
        let share = ongoing.share().cloned();
        let cell = &ongoing.meters().cell;
        Self::new((TolledWire::new(TokioIo::new(stream), share, cell), deflate), false)
    }

    fn new((stream, deflate): (Stream, Option<Deflate>), is_masking: bool) -> Self {
        let (reader, stream) = tokio::io::split(stream);
        let reader = Reader { stream: reader, may_deflate: deflate.is_some() };
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
            }
            self.writer.stream.shutdown().await?;
            let mut rest = self.reader.stream.take(bounds.linger_max);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
        };
        // An end that is gone, or does not go, has been told as well as it can be.
        let _gone = tokio::time::timeout(bounds.closing, leaving).await;
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
