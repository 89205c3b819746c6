//! Egress: what the workload sends out. Four ways lead here (forward proxy, CONNECT, SOCKS5, redirected
//! connections), and all end in two rooms: `http` decides, reads, records and sends one request, `opaque`
//! a raw tunnel. `route` finds out which, and `intercept` opens TLS that is read.

mod connect;
mod heard;
mod http;
mod intercept;
mod opaque;
mod redirect;
mod route;
mod socks;
mod switch;
mod upload;

use std::net::SocketAddr;
use std::sync::Arc;

use ::http::{Method, Request, Response};
use certs::mint::InterceptCa;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::accept::{self, Arrival, Ended, Spoken};
use crate::audit::{Direction, Kind, Outcome};
use crate::error;
use crate::http::body::{Inward, Recorded};
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::tunnel::Abort;
use crate::upstream;

/// The answer to a connection that is one too many, which never gets as far as HTTP.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The outbound listener's work.
#[derive(Debug)]
pub struct Outbound {
    rooms: Arc<Rooms>,
    intercept: InterceptCa,
}

impl Outbound {
    /// `intercept` mints the leaves that the workload's TLS meets.
    pub fn new(rooms: Arc<Rooms>, intercept: InterceptCa) -> Self {
        Self { rooms, intercept }
    }

    /// Serves one connection of the forward proxy.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, arrival: Arrival) {
        let (downstream, line) = (arrival.downstream, arrival.line.clone());
        let this = Arc::clone(&self);
        let limits = (&self.rooms.limits, &self.rooms.memory);
        let ended = accept::serve(stream, Spoken::Either, limits, line, move |request| {
            Arc::clone(&this).handle(request, arrival.clone())
        })
        .await;
        self.record_malformed(ended, downstream);
    }

    /// Serves one connection of the SOCKS5 proxy.
    pub async fn serve_socks(self: Arc<Self>, stream: TcpStream, arrival: Arrival) {
        self.tend(&stream);
        socks::serve(self, stream, arrival).await;
    }

    /// Serves one connection that the kernel redirected.
    pub async fn serve_redirected(self: Arc<Self>, stream: TcpStream, arrival: Arrival) {
        self.tend(&stream);
        redirect::serve(self, stream, arrival).await;
    }

    /// Records a connection that is one too many, and that has no protocol to be answered in.
    pub fn turn_away_raw(&self, kind: Kind, downstream: SocketAddr) {
        if let Ok(ongoing) = self.rooms.open(Direction::Outbound, kind, downstream) {
            ongoing.stop(&Stop::from(error::Kind::ConnectionsMax), None);
        }
    }

    fn tend(&self, stream: &TcpStream) {
        if let Err(error) = upstream::tend(stream, self.rooms.limits.keepalive) {
            tracing::debug!(%error, "a connection takes no options");
        }
    }

    /// Answers and records a connection that is one too many.
    pub fn turn_away(&self, stream: &TcpStream, downstream: SocketAddr) {
        let stop = Stop::from(error::Kind::ConnectionsMax);
        // A client that does not take a short answer at once gets none.
        let _best_effort = stream.try_write(BUSY);
        if let Ok(ongoing) = self.rooms.open(Direction::Outbound, Kind::Http, downstream) {
            ongoing.stop(&stop, 503);
        }
    }

    /// Carries one connection of a link to the link's target, as a raw tunnel.
    pub async fn carry<S>(&self, stream: S, arrival: &Arrival)
    where
        S: AsyncRead + AsyncWrite + Abort + Unpin,
    {
        let Some(entrance) = &arrival.entrance else { return };
        let opened = self.rooms.open_on(Kind::Tunnel, arrival);
        let Ok(mut ongoing) = opened else { return stream.abort() };
        ongoing.wait_in(&arrival.drain);
        let cut = ongoing.cut().clone();
        let carrying = opaque::carry(&self.rooms, &mut ongoing, stream, entrance);
        match arrival.bind(&cut, Box::pin(carrying)).await {
            Ok(()) => ongoing.close(Outcome::Completed),
            Err(stop) => ongoing.stop(&stop, None),
        }
    }

    /// Handles one request, of the forward proxy or of a link.
    pub async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        arrival: Arrival,
    ) -> Response<Recorded<Inward>> {
        if request.method() == Method::CONNECT {
            connect::handle(self, request, arrival).await
        } else {
            http::handle(&self.rooms, request, arrival, None).await
        }
    }

    /// hyper has answered what it could not parse; the record is ours to write.
    fn record_malformed(&self, ended: Ended, downstream: SocketAddr) {
        let Ended::Malformed { status, cause } = ended else { return };
        if let Ok(ongoing) = self.rooms.open(Direction::Outbound, Kind::Http, downstream) {
            ongoing.stop(&Stop::from(cause), status);
        }
    }
}
