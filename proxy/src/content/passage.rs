//! One direction of a raw tunnel on its way through: bytes leave as far as the scanner has cleared them.
//! What is still held when the sender falls silent is judged as it stands and then leaves, but for the
//! beginning of a number that would be refused as a whole: that waits for its end, and not for ever.
//!
//! Invariant: no byte leaves that was not judged, and none at all once a verdict stops. The scanner
//! goes on over everything, so that an identifier sent in parts is found when it is whole.

use bytes::{Buf, Bytes, BytesMut};
use policy::{Inspect, Place, Ruling, Verdict};

use super::body::Hand;
use super::ledger::Charged;
use super::under_way::{BARE, Number, Rest};
use super::{Meters, ReadingCell};
use crate::stop::Stop;

/// Bytes before the held ones with which these are judged when the sender is silent: what a label
/// or a number that was begun earlier needs.
const CONTEXT_BYTES: usize = 1024;
/// Bytes that are held at most for the scanner to clear them; more are judged as they stand.
const HELD_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a message by which an archive is known; the magic of a tar stands at 257.
const MESSAGE_HEAD_BYTES: usize = 512;
/// Judging costs a pass over the tally; it is done at most once for this many bytes while nothing
/// new is found.
const JUDGE_INTERVAL_BYTES: u64 = 1024 * 1024;

/// A number under way that does not end.
pub const UNDER_WAY: &str = "under-way";

/// What a direction waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Nothing is held.
    No,
    /// For the sender to go on or be silent: [`Passage::flush`].
    Flush,
    /// For a number to end: [`Passage::overdue`].
    Number,
}

/// Bytes of a tunnel that may leave. Made only by a [`Passage`].
#[derive(Debug)]
pub struct Passed(Bytes);

impl Passed {
    /// The bytes, for the writer that sends them.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

/// One direction of a tunnel.
#[derive(Debug)]
pub struct Passage {
    /// None: nothing is read, because the rule exempts it or does not ask for this direction.
    reading: Option<Box<Reading>>,
    meters: Meters,
    _hand: Hand,
}

#[derive(Debug)]
struct Reading {
    ruling: Ruling,
    scanner: dlp::Scanner,
    /// The last bytes that left, then those that are held.
    window: BytesMut,
    /// How many of the window have left.
    left: usize,
    /// All that is held is the beginning of a number.
    is_under_way: bool,
    taken: u64,
    judged: Judged,
    charged: Charged,
    cell: ReadingCell,
    /// The first bytes of a message, until it is clear whether they are those of an archive.
    head: Vec<u8>,
    has_written: bool,
}

/// What the evidence looked like when it was last judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Judged {
    findings: u64,
    incomplete: usize,
    has_unidentified: bool,
    at: u64,
}

impl Passage {
    /// `ruling` says how the direction is read; None means that the rule does not ask for it. What
    /// leaves is counted in `meters`.
    pub fn new(ruling: Option<Ruling>, meters: &Meters) -> Self {
        let read = ruling.filter(|ruling| ruling.profile().exempt().is_none());
        let reading = read.map(|ruling| {
            meters.cell.with(|reading| {
                reading.inspected = true;
                // A tunnel cannot wait, whatever the profile says.
                reading.inspect = Some(Inspect::Stream);
            });
            let catalog = std::sync::Arc::clone(ruling.profile().catalog());
            Box::new(Reading {
                // A tunnel's bytes are no container from their first one on.
                scanner: dlp::Scanner::of_text(catalog, dlp::Limits::default()),
                ruling,
                window: BytesMut::new(),
                left: 0,
                is_under_way: false,
                taken: 0,
                judged: Judged::default(),
                charged: Charged::default(),
                cell: meters.cell.clone(),
                head: Vec::new(),
                has_written: false,
            })
        });
        Self { reading, meters: meters.clone(), _hand: meters.released.hand() }
    }

    /// What held bytes wait for.
    pub fn waits(&self) -> Waits {
        match &self.reading {
            Some(reading) if reading.held() == 0 => Waits::No,
            Some(reading) if reading.is_under_way => Waits::Number,
            Some(_) => Waits::Flush,
            None => Waits::No,
        }
    }

    /// Takes the next bytes and gives what may leave.
    ///
    /// # Errors
    /// The verdict that cuts the tunnel.
    pub fn take(&mut self, chunk: Bytes) -> Result<Passed, Stop> {
        self.meters.received.add(chunk.len());
        let Some(reading) = &mut self.reading else { return Ok(self.pass(chunk)) };
        let taken = reading.take(&chunk).and_then(|()| {
            if reading.held() > HELD_BYTES_MAX { reading.flush() } else { Ok(reading.cleared()) }
        });
        self.passed_or_cut(taken)
    }

    /// The sender is silent: what is held is judged as it stands, and leaves as far as no number is
    /// under way at its end.
    ///
    /// # Errors
    /// The verdict that cuts the tunnel.
    pub fn flush(&mut self) -> Result<Passed, Stop> {
        let Some(reading) = &mut self.reading else { return Ok(self.pass(Bytes::new())) };
        let flushed = reading.flush();
        self.passed_or_cut(flushed)
    }

    /// A number under way has not ended in time. Whoever was about to send it has begun to, and the
    /// rest could come by another way.
    ///
    /// # Errors
    /// Always: the verdict that cuts the tunnel.
    pub fn overdue(&mut self) -> Result<Passed, Stop> {
        let Some(reading) = &self.reading else { return Ok(self.pass(Bytes::new())) };
        let text = "a number that would be refused as a whole was begun and did not end within \
                    limits.tunnelHold; end messages with a newline, or let them come whole";
        let verdict = Verdict::block(reading.ruling.rule().cloned(), UNDER_WAY, text.to_owned());
        self.passed_or_cut(Err(verdict))
    }

    /// The sender has ended: the last judgement.
    ///
    /// # Errors
    /// The verdict that cuts the tunnel.
    pub fn finish(&mut self) -> Result<Passed, Stop> {
        let Some(reading) = &mut self.reading else { return Ok(self.pass(Bytes::new())) };
        reading.scanner.finish();
        let rest = reading.judge().map(|()| reading.all());
        self.passed_or_cut(rest)
    }

    /// Why what the sender announces to be unreadable, such as TLS of its own, may not leave; None where
    /// it is not read, or the profile lets unidentified bytes through.
    pub fn judge_ciphertext(&self) -> Option<Verdict> {
        let reading = self.reading.as_ref()?;
        let mut evidence = dlp::Evidence::default();
        evidence.coverage.unidentified = 1;
        let mut verdict = reading.ruling.judge(Place::Head, &dlp::Tally::default(), &evidence);
        verdict.reason.text =
            "what the workload encrypts itself cannot be read; the rule's content \
            profile would have to allow what is unidentified"
                .to_owned();
        verdict.stops().then_some(verdict)
    }

    fn passed_or_cut(&mut self, bytes: Result<Bytes, Verdict>) -> Result<Passed, Stop> {
        match bytes {
            Ok(bytes) => Ok(self.pass(bytes)),
            Err(verdict) => {
                self.rule(&verdict);
                Err(Stop::Refused(Box::new(verdict)))
            }
        }
    }

    fn rule(&self, verdict: &Verdict) {
        self.meters.cell.with(|reading| {
            reading.rule(verdict);
            reading.cut = self.meters.released.bytes() > 0;
        });
    }

    fn pass(&self, bytes: Bytes) -> Passed {
        self.meters.released.add(bytes.len());
        Passed(bytes)
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        // However the tunnel ends, the record says what was found in it.
        if let Some(reading) = &mut self.reading
            && !std::mem::replace(&mut reading.has_written, true)
        {
            reading.scanner.finish();
            self.meters.cell.with(|cell| cell.add(reading.scanner.evidence()));
        }
    }
}

impl Reading {
    fn held(&self) -> usize {
        self.window.len().saturating_sub(self.left)
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), Verdict> {
        self.taken += chunk.len() as u64;
        self.is_under_way = false;
        self.look_for_archives(chunk)?;
        self.scanner.feed(chunk);
        self.window.extend_from_slice(chunk);
        let evidence = self.scanner.evidence();
        let seen = Judged {
            findings: evidence.tally.total(),
            incomplete: evidence.incomplete.len(),
            has_unidentified: evidence.coverage.unidentified > 0,
            at: self.judged.at,
        };
        if seen == self.judged && self.taken - self.judged.at < JUDGE_INTERVAL_BYTES {
            return Ok(());
        }
        self.judged = Judged { at: self.taken, ..seen };
        self.judge()
    }

    /// In a tunnel no archive is opened, so that one which a message begins with has not been read.
    fn look_for_archives(&mut self, chunk: &[u8]) -> Result<(), Verdict> {
        let room = MESSAGE_HEAD_BYTES.saturating_sub(self.head.len());
        if room == 0 {
            return Ok(());
        }
        self.head.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        let Some(kind) = dlp::packed(&self.head) else { return Ok(()) };
        let mut evidence = dlp::Evidence::default();
        let reason = dlp::IncompleteReason::UnknownEncoding;
        evidence.incomplete.push(dlp::Incomplete { reason, member: Some(kind.into()) });
        self.cell.with(|reading| reading.add(&evidence));
        let verdict = self.ruling.judge(Place::Head, &dlp::Tally::default(), &evidence);
        if verdict.stops() { Err(verdict) } else { Ok(()) }
    }

    /// The bytes that the scanner has cleared and that have not left.
    fn cleared(&mut self) -> Bytes {
        let uncleared = self.taken.saturating_sub(self.scanner.cleared());
        let uncleared = usize::try_from(uncleared).unwrap_or(usize::MAX);
        self.leave(self.held().saturating_sub(uncleared))
    }

    fn all(&mut self) -> Bytes {
        self.leave(self.held())
    }

    fn leave(&mut self, count: usize) -> Bytes {
        let (start, end) = (self.left, self.left + count);
        let bytes = Bytes::copy_from_slice(self.window.get(start..end).unwrap_or_default());
        let forgotten = end.saturating_sub(CONTEXT_BYTES);
        self.window.advance(forgotten);
        self.left = end - forgotten;
        bytes
    }

    /// Judges what is held by itself and what left before it, as if nothing followed.
    fn flush(&mut self) -> Result<Bytes, Verdict> {
        if self.held() == 0 {
            return Ok(Bytes::new());
        }
        let verdict = self.judge_as_if(&self.window, self.left);
        if verdict.stops() {
            return Err(verdict);
        }
        let kept = self.under_way();
        self.is_under_way = kept > 0;
        // What comes after a pause is another message. The first ones of a stream are read as one, so
        // that it does not begin with an archive byte by byte.
        if self.taken >= MESSAGE_HEAD_BYTES as u64 {
            self.head.clear();
        }
        Ok(self.leave(self.held() - kept))
    }

    /// The verdict on `text`, as if it were all; findings that end by `known` count already.
    fn judge_as_if(&self, text: &[u8], known: usize) -> Verdict {
        let catalog = std::sync::Arc::clone(self.ruling.profile().catalog());
        let mut scanner = dlp::Scanner::of_text(catalog, dlp::Limits::default());
        scanner.feed(text);
        scanner.finish();
        let evidence = scanner.evidence();
        let is_new = |finding: &dlp::Finding| finding.span.end > known as u64;
        // What the scanner over all has counted counts on, but not twice where nothing is new.
        let nothing = dlp::Tally::default();
        let before = if evidence.findings.iter().any(is_new) {
            &self.scanner.evidence().tally
        } else {
            &nothing
        };
        self.ruling.judge(Place::Head, before, evidence)
    }

    /// How many of the held bytes are the beginning of a number that is refused once it is whole: one
    /// of which half is there, or any where what stands before it says what it is.
    fn under_way(&self) -> usize {
        let Some(number) = Number::at_end_of(&self.window) else { return 0 };
        let digits = number.bytes().len();
        let before = self.window.get(..self.window.len() - digits).unwrap_or_default();
        let would_stop = |before: &[u8], rest: &[u8]| {
            self.judge_as_if(&[before, rest, b"\n"].concat(), self.window.len()).stops()
        };
        let is_told = || BARE.iter().any(|bare| would_stop(before, bare) && !would_stop(b"", bare));
        let near = |rest: &Rest| rest.is_near && would_stop(&self.window, &rest.text);
        let any = |rest: Rest| would_stop(&self.window, &rest.text);
        let is_under_way =
            number.rests().any(|rest| near(&rest)) || is_told() && number.rests().any(any);
        if is_under_way { digits.min(self.held()) } else { 0 }
    }

    /// In a tunnel nothing can be masked: lengths and checksums would break.
    fn judge(&mut self) -> Result<(), Verdict> {
        let nothing = dlp::Tally::default();
        let evidence = self.scanner.evidence();
        let verdict = self.ruling.judge(Place::Head, &nothing, evidence);
        if verdict.stops() {
            return Err(verdict);
        }
        self.cell.charge(&self.ruling, &evidence.tally, &mut self.charged)
    }
}

#[cfg(test)]
mod tests;
