//! One direction of a WebSocket: frames are joined into messages, inflated where they came compressed,
//! read, and framed anew for the other end, as it takes them.
//!
//! Invariant: what is read is what the other end reads: the inflated message, which is compressed anew
//! for an end that takes that.

use bytes::Bytes;

use super::end::{Reader, Writer};
use super::pings::Pings;
use super::{Bounds, Fault};
use crate::budget::{self, Holder};
use crate::content::{ClearedMessage, Content, Messages, ReadingCell};
use crate::error::{Error, Kind as ErrorKind};
use crate::http::websocket::deflate::{Deflating, Inflating};
use crate::http::websocket::parser::check_text;
use crate::http::websocket::{Broken, Coded, Kind, Message, Sender};
use crate::link::budget::Share;
use crate::link::federated::flare;
use crate::stop::Stop;
use crate::tunnel::{Activity, CHUNK_BYTES};

/// Bytes of a message that are kept whatever else is in memory.
const HELD_BYTES_FREE: usize = CHUNK_BYTES;
/// Bytes that are compressed before others have their turn.
const TURN_BYTES: usize = 64 * 1024;

/// What both directions share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) activity: &'a Activity,
    pub(super) pings: &'a Pings,
    pub(super) bounds: Bounds,
    pub(super) content: &'a Content,
    /// Whose what is held of messages is.
    pub(super) holder: Holder,
    /// Counts what messages say they are.
    pub(super) cell: &'a ReadingCell,
    /// Of a link's budgets, where it came over one.
    pub(super) share: Option<&'a Share>,
}

/// One direction.
pub(super) struct Passing<'a> {
    sender: Sender,
    reader: &'a mut Reader,
    writer: &'a mut Writer,
    shared: Shared<'a>,
    memory: budget::Share,
    counted: usize,
}

impl<'a> Passing<'a> {
    /// What `sender` sends.
    pub(super) fn new(
        sender: Sender,
        (reader, writer): (&'a mut Reader, &'a mut Writer),
        shared: Shared<'a>,
    ) -> Self {
        let (memory, counted) = (shared.content.memory(shared.holder), HELD_BYTES_FREE);
        Self { sender, reader, writer, shared, memory, counted }
    }

    /// Carries it up to the sender's close frame.
    pub(super) async fn run(mut self, messages: &mut Messages) -> Result<(), Fault> {
        loop {
            let next = self.reader.next().map_err(|broken| self.break_off(broken))?;
            let Some(message) = next else {
                self.hold(self.reader.held())?;
                self.read().await?;
                continue;
            };
            let (kind, is_deflated) = (message.kind, message.is_deflated);
            let mut payload = self.open(message).await?;
            let head = head(kind, &mut payload);
            self.name(kind, &payload);
            self.shared.activity.note();
            match kind {
                Kind::Text | Kind::Binary | Kind::Close => {
                    let cleared = messages.read(payload).await?;
                    self.shared.activity.note();
                    self.send((kind, &head), &cleared, is_deflated).await?;
                }
                Kind::Ping => {
                    messages.swallow(payload.len());
                    self.ping(kind, &self.shared.pings.ask(self.sender, &payload)).await?;
                }
                Kind::Pong => {
                    messages.swallow(payload.len());
                    self.ping(kind, &self.shared.pings.answer(self.sender, &payload)).await?;
                }
            }
            self.shared.activity.note();
            if kind == Kind::Close {
                return Ok(());
            }
            if self.counted > HELD_BYTES_FREE {
                self.memory = self.shared.content.memory(self.shared.holder);
                self.counted = HELD_BYTES_FREE;
            }
        }
    }

    /// Counts a message of a framework that is known, before it is judged: a refused one has a name, too.
    fn name(&self, kind: Kind, payload: &[u8]) {
        if kind == Kind::Binary
            && let Some(flare::Named { name, node }) = flare::Named::of(payload)
        {
            self.shared.cell.with(|cell| cell.count_message(flare::FRAMEWORK, name, node));
        }
    }

    async fn read(&mut self) -> Result<(), Fault> {
        let (reading, _) = sides(self.sender);
        let read = self.reader.read().await;
        if read.map_err(|error| Error::new(reading, error))? == 0 {
            return Err(Error::new(reading, "the WebSocket ended without a close").into());
        }
        self.shared.activity.note();
        Ok(())
    }

    /// The payload as the sender meant it.
    async fn open(&mut self, message: Message) -> Result<Bytes, Fault> {
        if message.kind.is_control() {
            return Ok(message.payload);
        }
        self.hold(message.payload.len())?;
        if !message.is_deflated {
            return Ok(message.payload);
        }
        let mut inflating = Inflating::new(message.payload, self.shared.bounds.growth);
        let payload = loop {
            if let Some(payload) = inflating.step().map_err(|broken| self.break_off(broken))? {
                break payload;
            }
            self.hold(inflating.held())?;
            tokio::task::yield_now().await;
        };
        self.hold(payload.len())?;
        if message.kind == Kind::Text {
            check_text(&payload).map_err(|broken| self.break_off(broken))?;
        }
        Ok(payload)
    }

    /// Counts what is kept of a message against the process's memory and the link's longest message.
    fn hold(&mut self, bytes: usize) -> Result<(), Fault> {
        if let Some(share) = self.shared.share {
            share.admit_message(bytes as u64).map_err(Stop::Refused)?;
        }
        if bytes > self.counted {
            if !self.memory.try_grow(bytes - self.counted) {
                return Err(ErrorKind::BufferedBytesMax.into());
            }
            self.counted = bytes;
        }
        Ok(())
    }

    async fn send(
        &mut self,
        (kind, head): (Kind, &[u8]),
        cleared: &ClearedMessage,
        is_deflated: bool,
    ) -> Result<(), Fault> {
        let (_, writing) = sides(self.sender);
        let payload = cleared.as_slice();
        let deflate = self.writer.deflate.filter(|_| is_deflated);
        let deflated = match deflate {
            Some(deflate) => compress(payload, deflate.window_bits).await,
            None => None,
        };
        let sent = match deflated {
            Some(deflated) => self.writer.send(kind, (Coded::Deflated, &deflated)).await,
            None if head.is_empty() => self.writer.send(kind, (Coded::Plain, payload)).await,
            None => self.writer.send(kind, (Coded::Plain, &[head, payload].concat())).await,
        };
        sent.map_err(|error| Error::new(writing, error))?;
        Ok(())
    }

    /// Sends a ping or pong. `payload` is ours, or what the other end wrote itself.
    async fn ping(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Fault> {
        let (_, writing) = sides(self.sender);
        let sent = self.writer.send(kind, (Coded::Plain, payload)).await;
        sent.map_err(|error| Error::new(writing, error).into())
    }

    fn break_off(&self, broken: Broken) -> Fault {
        let kind = match self.sender {
            Sender::Client => ErrorKind::Malformed,
            Sender::Server => ErrorKind::UpstreamBroken,
        };
        Fault { stop: Error::new(kind, broken).into(), broken: Some((self.sender, broken)) }
    }
}

/// The payload compressed, where that makes it shorter.
async fn compress(payload: &[u8], window_bits: u8) -> Option<Vec<u8>> {
    if payload.is_empty() {
        return None;
    }
    let mut deflating = Deflating::new(window_bits);
    for piece in payload.chunks(TURN_BYTES) {
        deflating.feed(piece);
        if payload.len() > TURN_BYTES {
            tokio::task::yield_now().await;
        }
    }
    Some(deflating.finish()).filter(|deflated| deflated.len() < payload.len())
}

/// Who is at fault where reading or writing fails.
fn sides(sender: Sender) -> (ErrorKind, ErrorKind) {
    match sender {
        Sender::Client => (ErrorKind::BodyAborted, ErrorKind::UpstreamBroken),
        Sender::Server => (ErrorKind::UpstreamBroken, ErrorKind::BodyAborted),
    }
}

/// The code of a close frame, one of those that the parser takes; the reason stays, to be read like a
/// message.
fn head(kind: Kind, payload: &mut Bytes) -> Bytes {
    let length = if kind == Kind::Close { payload.len().min(2) } else { 0 };
    payload.split_to(length)
}
