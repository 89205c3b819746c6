//! Everything without a connection: UDP, QUIC, questions for names, ICMP and raw packets.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use hickory_resolver::proto::op::{Message, Query};
use hickory_resolver::proto::rr::{DNSClass, Name, RecordType};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketType, ipproto};

use super::{Outcome, PATIENCE, Probe, is_stopped};
use crate::dns::OWN_TEXT;

/// What is sent where the bytes do not matter.
const PAYLOAD: &[u8] = b"lazaret net check";
/// A QUIC long header of a version that nobody speaks: whoever hears it must answer with the ones
/// that they do (RFC 9000, section 6). Such a datagram has at least 1200 bytes.
const QUIC_BYTES: usize = 1200;
const QUIC_HEAD: [u8; 16] = [0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 4, 1, 2, 3, 4, 4, 5, 6, 7, 8, 0];
/// An echo request (RFC 792, RFC 4443), whose checksum the kernel fills in.
const ECHO_V4: u8 = 8;
const ECHO_V6: u8 = 128;

/// A datagram of no protocol.
pub(super) fn plain(way: &'static str, to: SocketAddr) -> Probe {
    Probe::new(way, format!("send to {to}"), exchange(to, PAYLOAD).judged())
}

/// A datagram that QUIC servers answer.
pub(super) fn quic(to: SocketAddr) -> Probe {
    let mut datagram = QUIC_HEAD.to_vec();
    datagram.resize(QUIC_BYTES, 0);
    Probe::new("quic", format!("send a QUIC packet to {to}"), exchange(to, &datagram).judged())
}

/// A question to a name server outside: either nothing goes, or it is Lazaret that answers.
pub(super) fn dns(to: SocketAddr) -> Probe {
    let tried = format!("ask the name server {to} who it is");
    let Some(question) = who() else {
        let failed = (Outcome::Unproven, "no question can be written".to_owned());
        return Probe::new("dns", tried, failed);
    };
    let sent = exchange(to, &question);
    let is_ours = matches!(&sent, Sent::Answered(answer) if names_us(answer));
    let judged = if is_ours {
        (Outcome::Held, "redirected: Lazaret answered".to_owned())
    } else {
        sent.judged()
    };
    Probe::new("dns", tried, judged)
}

/// An echo request, by whatever socket the kernel grants.
pub(super) fn ping(to: IpAddr) -> Probe {
    let tried = format!("ping {to}");
    let (family, protocol, kind) = match to {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, ECHO_V4),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, ECHO_V6),
    };
    let socket = [SocketType::DGRAM, SocketType::RAW]
        .into_iter()
        .find_map(|kind| rustix::net::socket(family, kind, Some(protocol)).ok());
    let Some(socket) = socket else {
        let held = (Outcome::Held, "no socket for it can be opened".to_owned());
        return Probe::new("icmp", tried, held);
    };
    let attempt = || -> rustix::io::Result<usize> {
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        rustix::net::connect(&socket, &SocketAddr::new(to, 0))?;
        rustix::net::send(&socket, &[kind, 0, 0, 0, 0, 1, 0, 1], SendFlags::empty())?;
        let mut answer = [0; 128];
        let (read, _) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
        Ok(read)
    };
    let sent = match attempt() {
        Ok(_) => Sent::Answered(Vec::new()),
        Err(error) => Sent::failed(&std::io::Error::from(error)),
    };
    Probe::new("icmp", tried, sent.judged())
}

/// Sockets whose packets no rule for addresses sees, or whose sender may write what it likes.
pub(super) fn raw() -> Vec<Probe> {
    let kinds: [(_, _, _, Option<Protocol>); 3] = [
        ("a packet socket (AF_PACKET)", AddressFamily::PACKET, SocketType::DGRAM, None),
        ("a raw IPv4 socket", AddressFamily::INET, SocketType::RAW, Some(ipproto::RAW)),
        ("a raw IPv6 socket", AddressFamily::INET6, SocketType::RAW, Some(ipproto::RAW)),
    ];
    let probe = |(what, family, kind, protocol)| {
        let judged = match rustix::net::socket(family, kind, protocol) {
            Ok(_) => (Outcome::Out, "opened: the workload has CAP_NET_RAW".to_owned()),
            Err(error) => (Outcome::Held, error.to_string()),
        };
        Probe::new("raw", format!("open {what}"), judged)
    };
    kinds.map(probe).into()
}

/// What became of a datagram.
enum Sent {
    Answered(Vec<u8>),
    Refused(String),
    Stopped(String),
    Unanswered(String),
}

impl Sent {
    fn failed(error: &std::io::Error) -> Self {
        if error.kind() == ErrorKind::ConnectionRefused {
            Self::Refused(error.to_string())
        } else if is_stopped(error) {
            Self::Stopped(error.to_string())
        } else {
            Self::Unanswered(error.to_string())
        }
    }

    fn judged(self) -> (Outcome, String) {
        match self {
            Self::Answered(_) => (Outcome::Out, "answered from outside".to_owned()),
            Self::Refused(why) => {
                (Outcome::Out, format!("{why}: it arrived, where nobody listens"))
            }
            Self::Stopped(why) => (Outcome::Held, why),
            Self::Unanswered(why) => (
                Outcome::Unproven,
                format!("it may have left the pod, and was not answered: {why}"),
            ),
        }
    }
}

fn exchange(to: SocketAddr, datagram: &[u8]) -> Sent {
    let attempt = || -> std::io::Result<Vec<u8>> {
        let any: SocketAddr = match to {
            SocketAddr::V4(_) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect(to)?;
        socket.send(datagram)?;
        let mut answer = vec![0; 1500];
        let read = socket.recv(&mut answer)?;
        answer.truncate(read);
        Ok(answer)
    };
    match attempt() {
        Ok(answer) => Sent::Answered(answer),
        Err(error) => Sent::failed(&error),
    }
}

/// RFC 4892: `id.server` in class CHAOS.
fn who() -> Option<Vec<u8>> {
    let mut query = Query::query(Name::from_ascii("id.server.").ok()?, RecordType::TXT);
    query.set_query_class(DNSClass::CH);
    let mut message = Message::query();
    message.add_query(query);
    message.to_vec().ok()
}

fn names_us(answer: &[u8]) -> bool {
    Message::from_vec(answer).is_ok_and(|message| {
        message.answers.iter().any(|record| record.data.to_string().contains(OWN_TEXT))
    })
}
