//! Findings that were let through because they are fewer than a rule's `count`, added up for each
//! source over time: many exchanges with a few of them carry out as much as one with all.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dlp::{Identifier, Tally};
use policy::{Ruling, Verdict};
use prometheus::IntCounter;
use spiffe::SpiffeId;

use super::ReadingCell;

/// `limits.sourceFindingsMax` of one identifier were let through for a source in
/// `limits.sourceFindingsWindow`.
pub const SOURCE_FINDINGS_MAX: &str = "source-findings-max";
/// Accounts that are kept; beyond it the oldest is forgotten. Sources are identities that a policy
/// names, so there are few.
const ACCOUNTS_MAX: usize = 16 * 1024;

/// The accounts of all sources. A clone is another hand on the same ones.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Books>);

#[derive(Debug)]
struct Books {
    findings_max: u64,
    window: Duration,
    accounts: Mutex<HashMap<Key, Account>>,
    refused: IntCounter,
}

/// Whose account, of which identifier, and whether of what comes back: what an upstream sends is not its
/// client's to answer for when that sends something itself.
type Key = (SpiffeId, Identifier, bool);

#[derive(Clone, Copy, Debug)]
struct Account {
    since: Instant,
    count: u64,
    /// How many there were in the window before.
    before: u64,
}

impl Account {
    fn new(since: Instant) -> Self {
        Self { since, count: 0, before: 0 }
    }

    /// How many count at `now`: those of this window, and of the one before the share that still
    /// reaches into the last `window`.
    fn weigh(&mut self, window: Duration, now: Instant) -> u64 {
        let mut passed = now.saturating_duration_since(self.since);
        if passed >= window {
            let next = self.since + window;
            let is_next = passed < window * 2;
            *self = if is_next {
                Self { since: next, count: 0, before: self.count }
            } else {
                Self::new(now)
            };
            passed = now.saturating_duration_since(self.since);
        }
        let left = window.saturating_sub(passed).as_nanos();
        let share = u128::from(self.before) * left / window.as_nanos().max(1);
        self.count.saturating_add(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

/// What of one scan is in the ledger already: evidence grows while it is judged again and again.
#[derive(Clone, Debug, Default)]
pub(super) struct Charged(BTreeMap<Identifier, u64>);

impl Ledger {
    /// At most `findings_max` of one identifier for a source in a `window`; `refused` counts what was
    /// too much.
    pub fn new(findings_max: u64, window: Duration, refused: IntCounter) -> Self {
        Self(Arc::new(Books { findings_max, window, accounts: Mutex::default(), refused }))
    }

    /// Takes `more` findings; false where they are too many. One exchange may have as many as its rule
    /// lets through (less than `count`), whatever the limit.
    fn takes(&self, key: Key, more: u64, count: u64, now: Instant) -> bool {
        let Books { findings_max, window, accounts, refused } = &*self.0;
        let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= ACCOUNTS_MAX && !accounts.contains_key(&key) {
            let oldest = accounts.iter().min_by_key(|(_, account)| account.since);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                accounts.remove(&oldest);
            }
        }
        let account = accounts.entry(key).or_insert_with(|| Account::new(now));
        let sum = account.weigh(*window, now).saturating_add(more);
        if sum > (*findings_max).max(count) {
            refused.inc();
            return false;
        }
        account.count = account.count.saturating_add(more);
        true
    }
}

impl Charged {
    /// Counts what is in the ledger by somebody else's hand.
    pub(super) fn of(ruling: &Ruling, tally: &Tally) -> Self {
        let tolerated = ruling.tolerated(tally).into_iter();
        Self(tolerated.map(|(identifier, (found, _))| (identifier, found)).collect())
    }
}

impl ReadingCell {
    /// Has the source answer for what was found and let through, as far as it has not yet.
    ///
    /// # Errors
    /// [`SOURCE_FINDINGS_MAX`], where the rule is enforced.
    pub(super) fn charge(
        &self,
        ruling: &Ruling,
        tally: &Tally,
        charged: &mut Charged,
    ) -> Result<(), Verdict> {
        if tally.total() == 0 {
            return Ok(());
        }
        let Some((ledger, source)) = self.with(|reading| reading.answers.clone()) else {
            return Ok(());
        };
        for (identifier, (found, count)) in ruling.tolerated(tally) {
            let known = charged.0.entry(identifier).or_default();
            let more = found.saturating_sub(*known);
            *known = found.max(*known);
            let key = (source.clone(), identifier, self.is_answer);
            if more == 0 || ledger.takes(key, more, count, Instant::now()) {
                continue;
            }
            let text = format!(
                "too many findings of `{}` were let through for this source, each less than a rule's \
                 `count` (limits.sourceFindingsMax in limits.sourceFindingsWindow)",
                identifier.name()
            );
            let verdict =
                ruling.enforced(Verdict::block(ruling.rule().cloned(), SOURCE_FINDINGS_MAX, text));
            if verdict.stops() {
                return Err(verdict);
            }
            self.with(|reading| reading.rule(&verdict));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_add_up_until_the_window_is_over() {
        let refused = IntCounter::new("refused", "refused").unwrap();
        let ledger = Ledger::new(5, Duration::from_secs(60), refused.clone());
        let source = |name: &str| SpiffeId::parse(&format!("spiffe://a.example/{name}")).unwrap();
        let (one, now, mrn) = (source("one"), Instant::now(), Identifier::Mrn);
        let takes = |who: &SpiffeId, identifier, more, after| {
            let now = now + Duration::from_secs(after);
            ledger.takes((who.clone(), identifier, false), more, 4, now)
        };
        assert!(takes(&one, mrn, 3, 0));
        assert!(takes(&one, mrn, 2, 0));
        assert!(!takes(&one, mrn, 1, 0), "the sixth");
        assert!(takes(&source("other"), mrn, 3, 0), "another source");
        assert!(takes(&one, Identifier::Ssn, 3, 0), "another identifier");
        assert!(ledger.takes((one.clone(), mrn, true), 3, 4, now), "what comes back to it");
        assert!(!takes(&one, mrn, 1, 60), "those of the window before reach into this one");
        assert!(takes(&one, mrn, 2, 90), "half of them do not any more");
        assert!(!takes(&one, mrn, 2, 90));
        assert!(takes(&one, mrn, 5, 220), "another window");
        assert!(
            ledger.takes((source("bulk"), mrn, false), 9, 10, now),
            "what one exchange may have"
        );
        assert_eq!(refused.get(), 3);
    }
}
