//! What stands around a name and says that it is one: titles, kinship, verbs of care, letters
//! behind it; and what says that it is nobody's concern: credits in code.

use super::token::{Case, Run, Token};
use super::words::is_thing;
use super::{closes, finished, is_name_word, opens};
use crate::detector::Match;
use crate::detector::View;
use crate::detector::word::Lower;
use crate::finding::{Confidence, Identifier};
use crate::word::{Table, Words, key_of};

/// Bytes before a name in which a credit stands.
const CREDIT: usize = 100;

/// A name behind the title that ends at `end`: `Mr. Smith`, `Dr. John Smith`.
pub(super) fn titled(view: &View<'_>, end: usize) -> Option<Match> {
    let title_start = view.letters_before(end);
    let title = view.part(title_start, end);
    if !(2..=9).contains(&title.len()) || !opens(view, title_start) {
        return None;
    }
    let has_stop = view.byte(end) == b'.';
    let (identifier, must_be_listed) = match title {
        b"Mr" | b"Mrs" | b"Ms" | b"Mx" => (Identifier::Name, false),
        b"MR" | b"MRS" | b"MS" if has_stop => (Identifier::Name, false),
        b"Miss" | b"Mister" | b"Madam" => (Identifier::Name, true),
        b"Dr" | b"Prof" => (Identifier::Provider, !has_stop),
        b"DR" if has_stop => (Identifier::Provider, false),
        b"Doctor" | b"Professor" | b"Nurse" | b"Dra" | b"NP" | b"RN" => {
            (Identifier::Provider, true)
        }
        _ => return None,
    };
    let run = Run::at(view, view.at, is_name_word);
    let mut run = if run.is_inverted { first_of(run) } else { run };
    trim(&mut run);
    let (first, last) = (run.first()?, run.last()?);
    let is_listed = run.iter().any(|t| t.listed.is_first() || t.listed.is_last());
    // Asked only where it matters: most names behind a title stand for themselves.
    let is_cared = || view.is_about_care(title_start, last.end);
    // `Hive and MR. Smooth`, `Ms Smooth`: abbreviations of other things before what no list knows.
    let is_odd = title.iter().all(u8::is_ascii_uppercase) && first.case == Case::Title
        || title == b"Ms" && !has_stop;
    let is_short = run.len == 1 && first.end - first.start < 3;
    let is_known = run.iter().any(|t| t.listed.is_sure());
    let is_chance = is_odd && !is_known || is_short && !is_listed;
    let is_bare = first.case == Case::Initial && run.len == 1 || is_chance && !is_cared();
    // `5 Elm Dr Suite 4`, `DR. ROOM`: a street's or a word's.
    let is_street = title == b"Dr" && !has_stop && !first.listed.is_last();
    let is_goal = is_goal(view, last.end) && !is_cared();
    if is_bare || must_be_listed && !is_listed || is_street || is_goal || !closes(view, last.end) {
        return None;
    }
    let confidence = if is_listed { Confidence::High } else { Confidence::Medium };
    let found = finished(view, (view.at, last.end), confidence);
    // Who mends software may be a doctor, and stands in its change log.
    let is_clinician = identifier == Identifier::Provider;
    let is_credit = view.is_about_software(title_start, last.end)
        || is_clinician && is_signed(view, title_start, last.end) && !is_cared();
    let found = if is_credit { Match { confidence: Confidence::Low, ..found } } else { found };
    Some(if is_clinician { Match { identifier, ..found } } else { found })
}

/// Titles and cues that hardly any word before a capital is.
static ANNOUNCING: Table = Table::new(|| Words::of(&[TITLES, PERSONS, CLINICIANS, VERBS].concat()));

/// Whether the word of this key, letters only, is a title or a cue.
pub(super) fn announces(key: u128) -> bool {
    ANNOUNCING.hold_key(key)
}

/// As [`announces`], of the key of a short word.
#[inline]
pub(super) fn announces_short(key: u64) -> bool {
    ANNOUNCING.hold_short(key)
}

/// Whether a word may be a title or a cue.
pub(super) fn may_announce(word: &[u8]) -> bool {
    ANNOUNCING.hold(word) || !word.iter().all(u8::is_ascii_alphabetic)
}

/// The titles that [`titled`] knows.
const TITLES: &[&str] = &[
    "doctor",
    "dr",
    "dra",
    "madam",
    "miss",
    "mister",
    "mr",
    "mrs",
    "ms",
    "mx",
    "np",
    "nurse",
    "prof",
    "professor",
    "rn",
];

/// Words of kinship, of a role, of an address: `son`, `patient`, `dear`.
#[rustfmt::skip] // a table
const PERSONS: &[&str] = &[
    "aunt", "boyfriend", "brother", "caregiver", "client", "cousin", "dad", "daughter", "dear",
    "decedent", "father", "fiance", "girlfriend", "granddaughter", "grandfather",
    "grandmother", "grandson", "guardian", "hello", "hi", "husband", "mom", "mother",
    "neighbor", "nephew", "niece", "patient", "pt", "roommate", "sister", "son", "spouse",
    "stepson", "twin", "uncle", "wife",
];

/// Clinicians by role: `attending`, `nurse`.
#[rustfmt::skip] // a table
const CLINICIANS: &[&str] = &[
    "anesthesiologist", "attending", "cardiologist", "dentist", "hygienist", "midwife",
    "nurse", "oncologist", "pathologist", "pediatrician", "pharmacist", "physician",
    "psychiatrist", "psychologist", "radiologist", "resident", "surgeon", "therapist",
];

/// Words before which others decide: `by`, `is`, `am`, `called`, `named`.
const VERBS: &[&str] = &["am", "by", "called", "is", "m", "named"];

static PERSON_WORDS: Table = Table::new(|| Words::of(PERSONS));
static CLINICIAN_WORDS: Table = Table::new(|| Words::of(CLINICIANS));
static VERB_WORDS: Table = Table::new(|| Words::of(VERBS));

/// What a cue promises.
enum Cue {
    /// A person by kinship or role: `son`, `patient`.
    Person,
    /// A clinician by role: `attending`, `nurse`.
    Clinician,
    /// The words before decide: `by`, `is`, `am`, `called`, `named`.
    Verb,
}

fn cue_of(word: &[u8]) -> Option<Cue> {
    let key = key_of(word);
    if PERSON_WORDS.hold_key(key) {
        Some(Cue::Person)
    } else if CLINICIAN_WORDS.hold_key(key) {
        Some(Cue::Clinician)
    } else {
        VERB_WORDS.hold_key(key).then_some(Cue::Verb)
    }
}

/// A name behind a cue that begins at `start` and ends one blank before the anchor.
pub(super) fn cued(view: &View<'_>, start: usize) -> Option<Match> {
    let cue = cue_of(view.part(start, view.at - 1))?;
    let strength = strength_of(view, &cue, start)?;
    let mut run = Run::at(view, view.at, is_name_word);
    if run.is_inverted {
        run = first_of(run);
    }
    trim(&mut run);
    let (first, last) = (run.first()?, run.last()?);
    let is_first = first.listed.is_first();
    let is_pair = run.len > 1 && is_first && last.listed.is_last();
    let is_half = run.len > 1
        && (is_first && first.listed.is_sure() || last.listed.is_last() && last.listed.is_sure());
    let confidence = match (run.len, strength) {
        (_, Confidence::Low) if !is_pair => return None,
        _ if is_pair => strength.max(Confidence::Medium),
        _ if is_half => Confidence::Medium,
        (1, _) if is_first && first.listed.is_sure() => Confidence::Medium,
        (_, Confidence::High) => Confidence::Medium,
        _ => return None,
    };
    if !closes(view, last.end) || is_goal(view, last.end) {
        return None;
    }
    // `print("Hello Ada")`, `the user named Bob`, `verified by`: examples and credits.
    let is_example = view.is_about_software(start, last.end);
    let confidence = if is_example { Confidence::Low } else { confidence };
    let found = finished(view, (view.at, last.end), confidence);
    let is_clinician = matches!(cue, Cue::Clinician);
    Some(if is_clinician { Match { identifier: Identifier::Provider, ..found } } else { found })
}

/// A thing behind a name: `patient Martin Memorial Hospital`.
fn is_goal(view: &View<'_>, end: usize) -> bool {
    let next = Token::at(view, end + 1).filter(|t| view.byte(end) == b' ' && t.is_capital());
    next.is_some_and(|t| is_thing(t.text(view)))
}

/// How much a cue promises: `name is` and its like all, `by` alone nothing.
fn strength_of(view: &View<'_>, cue: &Cue, start: usize) -> Option<Confidence> {
    if !matches!(cue, Cue::Verb) {
        return Some(Confidence::Medium);
    }
    let cue = Lower::of(view.part(start, view.at - 1));
    let before = view.word_before(start, 2).map(|(word, _)| word);
    let before = before.as_ref().map_or(&b""[..], Lower::as_bytes);
    Some(match (cue.as_bytes(), before) {
        (b"is", b"name") => owner(view, start)?,
        (b"am" | b"m", b"i") => Confidence::Medium,
        // What has users and files calls them too.
        (
            b"called" | b"named",
            b"branch" | b"class" | b"column" | b"file" | b"function" | b"group" | b"host"
            | b"locate" | b"parameter" | b"project" | b"role" | b"table" | b"user" | b"users"
            | b"variable",
        ) => return None,
        (b"called" | b"named", _) => Confidence::Medium,
        (
            b"by",
            b"signed" | b"seen" | b"examined" | b"dictated" | b"evaluated" | b"referred"
            | b"ordered" | b"performed" | b"prescribed" | b"accompanied" | b"assessed" | b"treated"
            | b"interviewed" | b"witnessed" | b"admitted" | b"verified",
        ) => Confidence::Medium,
        _ => return None,
    })
}

/// What `name is` promises: of a person all, else that only the lists can tell.
fn owner(view: &View<'_>, start: usize) -> Option<Confidence> {
    let (_, name) = view.word_before(start, 2)?;
    let owner = view.word_before(name, 2);
    let owner = owner.as_ref().map_or(&b""[..], |(word, _)| word.as_bytes());
    let is_person = matches!(
        owner,
        b"my" | b"her" | b"his" | b"whose" | b"patient" | b"s" | b"full" | b"last" | b"first"
    );
    Some(if is_person { Confidence::High } else { Confidence::Medium })
}

/// Only the word before a comma: `Dear John, Thank you`.
fn first_of(mut run: Run) -> Run {
    run.cut(1);
    run
}

/// Drops initials at the end, and a word in capitals behind a name that is not.
pub(super) fn trim(run: &mut Run) {
    let shouts = run.first().is_some_and(|t| t.case == Case::Upper);
    let misfit = |t: &Token| t.case == Case::Upper && !t.listed.is_last();
    if let Some(at) = (1..run.len)
        .find(|&at| !shouts && run.tokens.get(at).and_then(Option::as_ref).is_some_and(misfit))
    {
        run.cut(at);
    }
    while run.len > 1 && run.last().is_some_and(|t| t.case == Case::Initial) {
        run.cut(run.len - 1);
    }
}

/// Where the name ends with `Jr.`, `III`, and whether a clinician's letters follow: `, MD`.
pub(super) fn suffix(view: &View<'_>, end: usize) -> (usize, bool) {
    let comma = usize::from(view.byte(end) == b',');
    if view.byte(end + comma) != b' ' {
        return (end, false);
    }
    let start = end + comma + 1;
    let word_end = view.letters_from(start);
    let stop = word_end + usize::from(view.byte(word_end) == b'.');
    if view.byte(word_end).is_ascii_digit() {
        return (end, false);
    }
    match view.part(start, word_end) {
        b"Jr" | b"Sr" | b"JR" | b"SR" => (stop, suffix_of_clinician(view, stop)),
        b"II" | b"III" | b"IV" => (word_end, suffix_of_clinician(view, word_end)),
        _ => (end, suffix_of_clinician(view, end)),
    }
}

fn suffix_of_clinician(view: &View<'_>, end: usize) -> bool {
    let comma = usize::from(view.byte(end) == b',');
    let start = end + comma + usize::from(view.byte(end + comma) == b' ');
    let word_end = view.letters_from(start);
    let is_alone = !view.byte(word_end).is_ascii_digit();
    let is_dotted =
        view.part(start, start + 4) == b"M.D." || view.part(start, start + 4) == b"D.O.";
    is_dotted
        || start > end
            && is_alone
            && matches!(
                view.part(start, word_end),
                b"MD"
                    | b"DO"
                    | b"RN"
                    | b"NP"
                    | b"PA"
                    | b"DDS"
                    | b"DMD"
                    | b"LPN"
                    | b"CRNA"
                    | b"FNP"
                    | b"APRN"
                    | b"LCSW"
                    | b"PharmD"
                    | b"PsyD"
                    | b"DPM"
                    | b"OD"
                    | b"BSN"
                    | b"MSN"
                    | b"DNP"
                    | b"MBBS"
            )
}

/// Whether the name stands in a credit (`Copyright`, `author`, `written by`), in a comment of code,
/// or before a mail address in angle brackets.
pub(super) fn is_credit(view: &View<'_>, start: usize, end: usize) -> bool {
    let whole = view.part(0, start);
    let line = memchr::memrchr(b'\n', whole).and_then(|i| whole.get(i + 1..));
    let indent = |line: &[u8]| line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let is_comment = line.is_some_and(|line| {
        let text = line.get(indent(line)..).unwrap_or_default();
        text.starts_with(b"#")
            || text.starts_with(b"//")
            || text.starts_with(b".. ")
            || text.starts_with(b"* ") && indent(line) == 1
    });
    let is_listed = view.part(end, end + 2) == b" (";
    is_listed
        || is_mailed(view, end)
        || is_comment
        || view.is_credited((start.saturating_sub(CREDIT), start), false)
}

/// Whether a mail address in angle brackets follows (RFC 5322 section 3.4); a tag of HTML is shorter.
fn is_mailed(view: &View<'_>, end: usize) -> bool {
    const BLANKS_MAX: usize = 40;
    const TAG_MAX: usize = 6;
    let is_blank = |i: &usize| matches!(view.byte(*i), b' ' | b'\t');
    let quote = end + usize::from(view.byte(end) == b'"');
    let blanks = (quote..quote + BLANKS_MAX).take_while(is_blank).count();
    let open = quote + blanks;
    blanks > 0 && view.byte(open) == b'<' && !(open..open + TAG_MAX).any(|i| view.byte(i) == b'>')
}

/// Whether a doctor stands in the credits of a work rather than in a letter: behind a copyright, in
/// brackets, before a mail address.
fn is_signed(view: &View<'_>, start: usize, end: usize) -> bool {
    is_mailed(view, end)
        || view.byte(end) == b']' && view.before(start, 1) == b'['
        || view.is_credited((start.saturating_sub(CREDIT), start), true)
}
