//! Integers by byte statistics: wide ones have nearly constant high bytes, 16-bit ones a narrow high byte above a
//! varied low one, 8-bit ones a smooth histogram, images and signals small steps between neighbours.

/// Nearly all, of a thousand.
const PER_MILLE_MIN: usize = 970;

/// `i32` or `i64` of modest size, counters, timestamps: at most two values in the highest byte (of eight: in the
/// three highest).
pub(super) fn is_wide(block: &[u8]) -> bool {
    let is_constant = |width: usize, lane: usize| {
        let counts = histogram(block.iter().skip(lane).step_by(width));
        let elements: usize = counts.iter().sum();
        let mut sorted = counts;
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        sorted.iter().take(2).sum::<usize>() * 1000 >= elements * PER_MILLE_MIN
    };
    (0..4).any(|lane| is_constant(4, lane) && has_other_lanes(block, 4, lane))
        || (0..8).any(|lane| (0..3).all(|next| is_constant(8, (lane + next) % 8)))
}

/// Whether the lanes below the constant one are not text: fields of text with a separator are no integers.
fn has_other_lanes(block: &[u8], width: usize, constant: usize) -> bool {
    let others = block.iter().enumerate().filter(|(i, _)| i % width != constant);
    let (mut text, mut all) = (0usize, 0usize);
    for (_, byte) in others {
        all += 1;
        text += usize::from(byte.is_ascii_graphic());
    }
    text * 10 < all * 8
}

/// `i16` and `u16`: the high byte within a narrow range, the low byte varied. The latter tells them from text in
/// disguise.
pub(super) fn is_i16(block: &[u8]) -> bool {
    const WINDOW: usize = 96;
    const DISTINCT_MIN: f64 = 0.8;
    (0..2).any(|phase| {
        let low = histogram(block.iter().skip(phase).step_by(2));
        let high = histogram(block.iter().skip(phase + 1).step_by(2));
        let samples: usize = low.iter().sum();
        let expected = 256.0 * (1.0 - (-(samples as f64) / 256.0).exp());
        let distinct = low.iter().filter(|count| **count > 0).count() as f64;
        let elements: usize = high.iter().sum();
        distinct >= DISTINCT_MIN * expected
            && densest_signed(&high, WINDOW) * 1000 >= elements * PER_MILLE_MIN
    })
}

/// `i8` and small unsigned values: few values near zero, or a smooth histogram that is not flat.
pub(super) fn is_i8(block: &[u8]) -> bool {
    let counts = histogram(block.iter());
    let near_zero: usize = counts.iter().take(0x20).chain(counts.iter().skip(0xf0)).sum();
    let used = counts.iter().filter(|count| **count > 0).count();
    near_zero * 1000 >= block.len() * PER_MILLE_MIN || used <= 2 || has_smooth_histogram(&counts)
}

/// Whether neighbouring values are about equally frequent: the correlation of each bin with the next.
fn has_smooth_histogram(counts: &[usize; 256]) -> bool {
    const CORRELATION_MIN: f64 = 0.7;
    let mut signed: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    signed.rotate_left(128);
    // Zero stands out in sparse tensors.
    signed.remove(128);
    let mean = signed.iter().sum::<f64>() / signed.len() as f64;
    let variance: f64 = signed.iter().map(|v| (v - mean).powi(2)).sum();
    let products = signed.iter().zip(signed.iter().skip(1)).map(|(a, b)| (a - mean) * (b - mean));
    let covariance: f64 = products.sum();
    // Chance alone makes a variance of the mean for each bin.
    let is_flat = variance < 2.0 * mean * signed.len() as f64;
    !is_flat && covariance >= CORRELATION_MIN * variance
}

/// Images and signals: the steps to the neighbour (of one to four channels) are far smaller than to a far value.
pub(super) fn is_smooth(block: &[u8]) -> bool {
    const FAR: usize = 251;
    let steps = |lag: usize| {
        let pairs = block.iter().zip(block.iter().skip(lag));
        let (sum, count) = pairs.fold((0u64, 0u64), |(sum, count), (a, b)| {
            (sum + u64::from(a.abs_diff(*b)), count + 1)
        });
        sum as f64 / count.max(1) as f64
    };
    let far = steps(FAR);
    far > 0.0 && [1usize, 2, 3, 4].into_iter().any(|lag| steps(lag) < 0.4 * far)
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
