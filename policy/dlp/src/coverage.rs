//! The ledger of bytes: read, numeric, unidentified, skipped. Invariant: each byte of a leaf is counted once.

use serde::Serialize;

/// How many bytes of the leaves (decoded; of a raw input: of the input) were of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Text, and structure that was parsed.
    pub read: u64,
    /// Tensor elements, by a container's declaration or by byte statistics.
    pub numeric: u64,
    /// Other binary: random, encrypted, compressed, or of a format not known here.
    pub unidentified: u64,
    /// Not looked at, because a limit was reached.
    pub skipped: u64,
}
