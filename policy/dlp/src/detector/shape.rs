//! What the bytes beside an anchor say about whom to ask. Most numbers of a text are ruled out for
//! most detectors by one byte before, one behind, and whether a label stands there; most values
//! behind a colon by their first byte.
//! Invariant: a detector is asked wherever one of its shapes fits, and nowhere else.

mod value;

use super::{Detector, Near, RUN_MAX};
use crate::gate::Anchor;
use crate::label::{self, Families, Label};
use crate::word::{Filter, Words, key};
pub(crate) use value::Values;

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

/// How near a label must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    /// No word between it and the digits.
    Direct,
    /// At most [`label::WORDS_MAX`] words between.
    Near,
    /// None.
    Nothing,
}

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
#[inline]
fn before(near: u8, far: u8) -> usize {
    let place = |table: &[u8; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or(0);
    let near = place(&NEAR, near);
    usize::from(match near {
        1 => place(&FAR, far),
        5 => near + u8::from(far.is_ascii_uppercase() || far.is_ascii_digit()),
        _ => near,
    })
}

/// The place in [`BEFORE`] of each byte, where what stands before it does not matter.
const NEAR: [u8; 256] =
    table(&[(b" ", 1), (b"-", 5), (b".", 7), (b"/", 8), (b",", 9), (b"+", 10), (b"(", 11)], 0);
/// The same of each byte that stands before a blank.
const FAR: [u8; 256] = table(
    &[
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 3),
        (b"abcdefghijklmnopqrstuvwxyz,.-/ ", 2),
        (b"0123456789", 4),
    ],
    1,
);

/// The number of each byte by the list that has it.
#[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
pub(crate) const fn table(lists: &[(&[u8], u8)], other: u8) -> [u8; 256] {
    let mut table = [other; 256];
    let mut list = 0;
    while list < lists.len() {
        let (mut bytes, number) = lists[list];
        while let [byte, rest @ ..] = bytes {
            table[*byte as usize] = number;
            bytes = rest;
        }
        list += 1;
    }
    table
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

/// The place in [`BEHIND`] of each byte.
const NEXT: [u8; 256] = table(
    &[
        (b" ", 1),
        (b"-", 2),
        (b".", 3),
        (b"/", 4),
        (b",", 5),
        (b")", 6),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 7),
    ],
    0,
);

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
    of_runs: Box<[OfRun; RUN_MAX + 1]>,
    /// By anchor.
    of_anchors: [u32; Anchor::ALL.len()],
    /// By the bit of a value's kind.
    of_values: [u32; 8],
    /// By what a label announces: those that ask for it.
    of_families: [u32; 64],
    /// Those that know some words before a colon only, and the keys of these.
    of_words: Vec<(u32, Words)>,
    /// Those, as a set, and all their words.
    with_words: u32,
    any_word: Filter,
}

impl Shapes {
    pub(crate) fn new(detectors: &[&'static Detector]) -> Shapes {
        let mut of_runs = Box::new([OfRun::default(); RUN_MAX + 1]);
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
        let words = detectors.iter().flat_map(|detector| detector.words.concat());
        Shapes {
            of_runs,
            of_anchors: std::array::from_fn(|at| Anchor::ALL.get(at).map_or(0, &of_anchor)),
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
            with_words: set(&|detector| !detector.words.is_empty()),
            any_word: Filter::of(words.map(|word| key(word.as_bytes()))),
        }
    }

    /// The detectors that an anchor may concern, by the bytes beside it.
    #[inline]
    pub(crate) fn near(&self, near: &Near<'_>) -> u32 {
        match near.anchor {
            Anchor::Digits => self.near_digits(near),
            Anchor::Colon => {
                let of_value = Values::place(near).and_then(|place| self.of_values.get(place));
                let of_value = of_value.copied().unwrap_or(0);
                let knows_words = of_value & self.with_words != 0;
                if knows_words { self.of_word(near, of_value) } else { of_value }
            }
            Anchor::At
            | Anchor::Caps
            | Anchor::Dots
            | Anchor::Mixed
            | Anchor::Pairs
            | Anchor::Scheme => self.of_anchors.get(near.anchor as usize).copied().unwrap_or(0),
        }
    }

    fn near_digits(&self, near: &Near<'_>) -> u32 {
        let Some(of_run) = self.of_runs.get(near.run) else { return 0 };
        let written = of_run.written(near.before(1), near.before(2), near.byte(near.run));
        let labelled = of_run.labelled & !(written | of_run.near_label);
        let direct = if labelled == 0 { None } else { near.label_at_once() };
        // Where that is not known at once, it is looked for when all else fits.
        let labelled = labelled & direct.map_or(labelled, |label| self.of_label(label));
        written | of_run.near_label | labelled
    }

    /// Of some detectors those that know the word before the colon.
    fn of_word(&self, near: &Near<'_>, detectors: u32) -> u32 {
        let mut back = 0;
        if matches!(near.before(1), b'"' | b'\'') {
            back += 1 + usize::from(near.before(2) == b'\\');
        }
        // One mark may stand between.
        back += usize::from(!near.before(back + 1).is_ascii_alphabetic());
        // Most words are short, and none of theirs.
        if let Some((len, key)) = near.short_word(back)
            && near.before(back + len + 1) != b'\\'
            && !self.any_word.hold(Filter::bit_of_short(key))
        {
            return detectors & !self.with_words;
        }
        let (len, key) = near.letters_and_key(back);
        // The letter of an escape (`\n`) may be joined to the word.
        if near.before(back + len + 1) == b'\\' {
            return detectors;
        }
        if !self.any_word.may_hold(key) {
            return detectors & !self.with_words;
        }
        let is_unknown = |(_, words): &&(u32, Words)| !words.may_hold(key);
        let unknown = self.of_words.iter().filter(is_unknown);
        unknown.fold(detectors, |set, (detector, _)| set & !detector)
    }

    /// Of those that an anchor may concern the ones that it does, by the label before it.
    #[inline]
    pub(crate) fn labelled(&self, near: &Near<'_>, asked: u32) -> u32 {
        let of_run = self.of_runs.get(near.run).filter(|_| near.anchor == Anchor::Digits);
        let Some(of_run) = of_run else { return asked };
        let written = of_run.written(near.before(1), near.before(2), near.byte(near.run));
        if asked & !written == 0 {
            return asked;
        }
        let is_near = asked & of_run.near_label & !written != 0;
        let label = near.label(if is_near { label::WORDS_MAX } else { 0 });
        let is_direct = label.is_some_and(|label| label.gap.words == 0);
        let reached = of_run.near_label | if is_direct { of_run.labelled } else { 0 };
        asked & (written | reached & self.of_label(label))
    }

    /// Those that ask for what a label announces.
    #[inline]
    fn of_label(&self, label: Option<Label>) -> u32 {
        let of_family = label.and_then(|label| self.of_families.get(label.family as usize));
        of_family.copied().unwrap_or(0)
    }
}

impl OfRun {
    /// Of a run behind `near`, which stands behind `far`, and before `next`.
    #[inline]
    fn written(&self, near: u8, far: u8, next: u8) -> u32 {
        let next = NEXT.get(usize::from(next)).copied().unwrap_or(0);
        let row = self.written.get(before(near, far));
        row.and_then(|row| row.get(usize::from(next))).copied().unwrap_or(0)
    }

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
