//! Records as hospitals exchange them, and text that is hard to read twice, made up from a fixed seed.
//! Nobody in here exists.

use std::fmt::Write as _;

use super::Random;

const SURNAMES: &[&str] =
    &["Okafor", "Lindqvist", "Marchetti", "Delacroix", "Haverford", "Nakamura", "Brandt", "Sorrel"];
const NAMES: &[&str] = &["Ada", "Bruno", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hugo"];
const STREETS: &[&str] = &["Elm Street", "Mill Lane", "Harbour Road", "Station Avenue"];

/// One made-up patient.
struct Patient {
    name: &'static str,
    surname: &'static str,
    street: &'static str,
    house: u64,
    mrn: u64,
    phone: u64,
    birth: (u64, u64, u64),
}

fn patient(random: &mut Random) -> Patient {
    Patient {
        name: random.pick(NAMES),
        surname: random.pick(SURNAMES),
        street: random.pick(STREETS),
        house: random.next() % 900 + 1,
        mrn: random.next() % 9_000_000 + 1_000_000,
        phone: random.next() % 10_000,
        birth: (1930 + random.next() % 80, 1 + random.next() % 12, 1 + random.next() % 28),
    }
}

/// An ORU^R01 message: one patient, sixteen results.
pub(super) fn hl7(random: &mut Random, text: &mut String) {
    let p = patient(random);
    let (year, month, day) = p.birth;
    let _ = write!(
        text,
        "MSH|^~\\&|LAB|WARD7|EHR|MAIN|20240430121500||ORU^R01|M{:08}|P|2.5.1\rPID|1||{}^^^MAIN^MR||{}^{}||{year}{month:02}{day:02}|F|||{} {}^^Springfield^IL^62704||(217)555-{:04}\rPV1|1|I|W7^12^A||||4471^Brandt^Otto|||MED\rOBR|1|{}|{}|24323-8^Comprehensive metabolic panel^LN|||20240430113000\r",
        random.next() % 100_000_000,
        p.mrn,
        p.surname.to_uppercase(),
        p.name.to_uppercase(),
        p.house,
        p.street.to_uppercase(),
        p.phone,
        random.next() % 1_000_000,
        random.next() % 1_000_000,
    );
    for at in 1..=16 {
        let value = random.next() % 3000;
        let _ = write!(
            text,
            "OBX|{at}|NM|{}-{}^Sodium [Moles/volume] in Serum^LN||{}.{}|mmol/L|136-145|{}|||F|||20240430114500\r",
            2000 + value,
            value % 10,
            value / 10,
            value % 10,
            random.pick(&["N", "H", "L"]),
        );
    }
}

/// An 837P claim of twelve service lines.
pub(super) fn x12(random: &mut Random, text: &mut String) {
    let p = patient(random);
    let (year, month, day) = p.birth;
    let control = random.next() % 1_000_000_000;
    let _ = write!(
        text,
        "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PAYER          *240430*1215*^*00501*{control:09}*0*P*:~GS*HC*CLINIC*PAYER*20240430*1215*1*X*005010X222A1~ST*837*0001*005010X222A1~BHT*0019*00*{control}*20240430*1215*CH~NM1*IL*1*{}*{}****MI*W{:09}~N3*{} {}~N4*SPRINGFIELD*IL*62704~DMG*D8*{year}{month:02}{day:02}*F~CLM*{}*840***11:B:1*Y*A*Y*Y~HI*ABK:J069*ABF:R05~",
        p.surname.to_uppercase(),
        p.name.to_uppercase(),
        p.mrn * 10,
        p.house,
        p.street.to_uppercase(),
        p.mrn,
    );
    for at in 1..=12 {
        let value = random.next() % 400;
        let _ = write!(
            text,
            "LX*{at}~SV1*HC:99{value:03}*{}*UN*1***1:2~DTP*472*D8*20240{}15~REF*6R*{}~",
            value + 40,
            value % 9 + 1,
            random.next() % 1_000_000,
        );
    }
    text.push_str("SE*60*0001~GE*1*1~IEA*1*000000001~");
}

/// Results as in a C-CDA document.
pub(super) fn ccda(random: &mut Random, text: &mut String) {
    if text.is_empty() {
        let p = patient(random);
        let (year, month, day) = p.birth;
        let _ = write!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\">\n <recordTarget><patientRole><id extension=\"{}\" root=\"2.16.840.1.113883.19.5\"/><addr use=\"HP\"><streetAddressLine>{} {}</streetAddressLine><city>Springfield</city><state>IL</state><postalCode>62704</postalCode></addr><telecom value=\"tel:+1(217)555-{:04}\" use=\"HP\"/><patient><name><given>{}</given><family>{}</family></name><birthTime value=\"{year}{month:02}{day:02}\"/></patient></patientRole></recordTarget>\n <component><structuredBody><component><section>\n",
            p.mrn, p.house, p.street, p.phone, p.name, p.surname,
        );
    }
    let (id, value) = (random.next(), random.next() % 3000);
    let _ = write!(
        text,
        "  <entry typeCode=\"DRIV\"><organizer classCode=\"BATTERY\" moodCode=\"EVN\"><templateId root=\"2.16.840.1.113883.10.20.22.4.1\"/><id root=\"{:08x}-1234-4abc-8def-{:012x}\"/><code code=\"{}-{}\" codeSystem=\"2.16.840.1.113883.6.1\" displayName=\"Hemoglobin\"/><statusCode code=\"completed\"/><component><observation classCode=\"OBS\" moodCode=\"EVN\"><text><reference value=\"#result{}\"/></text><effectiveTime value=\"200003231430\"/><value xsi:type=\"PQ\" value=\"{}.{}\" unit=\"g/dl\"/><interpretationCode code=\"N\" codeSystem=\"2.16.840.1.113883.5.83\"/></observation></component></organizer></entry>",
        id >> 32,
        id >> 16,
        20000 + value,
        value % 10,
        value % 100,
        value / 10,
        value % 10,
    );
}

/// A row of a table of patients.
pub(super) fn patients(random: &mut Random, text: &mut String) {
    if text.is_empty() {
        text.push_str(
            "mrn,first_name,last_name,birth_date,sex,address,city,zip,phone,glucose,sodium,note\n",
        );
    }
    let p = patient(random);
    let (year, month, day) = p.birth;
    let value = random.next() % 3000;
    let _ = write!(
        text,
        "{},{},{},{year}-{month:02}-{day:02},F,\"{} {}\",Springfield,62704,(217) 555-{:04},{}.{},{},\"stable, seen again\"",
        p.mrn,
        p.name,
        p.surname,
        p.house,
        p.street,
        p.phone,
        value / 10,
        value % 10,
        100 + value % 60,
    );
}

/// A row of a table of experiments whose cells are values as Python writes them.
pub(super) fn reprs(random: &mut Random, text: &mut String) {
    if text.is_empty() {
        text.push_str("run,config,shape,history\n");
    }
    let value = random.next() % 3000;
    let _ = write!(
        text,
        "{value},\"{{'lr': 0.000{value}, 'layers': [64, {}, 10], 'name': 'resnet_{}', 'augment': True, 'seed': None}}\",\"(32, 3, {}, 224)\",\"[0.{value}, 0.{}, 0.{}, 0.91]\"",
        value % 512,
        value % 152,
        value % 300,
        value + 17,
        value + 40,
    );
}

/// Random identifiers (RFC 9562), one a line.
pub(super) fn uuid(random: &mut Random, text: &mut String) {
    let (a, b) = (random.next(), random.next());
    let _ = write!(
        text,
        "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b & 0xfff,
        b >> 16
    );
}

/// A JSON line with a long text that is full of escapes.
pub(super) fn escapes(random: &mut Random, text: &mut String) {
    text.push_str("{\"id\": ");
    let _ = write!(text, "{}, \"text\": \"", random.next() % 100_000);
    for _ in 0..20 {
        super::prose(random, text);
        text.push_str(random.pick(&[
            "\\n",
            "\\n\\n",
            " \\\"quoted\\\" ",
            " caf\\u00e9 ",
            " \\u2014 ",
            "\\t- ",
            " C:\\\\models\\\\run ",
        ]));
    }
    text.push_str("\"}");
}

/// A line of 76 letters, as of MIME (RFC 2045).
pub(super) fn base64_line(random: &mut Random, text: &mut String) {
    let weights: Vec<u8> =
        (0..57).map(|_| u8::try_from(random.next() >> 56).unwrap_or(0)).collect();
    text.extend(super::base64(&weights).into_iter().map(char::from));
}
