//! Web addresses (45 CFR 164.514(b)(2)(i)(N)). One that names a person's record (`/patient/4481`,
//! `?mrn=`, `mychart.`) is medium; a public page is low, and its finding ends with the host, so
//! that the path is read by all other detectors.

use super::shape::{Values, table};
use super::word::Lower;
use super::{Detector, LOOK_AHEAD, Match, Near, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::word::{key, tail};

pub(crate) const URL: Detector = Detector {
    name: "url",
    identifiers: &[Identifier::Url],
    anchors: &[Anchor::Scheme],
    shapes: &[],
    values: Values::NONE,
    words: &[],
    may_stand,
    examine,
};

/// The schemes of the web.
const SCHEMES: [u128; 6] =
    [key(b"http"), key(b"https"), key(b"ftp"), key(b"ftps"), key(b"ws"), key(b"wss")];
/// Between a scheme and its host.
const MARKS: usize = "://".len();

/// Whether a scheme of the web stands here, and no host of a standard: records are full of those.
fn may_stand(near: &Near<'_>) -> bool {
    let (bytes, at) = near.place();
    let behind = bytes.get(at..bytes.len().min(at + LOOK_AHEAD)).unwrap_or_default();
    let host = behind.get(MARKS..).unwrap_or_default();
    let is_of_web = SCHEMES.contains(&near.letters_and_key(0).1);
    is_of_web && !is_standard(host.get(..host_len(host)).unwrap_or(host))
}

fn examine(view: &View<'_>) -> Option<Match> {
    let start = view.letters_before(view.at);
    let near = view.before(start, 1);
    if near.is_ascii_digit() || matches!(near, b'_' | b'*') {
        return None;
    }
    let host = view.at + MARKS;
    let host_end = host + host_len(view.bytes.get(host..).unwrap_or_default());
    if !view.part(host, host_end).contains(&b'.') || view.byte(host_end) == b'*' {
        return None;
    }
    let mut end = host_end + span_of(view, host_end, is_url_byte);
    while end > host_end && matches!(view.before(end, 1), b'.' | b',' | b';' | b')' | b'\'' | b':')
    {
        end -= 1;
    }
    // What a mask hides was told by itself.
    if view.byte(end) == b'*' || view.part(host_end, end).contains(&b'*') {
        return None;
    }
    let is_portal = is_portal(view.part(host, host_end));
    let (confidence, end) = match names_person(view, (host_end, end), is_portal) {
        true => (Confidence::Medium, end),
        false => (Confidence::Low, host_end),
    };
    Some(Match { identifier: Identifier::Url, confidence, start, end })
}

/// How many bytes of a host, with its port, `bytes` begin with.
fn host_len(bytes: &[u8]) -> usize {
    const PARTS: [u8; 256] =
        table(&[(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:", 1)], 0);
    bytes.iter().take_while(|b| PARTS.get(usize::from(**b)) == Some(&1)).count()
}

fn span_of(view: &View<'_>, from: usize, is_part: fn(u8) -> bool) -> usize {
    view.bytes.get(from..).unwrap_or_default().iter().take_while(|b| is_part(**b)).count()
}

fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/?#&=%.-_~:@!$'()*+,;[]".contains(&byte)
}

/// The bodies whose addresses are names of schemas and code systems.
const STANDARDS: [&str; 11] = [
    "hl7.org",
    "loinc.org",
    "snomed.info",
    "unitsofmeasure.org",
    "w3.org",
    "xmlsoap.org",
    "json-schema.org",
    "ietf.org",
    "ihe.net",
    "apache.org",
    "purl.org",
];
/// The last bytes of each, by which hosts are told apart before all of one is compared.
#[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
const ENDS: [u64; STANDARDS.len()] = {
    let mut ends = [0; STANDARDS.len()];
    let mut at = 0;
    while at < ends.len() {
        let host = STANDARDS[at].as_bytes();
        let mut from = host.len() - END;
        while from < host.len() {
            ends[at] = ends[at] << 8 | host[from] as u64;
            from += 1;
        }
        at += 1;
    }
    ends
};
const END: usize = 6;

/// Whether the host is one of those, or of theirs.
fn is_standard(host: &[u8]) -> bool {
    let end = tail(host, host.len()) & ((1 << (8 * END)) - 1);
    let is_like = ENDS.iter().fold(false, |is_like, known| is_like | (*known == end));
    is_like && STANDARDS.iter().any(|known| host.ends_with(known.as_bytes()))
}

/// Whether the host serves patients: `mychart.`, `portal.`, `patient-`.
fn is_portal(host: &[u8]) -> bool {
    let mut labels = host.split(|b| matches!(b, b'.' | b'-'));
    labels.any(|label| {
        matches!(
            Lower::of(label).as_bytes(),
            b"mychart" | b"patient" | b"patients" | b"portal" | b"myhealth" | b"ehr" | b"emr"
        )
    })
}

/// Whether a part of the path or query announces a person and the next one is an identifier.
fn names_person(view: &View<'_>, (from, end): (usize, usize), is_portal: bool) -> bool {
    let mut announced = false;
    let text = view.part(from, end);
    let query = text.iter().position(|b| *b == b'?').unwrap_or(text.len());
    let mut at = 0;
    let mut parts = text.split(|b| b"/?#&=.;".contains(b));
    parts.any(|part| {
        // `?pid=` is a post of a forum wherever no portal is asked.
        let may_be_post = at > query && !is_portal;
        at += part.len() + 1;
        let found = announced && is_identifier(part);
        let word = Lower::of(part);
        announced = match word.as_bytes() {
            b"patient" | b"patients" | b"patientid" | b"patient_id" | b"patient-id" | b"mrn"
            | b"member" | b"members" | b"memberid" | b"member_id" | b"subscriber" | b"mychart"
            | b"chart" | b"charts" | b"encounter" | b"ssn" | b"dob" => true,
            b"pid" => !may_be_post,
            b"u" | b"p" | b"user" | b"users" | b"profile" | b"account" | b"accounts"
            | b"person" | b"portal" | b"token" | b"id" | b"visit" | b"results" | b"messages" => {
                is_portal
            }
            _ => false,
        };
        found
    })
}

/// Whether a part is a number or code of one thing: at least four letters and digits, two of them
/// digits. Placeholders (`{id}`) have none.
fn is_identifier(part: &[u8]) -> bool {
    let digits = part.iter().filter(|b| b.is_ascii_digit()).count();
    digits >= 2 && part.len() >= 4 && !part.contains(&b'*')
}
