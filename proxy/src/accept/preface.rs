//! Which HTTP a connection speaks: what its TLS handshake settled, else what it begins with. HTTP/2
//! by prior knowledge begins with a preface that no HTTP/1 request can begin with (RFC 9113, section
//! 3.4).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is known of a connection's version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// Nothing was settled: the first bytes tell.
    Either,
    /// HTTP/1.1 (or 1.0).
    Http1,
    /// HTTP/2.
    Http2,
}

impl Spoken {
    /// What ALPN settled (RFC 7301); a client that offers none may speak either.
    pub fn by_alpn(protocol: Option<&[u8]>) -> Self {
        match protocol {
            Some(protocol) if protocol == certs::tls::ALPN_HTTP2 => Self::Http2,
            Some(_) => Self::Http1,
            None => Self::Either,
        }
    }
}

/// A stream whose first bytes have been looked at and are read again.
#[derive(Debug)]
pub(super) struct Rewound<S> {
    stream: S,
    seen: [u8; PREFACE.len()],
    /// Where of `seen` is still to be read.
    from: usize,
    until: usize,
}

/// Finds out what `stream` speaks; `None` if it ends, or says too little for `limit`.
pub(super) async fn sniff<S: AsyncRead + Unpin>(
    stream: S,
    spoken: Spoken,
    limit: Duration,
) -> Option<(Rewound<S>, Spoken)> {
    let mut rewound = Rewound { stream, seen: [0; PREFACE.len()], from: 0, until: 0 };
    if spoken != Spoken::Either {
        return Some((rewound, spoken));
    }
    let spoken = tokio::time::timeout(limit, rewound.look()).await.ok()??;
    Some((rewound, spoken))
}

impl<S: AsyncRead + Unpin> Rewound<S> {
    /// Reads until it differs from the preface or is all of it.
    async fn look(&mut self) -> Option<Spoken> {
        loop {
            let unread = self.seen.get_mut(self.until..)?;
            let read = self.stream.read(unread).await.ok().filter(|read| *read > 0)?;
            self.until += read;
            let seen = self.seen.get(..self.until)?;
            if !PREFACE.starts_with(seen) {
                return Some(Spoken::Http1);
            }
            if seen.len() == PREFACE.len() {
                return Some(Spoken::Http2);
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match this.seen.get(this.from..this.until).filter(|unread| !unread.is_empty()) {
            None => Pin::new(&mut this.stream).poll_read(context, buffer),
            Some(unread) => {
                let part = unread.get(..buffer.remaining()).unwrap_or(unread);
                buffer.put_slice(part);
                this.from += part.len();
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn sniffed(pieces: &[&[u8]]) -> Option<(Spoken, Vec<u8>)> {
        let mut builder = tokio_test_stream(pieces);
        let (mut stream, spoken) =
            sniff(&mut builder, Spoken::Either, Duration::from_secs(5)).await?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        Some((spoken, all))
    }

    /// Gives out one piece for each read.
    struct PieceWise(std::collections::VecDeque<Vec<u8>>);

    fn tokio_test_stream(pieces: &[&[u8]]) -> PieceWise {
        PieceWise(pieces.iter().map(|piece| piece.to_vec()).collect())
    }

    impl AsyncRead for PieceWise {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.0.pop_front() {
                let rest = piece.split_off(piece.len().min(buffer.remaining()));
                buffer.put_slice(&piece);
                if !rest.is_empty() {
                    self.0.push_front(rest);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn the_first_bytes_tell_and_are_read_again() {
        for (pieces, spoken) in [
            (&[&PREFACE[..], b"rest"][..], Spoken::Http2),
            (&[b"P", b"RI * HTT", b"P/2.0\r\n\r\nSM\r\n\r", b"\nrest"], Spoken::Http2),
            (&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r", b"rest"], Spoken::Http1),
            (&[b"P", b"U", b"T / HTTP/1.1\r\n\r\n"], Spoken::Http1),
            (&[b"GET http://a.example/ HTTP/1.1\r\n\r\n"], Spoken::Http1),
            (&[b"\x16\x03\x01"], Spoken::Http1),
        ] {
            assert_eq!(sniffed(pieces).await, Some((spoken, pieces.concat())), "{pieces:?}");
        }
        assert_eq!(sniffed(&[]).await, None);
        assert_eq!(sniffed(&[b"PRI "]).await, None);
    }
}
