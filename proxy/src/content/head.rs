//! Reading what leaves outside the body: target, query and header values. A redaction here would
//! change what was decided, so policy turns it into a block.

use std::borrow::Cow;

use dlp::{Evidence, Identifier, Tally};
use http::{HeaderMap, HeaderValue};
use policy::{EgressPermit, Place, Ruling, Verdict};

use super::ledger::Charged;
use super::{ReadingCell, names};
use crate::http::percent;

/// What a head says beside its headers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line<'a> {
    target: &'a str,
    name: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// A response has none.
    pub const NONE: Line<'static> = Line { target: "", name: None };

    /// The request line's text, or the target of a connection.
    pub fn target(target: &'a str) -> Self {
        Self { target, name: None }
    }

    /// A name alone, as it was asked for: in base64 the case of letters says something.
    pub fn name(name: &'a str) -> Self {
        Self { target: name, name: Some(name) }
    }

    /// What goes to the host that was decided on. A name that the policy does not list itself is the
    /// workload's own words to name servers, and to whoever sees a handshake.
    pub fn to(target: &'a str, permit: &'a EgressPermit) -> Self {
        let is_chosen = permit.host().is_name() && !permit.is_listed_by_name();
        Self { target, name: is_chosen.then(|| permit.host().as_str()) }
    }
}

/// Reads the target of a request: host labels, path and query.
pub(super) fn read_line(
    ruling: &Ruling,
    cell: &ReadingCell,
    line: Line<'_>,
) -> Result<(), Box<Verdict>> {
    let target = line.target;
    let mut part = Part { is_target: true, ..Part::new(ruling, cell) };
    part.read(target.as_bytes())?;
    if let Some(name) = line.name {
        part.read_name(name)?;
    }
    // Percent and plus escapes hide text from detectors, and to them a slash between digits is part
    // of a number (`/v2/123`); so each segment is read as a word, too.
    let mut words = percent::decoded(target.as_bytes());
    words.iter_mut().filter(|byte| **byte == b'/').for_each(|slash| *slash = b' ');
    if words != target.as_bytes() {
        part.read(&words)?;
        // Some servers decode twice.
        let twice = percent::decoded(&words);
        if twice != words {
            part.read(&twice)?;
        }
    }
    part.finish();
    Ok(())
}

/// Reads each header as `name: value`, so that a name such as `x-patient-ssn` is context.
pub(super) fn read_headers(
    ruling: &Ruling,
    cell: &ReadingCell,
    headers: &HeaderMap,
) -> Result<(), Box<Verdict>> {
    let mut line = Vec::new();
    read_together(ruling, cell, headers)?;
    for (name, value) in headers {
        let mut part = Part::new(ruling, cell);
        if name.as_str().bytes().any(|byte| byte.is_ascii_digit()) {
            // A number in a name is joined to it by a hyphen, which detectors take for part of it.
            let is_letter = |byte: u8| byte.is_ascii_alphabetic();
            let digits =
                name.as_str().bytes().map(|byte| if is_letter(byte) { b' ' } else { byte });
            part.read(&digits.collect::<Vec<_>>())?;
        }
        line.clear();
        line.extend_from_slice(name.as_str().as_bytes());
        line.extend_from_slice(b": ");
        line.extend_from_slice(value.as_bytes());
        part.read(&line)?;
        if value.as_bytes().contains(&b'%') {
            part.read(&percent::decoded(&line))?;
        }
        part.finish();
    }
    Ok(())
}

/// Reads what values say together: those of one name in a row, and where any two of them meet.
fn read_together(
    ruling: &Ruling,
    cell: &ReadingCell,
    headers: &HeaderMap,
) -> Result<(), Box<Verdict>> {
    let mut part = Part::new(ruling, cell);
    let catalog = ruling.profile().catalog();
    let mut texts = Vec::new();
    for name in headers.keys() {
        let is_binary = name.as_str().ends_with("-bin");
        let values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let values = values.flat_map(|value| members(value, is_binary));
        let spelled = |value| if is_binary { binary(value) } else { None };
        let values: Vec<_> =
            values.map(|value| spelled(value).map_or(Cow::Borrowed(value), Cow::Owned)).collect();
        if let [_, _, ..] = &*values {
            // The name may be what says what it is.
            let mut stream = dlp::Stream::default();
            let mut label = format!("{name}: ");
            for value in &values {
                stream.begin();
                let text = [std::mem::take(&mut label).as_bytes(), value].concat();
                part.weigh(stream.read(catalog, &text))?;
            }
        }
        texts.extend(values);
    }
    // Fields of several names have no order (RFC 9110, section 5.3).
    let (mut there, mut back) = (dlp::Stream::default(), dlp::Stream::default());
    texts.iter().try_for_each(|text| part.weigh(there.read(catalog, text)))?;
    texts.iter().rev().try_for_each(|text| part.weigh(back.read(catalog, text)))?;
    part.finish();
    Ok(())
}

/// The values that one line holds (RFC 9110, section 5.3; gRPC joins binary ones so, too): without a digit
/// they are halves of nothing.
fn members(value: &[u8], is_binary: bool) -> Vec<&[u8]> {
    if is_binary || value.contains(&b',') && value.iter().any(u8::is_ascii_digit) {
        value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect()
    } else {
        vec![value]
    }
}

/// What a binary value of gRPC says (gRPC over HTTP/2, "Binary-Header"): padding may be left out.
fn binary(value: &[u8]) -> Option<Vec<u8>> {
    let end = value.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
    let letters = value.get(..end).unwrap_or_default();
    base64_simd::STANDARD_NO_PAD.decode_to_vec(letters).ok()
}

/// One part of a head, which is read in several forms: what stands in each of them is one finding.
struct Part<'a> {
    ruling: &'a Ruling,
    cell: &'a ReadingCell,
    is_target: bool,
    found: Tally,
    charged: Charged,
}

impl<'a> Part<'a> {
    fn new(ruling: &'a Ruling, cell: &'a ReadingCell) -> Self {
        Self {
            ruling,
            cell,
            is_target: false,
            found: Tally::default(),
            charged: Charged::default(),
        }
    }

    fn read(&mut self, text: &[u8]) -> Result<(), Box<Verdict>> {
        self.weigh(dlp::scan(self.ruling.profile().catalog(), text))
    }

    fn weigh(&mut self, mut evidence: Evidence) -> Result<(), Box<Verdict>> {
        if self.is_target {
            // Every request has one: what was decided on is no patient's.
            evidence.leave_out(Identifier::Url);
        }
        if evidence.tally.total() == 0 {
            return Ok(());
        }
        // A target and a header are text by their grammar; the ledger counts bodies.
        evidence.coverage = dlp::Coverage::default();
        evidence.incomplete.clear();
        self.found.raise(&evidence.tally);
        let before = self.cell.with(|reading| reading.before.clone());
        let verdict = self.ruling.judge(Place::Head, &before, &evidence);
        self.cell.with(|reading| {
            reading.add(&evidence);
            reading.rule(&verdict);
        });
        if verdict.stops() {
            return Err(Box::new(verdict));
        }
        let charge = self.cell.charge(self.ruling, &evidence.tally, &mut self.charged);
        charge.map_err(|verdict| {
            self.cell.with(|reading| reading.rule(&verdict));
            Box::new(verdict)
        })
    }

    /// Reads what the name may be a spelling of.
    fn read_name(&mut self, name: &str) -> Result<(), Box<Verdict>> {
        let before = self.found.total();
        let mut forms = names::forms(name).into_iter();
        let read = forms.try_for_each(|form| self.read(form.as_bytes()));
        if read.is_err() || self.found.total() > before {
            self.cell.with(|reading| reading.is_name_telling = true);
        }
        read
    }

    fn finish(self) {
        self.cell.with(|reading| reading.before.extend(&self.found));
    }
}
