//! The set of detectors that a scanner runs. Immutable and shared.

use std::sync::{Arc, LazyLock};

use crate::detector::{self, Detector, Match, View};
use crate::finding::Identifier;
use crate::gate::Anchor;
use crate::label;

/// A set of detectors.
#[derive(Debug)]
pub struct Catalog {
    detectors: Vec<Named>,
}

/// A detector and its name as findings carry it.
#[derive(Debug)]
struct Named {
    name: Arc<str>,
    detector: &'static Detector,
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
            ];
            let detectors =
                detectors.map(|detector| Named { name: detector.name.into(), detector });
            Arc::new(Catalog { detectors: detectors.into() })
        });
        Arc::clone(&BUILTIN)
    }

    /// Whether any detector of this catalogue can report `identifier`.
    pub fn covers(&self, identifier: Identifier) -> bool {
        self.detectors.iter().any(|named| named.detector.identifiers.contains(&identifier))
    }

    /// What stands at one anchor: the surest match, of equals that of the earlier detector.
    pub(crate) fn examine(&self, anchor: Anchor, view: &View<'_>) -> Option<(&Arc<str>, Match)> {
        let mut best: Option<(&Arc<str>, Match)> = None;
        let is_labelled = view.label(view.token(view.at).0, label::WINDOW, usize::MAX).is_some();
        for Named { name, detector } in &self.detectors {
            if detector.needs_label && !is_labelled {
                continue;
            }
            let grows = anchor != Anchor::Digits || detector.runs >> view.run & 1 == 1;
            if !detector.anchors.contains(&anchor) || !grows {
                continue;
            }
            let Some(found) = (detector.examine)(view) else { continue };
            if best.is_none_or(|(_, known)| found.confidence > known.confidence) {
                best = Some((name, found));
            }
        }
        best
    }
}
