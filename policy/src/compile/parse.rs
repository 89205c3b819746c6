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
            max_documents: 2,
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
    let (what, fix) = field_fault(error)
        .or_else(|| value_fault(error).map(|(what, fix)| (what, fix.to_owned())))
        .unwrap_or_else(|| {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            let what = line.split(" at line ").next().unwrap_or(line);
            (what.to_owned(), "correct the YAML here".to_owned())
        });
    Fault::new(at, &what, &fix)
}

/// Fields that should not be there, or should, or hold another kind of value.
fn field_fault(error: &Error) -> Option<(String, String)> {
    if let Error::SerdeUnknownField { field, expected, .. } = error {
        let hint = did_you_mean(field, expected.iter().copied());
        let fix = format!("the fields here are {}{hint}", expected.join(", "));
        return Some((format!("unknown field `{field}`"), fix));
    }
    if let Error::SerdeMissingField { field, .. } = error {
        return Some((format!("`{field}` is missing"), "add it to the fields here".to_owned()));
    }
    if let Error::DuplicateMappingKey { key, .. } = error {
        let key = key.as_deref().unwrap_or_default();
        return Some((format!("the key `{key}` stands here twice"), "keep one of them".to_owned()));
    }
    if let Error::SerdeInvalidType { expected, .. } = error {
        return Some((format!("{expected} is wanted here"), "write that instead".to_owned()));
    }
    None
}

/// Values of the wrong kind, and documents that are more than a policy needs.
#[expect(clippy::wildcard_enum_match_arm, reason = "the parser's enum, which may grow")]
fn value_fault(error: &Error) -> Option<(String, &'static str)> {
    let (what, fix) = match error {
        Error::Unexpected { expected: "sequence start", .. } => {
            ("a list is wanted here", "write it in brackets, or one entry a line after `- `")
        }
        Error::Unexpected { expected: "mapping start", .. } => {
            ("fields are wanted here", "write them in braces, or one a line")
        }
        Error::NullIntoString { .. } => ("the value is missing", "write one, or drop the field"),
        Error::InvalidScalar { ty: "i64", .. } => {
            ("a whole number is wanted here", "write digits alone")
        }
        Error::InvalidBooleanStrict { .. } | Error::InvalidScalar { ty: "bool", .. } => {
            ("true or false is wanted here", "write one of them")
        }
        Error::MultipleDocuments { .. } => {
            ("a second YAML document starts here", "put it in a file of its own")
        }
        Error::MergeKeyNotAllowed { .. } => {
            ("merge keys (`<<`) are not read", "write the fields out")
        }
        Error::Budget { .. } => ("the file is over a limit for YAML", "make it smaller or flatter"),
        _ => return None,
    };
    Some((what.to_owned(), fix))
}
