//! CONNECT: decided on its authority before `200`, then terminated with a minted leaf and read as
//! HTTP. The SNI must equal the authority; it may be absent only where the authority is an address.

use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use policy::{ConnectFacts, Host, Verdict, Way};
use rustls::server::Acceptor;
use tokio_rustls::LazyConfigAcceptor;

use super::Outbound;
use crate::accept::{self, Arrival, Spoken};
use crate::audit::{Direction, Kind, Outcome};
use crate::error::{self, Error};
use crate::http::body::{Inward, Recorded};
use crate::http::respond;
use crate::http::target::{Pinned, masked};
use crate::live::Facts;
use crate::ongoing::{Ongoing, printable};
use crate::stop::Stop;

/// Answers a CONNECT. The session goes on beside the connection that asked.
pub(super) fn handle(
    outbound: Arc<Outbound>,
    mut request: Request<Incoming>,
    arrival: Arrival,
) -> Response<Recorded<Inward>> {
    let opened = outbound.rooms.open(Direction::Outbound, Kind::Connect, arrival.downstream);
    let mut ongoing = match opened {
        Ok(opened) => opened,
        Err(stop) => return respond::problem(&stop, None).map(Recorded::closed),
    };
    match decide(&outbound, &mut ongoing, &request) {
        Ok(pinned) => {
            let upgrade = hyper::upgrade::on(&mut request);
            let drain = arrival.drain.clone();
            drain.spawn(async move {
                intercept(&outbound, ongoing, upgrade, (pinned, arrival)).await;
            });
            Response::new(Recorded::closed(bytes::Bytes::new().into()))
        }
        Err(stop) => {
            let response = respond::problem(&stop, Some(ongoing.id()));
            ongoing.stop(&stop, response.status().as_u16());
            response.map(Recorded::closed)
        }
    }
}

fn decide(
    outbound: &Outbound,
    ongoing: &mut Ongoing,
    request: &Request<Incoming>,
) -> Result<Pinned, Stop> {
    let seen = masked(request.uri(), printable);
    ongoing.note(|record| {
        record.method = Some("CONNECT".to_owned());
        record.target = Some(seen);
    });
    let pinned = Pinned::from_connect(request.uri(), request.headers())
        .map_err(|what| Error::new(error::Kind::Malformed, what))?;
    let rooms = &outbound.rooms;
    let identity = rooms.identity.load();
    let (source, host) = (identity.id().clone(), pinned.host.clone());
    ongoing.enrol(&rooms.live, Facts::Connect { source, host, port: pinned.port });
    let policy = rooms.policy.load();
    let hash = policy.hash().to_string();
    ongoing.note(|record| {
        record.source = Some(identity.id().to_string());
        record.policy = Some(hash.clone());
    });
    let way = policy.decide_connect(&ConnectFacts {
        source: Some(identity.id()),
        host: &pinned.host,
        port: pinned.port,
        now: crate::clock::now(),
    })?;
    ongoing.permit(way.verdict(), &hash);
    match way {
        Way::Intercept(_) => Ok(pinned),
        Way::Tunnel(_) => {
            Err(Error::new(error::Kind::Malformed, "raw tunnels are not supported yet").into())
        }
    }
}

/// Terminates the workload's TLS and serves the requests inside.
async fn intercept(
    outbound: &Arc<Outbound>,
    mut ongoing: Ongoing,
    upgrade: OnUpgrade,
    (pinned, mut arrival): (Pinned, Arrival),
) {
    let cut = ongoing.cut().clone();
    let terminated = tokio::select! {
        biased;
        terminated = terminate(outbound, &mut ongoing, upgrade, &pinned) => terminated,
        stop = cut.raised() => Err(stop),
    };
    let stream = match terminated {
        Ok(stream) => stream,
        // The client has read its 200 already.
        Err(stop) => return ongoing.stop(&stop, 200),
    };
    // The requests inside take places of their own.
    ongoing.give_up_place();
    let rooms = Arc::clone(&outbound.rooms);
    let downstream = arrival.downstream;
    // Withdrawn, the session ends as its requests do, each with an answer.
    arrival.line = arrival.line.inner(&cut);
    ongoing.carried_by(&arrival.line, true);
    let line = arrival.line.clone();
    let spoken = Spoken::by_alpn(stream.get_ref().1.alpn_protocol());
    let ended = accept::serve(stream, spoken, &outbound.rooms.limits, line, move |request| {
        let (rooms, arrival, pinned) = (Arc::clone(&rooms), arrival.clone(), pinned.clone());
        async move { super::http::handle(&rooms, request, arrival, Some(&pinned)).await }
    })
    .await;
    outbound.record_malformed(ended, downstream);
    let is_cut = cut.withdrawn().is_some();
    ongoing.close(if is_cut { Outcome::Cut } else { Outcome::Completed });
}

type Terminated = tokio_rustls::server::TlsStream<TokioIo<hyper::upgrade::Upgraded>>;

async fn terminate(
    outbound: &Outbound,
    ongoing: &mut Ongoing,
    upgrade: OnUpgrade,
    pinned: &Pinned,
) -> Result<Terminated, Stop> {
    let failed = |error: std::io::Error| Error::handshake(error::Kind::DownstreamTls, &error);
    let handshake = async {
        let upgraded = upgrade.await.map_err(|error| failed(std::io::Error::other(error)))?;
        let stream = TokioIo::new(upgraded);
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(failed)?;
        let sni = start.client_hello().server_name().map(str::to_owned);
        ongoing.note(|record| record.sni = sni.as_deref().map(printable));
        check_sni(pinned, sni.as_deref())?;
        let config = outbound
            .intercept
            .server_config(&pinned.host.to_string(), crate::clock::now())
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

/// One name: the SNI is the CONNECT authority (RFC 6066, section 3: never an address).
fn check_sni(pinned: &Pinned, sni: Option<&str>) -> Result<(), Stop> {
    let (code, text) = match sni.map(Host::parse) {
        None if pinned.host.ip().is_some() => return Ok(()),
        Some(Ok(host)) if host == pinned.host => return Ok(()),
        None => {
            ("sni-missing", "the TLS handshake names no server; the CONNECT authority is a name")
        }
        Some(_) => {
            ("sni-mismatch", "the TLS handshake names another server than the CONNECT authority")
        }
    };
    Err(Stop::Refused(Box::new(Verdict::block(None, code, text.to_owned()))))
}

#[cfg(test)]
mod tests;
