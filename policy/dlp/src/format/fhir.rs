//! FHIR R4 and R5: what resource a value stands in, and what a system, a type code or a reference
//! says of it. Names by <https://hl7.org/fhir/R4/resourcelist.html> and R5's.

mod resources;

use crate::label::Family;
use resources::RESOURCES;

/// Whom a resource is about, as far as its values' places depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Class {
    /// A claim, an account, a stay: its identifiers are accounts.
    Billing,
    /// A part of a patient's record.
    Clinical,
    /// The coverage of a patient: its identifiers are a member's.
    Coverage,
    /// A C-CDA document, which names its persons.
    Document,
    /// A device: its identifiers are of class M.
    Device,
    /// No person: definitions, organisations, bundles.
    Nobody,
    /// An order, report, study or specimen: its identifiers are accession numbers.
    Order,
    /// A patient, or a person near to one.
    Person,
    /// A clinician.
    Provider,
    /// A subject of research.
    Study,
    /// Not known, or no FHIR.
    #[default]
    Unknown,
}

/// The class of a resource type and its name; a type that is not known is no FHIR.
pub(crate) fn resource(name: &[u8]) -> Option<(Class, &'static str)> {
    let at = RESOURCES.binary_search_by(|(known, _)| known.as_bytes().cmp(name)).ok()?;
    RESOURCES.get(at).map(|(name, class)| (*class, *name))
}

/// What an identifier's system says of its value: HL7's own
/// (<https://terminology.hl7.org/identifiers.html>), or the OID of a C-CDA root.
pub(crate) fn system(system: &[u8]) -> Option<Family> {
    const SYSTEMS: &[(&str, Family)] = &[
        ("http://hl7.org/fhir/sid/us-ssn", Family::Ssn),
        ("http://hl7.org/fhir/sid/us-medicare", Family::HealthPlan),
        ("http://hl7.org/fhir/sid/us-mbi", Family::HealthPlan),
        ("http://hl7.org/fhir/sid/us-npi", Family::Npi),
        ("2.16.840.1.113883.4.1", Family::Ssn),
        ("2.16.840.1.113883.4.2", Family::TaxId),
        ("2.16.840.1.113883.4.572", Family::HealthPlan),
        ("2.16.840.1.113883.4.927", Family::HealthPlan),
        ("2.16.840.1.113883.4.6", Family::Npi),
        ("2.16.840.1.113883.4.814", Family::Dea),
    ];
    let system = system.strip_prefix(b"urn:oid:").unwrap_or(system);
    if let Some((_, family)) = SYSTEMS.iter().find(|(known, _)| known.as_bytes() == system) {
        return Some(*family);
    }
    // Drivers' licences by state, passports by country.
    let is_under = |arc: &str| system.starts_with(arc.as_bytes());
    if is_under("2.16.840.1.113883.4.3.") {
        Some(Family::License)
    } else if is_under("2.16.840.1.113883.4.330") {
        Some(Family::Passport)
    } else {
        None
    }
}

/// What an identifier's type says of its value
/// (<https://terminology.hl7.org/CodeSystem-v2-0203.html>).
pub(crate) fn identifier_type(code: &[u8]) -> Option<Family> {
    Some(match code {
        b"MR" | b"MRT" | b"PI" | b"PT" | b"RRI" | b"U" => Family::Mrn,
        b"SS" => Family::Ssn,
        b"TAX" => Family::TaxId,
        b"DL" => Family::License,
        b"PPN" => Family::Passport,
        b"MC" | b"MCN" | b"MA" => Family::HealthPlan,
        b"MB" | b"SN" | b"PN" | b"HC" | b"SNO" | b"PHC" => Family::Member,
        b"AN" | b"AM" | b"BA" | b"VN" => Family::Account,
        b"NPI" | b"PRN" | b"UPIN" => Family::Npi,
        b"DEA" | b"MD" | b"LN" => Family::Dea,
        b"ACSN" | b"PLAC" | b"FILL" => Family::Accession,
        b"UDI" | b"SER" | b"SNBSN" => Family::Device,
        _ => return None,
    })
}

/// What a contact point's system says of its value
/// (<https://hl7.org/fhir/R4/valueset-contact-point-system.html>).
pub(crate) fn contact_system(system: &[u8]) -> Option<Family> {
    Some(match system {
        b"phone" | b"pager" | b"sms" => Family::Phone,
        b"fax" => Family::Fax,
        b"email" => Family::Email,
        b"url" => Family::Url,
        b"other" => Family::Contact,
        _ => return None,
    })
}

/// What the scheme of a C-CDA contact says of it, and the scheme's length (RFC 3966, RFC 6068).
pub(crate) fn contact_scheme(text: &[u8]) -> Option<(Family, usize)> {
    const SCHEMES: &[(&str, Family)] =
        &[("tel:", Family::Phone), ("fax:", Family::Fax), ("mailto:", Family::Email)];
    let begins = |scheme: &str| {
        text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let (scheme, family) = SCHEMES.iter().find(|(scheme, _)| begins(scheme))?;
    Some((*family, scheme.len()))
}

/// What an extension's URL says of its value
/// (<https://hl7.org/fhir/extensions/extension-registry.html>, patient).
pub(crate) fn extension(url: &[u8]) -> Option<Family> {
    Some(match url.rsplit(|b| *b == b'/').next()? {
        b"patient-mothersMaidenName" | b"humanname-mothers-family" | b"humanname-own-name" => {
            Family::Name
        }
        b"patient-birthTime" => Family::Birth,
        b"latitude" | b"longitude" => Family::Address,
        b"iso21090-ADXP-streetName" | b"iso21090-ADXP-houseNumber" => Family::Address,
        _ => return None,
    })
}

/// The kind of resource that a reference names, and where in `text` the logical id begins.
pub(crate) fn reference(text: &[u8]) -> Option<(Class, usize)> {
    let mut start = 0;
    let mut parts = text.split(|b| *b == b'/');
    let mut part = parts.next()?;
    loop {
        start += part.len() + 1;
        // A search instead of an id: `Patient?identifier=system|value`.
        let name = part.split(|b| *b == b'?').next().unwrap_or_default();
        if let Some((class, _)) = resource(name) {
            let value = if name.len() == part.len() { Some(start) } else { after_bar(text) };
            return Some((class, value?));
        }
        part = parts.next()?;
    }
}

fn after_bar(text: &[u8]) -> Option<usize> {
    text.iter().rposition(|b| *b == b'|').map(|bar| bar + 1)
}
