//! Rosters and texts: what is found, what is not, and what a file tells.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::keyed::Key;

fn key() -> Key {
    Key::new(&[b'k'; 32]).unwrap()
}

fn columns() -> Vec<Column> {
    let column = |(name, kind): (&str, ColumnKind)| Column { name: name.to_owned(), kind };
    [
        ("name", ColumnKind::Name),
        ("birth", ColumnKind::Dob),
        ("mrn", ColumnKind::Mrn),
        ("phone", ColumnKind::Phone),
        ("email", ColumnKind::Email),
        ("street", ColumnKind::Address),
        ("zip", ColumnKind::Zip),
    ]
    .map(column)
    .to_vec()
}

const ROWS: &[[&str; 7]] = &[
    [
        "Jane Roe",
        "1956-04-23",
        "00482913",
        "(212) 736-5000",
        "jane.roe@stlukes.org",
        "12 N Main Street",
        "10001",
    ],
    [
        "José O'Brien-Weiß",
        "7/4/1961",
        "ST-778123",
        "+1 617 555 0142",
        "job@x.example.org",
        "7 Elm Ave",
        "02139-4307",
    ],
    ["Doe, Mary Anne", "1970-01-31", "5512388", "0494 92 82 32", "", "99 Oak Rd", "60601"],
];

fn roster() -> Vec<u8> {
    let mut builder = ExactBuilder::new(columns(), &key()).unwrap();
    for row in ROWS {
        assert!(builder.add(row.iter().copied()));
    }
    builder.finish().0
}

fn set() -> Arc<ExactSet> {
    Arc::new(ExactSet::open(roster(), &key()).unwrap())
}

fn found_in(set: &Arc<ExactSet>, text: &[u8], size: usize) -> Vec<ExactMatchText> {
    let mut matcher = ExactMatcher::new(Arc::clone(set));
    let mut found = Vec::new();
    let mut settled = 0;
    for piece in text.chunks(size) {
        matcher.feed(piece);
        let news = matcher.take_found();
        assert!(news.iter().all(|news| news.span.start >= settled), "told behind what was settled");
        settled = matcher.settled();
        found.extend(news);
    }
    matcher.finish();
    found.extend(matcher.take_found());
    found.sort_by_key(|found| (found.span.start, found.span.end));
    let text_of = |start: u64, end: u64| {
        let (start, end) = (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
        String::from_utf8_lossy(&text[start..end]).into_owned()
    };
    found
        .iter()
        .map(|found| (found.column.to_string(), text_of(found.span.start, found.span.end)))
        .collect()
}

type ExactMatchText = (String, String);

fn found(text: &str) -> Vec<ExactMatchText> {
    found_in(&set(), text.as_bytes(), usize::MAX)
}

#[track_caller]
fn assert_found(text: &str, expected: &[(&str, &str)]) {
    let expected: Vec<ExactMatchText> =
        expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert_eq!(found(text), expected, "{text}");
}

#[test]
fn two_columns_of_one_row_are_found_however_they_are_written() {
    assert_found(
        "Seen: ROE, JANE, born 04/23/1956.",
        &[("name", "ROE, JANE"), ("birth", "04/23/1956")],
    );
    assert_found(
        "jane roe (dob 23 April 1956) MRN 482913",
        &[("name", "jane roe"), ("birth", "23 April 1956"), ("mrn", "482913")],
    );
    assert_found("212.736.5000 / 19560423", &[("phone", "212.736.5000"), ("birth", "19560423")]);
    assert_found(
        "Jose Obrien Weiss lives at 7 Elm Avenue, Cambridge 02139",
        &[("name", "Jose Obrien Weiss"), ("street", "7 Elm"), ("zip", "02139")],
    );
    assert_found(
        "12 Main St, mail Jane.Roe@StLukes.org",
        &[("street", "12 Main"), ("name", "Jane.Roe"), ("email", "Jane.Roe@StLukes.org")],
    );
    assert_found("Mary Doe, 60601", &[("name", "Mary Doe"), ("zip", "60601")]);
    assert_found(
        "{\"mrn\":\"ST778123\",\"tel\":\"6175550142\",\"dob\":\"1961-07-04T00:00:00\"}",
        &[("mrn", "ST778123"), ("phone", "6175550142"), ("birth", "1961-07-04T00")],
    );
}

#[test]
fn one_column_or_two_rows_are_no_finding() {
    for text in [
        "Jane Roe was here",
        "Jane Roe, born 1970-01-31",
        "Jane Roe and Mary Doe and 02139",
        "born 1956-04-23, again on 04/23/1956",
        "jane walks; roe is fish eggs; 10001 nights",
        "60601 5512389 1970-02-01",
    ] {
        assert_found(text, &[]);
    }
    let apart = format!("Jane Roe {} 1956-04-23", "x ".repeat(300));
    assert_found(&apart, &[]);
}

#[test]
fn a_common_value_counts_only_beside_a_rare_one() {
    let columns = columns().into_iter().take(3).collect();
    let mut builder = ExactBuilder::new(columns, &key()).unwrap();
    for row in 0..1000 {
        let (name, birth) = (if row % 2 == 0 { "Ann Smith" } else { "Bob Jones" }, "1980-02-03");
        builder.add([name, birth, &format!("77{row:05}")]);
    }
    let (file, report) = builder.finish();
    assert_eq!((report.columns[0].distinct, report.columns[0].common), (2, 2));
    assert_eq!((report.columns[2].distinct, report.columns[2].common), (1000, 0));
    let set = Arc::new(ExactSet::open(file, &key()).unwrap());
    assert_eq!(found_in(&set, b"Ann Smith, born 1980-02-03", 100), []);
    assert_eq!(found_in(&set, b"Ann Smith, 7700010", 100).len(), 2);
    assert_eq!(found_in(&set, b"Ann Smith, 7700011", 100), [], "another's number");
}

#[test]
fn a_file_opens_only_whole_and_with_its_key() {
    let file = roster();
    let other = Key::new(&[b'o'; 32]).unwrap();
    assert_eq!(ExactSet::open(file.clone(), &other).unwrap_err(), InvalidExactSet::OtherKey);
    let last = file.len() - 1;
    for (at, expected) in [
        (0, InvalidExactSet::NoRoster),
        (last, InvalidExactSet::Damaged),
        (last - 200, InvalidExactSet::Damaged),
    ] {
        let mut bytes = file.clone();
        bytes[at] ^= 1;
        assert_eq!(ExactSet::open(bytes, &key()).unwrap_err(), expected);
    }
    let cut = file[..last].to_vec();
    assert_eq!(ExactSet::open(cut, &key()).unwrap_err(), InvalidExactSet::Damaged);
    for len in 0..80 {
        assert!(ExactSet::open(file[..len].to_vec(), &key()).is_err());
    }
}

#[test]
fn a_file_tells_its_columns_and_no_value() {
    let file = roster();
    let header = ExactHeader::parse(&file).unwrap();
    assert_eq!(header.rows, 3);
    assert_eq!(header.columns, columns());
    let text = String::from_utf8_lossy(&file).to_lowercase();
    for value in ["jane", "roe", "482913", "1956", "736", "stlukes", "main", "10001"] {
        assert!(!text.contains(value), "{value}");
    }
    // The same values in many rows: nothing repeats in the file.
    let mut builder = ExactBuilder::new(columns(), &key()).unwrap();
    (0..500).for_each(|_| assert!(builder.add(ROWS[0].iter().copied())));
    let (file, _) = builder.finish();
    let body = &file[file.len() - 7 * 500 * 8..];
    let mut seen: Vec<&[u8]> = body.chunks(8).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), body.len() / 8);
}

#[test]
fn column_kinds_have_names_and_are_known_by_custom() {
    for kind in ColumnKind::ALL {
        assert_eq!(ColumnKind::parse(kind.name()), Some(*kind));
    }
    for (header, kind) in [
        ("patient_last_name", Some(ColumnKind::Name)),
        ("Date of Birth", Some(ColumnKind::Dob)),
        ("MRN", Some(ColumnKind::Mrn)),
        ("E-Mail", Some(ColumnKind::Email)),
        ("Home Phone", Some(ColumnKind::Phone)),
        ("ZIP", Some(ColumnKind::Zip)),
        ("visits", None),
    ] {
        assert_eq!(ColumnKind::of_header(header), kind, "{header}");
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let values = ROWS.iter().flatten().copied().collect::<Vec<_>>();
    let piece = prop_oneof![
        4 => prop::sample::select(values).prop_map(|value| value.as_bytes().to_vec()),
        3 => prop::sample::select(vec![" ", ", ", "\n", "'", "-", "@", ".", "and then the ", "é", "—", "1", "23 April 1956"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 0usize..700).prop_map(|(byte, len)| vec![byte; len]),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_finds_the_same(text in text(), size in 1usize..200) {
        let set = set();
        let whole = found_in(&set, &text, usize::MAX);
        prop_assert_eq!(&found_in(&set, &text, size), &whole);
        prop_assert_eq!(&found_in(&set, &text, 1), &whole);
    }
}
