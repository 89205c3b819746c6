//! Accounts: bank accounts by IBAN (ISO 13616) and by routing number (ABA), and account, visit,
//! claim numbers that a label makes.

use super::labelled::{Announced, Value};
use super::shape::{Shape, Values};
use super::{Detector, Match, Near, View, iban};
use crate::check;
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::{Families, Family};

pub(crate) const ROUTING: Detector = Detector {
    name: "routing",
    identifiers: &[Identifier::Account],
    anchors: &[Anchor::Digits],
    shapes: &[Shape::near_label(1 << 9, Families::of(&[Family::Routing]))],
    values: Values::NONE,
    words: &[],
    may_stand: may_be_routing,
    examine: routing,
};

pub(crate) const IBAN: Detector = Detector {
    name: "iban",
    identifiers: &[Identifier::Account],
    anchors: &[Anchor::Mixed],
    shapes: &[],
    values: Values::NONE,
    words: &[],
    may_stand: iban::may_stand,
    examine: iban::examine,
};

/// Whether the prefix and the check digit are right.
fn may_be_routing(near: &Near<'_>) -> bool {
    near.behind().get(..9).is_some_and(check::aba)
}

/// Nine digits with a right prefix and check digit behind a label.
fn routing(view: &View<'_>) -> Option<Match> {
    let (start, end) = (view.at, view.at + 9);
    view.label(start, 40, 2).filter(|label| label.family == Family::Routing)?;
    let opens = view.opens(start) || view.opens_joined(start);
    let is_routing = opens && view.closes(end) && check::aba(view.part(start, end));
    is_routing.then_some(Match {
        identifier: Identifier::Account,
        confidence: Confidence::High,
        start,
        end,
    })
}

/// How sure a value is behind a label of an account.
pub(crate) fn weigh(value: &Value<'_>) -> Option<Confidence> {
    /// Digits of the account ids of a public cloud, which every log of a training job shows.
    const CLOUD: usize = 12;
    let is_number = (5..=20).contains(&value.len()) && value.letters <= 6;
    let is_masked = value.text.windows(3).any(|w| w.eq_ignore_ascii_case(b"xxx"));
    match value.announced {
        _ if !is_number || is_masked => None,
        Announced::Mark | Announced::Bare if value.digits == CLOUD && value.len() == CLOUD => {
            Some(Confidence::Low)
        }
        Announced::Number => (value.digits >= 4).then_some(Confidence::High),
        Announced::Mark | Announced::Bare => (value.digits >= 6).then_some(Confidence::Medium),
    }
}
