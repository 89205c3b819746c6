//! Opens connections; the one place here that does.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Where connections go, and how.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) address: SocketAddr,
    /// TLS to the other end, and the name its certificate must prove.
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// A connection, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Route {
    /// Opens one connection.
    pub(crate) async fn open(&self) -> anyhow::Result<Box<dyn Stream>> {
        #[expect(clippy::disallowed_methods, reason = "a load generator is no egress path")]
        let tcp = TcpStream::connect(self.address)
            .await
            .with_context(|| format!("cannot connect to {}", self.address))?;
        tcp.set_nodelay(true)?;
        let Some((config, name)) = &self.tls else { return Ok(Box::new(tcp)) };
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
        let tls = connector
            .connect(name.clone(), tcp)
            .await
            .with_context(|| format!("TLS with {} failed", self.address))?;
        Ok(Box::new(tls))
    }
}
