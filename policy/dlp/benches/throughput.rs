//! How fast one core scans what training pods send: `cargo bench -p dlp`. Best of several rounds,
//! in MB/s.

#![allow(clippy::print_stdout, reason = "a report")]

use std::time::Instant;

use dlp::{Catalog, Hint, Limits, Scanner};

const LEN: usize = 16 << 20;
const ROUNDS: usize = 5;
const CHUNK: usize = 64 << 10;

fn main() {
    let mut random = Random(1);
    let weights: Vec<f32> = (0..LEN / 4).map(|_| random.normal() * 0.02).collect();
    let f32s: Vec<u8> = weights.iter().flat_map(|w| w.to_le_bytes()).collect();
    let bf16s: Vec<u8> = weights
        .iter()
        .flat_map(|w| (w.to_bits() >> 16).to_le_bytes().into_iter().take(2))
        .collect();
    let noise: Vec<u8> = (0..LEN).map(|_| random.next().to_le_bytes()[3]).collect();
    let json = weights.iter().map(f32::to_string).collect::<Vec<_>>().join(", ");
    let integers = (0..LEN / 12).map(|_| (random.next() >> 32).to_string());
    let integers = integers.collect::<Vec<_>>().join(", ");
    let log: String = (0..LEN / 120).map(|step| log_line(&mut random, step)).collect();
    let prose = "The patient was seen on the ward and discharged in good condition. ";
    report("f32 weights", &f32s);
    report("bf16 weights", &bf16s);
    report("noise", &noise);
    report("floats as JSON", json.as_bytes());
    report("integers as JSON", integers.as_bytes());
    report("training log", log.as_bytes());
    report("prose", prose.repeat(LEN / prose.len()).as_bytes());
}

fn report(name: &str, bytes: &[u8]) {
    let catalog = Catalog::builtin();
    let seconds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let mut scanner = Scanner::new(catalog.clone(), &Hint::default(), Limits::default());
        for chunk in bytes.chunks(CHUNK) {
            scanner.feed(chunk);
        }
        scanner.finish();
        start.elapsed().as_secs_f64()
    });
    let best = seconds.fold(f64::MAX, f64::min);
    println!("{name:18} {:6.0} MB/s", bytes.len() as f64 / best / 1e6);
}

fn log_line(random: &mut Random, step: usize) -> String {
    let (loss, id) = (random.normal().abs(), random.next() % 10_000_000_000);
    format!(
        "2024-04-30 12:15:{:02},123 INFO [worker-3] step={step} loss={loss:.6} id={id}\n",
        step % 60
    )
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
}
