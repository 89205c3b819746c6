//! The header line of a table. Invariant: a line that is prose, code or data is none, and no digits
//! of it get into the name of a place.

use crate::label::{self, Family};
use crate::redact::token;

/// Bytes of a header line that are read.
pub(super) const LINE_MAX: usize = 1 << 18;
/// Bytes of a column's name.
const NAME_MAX: usize = 64;
/// Words of one.
const WORDS_MAX: usize = 6;
/// Columns that may announce something.
const COLUMNS_MAX: usize = 256;
/// Lines that may stand before the header.
const BESIDE_MAX: usize = 8;
/// Columns that a header has which does not end in what was seen of it.
const CUT_MIN: usize = 8;

/// A column that announces something.
#[derive(Debug)]
pub(super) struct Column {
    index: usize,
    pub(super) family: Family,
    /// `column dob`.
    pub(super) name: String,
}

/// What a line at the begin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Blank, a comment, or Excel's `sep=`.
    Beside,
    /// The header.
    Names,
    /// No header, or one that announces nothing.
    Nothing,
}

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) separator: u8,
    /// How many there are.
    pub(super) len: usize,
    /// Those that announce something.
    columns: Vec<Column>,
    beside: usize,
}

impl Header {
    pub(super) fn new(separator: u8) -> Header {
        Header { separator, len: 0, columns: Vec::new(), beside: 0 }
    }

    /// Takes a line.
    pub(super) fn read(&mut self, line: &[u8]) -> Line {
        if is_beside(line) && self.beside < BESIDE_MAX {
            self.beside += 1;
            return Line::Beside;
        }
        let Some(len) = columns(line, self.separator) else { return Line::Nothing };
        self.len = len;
        self.columns = announced(line, self.separator);
        if self.columns.is_empty() { Line::Nothing } else { Line::Names }
    }

    /// What a column announces.
    pub(super) fn column(&self, index: usize) -> Option<&Column> {
        let found = self.columns.binary_search_by_key(&index, |column| column.index);
        found.ok().and_then(|i| self.columns.get(i))
    }

    /// The next column behind `index` that announces something.
    pub(super) fn next(&self, index: usize) -> Option<usize> {
        let later = self.columns.partition_point(|column| column.index <= index);
        self.columns.get(later).map(|column| column.index)
    }

    /// The last column that announces something.
    pub(super) fn last(&self) -> usize {
        self.columns.last().map_or(0, |column| column.index)
    }
}

/// What parts the columns, where content that begins with `head` is a table: a line of names, and a
/// second line with as many columns.
pub(super) fn separator(head: &[u8]) -> Option<u8> {
    let mut lines = head.split_inclusive(|b| *b == b'\n');
    let line = lines.by_ref().take(BESIDE_MAX + 1).find(|line| !is_beside(line))?;
    let is_whole = line.ends_with(b"\n") || head.len() < crate::format::sniff::LEN;
    let (len, separator) = b",\t;|"
        .iter()
        .filter_map(|separator| Some((columns(line, *separator)?, *separator)))
        .max_by_key(|(len, _)| *len)?;
    if !is_whole {
        return (len >= CUT_MIN).then_some(separator);
    }
    let second = lines.find(|line| !line.trim_ascii().is_empty());
    let fits = second.is_none_or(|second| {
        let columns = cells(second, separator).count();
        // A quoted cell may go on in the next line, and the head may end in this one.
        let is_cut = !second.ends_with(b"\n") || second.contains(&b'"');
        columns == len || columns == len + 1 || is_cut && columns <= len
    });
    (fits && !announced(line, separator).is_empty()).then_some(separator)
}

/// Whether a line stands before the header.
fn is_beside(line: &[u8]) -> bool {
    let line = text(line);
    line.is_empty() || line.starts_with(b"#") || line.starts_with(b"sep=")
}

/// A line without what frames it.
fn text(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii()
}

/// How many columns a line names; nothing where it is no header.
fn columns(line: &[u8], separator: u8) -> Option<usize> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let len = cells(line, separator).count();
    let edge = |i: usize| i == 0 || i + 1 == len;
    let is_name =
        |(i, cell): (usize, &[u8])| is_name(cell) || edge(i) && cell.trim_ascii().is_empty();
    (len >= 2 && cells(line, separator).enumerate().all(is_name)).then_some(len)
}

/// The cells of a line, as they are written.
fn cells(line: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    line.split(move |b| {
        is_quoted ^= *b == b'"';
        *b == separator && !is_quoted
    })
}

/// A cell without its quotes.
fn unquoted(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    let inner = |quote: &[u8]| cell.strip_prefix(quote)?.strip_suffix(quote);
    inner(b"\"").or_else(|| inner(b"'")).unwrap_or(cell).trim_ascii()
}

/// Whether a cell can be a column's name: few words that begin with a letter, without the marks of
/// sentences, code and numbers.
fn is_name(cell: &[u8]) -> bool {
    let name = unquoted(cell);
    let is_part =
        |b: &u8| b.is_ascii_alphanumeric() || !b.is_ascii() || b" _-./#()[]:%&?*'".contains(b);
    name.len() <= NAME_MAX
        && name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_' || !b.is_ascii())
        && name.iter().all(is_part)
        && name.split(u8::is_ascii_whitespace).count() <= WORDS_MAX
        && !token::stands_in(name)
}

/// The columns of a header that announce something. What may be said of anything (a name, a city, a
/// page) counts only beside a column that is somebody's.
fn announced(line: &[u8], separator: u8) -> Vec<Column> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let named = cells(line, separator).enumerate().filter_map(|(index, cell)| {
        let name = unquoted(cell);
        // Or the mask of one.
        let is_number = |run: &[u8]| run == b"****" || run.iter().all(u8::is_ascii_digit);
        let has_number = name.windows(4).any(is_number);
        let family = label::of_name(name)
            .or_else(|| of_column(name))
            .filter(|family| !has_number && family.identifier().is_some())?;
        let name = format!("column {}", shown(name));
        Some(Column { index, family, name })
    });
    let mut columns: Vec<Column> = named.take(COLUMNS_MAX).collect();
    if !columns.iter().any(|column| is_personal(column.family)) {
        columns.retain(|column| !needs_company(column.family));
    }
    columns
}

/// A name without the digits of what may be somebody's number.
fn shown(name: &[u8]) -> String {
    const DIGITS_MAX: usize = 3;
    let name = String::from_utf8_lossy(name);
    let is_counted = name.matches(|c: char| c.is_ascii_digit()).count() <= DIGITS_MAX;
    if is_counted { name.into_owned() } else { name.replace(|c: char| c.is_ascii_digit(), "*") }
}

/// What a column announces by words that would announce too much in prose.
fn of_column(name: &[u8]) -> Option<Family> {
    let letters = name.iter().filter(|b| b.is_ascii_alphabetic()).map(u8::to_ascii_lowercase);
    let letters: Vec<u8> = letters.collect();
    Some(match letters.strip_prefix(b"patient").unwrap_or(&letters) {
        b"name" if letters.len() > 4 => Family::Name,
        b"name" | b"fullname" => Family::AnyName,
        b"firstname" | b"fname" | b"givenname" | b"lastname" | b"lname" | b"surname" => {
            Family::Name
        }
        b"familyname" | b"middlename" | b"maidenname" | b"mothersmaidenname" => Family::Name,
        b"address" | b"addr" | b"streetaddress" | b"homeaddress" | b"street" => Family::Address,
        b"city" | b"town" | b"county" => Family::City,
        b"zip" | b"zipcode" | b"postalcode" | b"postcode" => Family::Zip,
        b"dos" | b"dateofservice" | b"servicedate" | b"visitdate" | b"encounterdate" => {
            Family::Event
        }
        _ => return None,
    })
}

/// Whether a column is about anything unless another one is about somebody.
fn needs_company(family: Family) -> bool {
    match family {
        Family::Address
        | Family::Age
        | Family::AnyName
        | Family::Biometric
        | Family::City
        | Family::Contact
        | Family::Device
        | Family::Event
        | Family::Ip
        | Family::Mac
        | Family::Photo
        | Family::Routing
        | Family::Url
        | Family::Zip => true,
        Family::Accession
        | Family::Account
        | Family::Admission
        | Family::Birth
        | Family::Card
        | Family::Clinician
        | Family::Dea
        | Family::Death
        | Family::Discharge
        | Family::Email
        | Family::Fax
        | Family::HealthPlan
        | Family::Iban
        | Family::Imei
        | Family::License
        | Family::Member
        | Family::Mrn
        | Family::Name
        | Family::Npi
        | Family::Other
        | Family::Passport
        | Family::PatientId
        | Family::Phone
        | Family::Plate
        | Family::Ssn
        | Family::StudyId
        | Family::TaxId
        | Family::Vin => false,
    }
}

/// Whether a column is about somebody: not of providers, nor of things.
fn is_personal(family: Family) -> bool {
    let is_things = matches!(
        family,
        Family::Accession
            | Family::Account
            | Family::Clinician
            | Family::Dea
            | Family::Fax
            | Family::Imei
            | Family::License
            | Family::Npi
            | Family::Other
            | Family::Plate
            | Family::Vin
    );
    !needs_company(family) && !is_things
}
