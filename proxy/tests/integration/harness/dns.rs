//! A name server on loopback that knows few names, and remembers what it was asked.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record};
use tokio::net::UdpSocket;

use super::log::Log;

/// Answers every question with "no such name", but for the names that it is told of.
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
        NameServer::start_with(audit, &[]).await
    }

    /// It knows some names.
    pub(crate) async fn start_with(
        audit: PathBuf,
        known: &'static [(&'static str, &'static [&'static str])],
    ) -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = NameServer { address: socket.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&server.asked);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
                let question = &buffer[..len];
                let open_lines = Log::read(&audit).opens().len();
                asked.lock().unwrap().push(Question { name: name(question), open_lines });
                socket.send_to(&answer(question, known), from).await.unwrap();
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

/// The addresses of the kind that was asked for, none where a known name has none of it.
fn answer(question: &[u8], known: &[(&str, &[&str])]) -> Vec<u8> {
    let mut answer = Message::from_vec(question).unwrap().into_response();
    let query = answer.queries[0].clone();
    let name = query.name().to_ascii();
    match known.iter().find(|(known, _)| *known == name.trim_end_matches('.')) {
        None => answer.metadata.response_code = ResponseCode::NXDomain,
        Some((_, addresses)) => {
            let addresses = addresses.iter().map(|text| text.parse::<IpAddr>().unwrap());
            let records = addresses
                .map(|address| Record::from_rdata(query.name().clone(), 30, RData::from(address)));
            let records = records.filter(|record| record.record_type() == query.query_type());
            answer.add_answers(records);
        }
    }
    answer.to_vec().unwrap()
}
