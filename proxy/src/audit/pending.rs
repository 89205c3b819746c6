//! Lines that are chained and not yet written, and who waits for them.
//! Invariant: a line enters the chain once and in order; its place in the queue is free again, and
//! its waiter answered, only when the bytes that hold it have been dealt with.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::chain::{self, Tip};
use super::key::SigningKey;
use super::record::Payload;
use super::shared::{Head, Shared};

/// What the queue carries. A place goes with each line.
#[derive(Debug)]
pub(super) enum Message {
    /// End without a word, as if killed.
    Abandon,
    Close {
        line: Payload,
        opened: bool,
        place: OwnedSemaphorePermit,
    },
    Note {
        line: Payload,
        place: OwnedSemaphorePermit,
    },
    Open {
        line: Payload,
        written: oneshot::Sender<()>,
        place: OwnedSemaphorePermit,
    },
    /// Write what is queued, `stop` and a head, and end.
    Stop,
}

/// How the writer was told to end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Abandon,
    Stop,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Pending {
    shared: Arc<Shared>,
    signer: SigningKey,
    tip: Tip,
    /// Number of the newest head line.
    anchored_seq: u64,
    records_since_head: u64,
    head_at: Instant,
    bytes: Vec<u8>,
    waiting: Vec<oneshot::Sender<()>>,
    places: Vec<OwnedSemaphorePermit>,
    notes_lost: u64,
    exchanges_open: u64,
}

impl Pending {
    pub(super) fn new(shared: &Arc<Shared>, signer: SigningKey, tip: Tip) -> Pending {
        Pending {
            shared: Arc::clone(shared),
            signer,
            tip,
            anchored_seq: 0,
            records_since_head: 0,
            head_at: Instant::now(),
            bytes: Vec::new(),
            waiting: Vec::new(),
            places: Vec::new(),
            notes_lost: 0,
            exchanges_open: 0,
        }
    }

    /// Chains the line of a message, or says how to end.
    pub(super) fn take(&mut self, message: Message) -> Option<Ending> {
        match message {
            Message::Abandon => return Some(Ending::Abandon),
            Message::Close { line, opened, place } => {
                self.exchanges_open = self.exchanges_open.saturating_sub(opened.into());
                self.append(&line);
                self.places.push(place);
            }
            Message::Note { line, place } => {
                self.append(&line);
                self.places.push(place);
            }
            Message::Open { line, written, place } => {
                self.exchanges_open += 1;
                self.append(&line);
                self.places.push(place);
                self.waiting.push(written);
            }
            Message::Stop => return Some(Ending::Stop),
        }
        None
    }

    pub(super) fn append(&mut self, line: &Payload) {
        chain::append(&mut self.tip, line.as_bytes(), &mut self.bytes);
        self.records_since_head += 1;
    }

    /// The signed head; `next_segment` where it ends a segment. Before it, how many notes were
    /// lost since the last one.
    pub(super) fn append_head(&mut self, next_segment: Option<u32>) {
        let lost = self.shared.notes_lost();
        if lost > self.notes_lost {
            let detail = json!({ "count": lost - mem::replace(&mut self.notes_lost, lost) });
            self.append(&self.shared.payload("note").with_note("notes-lost", &detail));
        }
        let mut head = self.shared.payload("head");
        if let Some(number) = next_segment {
            head = head.with(&json!({ "next_segment": number }));
        }
        chain::append_head(&mut self.tip, head.as_bytes(), &self.signer, &mut self.bytes);
        self.anchored_seq = self.tip.seq;
        self.records_since_head = 0;
        self.head_at = Instant::now();
    }

    /// The first line of a segment after the first, which recovery counts on from.
    pub(super) fn append_segment(&mut self, number: u32, open: u64) {
        let fields = json!({ "segment": number, "exchanges_open": open });
        self.append(&self.shared.payload("segment").with(&fields));
    }

    /// The last line of the run but its head.
    pub(super) fn append_stop(&mut self) {
        let (open, lost) = (self.exchanges_open, self.shared.lines_lost());
        let fields = json!({ "exchanges_open": open, "lines_lost": lost });
        self.append(&self.shared.payload("stop").with(&fields));
    }

    /// Exchanges with an open line and no close line.
    pub(super) fn exchanges_open(&self) -> u64 {
        self.exchanges_open
    }

    /// Lines since the last head, and how long ago that was.
    pub(super) fn since_head(&self) -> (u64, Duration) {
        (self.records_since_head, self.head_at.elapsed())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The bytes are written. Keeps room for the next `bytes_max`.
    pub(super) fn clear(&mut self, bytes_max: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(bytes_max);
    }

    /// The written lines count: their waiters may go on, their places are free.
    pub(super) fn answer(&mut self) {
        for written in self.waiting.drain(..) {
            // The exchange may have gone meanwhile; its close line follows.
            let _gone = written.send(());
        }
        self.free_places();
    }

    /// The lines can't be written now: their waiters learn that, the lines stay.
    pub(super) fn refuse(&mut self) {
        self.waiting.clear();
    }

    /// The lines can't be written any more.
    pub(super) fn discard(&mut self) {
        self.shared.count_lost_lines(self.places.len() as u64);
        self.bytes.clear();
        self.waiting.clear();
        self.free_places();
    }

    /// The end of the chain.
    pub(super) fn head(&self) -> Head {
        let Tip { seq, hash } = self.tip;
        Head { seq, hash: hash.to_string(), anchored_seq: self.anchored_seq }
    }

    fn free_places(&mut self) {
        self.shared.leave_queue(self.places.len());
        self.places.clear();
    }
}
