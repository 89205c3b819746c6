//! How many questions one source may ask. Each one that is read becomes a line of the log; those
//! over the limit are dropped and counted, and the count is what is recorded of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// Sources that are told apart. Only this machine's own addresses ask, so there are few.
const SOURCES_MAX: usize = 64;
/// How much of a second's questions may come at once, in seconds: resolvers ask for A and AAAA and
/// walk search lists.
const BURST: Duration = Duration::from_secs(2);

/// Lets so many questions a second through, of each source.
#[derive(Debug)]
pub(super) struct Flood {
    every: Duration,
    sources: HashMap<IpAddr, Source>,
}

#[derive(Debug)]
struct Source {
    /// When the last question would have come, had all come evenly spaced.
    even: Instant,
    dropped: u64,
}

impl Flood {
    /// `per_second` questions of each source.
    pub(super) fn new(per_second: usize) -> Self {
        let per_second = u32::try_from(per_second.max(1)).unwrap_or(u32::MAX);
        Self { every: Duration::from_secs(1) / per_second, sources: HashMap::new() }
    }

    /// Whether a question of this source may be read now; counts it where it may not.
    pub(super) fn takes(&mut self, source: IpAddr, now: Instant) -> bool {
        let every = self.every;
        let known = self.of(source, now);
        let next = known.even.max(now) + every;
        if next > now + BURST {
            known.dropped += 1;
            return false;
        }
        known.even = next;
        true
    }

    /// Counts a question that was dropped for another reason.
    pub(super) fn count(&mut self, source: IpAddr, now: Instant) {
        self.of(source, now).dropped += 1;
    }

    /// What was dropped since the last call, by source.
    pub(super) fn dropped(&mut self) -> Vec<(IpAddr, u64)> {
        let counts = self.sources.iter_mut().filter(|(_, known)| known.dropped > 0);
        counts.map(|(source, known)| (*source, std::mem::take(&mut known.dropped))).collect()
    }

    /// The source's place. Where there are too many, they share one.
    fn of(&mut self, source: IpAddr, now: Instant) -> &mut Source {
        let mut source = one_of_loopback(source);
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            self.sources.retain(|_, known| known.dropped > 0 || known.even > now);
            if self.sources.len() >= SOURCES_MAX {
                source = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            }
        }
        self.sources.entry(source).or_insert(Source { even: now, dropped: 0 })
    }
}

/// Whoever may use one loopback address may use all sixteen million.
fn one_of_loopback(source: IpAddr) -> IpAddr {
    let source = source.to_canonical();
    if source.is_loopback() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_asks_so_often_and_no_more() {
        let (mut flood, start) = (Flood::new(10), Instant::now());
        let at_once = (0..100).filter(|_| flood.takes(ip("127.0.0.1"), start)).count();
        assert_eq!(at_once, 20, "a burst of two seconds");
        assert_eq!(flood.dropped(), [(ip("127.0.0.1"), 80)]);
        assert_eq!(flood.dropped(), []);
        let later = start + Duration::from_secs(1);
        let then = (0..100).filter(|_| flood.takes(ip("127.0.0.1"), later)).count();
        assert_eq!(then, 10, "a second later, a second's worth");
    }

    #[test]
    fn loopback_is_one_source_and_others_are_their_own() {
        let (mut flood, now) = (Flood::new(1), Instant::now());
        assert!(flood.takes(ip("127.0.0.1"), now) && flood.takes(ip("127.9.9.9"), now));
        for same in ["127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert!(!flood.takes(ip(same), now), "{same}");
        }
        assert!(flood.takes(ip("10.1.2.3"), now));
    }

    #[test]
    fn many_sources_share_one_place_and_are_all_counted() {
        let (mut flood, now) = (Flood::new(1), Instant::now());
        let sources = (0..1000u32).map(|n| IpAddr::from(Ipv4Addr::from(0x0a00_0000 + n)));
        let taken = sources.filter(|source| flood.takes(*source, now)).count();
        assert_eq!(taken, SOURCES_MAX + 2, "one each, and a burst for all the others");
        let dropped: u64 = flood.dropped().iter().map(|(_, count)| count).sum();
        assert_eq!(dropped, 1000 - (SOURCES_MAX as u64 + 2));
        assert!(flood.sources.len() <= SOURCES_MAX + 1);
        flood.count(ip("192.0.2.1"), now);
        assert_eq!(flood.dropped().len(), 1);
    }
}
