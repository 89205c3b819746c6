//! Identities: what fits together, and what does not.

use super::*;
use crate::ca::IssuedSvid;
use crate::testing::*;

const ID: &str = "spiffe://a.example/x";

fn load(svid: &IssuedSvid, bundle: &str) -> Result<Identity, InvalidIdentity> {
    let (chain, key) = (svid.chain_pem.as_bytes(), svid.key_pem.as_bytes());
    Identity::from_pem(chain, key, bundle.as_bytes(), now())
}

#[test]
fn a_whole_identity_is_read() {
    let authority = authority("a.example");
    let svid = issue(&authority, ID);
    let identity = load(&svid, authority.certificate_pem()).unwrap();
    assert_eq!(identity.id(), &id(ID));
    assert_eq!(identity.not_after(), after(HOUR));
    assert_eq!(identity.not_before(), now() - crate::ca::BACKDATE);
    assert_eq!(identity.chain().len(), 1);
    assert_eq!(identity.fingerprint().len(), 64);
    let renewed = load(&issue(&authority, ID), authority.certificate_pem()).unwrap();
    assert_ne!(identity.fingerprint(), renewed.fingerprint(), "each rotation shows");
    assert_ne!(identity.leaf_sha256(), renewed.leaf_sha256());
    let dos = |text: &str| text.replace('\n', "\r\n") + "\r\n\r\n";
    let (chain, key) = (dos(&svid.chain_pem), dos(&svid.key_pem));
    let same =
        load(&IssuedSvid { chain_pem: chain, key_pem: key }, &dos(authority.certificate_pem()));
    assert_eq!(same.unwrap().fingerprint(), identity.fingerprint());
}

#[test]
fn an_identity_never_shows_its_key() {
    let authority = authority("a.example");
    let svid = issue(&authority, ID);
    let identity = load(&svid, authority.certificate_pem()).unwrap();
    let secret: String = svid.key_pem.lines().skip(1).take(1).collect();
    let shown = format!("{identity:?} {svid:?} {authority:?}");
    assert!(!shown.contains(&secret[10..40]) && !shown.contains("PRIVATE"), "{shown}");
}

/// Part and a word of the message, for each way to go wrong.
#[test]
fn each_mistake_names_its_part_and_what_to_do() {
    let authority = authority("a.example");
    let bundle = authority.certificate_pem();
    let good = issue(&authority, ID);
    let other = issue(&authority, ID);
    let stranger = crate::testing::authority("a.example");
    let forge = Forge::root(|_| {});
    let ca_leaf = IssuedSvid { chain_pem: bundle.to_owned(), key_pem: authority.key_pem() };
    let with = |chain: &str, key: &str| IssuedSvid { chain_pem: chain.into(), key_pem: key.into() };
    let cases: Vec<(IssuedSvid, &str, Part, &str)> = vec![
        (with("", &good.key_pem), bundle, Part::Chain, "BEGIN CERTIFICATE block is missing"),
        (with(&good.chain_pem, ""), bundle, Part::Key, "holds no private key"),
        (good.clone(), "", Part::Bundle, "BEGIN CERTIFICATE block is missing"),
        (with(&good.chain_pem, &other.key_pem), bundle, Part::Key, "only one of the two files"),
        (good.clone(), stranger.certificate_pem(), Part::Chain, "no root signed it"),
        (good.clone(), &good.chain_pem, Part::Bundle, "not a CA certificate"),
        (ca_leaf, bundle, Part::Chain, "SPIFFE ID"),
        (
            forge.leaf(|p| p.subject_alt_names.push(uri("spiffe://a.example/y"))),
            &forge.pem,
            Part::Chain,
            "has 2 URI SANs",
        ),
        (
            forge.leaf(|p| p.not_after = p.not_before + std::time::Duration::from_secs(30)),
            &forge.pem,
            Part::Chain,
            "expired at 2026-11-21T11:59:30Z",
        ),
        (
            forge.leaf(|p| p.not_before += HOUR),
            &forge.pem,
            Part::Chain,
            "not valid before 2026-11-21T12:59:00Z",
        ),
        (with(&good.chain_pem.repeat(11), &good.key_pem), bundle, Part::Chain, "11 certificates"),
    ];
    for (svid, bundle, part, words) in cases {
        let error = load(&svid, bundle).map(drop).unwrap_err();
        assert_eq!(error.part, part, "{error}");
        let text = error.to_string();
        assert!(text.starts_with("identity ") && text.contains(words), "{words}: {text}");
    }
}

#[test]
fn an_intermediate_is_needed_where_the_root_did_not_sign() {
    let root = Forge::root(|_| {});
    let middle = root.intermediate(|_| {});
    let mut svid = middle.leaf(|_| {});
    let error = load(&svid, &root.pem).map(drop).unwrap_err();
    assert!(error.to_string().contains("missing intermediate"), "{error}");
    svid.chain_pem.push_str(&middle.pem);
    assert_eq!(load(&svid, &root.pem).unwrap().chain().len(), 2);
}

#[test]
fn an_identity_must_be_good_for_both_sides_of_a_handshake() {
    use rcgen::ExtendedKeyUsagePurpose as Eku;
    let root = Forge::root(|_| {});
    // The leaf names both purposes, but its issuer may only vouch for servers.
    let middle = root.intermediate(|p| p.extended_key_usages = vec![Eku::ServerAuth]);
    let mut svid = middle.leaf(|_| {});
    svid.chain_pem.push_str(&middle.pem);
    let error = load(&svid, &root.pem).map(drop).unwrap_err();
    assert_eq!(error.part, Part::Chain);
}

#[test]
fn state_follows_the_life_of_the_leaf() {
    use crate::rotation::State;
    let authority = authority("a.example");
    let identity = load(&issue(&authority, ID), authority.certificate_pem()).unwrap();
    assert_eq!(identity.state(now()), State::Ok);
    assert_eq!(identity.state(after(HOUR)), State::RenewalOverdue);
    assert_eq!(identity.state(after(HOUR * 2)), State::Expired);
}
