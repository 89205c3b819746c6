//! Which protocol a connection speaks, by its first bytes. Pure.
//!
//! Invariant: what is told of some bytes is told of all longer ones that begin with them, however
//! they were split on the way; only [`Sniffed::NeedMore`] may change. Never panics.

pub mod client_hello;

/// Bytes of a request line that are looked at; a longer one that is right so far is HTTP.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// The longest method (RFC 9110 knows none of more than 7 characters; WebDAV has one of 16).
const METHOD_BYTES_MAX: usize = 24;
/// RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// TLS records: handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
/// The handshake message with which a client begins (RFC 8446, section 4).
const CLIENT_HELLO: u8 = 1;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniffed {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
    /// Not known yet.
    NeedMore,
    /// None of the others.
    Opaque,
    /// TLS, from its ClientHello.
    Tls,
}

/// Looks at the first bytes that a client sent.
pub fn sniff(bytes: &[u8]) -> Sniffed {
    let tried = [sniff_tls(bytes), sniff_http2(bytes), sniff_http1(bytes)];
    let found = |wanted: &dyn Fn(&Sniffed) -> bool| tried.iter().copied().find(wanted);
    found(&|it| !matches!(it, Sniffed::NeedMore | Sniffed::Opaque))
        .or_else(|| found(&|it| *it == Sniffed::NeedMore))
        .unwrap_or(Sniffed::Opaque)
}

/// A record header of a handshake, and the type of the message in it.
pub(crate) fn sniff_tls(bytes: &[u8]) -> Sniffed {
    let fits = |(place, byte): (usize, &u8)| match place {
        0 => *byte == HANDSHAKE,
        1 => *byte == 3,
        2 => *byte <= 4,
        5 => *byte == CLIENT_HELLO,
        _ => true,
    };
    if !bytes.iter().take(6).enumerate().all(fits) {
        return Sniffed::Opaque;
    }
    if bytes.len() < 6 { Sniffed::NeedMore } else { Sniffed::Tls }
}

fn sniff_http2(bytes: &[u8]) -> Sniffed {
    if bytes.starts_with(PREFACE) {
        Sniffed::Http2
    } else if PREFACE.starts_with(bytes) {
        Sniffed::NeedMore
    } else {
        Sniffed::Opaque
    }
}

/// A request line: `method SP target SP HTTP/1.x` (RFC 9112, section 3).
fn sniff_http1(bytes: &[u8]) -> Sniffed {
    let Some(space) = bytes.iter().take(METHOD_BYTES_MAX + 1).position(|byte| *byte == b' ') else {
        let is_method = bytes.len() <= METHOD_BYTES_MAX && bytes.iter().all(is_token);
        return if is_method { Sniffed::NeedMore } else { Sniffed::Opaque };
    };
    let (method, rest) = bytes.split_at(space);
    if method.is_empty() || !method.iter().all(is_token) || bytes.starts_with(b"PRI ") {
        return Sniffed::Opaque;
    }
    let target = rest.get(1..).unwrap_or_default();
    let line = target.get(..LINE_BYTES_MAX).unwrap_or(target);
    let end = line.iter().position(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control());
    let Some(end) = end else {
        return if line.len() < LINE_BYTES_MAX { Sniffed::NeedMore } else { Sniffed::Http1 };
    };
    let version = target.get(end..).unwrap_or_default();
    if end == 0 {
        Sniffed::Opaque
    } else if version.starts_with(b" HTTP/1.") {
        Sniffed::Http1
    } else if b" HTTP/1.".starts_with(version) {
        Sniffed::NeedMore
    } else {
        Sniffed::Opaque
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

#[cfg(test)]
mod tests;
