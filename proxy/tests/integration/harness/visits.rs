//! Servers of one kind of connection: each is served by itself, and what it brought is kept.

use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};

/// What the connections to a server brought, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visits<T>(Arc<Mutex<Vec<T>>>);

/// One connection's place among them.
#[derive(Debug)]
pub(crate) struct Visit<T> {
    all: Visits<T>,
    place: usize,
}

impl<T: Clone + Default + Send + 'static> Visits<T> {
    /// Listens on loopback and serves each connection; the port.
    pub(crate) async fn listen<F>(
        serve: impl Fn(TcpStream, Visit<T>) -> F + Send + 'static,
    ) -> (u16, Visits<T>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let visits = Visits::default();
        let all = visits.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, all.receive()));
            }
        });
        (port, visits)
    }

    /// The connections so far.
    pub(crate) fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }

    fn receive(&self) -> Visit<T> {
        let mut visits = self.0.lock().unwrap();
        visits.push(T::default());
        Visit { all: self.clone(), place: visits.len() - 1 }
    }
}

impl<T> Visit<T> {
    /// Notes what it brought.
    pub(crate) fn note(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.all.0.lock().unwrap()[self.place]);
    }
}
