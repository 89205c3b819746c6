//! SOCKS5 on the wire (RFC 1928): messages as they come, replies as they go. Pure.
//!
//! Nothing is allocated by a declared length beyond the 255 bytes that a name may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The version byte of every message.
const VERSION: u8 = 5;
/// "No authentication required".
const NO_AUTHENTICATION: u8 = 0;
/// The one command that is served.
const CONNECT: u8 = 1;

/// What a client asks to be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// An address.
    Ip(IpAddr),
    /// A name, as it was sent.
    Name(Vec<u8>),
}

/// A message that is all there, and its length; None where more bytes are needed.
pub(super) type Parsed<T> = Option<(T, usize)>;

/// Why a message cannot be answered as it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// An address type that RFC 1928 does not know.
    AddressType,
    /// BIND, UDP ASSOCIATE, or anything else.
    Command,
    /// No message of this protocol.
    Grammar,
    /// The client offers none of the ways to prove itself that we take.
    Methods,
}

/// How a request is answered (RFC 1928, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Reply {
    Succeeded = 0,
    GeneralFailure = 1,
    NotAllowed = 2,
    HostUnreachable = 4,
    Refused = 5,
    CommandNotSupported = 7,
    AddressTypeNotSupported = 8,
}

/// The answer to a greeting that is taken.
pub(super) const WELCOME: [u8; 2] = [VERSION, NO_AUTHENTICATION];
/// The answer to one that is not.
pub(super) const NO_METHOD: [u8; 2] = [VERSION, 0xff];

impl Reply {
    /// The reply's bytes. The address that we connect from is nobody's business.
    pub(super) fn bytes(self) -> [u8; 10] {
        let code = match self {
            Reply::Succeeded => 0,
            Reply::GeneralFailure => 1,
            Reply::NotAllowed => 2,
            Reply::HostUnreachable => 4,
            Reply::Refused => 5,
            Reply::CommandNotSupported => 7,
            Reply::AddressTypeNotSupported => 8,
        };
        [VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0]
    }
}

/// Reads the greeting: the methods that the client offers.
pub(super) fn greeting(bytes: &[u8]) -> Result<Parsed<()>, Fault> {
    if bytes.first().is_some_and(|version| *version != VERSION) {
        return Err(Fault::Grammar);
    }
    let Some(count) = bytes.get(1) else { return Ok(None) };
    let end = 2 + usize::from(*count);
    let Some(methods) = bytes.get(2..end) else { return Ok(None) };
    if methods.contains(&NO_AUTHENTICATION) { Ok(Some(((), end))) } else { Err(Fault::Methods) }
}

/// Reads the request: address and port.
pub(super) fn request(bytes: &[u8]) -> Result<Parsed<(Address, u16)>, Fault> {
    if bytes.first().is_some_and(|version| *version != VERSION) {
        return Err(Fault::Grammar);
    }
    if bytes.get(1).is_some_and(|command| *command != CONNECT) {
        return Err(Fault::Command);
    }
    if bytes.get(2).is_some_and(|reserved| *reserved != 0) {
        return Err(Fault::Grammar);
    }
    let Some(kind) = bytes.get(3) else { return Ok(None) };
    let rest = bytes.get(4..).unwrap_or_default();
    let (address, used) = match kind {
        1 => match rest.first_chunk::<4>() {
            Some(octets) => (Address::Ip(IpAddr::V4(Ipv4Addr::from(*octets))), 4),
            None => return Ok(None),
        },
        3 => {
            let Some(length) = rest.first() else { return Ok(None) };
            let end = 1 + usize::from(*length);
            match rest.get(1..end) {
                Some([]) => return Err(Fault::Grammar),
                Some(name) => (Address::Name(name.to_vec()), end),
                None => return Ok(None),
            }
        }
        4 => match rest.first_chunk::<16>() {
            Some(octets) => (Address::Ip(IpAddr::V6(Ipv6Addr::from(*octets))), 16),
            None => return Ok(None),
        },
        _ => return Err(Fault::AddressType),
    };
    let port = rest.get(used..).and_then(<[u8]>::first_chunk::<2>);
    let Some(port) = port else { return Ok(None) };
    match u16::from_be_bytes(*port) {
        0 => Err(Fault::Grammar),
        port => Ok(Some(((address, port), 4 + used + 2))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_names_an_address_or_a_host_and_a_port() {
        let name = [&[5, 1, 0, 3, 9][..], b"a.example", &[1, 187]].concat();
        assert_eq!(request(&name), Ok(Some(((Address::Name(b"a.example".to_vec()), 443), 16))));
        let v4 = [5, 1, 0, 1, 10, 0, 0, 1, 0, 80, 99];
        let address = Address::Ip("10.0.0.1".parse().unwrap());
        assert_eq!(request(&v4), Ok(Some(((address, 80), 10))));
        let v6 = [&[5, 1, 0, 4][..], &[0; 15], &[1, 0, 22]].concat();
        assert_eq!(request(&v6), Ok(Some(((Address::Ip("::1".parse().unwrap()), 22), 22))));
        for (bytes, fault) in [
            (&[4, 1][..], Fault::Grammar),
            (&[5, 2], Fault::Command),
            (&[5, 3], Fault::Command),
            (&[5, 1, 1], Fault::Grammar),
            (&[5, 1, 0, 2], Fault::AddressType),
            (&[5, 1, 0, 3, 0], Fault::Grammar),
            (&[5, 1, 0, 1, 10, 0, 0, 1, 0, 0], Fault::Grammar),
        ] {
            assert_eq!(request(bytes), Err(fault), "{bytes:?}");
        }
    }

    #[test]
    fn a_client_must_offer_to_come_without_a_password() {
        assert_eq!(greeting(&[5, 2, 2, 0, 9]), Ok(Some(((), 4))));
        assert_eq!(greeting(&[5, 1, 2]), Err(Fault::Methods));
        assert_eq!(greeting(&[5, 0]), Err(Fault::Methods));
        assert_eq!(greeting(&[4]), Err(Fault::Grammar));
        assert_eq!(greeting(b"GET"), Err(Fault::Grammar));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_more_change_nothing(bytes in prop::collection::vec(0..6u8, 0..40)) {
            for end in 0..=bytes.len() {
                for (part, whole) in [
                    (greeting(&bytes[..end]).map(|told| told.map(|_| ())), greeting(&bytes).map(|told| told.map(|_| ()))),
                    (request(&bytes[..end]).map(|told| told.map(|_| ())), request(&bytes).map(|told| told.map(|_| ()))),
                ] {
                    prop_assert!(part == Ok(None) || part == whole);
                }
            }
        }
    }
}
