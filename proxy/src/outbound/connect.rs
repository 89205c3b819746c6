//! CONNECT: decided on its authority before `200`, then heard and read as what it speaks, or opened
//! as a raw tunnel where that is the rule.

use std::sync::Arc;

use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use policy::{ConnectFacts, Way};

use super::Outbound;
use super::opaque::{self, Tunnel};
use super::route::{self, Heading};
use crate::accept::{self, Arrival};
use crate::audit::{Kind, Outcome};
use crate::budget::cost;
use crate::content::names;
use crate::error::{self, Error};
use crate::http::body::{Inward, Recorded};
use crate::http::form::Form;
use crate::http::target::{Pinned, masked};
use crate::http::{headers, respond};
use crate::live::Facts;
use crate::ongoing::{Ongoing, printable};
use crate::stop::Stop;

/// Answers a CONNECT. The session goes on beside the connection that asked.
pub(super) async fn handle(
    outbound: Arc<Outbound>,
    mut request: Request<Incoming>,
    arrival: Arrival,
) -> Response<Recorded<Inward>> {
    let opened = outbound.rooms.open_on(Kind::Connect, &arrival);
    let mut ongoing = match opened {
        Ok(opened) => opened,
        Err(away) => return respond::turned_away(Form::Problem, &away).map(Recorded::closed),
    };
    match decide(&outbound, &mut ongoing, (&request, &arrival)).await {
        Ok((heading, tunnel)) => {
            let upgrade = hyper::upgrade::on(&mut request);
            let drain = arrival.drain.clone();
            drain.spawn(async move {
                go_on(&outbound, ongoing, upgrade, (heading, tunnel, arrival)).await;
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

/// Where the connection is headed, and the tunnel where it is to be one: so that whoever asked reads
/// in the answer that it cannot be opened.
async fn decide(
    outbound: &Outbound,
    ongoing: &mut Ongoing,
    (request, arrival): (&Request<Incoming>, &Arrival),
) -> Result<(Heading, Option<Tunnel>), Stop> {
    let seen = masked(request.uri(), printable, names::host_seen);
    ongoing.note(|record| {
        record.method = Some("CONNECT".to_owned());
        record.target = Some(seen);
    });
    let carriage = accept::carriage(request.version(), request.extensions(), request.body());
    if carriage.version >= Version::HTTP_2 {
        let rooms = &outbound.rooms;
        let memory = cost::of_stream(&rooms.limits.http2, carriage.window);
        rooms.take_memory(ongoing, memory)?;
    }
    if let Some(share) = arrival.admit()? {
        ongoing.keep_share(&share);
        let bytes = headers::head_bytes(request.method(), request.uri(), request.headers());
        share.pay(bytes).await?;
    }
    if arrival.entrance.as_ref().is_some_and(|entrance| entrance.to().is_some()) {
        let text = "this link has one target; a client has none to name by CONNECT";
        return Err(Error::new(error::Kind::Malformed, text).into());
    }
    let pinned = Pinned::from_connect(request.uri(), request.headers())
        .map_err(|what| Error::new(error::Kind::Malformed, what))?;
    let Pinned { host, port, aimed, told_by, .. } = pinned;
    let heading = Heading { host, port, aimed, told_by };
    if arrival.entrance.as_ref().is_some_and(|entrance| entrance.is_hbone()) {
        return raw(outbound, ongoing, request, heading).await;
    }
    let tunnel = admit(outbound, ongoing, &heading).await?;
    Ok((heading, tunnel))
}

/// A stream of another gateway: a raw tunnel, whatever it speaks.
async fn raw(
    outbound: &Outbound,
    ongoing: &mut Ongoing,
    request: &Request<Incoming>,
    heading: Heading,
) -> Result<(Heading, Option<Tunnel>), Stop> {
    if request.version() != Version::HTTP_2 {
        let text = "this link takes CONNECT streams of HTTP/2 alone";
        return Err(Error::new(error::Kind::Malformed, text).into());
    }
    let permit = route::tunnel(&outbound.rooms, ongoing, &heading)?;
    let tunnel = opaque::open(&outbound.rooms, ongoing, permit, &heading).await?;
    Ok((heading, Some(tunnel)))
}

/// Decides a connection to a name, and opens it where it is a raw tunnel.
pub(super) async fn admit(
    outbound: &Outbound,
    ongoing: &mut Ongoing,
    heading: &Heading,
) -> Result<Option<Tunnel>, Stop> {
    let rooms = &outbound.rooms;
    let Some(host) = &heading.host else { return Ok(None) };
    let port = heading.port;
    let facts = |source| Facts::Connect { source, host: host.clone(), port };
    let way = route::ask(rooms, ongoing, facts, |policy, source, now| {
        policy.decide_connect(&ConnectFacts { source: Some(source), host, port, now })
    })?;
    match way {
        Way::Intercept(permit) => {
            ongoing.permit(permit.verdict(), permit.policy_hash());
            Ok(None)
        }
        // Asked again as what it is, so that a swap of the policy finds it as that.
        Way::Tunnel(_) => {
            let permit = route::tunnel(rooms, ongoing, heading)?;
            opaque::open(rooms, ongoing, permit, heading).await.map(Some)
        }
    }
}

async fn go_on(
    outbound: &Arc<Outbound>,
    mut ongoing: Ongoing,
    upgrade: OnUpgrade,
    (heading, tunnel, arrival): (Heading, Option<Tunnel>, Arrival),
) {
    // The client has read its 200 already.
    let status = Some(200);
    let stream = match upgrade.await {
        Ok(upgraded) => TokioIo::new(upgraded),
        Err(error) => {
            let stop = Error::new(error::Kind::BodyAborted, error).into();
            return ongoing.stop(&stop, status);
        }
    };
    let (cut, onlooker) = (ongoing.cut().clone(), arrival.clone());
    let Some(tunnel) = tunnel else {
        let following = route::follow(outbound, ongoing, stream, (heading, arrival), status);
        return onlooker.bind(&cut, Box::pin(following)).await;
    };
    let running = opaque::run(&outbound.rooms, &mut ongoing, stream, tunnel);
    match arrival.bind(&cut, Box::pin(running)).await {
        Ok(()) => ongoing.close(Outcome::Completed),
        Err(stop) => ongoing.stop(&stop, status),
    }
}
