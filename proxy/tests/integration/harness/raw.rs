//! A server that answers in exact bytes, or reads no further than a head.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::wait::until;

/// A port that nobody listens at, and that nobody else gets.
pub(crate) fn deserted() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket
}

/// A server on loopback for one answer, whatever is asked.
pub(crate) struct RawServer {
    pub(crate) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl RawServer {
    /// Reads a head, says `answer` and goes on reading.
    pub(crate) fn answering(answer: &'static [u8]) -> RawServer {
        RawServer::start(Some(answer))
    }

    /// Reads a head and nothing more, without an answer.
    pub(crate) fn deaf() -> RawServer {
        RawServer::start(None)
    }

    fn start(answer: Option<&'static [u8]>) -> RawServer {
        let socket = TcpSocket::new_v4().unwrap();
        // Little fits into a small window, so a sender soon notices that nobody reads.
        socket.set_recv_buffer_size(4096).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(16).unwrap();
        let server =
            RawServer { port: listener.local_addr().unwrap().port(), heads: Arc::default() };
        let heads = Arc::clone(&server.heads);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, answer, Arc::clone(&heads)));
            }
        });
        server
    }

    /// Waits until so many heads have come.
    pub(crate) async fn heads(&self, count: usize) {
        until(&format!("{count} heads at the server"), || {
            let heads = self.heads.lock().unwrap();
            assert!(heads.len() <= count, "more than {count}: {heads:#?}");
            (heads.len() == count).then_some(())
        })
        .await;
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: Option<&'static [u8]>,
    heads: Arc<Mutex<Vec<String>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    heads.lock().unwrap().push(String::from_utf8(head).unwrap());
    match answer {
        Some(answer) => {
            // Whoever asked may be gone.
            let _gone = stream.write_all(answer).await;
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
        }
        None => std::future::pending().await,
    }
}
