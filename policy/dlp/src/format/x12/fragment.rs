//! Segments of X12 that stand within other text, mostly without the envelope that tells their marks.
//! Invariant: what only looks like one by its name is none: the codes in its first elements are known.

use super::segment::{Party, Segment};
use super::{HEADER_ELEMENTS, Marks, party};
use crate::locus::Field;

/// Where the component mark and the segment mark stand in an ISA of fixed length.
const ISA_MARKS: usize = 104;

/// What the segments before say of the next one.
#[derive(Debug, Default)]
pub(crate) struct Fragment {
    marks: Marks,
    party: Party,
}

impl Fragment {
    /// What ends a segment.
    pub(crate) fn mark(&self) -> u8 {
        self.marks.segment
    }

    /// Whether a fragment may begin with a segment of this name.
    pub(crate) fn is_known(name: &[u8]) -> bool {
        const NAMES: &[&[u8]] = &[
            b"CLM", b"CLP", b"DMG", b"DTM", b"DTP", b"GS", b"HL", b"INS", b"ISA", b"N1", b"N3",
            b"N4", b"NM1", b"PER", b"REF", b"SBR", b"ST",
        ];
        NAMES.contains(&name)
    }

    /// Whether the bytes are a segment by which a fragment is known.
    pub(crate) fn begins(bytes: &[u8]) -> bool {
        let name = bytes.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let Some(&element) = bytes.get(name) else { return false };
        // Numbers of a tensor name segments by chance.
        if !is_printable(bytes) {
            return false;
        }
        let mut elements = bytes.split(|b| *b == element).skip(1);
        let [first, second, third] = [(); 3].map(|()| elements.next().unwrap_or_default());
        let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let is_amount = |text: &[u8]| is_number(text.split(|b| *b == b'.').next().unwrap_or(text));
        let is_code = |text: &[u8]| {
            (2..=3).contains(&text.len())
                && text.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        match bytes.get(..name).unwrap_or_default() {
            b"CLM" => !first.is_empty() && is_amount(second),
            b"CLP" => !first.is_empty() && is_number(second) && is_amount(third),
            b"DMG" => first == b"D8" && second.len() == 8 && is_number(second),
            b"DTM" => is_code(first) && second.len() == 8 && is_number(second),
            b"DTP" => is_code(first) && matches!(second, b"D8" | b"RD8" | b"DT"),
            b"GS" => is_code(first) && !second.is_empty() && !third.is_empty(),
            b"HL" => is_number(first) && (second.is_empty() || is_number(second)) && is_code(third),
            b"INS" => matches!(first, b"Y" | b"N") && is_code(second),
            b"ISA" => is_code(first) && elements.count() + 3 >= HEADER_ELEMENTS - 1,
            b"N1" => party::is_known(first) && !second.is_empty(),
            b"N3" => is_street(first),
            b"N4" => is_code(second) && (third.len() == 5 || third.len() == 9) && is_number(third),
            b"NM1" => is_code(first) && matches!(second, b"1" | b"2"),
            b"PER" => is_code(first) && party::contact(third).is_some(),
            b"REF" => {
                is_code(first)
                    && party::reference(first, Party::Person).is_some()
                    && !second.is_empty()
            }
            b"SBR" => {
                matches!(first, b"A" | b"B" | b"C" | b"D" | b"E" | b"P" | b"S" | b"T" | b"U")
                    && (second.is_empty() || is_code(second))
            }
            b"ST" => first.len() == 3 && is_number(first) && !second.is_empty(),
            _ => false,
        }
    }

    /// Reads one segment, which stands at `start`; whether it follows the last one directly.
    pub(crate) fn segment(
        &mut self,
        (start, bytes): (u64, &[u8]),
        is_next: bool,
        sink: &mut dyn FnMut(&Field<'_>),
    ) {
        let name = bytes.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let Some(&element) = bytes.get(name) else { return };
        if !is_next {
            *self = Fragment::default();
        }
        if let (b"ISA", Some([component, segment, ..])) =
            (bytes.get(..name).unwrap_or_default(), bytes.get(ISA_MARKS..))
        {
            // X12.5: the marks differ from each other and from every letter and digit.
            let is_mark = |mark: u8| !mark.is_ascii_alphanumeric() && mark != element;
            if is_mark(*component) && is_mark(*segment) && component != segment {
                (self.marks.component, self.marks.segment) = (*component, *segment);
            }
        }
        let segment = Segment::new(start, bytes, Marks { element, ..self.marks });
        self.party = segment.tell(self.party, sink);
    }
}

/// Whether bytes are of the character sets of X12 (X12.6 section 3.3), or of a text around them.
fn is_printable(bytes: &[u8]) -> bool {
    let is_control = |b: &u8| b.is_ascii_control() && !b.is_ascii_whitespace();
    let is_text = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    is_text && !bytes.iter().any(is_control)
}

/// Whether text is the line of a street: a number and words.
fn is_street(text: &[u8]) -> bool {
    let mut words = text.split(|b| *b == b' ');
    let number = words.next().unwrap_or_default();
    let is_number = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/' | b'*');
    number.first().is_some_and(u8::is_ascii_digit)
        && number.iter().all(is_number)
        && words.next().is_some_and(|word| word.iter().any(u8::is_ascii_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_begin_none() {
        assert!(Fragment::begins(b"N3*14 OAK AVE*APT 9"));
        assert!(Fragment::begins("N3*14 OAK AVE*CAFÉ".as_bytes()));
        assert!(!Fragment::begins(b"N3|8\xb36\xb48\xb28V9\xb48} \xb31\xb34o:\xb59"));
        assert!(!Fragment::begins(b"N3*14 OAK\x00AVE"));
        assert!(!Fragment::begins(b"N3*8\"6;9 x"));
    }
}
