//! The corpus: what each detector must find in a text, exactly, and what it must leave alone. One
//! table a family. All values are made up.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use std::path::Path;

use dlp::{Catalog, scan};

/// Finding as identifier, confidence and text, for every case of the table.
fn check(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(table);
    let text = std::fs::read_to_string(path).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let cases = table["case"].as_array().unwrap();
    assert!(cases.len() >= 8, "a table with {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let wanted: Vec<Vec<&str>> = case["find"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect())
            .collect();
        let evidence = scan(&Catalog::builtin(), text.as_bytes());
        let found: Vec<Vec<&str>> = evidence
            .findings
            .iter()
            .filter(|f| f.member.is_none())
            .map(|f| {
                let (start, end) = (f.span.start as usize, f.span.end as usize);
                vec![f.identifier.name(), f.confidence.name(), &text[start..end]]
            })
            .collect();
        if found != wanted {
            wrong.push(format!("{text:?}\n   wanted {wanted:?}\n   found  {found:?}"));
        }
        assert_eq!(evidence.tally.total(), evidence.findings.len() as u64);
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn social_security_numbers() {
    check("ssn.toml");
}

#[test]
fn medical_record_numbers() {
    check("mrn.toml");
}

#[test]
fn medicare_beneficiary_identifiers() {
    check("health-plan.toml");
}

#[test]
fn provider_identifiers() {
    check("provider.toml");
}

#[test]
fn telephone_and_fax_numbers() {
    check("phone.toml");
}

#[test]
fn mail_addresses() {
    check("email.toml");
}

#[test]
fn dates_of_a_person() {
    check("date.toml");
}

#[test]
fn ages_over_eighty_nine() {
    check("age.toml");
}

#[test]
fn places_smaller_than_a_state() {
    check("geographic.toml");
}

#[test]
fn internet_addresses() {
    check("ip.toml");
}

#[test]
fn prints_and_photographs() {
    check("likeness.toml");
}

#[test]
fn names_of_persons() {
    check("name.toml");
}

#[test]
fn web_addresses() {
    check("url.toml");
}

#[test]
fn payment_cards() {
    check("card.toml");
}

#[test]
fn accounts_and_banks() {
    check("account.toml");
}

#[test]
fn licences_and_passports() {
    check("license.toml");
}

#[test]
fn vehicles_and_plates() {
    check("vehicle.toml");
}

#[test]
fn devices() {
    check("device.toml");
}

#[test]
fn other_unique_numbers() {
    check("other-id.toml");
}

#[test]
fn numbers_that_are_nobody_s() {
    check("numbers.toml");
}
