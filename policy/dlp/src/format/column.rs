//! One column of a table, whatever the format: its values become lines of a text that the detectors
//! read, and where its name announces an identifier each plausible value is told by it. Invariant:
//! each value is counted once, and a name is told only where it cannot be a value itself.

use crate::coverage::Declared;
use crate::finding::{Confidence, Identifier, Span};
use crate::format::entry;
use crate::label::{self, Family};
use crate::locus;
use crate::scanner::{Leaf, Node, Place, Reader, Scan, is_plain_text};

/// Values from this length on are content of their own: pictures, documents, messages.
const CONTENT_MIN: usize = 512;
/// Bytes of a name that the detectors read as a label.
const NAME_MAX: usize = 64;
/// Years from which on an age identifies (45 CFR 164.514(b)(2)(i)(C)), and those that nobody has.
const AGES: std::ops::Range<i64> = 90..130;

/// A column that is being read.
#[derive(Debug)]
pub(crate) struct Column {
    form: &'static str,
    place: Place,
    locus: String,
    family: Option<Family>,
    /// The values, a line each.
    text: Leaf,
    /// Short values that are no text.
    small: Leaf,
}

impl Column {
    /// The column of this name (a path, its parts joined by dots), the `number`th of its table.
    pub(crate) fn new(
        scan: &mut Scan,
        place: &Place,
        form: &'static str,
        (name, number): (&[u8], u64),
    ) -> Column {
        let shown = entry::shown(scan, name, number);
        let place = place.inside(&shown);
        let mut text = Leaf::new(place.member.clone(), Declared::Nothing);
        // The label of what follows, for the detectors.
        text.watch(scan, name.get(..NAME_MAX).unwrap_or(name));
        text.watch(scan, b"\n");
        Column {
            form,
            locus: format!("column {shown}"),
            family: family(name),
            small: Leaf::new(place.member.clone(), Declared::Tensor),
            text,
            place,
        }
    }

    /// Whether the name announces an identifier, so that numbers are to be read one by one.
    pub(crate) fn is_labelled(&self) -> bool {
        self.family.is_some()
    }

    /// Takes a value as the format stores it.
    pub(crate) fn value(&mut self, scan: &mut Scan, value: &[u8]) {
        if value.len() >= CONTENT_MIN && self.place.depth < scan.limits.depth_max {
            let mut node = Node::new(self.place.clone());
            node.feed(scan, value);
            return node.finish(scan);
        }
        if !is_plain_text(value) {
            return self.small.feed(scan, value);
        }
        scan.evidence.coverage.read += value.len() as u64;
        self.line(scan, value);
    }

    /// Takes a value that is counted elsewhere: a statistic, a shared prefix.
    pub(crate) fn again(&mut self, scan: &mut Scan, value: &[u8]) {
        if is_plain_text(value) && value.len() < CONTENT_MIN {
            self.line(scan, value);
        } else {
            self.small.watch(scan, value);
        }
    }

    /// Takes a number that is counted elsewhere.
    pub(crate) fn integer(&mut self, scan: &mut Scan, value: i64) {
        let is_date = self.family.and_then(Family::identifier) == Some(Identifier::Date);
        if is_date && let Some(date) = date(value) {
            return self.line(scan, date.as_bytes());
        }
        self.line(scan, value.to_string().as_bytes());
    }

    /// Takes a number that is counted elsewhere; a fraction is no identifier.
    pub(crate) fn float(&mut self, scan: &mut Scan, value: f64) {
        const EXACT_MAX: f64 = 9e15;
        if value.fract() == 0.0 && value.abs() < EXACT_MAX {
            #[expect(clippy::cast_possible_truncation, reason = "an integer within the range")]
            self.integer(scan, value as i64);
        }
    }

    /// Takes bytes that are no values: levels, indices, numbers.
    pub(crate) fn numbers(&mut self, scan: &mut Scan, bytes: &[u8], declared: Declared) {
        self.small.declare(scan, declared);
        self.small.feed(scan, bytes);
        self.small.declare(scan, Declared::Tensor);
    }

    fn line(&mut self, scan: &mut Scan, value: &[u8]) {
        let start = self.text.offset();
        self.text.watch(scan, value);
        if let Some(family) = self.family
            && let Some(class) = judge(family, value)
        {
            let span = Span { start, end: start + value.len() as u64 };
            self.text.tell(self.form, &self.locus, span, class);
        }
        self.text.watch(scan, b"\n");
    }

    pub(crate) fn finish(mut self, scan: &mut Scan) {
        self.text.finish(scan);
        self.small.finish(scan);
    }
}

/// What a column of this name announces: by the last part of its path that is more than a list.
fn family(name: &[u8]) -> Option<Family> {
    const LISTS: &[&[u8]] = &[b"array", b"array_element", b"bag", b"element", b"item", b"list"];
    let mut parts = name.rsplit(|b| *b == b'.').filter(|part| !LISTS.contains(part));
    label::of_name(parts.next()?).filter(|family| *family != Family::Other)
}

fn judge(family: Family, value: &[u8]) -> Option<(Identifier, Confidence)> {
    if family == Family::Age {
        let years = std::str::from_utf8(value.trim_ascii()).ok()?.parse().ok()?;
        return AGES.contains(&years).then_some((Identifier::Age, Confidence::High));
    }
    // Tables name models, files and metrics as well.
    if family == Family::AnyName {
        let words = || value.split(|b| matches!(b, b' ' | b',')).filter(|word| !word.is_empty());
        let is_word = |word: &[u8]| {
            word.first().is_some_and(u8::is_ascii_uppercase) && !word.iter().any(u8::is_ascii_digit)
        };
        let is_person = (2..=4).contains(&words().count()) && words().all(is_word);
        return is_person.then_some((Identifier::Name, Confidence::Low));
    }
    locus::judge(family, value)
}

/// A date told as days, seconds, milli-, micro- or nanoseconds since 1970, where the first of these
/// gives a year in which a patient can have lived; not what reads as a date already.
fn date(value: i64) -> Option<String> {
    const SECONDS: i64 = 86_400;
    const WRITTEN: std::ops::Range<i64> = 18_000_000..21_500_000;
    if WRITTEN.contains(&value) {
        return None;
    }
    let days = [1, SECONDS, SECONDS * 1000, SECONDS * 1_000_000, SECONDS * 1_000_000_000]
        .into_iter()
        .map(|unit| value.div_euclid(unit))
        // 1850 to 2150; small numbers of seconds and so on are days.
        .find(|days| (-43_829..65_744).contains(days))?;
    let (year, month, day) = civil(days);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// Year, month and day of a count of days since 1970 (proleptic Gregorian).
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(ERA);
    let of_era = shifted.rem_euclid(ERA);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_finer_units_are_dates() {
        assert_eq!(date(-5000).as_deref(), Some("1956-04-24"));
        assert_eq!(date(-432_000_000).as_deref(), Some("1956-04-24"));
        assert_eq!(date(951_782_400_000).as_deref(), Some("2000-02-29"));
        assert_eq!(date(951_782_400_000_000_000).as_deref(), Some("2000-02-29"));
        assert_eq!(date(19_560_423), None, "reads as a date already");
    }

    #[test]
    fn a_list_is_labelled_by_what_holds_it() {
        assert_eq!(family(b"patient.ssn.list.element"), Some(Family::Ssn));
        assert_eq!(family(b"layer.list.element"), None);
    }
}
