//! The parts of a record that count: findings, bytes, addresses told, messages of frameworks.

use serde::Serialize;

use super::cut;

/// The answer to a question for a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct DnsRecord {
    /// The response code, such as `NXDOMAIN`.
    pub code: &'static str,
    /// Addresses that were told.
    pub answers: usize,
    /// Addresses that were not, because no rule lists them.
    pub withheld: usize,
}

/// How many findings of one kind an exchange had.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct FindingCount {
    /// Identifier class, such as `ssn`.
    pub identifier: String,
    /// `low`, `medium` or `high`.
    pub confidence: String,
    /// The detector that found them.
    pub detector: String,
    /// How many.
    pub count: u64,
    /// The way in, such as `gzip!notes.zip!patient.txt`; absent for the body itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

/// The ledger: content bytes by how they were read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct CoverageRecord {
    /// Read by the detectors.
    pub read: u64,
    /// Numbers, by declaration or by their statistics.
    pub numeric: u64,
    /// Other binary.
    pub unidentified: u64,
    /// Passed over.
    pub skipped: u64,
}

/// How many messages of one kind a connection had.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct MessageCount {
    /// What they say they are, such as `nvflare.task.submit_update`.
    pub name: String,
    /// Who says to have sent them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// How many, both ways.
    pub count: u64,
}

impl FindingCount {
    pub(super) fn cut(&self, bytes_max: usize) -> FindingCount {
        FindingCount {
            identifier: cut(&self.identifier, bytes_max),
            confidence: cut(&self.confidence, bytes_max),
            detector: cut(&self.detector, bytes_max),
            count: self.count,
            member: self.member.as_deref().map(|member| cut(member, bytes_max)),
        }
    }
}
