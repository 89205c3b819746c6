//! Web addresses (45 CFR 164.514(b)(2)(i)(N)). One that names a person's record (`/patient/4481`,
//! `?mrn=`, `mychart.`) is medium; a public page is low, and its finding ends with the host, so
//! that the path is read by all other detectors.

use super::shape::Values;
use super::word::Lower;
use super::{Detector, Match, View};
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;

pub(crate) const URL: Detector = Detector {
    name: "url",
    identifiers: &[Identifier::Url],
    anchors: &[Anchor::Scheme],
    shapes: &[],
    values: Values::NONE,
    words: &[],
    may_stand: super::always,
    examine,
};

fn examine(view: &View<'_>) -> Option<Match> {
    let start = view.letters_before(view.at);
    let near = view.before(start, 1);
    if near.is_ascii_digit() || matches!(near, b'_' | b'*') {
        return None;
    }
    let scheme = Lower::of(view.part(start, view.at));
    if !matches!(scheme.as_bytes(), b"http" | b"https" | b"ftp" | b"ftps" | b"ws" | b"wss") {
        return None;
    }
    let host = view.at + "://".len();
    let host_end = host
        + span_of(view, host, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
    if is_standard(view.part(host, host_end)) {
        return None;
    }
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

fn span_of(view: &View<'_>, from: usize, is_part: fn(u8) -> bool) -> usize {
    view.bytes.get(from..).unwrap_or_default().iter().take_while(|b| is_part(**b)).count()
}

fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/?#&=%.-_~:@!$'()*+,;[]".contains(&byte)
}

/// Whether the host is one of the bodies whose addresses are names of schemas and code systems.
fn is_standard(host: &[u8]) -> bool {
    const HOSTS: &[&[u8]] = &[
        b"hl7.org",
        b"loinc.org",
        b"snomed.info",
        b"unitsofmeasure.org",
        b"w3.org",
        b"xmlsoap.org",
        b"json-schema.org",
        b"ietf.org",
        b"ihe.net",
        b"apache.org",
        b"purl.org",
    ];
    HOSTS.iter().any(|known| host.ends_with(known))
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
