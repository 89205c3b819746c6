//! The set of detectors that a scanner runs. Immutable and shared.

use std::sync::{Arc, LazyLock};

use crate::finding::Identifier;

/// A set of detectors.
#[derive(Debug)]
pub struct Catalog {
    covered: Vec<Identifier>,
}

impl Catalog {
    /// The detectors that every installation has. The same shared value each time.
    pub fn builtin() -> Arc<Catalog> {
        static BUILTIN: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
            use Identifier::{Account, Date, Email, Fax, HealthPlan, Mrn, Phone, Provider, Ssn};
            let covered = vec![Account, Date, Email, Fax, HealthPlan, Mrn, Phone, Provider, Ssn];
            Arc::new(Catalog { covered })
        });
        Arc::clone(&BUILTIN)
    }

    /// Whether any detector of this catalogue can report `identifier`.
    pub fn covers(&self, identifier: Identifier) -> bool {
        self.covered.contains(&identifier)
    }
}
