//! The sweep by AVX2. The one room with `unsafe`: the intrinsics and the features are guarded by
//! asking the processor first.
#![allow(unsafe_code, reason = "vector intrinsics; guarded by is_x86_feature_detected")]

use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_min_epu8,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_slli_epi16, _mm256_sub_epi8,
};

use super::masks::{BLOCK, Masks};
use super::sweep::{Kernel, sweep_with};

/// As [`super::sweep`]; false where the processor cannot.
pub(super) fn sweep(bytes: &[u8], from: usize, to: usize, found: &mut Vec<u32>) -> bool {
    let is_able = is_able();
    if is_able {
        // SAFETY: the processor has the features.
        unsafe { sweep_avx2(bytes, from, to, found) };
    }
    is_able
}

fn is_able() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2")
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn sweep_avx2(bytes: &[u8], from: usize, to: usize, found: &mut Vec<u32>) {
    sweep_with::<Avx2>(bytes, from, to, found);
}

/// Runs `f`, as far as it inlines, with 32-byte vectors where the processor has them.
pub(crate) fn with_avx2<R>(f: impl FnOnce() -> R) -> R {
    if is_able() {
        // SAFETY: the processor has the features.
        unsafe { call(f) }
    } else {
        f()
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn call<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// Used only inside of functions that have the feature.
struct Avx2;

type Halves = [__m256i; 2];

#[inline(always)]
fn load(block: &[u8; BLOCK]) -> Halves {
    let (first, second) = block.split_at(BLOCK / 2);
    // SAFETY: both halves are 32 bytes, and loads need no alignment.
    unsafe {
        [_mm256_loadu_si256(first.as_ptr().cast()), _mm256_loadu_si256(second.as_ptr().cast())]
    }
}

/// A bit for each byte whose highest bit is set after `class`.
#[inline(always)]
fn mask(halves: Halves, class: impl Fn(__m256i) -> __m256i) -> u64 {
    let [low, high] = halves.map(|half| {
        // SAFETY: called with AVX2 only.
        let bits = unsafe { _mm256_movemask_epi8(class(half)) };
        u64::from(bits.cast_unsigned())
    });
    low | high << 32
}

#[inline(always)]
fn splat(byte: u8) -> __m256i {
    // SAFETY: called with AVX2 only.
    unsafe { _mm256_set1_epi8(byte.cast_signed()) }
}

/// Whether each byte is `byte`.
#[inline(always)]
fn is(half: __m256i, byte: u8) -> __m256i {
    // SAFETY: called with AVX2 only.
    unsafe { _mm256_cmpeq_epi8(half, splat(byte)) }
}

/// Whether each byte lies in `first..first + len`.
#[inline(always)]
fn is_in(half: __m256i, first: u8, len: u8) -> __m256i {
    // SAFETY: called with AVX2 only.
    unsafe {
        let moved = _mm256_sub_epi8(half, splat(first));
        _mm256_cmpeq_epi8(_mm256_min_epu8(moved, splat(len - 1)), moved)
    }
}

impl Kernel for Avx2 {
    #[inline(always)]
    fn masks(block: &[u8; BLOCK]) -> Masks {
        let halves = load(block);
        let class = |byte| mask(halves, |half| is(half, byte));
        // SAFETY: called with AVX2 only.
        let lower = |half| unsafe { _mm256_or_si256(half, splat(0x20)) };
        let alpha = mask(halves, |half| is_in(lower(half), b'a', 26));
        // The bit that tells lower case from upper, moved to the highest place.
        // SAFETY: called with AVX2 only.
        let is_lower = mask(halves, |half| unsafe { _mm256_slli_epi16::<2>(half) });
        Masks {
            alpha,
            at: class(b'@'),
            colon: class(b':'),
            comma: class(b','),
            dash: class(b'-'),
            digit: mask(halves, |half| is_in(half, b'0', 10)),
            dot: class(b'.'),
            equals: class(b'='),
            // SAFETY: called with AVX2 only.
            quote: mask(halves, |half| unsafe { _mm256_or_si256(is(half, b'"'), is(half, b'\'')) }),
            space: class(b' '),
            upper: alpha & !is_lower,
        }
    }

    #[inline(always)]
    fn printable(block: &[u8; BLOCK]) -> u64 {
        mask(load(block), |half| {
            // SAFETY: called with AVX2 only.
            let is_graphic = unsafe { _mm256_cmpgt_epi8(half, splat(0x1f)) };
            // SAFETY: called with AVX2 only.
            unsafe { _mm256_or_si256(is_graphic, is_in(half, b'\t', 5)) }
        })
    }
}
