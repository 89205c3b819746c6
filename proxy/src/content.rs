//! Reads what leaves. The only maker of [`Cleared`]: bytes that passed the scanner, or that a rule
//! exempts by name. Nothing else can be handed to an upstream or a peer.

mod allowance;
mod body;
mod head;
mod hint;
mod ledger;
mod messages;
pub mod names;
mod passage;
mod pump;
mod reader;
mod reading;
mod sieve;
mod source;
mod spool;
mod under_way;
mod uploads;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame};
use policy::{Ruling, Verdict};
use tokio::time::Instant;

pub use self::body::{ClearedBody, CutOff, Released, Spare, Tally};
pub use self::head::Line;
pub use self::hint::Hint;
pub use self::ledger::{Ledger, SOURCE_FINDINGS_MAX};
pub use self::messages::{ClearedMessage, Messages};
pub use self::passage::{Passage, Passed, UNDER_WAY, Waits};
pub use self::pump::GIVEN_OUT_BYTES;
use self::pump::{Pieces, Soon, empty, pump, take_all, take_soon};
pub use self::reading::{Reading, ReadingCell, write_verdict};
use self::sieve::Sieve;
use self::source::{Linger, Pace, Source};
pub use self::spool::SpoolRoom;
pub use self::uploads::Uploads;
use crate::budget::{Holder, Share};
use crate::config::Limits;
use crate::drain::Drain;
use crate::error::{Error, Kind};
use crate::http::body::BodyError;
use crate::live::Cut;
use crate::stop::Stop;

/// Bodies that say they are no longer than this are read whole before any of it is sent, where they come
/// at once: no task runs beside the request for them, what is found in one is refused before a byte has
/// left, and what an upstream did not take can be sent again.
const SHORT_BYTES_MAX: u64 = 16 * 1024;
/// How long a short body is waited for before it is sent as it comes.
const SHORT_WAIT: Duration = Duration::from_millis(10);

/// A head and body that may leave.
#[derive(Debug)]
pub struct Cleared<H> {
    head: H,
    body: ClearedBody,
}

/// Proof that a head's request line and headers were read.
#[derive(Debug)]
pub struct HeadRead(());

/// Reads bodies and heads under a ruling. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Content {
    room: SpoolRoom,
    body_idle: Duration,
    grpc_idle: Duration,
    body_timeout: Option<Duration>,
    body_bytes_per_second_min: u64,
    receiver_idle: Duration,
    linger: Linger,
    uploads: Uploads,
}

/// Where one exchange's reading is kept and its released bytes are counted.
#[derive(Clone, Debug)]
pub struct Meters {
    /// What reading found.
    pub cell: ReadingCell,
    /// Body bytes that came in.
    pub received: Tally,
    /// What left.
    pub released: Released,
    /// Ends the exchange from outside: from then on nothing is read or released.
    pub cut: Cut,
    /// Whose what is held in memory is.
    pub holder: Holder,
}

impl Default for Meters {
    fn default() -> Self {
        let cut = Cut::default();
        let (cell, received) = (ReadingCell::default(), Tally::default());
        let released = Released::until(&cut);
        Self { cell, received, released, cut, holder: Holder::default() }
    }
}

impl Meters {
    /// For what comes the other way in the same exchange: read into the same reading, counted apart.
    #[must_use]
    pub fn other_way(&self) -> Self {
        let (cell, cut) = (self.cell.other_way(), self.cut.clone());
        let released = Released::until(&cut);
        Self { cell, received: Tally::default(), released, cut, holder: self.holder }
    }
}

impl<H> Cleared<H> {
    /// Head and body, for the writer that sends them.
    pub fn into_parts(self) -> (H, ClearedBody) {
        (self.head, self.body)
    }
}

impl Content {
    /// Holds in `room`, and waits and lingers as `limits` say.
    pub fn new(room: SpoolRoom, limits: &Limits) -> Self {
        Self {
            room,
            body_idle: limits.body_idle,
            grpc_idle: limits.grpc_idle,
            body_timeout: limits.body_timeout,
            body_bytes_per_second_min: limits.body_bytes_per_second_min,
            receiver_idle: limits.response_timeout,
            linger: Linger { bytes_max: limits.linger_bytes_max, timeout: limits.linger_timeout },
            uploads: Uploads::new(limits.uploads_max, limits.upload_idle, limits.part_wait),
        }
    }

    /// The bytes of bodies that the process may keep in memory, for who keeps some of its own as
    /// `holder`.
    pub fn memory(&self, holder: Holder) -> Share {
        self.room.memory(holder)
    }

    /// Takes a short body whole, for who must know it before any of it is read: paced as one that is held,
    /// in memory that is counted as long as the share is kept.
    ///
    /// # Errors
    /// It is longer than `bytes_max` or does not arrive, or no memory is left for it.
    pub async fn take_whole<B>(
        &self,
        body: B,
        meters: &Meters,
        bytes_max: usize,
    ) -> Result<(Bytes, Share), Stop>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BodyError>,
    {
        let mut source = self.source(body, &meters.cut);
        source.pace = Some(self.pace());
        let (mut whole, mut memory) = (BytesMut::new(), self.memory(meters.holder));
        while let Some(frame) = source.next().await? {
            let Some(data) = frame.data_ref() else { continue };
            if whole.len() + data.len() > bytes_max {
                let what = format!("a body of this kind may have {bytes_max} bytes");
                return Err(Error::new(Kind::Malformed, what).into());
            }
            if !memory.try_grow(data.len()) {
                return Err(Kind::BufferedBytesMax.into());
            }
            whole.extend_from_slice(data);
        }
        Ok((whole.freeze(), memory))
    }

    /// Reads and forgets what a refused client is still sending, so that it reads our answer
    /// instead of a reset. Bounded in bytes and time.
    pub fn linger<B>(&self, body: B, drain: &Drain)
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BodyError>,
    {
        if !body.is_end_stream() {
            drain.spawn(self.source(body, &Cut::default()).linger(self.linger));
        }
    }

    /// Reads a head: what its line says and all headers.
    ///
    /// # Errors
    /// The verdict that stops the exchange.
    pub fn read_head(
        &self,
        ruling: &Ruling,
        line: Line<'_>,
        headers: &HeaderMap,
        cell: &ReadingCell,
    ) -> Result<HeadRead, Box<Verdict>> {
        // An exemption covers the body; names and headers are read all the same.
        if ruling.profile().exempt().is_none() {
            cell.with(|reading| reading.inspected = true);
        }
        head::read_line(ruling, cell, line)?;
        head::read_headers(ruling, cell, headers)?;
        Ok(HeadRead(()))
    }

    /// Reads a body as its profile says: `hold` returns when the whole is cleared, `stream` at
    /// once, with a body that gives out what has been cleared so far; of a short one when it is there.
    ///
    /// # Errors
    /// [`Stop`] when the held body may not leave or did not arrive.
    pub async fn read_body<B>(
        &self,
        ruling: Ruling,
        hint: &Hint,
        body: B,
        (meters, drain): (&Meters, &Drain),
    ) -> Result<ClearedBody, Stop>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BodyError>,
    {
        let sieve = Sieve::new(ruling, hint, &self.room, meters);
        self.read_by(sieve, hint, body, (meters, drain)).await
    }

    /// Reads a body that is the part `number` of an upload, held until it has been read with the parts
    /// before it.
    ///
    /// # Errors
    /// As [`Content::read_body`]; also where the upload is stopped or over.
    pub async fn read_part<B>(
        &self,
        ruling: Ruling,
        (id, number): (&str, u32),
        (hint, body): (&Hint, B),
        (meters, drain): (&Meters, &Drain),
    ) -> Result<ClearedBody, Stop>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BodyError>,
    {
        if ruling.profile().exempt().is_some() {
            return self.read_body(ruling, hint, body, (meters, drain)).await;
        }
        let upload = self.uploads.open(id, meters.holder, &ruling);
        let part = (number, &hint.to_scanner());
        let turn = tokio::select! {
            turn = self.uploads.turn(&upload, part, &ruling) => turn,
            stop = meters.cut.raised() => Err(stop),
        };
        let turn = match turn {
            Ok(turn) => turn,
            Err(stop) => {
                self.linger(body, drain);
                return Err(stop);
            }
        };
        let sieve = Sieve::new(ruling, hint, &self.room, meters).in_upload(upload, turn);
        self.read_by(sieve, hint, body, (meters, drain)).await
    }

    /// The uploads under way.
    pub fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    async fn read_by<B>(
        &self,
        mut sieve: Sieve,
        hint: &Hint,
        body: B,
        (meters, drain): (&Meters, &Drain),
    ) -> Result<ClearedBody, Stop>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BodyError>,
    {
        if let Err(stop) = sieve.admit(hint.length) {
            self.linger(body, drain);
            return Err(stop);
        }
        if body.is_end_stream() {
            let finished = sieve.finish();
            sieve.write_evidence();
            finished?;
            return Ok(ClearedBody::here(VecDeque::new(), meters.released.clone()));
        }
        let mut source = self.source(body, &meters.cut);
        let is_holding = sieve.is_holding();
        if is_holding {
            source.pace = Some(self.pace());
        } else if hint.is_grpc {
            source.idle = self.grpc_idle;
        }
        let taken = if is_holding {
            take_all(&mut source, &mut sieve, None).await.map(Soon::Ended)
        } else if hint.length.is_some_and(|length| length <= SHORT_BYTES_MAX) {
            take_soon(&mut source, &mut sieve, Instant::now() + SHORT_WAIT).await
        } else {
            Ok(Soon::GoesOn)
        };
        let trailers = match taken {
            Ok(Soon::Ended(trailers)) => trailers,
            Ok(Soon::GoesOn) => {
                let (pieces, receiver) = Pieces::streamed(self.receiver_idle, meters);
                drain.spawn(pump(source, sieve, pieces, self.linger_after(meters)));
                return Ok(ClearedBody::coming(receiver, hint.length, meters.released.clone()));
            }
            Err(stop) => {
                if self.linger_after(meters).is_some() {
                    self.linger(source.body, drain);
                    return Err(stop);
                }
                return Err(of_upstream(stop));
            }
        };
        self.give(sieve, trailers, (meters, drain)).await
    }

    /// Gives out a body that has been cleared to its end.
    async fn give(
        &self,
        mut sieve: Sieve,
        trailers: Option<HeaderMap>,
        (meters, drain): (&Meters, &Drain),
    ) -> Result<ClearedBody, Stop> {
        if !sieve.is_in_memory() {
            let len = trailers.is_none().then(|| sieve.held());
            let (pieces, receiver) = Pieces::held(self.receiver_idle, meters);
            drain.spawn(empty(sieve, trailers, pieces));
            return Ok(ClearedBody::coming(receiver, len, meters.released.clone()));
        }
        let mut frames = VecDeque::new();
        while let Some(piece) = sieve.release().await? {
            frames.push_back(Frame::data(piece));
        }
        frames.extend(trailers.map(Frame::trailers));
        Ok(ClearedBody::here(frames, meters.released.clone()))
    }

    /// How long the rest of a body that is cut is read: not at all where it is an answer, whose sender is
    /// told nothing.
    fn linger_after(&self, meters: &Meters) -> Option<Linger> {
        (!meters.cell.is_answer).then_some(self.linger)
    }

    fn pace(&self) -> Pace {
        Pace::new(self.body_bytes_per_second_min, self.body_idle, Instant::now())
    }

    fn source<B>(&self, body: B, cut: &Cut) -> Source<B> {
        let deadline = self.body_timeout.map(|timeout| Instant::now() + timeout);
        Source { body, idle: self.body_idle, deadline, pace: None, cut: cut.clone() }
    }

    /// Joins a read head and a cleared body: what may leave.
    pub fn clear<H>(&self, _read: HeadRead, head: H, body: ClearedBody) -> Cleared<H> {
        Cleared { head, body }
    }
}

/// Why an answer did not come: not because of its reader.
fn of_upstream(stop: Stop) -> Stop {
    let Stop::Failed(error) = stop else { return stop };
    let kind = error.kind();
    if kind == Kind::BodyAborted {
        return Error::new(Kind::UpstreamBroken, error).into();
    }
    if kind == Kind::BodyTimeout {
        return Error::new(Kind::UpstreamTimeout, error).into();
    }
    Stop::Failed(error)
}

#[cfg(test)]
mod tests;
