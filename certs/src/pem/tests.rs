//! PEM: what is read, and what is wrong with the rest.

use proptest::prelude::*;

use super::*;
use crate::testing::{authority, issue};

#[test]
fn reads_what_editors_and_mounts_make_of_a_file() {
    let authority = authority("a.example");
    let pem = authority.certificate_pem();
    let key = issue(&authority, "spiffe://a.example/x").key_pem;
    let dos = |text: &str| text.replace('\n', "\r\n");
    for text in [
        pem.to_owned(),
        pem.trim_end().to_owned(),
        format!("\n\n{pem}\n\n \n"),
        format!("subject: somebody\nissuer: somebody else\n{pem}"),
        dos(pem),
        dos(&format!("{pem}\n\n")),
        format!("{key}{pem}"),
    ] {
        assert_eq!(certificates(text.as_bytes()).map(|found| found.len()), Ok(1), "{text}");
    }
    assert_eq!(certificates([pem, pem].concat().as_bytes()).map(|found| found.len()), Ok(2));
    for text in [key.clone(), dos(&key), key.trim_end().to_owned(), format!("{pem}{key}")] {
        assert!(private_key(text.as_bytes()).is_ok());
    }
}

#[test]
fn refuses_each_by_its_own_error() {
    use InvalidPem as E;
    let authority = authority("a.example");
    let pem = authority.certificate_pem();
    let key = issue(&authority, "spiffe://a.example/x").key_pem;
    let cut = pem.rfind("-----END").unwrap();
    let bad_base64 = pem.replacen("\nMI", "\n!!", 1);
    let many = pem.repeat(CERTIFICATES_MAX + 1);
    let missing_end = E::Damaged { block: 1, what: "its END line is missing" };
    let cases: &[(&str, Vec<u8>, InvalidPem)] = &[
        ("empty", Vec::new(), E::NoCertificate),
        ("prose", b"no PEM at all".to_vec(), E::NoCertificate),
        ("a key", key.clone().into_bytes(), E::NoCertificate),
        ("cut", pem[..cut].into(), missing_end),
        (
            "bad base64",
            bad_base64.into(),
            E::Damaged { block: 1, what: "its base64 does not decode" },
        ),
        ("too many", many.into(), E::TooMany),
    ];
    for (name, text, error) in cases {
        assert_eq!(certificates(text).as_ref(), Err(error), "{name}");
    }
    let large = vec![b'\n'; MATERIAL_BYTES_MAX + 1];
    assert_eq!(certificates(&large), Err(E::TooLarge { bytes: large.len() }));
    assert_eq!(private_key(pem.as_bytes()), Err(E::NoKey));
    assert_eq!(private_key([&*key, &*key].concat().as_bytes()), Err(E::ManyKeys { keys: 2 }));
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    assert_eq!(private_key(encrypted.as_bytes()), Err(E::EncryptedKey));
    let headers = "-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n";
    let old = key.replace("-----BEGIN PRIVATE KEY-----\n", headers);
    assert_eq!(private_key(old.as_bytes()), Err(E::EncryptedKey));
}

#[test]
fn an_error_about_a_key_does_not_show_the_key() {
    let key = issue(&authority("a.example"), "spiffe://a.example/x").key_pem;
    let secret = key.lines().nth(1).unwrap();
    for broken in [key.replace("-----END", "-----"), key.replacen("MI", "!!", 1)] {
        let error = private_key(broken.as_bytes()).unwrap_err();
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains(&secret[4..20]), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = certificates(&bytes);
        let _ = private_key(&bytes);
    }

    #[test]
    fn a_certificate_cut_or_flipped_anywhere_is_answered_without_panic(
        cut in 0..1000_usize,
        flip in 0..1000_usize,
    ) {
        let authority = authority("a.example");
        let mut der = certificates(authority.certificate_pem().as_bytes()).unwrap()[0].to_vec();
        let flip = flip % der.len();
        der[flip] ^= 0x15;
        der.truncate(cut.max(1));
        let der = CertificateDer::from(der);
        let _ = crate::profile::check_leaf(&der);
        let _ = crate::profile::check_signer(&der);
        let _ = crate::verify::spki_sha256(&der);
    }
}
