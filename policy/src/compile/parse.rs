//! From text to [`PolicyFile`], with the parser's errors in our words.

use serde_saphyr::options::MergeKeyPolicy;
use serde_saphyr::{Error, Location};

use super::faults::Fault;
use crate::file::PolicyFile;
use crate::suggest::did_you_mean;

/// Most YAML nodes in one file; a rule has about thirty.
const NODES_MAX: usize = 8_000_000;

/// Most aliases in one file, and most nodes that they may stand for.
const ALIASES_MAX: usize = 1000;

/// Deepest nesting; the schema has six levels.
const DEPTH_MAX: usize = 16;

pub(super) fn parse(text: &str) -> Result<PolicyFile, Fault> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: NODES_MAX * 2,
            max_nodes: NODES_MAX,
            max_aliases: ALIASES_MAX,
            max_anchors: ALIASES_MAX,
            max_recorded_anchor_events: NODES_MAX,
            max_depth: DEPTH_MAX,
            max_documents: 1,
        },
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    if text.trim().is_empty() {
        return Err(Fault::whole("the file is empty", "start it with `apiVersion: lazaret/v1`"));
    }
    serde_saphyr::from_str_with_options(text, options).map_err(|error| fault_of(&error))
}

fn fault_of(error: &Error) -> Fault {
    let error = error.without_snippet();
    let at = error.location().unwrap_or(Location::UNKNOWN);
    if let Error::SerdeUnknownField { field, expected, .. } = error {
        let fix = format!(
            "the fields here are {}{}",
            expected.join(", "),
            did_you_mean(field, expected.iter().copied())
        );
        return Fault::new(at, &format!("unknown field `{field}`"), &fix);
    }
    if let Error::SerdeMissingField { field, .. } = error {
        return Fault::new(at, &format!("`{field}` is missing"), "add it");
    }
    if let Error::DuplicateMappingKey { key, .. } = error {
        let key = key.as_deref().unwrap_or_default();
        return Fault::new(at, &format!("the key `{key}` stands here twice"), "keep one of them");
    }
    if let Error::MultipleDocuments { .. } = error {
        return Fault::new(at, "a second YAML document starts here", "put it in a file of its own");
    }
    if let Error::MergeKeyNotAllowed { .. } = error {
        return Fault::new(at, "merge keys (`<<`) are not read", "write the fields out");
    }
    let text = error.to_string();
    let what = text.lines().next().unwrap_or_default();
    Fault::new(at, what.split(" at line ").next().unwrap_or(what), "see the schema of policy files")
}
