//! Which call of a federated-learning framework a request is, for the record. Pure: from the method,
//! the path, the fields and the first bytes. It decides nothing: a name in a record opens no door.
//!
//! Flower speaks gRPC (`/flwr.proto.<Service>/<Rpc>`) and, from 1.40, protobuf over HTTP
//! (`POST /v1/fleet/<rpc>`); NVIDIA FLARE speaks gRPC (`/streamer.Streamer/Stream`) and, by itself,
//! WebSocket, whose messages `flare` knows.

mod calls;
pub mod flare;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

/// Longest name of a call that is recorded; a longer one is nobody's.
const RPC_CHARS_MAX: usize = 48;
/// First bytes of a body that may name its node: the frame of a gRPC message (5), and Flower's
/// `Node` as the first field, of a varint of at most 10 bytes and a flag.
pub const FIRST_BYTES_MAX: usize = 5 + 2 + 11 + 2;
/// The prefix of a gRPC message: whether it is compressed, and its length.
const GRPC_FRAME_BYTES: usize = 5;

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// Such as `flower.push-messages`.
    pub name: String,
    is_framed: bool,
    has_node: bool,
}

impl Rpc {
    /// The call that a request makes, if it is one that we know.
    pub fn of(method: &Method, path: &str, headers: &HeaderMap) -> Option<Self> {
        if method != Method::POST {
            return None;
        }
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())?;
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind == "application/grpc" || kind.starts_with("application/grpc+") {
            return Self::of_grpc(path);
        }
        let is_protobuf = kind == "application/protobuf" || kind == "application/x-protobuf";
        let rpc = path.strip_prefix("/v1/fleet/").filter(|_| is_protobuf)?;
        is_dashed(rpc).then(|| Self::flower(rpc.to_owned(), false))
    }

    fn of_grpc(path: &str) -> Option<Self> {
        if path == "/streamer.Streamer/Stream" {
            let name = "nvflare.stream".to_owned();
            return Some(Self { name, is_framed: true, has_node: false });
        }
        let (service, rpc) = path.strip_prefix("/flwr.proto.")?.split_once('/')?;
        let is_word = |text: &str| {
            let mut bytes = text.bytes();
            bytes.next().is_some_and(|first| first.is_ascii_uppercase())
                && bytes.all(|byte| byte.is_ascii_alphanumeric())
        };
        (is_word(service) && is_word(rpc) && rpc.len() < RPC_CHARS_MAX)
            .then(|| Self::flower(dashed(rpc), true))
    }

    fn flower(rpc: String, is_framed: bool) -> Self {
        // `Join` is the one stream of the older clients: it opens with the server's message.
        let has_node = rpc != "join";
        Self { name: format!("flower.{}", calls::flower(&rpc)), is_framed, has_node }
    }

    /// Whether the first bytes of the body may name the node.
    pub fn may_name_node(&self) -> bool {
        self.has_node
    }

    /// The node that the first bytes of the body name, as Flower's requests do in their first
    /// field: `Node { node_id }`. None where they do not, or are too few.
    pub fn node(&self, first: &[u8]) -> Option<u64> {
        if !self.has_node {
            return None;
        }
        let message = if self.is_framed {
            // A compressed message names nothing that can be read here.
            first.first().filter(|flag| **flag == 0)?;
            first.get(GRPC_FRAME_BYTES..)?
        } else {
            first
        };
        // Field 1 with a length: the node's own message.
        let (0x0a, rest) = (*message.first()?, message.get(1..)?) else { return None };
        let length = usize::from(*rest.first()?);
        let node = rest.get(1..)?.get(..length)?;
        // Its field 1, a varint; older ones say in field 2 that they are anonymous.
        let (0x08, rest) = (*node.first()?, node.get(1..)?) else { return None };
        let (id, rest) = varint(rest)?;
        (matches!(rest, [] | [0x10, 0 | 1]) && is_node(id)).then_some(id)
    }
}

/// Whether a number may stand in a record as a node's: small ones, and of the random ones, of 64 bits,
/// those that are longer than what people are numbered by.
fn is_node(id: u64) -> bool {
    const SMALL: u64 = 10_000;
    const LONG: u64 = 10_000_000_000_000_000;
    !(SMALL..LONG).contains(&id)
}

/// A base-128 varint (Protocol Buffers, "Encoding"), and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(place).ok()? * 7;
        let shifted = bits.checked_shl(shift)?;
        if shifted >> shift != bits {
            return None;
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(place + 1..)?));
        }
    }
    None
}

/// `PushMessages` becomes `push-messages`.
fn dashed(rpc: &str) -> String {
    let mut name = String::with_capacity(rpc.len() + 4);
    for character in rpc.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

fn is_dashed(rpc: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !rpc.is_empty() && rpc.len() <= RPC_CHARS_MAX && rpc.bytes().all(is_plain)
}

#[cfg(test)]
mod tests;
