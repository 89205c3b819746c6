//! The listeners' sockets, all bound before any traffic.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::SockRef;
use tokio::net::{TcpListener, UdpSocket};

use super::{Addresses, StartError, failed};
use crate::config::Config;

/// Ports that are tried for the resolver where the configuration says 0.
const BOTH_TRIES_MAX: u8 = 16;

/// What is bound.
pub(super) struct Sockets {
    pub(super) http_proxy: Option<TcpListener>,
    pub(super) socks5: Option<TcpListener>,
    /// One for each version of IP: the kernel redirects to the loopback address of the same.
    pub(super) transparent: Vec<TcpListener>,
    pub(super) inbound: Option<TcpListener>,
    pub(super) links: Vec<TcpListener>,
    pub(super) dns: Vec<(UdpSocket, TcpListener)>,
    pub(super) admin: Option<TcpListener>,
}

impl Sockets {
    pub(super) async fn bind(config: &Config) -> Result<Self, StartError> {
        Ok(Self {
            http_proxy: bind("outbound.httpProxy", config.http_proxy).await?,
            socks5: bind("outbound.socks5", config.socks5).await?,
            transparent: bind_transparent(config.transparent).await?,
            inbound: bind("inbound.listen", config.inbound.as_ref().map(|part| part.listen))
                .await?,
            links: super::links::bind(config).await?,
            dns: bind_dns(&config.dns).await?,
            admin: bind("admin.listen", config.admin).await?,
        })
    }

    /// Whether any of them is the workload's way out.
    pub(super) fn lead_out(&self) -> bool {
        self.http_proxy.is_some() || self.socks5.is_some() || !self.transparent.is_empty()
    }

    pub(super) fn addresses(&self) -> Addresses {
        let of = |socket: &Option<TcpListener>| {
            socket.as_ref().and_then(|socket| socket.local_addr().ok())
        };
        Addresses {
            http_proxy: of(&self.http_proxy),
            socks5: of(&self.socks5),
            transparent: self.transparent.first().and_then(|socket| socket.local_addr().ok()),
            inbound: of(&self.inbound),
            dns: self.dns.first().and_then(|(socket, _)| socket.local_addr().ok()),
            admin: of(&self.admin),
        }
    }
}

pub(super) async fn bind(
    name: &str,
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = address else { return Ok(None) };
    match TcpListener::bind(address).await {
        Ok(socket) => Ok(Some(socket)),
        Err(error) => Err(failed(&format!("{name} {address}"), error)),
    }
}

/// Both protocols, at the same port of each address.
async fn bind_dns(addresses: &[SocketAddr]) -> Result<Vec<(UdpSocket, TcpListener)>, StartError> {
    let mut sockets = Vec::with_capacity(addresses.len());
    for address in addresses {
        let mut tries_left = if address.port() == 0 { BOTH_TRIES_MAX } else { 1 };
        let both = loop {
            tries_left -= 1;
            match bind_both(*address).await {
                // A port that is free for one protocol need not be for the other.
                Err(error) if tries_left == 0 => {
                    return Err(failed(&format!("dns.listen {address}"), error));
                }
                Err(_) => {}
                Ok(both) => break both,
            }
        };
        sockets.push(both);
    }
    Ok(sockets)
}

async fn bind_both(address: SocketAddr) -> std::io::Result<(UdpSocket, TcpListener)> {
    let connections = TcpListener::bind(address).await?;
    Ok((UdpSocket::bind(connections.local_addr()?).await?, connections))
}

/// The transparent listener, on both loopback addresses: IPv6 connections are redirected to `::1`,
/// whatever IPv4 ones are. Without IPv6 there is one only.
async fn bind_transparent(address: Option<SocketAddr>) -> Result<Vec<TcpListener>, StartError> {
    let Some(first) = bind("outbound.transparent", address).await? else { return Ok(Vec::new()) };
    let mut sockets = Vec::from([first]);
    if let Some(bound) = sockets.first().and_then(|socket| socket.local_addr().ok()) {
        match TcpListener::bind(other_loopback(bound)).await {
            Ok(second) => sockets.push(second),
            Err(error) => {
                tracing::warn!(%error, "outbound.transparent takes one version of IP only")
            }
        }
    }
    for socket in &sockets {
        // The option is one for both versions of IP; REDIRECT does without.
        if let Err(error) = SockRef::from(socket).set_ip_transparent_v4(true) {
            tracing::info!(
                %error,
                "outbound.transparent takes REDIRECT alone; TPROXY wants CAP_NET_RAW or CAP_NET_ADMIN"
            );
        }
    }
    Ok(sockets)
}

/// The loopback address of the other version of IP, at the same port.
pub(super) fn other_loopback(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => (Ipv6Addr::LOCALHOST, address.port()).into(),
        SocketAddr::V6(_) => (Ipv4Addr::LOCALHOST, address.port()).into(),
    }
}
