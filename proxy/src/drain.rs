//! Stop accepting, finish, deadline. One [`Drain`] is cloned into every room; [`Tasks`] knows what
//! is still under way.

use std::future::Future;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

/// Tells rooms that the drain has begun. Cheap to clone; whoever holds one is waited for.
#[derive(Clone, Debug)]
pub struct Drain {
    begun: watch::Receiver<bool>,
    // Never sent on: the last clone's drop is the signal that all work has ended.
    _alive: mpsc::Sender<()>,
}

/// Sees whether the drain has begun, without being waited for.
#[derive(Clone, Debug)]
pub struct Begun(watch::Receiver<bool>);

/// Runs what hyper has to do beside an HTTP/2 connection to a server; a drain does not wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Background;

impl<F> hyper::rt::Executor<F> for Background
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, work: F) {
        Drain::spawn_background(work);
    }
}

/// Begins the drain and waits for its end.
#[derive(Debug)]
pub struct Tasks {
    begin: watch::Sender<bool>,
    ended: mpsc::Receiver<()>,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// All work finished.
    Complete,
    /// The deadline came first.
    DeadlinePassed,
}

/// A drain and the handle that begins it.
pub fn channel() -> (Tasks, Drain) {
    let (begin, begun) = watch::channel(false);
    let (alive, ended) = mpsc::channel(1);
    (Tasks { begin, ended }, Drain { begun, _alive: alive })
}

impl Drain {
    /// Resolves when the drain begins (or everything that could begin it is gone).
    pub async fn begun(&mut self) {
        // An error means that the handle is gone: that is an end, too.
        let _gone = self.begun.wait_for(|begun| *begun).await;
    }

    /// An onlooker's view.
    pub fn onlooker(&self) -> Begun {
        Begun(self.begun.clone())
    }

    /// Runs `work` beside the caller; a drain waits for it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that spawns, so that drains see all"
    )]
    pub fn spawn<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let held = self.clone();
        // Work is moved several times on its way into a task, and may be 10 KiB.
        let work = Box::pin(work);
        tokio::spawn(async move {
            work.await;
            drop(held);
        });
    }

    /// Runs `work` beside the caller; a drain does not wait for it and its runtime's end ends it.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn_background<F>(work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(work);
    }
}

impl Begun {
    /// Whether the drain has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }
}

impl Tasks {
    /// Waits until every [`Drain`] is dropped, at most `deadline`.
    pub async fn ended(&mut self, deadline: Duration) -> Drained {
        match tokio::time::timeout(deadline, self.ended.recv()).await {
            Ok(_) => Drained::Complete,
            Err(_) => Drained::DeadlinePassed,
        }
    }

    /// Tells every holder that the drain has begun.
    pub fn begin(&self) {
        self.begin.send_replace(true);
    }
}
