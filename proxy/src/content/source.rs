//! Where a body comes from. Every wait for it ends: by silence, by its time, or because the exchange is
//! cut.

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
    pub(super) cut: Cut,
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
        };
        match next {
            Err(_) => Err(Stop::Failed(Kind::BodyTimeout.into())),
            Ok(None) => Ok(None),
            Ok(Some(Ok(frame))) => Ok(Some(frame)),
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
