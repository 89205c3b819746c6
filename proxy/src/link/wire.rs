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

/// Bytes that are written before they are paid for: the most by which one connection can put the others
/// of its link off at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// A connection with its toll; without a share it is the connection alone.
#[derive(Debug)]
pub struct TolledWire<S> {
    stream: S,
    share: Option<Arc<Share>>,
    cell: ReadingCell,
    reads: Wait,
    writes: Wait,
}

/// Until when one direction rests.
type Wait = Option<Pin<Box<Sleep>>>;

impl<S> TolledWire<S> {
    /// `cell` is where the verdict goes.
    pub fn new(stream: S, share: Option<Arc<Share>>, cell: &ReadingCell) -> Self {
        Self { stream, share, cell: cell.clone(), reads: None, writes: None }
    }

    /// Pays for bytes that have passed, and says how long those behind them wait.
    fn pay(&self, bytes: usize) -> io::Result<Wait> {
        let Some(share) = &self.share else { return Ok(None) };
        match share.spend(bytes) {
            Ok(wait) if wait.is_zero() => Ok(None),
            Ok(wait) => Ok(Some(Box::pin(tokio::time::sleep(wait)))),
            Err(verdict) => {
                self.cell.with(|reading| {
                    reading.rule(&verdict);
                    reading.cut = true;
                });
                Err(io::Error::other(OverBudget(verdict)))
            }
        }
    }
}

fn rest(wait: &mut Wait, context: &mut Context<'_>) -> Poll<()> {
    if let Some(sleep) = wait {
        ready!(sleep.as_mut().poll(context));
        *wait = None;
    }
    Poll::Ready(())
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
        ready!(rest(&mut this.reads, context));
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len().saturating_sub(before);
        this.reads = this.pay(read)?;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TolledWire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(rest(&mut this.writes, context));
        let piece = bytes.get(..PIECE_BYTES).filter(|_| this.share.is_some()).unwrap_or(bytes);
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, piece))?;
        this.writes = this.pay(written)?;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;
    use crate::config::{Budgets, Downstream, Link, LinkProtocol};
    use crate::link::budget::Budget;

    const RATE: u64 = 1024 * 1024;

    fn share() -> Arc<Share> {
        let budgets = Budgets { bytes_per_second_max: Some(RATE), ..Budgets::default() };
        let link = Link {
            name: Arc::from("hub"),
            listen: "127.0.0.1:1".parse().unwrap(),
            downstream: Downstream::Plaintext,
            identity: None,
            upstream_identity: None,
            to: None,
            protocol: LinkProtocol::Hbone,
            budgets,
        };
        Arc::new(Budget::new(&link)).begin().unwrap()
    }

    /// How long the bytes of a second and a half take through a toll.
    async fn pass(is_down: bool) -> Duration {
        let bytes = vec![b'x'; usize::try_from(RATE + RATE / 2).unwrap()];
        let (near, mut far) = tokio::io::duplex(2 << 20);
        let mut tolled = TolledWire::new(near, Some(share()), &ReadingCell::default());
        let begun = Instant::now();
        if is_down {
            tolled.write_all(&bytes).await.unwrap();
        } else {
            far.write_all(&bytes).await.unwrap();
            drop(far);
            let mut read = Vec::new();
            tolled.read_to_end(&mut read).await.unwrap();
            assert_eq!(read.len(), bytes.len());
        }
        begun.elapsed()
    }

    #[tokio::test]
    async fn a_rate_holds_both_ways() {
        for is_down in [false, true] {
            let took = pass(is_down).await;
            // The first second's worth passes at once.
            assert!(took > Duration::from_millis(400), "{is_down}: {took:?}");
        }
    }
}
