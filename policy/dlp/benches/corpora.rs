//! What training pods and their surroundings send, made up from a fixed seed: tensors in every dtype,
//! the same as text, prose, source, logs and clinical records.

#![allow(clippy::cast_possible_truncation, reason = "made-up numbers")]

mod records;

use std::fmt::Write as _;

const LEN: usize = 16 << 20;

type Make = fn() -> Vec<u8>;

/// Every corpus by its name.
pub(crate) const ALL: &[(&str, Make)] = &[
    ("f32", || normals(0.02).flat_map(f32::to_le_bytes).take(LEN).collect()),
    ("f64", || normals(0.02).flat_map(|w| f64::from(w).to_le_bytes()).take(LEN).collect()),
    ("bf16", || normals(0.02).flat_map(bf16).take(LEN).collect()),
    ("f16 unit", || normals(1.0).flat_map(f16).take(LEN).collect()),
    ("int8", || normals(30.0).map(|w| (w as i8).cast_unsigned()).take(LEN).collect()),
    ("random", || random_bytes(LEN)),
    ("base64 of f32", || {
        base64(&normals(0.02).flat_map(f32::to_le_bytes).take(LEN * 3 / 4).collect::<Vec<u8>>())
    }),
    ("hex of f32", || {
        hex(&normals(0.02).flat_map(f32::to_le_bytes).take(LEN / 2).collect::<Vec<u8>>())
    }),
    ("JSON floats", || list(normals(0.02).map(|w| w.to_string()))),
    ("CSV floats", || table(normals(1.0).map(|w| format!("{w:.8}")), 16)),
    ("JSON integers", || list(integers().map(|n| (n as u32).to_string()))),
    ("CSV integers", || table(integers().map(|n| (n % 1_000_000).to_string()), 16)),
    ("unix timestamps", || list((0..).map(|n| (1_700_000_000u64 + n * 37).to_string()))),
    ("English", || lines(prose)),
    ("clinical note", || lines(note)),
    ("source code", || lines(source)),
    ("FHIR JSON", || lines(fhir)),
    ("HL7", || lines(records::hl7)),
    ("X12", || lines(records::x12)),
    ("C-CDA", || lines(records::ccda)),
    ("CSV patients", || lines(records::patients)),
    ("CSV reprs", || lines(records::reprs)),
    ("UUIDs", || lines(records::uuid)),
    ("JSON escapes", || lines(records::escapes)),
    ("base64 lines", || lines(records::base64_line)),
    ("training log", || lines(training_log)),
    ("access log", || lines(access_log)),
    ("dots and digits", || "12.3.4-5:6 7@8 ".repeat(LEN / 15).into_bytes()),
    ("capitals", || "Aa Bb Cc Dd Ee: Ff=Gg ".repeat(LEN / 22).into_bytes()),
    ("labels and digits", || "mrn 12 ssn 345 id 6789 ".repeat(LEN / 23).into_bytes()),
];

fn normals(sigma: f32) -> impl Iterator<Item = f32> {
    let mut random = Random(1);
    std::iter::repeat_with(move || random.normal() * sigma)
}

fn integers() -> impl Iterator<Item = u64> {
    let mut random = Random(2);
    std::iter::repeat_with(move || random.next() >> 32)
}

fn bf16(weight: f32) -> [u8; 2] {
    ((weight.to_bits() >> 16) as u16).to_le_bytes()
}

/// Rounded towards zero; subnormals become zero.
fn f16(weight: f32) -> [u8; 2] {
    let bits = weight.to_bits();
    let exponent = (bits >> 23 & 0xff) as i32 - 112;
    let sign = (bits >> 16 & 0x8000) as u16;
    let half =
        if exponent <= 0 { 0 } else { (exponent as u16) << 10 | (bits >> 13 & 0x3ff) as u16 };
    (sign | half).to_le_bytes()
}

fn random_bytes(len: usize) -> Vec<u8> {
    let mut random = Random(3);
    std::iter::repeat_with(move || random.next().to_le_bytes()).flatten().take(len).collect()
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let triple = |three: &[u8]| {
        let bits = three.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b));
        [18, 12, 6, 0]
            .map(|shift| ALPHABET.get((bits >> shift & 63) as usize).copied().unwrap_or(0))
    };
    bytes.chunks_exact(3).flat_map(triple).collect()
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let digits = |byte: &u8| {
        [byte >> 4, byte & 15]
            .map(|n| b"0123456789abcdef".get(usize::from(n)).copied().unwrap_or(0))
    };
    bytes.iter().flat_map(digits).collect()
}

fn list(items: impl Iterator<Item = String>) -> Vec<u8> {
    let mut text = String::from("[");
    for item in items {
        text.push_str(&item);
        if text.len() > LEN {
            break;
        }
        text.push_str(", ");
    }
    text.push(']');
    text.into_bytes()
}

fn table(items: impl Iterator<Item = String>, columns: usize) -> Vec<u8> {
    let names = (0..columns).map(|n| format!("x{n}")).collect::<Vec<_>>();
    let mut text = names.join(",");
    for (at, item) in items.enumerate() {
        text.push(if at % columns == 0 { '\n' } else { ',' });
        text.push_str(&item);
        if text.len() > LEN {
            break;
        }
    }
    text.into_bytes()
}

fn lines(line: fn(&mut Random, &mut String)) -> Vec<u8> {
    let mut random = Random(4);
    let mut text = String::with_capacity(LEN + 4096);
    while text.len() < LEN {
        line(&mut random, &mut text);
        text.push('\n');
    }
    text.into_bytes()
}

const WORDS: &[&str] = &[
    "the",
    "of",
    "and",
    "patient",
    "was",
    "model",
    "training",
    "with",
    "in",
    "history",
    "on",
    "a",
    "course",
    "left",
    "reported",
    "without",
    "value",
    "ward",
    "night",
    "river",
    "house",
    "which",
    "they",
    "before",
    "London",
    "morning",
    "doctor",
    "pain",
    "mild",
    "acute",
    "loss",
    "gradient",
    "over",
    "under",
    "children",
    "again",
    "Monday",
    "table",
    "however",
    "stable",
    "breathing",
];

fn prose(random: &mut Random, text: &mut String) {
    for at in 0..12 {
        text.push_str(if at == 0 { "The " } else { " " });
        text.push_str(random.pick(WORDS));
    }
    text.push('.');
}

fn note(random: &mut Random, text: &mut String) {
    let dose = random.next() % 500;
    prose(random, text);
    let _ = write!(
        text,
        " BP {}/{}, HR {}, given {dose} mg twice daily;",
        90 + dose % 60,
        50 + dose % 40,
        60 + dose % 50
    );
    prose(random, text);
}

fn source(random: &mut Random, text: &mut String) {
    let (a, b, c) = (random.pick(WORDS), random.pick(WORDS), random.next() % 100);
    let _ = write!(
        text,
        "    def {a}_{b}(self, {b}: int = {c}) -> List[str]:\n        return self.{a}[{c}].{b}(\"{a}\", {b}={b} + {c})  # {a} {b}"
    );
}

fn fhir(random: &mut Random, text: &mut String) {
    let (id, code, value) = (random.next(), random.next() % 99999, random.next() % 1000);
    let _ = write!(
        text,
        "{{\"resourceType\":\"Observation\",\"id\":\"{id:016x}\",\"status\":\"final\",\"category\":[{{\"coding\":[{{\"system\":\"http://terminology.hl7.org/CodeSystem/observation-category\",\"code\":\"vital-signs\",\"display\":\"Vital signs\"}}]}}],\"code\":{{\"coding\":[{{\"system\":\"http://loinc.org\",\"code\":\"{code}-4\",\"display\":\"Body Height\"}}],\"text\":\"Body Height\"}},\"valueQuantity\":{{\"value\":{value}.25,\"unit\":\"cm\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"cm\"}}}}"
    );
}

fn training_log(random: &mut Random, text: &mut String) {
    let (step, id) = (random.next() % 100_000, random.next() % 10_000_000_000);
    let loss = random.normal().abs();
    let _ = write!(
        text,
        "2024-04-30 12:15:{:02},123 INFO [worker-3] step={step} loss={loss:.6} lr=3.0e-04 tok/s={:.1} id={id}",
        step % 60,
        loss * 1e4
    );
}

fn access_log(random: &mut Random, text: &mut String) {
    let n = random.next();
    let _ = write!(
        text,
        "10.{}.{}.{} - - [30/Apr/2024:12:15:{:02} +0000] \"GET /v2/models/resnet/{:x}?part={} HTTP/1.1\" 200 {} \"-\" \"python-requests/2.31.0\"",
        n & 255,
        n >> 8 & 255,
        n >> 16 & 255,
        n % 60,
        n >> 24,
        n % 100,
        n % 1_000_000
    );
}

/// xorshift64*, of fixed seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn normal(&mut self) -> f32 {
        (0..12).map(|_| (self.next() >> 40) as f32 / (1u32 << 24) as f32).sum::<f32>() - 6.0
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        let at = usize::try_from(self.next() >> 33).unwrap_or(0) % words.len().max(1);
        words.get(at).copied().unwrap_or_default()
    }
}
