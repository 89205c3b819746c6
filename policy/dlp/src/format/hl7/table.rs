//! Which fields of which segments hold an identifier: HL7 v2.5.1 chapters 2 (control), 3 (patient
//! administration), 4 (orders), 5 (query), 6 (finance), 7 (observations), 8 to 10 (files, records,
//! scheduling), 12. Invariant: segments and their fields are sorted.

use super::datatype::Datatype::{
    self, Cx, First, Observation, ObservationType, Time, Xad, Xcn, Xpn, Xtn,
};
use crate::label::Family;

/// A field, from 1, and its type.
pub(super) type Place = (u8, Datatype);

/// The fields of a segment that announce something.
pub(super) fn places(segment: &[u8; 3]) -> &'static [Place] {
    let found = SEGMENTS.binary_search_by(|(name, _)| name.as_bytes().cmp(segment));
    found.ok().and_then(|i| SEGMENTS.get(i)).map_or(&[], |(_, places)| places)
}

/// Whether a leaf that begins with this segment is the rest of a message.
pub(super) fn is_known(segment: &[u8; 3]) -> bool {
    !places(segment).is_empty()
}

/// Whether the first field of the segment counts it (Set ID, SI), or is left out.
pub(super) fn is_counted(segment: &[u8; 3]) -> bool {
    const COUNTED: &[&[u8; 3]] = &[
        b"DG1", b"FT1", b"GT1", b"IN1", b"NK1", b"OBR", b"OBX", b"PID", b"PR1", b"PV1", b"RXA",
        b"SPM", b"TXA",
    ];
    COUNTED.contains(&segment)
}

/// Whether the segment is a site's own (2.11, "Local extension"), whose fields nobody else knows.
pub(super) fn is_own(segment: &[u8; 3]) -> bool {
    matches!(segment, [b'Z', ..])
}

const CLINICIAN: Datatype = Xcn(Family::Clinician);
const EVENT: Datatype = Time(Family::Event);
const ORDER: Datatype = First(Family::Accession);
const EMPLOYEE: Datatype = Cx(Family::StudyId);
const MEMBER: Datatype = Cx(Family::Member);
const MRN: Datatype = Cx(Family::Mrn);

static SEGMENTS: &[(&str, &[Place])] = &[
    // Diagnosis (6.5.2): when, and by whom.
    ("DG1", &[(5, EVENT), (16, CLINICIAN), (19, EVENT)]),
    // Event type (3.4.1): recorded, planned, by whom, when it came to pass.
    ("EVN", &[(2, EVENT), (3, EVENT), (5, CLINICIAN), (6, EVENT)]),
    // Financial transaction (6.5.1).
    ("FT1", &[(4, EVENT), (5, EVENT), (20, CLINICIAN), (21, CLINICIAN), (23, ORDER)]),
    // Guarantor (6.5.5).
    (
        "GT1",
        &[
            (2, Cx(Family::Account)),
            (3, Xpn),
            (4, Xpn),
            (5, Xad),
            (6, Xtn),
            (7, Xtn),
            (8, Time(Family::Birth)),
            (12, First(Family::Ssn)),
            (16, Xpn),
            (17, Xad),
            (18, Xtn),
            (19, EMPLOYEE),
            (42, Xpn),
            (45, Xpn),
            (46, Xtn),
        ],
    ),
    // Insurance (6.5.6): group, insured, policy.
    (
        "IN1",
        &[
            (8, First(Family::Member)),
            (10, MEMBER),
            (16, Xpn),
            (18, Time(Family::Birth)),
            (19, Xad),
            (36, First(Family::Member)),
            (44, Xad),
            (49, MEMBER),
        ],
    ),
    // Insurance, additional information (6.5.7).
    (
        "IN2",
        &[
            (1, EMPLOYEE),
            (2, First(Family::Ssn)),
            (3, Xcn(Family::Name)),
            (6, First(Family::HealthPlan)),
            (7, Xpn),
            (8, First(Family::Member)),
            (9, Xpn),
            (10, First(Family::StudyId)),
            (26, First(Family::Member)),
            (40, Xpn),
            (49, Xpn),
            (50, Xtn),
            (52, Xpn),
            (53, Xtn),
            (61, MEMBER),
            (63, Xtn),
            (64, Xtn),
        ],
    ),
    // Merge (3.4.9): what the patient was known by.
    (
        "MRG",
        &[
            (1, MRN),
            (2, MRN),
            (3, Cx(Family::Account)),
            (4, MRN),
            (5, Cx(Family::Account)),
            (6, Cx(Family::Account)),
            (7, Xpn),
        ],
    ),
    // Next of kin (3.4.5).
    (
        "NK1",
        &[
            (2, Xpn),
            (4, Xad),
            (5, Xtn),
            (6, Xtn),
            (12, EMPLOYEE),
            (16, Time(Family::Birth)),
            (26, Xpn),
            (30, Xpn),
            (31, Xtn),
            (32, Xad),
            (33, Cx(Family::PatientId)),
            (37, First(Family::Ssn)),
        ],
    ),
    // Observation request (4.5.3).
    (
        "OBR",
        &[
            (2, ORDER),
            (3, ORDER),
            (6, EVENT),
            (7, EVENT),
            (8, EVENT),
            (10, CLINICIAN),
            (14, EVENT),
            (16, CLINICIAN),
            (22, EVENT),
            (28, CLINICIAN),
            (36, EVENT),
        ],
    ),
    // Observation (7.4.2).
    ("OBX", &[(2, ObservationType), (5, Observation), (14, EVENT), (16, CLINICIAN), (19, EVENT)]),
    // Common order (4.5.1).
    (
        "ORC",
        &[
            (2, ORDER),
            (3, ORDER),
            (9, EVENT),
            (10, CLINICIAN),
            (11, CLINICIAN),
            (12, CLINICIAN),
            (15, EVENT),
            (19, CLINICIAN),
        ],
    ),
    // Additional demographics (3.4.10): the primary care provider.
    ("PD1", &[(4, CLINICIAN)]),
    // Patient identification (3.4.2).
    (
        "PID",
        &[
            (2, MRN),
            (3, MRN),
            (4, MRN),
            (5, Xpn),
            (6, Xpn),
            (7, Time(Family::Birth)),
            (9, Xpn),
            (11, Xad),
            (12, First(Family::City)),
            (13, Xtn),
            (14, Xtn),
            (18, Cx(Family::Account)),
            (19, First(Family::Ssn)),
            (20, First(Family::License)),
            (21, MRN),
            (23, First(Family::City)),
            (29, Time(Family::Death)),
        ],
    ),
    // Procedures (6.5.4).
    ("PR1", &[(5, EVENT), (8, CLINICIAN), (11, CLINICIAN), (12, CLINICIAN)]),
    // Patient visit (3.4.3).
    (
        "PV1",
        &[
            (7, CLINICIAN),
            (8, CLINICIAN),
            (9, CLINICIAN),
            (17, CLINICIAN),
            (19, Cx(Family::Account)),
            (44, Time(Family::Admission)),
            (45, Time(Family::Discharge)),
            (50, Cx(Family::Account)),
            (52, CLINICIAN),
        ],
    ),
    // Patient visit, additional information (3.4.4): expected admission and discharge.
    (
        "PV2",
        &[
            (8, Time(Family::Admission)),
            (9, Time(Family::Discharge)),
            (13, CLINICIAN),
            (14, EVENT),
            (17, EVENT),
        ],
    ),
    // Original-style query (5.10.5.3): about whom.
    ("QRD", &[(8, Xcn(Family::Name))]),
    // Role (15.4.7): a clinician.
    ("ROL", &[(4, CLINICIAN), (5, EVENT)]),
    // Pharmacy administration (4.14.7).
    ("RXA", &[(3, EVENT), (4, EVENT), (10, CLINICIAN)]),
    // Specimen (7.4.3): collected and received.
    ("SPM", &[(17, EVENT), (18, EVENT)]),
    // Transcription document header (9.6.1).
    (
        "TXA",
        &[
            (4, EVENT),
            (5, CLINICIAN),
            (6, EVENT),
            (7, EVENT),
            (8, EVENT),
            (9, CLINICIAN),
            (10, CLINICIAN),
            (11, CLINICIAN),
            (22, CLINICIAN),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_their_fields_are_sorted() {
        assert!(SEGMENTS.is_sorted_by(|a, b| a.0 < b.0), "or some would never be found");
        for (name, places) in SEGMENTS {
            assert!(places.is_sorted_by(|a, b| a.0 < b.0), "{name}");
        }
    }
}
