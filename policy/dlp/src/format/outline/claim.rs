//! What a value's place in a record makes of it: from the part of the record, whose part it is, and
//! what stands beside it, to the family that it claims to be of.

use super::words::Element;
use crate::format::fhir::{self, Class};
use crate::label::Family;

/// Whose part of a record it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of a patient or a person near to one.
    Person,
    /// Of a clinician.
    Provider,
    /// Of an organisation, a product or a definition.
    Nobody,
    #[default]
    Unknown,
}

impl Whose {
    pub(crate) fn of(class: Class) -> Whose {
        match class {
            Class::Person => Whose::Person,
            Class::Provider => Whose::Provider,
            Class::Billing
            | Class::Clinical
            | Class::Coverage
            | Class::Device
            | Class::Document
            | Class::Nobody
            | Class::Order
            | Class::Study => Whose::Nobody,
            Class::Unknown => Whose::Unknown,
        }
    }
}

/// What a value is to the object in which it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The type of the resource.
    ResourceType,
    /// A fact that says what its neighbours are.
    System,
    TypeCode,
    TypeText,
    ExtensionUrl,
    /// The name in a pair of name and value.
    PairName,
    /// The root of a C-CDA identifier.
    Root,
    // Values, by the type of data.
    Birth,
    City,
    Death,
    Display,
    ExtensionValue,
    FullUrl,
    Identifier,
    /// What the key itself announces.
    Label(Family),
    LogicalId,
    Member,
    Moment,
    Name,
    NamePart,
    PairValue,
    Photo,
    Reference,
    Serial,
    Street,
    Telecom,
    Zip,
}

impl Role {
    /// Whether it says something of its neighbours and is no value itself.
    pub(crate) fn is_fact(self) -> bool {
        matches!(
            self,
            Role::ResourceType
                | Role::System
                | Role::TypeCode
                | Role::TypeText
                | Role::ExtensionUrl
                | Role::PairName
                | Role::Root
        )
    }

    /// Whether a fact beside it decides what it is.
    pub(crate) fn awaits_fact(self) -> bool {
        matches!(
            self,
            Role::Display
                | Role::ExtensionValue
                | Role::FullUrl
                | Role::Identifier
                | Role::PairValue
                | Role::Telecom
        )
    }
}

/// What an object's own values say of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Family(Family),
    /// It refers to, or holds, a resource of this class.
    Refers(Class),
}

impl Fact {
    /// What the text says in a role that is a fact, a reference or a name.
    pub(crate) fn of(role: Role, holder: Element, text: &[u8]) -> Option<Fact> {
        if role == Role::Reference {
            return fhir::reference(text).map(|(class, _)| Fact::Refers(class));
        }
        let family = if role == Role::System && holder == Element::Telecom {
            fhir::contact_system(text)
        } else if matches!(role, Role::System | Role::Root) {
            fhir::system(text)
        } else if role == Role::TypeCode {
            fhir::identifier_type(text)
        } else if role == Role::ExtensionUrl {
            fhir::extension(text)
        } else {
            crate::label::of_name(text)
        };
        family.map(Fact::Family)
    }
}

/// A value's circumstances.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Claim {
    pub(crate) class: Class,
    pub(crate) whose: Whose,
    pub(crate) holder: Element,
    pub(crate) fact: Option<Fact>,
    /// Whether a patient's value stands near it: other documents than FHIR and C-CDA are records of
    /// a patient only then.
    pub(crate) is_near_patient: bool,
}

impl Claim {
    fn family(self) -> Option<Family> {
        match self.fact {
            Some(Fact::Family(family)) => Some(family),
            Some(Fact::Refers(_)) | None => None,
        }
    }

    fn refers(self) -> Option<Class> {
        match self.fact {
            Some(Fact::Refers(class)) => Some(class),
            Some(Fact::Family(_)) | None => None,
        }
    }

    /// `family` where the place is a person's, or near to a patient's value.
    fn of_person(self, family: Family) -> Option<Family> {
        match self.whose {
            Whose::Person => Some(family),
            Whose::Unknown => self.is_near_patient.then_some(family),
            Whose::Provider | Whose::Nobody => None,
        }
    }

    /// The family that a value in this role claims to be of.
    pub(crate) fn family_of(self, role: Role) -> Option<Family> {
        match role {
            Role::Birth if self.whose != Whose::Provider => Some(Family::Birth),
            Role::Death if self.whose != Whose::Provider => Some(Family::Death),
            Role::City => self.of_person(Family::City),
            Role::Street => self.of_person(Family::Address),
            Role::Zip => self.of_person(Family::Zip),
            Role::Display => self.display(),
            Role::ExtensionValue if self.whose == Whose::Person => self.family(),
            Role::FullUrl => (self.refers() == Some(Class::Person)).then_some(Family::PatientId),
            Role::Identifier => self.identifier(),
            Role::Label(family) => self.label(family),
            Role::LogicalId => self.of_person(Family::PatientId),
            Role::Member => (self.whose != Whose::Provider).then_some(Family::Member),
            Role::Moment => self.moment(),
            Role::Name => self.name(),
            Role::NamePart if self.whose == Whose::Unknown => Some(Family::Name),
            Role::NamePart => self.name(),
            Role::PairValue => self.family().and_then(|family| self.label(family)),
            Role::Photo => self.of_person(Family::Photo),
            Role::Reference => Some(Family::PatientId),
            Role::Serial if self.class == Class::Unknown => {
                self.is_near_patient.then_some(Family::Device)
            }
            Role::Serial if self.class != Class::Nobody => Some(Family::Device),
            Role::Telecom => self.telecom(),
            Role::Birth | Role::Death | Role::ExtensionValue | Role::Serial => None,
            Role::ResourceType
            | Role::System
            | Role::TypeCode
            | Role::TypeText
            | Role::ExtensionUrl
            | Role::PairName
            | Role::Root => None,
        }
    }

    fn name(self) -> Option<Family> {
        match self.whose {
            Whose::Person => Some(Family::Name),
            Whose::Provider if self.class != Class::Unknown || self.is_near_patient => {
                Some(Family::Clinician)
            }
            Whose::Unknown if self.is_near_patient => Some(Family::Name),
            Whose::Provider | Whose::Nobody | Whose::Unknown => None,
        }
    }

    fn moment(self) -> Option<Family> {
        let is_event = match self.class {
            Class::Device | Class::Nobody | Class::Provider => false,
            Class::Unknown => self.is_near_patient && self.whose != Whose::Nobody,
            Class::Billing
            | Class::Clinical
            | Class::Coverage
            | Class::Document
            | Class::Order
            | Class::Person
            | Class::Study => true,
        };
        is_event.then_some(Family::Event)
    }

    fn telecom(self) -> Option<Family> {
        match self.whose {
            Whose::Person => self.family().or(Some(Family::Contact)),
            Whose::Unknown => self.family(),
            Whose::Provider | Whose::Nobody => None,
        }
    }

    /// The display of a reference: a person's name where it refers to one.
    fn display(self) -> Option<Family> {
        match (self.refers(), self.whose) {
            (Some(Class::Person), _) => Some(Family::Name),
            (Some(Class::Provider), _) => Some(Family::Clinician),
            (Some(_), _) => None,
            (None, Whose::Person) if matches!(self.holder, Element::Person | Element::Subject) => {
                Some(Family::Name)
            }
            (None, Whose::Person | Whose::Provider | Whose::Nobody | Whose::Unknown) => None,
        }
    }

    fn identifier(self) -> Option<Family> {
        let family = self.family();
        let is_person = matches!(
            family,
            Some(
                Family::Ssn | Family::HealthPlan | Family::Mrn | Family::Passport | Family::Member
            )
        );
        match (self.whose, self.class) {
            (Whose::Person, Class::Document) => family.or(Some(Family::Mrn)),
            (Whose::Person, _) => family.or(Some(Family::PatientId)),
            (Whose::Provider, _) if is_person || family == Some(Family::Npi) => family,
            (Whose::Provider, _) => family.map(|_| Family::Dea),
            (Whose::Unknown, _) => family,
            (Whose::Nobody, _) if is_person => family,
            (Whose::Nobody, Class::Coverage) => Some(Family::Member),
            (Whose::Nobody, Class::Device) => Some(Family::Device),
            (Whose::Nobody, Class::Billing) => Some(Family::Account),
            (Whose::Nobody, Class::Order | Class::Clinical) => Some(Family::Accession),
            (Whose::Nobody, Class::Study) => Some(Family::StudyId),
            (
                Whose::Nobody,
                Class::Document | Class::Nobody | Class::Person | Class::Provider | Class::Unknown,
            ) => None,
        }
    }

    /// What a key announces. Where FHIR or C-CDA knows the places, only a number that is nobody
    /// else's; elsewhere what many things have (a city, a date, a name) only near a patient's value.
    fn label(self, family: Family) -> Option<Family> {
        if self.class != Class::Unknown {
            return is_distinct(family).then_some(family);
        }
        if family == Family::AnyName && self.whose == Whose::Unknown {
            self.of_person(family)
        } else if family == Family::AnyName
            || family == Family::Name && self.whose == Whose::Provider
        {
            self.name()
        } else if family == Family::Name && self.whose != Whose::Nobody {
            Some(family)
        } else if is_common(family) {
            self.of_person(family)
        } else {
            Some(family)
        }
    }
}

/// Whether many things that are no patients have one.
fn is_common(family: Family) -> bool {
    matches!(
        family,
        Family::Account
            | Family::Address
            | Family::Age
            | Family::Biometric
            | Family::City
            | Family::Clinician
            | Family::Contact
            | Family::Device
            | Family::Event
            | Family::Ip
            | Family::License
            | Family::Member
            | Family::Name
            | Family::Photo
            | Family::Url
            | Family::Zip
    )
}

/// Whether what is called so is a person's wherever it stands.
fn is_distinct(family: Family) -> bool {
    matches!(
        family,
        Family::Card
            | Family::HealthPlan
            | Family::Iban
            | Family::Mrn
            | Family::Passport
            | Family::Ssn
            | Family::TaxId
            | Family::Vin
    )
}

/// Whether a value of this family makes what stands beside it a patient's.
pub(crate) fn tells_patient(family: Family) -> bool {
    matches!(
        family,
        Family::Admission
            | Family::Birth
            | Family::Death
            | Family::Discharge
            | Family::HealthPlan
            | Family::Member
            | Family::Mrn
            | Family::Name
            | Family::PatientId
            | Family::Ssn
            | Family::StudyId
    )
}
