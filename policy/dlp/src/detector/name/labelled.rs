//! Names behind a label: `Patient: john smith`, `Name=Smith, John`, `"last_name": "Okonkwo"`. The
//! more the label promises, the less the lists have to say.

use super::cue::trim;
use super::token::{Case, Run, Token};
use super::words::is_stop;
use super::{closes, finished};
use crate::detector::{Match, View};
use crate::finding::{Confidence, Identifier};

/// What a label promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// A person's name: `last name`, `patient name`, `surname`.
    Name,
    /// A part of one, in JSON: `family`, `given`.
    Part,
    /// A person, or what is said of one: `patient`, `attn`.
    Person,
    /// A clinician, or what is said of one.
    Clinician,
    /// The name of anyone or anything.
    Any,
}

pub(super) fn examine(view: &View<'_>) -> Option<Match> {
    let start = value_start(view)?;
    let quote = usize::from(matches!(view.before(view.at, 1), b'"' | b'\''));
    // JSON within a string of JSON has its quotes escaped.
    let escape = usize::from(quote == 1 && view.before(view.at, 2) == b'\\');
    let label_end = view.at - quote - escape;
    let first = view.byte(start);
    let is_capital = first.is_ascii_uppercase() || first >= 0xc3;
    // Most fields of logs and code leave here: what is not written as a name needs the word itself.
    let is_lower = first.is_ascii_lowercase() && ends_with_name(view, label_end);
    if !is_capital && !is_lower {
        return None;
    }
    let (promise, is_prose) = promise_of(view, label_end)?;
    let mut run = Run::at(view, start, fits);
    if is_capital {
        run = capitals(run);
        trim(&mut run);
    }
    let end = run.last()?.end;
    let is_quoted = matches!(view.before(start, 1), b'"' | b'\'' | b'>');
    if !closes(view, end) || !is_delimited(view, end, is_quoted) {
        return None;
    }
    let confidence = confidence_of(&run, promise, (is_capital, is_quoted, is_prose))?;
    let found = finished(view, (start, end), confidence);
    let is_clinician = promise == Promise::Clinician;
    Some(if is_clinician { Match { identifier: Identifier::Provider, ..found } } else { found })
}

/// Where the value behind the label begins.
fn value_start(view: &View<'_>) -> Option<usize> {
    const BLANKS_MAX: usize = 6;
    let mut start = view.at + 1;
    let from = start;
    while matches!(view.byte(start), b' ' | b'\t' | b'"' | b'\'' | b'[')
        || view.byte(start) == b'\\' && view.byte(start + 1) == b'"'
    {
        start += 1;
        if start - from > BLANKS_MAX {
            return None;
        }
    }
    let first = view.byte(start);
    (first.is_ascii_alphabetic() || first >= 0xc3).then_some(start)
}

fn ends_with_name(view: &View<'_>, end: usize) -> bool {
    end >= 4 && view.part(end - 4, end).eq_ignore_ascii_case(b"name")
        || end >= 7 && view.part(end - 7, end).eq_ignore_ascii_case(b"patient")
}

/// Words before a colon that may promise a name.
pub(super) const WORDS: &[&[&str]] = &[OTHERS, NAMES, PERSONS, CLINICIANS];
/// Those that do so in some places.
const OTHERS: &[&str] = &["by", "family", "given", "name", "names"];
/// Those of a person's name.
#[rustfmt::skip] // a table
const NAMES: &[&str] = &[
    "familyname", "firstname", "forename", "fullname", "givenname", "guarantorname", "insuredname",
    "lastname", "maidenname", "membername", "middlename", "patientname", "ptname",
    "subscribername", "surname",
];
/// Those of a person.
#[rustfmt::skip] // a table
const PERSONS: &[&str] = &[
    "attention", "attn", "beneficiary", "caregiver", "child", "contact", "daughter", "decedent",
    "employee", "father", "guarantor", "guardian", "husband", "informant", "insured", "kin",
    "mother", "parent", "participant", "patient", "policyholder", "pt", "resident", "son",
    "spouse", "subscriber", "wife",
];
/// Those of a clinician.
#[rustfmt::skip] // a table
const CLINICIANS: &[&str] = &[
    "anesthesiologist", "attending", "cardiologist", "clinician", "doctor", "nurse",
    "pathologist", "pcp", "physician", "practitioner", "prescriber", "provider", "radiologist",
    "surgeon", "technologist",
];

fn is_one(words: &[&str], word: &[u8]) -> bool {
    words.iter().any(|known| known.as_bytes() == word)
}

/// What the label that ends at `end` promises, and whether it is written as in a form.
fn promise_of(view: &View<'_>, end: usize) -> Option<(Promise, bool)> {
    let (word, start) = view.word_before(end, 1)?;
    let is_prose = view.byte(start).is_ascii_uppercase() && view.byte(view.at) == b':';
    let before = view.word_before(start, 2);
    let before = before.as_ref().map_or(&b""[..], |(word, _)| word.as_bytes());
    let is_quoted = matches!(view.before(view.at, 1), b'"' | b'\'');
    let promise = match word.as_bytes() {
        // As a key it is a language.
        b"pt" if is_quoted => return None,
        b"contact" if before == b"upstream" => return None,
        b"name" | b"names" => name_of(before)?,
        b"family" | b"given" if view.before(start, 1) == b'"' => Promise::Part,
        b"by" if matches!(before, b"signed" | b"dictated" | b"ordered" | b"referred" | b"read") => {
            Promise::Clinician
        }
        word if is_one(NAMES, word) => Promise::Name,
        word if is_one(PERSONS, word) => Promise::Person,
        word if is_one(CLINICIANS, word) => Promise::Clinician,
        _ => return None,
    };
    Some((promise, is_prose))
}

/// What `name` promises behind another word.
fn name_of(before: &[u8]) -> Option<Promise> {
    Some(match before {
        b"first" | b"last" | b"full" | b"patient" | b"patients" | b"pt" | b"given" | b"family"
        | b"middle" | b"maiden" | b"legal" | b"preferred" | b"member" | b"subscriber"
        | b"guarantor" | b"guardian" | b"mother" | b"father" | b"spouse" | b"insured"
        | b"beneficiary" | b"person" | b"employee" | b"participant" | b"subject" | b"s" => {
            Promise::Name
        }
        b"physician" | b"provider" | b"doctor" | b"attending" | b"clinician" | b"surgeon" => {
            Promise::Clinician
        }
        b"file" | b"host" | b"class" | b"domain" | b"table" | b"column" | b"field" | b"model"
        | b"package" | b"module" | b"function" | b"method" | b"type" | b"tag" | b"branch"
        | b"image" | b"container" | b"pod" | b"service" | b"project" | b"product" | b"path"
        | b"app" | b"company" | b"organization" | b"facility" | b"hospital" | b"brand"
        | b"drug" | b"generic" | b"test" | b"device" | b"display" | b"key" | b"job" | b"step"
        | b"layer" => return None,
        _ => Promise::Any,
    })
}

/// Words of a value: letters, and nothing that announces something else.
fn fits(view: &View<'_>, token: &Token) -> bool {
    token.case != Case::Mixed && !is_stop(token.text(view))
}

/// Only the words up to the first that is not written as a name.
fn capitals(mut run: Run) -> Run {
    let is_name = |t: &Token| t.is_capital() || t.case == Case::Initial;
    let len = run.iter().take_while(|t| is_name(t)).count();
    run.cut(len);
    run
}

/// Whether the value ends with its field.
fn is_delimited(view: &View<'_>, end: usize, is_quoted: bool) -> bool {
    let near = view.byte(end);
    // The type of a constant: `NAME: QStatus = 7`.
    if !is_quoted && view.part(end, end + 3) == b" = " {
        return false;
    }
    if view.ends_by_escape(end) || near.is_ascii_control() {
        return true;
    }
    if is_quoted {
        return matches!(near, b'"' | b'\'' | b'<' | b',' | b' ' | b'.' | b'^');
    }
    matches!(
        near,
        0 | b'\n'
            | b'\r'
            | b'\t'
            | b' '
            | b','
            | b';'
            | b'<'
            | b'|'
            | b'&'
            | b')'
            | b'.'
            | b'^'
            | b'"'
    )
}

fn confidence_of(
    run: &Run,
    promise: Promise,
    (is_capital, is_quoted, is_prose): (bool, bool, bool),
) -> Option<Confidence> {
    let (first, last) = (run.first()?, run.last()?);
    let (first, last) = if run.is_inverted { (last, first) } else { (first, last) };
    let is_single = run.len == 1;
    let is_known = |t: &Token| t.listed.is_first() || t.listed.is_last();
    let is_pair = !is_single && first.listed.is_first() && last.listed.is_last();
    let is_sure = run.iter().any(|t| t.listed.is_sure());
    if !is_capital {
        let is_fit = is_pair && is_sure || promise == Promise::Name && is_quoted && is_sure;
        return (is_fit && promise != Promise::Part).then_some(Confidence::Medium);
    }
    match promise {
        Promise::Name if run.iter().any(is_known) => Some(Confidence::High),
        Promise::Name if is_quoted || is_prose || !is_single => Some(Confidence::Medium),
        Promise::Name => None,
        Promise::Part => (is_quoted && (is_sure || is_single)).then_some(Confidence::Medium),
        Promise::Person | Promise::Clinician => {
            if is_pair || is_sure && !is_single {
                Some(Confidence::High)
            } else {
                is_sure.then_some(Confidence::Medium)
            }
        }
        Promise::Any if is_pair && is_sure => Some(Confidence::Medium),
        Promise::Any => (is_prose && !is_single && is_sure).then_some(Confidence::Medium),
    }
}
