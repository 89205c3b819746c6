//! The profile of an X509-SVID, from both sides.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose as Eku, IsCa,
    KeyUsagePurpose as Ku, SanType,
};

use super::*;
use crate::testing::{Forge, der, id, raw_extension, uri};

const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];

/// BasicConstraints with cA true.
const CA_TRUE: &[u8] = &[0x30, 3, 1, 1, 0xff];
/// BIT STRING with the first bit, digitalSignature.
const DIGITAL_SIGNATURE: &[u8] = &[3, 2, 7, 0x80];
/// BIT STRING with the sixth bit, keyCertSign.
const KEY_CERT_SIGN: &[u8] = &[3, 2, 2, 0x04];

type Change = fn(&mut CertificateParams);

/// GeneralNames with one URI.
fn uri_san(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    let mut content = vec![0x30, length + 2, 0x86, length];
    content.extend_from_slice(bytes);
    content
}

fn set_uris(params: &mut CertificateParams, uris: &[&str]) {
    params.subject_alt_names = uris.iter().copied().map(uri).collect();
}

fn check(change: Change) -> Result<SpiffeId, InvalidSvid> {
    check_leaf(&der(&Forge::root(|_| {}).leaf(change).chain_pem))
}

#[test]
fn accepts_every_shape_that_the_standard_allows() {
    let cases: &[(&str, Change)] = &[
        ("the plain one", |_| {}),
        ("basic constraints left out", |p| p.is_ca = IsCa::NoCa),
        ("extended key usage left out", |p| p.extended_key_usages.clear()),
        ("more purposes beside the two", |p| p.extended_key_usages.push(Eku::CodeSigning)),
        ("keyEncipherment and keyAgreement beside", |p| {
            p.key_usages.extend([Ku::KeyEncipherment, Ku::KeyAgreement]);
        }),
        ("an empty subject with a critical SAN", |p| {
            p.distinguished_name = DistinguishedName::new();
        }),
        ("no DNS name beside", |p| set_uris(p, &["spiffe://a.example/peer"])),
        ("addresses and mail beside", |p| {
            p.subject_alt_names.push(SanType::IpAddress("10.0.0.1".parse().unwrap()));
            p.subject_alt_names.push(SanType::Rfc822Name("ops@a.example".try_into().unwrap()));
        }),
        ("an unknown extension that is not critical", |p| {
            p.custom_extensions.push(raw_extension(&[1, 3, 6, 1, 4, 1, 99999, 1], false, &[5, 0]));
        }),
    ];
    for (name, change) in cases {
        assert_eq!(check(*change), Ok(id("spiffe://a.example/peer")), "{name}");
    }
}

#[test]
fn refuses_each_wrong_name_by_its_own_error() {
    use InvalidSpiffeId as Id;
    use InvalidSvid as E;
    let cases: &[(&str, Change, InvalidSvid)] = &[
        ("no SAN", |p| p.subject_alt_names.clear(), E::NoUriSan),
        ("a DNS name alone", |p| drop(p.subject_alt_names.remove(0)), E::NoUriSan),
        (
            "two SPIFFE IDs",
            |p| set_uris(p, &["spiffe://a.example/peer", "spiffe://a.example/admin"]),
            E::ManyUriSans { count: 2 },
        ),
        (
            "the same id twice",
            |p| set_uris(p, &["spiffe://a.example/peer", "spiffe://a.example/peer"]),
            E::ManyUriSans { count: 2 },
        ),
        (
            "a web address beside the id",
            |p| set_uris(p, &["spiffe://a.example/peer", "https://a.example"]),
            E::ManyUriSans { count: 2 },
        ),
        ("a web address", |p| set_uris(p, &["https://a.example/x"]), E::SpiffeId(Id::Scheme)),
        ("SPIFFE in capitals", |p| set_uris(p, &["SPIFFE://a/b"]), E::SpiffeId(Id::Scheme)),
        ("no path", |p| set_uris(p, &["spiffe://a.example"]), E::SpiffeId(Id::MissingPath)),
        ("the root path", |p| set_uris(p, &["spiffe://a/"]), E::SpiffeId(Id::TrailingSlash)),
        ("a slash at the end", |p| set_uris(p, &["spiffe://a/b/"]), E::SpiffeId(Id::TrailingSlash)),
        (
            "dot segments",
            |p| set_uris(p, &["spiffe://a/../b"]),
            E::SpiffeId(Id::DotSegment { at: 1 }),
        ),
        (
            "an empty segment",
            |p| set_uris(p, &["spiffe://a//b"]),
            E::SpiffeId(Id::EmptySegment { at: 1 }),
        ),
        ("a query", |p| set_uris(p, &["spiffe://a/b?c"]), E::SpiffeId(Id::Query)),
        ("a fragment", |p| set_uris(p, &["spiffe://a/b#c"]), E::SpiffeId(Id::Fragment)),
        ("a port", |p| set_uris(p, &["spiffe://a:443/b"]), E::SpiffeId(Id::Port)),
        ("user info", |p| set_uris(p, &["spiffe://me@a/b"]), E::SpiffeId(Id::UserInfo)),
        (
            "percent-encoding",
            |p| set_uris(p, &["spiffe://a/%62"]),
            E::SpiffeId(Id::PercentEncoding),
        ),
        (
            "a capital in the trust domain",
            |p| set_uris(p, &["spiffe://A/b"]),
            E::SpiffeId(Id::TrustDomainByte { at: 0 }),
        ),
        (
            "a NUL that would end a C string",
            |p| set_uris(p, &["spiffe://a/b\0.evil"]),
            E::SpiffeId(Id::PathByte { at: 2 }),
        ),
    ];
    for (name, change, error) in cases {
        assert_eq!(check(*change).as_ref(), Err(error), "{name}");
    }
}

#[test]
fn refuses_each_wrong_extension_by_its_own_error() {
    use InvalidSvid as E;
    let cases: &[(&str, Change, InvalidSvid)] = &[
        (
            "an empty subject with a SAN that is not critical",
            |p| {
                p.distinguished_name = DistinguishedName::new();
                p.subject_alt_names.clear();
                let san = uri_san(b"spiffe://a.example/peer");
                p.custom_extensions.push(raw_extension(SUBJECT_ALT_NAME, false, &san));
            },
            E::SanNotCritical,
        ),
        ("a CA", |p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), E::IsCa),
        ("no key usage", |p| p.key_usages.clear(), E::NoKeyUsage),
        (
            "key usage not critical",
            |p| {
                p.key_usages.clear();
                p.custom_extensions.push(raw_extension(KEY_USAGE, false, DIGITAL_SIGNATURE));
            },
            E::KeyUsageNotCritical,
        ),
        ("no digitalSignature", |p| p.key_usages = vec![Ku::KeyAgreement], E::NoDigitalSignature),
        ("keyCertSign", |p| p.key_usages.push(Ku::KeyCertSign), E::KeyCertSign),
        ("cRLSign", |p| p.key_usages.push(Ku::CrlSign), E::CrlSign),
        ("clientAuth alone", |p| p.extended_key_usages = vec![Eku::ClientAuth], E::NoServerAuth),
        ("serverAuth alone", |p| p.extended_key_usages = vec![Eku::ServerAuth], E::NoClientAuth),
        ("anyExtendedKeyUsage alone", |p| p.extended_key_usages = vec![Eku::Any], E::NoServerAuth),
    ];
    for (name, change, error) in cases {
        assert_eq!(check(*change).as_ref(), Err(error), "{name}");
    }
}

#[test]
fn refuses_what_two_readers_could_read_differently() {
    let cases: &[(&str, Change)] = &[
        ("key usage twice", |p| {
            p.custom_extensions.push(raw_extension(KEY_USAGE, true, DIGITAL_SIGNATURE));
        }),
        ("SAN twice", |p| {
            let san = uri_san(b"spiffe://a.example/admin");
            p.custom_extensions.push(raw_extension(SUBJECT_ALT_NAME, false, &san));
        }),
        ("basic constraints twice", |p| {
            p.custom_extensions.push(raw_extension(BASIC_CONSTRAINTS, true, CA_TRUE));
        }),
        ("a URI that is not text", |p| {
            p.subject_alt_names.clear();
            let san = uri_san(b"spiffe://a.example/p\xff");
            p.custom_extensions.push(raw_extension(SUBJECT_ALT_NAME, false, &san));
        }),
        ("basic constraints that do not decode", |p| {
            p.is_ca = IsCa::NoCa;
            p.custom_extensions.push(raw_extension(BASIC_CONSTRAINTS, true, &[4, 1, 0]));
        }),
        ("an extended key usage that does not decode", |p| {
            p.extended_key_usages.clear();
            p.custom_extensions.push(raw_extension(EXTENDED_KEY_USAGE, false, &[4, 1, 0]));
        }),
    ];
    for (name, change) in cases {
        assert!(matches!(check(*change), Err(InvalidSvid::Malformed { .. })), "{name}");
    }
}

#[test]
fn refuses_damaged_certificates() {
    let good = der(&Forge::root(|_| {}).leaf(|_| {}).chain_pem);
    let malformed = |bytes: Vec<u8>| {
        matches!(check_leaf(&CertificateDer::from(bytes)), Err(InvalidSvid::Malformed { .. }))
    };
    assert!(malformed(Vec::new()));
    assert!(malformed(b"not DER".to_vec()));
    assert!(malformed(good[..good.len() - 1].to_vec()));
    assert!(malformed([&good[..], &[0]].concat()), "a byte after the certificate");
    assert!(malformed(vec![0; CERTIFICATE_BYTES_MAX + 1]));

    let version = good.windows(5).position(|w| w == [0xa0, 3, 2, 1, 2]).unwrap();
    let mut second = good.to_vec();
    second[version + 4] = 1;
    assert_eq!(check_leaf(&CertificateDer::from(second)), Err(InvalidSvid::OldVersion));
}

#[test]
fn a_signer_names_its_trust_domain_or_none() {
    let domain = |change: Change| check_signer(&Forge::root(change).der);
    assert_eq!(domain(|_| {}), Ok(Some(crate::testing::domain("a.example"))));
    assert_eq!(domain(|p| p.subject_alt_names.clear()), Ok(None));
    assert_eq!(
        domain(|p| {
            p.subject_alt_names.clear();
            p.key_usages.clear();
        }),
        Ok(None),
        "a root that does not know SPIFFE may leave key usage out"
    );
    assert_eq!(
        domain(|p| {
            p.subject_alt_names.clear();
            p.is_ca = IsCa::NoCa;
            p.custom_extensions.push(raw_extension(BASIC_CONSTRAINTS, false, CA_TRUE));
        }),
        Ok(None),
        "and basic constraints uncritical"
    );
}

#[test]
fn refuses_signers_that_may_not_sign() {
    use InvalidSigner as E;
    let cases: &[(&str, Change, InvalidSigner)] = &[
        ("a leaf", |p| p.is_ca = IsCa::ExplicitNoCa, E::NotCa),
        ("basic constraints left out", |p| p.is_ca = IsCa::NoCa, E::NotCa),
        (
            "basic constraints not critical",
            |p| {
                p.is_ca = IsCa::NoCa;
                p.custom_extensions.push(raw_extension(BASIC_CONSTRAINTS, false, CA_TRUE));
            },
            E::BasicConstraintsNotCritical,
        ),
        ("no subject", |p| p.distinguished_name = DistinguishedName::new(), E::NoSubject),
        (
            "a critical extension of nobody knows whom",
            |p| {
                p.custom_extensions.push(raw_extension(
                    &[1, 3, 6, 1, 4, 1, 99999, 1],
                    true,
                    &[5, 0],
                ));
            },
            E::CriticalExtension { oid: "1.3.6.1.4.1.99999.1".to_owned() },
        ),
        ("no keyCertSign", |p| p.key_usages = vec![Ku::CrlSign], E::NoKeyCertSign),
        ("no key usage, with a trust domain", |p| p.key_usages.clear(), E::NoKeyCertSign),
        (
            "key usage not critical, with a trust domain",
            |p| {
                p.key_usages.clear();
                p.custom_extensions.push(raw_extension(KEY_USAGE, false, KEY_CERT_SIGN));
            },
            E::KeyUsageNotCritical,
        ),
        (
            "a path in its id",
            |p| set_uris(p, &["spiffe://a.example/ca"]),
            E::TrustDomain(InvalidSpiffeId::UnexpectedPath),
        ),
        (
            "another scheme",
            |p| set_uris(p, &["https://a.example"]),
            E::TrustDomain(InvalidSpiffeId::Scheme),
        ),
        (
            "two trust domains",
            |p| set_uris(p, &["spiffe://a.example", "spiffe://b.example"]),
            E::ManyUriSans { count: 2 },
        ),
    ];
    for (name, change, error) in cases {
        assert_eq!(check_signer(&Forge::root(*change).der).as_ref(), Err(error), "{name}");
    }
}

#[test]
fn validity_includes_both_ends() {
    let at = |seconds| Timestamp::from_second(seconds).unwrap();
    let validity = Validity { not_before: at(100), not_after: at(200) };
    for (second, inside) in [(99, false), (100, true), (150, true), (200, true), (201, false)] {
        assert_eq!(validity.contains(at(second)), inside, "{second}");
    }
    assert!(
        validity.contains("1970-01-01T00:03:20.999Z".parse().unwrap()),
        "the last second's end"
    );
}
