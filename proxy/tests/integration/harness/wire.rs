//! HTTP/1.1 by hand: exact bytes out, answers in, so that a test can send what no client library
//! would.

use std::io;
use std::time::{Duration, Instant};

use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::is_planted_in;
use super::wait::{PATIENCE, within};

/// An answer, or an interim one such as `100 Continue`.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether the body came whole.
    pub(crate) is_whole: bool,
}

/// One connection to the proxy, or a TLS session on it.
pub(crate) struct Conversation<S> {
    stream: S,
    unread: Vec<u8>,
}

impl Answer {
    /// A field of the problem that the body describes.
    #[track_caller]
    pub(crate) fn problem(&self, field: &str) -> String {
        let kind = self.headers.get("content-type").expect("a problem, not an upstream's answer");
        assert_eq!(kind, "application/problem+json");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        let value = &problem[field];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// It is a refusal with this status and code, and says what a client may know.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.problem("code").as_str()), (status, code));
        assert_eq!(self.problem("status"), status.to_string());
        assert_eq!(self.headers["cache-control"], "no-store");
        assert!(!self.problem("detail").is_empty() && !self.problem("hint").is_empty());
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    pub(crate) fn new(stream: S) -> Conversation<S> {
        Conversation { stream, unread: Vec::new() }
    }

    /// The transport, to put TLS on it. Nothing may be left unread.
    pub(crate) fn into_stream(self) -> S {
        assert!(self.unread.is_empty(), "bytes after the head");
        self.stream
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// Sends exactly these bytes.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_say(bytes).await.expect("the proxy takes what is sent");
    }

    /// Sends these bytes, or finds that the proxy has closed.
    pub(crate) async fn try_say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within("sending", async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        })
        .await
    }

    /// Reads one answer to a request that was not HEAD.
    pub(crate) async fn hear(&mut self) -> Answer {
        self.try_hear().await.expect("an answer")
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.say(request).await;
        self.hear().await
    }

    /// Sends a byte, and another after each pause, until an answer has begun or nothing more is taken.
    pub(crate) async fn dribble(&mut self, pause: Duration) {
        let began = Instant::now();
        while self.unread.is_empty() && self.try_say("x").await.is_ok() {
            assert!(began.elapsed() < PATIENCE, "a dribbling sender is heard for ever");
            let reading = self.stream.read_buf(&mut self.unread);
            let _nothing_yet = tokio::time::timeout(pause, reading).await;
        }
    }

    /// Reads one answer; `None` if the connection ends before one begins.
    pub(crate) async fn try_hear(&mut self) -> Option<Answer> {
        let mut answer = self.hear_head().await?;
        self.hear_body(&mut answer).await;
        let seen = (format!("{:?}", answer.headers), &answer.body);
        assert!(!is_planted_in(seen.0.as_bytes()) && !is_planted_in(seen.1), "an answer leaks");
        Some(answer)
    }

    /// Reads the head of an answer alone, as after HEAD and CONNECT.
    pub(crate) async fn hear_head(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if self.read_more().await == 0 {
                assert!(self.unread.is_empty(), "half an answer's head");
                return None;
            }
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Response::new(&mut fields);
        parsed.parse(&head).unwrap();
        let mut headers = HeaderMap::new();
        for field in parsed.headers.iter() {
            let name = http::HeaderName::from_bytes(field.name.as_bytes()).unwrap();
            headers.append(name, http::HeaderValue::from_bytes(field.value).unwrap());
        }
        let status = parsed.code.unwrap();
        Some(Answer { status, headers, body: Vec::new(), is_whole: true })
    }

    /// Reads to the end of the connection. A reset counts as an end.
    pub(crate) async fn hear_end(&mut self) -> Vec<u8> {
        while self.read_more().await > 0 {}
        std::mem::take(&mut self.unread)
    }

    /// Sends nothing more, and reads on.
    pub(crate) async fn close_writing(&mut self) {
        // A proxy that is gone already has closed for us.
        let _gone = self.stream.shutdown().await;
    }

    async fn hear_body(&mut self, answer: &mut Answer) {
        if answer.status < 200 || answer.status == 204 || answer.status == 304 {
            return;
        }
        if answer.headers.contains_key("transfer-encoding") {
            return self.hear_chunks(answer).await;
        }
        let length = answer.headers.get("content-length");
        let length: usize =
            length.map_or(usize::MAX, |text| text.to_str().unwrap().parse().unwrap());
        while self.unread.len() < length && self.read_more().await > 0 {}
        let taken = length.min(self.unread.len());
        answer.body.extend(self.unread.drain(..taken));
        answer.is_whole = length == usize::MAX || taken == length;
    }

    async fn hear_chunks(&mut self, answer: &mut Answer) {
        loop {
            let Some(line) = self.hear_line().await else { return answer.is_whole = false };
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            if size == 0 {
                while self.hear_line().await.is_some_and(|line| !line.is_empty()) {}
                return;
            }
            while self.unread.len() < size + 2 {
                if self.read_more().await == 0 {
                    answer.body.append(&mut self.unread);
                    return answer.is_whole = false;
                }
            }
            answer.body.extend(self.unread.drain(..size));
            self.unread.drain(..2);
        }
    }

    /// So many bytes; `None` where the connection ends before.
    pub(crate) async fn hear_bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            if self.read_more().await == 0 {
                return None;
            }
        }
        Some(self.unread.drain(..count).collect())
    }

    /// A line without its end; `None` at the end of the connection.
    pub(crate) async fn hear_line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.unread.windows(2).position(|window| window == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..at + 2).collect();
                return Some(String::from_utf8(line[..at].to_vec()).unwrap());
            }
            if self.read_more().await == 0 {
                return None;
            }
        }
    }

    async fn read_more(&mut self) -> usize {
        self.unread.reserve(16 * 1024);
        // A reset is an end like any other here.
        within("an answer", self.stream.read_buf(&mut self.unread)).await.unwrap_or(0)
    }
}
