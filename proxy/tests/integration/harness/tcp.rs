//! A server of no HTTP: it may speak first, echoes what it hears line by line, and remembers how each
//! connection ended.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::sidecar::Sidecar;
use super::visits::{Visit, Visits};
use super::wait::{until, within};
use super::wire::Conversation;

/// How a connection ended, as the server saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TcpEnd {
    Clean,
    Reset,
}

/// What one connection brought.
#[derive(Clone, Debug, Default)]
pub(crate) struct TcpSeen {
    pub(crate) bytes: Vec<u8>,
    pub(crate) end: Option<TcpEnd>,
}

/// A running server.
#[derive(Clone)]
pub(crate) struct TcpServer {
    pub(crate) port: u16,
    visits: Visits<TcpSeen>,
}

impl TcpServer {
    /// Says `greeting` first; echoes; says `bye` when its client has ended.
    pub(crate) async fn start(greeting: &'static str) -> TcpServer {
        let (port, visits) =
            Visits::listen(move |stream, visit| serve(stream, greeting, visit)).await;
        TcpServer { port, visits }
    }

    /// The connections so far.
    pub(crate) fn seen(&self) -> Vec<TcpSeen> {
        self.visits.all()
    }

    /// The only connection, once it has ended.
    pub(crate) async fn ended(&self) -> (Vec<u8>, TcpEnd) {
        until("the end of the tunnel at the server", || {
            let seen = self.seen();
            assert!(seen.len() <= 1, "more than one connection");
            let only = seen.into_iter().next()?;
            only.end.map(|end| (only.bytes, end))
        })
        .await
    }

    /// Not a byte came here.
    pub(crate) fn assert_heard_nothing(&self) {
        assert!(self.seen().iter().all(|seen| seen.bytes.is_empty()), "the server heard something");
    }
}

async fn serve(mut stream: TcpStream, greeting: &'static str, visit: Visit<TcpSeen>) {
    let _gone = stream.write_all(greeting.as_bytes()).await;
    let mut piece = [0; 4096];
    let end = loop {
        match stream.read(&mut piece).await {
            Ok(0) => break TcpEnd::Clean,
            Ok(read) => {
                visit.note(|seen| seen.bytes.extend_from_slice(&piece[..read]));
                let _gone = stream.write_all(&piece[..read]).await;
            }
            Err(_) => break TcpEnd::Reset,
        }
    };
    // Whoever has heard the end finds it noted.
    visit.note(|seen| seen.end = Some(end));
    let _gone = stream.write_all(b"bye\r\n").await;
    let _gone = stream.shutdown().await;
}

/// A SOCKS5 request for a name.
pub(crate) fn socks_name(name: &str, port: u16) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    [&[5, 1, 0, 3, length], name.as_bytes(), &port.to_be_bytes()].concat()
}

/// A SOCKS5 request for an IPv4 address.
pub(crate) fn socks_address(address: [u8; 4], port: u16) -> Vec<u8> {
    [&[5, 1, 0, 1], &address[..], &port.to_be_bytes()].concat()
}

impl Sidecar {
    /// Greets the SOCKS5 proxy, sends `request`, and gives the reply's code.
    pub(crate) async fn socks(&self, request: &[u8]) -> (u8, TcpStream) {
        let mut stream = TcpStream::connect(self.socks5).await.unwrap();
        // A client may send both messages at once.
        stream.write_all(&[&[5, 1, 0], request].concat()).await.unwrap();
        let mut answer = [0; 12];
        within("the SOCKS5 reply", stream.read_exact(&mut answer)).await.unwrap();
        assert_eq!(answer[..3], [5, 0, 5], "the greeting and the reply's version");
        (answer[3], stream)
    }

    /// A tunnel by SOCKS5, which must be granted.
    pub(crate) async fn socks_to(&self, request: &[u8]) -> Conversation<TcpStream> {
        let (code, stream) = self.socks(request).await;
        assert_eq!(code, 0, "the connection was not granted");
        Conversation::new(stream)
    }
}
