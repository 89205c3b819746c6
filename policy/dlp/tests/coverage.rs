//! The ledger: tensors of every element type are numeric, ciphertext and compressed data are not,
//! text is read.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests")]

use std::io::Write;

use dlp::{Catalog, Coverage, Hint, Limits, Scanner};

/// A small generator of fixed seed (xorshift64*), so that a failure repeats.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// In 0..1.
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normally distributed, by twelve uniform values.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

const LEN: usize = 256 * 1024;

/// Bytes of `LEN`, element by element.
fn tensor<const WIDTH: usize>(mut element: impl FnMut(&mut Random) -> [u8; WIDTH]) -> Vec<u8> {
    let mut random = Random(7);
    (0..LEN / WIDTH).flat_map(|_| element(&mut random)).collect()
}

fn f16(value: f64) -> [u8; 2] {
    let bits = (value as f32).to_bits();
    let sign = (bits >> 16) & 0x8000;
    let exponent = ((bits >> 23) & 0xff) as i32 - 127 + 15;
    let half = match exponent {
        ..=0 => sign,
        31.. => sign | 0x7c00,
        _ => sign | (exponent as u32) << 10 | (bits >> 13) & 0x3ff,
    };
    (half as u16).to_le_bytes()
}

fn bf16(value: f64) -> [u8; 2] {
    (((value as f32).to_bits() >> 16) as u16).to_le_bytes()
}

fn coverage(bytes: &[u8]) -> Coverage {
    let mut scanner = Scanner::new(Catalog::builtin(), &Hint::default(), Limits::default());
    for chunk in bytes.chunks(10_000) {
        scanner.feed(chunk);
    }
    scanner.finish();
    assert_eq!(scanner.evidence().findings, []);
    let coverage = scanner.evidence().coverage;
    let all = coverage.read + coverage.numeric + coverage.unidentified + coverage.skipped;
    assert_eq!(all, bytes.len() as u64, "each byte is counted once");
    coverage
}

fn assert_numeric(name: &str, bytes: &[u8]) {
    let coverage = coverage(bytes);
    assert_eq!(coverage.numeric, bytes.len() as u64, "{name}: {coverage:?}");
}

fn assert_unidentified(name: &str, bytes: &[u8]) {
    let coverage = coverage(bytes);
    assert_eq!(coverage.unidentified, bytes.len() as u64, "{name}: {coverage:?}");
}

/// A distribution of values.
type Shape = fn(&mut Random) -> f64;

#[test]
fn floats_of_every_width_are_numeric() {
    let shapes: [(&str, Shape); 7] = [
        ("weights", |r| r.normal() * 0.02),
        ("gradients", |r| r.normal() * (r.normal() * 3.0).exp() * 1e-3),
        ("squares", |r| (r.normal() * 1e-2).powi(2)),
        ("sparse", |r| if r.uniform() < 0.9 { 0.0 } else { r.normal() }),
        ("masked", |r| if r.uniform() < 0.3 { f64::NEG_INFINITY } else { r.normal() }),
        ("rectified", |r| r.normal().max(0.0)),
        ("unit interval", Random::uniform),
    ];
    for (name, shape) in shapes {
        assert_numeric(&format!("f64 {name}"), &tensor(|r| shape(r).to_le_bytes()));
        assert_numeric(&format!("f32 {name}"), &tensor(|r| (shape(r) as f32).to_le_bytes()));
        assert_numeric(&format!("f16 {name}"), &tensor(|r| f16(shape(r))));
        assert_numeric(&format!("bf16 {name}"), &tensor(|r| bf16(shape(r))));
    }
}

#[test]
fn floats_are_numeric_at_any_alignment() {
    let weights = tensor(|r| (r.normal() as f32 * 0.02).to_le_bytes());
    for skip in 1..4 {
        assert_numeric("cut", &weights[skip..]);
    }
}

#[test]
fn integers_of_every_width_are_numeric() {
    for spread in [5.0, 15.0, 30.0, 60.0] {
        assert_numeric("i8", &tensor(|r| [(r.normal() * spread) as i8 as u8]));
    }
    for spread in [3.0, 300.0, 8000.0] {
        assert_numeric("i16", &tensor(|r| ((r.normal() * spread) as i16).to_le_bytes()));
    }
    for bound in [10, 1000, 50_257, 1 << 20] {
        assert_numeric("i32", &tensor(|r| ((r.next() % bound) as i32).to_le_bytes()));
        assert_numeric("i64", &tensor(|r| (r.next() % bound).to_le_bytes()));
    }
    assert_numeric("few ones", &tensor(|r| (u64::from(r.next().is_multiple_of(50))).to_le_bytes()));
    assert_numeric("truth", &tensor(|r| [u8::from(r.uniform() < 0.3)]));
    let mut seconds = 1_700_000_000u32;
    assert_numeric(
        "time",
        &tensor(|r| {
            seconds += (r.next() % 9) as u32;
            seconds.to_le_bytes()
        }),
    );
    for byte in [0, 0xff, 7] {
        assert_numeric("one byte", &vec![byte; 100_000]);
    }
}

#[test]
fn images_are_numeric() {
    let mut random = Random(3);
    let image: Vec<u8> = (0..LEN)
        .map(|i| {
            let (x, y) = ((i % 512) as f64 / 60.0, (i / 512) as f64 / 45.0);
            (128.0 + 90.0 * x.sin() * y.cos() + random.normal() * 5.0) as u8
        })
        .collect();
    assert_numeric("image", &image);
}

#[test]
fn noise_is_unidentified() {
    for seed in 1..20 {
        let mut random = Random(seed);
        let noise: Vec<u8> = (0..LEN).map(|_| (random.next() >> 32) as u8).collect();
        assert_unidentified("noise", &noise);
        assert_unidentified("a short piece of noise", &noise[..700]);
        assert_unidentified("a tiny piece of noise", &noise[..100]);
    }
}

#[test]
fn noise_in_the_payloads_of_nans_is_unidentified() {
    let nans = tensor(|r| (0x7ff0_0000_0000_0000 | r.next() >> 12).to_le_bytes());
    assert_unidentified("NaN", &nans);
}

#[test]
fn compressed_data_is_unidentified() {
    let mut random = Random(5);
    let words = ["weight ", "bias ", "patient ", "layer ", "0.25, ", "step=", "\n", "norm ", "of "];
    let text: String =
        (0..600_000).map(|_| words[(random.next() % 9) as usize]).collect::<Vec<_>>().concat();
    for level in [1, 6, 9] {
        let level = flate2::Compression::new(level);
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), level);
        deflate.write_all(text.as_bytes()).unwrap();
        assert_unidentified("deflate", &deflate.finish().unwrap());
    }
}

#[test]
fn disguised_text_is_not_numeric() {
    let text = include_str!("coverage.rs").repeat(4);
    assert_eq!(coverage(text.as_bytes()).read, text.len() as u64);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(coverage(&wide).read, wide.len() as u64, "UTF-16");
    let wider: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    assert_eq!(coverage(&wider).read, wider.len() as u64, "UTF-32");
    let turned: Vec<u8> = text.bytes().map(|byte| byte ^ 0x5a).collect();
    let seen = coverage(&turned);
    assert!(seen.unidentified * 100 >= 95 * turned.len() as u64, "{seen:?}");
}

#[test]
fn text_in_other_scripts_is_read() {
    for text in ["Größe der Läsion: früher größer. ", "患者さんの記録です。", "Пациент здоров. "]
    {
        let text = text.repeat(3000);
        assert_eq!(coverage(text.as_bytes()).read, text.len() as u64);
    }
    let latin: Vec<u8> = "Größe der Läsion: ".repeat(3000).chars().map(|c| c as u8).collect();
    assert_eq!(coverage(&latin).read, latin.len() as u64, "ISO 8859-1");
}

#[test]
fn the_end_of_a_tensor_is_numeric_as_the_rest() {
    let mut weights = tensor(|r| (r.normal() as f32 * 0.02).to_le_bytes());
    weights.truncate(4096 * 3 + 100);
    assert_numeric("a short end", &weights);
}
