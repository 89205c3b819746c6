//! The policy file as written: its shape, without meaning.
//!
//! Unknown fields and duplicate keys are errors. Words, numbers and patterns stay as they were written,
//! each with its place, so that [`crate::compile`] can say where every fault of a whole folder is instead
//! of stopping at the first. A field that is present but empty is an error too: leaving out `methods`
//! means any method, and `methods:` must not come to mean the same.

use serde::Deserialize;
use serde::de::Deserializer;
use serde_saphyr::Spanned;

mod content;

pub use content::{
    ContentFile, ContentRef, ContentRuleFile, DetectorFile, ExactFile, ExemptFile, PayloadFile,
    RedactionFile, WhenFile,
};

/// A word, name, pattern or time with its place.
pub type Text = Spanned<String>;

/// One file of a policy folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PolicyFile {
    /// `lazaret/v1`.
    pub api_version: Text,
    /// `Policy`.
    pub kind: Text,
    /// Who owns the file and what it is for.
    #[serde(default, deserialize_with = "present")]
    pub metadata: Option<Spanned<MetadataFile>>,
    /// The regions that endpoints of the whole folder may be in.
    #[serde(default, deserialize_with = "present")]
    pub permitted_regions: Option<Spanned<Vec<Text>>>,
    /// What happens to requests that no rule matches: `enforce` or `monitor`.
    #[serde(default, deserialize_with = "present")]
    pub unmatched: Option<Text>,
    /// Until when `unmatched: monitor` holds.
    #[serde(default, deserialize_with = "present")]
    pub until: Option<Text>,
    /// Destinations.
    #[serde(default)]
    pub endpoints: Vec<Spanned<EndpointFile>>,
    /// Rules for what goes out, in order.
    #[serde(default)]
    pub egress: Vec<Spanned<EgressFile>>,
    /// Rules for who may come in, in order.
    #[serde(default)]
    pub inbound: Vec<Spanned<InboundFile>>,
    /// How content is read and judged.
    #[serde(default)]
    pub content: Vec<Spanned<ContentFile>>,
    /// What the policy is expected to decide.
    #[serde(default)]
    pub tests: Vec<Spanned<TestFile>>,
}

/// `metadata`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataFile {
    /// The file's name in reports.
    pub name: Text,
    /// Who answers for it.
    #[serde(default, deserialize_with = "present")]
    pub owner: Option<Text>,
    /// What the data flow is for.
    #[serde(default, deserialize_with = "present")]
    pub purpose: Option<Text>,
}

/// An entry of `endpoints`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointFile {
    /// The name that rules use in `to`.
    pub name: Text,
    /// Host names, patterns and address literals.
    pub hosts: Spanned<Vec<Text>>,
    /// The ranges that the hosts may resolve to.
    #[serde(default, deserialize_with = "present")]
    pub addresses: Option<Spanned<Vec<Text>>>,
    /// Any global unicast address instead of a list.
    #[serde(default, deserialize_with = "present")]
    pub public: Option<Spanned<bool>>,
    /// Why `public`.
    #[serde(default, deserialize_with = "present")]
    pub because: Option<Text>,
    /// The ports; the first one is the default.
    pub ports: Spanned<Vec<Spanned<i64>>>,
    /// Where it is.
    #[serde(default, deserialize_with = "present")]
    pub region: Option<Text>,
    /// How it is reached.
    pub tls: Spanned<TlsFile>,
    /// The gateway that carries what goes there.
    #[serde(default, deserialize_with = "present")]
    pub via: Option<Spanned<ViaFile>>,
}

/// `via` of an endpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ViaFile {
    /// The gateway's own endpoint: its addresses, port and identity.
    pub endpoint: Text,
}

/// `tls` of an endpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TlsFile {
    /// `mutual`, `server` or `plaintext`.
    pub mode: Text,
    /// The SPIFFE ID that the upstream must prove.
    #[serde(default, deserialize_with = "present")]
    pub peer: Option<Text>,
    /// The DNS name that the upstream must prove.
    #[serde(default, deserialize_with = "present")]
    pub server_name: Option<Text>,
    /// `sha256:` and the base64 of a public key's SHA-256 (RFC 7469).
    #[serde(default, deserialize_with = "present")]
    pub pins: Option<Spanned<Vec<Text>>>,
    /// Why `plaintext`.
    #[serde(default, deserialize_with = "present")]
    pub because: Option<Text>,
}

/// An entry of `egress`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EgressFile {
    /// The rule's name in records.
    pub name: Text,
    /// Endpoint names.
    pub to: Spanned<Vec<Text>>,
    /// SPIFFE ID patterns of who may.
    #[serde(default, deserialize_with = "present")]
    pub from: Option<Spanned<Vec<Text>>>,
    /// `http`, `grpc` or `tcp`.
    #[serde(default, deserialize_with = "present")]
    pub protocol: Option<Text>,
    /// HTTP methods.
    #[serde(default, deserialize_with = "present")]
    pub methods: Option<Spanned<Vec<Text>>>,
    /// Path patterns.
    #[serde(default, deserialize_with = "present")]
    pub paths: Option<Spanned<Vec<Text>>>,
    /// What an exchange may turn into: `websocket`.
    #[serde(default, deserialize_with = "present")]
    pub upgrades: Option<Spanned<Vec<Text>>>,
    /// How requests are read. Required; optional here so that its absence gets its own message.
    #[serde(default, deserialize_with = "present")]
    pub content: Option<Spanned<ContentRef>>,
    /// How responses are read.
    #[serde(default, deserialize_with = "present")]
    pub content_in: Option<Spanned<ContentRef>>,
    /// When the rule ends.
    #[serde(default, deserialize_with = "present")]
    pub expires: Option<Text>,
    /// Who approved a rule that ends.
    #[serde(default, deserialize_with = "present")]
    pub approval: Option<Spanned<ApprovalFile>>,
    /// `enforce` or `monitor`.
    #[serde(default, deserialize_with = "present")]
    pub enforcement: Option<Text>,
    /// Until when `enforcement: monitor` holds.
    #[serde(default, deserialize_with = "present")]
    pub until: Option<Text>,
}

/// An entry of `inbound`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InboundFile {
    /// The rule's name in records.
    pub name: Text,
    /// SPIFFE ID patterns of who may.
    pub from: Spanned<Vec<Text>>,
    /// HTTP methods.
    #[serde(default, deserialize_with = "present")]
    pub methods: Option<Spanned<Vec<Text>>>,
    /// Path patterns.
    #[serde(default, deserialize_with = "present")]
    pub paths: Option<Spanned<Vec<Text>>>,
    /// What an exchange may turn into: `websocket`.
    #[serde(default, deserialize_with = "present")]
    pub upgrades: Option<Spanned<Vec<Text>>>,
    /// How responses are read. Required, as for an egress rule.
    #[serde(default, deserialize_with = "present")]
    pub content: Option<Spanned<ContentRef>>,
    /// How requests are read.
    #[serde(default, deserialize_with = "present")]
    pub content_in: Option<Spanned<ContentRef>>,
    /// When the rule ends.
    #[serde(default, deserialize_with = "present")]
    pub expires: Option<Text>,
    /// Who approved a rule that ends.
    #[serde(default, deserialize_with = "present")]
    pub approval: Option<Spanned<ApprovalFile>>,
    /// `enforce` or `monitor`.
    #[serde(default, deserialize_with = "present")]
    pub enforcement: Option<Text>,
    /// Until when `enforcement: monitor` holds.
    #[serde(default, deserialize_with = "present")]
    pub until: Option<Text>,
}

/// `approval` of a rule that ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalFile {
    /// The ticket.
    pub ticket: Text,
    /// Who approved.
    pub by: Text,
}

/// An entry of `tests`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// The test's name in reports.
    pub name: Text,
    /// What is asked: an outbound request (`host`), or an inbound one (`peer`).
    pub request: Spanned<TestRequestFile>,
    /// What is to be decided.
    pub expect: Spanned<ExpectFile>,
}

/// `request` of a test.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRequestFile {
    /// The host of an outbound request.
    #[serde(default, deserialize_with = "present")]
    pub host: Option<Text>,
    /// Its port; absent means the endpoint's first one.
    #[serde(default, deserialize_with = "present")]
    pub port: Option<Spanned<i64>>,
    /// `http` or `https`: their own port counts as absent.
    #[serde(default, deserialize_with = "present")]
    pub scheme: Option<Text>,
    /// What the host resolved to.
    #[serde(default, deserialize_with = "present")]
    pub address: Option<Text>,
    /// The SPIFFE ID of who asks.
    #[serde(default, deserialize_with = "present")]
    pub source: Option<Text>,
    /// The SPIFFE ID of who comes in; makes this an inbound request.
    #[serde(default, deserialize_with = "present")]
    pub peer: Option<Text>,
    /// `http` (where it is left out), `grpc` or `tcp`.
    #[serde(default, deserialize_with = "present")]
    pub protocol: Option<Text>,
    /// The method; a raw tunnel has none.
    #[serde(default, deserialize_with = "present")]
    pub method: Option<Text>,
    /// The path; a raw tunnel has none.
    #[serde(default, deserialize_with = "present")]
    pub path: Option<Text>,
    /// What the request asks to turn into: `websocket`.
    #[serde(default, deserialize_with = "present")]
    pub upgrade: Option<Text>,
}

/// `expect` of a test.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectFile {
    /// `allow` or `block`.
    pub action: Text,
    /// The rule that is to decide.
    #[serde(default, deserialize_with = "present")]
    pub rule: Option<Text>,
    /// The reason's code.
    #[serde(default, deserialize_with = "present")]
    pub reason: Option<Text>,
}

/// Reads an optional field that is present: an empty value is no value of its type, never "absent".
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
