//! `exact` and `redaction` of a content profile: what a policy names and cannot hold.
//!
//! Rosters and keys are files. Whoever compiles a policy that is to judge content hands them in; a
//! file that cannot be had is a fault of the policy, at the place that names it.

use std::sync::Arc;

use dlp::exact::ExactSet;
use dlp::redact::Style;
use dlp::{Catalog, Key};

use super::Faults;
use super::read;
use crate::file::{ContentFile, ExactFile, PolicyFile, Text};

/// Most rosters of one profile.
const ROSTERS_MAX: usize = 16;

/// Longest path of a file, in bytes.
const PATH_BYTES_MAX: usize = 1024;

/// Gives out the files that a policy names. Paths are as written there: relative to its folder, or
/// absolute. The error is a reason for people, without a byte of the file.
pub trait Materials {
    /// The roster in `file`, opened by the key in `key_file`.
    ///
    /// # Errors
    ///
    /// Why it cannot be had.
    fn roster(&self, file: &str, key_file: &str) -> Result<Arc<ExactSet>, String>;

    /// The key in `file`.
    ///
    /// # Errors
    ///
    /// Why it cannot be had.
    fn key(&self, file: &str) -> Result<Key, String>;
}

/// The files that a policy names, each once.
pub(super) fn named(files: &[(Arc<str>, PolicyFile)]) -> Vec<String> {
    let profiles = files.iter().flat_map(|(_, file)| &file.content);
    let mut named: Vec<String> =
        profiles.flat_map(|profile| files_of(&profile.value)).map(|t| t.value.clone()).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// Whether a profile cannot judge without files.
pub(super) fn has_files(file: &ContentFile) -> bool {
    files_of(file).next().is_some()
}

fn files_of(file: &ContentFile) -> impl Iterator<Item = &Text> {
    let rosters = file.exact.iter().flat_map(|list| &list.value);
    let key = file.redaction.as_ref().and_then(|redaction| redaction.value.key_file.as_ref());
    rosters.flat_map(|roster| [&roster.value.file, &roster.value.key_file]).chain(key)
}

/// The catalogue with the profile's rosters besides, and its style of redaction; None where it has
/// errors.
pub(super) fn compile(
    faults: &mut Faults,
    file: &ContentFile,
    (catalog, materials): (Arc<Catalog>, Option<&dyn Materials>),
) -> (Arc<Catalog>, Option<Style>) {
    let style = style(faults, file, materials);
    let Some(entries) = &file.exact else { return (catalog, style) };
    let listed = read::list(faults, entries, "exact", "leave it out: then there is no roster");
    if listed.len() > ROSTERS_MAX {
        let what = format!("{} rosters are too many for one profile", listed.len());
        faults.error(entries.referenced, &what, &format!("{ROSTERS_MAX} is the most"));
    }
    let mut sets = Vec::new();
    let mut known: Vec<&str> = Vec::new();
    for entry in listed.iter().take(ROSTERS_MAX) {
        let name = entry.value.file.value.as_str();
        if known.contains(&name) {
            let what = format!("the roster `{name}` stands in `exact` twice");
            faults.error(entry.value.file.referenced, &what, "keep one of them");
            continue;
        }
        known.push(name);
        sets.extend(roster(faults, &entry.value, materials));
    }
    (Arc::new(catalog.with_exact(sets)), style)
}

fn roster(
    faults: &mut Faults,
    entry: &ExactFile,
    materials: Option<&dyn Materials>,
) -> Option<Arc<ExactSet>> {
    let (file, key_file) =
        (path(faults, &entry.file, "file"), path(faults, &entry.key_file, "keyFile"));
    let (file, key_file) = (file?, key_file?);
    if file == key_file {
        let what = "a roster is not its own key";
        faults.error(entry.key_file.referenced, what, "name the file that the key stands in");
        return None;
    }
    match materials?.roster(file, key_file) {
        Ok(set) => Some(set),
        Err(why) => {
            let what = format!("the roster `{file}` cannot be loaded: {why}");
            let fix = "build it by `lazaret edm build`, and put it and its key in that place";
            faults.error(entry.file.referenced, &what, fix);
            None
        }
    }
}

fn style(
    faults: &mut Faults,
    file: &ContentFile,
    materials: Option<&dyn Materials>,
) -> Option<Style> {
    let Some(entry) = &file.redaction else { return Some(Style::Mask) };
    let redaction = &entry.value;
    let table = [("mask", false), ("token", true)];
    let is_token = read::word(faults, &redaction.style, "style of redaction", &table)?;
    let written = match (is_token, &redaction.key_file) {
        (false, None) => return Some(Style::Mask),
        (false, Some(key_file)) => {
            let what = "`keyFile` is the key of tokens, and masks have none";
            faults.error(key_file.referenced, what, "leave it out, or say `style: token`");
            return None;
        }
        (true, None) => {
            let what = "`style: token` needs a key";
            let fix = "add `keyFile: ...`, a file such as `openssl rand -hex 32` makes";
            faults.error(redaction.style.referenced, what, fix);
            return None;
        }
        (true, Some(written)) => written,
    };
    let name = path(faults, written, "keyFile")?;
    let Some(materials) = materials else {
        // Nothing is judged by a profile without its files, let alone redacted.
        return Some(Style::Mask);
    };
    match materials.key(name) {
        Ok(key) => Some(Style::Token(key)),
        Err(why) => {
            let what = format!("the key `{name}` cannot be loaded: {why}");
            let fix = "put a file such as `openssl rand -hex 32` makes in that place";
            faults.error(written.referenced, &what, fix);
            None
        }
    }
}

/// A file's path, relative to the policy's folder or absolute.
fn path<'a>(faults: &mut Faults, text: &'a Text, field: &str) -> Option<&'a str> {
    let path = text.value.as_str();
    let is_plain = !path.is_empty()
        && path.len() <= PATH_BYTES_MAX
        && path.trim() == path
        && !path.ends_with('/')
        && !path.chars().any(char::is_control);
    if is_plain {
        return Some(path);
    }
    let fix = "name a file, relative to the policy's folder or absolute, such as rosters/ward.edm";
    faults.error(text.referenced, &format!("`{field}` is no path of a file"), fix);
    None
}
