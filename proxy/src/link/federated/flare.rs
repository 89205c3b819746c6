//! Which message of NVIDIA FLARE a WebSocket message is, for the record. Pure: from a frame's prefix and
//! its headers (`nvflare/fuel/f3/sfm/prefix.py` and `cellnet/defs.py`, 2.9). It decides nothing, and what
//! it does not know it does not name.

use memchr::memmem;

use super::calls;
use crate::content::names;

/// What frames are counted by that have no name of their own.
pub const FRAMEWORK: &str = "nvflare";
const PREFIX_BYTES: usize = 16;
/// Longest node that is named.
const NAME_CHARS_MAX: usize = 48;
/// Kinds of frames but messages.
const KINDS: [(u8, &str); 6] =
    [(2, "fragment"), (3, "ack"), (4, "hello"), (5, "ready"), (6, "ping"), (7, "pong")];
const DATA: u8 = 1;
/// Header names, as MessagePack writes them.
const CHANNEL: &[u8] = b"\xabcn__channel";
const TOPIC: &[u8] = b"\xa9cn__topic";
const ORIGIN: &[u8] = b"\xaacn__origin";
const ENDPOINT_NAME: &[u8] = b"\xadendpoint_name";

/// What a message says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Such as `nvflare.task.submit_update`.
    pub name: String,
    /// Who says to have sent it, such as `site-1`.
    pub node: Option<String>,
}

impl Named {
    /// Of a whole message; None if it is no frame.
    pub fn of(message: &[u8]) -> Option<Self> {
        let (prefix, rest) = message.split_first_chunk::<PREFIX_BYTES>()?;
        let [a, b, c, d, e, f, kind, reserved, ..] = *prefix;
        let length = u32::from_be_bytes([a, b, c, d]);
        if usize::try_from(length) != Ok(message.len()) || reserved != 0 {
            return None;
        }
        let headers = rest.get(..usize::from(u16::from_be_bytes([e, f])))?;
        if kind != DATA {
            let (_, word) = KINDS.iter().find(|(known, _)| *known == kind)?;
            let node = text(rest, ENDPOINT_NAME).filter(|node| is_node(node));
            return Some(Self {
                name: format!("{FRAMEWORK}.{word}"),
                node: node.map(str::to_owned),
            });
        }
        let node = text(headers, ORIGIN).filter(|node| is_node(node)).map(str::to_owned);
        let (channel, topic) = (text(headers, CHANNEL)?, text(headers, TOPIC)?);
        let name = format!("{FRAMEWORK}.{}.{}", calls::flare(channel), calls::flare(topic));
        Some(Self { name, node })
    }
}

/// The text that stands behind a name, as far as it is short.
fn text<'a>(headers: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let at = memmem::find(headers, name)? + name.len();
    let (length, rest) = match headers.get(at..)? {
        [first @ 0xa0..=0xbf, rest @ ..] => (usize::from(first & 0x1f), rest),
        [0xd9, length, rest @ ..] => (usize::from(*length), rest),
        _ => return None,
    };
    std::str::from_utf8(rest.get(..length)?).ok()
}

/// Whether it may stand in a record as a site's name: a word as programs write them, which tells nothing
/// however it is read, and no more of a number than a count of sites at its end.
fn is_node(text: &str) -> bool {
    const DIGITS_MAX: usize = 3;
    let word = text.trim_end_matches(|last: char| last.is_ascii_digit());
    let is_plain = |byte: u8| byte.is_ascii_alphabetic() || b"_-./".contains(&byte);
    (1..=NAME_CHARS_MAX).contains(&text.len())
        && word.bytes().all(is_plain)
        && text.len() - word.len() <= DIGITS_MAX
        && !names::is_telling(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, headers: &[u8], payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(PREFIX_BYTES + headers.len() + payload.len()).unwrap();
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend(u16::try_from(headers.len()).unwrap().to_be_bytes());
        frame.extend([kind, 0, 0, 0, 0, 1, 0, 20, 0, 5]);
        [&frame, headers, payload].concat()
    }

    fn headers(channel: &str, topic: &str, origin: &str) -> Vec<u8> {
        let mut bytes = vec![0x83];
        for (name, value) in [(CHANNEL, channel), (TOPIC, topic), (ORIGIN, origin)] {
            bytes.extend(name);
            bytes.extend([0xd9, u8::try_from(value.len()).unwrap()]);
            bytes.extend(value.as_bytes());
        }
        bytes
    }

    #[test]
    fn messages_are_named_by_their_headers() {
        let named = |frame: &[u8]| Named::of(frame).map(|named| (named.name, named.node));
        let node = |name: &str, node: &str| Some((name.to_owned(), Some(node.to_owned())));
        let update = frame(DATA, &headers("task", "submit_update", "site-1"), b"d");
        assert_eq!(named(&update), node("nvflare.task.submit_update", "site-1"));
        let hello = frame(4, b"", b"\x81\xadendpoint_name\xa6site-2");
        assert_eq!(named(&hello), node("nvflare.hello", "site-2"));
        let leak = frame(DATA, &headers("task", "ssn 536-22-8941", "219456183"), b"");
        assert_eq!(named(&leak), Some(("nvflare.task.other".to_owned(), None)));
        for who in ["jane.doe@1950-03", "MRN-4417", "219-45-61"] {
            let words = frame(DATA, &headers("ssn.219-45", "6183.Jane_Doe", who), b"");
            assert_eq!(named(&words), Some(("nvflare.other.other".to_owned(), None)), "{who}");
        }
        assert_eq!(named(&frame(9, b"", b"")), None);
        assert_eq!(named(&update[..update.len() - 1]), None);
        assert_eq!(named(b"hello"), None);
        assert_eq!(named(&frame(DATA, b"\xa9cn__topic\xbf", b"")), None);
    }
}
