//! Verifiers: who is let in, and who is not.

use rcgen::{
    BasicConstraints, DistinguishedName, DnType, ExtendedKeyUsagePurpose as Eku, IsCa,
    KeyUsagePurpose as Ku, SanType,
};
use rustls::{ClientConfig, ServerConfig};

use super::*;
use crate::bundle::Bundle;
use crate::ca::{Authority, IssuedSvid};
use crate::svid::Identity;
use crate::testing::*;

const CLIENT: &str = "spiffe://a.example/client";
const PEER: &str = "spiffe://a.example/peer";

fn by_id(text: &str) -> Expect {
    Expect { peer: ExpectPeer::SpiffeId(id(text)), pins: Vec::new(), mutual: true }
}

fn by_name(name: &str) -> Expect {
    Expect { peer: ExpectPeer::ServerName(name.to_owned()), pins: Vec::new(), mutual: true }
}

/// Our own reason, where a handshake failed for one.
fn reason(failed: Result<Shaken, Failed>) -> Option<PeerError> {
    match failed.err()? {
        Failed::Client(error) | Failed::Server(error) => peer_error(&error).cloned(),
    }
}

fn certificate_error(failed: Result<Shaken, Failed>) -> Option<CertificateError> {
    match failed.err()? {
        Failed::Client(rustls::Error::InvalidCertificate(error))
        | Failed::Server(rustls::Error::InvalidCertificate(error)) => Some(error),
        Failed::Client(_) | Failed::Server(_) => None,
    }
}

/// A TLS server that shows a chain without any check of its own, and asks for no certificate.
fn show(chain: &IssuedSvid) -> Arc<ServerConfig> {
    let certificates = crate::pem::certificates(chain.chain_pem.as_bytes()).unwrap();
    let key = crate::pem::private_key(chain.key_pem.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_details(tls::provider(), clock(now()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    Arc::new(config)
}

/// A TLS client that shows a chain to whatever server it meets.
fn send(chain: &IssuedSvid, bundle: Arc<Bundle>, expect: &Expect) -> Arc<ClientConfig> {
    let certificates = crate::pem::certificates(chain.chain_pem.as_bytes()).unwrap();
    let key = crate::pem::private_key(chain.key_pem.as_bytes()).unwrap();
    let config = ClientConfig::builder_with_details(tls::provider(), clock(now()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(UpstreamVerifier::new(bundle, expect).unwrap()))
        .with_client_auth_cert(certificates, key)
        .unwrap();
    Arc::new(config)
}

/// Our side: an identity of `a.example` that trusts `bundle` beside its own CA.
fn ours(bundle: &str) -> (Authority, Identity) {
    let authority = authority("a.example");
    let bundle = [authority.certificate_pem(), bundle].concat();
    let identity = identity(&authority, CLIENT, &bundle);
    (authority, identity)
}

fn connect(identity: &Identity, expect: &Expect) -> Arc<ClientConfig> {
    tls::client_config_at(identity, expect, tls::Offer::Http1, clock(now())).unwrap()
}

fn listen(identity: &Identity) -> Arc<ServerConfig> {
    tls::server_config_at(identity, clock(now())).unwrap()
}

#[test]
fn the_spiffe_id_must_be_exactly_the_expected_one() {
    let (authority, client) = ours("");
    let server = show(&issue(&authority, PEER));
    assert!(shake(&connect(&client, &by_id(PEER)), &server).is_ok());
    for other in ["spiffe://a.example/pee", "spiffe://a.example/peer/x", "spiffe://a.example/Peer"]
    {
        assert_eq!(
            reason(shake(&connect(&client, &by_id(other)), &server)),
            Some(PeerError::OtherSpiffeId { expected: id(other), presented: id(PEER) })
        );
    }
}

#[test]
fn an_expected_id_is_not_satisfied_by_a_server_name() {
    let (_, client) = ours("");
    let stranger = Forge::root(|p| p.subject_alt_names.clear());
    let (_, client_of_stranger) = ours(&stranger.pem);
    // A certificate for the very DNS name of the connection, from a trusted root, without an id.
    let leaf = stranger.leaf(|p| drop(p.subject_alt_names.remove(0)));
    assert_eq!(
        reason(shake(&connect(&client_of_stranger, &by_id(PEER)), &show(&leaf))),
        Some(PeerError::Svid(InvalidSvid::NoUriSan))
    );
    let shaken = shake(&connect(&client_of_stranger, &by_name("svc.a.example")), &show(&leaf));
    assert!(shaken.is_ok(), "by name the same certificate is fine");
    let untrusted = shake(&connect(&client, &by_name("svc.a.example")), &show(&leaf));
    assert_eq!(certificate_error(untrusted), Some(CertificateError::UnknownIssuer));
}

#[test]
fn peers_of_an_unknown_trust_domain_are_refused_both_ways() {
    let (authority_a, us) = ours("");
    let theirs = authority("b.example");
    let both = [theirs.certificate_pem(), authority_a.certificate_pem()].concat();
    let them = identity(&theirs, "spiffe://b.example/peer", &both);
    let unknown = Some(PeerError::UnknownTrustDomain { trust_domain: domain("b.example") });
    let out = shake(&connect(&us, &by_id("spiffe://b.example/peer")), &listen(&them));
    assert_eq!(reason(out), unknown);
    let back = shake(&connect(&them, &by_id(CLIENT)), &listen(&us));
    assert_eq!(reason(back), unknown);
}

#[test]
fn federated_peers_meet_and_roots_are_not_merged() {
    let theirs = authority("b.example");
    let (authority_a, us) = ours(theirs.certificate_pem());
    let both = [theirs.certificate_pem(), authority_a.certificate_pem()].concat();
    let them = identity(&theirs, "spiffe://b.example/peer", &both);
    assert!(shake(&connect(&us, &by_id("spiffe://b.example/peer")), &listen(&them)).is_ok());
    assert!(shake(&connect(&them, &by_id(CLIENT)), &listen(&us)).is_ok());

    // The other domain's CA signs one of our ids, and a DNS name of ours.
    let rogue = Forge::root(|p| p.subject_alt_names = vec![uri("spiffe://b.example")]);
    let (_, us) = ours(&rogue.pem);
    let leaf = rogue.leaf(|_| {});
    for expect in [by_id(PEER), by_name("svc.a.example")] {
        let out = shake(&connect(&us, &expect), &show(&leaf));
        assert_eq!(certificate_error(out), Some(CertificateError::UnknownIssuer), "{expect:?}");
    }
    let back = shake(&send(&leaf, Arc::clone(us.bundle()), &by_id(CLIENT)), &listen(&us));
    assert_eq!(certificate_error(back), Some(CertificateError::UnknownIssuer));
}

#[test]
fn a_root_without_an_id_counts_for_our_own_trust_domain_alone() {
    let plain = Forge::root(|p| p.subject_alt_names.clear());
    let (_, us) = ours(&plain.pem);
    assert!(shake(&connect(&us, &by_id(PEER)), &show(&plain.leaf(|_| {}))).is_ok());
    let foreign = plain.leaf(|p| p.subject_alt_names = vec![uri("spiffe://b.example/peer")]);
    assert_eq!(
        reason(shake(&connect(&us, &by_id("spiffe://b.example/peer")), &show(&foreign))),
        Some(PeerError::UnknownTrustDomain { trust_domain: domain("b.example") })
    );
}

#[test]
fn a_mutual_listener_refuses_what_is_not_an_svid() {
    let forge = Forge::root(|_| {});
    let (_, us) = ours(&forge.pem);
    let meet = |leaf: &IssuedSvid| {
        shake(&send(leaf, Arc::clone(us.bundle()), &by_id(CLIENT)), &listen(&us))
    };
    assert!(meet(&forge.leaf(|_| {})).is_ok());
    let two = forge.leaf(|p| p.subject_alt_names = vec![uri(PEER), uri("spiffe://a.example/b")]);
    assert_eq!(reason(meet(&two)), Some(InvalidSvid::ManyUriSans { count: 2 }.into()));
    let ca = forge.leaf(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(reason(meet(&ca)), Some(InvalidSvid::IsCa.into()));
    let nameless = forge.leaf(|p| p.subject_alt_names.clear());
    assert_eq!(reason(meet(&nameless)), Some(InvalidSvid::NoUriSan.into()));
    let stranger = Forge::root(|_| {}).leaf(|_| {});
    assert_eq!(certificate_error(meet(&stranger)), Some(CertificateError::UnknownIssuer));
}

#[test]
fn a_ca_presented_as_a_leaf_is_refused_by_id_and_by_name() {
    let forge = Forge::root(|_| {});
    let (_, us) = ours(&forge.pem);
    let ca = show(&forge.leaf(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)));
    let by_id = shake(&connect(&us, &by_id(PEER)), &ca);
    assert_eq!(reason(by_id), Some(InvalidSvid::IsCa.into()));
    assert!(shake(&connect(&us, &by_name("svc.a.example")), &ca).is_err());
}

#[test]
fn a_leaf_cannot_sign_another_leaf() {
    let forge = Forge::root(|_| {});
    let (_, us) = ours(&forge.pem);
    // An intermediate that is no CA stands for a leaf whose owner signs on.
    let fake = forge.intermediate(|p| p.is_ca = IsCa::ExplicitNoCa);
    let mut leaf = fake.leaf(|_| {});
    leaf.chain_pem.push_str(&fake.pem);
    assert!(shake(&connect(&us, &by_id(PEER)), &show(&leaf)).is_err());
    let real = forge.intermediate(|_| {});
    let mut leaf = real.leaf(|_| {});
    leaf.chain_pem.push_str(&real.pem);
    assert!(shake(&connect(&us, &by_id(PEER)), &show(&leaf)).is_ok());
}

#[test]
fn a_path_longer_than_an_intermediate_allows_is_refused() {
    let root = Forge::root(|_| {});
    let (_, us) = ours(&root.pem);
    let upper = root.intermediate(|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let mut leaf = upper.leaf(|_| {});
    leaf.chain_pem.push_str(&upper.pem);
    assert!(shake(&connect(&us, &by_id(PEER)), &show(&leaf)).is_ok());
    let lower = upper.intermediate(|_| {});
    let mut deep = lower.leaf(|_| {});
    deep.chain_pem.push_str(&[lower.pem.as_str(), upper.pem.as_str()].concat());
    assert!(shake(&connect(&us, &by_id(PEER)), &show(&deep)).is_err());
}

#[test]
fn a_server_known_by_name_must_be_fit_to_sign_a_handshake() {
    let forge = Forge::root(|_| {});
    let (_, us) = ours(&forge.pem);
    let meet = |change: fn(&mut rcgen::CertificateParams)| {
        reason(shake(&connect(&us, &by_name("svc.a.example")), &show(&forge.leaf(change))))
    };
    let refused = |problem| Some(PeerError::Leaf(problem));
    assert_eq!(meet(|p| p.key_usages.clear()), None, "key usage may be left out");
    assert_eq!(meet(|p| p.extended_key_usages = vec![Eku::ServerAuth]), None);
    assert_eq!(
        meet(|p| p.key_usages = vec![Ku::KeyAgreement]),
        refused(InvalidSvid::NoDigitalSignature)
    );
    assert_eq!(meet(|p| p.key_usages.push(Ku::KeyCertSign)), refused(InvalidSvid::KeyCertSign));
    let unmarked = meet(|p| {
        p.distinguished_name = DistinguishedName::new();
        p.subject_alt_names.clear();
        let san = [&[0x30, 15, 0x82, 13][..], b"svc.a.example"].concat();
        p.custom_extensions.push(raw_extension(&[2, 5, 29, 17], false, &san));
    });
    assert_eq!(unmarked, refused(InvalidSvid::SanNotCritical));
    assert!(
        shake(
            &connect(&us, &by_name("svc.a.example")),
            &show(&forge.leaf(|p| p.extended_key_usages = vec![Eku::ClientAuth]))
        )
        .is_err(),
        "a client's certificate is not a server's"
    );
}

#[test]
fn a_chain_beyond_the_limit_is_refused_before_it_is_looked_at() {
    let forge = Forge::root(|_| {});
    let (_, us) = ours(&forge.pem);
    let mut leaf = forge.leaf(|_| {});
    for _ in 1..PEER_CHAIN_CERTIFICATES_MAX {
        leaf.chain_pem.push_str(&forge.pem);
    }
    assert!(shake(&connect(&us, &by_id(PEER)), &show(&leaf)).is_ok());
    leaf.chain_pem.push_str(&forge.pem);
    let failed = reason(shake(&connect(&us, &by_id(PEER)), &show(&leaf)));
    assert_eq!(failed, Some(PeerError::ChainTooLong { count: PEER_CHAIN_CERTIFICATES_MAX + 1 }));
}

#[test]
fn server_names_match_as_rfc_6125_says() {
    let forge = Forge::root(|_| {});
    let (_, us) = ours(&forge.pem);
    let server = show(&forge.leaf(|p| {
        p.distinguished_name = DistinguishedName::new();
        p.distinguished_name.push(DnType::CommonName, "subject.a.example");
        p.subject_alt_names = vec![
            SanType::DnsName("svc.a.example".try_into().unwrap()),
            SanType::DnsName("*.wild.a.example".try_into().unwrap()),
            SanType::IpAddress("127.0.0.1".parse().unwrap()),
            SanType::IpAddress("::1".parse().unwrap()),
        ];
    }));
    let meets = |name: &str| shake(&connect(&us, &by_name(name)), &server).is_ok();
    for good in ["svc.a.example", "SVC.A.example", "svc.a.example.", "x.wild.a.example"] {
        assert!(meets(good), "{good}");
    }
    for good in ["127.0.0.1", "::1", "[::1]"] {
        assert!(meets(good), "{good}");
    }
    for bad in ["a.example", "x.svc.a.example", "wild.a.example", "x.y.wild.a.example"] {
        assert!(!meets(bad), "{bad}");
    }
    for bad in ["subject.a.example", "127.0.0.2", "::2"] {
        assert!(!meets(bad), "{bad}");
    }
}

#[test]
fn a_malformed_expected_name_is_refused_when_the_configuration_is_built() {
    let (_, us) = ours("");
    for bad in
        ["", "a b", "*.a.example", "a..example", "[a.example]", "[127.0.0.1]", "a.example:443"]
    {
        let built = tls::client_config(&us, &by_name(bad), tls::Offer::Http1);
        assert!(matches!(built, Err(tls::InvalidTls::ServerName)), "{bad}");
    }
}

#[test]
fn pins_hold_on_the_leaf_and_on_each_issuer_of_its_path() {
    let root = Forge::root(|_| {});
    let (_, us) = ours(&root.pem);
    let middle = root.intermediate(|_| {});
    let mut leaf = middle.leaf(|_| {});
    leaf.chain_pem.push_str(&middle.pem);
    let server = show(&leaf);
    let pin = |der: &CertificateDer<'_>| spki_sha256(der).unwrap();
    let with = |pins: Vec<[u8; 32]>| shake(&connect(&us, &Expect { pins, ..by_id(PEER) }), &server);

    let leaf_pin = pin(&der(&leaf.chain_pem));
    for good in [leaf_pin, pin(&middle.der), pin(&root.der)] {
        assert!(with(vec![good]).is_ok());
        assert!(with(vec![[0; 32], good]).is_ok(), "one of several is enough");
    }
    let refused = Some(PeerError::NotPinned { leaf: base64(&leaf_pin) });
    assert_eq!(reason(with(vec![[0; 32]])), refused);
}

#[test]
fn a_pinned_certificate_that_is_merely_sent_along_proves_nothing() {
    let root = Forge::root(|_| {});
    let (_, us) = ours(&root.pem);
    // The attacker has a leaf of the same root and knows the pinned certificates, not their keys.
    let pinned_leaf = der(&root.leaf(|_| {}).chain_pem);
    let pinned_middle = root.intermediate(|_| {});
    for (decoy, decoy_pem) in [
        (pinned_middle.der.clone(), pinned_middle.pem.clone()),
        (pinned_leaf, root.leaf(|_| {}).chain_pem),
    ] {
        let mut attack = root.leaf(|_| {});
        attack.chain_pem.push_str(&decoy_pem);
        let expect = Expect { pins: vec![spki_sha256(&decoy).unwrap()], ..by_id(PEER) };
        let failed = shake(&connect(&us, &expect), &show(&attack));
        assert!(matches!(reason(failed), Some(PeerError::NotPinned { .. })));
    }
}

#[test]
fn a_pin_does_not_replace_the_path() {
    let stranger = Forge::root(|_| {});
    let (_, us) = ours("");
    let leaf = stranger.leaf(|_| {});
    let pins = vec![spki_sha256(&der(&leaf.chain_pem)).unwrap()];
    let failed = shake(&connect(&us, &Expect { pins, ..by_id(PEER) }), &show(&leaf));
    assert_eq!(certificate_error(failed), Some(CertificateError::UnknownIssuer));
}

#[test]
fn an_expired_root_vouches_for_nobody() {
    let old = Forge::root(|p| p.not_after = p.not_before + std::time::Duration::from_secs(30));
    let (_, us) = ours(&old.pem);
    let failed = shake(&connect(&us, &by_id(PEER)), &show(&old.leaf(|_| {})));
    assert_eq!(certificate_error(failed), Some(CertificateError::UnknownIssuer));
}

#[test]
fn a_refusal_says_why_in_one_line() {
    let (authority, us) = ours("");
    let server = show(&issue(&authority, PEER));
    let Err(Failed::Client(error)) = shake(&connect(&us, &by_id(CLIENT)), &server) else {
        panic!("not refused by the client");
    };
    let text = explain(&error);
    assert!(text.contains("the peer is spiffe://a.example/peer, not spiffe://a.example/client"));
    let text = explain(&CertificateError::UnknownIssuer.into());
    assert!(text.contains("trust bundle") && !text.contains('\n'), "{text}");
    let text = explain(&CertificateError::Expired.into());
    assert!(text.contains("expired") || text.contains("Expired"), "{text}");
}

#[test]
fn base64_is_the_standard_one() {
    for (bytes, text) in [
        (&b""[..], ""),
        (b"f", "Zg=="),
        (b"fo", "Zm8="),
        (b"foo", "Zm9v"),
        (b"foob", "Zm9vYg=="),
        (b"fooba", "Zm9vYmE="),
        (b"foobar", "Zm9vYmFy"),
        (&[0xfb, 0xff, 0xfe], "+//+"),
    ] {
        assert_eq!(base64(bytes), text);
    }
}
