//! What is planted: one value of each class, as the carriers write it.

use dlp::Identifier;

/// A value and what announces it in each kind of form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plant {
    pub(crate) identifier: Identifier,
    /// As prose writes it, label and value.
    pub(crate) text: &'static str,
    pub(crate) value: &'static str,
    /// The name of a column, key or element.
    pub(crate) key: &'static str,
    /// A segment of HL7 v2.
    pub(crate) hl7: &'static str,
    /// A segment of X12 behind the subscriber's name.
    pub(crate) x12: &'static str,
    /// Tag and value representation in DICOM.
    pub(crate) dicom: Option<(u32, &'static str, &'static str)>,
}

pub(crate) const PLANTS: &[Plant] = &[
    Plant {
        identifier: Identifier::Ssn,
        text: "SSN 219-45-6183",
        value: "219-45-6183",
        key: "ssn",
        hl7: "PID|1||X1||ROE^JANE||||||||||||||219-45-6183",
        x12: "REF*SY*219456183",
        dicom: Some((0x0009_1001, "LO", "SSN 219-45-6183")),
    },
    Plant {
        identifier: Identifier::Mrn,
        text: "MRN: 4481723",
        value: "4481723",
        key: "mrn",
        hl7: "PID|1||4481723^^^CLINIC^MR||",
        x12: "REF*EA*4481723",
        dicom: Some((0x0010_0020, "LO", "4481723")),
    },
    Plant {
        identifier: Identifier::Email,
        text: "write to jane.roe@stlukes-clinic.org",
        value: "jane.roe@stlukes-clinic.org",
        key: "email",
        hl7: "NTE|1||write to jane.roe@stlukes-clinic.org",
        x12: "PER*IC**EM*jane.roe@stlukes-clinic.org",
        dicom: Some((0x0010_4000, "LT", "write to jane.roe@stlukes-clinic.org")),
    },
    Plant {
        identifier: Identifier::Phone,
        text: "Phone: (212) 736-5000",
        value: "(212) 736-5000",
        key: "phone",
        hl7: "PID|1||||||||||||(212)736-5000",
        x12: "PER*IC**TE*2127365000",
        dicom: Some((0x0010_2154, "SH", "(212) 736-5000")),
    },
    Plant {
        identifier: Identifier::Date,
        text: "DOB: 04/23/1956",
        value: "1956-04-23",
        key: "date_of_birth",
        hl7: "PID|1||||||19560423",
        x12: "DMG*D8*19560423*F",
        dicom: Some((0x0010_0030, "DA", "19560423")),
    },
    Plant {
        identifier: Identifier::HealthPlan,
        text: "Member ID: XYZ123456789",
        value: "XYZ123456789",
        key: "member_id",
        hl7: "IN1|1|P1|C1|||||||||||||||||||||||||||||||||XYZ123456789",
        x12: "NM1*IL*1******MI*XYZ123456789",
        dicom: None,
    },
    Plant {
        identifier: Identifier::Name,
        text: "Patient: Lucy Westenra",
        value: "Lucy Westenra",
        key: "patient_name",
        hl7: "PID|1||||WESTENRA^LUCY",
        x12: "NM1*QC*1*WESTENRA*LUCY",
        dicom: Some((0x0010_0010, "PN", "Westenra^Lucy")),
    },
];
