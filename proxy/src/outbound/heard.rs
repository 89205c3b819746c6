//! Listens to a connection until it is clear what it speaks. What was heard is read again by whoever
//! takes it on.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::detect::client_hello::{self, ClientHello};
use crate::detect::{Sniffed, sniff};
use crate::error::{Error, Kind};
use crate::stop::Stop;
use crate::tunnel::Prefixed;

/// Bytes that are listened to at most: more than any ClientHello that is read takes, in records.
const HEARD_BYTES_MAX: usize = client_hello::HELLO_BYTES_MAX + 5 * client_hello::RECORDS_MAX + 1;

/// What a connection speaks.
#[derive(Debug)]
pub(super) enum Speaks {
    /// HTTP, of either version.
    Http,
    /// Neither HTTP nor TLS.
    Opaque,
    /// Nothing that tells, for `limits.detectTimeout`.
    Silent,
    /// TLS, and what its ClientHello says.
    Tls(ClientHello),
}

/// Listens at most `limit`.
pub(super) async fn hear<S>(mut stream: S, limit: Duration) -> Result<(Speaks, Prefixed<S>), Stop>
where
    S: AsyncRead + Unpin,
{
    let mut heard = BytesMut::new();
    let listened = tokio::time::timeout(limit, listen(&mut stream, &mut heard)).await;
    let speaks = match listened {
        Ok(speaks) => speaks?,
        // Of TLS that never says whom it is for nothing can be decided.
        Err(_) if sniff(&heard) == Sniffed::Tls => {
            return Err(Error::new(Kind::DownstreamTls, "limits.detectTimeout").into());
        }
        Err(_) => Speaks::Silent,
    };
    Ok((speaks, Prefixed::new(heard.freeze(), stream)))
}

async fn listen<S>(stream: &mut S, heard: &mut BytesMut) -> Result<Speaks, Error>
where
    S: AsyncRead + Unpin,
{
    loop {
        match sniff(heard) {
            Sniffed::Http1 | Sniffed::Http2 => return Ok(Speaks::Http),
            Sniffed::Opaque => return Ok(Speaks::Opaque),
            Sniffed::NeedMore => (),
            Sniffed::Tls => match client_hello::read(heard) {
                client_hello::Read::Done(hello) => return Ok(Speaks::Tls(hello)),
                client_hello::Read::Malformed(what) => {
                    return Err(Error::new(Kind::DownstreamTls, what));
                }
                client_hello::Read::NeedMore => (),
            },
        }
        let room = HEARD_BYTES_MAX.saturating_sub(heard.len());
        let read = (&mut *stream).take(room as u64).read_buf(heard).await;
        if read.map_err(|error| Error::new(Kind::BodyAborted, error))? == 0 {
            return Ok(Speaks::Opaque);
        }
    }
}
