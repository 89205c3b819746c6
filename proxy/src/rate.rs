//! How often one source may ask: a token bucket for each peer's SPIFFE ID or client's address, in a
//! table that cannot grow without end. The time comes in as a value.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use spiffe::SpiffeId;

/// Sources with a bucket of their own. Beyond it the rested are forgotten; where none is, newcomers
/// share one bucket.
const SOURCES_MAX: usize = 4096;

/// Bits of an IPv6 address that tell one site's hosts apart (RFC 4291, 2.5.4): any of them can be had by
/// whoever has one.
const HOST_BITS: u32 = 64;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A client that is known by its address.
    Address(IpAddr),
    /// A peer that has proved who it is.
    Peer(SpiffeId),
}

impl Source {
    /// A client at `address`: all of this machine's own addresses are one, and all of an IPv6 network of
    /// 64 bits, since one client can take any of them.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            own if own.is_loopback() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() >> HOST_BITS << HOST_BITS).into()
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The buckets.
#[derive(Debug)]
pub struct Rates {
    per_second: Option<f64>,
    burst: f64,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    own: HashMap<Source, Bucket>,
    shared: Option<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Rates {
    /// At most `per_second` requests of one source in the long run, and `burst` at once. Without
    /// `per_second` everybody may ask as often as they like.
    pub fn new(per_second: Option<u32>, burst: Option<u32>) -> Self {
        let burst = burst.or(per_second).unwrap_or(1).max(1);
        let (per_second, burst) = (per_second.map(f64::from), f64::from(burst));
        Self { per_second, burst, buckets: Mutex::default() }
    }

    /// Takes one request of `source`.
    ///
    /// # Errors
    /// How long it has to wait before it may ask again.
    pub fn admit(&self, source: &Source, now: Instant) -> Result<(), Duration> {
        let Some(per_second) = self.per_second else { return Ok(()) };
        let fresh = Bucket { tokens: self.burst, at: now };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let buckets = &mut *buckets;
        if buckets.own.len() >= SOURCES_MAX && !buckets.own.contains_key(source) {
            let is_tired = |bucket: &Bucket| {
                let rested = now.saturating_duration_since(bucket.at).as_secs_f64() * per_second;
                bucket.tokens + rested < self.burst
            };
            buckets.own.retain(|_, bucket| is_tired(bucket));
        }
        let bucket = if buckets.own.len() < SOURCES_MAX || buckets.own.contains_key(source) {
            buckets.own.entry(source.clone()).or_insert(fresh)
        } else {
            buckets.shared.get_or_insert(fresh)
        };
        bucket.take(per_second, self.burst, now)
    }
}

impl Bucket {
    fn take(&mut self, per_second: f64, burst: f64, now: Instant) -> Result<(), Duration> {
        let rested = now.saturating_duration_since(self.at).as_secs_f64() * per_second;
        self.tokens = (self.tokens + rested).min(burst);
        self.at = now;
        if self.tokens < 1.0 {
            let wait = Duration::try_from_secs_f64((1.0 - self.tokens) / per_second);
            return Err(wait.unwrap_or(Duration::MAX));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> Source {
        Source::Address(std::net::Ipv4Addr::from(number).into())
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let (rates, now) = (Rates::new(Some(10), Some(3)), Instant::now());
        let ask = |after: u64| rates.admit(&address(1), now + Duration::from_millis(after));
        assert_eq!([ask(0), ask(0), ask(0)], [Ok(()); 3]);
        let wait = ask(0).unwrap_err();
        assert!(wait > Duration::from_millis(90) && wait <= Duration::from_millis(100), "{wait:?}");
        assert_eq!(ask(101), Ok(()));
        assert!(ask(102).is_err());
        // However long it rests, no more than the burst.
        assert_eq!([ask(9000), ask(9000), ask(9000)], [Ok(()); 3]);
        assert!(ask(9000).is_err());
    }

    #[test]
    fn an_address_that_anybody_here_can_take_is_no_other_source() {
        let at = |text: &str| Source::at(text.parse().unwrap());
        assert_eq!(at("127.0.0.1"), at("127.9.8.7"));
        assert_eq!(at("127.0.0.1"), at("::1"));
        assert_eq!(at("10.1.2.3"), at("::ffff:10.1.2.3"));
        assert_eq!(at("fd00:1:2:3::4"), at("fd00:1:2:3:ffff::5"));
        assert_ne!(at("fd00:1:2:3::4"), at("fd00:1:2:4::4"));
        assert_ne!(at("10.1.2.3"), at("10.1.2.4"));
    }

    #[test]
    fn sources_do_not_pay_for_each_other() {
        let (rates, now) = (Rates::new(Some(1), None), Instant::now());
        assert!(rates.admit(&address(1), now).is_ok());
        assert!(rates.admit(&address(1), now).is_err());
        assert!(rates.admit(&address(2), now).is_ok());
        let peer = Source::Peer(SpiffeId::parse("spiffe://h.example/a").unwrap());
        assert!(rates.admit(&peer, now).is_ok());
    }

    #[test]
    fn the_table_is_bounded_and_newcomers_share_what_is_left() {
        let (rates, now) = (Rates::new(Some(1), None), Instant::now());
        let admitted = (0..20_000).filter(|at| rates.admit(&address(*at), now).is_ok()).count();
        assert_eq!(admitted, SOURCES_MAX + 1);
        let later = now + Duration::from_secs(2);
        assert!(rates.admit(&address(30_000), later).is_ok(), "the rested are forgotten");
        assert!(rates.buckets.lock().unwrap().own.len() <= SOURCES_MAX);
    }

    #[test]
    fn without_a_rate_nobody_waits() {
        let rates = Rates::new(None, None);
        assert!((0..100_000).all(|_| rates.admit(&address(1), Instant::now()).is_ok()));
    }
}
