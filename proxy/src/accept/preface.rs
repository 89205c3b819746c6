//! Which HTTP a connection speaks: what its TLS handshake settled, else what it begins with. HTTP/2
//! by prior knowledge begins with a preface that no HTTP/1 request can begin with (RFC 9113, section
//! 3.4).

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::tunnel::Prefixed;

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

/// Finds out what `stream` speaks; `None` if it ends, or says too little for `limit`. What was looked
/// at is read again.
pub(super) async fn sniff<S: AsyncRead + Unpin>(
    mut stream: S,
    spoken: Spoken,
    limit: Duration,
) -> Option<(Prefixed<S>, Spoken)> {
    if spoken != Spoken::Either {
        return Some((Prefixed::new(Bytes::new(), stream), spoken));
    }
    let looking = look(&mut stream);
    let (spoken, seen) = tokio::time::timeout(limit, looking).await.ok()??;
    Some((Prefixed::new(seen, stream), spoken))
}

/// Reads until it differs from the preface or is all of it.
async fn look<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(Spoken, Bytes)> {
    let mut buffer = [0; PREFACE.len()];
    let mut until = 0;
    loop {
        let unread = buffer.get_mut(until..)?;
        until += stream.read(unread).await.ok().filter(|read| *read > 0)?;
        let seen = buffer.get(..until)?;
        if !PREFACE.starts_with(seen) {
            return Some((Spoken::Http1, Bytes::copy_from_slice(seen)));
        }
        if seen.len() == PREFACE.len() {
            return Some((Spoken::Http2, Bytes::copy_from_slice(seen)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::ReadBuf;

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
