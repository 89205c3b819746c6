//! What an exchange's lines say, and how it is cut to the line limit.
//! Invariant: counts and names only; the caller has masked every name, and nothing in here can
//! hold a matched byte on purpose. However long its texts are, a record fits one line.

mod counts;

use serde::Serialize;

pub use self::counts::{CoverageRecord, DnsRecord, FindingCount, MessageCount};
use super::chain::{FRAME_BYTES_MAX, LINE_BYTES_MAX};

/// The longest text in a record, in bytes; a longer one is cut and ends in `…`.
pub const TEXT_BYTES_MAX: usize = 2048;

/// The most finding counts and incomplete reasons that one line lists.
pub const ENTRIES_MAX: usize = 64;

/// The largest `detail` of a note, in bytes of JSON.
pub const DETAIL_BYTES_MAX: usize = 16 * 1024;

/// Texts that together are no longer than this fit one line even if every byte of them becomes
/// six (`\u0001`), with all entries and numbers around them.
const SHORT_BYTES_MAX: usize = 8 * 1024;

const PAYLOAD_BYTES_MAX: usize = LINE_BYTES_MAX - FRAME_BYTES_MAX;

/// Tried in this order until a record fits: the longest text, and the most entries.
const CUTS: [(usize, usize); 3] = [(TEXT_BYTES_MAX, ENTRIES_MAX), (256, 16), (64, 4)];

/// The facts of one exchange. Texts are written as given, so a caller masks them first; empty
/// fields are left out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Record {
    /// Name of the gateway's link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// SPIFFE ID of the workload or peer that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Address of the downstream end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downstream: Option<String>,
    /// Request method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Canonical target `scheme://host:port/path`, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The host that the request named, masked, where the link sends it to its own target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_host: Option<String>,
    /// Call of a federated-learning framework, such as `flower.push-messages`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpc: Option<String>,
    /// The node that makes the call, as its body's first bytes say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u64>,
    /// Messages of a federated-learning framework, by what they say they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<MessageCount>,
    /// Resolved and vetted address `ip:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Name of the policy's endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Region of the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Name of the rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Hash of the policy that the exchange began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Hash of the policy at the end, where it was swapped meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_at_close: Option<String>,
    /// The action: `allow`, `block`, `quarantine`, `redact`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// `enforce` or `monitor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<String>,
    /// Stable code of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The reason for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_text: Option<String>,
    /// Findings, counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingCount>,
    /// Counts left out of `findings` because there were more than [`ENTRIES_MAX`].
    #[serde(skip_serializing_if = "is_zero")]
    pub findings_omitted: u64,
    /// Bytes of the bodies received from downstream. Written on close lines, also when 0.
    #[serde(skip)]
    pub bytes_in: u64,
    /// Bytes of the bodies sent downstream. Written on close lines, also when 0.
    #[serde(skip)]
    pub bytes_out: u64,
    /// Body bytes that left for the other side. Written on close lines, also when 0.
    #[serde(skip)]
    pub bytes_released: u64,
    /// What the exchange asked to turn into: `websocket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<String>,
    /// A part of the answer was asked for, and the whole was asked for instead, since it is read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub range_removed: bool,
    /// HTTP status sent downstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Was the content read? Written on close lines, also when `false`.
    #[serde(skip)]
    pub inspected: bool,
    /// `hold` or `stream`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspect: Option<String>,
    /// Bytes by how they were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageRecord>,
    /// Why content could not be read whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
    /// TLS version towards upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<String>,
    /// Key exchange group towards upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_group: Option<String>,
    /// SPIFFE ID or name that upstream proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_peer: Option<String>,
    /// TLS version towards downstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downstream_tls_version: Option<String>,
    /// Key exchange group towards downstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downstream_tls_group: Option<String>,
    /// Server name that downstream asked for, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// What failed, in the log's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How a question for a name was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsRecord>,
}

/// The facts that only a close line has.
#[derive(Debug)]
pub(super) struct Ending {
    /// How it ended.
    pub(super) outcome: &'static str,
    /// From open to close, microseconds.
    pub(super) duration_us: u64,
    /// Has the exchange an open line?
    pub(super) opened: bool,
}

#[derive(Debug, Serialize)]
struct EndingFields {
    outcome: &'static str,
    duration_us: u64,
    opened: bool,
    bytes_in: u64,
    bytes_out: u64,
    bytes_released: u64,
    inspected: bool,
}

/// The inside of a line from its time on, as [`super::chain::append`] takes it.
#[derive(Debug)]
pub(super) struct Payload(Vec<u8>);

impl Payload {
    /// Begins a payload. `boot` and `kind` are our own words and need no escaping.
    pub(super) fn new(time: jiff::Timestamp, boot: &str, kind: &'static str) -> Payload {
        let text = format!("\"time\":\"{time:.6}\",\"boot\":\"{boot}\",\"type\":\"{kind}\"");
        Payload(text.into_bytes())
    }

    /// Adds the fields of `object`; what is not a JSON object adds nothing.
    pub(super) fn with(mut self, object: &impl Serialize) -> Payload {
        let start = self.0.len();
        let written = serde_json::to_writer(&mut self.0, object).is_ok();
        let is_object = self.0.get(start) == Some(&b'{') && self.0.len() > start + 2;
        if !written || !is_object {
            self.0.truncate(start);
            return self;
        }
        self.0.pop();
        if let Some(brace) = self.0.get_mut(start) {
            *brace = b',';
        }
        self
    }

    /// An exchange's line: `open` without, `close` with an ending.
    pub(super) fn with_record(self, record: &Record, ending: Option<&Ending>) -> Payload {
        let mut payload = self;
        if let Some(ending) = ending {
            payload = payload.with(&EndingFields {
                outcome: ending.outcome,
                duration_us: ending.duration_us,
                opened: ending.opened,
                bytes_in: record.bytes_in,
                bytes_out: record.bytes_out,
                bytes_released: record.bytes_released,
                inspected: record.inspected,
            });
        }
        payload.with_bounded(record)
    }

    fn with_bounded(self, record: &Record) -> Payload {
        if record.is_short() {
            return self.with(record);
        }
        let start = self.0.len();
        let mut payload = self;
        for (text_bytes_max, entries_max) in CUTS {
            payload.0.truncate(start);
            payload = payload.with(&record.cut(text_bytes_max, entries_max));
            if payload.0.len() <= PAYLOAD_BYTES_MAX {
                break;
            }
        }
        payload
    }

    /// A note's line. A detail above [`DETAIL_BYTES_MAX`] is left out and says so.
    pub(super) fn with_note(self, event: &str, detail: &serde_json::Value) -> Payload {
        let payload = self.with(&serde_json::json!({ "event": event }));
        let start = payload.0.len();
        let mut noted = payload.with(&serde_json::json!({ "detail": detail }));
        if noted.0.len() - start <= DETAIL_BYTES_MAX {
            return noted;
        }
        noted.0.truncate(start);
        noted.with(&serde_json::json!({ "detail_omitted": true }))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Record {
    /// Fits a line as it is, however its texts are escaped: the usual case.
    fn is_short(&self) -> bool {
        let entries = self.findings.len().max(self.incomplete.len());
        let is_text_short = |text: &str| text.len() <= TEXT_BYTES_MAX;
        entries <= ENTRIES_MAX
            && self.texts().all(is_text_short)
            && self.texts().map(str::len).sum::<usize>() <= SHORT_BYTES_MAX
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let messages = self.messages.iter();
        let messages = messages.flat_map(|one| Some(&one.name).into_iter().chain(&one.node));
        let named = [
            &self.source,
            &self.downstream,
            &self.method,
            &self.target,
            &self.address,
            &self.endpoint,
            &self.region,
            &self.rule,
            &self.policy,
            &self.policy_at_close,
            &self.link,
            &self.asked_host,
            &self.rpc,
            &self.action,
            &self.enforcement,
            &self.reason,
            &self.reason_text,
            &self.inspect,
            &self.tls_version,
            &self.tls_group,
            &self.tls_peer,
            &self.downstream_tls_version,
            &self.downstream_tls_group,
            &self.sni,
            &self.error,
        ];
        let found = self.findings.iter().flat_map(|finding| {
            let names = [&finding.identifier, &finding.confidence, &finding.detector];
            names.into_iter().chain(&finding.member)
        });
        let named = named.into_iter().flatten().chain(found).chain(messages);
        named.chain(&self.incomplete).map(String::as_str)
    }

    /// A copy with shorter texts and fewer entries, which says that it left some out.
    fn cut(&self, text_bytes_max: usize, entries_max: usize) -> Record {
        let text = |text: &Option<String>| text.as_deref().map(|text| cut(text, text_bytes_max));
        let omitted = self.findings.len().saturating_sub(entries_max) as u64;
        let kept = self.findings.iter().take(entries_max);
        let reasons = self.incomplete.iter().take(entries_max);
        let more = (self.incomplete.len() > entries_max).then(|| "more".to_owned());
        Record {
            link: text(&self.link),
            asked_host: text(&self.asked_host),
            rpc: text(&self.rpc),
            node: self.node,
            range_removed: self.range_removed,
            messages: self.messages.iter().take(entries_max).cloned().collect(),
            source: text(&self.source),
            downstream: text(&self.downstream),
            method: text(&self.method),
            target: text(&self.target),
            address: text(&self.address),
            endpoint: text(&self.endpoint),
            region: text(&self.region),
            rule: text(&self.rule),
            policy: text(&self.policy),
            policy_at_close: text(&self.policy_at_close),
            action: text(&self.action),
            enforcement: text(&self.enforcement),
            reason: text(&self.reason),
            reason_text: text(&self.reason_text),
            findings: kept.map(|finding| finding.cut(text_bytes_max)).collect(),
            findings_omitted: self.findings_omitted.saturating_add(omitted),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            bytes_released: self.bytes_released,
            upgrade: text(&self.upgrade),
            status: self.status,
            inspected: self.inspected,
            inspect: text(&self.inspect),
            coverage: self.coverage,
            incomplete: reasons.map(|reason| cut(reason, text_bytes_max)).chain(more).collect(),
            tls_version: text(&self.tls_version),
            tls_group: text(&self.tls_group),
            tls_peer: text(&self.tls_peer),
            downstream_tls_version: text(&self.downstream_tls_version),
            downstream_tls_group: text(&self.downstream_tls_group),
            sni: text(&self.sni),
            error: text(&self.error),
            dns: self.dns,
        }
    }
}

fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub('…'.len_utf8()));
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
