//! What the codes of X12 say: whom a loop is about, and what a number, contact or date is.
//! Invariant: a code that is not known counts as a person's.

use crate::label::Family;

/// Whom a loop is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Party {
    /// A patient, subscriber, dependent or someone of theirs.
    Person,
    /// A provider, payer, submitter or receiver.
    Other,
    /// Nobody has been named yet.
    #[default]
    Unknown,
}

/// Codes of providers, payers and those who send and receive (data element 98): billing (85, 87),
/// attending (71), operating (72, 73), service facility (77), rendering (82), supervising (DQ),
/// referring (DN, P3), ordering (DK), purchased (QB), other operating (ZZ), information receivers
/// (1P, 2B, FA, 80), submitter and receiver (41, 40), payer (PR, PE, IN, P5, TT, TV),
/// utilization management (X3), transport (PW, 45), plan contacts (GW, LV, VN, VY, PRP, SEP, TTP).
const OTHERS: &[&[u8]] = &[
    b"1I", b"1P", b"2B", b"40", b"41", b"45", b"71", b"72", b"73", b"77", b"80", b"82", b"85",
    b"87", b"98", b"AAJ", b"BO", b"DD", b"DK", b"DN", b"DQ", b"FA", b"G3", b"GP", b"GW", b"IN",
    b"LV", b"P3", b"P4", b"P5", b"PE", b"PR", b"PRP", b"PW", b"QB", b"QV", b"SEP", b"SJ", b"TT",
    b"TTP", b"TU", b"TV", b"VN", b"VY", b"X3", b"Y2", b"ZZ",
];

/// Codes of persons: insured, patient, corrected and prior insured, dependent, employer, parents,
/// guardian, responsible party, executor, spouse, attorney, custodian, key person.
const PERSONS: &[&[u8]] = &[
    b"03", b"31", b"36", b"6Y", b"70", b"74", b"9K", b"E1", b"EI", b"EXS", b"GB", b"GD", b"HK",
    b"IL", b"J6", b"LR", b"QC", b"QD", b"S1", b"S3", b"X4",
];

/// Whether a code is one of an N1 or NM1.
pub(super) fn is_known(code: &[u8]) -> bool {
    PERSONS.contains(&code) || OTHERS.contains(&code)
}

/// Whether the code of an N1 is a person's.
pub(super) fn is_person(code: &[u8]) -> bool {
    PERSONS.contains(&code)
}

impl Party {
    /// Whom an entity code names.
    pub(super) fn of(code: &[u8]) -> Party {
        if OTHERS.contains(&code) { Party::Other } else { Party::Person }
    }
}

/// What NM109, N104 and ENT04 hold by the qualifier before them (data element 66).
pub(super) fn number(qualifier: &[u8], party: Party) -> Option<Family> {
    match qualifier {
        b"34" | b"SY" => Some(Family::Ssn),
        b"XX" => Some(Family::Npi),
        _ if party == Party::Other => None,
        b"24" | b"FI" => Some(Family::TaxId),
        b"EI" => Some(Family::StudyId),
        b"HN" => Some(Family::HealthPlan),
        b"PI" | b"46" | b"NI" | b"XV" => None,
        _ => Some(Family::Member),
    }
}

/// What REF02 holds by REF01 (data element 128).
pub(super) fn reference(qualifier: &[u8], party: Party) -> Option<Family> {
    Some(match qualifier {
        b"SY" => Family::Ssn,
        b"EA" => Family::Mrn,
        b"F6" => Family::HealthPlan,
        // Subscriber, group or policy, insurance policy, group, member, family unit, Medicaid
        // recipient, prior identifier, plan network.
        b"0F" | b"1L" | b"IG" | b"6P" | b"1W" | b"49" | b"NQ" | b"Q4" | b"HJ" | b"N6" | b"IF" => {
            Family::Member
        }
        // Client, case, personal.
        b"23" | b"3H" | b"60" | b"ABB" => Family::StudyId,
        // Patient account, payer claim control, claim, agency claim.
        b"EJ" | b"1K" | b"D9" | b"F8" | b"Y4" | b"BLT" => Family::Account,
        // Referral, prior authorization, line item control, predetermination, prescription.
        b"9F" | b"G1" | b"6R" | b"G3" | b"XZ" | b"VY" => Family::Accession,
        b"EI" | b"TJ" if party == Party::Person => Family::TaxId,
        b"HPI" => Family::Npi,
        _ => return None,
    })
}

/// What a contact of PER is (data element 365).
pub(super) fn contact(qualifier: &[u8]) -> Option<Family> {
    Some(match qualifier {
        b"AP" | b"BN" | b"CP" | b"HP" | b"NP" | b"PC" | b"TE" | b"VM" | b"WP" => Family::Phone,
        b"EM" => Family::Email,
        b"FX" | b"HF" => Family::Fax,
        b"UR" => Family::Url,
        _ => return None,
    })
}

/// What DTP03 and DTM02 are by the qualifier (data element 374). All but the dates of the
/// transaction itself are somebody's.
pub(super) fn date(qualifier: &[u8]) -> Option<Family> {
    Some(match qualifier {
        // Production of a payment.
        b"405" => return None,
        b"435" => Family::Admission,
        b"096" => Family::Discharge,
        b"DOD" => Family::Death,
        _ => Family::Event,
    })
}
