//! HL7 v2.

use super::{is_chunk_invariant, masked, tells, told};

pub(super) const ADMISSION: &str = concat!(
    "MSH|^~\\&|ADT|STLUKES|EHR|STLUKES|20260402101500||ADT^A01^ADT_A01|00417|P|2.5.1\r",
    "EVN||20260402101455|||C0041^ABARA^INES\r",
    "PID|1|A-55120|4481723^^^STLUKES^MR~219-45-6183^^^SSA^SS~D4417201^^^IL^DL||",
    "ROE^JANE^Q^III^^MD||19560423|F|MAIDEN^JANE|2106-3|",
    "12 ELM ST^APT 4^SPRINGFIELD^IL^62704^USA^H^^SANGAMON||",
    "(217)555-0143^PRN^PH~^NET^Internet^jane.roe@stlukes-clinic.org|^WPN^FX^^1^217^5550199||||",
    "A7731002^^^STLUKES^AN|219-45-6183|R4417-8820-1934^IL|||CHICAGO||||||20260601\r",
    "NK1|1|ROE^JOHN|SPO|14 OAK AVE^^PEORIA^IL^61602|3095550177\r",
    "PV1|1|I|W3^12^1||||1679576722^HALE^ANN^^^DR||||||||||||V100553|||||||||||||||||||||||||",
    "202604020930|20260409\r",
    "GT1|1|G2201|ROE^JOHN||14 OAK AVE^^PEORIA^IL^61602|3095550177||19540117||||321546987\r",
    "IN1|1|HMO1|77|ACME HEALTH||||GRP5520||||20260101||||ROE^JOHN|SPO|19540117|",
    "14 OAK AVE^^PEORIA^IL^61602|||||||||||||||||POL99120|||||||||||||XK4471-02\r",
    "OBX|1|TS|8665-2^LMP^LN||20260115||||||F|||20260402\r",
    "OBX|2|NM|2345-7^GLUCOSE^LN||104|mg/dL|70-99|H|||F\r",
    "ZPD|1|QUINN^MARY|20260317|M^Male^HL70001|88104427\r",
);

/// A message with this segment.
fn message(segment: &str) -> String {
    format!("MSH|^~\\&|A|B|C|D|20260402||ADT^A01|1|P|2.5.1\r{segment}\r")
}

#[test]
fn every_place_is_told_by_its_name() {
    tells(
        ADMISSION,
        &[
            ("EVN-2", "date", "20260402101455"),
            ("EVN-5", "provider", "ABARA^INES"),
            ("PID-2", "mrn", "A-55120"),
            ("PID-3", "mrn", "4481723"),
            ("PID-3", "ssn", "219-45-6183"),
            ("PID-3", "license", "D4417201"),
            ("PID-5", "name", "ROE^JANE^Q"),
            ("PID-7", "date", "19560423"),
            ("PID-9", "name", "MAIDEN^JANE"),
            ("PID-11.1", "geographic", "12 ELM ST"),
            ("PID-11.2", "geographic", "APT 4"),
            ("PID-11.3", "geographic", "SPRINGFIELD"),
            ("PID-11.5", "geographic", "62704"),
            ("PID-11.9", "geographic", "SANGAMON"),
            ("PID-13.1", "phone", "(217)555-0143"),
            ("PID-13.4", "email", "jane.roe@stlukes-clinic.org"),
            ("PID-14.7", "fax", "217^5550199"),
            ("PID-18", "account", "A7731002"),
            ("PID-19", "ssn", "219-45-6183"),
            ("PID-20", "license", "R4417-8820-1934"),
            ("PID-23", "geographic", "CHICAGO"),
            ("PID-29", "date", "20260601"),
            ("NK1-2", "name", "ROE^JOHN"),
            ("NK1-4.1", "geographic", "14 OAK AVE"),
            ("NK1-4.3", "geographic", "PEORIA"),
            ("NK1-4.5", "geographic", "61602"),
            ("NK1-5.1", "phone", "3095550177"),
            ("PV1-7.1", "provider", "1679576722"),
            ("PV1-7", "provider", "HALE^ANN"),
            ("PV1-19", "account", "V100553"),
            ("PV1-44", "date", "202604020930"),
            ("PV1-45", "date", "20260409"),
            ("GT1-2", "account", "G2201"),
            ("GT1-3", "name", "ROE^JOHN"),
            ("GT1-5.1", "geographic", "14 OAK AVE"),
            ("GT1-5.3", "geographic", "PEORIA"),
            ("GT1-5.5", "geographic", "61602"),
            ("GT1-6.1", "phone", "3095550177"),
            ("GT1-8", "date", "19540117"),
            ("GT1-12", "ssn", "321546987"),
            ("IN1-8", "health-plan", "GRP5520"),
            ("IN1-16", "name", "ROE^JOHN"),
            ("IN1-18", "date", "19540117"),
            ("IN1-19.1", "geographic", "14 OAK AVE"),
            ("IN1-19.3", "geographic", "PEORIA"),
            ("IN1-19.5", "geographic", "61602"),
            ("IN1-36", "health-plan", "POL99120"),
            ("IN1-49", "health-plan", "XK4471-02"),
            ("OBX-5", "date", "20260115"),
            ("OBX-14", "date", "20260402"),
            ("ZPD-2", "name", "QUINN^MARY"),
            ("ZPD-3", "date", "20260317"),
            ("ZPD-5", "mrn", "88104427"),
        ],
    );
}

#[test]
fn a_value_that_is_none_is_not_told() {
    for segment in [
        "PID|1||||\"\"^\"\"||\"\"|||||\"\"",
        "PID|||||UNKNOWN^UNKNOWN||00000000|||UNKNOWN||||||||000000000",
        "PID|||XXXXXXX^^^^MR||X^X^X||XXXXXXXX",
        "PID|||*******^^^^MR||***^****||********",
        "PID|1|||||||M||2106-3||||ENG|S|CAT",
        "IN1|1|HMO1|7712001|ACME HEALTH PLAN OF OHIO|PO BOX 4^^AKRON^OH^44308|||||BIG EMPLOYER INC",
        "AL1|1|DA|1545^PENICILLIN^RXNORM|SV|HIVES",
        "OBX|1|CE|883-1^ABO^LN||41^Group O^L||||||F",
        "OBX|1|ED|PDF^Report||^application^pdf^Base64^JVBERi0xLjQK||||||F",
        "ZXX|M^Male^HL70001|Y|12.50|ABC|12345|EMERGENCY",
        "not a segment at all, name Jane",
    ] {
        tells(&message(segment), &[]);
    }
}

#[test]
fn separators_are_those_of_each_message() {
    let text = concat!(
        "MSH#*%?+#A#B\rPID###4481723***X*MR##ROE*JANE##19560423\r",
        "MSH|^~\\&|A|B\nPID|||4481724^^^X^MR||DOE^ANN||19600102\n",
    );
    tells(
        text,
        &[
            ("PID-3", "mrn", "4481723"),
            ("PID-5", "name", "ROE*JANE"),
            ("PID-7", "date", "19560423"),
            ("PID-3", "mrn", "4481724"),
            ("PID-5", "name", "DOE^ANN"),
            ("PID-7", "date", "19600102"),
        ],
    );
}

#[test]
fn frames_files_and_lost_headers_are_recognised() {
    for start in [
        "\x0bMSH|^~\\&|A\r",
        "FHS|^~\\&|A\rBHS|^~\\&|A\rMSH|^~\\&|A\r",
        "\u{feff}\r\nMSH|^~\\&|A\r\n",
        "",
    ] {
        let text = format!("{start}PID|||4481723||ROE^JANE||19560423\r\x1c\r");
        let places: Vec<_> = told(&text).into_iter().map(|(locus, ..)| locus).collect();
        assert_eq!(places, ["PID-3", "PID-5", "PID-7"], "{text:?}");
    }
    for text in ["MSHX ROE^JANE", "PID file: 4481723 | x", "MSH", "PIDGIN|a|b|c|d"] {
        tells(text, &[]);
    }
}

#[test]
fn escapes_are_read_and_kept() {
    let text = message(r"PID|||||O\T\NEIL\X27\S^ANN||||||12 A\F\B ST^^\H\PARIS\N\^^75001");
    let wanted = [
        ("PID-5", "name", r"O\T\NEIL\X27\S^ANN"),
        ("PID-11.1", "geographic", r"12 A\F\B ST"),
        ("PID-11.3", "geographic", r"\H\PARIS\N\"),
        ("PID-11.5", "geographic", "75001"),
    ];
    tells(&text, &wanted);
    // A placeholder by its escapes, not by how it is written.
    tells(&message(r"PID|||||\X554E4B\"), &[]);
}

#[test]
fn the_type_of_an_observation_tells_its_value() {
    for (kind, value, locus, class) in [
        ("XPN", "ROE^JANE", "OBX-5", "name"),
        ("XTN", "(217)555-0143", "OBX-5.1", "phone"),
        ("CX", "4481723^^^A^MR", "OBX-5", "mrn"),
        ("XCN", "^HALE^ANN", "OBX-5", "provider"),
        ("DT", "20260115", "OBX-5", "date"),
    ] {
        let found = told(&message(&format!("OBX|1|{kind}|1^X^L||{value}||||||F")));
        let found: Vec<_> = found.iter().map(|(l, c, _)| (l.as_str(), *c)).collect();
        assert_eq!(found, [(locus, class)], "{kind}");
    }
}

#[test]
fn free_text_is_read_by_the_detectors() {
    let text = message("NTE|1||call jane.roe@stlukes-clinic.org, SSN 219-45-6183");
    let found = super::whole(text.as_bytes());
    let classes: Vec<_> = found.findings.iter().map(|f| f.identifier.name()).collect();
    assert_eq!(classes, ["email", "ssn"]);
}

#[test]
fn a_field_without_end_does_not_hide_the_next_segment() {
    let long = "A".repeat(100_000);
    let text = message(&format!("PID|||{long}^^^X^MR||{long}^{long}\rNK1|1|ROE^JOHN"));
    tells(&text, &[("NK1-2", "name", "ROE^JOHN")]);
    let many = message(&format!("PID|||{}", "4481723^^^X^MR~".repeat(500)));
    assert_eq!(told(&many).len(), 500);
}

#[test]
fn any_split_tells_the_same() {
    is_chunk_invariant(ADMISSION);
}

#[test]
fn a_masked_message_is_a_message() {
    let masked = masked(ADMISSION);
    let shape = |text: &str| -> Vec<usize> {
        text.split('\r').map(|line| line.matches(['|', '^', '~', '\\', '&']).count()).collect()
    };
    assert_eq!(shape(&masked), shape(ADMISSION));
    assert!(masked.contains("|***^****^*^III^^MD||********|F|"), "{masked}");
}
