//! What is sent: bodies that look like training traffic, never zeros.
//!
//! A pool of bytes is made once; each body walks through it from another place, so that making
//! bodies costs nothing while load runs and no two in a row are the same. A body longer than the
//! pool walks round it, so that one of many GiB needs no more memory.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};

use bytes::Bytes;
use clap::ValueEnum;
use hyper::body::{Body, Frame, SizeHint};

/// The most bytes that one body may have.
pub(crate) const BODY_BYTES_MAX: u64 = 1 << 40;

/// The largest pool; a smaller body has a smaller one.
const POOL_BYTES_MAX: usize = 64 << 20;

/// How much longer than a small body its pool is.
const SLACK_BYTES: usize = 1 << 20;

/// What the bytes of a body are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Little-endian f32 from a normal distribution, mean 0, deviation 0.02.
    Gradients,
    /// Lines of JSON as a training loop logs them.
    Json,
}

impl Kind {
    /// The media type that a client would state.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Kind::Gradients => "application/octet-stream",
            Kind::Json => "application/json",
        }
    }
}

/// A body size: a number with an optional `KiB`, `MiB` or `GiB`, at most [`BODY_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodySize(pub(crate) u64);

impl FromStr for BodySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit: u64 = match text.get(digits.len()..).unwrap_or_default() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            other => return Err(format!("unknown unit `{other}`: use KiB, MiB or GiB")),
        };
        let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a size"))?;
        number
            .checked_mul(unit)
            .filter(|bytes| (1..=BODY_BYTES_MAX).contains(bytes))
            .map(BodySize)
            .ok_or_else(|| format!("a body has 1 byte to {BODY_BYTES_MAX} bytes"))
    }
}

/// Bodies of one kind and size.
#[derive(Debug)]
pub(crate) struct Bodies {
    pool: Bytes,
    size: u64,
    kind: Kind,
}

impl Bodies {
    /// Makes the pool; the same arguments give the same bytes.
    pub(crate) fn new(kind: Kind, size: BodySize) -> Bodies {
        let size = size.0;
        let bytes = usize::try_from(size).unwrap_or(POOL_BYTES_MAX);
        let bytes = bytes.saturating_add(SLACK_BYTES).min(POOL_BYTES_MAX).next_multiple_of(4);
        let pool = match kind {
            Kind::Gradients => gradients(bytes),
            Kind::Json => json(bytes),
        };
        Bodies { pool: pool.into(), size, kind }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The body of the `number`th request. Shares the pool's memory.
    pub(crate) fn body(&self, number: u64) -> Walk {
        // A step of an odd number of floats visits many places before it repeats one.
        let start = number.wrapping_mul(4 * 4_099) % (self.pool.len() as u64).max(1);
        Walk {
            pool: self.pool.clone(),
            at: usize::try_from(start & !3).unwrap_or(0),
            left: self.size,
        }
    }
}

/// A body: bytes of the pool from some place on, round and round.
#[derive(Debug)]
pub(crate) struct Walk {
    pool: Bytes,
    at: usize,
    left: u64,
}

impl Walk {
    fn piece(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let end = self.at.saturating_add(left).min(self.pool.len());
        let piece = self.pool.slice(self.at..end);
        self.left = self.left.saturating_sub(piece.len() as u64);
        self.at = 0;
        Some(piece)
    }
}

impl Body for Walk {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.piece().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A small deterministic generator (xorshift64*): the load needs variety, not secrecy.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Uniform in (0, 1].
    fn unit(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        (f64::from(bits) + 1.0) / (f64::from(u32::MAX) + 1.0)
    }

    /// Two independent draws from the standard normal distribution (Box-Muller).
    fn normal_pair(&mut self) -> (f64, f64) {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.unit()).sin_cos();
        (radius * cos, radius * sin)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding a float to f32 is the point")]
fn gradients(bytes: usize) -> Vec<u8> {
    let mut random = Random(0x1A2A_2E70);
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        let (a, b) = random.normal_pair();
        out.extend_from_slice(&((a * 0.02) as f32).to_le_bytes());
        out.extend_from_slice(&((b * 0.02) as f32).to_le_bytes());
    }
    out.truncate(bytes);
    out
}

fn json(bytes: usize) -> Vec<u8> {
    let mut random = Random(0x0007_EA57);
    let mut out = String::with_capacity(bytes + 128);
    let mut step = 0_u64;
    while out.len() < bytes {
        step = (step + 1) % 10_000;
        let (loss, norm) = (random.unit(), random.unit());
        let _ = writeln!(
            out,
            "{{\"epoch\":{},\"step\":{step},\"loss\":{loss:.4},\"grad_norm\":{norm:.4},\
             \"phase\":\"train\",\"layer\":\"encoder.block{}.attention\"}}",
            step / 1000,
            step % 24,
        );
    }
    let mut out = out.into_bytes();
    out.truncate(bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(mut walk: Walk) -> impl Iterator<Item = Bytes> {
        std::iter::from_fn(move || walk.piece())
    }

    fn bytes(walk: Walk) -> Vec<u8> {
        pieces(walk).flatten().collect()
    }

    #[test]
    fn sizes_are_read_with_their_unit_and_bounded() {
        assert_eq!("4KiB".parse(), Ok(BodySize(4096)));
        assert_eq!("4GiB".parse(), Ok(BodySize(4 << 30)));
        assert_eq!("17".parse(), Ok(BodySize(17)));
        for wrong in ["", "0", "2000GiB", "4 KB", "KiB", "-1", "99999999999999999999"] {
            assert!(wrong.parse::<BodySize>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn gradients_are_normal_numbers_and_not_zeros() {
        let body = bytes(Bodies::new(Kind::Gradients, BodySize(400_000)).body(7));
        let floats: Vec<f64> = body
            .chunks_exact(4)
            .map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap())))
            .collect();
        let count = floats.len() as f64;
        let mean = floats.iter().sum::<f64>() / count;
        let deviation = (floats.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        assert!(mean.abs() < 0.001, "mean {mean}");
        assert!((deviation - 0.02).abs() < 0.001, "deviation {deviation}");
        assert!(body.iter().filter(|byte| **byte == 0).count() < body.len() / 100);
    }

    #[test]
    fn bodies_have_their_size_and_follow_each_other_without_repeating() {
        for kind in [Kind::Gradients, Kind::Json] {
            let bodies = Bodies::new(kind, BodySize(4096));
            for number in [0, 1, 2, 63, u64::MAX] {
                assert_eq!(bytes(bodies.body(number)).len(), 4096);
            }
            assert_ne!(bytes(bodies.body(0)), bytes(bodies.body(1)));
        }
    }

    #[test]
    fn a_body_longer_than_the_pool_walks_round_it() {
        let size = 3 * POOL_BYTES_MAX as u64 + 5;
        let walk = Bodies::new(Kind::Json, BodySize(size)).body(9);
        assert_eq!(walk.size_hint().exact(), Some(size));
        assert_eq!(pieces(walk).map(|piece| piece.len() as u64).sum::<u64>(), size);
    }

    #[test]
    fn json_bodies_are_text() {
        let body = bytes(Bodies::new(Kind::Json, BodySize(1000)).body(3));
        assert!(std::str::from_utf8(&body).is_ok());
    }
}
