//! Errors and warnings with their places, gathered over a whole folder.

use std::fmt;
use std::sync::Arc;

use serde_saphyr::Location;

/// Most errors, and most warnings, that are kept of one folder.
pub const FAULTS_MAX: usize = 1000;

/// One thing that is wrong with a policy folder: where, what, and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}{what}; {fix}", Place { file, line: *line, column: *column })]
pub struct InvalidPolicy {
    /// The file's name; empty where the folder as a whole is wrong.
    pub file: String,
    /// From 1; 0 where the file as a whole is wrong.
    pub line: u64,
    /// In characters, from 1; 0 where the file as a whole is wrong.
    pub column: u64,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
}

/// Something in a policy that is allowed and yet likely not meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// The file's name.
    pub file: String,
    /// From 1; 0 where the file as a whole is meant.
    pub line: u64,
    /// In characters, from 1; 0 where the file as a whole is meant.
    pub column: u64,
    /// What is odd.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = Place { file: &self.file, line: self.line, column: self.column };
        write!(f, "{place}{}; {}", self.what, self.fix)
    }
}

struct Place<'a> {
    file: &'a str,
    line: u64,
    column: u64,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file, self.line) {
            ("", _) => Ok(()),
            (file, 0) => write!(f, "{file}: "),
            (file, line) => write!(f, "{file}:{line}:{}: ", self.column),
        }
    }
}

/// A fault before it is known which file it is in.
#[derive(Debug)]
pub(super) struct Fault {
    line: u64,
    column: u64,
    what: String,
    fix: String,
}

impl Fault {
    pub(super) fn new(at: Location, what: &str, fix: &str) -> Fault {
        let (line, column) = (at.line(), at.column());
        Fault { line, column, what: what.to_owned(), fix: fix.to_owned() }
    }

    pub(super) fn whole(what: &str, fix: &str) -> Fault {
        Fault { line: 0, column: 0, what: what.to_owned(), fix: fix.to_owned() }
    }
}

impl InvalidPolicy {
    pub(super) fn at(file: &str, fault: Fault) -> InvalidPolicy {
        let Fault { line, column, what, fix } = fault;
        InvalidPolicy { file: file.to_owned(), line, column, what, fix }
    }

    pub(super) fn of_folder(what: &str, fix: &str) -> InvalidPolicy {
        InvalidPolicy::at("", Fault::whole(what, fix))
    }
}

/// What was found so far, and the file that is being read.
#[derive(Debug, Default)]
pub(super) struct Faults {
    file: Arc<str>,
    errors: Vec<InvalidPolicy>,
    warnings: Vec<Warning>,
}

impl Faults {
    /// Faults that follow are in this file.
    pub(super) fn enter(&mut self, file: &Arc<str>) {
        self.file = Arc::clone(file);
    }

    pub(super) fn error(&mut self, at: Location, what: &str, fix: &str) {
        let file = Arc::clone(&self.file);
        self.push_error(InvalidPolicy::at(&file, Fault::new(at, what, fix)));
    }

    pub(super) fn warn(&mut self, at: Location, what: &str, fix: &str) {
        if self.warnings.len() < FAULTS_MAX {
            self.warnings.push(warning(&self.file, at, what, fix));
        }
    }

    pub(super) fn push_error(&mut self, error: InvalidPolicy) {
        if self.errors.len() < FAULTS_MAX {
            self.errors.push(error);
        }
    }

    /// The warnings, or the errors; both in the order of their places.
    pub(super) fn finish(mut self) -> Result<Vec<Warning>, Vec<InvalidPolicy>> {
        if self.errors.is_empty() {
            self.warnings
                .sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
            return Ok(self.warnings);
        }
        self.errors.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        Err(self.errors)
    }
}

pub(super) fn warning(file: &str, at: Location, what: &str, fix: &str) -> Warning {
    Warning {
        file: file.to_owned(),
        line: at.line(),
        column: at.column(),
        what: what.to_owned(),
        fix: fix.to_owned(),
    }
}
