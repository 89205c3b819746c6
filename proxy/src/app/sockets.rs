//! The listeners' sockets, all bound before any traffic.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};

use super::{Addresses, StartError, failed};
use crate::config::Config;

/// Ports that are tried for the resolver where the configuration says 0.
const BOTH_TRIES_MAX: u8 = 16;

/// Connections that wait to be accepted, for each listener.
const BACKLOG_MAX: u32 = 1024;

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
    pub(super) fn bind(config: &Config) -> Result<Self, StartError> {
        let ports = Ports { are_shared: config.reuse_port };
        let inbound = config.inbound.as_ref().map(|part| part.listen);
        Ok(Self {
            http_proxy: ports.bind("outbound.httpProxy", config.http_proxy)?,
            socks5: ports.bind("outbound.socks5", config.socks5)?,
            transparent: ports.bind_transparent(config.transparent)?,
            inbound: ports.bind("inbound.listen", inbound)?,
            links: super::links::bind(config, ports)?,
            dns: ports.bind_dns(&config.dns)?,
            // Each process tells its own health and numbers.
            admin: Ports { are_shared: false }.bind("admin.listen", config.admin)?,
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

/// How addresses are taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    /// `listeners.reusePort`.
    are_shared: bool,
}

impl Ports {
    /// Listens at what the configuration calls `name`, if it has an address.
    pub(super) fn bind(
        self,
        name: &str,
        address: Option<SocketAddr>,
    ) -> Result<Option<TcpListener>, StartError> {
        let Some(address) = address else { return Ok(None) };
        match self.listen(address) {
            Ok(socket) => Ok(Some(socket)),
            Err(error) => Err(self.failed(&format!("{name} {address}"), error)),
        }
    }

    /// Both protocols, at the same port of each address.
    fn bind_dns(
        self,
        addresses: &[SocketAddr],
    ) -> Result<Vec<(UdpSocket, TcpListener)>, StartError> {
        let mut sockets = Vec::with_capacity(addresses.len());
        for address in addresses {
            let mut tries_left = if address.port() == 0 { BOTH_TRIES_MAX } else { 1 };
            let both = loop {
                tries_left -= 1;
                match self.bind_both(*address) {
                    // A port that is free for one protocol need not be for the other.
                    Err(error) if tries_left == 0 => {
                        return Err(self.failed(&format!("dns.listen {address}"), error));
                    }
                    Err(_) => {}
                    Ok(both) => break both,
                }
            };
            sockets.push(both);
        }
        Ok(sockets)
    }

    fn bind_both(self, address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
        let connections = self.listen(address)?;
        let address = connections.local_addr()?;
        let datagrams = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        datagrams.set_nonblocking(true)?;
        datagrams.set_reuse_port(self.are_shared)?;
        datagrams.bind(&address.into())?;
        Ok((UdpSocket::from_std(datagrams.into())?, connections))
    }

    /// The transparent listener, on both loopback addresses: IPv6 connections are redirected to `::1`,
    /// whatever IPv4 ones are. Without IPv6 there is one only.
    fn bind_transparent(self, address: Option<SocketAddr>) -> Result<Vec<TcpListener>, StartError> {
        let Some(first) = self.bind("outbound.transparent", address)? else {
            return Ok(Vec::new());
        };
        let mut sockets = Vec::from([first]);
        if let Some(bound) = sockets.first().and_then(|socket| socket.local_addr().ok()) {
            match self.listen(other_loopback(bound)) {
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

    fn listen(self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // So that a port is there again at once after a restart.
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(self.are_shared)?;
        socket.bind(address)?;
        socket.listen(BACKLOG_MAX)
    }

    fn failed(self, what: &str, error: io::Error) -> StartError {
        let hint = match (error.kind(), self.are_shared) {
            (io::ErrorKind::AddrInUse, false) => {
                "; another process listens there: stop it, or take another address (processes of one \
                 user share one where each has `listeners: {reusePort: true}`)"
            }
            (io::ErrorKind::AddrInUse, true) => {
                "; who listens there shares it with nobody: that wants `listeners: {reusePort: true}` \
                 there as well, and the same user"
            }
            _ => return failed(what, error),
        };
        failed(what, io::Error::new(error.kind(), format!("{error}{hint}")))
    }
}

/// The loopback address of the other version of IP, at the same port.
pub(super) fn other_loopback(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => (Ipv6Addr::LOCALHOST, address.port()).into(),
        SocketAddr::V6(_) => (Ipv4Addr::LOCALHOST, address.port()).into(),
    }
}
