//! Whether a value is a number of the family that its place announces. The place speaks for itself,
//! so a wrong check digit makes a value less sure, never nothing; names, versions and counters at
//! places that are called alike (`"license": "Apache-2.0"`, `"serial": 3`) are none.

use crate::check;
use crate::detector::{device, ssn};
use crate::finding::Confidence;
use crate::label::Family;

/// Bytes of the longest number, a UID or a UDI.
const LEN_MAX: usize = 96;

/// How a value is written.
struct Shape<'a> {
    text: &'a [u8],
}

/// How sure `text` is at a place of `family`: outer nothing where the family is none of numbers,
/// inner nothing where the value is none.
pub(super) fn weigh(family: Family, text: &[u8]) -> Option<Option<Confidence>> {
    let shape = Shape { text };
    let confidence = match family {
        Family::Account => shape.account(),
        Family::Accession => shape.sized(3, 3).map(|()| Confidence::High),
        Family::Card => shape.card(),
        Family::Dea => shape.dea(),
        Family::Device => shape.device(),
        Family::HealthPlan | Family::Member => shape.sized(1, 3).map(|()| Confidence::High),
        Family::Iban => shape.iban(),
        Family::Imei => shape.imei(),
        Family::License => shape.sized(5, 5).map(|()| Confidence::High),
        Family::Mac => shape.mac(),
        Family::Mrn => shape.sized(1, 3).map(|()| Confidence::High),
        Family::Npi => shape.npi(),
        Family::Passport => shape.sized(5, 6).map(|()| Confidence::High),
        Family::PatientId => shape.sized(1, 3).map(|()| Confidence::Medium),
        Family::Plate => shape.plate(),
        Family::Routing => shape.routing(),
        Family::Ssn | Family::TaxId => shape.ssn(),
        Family::StudyId => shape.study(),
        Family::Vin => shape.vin(),
        Family::Address
        | Family::Admission
        | Family::Age
        | Family::AnyName
        | Family::Biometric
        | Family::Birth
        | Family::City
        | Family::Clinician
        | Family::Contact
        | Family::Death
        | Family::Discharge
        | Family::Email
        | Family::Event
        | Family::Fax
        | Family::Ip
        | Family::Name
        | Family::Other
        | Family::Phone
        | Family::Photo
        | Family::Url
        | Family::Zip => return None,
    };
    Some(confidence)
}

impl Shape<'_> {
    fn digits(&self) -> usize {
        self.text.iter().filter(|b| b.is_ascii_digit()).count()
    }

    fn letters(&self) -> usize {
        self.text.iter().filter(|b| b.is_ascii_alphabetic()).count()
    }

    /// So many digits at least, and bytes.
    fn sized(&self, digits: usize, len: usize) -> Option<()> {
        let is_sized = self.digits() >= digits && (len..=LEN_MAX).contains(&self.text.len());
        is_sized.then_some(())
    }

    /// The letters and digits alone, in capitals, where they fill `N` places.
    fn places<const N: usize>(&self) -> Option<[u8; N]> {
        let mut places = [0; N];
        let mut kept = self.text.iter().filter(|b| b.is_ascii_alphanumeric());
        for place in &mut places {
            *place = kept.next()?.to_ascii_uppercase();
        }
        kept.next().is_none().then_some(places)
    }

    /// The digits alone, where they fill `N` places and no letter is among them.
    fn numerals<const N: usize>(&self) -> Option<[u8; N]> {
        (self.letters() == 0).then(|| self.places()).flatten()
    }

    fn hexadecimal(&self) -> usize {
        let is_address = self.text.iter().all(|b| b.is_ascii_hexdigit() || b":-. ".contains(b));
        if is_address { self.text.iter().filter(|b| b.is_ascii_hexdigit()).count() } else { 0 }
    }

    fn account(&self) -> Option<Confidence> {
        self.sized(3, 4)?;
        (self.letters() <= 8).then_some(Confidence::High)
    }

    fn card(&self) -> Option<Confidence> {
        let is_number = self.letters() == 0 && (12..=19).contains(&self.digits());
        let confidence = if check::luhn(self.text) { Confidence::High } else { Confidence::Low };
        is_number.then_some(confidence)
    }

    /// Two letters and seven digits, or a letter, a 9 and seven digits.
    fn dea(&self) -> Option<Confidence> {
        let [kind, initial, digits @ ..] = self.places::<9>()?;
        let is_shape = kind.is_ascii_uppercase()
            && (initial.is_ascii_uppercase() || initial == b'9')
            && digits.iter().all(u8::is_ascii_digit);
        let confidence = if check::dea(&digits) { Confidence::High } else { Confidence::Medium };
        is_shape.then_some(confidence)
    }

    fn device(&self) -> Option<Confidence> {
        self.sized(3, 4)?;
        let is_count = self.letters() == 0 && self.digits() == self.text.len();
        Some(if is_count { Confidence::Medium } else { Confidence::High })
    }

    fn iban(&self) -> Option<Confidence> {
        let mut places = [0; 34];
        let mut len = 0;
        for byte in self.text.iter().filter(|b| b.is_ascii_alphanumeric()) {
            *places.get_mut(len)? = byte.to_ascii_uppercase();
            len += 1;
        }
        let is_right = check::iban(places.get(..len)?);
        let confidence = if is_right { Confidence::High } else { Confidence::Medium };
        self.sized(10, 15).map(|()| confidence)
    }

    fn imei(&self) -> Option<Confidence> {
        if self.hexadecimal() == 14 || self.digits() == 15 && check::luhn(self.text) {
            return Some(Confidence::High);
        }
        (14..=16).contains(&self.digits()).then_some(Confidence::Medium)
    }

    /// Whether a machine has it that nobody carries, its neighbours tell (`detector::device`).
    fn mac(&self) -> Option<Confidence> {
        let is_weak = device::is_weak(self.text);
        let confidence = if is_weak { Confidence::Low } else { Confidence::Medium };
        (self.hexadecimal() == 12).then_some(confidence)
    }

    fn npi(&self) -> Option<Confidence> {
        let digits = self.numerals::<10>()?;
        let is_right = matches!(digits.first(), Some(b'1' | b'2')) && check::npi(&digits);
        Some(if is_right { Confidence::High } else { Confidence::Medium })
    }

    /// More than a count: plates of a laboratory have numbers too.
    fn plate(&self) -> Option<Confidence> {
        let len = self.digits() + self.letters();
        let is_plate = (4..=8).contains(&len)
            && self.digits() > 0
            && (self.letters() > 0 || self.digits() >= 6)
            && self.text.len() <= len + 2;
        is_plate.then_some(Confidence::High)
    }

    fn routing(&self) -> Option<Confidence> {
        let is_right = check::aba(&self.numerals::<9>()?);
        Some(if is_right { Confidence::High } else { Confidence::Low })
    }

    /// Nine digits; or the last four of them behind a mask.
    fn ssn(&self) -> Option<Confidence> {
        let is_rest = |b: &u8| b.is_ascii_digit() || b"xX#- .".contains(b);
        if self.digits() == 4
            && (9..=11).contains(&self.text.len())
            && self.text.iter().all(is_rest)
        {
            return Some(Confidence::Medium);
        }
        let is_plausible = ssn::is_plausible(&self.numerals::<9>()?);
        Some(if is_plausible { Confidence::High } else { Confidence::Medium })
    }

    /// A number of digits alone may count the rows of a table.
    fn study(&self) -> Option<Confidence> {
        self.sized(1, 3)?;
        let is_trial = self.text.starts_with(b"NCT") && self.text.len() == 11;
        let is_count = self.digits() == self.text.len();
        let confidence = if is_count { Confidence::Medium } else { Confidence::High };
        (!is_trial).then_some(confidence)
    }

    /// Seventeen places; the check digit is North America's (49 CFR 565.15).
    fn vin(&self) -> Option<Confidence> {
        let places = self.places::<17>()?;
        Some(if check::vin(&places) { Confidence::High } else { Confidence::Medium })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(family: Family, text: &str) -> Option<Confidence> {
        weigh(family, text.as_bytes()).unwrap()
    }

    #[test]
    fn a_right_check_digit_is_surer_and_a_wrong_one_is_told() {
        use Confidence::{High, Low, Medium};
        for (family, text, confidence) in [
            (Family::Npi, "1679576722", High),
            (Family::Npi, "1679576723", Medium),
            (Family::Dea, "BS1388568", High),
            (Family::Dea, "BS1388567", Medium),
            (Family::Vin, "1M8GDM9AXKP042788", High),
            (Family::Vin, "1M8GDM9A1KP042788", Medium),
            (Family::Routing, "011000015", High),
            (Family::Routing, "011000016", Low),
            (Family::Card, "4539 1488 0343 6467", High),
            (Family::Card, "4539148803436468", Low),
            (Family::Iban, "DE89 3704 0044 0532 0130 00", High),
            (Family::Iban, "DE89 3704 0044 0532 0130 01", Medium),
            (Family::Ssn, "219-45-6183", High),
            (Family::Ssn, "999-84-9409", High),
            (Family::Ssn, "666456183", Medium),
            (Family::Ssn, "XXX-XX-6183", Medium),
            (Family::Imei, "490154203237518", High),
            (Family::Mac, "00:1b:44:11:3a:b7", Medium),
            (Family::Plate, "7XYZ123", High),
            (Family::StudyId, "1.2.840.113619.2.55.3", High),
            (Family::PatientId, "P-17", Medium),
        ] {
            assert_eq!(weighed(family, text), Some(confidence), "{family:?} {text}");
        }
    }

    #[test]
    fn what_is_plainly_something_else_is_nothing() {
        for (family, text) in [
            (Family::License, "Apache-2.0"),
            (Family::License, "BSD-3-Clause"),
            (Family::Device, "3"),
            (Family::Device, "cuda:0"),
            (Family::Account, "prod-us-east-1"),
            (Family::Npi, "aws"),
            (Family::Npi, "12345"),
            (Family::Plate, "12"),
            (Family::Plate, "tectonic plate 4"),
            (Family::Mac, "apple"),
            (Family::Vin, "42"),
            (Family::Ssn, "12345"),
            (Family::Ssn, "see chart"),
            (Family::StudyId, "NCT01234567"),
            (Family::StudyId, "4"),
            (Family::Card, "green"),
            (Family::Routing, "round-robin"),
            (Family::Mrn, "none"),
            (Family::Passport, "local"),
        ] {
            assert_eq!(weighed(family, text), None, "{family:?} {text}");
        }
        assert_eq!(weigh(Family::Name, b"Roe"), None, "no number's family");
    }
}
