//! The only opener of a socket to the outside. Private to `upstream`: a connection is made only
//! for a permit, to an address its guard has passed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::hbone::Socket;
use super::race::race;
use crate::error::{Error, Kind};
use crate::live::Proof;

/// How long the parts of opening a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    pub(super) handshake: Duration,
    /// Silence after which the kernel asks for the other end.
    pub(super) keepalive: Duration,
}

/// What is known of a connection's other end.
#[derive(Clone, Debug, Default)]
pub struct TlsFacts {
    /// Such as `TLSv1_3`; `None` for plaintext.
    pub version: Option<String>,
    /// Key exchange group, such as `X25519MLKEM768`.
    pub group: Option<String>,
    /// What it has proved.
    pub proof: Option<Arc<Proof>>,
}

impl TlsFacts {
    /// Whether what was proved has not come to its end by `now`.
    pub(super) fn holds_at(&self, now: Timestamp) -> bool {
        let end = self.proof.as_ref().and_then(|proof| proof.end());
        end.is_none_or(|end| now < end)
    }
}

/// Opens a connection to the first address that takes one.
pub(super) async fn open(
    addresses: &[SocketAddr],
    own: &[SocketAddr],
    timeouts: Timeouts,
) -> Result<(TcpStream, SocketAddr), Error> {
    race(addresses, |address| async move {
        if is_own(own, address) {
            let why = "the address is one of our own listeners";
            return Err(Error::new(Kind::UpstreamUnreachable, why));
        }
        match tokio::time::timeout(timeouts.connect, connect(address)).await {
            Ok(Ok(stream)) => {
                tend(&stream, timeouts.keepalive)
                    .map_err(|error| Error::new(Kind::UpstreamBroken, error))?;
                Ok((stream, address))
            }
            Ok(Err(error)) => Err(Error::new(Kind::UpstreamUnreachable, error)),
            Err(_) => Err(Kind::UpstreamTimeout.into()),
        }
    })
    .await
}

/// Sends small pieces at once, and has the kernel find out when the other end is gone.
///
/// # Errors
/// The socket takes no option: it is closed already.
pub fn tend(stream: &TcpStream, keepalive: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(keepalive);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Does the TLS handshake; the certificate is judged inside, by `config`'s verifier.
pub(super) async fn handshake(
    stream: Socket,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    timeouts: Timeouts,
) -> Result<(TlsStream<Socket>, TlsFacts), Error> {
    let connecting = TlsConnector::from(config).connect(name, stream);
    let stream = tokio::time::timeout(timeouts.handshake, connecting)
        .await
        .map_err(|_| Error::from(Kind::UpstreamTimeout))?
        .map_err(|error| Error::handshake(handshake_fault(&error), &error))?;
    let (_, session) = stream.get_ref();
    let facts = TlsFacts {
        version: session.protocol_version().and_then(|version| version.as_str()).map(str::to_owned),
        group: session.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name())),
        proof: None,
    };
    Ok((stream, facts))
}

#[expect(clippy::disallowed_methods, reason = "the one opener")]
async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    TcpStream::connect(address).await
}

/// An unspecified listener (0.0.0.0) answers on every address of this machine.
pub(super) fn is_own(own: &[SocketAddr], address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    own.iter().filter(|listener| listener.port() == address.port()).any(|listener| {
        let listening = listener.ip().to_canonical();
        listening == ip || (listening.is_unspecified() && is_of_this_machine(ip))
    })
}

/// Only an address of this machine can be bound.
fn is_of_this_machine(ip: IpAddr) -> bool {
    ip.is_unspecified() || std::net::UdpSocket::bind((ip, 0)).is_ok()
}

fn handshake_fault(error: &std::io::Error) -> Kind {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Kind::UpstreamUnverified
        }
        Some(_) | None => Kind::UpstreamBroken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_listeners_are_known_in_every_form() {
        for (listener, address, own) in [
            ("127.0.0.1:3128", "127.0.0.1:3128", true),
            ("127.0.0.1:3128", "127.0.0.1:3129", false),
            ("127.0.0.1:3128", "127.0.0.2:3128", false),
            ("127.0.0.1:3128", "[::ffff:127.0.0.1]:3128", true),
            ("[::1]:3128", "[::1]:3128", true),
            ("0.0.0.0:15006", "127.0.0.1:15006", true),
            ("0.0.0.0:15006", "127.9.9.9:15006", true),
            ("0.0.0.0:15006", "0.0.0.0:15006", true),
            ("[::]:15006", "127.0.0.1:15006", true),
            // Of another machine: TEST-NET-1 is nobody's.
            ("0.0.0.0:15006", "192.0.2.1:15006", false),
            ("0.0.0.0:15006", "127.0.0.1:443", false),
        ] {
            let (listener, address) = (listener.parse().unwrap(), address.parse().unwrap());
            assert_eq!(is_own(&[listener], address), own, "{listener} {address}");
        }
    }
}
