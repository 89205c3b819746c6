//! The roster file: a header in the clear, and a body that only the key opens. The body is sealed
//! as in SIV (RFC 5297): its HMAC is the nonce of its keystream, so that nothing random is needed and
//! any change is noticed. Without the key not even how often a value occurs can be seen.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{COLUMNS_MAX, Column, ROWS_MAX};
use crate::keyed::Key;

const MAGIC: &[u8; 8] = b"LZEDM\0\0\x01";
/// Bytes of the header's text.
const HEADER_MAX: usize = 64 * 1024;
const TAG_LEN: usize = 32;
const CHECK_LEN: usize = 8;

/// What the file tells without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExactHeader {
    /// The columns.
    pub columns: Vec<Column>,
    /// Rows of the roster.
    pub rows: usize,
    /// Of each column, how many fingerprints the table has.
    pub values: Vec<usize>,
    /// Of each column, a bit for each size of a value: words of a name, letters of a code.
    pub sizes: Vec<u32>,
    /// Bytes of the filter of words and of the filter of values.
    pub filters: (usize, usize),
}

/// A roster file that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidExactSet {
    /// It was changed or cut after it was built.
    Damaged,
    /// It is no roster file of this version.
    NoRoster,
    /// It was built with another key.
    OtherKey,
}

impl fmt::Display for InvalidExactSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "the roster file was changed or cut after it was built",
            Self::NoRoster => "not a roster file of this version (`lazaret edm build` makes one)",
            Self::OtherKey => "the roster file was built with another key",
        })
    }
}

impl std::error::Error for InvalidExactSet {}

impl ExactHeader {
    /// The header of a roster file.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(file: &[u8]) -> Result<ExactHeader, InvalidExactSet> {
        split(file).map(|parts| parts.header)
    }

    /// Bytes of the body.
    pub(super) fn body_len(&self) -> usize {
        self.values.iter().map(|values| values * 8).sum::<usize>() + self.filters.0 + self.filters.1
    }

    fn is_sound(&self) -> bool {
        let columns = self.columns.len();
        (1..=COLUMNS_MAX).contains(&columns)
            && self.values.len() == columns
            && self.sizes.len() == columns
            && self.rows <= ROWS_MAX
            && self.values.iter().all(|values| *values <= 2 * ROWS_MAX)
            && self.filters.0 <= 1 << 32
            && self.filters.1 <= 1 << 32
    }
}

struct Parts<'a> {
    header: ExactHeader,
    header_text: &'a [u8],
    check: &'a [u8],
    tag: &'a [u8],
    /// Where the body begins.
    body: usize,
}

fn split(file: &[u8]) -> Result<Parts<'_>, InvalidExactSet> {
    let parse = || {
        let rest = file.strip_prefix(MAGIC)?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let len =
            usize::try_from(u32::from_le_bytes(*len)).ok().filter(|len| *len <= HEADER_MAX)?;
        let (header_text, rest) = rest.split_at_checked(len)?;
        let (check, rest) = rest.split_at_checked(CHECK_LEN)?;
        let (tag, body) = rest.split_at_checked(TAG_LEN)?;
        let header: ExactHeader = serde_json::from_slice(header_text).ok()?;
        let body = file.len() - body.len();
        header.is_sound().then_some(Parts { header, header_text, check, tag, body })
    };
    parse().ok_or(InvalidExactSet::NoRoster)
}

/// The bytes of a file.
pub(super) fn seal(header: &ExactHeader, mut body: Vec<u8>, key: &Key) -> Vec<u8> {
    // Strings and numbers always serialise.
    let header_text = serde_json::to_vec(header).unwrap_or_default();
    let tag = tag(key, &header_text, &body);
    apply_keystream(key, &tag, &mut body);
    let len = u32::try_from(header_text.len()).unwrap_or(u32::MAX).to_le_bytes();
    [MAGIC, len.as_slice(), &header_text, &check(key), &tag, &body].concat()
}

/// The header and where the body begins; the body is open and unchanged then.
pub(super) fn open(file: &mut [u8], key: &Key) -> Result<(ExactHeader, usize), InvalidExactSet> {
    let parts = split(file)?;
    if parts.check != check(key) {
        return Err(InvalidExactSet::OtherKey);
    }
    let (header, at, known) = (parts.header, parts.body, parts.tag.to_vec());
    let header_text = parts.header_text.to_vec();
    let body = file.get_mut(at..).unwrap_or_default();
    if body.len() != header.body_len() {
        return Err(InvalidExactSet::Damaged);
    }
    apply_keystream(key, &known, body);
    // What is compared is no secret of this process: both sides are its own to compute.
    if tag(key, &header_text, body).as_slice() != known {
        return Err(InvalidExactSet::Damaged);
    }
    Ok((header, at))
}

fn check(key: &Key) -> [u8; CHECK_LEN] {
    let digest = key.digest("lazaret exact check 1", &[]);
    digest.first_chunk().copied().unwrap_or_default()
}

fn tag(key: &Key, header: &[u8], body: &[u8]) -> [u8; TAG_LEN] {
    key.digest("lazaret exact file 1", &[header, body])
}

fn apply_keystream(key: &Key, tag: &[u8], body: &mut [u8]) {
    for (count, block) in (0u64..).zip(body.chunks_mut(32)) {
        let stream = key.digest("lazaret exact stream 1", &[tag, &count.to_le_bytes()]);
        block.iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
    }
}
