//! Rotation: what is swapped in, what is kept out, and when renewal is due.

use proptest::prelude::*;

use super::*;
use crate::ca::IssueRequest;
use crate::testing::*;

const ID: &str = "spiffe://a.example/x";

#[test]
fn a_good_offer_is_swapped_in_and_holders_keep_theirs() {
    let authority = authority("a.example");
    let current = Current::new(identity(&authority, ID, authority.certificate_pem()));
    let before = current.load();
    let next = identity(&authority, ID, authority.certificate_pem());
    let print = next.fingerprint().to_owned();
    current.offer(next, now()).unwrap();
    assert_eq!(current.load().fingerprint(), print);
    assert_ne!(before.fingerprint(), print);
}

#[test]
fn a_bad_offer_changes_nothing() {
    let authority = authority("a.example");
    let bundle = authority.certificate_pem();
    let current = Current::new(identity(&authority, ID, bundle));
    let print = current.load().fingerprint().to_owned();
    let short = || {
        let request = IssueRequest { lifetime: HOUR / 4, ..request(ID) };
        read(&authority.issue(&request, now()).unwrap(), bundle)
    };
    let other = identity(&authority, "spiffe://a.example/y", bundle);
    let offers = [
        (other, now(), "restart it to change its identity"),
        (short(), after(HOUR / 2), "expired at"),
        (short(), now() - HOUR, "not valid before"),
    ];
    for (offer, at, words) in offers {
        let error = current.offer(offer, at).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(current.load().fingerprint(), print);
    }
}

#[test]
fn a_new_root_arrives_without_a_new_leaf() {
    let (old, new) = (authority("a.example"), authority("a.example"));
    let svid = issue(&old, ID);
    let current = Current::new(read(&svid, old.certificate_pem()));
    let both = [old.certificate_pem(), new.certificate_pem()].concat();
    let before = current.load();
    current.offer(read(&svid, &both), now()).unwrap();
    let after = current.load();
    assert_eq!(before.leaf_sha256(), after.leaf_sha256());
    assert_ne!(
        before.fingerprint(),
        after.fingerprint(),
        "or configurations would be kept too long"
    );
    assert_ne!(before.bundle().fingerprint(), after.bundle().fingerprint());
}

#[test]
fn renewal_is_due_at_half_life() {
    let (from, until) = (now(), after(HOUR));
    let minutes = |jitter| from.duration_until(next_renewal(from, until, jitter)).as_mins();
    assert_eq!(minutes(0.0), 30);
    assert_eq!(minutes(-0.1), 27);
    assert_eq!(minutes(0.1), 33);
    assert_eq!(minutes(9.0), 33, "no jitter goes further");
    assert_eq!(minutes(f64::NAN), 30);
    assert_eq!(next_renewal(until, from, 0.0), until, "a life that ends before it begins");
}

#[test]
fn the_state_is_overdue_only_after_the_widest_jitter() {
    let validity = Validity { not_before: now(), not_after: after(HOUR) };
    let minute = HOUR / 60;
    for (at, expected) in [
        (now() - minute, State::Expired),
        (now(), State::Ok),
        (after(minute * 33), State::Ok),
        (after(minute * 34), State::RenewalOverdue),
        (after(HOUR), State::RenewalOverdue),
        (after(HOUR + minute), State::Expired),
    ] {
        assert_eq!(state(validity, at), expected, "{at}");
    }
}

proptest! {
    #[test]
    fn renewal_lies_between_45_and_55_percent_of_any_life(
        start in 0..4_000_000_000_i64,
        life in 20..400_000_000_i64,
        jitter in -0.1..=0.1_f64,
    ) {
        let at = |second| Timestamp::from_second(second).unwrap();
        let due = next_renewal(at(start), at(start + life), jitter);
        let waited = at(start).duration_until(due).as_secs_f64() / life as f64;
        prop_assert!((0.4499..0.5501).contains(&waited), "{}", waited);
    }
}
