//! Requests that may come to be a WebSocket, asked upstream.

use http::{Response, StatusCode};
use policy::EgressPermit;

use crate::content::{Line, Messages, Meters};
use crate::error::{Error, Kind};
use crate::http::body::Inward;
use crate::ongoing::Ongoing;
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::upstream::{Departure, Sent};
use crate::websocket::{Bounds, Session, Upgrading};

/// An answer to the workload, and the WebSocket that follows it, if one does.
pub(super) type Answered = (Response<Inward>, Option<Box<Session>>);

/// Sends a request that may come to be a WebSocket.
pub(super) async fn send(
    rooms: &Rooms,
    ongoing: &mut Ongoing,
    (permit, departure): (EgressPermit, Departure),
    upgrading: Upgrading,
) -> Result<Result<Answered, Sent>, Stop> {
    let meters = ongoing.meters().clone();
    let (ruling, ruling_in) = (permit.ruling(), permit.ruling_in());
    let peer = permit.tls().peer().map(ToString::to_string);
    let sent = rooms.upstream.switch(permit, departure).await;
    let (mut sent, kept) = sent.map_err(|stop| stop.unless_cut(&meters))?;
    ongoing.left();
    if sent.response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Err(sent));
    }
    let server = hyper::upgrade::on(&mut sent.response);
    let (mut head, _) = sent.response.into_parts();
    ongoing.note(|record| {
        record.address = Some(sent.address.to_string());
        record.status = Some(head.status.as_u16());
        record.tls_version = sent.facts.version;
        record.tls_group = sent.facts.group;
        record.tls_peer = peer;
    });
    let agreed = upgrading.answer(&mut head)?;
    if let Some(ruling) = &ruling_in {
        rooms.content.read_head(ruling, Line::NONE, &head.headers, &meters.cell)?;
    }
    let server = server.await.map_err(|error| Error::new(Kind::UpstreamBroken, error))?;
    // What comes in is read into the same reading, but is not counted as released.
    let coming = Meters { received: ongoing.downstream().clone(), ..meters.other_way() };
    let session = Session {
        client: upgrading.into_client(),
        server,
        agreed,
        up: Messages::new(Some(ruling), &meters),
        down: Messages::new(ruling_in, &coming),
        bounds: Bounds::new(&rooms.limits),
        content: rooms.content.clone(),
        kept: Some(kept),
    };
    let response = Response::from_parts(head, bytes::Bytes::new().into());
    Ok(Ok((response, Some(Box::new(session)))))
}
