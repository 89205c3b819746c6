//! The label before an anchor: told by the nearest word where that is enough, by the labels that were
//! found last, and only then looked for. Invariant: what is told at once is what a search would find.

use std::cell::RefCell;

use super::Near;
use crate::label::{self, Gap, Kind, Label, Recent};
use crate::word::{all, within};

/// What is known of the label before an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It was not asked for.
    Nothing,
    /// It takes a search.
    Unsure,
    /// The nearest one, and beyond how many foreign words it was looked for.
    Label(Option<Label>, usize),
}

impl<'a> Near<'a> {
    /// The nearest label before the anchor, with so many foreign words between at most.
    pub(crate) fn label(&self, words: usize) -> Option<Label> {
        let said = self.said.get();
        if let Said::Label(label, upto) = said
            && (label.is_some() || upto >= words)
        {
            return label.filter(|label| label.gap.words <= words);
        }
        let at_once = || if words == 0 { Some((self.label_at_once()?, 0)) } else { None };
        let behind = || if said == Said::Unsure { None } else { self.behind_number(words) };
        let (label, upto) = at_once()
            .or_else(behind)
            .unwrap_or_else(|| self.recent.borrow_mut().nearest(self.bytes, self.at, words));
        self.said.set(Said::Label(label, upto));
        label.filter(|label| label.gap.words <= words)
    }

    /// The label without a word between, where that is known without a long search.
    #[inline]
    pub(crate) fn label_at_once(&self) -> Option<Option<Label>> {
        let found = match self.said.get() {
            Said::Label(label, _) => Some(label),
            Said::Unsure => None,
            Said::Nothing => self.find_at_once(),
        };
        found.map(|label| label.filter(|label| label.gap.words == 0))
    }

    fn find_at_once(&self) -> Option<Option<Label>> {
        let direct = self.direct().map(|label| (label, 0));
        let found = direct.or_else(|| self.behind_number(0)).or_else(|| {
            let may_be = self.may_follow_label(0);
            (!may_be).then_some((None, 0))
        });
        self.said.set(found.map_or(Said::Unsure, |(label, upto)| Said::Label(label, upto)));
        found.map(|(label, _)| label)
    }

    fn behind_number(&self, words: usize) -> Option<(Option<Label>, usize)> {
        self.recent.borrow_mut().behind_number((self.bytes, self.at), self.before, words)
    }

    /// The labels that were looked for last.
    pub(crate) fn recent(&self) -> &'a RefCell<Recent> {
        self.recent
    }

    /// The label that was found so far, and beyond how many words it was looked for.
    pub(crate) fn said(&self) -> Option<(Option<Label>, usize)> {
        match self.said.get() {
            Said::Label(label, upto) => Some((label, upto)),
            Said::Nothing | Said::Unsure => None,
        }
    }

    /// The label without a word between, where the nearest word tells at once.
    #[inline]
    fn direct(&self) -> Option<Option<Label>> {
        const MARKS_MAX: usize = 7;
        let stop = (1..=MARKS_MAX).find(|back| label::kind_of(self.before(*back)) != Kind::Mark)?;
        match label::kind_of(self.before(stop)) {
            // One that counts a label (`phone2`), or of another number.
            Kind::Digit => (!self.before(stop + 1).is_ascii_alphabetic()).then_some(None),
            Kind::Letter => {
                let gap = Gap { len: stop - 1, words: 0 };
                match label::meaning_of_short(self.tail(gap.len))? {
                    (_, None) => Some(None),
                    (_, Some(family)) => Some(Some(Label { family: family?, gap })),
                }
            }
            Kind::Control => Some(None),
            Kind::Mark | Kind::Newline | Kind::NumberSign | Kind::Star => None,
        }
    }

    /// Whether a label may stand, without a word between, before what begins `back` places before the
    /// anchor. Where that is not known at once it may.
    pub(crate) fn may_be_labelled(&self, back: usize) -> bool {
        if back > 0 {
            return self.may_follow_label(back);
        }
        self.label_at_once().is_none_or(|label| label.is_some())
    }

    /// The same, by the eight bytes before alone.
    pub(crate) fn may_follow_label(&self, from: usize) -> bool {
        let tail = self.tail(from);
        let letters = within(tail | all(0x20), b'a', b'z');
        let digits = within(tail, b'0', b'9');
        let first = (letters | digits).trailing_zeros();
        let marks = (1u64 << (first & 63)) - 1;
        if first == u64::BITS || within(tail, b'#', b'#') & marks != 0 {
            return true;
        }
        let back = from + usize::try_from(first / 8).unwrap_or(0);
        if digits >> first & 1 == 1 {
            // One that counts a label (`phone2`), or of another number.
            return self.before(back + 2).is_ascii_alphabetic();
        }
        label::may_be_last(self.bytes, self.at - back)
    }
}
