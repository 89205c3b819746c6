//! A raw tunnel: decided, opened, and read as it passes, both ways as its rule says. Nothing of it
//! is parsed but a ClientHello at its beginning, whose name must be the one that was decided.

use http::HeaderMap;
use policy::{EgressPermit, Host, Verdict};
use tokio::io::{AsyncRead, AsyncWrite};

use super::route::{Heading, check_name, hidden, tunnel, unless_cut};
use crate::budget::cost;
use crate::content::{Line, Meters, Passage, names};
use crate::detect::client_hello::{self, ClientHello};
use crate::detect::{Sniffed, sniff_tls};
use crate::error::{Error, Kind};
use crate::http::target::ToldBy;
use crate::link::{Entrance, TolledWire};
use crate::ongoing::Ongoing;
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::tunnel::{self as both_ways, Abort, Lifetime, Opening};
use crate::upstream;

/// A tunnel that is open on the upstream's side.
#[derive(Debug)]
pub(super) struct Tunnel {
    upstream: upstream::Tunnel,
    out: Passage,
    back: Passage,
    first: First,
}

/// What the workload says first.
#[derive(Debug)]
struct First {
    /// The name that was decided, and what told it.
    named: Option<(Host, ToldBy)>,
    /// Why ciphertext may not leave.
    ciphertext: Option<Verdict>,
}

/// Opens the upstream's side: reads the name, resolves and vets it, announces, dials.
pub(super) async fn open(
    rooms: &Rooms,
    ongoing: &mut Ongoing,
    permit: EgressPermit,
    heading: &Heading,
) -> Result<Tunnel, Stop> {
    rooms.take_memory(ongoing, cost::of_tunnel())?;
    ongoing.permit(permit.verdict(), permit.policy_hash());
    let target = format!("tcp://{}:{}", permit.host(), permit.port());
    let peer = permit.tls().peer().map(ToString::to_string);
    ongoing.note(|record| {
        record.endpoint = Some(permit.endpoint().to_string());
        record.region = permit.region().map(str::to_owned);
        record.target = Some(crate::ongoing::printable(&target));
    });
    let ruling = permit.ruling();
    let meters = ongoing.meters().clone();
    // A name is asked for outside, and so leaves.
    let line = Line::to(&target, &permit);
    let read = rooms.content.read_head(&ruling, line, &HeaderMap::new(), &meters.cell);
    if meters.cell.with(|reading| reading.is_name_telling) {
        ongoing.note(|record| record.target = Some(names::covered(permit.host().as_str())));
    }
    let _read = read?;
    let asks_dns = rooms.upstream.asks_dns(&permit, heading.aimed);
    let early = if asks_dns { Some(ongoing.announce().await?) } else { None };
    let vetted = rooms.upstream.vet(&permit, heading.aimed).await?;
    ongoing.note(|record| record.address = vetted.addresses().first().map(ToString::to_string));
    // What comes back is read into the same reading, but is not counted as released.
    let coming = Meters { cell: meters.cell.clone(), ..Meters::default() };
    let coming = Meters { received: ongoing.downstream().clone(), ..coming };
    let out = Passage::new(Some(ruling), &meters);
    let back = Passage::new(permit.ruling_in(), &coming);
    let announced = match early {
        Some(announced) => announced,
        None => ongoing.announce().await?,
    };
    let named = match (&heading.host, permit.host().is_name()) {
        (Some(host), _) => Some((host.clone(), heading.told_by)),
        (None, true) => Some((permit.host().clone(), heading.told_by)),
        (None, false) => None,
    };
    let first = First { named, ciphertext: out.judge_ciphertext() };
    if let Some(entry) = ongoing.entry() {
        entry.permitted(permit.tls());
    }
    let as_whom = (ongoing.shows(), meters.holder);
    let upstream = rooms.upstream.tunnel(permit, announced, &vetted, as_whom).await?;
    if let Some(entry) = ongoing.entry() {
        let met = ongoing.shows().unwrap_or(&rooms.identity);
        entry.reached(upstream.address, upstream.facts.proof.clone(), met);
    }
    // A swap that came while the connection was made has been told to the exchange alone.
    if let Some(withdrawn) = ongoing.cut().withdrawn() {
        return Err(Stop::from(withdrawn));
    }
    ongoing.note(|record| {
        record.address = Some(upstream.address.to_string());
        record.tls_version.clone_from(&upstream.facts.version);
        record.tls_group.clone_from(&upstream.facts.group);
        record.tls_peer = peer;
    });
    Ok(Tunnel { upstream, out, back, first })
}

/// Takes one connection of a link to the link's target.
pub(super) async fn carry<S>(
    rooms: &Rooms,
    ongoing: &mut Ongoing,
    stream: S,
    entrance: &Entrance,
) -> Result<(), Stop>
where
    S: AsyncRead + AsyncWrite + Abort + Unpin,
{
    let opened = async {
        ongoing.keep_share(&entrance.admit()?);
        let to = entrance.to().ok_or(Kind::Malformed)?;
        let host = Some(to.host.clone());
        let heading = Heading { host, port: to.port, aimed: None, told_by: ToldBy::Link };
        let permit = tunnel(rooms, ongoing, &heading)?;
        open(rooms, ongoing, permit, &heading).await
    };
    match opened.await {
        Ok(tunnel) => run(rooms, ongoing, stream, tunnel).await,
        Err(stop) => {
            stream.abort();
            Err(stop)
        }
    }
}

/// Carries the tunnel to its end.
pub(super) async fn run<S>(
    rooms: &Rooms,
    ongoing: &mut Ongoing,
    stream: S,
    tunnel: Tunnel,
) -> Result<(), Stop>
where
    S: AsyncRead + AsyncWrite + Abort + Unpin,
{
    let Tunnel { mut upstream, out, back, mut first } = tunnel;
    let limits = &rooms.limits;
    let lifetime = Lifetime {
        idle: limits.tunnel_idle,
        total: limits.tunnel_total,
        flush: limits.tunnel_flush,
        hold: limits.tunnel_hold,
    };
    let passages = (out, back);
    let mut stream = TolledWire::new(stream, ongoing.share().cloned(), &ongoing.meters().cell);
    let cut = ongoing.cut().clone();
    let carrying =
        both_ways::carry(&mut stream, &mut upstream.stream, passages, &mut first, lifetime);
    let carried = unless_cut(&cut, carrying).await;
    if carried.is_err() {
        // Neither end may take what came for the whole.
        stream.abort();
        upstream.stream.abort();
    }
    let meters = ongoing.meters().clone();
    carried.map_err(|stop| stop.unless_cut(&meters))
}

impl Opening for First {
    fn look(&mut self, bytes: &[u8]) -> Result<bool, Stop> {
        match sniff_tls(bytes) {
            Sniffed::Tls => match client_hello::read(bytes) {
                client_hello::Read::Done(hello) => self.check(&hello).map(|()| true),
                client_hello::Read::Malformed(what) => {
                    Err(Error::new(Kind::DownstreamTls, what).into())
                }
                client_hello::Read::NeedMore => Ok(false),
            },
            Sniffed::NeedMore => Ok(false),
            Sniffed::Http1 | Sniffed::Http2 | Sniffed::Opaque => Ok(true),
        }
    }
}

impl First {
    fn check(&self, hello: &ClientHello) -> Result<(), Stop> {
        if let Some((host, told_by)) = &self.named {
            if hello.offers_ech {
                return Err(hidden());
            }
            check_name(host, *told_by, hello)?;
        }
        match &self.ciphertext {
            Some(verdict) => Err(Stop::Refused(Box::new(verdict.clone()))),
            None => Ok(()),
        }
    }
}
