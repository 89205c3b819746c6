//! The segments of the HIPAA transactions (270/271, 276/277, 278, 820, 834, 835, 837; 45 CFR 162,
//! subparts K to R) and which of their elements identify someone. Invariant: what stands in the loop
//! of a provider or payer is not the patient's.

use std::borrow::Cow;

use super::super::dialect::FIELD_MAX;
use super::super::marks::Places;
pub(super) use super::party::Party;
use super::{Marks, party};
use crate::finding::Span;
use crate::label::Family;
use crate::locus::{Field, Written, is_placeholder};

/// Elements of a segment that are read: the name and those up to HI12.
const ELEMENTS_MAX: usize = 13;

/// One segment.
pub(super) struct Segment<'a> {
    bytes: &'a [u8],
    /// Offset of the first byte.
    start: u64,
    element: u8,
    component: u8,
    /// Where the elements end, as far as they are read.
    ends: [usize; ELEMENTS_MAX],
    /// How many those are.
    len: usize,
}

impl<'a> Segment<'a> {
    /// A segment that begins at the offset `start`.
    pub(super) fn new(start: u64, bytes: &'a [u8], marks: Marks) -> Segment<'a> {
        let Marks { element, component, .. } = marks;
        let mut ends = [bytes.len(); ELEMENTS_MAX];
        let mut len = 0;
        for (end, at) in ends.iter_mut().zip(Places::of(bytes, [element])) {
            *end = at;
            len += 1;
        }
        // The last one ends with the segment.
        Segment { bytes, start, element, component, ends, len: (len + 1).min(ELEMENTS_MAX) }
    }

    /// An element, from 1 (0 is the segment's name), and where it begins. Empty where it is left out.
    fn element(&self, number: usize) -> (usize, &'a [u8]) {
        let end = self.ends.get(number).copied().unwrap_or(self.bytes.len());
        if number >= self.len {
            return (self.bytes.len() + 1, &[]);
        }
        let before = number.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = before.map_or(0, |before| before + 1);
        (start, self.bytes.get(start..end).unwrap_or_default())
    }

    /// An element without the spaces around it.
    fn text(&self, number: usize) -> &'a [u8] {
        self.element(number).1.trim_ascii()
    }

    /// Tells what the segment holds of whom the last one named, and whom later ones are about.
    pub(super) fn tell(&self, party: Party, sink: &mut dyn FnMut(&Field<'_>)) -> Party {
        match self.text(0) {
            b"NM1" => return self.name(sink),
            b"N1" => return self.organization(sink),
            // A level, a claim, a member, a transaction: about somebody else than before.
            b"HL" | b"CLM" | b"INS" | b"ST" | b"CLP" => {
                self.record(sink);
                return Party::Unknown;
            }
            b"N2" | b"N3" | b"N4" | b"PER" | b"TRN" => {
                if party != Party::Other {
                    self.of_person(party, sink);
                }
            }
            b"REF" => {
                let family = party::reference(self.text(1), party);
                self.one((2, "REF02"), family, sink);
            }
            b"HI" => (1..=12).for_each(|number| self.occurrence(number, sink)),
            _ => self.record(sink),
        }
        party
    }

    /// NM1: whom the following segments are about, by name and number.
    fn name(&self, sink: &mut dyn FnMut(&Field<'_>)) -> Party {
        let party = Party::of(self.text(1));
        let is_organization = self.text(2) == b"2";
        let family = match (party, is_organization) {
            (Party::Other, true) => None,
            (Party::Other, false) => Some(Family::Clinician),
            // An employer identifies like its employee does, but need not be known as a name.
            (Party::Person | Party::Unknown, true) => Some(Family::AnyName),
            (Party::Person | Party::Unknown, false) => Some(Family::Name),
        };
        if let Some(family) = family {
            self.joined((3, 5), "NM103", family, sink);
        }
        self.one((9, "NM109"), party::number(self.text(8), party), sink);
        party
    }

    /// N1: an organization, but for the few codes that are a person's.
    fn organization(&self, sink: &mut dyn FnMut(&Field<'_>)) -> Party {
        let party = if party::is_person(self.text(1)) { Party::Person } else { Party::Other };
        if party == Party::Person {
            self.one((2, "N102"), Some(Family::Name), sink);
        }
        self.one((4, "N104"), party::number(self.text(3), party), sink);
        party
    }

    /// Segments of a loop that count only where it is a person's.
    fn of_person(&self, party: Party, sink: &mut dyn FnMut(&Field<'_>)) {
        match self.text(0) {
            b"N2" => {
                self.one((1, "N201"), Some(Family::Name), sink);
                self.one((2, "N202"), Some(Family::Name), sink);
            }
            b"N3" => {
                self.one((1, "N301"), Some(Family::Address), sink);
                self.one((2, "N302"), Some(Family::Address), sink);
            }
            b"N4" => {
                self.one((1, "N401"), Some(Family::City), sink);
                self.one((3, "N403"), Some(Family::Zip), sink);
            }
            b"PER" => {
                self.one((2, "PER02"), Some(Family::Name), sink);
                for (number, locus) in [(4, "PER04"), (6, "PER06"), (8, "PER08")] {
                    self.one((number, locus), party::contact(self.text(number - 1)), sink);
                }
            }
            // The trace of a claim, which the 277 fills with the patient's account.
            b"TRN" if party == Party::Person => {
                self.one((2, "TRN02"), Some(Family::Accession), sink);
            }
            _ => {}
        }
    }

    /// Segments that are about a patient or member wherever they stand.
    fn record(&self, sink: &mut dyn FnMut(&Field<'_>)) {
        let (number, locus, family) = match self.text(0) {
            b"ACT" => (1, "ACT01", Family::Account),
            b"CLM" => (1, "CLM01", Family::Account),
            b"CLP" => {
                self.one((7, "CLP07"), Some(Family::Accession), sink);
                (1, "CLP01", Family::Account)
            }
            b"COB" => (2, "COB02", Family::Member),
            b"DMG" => (2, "DMG02", Family::Birth),
            b"DTM" => return self.one((2, "DTM02"), party::date(self.text(1)), sink),
            b"DTP" if self.text(2) != b"TM" => {
                return self.one((3, "DTP03"), party::date(self.text(1)), sink);
            }
            b"ENT" => {
                return self.one((4, "ENT04"), party::number(self.text(3), Party::Person), sink);
            }
            b"HCR" => (2, "HCR02", Family::Accession),
            b"INS" => (12, "INS12", Family::Death),
            b"PAT" => (6, "PAT06", Family::Death),
            b"PLA" => (3, "PLA03", Family::Event),
            b"PWK" => (6, "PWK06", Family::Accession),
            b"SBR" => (3, "SBR03", Family::Member),
            _ => return,
        };
        self.one((number, locus), Some(family), sink);
    }

    /// HI: the dates of occurrences and procedures, `BH:11:D8:20260412`.
    fn occurrence(&self, number: usize, sink: &mut dyn FnMut(&Field<'_>)) {
        let (mut start, element) = self.element(number);
        let mut parts = element.split(|b| *b == self.component);
        for before in parts.by_ref().take(2) {
            start += before.len() + 1;
        }
        let (Some(format), Some(date)) = (parts.next(), parts.next()) else { return };
        if matches!(format, b"D8" | b"RD8") {
            let start = start + format.len() + 1;
            self.field((start, start + date.len()), "HI", Family::Event, sink);
        }
    }

    /// Tells one element.
    fn one(
        &self,
        (number, locus): (usize, &str),
        family: Option<Family>,
        sink: &mut dyn FnMut(&Field<'_>),
    ) {
        let (start, value) = self.element(number);
        if let Some(family) = family {
            self.field((start, start + value.len()), locus, family, sink);
        }
    }

    /// Tells the elements of a name as one value, without those that hold none.
    fn joined(
        &self,
        (first, last): (usize, usize),
        locus: &str,
        family: Family,
        sink: &mut dyn FnMut(&Field<'_>),
    ) {
        let holds = |number: &usize| !is_placeholder(self.text(*number));
        let Some(from) = (first..=last).find(holds) else { return };
        let upto = (first..=last).rev().find(holds).unwrap_or(from);
        let (end, value) = self.element(upto);
        self.field((self.element(from).0, end + value.len()), locus, family, sink);
    }

    /// Tells the bytes `start..end` of the segment.
    fn field(
        &self,
        (start, end): (usize, usize),
        locus: &str,
        family: Family,
        sink: &mut dyn FnMut(&Field<'_>),
    ) {
        let Some(written) = self.bytes.get(start..end) else { return };
        let value = written.trim_ascii();
        if value.is_empty() || value.len() > FIELD_MAX {
            return;
        }
        let from = start + written.len() - written.trim_ascii_start().len();
        let first = self.start + from as u64;
        let text = if value.contains(&self.element) {
            value.iter().map(|b| if *b == self.element { b' ' } else { *b }).collect()
        } else {
            Cow::Borrowed(value)
        };
        sink(&Field {
            form: "x12",
            locus,
            family,
            span: Span { start: first, end: first + value.len() as u64 },
            text: &text,
            written: Written::Text,
            seen: self.start + self.bytes.len() as u64 + 1,
        });
    }
}
