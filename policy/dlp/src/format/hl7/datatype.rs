//! The data types of HL7 v2 (chapter 2A) and which of their components identify someone. Invariant:
//! a component that is told stands in the message as its span says.

use std::borrow::Cow;

use super::{Marks, shape};
use crate::format::dialect::FIELD_MAX;
use crate::label::Family;
use crate::locus::{Field, Written, is_placeholder};

/// Bytes of most loci: `PID-11.5`.
const LOCUS_MAX: usize = 16;

/// What a field is written as, and what it announces where its type leaves that open.
#[derive(Clone, Copy, Debug)]
pub(super) enum Datatype {
    /// CX, an identifier whose fifth component says of what kind (2A.3.11).
    Cx(Family),
    /// EI, DLN, NM, ST, IS: the first component.
    First(Family),
    /// OBX-5, whose type stands in OBX-2 (7.4.2).
    Observation,
    /// OBX-2.
    ObservationType,
    /// A field of a site's own segment: judged by what it looks like (2.11, "Local extension").
    Shape,
    /// TS, DT, DTM, and DR with two of them (2A.3.15, 2A.3.20).
    Time(Family),
    /// XAD, AD: an address (2A.3.78).
    Xad,
    /// XCN, CN: someone by number and name (2A.3.79).
    Xcn(Family),
    /// XPN, PN: a name (2A.3.81).
    Xpn,
    /// XTN, TN: telephone, fax or mail (2A.3.82).
    Xtn,
}

impl Datatype {
    /// The type that OBX-2 names (table 0125). Text is left to the detectors.
    pub(super) fn observed(name: &[u8]) -> Option<Datatype> {
        Some(match name {
            b"CX" | b"CK" => Datatype::Cx(Family::PatientId),
            b"DT" | b"DTM" | b"TS" | b"DR" => Datatype::Time(Family::Event),
            b"XAD" | b"AD" => Datatype::Xad,
            b"XCN" | b"CN" => Datatype::Xcn(Family::Clinician),
            b"XPN" | b"PN" | b"PPN" => Datatype::Xpn,
            b"XTN" | b"TN" => Datatype::Xtn,
            _ => return None,
        })
    }
}

/// What a CX is by its type code (table 0203); nothing for codes that say nothing more than the
/// field does.
pub(super) fn by_type(code: &[u8]) -> Option<Family> {
    Some(match code {
        b"MR" | b"MRN" | b"MRT" | b"PI" | b"PT" | b"PE" | b"LR" => Family::Mrn,
        b"SS" | b"SSN" | b"SB" => Family::Ssn,
        b"TAX" | b"NIIP" => Family::TaxId,
        b"DL" | b"LN" | b"PRC" | b"MCR" => Family::License,
        b"PPN" => Family::Passport,
        b"AN" | b"AC" | b"ACSN" | b"AM" | b"ANON" | b"ANC" | b"AND" | b"ANT" | b"VN" | b"FI" => {
            Family::Account
        }
        b"BC" | b"CC" => Family::Card,
        b"MC" | b"HC" | b"JHN" | b"NHS" => Family::HealthPlan,
        b"MA" | b"MB" | b"SN" | b"PN" | b"WC" | b"NH" | b"NI" | b"PNT" | b"GN" => Family::Member,
        b"EI" | b"EN" | b"MI" | b"RI" | b"BR" | b"BCT" => Family::StudyId,
        b"NPI" => Family::Npi,
        b"DEA" => Family::Dea,
        _ => return None,
    })
}

/// One repetition of a field.
#[derive(Clone, Copy)]
pub(super) struct Repetition<'a> {
    pub(super) bytes: &'a [u8],
    /// Offset of the first byte.
    pub(super) start: u64,
    pub(super) marks: Marks,
    pub(super) segment: &'a str,
    pub(super) field: u8,
}

impl<'a> Repetition<'a> {
    /// A component, from 1, and where it begins in the repetition. Empty where it is left out.
    pub(super) fn component(&self, number: usize) -> (usize, &'a [u8]) {
        let mut start = 0;
        let mut components = self.bytes.split(|b| *b == self.marks.component);
        for before in components.by_ref().take(number - 1) {
            start += before.len() + 1;
        }
        (start, components.next().unwrap_or_default())
    }

    /// Tells what the repetition holds.
    pub(super) fn tell(&self, datatype: Datatype, sink: &mut dyn FnMut(&Field<'_>)) {
        match datatype {
            Datatype::Cx(family) => {
                let kind = by_type(self.component(5).1).unwrap_or(family);
                self.whole(1, kind, sink);
            }
            Datatype::First(family) => self.whole(1, family, sink),
            Datatype::Observation | Datatype::ObservationType => {}
            Datatype::Shape => shape::tell(self, sink),
            Datatype::Time(family) => {
                self.whole(1, family, sink);
                let (_, second) = self.component(2);
                if second.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-')) {
                    self.part(2, family, sink);
                }
            }
            Datatype::Xad => self.address(sink),
            Datatype::Xcn(family) => self.clinician(family, sink),
            Datatype::Xpn => self.joined((1, 3), Family::Name, sink),
            Datatype::Xtn => self.contact(sink),
        }
    }

    /// Street, other designation, city, ZIP, other geographic designation, county, census tract.
    fn address(&self, sink: &mut dyn FnMut(&Field<'_>)) {
        for (part, family) in [
            (1, Family::Address),
            (2, Family::Address),
            (3, Family::City),
            (5, Family::Zip),
            (8, Family::City),
            (9, Family::City),
            (10, Family::City),
        ] {
            self.part(part, family, sink);
        }
    }

    /// The number, where it is an NPI, and the names.
    fn clinician(&self, family: Family, sink: &mut dyn FnMut(&Field<'_>)) {
        let (_, number) = self.component(1);
        if number.len() == 10 && number.iter().all(u8::is_ascii_digit) {
            self.part(1, Family::Npi, sink);
        }
        self.joined((2, 4), family, sink);
    }

    /// The number as written, the address of mail, the number in parts, and the unformatted one.
    fn contact(&self, sink: &mut dyn FnMut(&Field<'_>)) {
        let equipment = self.component(3).1;
        let kind = match equipment {
            b"FX" => Family::Fax,
            b"Internet" | b"X.400" => Family::Email,
            _ => Family::Phone,
        };
        let (_, first) = self.component(1);
        let is_mail = first.contains(&b'@');
        self.part(1, if is_mail { Family::Email } else { kind }, sink);
        let number = if matches!(kind, Family::Email) { Family::Phone } else { kind };
        let (_, fourth) = self.component(4);
        self.part(4, if fourth.contains(&b'@') { Family::Email } else { number }, sink);
        let (area, local) = (self.component(6), self.component(7));
        if local.1.iter().any(u8::is_ascii_digit) {
            let start = if area.1.is_empty() { local.0 } else { area.0 };
            self.tell_at((7, start, local.0 + local.1.len()), number, sink);
        }
        self.part(12, number, sink);
    }

    /// Tells the components of a name as one value, without those that hold none.
    pub(super) fn joined(
        &self,
        (first, last): (usize, usize),
        family: Family,
        sink: &mut dyn FnMut(&Field<'_>),
    ) {
        let holds = |number: &usize| !is_placeholder(self.component(*number).1);
        let Some(from) = (first..=last).find(holds) else { return };
        let upto = (first..=last).rev().find(holds).unwrap_or(from);
        let (end, value) = self.component(upto);
        self.tell_at((0, self.component(from).0, end + value.len()), family, sink);
    }

    /// Tells a component under the field's own name.
    pub(super) fn whole(&self, number: usize, family: Family, sink: &mut dyn FnMut(&Field<'_>)) {
        let (start, bytes) = self.component(number);
        self.tell_at((0, start, start + bytes.len()), family, sink);
    }

    /// Tells a component under its own name.
    pub(super) fn part(&self, number: usize, family: Family, sink: &mut dyn FnMut(&Field<'_>)) {
        let (start, bytes) = self.component(number);
        self.tell_at((number, start, start + bytes.len()), family, sink);
    }

    /// Tells the bytes `start..end` of the repetition as the component of that number, 0 for the
    /// field.
    fn tell_at(
        &self,
        (number, start, end): (usize, usize, usize),
        family: Family,
        sink: &mut dyn FnMut(&Field<'_>),
    ) {
        let Some(written) = self.bytes.get(start..end) else { return };
        let inner = written.trim_ascii();
        if inner.is_empty() || inner.len() > FIELD_MAX {
            return;
        }
        let start = start + written.len() - written.trim_ascii_start().len();
        let mut locus = String::with_capacity(LOCUS_MAX);
        locus.push_str(self.segment);
        locus.push('-');
        push_number(&mut locus, self.field.into());
        if number > 0 {
            locus.push('.');
            push_number(&mut locus, number);
        }
        let first = self.start + start as u64;
        sink(&Field {
            form: "hl7",
            locus: &locus,
            family,
            span: crate::Span { start: first, end: first + inner.len() as u64 },
            text: &unescape(inner, self.marks),
            written: Written::Text,
            seen: self.start + self.bytes.len() as u64 + 1,
        });
    }
}

/// Writes a number below 1000: the machinery of formats takes longer than all the rest of a field.
fn push_number(text: &mut String, number: usize) {
    for unit in [100, 10, 1] {
        let digit = u8::try_from(number / unit % 10).unwrap_or(0);
        if number >= unit || unit == 1 {
            text.push(char::from(b'0' + digit));
        }
    }
}

/// A value without its escapes (2.7, "Use of escape sequences in text fields"); components and
/// subcomponents are words of it.
fn unescape(written: &[u8], marks: Marks) -> Cow<'_, [u8]> {
    let is_part = |b: u8| b == marks.component || b == marks.subcomponent;
    if !written.iter().any(|b| *b == marks.escape || is_part(*b)) {
        return Cow::Borrowed(written);
    }
    let mut text = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some((byte, later)) = rest.split_first() {
        rest = later;
        if is_part(*byte) {
            text.push(b' ');
            continue;
        }
        let sequence = later.split(|b| *b == marks.escape).next().unwrap_or_default();
        if *byte != marks.escape || sequence.len() == later.len() {
            text.push(*byte);
            continue;
        }
        escaped(sequence, marks, &mut text);
        rest = later.get(sequence.len() + 1..).unwrap_or_default();
    }
    Cow::Owned(text)
}

/// What one escape sequence stands for.
fn escaped(sequence: &[u8], marks: Marks, text: &mut Vec<u8>) {
    match sequence {
        b"F" => text.push(marks.field),
        b"S" => text.push(marks.component),
        b"T" => text.push(marks.subcomponent),
        b"R" => text.push(marks.repetition),
        b"E" => text.push(marks.escape),
        [b'X', digits @ ..] => {
            let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
            let pair = |pair: &[u8; 2]| {
                let [high, low] = *pair;
                digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low)
            };
            text.extend(digits.as_chunks().0.iter().filter_map(pair));
        }
        [b'.', ..] => text.push(b' '),
        // Highlighting, character sets and what a site made up: no part of the text.
        _ => {}
    }
}
