//! What a person is told of a certificate.

use super::*;
use crate::testing::*;

const ID: &str = "spiffe://a.example/ns/train/sa/loader";

#[test]
fn a_reader_finds_who_until_when_and_whether_it_is_an_svid() {
    let authority = authority("a.example");
    let svid = issue(&authority, ID);
    let text =
        describe_at(&[&svid.chain_pem, authority.certificate_pem()].concat(), now()).unwrap();
    for words in [
        "certificate 1  leaf",
        "SPIFFE ID    spiffe://a.example/ns/train/sa/loader",
        "DNS          svc.a.example",
        "address      127.0.0.1",
        "address      ::1",
        "valid until  2026-11-21T13:00:00Z (1 h 0 min left)",
        "key          EC 256 bits",
        "X509-SVID    keeps every rule",
        "certificate 2  CA",
        "signs for    trust domain a.example",
        "(24 h 0 min left)",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let pin = crate::verify::base64(&spki_sha256(&der(&svid.chain_pem)).unwrap());
    assert!(text.contains(&format!("sha256:{pin}")), "the pin as a policy writes it");
    let timeless = describe(&svid.chain_pem).unwrap();
    assert!(timeless.contains("2026-11-21T13:00:00Z\n") && !timeless.contains("left"));
}

#[test]
fn time_left_is_told_in_the_units_of_the_reader() {
    let pem = issue(&authority("a.example"), ID).chain_pem;
    let second = HOUR / 3600;
    for (at, words) in [
        (after(HOUR - second * 5), "(5 s left)"),
        (after(HOUR - second * 65), "(1 min 5 s left)"),
        (after(HOUR + second), "(EXPIRED 1 s ago)"),
        (after(HOUR + DAY * 3), "(EXPIRED 3 days 0 h ago)"),
        (now() - HOUR, "(not valid yet, begins in 59 min 0 s)"),
    ] {
        let text = describe_at(&pem, at).unwrap();
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn every_broken_rule_is_listed() {
    let bad = Forge::root(|_| {}).leaf(|p| {
        p.subject_alt_names.push(uri("spiffe://a.example/other"));
        p.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
        p.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::CodeSigning];
    });
    let text = describe(&bad.chain_pem).unwrap();
    for words in ["2 URI SANs", "lacks digitalSignature", "cRLSign", "serverAuth", "clientAuth"] {
        assert!(text.lines().any(|l| l.contains("not an SVID") && l.contains(words)), "{words}");
    }
}

#[test]
fn a_name_cannot_command_the_terminal() {
    let evil = Forge::root(|_| {}).leaf(|p| {
        p.distinguished_name.push(rcgen::DnType::CommonName, "a\u{1b}[2Jb\nnot an SVID");
        p.subject_alt_names.push(uri("https://a.example/\u{7}\r"));
    });
    let text = describe(&evil.chain_pem).unwrap();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("not an SVID")));
}

#[test]
fn what_is_no_certificate_is_said_so() {
    assert_eq!(describe("hello"), Err(InvalidPem::NoCertificate));
    let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(describe(block).unwrap().contains("cannot be read"));
}
