//! The ClientHello of a TLS connection, put together from the records it comes in: which server
//! it names, what it offers to speak, and whether another name is hidden in it. Pure.
//!
//! Invariant: an answer other than [`Read::NeedMore`] does not change with more bytes. Nothing is
//! allocated by a length that the bytes only declare. Never panics.

/// The longest ClientHello that is read, in bytes of its handshake message. A post-quantum one has
/// 1.4 to 2 KiB.
pub const HELLO_BYTES_MAX: usize = 16 * 1024;
/// The most records it may come in.
pub const RECORDS_MAX: usize = 128;
/// RFC 8446, section 5.1.
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// RFC 8446, section 4.
const CLIENT_HELLO: u8 = 1;
const HANDSHAKE: u8 = 22;
/// RFC 6066, section 3.
const SERVER_NAME: u16 = 0;
/// RFC 7301.
const ALPN: u16 = 16;
/// RFC 9849.
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// What a ClientHello says in the clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The server's name, as it was sent.
    pub server_name: Option<String>,
    /// What it offers to speak inside, such as `h2`.
    pub alpn: Vec<Vec<u8>>,
    /// Whether it carries an encrypted ClientHello, or bytes that cannot be told from one: then the
    /// name in the clear need not be the one that is meant.
    pub offers_ech: bool,
}

/// How far a ClientHello has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// All of it is there.
    Done(ClientHello),
    /// It is none, or is too long.
    Malformed(&'static str),
    /// More bytes are needed.
    NeedMore,
}

/// Reads a ClientHello from the first bytes that a client sent.
pub fn read(bytes: &[u8]) -> Read {
    let mut message = Vec::new();
    let mut rest = bytes;
    for _ in 0..RECORDS_MAX {
        if let Some(read) = read_message(&message) {
            return read;
        }
        match next_record(rest) {
            Ok(Some((fragment, after))) => {
                message.extend_from_slice(fragment);
                rest = after;
            }
            Ok(None) => return Read::NeedMore,
            Err(what) => return Read::Malformed(what),
        }
    }
    read_message(&message).unwrap_or(Read::Malformed("the ClientHello comes in too many records"))
}

/// A record's fragment and what follows the record.
type Record<'a> = (&'a [u8], &'a [u8]);

/// The next record's fragment and what follows it; None where it is not whole yet.
fn next_record(bytes: &[u8]) -> Result<Option<Record<'_>>, &'static str> {
    if bytes.first().is_some_and(|kind| *kind != HANDSHAKE) {
        return Err("a TLS record that is no handshake within the ClientHello");
    }
    if bytes.get(1).is_some_and(|major| *major != 3) {
        return Err("a TLS record of an unknown version");
    }
    let Some((header, rest)) = bytes.split_at_checked(5) else { return Ok(None) };
    let length = header.iter().skip(3).fold(0, |length, byte| length << 8 | usize::from(*byte));
    if length == 0 || length > RECORD_BYTES_MAX {
        return Err("a TLS record of an impossible length");
    }
    Ok(rest.split_at_checked(length))
}

/// What the message says, once it is whole or cannot become one any more.
fn read_message(message: &[u8]) -> Option<Read> {
    let mut fields = Fields(message);
    if fields.number(1)? != u32::from(CLIENT_HELLO) {
        return Some(Read::Malformed("the first handshake message is no ClientHello"));
    }
    let length = usize::try_from(fields.number(3)?).unwrap_or(usize::MAX);
    if length > HELLO_BYTES_MAX {
        return Some(Read::Malformed("the ClientHello is too long"));
    }
    let body = fields.bytes(length)?;
    Some(match read_body(body) {
        Some(hello) => Read::Done(hello),
        None => Read::Malformed("the ClientHello's fields do not fit it"),
    })
}

/// RFC 8446, section 4.1.2.
fn read_body(body: &[u8]) -> Option<ClientHello> {
    let mut fields = Fields(body);
    let _version = fields.number(2)?;
    let _random = fields.bytes(32)?;
    let _session = fields.vector(1)?;
    let _ciphers = fields.vector(2)?;
    let _compressions = fields.vector(1)?;
    let mut hello = ClientHello::default();
    if fields.0.is_empty() {
        return Some(hello);
    }
    let mut extensions = Fields(fields.vector(2)?);
    if !fields.0.is_empty() {
        return None;
    }
    let (mut has_name, mut has_alpn) = (false, false);
    while !extensions.0.is_empty() {
        let kind = u16::try_from(extensions.number(2)?).ok()?;
        let data = extensions.vector(2)?;
        match kind {
            // RFC 8446, section 4.2: no extension twice. Two names would be two readings.
            SERVER_NAME if has_name => return None,
            SERVER_NAME => {
                has_name = true;
                hello.server_name = Some(server_name(data)?);
            }
            ALPN if has_alpn => return None,
            ALPN => {
                has_alpn = true;
                hello.alpn = protocols(data)?;
            }
            ENCRYPTED_CLIENT_HELLO => hello.offers_ech = true,
            _ => (),
        }
    }
    Some(hello)
}

/// Exactly one name of the one type there is (RFC 6066, section 3).
fn server_name(data: &[u8]) -> Option<String> {
    let mut fields = Fields(data);
    let mut names = Fields(fields.vector(2)?);
    let kind = names.number(1)?;
    let name = names.vector(2)?;
    let is_alone = names.0.is_empty() && fields.0.is_empty();
    if kind != 0 || !is_alone || name.is_empty() || !name.is_ascii() {
        return None;
    }
    String::from_utf8(name.to_vec()).ok()
}

fn protocols(data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut fields = Fields(data);
    let mut names = Fields(fields.vector(2)?);
    let mut found = Vec::new();
    while !names.0.is_empty() {
        found.push(names.vector(1)?.to_vec());
    }
    fields.0.is_empty().then_some(found)
}

/// Fields of the TLS presentation language (RFC 8446, section 3).
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A number of at most four bytes.
    fn number(&mut self, length: usize) -> Option<u32> {
        Some(self.bytes(length)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    /// A vector whose length comes first, in so many bytes.
    fn vector(&mut self, length: usize) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number(length)?).ok()?;
        self.bytes(length)
    }
}

#[cfg(test)]
mod tests;
