//! A name server on loopback that knows no name, and remembers what it was asked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;

use super::log::Log;

/// Answers every question with "no such name".
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Question>>>,
}

/// A question, and what was on record when it came.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) open_lines: usize,
}

impl NameServer {
    /// `audit` is the folder of the log of who will ask.
    pub(crate) async fn start(audit: PathBuf) -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = NameServer { address: socket.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&server.asked);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
                let question = &buffer[..len];
                let open_lines = Log::read(&audit).opens().len();
                asked.lock().unwrap().push(Question { name: name(question), open_lines });
                socket.send_to(&no_such_name(question), from).await.unwrap();
            }
        });
        server
    }

    /// The questions so far.
    pub(crate) fn asked(&self) -> Vec<Question> {
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
