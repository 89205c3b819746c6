//! Values as they are compared: a cell of a roster becomes one or more of them, and words of a text
//! become candidates. Invariant: both sides use the same functions here, so a value that is written
//! another way is still the same.

use super::ColumnKind;
use super::filter::Hash;
use super::words::{self, Word};
use crate::keyed::Key;

/// Words of a name at most.
pub(super) const NAME_WORDS_MAX: usize = 4;
/// Words of an e-mail address at most.
pub(super) const EMAIL_WORDS_MAX: usize = 8;
/// Letters and digits of a code.
pub(super) const CODE_LEN: std::ops::RangeInclusive<usize> = 4..=24;

/// How values of a column are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Address,
    Code,
    Date,
    Email,
    Name,
}

impl Form {
    pub(super) fn of(kind: ColumnKind) -> Form {
        match kind {
            ColumnKind::Address => Form::Address,
            ColumnKind::Dob => Form::Date,
            ColumnKind::Email => Form::Email,
            ColumnKind::Name => Form::Name,
            ColumnKind::Mrn
            | ColumnKind::Other
            | ColumnKind::Phone
            | ColumnKind::Ssn
            | ColumnKind::Zip => Form::Code,
        }
    }

    fn name(self) -> &'static [u8] {
        match self {
            Form::Address => b"address",
            Form::Code => b"code",
            Form::Date => b"date",
            Form::Email => b"email",
            Form::Name => b"name",
        }
    }

    /// The place of a value in the filter, from the hashes of its words or of its code.
    pub(super) fn place(self, sum: u64) -> u64 {
        let salt = match self {
            Form::Address => 0x9ae1_6a3b_2f90_404f,
            Form::Code => 0xc949_d7c7_509e_6557,
            Form::Date => 0xff51_afd7_ed55_8ccd,
            Form::Email => 0xb492_b66f_be98_f273,
            Form::Name => 0xc4ce_b9fe_1a85_ec53,
        };
        let mixed = (sum ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

/// A value in its comparable form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) form: Form,
    pub(super) canonical: Vec<u8>,
    /// Its place in the filter of values.
    pub(super) place: u64,
    /// How many words it has, or the length of its code.
    pub(super) size: usize,
}

impl Value {
    /// A value of words, in any order.
    pub(super) fn of_words(form: Form, hash: &Hash, words: &[&[u8]]) -> Value {
        let mut sorted = words.to_vec();
        sorted.sort_unstable();
        let sum = words.iter().fold(0u64, |sum, word| sum.wrapping_add(hash.of(word)));
        Value { form, canonical: sorted.join(&b' '), place: form.place(sum), size: words.len() }
    }

    /// A value that is one string.
    pub(super) fn of_code(form: Form, hash: &Hash, code: &[u8]) -> Value {
        let (canonical, size) = (code.to_vec(), code.len());
        Value { form, canonical, place: form.place(hash.of(code)), size }
    }

    /// The keyed fingerprint: the upper 40 bits count.
    pub(super) fn fingerprint(&self, key: &Key) -> u64 {
        fingerprint(key, self.form, &self.canonical)
    }
}

/// 40 bits of HMAC-SHA-256. A value that is not in a roster of a million rows is taken for one that
/// is, in one column, with a chance of one in a million; two columns of one row, practically never.
pub(super) fn fingerprint(key: &Key, form: Form, canonical: &[u8]) -> u64 {
    let digest = key.digest("lazaret exact value 1", &[form.name(), canonical]);
    digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes) >> 24)
}

/// The values of a roster's cell; none where it holds nothing that could be told from other text.
pub(super) fn of_cell(kind: ColumnKind, hash: &Hash, cell: &str) -> Vec<Value> {
    let found = words::all(cell);
    if found.iter().any(|word| word.is_foreign) {
        return Vec::new();
    }
    let words: Vec<&[u8]> = found.iter().map(Word::bytes).collect();
    match kind {
        ColumnKind::Address => {
            address(&words).map(|pair| Value::of_words(Form::Address, hash, &pair))
        }
        ColumnKind::Dob => date(&words).first().map(|date| Value::of_code(Form::Date, hash, date)),
        ColumnKind::Email => (cell.contains('@') && (3..=EMAIL_WORDS_MAX).contains(&words.len()))
            .then(|| Value::of_words(Form::Email, hash, &words)),
        ColumnKind::Name => return names(hash, &words, cell.contains(',')),
        ColumnKind::Zip => {
            let whole = words.concat();
            let zip = words.first().filter(|word| word.len() == 5 && is_digits(word));
            code(zip.copied().unwrap_or(&whole)).map(|code| Value::of_code(Form::Code, hash, code))
        }
        ColumnKind::Mrn | ColumnKind::Other | ColumnKind::Phone | ColumnKind::Ssn => {
            let whole = words.concat();
            let fits = match kind {
                ColumnKind::Phone => is_digits(&whole) && whole.len() >= 7,
                ColumnKind::Ssn => is_digits(&whole) && whole.len() == 9,
                ColumnKind::Address
                | ColumnKind::Dob
                | ColumnKind::Email
                | ColumnKind::Mrn
                | ColumnKind::Name
                | ColumnKind::Other
                | ColumnKind::Zip => true,
            };
            let whole = if kind == ColumnKind::Phone { national(&whole) } else { &whole };
            code(whole).filter(|_| fits).map(|code| Value::of_code(Form::Code, hash, code))
        }
    }
    .into_iter()
    .collect()
}

/// The whole name, and of one with middle names the first and the last alone.
fn names(hash: &Hash, words: &[&[u8]], has_comma: bool) -> Vec<Value> {
    let mut values = Vec::new();
    if (1..=NAME_WORDS_MAX).contains(&words.len()) && words.iter().any(|word| word.len() > 1) {
        values.push(Value::of_words(Form::Name, hash, words));
    }
    if let [first, middle @ .., last] = words
        && let Some(second) = middle.first()
    {
        let other = if has_comma { second } else { last };
        values.push(Value::of_words(Form::Name, hash, &[first, other]));
    }
    values
}

/// The house number and the first word of the street that is no direction.
pub(super) fn address<'a>(words: &[&'a [u8]]) -> Option<[&'a [u8]; 2]> {
    let at = words.iter().position(|word| word.first().is_some_and(u8::is_ascii_digit))?;
    let street = words.get(at + 1..)?.iter().take(2).find(|word| !is_direction(word))?;
    let number = words.get(at)?;
    (street.len() > 1).then_some([*number, *street])
}

pub(super) fn is_direction(word: &[u8]) -> bool {
    const DIRECTIONS: [&[u8]; 12] =
        [b"n", b"s", b"e", b"w", b"ne", b"nw", b"se", b"sw", b"north", b"south", b"east", b"west"];
    DIRECTIONS.contains(&word)
}

/// A code without leading zeros, if it is one: long enough, and with a digit.
pub(super) fn code(whole: &[u8]) -> Option<&[u8]> {
    let zeros = whole.iter().take_while(|byte| **byte == b'0').count();
    let code = whole.get(zeros..)?;
    (CODE_LEN.contains(&code.len()) && code.iter().any(u8::is_ascii_digit)).then_some(code)
}

/// A telephone number without the country code of North America.
pub(super) fn national(digits: &[u8]) -> &[u8] {
    match digits {
        [b'1', rest @ ..] if rest.len() == 10 => rest,
        _ => digits,
    }
}

fn is_digits(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

/// The dates, as `YYYYMMDD`, that the first words can mean; where day and month could change
/// places, month first.
pub(super) fn date(words: &[&[u8]]) -> Vec<[u8; 8]> {
    let number = |word: &[u8], len_max: usize| {
        (is_digits(word) && word.len() <= len_max)
            .then(|| word.iter().fold(0u32, |value, digit| value * 10 + u32::from(digit - b'0')))
    };
    let year = |word: &[u8]| number(word, 4).filter(|_| word.len() == 4);
    let mut found = Vec::new();
    match words {
        [whole, ..] if whole.len() == 8 && is_digits(whole) => {
            let (year, month_day) = whole.split_at(4);
            let (month, day) = month_day.split_at(2);
            found.extend(iso(number(year, 4), number(month, 2), number(day, 2)));
        }
        [first, second, third, ..] => {
            // `23T10:15` is a day with a time behind it.
            let day_of = |word: &[u8]| number(word.split(|b| *b == b't').next().unwrap_or(word), 2);
            if let Some(year) = year(first) {
                found.extend(iso(Some(year), number(second, 2), day_of(third)));
            } else if let Some(year) = year(third) {
                let (month, day) = (number(first, 2), number(second, 2));
                found.extend(iso(Some(year), month.or(named_month(first)), day));
                found.extend(iso(Some(year), day.or(named_month(second)), month));
            }
        }
        _ => {}
    }
    found.dedup();
    found
}

fn iso(year: Option<u32>, month: Option<u32>, day: Option<u32>) -> Option<[u8; 8]> {
    let (year, month, day) = (year?, month?, day?);
    let fits = (1850..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let number = year * 10_000 + month * 100 + day;
    let digits = format!("{number:08}");
    fits.then(|| digits.as_bytes().first_chunk().copied()).flatten()
}

pub(super) fn named_month(word: &[u8]) -> Option<u32> {
    const MONTHS: [&[u8]; 12] = [
        b"january",
        b"february",
        b"march",
        b"april",
        b"may",
        b"june",
        b"july",
        b"august",
        b"september",
        b"october",
        b"november",
        b"december",
    ];
    let is_month = |month: &&[u8]| *month == word || word.len() >= 3 && month.starts_with(word);
    let place = MONTHS.iter().position(is_month)?;
    u32::try_from(place + 1).ok()
}
