//! What of a leaf is kept for the other texts of its stream, where it is part of one: its ends, and of
//! short JSON all of it.

use super::Leaf;
use crate::scanner::{Scan, is_plain_text, seam};

impl Leaf {
    /// Keeps the first bytes.
    pub(super) fn hear(&mut self, scan: &Scan, bytes: &[u8]) {
        if scan.seam.is_none() || self.is_beside {
            return;
        }
        let first = self.heard.first().or(bytes.first());
        let is_json = matches!(first, Some(b'{' | b'['));
        let most = if is_json { seam::JSON_MAX + 1 } else { seam::END_BYTES };
        let room = most.saturating_sub(self.heard.len());
        self.heard.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Tells the stream what was heard.
    pub(super) fn tell_stream(&mut self, scan: &mut Scan) {
        let heard = std::mem::take(&mut self.heard);
        if heard.is_empty() {
            return;
        }
        let member = self.member.as_ref();
        let is_whole = heard.len() as u64 == self.offset();
        if is_whole && is_plain_text(&heard) {
            return seam::take(scan, member, &heard);
        }
        let from = self.window.len().saturating_sub(seam::END_BYTES);
        seam::take_ends(scan, member, (&heard, self.window.get(from..).unwrap_or_default()));
    }
}
