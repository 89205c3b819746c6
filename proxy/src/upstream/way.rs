//! One exchange on one connection: a pooled one where there is, else a new one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use certs::Identity;
use certs::tls::{ALPN_HTTP2, Offer};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use policy::{EgressPermit, UpstreamTls};

use super::health::Seat;
use super::pool::{Connection, PoolKey};
use super::shared::{CutBodyOnDrop, Place, Shared};
use super::{Sent, Upstream, Vetted, dial, proof, server_name, speak};
use crate::budget::{Holder, Share};
use crate::content::{ClearedBody, Released, Spare};
use crate::error::{Error, Kind};
use crate::http::body::Arriving;
use crate::http::version::{self, NoAuthority};
use crate::live::Proof;

/// A connection for one exchange.
#[derive(Debug)]
pub(super) enum Way {
    Http1(Connection),
    Http2(Shared, Place),
}

/// Whom a connection is for.
#[derive(Clone, Copy)]
pub(super) struct Aim<'a> {
    pub(super) permit: &'a EgressPermit,
    pub(super) key: &'a PoolKey,
    pub(super) ours: (&'a Identity, Holder),
    pub(super) vetted: &'a Vetted,
    pub(super) offer: Offer,
}

/// An answer, or an error that may give the request back.
type Answered = Result<Response<Incoming>, TrySendError<Request<ClearedBody>>>;

impl Way {
    /// Where it leads, and what was proved there.
    pub(super) fn reached(&self) -> (SocketAddr, Option<Arc<Proof>>) {
        let (address, facts) = match self {
            Self::Http1(connection) => (connection.address, &connection.facts),
            Self::Http2(shared, _) => (shared.address, &shared.facts),
        };
        (address, facts.proof.clone())
    }

    /// Takes what the upstream may send unread on its stream, until the answer has ended.
    pub(super) fn take_memory(&mut self, mut share: Share) -> Result<(), Error> {
        let Self::Http2(shared, place) = self else { return Ok(()) };
        if !share.try_grow(shared.window as usize) {
            return Err(Kind::BufferedBytesMax.into());
        }
        place.keep_memory(share);
        Ok(())
    }

    /// What could be sent a second time, where a stream can be given back: a request without a body, or
    /// with one that was held in memory.
    pub(super) fn again(&self, request: &Request<ClearedBody>) -> Option<Request<Spare>> {
        let Self::Http2(..) = self else { return None };
        let mut again = Request::new(request.body().spare()?);
        again.method_mut().clone_from(request.method());
        again.uri_mut().clone_from(request.uri());
        again.headers_mut().clone_from(request.headers());
        Some(again)
    }

    /// Whether the upstream gave the stream back unprocessed (RFC 9113, section 8.7): it refused the
    /// stream, or it is leaving and named an earlier one as its last. A connection that it leaves is
    /// not used again.
    pub(super) fn left_undone(&self, error: &hyper::Error) -> bool {
        let Self::Http2(shared, _) = self else { return false };
        let cause = std::error::Error::source(error);
        let Some(error) = cause.and_then(|cause| cause.downcast_ref::<h2::Error>()) else {
            return false;
        };
        // The library ends streams by the other side's GOAWAY only beyond the last that it names.
        let is_left = error.is_go_away() && error.is_remote();
        if is_left {
            shared.leave();
        }
        let is_refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        is_left || is_refused && error.is_remote()
    }
}

impl Upstream {
    /// A connection that is open already.
    pub(super) fn pooled(&self, aim: Aim<'_>) -> Option<Way> {
        let addresses = aim.vetted.addresses();
        if aim.offer != Offer::Http1
            && let Some((shared, place)) = self.shared.take(aim.key, addresses)
        {
            return Some(Way::Http2(shared, place));
        }
        if aim.offer == Offer::Http2 {
            return None;
        }
        self.pool.take(aim.key, addresses).map(Way::Http1)
    }

    /// A new connection; for HTTP/2, one that another exchange has opened meanwhile.
    pub(super) async fn opened(&self, aim: Aim<'_>) -> Result<Way, Error> {
        if aim.offer == Offer::Http1 {
            return self.open(aim).await;
        }
        let gate = self.shared.gate(aim.key);
        if aim.offer == Offer::Both && gate.is_http1.load(Ordering::Relaxed) {
            return self.open(aim).await;
        }
        let since = Instant::now();
        let _opening = gate.opening.lock().await;
        if let Some((shared, place)) = self.shared.take(aim.key, aim.vetted.addresses()) {
            return Ok(Way::Http2(shared, place));
        }
        // Whoever waited for an attempt that failed has waited for its own: one after the other would
        // keep the last one waiting as often as there are others.
        if let Some(error) = gate.failed_since(since) {
            return Err(error);
        }
        let way = self.open(aim).await.inspect_err(|error| gate.fail(error))?;
        match &way {
            Way::Http1(_) => gate.is_http1.store(true, Ordering::Relaxed),
            Way::Http2(shared, _) => self.shared.put(aim.key.clone(), shared.clone()),
        }
        Ok(way)
    }

    async fn open(&self, aim: Aim<'_>) -> Result<Way, Error> {
        let opened = match self.health.admit(aim.key.destination(), Instant::now()) {
            Ok(seat) => {
                let opened = self.connect(aim, &seat).await;
                if seat.judge(&opened, Instant::now()) {
                    self.metrics.upstream.ejections.inc();
                    let endpoint = &*aim.key.endpoint;
                    tracing::warn!(endpoint, "an upstream takes no connection");
                }
                opened
            }
            Err(error) => Err(error),
        };
        let result = match &opened {
            Ok(_) => "ok",
            Err(error) => error.kind().code(),
        };
        self.metrics.upstream.dials.with_label_values(&[result]).inc();
        opened
    }

    async fn connect(&self, aim: Aim<'_>, seat: &Arc<Seat>) -> Result<Way, Error> {
        let Aim { permit, key, ours, vetted, offer } = aim;
        let (stream, address, facts) = self.reach(permit, ours, vetted).await?;
        let Some(config) = self.tls_config(permit, key, ours.0, offer)? else {
            // Nobody can be asked on plaintext: only gRPC, which is never HTTP/1.1, is sent so.
            if offer == Offer::Http2 {
                let (shared, place) = self.shared.speak(stream, (address, facts), seat).await?;
                return Ok(Way::Http2(shared, place));
            }
            return Ok(Way::Http1(speak(stream, (address, facts), seat).await?));
        };
        let name = server_name(permit.host())?;
        let (stream, mut facts) = dial::handshake(stream, name, config, self.timeouts).await?;
        facts.proof = proof(permit.tls(), stream.get_ref().1);
        let chosen = stream.get_ref().1.alpn_protocol();
        if offer != Offer::Http1 && chosen == Some(ALPN_HTTP2) {
            let (shared, place) = self.shared.speak(stream, (address, facts), seat).await?;
            return Ok(Way::Http2(shared, place));
        }
        if offer == Offer::Http2 {
            let text = "the upstream does not speak HTTP/2, which gRPC needs";
            return Err(Error::new(Kind::UpstreamBroken, text));
        }
        Ok(Way::Http1(speak(stream, (address, facts), seat).await?))
    }

    /// Sends the request and waits for the answer's head.
    pub(super) async fn exchange(
        &self,
        way: &mut Way,
        request: Request<ClearedBody>,
        (permit, released): (&EgressPermit, &Released),
    ) -> Result<Answered, Error> {
        match way {
            Way::Http1(connection) => {
                let cut = connection.cut_on_drop();
                let (mut head, body) = request.into_parts();
                version::as_http1(&mut head).map_err(malformed)?;
                let request = Request::from_parts(head, body);
                let sending = connection.sender.try_send_request(request);
                let sent = self.with_timeout(released, sending).await?;
                cut.answered();
                Ok(sent)
            }
            Way::Http2(shared, _) => {
                // Dropping the future resets the stream; a body that waits for its turn is cut.
                let cut = CutBodyOnDrop::new(released);
                let is_plaintext = *permit.tls() == UpstreamTls::Plaintext;
                let (mut head, body) = request.into_parts();
                version::as_http2(&mut head, is_plaintext).map_err(malformed)?;
                let sending = shared.sender.try_send_request(Request::from_parts(head, body));
                let sent = self.with_timeout(released, sending).await?;
                cut.answered();
                Ok(sent)
            }
        }
    }

    /// Gives the connection back and says where the answer came from.
    pub(super) fn sent(&self, key: PoolKey, way: Way, response: Response<Incoming>) -> Sent {
        match way {
            Way::Http1(mut connection) => {
                let (address, facts) = (connection.address, connection.facts.clone());
                connection.idle_since = Instant::now();
                self.pool.put(key, connection);
                Sent { response: response.map(Arriving::from), address, facts }
            }
            Way::Http2(Shared { address, facts, .. }, place) => {
                let response = response.map(|body| Arriving::with(body, Box::new(place)));
                Sent { response, address, facts }
            }
        }
    }
}

fn malformed(error: NoAuthority) -> Error {
    Error::new(Kind::Malformed, error)
}
