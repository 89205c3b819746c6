//! Hostile input: any chunks give the same evidence, and no damage, cut or lying size stops a scan.

use proptest::prelude::*;

use crate::support::{scan, scan_by};
use crate::{arrow, dicom, hdf5, image, model, parquet, pdf};

/// One sound file of each form.
fn samples() -> Vec<Vec<u8>> {
    [
        arrow::samples(),
        dicom::samples(),
        hdf5::samples(),
        image::samples(),
        model::samples(),
        parquet::samples(),
        pdf::samples(),
    ]
    .concat()
}

fn sample() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(samples())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn any_chunking_gives_the_same_evidence(
        bytes in sample(),
        sizes in prop::collection::vec(1usize..700, 1..12),
    ) {
        prop_assert_eq!(scan_by(&bytes, &sizes), scan(&bytes));
    }

    #[test]
    fn damage_stops_nothing_and_depends_on_no_chunks(
        bytes in sample(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        sizes in prop::collection::vec(1usize..900, 1..8),
    ) {
        let mut bytes = bytes;
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let cut = cut.index(bytes.len() * 3) + 1;
        bytes.truncate(cut);
        let evidence = scan_by(&bytes, &sizes);
        prop_assert_eq!(&evidence, &scan(&bytes));
    }
}

#[test]
fn every_cut_of_a_file_is_read_to_its_end() {
    for bytes in samples() {
        for cut in (0..bytes.len().min(600)).chain([bytes.len() - 1]) {
            let coverage = scan(&bytes[..cut]).coverage;
            let counted =
                coverage.read + coverage.numeric + coverage.unidentified + coverage.skipped;
            assert!(cut < 16 || counted > 0, "{cut} bytes and none is in the ledger");
        }
    }
}

#[test]
fn a_size_that_lies_takes_no_memory() {
    for bytes in samples() {
        for at in 0..bytes.len().min(160) {
            let mut lie = bytes[..bytes.len().min(at + 54)].to_vec();
            let end = lie.len().min(at + 8);
            lie[at..end].fill(0xff);
            scan(&lie);
        }
    }
}
