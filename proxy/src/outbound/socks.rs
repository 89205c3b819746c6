//! The SOCKS5 proxy (RFC 1928): CONNECT only, without authentication; names are resolved by us. A
//! name is decided before the reply; an address is one that a connection is aimed at, and what is
//! said in it names the host.

mod wire;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use policy::{Host, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::wire::{Address, Fault, Parsed, Reply};
use super::opaque::{self, Tunnel};
use super::route::{self, Heading};
use super::{Outbound, connect, redirect};
use crate::accept::Arrival;
use crate::audit::{Kind, Outcome};
use crate::content::names;
use crate::error::{self, Error};
use crate::http::target::ToldBy;
use crate::ongoing::{Ongoing, printable};
use crate::stop::Stop;
use crate::tunnel::Prefixed;

/// The longest message: a request for a name of 255 bytes. A greeting has as many methods.
const MESSAGE_BYTES_MAX: usize = 262;

/// A client's connection and what was read of it beyond the last message.
struct Client {
    stream: TcpStream,
    read: BytesMut,
}

/// A connection that a reply was decided for.
enum Admitted {
    /// A name or an address of which nothing more is known.
    Heading(Heading),
    /// A raw tunnel, open already.
    Tunnel(Box<Tunnel>),
}

/// Serves one connection.
pub(super) async fn serve(outbound: Arc<Outbound>, stream: TcpStream, arrival: Arrival) {
    let opened = outbound.rooms.open_on(Kind::Socks5, &arrival);
    // Without a record nothing is answered.
    let Ok(mut ongoing) = opened else { return };
    let mut client = Client { stream, read: BytesMut::new() };
    let admitted = admit(&outbound, &mut ongoing, &mut client).await;
    let reply = match &admitted {
        Ok(_) => Reply::Succeeded,
        Err((reply, _)) => *reply,
    };
    // A client that is gone is found out by whoever reads from it next.
    let _gone = client.stream.write_all(&reply.bytes()).await;
    let stream = Prefixed::new(client.read.freeze(), client.stream);
    match admitted {
        Err((_, stop)) => ongoing.stop(&stop, None),
        Ok(Admitted::Heading(heading)) => {
            route::follow(&outbound, ongoing, stream, (heading, arrival), None).await;
        }
        Ok(Admitted::Tunnel(tunnel)) => {
            match opaque::run(&outbound.rooms, &mut ongoing, stream, *tunnel).await {
                Ok(()) => ongoing.close(Outcome::Completed),
                Err(stop) => ongoing.stop(&stop, None),
            }
        }
    }
}

async fn admit(
    outbound: &Outbound,
    ongoing: &mut Ongoing,
    client: &mut Client,
) -> Result<Admitted, (Reply, Stop)> {
    let (address, port) = asked(outbound, client).await?;
    let told_by = ToldBy::Socks5;
    match address {
        Address::Ip(address) => {
            let target = format!("tcp://{}", SocketAddr::new(address, port));
            ongoing.note(|record| record.target = Some(printable(&target)));
            let heading = Heading { host: None, port, aimed: Some(address), told_by };
            admit_address(outbound, ongoing, heading, address).await
        }
        Address::Name(name) => {
            let text = String::from_utf8_lossy(&name);
            let seen = format!("tcp://{}:{port}", names::host_seen(&text));
            ongoing.note(|record| record.target = Some(printable(&seen)));
            let malformed = |what: &str| Error::new(error::Kind::Malformed, what).into();
            // Clients send addresses as names, too.
            let host = Host::parse(&text)
                .map_err(|error| (Reply::GeneralFailure, malformed(&error.to_string())))?;
            if let Some(address) = host.ip() {
                let heading = Heading { host: None, port, aimed: Some(address), told_by };
                return admit_address(outbound, ongoing, heading, address).await;
            }
            let heading = Heading { host: Some(host), port, aimed: None, told_by };
            let tunnel = connect::admit(outbound, ongoing, &heading).await.map_err(failed)?;
            Ok(tunnel.map_or(Admitted::Heading(heading), |tunnel| Admitted::Tunnel(tunnel.into())))
        }
    }
}

async fn admit_address(
    outbound: &Outbound,
    ongoing: &mut Ongoing,
    heading: Heading,
    address: IpAddr,
) -> Result<Admitted, (Reply, Stop)> {
    // A client takes the reply for the connection: what no rule can lead to is said in it.
    let refused = |verdict: Verdict| failed(Stop::Refused(Box::new(verdict)));
    policy::check_address(address.to_canonical()).map_err(refused)?;
    redirect::check_loop(outbound, SocketAddr::new(address, heading.port)).map_err(failed)?;
    match redirect::at_once(outbound, ongoing, &heading).await.map_err(failed)? {
        Some(tunnel) => Ok(Admitted::Tunnel(tunnel.into())),
        None => Ok(Admitted::Heading(heading)),
    }
}

/// Reads greeting and request.
async fn asked(outbound: &Outbound, client: &mut Client) -> Result<(Address, u16), (Reply, Stop)> {
    let talk = async {
        if let Err(fault) = client.hear(wire::greeting).await? {
            return Ok(Err(fault));
        }
        client.stream.write_all(&wire::WELCOME).await.map_err(gone)?;
        client.hear(wire::request).await
    };
    let limit = outbound.rooms.limits.handshake_timeout;
    let overdue = || Error::new(error::Kind::Malformed, "limits.handshakeTimeout");
    let talked = tokio::time::timeout(limit, talk).await.unwrap_or_else(|_| Err(overdue().into()));
    let fault = match talked {
        Ok(Ok(asked)) => return Ok(asked),
        Ok(Err(fault)) => fault,
        Err(stop) => return Err((Reply::GeneralFailure, stop)),
    };
    let (reply, what) = match fault {
        Fault::AddressType => (Reply::AddressTypeNotSupported, "an unknown type of address"),
        Fault::Command => (Reply::CommandNotSupported, "another SOCKS5 command than CONNECT"),
        Fault::Grammar => (Reply::GeneralFailure, "not a SOCKS5 message"),
        Fault::Methods => {
            let _gone = client.stream.write_all(&wire::NO_METHOD).await;
            (Reply::GeneralFailure, "a SOCKS5 client that wants to authenticate itself")
        }
    };
    Err((reply, Error::new(error::Kind::Malformed, what).into()))
}

impl Client {
    /// The next message.
    async fn hear<T>(
        &mut self,
        parse: impl Fn(&[u8]) -> Result<Parsed<T>, Fault>,
    ) -> Result<Result<T, Fault>, Stop> {
        loop {
            match parse(&self.read) {
                Ok(Some((message, length))) => {
                    self.read.advance(length);
                    return Ok(Ok(message));
                }
                Ok(None) => (),
                Err(fault) => return Ok(Err(fault)),
            }
            let room = MESSAGE_BYTES_MAX.saturating_sub(self.read.len()) as u64;
            let read = (&mut self.stream).take(room).read_buf(&mut self.read).await;
            if read.map_err(gone)? == 0 {
                return Err(gone(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

fn gone(error: std::io::Error) -> Stop {
    Error::new(error::Kind::BodyAborted, error).into()
}

/// The reply that tells as much as RFC 1928 has words for.
fn failed(stop: Stop) -> (Reply, Stop) {
    let reply = match &stop {
        Stop::Refused(_) => Reply::NotAllowed,
        Stop::Failed(error) if is_refused(error) => Reply::Refused,
        Stop::Failed(error) if error.kind().side() == error::Side::Upstream => {
            Reply::HostUnreachable
        }
        Stop::Failed(_) => Reply::GeneralFailure,
    };
    (reply, stop)
}

/// Whether no address took a connection, and the last one said so.
fn is_refused(error: &Error) -> bool {
    error.kind() == error::Kind::UpstreamUnreachable
        && std::error::Error::source(error)
            .and_then(|source| source.downcast_ref::<std::io::Error>())
            .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}
