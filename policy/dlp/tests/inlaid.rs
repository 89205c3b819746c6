//! Structured forms within other text: lines of logs, strings, cells, sections. What is told, where, and
//! that neither chunks nor look-alikes change it. All messages are made up.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "build/pieces.rs"]
mod pieces;

use dlp::Confidence;
use dlp::redact::mask;
use pieces::evidence;

const ADT: [&str; 3] = [
    "MSH|^~\\&|ADT|STLUKES|EHR|STLUKES|20260402101500||ADT^A01|00417|P|2.5.1",
    "PID|1||4481723^^^STLUKES^MR||ROE^JANE^Q||19560423|F|||12 ELM ST^^SPRINGFIELD^IL^62704|||||||MOSMCK",
    "NK1|1|ROE^JOHN|SPO",
];
const CLAIM: &str = "NM1*IL*1*SMITH*AMY****MI*8GX7WP7VP80~DMG*D8*19810421*F~REF*SY*886239197~\
    N3*14 OAK AVE~N4*PEORIA*IL*61602~NM1*85*2*CLINIC*****XX*1548073208~";
const PATIENT: &str = r#"{"resourceType":"Patient","name":[{"family":"Roe","given":["Jane"]}],"birthDate":"1956-04-23"}"#;

/// What is told by a form: its place, and what stands there.
fn told(text: &str) -> Vec<(String, String)> {
    let evidence = evidence(text.as_bytes(), &[usize::MAX]);
    let sure = evidence.findings.iter().filter(|f| f.confidence >= Confidence::Medium);
    let told = sure.filter_map(|f| {
        assert_eq!(f.member, None, "it stands where it can be masked");
        let value = &text[f.span.start as usize..f.span.end as usize];
        f.locus.as_ref().map(|locus| (locus.to_string(), value.to_owned()))
    });
    told.collect()
}

#[track_caller]
fn tells(text: &str, wanted: &[(&str, &str)]) {
    let told = told(text);
    let told: Vec<_> = told.iter().map(|(l, v)| (l.as_str(), v.as_str())).collect();
    for pair in wanted {
        assert!(told.contains(pair), "{pair:?} is not among {told:?} in {text:?}");
    }
}

const PERSON: &[(&str, &str)] = &[
    ("PID-3", "4481723"),
    ("PID-5", "ROE^JANE^Q"),
    ("PID-7", "19560423"),
    ("PID-11.1", "12 ELM ST"),
    ("PID-18", "MOSMCK"),
    ("NK1-2", "ROE^JOHN"),
];
const MEMBER: &[(&str, &str)] = &[
    ("NM103", "SMITH*AMY"),
    ("NM109", "8GX7WP7VP80"),
    ("DMG02", "19810421"),
    ("REF02", "886239197"),
    ("N301", "14 OAK AVE"),
    ("N401", "PEORIA"),
];

/// Everything that HL7 is found in.
fn messages() -> Vec<String> {
    let [msh, pid, nk1] = ADT;
    let prefix = "2026-01-01T00:00:00Z INFO recv ";
    let json = |end: &str| serde_json::to_string(&[ADT.join(end)]).unwrap();
    vec![
        format!("{prefix}{msh}\n{prefix}{pid}\n{prefix}{nk1}\n"),
        format!("{prefix}{}\n", ADT.join("\\r")),
        format!("listening\nstarted\n{}\n", ADT.join("\n")),
        format!("ok\n\x0b{}\r\x1c\r\nok\n", ADT.join("\r")),
        format!("{{\"level\":\"info\",\"body\":{}}}\n", json("\r")),
        json("\n"),
        serde_json::to_string(&[json("\r")]).unwrap(),
        format!("id,message\n1,\"{}\"\n2,none\n", ADT.join("\n")),
        format!("<a><msg><![CDATA[{}]]></msg></a>", ADT.join("\r\n")),
        format!(
            "<a><msg>{}</msg></a>",
            ADT.join("&#13;").replace('&', "&amp;").replace("&amp;#", "&#")
        ),
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\nposted:\r\n{}\r\n--b--\r\n",
            ADT.join("\r")
        ),
        format!(
            "POST /adt HTTP/1.1\r\nContent-Type: x-application/hl7-v2+er7\r\n\r\n{}\r",
            ADT.join("\r")
        ),
    ]
}

#[test]
fn messages_of_hl7_are_read_wherever_they_stand() {
    for text in messages() {
        let found: Vec<_> = evidence(text.as_bytes(), &[usize::MAX]).findings;
        for (locus, value) in PERSON {
            let is_told = found.iter().any(|f| {
                f.locus.as_deref() == Some(locus)
                    && (f.member.is_some()
                        || text.get(f.span.start as usize..f.span.end as usize) == Some(value))
            });
            assert!(is_told, "{locus} in {text:?}: {found:#?}");
        }
    }
}

#[test]
fn segments_alone_are_read() {
    tells(&format!("got {}\n", ADT[1]), &PERSON[..5]);
    tells("retry PID|||4481723||ROE^JANE\n", &[("PID-3", "4481723"), ("PID-5", "ROE^JANE")]);
}

#[test]
fn segments_of_x12_are_read_without_an_envelope() {
    let json = serde_json::to_string(&[CLAIM.replace('~', "~\n")]).unwrap();
    for text in [
        CLAIM.to_owned(),
        format!("2026-01-01 INFO claim: {CLAIM}\n"),
        format!("text before\n{}", CLAIM.replace('~', "~\n")),
        format!("{{\"x12\": \"{CLAIM}\"}}"),
        json,
        format!("id,x12\n7,{CLAIM}\n8,none\n"),
        format!("<x><![CDATA[{CLAIM}]]></x>"),
    ] {
        tells(&text, MEMBER);
        assert!(!told(&text).iter().any(|(_, value)| value == "CLINIC"), "a provider's");
    }
    // A whole interchange behind a prefix, with marks of its own.
    let isa = "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PAYER          *260402*1015*^*00501*000000417*0*P*:'";
    let text = format!("recv {isa}{}\n", CLAIM.replace('~', "'"));
    tells(&text, MEMBER);
}

#[test]
fn objects_are_read_behind_a_prefix_and_in_strings() {
    let bundle = format!(r#"{{"resourceType":"Bundle","entry":[{{"resource":{PATIENT}}}]}}"#);
    for object in [PATIENT, bundle.as_str()] {
        let string = serde_json::to_string(object).unwrap();
        let cell = object.replace('"', "\"\"");
        for text in [
            format!("2026-01-01T00:00:00Z INFO body={object} took 3 ms\nnext\n"),
            format!("the patient is {object}, as sent"),
            format!("{{\"level\":\"info\",\"body\":{string}}}\n"),
            format!(
                "{{\"log\":{}}}\n",
                serde_json::to_string(&format!("INFO {object}\n")).unwrap()
            ),
            serde_json::to_string(&[format!("{{\"body\":{string}}}")]).unwrap(),
            format!("id,body\n1,\"{cell}\"\n"),
            format!("<log><body>{}</body></log>", object.replace('"', "&quot;")),
            format!("<log><![CDATA[{object}]]></log>"),
            format!("x {}\n", object.replace(",", ",\n  ")),
        ] {
            tells(
                &text,
                &[
                    ("Patient.name.family", "Roe"),
                    ("Patient.name.given", "Jane"),
                    ("Patient.birthDate", "1956-04-23"),
                ],
            );
        }
    }
}

#[test]
fn what_only_looks_like_a_segment_is_none() {
    for text in [
        "ps: \nPID|USER|PR|NI|VIRT|RES|SHR\n",
        "| PID | USER | PR | NI |\n|-----|------|----|\n",
        "|PID|USER|PR|NI|VIRT|\n",
        "int *REF*EI, N1*N2*N3; x = ST*837*k; a|PID|b|c|d\n",
        "while (INS*Y*DMG*D8 > N4*a*b) { HL*1 }\n",
        "A|B|C and MSH|PID|OBX are segments\n",
        "**NM1** is the name, **REF** the reference; NM1*xx*1 is not\n",
        "{\"a\": {\"b\": [1, 2]}} INFO {\"step\": 100, \"name\": \"resnet50\", \"loss\": 0.25}\n",
        "fn main() { println!(\"{\\\"name\\\": {}}\", name); }\n",
        "template: {\"name\": \"{name}\", \"dob\": \"{dob}\"}\n",
    ] {
        let found = evidence(text.as_bytes(), &[usize::MAX]);
        let sure: Vec<_> =
            found.findings.iter().filter(|f| f.confidence >= Confidence::Medium).collect();
        assert!(sure.is_empty(), "{text:?}: {sure:?}");
    }
}

#[test]
fn no_chunk_changes_what_is_found() {
    let mut texts = messages();
    texts.push(format!("recv {CLAIM}\n"));
    texts.push(format!("INFO body={PATIENT} in 3 ms\n"));
    texts
        .push(format!("{{\"log\":{}}}\n", serde_json::to_string(&format!("x {PATIENT}")).unwrap()));
    for text in texts {
        // Over the end of a block.
        for before in [0, 4096 - 40, 4096 - text.len() / 2, 4096] {
            let filler = "the quick brown fox jumps over\n".repeat(before / 31 + 1);
            let text = format!("{}\n{text}", &filler[..before]);
            let wanted = evidence(text.as_bytes(), &[usize::MAX]);
            assert!(wanted.tally.total() > 2, "{text:?}");
            for size in [1, 7, 64, 1000, 4096] {
                assert_eq!(evidence(text.as_bytes(), &[size]), wanted, "by {size}: {text:?}");
            }
        }
    }
}

#[test]
fn every_place_of_a_block_is_read() {
    for text in [
        format!("recv {}\n", ADT[1]),
        format!("recv {CLAIM}\n"),
        format!("INFO body={PATIENT} in 3 ms\n"),
        format!("{{\"log\":{}}}\n", serde_json::to_string(&format!("x {PATIENT}")).unwrap()),
    ] {
        let wanted = told(&text).len();
        assert!(wanted >= 3, "{text}");
        let filler = "the quick brown fox jumps over\n".repeat(200);
        for before in (4096 - text.len() - 8..4100).step_by(3) {
            let text = format!("{}\n{text}", &filler[..before]);
            assert_eq!(told(&text).len(), wanted, "behind {before}: {text}");
        }
    }
}

#[test]
fn what_is_masked_is_gone_and_its_form_stays() {
    for text in [
        format!("recv {}\n", ADT[1]),
        format!("INFO body={PATIENT} in 3 ms\n"),
        serde_json::to_string(&[PATIENT]).unwrap(),
    ] {
        let mut bytes = text.clone().into_bytes();
        mask(&evidence(&bytes, &[usize::MAX]).findings, 0, &mut bytes, |_| true);
        let masked = String::from_utf8(bytes).unwrap();
        assert_eq!(told(&masked), [], "{masked}");
        let marks = |text: &str| text.matches(['|', '^', '"', '\\', '{', ':']).count();
        assert_eq!(marks(&masked), marks(&text), "{masked}");
    }
}

#[test]
fn a_segment_mark_that_is_the_element_mark_ends_nothing() {
    let header = "ISA*00*          *00*          *ZZ*SUBMITTERID    *ZZ*RECEIVERID     \
                  *240101*1253*^*00501*000000905*1*T*:*";
    let body = "\nN1*PR*ACME~NM1*IL*1*DOE*JANE****MI*8GX7WP7VP80";
    let found = evidence(format!("x {header}{body}").as_bytes(), &[usize::MAX]);
    let is_name = |f: &&dlp::Finding| f.identifier == dlp::Identifier::Name;
    assert!(found.findings.iter().any(|f| is_name(&f)), "the envelope's mark is none");
}
