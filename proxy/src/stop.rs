//! Why an exchange does not go on: somebody's failure, or a verdict.

use policy::{Refusal, Verdict};

use crate::content::Meters;
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

impl Stop {
    /// A side that broke because we cut the exchange or its body was not the one that failed. A body that found its
    /// receiver gone says nothing of why it went.
    #[must_use]
    pub fn unless_cut(self, meters: &Meters) -> Self {
        if let (Self::Failed(_), Some(withdrawn)) = (&self, meters.cut.withdrawn()) {
            return withdrawn.into();
        }
        meters.cell.with(|reading| match (&reading.verdict, reading.failure) {
            (Some(verdict), _) if verdict.stops() => Self::Refused(Box::new(verdict.clone())),
            (_, Some(Kind::ReceiverGone)) => self,
            (_, Some(failure)) if matches!(self, Self::Failed(_)) => failure.into(),
            (_, _) => self,
        })
    }
}

impl From<Error> for Stop {
    /// What a gateway refused is refused, not failed.
    fn from(error: Error) -> Self {
        match error.carrier_verdict() {
            Some(verdict) => Self::Refused(Box::new(verdict.clone())),
            None => Self::Failed(error),
        }
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
