//! The bodies of replies. [`Recorded`] owns its exchange and closes it with the body's end, so
//! that a reply cannot be sent without a record.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::audit::Outcome;
use crate::budget::{self, Share};
use crate::content::{ClearedBody, CutOff, Tally};
use crate::http::form::{Form, grpc_trailers};
use crate::http::headers::strip_trailers;
use crate::link::Tolled;
use crate::live::Watch;
use crate::ongoing::Ongoing;
use crate::stop::Stop;

/// A body on its way in: towards the workload, or from a peer to the local application.
#[derive(Debug)]
pub enum Inward {
    /// As it comes, counted; no rule asks to read it.
    Metered(Idle, Tally),
    /// Words of our own.
    Own(Full<Bytes>),
    /// As it comes; no rule asks to read it.
    Raw(Idle),
    /// Read, because a rule's `contentIn` asks.
    Read(ClearedBody),
    /// On its way over a link.
    Tolled(Box<Tolled<Inward>>),
}

/// A body as it comes from a connection, and what its end gives free.
#[derive(Debug)]
pub struct Arriving {
    body: Incoming,
    _kept: Option<Kept>,
}

/// Such as a stream's place on its connection.
pub type Kept = Box<dyn std::fmt::Debug + Send + Sync>;

/// A body whose sender may be silent only so long.
#[derive(Debug)]
pub struct Idle {
    body: Arriving,
    limit: Duration,
    silence: Pin<Box<Sleep>>,
}

/// The sender of a body was silent for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body stalled")]
pub struct Stalled;

/// A reply's body together with the exchange that it ends.
#[derive(Debug)]
pub struct Recorded<B> {
    body: B,
    form: Form,
    ongoing: Option<Ongoing>,
    sent: Tally,
    left: Option<u64>,
    watch: Watch,
    memory: Option<Arc<Share>>,
}

/// Why a body on its way in broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

impl<B: Body> Recorded<B> {
    /// `sent` counts what goes downstream. `is_bodyless` is for replies to HEAD, whose body is
    /// never polled.
    pub fn new(body: B, ongoing: Ongoing, sent: Tally, is_bodyless: bool) -> Self {
        let left = if is_bodyless { Some(0) } else { body.size_hint().exact() };
        let (watch, memory) = (ongoing.cut().watch(), ongoing.memory().cloned());
        let (form, ongoing) = (Form::Problem, Some(ongoing));
        Self { body, form, ongoing, sent, left, watch, memory }
    }

    /// In this form a client is told that its exchange was cut after the answer's head.
    #[must_use]
    pub fn in_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// A reply whose exchange is closed already, or goes on elsewhere.
    pub fn closed(body: B) -> Self {
        let (form, sent, watch) = (Form::Problem, Tally::default(), Watch::default());
        Self { body, form, ongoing: None, sent, left: None, watch, memory: None }
    }
}

impl Arriving {
    /// Keeps `kept` until the body has ended or is dropped.
    pub fn with(body: Incoming, kept: Kept) -> Self {
        Self { body, _kept: Some(kept) }
    }
}

impl From<Incoming> for Arriving {
    fn from(body: Incoming) -> Self {
        Self { body, _kept: None }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Idle {
    /// Ends `body` with [`Stalled`] after `limit` without a frame.
    pub fn new(body: impl Into<Arriving>, limit: Duration) -> Self {
        let body = body.into();
        Self { body, limit, silence: Box::pin(tokio::time::sleep(limit)) }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(next) => {
                self.silence.as_mut().reset(Instant::now() + self.limit);
                Poll::Ready(next.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                self.silence.as_mut().poll(context).map(|()| Some(Err(Stalled.into())))
            }
        }
    }
}

impl From<Bytes> for Inward {
    fn from(text: Bytes) -> Self {
        Self::Own(Full::new(text))
    }
}

impl From<Bytes> for ClearedBody {
    fn from(text: Bytes) -> Self {
        Self::own(text)
    }
}

impl Body for Inward {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Metered(body, tally) => {
                let mut next = std::task::ready!(body.poll(context));
                if let Some(Ok(frame)) = &mut next {
                    tally.add(frame.data_ref().map_or(0, Bytes::len));
                    // Some servers merge them into the head, where an identity is ours to tell.
                    if let Some(trailers) = frame.trailers_mut() {
                        strip_trailers(trailers);
                    }
                }
                Poll::Ready(next)
            }
            Self::Own(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Raw(body) => body.poll(context),
            Self::Read(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Tolled(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Metered(body, _) | Self::Raw(body) => body.body.is_end_stream(),
            Self::Own(body) => body.is_end_stream(),
            Self::Read(body) => body.is_end_stream(),
            Self::Tolled(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Metered(body, _) | Self::Raw(body) => body.body.size_hint(),
            Self::Own(body) => body.size_hint(),
            Self::Read(body) => body.size_hint(),
            Self::Tolled(body) => body.size_hint(),
        }
    }
}

impl<B> Body for Recorded<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // Asked first: a body that always has more would never come to be cut.
        if self.ongoing.is_some() && self.watch.poll(context).is_ready() {
            if let Some(ongoing) = self.ongoing.take() {
                ongoing.close(Outcome::Cut);
            }
            return Poll::Ready(Some(Err(CutOff.into())));
        }
        let next = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        match &next {
            Some(Ok(frame)) => {
                let len = frame.data_ref().map_or(0, Bytes::len);
                self.sent.add(len);
                self.left = self.left.map(|left| left.saturating_sub(len as u64));
                // Nobody asks for an end behind trailers.
                if frame.is_trailers() {
                    self.complete();
                }
            }
            Some(Err(_)) => {
                if let Some(ongoing) = self.ongoing.take() {
                    let late = late_refusal(self.form, &ongoing);
                    ongoing.close(if late.is_some() { Outcome::Cut } else { Outcome::Failed });
                    if let Some(trailers) = late {
                        return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                    }
                }
            }
            None => self.complete(),
        }
        // The wire may take the last pieces long after the exchange has ended.
        let counted = |frame: Frame<Bytes>| match &self.memory {
            Some(memory) => frame.map_data(|piece| budget::tie(piece, memory)),
            None => frame,
        };
        Poll::Ready(next.map(|frame| frame.map(counted).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a gRPC client is told instead of the broken body when a verdict cut its exchange.
fn late_refusal(form: Form, ongoing: &Ongoing) -> Option<HeaderMap> {
    let verdict = ongoing.meters().cell.with(|reading| reading.verdict.clone());
    let verdict = verdict.filter(|verdict| form == Form::Grpc && verdict.stops())?;
    Some(grpc_trailers(&Stop::Refused(Box::new(verdict)), Some(ongoing.id())))
}

impl<B> Recorded<B> {
    fn complete(&mut self) {
        if let Some(ongoing) = self.ongoing.take() {
            ongoing.close(Outcome::Completed);
        }
    }
}

/// hyper drops a body of known length after its last byte without asking for an end.
impl<B> Drop for Recorded<B> {
    fn drop(&mut self) {
        if self.left == Some(0) {
            self.complete();
        }
        // Otherwise the exchange's own drop says that it was aborted.
    }
}
