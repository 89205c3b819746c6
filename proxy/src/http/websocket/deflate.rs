//! The payloads of permessage-deflate (RFC 7692, section 7.2), each message alone: no end that we speak
//! to keeps the context of another, so nothing of a message stays in memory when it has gone.
//!
//! Invariant: inflating ends at the message's limits, whatever the payload promises.

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::Broken;

/// The empty block that a sender takes off the end of each message (section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// What a sender puts behind a block that says it is the last one (section 7.2.3.4), and the tail.
const LAST_AND_TAIL: [u8; 5] = [0x00, 0x00, 0x00, 0xff, 0xff];
/// Inflated bytes of one step.
const STEP_BYTES: usize = 64 * 1024;
/// Inflated bytes up to which nothing is called a bomb: what compresses well is short then.
pub const RATIO_BYTES_FREE: u64 = 1024 * 1024;
/// The largest window, in bits, and what is meant where nobody says.
pub const WINDOW_BITS_MAX: u8 = 15;
/// The smallest window that the library deflates with.
pub const WINDOW_BITS_MIN: u8 = 9;

/// How far a message may grow.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// Inflated bytes, at most: `limits.websocketMessageMax`.
    pub bytes_max: u64,
    /// Inflated bytes for each that came, at most, after [`RATIO_BYTES_FREE`]:
    /// `limits.websocketRatioMax`.
    pub ratio_max: u64,
}

/// A message that is being inflated, step by step.
#[derive(Debug)]
pub struct Inflating {
    /// The payload and its tail.
    input: BytesMut,
    growth: Growth,
    state: Decompress,
    inflated: BytesMut,
    is_over: bool,
}

impl Inflating {
    /// Of a whole message's payload, as it came.
    pub fn new(payload: Bytes, growth: Growth) -> Self {
        let mut input = BytesMut::from(payload);
        input.extend_from_slice(&TAIL);
        let (state, inflated) = (Decompress::new(false), BytesMut::new());
        Self { input, growth, state, inflated, is_over: false }
    }

    /// Bytes that are kept.
    pub fn held(&self) -> usize {
        self.input.len() + self.inflated.len()
    }

    /// Goes one step on: the message, once it is whole.
    ///
    /// # Errors
    /// The payload is no DEFLATE data, or grows too far.
    pub fn step(&mut self) -> Result<Option<Bytes>, Broken> {
        let end = self.inflated.len() + STEP_BYTES;
        while self.inflated.len() < end && !self.is_over {
            self.inflate(end)?;
        }
        let (used, grown) = (self.state.total_in(), self.inflated.len() as u64);
        if grown > RATIO_BYTES_FREE && grown / self.growth.ratio_max.max(1) > used {
            return Err(Broken::Ratio);
        }
        if grown > self.growth.bytes_max {
            return Err(Broken::TooBig);
        }
        Ok(self.is_over.then(|| std::mem::take(&mut self.inflated).freeze()))
    }

    /// Inflates up to `end` bytes in all. It is over where all input is used and nothing is left to say.
    fn inflate(&mut self, end: usize) -> Result<(), Broken> {
        let (used, start) = (self.used(), self.inflated.len());
        self.inflated.resize(end, 0);
        let rest = self.input.get(used..).unwrap_or_default();
        let room = self.inflated.get_mut(start..).unwrap_or_default();
        let before = self.state.total_out();
        let status = self.state.decompress(rest, room, FlushDecompress::Sync);
        let grown = usize::try_from(self.state.total_out() - before).unwrap_or(usize::MAX);
        self.inflated.truncate(start.saturating_add(grown));
        let after = self.input.get(self.used()..).unwrap_or_default();
        match status.map_err(|_| Broken::Deflate)? {
            // Blocks behind the last one would be read by some and not by others.
            Status::StreamEnd if after == TAIL || after == LAST_AND_TAIL => self.is_over = true,
            Status::StreamEnd => return Err(Broken::Deflate),
            Status::Ok | Status::BufError if self.inflated.len() == end => {}
            Status::Ok | Status::BufError if after.is_empty() => self.is_over = true,
            Status::Ok | Status::BufError if grown > 0 || self.used() > used => {}
            Status::Ok | Status::BufError => return Err(Broken::Deflate),
        }
        Ok(())
    }

    /// Bytes of input that are used.
    fn used(&self) -> usize {
        usize::try_from(self.state.total_in()).unwrap_or(usize::MAX)
    }
}

/// A message that is being deflated, piece by piece.
#[derive(Debug)]
pub struct Deflating {
    state: Compress,
    deflated: Vec<u8>,
}

impl Deflating {
    /// For an end that looks back at most 2^`window_bits` bytes.
    pub fn new(window_bits: u8) -> Self {
        let bits = window_bits.clamp(WINDOW_BITS_MIN, WINDOW_BITS_MAX);
        let state = Compress::new_with_window_bits(Compression::fast(), false, bits);
        Self { state, deflated: Vec::new() }
    }

    /// Takes the message's next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        self.deflate(piece, FlushCompress::None);
    }

    /// The payload, as it goes on the wire.
    pub fn finish(mut self) -> Vec<u8> {
        self.deflate(&[], FlushCompress::Sync);
        let end = self.deflated.len().saturating_sub(TAIL.len());
        self.deflated.truncate(end);
        self.deflated
    }

    fn deflate(&mut self, mut piece: &[u8], flush: FlushCompress) {
        loop {
            self.deflated.reserve(piece.len() / 2 + 1024);
            let before = self.state.total_in();
            // The one error is a lack of room, which there is.
            let _status = self.state.compress_vec(piece, &mut self.deflated, flush);
            let taken = usize::try_from(self.state.total_in() - before).unwrap_or(usize::MAX);
            piece = piece.get(taken..).unwrap_or_default();
            if piece.is_empty() && self.deflated.len() < self.deflated.capacity() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const GROWTH: Growth = Growth { bytes_max: 4 << 20, ratio_max: 200 };

    fn inflate(payload: &[u8], growth: Growth) -> Result<Bytes, Broken> {
        let mut inflating = Inflating::new(Bytes::copy_from_slice(payload), growth);
        for _ in 0..1000 {
            if let Some(message) = inflating.step()? {
                return Ok(message);
            }
        }
        panic!("it comes to no end");
    }

    fn deflate(payload: &[u8], window_bits: u8) -> Vec<u8> {
        let mut deflating = Deflating::new(window_bits);
        payload.chunks(10_000).for_each(|piece| deflating.feed(piece));
        deflating.finish()
    }

    /// Section 7.2.3: one block, no compression, a last block, two blocks.
    #[test]
    fn the_standards_own_examples() {
        for payload in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ] {
            assert_eq!(inflate(payload, GROWTH).unwrap(), "Hello", "{payload:02x?}");
        }
        assert_eq!(inflate(&[0x00], GROWTH).unwrap(), "");
    }

    #[test]
    fn what_is_no_message_is_refused_by_name() {
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let hidden = [&last[..], &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]].concat();
        // The context of a message that was before: 5 bytes back from the first.
        let context = [0xf2, 0x00, 0x11, 0x00, 0x00];
        for broken in [&hidden[..], &context, &[0x07], &[0xff; 9], &[0x00, 0x05, 0x00, 0xfa, 0xfe]]
        {
            assert_eq!(inflate(broken, GROWTH), Err(Broken::Deflate), "{broken:02x?}");
        }
    }

    #[test]
    fn bombs_end_at_the_limits() {
        let bomb = deflate(&vec![0; 8 << 20], WINDOW_BITS_MAX);
        let tight = Growth { ratio_max: 50, ..GROWTH };
        assert_eq!(inflate(&bomb, tight), Err(Broken::Ratio), "{} bytes", bomb.len());
        let free = Growth { ratio_max: 10_000, ..GROWTH };
        assert_eq!(inflate(&bomb, free), Err(Broken::TooBig));
        let small = deflate(&vec![0; 1 << 20], WINDOW_BITS_MAX);
        assert_eq!(inflate(&small, tight).unwrap().len(), 1 << 20, "what is short may be dense");
        let held_max = (4 << 20) + STEP_BYTES + bomb.len() + TAIL.len();
        let mut inflating = Inflating::new(Bytes::from(bomb), free);
        let held =
            std::iter::from_fn(|| Some(inflating.step().ok()?.map_or(inflating.held(), |_| 0)));
        assert!(held.max().unwrap() <= held_max);
    }

    proptest! {
        #[test]
        fn what_is_deflated_comes_back(
            payload in vec(0u8..4, 0..70_000), window_bits in WINDOW_BITS_MIN..=WINDOW_BITS_MAX,
        ) {
            prop_assert_eq!(&inflate(&deflate(&payload, window_bits), GROWTH).unwrap()[..], &payload[..]);
        }

        #[test]
        fn nothing_panics_or_goes_on_for_ever(payload in vec(any::<u8>(), 0..200)) {
            let _any = inflate(&payload, GROWTH);
        }
    }
}
