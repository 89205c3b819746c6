//! PURE: bytes of a question in, a question out; a reply in, bytes out. The codec is hickory's; what
//! is a question, and how long its answer may be, is said here.

use std::net::IpAddr;

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};

/// The longest question that is read, bytes. One name of 255 bytes, its type and the usual options
/// take a tenth of it.
pub(super) const QUESTION_BYTES_MAX: usize = 4096;
/// What a client that announces nothing takes over UDP (RFC 1035, section 2.3.4).
const PLAIN_UDP_BYTES_MAX: usize = 512;
/// The largest answer over UDP, whatever the client announces: larger ones are fragmented (DNS flag
/// day 2020).
const UDP_BYTES_MAX: usize = 1232;
/// What a length of two bytes can announce.
const TCP_BYTES_MAX: usize = 65535;
/// Names in class CHAOS by which a name server tells who it is (RFC 4892).
const OWN_NAMES: [&str; 2] = ["id.server", "version.bind"];
/// What we answer there.
pub const OWN_TEXT: &str = "lazaret";

/// How a question came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// In a datagram, where the answer must fit one.
    Udp,
    /// On a connection.
    Tcp,
}

/// What the bytes of a message turned out to be.
#[derive(Debug)]
pub(super) enum Read {
    /// One question.
    Question(Box<Asked>),
    /// No question that is answered: why, and the answer that says so. None where there is nobody to
    /// answer, or where an answer could be taken for a question.
    Malformed(&'static str, Option<Vec<u8>>),
}

/// A question.
#[derive(Debug)]
pub(super) struct Asked {
    message: Message,
    query: Query,
    /// As it was asked, without the dot at its end; controls and the like are escaped (`\032`).
    pub(super) name: String,
    room: usize,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wanted {
    /// IPv4 addresses.
    V4,
    /// IPv6 addresses.
    V6,
    /// HTTPS or SVCB: how to speak to the host.
    Service,
    /// Who answers, in class CHAOS.
    Us,
    /// Anything else.
    Other,
}

/// What is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Reply {
    /// Addresses, none where the name has none of this kind, and how long they may be kept, seconds.
    Addresses(Vec<IpAddr>, u32),
    /// There is no such name: nothing is asked further.
    NoSuchName,
    /// Not for this type or class.
    Refused,
    /// Asked for in vain.
    Failed,
    /// Who answers.
    Us,
}

/// Reads one message.
pub(super) fn read(bytes: &[u8], way: Way) -> Read {
    let [first, second, flags, ..] = *bytes else {
        return Read::Malformed("shorter than a header", None);
    };
    // An answer to an answer can be answered for ever.
    if flags & 0x80 != 0 {
        return Read::Malformed("an answer that nobody asked for", None);
    }
    let id = u16::from_be_bytes([first, second]);
    let refuse = |what, code| {
        let answer = Message::error_msg(id, OpCode::Query, code).to_vec().ok();
        Read::Malformed(what, answer)
    };
    if bytes.len() > QUESTION_BYTES_MAX {
        return refuse("longer than a question is read", ResponseCode::FormErr);
    }
    let Ok(mut message) = Message::from_vec(bytes) else {
        return refuse("not a DNS message", ResponseCode::FormErr);
    };
    if message.op_code != OpCode::Query {
        return refuse("not a standard query", ResponseCode::NotImp);
    }
    let (Some(query), None) = (message.queries.pop(), message.queries.first()) else {
        return refuse("not one question", ResponseCode::FormErr);
    };
    if !message.answers.is_empty() || !message.authorities.is_empty() {
        return refuse("a question with answers", ResponseCode::FormErr);
    }
    if message.edns.as_ref().is_some_and(|edns| edns.version() != 0) {
        return refuse("an unknown version of EDNS", ResponseCode::BADVERS);
    }
    let room = match (way, &message.edns) {
        (Way::Tcp, _) => TCP_BYTES_MAX,
        (Way::Udp, None) => PLAIN_UDP_BYTES_MAX,
        (Way::Udp, Some(edns)) => {
            usize::from(edns.max_payload()).clamp(PLAIN_UDP_BYTES_MAX, UDP_BYTES_MAX)
        }
    };
    let name = query.name().to_ascii();
    let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
    Read::Question(Box::new(Asked { message, query, name, room }))
}

impl Asked {
    /// What is asked for.
    pub(super) fn wanted(&self) -> Wanted {
        match (self.query.query_class(), self.query.query_type()) {
            (DNSClass::IN, RecordType::A) => Wanted::V4,
            (DNSClass::IN, RecordType::AAAA) => Wanted::V6,
            (DNSClass::IN, RecordType::HTTPS | RecordType::SVCB) => Wanted::Service,
            (DNSClass::CH, RecordType::TXT)
                if OWN_NAMES.iter().any(|own| self.name.eq_ignore_ascii_case(own)) =>
            {
                Wanted::Us
            }
            (_, _) => Wanted::Other,
        }
    }

    /// The type, with its class where that is not IN, for the record.
    pub(super) fn kind(&self) -> String {
        let kind = self.query.query_type();
        let kind = if let RecordType::Unknown(number) = kind {
            format!("TYPE{number}")
        } else {
            kind.to_string()
        };
        let class = self.query.query_class();
        if class == DNSClass::IN { kind } else { format!("{class} {kind}") }
    }

    /// The answer's bytes, at most as many as the client takes. Addresses that do not fit are left
    /// out, which the answer says, so that the client asks again over TCP.
    pub(super) fn answer(&self, reply: &Reply) -> Vec<u8> {
        let whole = self.response(reply);
        match whole.to_vec() {
            Ok(bytes) if bytes.len() <= self.room => bytes,
            Ok(_) => whole.truncate().to_vec().unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    }

    fn response(&self, reply: &Reply) -> Message {
        let asked = &self.message.metadata;
        let mut response = Message::new(asked.id, MessageType::Response, OpCode::Query);
        response.metadata.recursion_desired = asked.recursion_desired;
        response.metadata.recursion_available = true;
        response.metadata.checking_disabled = asked.checking_disabled;
        // The name goes back in the case it came in, which is how some clients know their answer.
        response.add_query(self.query.clone());
        if self.message.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(u16::try_from(UDP_BYTES_MAX).unwrap_or(u16::MAX));
            response.set_edns(edns);
        }
        let code = match reply {
            Reply::Addresses(addresses, ttl) => {
                let name = self.query.name();
                response.add_answers(addresses.iter().map(|address| record(name, *ttl, *address)));
                ResponseCode::NoError
            }
            Reply::Us => {
                let text = RData::TXT(TXT::new(vec![OWN_TEXT.to_owned()]));
                let mut record = Record::from_rdata(self.query.name().clone(), 0, text);
                record.dns_class = DNSClass::CH;
                response.add_answer(record);
                ResponseCode::NoError
            }
            Reply::NoSuchName => ResponseCode::NXDomain,
            Reply::Refused => ResponseCode::Refused,
            Reply::Failed => ResponseCode::ServFail,
        };
        response.metadata.response_code = code;
        response
    }
}

impl Reply {
    /// The response code's name, for the record.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Addresses(..) | Self::Us => "NOERROR",
            Self::NoSuchName => "NXDOMAIN",
            Self::Refused => "REFUSED",
            Self::Failed => "SERVFAIL",
        }
    }
}

fn record(name: &Name, ttl: u32, address: IpAddr) -> Record {
    Record::from_rdata(name.clone(), ttl, RData::from(address))
}

#[cfg(test)]
mod tests;
