//! The names of a folder: unique across its files, and looked up with suggestions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_saphyr::Location;

use super::Faults;
use super::read;
use crate::file::{PolicyFile, Text};
use crate::suggest::did_you_mean;

/// Most names that are compared with an unknown one.
const SUGGESTED_FROM_MAX: usize = 10_000;

/// Where every name of the folder was given.
#[derive(Debug)]
pub(super) struct Names {
    endpoints: Kind,
    profiles: Kind,
    rules: Kind,
    /// False where some file could not be read: what is missing may stand there.
    complete: bool,
}

/// Names of one kind and their places in the merged list.
#[derive(Debug)]
struct Kind {
    noun: &'static str,
    places: HashMap<String, usize>,
}

impl Names {
    pub(super) fn gather(
        files: &[(Arc<str>, PolicyFile)],
        complete: bool,
        faults: &mut Faults,
    ) -> Names {
        let mut endpoints = Register::new("endpoint");
        let mut profiles = Register::new("content profile");
        let mut rules = Register::new("rule");
        let mut tests = Register::new("test");
        for (file, policy) in files {
            faults.enter(file);
            for entry in &policy.endpoints {
                endpoints.add(faults, file, &entry.value.name);
            }
            for entry in &policy.content {
                profiles.add(faults, file, &entry.value.name);
                if entry.value.name.value == EXEMPT {
                    let what = "`exempt` is how records call an exemption";
                    faults.error(entry.value.name.referenced, what, "choose another name");
                }
            }
            for entry in &policy.egress {
                rules.add(faults, file, &entry.value.name);
            }
            for entry in &policy.inbound {
                rules.add(faults, file, &entry.value.name);
            }
            for entry in &policy.tests {
                tests.add_free(faults, file, &entry.value.name);
            }
        }
        Names {
            endpoints: endpoints.finish(),
            profiles: profiles.finish(),
            rules: rules.finish(),
            complete,
        }
    }

    /// The place of an endpoint in the merged list.
    pub(super) fn endpoint(&self, faults: &mut Faults, text: &Text) -> Option<usize> {
        self.find(&self.endpoints, faults, text)
    }

    /// The place of a content profile in the merged list.
    pub(super) fn profile(&self, faults: &mut Faults, name: &str, at: Location) -> Option<usize> {
        let text = Text::new(name.to_owned(), at, at);
        self.find(&self.profiles, faults, &text)
    }

    /// Reports a rule that does not exist.
    pub(super) fn check_rule(&self, faults: &mut Faults, text: &Text) {
        self.find(&self.rules, faults, text);
    }

    fn find(&self, kind: &Kind, faults: &mut Faults, text: &Text) -> Option<usize> {
        let place = kind.places.get(&text.value).copied();
        if place.is_none() && self.complete {
            let noun = kind.noun;
            // Sorted, so that of two equally close names always the same one is suggested.
            let mut known: Vec<&str> = kind.places.keys().map(String::as_str).collect();
            known.sort_unstable();
            known.truncate(SUGGESTED_FROM_MAX);
            let hint = did_you_mean(&text.value, known);
            let fix = format!("define it, or correct the name{hint}");
            faults.error(text.referenced, &format!("there is no {noun} `{}`", text.value), &fix);
        }
        place
    }
}

/// The name of an exemption's profile in records.
pub(super) const EXEMPT: &str = "exempt";

struct Register {
    noun: &'static str,
    seen: BTreeMap<String, (Arc<str>, u64)>,
    places: HashMap<String, usize>,
    count: usize,
}

impl Register {
    fn new(noun: &'static str) -> Register {
        Register { noun, seen: BTreeMap::new(), places: HashMap::new(), count: 0 }
    }

    fn add(&mut self, faults: &mut Faults, file: &Arc<str>, text: &Text) {
        read::name(faults, text, &format!("the {}'s name", self.noun));
        self.insert(faults, file, text);
    }

    /// A test's name is a sentence.
    fn add_free(&mut self, faults: &mut Faults, file: &Arc<str>, text: &Text) {
        read::reason(faults, text, "the test's name");
        self.insert(faults, file, text);
    }

    fn insert(&mut self, faults: &mut Faults, file: &Arc<str>, text: &Text) {
        if let Some((first, line)) = self.seen.get(&text.value) {
            let what = format!("the {} name `{}` is taken", self.noun, text.value);
            let fix = format!("choose another one: it stands at {first}:{line}");
            faults.error(text.referenced, &what, &fix);
        } else {
            let place = (Arc::clone(file), text.referenced.line());
            self.seen.insert(text.value.clone(), place);
            self.places.insert(text.value.clone(), self.count);
        }
        self.count += 1;
    }

    fn finish(self) -> Kind {
        Kind { noun: self.noun, places: self.places }
    }
}
