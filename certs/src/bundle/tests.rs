//! Trust bundles: which roots vouch for which trust domain, and when.

use std::time::Duration;

use super::*;
use crate::testing::{DAY, Forge, after, authority, domain, issue, now};

fn bundle(text: &str) -> Result<Bundle, InvalidBundle> {
    Bundle::from_pem(text.as_bytes(), &domain("a.example"), now())
}

fn count(bundle: &Bundle, name: &str, at: Timestamp) -> usize {
    bundle.roots_at(&domain(name), at).map_or(0, |roots| roots.len())
}

#[test]
fn tells_roots_apart_by_their_trust_domain() {
    let plain = Forge::root(|p| p.subject_alt_names.clear());
    let text = [
        authority("a.example").certificate_pem(),
        authority("b.example").certificate_pem(),
        &plain.pem,
        authority("a.example").certificate_pem(),
    ]
    .concat();
    let bundle = bundle(&text).unwrap();
    let names: Vec<&str> = bundle.trust_domains().map(TrustDomain::as_str).collect();
    assert_eq!(names, ["a.example", "b.example"]);
    assert_eq!(count(&bundle, "a.example", now()), 3, "the plain root counts for our own");
    assert_eq!(count(&bundle, "b.example", now()), 1);
    assert_eq!(count(&bundle, "c.example", now()), 0);
}

#[test]
fn an_expired_root_stays_out_of_use_and_spoils_nothing() {
    let old = Forge::root(|p| p.not_after = p.not_before + Duration::from_secs(30));
    let text = [&old.pem, authority("a.example").certificate_pem()].concat();
    let bundle = bundle(&text).unwrap();
    assert_eq!(count(&bundle, "a.example", now()), 1);
    assert_eq!(count(&bundle, "a.example", after(DAY)), 1);
    assert_eq!(count(&bundle, "a.example", after(DAY + Duration::from_secs(1))), 0);
}

#[test]
fn refuses_a_bundle_that_trusts_nobody_of_ours() {
    let none = Err(InvalidBundle::NoRoot { trust_domain: domain("a.example") });
    assert_eq!(bundle(authority("b.example").certificate_pem()).map(drop), none);
    let old = Forge::root(|p| p.not_after = p.not_before + Duration::from_secs(30));
    assert_eq!(bundle(&old.pem).map(drop), none);
    assert_eq!(bundle("").map(drop), Err(InvalidBundle::Pem(InvalidPem::NoCertificate)));
}

#[test]
fn refuses_a_leaf_among_the_roots_and_says_which() {
    let authority = authority("a.example");
    let leaf = issue(&authority, "spiffe://a.example/x").chain_pem;
    let text = [authority.certificate_pem(), &leaf].concat();
    let error = bundle(&text).map(drop).unwrap_err();
    let problem = InvalidSigner::NotCa;
    assert_eq!(error, InvalidBundle::Certificate { place: 2, problem });
    assert!(error.to_string().contains("certificate 2"));
}

#[test]
fn the_fingerprint_changes_with_the_roots() {
    let (one, two) = (authority("a.example"), authority("a.example"));
    let print = |text: &str| bundle(text).unwrap().fingerprint().to_owned();
    let first = print(one.certificate_pem());
    assert_eq!(first, print(&one.certificate_pem().replace('\n', "\r\n")));
    assert_ne!(first, print(two.certificate_pem()));
    assert_ne!(first, print(&[one.certificate_pem(), two.certificate_pem()].concat()));
    assert_eq!(first.len(), 64);
}
