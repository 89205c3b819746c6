//! Where an HTTP/1 request ends, read strictly: heads and bodies that two servers could delimit
//! differently are faults (RFC 9112, sections 2.2, 5.1, 5.2, 6.1, 6.3, 7.1, 11.2). It runs before the
//! parser that serves the request, so nothing that this room has not delimited reaches it.
//!
//! Invariant: however the bytes are cut into pieces, the answers are the same. Pure.

/// The longest line before a chunk, with its extensions, or of a trailer, bytes.
pub const CHUNK_LINE_BYTES_MAX: usize = 1024;
/// All trailer lines of one body, bytes.
const TRAILER_BYTES_MAX: usize = 16 * 1024;
/// Digits of a chunk's length: 64 bits.
const CHUNK_DIGITS_MAX: usize = 16;
/// How an HTTP/2 connection begins that nobody negotiated (RFC 9113, section 3.4).
const PREFACE_LINE: &[u8] = b"PRI * HTTP/2.0";

/// Why a request has no single reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A CR that no LF follows.
    #[error("a CR without LF")]
    BareCr,
    /// An LF that no CR precedes.
    #[error("an LF without CR")]
    BareLf,
    /// The line before a chunk.
    #[error("a chunk whose length is no hexadecimal number of at most 64 bits")]
    ChunkLength,
    /// The line before a chunk, or a trailer, is longer than [`CHUNK_LINE_BYTES_MAX`], or the
    /// trailers are together.
    #[error("chunk extensions or trailers that are too long")]
    ChunkLine,
    /// A chunk is not followed by CR LF.
    #[error("a chunk that does not end where its length says")]
    ChunkEnd,
    /// NUL or another control.
    #[error("a control character in the head")]
    Control,
    /// A header line that begins with a blank: the obsolete folding.
    #[error("a folded header line")]
    Folded,
    /// A fragment, which is the client's own (RFC 9110, section 7.1): servers differ in what they make
    /// of it, and here it would be dropped unread.
    #[error("a fragment (`#...`) in the request's target")]
    Fragment,
    /// Content-Length is no plain number, or stands there more than once.
    #[error("a Content-Length that is not one plain number")]
    Length,
    /// Content-Length beside Transfer-Encoding.
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndEncoding,
    /// A header name that is no token, or a blank before its colon.
    #[error("a header name that is no token followed by a colon")]
    Name,
    /// Not `method SP target SP HTTP/1.x`.
    #[error("a request line that is not `method target HTTP/1.x`")]
    RequestLine,
    /// Transfer-Encoding is not `chunked` once, or comes in HTTP/1.0.
    #[error("a Transfer-Encoding that is not `chunked`, once, in HTTP/1.1")]
    TransferEncoding,
}

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    Chunks,
    Length(u64),
    /// CONNECT, Upgrade or HTTP/2: what follows is another protocol, or nothing.
    Other,
}

/// Follows the requests of one connection.
#[derive(Clone, Debug, Default)]
pub struct Framing {
    state: State,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Head,
    Length(u64),
    ChunkLine {
        line: Vec<u8>,
    },
    ChunkData(u64),
    /// So many of CR LF have come.
    ChunkEnd(u8),
    Trailer {
        line: Vec<u8>,
        bytes: usize,
    },
    Other,
}

impl Framing {
    /// Whether the next byte begins or goes on with a head.
    pub fn is_at_head(&self) -> bool {
        matches!(self.state, State::Head)
    }

    /// The length of the head that `held` begins with, `None` while it is not whole. Empty lines
    /// before the request line belong to it (RFC 9112, section 2.2).
    ///
    /// # Errors
    /// A [`Fault`] as soon as it is seen, also in a head that is not whole.
    pub fn head(&mut self, held: &[u8]) -> Result<Option<usize>, Fault> {
        let mut rest = held;
        while let Some(after) = rest.strip_prefix(b"\r\n") {
            rest = after;
        }
        let blank = held.len() - rest.len();
        check_start(rest)?;
        let mut seen = HeadLines::default();
        let mut at = 0;
        while let Some(line) = next_line(rest.get(at..).unwrap_or_default())? {
            at += line.len() + 2;
            if seen.take(line)? {
                self.state = State::after(seen.follows()?);
                return Ok(Some(blank + at));
            }
        }
        Ok(None)
    }

    /// How many of `bytes` belong to the request under way; what is left begins the next head.
    ///
    /// # Errors
    /// The [`Fault`] in the body's framing.
    pub fn body(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let taken = match &mut self.state {
                State::Head => break,
                State::Other => rest.len(),
                State::Length(left) | State::ChunkData(left) => {
                    let taken =
                        usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    *left -= taken as u64;
                    taken
                }
                State::ChunkEnd(seen) => {
                    if first != if *seen == 0 { b'\r' } else { b'\n' } {
                        return Err(Fault::ChunkEnd);
                    }
                    *seen += 1;
                    1
                }
                State::ChunkLine { line } => take_line(line, rest)?,
                State::Trailer { line, bytes } => {
                    let taken = take_line(line, rest)?;
                    *bytes += taken;
                    if *bytes > TRAILER_BYTES_MAX {
                        return Err(Fault::ChunkLine);
                    }
                    taken
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
            self.step()?;
        }
        Ok(bytes.len() - rest.len())
    }

    /// Goes on where a part of the body is complete.
    fn step(&mut self) -> Result<(), Fault> {
        let next = match &self.state {
            State::Length(0) => State::Head,
            State::ChunkData(0) => State::ChunkEnd(0),
            State::ChunkEnd(2) => State::ChunkLine { line: Vec::new() },
            State::ChunkLine { line } => match line.strip_suffix(b"\r\n") {
                None => return Ok(()),
                Some(line) => match chunk_length(line)? {
                    0 => State::Trailer { line: Vec::new(), bytes: 0 },
                    length => State::ChunkData(length),
                },
            },
            State::Trailer { line, bytes } => match line.strip_suffix(b"\r\n") {
                None => return Ok(()),
                Some([]) => State::Head,
                Some(line) => {
                    header(line)?;
                    State::Trailer { line: Vec::new(), bytes: *bytes }
                }
            },
            State::Head
            | State::Other
            | State::Length(_)
            | State::ChunkData(_)
            | State::ChunkEnd(_) => return Ok(()),
        };
        self.state = next;
        Ok(())
    }
}

impl State {
    fn after(follows: Follows) -> Self {
        match follows {
            Follows::Chunks => Self::ChunkLine { line: Vec::new() },
            Follows::Length(0) => Self::Head,
            Follows::Length(length) => Self::Length(length),
            Follows::Other => Self::Other,
        }
    }
}

/// What the lines of a head have said so far.
#[derive(Default)]
struct HeadLines {
    has_request_line: bool,
    is_old: bool,
    length: Option<u64>,
    is_chunked: bool,
    is_other: bool,
}

impl HeadLines {
    /// Takes the next line; true for the empty one that ends the head.
    fn take(&mut self, line: &[u8]) -> Result<bool, Fault> {
        if !self.has_request_line {
            self.has_request_line = true;
            if line == PREFACE_LINE {
                self.is_other = true;
                return Ok(false);
            }
            let (method, version) = request_line(line)?;
            self.is_old = version == b"HTTP/1.0";
            self.is_other = method == b"CONNECT";
            return Ok(false);
        }
        if line.is_empty() {
            return Ok(true);
        }
        let (name, value) = header(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            if self.length.is_some() {
                return Err(Fault::Length);
            }
            self.length = Some(plain_number(value)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.is_chunked || self.is_old || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::TransferEncoding);
            }
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.is_other = true;
        }
        Ok(false)
    }

    fn follows(&self) -> Result<Follows, Fault> {
        match (self.is_chunked, self.length) {
            (true, Some(_)) => Err(Fault::LengthAndEncoding),
            (_, _) if self.is_other => Ok(Follows::Other),
            (true, None) => Ok(Follows::Chunks),
            (false, length) => Ok(Follows::Length(length.unwrap_or(0))),
        }
    }
}

/// The first bytes of something that is no HTTP (a TLS handshake, say) need no end of line to be told.
fn check_start(head: &[u8]) -> Result<(), Fault> {
    match head.first() {
        Some(&first) if first != b'\r' && !is_token(first) => Err(Fault::RequestLine),
        Some(_) | None => Ok(()),
    }
}

/// The next line without its CR LF, `None` while it is not whole.
fn next_line(bytes: &[u8]) -> Result<Option<&[u8]>, Fault> {
    let Some(end) = memchr::memchr2(b'\r', b'\n', bytes) else { return Ok(None) };
    match bytes.get(end..) {
        Some([b'\n', ..]) => Err(Fault::BareLf),
        Some([b'\r', b'\n', ..]) => Ok(bytes.get(..end)),
        Some([b'\r', _, ..]) => Err(Fault::BareCr),
        Some(_) | None => Ok(None),
    }
}

/// Adds to a line until its LF; how many bytes that took.
fn take_line(line: &mut Vec<u8>, bytes: &[u8]) -> Result<usize, Fault> {
    let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
    if line.len() + end > CHUNK_LINE_BYTES_MAX {
        return Err(Fault::ChunkLine);
    }
    line.extend_from_slice(bytes.get(..end).unwrap_or_default());
    next_line(line)?;
    Ok(end)
}

fn request_line(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    if line.iter().any(|byte| byte.is_ascii_control()) {
        return Err(Fault::Control);
    }
    let mut parts = line.split(|byte| *byte == b' ');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(target), Some(version @ (b"HTTP/1.1" | b"HTTP/1.0")), None)
            if is_name(method) && !target.is_empty() =>
        {
            if target.contains(&b'#') {
                Err(Fault::Fragment)
            } else {
                Ok((method, version))
            }
        }
        _ => Err(Fault::RequestLine),
    }
}

/// Name and trimmed value of a header or trailer.
fn header(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    if let Some(b' ' | b'\t') = line.first() {
        return Err(Fault::Folded);
    }
    let colon = memchr::memchr(b':', line).ok_or(Fault::Name)?;
    let (name, value) = line.split_at(colon);
    if !is_name(name) {
        return Err(Fault::Name);
    }
    let value = value.get(1..).unwrap_or_default();
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(Fault::Control);
    }
    Ok((name, value.trim_ascii()))
}

fn plain_number(value: &[u8]) -> Result<u64, Fault> {
    let is_plain = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).map_err(|_| Fault::Length)?;
    if is_plain { text.parse().map_err(|_| Fault::Length) } else { Err(Fault::Length) }
}

/// RFC 9112, section 7.1: digits, then extensions that begin with a semicolon.
fn chunk_length(line: &[u8]) -> Result<u64, Fault> {
    if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(Fault::Control);
    }
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, extensions) = line.split_at(end);
    let is_extended = matches!(extensions.trim_ascii_start().first(), None | Some(b';'));
    if digits.is_empty() || digits.len() > CHUNK_DIGITS_MAX || !is_extended {
        return Err(Fault::ChunkLength);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Fault::ChunkLength)?;
    u64::from_str_radix(text, 16).map_err(|_| Fault::ChunkLength)
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| is_token(*byte))
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
