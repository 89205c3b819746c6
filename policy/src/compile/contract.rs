//! `payload` of a content profile: the contract on what may leave.

use dlp::payload::{Dtype, FORMS, Measure, TENSOR_FORMS};
use serde_saphyr::Spanned;

use super::Faults;
use super::read;
use crate::content::{Contract, NAN_SHARE_MAX_DEFAULT};
use crate::file::{ContentFile, PayloadFile, Text};

/// Most metadata keys that a contract declares.
const KEYS_MAX: usize = 64;

/// The contract of a profile that has one; None too where it has errors.
pub(super) fn compile(faults: &mut Faults, profile: &ContentFile) -> Option<Contract> {
    let entry = profile.payload.as_ref()?;
    let file = &entry.value;
    check_profile(faults, profile);
    let kinds = kinds(faults, file);
    let dtypes = dtypes(faults, file);
    let tensors_max = count(faults, file.tensors_max.as_ref(), "tensorsMax");
    let elements_max = count(faults, file.elements_max.as_ref(), "elementsMax");
    let norm_max = norm_max(faults, file, &dtypes);
    let nan_share_max = nan_share_max(faults, file);
    let table = [("refuse", false), ("allow", true)];
    let free_text = match &file.free_text {
        Some(text) => read::word(faults, text, "setting for free text", &table),
        None => Some(false),
    };
    let metadata_keys = metadata_keys(faults, file, free_text, &kinds);
    Some(Contract {
        kinds,
        dtypes,
        tensors_max,
        elements_max,
        norm_max,
        nan_share_max: nan_share_max?,
        free_text: free_text?,
        measure: Measure { metadata_keys: metadata_keys.into() },
    })
}

/// What the rest of the profile must not say beside a contract.
fn check_profile(faults: &mut Faults, profile: &ContentFile) {
    if let Some(inspect) = profile.inspect.as_ref().filter(|text| text.value == "stream") {
        let what = "`inspect: stream` would release a payload before its contract is judged";
        faults.error(inspect.referenced, what, "say `inspect: hold`, or drop `payload`");
    }
    if let Some(unreadable) = profile.unreadable.as_ref().filter(|text| text.value == "allow") {
        let what = "`unreadable: allow` contradicts `payload`, which must be read to its end";
        faults.error(unreadable.referenced, what, "leave it out, or drop `payload`");
    }
}

fn kinds(faults: &mut Faults, file: &PayloadFile) -> Vec<&'static str> {
    let fix = "name the forms that may leave, such as safetensors";
    let texts = read::list(faults, &file.kinds, "kinds", fix);
    read::distinct(faults, texts, "kinds");
    let table: Vec<(&str, &'static str)> = FORMS.iter().map(|form| (*form, *form)).collect();
    let written: Vec<&'static str> = texts
        .iter()
        .filter_map(|text| {
            read::word(faults, text, "kind of payload that a contract knows", &table)
        })
        .collect();
    if written.len() < texts.len() {
        // What is missing may have been meant by the words that are none.
        return Vec::new();
    }
    let has_tensors = written.iter().any(|kind| TENSOR_FORMS.contains(kind));
    if !has_tensors && !written.is_empty() {
        let what = "no kind here holds tensors, so nothing could leave";
        let fix = format!("add one of {}", TENSOR_FORMS.join(", "));
        faults.error(file.kinds.referenced, what, &fix);
    }
    let mut kinds = written;
    if kinds.contains(&"npz") {
        kinds.retain(|kind| *kind != "npz");
        kinds.extend(["npy", "zip"]);
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn dtypes(faults: &mut Faults, file: &PayloadFile) -> Vec<Dtype> {
    let fix = "name the element types that may leave, such as f32";
    let texts = read::list(faults, &file.dtypes, "dtypes", fix);
    read::distinct(faults, texts, "dtypes");
    let table: Vec<(&str, Dtype)> = Dtype::ALL.iter().map(|d| (d.name(), *d)).collect();
    texts.iter().filter_map(|text| read::word(faults, text, "dtype", &table)).collect()
}

fn count(faults: &mut Faults, written: Option<&Spanned<i64>>, field: &str) -> Option<u64> {
    let written = written?;
    let count = u64::try_from(written.value).ok().filter(|count| *count > 0);
    if count.is_none() {
        let what = format!("{} is no {field}", written.value);
        faults.error(written.referenced, &what, "write a number above 0");
    }
    count
}

fn norm_max(faults: &mut Faults, file: &PayloadFile, dtypes: &[Dtype]) -> Option<f64> {
    let written = file.norm_max.as_ref()?;
    if !written.value.is_finite() || written.value <= 0.0 {
        let what = format!("{} is no normMax", written.value);
        faults.error(written.referenced, &what, "write a number above 0");
    }
    if let Some(dtype) = dtypes.iter().find(|dtype| !dtype.is_measured()) {
        let what = format!(
            "normMax can not bound `{dtype}`: only floats have a norm here",
            dtype = dtype.name()
        );
        faults.error(written.referenced, &what, "leave that dtype out, or `normMax`");
    }
    Some(written.value)
}

fn nan_share_max(faults: &mut Faults, file: &PayloadFile) -> Option<f64> {
    let Some(written) = &file.nan_share_max else { return Some(NAN_SHARE_MAX_DEFAULT) };
    let share = Some(written.value).filter(|share| (0.0..=1.0).contains(share));
    if share.is_none() {
        let what = format!("{} is no share", written.value);
        faults.error(written.referenced, &what, "write a number from 0 to 1, such as 0.001");
    }
    share
}

fn metadata_keys(
    faults: &mut Faults,
    file: &PayloadFile,
    free_text: Option<bool>,
    kinds: &[&str],
) -> Vec<String> {
    let Some(list) = &file.metadata_keys else { return Vec::new() };
    let texts = read::list(faults, list, "metadataKeys", "leave it out: then there are none");
    read::distinct(faults, texts, "metadataKeys");
    if texts.len() > KEYS_MAX {
        let what = format!("{} metadata keys are too many", texts.len());
        faults.error(list.referenced, &what, &format!("{KEYS_MAX} is the most"));
    }
    if free_text == Some(true) {
        let what = "`metadataKeys` says nothing beside `freeText: allow`";
        faults.error(list.referenced, what, "keep one of them");
    }
    if !kinds.is_empty() && !kinds.contains(&"safetensors") {
        let what = "only safetensors has metadata, which is not among `kinds`";
        faults.error(list.referenced, what, "leave `metadataKeys` out, or add safetensors");
    }
    let key = |text: &Text| {
        let is_key = !text.value.is_empty() && text.value.len() <= read::NAME_BYTES_MAX;
        is_key.then(|| text.value.clone())
    };
    let keys: Vec<String> = texts.iter().filter_map(key).collect();
    if keys.len() < texts.len() {
        let fix = format!("write 1 to {} bytes", read::NAME_BYTES_MAX);
        faults.error(list.referenced, "a metadata key is empty or too long", &fix);
    }
    keys
}
