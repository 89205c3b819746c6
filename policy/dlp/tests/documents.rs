//! JSON and XML documents, FHIR and C-CDA among them: what is found by its place, what is not, and that
//! neither chunks nor damage change more than they must.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use dlp::redact::mask;
use dlp::{Catalog, Confidence, Evidence, Finding, Hint, Limits, Scanner};
use proptest::prelude::*;

fn scan_in(bytes: &[u8], size: usize) -> Evidence {
    let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
    bytes.chunks(size.max(1)).for_each(|chunk| scanner.feed(chunk));
    scanner.finish();
    scanner.evidence().clone()
}

fn scan(bytes: &[u8]) -> Evidence {
    scan_in(bytes, bytes.len())
}

/// What is found by its place: `locus identifier confidence value`.
fn found(text: &str) -> Vec<String> {
    let told = |finding: &Finding| {
        let span = finding.span.start as usize..finding.span.end as usize;
        // What a value holds, such as a picture, has places of its own.
        let locus = finding.locus.as_deref().filter(|_| finding.member.is_none())?;
        Some(format!("{locus} {} {} {}", finding.identifier, finding.confidence, &text[span]))
    };
    // Spans of what stands in another spelling are offsets of its own text.
    scan(text.as_bytes()).findings.iter().filter(|f| f.member.is_none()).filter_map(told).collect()
}

/// What would block: findings of medium or more.
fn grave(text: &str) -> Vec<String> {
    let is_grave = |f: &&Finding| f.confidence >= Confidence::Medium;
    let evidence = scan(text.as_bytes());
    let shown = |f: &Finding| {
        let span = f.span.start as usize..f.span.end as usize;
        format!("{} {:?} {}", f.identifier, f.locus, &text[span])
    };
    evidence.findings.iter().filter(is_grave).map(shown).collect()
}

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p-4481723","identifier":[
 {"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"http://stlukes.example","value":"4481723"},
 {"value":"219-45-6183","system":"http://hl7.org/fhir/sid/us-ssn"},
 {"type":{"text":"Driver's license number","coding":[{"code":"DL"}]},"value":"S99940903"},
 {"system":"urn:oid:2.16.840.1.113883.4.572","value":"219456183A"}],
 "name":[{"use":"official","family":"O\u0027Malley","given":["Siobhán","Ruth"],"period":{"start":"2001-02-03"}}],
 "telecom":[{"system":"phone","value":"+1 212 736 5000"},{"value":"212-736-5001","system":"fax"},{"system":"email","value":"s.omalley@stlukes.example"}],
 "gender":"female","birthDate":"1956-04-23","deceasedDateTime":"2019-05-09T20:35:22-04:00",
 "address":[{"line":["12 Elm Street","Apt 4"],"city":"Olathe","district":"Johnson","state":"KS","postalCode":"66801"}],
 "photo":[{"contentType":"image/jpeg","data":"/9j/4AAQSkZJRgABAQEAYABg"}],
 "extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName","valueString":"Harold"},
  {"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex","valueCode":"F"},
  {"valueAddress":{"city":"Lenexa","state":"Kansas"},"url":"http://hl7.org/fhir/StructureDefinition/patient-birthPlace"}],
 "contact":[{"name":{"family":"Roe","given":["Jane"]},"telecom":[{"system":"phone","value":"(212) 736-5002"}]}],
 "managingOrganization":{"reference":"Organization/77","display":"St Luke's Clinic"},
 "generalPractitioner":[{"reference":"Practitioner/12","display":"Dr. Ann Doe"}],
 "maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"Married"}]}}"#;

#[test]
fn a_fhir_patient_by_its_places() {
    assert_eq!(
        found(PATIENT),
        [
            "Patient.id mrn medium p-4481723",
            "Patient.identifier.value mrn high 4481723",
            "Patient.identifier.value ssn high 219-45-6183",
            "Patient.identifier.value license high S99940903",
            "Patient.identifier.value health-plan high 219456183A",
            "Patient.name.family name high O\\u0027Malley",
            "Patient.name.given name high Siobhán",
            "Patient.name.given name high Ruth",
            "Patient.telecom.value phone high +1 212 736 5000",
            "Patient.telecom.value fax high 212-736-5001",
            "Patient.telecom.value email high s.omalley@stlukes.example",
            "Patient.birthDate date high 1956-04-23",
            "Patient.deceasedDateTime date high 2019-05-09T20:35:22-04:00",
            "Patient.address.line geographic high 12 Elm Street",
            "Patient.address.line geographic high Apt 4",
            "Patient.address.city geographic high Olathe",
            "Patient.address.district geographic high Johnson",
            "Patient.address.postalCode geographic high 66801",
            "Patient.photo.data photo high /9j/4AAQSkZJRgABAQEAYABg",
            "Patient.extension.valueString name high Harold",
            "Patient.extension.valueAddress.city geographic high Lenexa",
            "Patient.contact.name.family name high Roe",
            "Patient.contact.name.given name high Jane",
            "Patient.contact.telecom.value phone high (212) 736-5002",
            "Patient.generalPractitioner.display provider high Dr. Ann Doe",
        ]
    );
}

#[test]
fn the_order_of_keys_does_not_matter() {
    let late = r#"{"address":[{"city":"Olathe"}],"birthDate":"1956-04-23","name":[{"family":"Roe"}],
        "telecom":[{"value":"212-736-5001","system":"fax"}],"resourceType":"Patient"}"#;
    assert_eq!(
        found(late),
        [
            "Patient.address.city geographic high Olathe",
            "Patient.birthDate date high 1956-04-23",
            "Patient.name.family name high Roe",
            "Patient.telecom.value fax high 212-736-5001",
        ]
    );
    let clinic = late.replace("Patient", "Organization").replace("birthDate", "founded");
    assert_eq!(found(&clinic), [""; 0]);
}

#[test]
fn the_rest_of_a_record() {
    let bundle = r#"{"resourceType":"Bundle","type":"collection","entry":[
      {"fullUrl":"urn:uuid:5cbc121b-cd71-4428-b8b7-31e53eba8184","resource":{"resourceType":"Patient","active":true}},
      {"fullUrl":"urn:uuid:0cbc121b-cd71-4428-b8b7-31e53eba8184","resource":{"resourceType":"Organization","name":"St Luke"}},
      {"resource":{"resourceType":"Observation","subject":{"display":"Jane Roe","reference":"Patient/p-17"},"issued":"2019-05-09T20:35:22Z",
        "code":{"coding":[{"system":"http://loinc.org","code":"8302-2","display":"Body Height"}]},"valueQuantity":{"value":193.7},
        "performer":[{"reference":"Practitioner/4","display":"Dr Ann Doe"}]}},
      {"resource":{"resourceType":"Encounter","period":{"start":"2019-05-09","end":"2020"},"identifier":[{"value":"V-99812"}]}},
      {"resource":{"resourceType":"Coverage","subscriberId":"W12345678","beneficiary":{"reference":"https://h.example/fhir/Patient/77a"}}},
      {"resource":{"resourceType":"Device","serialNumber":"SN-889123","udiCarrier":[{"deviceIdentifier":"00844588003288"}],"lotNumber":"L17712"}},
      {"resource":{"resourceType":"Practitioner","birthDate":"1970-01-02","identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1679576722"}],
        "name":[{"family":"Doe"}],"address":[{"city":"Emporia"}]}}]}"#;
    assert_eq!(
        found(bundle),
        [
            "Bundle.entry.fullUrl mrn medium 5cbc121b-cd71-4428-b8b7-31e53eba8184",
            "Observation.subject.display name high Jane Roe",
            "Observation.subject.reference mrn medium p-17",
            "Observation.issued date medium 2019-05-09T20:35:22Z",
            "Observation.performer.display provider high Dr Ann Doe",
            "Encounter.period.start date medium 2019-05-09",
            "Encounter.identifier.value account high V-99812",
            "Coverage.subscriberId health-plan high W12345678",
            "Coverage.beneficiary.reference mrn medium 77a",
            "Device.serialNumber device high SN-889123",
            "Device.udiCarrier.deviceIdentifier device medium 00844588003288",
            "Practitioner.identifier.value provider high 1679576722",
            "Practitioner.name.family provider high Doe",
        ]
    );
}

#[test]
fn other_json_by_its_keys() {
    let records = r#"[{"ssn":219456183,"patient":{"name":"Jane Roe","address":{"city":"Olathe","zip":"66801"}},"phones":["(212) 736-5000","212.736.5001"]},
      {"mrn":{"value":"4481723"},"visit":{"date":"2019-05-09"},"name":"Ann Doe"},
      {"name":"ssn","value":"219-45-6184"},
      {"ssn":{"0":"219-45-6185","1":"219-45-6186"}}]"#;
    let found = found(records);
    for wanted in [
        "ssn ssn high 219456183",
        "patient.name name high Jane Roe",
        "patient.address.city geographic high Olathe",
        "patient.address.zip geographic high 66801",
        "phones phone high (212) 736-5000",
        "phones phone high 212.736.5001",
        "mrn.value mrn high 4481723",
        "visit.date date medium 2019-05-09",
        "name name high Ann Doe",
        "value ssn high 219-45-6184",
        "ssn.0 ssn high 219-45-6185",
        "ssn.1 ssn high 219-45-6186",
    ] {
        // An index is no word, so that it is not shown.
        let wanted = wanted.replace("ssn.0", "ssn.*").replace("ssn.1", "ssn.*");
        assert!(found.contains(&wanted), "{wanted}: {found:#?}");
    }
    assert_eq!(found.len(), 12, "{found:#?}");
}

#[test]
fn a_key_that_is_a_value_is_not_shown() {
    let text = r#"{"patients":{"Jane Roe":{"dob":"1956-04-23"},"4481723":{"Jane Roe ssn":"219-45-6183"}}}"#;
    let loci: Vec<String> = found(text);
    assert_eq!(
        loci,
        ["patients.*.dob date high 1956-04-23", "patients.*.ssn ssn high 219-45-6183"]
    );
}

#[test]
fn what_is_no_value_of_a_person() {
    for text in [
        r#"{"name":"resnet50","license":"Apache-2.0","version":"1.2.3","author":{"name":"Ann Doe"}}"#,
        r#"{"resourceType":"Organization","name":"St Luke's","address":[{"city":"Olathe","postalCode":"66801"}],"identifier":[{"value":"77123"}]}"#,
        r#"{"resourceType":"ValueSet","name":"VitalSigns","date":"2019-05-09","contact":[{"name":"HL7 Help"}]}"#,
        r#"{"birthDate":"1956","dob":null,"ssn":"***-**-****","mrn":"REDACTED","phone":"","fax":"n/a"}"#,
        r#"{"resourceType":"Patient","id":"example","birthDate":"1956","address":[{"state":"KS","country":"US"}]}"#,
        r#"{"device":"cuda:0","card":"visa","age":45,"city":"Boston","date":"2020-01-02","cell":12,"serialNumber":"urn:uuid:3e671687"}"#,
        r#"{"PolicyId":"p-examplepolicyid111","Policies":[{"Id":"p-17711","Name":"AllowAllS3Actions"}]}"#,
        r#"[0.219456183,219456183,1e9,[4481723,17],{"shape":[768,1024],"loss":0.0219}]"#,
        r#"{"weight_map":{"model.layers.0.address.weight":"model-00001-of-00002.safetensors","name.city":"x"}}"#,
    ] {
        assert_eq!(grave(text), [""; 0], "{text}");
    }
}

#[test]
fn lines_are_documents_of_their_own() {
    let patient = r#"{"resourceType":"Patient","birthDate":"1956-04-23"}"#;
    let broken = r#"{"resourceType":"Organization","name":["a {[[["#;
    let unclosed = r#"{"resourceType":"Organization","name":"a"#;
    let text = [patient, broken, patient, unclosed, patient, ""].join("\n");
    assert_eq!(found(&text), ["Patient.birthDate date high 1956-04-23"; 3]);
}

#[test]
fn what_is_masked_is_json_still_and_nothing_is_left() {
    let numbers =
        r#"{"ssn":219456183,"mrn":4481723,"patient":{"name":"Jane Roe"},"phones":[2127365000]}"#;
    for text in [PATIENT, numbers] {
        let mut bytes = text.as_bytes().to_vec();
        mask(&scan(&bytes).findings, 0, &mut bytes, |_| true);
        assert_eq!(bytes.len(), text.len());
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
        assert_eq!(scan(&bytes).findings, vec![], "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn every_split_gives_the_same() {
    for text in [PATIENT, CDA] {
        let whole = scan(text.as_bytes());
        for at in 1..text.len() {
            let (first, second) = text.as_bytes().split_at(at);
            let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
            scanner.feed(first);
            scanner.feed(second);
            scanner.finish();
            assert_eq!(scanner.evidence(), &whole, "split at {at}");
        }
    }
}

#[test]
fn depth_and_length_have_their_limits() {
    let deep = format!("{}{}{}", "{\"patient\":".repeat(5000), "{\"ssn\":\"x\"}", "}".repeat(5000));
    assert_eq!(found(&deep), [""; 0]);
    let behind = format!("[{deep},{{\"mrn\":\"4481723\"}}]");
    assert_eq!(found(&behind), ["mrn mrn high 4481723"], "what follows is read again");
    let long = "x1".repeat(5000);
    let many = format!("{{\"{long}\":\"{long}\",\"mrn\":\"{long}\",\"dob\":\"1956-04-23\"}}");
    assert_eq!(found(&many), ["dob date high 1956-04-23"]);
    let photo =
        format!(r#"{{"resourceType":"Patient","photo":[{{"data":"{}"}}]}}"#, "QUJD".repeat(5000));
    let mut bytes = photo.clone().into_bytes();
    mask(&scan(&bytes).findings, 0, &mut bytes, |_| true);
    assert!(!bytes.windows(4).any(|w| w == b"QUJD"), "a photograph is masked to its end");
}

const CDA: &str = r#"<?xml version="1.0"?>
<!DOCTYPE ClinicalDocument [ <!ENTITY x "219-45-6183"> ]>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc">
  <!-- made up -->
  <id root="2.16.840.1.113883.19.5.99999.1" extension="TT988"/>
  <effectiveTime value="20190509203522-0500"/>
  <recordTarget><patientRole>
    <id root="2.16.840.1.113883.19.5" extension="4481723"/>
    <id extension="219-45-6183" root="2.16.840.1.113883.4.1"/>
    <addr use="HP"><streetAddressLine>12 Elm Street</streetAddressLine><city>Olathe</city><state>KS</state><postalCode>66801</postalCode></addr>
    <telecom use="HP" value="tel:+1(212)736-5000"/>
    <telecom value="mailto:jane@stlukes.example"/>
    <patient>
      <name><given>Jane</given><family><![CDATA[O'Malley]]></family></name>
      <administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/>
      <birthTime value="19560423"/>
      <guardian><guardianPerson><name>Siobh&#225;n Roe</name></guardianPerson></guardian>
      <birthplace><place><addr><city>Lenexa</city></addr></place></birthplace>
    </patient>
    <providerOrganization><id extension="77" root="2.16"/><name>St Luke's Clinic</name><addr><city>Emporia</city></addr></providerOrganization>
  </patientRole></recordTarget>
  <author><assignedAuthor><id extension="1679576722" root="2.16.840.1.113883.4.6"/>
    <assignedPerson><name><given>Ann</given><family>Doe</family></name></assignedPerson></assignedAuthor></author>
  <component><section><text><table><tr><td>Height 193.7 cm</td></tr></table></text>
    <entry><observation><effectiveTime><low value="20190401"/></effectiveTime><value value="193"/></observation></entry></section></component>
</ClinicalDocument>"#;

#[test]
fn a_clinical_document_by_its_places() {
    assert_eq!(
        found(CDA),
        [
            "effectiveTime date medium 20190509203522-0500",
            "recordTarget.patientRole.id.extension mrn high 4481723",
            "recordTarget.patientRole.id.extension ssn high 219-45-6183",
            "recordTarget.patientRole.addr.streetAddressLine geographic high 12 Elm Street",
            "recordTarget.patientRole.addr.city geographic high Olathe",
            "recordTarget.patientRole.addr.postalCode geographic high 66801",
            "recordTarget.patientRole.telecom.value phone high +1(212)736-5000",
            "recordTarget.patientRole.telecom.value email high jane@stlukes.example",
            "recordTarget.patientRole.patient.name.given name high Jane",
            "recordTarget.patientRole.patient.name.family name high O'Malley",
            "recordTarget.patientRole.patient.birthTime date high 19560423",
            "recordTarget.patientRole.patient.guardian.guardianPerson.name name high Siobh&#225;n Roe",
            "recordTarget.patientRole.patient.birthplace.place.addr.city geographic high Lenexa",
            "author.assignedAuthor.id.extension provider high 1679576722",
            "author.assignedAuthor.assignedPerson.name.given provider high Ann",
            "author.assignedAuthor.assignedPerson.name.family provider high Doe",
            "component.section.entry.observation.effectiveTime.low date medium 20190401",
        ]
    );
}

#[test]
fn fhir_in_xml_and_other_records() {
    let patient = r#"<Patient xmlns="http://hl7.org/fhir"><id value="p17"/>
      <identifier><system value="http://hl7.org/fhir/sid/us-ssn"/><value value="219-45-6183"/></identifier>
      <name><family value="Roe"/><given value="Jane"/></name><telecom><system value="fax"/><value value="212-736-5000"/></telecom>
      <birthDate value="1956-04-23"/><managingOrganization><display value="St Luke"/></managingOrganization></Patient>"#;
    assert_eq!(
        found(patient),
        [
            "Patient.id mrn medium p17",
            "Patient.identifier.value ssn high 219-45-6183",
            "Patient.name.family name high Roe",
            "Patient.name.given name high Jane",
            "Patient.telecom.value fax high 212-736-5000",
            "Patient.birthDate date high 1956-04-23",
        ]
    );
    let record = r#"<records><record ssn="219-45-6183"><patient><name>Jane Roe</name><dob>1956-04-23</dob></patient></record></records>"#;
    assert_eq!(
        found(record),
        [
            "record.ssn ssn high 219-45-6183",
            "record.patient.name name high Jane Roe",
            "record.patient.dob date high 1956-04-23",
        ]
    );
    for text in [
        r#"<?xml version="1.0"?><project><name>resnet50</name><version>1.2.3</version><license>Apache-2.0</license></project>"#,
        r#"<svg xmlns="http://www.w3.org/2000/svg"><path d="M219456183 17" id="p1"/><text x="1" y="2">Olathe</text></svg>"#,
    ] {
        assert_eq!(grave(text), [""; 0], "{text}");
    }
}

#[test]
fn what_is_masked_is_xml_still() {
    let mut bytes = CDA.as_bytes().to_vec();
    mask(&scan(&bytes).findings, 0, &mut bytes, |_| true);
    let masked = String::from_utf8(bytes).unwrap();
    let tags = |text: &str| text.matches(['<', '>', '"']).count();
    assert_eq!(tags(&masked), tags(CDA));
    assert!(masked.contains("<family><![CDATA[*'******]]></family>"), "{masked}");
    assert_eq!(found(&masked), [""; 0]);
}

/// Pieces of documents, well and badly put together.
fn document() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\n",
        " ",
        "\\u00e9",
        "\\ud83d\\ude00",
        "{\"resourceType\":\"Patient\",",
        "\"resourceType\":\"Organization\"",
        "\"name\":[{\"family\":\"Roe\",\"given\":[\"Jane\"]}],",
        "\"identifier\":[{\"value\":\"219-45-6183\",\"system\":\"http://hl7.org/fhir/sid/us-ssn\"}],",
        "\"birthDate\":\"1956-04-23\"",
        "\"ssn\":219456183",
        "\"mrn\":\"4481723\",",
        "\"city\":\"Olathe\",",
        "\"telecom\":[{\"system\":\"phone\",\"value\":\"2127365000\"}]",
        "\"photo\":[{\"data\":\"QUJDREVGR0g=\"}]",
        "\"entry\":[{\"resource\":",
        "\"subject\":{\"reference\":\"Patient/p1\",\"display\":\"Jane Roe\"}",
        "0.25,",
        "1956-04-23",
        "<a>",
        "</a>",
        "<patient name='Jane Roe'>",
        "<name>Roe</name>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<id root=\"2.16.840.1.113883.4.1\" extension=\"",
        "<recordTarget>",
        "<birthTime value=\"19560423\"/>",
        "<ssn>219-45-6183</ssn>",
        "<?",
        "?>",
        "&#65;",
        "<!DOCTYPE x [",
        "]>",
        "\"extension\":[{\"url\":\"x/patient-mothersMaidenName\",\"valueString\":\"Harold\"}],",
    ]);
    let piece = prop_oneof![
        8 => pieces.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => (0usize..4000).prop_map(|len| vec![b' '; len]),
        1 => (0usize..1200).prop_map(|len| [b"\"".to_vec(), vec![b'a'; len], b"\"".to_vec()].concat()),
    ];
    prop::collection::vec(piece, 0..40)
        .prop_map(|pieces| [b"{\"x\":".to_vec(), pieces.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_and_chunks_change_nothing(bytes in document(), size in 1usize..300) {
        prop_assert_eq!(scan_in(&bytes, size), scan(&bytes));
    }

    #[test]
    fn a_damaged_patient_never_panics(at in 0usize..2000, byte in any::<u8>(), cut in 0usize..2600) {
        let mut bytes = if byte % 2 == 0 { PATIENT } else { CDA }.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len().min(cut));
        prop_assert_eq!(scan_in(&bytes, 7), scan(&bytes));
    }
}
