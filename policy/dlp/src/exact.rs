//! Exact data match: a roster of real patients as keyed fingerprints, and the finding of its values
//! in text. Invariant: a finding needs two columns of one row close together; and without the key
//! a roster file tells its columns and counts, nothing else.

mod build;
mod file;
mod filter;
mod matcher;
mod normal;
mod set;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::Identifier;
pub use build::{BuildReport, ColumnReport, ExactBuilder};
pub use file::{ExactHeader, InvalidExactSet};
pub(crate) use matcher::{ExactMatch, ExactMatcher};
pub use set::ExactSet;

/// Bytes between two values of one row at which they still belong together.
pub const DISTANCE_MAX: u64 = 512;
/// Bytes between two names of one row: further apart they are words of a text.
pub const NAMES_DISTANCE_MAX: u64 = 32;
/// A value of more rows than this is common (a frequent name, a ZIP code) and counts only beside a
/// rarer one.
pub const COMMON_ROWS: usize = 64;
/// Rows of a roster: a row's number has 24 bits.
pub const ROWS_MAX: usize = 1 << 24;
/// Columns of a roster.
pub const COLUMNS_MAX: usize = 16;

/// What a column holds, and so how its values are made comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// A street address: its house number and the street's first word are compared.
    Address,
    /// A date of birth or another full date; month first where it could be either.
    Dob,
    /// An e-mail address, in any case.
    Email,
    /// A medical record number: letters and digits, without leading zeros.
    Mrn,
    /// A person's name or a part of it: words in any order and case, without accents.
    Name,
    /// Any other number or code of at least four letters and digits, one of them a digit.
    Other,
    /// A telephone number: digits, without a leading 1 before ten others.
    Phone,
    /// A Social Security number: nine digits.
    Ssn,
    /// A postal code; of a ZIP+4 the first five digits.
    Zip,
}

impl ColumnKind {
    /// Every kind, in the order of their names.
    pub const ALL: &'static [ColumnKind] = &[
        Self::Address,
        Self::Dob,
        Self::Email,
        Self::Mrn,
        Self::Name,
        Self::Other,
        Self::Phone,
        Self::Ssn,
        Self::Zip,
    ];

    /// The stable name that commands and files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Dob => "dob",
            Self::Email => "email",
            Self::Mrn => "mrn",
            Self::Name => "name",
            Self::Other => "other",
            Self::Phone => "phone",
            Self::Ssn => "ssn",
            Self::Zip => "zip",
        }
    }

    /// The kind of that name, the inverse of [`ColumnKind::name`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The kind that a column of this name has by custom, such as `patient_last_name`.
    pub fn of_header(name: &str) -> Option<Self> {
        let plain: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        const PARTS: &[(&str, ColumnKind)] = &[
            ("email", ColumnKind::Email),
            ("mail", ColumnKind::Email),
            ("ssn", ColumnKind::Ssn),
            ("socialsecurity", ColumnKind::Ssn),
            ("dob", ColumnKind::Dob),
            ("birth", ColumnKind::Dob),
            ("mrn", ColumnKind::Mrn),
            ("medicalrecord", ColumnKind::Mrn),
            ("phone", ColumnKind::Phone),
            ("mobile", ColumnKind::Phone),
            ("tel", ColumnKind::Phone),
            ("zip", ColumnKind::Zip),
            ("postal", ColumnKind::Zip),
            ("address", ColumnKind::Address),
            ("street", ColumnKind::Address),
            ("name", ColumnKind::Name),
            ("surname", ColumnKind::Name),
        ];
        PARTS.iter().find(|(part, _)| plain.contains(part)).map(|(_, kind)| *kind)
    }

    /// What a value of such a column identifies.
    pub fn identifier(self) -> Identifier {
        match self {
            Self::Address | Self::Zip => Identifier::Geographic,
            Self::Dob => Identifier::Date,
            Self::Email => Identifier::Email,
            Self::Mrn => Identifier::Mrn,
            Self::Name => Identifier::Name,
            Self::Other => Identifier::OtherId,
            Self::Phone => Identifier::Phone,
            Self::Ssn => Identifier::Ssn,
        }
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One column of a roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the roster; findings tell it as their locus.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

#[cfg(test)]
mod tests;
