//! One part: its headers, and the content that they tell of.

use std::borrow::Cow;

use crate::coverage::Declared;
use crate::decode::Encoding;
use crate::decode::codec::Compression;
use crate::finding::Span;
use crate::format::dialect::{FIELD_MAX, dialect};
use crate::format::entry;
use crate::format::sniff::{self, Kind};
use crate::format::told::{Told, parameter};
use crate::label::{self, Family};
use crate::locus::{Field, Written};
use crate::scanner::{Leaf, Node, Place, Reader, Scan};

/// The content of a part.
#[derive(Debug)]
pub(super) enum Part {
    Content(Box<Node>),
    /// The value of a form's field, while it is short enough to be one that its name labels.
    Value {
        family: Family,
        place: Place,
        held: Vec<u8>,
    },
}

impl Part {
    /// The part behind these headers, which are read as content.
    pub(super) fn open(scan: &mut Scan, parent: &Place, number: u64, headers: &[u8]) -> Part {
        let findings = scan.evidence.tally.total();
        let mut leaf = parent.leaf_inside(&format!("#{number}"), Declared::Nothing);
        leaf.field(scan, headers);
        leaf.finish(scan);
        let is_clean = scan.evidence.tally.total() == findings;
        let headers = Headers::parse(headers);
        let name = headers.file.as_ref().or(headers.name.as_ref());
        let name = name.map_or(b"".as_slice(), String::as_bytes);
        let mut place = entry::told(scan, parent, (name, number), is_clean);
        place.encodings = headers.encodings;
        place.told = headers.told;
        let is_value = headers.file.is_none() && place.encodings.is_empty() && place.told.is_none();
        let family = headers.name.filter(|_| is_value);
        // The name of anything is for the detectors to judge.
        let family = family.and_then(|name| label::of_name(name.as_bytes()));
        match family.filter(|family| *family != Family::AnyName) {
            Some(family) => Part::Value { family, place, held: Vec::new() },
            None => Part::Content(Box::new(Node::new(place))),
        }
    }

    pub(super) fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        match self {
            Part::Content(node) => node.feed(scan, bytes),
            Part::Value { held, place, .. } => {
                held.extend_from_slice(bytes);
                if held.len() > FIELD_MAX {
                    let mut node = Node::new(place.clone());
                    node.feed(scan, held);
                    *self = Part::Content(Box::new(node));
                }
            }
        }
    }

    pub(super) fn finish(&mut self, scan: &mut Scan) {
        let (family, place, held) = match self {
            Part::Content(node) => return node.finish(scan),
            Part::Value { family, place, held } => (*family, place.clone(), std::mem::take(held)),
        };
        if sniff::kind(&held) != Kind::Plain {
            let mut node = Node::new(place);
            node.feed(scan, &held);
            return node.finish(scan);
        }
        let mut leaf = Leaf::new(place.member, place.declared).with_dialect(dialect(&held));
        leaf.feed(scan, &held);
        let span = Span { start: 0, end: held.len() as u64 };
        let (form, locus, text) = ("multipart", "field", held.as_slice());
        leaf.locate(&Field {
            form,
            locus,
            family,
            span,
            text,
            written: Written::Text,
            seen: u64::MAX,
        });
        leaf.finish(scan);
    }

    /// Bytes of the part that are cleared.
    pub(super) fn cleared(&self) -> u64 {
        match self {
            Part::Content(node) => node.cleared(),
            Part::Value { .. } => 0,
        }
    }
}

/// What a part's headers tell.
#[derive(Debug, Default)]
struct Headers {
    name: Option<String>,
    file: Option<String>,
    encodings: Vec<Encoding>,
    told: Option<Told>,
}

impl Headers {
    fn parse(bytes: &[u8]) -> Headers {
        let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
        // A line that begins with white space goes on from the one before.
        let text = text.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
        let mut headers = Headers::default();
        let mut transfer = None;
        for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
            match key.trim().to_ascii_lowercase().as_str() {
                "content-disposition" => {
                    headers.name = parameter(value, "name");
                    let extended = || parameter(value, "filename*");
                    headers.file = parameter(value, "filename").or_else(extended);
                }
                "content-encoding" => headers.encodings.extend(Encoding::list(value)),
                "content-transfer-encoding" => transfer = of_transfer(value),
                "content-type" => {
                    headers.told = Told::of(value, None);
                    headers.file = headers.file.take().or_else(|| parameter(value, "name"));
                }
                _ => {}
            }
        }
        headers.encodings.extend(transfer);
        headers
    }
}

/// The encoding of this name; nothing where it changes nothing (RFC 2045 section 6).
fn of_transfer(name: &str) -> Option<Encoding> {
    match name.trim().to_ascii_lowercase().as_str() {
        "7bit" | "8bit" | "binary" => None,
        "base64" => Some(Encoding::Coded(Compression::Base64)),
        "quoted-printable" => Some(Encoding::Coded(Compression::QuotedPrintable)),
        _ => Some(Encoding::Unknown),
    }
}
