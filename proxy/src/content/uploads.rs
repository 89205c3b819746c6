//! Uploads that come in parts: each is one artifact, read part by part in order, whatever order the
//! parts arrive in. A part leaves when it has been read; the last word falls when the upload is to be
//! completed, and without it there is no object.
//!
//! Invariant: the artifact is fed by one part at a time, from 1 on. A part that breaks off, or one that
//! never comes, leaves it broken: nothing of it goes on, and it becomes no object.

mod part;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dlp::{Artifact, Catalog, Hint, Limits, Tally};
use policy::{Place, Ruling, Verdict};
use tokio::sync::Notify;

pub(super) use self::part::{Again, Joint};
use super::ReadingCell;
use crate::budget::Holder;
use crate::http::s3;
use crate::stop::Stop;

/// The uploads under way, by their ids alone: an object has more than one spelling.
#[derive(Clone, Debug)]
pub struct Uploads {
    table: Arc<Mutex<HashMap<String, Arc<Upload>>>>,
    uploads_max: usize,
    idle: Duration,
    part_wait: Duration,
}

/// One upload under way.
#[derive(Debug)]
pub(super) struct Upload {
    state: Mutex<State>,
    turned: Notify,
    /// Who began it.
    holder: Holder,
}

#[derive(Debug)]
struct State {
    /// None while a part is being read, and once the artifact is broken or finished.
    artifact: Option<Artifact>,
    standing: Standing,
    /// What was found in the parts so far.
    found: Tally,
    /// SHA-256 of each part that was read, from the first on.
    read: Vec<[u8; 32]>,
    /// By what the parts are read: an upload does not outlive its policy.
    catalog: Arc<Catalog>,
    used: Instant,
}

#[derive(Debug)]
enum Standing {
    /// Some part broke off or never came.
    Broken,
    Open,
    /// Completed, with leave.
    Over,
    /// A part or the whole may not leave.
    Stopped,
}

/// How a part is to be read.
#[derive(Debug)]
pub(super) enum Turn {
    /// It was read before: it may pass if it is the same.
    Again(Box<Again>),
    /// As the next of its artifact.
    Next(Box<Joint>),
}

impl Uploads {
    /// At most `uploads_max` under way; one that nothing happens to for `idle` is forgotten. Where there are
    /// too many it is the oldest of whoever has most, so that nobody's are pushed out by another's. A part waits for those before it as long as one of them
    /// is being read, and `part_wait` longer; then the upload is broken.
    pub fn new(uploads_max: usize, idle: Duration, part_wait: Duration) -> Self {
        Self { table: Arc::default(), uploads_max, idle, part_wait }
    }

    /// The upload of this id, begun now if it is not known.
    pub(super) fn open(&self, id: &str, holder: Holder, ruling: &Ruling) -> Arc<Upload> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(upload) = table.get(id) {
            return Arc::clone(upload);
        }
        table.retain(|_, upload| upload.with(|state| state.used.elapsed() < self.idle));
        if table.len() >= self.uploads_max {
            forget_one(&mut table);
        }
        let upload = Arc::new(Upload {
            state: Mutex::new(State {
                artifact: Some(ruling.profile().artifact(Limits::default())),
                standing: Standing::Open,
                found: Tally::default(),
                read: Vec::new(),
                catalog: Arc::clone(ruling.profile().catalog()),
                used: Instant::now(),
            }),
            turned: Notify::new(),
            holder,
        });
        table.insert(id.to_owned(), Arc::clone(&upload));
        upload
    }

    /// Stops an upload that is given up. It is not forgotten, since the store may think otherwise.
    pub fn abort(&self, id: &str) {
        if let Some(upload) = self.known(id) {
            upload.stop();
        }
    }

    fn known(&self, id: &str) -> Option<Arc<Upload>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Judges the artifact as a whole, before its parts become an object. `xml` is the client's list of
    /// them. May be asked again.
    ///
    /// # Errors
    /// A part was refused, the list is not what was read, the whole may not leave, or the upload is not known, so that nobody can
    /// tell what its parts are together.
    pub fn complete(
        &self,
        (id, xml): (&str, &[u8]),
        ruling: &Ruling,
        cell: &ReadingCell,
    ) -> Result<(), Stop> {
        let unknown = || block(ruling, "upload-unknown", UNKNOWN);
        let upload = self.known(id).ok_or_else(unknown)?;
        upload.with(|state| state.complete(xml, ruling, cell))
    }

    /// Waits until the part of this number is to be read.
    ///
    /// # Errors
    /// The upload is stopped or over.
    pub(super) async fn turn(
        &self,
        upload: &Arc<Upload>,
        (number, hint): (u32, &Hint<'_>),
        ruling: &Ruling,
    ) -> Result<Turn, Stop> {
        loop {
            let turned = upload.turned.notified();
            let mut turned = std::pin::pin!(turned);
            // Registered before looking, so that no turn is missed.
            turned.as_mut().enable();
            let is_reading = match upload.with(|state| state.look(number, ruling))? {
                Look::Again(expected) => {
                    return Ok(Turn::Again(Box::new(Again::new(expected))));
                }
                Look::Next(mut artifact) => {
                    artifact.begin_part(hint);
                    return Ok(Turn::Next(Box::new(Joint::new(upload, *artifact))));
                }
                Look::Wait { is_reading } => is_reading,
            };
            if is_reading {
                turned.await;
            } else if tokio::time::timeout(self.part_wait, turned).await.is_err() {
                upload.with(State::break_up);
                upload.turned.notify_waiters();
            }
        }
    }
}

const UNKNOWN: &str = "the parts of this upload were not read here, or so long ago that they are forgotten; begin the upload anew";

/// What a part that asks for its turn is told.
enum Look {
    Again([u8; 32]),
    Next(Box<Artifact>),
    Wait { is_reading: bool },
}

impl State {
    fn look(&mut self, number: u32, ruling: &Ruling) -> Result<Look, Stop> {
        self.used = Instant::now();
        match &self.standing {
            Standing::Stopped => return Err(block(ruling, "upload-refused", REFUSED)),
            Standing::Over => return Err(block(ruling, "upload-over", OVER)),
            Standing::Broken => return Err(block(ruling, "upload-broken", BROKEN)),
            Standing::Open => self.keep_policy(ruling)?,
        }
        let place = usize::try_from(number - 1).unwrap_or(usize::MAX);
        if let Some(digest) = self.read.get(place) {
            return Ok(Look::Again(*digest));
        }
        if place == self.read.len()
            && let Some(artifact) = self.artifact.take()
        {
            return Ok(Look::Next(Box::new(artifact)));
        }
        Ok(Look::Wait { is_reading: self.artifact.is_none() })
    }

    /// The artifact is of no use any more, so it must not be kept.
    fn end(&mut self, standing: Standing) {
        self.standing = standing;
        self.artifact = None;
    }

    /// From here on nothing of it goes on.
    fn break_up(&mut self) {
        if matches!(self.standing, Standing::Open) {
            self.end(Standing::Broken);
        }
    }

    /// Parts that were read by different policies are no whole that one of them judges.
    fn keep_policy(&mut self, ruling: &Ruling) -> Result<(), Stop> {
        if Arc::ptr_eq(&self.catalog, ruling.profile().catalog()) {
            return Ok(());
        }
        self.end(Standing::Broken);
        Err(block(ruling, "upload-broken", OTHER_POLICY))
    }

    fn complete(&mut self, xml: &[u8], ruling: &Ruling, cell: &ReadingCell) -> Result<(), Stop> {
        self.used = Instant::now();
        match &self.standing {
            Standing::Stopped => return Err(block(ruling, "upload-refused", REFUSED)),
            Standing::Over if s3::lists_all(xml, self.read.len()) => return Ok(()),
            Standing::Over => return Err(block(ruling, "upload-list", LIST)),
            Standing::Broken => return Err(block(ruling, "upload-broken", BROKEN)),
            Standing::Open => self.keep_policy(ruling)?,
        }
        if !self.read.is_empty() && !s3::lists_all(xml, self.read.len()) {
            return Err(block(ruling, "upload-list", LIST));
        }
        let mut artifact = match self.artifact.take() {
            Some(artifact) if !self.read.is_empty() => artifact,
            Some(_) => return Err(block(ruling, "upload-unknown", UNKNOWN)),
            None => return Err(block(ruling, "upload-broken", BROKEN)),
        };
        artifact.finish();
        let verdict = ruling.judge(Place::Body, &self.found, artifact.evidence());
        cell.with(|reading| {
            reading.inspected = true;
            reading.add(artifact.evidence());
            reading.rule(&verdict);
        });
        // What is to be masked has left.
        let is_late = verdict.action == policy::Action::Redact && !verdict.stops();
        let verdict = if is_late { sealed(ruling) } else { verdict };
        if verdict.stops() {
            self.standing = Standing::Stopped;
            return Err(Stop::Refused(Box::new(verdict)));
        }
        self.standing = Standing::Over;
        Ok(())
    }
}

const BROKEN: &str =
    "a part of this upload is under way, broke off half read or never came; begin the upload anew";
const LIST: &str = "the list of parts is not all parts that were read here, from 1 on and in order";
const OTHER_POLICY: &str = "the policy has changed since the upload was begun; begin it anew";
const REFUSED: &str = "a part of this upload was refused, so it becomes no object";
const OVER: &str = "the upload is completed; nothing can be added to it";

impl Upload {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was found in the parts before.
    pub(super) fn found(&self) -> Tally {
        self.with(|state| state.found.clone())
    }

    /// No part of it goes on, and it becomes no object.
    pub(super) fn stop(&self) {
        self.with(|state| state.end(Standing::Stopped));
        self.turned.notify_waiters();
    }
}

fn block(ruling: &Ruling, code: &'static str, text: &str) -> Stop {
    Stop::Refused(Box::new(Verdict::block(ruling.rule().cloned(), code, text.to_owned())))
}

fn sealed(ruling: &Ruling) -> Verdict {
    let text = "what would be masked has left with a part of the upload".to_owned();
    Verdict::block(ruling.rule().cloned(), "cannot-redact", text)
}

/// Forgets the upload that has been left alone longest, of those who have begun most.
fn forget_one(table: &mut HashMap<String, Arc<Upload>>) {
    let mut begun: HashMap<Holder, usize> = HashMap::new();
    for upload in table.values() {
        *begun.entry(upload.holder).or_default() += 1;
    }
    let most = begun.values().copied().max();
    let of_most = table.iter().filter(|(_, upload)| begun.get(&upload.holder).copied() == most);
    let oldest = of_most.min_by_key(|(_, upload)| upload.with(|state| state.used));
    if let Some(key) = oldest.map(|(key, _)| key.clone()) {
        table.remove(&key);
    }
}
