//! What the bytes beside an anchor say about whom to ask. Most numbers of a text are ruled out for
//! most detectors by one byte before, one behind, and whether a label stands there; most values
//! behind a colon by their first byte.
//! Invariant: a detector is asked wherever one of its shapes fits, and nowhere else.

use super::{Detector, RUN_MAX, View};
use crate::gate::Anchor;
use crate::label::{self, Families};
use crate::word::{Words, letters_and_key};

/// Kinds of bytes beside a run of digits, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks(u16);

impl Marks {
    pub(crate) const ANY: Marks = Marks(u16::MAX);
    pub(crate) const BLANK: Marks = Marks(1);
    pub(crate) const CLOSE: Marks = Marks(1 << 1);
    /// A blank or dash behind a capital or digit, as in codes that are written in two parts.
    pub(crate) const CODE: Marks = Marks(1 << 2);
    pub(crate) const COMMA: Marks = Marks(1 << 3);
    pub(crate) const DASH: Marks = Marks(1 << 4);
    pub(crate) const DOT: Marks = Marks(1 << 5);
    pub(crate) const LETTER: Marks = Marks(1 << 6);
    /// A blank behind another mark: a colon, a star that hides a digit.
    pub(crate) const MARK: Marks = Marks(1 << 7);
    pub(crate) const OPEN: Marks = Marks(1 << 8);
    pub(crate) const OTHER: Marks = Marks(1 << 9);
    pub(crate) const PLUS: Marks = Marks(1 << 10);
    pub(crate) const SLASH: Marks = Marks(1 << 11);
    /// A blank behind a word, or behind what joins the parts of a date.
    pub(crate) const WORD: Marks = Marks(1 << 12);

    pub(crate) const fn or(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }

    fn meets(self, other: Marks) -> bool {
        self.0 & other.0 != 0
    }
}

/// Kinds of the first byte of a value behind a colon, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Values(u8);

impl Values {
    pub(crate) const NONE: Values = Values(0);
    pub(crate) const UPPER: Values = Values(1);
    /// A letter of another alphabet, in UTF-8.
    pub(crate) const WIDE: Values = Values(1 << 1);
    pub(crate) const LOWER: Values = Values(1 << 2);
    pub(crate) const DIGIT: Values = Values(1 << 3);
    /// The bracket of a list.
    pub(crate) const LIST: Values = Values(1 << 4);
    /// What only base64 and its like begin with.
    pub(crate) const CODED: Values = Values(1 << 5);

    pub(crate) const fn or(self, other: Values) -> Values {
        Values(self.0 | other.0)
    }

    /// Of the value behind the colon or equals sign at `at`.
    fn of(view: &View<'_>) -> Values {
        const BLANKS_MAX: usize = 6;
        let rest = view.bytes.get(view.at + 1..).unwrap_or_default();
        let is_blank = |b: &&u8| {
            matches!(
                b,
                b' ' | b'\t'
                    | b'\r'
                    | b'\n'
                    | b'"'
                    | b'\''
                    | b'\\'
                    | b':'
                    | b'='
                    | b'>'
                    | b'|'
                    | b'('
                    | b'*'
                    | b'<'
            )
        };
        let blanks = rest.iter().take(BLANKS_MAX).take_while(is_blank).count();
        match rest.get(blanks) {
            Some(b'A'..=b'Z') => Values::UPPER,
            Some(b'a'..=b'z') => Values::LOWER,
            Some(b'0'..=b'9') => Values::DIGIT,
            Some(b'[') => Values::LIST,
            Some(b'+' | b'/' | b'-' | b'_') => Values::CODED,
            Some(0xc3..) => Values::WIDE,
            Some(_) | None => Values::NONE,
        }
    }
}

/// How near a label must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    /// No word between it and the digits.
    Direct,
    /// At most [`LABEL_WORDS_MAX`] words between.
    Near,
    /// None.
    Nothing,
}

/// Foreign words between a label and digits, at most.
const LABEL_WORDS_MAX: usize = 6;

/// Something that a detector can report at a run of digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Lengths of the run, a bit for each.
    runs: u32,
    before: Marks,
    behind: Marks,
    label: Wants,
    /// What that label announces.
    families: Families,
}

impl Shape {
    /// Between marks of these kinds, with a label or without.
    pub(crate) const fn written(runs: u32, before: Marks, behind: Marks) -> Shape {
        Shape { runs, before, behind, label: Wants::Nothing, families: Families::ANY }
    }

    /// Behind a label of one of `families` without a word between.
    pub(crate) const fn labelled(runs: u32, families: Families) -> Shape {
        let (before, behind) = (Marks::ANY, Marks::ANY);
        Shape { runs, before, behind, label: Wants::Direct, families }
    }

    /// Whether a label of the family of this discriminant is one that it wants.
    fn asks_for(&self, family: usize) -> bool {
        self.label != Wants::Nothing && self.families.hold(family)
    }

    /// Behind such a label with a few words between.
    pub(crate) const fn near_label(runs: u32, families: Families) -> Shape {
        Shape { label: Wants::Near, ..Shape::labelled(runs, families) }
    }
}

/// The lengths `from` to `to` as bits.
pub(crate) const fn runs(from: u32, to: u32) -> u32 {
    (u32::MAX >> (31 - to)) & (u32::MAX << from)
}

/// Kinds of the two bytes before a run, each with its marks.
const BEFORE: [Marks; 12] = [
    Marks::OTHER,
    Marks::BLANK.or(Marks::MARK),
    Marks::BLANK.or(Marks::WORD),
    Marks::BLANK.or(Marks::WORD).or(Marks::CODE),
    Marks::BLANK.or(Marks::CODE),
    Marks::DASH,
    Marks::DASH.or(Marks::CODE),
    Marks::DOT,
    Marks::SLASH,
    Marks::COMMA,
    Marks::PLUS,
    Marks::OPEN,
];

/// The place in [`BEFORE`] of `near`, which stands behind `far`.
fn before(near: u8, far: u8) -> usize {
    let is_code = far.is_ascii_uppercase() || far.is_ascii_digit();
    match near {
        b' ' => match far {
            b'A'..=b'Z' => 3,
            b'a'..=b'z' | b',' | b'.' | b'-' | b'/' | b' ' => 2,
            b'0'..=b'9' => 4,
            _ => 1,
        },
        b'-' => 5 + usize::from(is_code),
        b'.' => 7,
        b'/' => 8,
        b',' => 9,
        b'+' => 10,
        b'(' => 11,
        _ => 0,
    }
}

/// Kinds of the byte behind a run, each with its marks.
const BEHIND: [Marks; 8] = [
    Marks::OTHER,
    Marks::BLANK,
    Marks::DASH,
    Marks::DOT,
    Marks::SLASH,
    Marks::COMMA,
    Marks::CLOSE,
    Marks::LETTER,
];

/// The place in [`BEHIND`] of `byte`.
fn behind(byte: u8) -> usize {
    match byte {
        b' ' => 1,
        b'-' => 2,
        b'.' => 3,
        b'/' => 4,
        b',' => 5,
        b')' => 6,
        b'A'..=b'Z' | b'a'..=b'z' => 7,
        _ => 0,
    }
}

/// Sets of detectors, a bit for each by its place, that a run of one length concerns.
#[derive(Clone, Copy, Debug, Default)]
struct OfRun {
    written: [[u32; BEHIND.len()]; BEFORE.len()],
    labelled: u32,
    near_label: u32,
}

/// Which of a list of at most 32 detectors an anchor concerns, as sets with a bit for each by its
/// place.
#[derive(Clone, Debug)]
pub(crate) struct Shapes {
    /// By the length of a run of digits.
    of_runs: Vec<OfRun>,
    /// By anchor.
    of_anchors: Vec<u32>,
    /// By the bit of a value's kind.
    of_values: [u32; 8],
    /// By what a label announces: those that ask for it.
    of_families: [u32; 64],
    /// Those that know some words before a colon only, and the keys of these.
    of_words: Vec<(u32, Words)>,
}

impl Shapes {
    pub(crate) fn new(detectors: &[&'static Detector]) -> Shapes {
        let mut of_runs = vec![OfRun::default(); RUN_MAX + 1];
        for (place, detector) in detectors.iter().enumerate() {
            for shape in detector.shapes {
                let fits = |(run, _): &(usize, &mut OfRun)| shape.runs >> run & 1 == 1;
                let of_runs = of_runs.iter_mut().enumerate().filter(fits);
                of_runs.for_each(|(_, of_run)| of_run.add(shape, 1 << place));
            }
        }
        let set = |fits: &dyn Fn(&Detector) -> bool| {
            let fitting = detectors.iter().enumerate().filter(|(_, detector)| fits(detector));
            fitting.fold(0, |set, (place, _)| set | 1 << place)
        };
        let of_anchor = |anchor| set(&|detector| detector.anchors.contains(anchor));
        Shapes {
            of_runs,
            of_anchors: Anchor::ALL.iter().map(of_anchor).collect(),
            of_values: std::array::from_fn(|bit| set(&|d| d.values.0 >> bit & 1 == 1)),
            of_families: std::array::from_fn(|family| {
                set(&|d| d.shapes.iter().any(|shape| shape.asks_for(family)))
            }),
            of_words: detectors
                .iter()
                .enumerate()
                .filter(|(_, detector)| !detector.words.is_empty())
                .map(|(place, detector)| (1 << place, Words::of(&detector.words.concat())))
                .collect(),
        }
    }

    /// The detectors that the anchor of `view` concerns.
    pub(crate) fn detectors(&self, view: &View<'_>) -> u32 {
        match view.anchor {
            Anchor::Digits => self.of_digits(view),
            Anchor::Colon => {
                let kind = Values::of(view).0.checked_ilog2();
                let of_value = kind.and_then(|bit| self.of_values.get(usize::try_from(bit).ok()?));
                let of_value = of_value.copied().unwrap_or(0);
                if of_value == 0 { 0 } else { self.of_word(view, of_value) }
            }
            Anchor::At
            | Anchor::Caps
            | Anchor::Dots
            | Anchor::Mixed
            | Anchor::Pairs
            | Anchor::Scheme => self.of_anchors.get(view.anchor as usize).copied().unwrap_or(0),
        }
    }

    /// Of some detectors those that know the word before the colon.
    fn of_word(&self, view: &View<'_>, detectors: u32) -> u32 {
        let mut end = view.at;
        if matches!(view.before(end, 1), b'"' | b'\'') {
            end -= 1 + usize::from(view.before(end, 2) == b'\\');
        }
        // One mark may stand between.
        if !view.before(end, 1).is_ascii_alphabetic() {
            end = end.saturating_sub(1);
        }
        let (start, key) = letters_and_key(view.bytes, end);
        // The letter of an escape (`\n`) may be joined to the word.
        if view.before(start, 1) == b'\\' {
            return detectors;
        }
        let is_unknown = |(_, words): &&(u32, Words)| !words.may_hold(key);
        let unknown = self.of_words.iter().filter(is_unknown);
        unknown.fold(detectors, |set, (detector, _)| set & !detector)
    }

    fn of_digits(&self, view: &View<'_>) -> u32 {
        let Some(of_run) = self.of_runs.get(view.run) else { return 0 };
        let before = before(view.before(view.at, 1), view.before(view.at, 2));
        let behind = behind(view.byte(view.at + view.run));
        let written = of_run.written.get(before).and_then(|row| row.get(behind));
        let written = written.copied().unwrap_or(0);
        if (of_run.labelled | of_run.near_label) & !written == 0 {
            return written;
        }
        let is_near = of_run.near_label & !written != 0;
        let words = if is_near { LABEL_WORDS_MAX } else { 0 };
        let Some(label) = view.label(view.at, label::WINDOW, words) else { return written };
        let is_direct = label.gap.words == 0;
        let reached = of_run.near_label | if is_direct { of_run.labelled } else { 0 };
        written | reached & self.of_families.get(label.family as usize).copied().unwrap_or(0)
    }
}

impl OfRun {
    fn add(&mut self, shape: &Shape, detector: u32) {
        match shape.label {
            Wants::Direct => self.labelled |= detector,
            Wants::Near => self.near_label |= detector,
            Wants::Nothing => {
                for (row, before) in self.written.iter_mut().zip(BEFORE) {
                    for (set, behind) in row.iter_mut().zip(BEHIND) {
                        let fits = shape.before.meets(before) && shape.behind.meets(behind);
                        *set |= if fits { detector } else { 0 };
                    }
                }
            }
        }
    }
}
