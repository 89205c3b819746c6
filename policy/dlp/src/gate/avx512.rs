//! The kernel by AVX-512, whose comparisons give bits at once. Guarded as [`super::avx2`] is, by
//! asking the processor first.
#![allow(unsafe_code, reason = "vector intrinsics; guarded by is_x86_feature_detected")]

use std::arch::x86_64::{
    __m512i, _mm512_cmpeq_epi8_mask, _mm512_cmpgt_epi8_mask, _mm512_cmplt_epi8_mask,
    _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_or_si512, _mm512_set1_epi8,
    _mm512_setzero_si512, _mm512_sub_epi8, _mm512_test_epi8_mask,
};

use super::avx2;
use super::kernel::{Kernel, Task};
use super::masks::{BLOCK, Masks};

/// Does it by this kernel, or by the next best where the processor cannot.
pub(super) fn run<T: Task>(task: T) -> T::Out {
    if is_x86_feature_detected!("avx512bw") && avx2::is_able() {
        // SAFETY: the processor has the features.
        unsafe { run_avx512(task) }
    } else {
        avx2::run(task)
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx512<T: Task>(task: T) -> T::Out {
    task.run::<Avx512>()
}

/// Used only by [`run_avx512`].
struct Avx512;

impl Kernel for Avx512 {
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
        unsafe { is(load(block), 0) }
    }

    #[inline(always)]
    fn is(block: &[u8; BLOCK], byte: u8) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { is(load(block), byte) }
    }

    #[inline(always)]
    fn separators(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { separators(block) }
    }

    #[inline(always)]
    fn feeds(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { is(load(block), b'\n') }
    }

    #[inline(always)]
    fn high(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { high(block) }
    }

    #[inline(always)]
    fn bars(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { is(load(block), b'|') | is(load(block), b'*') }
    }

    #[inline(always)]
    fn letters(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { letters(block) }
    }

    #[inline(always)]
    fn encoded(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { encoded(load(block)) }
    }

    #[inline(always)]
    fn fetch(block: &[u8; BLOCK], ahead: usize) {
        avx2::fetch(block, ahead);
    }

    #[inline(always)]
    fn within(block: &[u8; BLOCK], near: u8) -> u64 {
        // SAFETY: the processor has the features.
        unsafe { is_in(load(block), near.wrapping_neg(), near.wrapping_mul(2)) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn masks(block: &[u8; BLOCK]) -> Masks {
    let bytes = load(block);
    let alpha = is_letter(bytes);
    Masks {
        alpha,
        at: is(bytes, b'@'),
        colon: is(bytes, b':'),
        comma: is(bytes, b','),
        dash: is(bytes, b'-'),
        digit: is_in(bytes, b'0', 10),
        dot: is(bytes, b'.'),
        encoded: is(bytes, b'+') | is(bytes, b'/'),
        equals: is(bytes, b'='),
        quote: is(bytes, b'"') | is(bytes, b'\''),
        space: is(bytes, b' '),
        upper: alpha & !_mm512_test_epi8_mask(bytes, _mm512_set1_epi8(0x20)),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn printable(block: &[u8; BLOCK]) -> u64 {
    let bytes = load(block);
    _mm512_cmpgt_epi8_mask(bytes, _mm512_set1_epi8(0x1f)) | is_in(bytes, b'\t', 5)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn text(block: &[u8; BLOCK]) -> u64 {
    let bytes = load(block);
    is_in(bytes, b' ', 95) | is_in(bytes, b'\t', 5) | is_in(bytes, 0x1b, 2)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn separators(block: &[u8; BLOCK]) -> u64 {
    let bytes = load(block);
    let lines = is(bytes, b'\n') | is(bytes, b'\r');
    is(bytes, b',') | is(bytes, b';') | is(bytes, b'\t') | lines
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn high(block: &[u8; BLOCK]) -> u64 {
    _mm512_cmplt_epi8_mask(load(block), _mm512_setzero_si512())
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn letters(block: &[u8; BLOCK]) -> u64 {
    let bytes = load(block);
    encoded(bytes) | is(bytes, b'-') | is(bytes, b'_')
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn encoded(bytes: __m512i) -> u64 {
    is_letter(bytes) | is_in(bytes, b'0', 10) | is(bytes, b'+') | is(bytes, b'/')
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(block: &[u8; BLOCK]) -> __m512i {
    // SAFETY: the block is 64 bytes, and loads need no alignment.
    unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
}

/// Whether each byte is `byte`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn is(bytes: __m512i, byte: u8) -> u64 {
    _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte.cast_signed()))
}

/// Whether each byte lies in `first..first + len`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn is_in(bytes: __m512i, first: u8, len: u8) -> u64 {
    let moved = _mm512_sub_epi8(bytes, _mm512_set1_epi8(first.cast_signed()));
    _mm512_cmplt_epu8_mask(moved, _mm512_set1_epi8(len.cast_signed()))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn is_letter(bytes: __m512i) -> u64 {
    is_in(_mm512_or_si512(bytes, _mm512_set1_epi8(0x20)), b'a', 26)
}
