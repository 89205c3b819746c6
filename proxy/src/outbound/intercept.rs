//! Terminates the workload's TLS with a minted leaf, so that what is inside can be read.

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::Outbound;
use crate::error::{self, Error};
use crate::http::target::Pinned;
use crate::ongoing::Ongoing;
use crate::stop::Stop;

/// The handshake, with a leaf for the pinned host.
pub(super) async fn terminate<S>(
    outbound: &Outbound,
    ongoing: &mut Ongoing,
    stream: S,
    pinned: &Pinned,
) -> Result<TlsStream<S>, Stop>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let failed = |error: std::io::Error| Error::handshake(error::Kind::DownstreamTls, &error);
    let handshake = async {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(failed)?;
        let host = pinned.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let config = outbound
            .intercept
            .server_config(&host, crate::clock::now())
            .map_err(|error| Error::new(error::Kind::InterceptBroken, error))?;
        let stream = start.into_stream(config).await.map_err(failed)?;
        Ok::<_, Stop>(stream)
    };
    let limit = outbound.rooms.limits.handshake_timeout;
    let overdue = |_| Error::new(error::Kind::DownstreamTls, "limits.handshakeTimeout");
    let stream = tokio::time::timeout(limit, handshake).await.map_err(overdue)??;
    let (_, session) = stream.get_ref();
    let version = session.protocol_version().and_then(|version| version.as_str());
    ongoing.note(|record| record.downstream_tls_version = version.map(str::to_owned));
    Ok(stream)
}
