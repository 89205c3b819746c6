//! The sweep by AVX2. The one room with `unsafe`: the intrinsics and the features are guarded by
//! asking the processor first.
#![allow(unsafe_code, reason = "vector intrinsics; guarded by is_x86_feature_detected")]

use std::arch::asm;
use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_min_epu8,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_slli_epi16, _mm256_sub_epi8,
};

use super::masks::{BLOCK, Masks};
use super::sweep::{Area, Kernel, sweep_with};

/// As [`super::sweep`]; false where the processor cannot.
pub(super) fn sweep(area: Area<'_>, found: &mut Vec<u32>) -> bool {
    let is_able = is_able();
    if is_able {
        // SAFETY: the processor has the features.
        unsafe { sweep_avx2(area, found) };
    }
    is_able
}

fn is_able() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2")
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn sweep_avx2(area: Area<'_>, found: &mut Vec<u32>) {
    sweep_with::<Avx2>(area, found);
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

/// Used only by [`sweep_avx2`].
struct Avx2;

impl Kernel for Avx2 {
    #[inline(always)]
    fn masks(block: &[u8; BLOCK]) -> Masks {
        // SAFETY: the processor has the features.
        unsafe { masks(block) }
    }

    #[inline(always)]
    fn printable(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { printable(block) }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn masks(block: &[u8; BLOCK]) -> Masks {
    let [low, high] = load(block);
    let alpha = bits(is_letter(low), is_letter(high));
    // The bit that tells lower case from upper, moved to the highest place.
    let lower = bits(_mm256_slli_epi16::<2>(low), _mm256_slli_epi16::<2>(high));
    Masks {
        alpha,
        at: class(low, high, b'@'),
        colon: class(low, high, b':'),
        comma: class(low, high, b','),
        dash: class(low, high, b'-'),
        digit: bits(is_in(low, b'0', 10), is_in(high, b'0', 10)),
        dot: class(low, high, b'.'),
        encoded: class(low, high, b'+') | class(low, high, b'/'),
        equals: class(low, high, b'='),
        quote: class(low, high, b'"') | class(low, high, b'\''),
        space: class(low, high, b' '),
        upper: alpha & !lower,
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn printable(block: &[u8; BLOCK]) -> u64 {
    let [low, high] = load(block);
    bits(is_printable(low), is_printable(high))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(block: &[u8; BLOCK]) -> [__m256i; 2] {
    let (first, second) = block.split_at(BLOCK / 2);
    // SAFETY: both halves are 32 bytes, and loads need no alignment.
    unsafe {
        [_mm256_loadu_si256(first.as_ptr().cast()), _mm256_loadu_si256(second.as_ptr().cast())]
    }
}

/// The highest bit of each byte.
#[inline]
#[target_feature(enable = "avx2")]
fn bits(low: __m256i, high: __m256i) -> u64 {
    let low = _mm256_movemask_epi8(keep(low)).cast_unsigned();
    let high = _mm256_movemask_epi8(keep(high)).cast_unsigned();
    u64::from(low) | u64::from(high) << 32
}

/// The same vector. The compiler, which would otherwise take comparisons and masks apart into single
/// bytes, is kept from seeing where it comes from.
#[inline]
#[target_feature(enable = "avx2")]
fn keep(mut bytes: __m256i) -> __m256i {
    // SAFETY: no instruction at all.
    unsafe {
        asm!("/* {0} */", inout(ymm_reg) bytes, options(pure, nomem, nostack, preserves_flags));
    }
    bytes
}

/// Whether each byte is `byte`.
#[inline]
#[target_feature(enable = "avx2")]
fn class(low: __m256i, high: __m256i, byte: u8) -> u64 {
    let wanted = _mm256_set1_epi8(byte.cast_signed());
    bits(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted))
}

/// Whether each byte lies in `first..first + len`.
#[inline]
#[target_feature(enable = "avx2")]
fn is_in(bytes: __m256i, first: u8, len: u8) -> __m256i {
    let moved = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first.cast_signed()));
    let last = _mm256_set1_epi8((len - 1).cast_signed());
    _mm256_cmpeq_epi8(_mm256_min_epu8(moved, last), moved)
}

#[inline]
#[target_feature(enable = "avx2")]
fn is_letter(bytes: __m256i) -> __m256i {
    is_in(_mm256_or_si256(bytes, _mm256_set1_epi8(0x20)), b'a', 26)
}

#[inline]
#[target_feature(enable = "avx2")]
fn is_printable(bytes: __m256i) -> __m256i {
    let is_graphic = _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(0x1f));
    _mm256_or_si256(is_graphic, is_in(bytes, b'\t', 5))
}
