//! What a scan measures of payloads: element types, norms, and whatever is no tensor, the same for
//! any chunks.

#![expect(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test's own data")]
#![allow(clippy::indexing_slicing, reason = "a test that cannot go on fails there")]

#[expect(dead_code, reason = "shared with the tests of containers")]
#[path = "build/archive.rs"]
mod archive;

use archive::{Entry, gzip, zip};
use dlp::payload::{Dtype, Measure, Payload};
use dlp::{Catalog, Hint, Limits, Scanner};
use proptest::prelude::*;

fn measure(chunks: &[&[u8]]) -> Payload {
    let measure = Measure { metadata_keys: ["format".to_owned()].into() };
    let limits = Limits::default();
    let mut scanner = Scanner::measuring(Catalog::builtin(), &Hint::default(), limits, measure);
    for chunk in chunks {
        scanner.feed(chunk);
    }
    scanner.finish();
    *scanner.evidence().payload.clone().unwrap()
}

fn floats(count: usize) -> Vec<u8> {
    (0..count).flat_map(|i| (((i * 37 % 101) as f32 - 50.0) / 64.0).to_le_bytes()).collect()
}

/// A safetensors file of this header, padded with blanks as the format has it.
fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{header}{}", " ".repeat(header.len().wrapping_neg() % 8));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

fn update(metadata: &str) -> Vec<u8> {
    let header = format!(
        r#"{{{metadata}"w":{{"dtype":"F32","shape":[30,100],"data_offsets":[0,12000]}},"b":{{"dtype":"F16","shape":[4],"data_offsets":[12000,12008]}}}}"#
    );
    let mut data = floats(3000);
    // 1, -2, 0.5, 0 as halves.
    data.extend([0, 0x3c, 0, 0xc0, 0, 0x38, 0, 0]);
    safetensors(&header, &data)
}

fn npy(literal: &str, data: &[u8]) -> Vec<u8> {
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((literal.len() as u16).to_le_bytes());
    file.extend(literal.as_bytes());
    file.extend(data);
    file
}

fn array(count: usize) -> Vec<u8> {
    let shape = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count},), }}\n");
    npy(&shape, &floats(count))
}

fn norm_of(count: usize) -> f64 {
    let value = |i: usize| f64::from((i * 37 % 101) as f32 - 50.0) / 64.0;
    (0..count).map(|i| value(i) * value(i)).sum::<f64>().sqrt()
}

#[test]
fn an_update_is_measured_and_nothing_beside_it() {
    let payload = measure(&[&update(r#""__metadata__":{"format":"pt"},"#)]);
    assert_eq!(payload.forms.into_iter().collect::<Vec<_>>(), [("safetensors", 1)]);
    let seen = &payload.dtypes[&Dtype::F16];
    assert_eq!((seen.first, seen.tensors, seen.elements), (2, 1, 4));
    assert_eq!((payload.tensors, payload.elements), (2, 3004));
    let beside = (payload.strings, payload.slack_bytes, payload.malformed, payload.object_arrays);
    assert_eq!(beside, (0, 0, 0, 0));
}

#[test]
fn the_norm_is_that_of_all_floats() {
    let payload = measure(&[&update("")]);
    let want = (norm_of(3000).powi(2) + 1.0 + 4.0 + 0.25).sqrt();
    assert!((payload.norm() - want).abs() < 1e-9, "{} is not {want}", payload.norm());
    let literal = "{'descr': '>f4', 'fortran_order': False, 'shape': (3000,), }\n";
    let turned: Vec<u8> = floats(3000)
        .chunks_exact(4)
        .flat_map(|v| v.iter().rev().copied().collect::<Vec<_>>())
        .collect();
    let big = measure(&[&npy(literal, &turned)]);
    assert!((big.norm() - norm_of(3000)).abs() < 1e-9);
}

#[test]
fn what_hides_beside_the_tensors_is_counted() {
    let mut slack = update("");
    slack.extend(b"the patient said that");
    assert_eq!(measure(&[&slack]).slack_bytes, 21);
    let note = measure(&[&update(r#""__metadata__":{"note":"the patient said"},"#)]);
    assert_eq!((note.strings, note.string_bytes), (1, 20));
    let hole = r#"{"w":{"dtype":"F32","shape":[10],"data_offsets":[16,56]}}"#;
    assert_eq!(measure(&[&safetensors(hole, &[7; 56])]).slack_bytes, 16);
    let mut behind = array(100);
    behind.extend(b"12345678");
    assert_eq!(measure(&[&behind]).slack_bytes, 8);
}

#[test]
fn what_is_missing_is_malformed() {
    let whole = update("");
    assert!(measure(&[&whole[..whole.len() - 1]]).malformed > 0);
    assert!(measure(&[&array(100)[..300]]).malformed > 0);
    assert_eq!(measure(&[&array(100)]).malformed, 0);
}

#[test]
fn an_npz_is_a_zip_of_arrays() {
    let entries = [Entry::stored("arr_0.npy", &array(3000)), Entry::deflated("b.npy", &array(64))];
    let payload = measure(&[&zip(&entries, b"")]);
    assert_eq!(payload.forms.clone().into_iter().collect::<Vec<_>>(), [("npy", 2), ("zip", 1)]);
    assert_eq!((payload.tensors, payload.elements), (2, 3064));
    assert_eq!((payload.strings, payload.slack_bytes, payload.malformed), (0, 0, 0));
    let want = norm_of(3000).hypot(norm_of(64));
    assert!((payload.norm() - want).abs() < 1e-9);
}

#[test]
fn an_archive_hides_nothing_either() {
    let entry = Entry::stored("arr_0.npy", &array(64));
    let commented = measure(&[&zip(std::slice::from_ref(&entry), b"seen today")]);
    assert_eq!(commented.slack_bytes, 10);
    let named = Entry { name: "about Jane Roe.npy".into(), ..entry.clone() };
    assert_eq!(measure(&[&zip(&[named], b"")]).strings, 1);
    let note = [entry.clone(), Entry::stored("note", b"the patient said that it was so")];
    assert_eq!(measure(&[&zip(&note, b"")]).forms.get("plain"), Some(&1));
    let mut before = b"PK\x03".to_vec();
    before.extend(zip(&[entry], b""));
    assert_eq!(measure(&[&before]).forms.get("plain"), Some(&1), "no zip any more");
}

#[test]
fn objects_and_texts_are_no_numbers() {
    let literal = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n";
    let objects = measure(&[&npy(literal, b"\x80\x04\x8c\x04note.")]);
    assert_eq!(objects.object_arrays, 1);
    assert_eq!(objects.forms.get("pickle"), Some(&1));
    let literal = "{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }\n";
    let texts = measure(&[&npy(literal, b"n\0\0\0o\0\0\0t\0\0\0e\0\0\0")]);
    assert_eq!(texts.dtypes[&Dtype::Unknown].first, 1);
}

#[test]
fn an_encoding_is_a_form_and_its_name_is_a_name() {
    let payload = measure(&[&gzip(&update(""))]);
    assert_eq!(payload.forms.keys().copied().collect::<Vec<_>>(), ["gzip", "safetensors"]);
    assert_eq!((payload.strings, payload.slack_bytes), (0, 0));
    let mut behind = gzip(&update(""));
    behind.extend(b"not gzip");
    assert_eq!(measure(&[&behind]).slack_bytes, 8);
}

#[test]
fn nothing_is_measured_unless_it_is_asked_for() {
    let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
    scanner.feed(&update(""));
    scanner.finish();
    assert_eq!(scanner.evidence().payload, None);
    let empty = measure(&[]);
    assert!(empty.is_whole && empty.forms.is_empty());
}

fn bodies() -> Vec<Vec<u8>> {
    let nans = [f32::NAN, f32::INFINITY, 1.0, f32::NEG_INFINITY].repeat(500);
    let nans: Vec<u8> = nans.iter().flat_map(|value| value.to_le_bytes()).collect();
    let literal = "{'descr': '<f4', 'fortran_order': False, 'shape': (2000,), }\n";
    let mut slack = update(r#""__metadata__":{"note":"said"},"#);
    slack.extend(b"slack");
    let entries = [Entry::stored("a.npy", &array(2000)), Entry::deflated("b", &update(""))];
    vec![
        update(""),
        slack,
        npy(literal, &nans),
        zip(&entries, b"note"),
        gzip(&array(1500)),
        b"text".to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_chunks_give_the_same_facts(
        body in proptest::sample::select(bodies()),
        cuts in proptest::collection::vec(0usize..20_000, 0..8),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts {
            chunks.push(&body[from..cut]);
            from = cut;
        }
        chunks.push(&body[from..]);
        prop_assert_eq!(measure(&chunks), measure(&[&body]));
    }
}
