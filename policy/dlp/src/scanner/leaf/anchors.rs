//! The anchors of a leaf: who is asked at each, and what is passed over. Invariant: an anchor that is
//! left at the bytes beside it is one at which every detector would report nothing.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use super::Leaf;
use crate::detector::listed::{
    cell_end, encoded_end, leading_end, listed_end, may_begin_code, timestamp_end, uuid_at,
};
use crate::detector::{LOOK_AHEAD, LOOK_BACK, Near, RUN_MAX, Room, View};
use crate::gate::{self, Anchor, Area};
use crate::label;
use crate::scanner::Scan;

/// Bytes that the gate sweeps at a time.
const SWEEP: usize = 4 * 1024;

impl Leaf {
    /// Judges the anchors of `window`, which begins at the base, up to `to`.
    pub(super) fn judge(&mut self, scan: &mut Scan, window: &[u8], to: usize) {
        let mut swept = std::mem::take(&mut self.swept);
        let seen = RefCell::new(std::mem::take(&mut self.seen));
        let mut room = Room::new(std::mem::take(&mut self.recent));
        while self.judged < to {
            let end = to.min(self.judged + SWEEP);
            swept.clear();
            let knows_keys = self.dialect.is_some();
            let (base, from) = (self.base, self.judged);
            let area = Area { bytes: window, base, from, to: end, knows_keys };
            gate::sweep_apart(area, self.survey.as_deref(), &mut swept);
            let mut anchors = swept.anchors((from, end));
            // Where a number may go on with a series.
            let mut reach = self.series_reach();
            while let Some(at) = anchors.next_anchor(&reach) {
                if at < self.judged || self.known.holds(self.base + at as u64) {
                    continue;
                }
                let is_next = reach.contains(&at);
                let coded = self.coded_end(window, at).filter(|_| !is_next);
                let Some(near) = Near::of(window, at, &mut room) else { continue };
                if let Some(end) = coded.filter(|_| !is_word_labelled(&near)) {
                    (self.judged, self.coded) = (end, self.base + end as u64);
                    continue;
                }
                let Some(asked) = self.pass_over(scan, &near, is_next) else { continue };
                let start = at.saturating_sub(LOOK_BACK);
                let bytes = window.get(start..(at + LOOK_AHEAD).min(window.len()));
                let mut view = View::new(bytes.unwrap_or_default(), at - start, near.anchor);
                view.keep(&seen, self.base + start as u64);
                view.hear(&near);
                self.examine(scan, window, (start, &view), asked);
                reach = self.series_reach();
            }
            self.judged = self.judged.max(end);
        }
        self.known.pass(self.base + self.judged as u64);
        self.swept = swept;
        self.recent = room.into_recent();
        self.seen = seen.into_inner();
        self.look(scan, window, to);
    }

    /// Where in the window a number may go on with a series.
    fn series_reach(&self) -> Range<usize> {
        let Some(series) = &self.series else { return 0..0 };
        let (start, end) = series.reach();
        let index = |offset: u64| usize::try_from(offset.saturating_sub(self.base)).unwrap_or(0);
        index(start)..index(end)
    }

    /// Leaves an anchor at the bytes beside it, where these tell that it is nobody's; else which
    /// detectors are asked. It `is_next` where it may go on with a series.
    #[inline(always)]
    fn pass_over(&mut self, scan: &Scan, near: &Near<'_>, is_next: bool) -> Option<u32> {
        let (window, at) = near.place();
        let leading = leading_end(near);
        if !is_next && let Some(end) = cell_end(near).or(leading) {
            self.judged = end;
            return None;
        }
        let asked = if leading.is_none() { scan.catalog.asked(near) } else { 0 };
        if asked == 0 && !is_next && !may_begin_code(near) {
            self.judged = at + near.run.max(1);
            return None;
        }
        if let Some(end) = listed_end(window, at).filter(|_| !is_next) {
            self.judged = end;
            return None;
        }
        Some(asked)
    }

    /// Where the line of base64 ends that has the anchor at `at`, if it stands right behind another one.
    fn coded_end(&self, window: &[u8], at: usize) -> Option<usize> {
        let feed = usize::try_from(self.coded.checked_sub(self.base)?).ok()?;
        let line = window.get(feed + 1..at).filter(|line| line.len() < LOOK_BACK)?;
        if self.coded == 0 || memchr::memchr(b'\n', line).is_some() {
            return None;
        }
        let start = at.saturating_sub(LOOK_BACK);
        let bytes = window.get(start..(at + LOOK_AHEAD).min(window.len()))?;
        encoded_end(bytes, at - start).map(|end| start + end)
    }

    /// Looks at an anchor by a view that begins at `start` of the window.
    fn examine(
        &mut self,
        scan: &mut Scan,
        window: &[u8],
        (start, view): (usize, &View<'_>),
        asked: u32,
    ) {
        let (at, anchor, bytes) = (start + view.at, view.anchor, view.bytes);
        self.judged = at + view.run.max(1);
        let is_run = anchor == Anchor::Digits;
        if let Some(series) = &self.series
            && series.is_near(self.base + at as u64)
            && let Some(found) = series.next(view, self.base + start as u64)
        {
            let detector = Arc::clone(&series.detector);
            return self.found(window, &detector, &found, (start, view));
        }
        if is_run && view.run > RUN_MAX {
            return;
        }
        if matches!(anchor, Anchor::Digits | Anchor::Mixed) {
            // What a label announces is somebody's, whatever it looks like.
            let line = || Some((view.token(view.at).0, encoded_end(bytes, view.at)?));
            let uuid = uuid_at(bytes, view.at, view.run);
            let is_line = uuid.is_none();
            let code = uuid
                .or_else(line)
                .filter(|(from, _)| view.label(*from, label::WINDOW, 0).is_none());
            if let Some((_, end)) = code {
                self.judged = self.judged.max(start + end);
                if is_line {
                    self.coded = self.base + (start + end) as u64;
                }
                return;
            }
        }
        if let Some((detector, found)) = scan.catalog.examine(view, asked) {
            self.found(window, detector, &found, (start, view));
        } else if is_run && let Some(end) = timestamp_end(bytes, view.at, view.run) {
            self.judged = self.judged.max(start + end);
        }
    }
}

/// Whether a label may stand before the letters and digits that the anchor is among.
fn is_word_labelled(near: &Near<'_>) -> bool {
    let (window, at) = near.place();
    let before = window.get(..at).unwrap_or_default();
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric();
    near.may_be_labelled(before.iter().rev().take(LOOK_BACK).take_while(is_part).count())
}
