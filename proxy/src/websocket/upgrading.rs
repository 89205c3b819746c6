//! Requests that ask to turn into a WebSocket: decided and read like any other, asked anew upstream,
//! and answered with a 101 of our own once the upstream's has been checked.

use http::{HeaderMap, Response, StatusCode, request, response};
use hyper::upgrade::OnUpgrade;
use policy::EgressPermit;

use crate::content::{Line, Messages, Meters};
use crate::error::{Error, Kind};
use crate::http::body::Inward;
use crate::http::headers;
use crate::http::websocket::handshake::{self, Asked, Asking};
use crate::ongoing::Ongoing;
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::upstream::{Departure, Sent};
use crate::websocket::{Bounds, Session};

/// A request's wish to become a WebSocket.
#[derive(Debug)]
pub(super) struct Upgrading {
    asked: Asked,
    asking: Asking,
    client: OnUpgrade,
}

impl Upgrading {
    /// What the request asks to turn into; `None` if it stays HTTP.
    ///
    /// # Errors
    /// It asks for what is not understood.
    pub(super) fn of(head: &mut request::Parts) -> Result<Option<Self>, Stop> {
        let malformed = |what| Error::new(Kind::Malformed, what);
        let Some(asked) = Asked::of(head).map_err(malformed)? else { return Ok(None) };
        let client = head.extensions.remove::<OnUpgrade>().ok_or(Kind::Malformed)?;
        let asking = Asking::new().ok_or(Kind::UpstreamIdentity)?;
        handshake::strip(&mut head.headers);
        Ok(Some(Self { asked, asking, client }))
    }

    /// Puts our own question into the head that goes on.
    pub(super) fn ask(&self, fields: &mut HeaderMap) {
        self.asking.ask(fields);
    }

    /// Checks a 101 and makes it the client's, from a head that has its hop-by-hop fields.
    ///
    /// # Errors
    /// It is no answer to what was asked.
    pub(super) fn answer(&self, head: &mut response::Parts) -> Result<(), Stop> {
        let broken = |what| Error::new(Kind::UpstreamBroken, what);
        self.asked.check(&self.asking, &head.headers).map_err(broken)?;
        headers::strip(&mut head.headers);
        head.extensions.clear();
        self.asked.answer(head);
        Ok(())
    }

    /// The client's end, once it has read its answer.
    pub(super) fn into_client(self) -> OnUpgrade {
        self.client
    }
}

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
    upgrading.answer(&mut head)?;
    if let Some(ruling) = &ruling_in {
        rooms.content.read_head(ruling, Line::NONE, &head.headers, &meters.cell)?;
    }
    let server = server.await.map_err(|error| Error::new(Kind::UpstreamBroken, error))?;
    // What comes in is read into the same reading, but is not counted as released.
    let coming = Meters { received: ongoing.downstream().clone(), ..meters.other_way() };
    let session = Session {
        client: upgrading.into_client(),
        server,
        up: Messages::new(Some(ruling), &meters),
        down: Messages::new(ruling_in, &coming),
        bounds: Bounds::new(&rooms.limits),
        content: rooms.content.clone(),
        kept: Some(kept),
    };
    let response = Response::from_parts(head, bytes::Bytes::new().into());
    Ok(Ok((response, Some(Box::new(session)))))
}
