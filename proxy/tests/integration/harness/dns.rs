//! A name server on loopback that knows no name, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;

/// Answers every question with "no such name".
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    pub(crate) async fn start() -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = NameServer { address: socket.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&server.asked);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
                let question = &buffer[..len];
                asked.lock().unwrap().push(name(question));
                socket.send_to(&no_such_name(question), from).await.unwrap();
            }
        });
        server
    }

    /// The names that were asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// RFC 1035, section 4.1: the question's labels begin behind the header of 12 bytes.
fn name(message: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut rest = &message[12..];
    while rest[0] != 0 {
        let len = usize::from(rest[0]);
        labels.push(String::from_utf8_lossy(&rest[1..=len]).into_owned());
        rest = &rest[len + 1..];
    }
    labels.join(".")
}

/// The question again, as a response with code 3 and no other section.
fn no_such_name(question: &[u8]) -> Vec<u8> {
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let mut answer = question[..end].to_vec();
    answer[2] = 0x85;
    answer[3] = 0x83;
    answer[6..12].fill(0);
    answer
}
