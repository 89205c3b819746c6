//! Where a body comes from. Every wait for it ends: by silence, by its time, because it comes too slowly
//! to be waited for, or because the exchange is cut.

use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::error::{Error, Kind};
use crate::http::body::BodyError;
use crate::link::OverBudget;
use crate::live::Cut;
use crate::stop::Stop;

/// How long, and how much of, a refused body is still read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linger {
    pub(super) bytes_max: u64,
    pub(super) timeout: Duration,
}

/// A body as it comes, and how long it may take.
pub(super) struct Source<B> {
    pub(super) body: B,
    pub(super) idle: Duration,
    pub(super) deadline: Option<Instant>,
    /// For a body that is held: nobody but its sender keeps it waiting.
    pub(super) pace: Option<Pace>,
    pub(super) cut: Cut,
}

/// By when more of a body must have come: it has a while to begin with, and each byte buys some time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    by: Instant,
    bytes_per_second: u64,
}

impl Pace {
    /// From `now` on, with `grace` to begin with.
    pub(super) fn new(bytes_per_second: u64, grace: Duration, now: Instant) -> Self {
        Self { by: now + grace, bytes_per_second: bytes_per_second.max(1) }
    }

    fn came(&mut self, bytes: usize) {
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / self.bytes_per_second;
        self.by += Duration::from_nanos(nanos);
    }
}

impl<B> Source<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    /// The next frame; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Frame<Bytes>>, Stop> {
        // hyper does not tell the end of a body whose answer is out already before the next head
        // comes; a body of known length knows it by itself.
        if self.body.is_end_stream() {
            return Ok(None);
        }
        self.cut.check()?;
        let next = tokio::select! {
            biased;
            next = tokio::time::timeout(self.idle, self.body.frame()) => next,
            stop = self.cut.raised() => return Err(stop),
            () = reach(self.deadline) => {
                return Err(Error::new(Kind::BodyTimeout, "limits.bodyTimeout").into());
            }
            () = reach(self.pace.map(|pace| pace.by)) => {
                return Err(Error::new(Kind::BodyTimeout, "limits.bodyBytesPerSecondMin").into());
            }
        };
        match next {
            Err(_) => Err(Stop::Failed(Kind::BodyTimeout.into())),
            Ok(None) => Ok(None),
            Ok(Some(Ok(frame))) => {
                if let (Some(pace), Some(data)) = (&mut self.pace, frame.data_ref()) {
                    pace.came(data.len());
                }
                Ok(Some(frame))
            }
            Ok(Some(Err(error))) => Err(broken(error.into())),
        }
    }

    /// Reads on for nobody, so that whoever sends reads our answer instead of a reset.
    pub(super) async fn linger(mut self, linger: Linger) {
        let reading = async {
            let mut left = linger.bytes_max;
            while let Ok(Some(frame)) = self.next().await {
                let len = frame.data_ref().map_or(0, |data| data.len() as u64);
                match left.checked_sub(len) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        };
        // Whether it ended or ran out of time, nobody reads on.
        let _ended = tokio::time::timeout(linger.timeout, reading).await;
    }
}

/// Why a body broke off: its client, or a budget of the link that it came over.
fn broken(error: BodyError) -> Stop {
    match error.downcast::<OverBudget>() {
        Ok(over) => Stop::Refused(over.0),
        Err(error) => Stop::Failed(Error::new(Kind::BodyAborted, error)),
    }
}

/// Resolves at `deadline`; never without one.
async fn reach(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
