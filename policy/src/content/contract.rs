//! Contracts on payloads: what a body must be made of to leave. Judged by facts that only grow, but for
//! a share, which is judged once the body is whole; so a contract that was broken stays broken.

use dlp::Payload;
use dlp::payload::{Dtype, Measure};

/// `nanShareMax` where a contract does not say: one float in a thousand.
pub const NAN_SHARE_MAX_DEFAULT: f64 = 0.001;

/// What a payload must be made of.
#[derive(Debug)]
pub(crate) struct Contract {
    /// Names of forms, with `npz` as what it is made of.
    pub(crate) kinds: Vec<&'static str>,
    pub(crate) dtypes: Vec<Dtype>,
    pub(crate) tensors_max: Option<u64>,
    pub(crate) elements_max: Option<u64>,
    pub(crate) norm_max: Option<f64>,
    pub(crate) nan_share_max: f64,
    /// Whether text may leave that no metadata key declares.
    pub(crate) free_text: bool,
    pub(crate) measure: Measure,
}

impl Contract {
    /// Why the payload is not as the contract wants it. Not measured is not kept.
    pub(super) fn complaint(&self, payload: Option<&Payload>) -> Option<String> {
        let Some(payload) = payload else { return Some("the payload was not measured".to_owned()) };
        self.form(payload)
            .or_else(|| self.dtype(payload))
            .or_else(|| self.beside(payload))
            .or_else(|| self.size(payload))
            .or_else(|| self.numbers(payload))
    }

    fn form(&self, payload: &Payload) -> Option<String> {
        if payload.object_arrays > 0 {
            return Some("an array of Python objects is no tensor".to_owned());
        }
        let form = payload.forms.keys().find(|form| !self.kinds.contains(form))?;
        let form = match *form {
            "plain" => "content in no known form",
            "unknown" => "content in an encoding that is not read",
            form => &format!("form {form}"),
        };
        Some(format!("{form} is not among {}", self.kinds.join(", ")))
    }

    fn dtype(&self, payload: &Payload) -> Option<String> {
        let refused = payload.dtypes.iter().filter(|(dtype, _)| !self.dtypes.contains(dtype));
        let (dtype, seen) = refused.min_by_key(|(_, seen)| seen.first)?;
        let names: Vec<&str> = self.dtypes.iter().map(|dtype| dtype.name()).collect();
        let (name, first) = (dtype.name(), seen.first);
        Some(format!("dtype {name} in tensor #{first} is not among {}", names.join(", ")))
    }

    /// What is in the payload and in none of its tensors.
    fn beside(&self, payload: &Payload) -> Option<String> {
        if payload.malformed > 0 {
            return Some(format!(
                "{} that does not add up, or is too large to be understood",
                counted(payload.malformed, "tensor header")
            ));
        }
        if payload.slack_bytes > 0 {
            return Some(format!("{} in no tensor", counted(payload.slack_bytes, "byte")));
        }
        (!self.free_text && payload.strings > 0).then(|| {
            format!(
                "{} of {} outside of declared metadata keys and plain names",
                counted(payload.strings, "string"),
                counted(payload.string_bytes, "byte")
            )
        })
    }

    fn size(&self, payload: &Payload) -> Option<String> {
        let bounds = [
            ("tensorsMax", payload.tensors, self.tensors_max),
            ("elementsMax", payload.elements, self.elements_max),
        ];
        bounds.into_iter().find_map(|(name, found, most)| {
            let most = most.filter(|most| found > *most)?;
            let noun = name.trim_end_matches("Max");
            Some(format!("{found} {noun} are more than {name}, {most}"))
        })
    }

    fn numbers(&self, payload: &Payload) -> Option<String> {
        let norm = payload.norm();
        if let Some(most) = self.norm_max.filter(|most| norm > *most) {
            return Some(format!("a norm of {norm:.4e} is more than normMax, {most}"));
        }
        let strange = payload.nans.saturating_add(payload.infinities);
        // Complex elements hold two floats, so the share is one of at least so many.
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let share = strange as f64 / payload.floats().max(1) as f64;
        (payload.is_whole && share > self.nan_share_max).then(|| {
            let most = self.nan_share_max;
            format!("{} no finite number, which is more than nanShareMax, {most}", floats(strange))
        })
    }
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn floats(count: u64) -> String {
    if count == 1 { "1 float is".to_owned() } else { format!("{count} floats are") }
}
