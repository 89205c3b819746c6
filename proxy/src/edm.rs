//! `lazaret edm`: a roster of real patients, from CSV to the file that scans compare text with.
//! Invariant: no cell is in a message; the file is only ever whole.

mod csv;

use std::io::{self, BufRead, Write as _};
use std::path::Path;

use dlp::Key;
use dlp::exact::{BuildReport, Column, ColumnKind, ExactBuilder, ExactHeader, ROWS_MAX};

use self::csv::Records;

/// What a column of the CSV is by the user's word: a kind, or nothing to leave it out.
pub type Asked = (String, Option<ColumnKind>);

/// A roster that was built.
#[derive(Debug)]
pub struct Built {
    /// The file.
    pub file: Vec<u8>,
    /// What became of it, for people.
    pub text: String,
}

/// A roster that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum EdmError {
    /// No such column.
    #[error("--column {0}: the header has no such column")]
    NoColumn(String),
    /// Too few columns that can be compared.
    #[error(
        "a match takes two columns, and {0} can be told by their names: say --column NAME=KIND \
         (KIND is one of {kinds})", kinds = kinds()
    )]
    TooFewColumns(usize),
    /// Too many columns or rows.
    #[error("a roster has at most {what}", what = limits())]
    TooLarge,
    /// The CSV cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
}

fn kinds() -> String {
    ColumnKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

fn limits() -> String {
    format!("{} columns and {ROWS_MAX} rows", dlp::exact::COLUMNS_MAX)
}

/// Builds a roster from CSV whose first record names the columns.
///
/// # Errors
/// See [`EdmError`].
pub fn build(csv: impl BufRead, key: &Key, asked: &[Asked]) -> Result<Built, EdmError> {
    let mut records = Records::new(csv);
    let header = records.next_record()?.map(<[String]>::to_vec).unwrap_or_default();
    for (name, _) in asked {
        if !header.contains(name) {
            return Err(EdmError::NoColumn(name.clone()));
        }
    }
    let mut places = Vec::new();
    let mut columns = Vec::new();
    let mut left_out = Vec::new();
    for (place, name) in header.iter().enumerate() {
        let kind = match asked.iter().find(|(known, _)| known == name) {
            Some((_, kind)) => *kind,
            None => ColumnKind::of_header(name),
        };
        match kind {
            Some(kind) => {
                places.push(place);
                columns.push(Column { name: name.clone(), kind });
            }
            None => left_out.push(name.as_str()),
        }
    }
    if columns.len() < 2 {
        return Err(EdmError::TooFewColumns(columns.len()));
    }
    let mut builder = ExactBuilder::new(columns.clone(), key).ok_or(EdmError::TooLarge)?;
    while let Some(record) = records.next_record()? {
        let cell = |place: &usize| record.get(*place).map_or("", String::as_str);
        if !builder.add(places.iter().map(cell)) {
            return Err(EdmError::TooLarge);
        }
    }
    let (file, report) = builder.finish();
    Ok(Built { file, text: report_text(&columns, &report, &left_out) })
}

fn report_text(columns: &[Column], report: &BuildReport, left_out: &[&str]) -> String {
    let mut text = format!("{} rows\n", report.rows);
    for (column, about) in columns.iter().zip(&report.columns) {
        let (name, kind) = (&column.name, column.kind.name());
        text.push_str(&format!(
            "  {name:<20}  {kind:<8}  {:>9} values, {} common, {} rows without one\n",
            about.distinct, about.common, about.empty
        ));
    }
    if !left_out.is_empty() {
        text.push_str(&format!("  left out: {}\n", left_out.join(", ")));
    }
    text
}

/// What a roster file tells without its key.
pub fn describe(header: &ExactHeader) -> String {
    let mut text = format!("{} rows\n", header.rows);
    for (column, values) in header.columns.iter().zip(&header.values) {
        let (name, kind) = (&column.name, column.kind.name());
        text.push_str(&format!("  {name:<20}  {kind:<8}  {values:>9} fingerprints\n"));
    }
    text
}

/// Writes a file that only its owner reads, whole or not at all.
///
/// # Errors
/// The folder cannot be written.
pub fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Such files are made 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(&[b'k'; 32]).unwrap()
    }

    const CSV: &str =
        "patient_name,dob,visits,ref\nJane Roe,1956-04-23,3,A-10012\n,1970-01-31,2,\n";

    #[test]
    fn columns_are_known_by_name_or_by_word() {
        let built = build(CSV.as_bytes(), &key(), &[]).unwrap();
        let header = ExactHeader::parse(&built.file).unwrap();
        let names: Vec<&str> = header.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["patient_name", "dob"]);
        assert!(built.text.contains("left out: visits, ref"), "{}", built.text);
        assert!(built.text.contains("1 rows without one"), "{}", built.text);
        let asked =
            [("ref".to_owned(), Some(ColumnKind::Other)), ("patient_name".to_owned(), None)];
        let built = build(CSV.as_bytes(), &key(), &asked).unwrap();
        let header = ExactHeader::parse(&built.file).unwrap();
        assert_eq!(header.columns[1], Column { name: "ref".to_owned(), kind: ColumnKind::Other });
        assert!(describe(&header).contains("2 rows"));
    }

    #[test]
    fn what_cannot_be_a_roster_is_told_without_a_cell() {
        let few = build(b"name,visits\nJane Roe,3\n".as_slice(), &key(), &[]).unwrap_err();
        assert!(few.to_string().contains("two columns"), "{few}");
        let asked = [("mrn".to_owned(), Some(ColumnKind::Mrn))];
        let none = build(CSV.as_bytes(), &key(), &asked).unwrap_err();
        assert!(none.to_string().contains("no such column"), "{none}");
        let empty = build(b"".as_slice(), &key(), &[]).unwrap_err();
        assert!(!format!("{few}{none}{empty}").contains("Jane"));
    }
}
