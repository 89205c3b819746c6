//! Every form of content in every wrapping, with a value of each class planted: whatever combination
//! makes sense is found, at least of medium confidence.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

#[path = "build/all.rs"]
#[allow(dead_code, reason = "shared")]
mod build;
#[path = "matrix/carrier.rs"]
mod carrier;
#[path = "matrix/plant.rs"]
mod plant;
#[path = "matrix/spelling.rs"]
mod spelling;
#[path = "matrix/wrap.rs"]
mod wrap;

use carrier::{CARRIERS, Carrier, Nature};
use dlp::{Catalog, Confidence, Evidence, Hint, Limits, Scanner};
use plant::{PLANTS, Plant};
use wrap::{WRAPS, Wrap};

/// Whether a wrapping can be had of a form.
fn makes_sense(carrier: &Carrier, wrap: &Wrap) -> bool {
    match carrier.nature {
        Nature::Text => true,
        Nature::Places => !wrap.leads,
        Nature::Binary => !wrap.of_text,
        // The headers of a request tell what is in its own body alone.
        Nature::Told(_) => wrap.told.is_some() || wrap.name == "nothing",
    }
}

fn evidence(bytes: &[u8], hint: &Hint<'_>) -> Evidence {
    let mut scanner = Scanner::new(Catalog::builtin(), hint, Limits::default());
    scanner.feed(bytes);
    scanner.finish();
    scanner.evidence().clone()
}

/// What was found instead, where the planted value was not.
fn miss(carrier: &Carrier, wrap: &Wrap, plant: &Plant, bytes: &[u8]) -> Option<String> {
    let content_type = match carrier.nature {
        Nature::Told(content_type) => Some(content_type),
        Nature::Binary | Nature::Places | Nature::Text => None,
    };
    let hint = Hint { content_encoding: wrap.told, content_type, ..Hint::default() };
    let evidence = evidence(&(wrap.wrap)(bytes), &hint);
    if evidence.tally.count(plant.identifier, Confidence::Medium) > 0 {
        return None;
    }
    let found = evidence.findings.iter().map(|f| format!("{} {}", f.identifier, f.confidence));
    let found: Vec<String> = found.collect();
    Some(format!("{} | {} | {} -> {found:?}", carrier.name, wrap.name, plant.identifier))
}

#[test]
fn every_value_is_found_in_every_form_and_wrapping() {
    let (mut count, mut misses) = (0, Vec::new());
    for carrier in CARRIERS {
        for plant in PLANTS {
            let Some(bytes) = (carrier.build)(plant) else { continue };
            for wrap in WRAPS.iter().filter(|wrap| makes_sense(carrier, wrap)) {
                count += 1;
                misses.extend(miss(carrier, wrap, plant, &bytes));
            }
        }
    }
    assert!(misses.is_empty(), "{} of {count} are missed:\n{}", misses.len(), misses.join("\n"));
    // Fewer would mean that a rule above has left out what it should not.
    assert!(count > 8000, "{count} combinations");
}
