//! Proof, from the workload's place, that nothing goes around us: every probe does what a workload
//! could do, and says what happened. What merely was not answered is not proof and is told apart.

mod capabilities;
mod datagrams;
mod files;
mod processes;
mod report;
mod sockets;
mod streams;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

pub use self::files::Guarded;
pub use self::report::Report;

/// How long a probe waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Ports that are tried when none is named: the usual ones, and one that is nobody's.
pub const PORTS: [u16; 6] = [22, 80, 443, 5432, 8443, 47_619];
/// Where clouds tell credentials: AWS, Alibaba, Azure.
const METADATA: [&str; 4] =
    ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"];
/// Tried as IPv6 where no such address is named: Google's resolver, which answers.
const OUTSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888);
/// The group that a link's neighbours may listen to: mDNS.
const GROUP_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), 5353);
/// The same in IPv6, of one link.
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// What to try.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Lazaret's user.
    pub uid: Option<u32>,
    /// What must be out of reach.
    pub guarded: Vec<Guarded>,
    /// Addresses outside, where something listens.
    pub outside: Vec<IpAddr>,
    /// Ports there.
    pub ports: Vec<u16>,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// What was tried is not possible.
    Held,
    /// It got out, or in reach.
    Out,
    /// Nothing stopped it, and nothing shows where it went.
    Unproven,
}

/// One thing that was tried.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Probe {
    /// What kind of way, such as `udp`.
    pub way: &'static str,
    /// What was tried.
    pub tried: String,
    /// What happened.
    pub happened: String,
    /// What that proves.
    pub outcome: Outcome,
}

impl Probe {
    fn new(
        way: &'static str,
        tried: impl Into<String>,
        (outcome, happened): (Outcome, String),
    ) -> Self {
        Self { way, tried: tried.into(), happened, outcome }
    }
}

/// Whether an error says that the kernel let nothing go: there is no way, or none is allowed.
fn is_stopped(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable
            | ErrorKind::Unsupported
    )
}

/// Tries everything, one after the other.
pub fn run(settings: &Settings) -> Report {
    let mut probes = capabilities::probe(settings.uid);
    for guarded in &settings.guarded {
        probes.extend(files::probe(guarded));
    }
    probes.extend(processes::probe(settings.uid));
    let mut outside = settings.outside.clone();
    if !outside.iter().any(IpAddr::is_ipv6) {
        outside.push(IpAddr::V6(OUTSIDE_V6));
    }
    for ip in &outside {
        let tcp = if ip.is_ipv4() { "tcp" } else { "ipv6-tcp" };
        for port in &settings.ports {
            let to = SocketAddr::new(*ip, *port);
            probes.push(streams::probe(tcp, to, settings.uid));
        }
        probes.push(streams::probe("dns-tcp", SocketAddr::new(*ip, 53), settings.uid));
        probes.push(datagrams::dns(SocketAddr::new(*ip, 53)));
        let udp = if ip.is_ipv4() { "udp" } else { "ipv6-udp" };
        probes.push(datagrams::plain(udp, SocketAddr::new(*ip, 47_619)));
        probes.push(datagrams::quic(SocketAddr::new(*ip, 443)));
        probes.push(datagrams::ping(*ip));
    }
    for address in METADATA.iter().filter_map(|text| text.parse::<IpAddr>().ok()) {
        probes.push(streams::probe("metadata", SocketAddr::new(address, 80), settings.uid));
        probes.push(datagrams::plain("metadata-udp", SocketAddr::new(address, 47_619)));
    }
    for group in std::iter::once(GROUP_V4).chain(links().map(on_link)) {
        probes.push(datagrams::plain("multicast", group));
    }
    probes.extend(datagrams::raw());
    Report { probes }
}

fn on_link(index: u32) -> SocketAddr {
    SocketAddrV6::new(GROUP_V6, GROUP_V4.port(), 0, index).into()
}

/// The kernel's numbers of this pod's links.
fn links() -> impl Iterator<Item = u32> {
    let links = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    links.filter(|link| link.file_name() != "lo").filter_map(|link| {
        std::fs::read_to_string(link.path().join("ifindex")).ok()?.trim().parse().ok()
    })
}
