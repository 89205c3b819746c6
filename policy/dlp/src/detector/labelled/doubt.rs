//! What speaks against a labelled value where it stands: an account of a cloud, the serial number of
//! a certificate, a name in a listing. Asked once a value has been found plausible.

use super::{Announced, Value};
use crate::detector::View;
use crate::label::Family;

/// Whether a value behind a label of `family` is most likely nobody's.
pub(super) fn is_doubtful(
    view: &View<'_>,
    family: Family,
    value: &Value<'_>,
    (start, end): (usize, usize),
) -> bool {
    match family {
        Family::Account => is_cloud_s(view, value, (start, end)),
        Family::Device => {
            is_certificate_s(view, value, (start, end))
                || is_for_it(view, start)
                || view.is_about_software(start, end)
        }
        Family::License => {
            // Every state prints capitals (AAMVA D20): a word in small letters names a product.
            let is_word = value.has_lower() && value.letters > 3;
            // The next column, or the next line.
            let is_apart = view.before(start, 1) == b' ' && view.before(start, 2) == b' ';
            let is_address = value.text.starts_with(b"000");
            // Of a person, whatever parts it from its label: `Drivers License   D1234567`.
            const HOLDERS: &[&str] =
                &["driver", "drivers", "medical", "nurse", "nursing", "professional", "state"];
            let is_held = view.mentions(start, 40, HOLDERS);
            let is_column = is_apart && (value.digits < 6 || is_address) || is_below(view, start);
            is_word || value.announced == Announced::Bare && is_column && !is_held
        }
        Family::Member => {
            is_subscription_s(view, value, (start, end))
                || value.is_uuid() && view.is_about_software(start, end)
        }
        Family::Accession
        | Family::Address
        | Family::Admission
        | Family::Age
        | Family::AnyName
        | Family::Biometric
        | Family::Birth
        | Family::Card
        | Family::City
        | Family::Clinician
        | Family::Contact
        | Family::Dea
        | Family::Death
        | Family::Discharge
        | Family::Email
        | Family::Event
        | Family::Fax
        | Family::HealthPlan
        | Family::Iban
        | Family::Imei
        | Family::Ip
        | Family::Mac
        | Family::Mrn
        | Family::Name
        | Family::Npi
        | Family::Other
        | Family::Passport
        | Family::PatientId
        | Family::Phone
        | Family::Photo
        | Family::Plate
        | Family::Routing
        | Family::Ssn
        | Family::StudyId
        | Family::TaxId
        | Family::Url
        | Family::Vin
        | Family::Zip => false,
    }
}

/// Words that stand beside what a public cloud numbers, and bytes within which they do.
const CLOUD: &[&str] = &["amazonaws", "arn", "aws", "azure", "gcloud", "iam"];
const CLOUD_NEAR: usize = 160;

/// Whether one of a cloud's words stands near.
fn is_among_cloud_s(view: &View<'_>, (start, end): (usize, usize)) -> bool {
    view.mentions(start, CLOUD_NEAR, CLOUD) || view.mentions(end + CLOUD_NEAR, CLOUD_NEAR, CLOUD)
}

/// Whether digits count up, as those of examples do.
fn is_counted_up(value: &Value<'_>) -> bool {
    value.letters == 0 && value.text.starts_with(b"123456789")
        || value.is_uuid() && value.text.starts_with(b"12345678-1234-1234-1234-")
}

/// Whether each digit is typed several times, to fill a form: `1111222233333`.
fn is_typed(value: &Value<'_>) -> bool {
    const TIMES: usize = 3;
    const LEN_MIN: usize = 9;
    let mut runs = value.text.chunk_by(|a, b| a == b);
    value.digits == value.text.len()
        && value.digits >= LEN_MIN
        && runs.all(|run| run.len() >= TIMES)
}

/// Whether it numbers the subscriber or the policy of a public cloud's service, with nothing of care
/// near; or nobody's at all.
fn is_subscription_s(view: &View<'_>, value: &Value<'_>, place: (usize, usize)) -> bool {
    let is_sample = is_counted_up(value);
    let is_candidate = value.is_uuid() || is_sample;
    is_candidate
        && (is_sample && value.is_uuid() || is_among_cloud_s(view, place))
        && !view.is_about_care(place.0, place.1)
}

/// Whether it is the id of an account of a public cloud, with nothing of money or care near: digits
/// among a cloud's words that are called an id and not a number, or twelve of them (AWS account
/// identifiers) behind a key of code; or a digest of its definition. Or it was typed to fill a form.
fn is_cloud_s(view: &View<'_>, value: &Value<'_>, (start, end): (usize, usize)) -> bool {
    const DIGITS: usize = 12;
    const DIGITS_MIN: usize = 10;
    const MONEY: &[&str] = &[
        "balance",
        "bank",
        "billing",
        "checking",
        "guarantor",
        "invoice",
        "payment",
        "savings",
        "visit",
    ];
    const NEAR: usize = 64;
    let is_near =
        |words| view.mentions(start, NEAR, words) || view.mentions(end + NEAR, NEAR, words);
    let is_digest = value.len() > DIGITS
        && value.has_lower()
        && value.letters > 0
        && value.text.iter().all(u8::is_ascii_hexdigit);
    let is_key = value.digits == DIGITS && is_key(view, start);
    let is_cloud = || is_among_cloud_s(view, (start, end));
    let is_sized = || value.letters == 0 && (is_key || value.digits >= DIGITS_MIN && is_cloud());
    let is_candidate =
        || is_digest || is_called_id(view, start) && (is_counted_up(value) || is_sized());
    let is_nobody_s = is_typed(value) || is_candidate();
    is_nobody_s && !is_near(MONEY) && !view.is_about_care(start, end)
}

/// Letters of the longest word for an id.
const ID_MAX: usize = 10;

/// Whether the word before a value ends as `AccountId` does.
fn is_called_id(view: &View<'_>, start: usize) -> bool {
    const WORDS: &[&[u8]] = &[b"id", b"ids", b"identifier"];
    let (word, end) = last_word(view, start);
    let word = view.part(word, end);
    WORDS.iter().any(|id| {
        let tail = word.len().checked_sub(id.len()).and_then(|at| word.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(id))
    })
}

/// Whether the label is written as programs write names: `accountId`, `ACCOUNT_ID`, `--account-id`.
fn is_key(view: &View<'_>, start: usize) -> bool {
    let (word, end) = last_word(view, start);
    let is_joint = |pair: &[u8]| {
        pair.first().is_some_and(u8::is_ascii_lowercase)
            && pair.last().is_some_and(u8::is_ascii_uppercase)
    };
    end - word > ID_MAX
        || matches!(view.before(word, 1), b'_' | b'-')
        || view.part(word, end).windows(2).any(is_joint)
}

/// Whether the label is another thing's: `device IDs for WCN6855`.
fn is_for_it(view: &View<'_>, start: usize) -> bool {
    let (word, end) = last_word(view, start);
    let is_part_s = || view.mentions(word, 16, &["id", "ids", "deviceid", "deviceids"]);
    view.part(word, start) == b"for " && end > word && is_part_s()
}

/// Where the word begins and ends that stands before a value, with a few marks between.
fn last_word(view: &View<'_>, start: usize) -> (usize, usize) {
    const MARKS_MAX: usize = 13;
    let is_mark = |back: &usize| !view.before(start, *back).is_ascii_alphanumeric();
    let end = start - (1..=MARKS_MAX).take_while(is_mark).count().min(start);
    (view.letters_before(end), end)
}

/// Whether the words of a certificate stand near: its serial number is the issuer's (RFC 5280,
/// section 4.1.2.2).
fn is_certificate_s(view: &View<'_>, value: &Value<'_>, (start, end): (usize, usize)) -> bool {
    const WORDS: &[&str] =
        &["certificate", "cn", "ecdsa", "issuer", "notafter", "notbefore", "pem", "rsa", "x509"];
    const NEAR: usize = 160;
    let is_near = |word: &&&str| {
        view.mentions(start, NEAR, &[word]) || view.mentions(end + NEAR, NEAR, &[word])
    };
    // One alone is an insurer's or a birth's, unless the number is of eight octets or more.
    let is_serial = value.len() >= 16 && value.text.iter().all(u8::is_ascii_hexdigit);
    let enough = if is_serial { 1 } else { 2 };
    WORDS.iter().filter(is_near).count() >= enough && !view.is_about_care(start, end)
}

/// Whether nothing but the end of a line joins the value to a label above it.
fn is_below(view: &View<'_>, start: usize) -> bool {
    const GAP: usize = 28;
    let gap = view.part(start.saturating_sub(GAP), start);
    let gap = gap.rsplit(|b| b.is_ascii_alphabetic()).next().unwrap_or_default();
    gap.contains(&b'\n')
}
