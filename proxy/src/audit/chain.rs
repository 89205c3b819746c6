//! PURE: how one audit line is built and taken apart again. No files, clock or sockets.
//! Invariant: each line seals every byte before its own hash, and names the hash of the line
//! before it; a head line is signed over every byte before its signature. The seal stands at a
//! fixed distance from the end, so that checking it needs no JSON parser.

use std::fmt;

use aws_lc_rs::digest;
use serde::Deserialize;

use super::key::{PublicKey, SIGNATURE_BYTES, SigningKey};

/// Version of the line format, the `v` of each line.
pub const VERSION: u32 = 1;

/// The longest line, in bytes without its newline. The entry limit of C2SP `tlog-tiles`, so that
/// a log can be republished as a transparency log.
pub const LINE_BYTES_MAX: usize = 65_535;

/// What [`append`] adds around a payload at the most, in bytes.
pub const FRAME_BYTES_MAX: usize = 256;

/// Put before the signed bytes of a head, so that the signature can't stand for anything else.
const HEAD_DOMAIN: &[u8] = b"lazaret audit head v1\n";

const HASH_BYTES: usize = 32;
const HASH_DIGITS: usize = HASH_BYTES * 2;
const SIGNATURE_DIGITS: usize = SIGNATURE_BYTES * 2;

const PREV: &[u8] = b",\"prev\":\"";
const HASH: &[u8] = b",\"hash\":\"";
const SIG: &[u8] = b",\"sig\":\"";
const QUOTE: &[u8] = b"\"";
const END: &[u8] = b"\"}";

/// A SHA-256 value; printed as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct LineHash([u8; HASH_BYTES]);

impl LineHash {
    /// What the first line of a log names as its predecessor.
    pub const ZERO: LineHash = LineHash([0; HASH_BYTES]);

    /// The SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> LineHash {
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        LineHash(hash)
    }

    /// Reads exactly 64 lower-case hexadecimal digits; anything else is `None`.
    pub fn parse(digits: &[u8]) -> Option<LineHash> {
        unhex(digits).map(LineHash)
    }
}

impl fmt::Display for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The end of a chain: the newest line's number and hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tip {
    /// Number of the newest line; the first line has 1.
    pub seq: u64,
    /// Hash of the newest line.
    pub hash: LineHash,
}

impl Tip {
    /// The tip of a log without lines.
    pub const GENESIS: Tip = Tip { seq: 0, hash: LineHash::ZERO };
}

/// Appends one line to `out` and moves `tip` onto it. `payload` is the inside of the line's JSON
/// object, from its `time` on: without braces, at most [`LINE_BYTES_MAX`] less
/// [`FRAME_BYTES_MAX`] bytes.
pub fn append(tip: &mut Tip, payload: &[u8], out: &mut Vec<u8>) {
    let start = begin(tip, payload, out);
    seal(tip, start, out);
}

/// Appends a head line: as [`append`], with the fields that name and sign the line before it.
pub fn append_head(tip: &mut Tip, payload: &[u8], signer: &SigningKey, out: &mut Vec<u8>) {
    let start = begin(tip, payload, out);
    let fields = format!(
        ",\"head_seq\":{},\"head_hash\":\"{}\",\"key\":\"{}\"",
        tip.seq,
        tip.hash,
        signer.fingerprint()
    );
    out.extend_from_slice(fields.as_bytes());
    let signature = signer.sign(&signed_text(out.get(start..).unwrap_or_default()));
    out.extend_from_slice(SIG);
    push_hex(&signature, out);
    out.extend_from_slice(QUOTE);
    seal(tip, start, out);
}

fn begin(tip: &Tip, payload: &[u8], out: &mut Vec<u8>) -> usize {
    let start = out.len();
    let seq = tip.seq.saturating_add(1);
    out.extend_from_slice(format!("{{\"v\":{VERSION},\"seq\":{seq},").as_bytes());
    out.extend_from_slice(payload);
    start
}

fn seal(tip: &mut Tip, start: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(PREV);
    push_hex(&tip.hash.0, out);
    out.extend_from_slice(QUOTE);
    let hash = LineHash::of(out.get(start..).unwrap_or_default());
    out.extend_from_slice(HASH);
    push_hex(&hash.0, out);
    out.extend_from_slice(END);
    out.push(b'\n');
    *tip = Tip { seq: tip.seq.saturating_add(1), hash };
}

fn signed_text(covered: &[u8]) -> Vec<u8> {
    [HEAD_DOMAIN, covered].concat()
}

/// The fixed end of a line, taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Seal<'a> {
    covered: &'a [u8],
    body: &'a [u8],
    /// Hash of the line before, as this line states it.
    pub prev: LineHash,
    /// Hash of this line, as it states it itself.
    pub hash: LineHash,
}

impl<'a> Seal<'a> {
    /// Takes the seal off `line` (without its newline); `None` where a line does not end in one.
    pub fn parse(line: &'a [u8]) -> Option<Seal<'a>> {
        let (covered, hash) = split_field(line.strip_suffix(END)?, HASH, HASH_DIGITS)?;
        let (body, prev) = split_field(covered.strip_suffix(QUOTE)?, PREV, HASH_DIGITS)?;
        Some(Seal { covered, body, prev: LineHash::parse(prev)?, hash: LineHash::parse(hash)? })
    }

    /// The hash that the line's bytes really give.
    pub fn computed(&self) -> LineHash {
        LineHash::of(self.covered)
    }

    /// Does the line's signature, made by `key`, hold for every byte before it? `false` also
    /// where the line has none.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let signed = self.body.strip_suffix(QUOTE);
        let Some((covered, digits)) = signed.and_then(|b| split_field(b, SIG, SIGNATURE_DIGITS))
        else {
            return false;
        };
        unhex::<SIGNATURE_BYTES>(digits)
            .is_some_and(|signature| key.verifies(&signed_text(covered), &signature))
    }
}

/// Splits `bytes` into what stands before `name` and the last `digits` bytes behind it.
fn split_field<'a>(bytes: &'a [u8], name: &[u8], digits: usize) -> Option<(&'a [u8], &'a [u8])> {
    let (rest, value) = bytes.split_at_checked(bytes.len().checked_sub(digits)?)?;
    Some((rest.strip_suffix(name)?, value))
}

/// The fields of a line that recovery and verification look at; the rest is read over.
#[derive(Clone, Debug, Deserialize)]
pub struct Fields<'a> {
    /// Format version; [`VERSION`].
    pub v: u32,
    /// Number of the line.
    pub seq: u64,
    /// When the event happened, RFC 3339 in UTC.
    pub time: &'a str,
    /// The run that wrote the line: 8 hexadecimal digits.
    pub boot: &'a str,
    /// What the line is: `start`, `open`, `close`, `note`, `head`, `recovery`, `segment`, `stop`.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// Id of the exchange (open and close lines).
    pub exchange: Option<&'a str>,
    /// Has the exchange an open line (close lines)?
    pub opened: Option<bool>,
    /// The key that signs the run's heads: 64 hexadecimal digits (start lines).
    pub public_key: Option<&'a str>,
    /// Fingerprint of that key (start and head lines).
    pub key: Option<&'a str>,
    /// Number of the line that a head signs.
    pub head_seq: Option<u64>,
    /// Hash of the line that a head signs.
    pub head_hash: Option<&'a str>,
    /// Number of the segment that begins here (segment lines).
    pub segment: Option<u32>,
    /// Number of the segment that follows (the head that closes a segment).
    pub next_segment: Option<u32>,
    /// Exchanges with an open line and no close line when a segment began.
    pub exchanges_open: Option<u64>,
    /// How often heads were promised, in seconds (start lines).
    pub head_interval_s: Option<f64>,
    /// Bytes of a torn line that were put aside (recovery lines).
    pub cut_bytes: Option<u64>,
}

impl<'a> Fields<'a> {
    /// Reads the fields; `None` where the line is not such a JSON object.
    pub fn parse(line: &'a [u8]) -> Option<Fields<'a>> {
        serde_json::from_slice(line).ok()
    }
}

/// Appends `bytes` as lower-case hexadecimal digits.
pub(super) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]));
}

/// Reads exactly `2 * N` lower-case hexadecimal digits.
pub(super) fn unhex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
