//! The last words of a text, and what they could be: names, addresses, codes, dates, e-mail
//! addresses. Only what passes the filter of values is told. Invariant: every candidate ends with
//! the newest word, or ended when it came.

use std::borrow::Cow;

use super::super::normal::{self, CODE_LEN, EMAIL_WORDS_MAX, Form, NAME_WORDS_MAX};
use super::super::set::ExactSet;
use super::super::words::Word;
use crate::finding::Span;

/// Bytes between the words of one name or address.
const GAP_MAX: u64 = 4;
/// Bytes between the groups of one number, such as `) `.
const GROUP_GAP_MAX: u64 = 2;
/// Groups of one number.
const GROUPS_MAX: usize = 5;

/// What a few words could be.
pub(super) struct Candidate<'a> {
    pub(super) form: Form,
    /// Its place in the filter of values.
    pub(super) place: u64,
    pub(super) span: Span,
    parts: Parts<'a>,
}

enum Parts<'a> {
    Code(&'a [u8]),
    Words(Vec<&'a [u8]>),
}

impl Candidate<'_> {
    /// As the roster's values are written before they are fingerprinted.
    pub(super) fn canonical(&self) -> Cow<'_, [u8]> {
        match &self.parts {
            Parts::Code(code) => Cow::Borrowed(code),
            Parts::Words(words) => {
                let mut sorted = words.clone();
                sorted.sort_unstable();
                Cow::Owned(sorted.join(&b' '))
            }
        }
    }
}

type Look<'a> = dyn FnMut(&Candidate<'_>) + 'a;

/// A word and what is known of it.
#[derive(Debug)]
struct Seen {
    word: Word,
    hash: u64,
    /// Whether it is part of some name or address of the roster.
    is_known: bool,
}

/// The last words.
#[derive(Debug, Default)]
pub(super) struct Recent {
    seen: Vec<Seen>,
    /// A bit for each size that values of the roster have.
    code_sizes: u32,
    name_sizes: u32,
    has_addresses: bool,
    has_dates: bool,
    has_emails: bool,
    /// Words at the end that only single marks part, as in an e-mail address.
    run: usize,
    has_at: bool,
}

impl Recent {
    pub(super) fn new(set: &ExactSet) -> Recent {
        let sizes = |form| {
            let columns = set.columns.iter().filter(move |column| column.form == form);
            columns.fold(0, |sizes, column| sizes | column.sizes)
        };
        Recent {
            code_sizes: sizes(Form::Code),
            name_sizes: sizes(Form::Name),
            has_addresses: sizes(Form::Address) != 0,
            has_dates: sizes(Form::Date) != 0,
            has_emails: sizes(Form::Email) != 0,
            ..Recent::default()
        }
    }

    /// Takes a word and looks at all that ends with it.
    pub(super) fn take(&mut self, set: &ExactSet, word: &Word, look: &mut Look<'_>) {
        let is_joined = word.gap == 1 && b".@_+%-".contains(&word.mark);
        if !is_joined {
            self.finish(set, look);
        }
        if word.is_foreign {
            self.seen.clear();
            self.run = 0;
            return;
        }
        if self.seen.len() >= 4 * EMAIL_WORDS_MAX {
            self.seen.drain(..3 * EMAIL_WORDS_MAX);
        }
        let hash = set.hash.of(word.bytes());
        let is_known = set.knows_word(hash);
        self.seen.push(Seen { word: *word, hash, is_known });
        self.run = (self.run + 1).min(EMAIL_WORDS_MAX + 1);
        self.has_at |= is_joined && word.mark == b'@';
        if is_known && self.name_sizes != 0 {
            self.names(set, look);
        }
        if is_known && self.has_addresses {
            self.address(set, look);
        }
        if self.code_sizes != 0 && self.tail(2).iter().any(|seen| seen.word.has_digit) {
            self.codes(set, look);
        }
        if self.has_dates && word.has_digit {
            self.dates(set, look);
        }
    }

    /// The run of words that an e-mail address could be has ended.
    pub(super) fn finish(&mut self, set: &ExactSet, look: &mut Look<'_>) {
        let len = std::mem::take(&mut self.run);
        let has_at = std::mem::take(&mut self.has_at);
        if has_at && self.has_emails && (3..=EMAIL_WORDS_MAX).contains(&len) {
            self.words(set, (Form::Email, len), look);
        }
    }

    /// The last words, so many of them or all.
    fn tail(&self, len: usize) -> &[Seen] {
        self.seen.get(self.seen.len().saturating_sub(len)..).unwrap_or_default()
    }

    fn words(&self, set: &ExactSet, (form, len): (Form, usize), look: &mut Look<'_>) {
        look_at_words(set, form, self.tail(len).iter(), look);
    }

    fn names(&self, set: &ExactSet, look: &mut Look<'_>) {
        for (back, seen) in self.seen.iter().rev().take(NAME_WORDS_MAX).enumerate() {
            if !seen.is_known {
                return;
            }
            if self.name_sizes >> (back + 1) & 1 == 1 {
                self.words(set, (Form::Name, back + 1), look);
            }
            if seen.word.gap > GAP_MAX {
                return;
            }
        }
    }

    /// A house number, perhaps a direction, and this word.
    fn address(&self, set: &ExactSet, look: &mut Look<'_>) {
        let words = self.tail(3);
        let bytes: Vec<&[u8]> = words.iter().map(|seen| seen.word.bytes()).collect();
        let is_near = |seen: Option<&Seen>| seen.is_some_and(|seen| seen.word.gap <= GAP_MAX);
        let is_number = |word: &[u8]| word.first().is_some_and(u8::is_ascii_digit);
        match (bytes.as_slice(), words) {
            ([.., number, street], [.., street_seen])
                if is_number(number)
                    && !normal::is_direction(street)
                    && street.len() > 1
                    && is_near(Some(street_seen)) =>
            {
                self.words(set, (Form::Address, 2), look);
            }
            ([number, direction, street], [first, second, third])
                if is_number(number)
                    && normal::is_direction(direction)
                    && !normal::is_direction(street)
                    && street.len() > 1
                    && is_near(Some(second))
                    && is_near(Some(third)) =>
            {
                look_at_words(set, Form::Address, [first, third].into_iter(), look);
            }
            _ => {}
        }
    }

    /// Numbers and codes in one group or several.
    fn codes(&self, set: &ExactSet, look: &mut Look<'_>) {
        let mut code = [0u8; 2 * super::super::words::WORD_MAX];
        let mut at = code.len();
        let mut has_digit = false;
        let Some(end) = self.seen.last().map(|seen| seen.word.end) else { return };
        for seen in self.seen.iter().rev().take(GROUPS_MAX) {
            let bytes = seen.word.bytes();
            has_digit |= seen.word.has_digit;
            let Some(from) = at.checked_sub(bytes.len()) else { return };
            let Some(place) = code.get_mut(from..at) else { return };
            place.copy_from_slice(bytes);
            at = from;
            let whole = code.get(at..).unwrap_or_default();
            if whole.len() > *CODE_LEN.end() + 8 {
                return;
            }
            let whole = normal::national(whole);
            let fits = |code: &&[u8]| self.code_sizes >> code.len().min(31) & 1 == 1;
            if has_digit && let Some(code) = normal::code(whole).filter(fits) {
                let span = Span { start: seen.word.start, end };
                look_at_code(set, Form::Code, (code, span), look);
            }
            let is_joined = (1..=GROUP_GAP_MAX).contains(&seen.word.gap)
                && b"-. /()_:".contains(&seen.word.mark);
            if !is_joined || !has_digit {
                return;
            }
        }
    }

    fn dates(&self, set: &ExactSet, look: &mut Look<'_>) {
        let Some(last) = self.seen.last() else { return };
        if !last.word.has_digit {
            return;
        }
        let end = last.word.end;
        if last.word.bytes().len() == 8 {
            for date in normal::date(&[last.word.bytes()]) {
                let span = Span { start: last.word.start, end };
                look_at_code(set, Form::Date, (&date, span), look);
            }
        }
        if let [first, second, third] = self.tail(3)
            && second.word.gap <= GROUP_GAP_MAX
            && third.word.gap <= GROUP_GAP_MAX
            && second.word.gap > 0
            && third.word.gap > 0
        {
            let words = [first, second, third].map(|seen| seen.word.bytes());
            if words.iter().any(|word| word.len() > 10) {
                return;
            }
            for date in normal::date(&words) {
                let span = Span { start: first.word.start, end };
                look_at_code(set, Form::Date, (&date, span), look);
            }
        }
    }
}

fn look_at_words<'a>(
    set: &ExactSet,
    form: Form,
    seen: impl Iterator<Item = &'a Seen> + Clone,
    look: &mut Look<'_>,
) {
    let sum = seen.clone().fold(0u64, |sum, seen| sum.wrapping_add(seen.hash));
    let place = form.place(sum);
    if !set.may_hold(place) {
        return;
    }
    let (Some(first), Some(last)) = (seen.clone().next(), seen.clone().last()) else { return };
    let span = Span { start: first.word.start, end: last.word.end };
    let parts = Parts::Words(seen.map(|seen| seen.word.bytes()).collect());
    look(&Candidate { form, place, span, parts });
}

fn look_at_code(set: &ExactSet, form: Form, (code, span): (&[u8], Span), look: &mut Look<'_>) {
    let place = form.place(set.hash.of(code));
    if !set.may_hold(place) {
        return;
    }
    look(&Candidate { form, place, span, parts: Parts::Code(code) });
}
