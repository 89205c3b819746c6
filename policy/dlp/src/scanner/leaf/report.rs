//! What a leaf has found, told by a form, a roster, an overlay or a detector, on its way to where
//! overlaps are settled. Invariant: spans are offsets in the leaf; no matched byte goes along.

use std::sync::Arc;

use super::{Leaf, is_json_number};
use crate::detector::{LOOK_AHEAD, LOOK_BACK, Match, View};
use crate::finding::{Confidence, Finding, Identifier, Span};
use crate::format::dialect::Dialect;
use crate::gate::Anchor;
use crate::locus::{self, Field, Written};

/// Names of forms and places that findings share.
const NAMES_MAX: usize = 32;

/// Names that were told last.
#[derive(Debug, Default)]
pub(super) struct Names {
    form: Option<Arc<str>>,
    kept: Vec<Arc<str>>,
    /// Behind the one that was told last: rows repeat the order of their places.
    next: usize,
}

impl Names {
    fn form(&mut self, form: &str) -> Arc<str> {
        let known = self.form.take().filter(|known| **known == *form);
        let known = known.unwrap_or_else(|| form.into());
        self.form = Some(Arc::clone(&known));
        known
    }

    fn shared(&mut self, name: &str) -> Arc<str> {
        let (before, behind) = self.kept.split_at(self.next.min(self.kept.len()));
        let mut order = behind.iter().chain(before);
        if let Some(found) = order.position(|kept| **kept == *name) {
            let at = (self.next + found) % self.kept.len().max(1);
            self.next = at + 1;
            return self.kept.get(at).map_or_else(|| name.into(), Arc::clone);
        }
        let fresh: Arc<str> = name.into();
        if self.kept.len() < NAMES_MAX {
            self.kept.push(Arc::clone(&fresh));
            self.next = self.kept.len();
        } else {
            self.next %= NAMES_MAX;
            if let Some(kept) = self.kept.get_mut(self.next) {
                *kept = Arc::clone(&fresh);
            }
            self.next += 1;
        }
        fresh
    }
}

impl Leaf {
    /// Takes a value at a place that the caller's form knows. Its span is in offsets of this leaf:
    /// to be told when its bytes have been taken, and before many others are.
    pub(crate) fn locate(&mut self, field: &Field<'_>) {
        let window = std::mem::take(&mut self.window);
        self.locate_in(&window, field);
        self.window = window;
    }

    pub(super) fn locate_in(&mut self, window: &[u8], field: &Field<'_>) {
        let Some(class) = locus::judge_field(field) else { return };
        self.known.add(field, class);
        let place = (field.form, field.locus, field.span);
        self.add(window, place, class, field.written);
    }

    /// As [`Leaf::locate`], where the form has judged by itself what the value is.
    pub(crate) fn tell(
        &mut self,
        form: &'static str,
        locus: &str,
        span: Span,
        class: (Identifier, Confidence),
    ) {
        let window = std::mem::take(&mut self.window);
        self.add(&window, (form, locus, span), class, Written::Text);
        self.window = window;
    }

    fn add(
        &mut self,
        window: &[u8],
        (form, locus, span): (&'static str, &str, Span),
        (identifier, confidence): (Identifier, Confidence),
        written: Written,
    ) {
        let (line, column) = self.place(window, span.start);
        self.settling.add(Finding {
            detector: self.names.form(form),
            identifier,
            confidence,
            span,
            member: self.member.clone(),
            locus: Some(self.names.shared(locus)),
            line,
            column,
            json_number: written == Written::Number,
            mask: written.mask().unwrap_or(self.mask),
            is_escaped: false,
        });
    }

    /// Lets the dialect tell what it knows.
    pub(super) fn listen(
        &mut self,
        window: &[u8],
        tell: impl FnOnce(&mut dyn Dialect, &mut dyn FnMut(&Field<'_>)),
    ) {
        let Some(mut dialect) = self.dialect.take() else { return };
        tell(dialect.as_mut(), &mut |field| self.locate_in(window, field));
        self.dialect = Some(dialect);
    }

    /// Takes what the overlays found in the leaf's own text.
    pub(super) fn reveal(&mut self, window: &[u8], found: Vec<Finding>) {
        for mut finding in found {
            (finding.line, finding.column) = self.place(window, finding.span.start);
            finding.member = self.member.clone();
            if finding.mask == 0 {
                finding.mask = self.mask;
            }
            self.settling.add(finding);
        }
    }

    /// Reports what the rosters know of, as far as all is there that stands behind it.
    pub(super) fn compare(&mut self, window: &[u8], upto: u64) {
        for found in self.rosters.take(upto) {
            let index = |offset: u64| {
                usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX)
            };
            let (first, end) = (index(found.span.start), index(found.span.end));
            let start = first.saturating_sub(LOOK_BACK);
            let bytes = window.get(start..window.len().min(first + LOOK_AHEAD));
            let view = View::new(bytes.unwrap_or_default(), first - start, Anchor::Digits);
            let is_bare = is_json_number(&view, (first - start, end - start));
            let written = if is_bare { Written::Number } else { Written::Text };
            let class = (found.identifier, Confidence::High);
            self.add(window, ("exact", &found.column, found.span), class, written);
        }
    }

    pub(super) fn report(
        &mut self,
        window: &[u8],
        detector: Arc<str>,
        found: &Match,
        (start, json_number): (usize, bool),
    ) {
        let first = self.base + (start + found.start) as u64;
        let (line, column) = self.place(window, first);
        self.settling.add(Finding {
            detector,
            identifier: found.identifier,
            confidence: found.confidence,
            span: Span { start: first, end: self.base + (start + found.end) as u64 },
            member: self.member.clone(),
            locus: None,
            line,
            column,
            json_number,
            mask: self.mask,
            is_escaped: false,
        });
    }

    /// Line and column, from 1, of an offset in the window.
    fn place(&mut self, window: &[u8], offset: u64) -> (u64, u64) {
        let first = usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let before = window.get(..first).unwrap_or(window);
        self.lines.place(self.base, before)
    }
}
