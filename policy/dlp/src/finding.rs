//! What was found, of which class, how surely and where. Invariant: a finding never holds the
//! matched bytes.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// One class of identifier. All but `Provider` are the Safe Harbor classes of 45 CFR
/// 164.514(b)(2)(i)(A)-(R).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identifier {
    /// Account and payment-card numbers (J).
    Account,
    /// Ages over 89 (C).
    Age,
    /// Finger and voice prints (P).
    Biometric,
    /// Dates finer than a year that belong to a person (C).
    Date,
    /// Device identifiers and serial numbers (M).
    Device,
    /// E-mail addresses (F).
    Email,
    /// Fax numbers (E).
    Fax,
    /// Geographic units smaller than a state (B).
    Geographic,
    /// Health-plan beneficiary numbers, such as the Medicare MBI (I).
    HealthPlan,
    /// IP addresses (O).
    Ip,
    /// Certificate and licence numbers (K).
    License,
    /// Medical record numbers (H).
    Mrn,
    /// Names (A).
    Name,
    /// Any other unique identifying number, characteristic or code (R).
    OtherId,
    /// Telephone numbers (D).
    Phone,
    /// Full-face photographs and comparable images (Q).
    Photo,
    /// A clinician or facility (NPI, DEA): not an identifier of the patient.
    Provider,
    /// Social Security numbers (G).
    Ssn,
    /// Person-specific URLs (N).
    Url,
    /// Vehicle identifiers and plates (L).
    Vehicle,
}

impl Identifier {
    /// Every class, in the order of their names.
    pub const ALL: &'static [Identifier] = &[
        Self::Account,
        Self::Age,
        Self::Biometric,
        Self::Date,
        Self::Device,
        Self::Email,
        Self::Fax,
        Self::Geographic,
        Self::HealthPlan,
        Self::Ip,
        Self::License,
        Self::Mrn,
        Self::Name,
        Self::OtherId,
        Self::Phone,
        Self::Photo,
        Self::Provider,
        Self::Ssn,
        Self::Url,
        Self::Vehicle,
    ];

    /// The stable kebab-case name that policies, records and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Age => "age",
            Self::Biometric => "biometric",
            Self::Date => "date",
            Self::Device => "device",
            Self::Email => "email",
            Self::Fax => "fax",
            Self::Geographic => "geographic",
            Self::HealthPlan => "health-plan",
            Self::Ip => "ip",
            Self::License => "license",
            Self::Mrn => "mrn",
            Self::Name => "name",
            Self::OtherId => "other-id",
            Self::Phone => "phone",
            Self::Photo => "photo",
            Self::Provider => "provider",
            Self::Ssn => "ssn",
            Self::Url => "url",
            Self::Vehicle => "vehicle",
        }
    }

    /// The class of that name, the inverse of [`Identifier::name`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|identifier| identifier.name() == name)
    }

    /// Whether the class identifies the patient under Safe Harbor: all but `Provider`.
    pub fn is_safe_harbor(self) -> bool {
        self != Self::Provider
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How sure a finding is: shape, check digits and context together, never a check digit alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Right in shape, but a known test value, or the surroundings speak against it.
    Low,
    /// Right in shape and plausible where it stands.
    Medium,
    /// A distinctive shape, or one that a label beside it names.
    High,
}

impl Confidence {
    /// Every level, from the least sure.
    pub const ALL: &'static [Confidence] = &[Self::Low, Self::Medium, Self::High];

    /// The stable name that policies, records and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The level of that name, the inverse of [`Confidence::name`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|confidence| confidence.name() == name)
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a finding stands: byte offsets `start..end` in the leaf that was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u64,
    /// Offset after the last byte.
    pub end: u64,
}

/// One identifier that was found. It says what and where, never the matched bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The detector's stable name, such as `ssn`, or the form that knows the place, such as `hl7`.
    pub detector: Arc<str>,
    /// The class of identifier.
    pub identifier: Identifier,
    /// How sure it is.
    pub confidence: Confidence,
    /// Where it stands in its leaf.
    pub span: Span,
    /// The way in, such as `gzip!notes.zip!patient.txt`; absent where the leaf is the input itself.
    pub member: Option<Arc<str>>,
    /// Where a structured form says that it stands: `PID-19`, `Patient.birthDate`, `(0010,0010)`,
    /// `column dob`. Made of the form's own words, never of values.
    pub locus: Option<Arc<str>>,
    /// Line of the first byte in its leaf, from 1.
    pub line: u64,
    /// Column of the first byte in its line, in bytes, from 1.
    pub column: u64,
    /// Whether it stands as a bare JSON number, so that its mask must stay one.
    pub json_number: bool,
    /// The byte that hides each of its letters and digits: `*`, or another where the form around it
    /// parts its values by `*`, as X12 does, and
    /// `0` in broken JSON.
    pub mask: u8,
    /// Whether escapes are among its bytes (`%31`, `&#49;`), so that all of them are masked.
    pub is_escaped: bool,
}
