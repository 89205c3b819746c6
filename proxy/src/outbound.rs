//! Egress: what the workload sends out. `http` decides, reads, records and sends one request;
//! `connect` opens an intercepted TLS session and hands its requests to `http`.

mod connect;
mod http;

use std::net::SocketAddr;
use std::sync::Arc;

use ::http::{Method, Request, Response};
use certs::mint::InterceptCa;
use hyper::body::Incoming;
use tokio::net::TcpStream;

use crate::accept::{self, Arrival, Ended, Spoken};
use crate::audit::{Direction, Kind};
use crate::error;
use crate::http::body::{Inward, Recorded};
use crate::rooms::Rooms;
use crate::stop::Stop;

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
        let limits = &self.rooms.limits;
        let ended = accept::serve(stream, Spoken::Either, limits, line, move |request| {
            Arc::clone(&this).handle(request, arrival.clone())
        })
        .await;
        self.record_malformed(ended, downstream);
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

    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        arrival: Arrival,
    ) -> Response<Recorded<Inward>> {
        if request.method() == Method::CONNECT {
            connect::handle(self, request, arrival)
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
