//! Makes written lines durable beside the writer, so that a slow fsync does not hold up the next
//! write. Invariant: one sync at a time; a head is exported only after the sync that covers it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::AuditError;
use super::shared::{Head, Health, Shared};

/// Makes everything durable that was appended before it was made.
pub(super) type Sync = Box<dyn FnOnce() -> io::Result<()> + Send>;

/// The thread, and the way to it.
#[derive(Debug)]
pub(super) struct Syncer {
    jobs: Option<SyncSender<(Sync, Head)>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    pub(super) fn spawn(shared: &Arc<Shared>) -> Result<Syncer, AuditError> {
        // No room: a job is taken when the thread waits for one, or not at all.
        let (jobs, queue) = sync_channel::<(Sync, Head)>(0);
        let shared = Arc::clone(shared);
        let thread = thread::Builder::new().name("audit-sync".to_owned()).spawn(move || {
            for (sync, head) in queue {
                match sync() {
                    Ok(()) => shared.set_head(head),
                    // After a failed fsync nobody knows what is on the disk: no second try.
                    Err(error) => shared.set_health(Health::Dead(error.to_string())),
                }
            }
        });
        let thread = thread.map_err(|error| AuditError::Thread(error.to_string()))?;
        Ok(Syncer { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Begins a sync, after which `head` is durable; `false` while the one before still runs.
    pub(super) fn begin(&self, sync: Sync, head: Head) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.try_send((sync, head)).is_ok())
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It can't have panicked, and there is nobody to tell.
            let _panicked = thread.join();
        }
    }
}
