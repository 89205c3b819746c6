//! The way to the local application: the configured loopback address and no other.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::config::Limits;
use crate::drain::Drain;
use crate::error::{Error, Kind};
use crate::http::body::{Idle, Inward};
use crate::upstream::UNASKED_UPGRADE;

/// The local application.
#[derive(Clone, Debug)]
pub struct AppLink {
    address: SocketAddr,
    connect_timeout: Duration,
    response_timeout: Duration,
}

impl AppLink {
    /// The application behind `inbound.forward`.
    pub fn new(address: SocketAddr, limits: &Limits) -> Self {
        Self {
            address,
            connect_timeout: limits.connect_timeout,
            response_timeout: limits.response_timeout,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request that was authorized.
    ///
    /// # Errors
    /// `AppUnreachable` when it takes no connection, `UpstreamTimeout` when it does not answer a
    /// request within `limits.responseTimeout`, its body included, `UpstreamBroken` when it breaks off.
    pub async fn send(&self, request: Request<Inward>) -> Result<Response<Inward>, Error> {
        let stream = tokio::time::timeout(self.connect_timeout, connect(self.address))
            .await
            .map_err(|_| Error::from(Kind::AppUnreachable))?
            .map_err(|error| Error::new(Kind::AppUnreachable, error))?;
        let broken = |error| Error::new(Kind::UpstreamBroken, error);
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        Drain::spawn_background(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the application's connection ended");
            }
        });
        let sending = tokio::time::timeout(self.response_timeout, sender.send_request(request));
        let response: Response<Incoming> =
            sending.await.map_err(|_| Error::from(Kind::UpstreamTimeout))?.map_err(broken)?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::new(Kind::UpstreamBroken, UNASKED_UPGRADE));
        }
        Ok(response.map(|body| Inward::Raw(Idle::new(body, self.response_timeout))))
    }
}

#[expect(clippy::disallowed_methods, reason = "the local application is not the outside")]
async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    TcpStream::connect(address).await
}
