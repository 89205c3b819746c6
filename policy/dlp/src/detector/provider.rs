//! National Provider Identifiers: ten digits that begin with 1 or 2, with a check digit (45 CFR
//! 162.406, CMS). One number in ten passes the check by chance, so a label is required. They
//! identify a clinician, not the patient.

use super::{Detector, Match, View};
use crate::check;
use crate::finding::{Confidence, Identifier};
use crate::gate::Anchor;
use crate::label::Family;

pub(crate) const NPI: Detector = Detector {
    name: "npi",
    identifiers: &[Identifier::Provider],
    anchors: &[Anchor::Digits, Anchor::Mixed],
    runs: 1 << 10,
    needs_label: true,
    examine,
};

fn examine(view: &View<'_>) -> Option<Match> {
    let (start, end) = (view.at, view.at + 10);
    if !matches!(view.byte(start), b'1' | b'2') || !view.opens(start) || !view.closes(end) {
        return None;
    }
    let label = view.label(start, 40, 3).filter(|l| l.family == Family::Npi)?;
    if !check::npi(view.part(start, end)) {
        return None;
    }
    let confidence = if label.gap.words == 0 { Confidence::High } else { Confidence::Medium };
    Some(Match { identifier: Identifier::Provider, confidence, start, end })
}
