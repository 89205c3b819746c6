//! A connection of which the name or the address is known, and nothing more: decided as far as that
//! goes, heard where what it speaks makes a difference, and then intercepted, served or tunnelled.
//!
//! One name: what the handshake or the request names is what was asked for, or nothing goes on.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use policy::{ConnectFacts, EgressPermit, Host, Policy, Refusal, TunnelFacts, Verdict, Way, code};
use spiffe::SpiffeId;
use tokio::io::{AsyncRead, AsyncWrite};

use super::heard::{Speaks, hear};
use super::{Outbound, intercept, opaque};
use crate::accept::{self, Arrival, Spoken};
use crate::audit::Outcome;
use crate::content::names;
use crate::detect::client_hello::ClientHello;
use crate::http::target::{Pinned, Scheme, ToldBy};
use crate::live::{Cut, Facts};
use crate::ongoing::Ongoing;
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::tunnel::Abort;

/// Where a connection is headed.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    /// The name, where whoever asked for the connection gave one.
    pub(super) host: Option<Host>,
    pub(super) port: u16,
    /// The address that a redirected connection was aimed at.
    pub(super) aimed: Option<IpAddr>,
    pub(super) told_by: ToldBy,
}

/// Follows a connection to its end. `status` is what an HTTP client was told already.
pub(super) async fn follow<S>(
    outbound: &Arc<Outbound>,
    mut ongoing: Ongoing,
    stream: S,
    (heading, arrival): (Heading, Arrival),
    status: Option<u16>,
) where
    S: AsyncRead + AsyncWrite + Abort + Send + Unpin + 'static,
{
    match take(outbound, &mut ongoing, stream, heading, arrival).await {
        Ok(outcome) => ongoing.close(outcome),
        Err(stop) => ongoing.stop(&stop, status),
    }
}

async fn take<S>(
    outbound: &Arc<Outbound>,
    ongoing: &mut Ongoing,
    stream: S,
    heading: Heading,
    arrival: Arrival,
) -> Result<Outcome, Stop>
where
    S: AsyncRead + AsyncWrite + Abort + Send + Unpin + 'static,
{
    let rooms = &outbound.rooms;
    let cut = ongoing.cut().clone();
    let (speaks, stream) = unless_cut(&cut, hear(stream, rooms.limits.detect_timeout)).await?;
    match speaks {
        Speaks::Tls(hello) => {
            ongoing.note(|record| record.sni = hello.server_name.as_deref().map(names::host_seen));
            let (host, permit) = named(rooms, ongoing, &heading, &hello)?;
            if let Some(permit) = permit {
                let tunnel = opaque::open(rooms, ongoing, permit, &heading).await?;
                opaque::run(rooms, ongoing, stream, tunnel).await?;
                return Ok(Outcome::Completed);
            }
            let told_by = match heading.host {
                Some(_) => heading.told_by,
                None => ToldBy::ServerName,
            };
            let Heading { port, aimed, .. } = heading;
            let pinned = Pinned { scheme: Scheme::Https, host: Some(host), port, aimed, told_by };
            let terminating = intercept::terminate(outbound, ongoing, stream, &pinned);
            let stream = unless_cut(&cut, terminating).await?;
            let spoken = Spoken::by_alpn(stream.get_ref().1.alpn_protocol());
            Ok(serve(outbound, ongoing, (stream, spoken), (pinned, arrival)).await)
        }
        Speaks::Http => {
            let Heading { host, port, aimed, told_by } = heading;
            let pinned = Pinned { scheme: Scheme::Http, host, port, aimed, told_by };
            Ok(serve(outbound, ongoing, (stream, Spoken::Either), (pinned, arrival)).await)
        }
        Speaks::Opaque | Speaks::Silent => {
            let permit = tunnel(rooms, ongoing, &heading).map_err(|refusal| {
                let mut verdict = refusal.verdict;
                verdict.reason.text = match speaks {
                    Speaks::Silent => {
                        format!("nothing came for limits.detectTimeout: {}", verdict.reason.text)
                    }
                    Speaks::Http | Speaks::Opaque | Speaks::Tls(_) => {
                        format!("this is neither TLS nor HTTP: {}", verdict.reason.text)
                    }
                };
                Stop::Refused(Box::new(verdict))
            })?;
            let tunnel = opaque::open(rooms, ongoing, permit, &heading).await?;
            opaque::run(rooms, ongoing, stream, tunnel).await?;
            Ok(Outcome::Completed)
        }
    }
}

/// Does the work unless the exchange is cut meanwhile.
pub(super) async fn unless_cut<T>(
    cut: &Cut,
    work: impl Future<Output = Result<T, Stop>>,
) -> Result<T, Stop> {
    tokio::select! {
        biased;
        done = work => done,
        stop = cut.raised() => Err(stop),
    }
}

/// Serves the requests of a connection; each takes a place and has a record of its own.
async fn serve<S>(
    outbound: &Arc<Outbound>,
    ongoing: &mut Ongoing,
    (stream, spoken): (S, Spoken),
    (pinned, mut arrival): (Pinned, Arrival),
) -> Outcome
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    ongoing.give_up_place();
    let rooms = Arc::clone(&outbound.rooms);
    let downstream = arrival.downstream;
    let cut = ongoing.cut().clone();
    // Withdrawn, the session ends as its requests do, each with an answer.
    arrival.line = arrival.line.inner(&cut);
    ongoing.carried_by(&arrival.line, true);
    let (line, onlooker) = (arrival.line.clone(), arrival.clone());
    let limits = (&outbound.rooms.limits, &outbound.rooms.memory);
    let serving = accept::serve(stream, spoken, limits, line, move |request| {
        let (rooms, arrival, pinned) = (Arc::clone(&rooms), arrival.clone(), pinned.clone());
        async move { super::http::handle(&rooms, request, arrival, Some(&pinned)).await }
    });
    let ended = onlooker.bind(onlooker.line.cut(), Box::pin(serving)).await;
    outbound.record_malformed(ended, downstream);
    if cut.withdrawn().is_some() { Outcome::Cut } else { Outcome::Completed }
}

/// The host of a TLS connection, and the permit where it goes on as a raw tunnel.
fn named(
    rooms: &Rooms,
    ongoing: &mut Ongoing,
    heading: &Heading,
    hello: &ClientHello,
) -> Result<(Host, Option<EgressPermit>), Stop> {
    if let Some(host) = &heading.host {
        check_name(host, heading.told_by, hello)?;
        return Ok((host.clone(), None));
    }
    if hello.offers_ech {
        return Err(hidden());
    }
    let address = heading.aimed.map(|address| Host::from_ip(address.to_canonical()));
    let host = match hello.server_name.as_deref().map(Host::parse) {
        Some(Ok(host)) => Some(host),
        Some(Err(_)) => return Err(refused("sni-invalid", "the TLS handshake names no host name")),
        None => None,
    };
    let is_named = host.is_some();
    let Some(host) = host.or(address) else { return Err(unnamed(heading.told_by)) };
    let port = heading.port;
    let facts = |source| Facts::Connect { source, host: host.clone(), port };
    let decided = ask(rooms, ongoing, facts, |policy, source, now| {
        policy.decide_connect(&ConnectFacts { source: Some(source), host: &host, port, now })
    });
    match decided {
        Ok(Way::Intercept(permit)) => {
            ongoing.permit(permit.verdict(), permit.policy_hash());
            Ok((host, None))
        }
        Ok(Way::Tunnel(_)) => {
            let heading = Heading { host: Some(host.clone()), ..heading.clone() };
            let permit = tunnel(rooms, ongoing, &heading)?;
            Ok((host, Some(permit)))
        }
        Err(refusal) if !is_named && refusal.code() == code::HOST_NOT_LISTED => {
            Err(unnamed(heading.told_by))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// The permit of a raw tunnel.
pub(super) fn tunnel(
    rooms: &Rooms,
    ongoing: &mut Ongoing,
    heading: &Heading,
) -> Result<EgressPermit, Refusal> {
    let Heading { host, aimed: address, port, .. } = heading.clone();
    let facts = |source| Facts::Tunnel { source, host, address, port };
    ask(rooms, ongoing, facts, |policy, source, now| {
        policy.decide_tunnel(&TunnelFacts {
            source: Some(source),
            host: heading.host.as_ref(),
            address: heading.aimed,
            port: heading.port,
            now,
        })
    })
}

/// Asks the policy in force, as the peer or as ourselves, and notes which one answered. A swap of the policy asks again
/// by the `facts`.
pub(super) fn ask<T>(
    rooms: &Rooms,
    ongoing: &mut Ongoing,
    facts: impl FnOnce(SpiffeId) -> Facts,
    question: impl FnOnce(&Policy, &SpiffeId, Timestamp) -> T,
) -> T {
    let identity = rooms.identity.load();
    let source = ongoing.asks_as().unwrap_or(identity.id()).clone();
    ongoing.enrol(&rooms.live, facts(source.clone()));
    let policy = rooms.policy.load();
    ongoing.note(|record| {
        record.source = Some(source.to_string());
        record.policy = Some(policy.hash().to_string());
    });
    question(&policy, &source, crate::clock::now())
}

/// One name: the SNI is the host that was asked for (RFC 6066, section 3: never an address).
pub(super) fn check_name(host: &Host, told_by: ToldBy, hello: &ClientHello) -> Result<(), Stop> {
    match hello.server_name.as_deref().map(Host::parse) {
        None if host.ip().is_some() => Ok(()),
        Some(Ok(named)) if named == *host => Ok(()),
        None => Err(unnamed(told_by)),
        Some(_) => Err(refused(
            "sni-mismatch",
            &format!("the TLS handshake names another server than the {}", told_by.name()),
        )),
    }
}

fn unnamed(told_by: ToldBy) -> Stop {
    let told_by = told_by.name();
    let text = match told_by {
        "original destination" => {
            "the TLS handshake names no server, and no endpoint's `hosts` list the original destination"
                .to_owned()
        }
        _ => format!("the TLS handshake names no server; the {told_by} is a name"),
    };
    refused("sni-missing", &text)
}

/// What an encrypted ClientHello is refused with, where the name in it would have to be known.
pub(super) fn hidden() -> Stop {
    let text = "the TLS handshake offers an encrypted ClientHello, so the server name in the clear \
                need not be the one that is meant";
    refused("ech-offered", text)
}

fn refused(code: &'static str, text: &str) -> Stop {
    Stop::Refused(Box::new(Verdict::block(None, code, text.to_owned())))
}

#[cfg(test)]
mod tests;
