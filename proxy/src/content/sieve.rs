//! One body on its way through: fed to the scanner as it comes, held in the spool, and given out
//! as far as the scanner and the ruling have cleared it, masked where the ruling redacts.
//!
//! Invariant: `release` never gives a byte that `Scanner::cleared` does not cover, and nothing at
//! all once a verdict stops.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use dlp::redact::{Style, is_maskable, redact};
use policy::{Action, Enforcement, Inspect, Place, Ruling, Verdict};

use super::allowance::Allowance;
use super::body::Hand;
use super::ledger::Charged;
use super::reader::Reader;
use super::spool::{Spool, SpoolRoom};
use super::uploads::{Turn, Upload};
use super::{Hint, Meters, ReadingCell, Tally};
use crate::error::{Error, Kind};
use crate::stop::Stop;

/// Judging costs a pass over the tally; it is done at most once for this many bytes while nothing
/// new is found.
const JUDGE_INTERVAL_BYTES: u64 = 1024 * 1024;

/// Bytes that are kept together so that the values in them become tokens; longer ones are masked.
const TOKEN_SPAN_MAX: u64 = 256 * 1024;

pub(super) struct Sieve {
    ruling: Ruling,
    reader: Reader,
    allowance: Arc<Allowance>,
    /// The upload that the body is a part of.
    upload: Option<Arc<Upload>>,
    spool: Spool,
    cell: ReadingCell,
    received: Tally,
    taken: u64,
    released: u64,
    judged: Judged,
    charged: Charged,
    is_sealed: bool,
    is_masking: bool,
    is_finished: bool,
    /// Findings before this one lie in what has been released.
    mask_from: usize,
    _hand: Hand,
}

/// What the evidence looked like when it was last judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Judged {
    findings: u64,
    incomplete: usize,
    has_unidentified: bool,
    at: u64,
}

impl Sieve {
    pub(super) fn new(ruling: Ruling, hint: &Hint, room: &SpoolRoom, meters: &Meters) -> Self {
        let profile = ruling.profile();
        let allowance = Arc::new(Allowance::new(room.memory(meters.holder), &meters.cut));
        let reader = match profile.exempt() {
            Some(_) => Reader::None,
            None => {
                let scanner = profile.scanner(&hint.to_scanner(), dlp::Limits::default());
                Reader::of_body(scanner.monitored(Arc::clone(&allowance) as _))
            }
        };
        if reader.reads() {
            meters.cell.with(|reading| {
                reading.inspected = true;
                reading.inspect = Some(profile.inspect());
            });
        }
        Self {
            ruling,
            reader,
            allowance,
            upload: None,
            spool: room.spool(meters.holder),
            cell: meters.cell.clone(),
            received: meters.received.clone(),
            taken: 0,
            released: 0,
            judged: Judged::default(),
            charged: Charged::default(),
            is_sealed: hint.is_sealed,
            is_masking: false,
            is_finished: false,
            mask_from: 0,
            _hand: meters.released.hand(),
        }
    }

    /// Reads the body as a part of `upload`, held and unmasked, as its `turn` says.
    pub(super) fn in_upload(mut self, upload: Arc<Upload>, turn: Turn) -> Self {
        if let Turn::Next(_) = turn {
            self.cell.with(|reading| reading.before.extend(&upload.found()));
        }
        self.cell.with(|reading| reading.inspect = Some(Inspect::Hold));
        self.reader = Reader::of_part(turn, &self.allowance);
        // The parts before it have answered for theirs.
        if let Some(evidence) = self.reader.evidence() {
            self.charged = Charged::of(&self.ruling, &evidence.tally);
        }
        self.upload = Some(upload);
        self.is_sealed = true;
        self
    }

    /// Whether the whole body must be cleared before any of it leaves.
    pub(super) fn is_holding(&self) -> bool {
        self.upload.is_some()
            || self.reader.reads() && self.ruling.profile().inspect() == Inspect::Hold
    }

    /// Refuses a held body whose announced length is too much, before any of it is read.
    pub(super) fn admit(&self, length: Option<u64>) -> Result<(), Stop> {
        let hold_max = self.ruling.profile().hold_max();
        if self.is_holding() && length.is_some_and(|length| length > hold_max) {
            return Err(self.stop(hold_max_verdict(&self.ruling, hold_max)));
        }
        Ok(())
    }

    /// Takes the next bytes of the body.
    pub(super) async fn take(&mut self, chunk: Bytes) -> Result<(), Stop> {
        self.taken += chunk.len() as u64;
        self.received.add(chunk.len());
        if self.reader.reads() {
            self.reader.feed(&chunk);
            self.allowance.check()?;
            let hold_max = self.ruling.profile().hold_max();
            if self.spool.len() + chunk.len() as u64 > hold_max {
                return Err(self.stop(hold_max_verdict(&self.ruling, hold_max)));
            }
            self.judge_if_changed()?;
        }
        self.spool.push(chunk).await.map_err(Stop::Failed)
    }

    /// Takes trailers: they leave, so they are read like headers.
    pub(super) fn take_trailers(&mut self, trailers: &http::HeaderMap) -> Result<(), Stop> {
        super::head::read_headers(&self.ruling, &self.cell, trailers).map_err(Stop::Refused)
    }

    /// The body has ended: the last judgement.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        let tail = self.reader.tail_evidence();
        if !self.reader.finish() {
            return Err(self.stop(changed_verdict(&self.ruling)));
        }
        self.allowance.check()?;
        self.judge()?;
        if let Some(tail) = tail {
            self.judge_tail(&tail)?;
        }
        self.is_finished = true;
        Ok(())
    }

    /// Writes what was found into the reading; called once, when the body has ended or was stopped.
    /// A part's artifact is free for the next one from here on.
    pub(super) fn write_evidence(&mut self) {
        if let Some(evidence) = self.reader.evidence() {
            self.cell.with(|reading| reading.add(evidence));
        }
        self.reader.part_read();
    }

    /// Writes why the body did not end into the reading.
    pub(super) fn write_failure(&self, kind: Kind) {
        self.cell.with(|reading| reading.failure = Some(kind));
    }

    /// Writes into the reading that the body was cut.
    pub(super) fn write_cut(&self) {
        self.cell.with(|reading| reading.cut = self.released > 0);
    }

    /// The next bytes that may leave, `None` if there are none yet.
    pub(super) async fn release(&mut self) -> Result<Option<Bytes>, Stop> {
        let cleared = if self.is_finished { self.taken } else { self.reader.cleared(self.taken) };
        let cleared = self.uncut(cleared);
        let piece = self.spool.pop(cleared.saturating_sub(self.released)).await;
        let Some(piece) = piece.map_err(Stop::Failed)? else { return Ok(None) };
        let piece = self.whole(piece, cleared).await.map_err(Stop::Failed)?;
        let offset = self.released;
        self.released += piece.len() as u64;
        Ok(Some(self.redact(offset, piece)))
    }

    /// The nearest place at or before `end` that cuts no value which is to become a token.
    fn uncut(&self, mut end: u64) -> u64 {
        while let Some((start, _)) = self.token_over(end) {
            if end - start > TOKEN_SPAN_MAX {
                break;
            }
            end = start;
        }
        end
    }

    /// The piece, and what follows it up to `cleared` while a value that is to become a token is cut
    /// between them.
    async fn whole(&mut self, piece: Bytes, cleared: u64) -> Result<Bytes, Error> {
        let end_of = |piece: usize| self.released + piece as u64;
        let Some(mut over) = self.token_over(end_of(piece.len())) else { return Ok(piece) };
        let mut whole = BytesMut::from(piece);
        loop {
            let end = self.released + whole.len() as u64;
            let (_, to) = over;
            let more = self.spool.pop(to.min(cleared).saturating_sub(end)).await?;
            let Some(more) = more else { break };
            whole.extend_from_slice(&more);
            match self.token_over(self.released + whole.len() as u64) {
                Some(next) if whole.len() as u64 <= TOKEN_SPAN_MAX => over = next,
                Some(_) | None => break,
            }
        }
        Ok(whole.freeze())
    }

    /// A value that is to become a token and that `at` would cut. A cut one becomes a mask.
    fn token_over(&self, at: u64) -> Option<(u64, u64)> {
        let is_token = match self.ruling.profile().style() {
            Style::Mask => false,
            Style::Token(_) => self.is_masking,
        };
        let evidence = self.reader.evidence().filter(|_| is_token)?;
        let findings = evidence.findings.get(self.mask_from..).unwrap_or_default();
        let cut = findings
            .iter()
            .filter(|finding| finding.span.start < at && at < finding.span.end)
            .filter(|finding| is_maskable(finding) && self.ruling.redacts(finding));
        cut.map(|finding| (finding.span.start, finding.span.end)).min()
    }

    /// Everything at once, if it never left memory.
    pub(super) fn is_in_memory(&self) -> bool {
        self.spool.is_in_memory()
    }

    /// Bytes that are still to be released.
    pub(super) fn held(&self) -> u64 {
        self.spool.len()
    }

    fn redact(&mut self, offset: u64, piece: Bytes) -> Bytes {
        let Some(evidence) = self.reader.evidence().filter(|_| self.is_masking) else {
            return piece;
        };
        let mut masked = BytesMut::from(piece);
        let findings = evidence.findings.get(self.mask_from..).unwrap_or_default();
        let is_behind = |finding: &&dlp::Finding| finding.span.end <= offset;
        let behind = findings.iter().take_while(is_behind).count();
        let findings = findings.get(behind..).unwrap_or_default();
        let style = self.ruling.profile().style();
        redact(style, findings, offset, &mut masked, |finding| self.ruling.redacts(finding));
        self.mask_from += behind;
        masked.freeze()
    }

    fn judge_if_changed(&mut self) -> Result<(), Stop> {
        let Some(evidence) = self.reader.evidence() else { return Ok(()) };
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

    fn judge(&mut self) -> Result<(), Stop> {
        let Some(evidence) = self.reader.evidence() else { return Ok(()) };
        let before = self.cell.with(|reading| reading.before.clone());
        let verdict = self.ruling.judge(Place::Body, &before, evidence);
        if verdict.stops() {
            return Err(self.stop(verdict));
        }
        let tally = &evidence.tally;
        if let Err(over) = self.cell.charge(&self.ruling, tally, &mut self.charged) {
            return Err(self.stop(over));
        }
        self.is_masking =
            verdict.action == Action::Redact && verdict.enforcement == Enforcement::Enforce;
        if self.is_masking && self.is_sealed {
            return Err(self.stop(sealed_verdict(&self.ruling)));
        }
        self.cell.with(|reading| reading.rule(&verdict));
        Ok(())
    }

    /// A part leaves before its artifact has the last word on its end.
    fn judge_tail(&self, tail: &dlp::Evidence) -> Result<(), Stop> {
        let before = self.cell.with(|reading| reading.before.clone());
        // As for a head: nothing of it can be masked, and it is no whole body.
        let verdict = self.ruling.judge(Place::Head, &before, tail);
        if !verdict.stops() {
            return Ok(());
        }
        self.cell.with(|reading| reading.add(tail));
        Err(self.stop(verdict))
    }

    fn stop(&self, verdict: Verdict) -> Stop {
        if let Some(upload) = &self.upload {
            upload.stop();
        }
        self.cell.with(|reading| {
            reading.rule(&verdict);
            reading.cut = self.released > 0;
        });
        Stop::Refused(Box::new(verdict))
    }
}

fn changed_verdict(ruling: &Ruling) -> Verdict {
    let text = "a part that was read was sent again with other bytes; begin the upload anew";
    Verdict::block(ruling.rule().cloned(), "part-changed", text.to_owned())
}

fn sealed_verdict(ruling: &Ruling) -> Verdict {
    let text = "a checksum or signature in the headers covers the bytes that would be masked";
    Verdict::block(ruling.rule().cloned(), "cannot-redact", text.to_owned())
}

pub(super) fn hold_max_verdict(ruling: &Ruling, hold_max: u64) -> Verdict {
    let text = format!(
        "more than {hold_max} bytes would have to be held (content `{}`, holdMax)",
        ruling.profile().name()
    );
    Verdict::block(ruling.rule().cloned(), "hold-max", text)
}
