//! The sweep by AVX2. The one room with `unsafe`: the intrinsics and the features are guarded by
//! asking the processor first.
#![allow(unsafe_code, reason = "vector intrinsics; guarded by is_x86_feature_detected")]

use std::arch::asm;
use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256,
    _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_slli_epi16,
    _mm256_sub_epi8,
};

use super::kernel::{Kernel, Portable, Task};
use super::masks::{BLOCK, Masks};

/// Does it by this kernel, or by the portable one where the processor cannot.
pub(super) fn run<T: Task>(task: T) -> T::Out {
    if is_able() {
        // SAFETY: the processor has the features.
        unsafe { run_avx2(task) }
    } else {
        task.run::<Portable>()
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx2<T: Task>(task: T) -> T::Out {
    task.run::<Avx2>()
}

pub(super) fn is_able() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2")
}

/// Used only by [`run_avx2`].
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

    #[inline(always)]
    fn text(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { text(block) }
    }

    #[inline(always)]
    fn zeros(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { all(block, 0) }
    }

    #[inline(always)]
    fn is(block: &[u8; BLOCK], byte: u8) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { all(block, byte) }
    }

    #[inline(always)]
    fn separators(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { separators(block) }
    }

    #[inline(always)]
    fn feeds(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { all(block, b'\n') }
    }

    #[inline(always)]
    fn high(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { high(block) }
    }

    #[inline(always)]
    fn bars(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { all(block, b'|') | all(block, b'*') }
    }

    #[inline(always)]
    fn letters(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { letters(block) }
    }

    #[inline(always)]
    fn encoded(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { encoded(block) }
    }

    #[inline(always)]
    fn fetch(block: &[u8; BLOCK], ahead: usize) {
        fetch(block, ahead);
    }

    #[inline(always)]
    fn within(block: &[u8; BLOCK], near: u8) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { within(block, near) }
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
fn text(block: &[u8; BLOCK]) -> u64 {
    let [low, high] = load(block);
    bits(is_text(low), is_text(high))
}

#[inline]
#[target_feature(enable = "avx2")]
fn all(block: &[u8; BLOCK], byte: u8) -> u64 {
    let [low, high] = load(block);
    class(low, high, byte)
}

#[inline]
#[target_feature(enable = "avx2")]
fn separators(block: &[u8; BLOCK]) -> u64 {
    let [low, high] = load(block);
    bits(is_separator(low), is_separator(high))
}

#[inline]
#[target_feature(enable = "avx2")]
fn high(block: &[u8; BLOCK]) -> u64 {
    let [low, high] = load(block);
    bits(low, high)
}

#[inline]
#[target_feature(enable = "avx2")]
fn letters(block: &[u8; BLOCK]) -> u64 {
    let [low, high] = load(block);
    bits(is_base64(low), is_base64(high))
}

#[inline]
#[target_feature(enable = "avx2")]
fn encoded(block: &[u8; BLOCK]) -> u64 {
    let [low, high] = load(block);
    bits(is_standard(low), is_standard(high))
}

#[inline]
#[target_feature(enable = "avx2")]
fn within(block: &[u8; BLOCK], near: u8) -> u64 {
    let [low, high] = load(block);
    let (first, len) = (near.wrapping_neg(), near.wrapping_mul(2));
    bits(is_in(low, first, len), is_in(high, first, len))
}

/// Asks for the bytes so far behind the block.
#[inline(always)]
pub(super) fn fetch(block: &[u8; BLOCK], ahead: usize) {
    let behind = block.as_ptr().wrapping_add(ahead);
    // SAFETY: a hint, which any address may be given to.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(behind.cast()) }
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
    bits(is(low, byte), is(high, byte))
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

#[inline]
#[target_feature(enable = "avx2")]
fn is_separator(bytes: __m256i) -> __m256i {
    let is_end = _mm256_or_si256(is(bytes, b'\n'), is(bytes, b'\r'));
    let is_mark = _mm256_or_si256(is(bytes, b','), is(bytes, b';'));
    _mm256_or_si256(_mm256_or_si256(is_end, is_mark), is(bytes, b'\t'))
}

/// As [`super::kernel::is_text`].
#[inline]
#[target_feature(enable = "avx2")]
fn is_text(bytes: __m256i) -> __m256i {
    let is_framing = _mm256_or_si256(is_in(bytes, b'\t', 5), is_in(bytes, 0x1b, 2));
    _mm256_or_si256(is_in(bytes, b' ', 95), is_framing)
}

/// As [`super::kernel::is_letter`].
#[inline]
#[target_feature(enable = "avx2")]
fn is_base64(bytes: __m256i) -> __m256i {
    let is_other = _mm256_or_si256(is(bytes, b'-'), is(bytes, b'_'));
    _mm256_or_si256(is_standard(bytes), is_other)
}

/// The same of the standard alphabet alone.
#[inline]
#[target_feature(enable = "avx2")]
fn is_standard(bytes: __m256i) -> __m256i {
    let is_alphanumeric = _mm256_or_si256(is_letter(bytes), is_in(bytes, b'0', 10));
    let is_mark = _mm256_or_si256(is(bytes, b'+'), is(bytes, b'/'));
    _mm256_or_si256(is_alphanumeric, is_mark)
}

#[inline]
#[target_feature(enable = "avx2")]
fn is(bytes: __m256i, byte: u8) -> __m256i {
    _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte.cast_signed()))
}
