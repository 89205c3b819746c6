//! How many different names under wildcards may be asked for. Each one that is new tells whoever runs
//! the name servers something; what the reader cannot tell from a host's name is bounded here.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use policy::Host;

/// For how long a name counts.
const WINDOW: Duration = Duration::from_secs(3600);

/// The names of this hour.
#[derive(Debug)]
pub(super) struct Budget {
    names_max: usize,
    names: HashSet<Host>,
    since: Option<Instant>,
}

impl Budget {
    /// So many names an hour.
    pub(super) fn new(names_max: usize) -> Self {
        Self { names_max, names: HashSet::new(), since: None }
    }

    /// Whether the name may be asked for: known in this hour, or one of those that are left.
    pub(super) fn takes(&mut self, host: &Host, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW) {
            self.names.clear();
            self.since = Some(now);
        }
        if self.names.contains(host) {
            return true;
        }
        let is_left = self.names.len() < self.names_max;
        if is_left {
            self.names.insert(host.clone());
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_names_are_bounded_and_known_ones_are_not() {
        let (mut budget, start) = (Budget::new(3), Instant::now());
        let host = |n: u32| Host::parse(&format!("n{n}.registry.ml.internal")).unwrap();
        let taken =
            |budget: &mut Budget, now| (0..10).filter(|n| budget.takes(&host(*n), now)).count();
        assert_eq!(taken(&mut budget, start), 3);
        assert_eq!(taken(&mut budget, start + WINDOW / 2), 3, "the same three");
        assert!(!budget.takes(&host(9), start + WINDOW / 2));
        assert!(budget.takes(&host(9), start + WINDOW), "another hour");
    }
}
