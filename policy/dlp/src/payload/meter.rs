//! Follows the tensors of a body as their bytes pass by. Invariant: elements are summed in blocks
//! at fixed offsets of their tensor; no more than one block is held.

use std::collections::VecDeque;

use super::headers::Section;
use super::{Dtype, Measure, Payload, elements, headers, is_name};
use crate::format::sniff::Kind;
use crate::scanner::Scan;

/// Bytes that are summed at a time; whole elements of every type.
const BLOCK: usize = 4096;

/// What is measured, and where in the tensors the body is.
#[derive(Debug)]
pub(crate) struct Meter {
    measure: Measure,
    /// What is still to come.
    plan: VecDeque<Section>,
    /// The beginning of a block.
    partial: Vec<u8>,
}

impl Meter {
    pub(crate) fn new(measure: Measure) -> Meter {
        Meter { measure, plan: VecDeque::new(), partial: Vec::new() }
    }

    fn begin(&mut self, payload: &mut Payload, plan: Vec<Section>) {
        self.end(payload);
        self.plan = plan.into();
    }

    /// The tensors of a file are over; what of them did not come is missing.
    fn end(&mut self, payload: &mut Payload) {
        let is_missing = |section: &Section| *section != Section::Unknown;
        payload.malformed += u64::from(self.plan.iter().any(is_missing));
        self.plan.clear();
        self.partial.clear();
    }

    fn feed(&mut self, payload: &mut Payload, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = match self.plan.front() {
                Some(Section::Elements { bytes, .. } | Section::Hole(bytes)) => *bytes,
                Some(Section::Unknown) => return,
                None => {
                    payload.slack_bytes = payload.slack_bytes.saturating_add(bytes.len() as u64);
                    return;
                }
            };
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let (part, rest) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
            bytes = rest;
            let left = left - len as u64;
            match self.plan.front_mut() {
                Some(Section::Elements { dtype, is_big, bytes }) => {
                    *bytes = left;
                    let (dtype, is_big) = (*dtype, *is_big);
                    self.elements(payload, (dtype, is_big), part, left == 0);
                }
                Some(Section::Hole(bytes)) => {
                    *bytes = left;
                    payload.slack_bytes = payload.slack_bytes.saturating_add(len as u64);
                }
                Some(Section::Unknown) | None => {}
            }
            if left == 0 {
                self.plan.pop_front();
            }
        }
    }

    fn elements(
        &mut self,
        payload: &mut Payload,
        of: (Dtype, bool),
        mut bytes: &[u8],
        is_last: bool,
    ) {
        if !of.0.is_measured() {
            return;
        }
        if !self.partial.is_empty() {
            let missing = BLOCK - self.partial.len();
            let (now, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.partial.extend_from_slice(now);
            bytes = rest;
            if self.partial.len() == BLOCK {
                add(payload, of, &self.partial);
                self.partial.clear();
            }
        }
        let mut blocks = bytes.chunks_exact(BLOCK);
        for block in &mut blocks {
            add(payload, of, block);
        }
        self.partial.extend_from_slice(blocks.remainder());
        if is_last {
            add(payload, of, &self.partial);
            self.partial.clear();
        }
    }
}

fn add(payload: &mut Payload, (dtype, is_big): (Dtype, bool), block: &[u8]) {
    if !is_big {
        return payload.add(elements::sum(dtype, block));
    }
    let mut turned = block.to_vec();
    turned.chunks_exact_mut(elements::width(dtype)).for_each(<[u8]>::reverse);
    payload.add(elements::sum(dtype, &turned));
}

/// What readers tell. Nothing is done, and hardly anything spent, where nothing is measured.
impl Scan {
    fn measured(&mut self) -> Option<(&mut Meter, &mut Payload)> {
        self.meter.as_deref_mut().zip(self.evidence.payload.as_deref_mut())
    }

    /// Content of this form begins.
    pub(crate) fn saw_form(&mut self, form: Kind) {
        if let Some((_, payload)) = self.measured() {
            *payload.forms.entry(form.name()).or_default() += 1;
        }
    }

    /// A name or another field that is text by its format, with the NUL that may end it.
    pub(crate) fn saw_name(&mut self, name: &[u8]) {
        if let Some((_, payload)) = self.measured()
            && !is_name(name.strip_suffix(&[0]).unwrap_or(name))
        {
            payload.add_string(name.len());
        }
    }

    /// Bytes beside the content: a comment, an extra field, what stands between entries.
    pub(crate) fn saw_slack(&mut self, bytes: usize) {
        if let Some((_, payload)) = self.measured() {
            payload.slack_bytes = payload.slack_bytes.saturating_add(bytes as u64);
        }
    }

    /// The whole JSON of a safetensors file; its tensors follow.
    pub(crate) fn saw_safetensors(&mut self, json: &[u8]) {
        if let Some((meter, payload)) = self.measured() {
            let plan = headers::safetensors(json, &meter.measure, payload);
            meter.begin(payload, plan);
        }
    }

    /// The whole literal of a NumPy array's header; its elements follow.
    pub(crate) fn saw_npy(&mut self, literal: &[u8]) {
        if let Some((meter, payload)) = self.measured() {
            let plan = headers::npy(literal, payload);
            meter.begin(payload, plan);
        }
    }

    /// Bytes behind a header: elements, holes, slack.
    pub(crate) fn saw_elements(&mut self, bytes: &[u8]) {
        if let Some((meter, payload)) = self.measured() {
            meter.feed(payload, bytes);
        }
    }

    /// A tensor file is over.
    pub(crate) fn end_tensors(&mut self) {
        if let Some((meter, payload)) = self.measured() {
            meter.end(payload);
        }
    }
}
