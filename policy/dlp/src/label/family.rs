//! What a label, key, column, field or tag can announce.

use crate::finding::Identifier;

/// What a label announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// An accession, order or specimen number of an examination.
    Accession,
    /// A bank, billing or visit account.
    Account,
    /// A street address, or a whole one.
    Address,
    /// Admission of a patient.
    Admission,
    /// An age.
    Age,
    /// A name of anyone or anything (`name`, `author`): a person only by its shape.
    AnyName,
    /// A finger, voice or face print.
    Biometric,
    /// Birth.
    Birth,
    /// A payment card.
    Card,
    /// A city, county or other unit below a state.
    City,
    /// A clinician or facility by name.
    Clinician,
    /// Telephone or anything else by which to reach a person.
    Contact,
    /// A DEA registration.
    Dea,
    /// Death.
    Death,
    /// A device, by serial number or UDI.
    Device,
    /// Discharge of a patient.
    Discharge,
    /// An e-mail address.
    Email,
    /// Another date in the care of a patient: a visit, a service, a specimen.
    Event,
    /// A fax number.
    Fax,
    /// A Medicare beneficiary.
    HealthPlan,
    /// An international bank account.
    Iban,
    /// A mobile device (IMEI, MEID).
    Imei,
    /// An IP address.
    Ip,
    /// A driver's or professional licence.
    License,
    /// A network interface (MAC).
    Mac,
    /// A member, subscriber, policy or group of a health plan.
    Member,
    /// A medical record number.
    Mrn,
    /// A person's name or a part of one.
    Name,
    /// A provider's NPI.
    Npi,
    /// Some other number: orders, lots, versions. It speaks against all the others.
    Other,
    /// A passport.
    Passport,
    /// A patient's number in whatever system: weaker than a medical record number.
    PatientId,
    /// A telephone number.
    Phone,
    /// A photograph of a person.
    Photo,
    /// A licence plate.
    Plate,
    /// A bank by its ABA routing number.
    Routing,
    /// A Social Security number.
    Ssn,
    /// A subject, participant or other unique code of a person.
    StudyId,
    /// An individual taxpayer number (ITIN).
    TaxId,
    /// A web address.
    Url,
    /// A vehicle by its identification number.
    Vin,
    /// A ZIP or postal code.
    Zip,
}

/// A set of families.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Families(u64);

impl Families {
    pub(crate) const ANY: Families = Families(u64::MAX);

    pub(crate) const fn of(families: &[Family]) -> Families {
        let (mut set, mut rest) = (0, families);
        while let [first, tail @ ..] = rest {
            set |= 1 << *first as u64;
            rest = tail;
        }
        Families(set)
    }

    /// Whether the family of this discriminant is one of them.
    pub(crate) fn hold(self, discriminant: usize) -> bool {
        self.0 >> discriminant & 1 == 1
    }
}

impl Family {
    /// The class that a value of this family belongs to.
    pub(crate) fn identifier(self) -> Option<Identifier> {
        Some(match self {
            Self::Account | Self::Card | Self::Iban | Self::Routing => Identifier::Account,
            Self::Age => Identifier::Age,
            Self::Biometric => Identifier::Biometric,
            Self::Admission | Self::Birth | Self::Death | Self::Discharge | Self::Event => {
                Identifier::Date
            }
            Self::Device | Self::Imei | Self::Mac => Identifier::Device,
            Self::Email => Identifier::Email,
            Self::Fax => Identifier::Fax,
            Self::Address | Self::City | Self::Zip => Identifier::Geographic,
            Self::HealthPlan | Self::Member => Identifier::HealthPlan,
            Self::Ip => Identifier::Ip,
            Self::License | Self::Passport => Identifier::License,
            Self::Mrn | Self::PatientId => Identifier::Mrn,
            Self::AnyName | Self::Name => Identifier::Name,
            Self::Accession | Self::StudyId => Identifier::OtherId,
            Self::Contact | Self::Phone => Identifier::Phone,
            Self::Photo => Identifier::Photo,
            Self::Clinician | Self::Dea | Self::Npi => Identifier::Provider,
            Self::Ssn | Self::TaxId => Identifier::Ssn,
            Self::Url => Identifier::Url,
            Self::Plate | Self::Vin => Identifier::Vehicle,
            Self::Other => return None,
        })
    }
}
