//! The way to end an exchange or a connection from outside: raised once, seen by everyone who holds
//! a clone. Invariant: what was raised stays raised, and its first reason is the one that counts.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use policy::{Refusal, Verdict, code};
use tokio::sync::Notify;

use crate::stop::Stop;

/// Ends what it belongs to. Cheap to clone; one that nobody raises costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Cut(Arc<Signal>);

#[derive(Debug, Default)]
struct Signal {
    withdrawn: OnceLock<Withdrawn>,
    raised: Notify,
}

/// Why something that was let in was let in no longer.
#[derive(Clone, Debug)]
pub struct Withdrawn {
    verdict: Verdict,
    policy: Option<Arc<str>>,
}

/// What can end a live exchange or connection; each is a label of `lazaret_live_cut_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The drain's deadline came before its end.
    DrainDeadline,
    /// The peer's certificate has come to its end.
    PeerExpired,
    /// No root of the trust bundle in force vouches for the peer any more.
    PeerUntrusted,
    /// The policy in force does not permit it.
    PolicyWithdrawn,
    /// The rule that permitted it has come to its end.
    RuleExpired,
}

impl Why {
    /// The stable word in records and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::DrainDeadline => "drain-deadline",
            Self::PeerExpired => "peer-expired",
            Self::PeerUntrusted => "peer-untrusted",
            Self::PolicyWithdrawn => "policy-withdrawn",
            Self::RuleExpired => code::RULE_EXPIRED,
        }
    }
}

impl Withdrawn {
    /// Because of what a policy says now.
    pub fn by(refusal: &Refusal) -> Self {
        let reason = &refusal.verdict.reason;
        let (why, text) = if reason.code == code::RULE_EXPIRED {
            (Why::RuleExpired, reason.text.clone())
        } else {
            (Why::PolicyWithdrawn, format!("the policy now in force refuses it: {reason}"))
        };
        let verdict = Verdict::block(refusal.verdict.rule.clone(), why.code(), text);
        Self { verdict, policy: Some(Arc::clone(&refusal.policy_hash)) }
    }

    /// For a reason beside the policy's rules.
    pub fn because(why: Why, text: &str) -> Self {
        Self { verdict: Verdict::block(None, why.code(), text.to_owned()), policy: None }
    }

    /// The stable word for the reason.
    pub fn code(&self) -> &'static str {
        self.verdict.reason.code
    }

    /// The decision, as the record has it.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The hash of the policy that said so.
    pub fn policy(&self) -> Option<&Arc<str>> {
        self.policy.as_ref()
    }
}

impl From<&Withdrawn> for Stop {
    fn from(withdrawn: &Withdrawn) -> Self {
        Self::Refused(Box::new(withdrawn.verdict.clone()))
    }
}

impl Cut {
    /// Ends it. Returns whether it had not been raised before.
    pub fn raise(&self, withdrawn: Withdrawn) -> bool {
        let is_first = self.0.withdrawn.set(withdrawn).is_ok();
        self.0.raised.notify_waiters();
        is_first
    }

    /// Why it was raised, if it was.
    pub fn withdrawn(&self) -> Option<&Withdrawn> {
        self.0.withdrawn.get()
    }

    /// Goes on only while it is not raised.
    ///
    /// # Errors
    /// The reason.
    pub fn check(&self) -> Result<(), Stop> {
        self.withdrawn().map_or(Ok(()), |withdrawn| Err(withdrawn.into()))
    }

    /// For bodies and other things that are polled.
    pub fn watch(&self) -> Watch {
        Watch { cut: self.clone(), waiting: None }
    }

    /// Resolves with the reason once it is raised, also if it was before, as what ends an exchange.
    pub async fn raised(&self) -> Stop {
        Stop::from(&self.ended().await)
    }

    /// Resolves with the reason once it is raised, also if it was before.
    pub async fn ended(&self) -> Withdrawn {
        // Made before the look, so that a raise in between is not missed.
        let notified = self.0.raised.notified();
        if let Some(withdrawn) = self.withdrawn() {
            return withdrawn.clone();
        }
        notified.await;
        match self.withdrawn() {
            Some(withdrawn) => withdrawn.clone(),
            None => std::future::pending().await,
        }
    }
}

/// Looks at a cut from within a `poll` function.
#[derive(Default)]
pub struct Watch {
    cut: Cut,
    waiting: Option<Pin<Box<dyn Future<Output = Stop> + Send>>>,
}

impl Watch {
    /// Ready once the cut is raised; otherwise the task is woken when it is.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.cut.withdrawn().is_some() {
            return Poll::Ready(());
        }
        let cut = self.cut.clone();
        let waiting =
            self.waiting.get_or_insert_with(|| Box::pin(async move { cut.raised().await }));
        waiting.as_mut().poll(context).map(|_| ())
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cut.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_counts_and_nobody_misses_it() {
        let cut = Cut::default();
        assert!(cut.check().is_ok());
        let waiting = cut.raised();
        let mut waiting = std::pin::pin!(waiting);
        assert!(futures_poll(waiting.as_mut()).is_none());

        assert!(cut.clone().raise(Withdrawn::because(Why::PeerExpired, "one")));
        assert!(!cut.raise(Withdrawn::because(Why::PeerUntrusted, "two")));

        assert_eq!(waiting.await.code(), "peer-expired");
        assert_eq!(cut.raised().await.code(), "peer-expired");
        assert!(cut.check().is_err());
    }

    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
