//! Integers by byte statistics: wide ones have nearly constant high bytes, 16-bit ones a narrow
//! high byte above a varied low one, 8-bit ones a smooth histogram, images and signals small steps
//! between neighbours.

use super::{Kind, expected_distinct};
use crate::gate::near_zero;

/// 8-bit elements and smooth signals of any width.
pub(super) const BYTES: &[Kind] =
    &[Kind { width: 1, fits: is_i8 }, Kind { width: 1, fits: is_smooth }];
/// Wider elements.
pub(super) const WIDE: &[Kind] = &[
    Kind { width: 4, fits: is_i32 },
    Kind { width: 8, fits: is_i64 },
    Kind { width: 2, fits: is_i16 },
];

/// Nearly all, of a thousand.
const PER_MILLE_MIN: usize = 970;

/// `i32` of modest size, counters, timestamps: hardly more than two values in the highest byte,
/// above bytes that are not text in fields of four.
fn is_i32(block: &[u8]) -> bool {
    let lower = block.as_chunks::<4>().0.iter().flat_map(|element| element.iter().take(3));
    let text = lower.filter(|byte| byte.is_ascii_graphic()).count();
    text * 10 < block.len() * 6 && has_constant_lane(block, 4, 3)
}

/// `i64` of modest size, counters, timestamps: the same in each of the three highest bytes.
fn is_i64(block: &[u8]) -> bool {
    (5..8).all(|lane| has_constant_lane(block, 8, lane))
}

fn has_constant_lane(block: &[u8], width: usize, lane: usize) -> bool {
    let counts = histogram(block.iter().skip(lane).step_by(width));
    let (mut elements, mut first, mut second) = (0, 0, 0);
    for count in counts {
        elements += count;
        if count > first {
            (first, second) = (count, first);
        } else if count > second {
            second = count;
        }
    }
    (first + second) * 1000 >= elements * PER_MILLE_MIN
}

/// `i16` and `u16`: the high byte within a narrow range, the low byte varied. The latter tells them
/// from text in disguise.
fn is_i16(block: &[u8]) -> bool {
    const WINDOW: usize = 96;
    let low = histogram(block.iter().step_by(2));
    let high = histogram(block.iter().skip(1).step_by(2));
    let samples: usize = low.iter().sum();
    let distinct = low.iter().filter(|count| **count > 0).count();
    let is_narrow = densest_signed(&high, WINDOW) * 1000 >= samples * PER_MILLE_MIN;
    distinct as f64 >= 0.8 * expected_distinct(samples) && (is_narrow || is_bell(&high))
}

/// `i8` and small unsigned values: few values near zero, two values in all, or a smooth histogram
/// that is not flat.
fn is_i8(block: &[u8]) -> bool {
    let counts = histogram(block.iter());
    let near_zero: usize = counts.iter().take(0x20).chain(counts.iter().skip(0xf0)).sum();
    let used = counts.iter().filter(|count| **count > 0).count();
    near_zero * 1000 >= block.len() * PER_MILLE_MIN || used <= 2 || is_bell(&counts)
}

/// How many bytes of a block of 8-bit integers lay near zero: neighbours are alike, and random bytes
/// are not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// Values below this, to both sides of zero, are near.
    near: u8,
    /// How many of [`super::BLOCK`] bytes were.
    count: usize,
}

impl Share {
    /// The share that tells best what a whole block of 8-bit integers is like.
    pub(super) fn of(block: &[u8]) -> Option<Share> {
        let shares = (1..7).map(|bit| Share { near: 1 << bit, count: near_zero(block, 1 << bit) });
        let half = block.len() / 2;
        let share = shares.min_by_key(|share| share.count.abs_diff(half))?;
        let expected = block.len() * usize::from(share.near) / 128;
        (block.len() == super::BLOCK && share.count > expected + 4 * Self::TOLERANCE)
            .then_some(share)
    }

    /// By how much blocks of the same values differ: six standard deviations.
    const TOLERANCE: usize = 192;

    /// Whether about as many bytes of this block are near zero.
    pub(super) fn holds(&self, block: &[u8]) -> bool {
        block.len() == super::BLOCK
            && near_zero(block, self.near).abs_diff(self.count) <= Self::TOLERANCE
    }
}

/// Whether the histogram, of signed or unsigned values, is smooth and not flat.
fn is_bell(counts: &[usize; 256]) -> bool {
    let is_smooth = |is_signed| has_smooth_histogram(counts, is_signed);
    !is_flat(counts) && (is_smooth(true) || is_smooth(false))
}

/// Whether neighbouring values are about equally frequent, looked at coarsely and, for narrow
/// peaks, finely.
fn has_smooth_histogram(counts: &[usize; 256], is_signed: bool) -> bool {
    let mut counts = *counts;
    if is_signed {
        counts.rotate_left(128);
        // Zero stands out in sparse tensors.
        counts[128] = usize::midpoint(counts[127], counts[129]);
    }
    // So do the ends, where values were clipped.
    (counts[0], counts[255]) = (counts[1], counts[254]);
    [8, 2].into_iter().any(|group| groups_correlate(&counts, group))
}

/// Whether all values are about equally frequent, or all that occur but for chance: noise, with
/// something in it, or of fewer than eight bits.
fn is_flat(counts: &[usize; 256]) -> bool {
    const GROUP: usize = 8;
    const NARROW: usize = 8;
    /// Of 32 groups: values that decay to both sides leave some out.
    const COMMON_MAX: usize = 28;
    /// Chance alone makes a variance of the mean.
    const VARIANCE_MAX: f64 = 4.0;
    let occupied = |group: usize| {
        let groups = counts.chunks(group).map(|group| group.iter().sum::<usize>());
        groups.filter(|count| *count > 0).map(|count| count as f64).collect::<Vec<_>>()
    };
    let mut groups = occupied(GROUP);
    let total: f64 = groups.iter().sum();
    let share = total / (counts.len() / GROUP) as f64;
    let common = groups.iter().filter(|count| **count * 2.0 > share).count();
    if groups.len() < NARROW {
        groups = occupied(1);
    }
    let mean = total / groups.len() as f64;
    let variance: f64 = groups.iter().map(|v| (v - mean).powi(2)).sum();
    common > COMMON_MAX || variance < VARIANCE_MAX * mean * groups.len() as f64
}

/// Whether the correlation of each group of values with the next is high, beyond what chance makes.
fn groups_correlate(counts: &[usize; 256], group: usize) -> bool {
    const CORRELATION_MIN: f64 = 0.7;
    const VARIANCE_MIN: f64 = 6.0;
    let groups = || counts.chunks(group).map(|group| group.iter().sum::<usize>() as f64);
    let count = (counts.len() / group) as f64;
    let mean = groups().sum::<f64>() / count;
    let variance: f64 = groups().map(|v| (v - mean).powi(2)).sum();
    let pairs = groups().zip(groups().skip(1));
    let covariance: f64 = pairs.map(|(a, b)| (a - mean) * (b - mean)).sum();
    variance >= VARIANCE_MIN * mean * count && covariance >= CORRELATION_MIN * variance
}

/// Images and signals: the steps to the neighbour (of one to four channels) are far smaller than to
/// a far value.
fn is_smooth(block: &[u8]) -> bool {
    const FAR: usize = 251;
    let far = mean_step(block, FAR);
    far > 0.0 && (1..=4).any(|lag| mean_step(block, lag) < 0.4 * far)
}

fn mean_step(block: &[u8], lag: usize) -> f64 {
    let ahead = block.get(lag..).unwrap_or_default();
    let sum: u32 = block.iter().zip(ahead).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    f64::from(sum) / ahead.len().max(1) as f64
}

fn histogram<'a>(bytes: impl Iterator<Item = &'a u8>) -> [usize; 256] {
    let mut counts = [0usize; 256];
    for &byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    counts
}

/// The most elements that `window` consecutive values hold, where 0xff comes before 0x00.
fn densest_signed(counts: &[usize; 256], window: usize) -> usize {
    let mut sum: usize = counts.iter().take(window).sum();
    let mut best = sum;
    let ahead = counts.iter().cycle().skip(window);
    for (gone, come) in counts.iter().zip(ahead) {
        sum = sum + come - gone;
        best = best.max(sum);
    }
    best
}
