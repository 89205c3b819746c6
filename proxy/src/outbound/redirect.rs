//! The transparent listener: connections that the kernel redirected here (`REDIRECT`, `TPROXY`). The
//! address they were aimed at is the one that is dialled, if a rule takes the name that is said in
//! them, or the address itself.

use std::net::SocketAddr;
use std::sync::Arc;

use policy::{TunnelFacts, Verdict};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::Outbound;
use super::opaque::{self, Tunnel};
use super::route::{self, Heading};
use crate::accept::Arrival;
use crate::audit::{Kind, Outcome};
use crate::error::{self, Error};
use crate::http::target::ToldBy;
use crate::ongoing::Ongoing;
use crate::stop::Stop;

/// Serves one connection.
pub(super) async fn serve(outbound: Arc<Outbound>, stream: TcpStream, arrival: Arrival) {
    let opened = outbound.rooms.open_on(Kind::Redirect, &arrival);
    let Ok(mut ongoing) = opened else { return };
    let (heading, tunnel) = match admit(&outbound, &mut ongoing, &stream).await {
        Ok(admitted) => admitted,
        Err(stop) => return ongoing.stop(&stop, None),
    };
    let Some(tunnel) = tunnel else {
        return route::follow(&outbound, ongoing, stream, (heading, arrival), None).await;
    };
    match opaque::run(&outbound.rooms, &mut ongoing, stream, tunnel).await {
        Ok(()) => ongoing.close(Outcome::Completed),
        Err(stop) => ongoing.stop(&stop, None),
    }
}

async fn admit(
    outbound: &Outbound,
    ongoing: &mut Ongoing,
    stream: &TcpStream,
) -> Result<(Heading, Option<Tunnel>), Stop> {
    let original = original(stream).map_err(|error| Error::new(error::Kind::BodyAborted, error))?;
    ongoing.note(|record| record.target = Some(format!("tcp://{original}")));
    check_loop(outbound, original)?;
    let (port, aimed) = (original.port(), Some(original.ip()));
    let heading = Heading { host: None, port, aimed, told_by: ToldBy::Redirect };
    let tunnel = at_once(outbound, ongoing, &heading).await?;
    Ok((heading, tunnel))
}

/// Opens the raw tunnel of a connection that is aimed at an address where nothing else is to be
/// expected: then the server may speak first.
pub(super) async fn at_once(
    outbound: &Outbound,
    ongoing: &mut Ongoing,
    heading: &Heading,
) -> Result<Option<Tunnel>, Stop> {
    let rooms = &outbound.rooms;
    let identity = rooms.identity.load();
    let waits = {
        let facts = TunnelFacts {
            source: Some(identity.id()),
            host: None,
            address: heading.aimed,
            port: heading.port,
            now: crate::clock::now(),
        };
        rooms.policy.load().tunnel_at_once(&facts).is_none()
    };
    if waits {
        return Ok(None);
    }
    let permit = route::tunnel(rooms, ongoing, heading)?;
    opaque::open(rooms, ongoing, permit, heading).await.map(Some)
}

/// Refuses what is aimed at ourselves: it would come here again for ever.
pub(super) fn check_loop(outbound: &Outbound, original: SocketAddr) -> Result<(), Stop> {
    if !outbound.rooms.upstream.is_own(original) {
        return Ok(());
    }
    let text = "the connection is aimed at one of lazaret's own listeners, not redirected to it";
    Err(Stop::Refused(Box::new(Verdict::block(None, "redirect-loop", text.to_owned()))))
}

/// Where the connection was aimed before it was redirected. `TPROXY` leaves it in the local address.
fn original(stream: &TcpStream) -> std::io::Result<SocketAddr> {
    let local = stream.local_addr()?;
    let socket = SockRef::from(stream);
    let told = match local {
        SocketAddr::V4(_) => socket.original_dst_v4(),
        SocketAddr::V6(_) => socket.original_dst_v6(),
    };
    let told = told.ok().and_then(|address| address.as_socket()).unwrap_or(local);
    Ok(SocketAddr::new(told.ip().to_canonical(), told.port()))
}
