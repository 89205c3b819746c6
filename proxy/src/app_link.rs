//! The way to the local application: the configured loopback address and no other. gRPC goes there as
//! HTTP/2 by prior knowledge, everything else as HTTP/1.1.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response, StatusCode, Version, response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use crate::budget::cost::BUFFER_BYTES;
use crate::config::{Http2Limits, Limits};
use crate::drain::{Background, Drain};
use crate::error::{Error, Kind};
use crate::http::body::{Idle, Inward};
use crate::http::{headers, version};
use crate::upstream::UNASKED_UPGRADE;

/// What became of a request that asks to leave HTTP.
#[derive(Debug)]
pub enum Switched {
    /// The application stays with HTTP.
    Not(Response<Inward>),
    /// It goes on as something else; the head is that of its 101, with its hop-by-hop fields.
    To(response::Parts, Upgraded),
}

/// The local application.
#[derive(Clone, Debug)]
pub struct AppLink {
    address: SocketAddr,
    connect_timeout: Duration,
    response_timeout: Duration,
    grpc_idle: Duration,
    http2: Http2Limits,
}

impl AppLink {
    /// The application behind `inbound.forward`.
    pub fn new(address: SocketAddr, limits: &Limits) -> Self {
        Self {
            address,
            connect_timeout: limits.connect_timeout,
            response_timeout: limits.response_timeout,
            grpc_idle: limits.grpc_idle,
            http2: limits.http2.clone(),
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
        let stream = self.reach().await?;
        let broken = |error| Error::new(Kind::UpstreamBroken, error);
        let (mut head, body) = request.into_parts();
        let is_http2 = head.version == Version::HTTP_2 && headers::is_native_grpc(&head.headers);
        let fitted = if is_http2 {
            version::as_http2(&mut head, true)
        } else {
            version::as_http1(&mut head)
        };
        fitted.map_err(|error| Error::new(Kind::Malformed, error))?;
        let request = Request::from_parts(head, body);
        let sending = async {
            if is_http2 {
                self.send_http2(stream, request).await
            } else {
                send_http1(stream, request).await
            }
        };
        let response: Response<Incoming> = tokio::time::timeout(self.response_timeout, sending)
            .await
            .map_err(|_| Error::from(Kind::UpstreamTimeout))?
            .map_err(broken)?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::new(Kind::UpstreamBroken, UNASKED_UPGRADE));
        }
        let idle = if is_http2 { self.grpc_idle } else { self.response_timeout };
        Ok(response.map(|body| Inward::Raw(Idle::new(body, idle))))
    }

    /// Sends a request that was authorized and asks to leave HTTP, as HTTP/1.1.
    ///
    /// # Errors
    /// As [`AppLink::send`].
    pub async fn switch(&self, request: Request<Inward>) -> Result<Switched, Error> {
        let stream = self.reach().await?;
        let broken = |error| Error::new(Kind::UpstreamBroken, error);
        let (mut sender, connection) = http1().handshake(stream).await.map_err(broken)?;
        Drain::spawn_background(log_end(connection.with_upgrades()));
        let sending = sender.send_request(request);
        let answered = tokio::time::timeout(self.response_timeout, sending).await;
        let mut response =
            answered.map_err(|_| Error::from(Kind::UpstreamTimeout))?.map_err(broken)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let idle = self.response_timeout;
            return Ok(Switched::Not(response.map(|body| Inward::Raw(Idle::new(body, idle)))));
        }
        let server = hyper::upgrade::on(&mut response).await.map_err(broken)?;
        Ok(Switched::To(response.into_parts().0, server))
    }

    async fn reach(&self) -> Result<TokioIo<TcpStream>, Error> {
        let stream = tokio::time::timeout(self.connect_timeout, connect(self.address))
            .await
            .map_err(|_| Error::from(Kind::AppUnreachable))?
            .map_err(|error| Error::new(Kind::AppUnreachable, error))?;
        Ok(TokioIo::new(stream))
    }

    async fn send_http2(
        &self,
        stream: TokioIo<TcpStream>,
        request: Request<Inward>,
    ) -> hyper::Result<Response<Incoming>> {
        let (mut sender, connection) = http2::Builder::new(Background)
            .initial_stream_window_size(self.http2.stream_window)
            .initial_connection_window_size(self.http2.connection_window)
            .max_send_buf_size(self.http2.send_buffer_max)
            .timer(TokioTimer::new())
            .keep_alive_interval(self.http2.keep_alive)
            .keep_alive_timeout(self.http2.keep_alive_timeout)
            .handshake(stream)
            .await?;
        Drain::spawn_background(log_end(connection));
        sender.send_request(request).await
    }
}

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER_BYTES);
    builder
}

async fn send_http1(
    stream: TokioIo<TcpStream>,
    request: Request<Inward>,
) -> hyper::Result<Response<Incoming>> {
    let (mut sender, connection) = http1().handshake(stream).await?;
    Drain::spawn_background(log_end(connection));
    sender.send_request(request).await
}

async fn log_end(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the application's connection ended");
    }
}

#[expect(clippy::disallowed_methods, reason = "the local application is not the outside")]
async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    TcpStream::connect(address).await
}
