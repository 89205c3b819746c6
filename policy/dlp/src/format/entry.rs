//! The name by which an archive's entry, a form's part or a table's column is told: names are content,
//! and one that could tell a patient is not told again, but replaced by its number (`#3`). Invariant:
//! whatever takes a name from the content into a member or a locus takes it from here.

use std::sync::Arc;

use crate::coverage::Declared;
use crate::scanner::{Leaf, Place, Reader, Scan};

/// Characters of a name that are told; a longer one is told by its place.
const NAME_MAX: usize = 160;
/// Digits in a row that a told name may have.
const NUMBER_SHOWN_MAX: usize = 4;
/// Digits that a told name may have: fewer than a date.
const DIGITS_SHOWN_MAX: usize = 6;

/// Reads name and other fields of an entry as content, and says where the entry's own content
/// stands. A name that holds a finding is told by its number.
pub(crate) fn place(
    scan: &mut Scan,
    archive: &Place,
    number: u64,
    [name, fields]: [&[u8]; 2],
) -> Place {
    let findings = scan.evidence.tally.total();
    let mut leaf = archive.leaf_inside(&format!("#{number}"), Declared::Nothing);
    leaf.field(scan, name);
    leaf.finish(scan);
    let mut leaf = archive.leaf_inside(&format!("#{number}"), Declared::Nothing);
    leaf.feed(scan, fields);
    leaf.finish(scan);
    let is_clean = scan.evidence.tally.total() == findings;
    told(scan, archive, (name, number), is_clean)
}

/// The place of an entry whose name and fields have been read as content, without a finding if
/// `is_clean`.
pub(crate) fn told(
    scan: &Scan,
    archive: &Place,
    (name, number): (&[u8], u64),
    is_clean: bool,
) -> Place {
    let shown = if is_clean { shown(scan, name, number) } else { format!("#{number}") };
    let mut place = archive.inside(&shown);
    place.declared = if is_tensor(name) { Declared::Tensor } else { Declared::Nothing };
    place
}

/// The name as it may be told, or its number. The name is read by itself; what is found in it counts
/// where it is read as content.
pub(crate) fn shown(scan: &Scan, name: &[u8], number: u64) -> String {
    let name = shown_name(name).filter(|name| {
        let mut alone = Scan::new(Arc::clone(&scan.catalog), scan.limits);
        let mut leaf = Leaf::new(None, Declared::Nothing);
        leaf.watch(&mut alone, name.as_bytes());
        leaf.finish(&mut alone);
        alone.evidence.tally.total() == 0
    });
    name.unwrap_or_else(|| format!("#{number}"))
}

/// The name as far as its characters tell: nothing of it that could be taken for structure or control a
/// terminal.
fn shown_name(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    // Names of patients' files are often dates, numbers or addresses that no label tells from others.
    let is_plain = |c: char| !c.is_control() && c != '!' && c != '@';
    let is_short = name.chars().count() <= NAME_MAX;
    let longest = name.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let tells_no_number = longest <= NUMBER_SHOWN_MAX && digits <= DIGITS_SHOWN_MAX;
    (is_short && tells_no_number && name.chars().all(is_plain)).then(|| name.to_owned())
}

/// Whether PyTorch gives such names to tensors: `archive/data/0`, `archive/constants/12`.
fn is_tensor(name: &[u8]) -> bool {
    let mut parts = name.rsplit(|b| *b == b'/');
    let is_number = parts.next().is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit));
    is_number && matches!(parts.next(), Some(b"data" | b"constants" | b"tensors"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Catalog, Limits};

    #[test]
    fn a_name_that_could_tell_a_patient_is_told_by_its_number() {
        let scan = Scan::new(Catalog::builtin(), Limits::default());
        for name in ["patient.birth_date", "model/layers.0.weight", "archive/data/12", "Größe (cm)"]
        {
            assert_eq!(shown(&scan, name.as_bytes(), 3), name);
        }
        let long = "a".repeat(NAME_MAX + 1);
        for name in [
            "219-45-6183",
            "jane@roe.example",
            "",
            "x\n",
            "1956-04-23",
            "scans/4481723.dcm",
            "scan!1",
            "Patient name: Jane Roe",
            "photo of Mrs. Jane Roe",
            &long,
        ] {
            assert_eq!(shown(&scan, name.as_bytes(), 3), "#3", "{name}");
        }
        assert_eq!(shown(&scan, b"\xff\xfe", 3), "#3");
    }
}
