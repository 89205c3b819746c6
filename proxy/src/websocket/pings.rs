//! PURE: what stands in place of the payloads of pings and pongs. They are read by nobody and may be any
//! bytes, so none of them crosses: a ping goes on with a count of our own, and the pong that answers it
//! comes back with what the asker wrote (RFC 6455, section 5.5.3).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::http::websocket::Sender;

/// Pings of one end whose pongs are still to come; the oldest are forgotten.
const PENDING_MAX: usize = 32;

/// The pings of both ends.
#[derive(Debug, Default)]
pub(super) struct Pings {
    client: Mutex<Asked>,
    server: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    count: u64,
    /// What the end wrote, with the count that went on in its place.
    pending: VecDeque<(u64, Bytes)>,
}

impl Pings {
    /// `sender` sends a ping: the payload to ask the other end with.
    pub(super) fn ask(&self, sender: Sender, payload: &[u8]) -> Bytes {
        let asked = match sender {
            Sender::Client => &self.client,
            Sender::Server => &self.server,
        };
        asked.lock().unwrap_or_else(PoisonError::into_inner).ask(payload)
    }

    /// `sender` sends a pong: the payload to answer the other end with, which is one of its own. Empty
    /// where it answers nothing that is known, as a heartbeat that nobody asked for.
    pub(super) fn answer(&self, sender: Sender, payload: &[u8]) -> Bytes {
        let asked = match sender {
            Sender::Client => &self.server,
            Sender::Server => &self.client,
        };
        asked.lock().unwrap_or_else(PoisonError::into_inner).answer(payload)
    }
}

impl Asked {
    fn ask(&mut self, payload: &[u8]) -> Bytes {
        if self.pending.len() == PENDING_MAX {
            self.pending.pop_front();
        }
        let count = self.count;
        self.count += 1;
        // A copy: the payload may share the room of all that was read with it.
        self.pending.push_back((count, Bytes::copy_from_slice(payload)));
        Bytes::copy_from_slice(&count.to_be_bytes())
    }

    fn answer(&mut self, payload: &[u8]) -> Bytes {
        let count = <[u8; 8]>::try_from(payload).ok().map(u64::from_be_bytes);
        let at = self.pending.iter().position(|(pending, _)| Some(*pending) == count);
        let Some(at) = at else { return Bytes::new() };
        // Those before it need no answer any more.
        self.pending.drain(..=at).next_back().map(|(_, payload)| payload).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_comes_back_with_what_its_asker_wrote() {
        let pings = Pings::default();
        let asked =
            ["one", "two", "three"].map(|payload| pings.ask(Sender::Client, payload.as_bytes()));
        let other = pings.ask(Sender::Server, b"theirs");
        assert_eq!(asked[0], other, "each end has its own count");
        // The first is not answered, which is allowed.
        assert_eq!(pings.answer(Sender::Server, &asked[1]), "two");
        assert_eq!(pings.answer(Sender::Server, &asked[1]), "", "once");
        assert_eq!(pings.answer(Sender::Server, &asked[0]), "", "in order");
        assert_eq!(pings.answer(Sender::Server, &asked[2]), "three");
        assert_eq!(pings.answer(Sender::Client, &other), "theirs");
    }

    #[test]
    fn what_answers_nothing_is_empty_and_what_is_kept_is_bounded() {
        let pings = Pings::default();
        assert_eq!(pings.answer(Sender::Client, b"a heartbeat"), "");
        let asked: Vec<_> =
            (0..=PENDING_MAX).map(|_| pings.ask(Sender::Server, &[0xff; 125])).collect();
        assert!(asked.iter().all(|asked| asked.len() == 8));
        assert_eq!(pings.answer(Sender::Client, &asked[0]), "", "forgotten");
        assert_eq!(pings.answer(Sender::Client, &asked[1]).len(), 125);
    }
}
