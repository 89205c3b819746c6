//! The bodies that may leave: what passed the sieve, what a rule exempts by name, and words of
//! our own.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{Notify, mpsc, watch};

use crate::live::Cut;

/// A body whose every byte has been cleared. Made only by `content`.
#[derive(Debug)]
pub struct ClearedBody {
    frames: Frames,
    left: Option<u64>,
    released: Released,
    _hand: Hand,
}

/// The pieces of a body that was cleared whole and is in memory, to be sent again where it was not taken.
/// It is nobody's turn to take them meanwhile.
#[derive(Debug)]
pub struct Spare {
    pieces: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
}

/// Counts bytes.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<AtomicU64>);

/// Counts the bytes that were handed to the wire, tells when the last was, and whether anybody can
/// still hand over more.
#[derive(Clone, Debug)]
pub struct Released {
    bytes: Tally,
    ended: Arc<Notify>,
    hands: Arc<watch::Sender<()>>,
    is_cut: Arc<AtomicBool>,
    cut: Cut,
}

/// Held by whoever reads or sends a body.
#[derive(Debug)]
pub(super) struct Hand(#[expect(dead_code, reason = "counted, never read")] watch::Receiver<()>);

/// The rest of a body will not come: content was found, or its source failed. The record says
/// which; the other side only sees that the body is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body was cut")]
pub struct CutOff;

/// What the reader of a body sends to its writer.
#[derive(Debug)]
pub(super) enum Piece {
    Cut,
    /// The body is whole. Said in words: a reader that dies (a panic, a runtime that shuts down)
    /// must not look like an end.
    End,
    Frame(Frame<Bytes>),
}

#[derive(Debug)]
enum Frames {
    Coming(mpsc::Receiver<Piece>),
    Here(VecDeque<Frame<Bytes>>),
}

impl ClearedBody {
    pub(super) fn here(frames: VecDeque<Frame<Bytes>>, released: Released) -> Self {
        let has_trailers = frames.iter().any(Frame::is_trailers);
        let len = frames.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum();
        if frames.is_empty() {
            released.ended.notify_one();
        }
        let (left, hand) = ((!has_trailers).then_some(len), released.hand());
        Self { frames: Frames::Here(frames), left, released, _hand: hand }
    }

    pub(super) fn coming(
        frames: mpsc::Receiver<Piece>,
        len: Option<u64>,
        released: Released,
    ) -> Self {
        let hand = released.hand();
        Self { frames: Frames::Coming(frames), left: len, released, _hand: hand }
    }

    /// The same pieces once more; none of a body that comes as it is read, or from the spool.
    pub fn spare(&self) -> Option<Spare> {
        let Frames::Here(frames) = &self.frames else { return None };
        let pieces = frames.iter().filter_map(Frame::data_ref).cloned().collect();
        let trailers = frames.iter().find_map(Frame::trailers_ref).cloned();
        Some(Spare { pieces, trailers })
    }

    /// Words of our own: a refusal's text. It holds nothing of what was read.
    pub fn own(text: Bytes) -> Self {
        let frames = if text.is_empty() { VecDeque::new() } else { [Frame::data(text)].into() };
        Self::here(frames, Released::default())
    }
}

impl Spare {
    /// The body, to be counted in `released` as often as it leaves.
    pub fn into_body(self, released: &Released) -> ClearedBody {
        let pieces = self.pieces.into_iter().map(Frame::data);
        let frames = pieces.chain(self.trailers.map(Frame::trailers)).collect();
        ClearedBody::here(frames, released.clone())
    }
}

impl Tally {
    /// Counts `bytes` more.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes so far.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Released {
    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.total()
    }

    /// Resolves when the body has been handed over whole.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Whether nothing more can be handed over: the body was sent or dropped, and nobody reads for
    /// it any more.
    pub fn is_over(&self) -> bool {
        self.hands.is_closed()
    }

    /// Resolves when [`Released::is_over`], or when nothing has moved for `silence`, or when the
    /// exchange is cut: then the rest is cut, so that nothing leaves unrecorded later.
    pub async fn over_or_cut(&self, silence: Duration) {
        tokio::select! {
            () = self.hands.closed() => {}
            () = self.stalled(silence) => self.cut_rest(),
            _ = self.cut.raised() => self.cut_rest(),
        }
    }

    /// Whether the rest of the body was cut after its answer.
    pub fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    /// Nothing more is handed over: whoever takes the next piece finds the body cut.
    pub fn cut_rest(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// Resolves when nothing has been handed over for `silence` though all of it is ready. While the
    /// body is still being read its reader knows who keeps whom waiting, and times that.
    pub async fn stalled(&self, silence: Duration) {
        let mut before = None;
        while before != Some(self.bytes()) || self.hands.receiver_count() > 1 {
            before = Some(self.bytes());
            tokio::time::sleep(silence).await;
        }
    }

    /// Nothing more is handed over once `cut` is raised.
    pub(super) fn until(cut: &Cut) -> Self {
        Self {
            bytes: Tally::default(),
            ended: Arc::default(),
            hands: Arc::new(watch::Sender::new(())),
            is_cut: Arc::default(),
            cut: cut.clone(),
        }
    }

    pub(super) fn add(&self, bytes: usize) {
        self.bytes.add(bytes);
    }

    pub(super) fn hand(&self) -> Hand {
        Hand(self.hands.subscribe())
    }
}

impl Default for Released {
    fn default() -> Self {
        Self::until(&Cut::default())
    }
}

impl Body for ClearedBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        if self.released.is_cut() || self.released.cut.withdrawn().is_some() {
            return Poll::Ready(Some(Err(CutOff)));
        }
        let next = match &mut self.frames {
            Frames::Coming(coming) => match std::task::ready!(coming.poll_recv(context)) {
                Some(Piece::Frame(frame)) => Some(Ok(frame)),
                Some(Piece::End) => {
                    self.frames = Frames::Here(VecDeque::new());
                    None
                }
                Some(Piece::Cut) | None => Some(Err(CutOff)),
            },
            Frames::Here(here) => here.pop_front().map(Ok),
        };
        if let Some(Ok(frame)) = &next
            && let Some(data) = frame.data_ref()
        {
            let len = data.len() as u64;
            self.released.bytes.add(data.len());
            self.left = self.left.map(|left| left.saturating_sub(len));
        }
        // A body of known length is not polled again after its last byte, nor one behind its trailers.
        let has_trailers = matches!(&next, Some(Ok(frame)) if frame.is_trailers());
        if next.is_none() || has_trailers || self.left == Some(0) || self.is_end_stream() {
            self.released.ended.notify_one();
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        match &self.frames {
            Frames::Coming(_) => false,
            Frames::Here(here) => here.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
