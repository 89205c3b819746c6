//! Connections. One that was redirected connects all the same; the kernel's own table tells whether
//! its other end is Lazaret in this pod or somebody outside.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{Outcome, PATIENCE, Probe, is_stopped, sockets};

/// How often the kernel's table is read again until the other end is accepted.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 512;

/// Connects, and sees who answers.
pub(super) fn probe(way: &'static str, to: SocketAddr, uid: Option<u32>) -> Probe {
    Probe::new(way, format!("connect to {to}"), attempt(to, uid))
}

fn attempt(to: SocketAddr, uid: Option<u32>) -> (Outcome, String) {
    #[expect(clippy::disallowed_methods, reason = "what is tried here is to get out")]
    let connected = TcpStream::connect_timeout(&to, PATIENCE);
    let error = match connected {
        Ok(stream) => return met(stream, uid),
        Err(error) => error,
    };
    if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) {
        // A reset comes from where the attempt went; our rules answer with another error.
        let whose = "by the other side, or by this pod where Lazaret does not listen";
        (Outcome::Out, format!("{error}: {whose}"))
    } else if is_stopped(&error) {
        (Outcome::Held, error.to_string())
    } else {
        (Outcome::Unproven, format!("the attempt may have left the pod: {error}"))
    }
}

fn met(mut stream: TcpStream, uid: Option<u32>) -> (Outcome, String) {
    let Some(user) = stream.local_addr().ok().and_then(|ours| other_end(ours, uid)) else {
        return (Outcome::Out, "connected, to somebody outside of this pod".to_owned());
    };
    let answer = ask(&mut stream).unwrap_or_else(|| "without a word".to_owned());
    let is_expected = uid.is_none_or(|uid| user == uid);
    let own = rustix::process::getuid().as_raw();
    match user {
        0 if uid != Some(0) => {
            (Outcome::Unproven, "redirected within this pod, and never accepted".to_owned())
        }
        user if is_expected && user != own => {
            (Outcome::Held, format!("redirected to user {user} in this pod, who answered {answer}"))
        }
        user => {
            (Outcome::Unproven, format!("redirected to user {user} in this pod, not Lazaret's"))
        }
    }
}

/// Who is at the other end, where that is in this pod.
fn other_end(ours: SocketAddr, uid: Option<u32>) -> Option<u32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
        let texts = tables.iter().filter_map(|table| std::fs::read_to_string(table).ok());
        let user = texts.filter_map(|text| sockets::other_end(&text, ours)).next()?;
        let is_settled = user != 0 || uid == Some(0);
        if is_settled || Instant::now() > deadline {
            return Some(user);
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// The first line of what answers a plain request.
fn ask(stream: &mut TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let host = stream.peer_addr().ok()?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = [0; ANSWER_BYTES_MAX];
    let read = stream.read(&mut answer).ok()?;
    let text = String::from_utf8_lossy(answer.get(..read)?).into_owned();
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.escape_debug().to_string())
}
