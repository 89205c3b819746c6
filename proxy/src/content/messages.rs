//! One direction of a connection of messages: each is one content, which leaves whole, masked where the
//! ruling redacts, or not at all. Where two meet their bytes are read together, and where their texts
//! meet these are ([`dlp::Stream`]), so that an identifier that is sent in parts is found when its last
//! part comes; one that ends in most of a labelled number does not leave.
//!
//! Invariant: no byte of a message leaves before the whole of it was judged, with what left before it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use dlp::redact::redact;
use dlp::{Confidence, Evidence, Finding, Stream, Tally};
use policy::{Action, Enforcement, Inspect, Place, Ruling, Verdict};

use super::allowance::Allowance;
use super::body::Hand;
use super::ledger::Charged;
use super::passage::UNDER_WAY;
use super::under_way::{BARE, Number};
use super::{Hint, Meters};
use crate::stop::Stop;

/// Bytes before a message with which its beginning is read: what a label or a number that was begun
/// earlier needs.
const CONTEXT_BYTES: usize = 1024;
/// The beginning of a message that is read with what left before it; what begins in its first half is
/// told.
const BEGINNING_BYTES: usize = 1024;
/// Bytes that are scanned before others have their turn.
const TURN_BYTES: usize = 64 * 1024;

/// A message that may leave. Made only by [`Messages`].
#[derive(Debug)]
pub struct ClearedMessage(Bytes);

impl ClearedMessage {
    /// The bytes, for the writer that sends them.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

/// Reads the messages of one direction.
#[derive(Debug)]
pub struct Messages {
    /// None: nothing is read, because the rule exempts it or does not ask for this direction.
    reading: Option<Box<Reading>>,
    meters: Meters,
    _hand: Hand,
}

#[derive(Debug)]
struct Reading {
    ruling: Ruling,
    /// The end of what left.
    tail: BytesMut,
    /// What the texts of the messages before leave open.
    stream: Stream,
    /// What was found in the messages before, and left as it was.
    before: Tally,
}

impl Messages {
    /// `ruling` says how the direction is read; None means that the rule does not ask for it. What
    /// leaves is counted in `meters`.
    pub fn new(ruling: Option<Ruling>, meters: &Meters) -> Self {
        let read = ruling.filter(|ruling| ruling.profile().exempt().is_none());
        let reading = read.map(|ruling| {
            let before = meters.cell.with(|reading| {
                reading.inspected = true;
                // Each message, whatever the profile says of bodies.
                reading.inspect = Some(Inspect::Hold);
                reading.before.clone()
            });
            let (tail, stream) = (BytesMut::new(), Stream::default());
            Box::new(Reading { ruling, tail, stream, before })
        });
        Self { reading, meters: meters.clone(), _hand: meters.released.hand() }
    }

    /// Reads a message, or the reason of a close.
    ///
    /// # Errors
    /// The verdict that ends the connection.
    pub async fn read(&mut self, message: Bytes) -> Result<ClearedMessage, Stop> {
        self.meters.received.add(message.len());
        let Some(reading) = &mut self.reading else { return Ok(self.clear(message)) };
        let read = reading.read(message, &self.meters).await;
        self.clear_or_cut(read)
    }

    /// Counts bytes that came and go nowhere.
    pub fn swallow(&self, bytes: usize) {
        self.meters.received.add(bytes);
    }

    fn clear_or_cut(&self, read: Result<Bytes, Verdict>) -> Result<ClearedMessage, Stop> {
        match read {
            Ok(message) => Ok(self.clear(message)),
            Err(verdict) => {
                self.meters.cell.with(|cell| {
                    cell.rule(&verdict);
                    cell.cut = self.meters.released.bytes() > 0;
                });
                Err(Stop::Refused(Box::new(verdict)))
            }
        }
    }

    fn clear(&self, message: Bytes) -> ClearedMessage {
        self.meters.released.add(message.len());
        ClearedMessage(message)
    }
}

impl Reading {
    async fn read(&mut self, message: Bytes, meters: &Meters) -> Result<Bytes, Verdict> {
        let profile = self.ruling.profile();
        if message.len() as u64 > profile.hold_max() {
            return Err(super::sieve::hold_max_verdict(&self.ruling, profile.hold_max()));
        }
        let limits = dlp::Limits::default();
        let scanner = profile.scanner(&Hint::default().to_scanner(), limits);
        let allowance = Arc::new(Allowance::uncounted(&meters.cut));
        let scanner = scanner.monitored(allowance);
        let mut scanner = scanner.continuing(std::mem::take(&mut self.stream));
        for piece in message.chunks(TURN_BYTES) {
            scanner.feed(piece);
            if message.len() > TURN_BYTES {
                tokio::task::yield_now().await;
            }
        }
        scanner.finish();
        let evidence = &scanner.evidence().clone();
        self.stream = scanner.into_stream();
        meters.cell.with(|cell| cell.add(evidence));
        let met = self.judge_seam((&self.tail, &message), evidence, meters)?;
        self.before.extend(&met);
        let verdict = self.ruling.judge(Place::Body, &self.before, evidence);
        if verdict.stops() {
            return Err(verdict);
        }
        meters.cell.charge(&self.ruling, &evidence.tally, &mut Charged::default())?;
        meters.cell.with(|cell| cell.rule(&verdict));
        let is_masking =
            verdict.action == Action::Redact && verdict.enforcement == Enforcement::Enforce;
        if !is_masking {
            self.before.extend(&evidence.tally);
            self.remember(&message)?;
            return Ok(message);
        }
        let mut masked = BytesMut::from(message);
        let style = self.ruling.profile().style();
        redact(style, &evidence.findings, 0, &mut masked, |finding| self.ruling.redacts(finding));
        // What was masked has not left; all else that was found has.
        let again = dlp::scan(self.ruling.profile().catalog(), &masked);
        self.before.extend(&again.tally);
        self.remember(&masked)?;
        Ok(masked.freeze())
    }

    /// Keeps the end of what leaves. It may not end in the middle of a number that would be refused as a
    /// whole: what is left of it could come by another way.
    fn remember(&mut self, leaves: &[u8]) -> Result<(), Verdict> {
        remember(&mut self.tail, leaves);
        if !self.is_under_way() {
            return Ok(());
        }
        let text = "a message ends in the middle of a number that would be refused as a whole; let it \
                    come whole";
        Err(Verdict::block(self.ruling.rule().cloned(), UNDER_WAY, text.to_owned()))
    }

    /// Whether the tail ends in at least half of a number that is refused once it is whole, after text
    /// that says what it is. Without that, messages of numbers could not be told from it.
    fn is_under_way(&self) -> bool {
        let Some(number) = Number::at_end_of(&self.tail) else { return false };
        let digits = number.bytes().len();
        let before = self.tail.get(..self.tail.len() - digits).unwrap_or_default();
        BARE.iter().any(|bare| self.would_stop(before, bare))
            && number.rests().any(|rest| rest.is_near && self.would_stop(&self.tail, &rest.text))
    }

    /// Whether a message that follows would be refused for where it meets what left before it.
    fn would_stop(&self, tail: &[u8], follows: &[u8]) -> bool {
        let message = [follows, b"\n"].concat();
        let alone = dlp::scan(self.ruling.profile().catalog(), &message);
        let seam = self.read_seam(tail, &message, &alone);
        let verdict = self.ruling.judge(Place::Head, &self.before, &seam);
        seam.tally.total() > 0 && verdict.stops()
    }

    /// Judges what only shows where a message meets what left before it. That reaches back, so nothing
    /// of it can be masked.
    fn judge_seam(
        &self,
        (tail, message): (&[u8], &[u8]),
        alone: &Evidence,
        meters: &Meters,
    ) -> Result<Tally, Verdict> {
        let seam = self.read_seam(tail, message, alone);
        if seam.tally.total() == 0 {
            return Ok(seam.tally);
        }
        meters.cell.with(|cell| cell.add(&seam));
        let verdict = self.ruling.judge(Place::Head, &self.before, &seam);
        if verdict.stops() {
            return Err(verdict);
        }
        meters.cell.charge(&self.ruling, &seam.tally, &mut Charged::default())?;
        meters.cell.with(|cell| cell.rule(&verdict));
        Ok(seam.tally)
    }

    /// What the beginning of a message says with what left before it, and does not say alone.
    fn read_seam(&self, tail: &[u8], message: &[u8], alone: &Evidence) -> Evidence {
        let mut seam = Evidence::default();
        if tail.is_empty() || message.is_empty() {
            return seam;
        }
        let beginning = message.get(..BEGINNING_BYTES).unwrap_or(message);
        let is_whole = beginning.len() == message.len();
        let met = self.read_text(&[tail, beginning].concat());
        let start = tail.len() as u64;
        let told = start + (BEGINNING_BYTES / 2) as u64;
        // Two messages side by side are no text, so a guess is worth nothing here.
        let sure = met.findings.iter();
        let sure = sure.filter(|finding| finding.confidence >= Confidence::Medium);
        let (spelled, plain): (Vec<_>, Vec<_>) = sure.partition(|one| one.member.is_some());
        let reaches_in = |finding: &&&Finding| {
            finding.span.end > start && (is_whole || finding.span.start < told)
        };
        let plain = plain.iter().filter(reaches_in);
        seam.findings.extend(plain.filter(|one| !is_known(alone, one, start)).copied().cloned());
        if !spelled.is_empty() {
            // What is spelled otherwise has its place in there.
            let before = self.read_text(tail);
            let is_known = |finding: &Finding| {
                let known = before.findings.iter().filter(|known| known.member.is_some());
                known.chain(&alone.findings).any(|known| is_as_sure(known, finding))
            };
            seam.findings.extend(spelled.into_iter().filter(|one| !is_known(one)).cloned());
        }
        seam.tally = Tally::of(&seam.findings);
        seam
    }

    fn read_text(&self, text: &[u8]) -> Evidence {
        let catalog = Arc::clone(self.ruling.profile().catalog());
        let mut scanner = dlp::Scanner::of_text(catalog, dlp::Limits::default());
        scanner.feed(text);
        scanner.finish();
        scanner.evidence().clone()
    }
}

fn is_as_sure(known: &Finding, finding: &Finding) -> bool {
    known.identifier == finding.identifier && known.confidence >= finding.confidence
}

/// Whether a message that stands from `start` on says by itself what was found.
fn is_known(alone: &Evidence, finding: &Finding, start: u64) -> bool {
    alone.findings.iter().filter(|known| is_as_sure(known, finding)).any(|known| {
        match &known.member {
            Some(member) => member.ends_with(dlp::SPLIT) || finding.span.start >= start,
            None => {
                known.span.start + start < finding.span.end
                    && finding.span.start < known.span.end + start
            }
        }
    })
}

/// Keeps the end of what left.
fn remember(tail: &mut BytesMut, left: &[u8]) {
    let end = left.get(left.len().saturating_sub(CONTEXT_BYTES)..).unwrap_or(left);
    tail.extend_from_slice(end);
    let surplus = tail.len().saturating_sub(CONTEXT_BYTES);
    // Written anew, so that the room of what is forgotten is given back.
    if surplus > 0 {
        *tail = BytesMut::from(tail.get(surplus..).unwrap_or_default());
    }
}
