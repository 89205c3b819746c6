//! A stream whose requests are delimited strictly before the HTTP/1 parser sees them: a head is handed
//! on when it is whole and has one reading, a body as far as it is framed well.
//!
//! Instead of a head with a fault the parser gets bytes that it must answer with 400; a body with a
//! fault breaks off. The fault itself is kept for the record.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::framing::{Fault, Framing};

/// No method begins like this, so the parser answers 400 and closes.
const NO_REQUEST: &[u8] = b"\0\r\n\r\n";

/// What was wrong with a connection's requests, once something was.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    first: Mutex<Option<Fault>>,
    is_in_head: AtomicBool,
}

/// A stream of strictly delimited requests.
#[derive(Debug)]
pub(super) struct Strict<S> {
    stream: S,
    framing: Framing,
    /// A head that is not whole.
    held: BytesMut,
    /// What may be handed on.
    ready: BytesMut,
    /// Bytes of a head at which the parser answers 431 by itself.
    head_max: usize,
    faults: Faults,
    end: Option<End>,
}

/// Nothing is read any more.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The sender has ended, or what follows a faulty head.
    Closed,
    Fault(Fault),
}

impl Faults {
    /// What was wrong, if anything was.
    pub(super) fn first(&self) -> Option<Fault> {
        *self.0.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a head has begun and is not whole.
    pub(super) fn is_in_head(&self) -> bool {
        self.0.is_in_head.load(Ordering::Relaxed)
    }

    fn note(&self, fault: Fault) {
        self.0.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
    }
}

impl<S> Strict<S> {
    /// `head_max` is the limit of the parser that reads from here.
    pub(super) fn new(stream: S, head_max: usize) -> (Self, Faults) {
        let faults = Faults::default();
        let strict = Self {
            stream,
            framing: Framing::default(),
            held: BytesMut::new(),
            ready: BytesMut::new(),
            head_max,
            faults: faults.clone(),
            end: None,
        };
        (strict, faults)
    }

    /// Sorts what was read into `out` behind `before`: bytes of a body stay there, those of a head
    /// are held.
    fn sort(&mut self, out: &mut ReadBuf<'_>, before: usize) {
        let fresh = out.filled().get(before..).unwrap_or_default();
        if fresh.is_empty() {
            // An incomplete head is the parser's to judge: it ends with its stream.
            self.ready.unsplit(self.held.split());
            self.end = Some(End::Closed);
            return;
        }
        let body = match self.framing.body(fresh) {
            Ok(body) => body,
            Err(fault) => {
                self.break_off(fault);
                return out.set_filled(before);
            }
        };
        let head = fresh.get(body..).unwrap_or_default();
        if head.is_empty() {
            return;
        }
        let is_news = self.held.is_empty() || memchr::memchr(b'\n', head).is_some();
        self.held.extend_from_slice(head);
        out.set_filled(before + body);
        if is_news {
            self.hand_on_heads();
        } else {
            self.hand_on_oversized();
        }
    }

    fn hand_on_heads(&mut self) {
        while !self.held.is_empty() && self.framing.is_at_head() {
            match self.framing.head(&self.held) {
                Ok(Some(len)) => self.ready.unsplit(self.held.split_to(len)),
                Ok(None) => return self.hand_on_oversized(),
                Err(fault) => {
                    self.faults.note(fault);
                    self.held.clear();
                    self.ready.extend_from_slice(NO_REQUEST);
                    self.end = Some(End::Closed);
                    return;
                }
            }
            match self.framing.body(&self.held) {
                Ok(len) => self.ready.unsplit(self.held.split_to(len)),
                Err(fault) => return self.break_off(fault),
            }
        }
    }

    /// A head over the limit is handed on as far as it has come, for the parser to refuse.
    fn hand_on_oversized(&mut self) {
        if self.held.len() > self.head_max {
            self.ready.unsplit(self.held.split());
            self.end = Some(End::Closed);
        }
    }

    fn break_off(&mut self, fault: Fault) {
        self.faults.note(fault);
        self.end = Some(End::Fault(fault));
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.ready.is_empty() {
                let len = this.ready.len().min(out.remaining());
                out.put_slice(this.ready.get(..len).unwrap_or_default());
                this.ready.advance(len);
                if this.ready.is_empty() {
                    // An idle connection keeps no buffer.
                    this.ready = BytesMut::new();
                }
                return Poll::Ready(Ok(()));
            }
            match this.end {
                Some(End::Closed) => return Poll::Ready(Ok(())),
                Some(End::Fault(fault)) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
                }
                None => {}
            }
            if out.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let before = out.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, out))?;
            this.sort(out, before);
            this.faults.0.is_in_head.store(!this.held.is_empty(), Ordering::Relaxed);
            if out.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
