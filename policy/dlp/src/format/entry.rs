//! The name by which an archive's entry is told: names are content, and one that could tell a
//! patient is not told again.

use crate::coverage::Declared;
use crate::scanner::{Place, Reader, Scan};

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
    told(archive, number, name, is_clean)
}

/// The place of an entry whose name has been read as content, without a finding if `is_clean`.
pub(crate) fn told(archive: &Place, number: u64, name: &[u8], is_clean: bool) -> Place {
    let shown = shown_name(name).filter(|_| is_clean).unwrap_or_else(|| format!("#{number}"));
    let mut place = archive.inside(&shown);
    place.declared = if is_tensor(name) { Declared::Tensor } else { Declared::Nothing };
    place
}

/// The name as it may be told: nothing of it that could be taken for structure or control a
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
