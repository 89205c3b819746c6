//! A raw connection both ways: bytes through their [`Passage`], each direction ended by itself, as
//! the ends do it, and the whole by silence or age.
//!
//! Invariant: at most [`CHUNK_BYTES`] and what a passage holds are in memory for a direction. When a
//! verdict cuts the tunnel nothing more is written, and its ends are told by a reset.

mod prefixed;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

pub use self::prefixed::Prefixed;
use crate::content::{Passage, Passed, Waits};
use crate::error::{Error, Kind};
use crate::stop::Stop;

/// Bytes that are read at once.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// How long a tunnel lives.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    /// Silence in both directions that ends it.
    pub idle: Duration,
    /// Its longest life.
    pub total: Duration,
    /// Silence of a sender after which held bytes are judged as they stand.
    pub flush: Duration,
    /// Silence of a sender in the middle of a number that would be refused as a whole.
    pub hold: Duration,
}

/// Looks at what the workload sends first, before any of it leaves.
pub trait Opening {
    /// Looks at all that came so far; true once nothing more needs to be looked at.
    ///
    /// # Errors
    /// Why none of it may leave.
    fn look(&mut self, bytes: &[u8]) -> Result<bool, Stop>;
}

/// A connection whose other end can be told that what came is not the whole.
pub trait Abort {
    /// Has the connection end with a reset where it can, once it is dropped.
    fn abort(&self);
}

impl Abort for TcpStream {
    fn abort(&self) {
        // A socket that takes no option is closed all the same.
        let _best_effort = self.set_zero_linger();
    }
}

/// A connection that HTTP gave up: only its end can be seen.
impl Abort for TokioIo<Upgraded> {
    fn abort(&self) {}
}

impl<S: Abort + ?Sized> Abort for Box<S> {
    fn abort(&self) {
        (**self).abort();
    }
}

impl<S: Abort> Abort for tokio_rustls::client::TlsStream<S> {
    fn abort(&self) {
        self.get_ref().0.abort();
    }
}

impl<S: Abort> Abort for tokio_rustls::server::TlsStream<S> {
    fn abort(&self) {
        self.get_ref().0.abort();
    }
}

/// When something last moved.
#[derive(Debug)]
pub(crate) struct Activity {
    since: Instant,
    moved_ms: AtomicU64,
}

impl Activity {
    /// Something moves now.
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), moved_ms: AtomicU64::new(0) }
    }

    /// Something moves.
    pub(crate) fn note(&self) {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.store(now, Ordering::Relaxed);
    }

    /// Resolves when nothing has moved for `idle`.
    pub(crate) async fn ceased(&self, idle: Duration) {
        loop {
            let end = Duration::from_millis(self.moved_ms.load(Ordering::Relaxed)) + idle;
            if self.since.elapsed() >= end {
                return;
            }
            tokio::time::sleep_until(self.since + end).await;
        }
    }
}

/// Carries both directions until both have ended. `out` and `back` are what the workload sends and
/// what comes back; nothing of the former leaves before `opening` has seen enough.
///
/// # Errors
/// Why it ended before both sides did.
pub async fn carry<W, U>(
    workload: &mut W,
    upstream: &mut U,
    (mut out, mut back): (Passage, Passage),
    opening: &mut (impl Opening + Send),
    lifetime: Lifetime,
) -> Result<(), Stop>
where
    W: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let activity = Activity::new();
    let (mut from_workload, mut to_workload) = tokio::io::split(workload);
    let (mut from_upstream, mut to_upstream) = tokio::io::split(upstream);
    let outward = async {
        let first = first_bytes(&mut from_workload, opening, &activity).await?;
        let ends = (&mut from_workload, &mut to_upstream);
        one_way(ends, &mut out, first, (&activity, lifetime), OUTWARD).await
    };
    let homeward = async {
        let ends = (&mut from_upstream, &mut to_workload);
        one_way(ends, &mut back, Some(Bytes::new()), (&activity, lifetime), HOMEWARD).await
    };
    tokio::select! {
        ended = async { tokio::try_join!(outward, homeward) } => ended.map(|_| ()),
        () = activity.ceased(lifetime.idle) => Err(Error::new(Kind::TunnelTimeout, "limits.tunnelIdle").into()),
        () = tokio::time::sleep(lifetime.total) => {
            Err(Error::new(Kind::TunnelTimeout, "limits.tunnelTotal").into())
        }
    }
}

/// Who is at fault where reading or writing fails.
#[derive(Clone, Copy)]
struct Sides {
    reading: Kind,
    writing: Kind,
}

const OUTWARD: Sides = Sides { reading: Kind::BodyAborted, writing: Kind::UpstreamBroken };
const HOMEWARD: Sides = Sides { reading: Kind::UpstreamBroken, writing: Kind::BodyAborted };

/// What the workload says until it is clear that it may be said; None at its end.
async fn first_bytes<R>(
    reader: &mut R,
    opening: &mut impl Opening,
    activity: &Activity,
) -> Result<Option<Bytes>, Stop>
where
    R: AsyncRead + Unpin,
{
    let mut first = BytesMut::new();
    while !opening.look(&first)? {
        first.reserve(CHUNK_BYTES);
        let read = reader.read_buf(&mut first).await;
        if read.map_err(|error| Error::new(OUTWARD.reading, error))? == 0 {
            break;
        }
        activity.note();
    }
    Ok(Some(first.freeze()))
}

async fn one_way<R, W>(
    (reader, writer): (&mut R, &mut W),
    passage: &mut Passage,
    mut ready: Option<Bytes>,
    (activity, lifetime): (&Activity, Lifetime),
    sides: Sides,
) -> Result<(), Stop>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = BytesMut::new();
    loop {
        let passed = match ready.take() {
            Some(first) if !first.is_empty() => passage.take(first)?,
            Some(_) | None => {
                buffer.reserve(CHUNK_BYTES);
                let reading = reader.read_buf(&mut buffer);
                let waits = passage.waits();
                let silence = match waits {
                    Waits::No | Waits::Flush => lifetime.flush,
                    Waits::Number => lifetime.hold,
                };
                tokio::select! {
                    biased;
                    read = reading => {
                        if read.map_err(|error| Error::new(sides.reading, error))? == 0 {
                            let rest = passage.finish()?;
                            write(writer, &rest, sides).await?;
                            // A side that is gone has nothing to be told.
                            let _gone = writer.shutdown().await;
                            return Ok(());
                        }
                        activity.note();
                        passage.take(buffer.split().freeze())?
                    }
                    () = tokio::time::sleep(silence), if waits != Waits::No => match waits {
                        Waits::No | Waits::Flush => passage.flush()?,
                        Waits::Number => passage.overdue()?,
                    },
                }
            }
        };
        write(writer, &passed, sides).await?;
        activity.note();
    }
}

async fn write<W: AsyncWrite + Unpin>(
    writer: &mut W,
    passed: &Passed,
    sides: Sides,
) -> Result<(), Stop> {
    if passed.as_slice().is_empty() {
        return Ok(());
    }
    let written = async {
        writer.write_all(passed.as_slice()).await?;
        writer.flush().await
    };
    written.await.map_err(|error| Error::new(sides.writing, error).into())
}
