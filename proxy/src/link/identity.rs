//! An identity that one link alone shows, its peers or upstreams: loaded at the start, looked at while
//! the gateway runs. What does not load is kept out, and what was in force stays. Peers and upstreams whose
//! roots a new trust bundle has lost are cut, as those are that met the gateway's own identity.

use std::sync::Arc;
use std::time::Duration;

use certs::InvalidIdentity;
use certs::rotation::Current;
use certs::source::{Files, Stamp};

use crate::drain::Drain;
use crate::rooms::Rooms;

/// How often the files are looked at; a look is a few `stat` calls.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// A link's own identity, and how its files looked before they were loaded.
#[derive(Debug)]
pub struct Own {
    /// The identity in force.
    pub current: Arc<Current>,
    files: Files,
    stamp: Stamp,
}

impl Own {
    /// Loads it.
    ///
    /// # Errors
    /// Which file is bad, what is wrong with it, and what to do.
    pub fn load(files: &Files) -> Result<Self, InvalidIdentity> {
        let stamp = files.stamp();
        let identity = files.load(crate::clock::now())?;
        Ok(Self { current: Arc::new(Current::new(identity)), files: files.clone(), stamp })
    }

    /// Looks at the files until the drain begins.
    pub async fn watch(mut self, link: Arc<str>, rooms: Arc<Rooms>, mut drain: Drain) {
        let mut is_retry = false;
        loop {
            tokio::select! {
                () = drain.begun() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            let stamp = self.files.stamp();
            if stamp == self.stamp && !is_retry {
                continue;
            }
            self.stamp = stamp;
            let now = crate::clock::now();
            let trusted = self.current.load().bundle().fingerprint().to_owned();
            let offered = self.files.load(now).and_then(|one| self.current.offer(one, now));
            match offered {
                Ok(()) => {
                    is_retry = false;
                    let has_other_roots = trusted != self.current.load().bundle().fingerprint();
                    rooms.upstream.identity_changed();
                    let cut =
                        if has_other_roots { rooms.live.trust_changed(&self.current) } else { 0 };
                    tracing::info!(%link, cut, "the link's identity was swapped");
                }
                // Three files are not written at one instant.
                Err(_) if !is_retry => is_retry = true,
                Err(why) => {
                    is_retry = false;
                    tracing::error!(%link, %why, "the link's changed identity does not load; the old one stays");
                }
            }
        }
    }
}
