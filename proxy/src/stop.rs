//! Why an exchange does not go on: somebody's failure, or a verdict.

use policy::{Refusal, Verdict};

use crate::error::{Error, Kind};

/// Why nothing (more) of an exchange leaves.
#[derive(Debug)]
pub enum Stop {
    /// The exchange failed.
    Failed(Error),
    /// Policy refused it.
    Refused(Box<Verdict>),
}

impl Stop {
    /// The stable code for responses, records and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Failed(error) => error.kind().code(),
            Self::Refused(verdict) => verdict.reason.code,
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Kind> for Stop {
    fn from(kind: Kind) -> Self {
        Self::Failed(kind.into())
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal.verdict))
    }
}

impl From<Box<Verdict>> for Stop {
    fn from(verdict: Box<Verdict>) -> Self {
        Self::Refused(verdict)
    }
}
