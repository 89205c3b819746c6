//! The set of detectors that a scanner runs. Immutable and shared.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use crate::detector::capital::Capitals;
use crate::detector::custom::{CustomDetector, CustomDetectors};
use crate::detector::shape::Shapes;
use crate::detector::{self, Detector, Match, Near, View, colon, number};
use crate::exact::ExactSet;
use crate::finding::Identifier;
use crate::gate::Anchor;

/// Whether a match is of a shape so short that binary data holds it by chance, a label of two letters
/// before it or not.
fn is_short(found: &Match) -> bool {
    const SURE_LEN: usize = 9;
    let is_loose = matches!(
        found.identifier,
        Identifier::Age
            | Identifier::Date
            | Identifier::Device
            | Identifier::Geographic
            | Identifier::License
            | Identifier::Name
            | Identifier::OtherId
            | Identifier::Provider
            | Identifier::Vehicle
    );
    is_loose && found.end - found.start < SURE_LEN
}

/// A set of detectors.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Tells it from every other set in this process; not 0. A clone is the same set.
    number: u64,
    detectors: Vec<Named>,
    /// Which of them to ask at an anchor.
    shapes: Shapes,
    capitals: Capitals,
    /// Rosters of real patients.
    exact: Vec<Arc<ExactSet>>,
    /// A site's own.
    custom: CustomDetectors,
}

/// A detector and its name as findings carry it.
#[derive(Clone, Debug)]
struct Named {
    name: Arc<str>,
    detector: &'static Detector,
}

fn next_number() -> u64 {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

impl Catalog {
    /// The detectors that every installation has. The same shared value each time.
    pub fn builtin() -> Arc<Catalog> {
        static BUILTIN: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
            let detectors = [
                &detector::ssn::SSN,
                &detector::health_plan::MBI,
                &detector::card::CARD,
                &detector::account::IBAN,
                &detector::account::ROUTING,
                &detector::provider::NPI,
                &detector::provider::DEA,
                &detector::vehicle::VIN,
                &detector::vehicle::PLATE,
                &detector::device::UDI,
                &detector::device::MAC,
                &detector::other_id::UID,
                &detector::labelled::LABELLED,
                &detector::phone::PHONE,
                &detector::date::DATE,
                &detector::email::EMAIL,
                &detector::age::AGE,
                &detector::geographic::ADDRESS,
                &detector::name::NAME,
                &detector::likeness::LIKENESS,
                &detector::ip::IP,
                &detector::url::URL,
            ];
            Arc::new(Catalog::of(&detectors))
        });
        Arc::clone(&BUILTIN)
    }

    fn of(detectors: &[&'static Detector]) -> Catalog {
        Catalog {
            number: next_number(),
            detectors: detectors
                .iter()
                .map(|&detector| Named { name: detector.name.into(), detector })
                .collect(),
            custom: CustomDetectors::default(),
            shapes: Shapes::new(detectors),
            capitals: Capitals::of(detectors),
            exact: Vec::new(),
        }
    }

    /// The same detectors and rosters, and the values of these rosters besides.
    pub fn with_exact(&self, sets: Vec<Arc<ExactSet>>) -> Catalog {
        let exact = self.exact.iter().cloned().chain(sets).collect();
        Catalog { number: next_number(), exact, ..self.clone() }
    }

    /// What the set is known by.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The rosters whose values are found.
    pub(crate) fn exact(&self) -> &[Arc<ExactSet>] {
        &self.exact
    }

    /// The same detectors with a site's own besides, instead of those that it had.
    pub fn with_custom(&self, detectors: Vec<CustomDetector>) -> Catalog {
        let custom = CustomDetectors::new(detectors);
        Catalog { number: next_number(), custom, ..self.clone() }
    }

    /// Whether any detector of this catalogue can report `identifier`.
    pub fn covers(&self, identifier: Identifier) -> bool {
        self.detectors.iter().any(|named| named.detector.identifiers.contains(&identifier))
            || self.exact.iter().any(|set| set.covers(identifier))
            || self.custom.iter().any(|detector| detector.identifier() == identifier)
    }

    /// Whether a detector of this catalogue has that name.
    pub fn has_detector(&self, name: &str) -> bool {
        self.detectors.iter().any(|named| &*named.name == name)
            || self.custom.iter().any(|detector| &**detector.name() == name)
    }

    /// The site's own detectors.
    pub(crate) fn custom(&self) -> &CustomDetectors {
        &self.custom
    }

    /// The detectors that could report anything at an anchor by the bytes beside it, as a set for
    /// [`Catalog::examine`].
    #[inline]
    pub(crate) fn asked(&self, near: &Near<'_>) -> u32 {
        let may_matter = match near.anchor {
            Anchor::Caps => return self.capitals.asked(near),
            Anchor::Colon => colon::may_matter(near),
            Anchor::Digits => number::may_matter(near),
            Anchor::At | Anchor::Dots | Anchor::Mixed | Anchor::Pairs | Anchor::Scheme => true,
        };
        if may_matter { self.asked_of_all(near) } else { 0 }
    }

    #[inline]
    pub(crate) fn asked_of_all(&self, near: &Near<'_>) -> u32 {
        let mut asked = self.shapes.near(near);
        let mut rest = asked;
        while rest != 0 {
            let place = rest.trailing_zeros();
            rest &= rest - 1;
            let named = usize::try_from(place).ok().and_then(|place| self.detectors.get(place));
            if named.is_some_and(|named| !(named.detector.may_stand)(near)) {
                asked &= !(1 << place);
            }
        }
        if asked == 0 { 0 } else { self.shapes.labelled(near, asked) }
    }

    /// What any detector finds, whatever the bytes beside the anchor say at first sight.
    #[cfg(test)]
    pub(crate) fn found(&self, near: &Near<'_>, view: &View<'_>) -> Option<Match> {
        self.examine(view, self.asked_of_all(near)).map(|(_, found)| found)
    }

    /// What one of the `asked` says that stands at the anchor: the surest match, of equals that of
    /// the earlier detector.
    pub(crate) fn examine(&self, view: &View<'_>, asked: u32) -> Option<(&Arc<str>, Match)> {
        let mut best: Option<(&Arc<str>, Match)> = None;
        let mut rest = asked;
        while rest != 0 {
            let place = usize::try_from(rest.trailing_zeros()).unwrap_or(usize::MAX);
            rest &= rest - 1;
            let Some(Named { name, detector }) = self.detectors.get(place) else { break };
            let Some(found) = (detector.examine)(view) else { continue };
            if is_short(&found) && view.is_in_binary(found.start, found.end) {
                continue;
            }
            if best.is_none_or(|(_, known)| found.confidence > known.confidence) {
                best = Some((name, found));
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_identifier_has_a_detector() {
        let catalog = Catalog::builtin();
        for &identifier in Identifier::ALL {
            assert!(catalog.covers(identifier), "{identifier}");
        }
    }
}
