//! Exact data match: how fast a roster of a million rows loads, and how fast text passes it.
//! `cargo bench -p dlp --bench exact`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench prints, and fails by panicking"
)]

use std::sync::Arc;

use dlp::exact::{Column, ColumnKind, ExactBuilder, ExactSet};
use dlp::{Catalog, Hint, Key, Limits, Scanner};

const ROWS: u64 = 1_000_000;

fn main() {
    let key = Key::new(&[b'k'; 32]).unwrap();
    let kinds = [
        ("name", ColumnKind::Name),
        ("dob", ColumnKind::Dob),
        ("mrn", ColumnKind::Mrn),
        ("ssn", ColumnKind::Ssn),
        ("phone", ColumnKind::Phone),
    ];
    let columns = kinds.map(|(name, kind)| Column { name: name.to_owned(), kind }).to_vec();
    let begun = busy();
    let mut builder = ExactBuilder::new(columns, &key).unwrap();
    for row in 0..ROWS {
        let cells = cells(row);
        assert!(builder.add(cells.iter().map(String::as_str)));
    }
    let (file, _) = builder.finish();
    println!("built {ROWS} rows in {:.2} s: {} MB", busy() - begun, file.len() / 1_000_000);
    let begun = busy();
    let set = Arc::new(ExactSet::open(file, &key).unwrap());
    println!("opened in {:.2} s", busy() - begun);
    let prose = prose(64 << 20);
    for (what, catalog) in [
        ("without a roster", Catalog::builtin()),
        ("with a roster", Arc::new(Catalog::builtin().with_exact(vec![set]))),
    ] {
        let mut scanner = Scanner::new(catalog, &Hint::default(), Limits::default());
        let begun = busy();
        prose.chunks(1 << 20).for_each(|chunk| scanner.feed(chunk));
        scanner.finish();
        let rate = prose.len() as f64 / (busy() - begun) / 1e6;
        println!("{what}: {rate:.0} MB/s, {} findings", scanner.evidence().tally.total());
    }
}

/// Seconds that this thread has run: other work on the machine does not count.
fn busy() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// A mixed number, for what should look drawn by chance.
fn mixed(seed: u64) -> u64 {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}

/// Such names as occur: a few hundred thousand in all, some of them words of the language.
fn cells(row: u64) -> [String; 5] {
    const SYLLABLES: [&str; 16] = [
        "an", "bel", "cor", "da", "el", "fi", "gan", "ho", "is", "jo", "ka", "li", "mar", "no",
        "ra", "ta",
    ];
    let name = |seed: u64| {
        let at = |shift: u64| SYLLABLES[usize::try_from(mixed(seed) >> shift & 15).unwrap()];
        [at(0), at(4), at(8), at(12)].concat()
    };
    let day = mixed(row ^ 7) % 25_000;
    [
        format!("{} {}", name(row % 5_000), name(row % 40_000 + 99)),
        format!("{}-{:02}-{:02}", 1930 + day / 336, day / 28 % 12 + 1, day % 28 + 1),
        format!("{:08}", mixed(row) % 100_000_000),
        format!("{:09}", mixed(row ^ 3) % 900_000_000 + 1),
        format!("212{:07}", mixed(row ^ 5) % 10_000_000),
    ]
}

fn prose(len: usize) -> Vec<u8> {
    const WORDS: [&str; 24] = [
        "the", "patient", "was", "seen", "today", "for", "a", "routine", "visit", "and", "reports",
        "no", "pain", "mark", "will", "return", "in", "two", "weeks", "with", "labs", "drawn",
        "blood", "pressure",
    ];
    let mut text = Vec::with_capacity(len + 64);
    let mut count = 0u64;
    while text.len() < len {
        count += 1;
        let word = WORDS[usize::try_from(mixed(count) % 24).unwrap()];
        text.extend_from_slice(word.as_bytes());
        text.push(if count.is_multiple_of(17) { b'\n' } else { b' ' });
        if count.is_multiple_of(40) {
            text.extend_from_slice(format!("{} mmHg ", mixed(count) % 200).as_bytes());
        }
    }
    text
}
