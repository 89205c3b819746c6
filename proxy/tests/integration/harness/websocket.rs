//! WebSockets by hand, both ends: exact frames out, frames in, so that a test can send what no library
//! would.

use std::io::{Read as _, Write as _};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::visits::{Visit, Visits};
use super::wait::until;
use super::wire::Conversation;
use super::{REGISTRY, is_planted_in};

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
/// A compressed text and a compressed binary (RFC 7692, section 6).
pub(crate) const DEFLATED_TEXT: u8 = 0xc1;
pub(crate) const DEFLATED_BINARY: u8 = 0xc2;

/// What a client such as a browser offers.
pub(crate) const OFFER: &str =
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
/// What is agreed on with it.
pub(crate) const AGREED: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The standard's own example (RFC 6455, section 1.3).
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The first byte of a frame, and its payload unmasked.
pub(crate) type Frame = (u8, Vec<u8>);

/// What one connection brought.
#[derive(Clone, Debug, Default)]
pub(crate) struct SocketSeen {
    pub(crate) head: String,
    pub(crate) frames: Vec<Frame>,
    pub(crate) has_ended: bool,
}

/// A server that agrees to every WebSocket and echoes what it hears.
#[derive(Clone)]
pub(crate) struct SocketServer {
    pub(crate) port: u16,
    visits: Visits<SocketSeen>,
}

/// A client's end.
pub(crate) struct Socket<S>(pub(crate) Conversation<S>);

/// A peer's handshake with the application behind an inbound listener, or over a link.
pub(crate) fn peer_handshake(path: &str, fields: &str) -> String {
    let fields = upgrade(fields);
    format!("GET {path} HTTP/1.1\r\nHost: updates.train.internal\r\n{fields}\r\n")
}

/// The fields of a client's handshake.
pub(crate) fn upgrade(fields: &str) -> String {
    format!(
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {KEY}\r\n{fields}"
    )
}

/// A client's handshake through the forward proxy.
pub(crate) fn handshake(path: &str, fields: &str) -> String {
    let fields = upgrade(fields);
    format!("GET http://{REGISTRY}{path} HTTP/1.1\r\nHost: {REGISTRY}\r\n{fields}\r\n")
}

/// A frame as a client sends it.
pub(crate) fn masked(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut frame = begin(first, payload.len(), 0x80);
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A frame as a server sends it.
pub(crate) fn bare(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    [&begin(first, payload.len(), 0)[..], payload].concat()
}

fn begin(first: u8, length: usize, masked: u8) -> Vec<u8> {
    match (length, u16::try_from(length)) {
        (0..=125, _) => vec![first, masked | u8::try_from(length).unwrap()],
        (_, Ok(length)) => [&[first, masked | 126][..], &length.to_be_bytes()].concat(),
        (_, Err(_)) => {
            let length = u64::try_from(length).unwrap();
            [&[first, masked | 127][..], &length.to_be_bytes()].concat()
        }
    }
}

/// A payload as permessage-deflate has it, by the library's own words rather than the proxy's.
pub(crate) fn deflated(payload: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(payload.as_ref()).unwrap();
    encoder.flush().unwrap();
    let mut bytes = encoder.get_ref().clone();
    bytes.truncate(bytes.len() - 4);
    bytes
}

/// What such a payload says.
pub(crate) fn inflated(payload: &[u8]) -> Vec<u8> {
    // The tail that senders take off, and a last block, for a reader of whole streams.
    let whole = [payload, &[0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff]].concat();
    let mut bytes = Vec::new();
    flate2::read::DeflateDecoder::new(&whole[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

/// A close frame's code and reason.
pub(crate) fn told(frame: &Frame) -> (u16, String) {
    assert_eq!(frame.0, CLOSE, "{frame:?} is no close frame");
    let code = u16::from_be_bytes([frame.1[0], frame.1[1]]);
    (code, String::from_utf8(frame.1[2..].to_vec()).unwrap())
}

async fn hear_frame<S>(talk: &mut Conversation<S>, is_masked: bool) -> Option<Frame>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let head = talk.hear_bytes(2).await?;
    assert_eq!(head[1] & 0x80 != 0, is_masked, "who masks");
    let length = match head[1] & 0x7f {
        126 => {
            let length = talk.hear_bytes(2).await?;
            usize::from(u16::from_be_bytes([length[0], length[1]]))
        }
        127 => {
            let length = talk.hear_bytes(8).await?;
            usize::try_from(u64::from_be_bytes(length.try_into().unwrap())).unwrap()
        }
        short => usize::from(short),
    };
    let mask = if is_masked { talk.hear_bytes(4).await? } else { vec![0; 4] };
    let payload = talk.hear_bytes(length).await?;
    Some((head[0], payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect()))
}

impl SocketServer {
    /// Says `greeting`, a frame or nothing, before it hears.
    pub(crate) async fn start(greeting: Vec<u8>) -> SocketServer {
        let (port, visits) = Visits::listen(move |stream, visit| {
            let greeting = greeting.clone();
            async move {
                serve(stream, &greeting, &visit).await;
                visit.note(|seen| seen.has_ended = true);
            }
        })
        .await;
        SocketServer { port, visits }
    }

    /// The connections so far.
    pub(crate) fn seen(&self) -> Vec<SocketSeen> {
        self.visits.all()
    }

    /// The connection `at`, once it has ended. Nothing planted came on it.
    pub(crate) async fn ended(&self, at: usize) -> SocketSeen {
        let seen = until("the end of the WebSocket at the server", || {
            self.seen().into_iter().nth(at).filter(|seen| seen.has_ended)
        })
        .await;
        let all: Vec<u8> = seen
            .frames
            .iter()
            .flat_map(|(first, payload)| match *first {
                DEFLATED_TEXT | DEFLATED_BINARY => inflated(payload),
                _ => payload.clone(),
            })
            .collect();
        assert!(!is_planted_in(&all) && !is_planted_in(seen.head.as_bytes()), "it leaked");
        seen
    }
}

async fn serve(stream: TcpStream, greeting: &[u8], visit: &Visit<SocketSeen>) {
    let mut talk = Conversation::new(stream);
    let (mut head, mut key) = (String::new(), String::new());
    while let Some(line) = talk.hear_line().await.filter(|line| !line.is_empty()) {
        if let Some(value) = line.strip_prefix("sec-websocket-key: ") {
            key = value.to_owned();
        }
        head.push_str(&format!("{line}\n"));
    }
    visit.note(|seen| seen.head.clone_from(&head));
    let salted = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, salted.as_bytes());
    let accept = match head.as_str() {
        head if head.contains("/forged") => ACCEPT.to_owned(),
        _ => base64_simd::STANDARD.encode_to_string(digest.as_ref()),
    };
    let protocol =
        if head.contains("jupyter") { "Sec-WebSocket-Protocol: jupyter\r\n" } else { "" };
    let extension = if head.contains("/deflated") {
        format!("Sec-WebSocket-Extensions: {AGREED}\r\n")
    } else {
        String::new()
    };
    let answer = if head.contains("/closed") {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnope\n".to_owned()
    } else {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{protocol}{extension}\r\n"
        )
    };
    if talk.try_say([answer.as_bytes(), greeting].concat()).await.is_err() {
        return;
    }
    while let Some(frame) = hear_frame(&mut talk, true).await {
        visit.note(|seen| seen.frames.push(frame.clone()));
        let first = if frame.0 == PING { PONG } else { frame.0 };
        if talk.try_say(bare(first, &frame.1)).await.is_err() || frame.0 == CLOSE {
            return;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Asks for a WebSocket that must be granted.
    pub(crate) async fn open(mut talk: Conversation<S>, head: &str) -> Socket<S> {
        talk.say(head).await;
        let answer = talk.hear_head().await.unwrap();
        assert_eq!(answer.status, 101, "{}", answer.text());
        assert_eq!(answer.headers["sec-websocket-accept"], ACCEPT, "the answer to our own key");
        assert_eq!(answer.headers["upgrade"], "websocket");
        let agreed = answer.headers.get("sec-websocket-extensions");
        let is_offered = head.contains("permessage-deflate");
        assert_eq!(agreed.map(|agreed| agreed.to_str().unwrap()), is_offered.then_some(AGREED));
        Socket(talk)
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        self.0.say(masked(first, payload)).await;
    }

    /// The next frame; `None` at the end.
    pub(crate) async fn hear(&mut self) -> Option<Frame> {
        hear_frame(&mut self.0, false).await
    }

    /// Sends a text, which must come back.
    pub(crate) async fn echo(&mut self, text: &str) {
        self.send(TEXT, text).await;
        assert_eq!(self.hear().await.unwrap(), (TEXT, text.as_bytes().to_vec()));
    }

    /// The next frame is a close frame, and the last, once it has been answered.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let last = told(&self.hear().await.expect("a close frame"));
        let _gone = self.0.try_say(masked(CLOSE, last.0.to_be_bytes())).await;
        assert!(self.hear().await.is_none(), "something came behind the close");
        last
    }
}
