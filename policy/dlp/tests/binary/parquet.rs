//! Parquet files built here, page by page, with planted identifiers.

pub(crate) use crate::build::parquet::*;
use crate::support::{clean, floats, reasons, scan, told};

const FOOTER: &str = "ssn high - @footer";

#[test]
fn every_column_is_read_under_its_name() {
    let evidence = scan(&file(&patients()));
    assert_eq!(
        told(&evidence),
        [
            "ssn high column ssn @ssn",
            "ssn high column ssn @ssn",
            "ssn high - @note",
            "mrn high column mrn @mrn",
            "mrn high column mrn @mrn",
            "date high column date_of_birth @date_of_birth",
            "date high column date_of_birth @date_of_birth",
            "date high column date_of_birth @date_of_birth",
            FOOTER,
        ]
    );
    assert_eq!(reasons(&evidence), [""; 0]);
    let coverage = evidence.coverage;
    assert_eq!((coverage.unidentified, coverage.skipped), (0, 0));
    assert_eq!(coverage.numeric, 6000 + 48, "floats and integers");
}

#[test]
fn dictionaries_prefixes_and_statistics_are_read() {
    assert_eq!(told(&scan(&file(&[dictionary()]))), ["ssn high - @remark", FOOTER]);
    let both = told(&scan(&file(&[prefixed()])));
    assert_eq!(both, ["ssn high column ssn @ssn", "ssn high column ssn @ssn", FOOTER]);
    let column = Column { statistic: Some(b"219-45-6183"), ..Column::text("ssn", &["", "", ""]) };
    let found = told(&scan(&file(&[column])));
    assert_eq!(found.first().map(String::as_str), Some("ssn high column ssn @ssn"));
}

#[test]
fn a_telling_name_is_not_told() {
    let evidence = scan(&file(&[Column::text("219456183 ssn", &["219-45-6183"])]));
    assert_eq!(told(&evidence).first().map(String::as_str), Some("ssn high column #1 @#1"));
}

#[test]
fn tables_of_numbers_are_numeric() {
    let columns = [
        Column::integers("step", &(0..500).collect::<Vec<_>>()),
        Column::integers("timestamp", &(1_700_000_000..1_700_000_500).collect::<Vec<_>>()),
        Column { physical: 4, page: floats(500), ..Column::integers("weight", &[0; 500]) },
        Column::text("layer", &["encoder.0.weight", "encoder.0.bias"]),
    ];
    let mut bytes = file(&columns);
    // Without the note in the footer.
    let at = bytes.windows(11).position(|w| w == b"219-45-6189").unwrap();
    bytes[at..at + 11].copy_from_slice(b"nobody at a");
    let (_, numeric) = clean(&bytes);
    assert_eq!(numeric, 500 * 8 * 2 + 500 * 4);
}

#[test]
fn what_cannot_be_read_is_told() {
    let bytes = file(&patients());
    let encrypted = [&bytes[..bytes.len() - 4], b"PARE"].concat();
    assert_eq!(reasons(&scan(&encrypted)), ["encrypted"]);
    let cut = scan(&bytes[..bytes.len() - 30]);
    assert_eq!(reasons(&cut), ["truncated"]);
    assert!(told(&cut).contains(&"ssn high - @unclaimed".to_owned()), "read as it stands");
    let unknown = Column { encoding: 77, ..Column::text("a", &["SSN 219-45-6183"]) };
    let evidence = scan(&file(&[unknown]));
    assert_eq!(reasons(&evidence), ["unknown-encoding"]);
    assert!(evidence.coverage.unidentified > 0);
    // Bytes between the pages and the footer, which no structure claims.
    let at = bytes.len()
        - 8
        - u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    let hidden = [&bytes[..at], b" SSN 219-45-6190 ", &bytes[at..]].concat();
    assert!(told(&scan(&hidden)).contains(&"ssn high - @unclaimed".to_owned()));
}
