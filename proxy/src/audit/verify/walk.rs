//! The state of a verification between two lines.
//! Invariant: after a wrong line the walk goes on from what that line states, so that one edit is
//! reported once and at its place, and everything behind it is still checked.

use std::collections::HashSet;
use std::path::Path;

use super::super::QUEUE_MAX_MAX;
use super::super::chain::{Fields, LineHash, Seal, VERSION};
use super::super::disk::segment_name;
use super::super::key::{Fingerprint, PublicKey};
use super::Expected;
use super::report::{KeyUse, Problem, Report};

/// A heartbeat that comes after more than this many intervals is late.
const LATE_INTERVALS_MAX: f64 = 3.0;
/// What is added to that, in seconds, for a busy machine.
const LATE_SLACK_S: f64 = 5.0;

/// How the chain goes on after the line that was read last.
#[derive(Clone, Copy, Debug)]
enum Follow {
    /// The next line may name any predecessor: the last one could not be read.
    Anything,
    /// The next line names this hash.
    Hash(LineHash),
    /// The last line was edited: the next one names the hash it states, or the one it gives.
    Either(LineHash, LineHash),
}

/// The run whose lines are being read.
#[derive(Debug, Default)]
struct Run {
    boot: String,
    key: Option<PublicKey>,
    fingerprint: Option<Fingerprint>,
    /// Numbers of the exchanges that are open.
    open: HashSet<u64>,
    head_interval_s: Option<f64>,
    head_at: Option<jiff::Timestamp>,
    stopped: bool,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Walk {
    report: Report,
    trusted: Vec<Fingerprint>,
    expected: Option<Expected>,
    seq: u64,
    follow: Follow,
    run: Run,
    segment: u32,
    is_newest: bool,
    /// Lines read in this segment.
    line: u64,
    /// The segment that the last line announced.
    announced: Option<u32>,
}

impl Walk {
    pub(super) fn new(folder: &Path, keys: &[Fingerprint], expected: Option<Expected>) -> Walk {
        Walk {
            report: Report::new(folder),
            trusted: keys.to_vec(),
            expected,
            seq: 0,
            follow: Follow::Hash(LineHash::ZERO),
            run: Run::default(),
            segment: 0,
            is_newest: false,
            line: 0,
            announced: None,
        }
    }

    /// A segment begins; `next` is the number that was due.
    pub(super) fn begin_segment(&mut self, number: u32, next: u32, is_newest: bool) {
        (self.segment, self.is_newest, self.line) = (number, is_newest, 0);
        self.report.segments += 1;
        self.announced = None;
        if number != next {
            let missing = if number.saturating_sub(next) == 1 {
                format!("{} before it is missing", segment_name(next))
            } else {
                let last = segment_name(number.saturating_sub(1));
                format!("{} to {last} before it are missing", segment_name(next))
            };
            self.problem(None, missing);
        }
    }

    pub(super) fn end_segment(&mut self) {
        if self.line == 0 && !self.is_newest {
            self.problem(None, "holds no lines".to_owned());
        }
    }

    pub(super) fn unreadable(&mut self, why: String) {
        self.report.unreadable.get_or_insert(why);
        self.follow = Follow::Anything;
    }

    pub(super) fn overlong(&mut self) {
        self.line += 1;
        self.unknown("is longer than an audit line can be");
    }

    /// The end of a segment that has no newline.
    pub(super) fn torn(&mut self, begin: &[u8], bytes: u64) {
        self.line += 1;
        // A torn write leaves the beginning of a line: never more than a whole one.
        let has_more = begin.split_last().is_some_and(|(_, rest)| Seal::parse(rest).is_some());
        if self.is_newest && !has_more && bytes == begin.len() as u64 {
            self.report.torn_bytes = bytes;
        } else {
            self.unknown("does not end as an audit line does");
        }
    }

    /// One line, without its newline.
    pub(super) fn line(&mut self, line: &[u8]) {
        self.line += 1;
        self.report.lines += 1;
        let Some(seal) = Seal::parse(line) else {
            return self.unknown("is not an audit line");
        };
        let computed = seal.computed();
        let Some(fields) = Fields::parse(line) else {
            return self.unknown("was edited: it is not an audit line any more");
        };
        if computed != seal.hash {
            self.problem(
                Some(self.seq + 1),
                "was edited: its bytes don't give the hash it states".into(),
            );
            self.seq += 1;
            self.follow = Follow::Either(seal.hash, computed);
            return;
        }
        if self.is_in_place(&fields, &seal) {
            self.report.first_seq.get_or_insert(fields.seq);
            self.seq = fields.seq;
            self.follow = Follow::Hash(seal.hash);
            self.report.last_hash = Some(seal.hash.to_string());
            self.look(&fields, &seal);
        }
    }

    /// A line that can't be read stands for one line of the chain.
    fn unknown(&mut self, what: &str) {
        self.problem(Some(self.seq + 1), what.to_owned());
        self.seq += 1;
        self.follow = Follow::Anything;
    }

    /// Is this the next line? Reports what is missing before it; `false` for a line that was
    /// there before and is passed over.
    fn is_in_place(&mut self, fields: &Fields<'_>, seal: &Seal<'_>) -> bool {
        let due = self.seq + 1;
        if fields.seq < due {
            let what = format!(
                "has number {} although {due} is due: repeated or out of order",
                fields.seq
            );
            self.problem(Some(fields.seq), what);
            return false;
        }
        if fields.seq > due {
            let what = match fields.seq - due {
                1 => format!("line {due} before it is missing"),
                count => {
                    format!("{count} lines before it are missing: {due} to {}", fields.seq - 1)
                }
            };
            self.problem(Some(fields.seq), what);
            return true;
        }
        let follows = match self.follow {
            Follow::Anything => true,
            Follow::Either(stated, computed) => [stated, computed].contains(&seal.prev),
            Follow::Hash(hash) => seal.prev == hash,
        };
        if !follows {
            let what = "does not follow the line before it: one of the two was replaced";
            self.problem(Some(fields.seq), what.to_owned());
        }
        true
    }

    /// What a sound line says.
    fn look(&mut self, fields: &Fields<'_>, seal: &Seal<'_>) {
        if fields.v != VERSION {
            self.problem(Some(fields.seq), format!("has version {}, not {VERSION}", fields.v));
        }
        if (self.line == 1 && self.segment > 1) != (fields.kind == "segment") {
            let what =
                "a segment line stands first in each segment after the first, and only there";
            self.problem(Some(fields.seq), what.to_owned());
        }
        self.announced = None;
        if let Some(expected) = self.expected
            && expected.hash == seal.hash
            && expected.seq.is_none_or(|seq| seq == fields.seq)
        {
            self.report.expected_seq = Some(fields.seq);
        }
        match fields.kind {
            "start" => self.start(fields),
            "head" => self.head(fields, seal),
            "segment" if fields.segment != Some(self.segment) => {
                self.problem(Some(fields.seq), "belongs to another segment file".to_owned());
            }
            "open" => self.opened(fields),
            "close" => self.closed(fields),
            "recovery" => {
                self.report.recoveries += 1;
                self.report.cut_bytes += fields.cut_bytes.unwrap_or(0);
            }
            "stop" => self.run.stopped = true,
            _ => {}
        }
    }

    fn start(&mut self, fields: &Fields<'_>) {
        self.report.runs += 1;
        self.forget_open();
        let key = fields.public_key.and_then(|digits| PublicKey::parse(digits).ok());
        let fingerprint = key.as_ref().map(PublicKey::fingerprint);
        if key.is_none() || fingerprint.as_ref().map(Fingerprint::as_str) != fields.key {
            self.problem(Some(fields.seq), "does not state the key that signs the run".to_owned());
        }
        self.run = Run {
            boot: fields.boot.to_owned(),
            key,
            fingerprint,
            head_interval_s: fields.head_interval_s,
            ..Run::default()
        };
    }

    fn head(&mut self, fields: &Fields<'_>, seal: &Seal<'_>) {
        self.announced = fields.next_segment;
        self.beat(fields);
        let prev = seal.prev.to_string();
        let names_prev =
            fields.head_seq == fields.seq.checked_sub(1) && fields.head_hash == Some(prev.as_str());
        let run = &self.run;
        let fingerprint = run.fingerprint.as_ref().filter(|own| fields.key == Some(own.as_str()));
        let is_signed = run.key.as_ref().is_some_and(|key| seal.is_signed_by(key));
        let Some(fingerprint) = fingerprint.filter(|_| names_prev && is_signed).cloned() else {
            let what = "its signature does not hold under the key of its run";
            return self.problem(Some(fields.seq), what.to_owned());
        };
        let is_trusted = self.trusted.contains(&fingerprint);
        if !is_trusted && !self.trusted.is_empty() {
            let what = format!("signed by a key that was not given: {fingerprint}");
            self.problem(Some(fields.seq), what);
        }
        self.report.signed_seq = Some(fields.seq);
        self.report.count_head(KeyUse { fingerprint, is_trusted, heads: 1 });
    }

    /// Was the heartbeat on time?
    fn beat(&mut self, fields: &Fields<'_>) {
        let at: Option<jiff::Timestamp> = fields.time.parse().ok();
        if let (Some(before), Some(at), Some(interval_s)) =
            (self.run.head_at, at, self.run.head_interval_s)
        {
            let waited_s = at.duration_since(before).as_secs_f64();
            if waited_s > interval_s * LATE_INTERVALS_MAX + LATE_SLACK_S {
                self.report.late_heads += 1;
                self.report.late_head_s_max = self.report.late_head_s_max.max(waited_s);
            }
        }
        self.run.head_at = at;
    }

    fn opened(&mut self, fields: &Fields<'_>) {
        // An honest run has never more open than it has places.
        if let Some(number) = self.exchange(fields)
            && self.run.open.len() < QUEUE_MAX_MAX
        {
            self.run.open.insert(number);
        }
    }

    fn closed(&mut self, fields: &Fields<'_>) {
        self.report.exchanges += 1;
        if let Some(number) = self.exchange(fields) {
            self.run.open.remove(&number);
        }
    }

    fn exchange(&self, fields: &Fields<'_>) -> Option<u64> {
        let (boot, number) = fields.exchange?.split_once('-')?;
        (boot == self.run.boot).then(|| number.parse().ok())?
    }

    /// A run has ended: what it left open stays open.
    fn forget_open(&mut self) {
        let mut left: Vec<u64> = self.run.open.drain().collect();
        left.sort_unstable();
        self.report.leave_open(&self.run.boot, &left);
    }

    fn problem(&mut self, seq: Option<u64>, what: String) {
        let line = (self.line > 0 && seq.is_some()).then_some(self.line);
        self.report.add_problem(Problem { file: segment_name(self.segment), line, seq, what });
    }

    /// The end; `has_next`: is there a segment after the last one read?
    pub(super) fn finish(mut self, has_next: bool) -> Report {
        if let Some(number) = self.announced.filter(|_| !has_next) {
            let file = segment_name(number);
            let what = format!("is missing: {} ends by naming it", segment_name(self.segment));
            self.report.add_problem(Problem { file, line: None, seq: None, what });
        }
        self.forget_open();
        self.report.stopped = self.run.stopped;
        self.report.last_seq = self.seq;
        if self.expected.is_some() && self.report.expected_seq.is_none() {
            let what = "the expected head is not in the log: lines were cut off or rewritten";
            self.problem(None, what.to_owned());
        }
        self.report.is_key_given = !self.trusted.is_empty();
        self.report
    }
}
