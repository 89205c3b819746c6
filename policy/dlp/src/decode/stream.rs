//! A codec under the scan's limits: size, ratio, what stands beside the content. Invariant: what it
//! gives out depends only on the pieces that it is fed, so callers cut these at fixed offsets.

use crate::coverage::Declared;
use crate::decode::codec::{Codec, Compression, Event, Fault};
use crate::evidence::IncompleteReason;
use crate::scanner::{Leaf, Limits, Place, Reader, Scan, Weight};

/// Encoded bytes fed at a time.
pub(crate) const PIECE: usize = 4096;
/// Bytes decoded at a time.
const BUFFER: usize = 32 * 1024;
/// Output up to here is never called a bomb.
const RATIO_FREE: u64 = 1 << 20;

/// What became of a piece of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All of it was used and the stream goes on.
    More,
    /// The stream ended after this many of its bytes; what is held belongs to what follows.
    Ended(usize),
    /// The stream broke, or a limit was reached: nothing is made of what is held and what follows
    /// this many of its bytes.
    Failed(usize, IncompleteReason),
}

/// Where decoded bytes go.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&mut Scan, &[u8]);

/// One stream, or several whose contents are one.
#[derive(Debug)]
pub(crate) struct Stream {
    codec: Box<dyn Codec>,
    place: Place,
    /// The sender's own bytes within the stream.
    aside: Option<Box<Leaf>>,
    buffer: Vec<u8>,
    pub(crate) input: u64,
    pub(crate) output: u64,
    /// Output without runs of one byte: zero-filled tensors are no bombs, up to a limit.
    telling: u64,
    weight: Weight,
    /// Whether the last turn had room left, so that the codec has given out all that it may.
    is_drained: bool,
}

impl Stream {
    pub(crate) fn new(compression: Compression, place: &Place, limits: &Limits) -> Stream {
        Stream {
            codec: compression.codec(limits),
            place: place.clone(),
            aside: None,
            buffer: vec![0; BUFFER],
            input: 0,
            output: 0,
            telling: 0,
            weight: Weight::default(),
            is_drained: true,
        }
    }

    /// Begins another stream, whose content goes on where the last one's ended. What is held is fed
    /// anew.
    pub(crate) fn restart(&mut self, compression: Compression, limits: &Limits) {
        self.input -= self.codec.held().len() as u64;
        self.codec = compression.codec(limits);
    }

    /// Decodes the next bytes into `sink`.
    pub(crate) fn feed(&mut self, scan: &mut Scan, piece: &[u8], sink: Sink<'_>) -> Progress {
        let mut used = 0;
        loop {
            scan.weigh(&mut self.weight, self.buffer.len() + self.codec.weight());
            if !scan.goes_on() {
                return Progress::Failed(used, IncompleteReason::Truncated);
            }
            let rest = piece.get(used..).unwrap_or_default();
            let turn = match self.codec.decode(rest, &mut self.buffer) {
                Ok(turn) => turn,
                Err(fault) => return self.fail(scan, used, fault, sink),
            };
            let taken = rest.get(..turn.used).unwrap_or(rest);
            used += taken.len();
            self.input += taken.len() as u64;
            self.is_drained = turn.made < self.buffer.len();
            if let Some(reason) = self.give(scan, turn.made, sink) {
                return Progress::Failed(used, reason);
            }
            match turn.event {
                Event::Ended => return Progress::Ended(used),
                Event::GoesOn if turn.used == 0 && turn.made == 0 => {
                    let is_all = used == piece.len();
                    let stuck = Progress::Failed(used, IncompleteReason::Damaged);
                    return if is_all { Progress::More } else { stuck };
                }
                Event::GoesOn => {}
                Event::Header(fields) => {
                    let mut leaf = self.place.leaf_inside("header", Declared::Nothing);
                    leaf.field(scan, &fields);
                    leaf.finish(scan);
                }
                Event::Skipped { is_last } => {
                    let leaf = || Box::new(self.place.leaf_inside("skipped", Declared::Nothing));
                    let aside = self.aside.get_or_insert_with(leaf);
                    aside.feed(scan, taken);
                    if is_last {
                        self.end_aside(scan);
                    }
                }
            }
        }
    }

    /// Says that there are no more bytes; true where the stream may end here.
    pub(crate) fn finish(&mut self, scan: &mut Scan, sink: Sink<'_>) -> bool {
        self.end_aside(scan);
        self.flush(scan, sink);
        self.codec.may_end()
    }

    /// Bytes that were taken in and nothing was made of.
    pub(crate) fn held(&self) -> &[u8] {
        self.codec.held()
    }

    /// How much of the input is settled: so many of its bytes give nothing beyond so many of the
    /// output. Nothing where that cannot be told here.
    pub(crate) fn mark(&self) -> Option<(u64, u64)> {
        let ahead = self.codec.ahead();
        let is_settled = self.is_drained && self.aside.is_none();
        let encoded = self.input.saturating_sub(ahead.encoded);
        is_settled.then_some((encoded, self.output + ahead.decoded))
    }

    /// Gives out what was made, and says which limit that reached.
    fn give(&mut self, scan: &mut Scan, made: usize, sink: Sink<'_>) -> Option<IncompleteReason> {
        let decoded = self.buffer.get(..made).unwrap_or_default();
        self.output += decoded.len() as u64;
        let telling = telling(decoded);
        self.telling += telling;
        let runs = scan.add_runs(decoded.len() as u64 - telling);
        sink(scan, decoded);
        if !scan.may_decode(decoded.len()) {
            return Some(IncompleteReason::DecodedBytesMax);
        }
        let counted = self.telling.saturating_add(runs);
        let is_bomb = counted > RATIO_FREE && counted / scan.limits.ratio_max.max(1) > self.input;
        is_bomb.then_some(IncompleteReason::RatioMax)
    }

    fn fail(&mut self, scan: &mut Scan, used: usize, fault: Fault, sink: Sink<'_>) -> Progress {
        self.end_aside(scan);
        self.input += fault.used as u64;
        let limit = self.give(scan, fault.made, sink);
        if limit.is_none() {
            self.flush(scan, sink);
        }
        Progress::Failed(used + fault.used, fault.reason)
    }

    fn flush(&mut self, scan: &mut Scan, sink: Sink<'_>) {
        loop {
            let made = self.codec.flush(&mut self.buffer);
            if made == 0 || self.give(scan, made, sink).is_some() {
                return;
            }
        }
    }

    fn end_aside(&mut self, scan: &mut Scan) {
        if let Some(mut leaf) = self.aside.take() {
            leaf.finish(scan);
        }
    }
}

/// How many of the bytes are not in a long run of one byte.
fn telling(bytes: &[u8]) -> u64 {
    const RUN: usize = 1024;
    let varied = |part: &&[u8]| part.first().is_some_and(|first| part.iter().any(|b| b != first));
    bytes.chunks(RUN).filter(varied).map(|part| part.len() as u64).sum()
}
