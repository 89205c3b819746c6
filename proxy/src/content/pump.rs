//! Moves a body from its source through the sieve to whoever sends it on: whole where it is held,
//! behind the reader where it is streamed. A body that is cut never looks whole.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Meters;
use super::body::{Piece, Released, Tally};
use super::sieve::Sieve;
use super::source::{Linger, Source};
use super::spool::SHORT_RECORD_BYTES;
use crate::error::Kind;
use crate::http::body::BodyError;
use crate::live::Cut;
use crate::stop::Stop;

/// Pieces of a released body that wait for the wire.
const PIECES_WAITING_MAX: usize = 4;
/// The same of one that comes out of a file.
const RECORDS_WAITING_MAX: usize = 1;
/// Pieces of such a body that are in memory at once: what waits, the one that is next, and the one that is
/// being written.
pub(super) const RECORDS_IN_MEMORY: usize = RECORDS_WAITING_MAX + 2;
/// What of it is in memory at once where that is short, bytes.
pub const GIVEN_OUT_BYTES: usize = RECORDS_IN_MEMORY * SHORT_RECORD_BYTES;

/// How long a source may take to end once its receiver is gone.
const GONE_MAX: Duration = Duration::from_secs(1);

/// The way of a released body to its receiver, who may take nothing only so long.
pub(super) struct Pieces {
    sender: mpsc::Sender<Piece>,
    idle: Duration,
    cut: Cut,
    /// Bytes that have set out, and those that have been taken.
    sent: Tally,
    released: Released,
}

impl Pieces {
    /// For a body that is sent while it is read.
    pub(super) fn streamed(idle: Duration, meters: &Meters) -> (Self, mpsc::Receiver<Piece>) {
        Self::channel(idle, meters, PIECES_WAITING_MAX)
    }

    /// For a body that has been read and comes out of a file.
    pub(super) fn held(idle: Duration, meters: &Meters) -> (Self, mpsc::Receiver<Piece>) {
        Self::channel(idle, meters, RECORDS_WAITING_MAX)
    }

    fn channel(idle: Duration, meters: &Meters, waiting: usize) -> (Self, mpsc::Receiver<Piece>) {
        let (sender, receiver) = mpsc::channel(waiting);
        let (cut, released) = (meters.cut.clone(), meters.released.clone());
        (Self { sender, idle, cut, sent: Tally::default(), released }, receiver)
    }

    /// Says that the body has ended. Who has taken all of it need not wait to be told.
    async fn end(&self) -> Result<(), Stop> {
        match self.send(Piece::End).await {
            Err(Stop::Failed(error))
                if error.kind() == Kind::ReceiverGone
                    && self.released.bytes() >= self.sent.total() =>
            {
                Ok(())
            }
            ended => ended,
        }
    }

    async fn send(&self, piece: Piece) -> Result<(), Stop> {
        self.cut.check()?;
        let sent = tokio::select! {
            biased;
            sent = tokio::time::timeout(self.idle, self.sender.send(piece)) => sent,
            stop = self.cut.raised() => return Err(stop),
        };
        match sent {
            Err(_) => Err(Kind::UpstreamTimeout.into()),
            Ok(Err(_)) => Err(Kind::ReceiverGone.into()),
            Ok(Ok(())) => Ok(()),
        }
    }
}

/// How far a body has come by some time.
pub(super) enum Soon {
    /// To its end, with these trailers.
    Ended(Option<HeaderMap>),
    /// It goes on.
    GoesOn,
}

/// Takes of a body what comes by `until`.
pub(super) async fn take_soon<B>(
    source: &mut Source<B>,
    sieve: &mut Sieve,
    until: Instant,
) -> Result<Soon, Stop>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    let taken = async {
        let mut trailers = None;
        // Nothing follows trailers.
        while trailers.is_none() {
            // Only the wait for a frame is given up, never what is done with one.
            match tokio::time::timeout_at(until, source.next()).await {
                Err(_) => return Ok(Soon::GoesOn),
                Ok(next) => match next? {
                    Some(frame) => trailers = take_frame(frame, sieve).await?,
                    None => break,
                },
            }
        }
        sieve.finish()?;
        Ok(Soon::Ended(trailers))
    };
    let taken = taken.await;
    if !matches!(taken, Ok(Soon::GoesOn)) {
        sieve.write_evidence();
    }
    taken
}

/// Takes the whole body into the sieve and returns its trailers. With `pieces`, what is cleared is
/// sent on as it comes.
pub(super) async fn take_all<B>(
    source: &mut Source<B>,
    sieve: &mut Sieve,
    pieces: Option<&Pieces>,
) -> Result<Option<HeaderMap>, Stop>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    let result = take_frames(source, sieve, pieces).await;
    sieve.write_evidence();
    result
}

async fn take_frames<B>(
    source: &mut Source<B>,
    sieve: &mut Sieve,
    pieces: Option<&Pieces>,
) -> Result<Option<HeaderMap>, Stop>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    let mut trailers = None;
    if let Some(pieces) = pieces {
        // What was taken before anybody waited for it.
        send_cleared(sieve, pieces).await?;
    }
    while let Some(frame) = next(source, pieces).await? {
        trailers = take_frame(frame, sieve).await?.or(trailers);
        if let Some(pieces) = pieces {
            send_cleared(sieve, pieces).await?;
        }
    }
    sieve.finish()?;
    Ok(trailers)
}

/// Takes a frame into the sieve; what it gives back are trailers that may leave.
async fn take_frame(frame: Frame<Bytes>, sieve: &mut Sieve) -> Result<Option<HeaderMap>, Stop> {
    match frame.into_data() {
        Ok(data) => sieve.take(data).await?,
        Err(frame) => {
            if let Ok(mut fields) = frame.into_trailers() {
                crate::http::headers::strip_trailers(&mut fields);
                sieve.take_trailers(&fields)?;
                return Ok(Some(fields));
            }
        }
    }
    Ok(None)
}

/// The next frame for a receiver who is still there: one who is gone must not be waited for as long as
/// the source may be silent, with all that the exchange keeps.
async fn next<B>(
    source: &mut Source<B>,
    pieces: Option<&Pieces>,
) -> Result<Option<Frame<Bytes>>, Stop>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    let Some(pieces) = pieces else { return source.next().await };
    tokio::select! {
        biased;
        next = source.next() => return next,
        () = pieces.sender.closed() => {}
    }
    // Who has all of a body of known length may drop it before its sender says that it has ended.
    match tokio::time::timeout(GONE_MAX, source.next()).await {
        Ok(next) => next,
        Err(_) => Err(Kind::ReceiverGone.into()),
    }
}

/// Reads a streamed body and sends each piece as soon as it is cleared. Where it is cut, `linger` says how
/// long the rest is read.
pub(super) async fn pump<B>(
    mut source: Source<B>,
    mut sieve: Sieve,
    pieces: Pieces,
    linger: Option<Linger>,
) where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    match take_all(&mut source, &mut sieve, Some(&pieces)).await {
        Ok(trailers) => empty(sieve, trailers, pieces).await,
        Err(stop) => {
            cut(&sieve, stop, &pieces);
            // What is read from here on is for nobody.
            drop(sieve);
            let Some(linger) = linger else { return };
            (source.cut, source.deadline) = (Cut::default(), None);
            source.linger(linger).await;
        }
    }
}

/// Sends the rest of a cleared body.
pub(super) async fn empty(mut sieve: Sieve, trailers: Option<HeaderMap>, pieces: Pieces) {
    if let Err(stop) = send_rest(&mut sieve, trailers, &pieces).await {
        cut(&sieve, stop, &pieces);
    }
}

async fn send_rest(
    sieve: &mut Sieve,
    trailers: Option<HeaderMap>,
    pieces: &Pieces,
) -> Result<(), Stop> {
    send_cleared(sieve, pieces).await?;
    if let Some(trailers) = trailers {
        pieces.send(Piece::Frame(Frame::trailers(trailers))).await?;
    }
    pieces.end().await
}

async fn send_cleared(sieve: &mut Sieve, pieces: &Pieces) -> Result<(), Stop> {
    while let Some(piece) = sieve.release().await? {
        pieces.sent.add(piece.len());
        pieces.send(Piece::Frame(Frame::data(piece))).await?;
    }
    Ok(())
}

fn cut(sieve: &Sieve, stop: Stop, pieces: &Pieces) {
    match stop {
        Stop::Failed(error) => {
            tracing::info!(error = error.chain(), "a body did not end");
            sieve.write_failure(error.kind());
        }
        Stop::Refused(verdict) => {
            sieve.write_cut();
            tracing::warn!(
                code = verdict.reason.code,
                reason = verdict.reason.text,
                "a body was cut"
            );
        }
    }
    // A receiver that is gone or takes nothing finds the channel closed, which says the same.
    let _best_effort = pieces.sender.try_send(Piece::Cut);
}
