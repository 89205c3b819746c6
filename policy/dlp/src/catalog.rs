//! The set of detectors that a scanner runs. Immutable and shared.

use std::sync::{Arc, LazyLock};

use crate::detector::{self, Detector, Match, View};
use crate::finding::Identifier;
use crate::gate::Anchor;

/// A set of detectors.
#[derive(Debug)]
pub struct Catalog {
    detectors: Vec<&'static Detector>,
}

impl Catalog {
    /// The detectors that every installation has. The same shared value each time.
    pub fn builtin() -> Arc<Catalog> {
        static BUILTIN: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
            let detectors = vec![
                &detector::ssn::SSN,
                &detector::mrn::MRN,
                &detector::health_plan::MBI,
                &detector::card::CARD,
                &detector::provider::NPI,
                &detector::phone::PHONE,
                &detector::date::DATE,
                &detector::email::EMAIL,
            ];
            Arc::new(Catalog { detectors })
        });
        Arc::clone(&BUILTIN)
    }

    /// Whether any detector of this catalogue can report `identifier`.
    pub fn covers(&self, identifier: Identifier) -> bool {
        self.detectors.iter().any(|d| d.identifiers.contains(&identifier))
    }

    /// What stands at one anchor: the surest match, of equals that of the earlier detector.
    pub(crate) fn examine(
        &self,
        anchor: Anchor,
        view: &View<'_>,
    ) -> Option<(&'static Detector, Match)> {
        let mut best: Option<(&'static Detector, Match)> = None;
        for &detector in &self.detectors {
            let grows = anchor == Anchor::At || detector.runs >> view.run & 1 == 1;
            if detector.anchor != anchor || !grows {
                continue;
            }
            let Some(found) = (detector.examine)(view) else { continue };
            if best.is_none_or(|(_, known)| found.confidence > known.confidence) {
                best = Some((detector, found));
            }
        }
        best
    }
}
