//! What the attributes of DICOM announce: PS3.15 Table E.1-1 (Basic Application Level
//! Confidentiality Profile, 2026c), sorted into families. Times without a date, descriptions and
//! codes, which the table lists too, identify nobody by themselves: their text is read like any
//! other. Invariant: each list is sorted.

use super::element::{Tag, Vr};
use crate::finding::Confidence;
use crate::label::Family;

/// What an attribute announces, and how surely at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) family: Family,
    pub(super) sure_max: Confidence,
}

/// Sorted lists of tags, with what they announce.
const LISTS: &[(&[u32], Family, Confidence)] = &[
    (NAMES, Family::Name, Confidence::High),
    (BIRTH, Family::Birth, Confidence::High),
    (RECORDS, Family::Mrn, Confidence::High),
    (ADMISSIONS, Family::Admission, Confidence::High),
    (DISCHARGES, Family::Discharge, Confidence::High),
    (EVENTS, Family::Event, Confidence::High),
    (ADDRESSES, Family::Address, Confidence::High),
    (RESIDENCES, Family::City, Confidence::Medium),
    (PHONES, Family::Phone, Confidence::High),
    (TELECOMS, Family::Contact, Confidence::Medium),
    (PLANS, Family::Member, Confidence::Medium),
    (ORDERS, Family::Accession, Confidence::High),
    (STEPS, Family::Accession, Confidence::Medium),
    (SUBJECTS, Family::StudyId, Confidence::High),
    (DEVICES, Family::Device, Confidence::High),
    (STATIONS, Family::Device, Confidence::Medium),
    (AGES, Family::Age, Confidence::High),
    (CLINICIANS, Family::Clinician, Confidence::High),
    (FACILITIES, Family::Clinician, Confidence::Medium),
    (EQUIPMENT_DATES, Family::Event, Confidence::Low),
    // A de-identified object has fresh UIDs (action `U`: replaced), which cannot be told from the
    // original ones: low, so that it is not blocked for having any.
    (UIDS, Family::StudyId, Confidence::Low),
];

/// What the value of `tag` announces. An attribute that is in no list, such as a private one,
/// announces what its value representation does: a person's name, a date, an age.
pub(super) fn meaning(tag: Tag, vr: Option<Vr>) -> Option<Meaning> {
    let listed = LISTS.iter().find(|(tags, ..)| tags.binary_search(&tag.0).is_ok());
    if let Some(&(_, family, sure_max)) = listed {
        return Some(Meaning { family, sure_max });
    }
    let (family, sure_max) = match vr? {
        Vr::PN => (Family::Name, Confidence::High),
        Vr::DA | Vr::DT => (Family::Event, Confidence::Medium),
        Vr::AS => (Family::Age, Confidence::High),
        _ => return None,
    };
    Some(Meaning { family, sure_max })
}

/// Names of the patient and of those who speak for them.
const NAMES: &[u32] =
    &[0x0010_0010, 0x0010_1001, 0x0010_1005, 0x0010_1060, 0x0010_2297, 0x0040_a123, 0x0072_006a];

/// The patient's birth date, also in another calendar.
const BIRTH: &[u32] = &[0x0010_0030, 0x0010_0033, 0x0010_0034];

/// The patient's own numbers: ID, other IDs, medical record locator.
const RECORDS: &[u32] = &[0x0010_0020, 0x0010_1000, 0x0010_1090];

/// Admitting date, scheduled and real.
const ADMISSIONS: &[u32] = &[0x0038_001a, 0x0038_0020];

/// Discharge date, scheduled and real.
const DISCHARGES: &[u32] = &[0x0038_001c, 0x0038_0030];

/// Addresses of patients and persons; GPS position of a camera.
const ADDRESSES: &[u32] = &[
    0x0010_1040,
    0x0016_0072,
    0x0016_0074,
    0x0016_0084,
    0x0016_0086,
    0x0016_008c,
    0x0040_1102,
    0x0040_a353,
    0x4008_011a,
];

/// Where a patient lives or lies.
const RESIDENCES: &[u32] = &[0x0010_2152, 0x0038_001e, 0x0038_0300, 0x0038_0400];

/// Telephone numbers of patients, persons, callbacks.
const PHONES: &[u32] = &[0x0008_0094, 0x0010_2154, 0x0040_1103, 0x0040_2010, 0x0040_a354];

/// Telecommunication in any form.
const TELECOMS: &[u32] = &[0x0010_2155, 0x0040_1104, 0x0040_2011];

/// The patient's insurance plan.
const PLANS: &[u32] = &[0x0010_1050];

/// Numbers of examinations, admissions, orders and specimens.
const ORDERS: &[u32] = &[
    0x0008_0050,
    0x0038_0010,
    0x0038_0060,
    0x0040_050a,
    0x0040_0512,
    0x0040_0551,
    0x0040_06fa,
    0x0040_2016,
    0x0040_2017,
    0x2200_0005,
];

/// Numbers of studies and procedure steps, which are often counted from one.
const STEPS: &[u32] =
    &[0x0020_0010, 0x0040_0009, 0x0040_0253, 0x0040_1001, 0x4008_0040, 0x4008_0200];

/// Subjects of a clinical trial.
const SUBJECTS: &[u32] = &[0x0012_0040, 0x0012_0042];

/// Serial numbers and unique device identifiers.
const DEVICES: &[u32] = &[
    0x0016_0051,
    0x0018_1000,
    0x0018_1004,
    0x0018_1005,
    0x0018_1007,
    0x0018_1008,
    0x0018_1009,
    0x0018_1010,
    0x0018_1011,
    0x0018_700a,
    0x0018_9367,
    0x0018_9371,
    0x0020_3401,
    0x0050_001b,
    0x3008_0105,
    0x3010_001b,
    0x3010_0043,
];

/// Stations, machines and application entities by name.
const STATIONS: &[u32] = &[
    0x0008_0054,
    0x0008_0055,
    0x0008_1000,
    0x0008_1010,
    0x0032_1021,
    0x0040_0001,
    0x0040_0010,
    0x0040_0241,
    0x0040_0242,
    0x2100_0070,
    0x2100_0140,
    0x300a_00b2,
];

/// The patient's age.
const AGES: &[u32] = &[0x0010_1010];

/// Institutions and departments, with their addresses; owners of a camera.
const FACILITIES: &[u32] = &[
    0x0008_0080,
    0x0008_0081,
    0x0008_0092,
    0x0008_1040,
    0x0010_2299,
    0x0016_004d,
    0x0032_1033,
    0x0040_4036,
    0x0040_a027,
];

/// Dates of a device or document template, not of the patient.
const EQUIPMENT_DATES: &[u32] = &[
    0x0008_0106,
    0x0008_0107,
    0x0012_0086,
    0x0012_0087,
    0x0014_407e,
    0x0018_1200,
    0x0018_1202,
    0x0018_1203,
    0x0018_1204,
    0x0018_1205,
    0x0018_700c,
    0x003a_0314,
    0x0040_db06,
    0x0040_db07,
    0x0044_000b,
    0x0068_6226,
    0x0068_6270,
    0x0072_000a,
    0x0072_0061,
    0x0072_0063,
    0x300a_022c,
];

/// Dates in the care of the patient (DA, DT).
const EVENTS: &[u32] = &[
    0x0008_0012,
    0x0008_0015,
    0x0008_0020,
    0x0008_0021,
    0x0008_0022,
    0x0008_0023,
    0x0008_0024,
    0x0008_0025,
    0x0008_002a,
    0x0010_21d0,
    0x0016_0077,
    0x0016_008d,
    0x0018_1012,
    0x0018_1078,
    0x0018_1079,
    0x0018_9074,
    0x0018_9151,
    0x0018_9369,
    0x0018_936a,
    0x0018_9516,
    0x0018_9517,
    0x0018_9623,
    0x0018_9701,
    0x0018_9804,
    0x0018_9919,
    0x0018_a002,
    0x0020_3403,
    0x0032_0032,
    0x0032_0034,
    0x0032_1000,
    0x0032_1010,
    0x0032_1040,
    0x0032_1050,
    0x0040_0002,
    0x0040_0004,
    0x0040_0244,
    0x0040_0250,
    0x0040_2004,
    0x0040_4005,
    0x0040_4008,
    0x0040_4010,
    0x0040_4011,
    0x0040_4050,
    0x0040_4051,
    0x0040_4052,
    0x0040_a023,
    0x0040_a030,
    0x0040_a032,
    0x0040_a033,
    0x0040_a082,
    0x0040_a110,
    0x0040_a120,
    0x0040_a121,
    0x0040_a13a,
    0x0040_a192,
    0x0040_e004,
    0x0044_0004,
    0x0044_0010,
    0x0044_0104,
    0x0044_0105,
    0x0070_0082,
    0x0100_0420,
    0x0400_0105,
    0x0400_0562,
    0x2100_0040,
    0x3006_0008,
    0x3006_002d,
    0x3006_002e,
    0x3008_0024,
    0x3008_0054,
    0x3008_0056,
    0x3008_0162,
    0x3008_0166,
    0x3008_0250,
    0x300a_0006,
    0x300a_0736,
    0x300a_073a,
    0x300a_0741,
    0x300a_0760,
    0x300c_0127,
    0x300e_0004,
    0x3010_004c,
    0x3010_004d,
    0x4008_0100,
    0x4008_0108,
    0x4008_0112,
];

/// Instances, studies, series, frames of reference: action `U`.
const UIDS: &[u32] = &[
    0x0000_1000,
    0x0000_1001,
    0x0002_0003,
    0x0004_1511,
    0x0008_0014,
    0x0008_0017,
    0x0008_0018,
    0x0008_0019,
    0x0008_0058,
    0x0008_1155,
    0x0008_1195,
    0x0008_3010,
    0x0018_1002,
    0x0018_100b,
    0x0018_2042,
    0x0020_000d,
    0x0020_000e,
    0x0020_0052,
    0x0020_0200,
    0x0020_9161,
    0x0020_9164,
    0x0028_1199,
    0x0028_1214,
    0x003a_0310,
    0x0040_0554,
    0x0040_4023,
    0x0040_a124,
    0x0040_a171,
    0x0040_a172,
    0x0040_a402,
    0x0040_db0c,
    0x0040_db0d,
    0x0062_0021,
    0x0064_0003,
    0x006a_0003,
    0x0070_031a,
    0x0070_1101,
    0x0070_1102,
    0x0088_0140,
    0x0400_0100,
    0x3006_0024,
    0x3006_00c2,
    0x300a_0013,
    0x300a_0054,
    0x300a_0083,
    0x300a_0609,
    0x300a_0650,
    0x300a_0700,
    0x300a_0785,
    0x3010_0006,
    0x3010_000b,
    0x3010_0013,
    0x3010_0015,
    0x3010_0031,
    0x3010_003b,
    0x3010_006e,
    0x3010_006f,
];

/// Names of physicians, operators, observers.
const CLINICIANS: &[u32] = &[
    0x0008_0090,
    0x0008_009c,
    0x0008_1048,
    0x0008_1050,
    0x0008_1060,
    0x0008_1070,
    0x0032_1032,
    0x0040_0006,
    0x0040_1010,
    0x0040_2008,
    0x0040_4037,
    0x0040_a075,
    0x0040_a307,
    0x0040_a352,
    0x0070_0084,
    0x3006_00a6,
    0x300e_0008,
    0x4008_0102,
    0x4008_010a,
    0x4008_010c,
    0x4008_0114,
    0x4008_0119,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_do_not_overlap() {
        let mut all: Vec<u32> = Vec::new();
        for (tags, ..) in LISTS {
            assert!(tags.is_sorted());
            all.extend_from_slice(tags);
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a tag announces one thing");
    }

    #[test]
    fn an_unknown_attribute_announces_what_its_representation_does() {
        let private = Tag(0x0099_1001);
        assert_eq!(meaning(private, Some(Vr::PN)).map(|m| m.family), Some(Family::Name));
        assert_eq!(meaning(private, Some(Vr::LO)), None);
        assert_eq!(meaning(private, None), None);
    }
}
