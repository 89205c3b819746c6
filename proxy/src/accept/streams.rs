//! The streams of one HTTP/2 connection, as far as hyper does not watch them itself: how many are
//! under way, how many were given up, and which of them nobody reads any more.
//!
//! Invariant: a stream whose receiver gives it no window ends after a limit, as a connection that
//! takes nothing does, though the connection lives on.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, watch};

use crate::drain::Drain;

tokio::task_local! {
    /// The stream whose task this is: hyper makes the task, so nothing else can tell it.
    static PULSE: Arc<Pulse>;
}

/// The streams of a connection.
#[derive(Clone, Debug)]
pub(super) struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    drain: Drain,
    /// How long a piece may wait for its receiver.
    patience: Duration,
    open: watch::Sender<usize>,
    answered: AtomicU64,
    given_up: AtomicU64,
    given_up_max: u64,
    is_flooded: Notify,
}

/// Whether the receiver of a stream's body moves.
#[derive(Debug, Default)]
struct Pulse {
    asked: AtomicU64,
    /// A piece was given out and no further one has been asked for.
    is_giving: AtomicBool,
}

/// A request that has not been answered. Dropped before it is, it was given up.
#[derive(Debug)]
pub(super) struct Unanswered(Option<Arc<Inner>>);

/// Counts a stream as open.
struct Open(Arc<Inner>);

/// A body whose receiver is watched.
#[derive(Debug)]
pub(super) struct Watched<B>(B);

impl Streams {
    /// `given_up_max` is how many more may be given up than were answered.
    pub(super) fn new(drain: Drain, patience: Duration, given_up_max: u64) -> Self {
        Self(Arc::new(Inner {
            drain,
            patience,
            open: watch::Sender::new(0),
            answered: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            given_up_max,
            is_flooded: Notify::new(),
        }))
    }

    pub(super) fn begin(&self) -> Unanswered {
        Unanswered(Some(Arc::clone(&self.0)))
    }

    /// Resolves once no stream has been open for `limit`.
    pub(super) async fn idle(&self, limit: Duration) {
        let mut open = self.0.open.subscribe();
        loop {
            // The sender is ours, so the wait cannot fail.
            drop(open.wait_for(|open| *open == 0).await);
            tokio::select! {
                () = tokio::time::sleep(limit) => return,
                _ = open.changed() => {}
            }
        }
    }

    /// Resolves once too many were given up (CVE-2023-44487, "rapid reset").
    pub(super) async fn flooded(&self) {
        self.0.is_flooded.notified().await;
    }
}

impl Unanswered {
    pub(super) fn answered(mut self) {
        if let Some(streams) = self.0.take() {
            streams.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let Some(streams) = self.0.take() else { return };
        let given_up = streams.given_up.fetch_add(1, Ordering::Relaxed) + 1;
        let answered = streams.answered.load(Ordering::Relaxed);
        if given_up > answered.saturating_add(streams.given_up_max) {
            streams.is_flooded.notify_one();
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open = open.saturating_sub(1));
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.open.send_modify(|open| *open += 1);
        let open = Open(Arc::clone(&self.0));
        let patience = self.0.patience;
        self.0.drain.spawn(async move {
            let pulse = Arc::new(Pulse::default());
            let stream = PULSE.scope(Arc::clone(&pulse), stream);
            tokio::select! {
                biased;
                () = stream => {}
                () = pulse.stopped(patience) => {
                    tracing::debug!("a stream was reset: nobody reads it");
                }
            }
            drop(open);
        });
    }
}

impl Pulse {
    /// Resolves once a piece has waited for its receiver all of `patience`.
    async fn stopped(&self, patience: Duration) {
        let mut before = None;
        loop {
            let now = self.asked.load(Ordering::Relaxed);
            if self.is_giving.load(Ordering::Relaxed) && before == Some(now) {
                return;
            }
            before = Some(now);
            tokio::time::sleep(patience).await;
        }
    }
}

impl<B> Watched<B> {
    pub(super) fn new(body: B) -> Self {
        Self(body)
    }
}

impl<B> Body for Watched<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let next = Pin::new(&mut self.0).poll_frame(context);
        // Outside of a stream's task nobody is watched.
        let _unwatched = PULSE.try_with(|pulse| {
            pulse.asked.fetch_add(1, Ordering::Relaxed);
            pulse.is_giving.store(next.is_ready(), Ordering::Relaxed);
        });
        next
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
