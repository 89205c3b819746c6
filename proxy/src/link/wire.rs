//! A raw connection on its way over a link: counted against the link's budgets, both ways.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::budget::Share;
use super::toll::OverBudget;
use crate::content::ReadingCell;
use crate::tunnel::Abort;

/// A connection with its toll; without a share it is the connection alone.
#[derive(Debug)]
pub struct TolledWire<S> {
    stream: S,
    share: Option<Arc<Share>>,
    cell: ReadingCell,
    wait: Option<Pin<Box<Sleep>>>,
}

impl<S> TolledWire<S> {
    /// `cell` is where the verdict goes.
    pub fn new(stream: S, share: Option<Arc<Share>>, cell: &ReadingCell) -> Self {
        Self { stream, share, cell: cell.clone(), wait: None }
    }

    fn pay(&mut self, bytes: usize) -> io::Result<()> {
        let Some(share) = &self.share else { return Ok(()) };
        match share.spend(bytes) {
            Ok(wait) if wait.is_zero() => Ok(()),
            Ok(wait) => {
                self.wait = Some(Box::pin(tokio::time::sleep(wait)));
                Ok(())
            }
            Err(verdict) => {
                self.cell.with(|reading| {
                    reading.rule(&verdict);
                    reading.cut = true;
                });
                Err(io::Error::other(OverBudget(verdict)))
            }
        }
    }

    fn rest(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        Poll::Ready(())
    }
}

impl<S: Abort> Abort for TolledWire<S> {
    fn abort(&self) {
        self.stream.abort();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TolledWire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.rest(context));
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len().saturating_sub(before);
        Poll::Ready(this.pay(read))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TolledWire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, bytes))?;
        Poll::Ready(this.pay(written).map(|()| written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
