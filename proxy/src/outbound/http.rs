//! One outbound request: facts, policy, act, record. The order is the design's: decide, read the
//! head, resolve and vet, read the body, announce, send.

mod leaving;

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, EXPECT};
use http::{Method, Request, Response, Uri, Version, request};
use hyper::body::Incoming;
use policy::{EgressFacts, EgressPermit, Refusal, Upgrade};

use self::leaving::{Returning, offer, outgoing};
use super::switch::{self, Answered};
use super::upload;
use crate::accept::{self, Arrival};
use crate::audit::Kind;
use crate::budget::cost;
use crate::content::{Hint, Line, names};
use crate::error::{self, Error};
use crate::http::body::{Idle, Inward, Recorded};
use crate::http::form::Form;
use crate::http::target::{InvalidTarget, Pinned, Target, masked};
use crate::http::{headers, method, respond};
use crate::link::Tolled;
use crate::link::budget::Share;
use crate::link::federated::Rpc;
use crate::live::Facts;
use crate::ongoing::{Ongoing, printable};
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::upstream::{Departure, Sent, Vetted};
use crate::websocket::{self, Upgrading};

/// Handles one request. `pinned` is the CONNECT authority it came through, if any.
pub(super) async fn handle(
    rooms: &Rooms,
    request: Request<Incoming>,
    arrival: Arrival,
    pinned: Option<&Pinned>,
) -> Response<Recorded<Inward>> {
    let opened = rooms.open_on(Kind::Http, &arrival);
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
    let work = Work { rooms, arrival: &arrival, pinned };
    let cut = ongoing.cut().clone();
    let ran = tokio::select! {
        biased;
        ran = work.run(&mut ongoing, head, &mut body) => ran,
        stop = cut.raised() => Err(stop),
    };
    match ran {
        Ok((response, Some(session))) => {
            let drain = arrival.drain.clone();
            drain.spawn(websocket::run(ongoing, *session, arrival));
            response.map(Recorded::closed)
        }
        Ok((response, None)) => {
            let sent = ongoing.downstream().clone();
            response.map(|body| Recorded::new(body, ongoing, sent, is_head).in_form(form))
        }
        Err(stop) => {
            // A client that waits for `100 Continue` sends nothing after a refusal; reading would
            // send it the 100.
            if let Some(unread) = body.filter(|_| !awaits_continue) {
                rooms.content.linger(unread, &arrival.drain);
            }
            let response = respond::stopped(form, &stop, Some(ongoing.id()));
            ongoing.stop(&stop, response.status().as_u16());
            response.map(Recorded::closed)
        }
    }
}

struct Work<'a> {
    rooms: &'a Rooms,
    arrival: &'a Arrival,
    pinned: Option<&'a Pinned>,
}

impl Work<'_> {
    async fn run(
        &self,
        ongoing: &mut Ongoing,
        mut head: request::Parts,
        body: &mut Option<Incoming>,
    ) -> Result<Answered, Stop> {
        let rooms = self.rooms;
        rooms.take_memory(ongoing, self.memory(&head, body.as_ref()))?;
        let share = self.enter(ongoing, &mut head).await?;
        let target = self.target(ongoing, &head)?;
        let upgrading = Upgrading::of(&mut head)?;
        let upgrade = upgrading.as_ref().map(|_| Upgrade::WebSocket);
        let permit = self.decide(ongoing, &head, &target, upgrade)?;
        let ruling = permit.ruling();
        let upload = upload::of(&head, &target)?;
        let offer = offer(&head, &permit);
        let mut head = outgoing(&target, head)?;
        let reads_answer = permit.content_in().is_some_and(|profile| profile.exempt().is_none());
        if reads_answer && headers::ask_for_the_whole(&mut head.headers) {
            ongoing.note(|record| record.range_removed = true);
        }
        let meters = ongoing.meters().clone();
        // A method is any token, so it carries data out like a path does.
        let line = format!("{} {target}", head.method);
        let line = Line::to(&line, &permit);
        let read = rooms.content.read_head(&ruling, line, &head.headers, &meters.cell);
        if meters.cell.with(|reading| reading.is_name_telling) {
            ongoing.note(|record| record.target = Some(names::covered(permit.host().as_str())));
        }
        let read = read?;
        // A question to a name server leaves, too: then the line is written before it, without the
        // address, which the close line has.
        let aimed = self.pinned.and_then(|pinned| pinned.aimed);
        let early = if rooms.upstream.asks_dns(&permit, aimed) {
            Some(ongoing.announce().await?)
        } else {
            None
        };
        let mut vetted = rooms.upstream.vet(&permit, aimed).await?;
        ongoing.note(|record| {
            record.address = vetted.addresses().first().map(ToString::to_string);
        });
        let unread = body.take().ok_or(error::Kind::Malformed)?;
        let rpc = Rpc::of(&head.method, target.path(), &head.headers);
        ongoing.note(|record| record.rpc = rpc.as_ref().map(|rpc| rpc.name.clone()));
        let unread = Tolled::new(unread, share.clone(), &head.headers, &meters).naming_node(rpc);
        let hint = Hint::of(&head.headers);
        let reading = (rooms, self.arrival, &meters);
        let body = upload::read(reading, upload.as_ref(), ruling, (&hint, unread)).await?;
        let announced = match early {
            Some(announced) => announced,
            None => ongoing.announce().await?,
        };
        let returning = Returning::of(&permit, &head.method);
        self.ask_again(ongoing, &permit, &mut vetted).await?;
        let mut head = head;
        // The body's own length frames it anew.
        head.headers.remove(CONTENT_LENGTH);
        if let Some(upgrading) = &upgrading {
            upgrading.ask(&mut head.headers);
        }
        let cleared = rooms.content.clear(read, head, body);
        let (released, entry) = (meters.released.clone(), ongoing.entry().cloned());
        let as_whom = (ongoing.shows().cloned(), meters.holder);
        let departure = Departure { cleared, announced, vetted, released, entry, offer, as_whom };
        let departing = (permit, departure);
        let answered = self.depart(ongoing, departing, upgrading, returning).await?;
        if let Some(share) = &share {
            share.pay(headers::bytes(answered.0.headers())).await?;
        }
        Ok(match (share, answered) {
            (Some(share), (answer, None)) => {
                let (head, body) = answer.into_parts();
                let body = Tolled::new(body, Some(share), &head.headers, &meters);
                (Response::from_parts(head, Inward::Tolled(Box::new(body))), None)
            }
            (_, answered) => answered,
        })
    }

    /// Sends what may leave, and takes the answer.
    async fn depart(
        &self,
        ongoing: &mut Ongoing,
        (permit, departure): (EgressPermit, Departure),
        upgrading: Option<Upgrading>,
        returning: Returning,
    ) -> Result<Answered, Stop> {
        let sent = match upgrading {
            Some(upgrading) => {
                let departing = (permit, departure);
                match Box::pin(switch::send(self.rooms, ongoing, departing, upgrading)).await? {
                    Ok(switched) => return Ok(switched),
                    Err(sent) => sent,
                }
            }
            None => {
                let sent = self.rooms.upstream.send(permit, departure).await;
                let sent = sent.map_err(|stop| stop.unless_cut(ongoing.meters()))?;
                ongoing.left();
                sent
            }
        };
        Ok((self.answer(ongoing, sent, returning).await?, None))
    }

    /// What the exchange may come to keep in memory, bytes.
    fn memory(&self, head: &request::Parts, body: Option<&Incoming>) -> usize {
        body.map_or(0, |body| {
            let carriage = accept::carriage(head.version, &head.extensions, body);
            cost::of_exchange(&self.rooms.limits, carriage)
        })
    }

    /// Lets a request in that came over a link, without what a peer may not claim, and points it at the
    /// link's target.
    async fn enter(
        &self,
        ongoing: &mut Ongoing,
        head: &mut request::Parts,
    ) -> Result<Option<Arc<Share>>, Stop> {
        let Some(share) = self.arrival.admit()? else { return Ok(None) };
        ongoing.keep_share(&share);
        share.pay(headers::head_bytes(&head.method, &head.uri, &head.headers)).await?;
        headers::strip_claims(&mut head.headers);
        let Some(entrance) = &self.arrival.entrance else { return Ok(Some(share)) };
        if entrance.is_hbone() && self.pinned.is_none() {
            let text = "this link takes CONNECT streams of HTTP/2 alone";
            return Err(Error::new(error::Kind::Malformed, text).into());
        }
        if self.pinned.is_none() {
            let aimed = entrance.aim(ongoing, head);
            aimed.map_err(|what| Error::new(error::Kind::Malformed, what))?;
        }
        Ok(Some(share))
    }

    fn target(&self, ongoing: &mut Ongoing, head: &request::Parts) -> Result<Target, Stop> {
        let target = self.read_target(head);
        // As it was written only where that is no target.
        let seen = match &target {
            Ok(target) => target.to_string().parse::<Uri>().ok(),
            Err(_) => Some(head.uri.clone()),
        };
        ongoing.note(|record| {
            record.method = Some(method::seen(&head.method));
            record.target = seen.map(|uri| masked(&uri, printable, names::host_seen));
        });
        target
    }

    fn read_target(&self, head: &request::Parts) -> Result<Target, Stop> {
        let malformed = |what: InvalidTarget| Error::new(error::Kind::Malformed, what);
        headers::check_size(&head.headers, &self.rooms.limits)?;
        if headers::has_ambiguous_body(head.version, &head.headers) {
            return Err(
                Error::new(error::Kind::Malformed, "what the body is has two readings").into()
            );
        }
        headers::check_overrides(&head.method, &head.uri, &head.headers)?;
        let target = match self.pinned {
            Some(pinned) => Target::from_pinned(pinned, &head.uri, head.version, &head.headers),
            None => Target::from_absolute(&head.uri, head.version, &head.headers),
        };
        Ok(target.map_err(malformed)?)
    }

    fn decide(
        &self,
        ongoing: &mut Ongoing,
        head: &request::Parts,
        target: &Target,
        upgrade: Option<Upgrade>,
    ) -> Result<EgressPermit, Stop> {
        let identity = self.rooms.identity.load();
        let source = ongoing.asks_as().unwrap_or(identity.id()).clone();
        let is_grpc = head.method == Method::POST && headers::is_grpc(&head.headers);
        ongoing.enrol(
            &self.rooms.live,
            Facts::Egress {
                source: source.clone(),
                host: target.host().clone(),
                port: target.port(),
                is_grpc,
                method: head.method.clone(),
                path: target.path().into(),
                upgrade,
            },
        );
        let policy = self.rooms.policy.load();
        let hash = policy.hash().to_string();
        ongoing.note(|record| {
            record.source = Some(source.to_string());
            record.policy = Some(hash.clone());
            record.upgrade = upgrade.map(|upgrade| upgrade.name().to_owned());
        });
        let permit = policy.decide_egress(&EgressFacts {
            source: Some(&source),
            host: target.host(),
            port: target.port(),
            is_grpc,
            method: head.method.as_str(),
            path: target.path(),
            upgrade,
            now: crate::clock::now(),
        })?;
        ongoing.permit(permit.verdict(), &hash);
        ongoing.note(|record| {
            record.endpoint = Some(permit.endpoint().to_string());
            record.region = permit.region().map(str::to_owned);
        });
        if let Some(entry) = ongoing.entry() {
            entry.permitted(permit.tls());
        }
        Ok(permit)
    }

    /// The last question before a socket is chosen: a policy that came into force while the body
    /// was read has its own list of addresses.
    async fn ask_again(
        &self,
        ongoing: &Ongoing,
        permit: &EgressPermit,
        vetted: &mut Vetted,
    ) -> Result<(), Stop> {
        if !vetted.is_fresh() {
            *vetted = self.rooms.upstream.vet(permit, vetted.aimed()).await?;
        }
        ongoing.cut().check()?;
        let policy = self.rooms.policy.load();
        if Arc::ptr_eq(policy.hash(), permit.policy_hash()) {
            return Ok(());
        }
        let withdrawn = |refusal: Refusal| self.rooms.live.withdraw(ongoing.cut(), &refusal);
        let now = crate::clock::now();
        let entry = ongoing.entry().map(|entry| entry.facts().decide(&policy, now));
        if let Some(anew) = entry.transpose().map_err(withdrawn)?.flatten() {
            vetted.narrow(&anew).map_err(withdrawn)?;
        }
        Ok(())
    }

    async fn answer(
        &self,
        ongoing: &mut Ongoing,
        sent: Sent,
        returning: Returning,
    ) -> Result<Response<Inward>, Stop> {
        let Sent { response, address, facts } = sent;
        let (mut head, body) = response.into_parts();
        ongoing.note(|record| {
            record.address = Some(address.to_string());
            record.status = Some(head.status.as_u16());
            record.tls_version = facts.version;
            record.tls_group = facts.group;
            record.tls_peer = returning.peer;
        });
        headers::strip(&mut head.headers);
        head.extensions.clear();
        // The server side of the connection puts its own on the wire.
        head.version = Version::HTTP_11;
        let Some(ruling) = returning.ruling else {
            let limits = &self.rooms.limits;
            let is_grpc = headers::is_grpc(&head.headers);
            let idle = if is_grpc { limits.grpc_idle } else { limits.response_timeout };
            let body = Idle::new(body, idle);
            return Ok(Response::from_parts(head, Inward::Raw(body)));
        };
        // What comes in is read into the same reading, but is not counted as released.
        let meters = ongoing.meters().other_way();
        ongoing.reads_answer(&meters.released);
        headers::check_answer(&head.headers)?;
        let hint = Hint::of(&head.headers);
        self.rooms.content.read_head(&ruling, Line::NONE, &head.headers, &meters.cell)?;
        let metering = (&meters, &self.arrival.drain);
        let body = self.rooms.content.read_body(ruling, &hint, body, metering).await?;
        if !returning.is_head {
            head.headers.remove(CONTENT_LENGTH);
        }
        Ok(Response::from_parts(head, Inward::Read(body)))
    }
}
