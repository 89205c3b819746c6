//! The CA: what it issues, and what it refuses to.

use super::*;
use crate::testing::*;

const ID: &str = "spiffe://a.example/ns/train/sa/loader";

#[test]
fn a_new_ca_keeps_the_standard() {
    let authority = authority("a.example");
    let certificate = der(authority.certificate_pem());
    assert_eq!(profile::check_signer(&certificate), Ok(Some(domain("a.example"))));
    let parsed = profile::parse(&certificate).unwrap();
    let constraints = parsed.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    assert!(parsed.key_usage().unwrap().unwrap().critical);
    assert_eq!(authority.validity().not_after, after(DAY));
    assert_eq!(authority.validity().not_before, now() - BACKDATE);
}

#[test]
fn an_issued_svid_says_what_was_asked_and_no_more() {
    let authority = authority("a.example");
    let svid = authority.issue(&request(ID), now()).unwrap();
    let leaf = der(&svid.chain_pem);
    assert_eq!(profile::check_leaf(&leaf), Ok(id(ID)));
    let validity = profile::validity(&leaf).unwrap();
    assert_eq!((validity.not_before, validity.not_after), (now() - BACKDATE, after(HOUR)));
    let parsed = profile::parse(&leaf).unwrap();
    let names = &parsed.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert_eq!(names.len(), 4, "one URI, one DNS name, two addresses");
    assert_eq!(crate::pem::certificates(svid.chain_pem.as_bytes()).unwrap().len(), 1);
    let again = authority.issue(&request(ID), now()).unwrap();
    assert_ne!(svid.key_pem, again.key_pem, "a new key each time");
    assert_ne!(parsed.raw_serial(), profile::parse(&der(&again.chain_pem)).unwrap().raw_serial());
}

#[test]
fn no_svid_outlives_its_ca() {
    let authority = authority("a.example");
    let long = IssueRequest { lifetime: DAY * 30, ..request(ID) };
    let svid = authority.issue(&long, after(HOUR)).unwrap();
    assert_eq!(profile::validity(&der(&svid.chain_pem)).unwrap().not_after, after(DAY));
    let second = Duration::from_secs(1);
    for at in [after(DAY + second), now() - BACKDATE - second] {
        let refused = authority.issue(&request(ID), at).unwrap_err();
        assert!(matches!(refused, IssueError::AuthorityNotValid { .. }), "{refused}");
    }
}

#[test]
fn refuses_requests_that_make_no_svid() {
    let authority = authority("a.example");
    let other = id("spiffe://b.example/x");
    let with_dns = |name: &str| IssueRequest { dns: vec![name.to_owned()], ..request(ID) };
    let cases = [
        (
            IssueRequest { id: other.clone(), ..request(ID) },
            IssueError::OtherTrustDomain { id: other, trust_domain: domain("a.example") },
        ),
        (IssueRequest { lifetime: Duration::ZERO, ..request(ID) }, IssueError::Lifetime),
        (IssueRequest { lifetime: Duration::MAX, ..request(ID) }, IssueError::Lifetime),
        (IssueRequest { backdate: DAY, ..request(ID) }, IssueError::Backdate),
        (with_dns("a b"), IssueError::DnsName { place: 1 }),
        (with_dns(""), IssueError::DnsName { place: 1 }),
        (with_dns("*.a.example"), IssueError::DnsName { place: 1 }),
        (with_dns("10.0.0.1"), IssueError::DnsName { place: 1 }),
        (with_dns("bücher.example"), IssueError::DnsName { place: 1 }),
        (
            IssueRequest { dns: vec!["a.example".to_owned(); NAMES_MAX + 1], ..request(ID) },
            IssueError::TooManyNames,
        ),
    ];
    for (request, error) in cases {
        assert_eq!(authority.issue(&request, now()).map(drop), Err(error));
    }
    let lifetime = Authority::init(&domain("a.example"), Duration::ZERO, now()).map(drop);
    assert_eq!(lifetime, Err(IssueError::Lifetime));
}

#[test]
fn a_ca_read_back_signs_for_the_same_bundle() {
    let made = authority("a.example");
    let read = Authority::from_pem(made.certificate_pem(), &made.key_pem()).unwrap();
    assert_eq!(read.trust_domain(), made.trust_domain());
    assert_eq!(read.validity(), made.validity());
    let identity = identity(&read, ID, made.certificate_pem());
    assert_eq!(identity.id(), &id(ID));
}

#[test]
fn refuses_material_that_is_no_ca() {
    use InvalidAuthority as E;
    let (one, two) = (authority("a.example"), authority("a.example"));
    let svid = issue(&one, ID);
    let plain = Forge::root(|p| p.subject_alt_names.clear());
    let (cert, key) = (one.certificate_pem(), one.key_pem());
    let cases = [
        (cert.to_owned(), two.key_pem(), E::KeyMismatch),
        (cert.repeat(2), key.clone(), E::ManyCertificates { count: 2 }),
        (svid.chain_pem, svid.key_pem, E::Signer(InvalidSigner::NotCa)),
        (plain.pem, key.clone(), E::NoTrustDomain),
        (String::new(), key, E::Certificate(InvalidPem::NoCertificate)),
        (cert.to_owned(), String::new(), E::Key(InvalidPem::NoKey)),
    ];
    for (cert, key, error) in cases {
        assert_eq!(Authority::from_pem(&cert, &key).map(drop), Err(error));
    }
}
