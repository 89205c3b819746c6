//! Peers come in through TLS 1.3 mutual TLS and reach the local application only. What the
//! application answers leaves the pod, so it passes the same gate as an upload.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, EXPECT, HOST, TE};
use http::{HeaderValue, Method, Request, Response, Uri, Version, request};
use hyper::body::Incoming;
use policy::{InboundFacts, InboundPermit, Ruling, Upgrade};
use tokio::net::TcpStream;

use crate::accept::{self, Arrival, Ended, Spoken};
use crate::app_link::{AppLink, Switched};
use crate::audit::{Direction, Kind};
use crate::budget::cost;
use crate::content::{ClearedBody, Hint, Line, Messages, Meters, names};
use crate::error::{self, Error};
use crate::http::body::{Idle, Inward, Recorded};
use crate::http::form::Form;
use crate::http::target::{InvalidTarget, Target, join_query, masked};
use crate::http::{headers, method, respond};
use crate::live::{Facts, Proof};
use crate::mutual::{Mutual, Peer};
use crate::ongoing::{Ongoing, printable};
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::websocket::{self, Bounds, Session, Upgrading};

/// An answer to a peer, and the WebSocket that follows it, if one does.
type Answered = (Response<ClearedBody>, Option<Box<Session>>);

/// The inbound listener's work.
#[derive(Debug)]
pub struct Inbound {
    rooms: Arc<Rooms>,
    app: AppLink,
    mutual: Mutual,
}

impl Inbound {
    /// Requests go to `app` and nowhere else.
    pub fn new(rooms: Arc<Rooms>, app: AppLink) -> Self {
        let identity = Arc::clone(&rooms.identity);
        let mutual = Mutual::new(identity, rooms.limits.handshake_timeout);
        Self { rooms, app, mutual }
    }

    /// Serves one peer's connection.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, mut arrival: Arrival) {
        let (downstream, line) = (arrival.downstream, arrival.line.clone());
        let identity = self.rooms.identity.load();
        let (stream, peer) = match self.mutual.accept(stream).await {
            Ok(accepted) => accepted,
            Err(error) => return self.record_failed(Kind::Handshake, error, 0, downstream),
        };
        let Some(proof) =
            stream.get_ref().1.peer_certificates().map(|chain| Proof::new(chain, None))
        else {
            return;
        };
        let seated = self.rooms.live.seat(proof, line.cut(), &self.rooms.identity);
        // A trust bundle that came into force during the handshake has not seen this connection.
        let now = self.rooms.identity.load();
        if !Arc::ptr_eq(&identity, &now) {
            seated.judge(now.bundle());
        }
        arrival.peer = Some(Arc::new(seated));
        let (this, onlooker) = (Arc::clone(&self), arrival.clone());
        let spoken = Spoken::by_alpn(stream.get_ref().1.alpn_protocol());
        let limits = (&self.rooms.limits, &self.rooms.memory);
        let serving = accept::serve(stream, spoken, limits, line, move |request| {
            Arc::clone(&this).handle(request, arrival.clone(), peer.clone())
        });
        let ended = onlooker.bind(onlooker.line.cut(), Box::pin(serving)).await;
        if let Ended::Malformed { status, cause } = ended {
            self.record_failed(Kind::Http, cause, status, downstream);
        }
    }

    /// Records a connection that is one too many; before the handshake nothing can be answered.
    pub fn turn_away(&self, downstream: SocketAddr) {
        self.record_failed(Kind::Handshake, error::Kind::ConnectionsMax.into(), 0, downstream);
    }

    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        arrival: Arrival,
        peer: Peer,
    ) -> Response<Recorded<ClearedBody>> {
        let opened = self.rooms.open(Direction::Inbound, Kind::Http, arrival.downstream);
        let (head, body) = request.into_parts();
        let form = Form::of(&head);
        let mut ongoing = match opened {
            Ok(opened) => opened,
            Err(away) => return respond::turned_away(form, &away).map(Recorded::closed),
        };
        ongoing.wait_in(&arrival.drain);
        ongoing.carried_by(&arrival.line, head.version < Version::HTTP_2);
        let is_head = head.method == Method::HEAD;
        let awaits_continue = head.headers.contains_key(EXPECT);
        let mut body = Some(body);
        let cut = ongoing.cut().clone();
        let ran = tokio::select! {
            biased;
            ran = self.run(&mut ongoing, (head, &mut body), &arrival, &peer) => ran,
            stop = cut.raised() => Err(stop),
        };
        match ran {
            Ok((response, Some(session))) => {
                let drain = arrival.drain.clone();
                drain.spawn(websocket::run(ongoing, *session, arrival));
                response.map(Recorded::closed)
            }
            Ok((response, None)) => {
                // Released bytes are metered by the cleared body itself.
                let sent = crate::content::Tally::default();
                response.map(|body| Recorded::new(body, ongoing, sent, is_head).in_form(form))
            }
            Err(stop) => {
                // As for the workload: whoever waits for `100 Continue` sends nothing more.
                if let Some(unread) = body.filter(|_| !awaits_continue) {
                    self.rooms.content.linger(unread, &arrival.drain);
                }
                let response = respond::stopped(form, &stop, Some(ongoing.id()));
                ongoing.stop(&stop, response.status().as_u16());
                response.map(Recorded::closed)
            }
        }
    }

    async fn run(
        &self,
        ongoing: &mut Ongoing,
        (head, body): (request::Parts, &mut Option<Incoming>),
        arrival: &Arrival,
        peer: &Peer,
    ) -> Result<Answered, Stop> {
        self.rooms.admit_peer(ongoing, &peer.id)?;
        self.take_memory(ongoing, &head, body.as_ref())?;
        let (path, query) = self.facts(ongoing, &head, peer)?;
        let mut head = head;
        let upgrading = Upgrading::of(&mut head)?;
        let upgrade = upgrading.as_ref().map(|_| Upgrade::WebSocket);
        let permit = self.authorize(ongoing, (&head.method, &path, upgrade), peer)?;
        let target = join_query(&path, query.as_deref());
        let is_head = head.method == Method::HEAD;
        let mut head = to_application(head, &target, peer)?;
        if permit.content().exempt().is_none() && headers::ask_for_the_whole(&mut head.headers) {
            ongoing.note(|record| record.range_removed = true);
        }
        let body = body.take().ok_or(error::Kind::Malformed)?;
        let body = match permit.ruling_in() {
            Some(ruling) => self.read_in(ruling, ongoing, (&head, &target, body), arrival).await?,
            None => {
                let limits = &self.rooms.limits;
                let is_grpc = headers::is_grpc(&head.headers);
                let idle = if is_grpc { limits.grpc_idle } else { limits.body_idle };
                let body = Idle::new(body, idle);
                Inward::Metered(body, ongoing.downstream().clone())
            }
        };
        // The answer leaves the pod, so the line is written before the application is asked.
        let _announced = ongoing.announce().await?;
        let request = Request::from_parts(head, body);
        if let Some(upgrading) = upgrading {
            return Box::pin(self.switch(ongoing, &permit, (request, upgrading), arrival)).await;
        }
        let response = self.app.send(request).await;
        let response = response.map_err(|error| Stop::from(error).unless_cut(ongoing.meters()))?;
        Ok((self.answer(ongoing, &permit, (response, is_head), arrival).await?, None))
    }

    /// Takes what the exchange may come to keep in memory.
    fn take_memory(
        &self,
        ongoing: &mut Ongoing,
        head: &request::Parts,
        body: Option<&Incoming>,
    ) -> Result<(), Stop> {
        let Some(body) = body else { return Ok(()) };
        let limits = &self.rooms.limits;
        let carriage = accept::carriage(head.version, &head.extensions, body);
        let is_http2 = headers::is_native_grpc(&head.headers);
        let window = if is_http2 { limits.http2.stream_window as usize } else { 0 };
        self.rooms.take_memory(ongoing, cost::of_exchange(limits, carriage) + window)
    }

    /// The application's answer, read before it leaves.
    async fn answer(
        &self,
        ongoing: &mut Ongoing,
        permit: &InboundPermit,
        (response, is_head): (Response<Inward>, bool),
        arrival: &Arrival,
    ) -> Result<Response<ClearedBody>, Stop> {
        let (mut head, body) = response.into_parts();
        ongoing.note(|record| record.status = Some(head.status.as_u16()));
        headers::strip(&mut head.headers);
        // The reason phrase is free text that nobody reads; the status says it all.
        head.extensions.clear();
        headers::check_answer(&head.headers)?;
        let ruling = permit.ruling();
        let meters = ongoing.meters().clone();
        let read =
            self.rooms.content.read_head(&ruling, Line::NONE, &head.headers, &meters.cell)?;
        let hint = Hint::of(&head.headers);
        let metering = (&meters, &arrival.drain);
        let body = self.rooms.content.read_body(ruling, &hint, body, metering).await?;
        if !is_head {
            head.headers.remove(CONTENT_LENGTH);
        }
        let (head, body) = self.rooms.content.clear(read, head, body).into_parts();
        Ok(Response::from_parts(head, body))
    }

    /// Sends a request that may come to be a WebSocket. What the application says leaves the pod.
    async fn switch(
        &self,
        ongoing: &mut Ongoing,
        permit: &InboundPermit,
        (mut request, upgrading): (Request<Inward>, Upgrading),
        arrival: &Arrival,
    ) -> Result<Answered, Stop> {
        upgrading.ask(request.headers_mut());
        let meters = ongoing.meters().clone();
        let switched = self.app.switch(request).await;
        let switched = switched.map_err(|error| Stop::from(error).unless_cut(&meters))?;
        let (mut head, server) = match switched {
            Switched::Not(response) => {
                let answer = self.answer(ongoing, permit, (response, false), arrival).await?;
                return Ok((answer, None));
            }
            Switched::To(head, server) => (head, server),
        };
        ongoing.left();
        ongoing.note(|record| record.status = Some(head.status.as_u16()));
        let agreed = upgrading.answer(&mut head)?;
        let ruling = permit.ruling();
        self.rooms.content.read_head(&ruling, Line::NONE, &head.headers, &meters.cell)?;
        let coming = Meters { received: ongoing.downstream().clone(), ..meters.other_way() };
        let session = Session {
            client: upgrading.into_client(),
            server,
            agreed,
            up: Messages::new(permit.ruling_in(), &coming),
            down: Messages::new(Some(ruling), &meters),
            bounds: Bounds::new(&self.rooms.limits),
            content: self.rooms.content.clone(),
            kept: None,
        };
        let response = Response::from_parts(head, bytes::Bytes::new().into());
        Ok((response, Some(Box::new(session))))
    }

    fn facts(
        &self,
        ongoing: &mut Ongoing,
        head: &request::Parts,
        peer: &Peer,
    ) -> Result<(String, Option<String>), Stop> {
        ongoing.note(|record| {
            record.source = Some(peer.id.to_string());
            record.method = Some(method::seen(&head.method));
            record.target = Some(masked(&head.uri, printable, names::host_seen));
            record.address = Some(self.app.address().to_string());
            record.downstream_tls_version.clone_from(&peer.tls_version);
            record.downstream_tls_group.clone_from(&peer.tls_group);
        });
        let malformed = |what: InvalidTarget| Error::new(error::Kind::Malformed, what);
        headers::check_size(&head.headers, &self.rooms.limits)?;
        // Also on a connection that is older than our certificate.
        if self.rooms.identity.load().not_after() <= crate::clock::now() {
            return Err(
                Error::new(error::Kind::UpstreamIdentity, "our certificate has expired").into()
            );
        }
        if headers::has_ambiguous_body(head.version, &head.headers) {
            return Err(
                Error::new(error::Kind::Malformed, "what the body is has two readings").into()
            );
        }
        if head.method == Method::CONNECT {
            return Err(Error::new(error::Kind::Malformed, "CONNECT is refused from peers").into());
        }
        Ok(Target::inbound_path(&head.uri, head.version, &head.headers).map_err(malformed)?)
    }

    fn authorize(
        &self,
        ongoing: &mut Ongoing,
        (method, path, upgrade): (&Method, &str, Option<Upgrade>),
        peer: &Peer,
    ) -> Result<InboundPermit, Stop> {
        let facts = Facts::Inbound {
            peer: peer.id.clone(),
            method: method.clone(),
            path: path.into(),
            upgrade,
        };
        ongoing.enrol(&self.rooms.live, facts);
        let policy = self.rooms.policy.load();
        let hash = policy.hash().to_string();
        ongoing.note(|record| {
            record.policy = Some(hash.clone());
            record.upgrade = upgrade.map(|upgrade| upgrade.name().to_owned());
        });
        let permit = policy.authorize_inbound(&InboundFacts {
            peer: &peer.id,
            method: method.as_str(),
            path,
            upgrade,
            now: crate::clock::now(),
        })?;
        ongoing.permit(permit.verdict(), &hash);
        Ok(permit)
    }

    /// The request's way in, where the rule's `contentIn` asks to read it.
    async fn read_in(
        &self,
        ruling: Ruling,
        ongoing: &Ongoing,
        (head, target, body): (&request::Parts, &str, Incoming),
        arrival: &Arrival,
    ) -> Result<Inward, Stop> {
        let received = ongoing.downstream().clone();
        let meters = Meters { received, ..ongoing.meters().other_way() };
        self.rooms.content.read_head(&ruling, Line::target(target), &head.headers, &meters.cell)?;
        let hint = Hint::of(&head.headers);
        let metering = (&meters, &arrival.drain);
        Ok(Inward::Read(self.rooms.content.read_body(ruling, &hint, body, metering).await?))
    }

    fn record_failed(&self, kind: Kind, error: Error, status: u16, downstream: SocketAddr) {
        if let Ok(ongoing) = self.rooms.open(Direction::Inbound, kind, downstream) {
            ongoing.stop(&Stop::from(error), status);
        }
    }
}

/// The head that the application gets: the identity field is ours alone.
fn to_application(
    mut head: request::Parts,
    target: &str,
    peer: &Peer,
) -> Result<request::Parts, Stop> {
    let malformed = |_| Error::from(error::Kind::Malformed);
    let takes_trailers = headers::takes_trailers(&head.headers);
    headers::strip(&mut head.headers);
    headers::strip_claims(&mut head.headers);
    headers::join_cookies(&mut head.headers);
    head.headers.insert(headers::FORWARDED_CLIENT_CERT, peer.forwarded.clone());
    if takes_trailers {
        head.headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if !head.headers.contains_key(HOST) {
        let named = head.uri.authority().map(|authority| HeaderValue::from_str(authority.as_str()));
        let host = named.and_then(Result::ok).unwrap_or(HeaderValue::from_static("localhost"));
        head.headers.insert(HOST, host);
    }
    head.uri = target.parse::<Uri>().map_err(malformed)?;
    head.extensions.clear();
    Ok(head)
}
