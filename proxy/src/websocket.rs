//! A WebSocket both ways: frames are read into messages, each message is read as content, and what may
//! leave is framed anew, so that no byte of a frame's form crosses.
//!
//! Invariant: a message leaves whole or not at all. Whatever ends it, both ends are told by a close
//! frame, unless one stands in the middle of a message; its record is written first.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::audit::Outcome;
use crate::config::Limits;
use crate::content::{Content, Messages, ReadingCell};
use crate::error::{Error, Kind as ErrorKind};
use crate::http::body::Kept;
use crate::http::websocket::{self, Broken, Code, Kind, Parser, Sender};
use crate::link::TolledWire;
use crate::live::Cut;
use crate::ongoing::Ongoing;
use crate::stop::Stop;
use crate::tunnel::{Activity, CHUNK_BYTES};

/// What a client of an upgrade is told, and what the record says of it.
const SWITCHED: u16 = 101;
/// Bytes of a message that are kept whatever else is in memory.
const HELD_BYTES_FREE: usize = CHUNK_BYTES;

/// A connection that HTTP gave up; the client's pays where it came over a link.
type Stream = TolledWire<TokioIo<Upgraded>>;

/// A WebSocket that both ends have agreed on.
#[derive(Debug)]
pub struct Session {
    /// Whoever asked for it, once it has read its 101.
    pub client: OnUpgrade,
    /// Whoever answered.
    pub server: Upgraded,
    /// Reads what the client sends.
    pub up: Messages,
    /// Reads what the server sends.
    pub down: Messages,
    /// How long it lives, and how large it grows.
    pub bounds: Bounds,
    /// Keeps the budget of what is in memory.
    pub content: Content,
    /// What is kept until its end, such as a place among the connections to the upstream.
    pub kept: Option<Kept>,
}

/// How long a WebSocket lives, and how large its messages are.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    idle: Duration,
    total: Duration,
    closing: Duration,
    message_max: u64,
    linger_max: u64,
}

impl Bounds {
    /// As the limits say.
    pub fn new(limits: &Limits) -> Self {
        Self {
            idle: limits.tunnel_idle,
            total: limits.tunnel_total,
            closing: limits.linger_timeout,
            message_max: limits.websocket_message_max,
            linger_max: limits.linger_bytes_max,
        }
    }
}

/// Why a direction ended before its close frame.
#[derive(Debug)]
struct Fault {
    stop: Stop,
    /// Who broke the protocol, and what it is told.
    broken: Option<(Sender, Broken)>,
}

impl<T: Into<Stop>> From<T> for Fault {
    fn from(stop: T) -> Self {
        Self { stop: stop.into(), broken: None }
    }
}

impl Fault {
    /// What an end is told: the code, and a word for the reason.
    fn told(&self, end: Sender) -> (Code, &'static str) {
        match (&self.broken, &self.stop) {
            (Some((who, broken)), _) if *who == end => (broken.code(), "malformed"),
            (None, Stop::Refused(verdict)) if verdict.reason.code != "drain-deadline" => {
                (Code::Policy, verdict.reason.code)
            }
            (_, stop) => (Code::GoingAway, stop.code()),
        }
    }
}

/// One end.
struct End {
    reader: ReadHalf<Stream>,
    writer: Writer,
}

/// Writes to an end.
struct Writer {
    stream: WriteHalf<Stream>,
    /// Whether what we send there is masked: we are its client.
    is_masking: bool,
    /// Whether nothing stands there in part.
    is_whole: bool,
    has_closed: bool,
}

impl End {
    fn of_server(stream: Upgraded) -> Self {
        let unread = ReadingCell::default();
        Self::new(TolledWire::new(TokioIo::new(stream), None, &unread), true)
    }

    fn of_client(stream: Upgraded, ongoing: &Ongoing) -> Self {
        let share = ongoing.share().cloned();
        let cell = &ongoing.meters().cell;
        Self::new(TolledWire::new(TokioIo::new(stream), share, cell), false)
    }

    fn new(stream: Stream, is_masking: bool) -> Self {
        let (reader, stream) = tokio::io::split(stream);
        let writer = Writer { stream, is_masking, is_whole: true, has_closed: false };
        Self { reader, writer }
    }

    /// Tells the end that it is over, and waits for it to go, so that it reads what it is told.
    async fn leave(mut self, told: Option<(Code, &'static str)>, bounds: Bounds) {
        let leaving = async {
            if let Some((code, reason)) = told.filter(|_| self.writer.may_close()) {
                self.writer.send(Kind::Close, &websocket::close(code, reason)).await?;
            }
            self.writer.stream.shutdown().await?;
            let mut rest = self.reader.take(bounds.linger_max);
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

    async fn send(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
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

/// Carries a WebSocket to its end and records it. `line` is the connection that it came on.
pub async fn run(mut ongoing: Ongoing, session: Session, line: Cut) {
    let Session { client, server, mut up, mut down, bounds, content, kept } = session;
    let cut = ongoing.cut().clone();
    let mut server = End::of_server(server);
    let client = tokio::select! {
        upgraded = client => upgraded.map_err(|error| Stop::from(Error::new(ErrorKind::BodyAborted, error))),
        stop = cut.raised() => Err(stop),
        stop = line.raised() => Err(stop),
    };
    let mut client = match client {
        Ok(client) => End::of_client(client, &ongoing),
        Err(stop) => {
            drop((up, down));
            let fault = Fault::from(stop);
            ongoing.stop(&fault.stop, SWITCHED);
            return server.leave(Some(fault.told(Sender::Server)), bounds).await;
        }
    };
    let carrying = carry((&mut client, &mut server), (&mut up, &mut down), bounds, &content);
    let carried = tokio::select! {
        biased;
        stop = cut.raised() => Err(Fault::from(stop)),
        stop = line.raised() => Err(Fault::from(stop)),
        carried = carrying => carried,
    };
    drop((up, down));
    let (to_client, to_server) = match carried {
        Ok(()) => {
            ongoing.close(Outcome::Completed);
            (None, None)
        }
        Err(Fault { stop, broken }) => {
            let stop = stop.unless_cut(ongoing.meters());
            let fault = Fault { stop, broken };
            // What was masked before it ended says so, however it ended.
            let cell = ongoing.meters().cell.clone();
            ongoing.note(|record| cell.with(|reading| reading.write_verdict_to(record)));
            ongoing.stop(&fault.stop, SWITCHED);
            (Some(fault.told(Sender::Client)), Some(fault.told(Sender::Server)))
        }
    };
    tokio::join!(client.leave(to_client, bounds), server.leave(to_server, bounds));
    drop(kept);
}

/// Carries both directions until both have closed.
async fn carry(
    (client, server): (&mut End, &mut End),
    (up, down): (&mut Messages, &mut Messages),
    bounds: Bounds,
    content: &Content,
) -> Result<(), Fault> {
    let activity = Activity::new();
    let shared = (&activity, bounds, content);
    let up = one_way(Sender::Client, (&mut client.reader, &mut server.writer), up, shared);
    let down = one_way(Sender::Server, (&mut server.reader, &mut client.writer), down, shared);
    let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
    let both = async {
        // Whoever is told of the close answers with its own, or goes.
        let rest = tokio::select! {
            ended = up.as_mut() => {
                ended?;
                tokio::time::timeout(bounds.closing, down).await
            }
            ended = down.as_mut() => {
                ended?;
                tokio::time::timeout(bounds.closing, up).await
            }
        };
        match rest {
            Ok(Err(fault)) if fault.broken.is_some() || matches!(fault.stop, Stop::Refused(_)) => {
                Err(fault)
            }
            Ok(_) | Err(_) => Ok(()),
        }
    };
    tokio::select! {
        ended = both => ended,
        () = activity.ceased(bounds.idle) => {
            Err(Error::new(ErrorKind::TunnelTimeout, "limits.tunnelIdle").into())
        }
        () = tokio::time::sleep(bounds.total) => {
            Err(Error::new(ErrorKind::TunnelTimeout, "limits.tunnelTotal").into())
        }
    }
}

/// Who is at fault where reading or writing fails.
fn sides(sender: Sender) -> (ErrorKind, ErrorKind) {
    match sender {
        Sender::Client => (ErrorKind::BodyAborted, ErrorKind::UpstreamBroken),
        Sender::Server => (ErrorKind::UpstreamBroken, ErrorKind::BodyAborted),
    }
}

/// Carries what `sender` sends, up to its close frame.
async fn one_way(
    sender: Sender,
    (reader, writer): (&mut ReadHalf<Stream>, &mut Writer),
    messages: &mut Messages,
    (activity, bounds, content): (&Activity, Bounds, &Content),
) -> Result<(), Fault> {
    let (reading, writing) = sides(sender);
    let mut parser = Parser::new(sender, bounds.message_max);
    let mut input = BytesMut::new();
    let (mut memory, mut counted) = (content.memory(), HELD_BYTES_FREE);
    loop {
        let next = parser.next(&mut input).map_err(|broken| break_off(sender, broken))?;
        let held = next.as_ref().map_or(parser.held(), |message| message.payload.len());
        if held > counted {
            if !memory.try_grow(held - counted) {
                return Err(ErrorKind::BufferedBytesMax.into());
            }
            counted = held;
        }
        let Some(message) = next else {
            input.reserve(CHUNK_BYTES);
            let read = reader.read_buf(&mut input).await;
            if read.map_err(|error| Error::new(reading, error))? == 0 {
                return Err(Error::new(reading, "the WebSocket ended without a close").into());
            }
            activity.note();
            continue;
        };
        let (kind, mut payload) = (message.kind, message.payload);
        let head = head(kind, &mut payload);
        let cleared = match kind {
            Kind::Text | Kind::Binary => messages.read(payload).await?,
            Kind::Close | Kind::Ping | Kind::Pong => messages.read_control(payload)?,
        };
        activity.note();
        let sent = if head.is_empty() {
            writer.send(kind, cleared.as_slice()).await
        } else {
            writer.send(kind, &[&head, cleared.as_slice()].concat()).await
        };
        sent.map_err(|error| Error::new(writing, error))?;
        activity.note();
        if kind == Kind::Close {
            return Ok(());
        }
        if counted > HELD_BYTES_FREE {
            (memory, counted) = (content.memory(), HELD_BYTES_FREE);
        }
    }
}

/// The code of a close frame, which is no text; the reason stays.
fn head(kind: Kind, payload: &mut Bytes) -> Bytes {
    let length = if kind == Kind::Close { payload.len().min(2) } else { 0 };
    payload.split_to(length)
}

fn break_off(sender: Sender, broken: Broken) -> Fault {
    let kind = match sender {
        Sender::Client => ErrorKind::Malformed,
        Sender::Server => ErrorKind::UpstreamBroken,
    };
    Fault { stop: Error::new(kind, broken).into(), broken: Some((sender, broken)) }
}
