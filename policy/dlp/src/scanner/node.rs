//! One level of content: sniffed by its first bytes, then read in its form. Containers and
//! encodings hold further nodes. Invariant: what is not understood is still read as a leaf, so no
//! byte passes by the detectors and the ledger.

use std::sync::Arc;

use crate::coverage::Declared;
use crate::decode::Encoding;
use crate::decode::aws_chunked::AwsChunked;
use crate::decode::codec::Compression;
use crate::decode::coded::Coded;
use crate::evidence::IncompleteReason;
use crate::format::dialect::dialect;
use crate::format::grpc::Grpc;
use crate::format::grpc::text::WebText;
use crate::format::multipart::Multipart;
use crate::format::protobuf::Protobuf;
use crate::format::sniff::{self, Kind};
use crate::format::told::Told;
use crate::format::{npy::Npy, pickle::Pickle, safetensors::Safetensors, tar::Tar, zip::Zip};
use crate::scanner::{Leaf, Scan, is_plain_text};

/// A form of content that reads bytes in any chunks.
pub(crate) trait Reader: std::fmt::Debug + Send + Sync {
    /// Takes the next bytes.
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]);
    /// Says that there are no more.
    fn finish(&mut self, scan: &mut Scan);
    /// Bytes from the start of this form in which nothing more can begin. Never goes back.
    fn cleared(&self) -> u64;
}

/// Where a node stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The way in.
    pub(crate) member: Option<Arc<str>>,
    /// Containers and encodings around it.
    pub(crate) depth: u32,
    /// What the container says about it.
    pub(crate) declared: Declared,
    /// Encodings that the sender names, the outermost last.
    pub(crate) encodings: Vec<Encoding>,
    /// The form that the sender names, once the encodings are undone.
    pub(crate) told: Option<Told>,
}

impl Place {
    /// The input itself.
    pub(crate) fn root(encodings: Vec<Encoding>, told: Option<Told>) -> Place {
        Place { member: None, depth: 0, declared: Declared::Nothing, encodings, told }
    }

    /// One level further in, by this name.
    pub(crate) fn inside(&self, name: &str) -> Place {
        Place {
            member: Some(self.member_inside(name)),
            depth: self.depth + 1,
            declared: Declared::Nothing,
            encodings: self.encodings.clone(),
            told: self.told.clone(),
        }
    }

    /// The way in to something by this name.
    pub(crate) fn member_inside(&self, name: &str) -> Arc<str> {
        match &self.member {
            Some(member) => format!("{member}!{name}").into(),
            None => name.into(),
        }
    }

    /// A leaf beside the content, such as a comment or what stands between entries.
    pub(crate) fn leaf_inside(&self, name: &str, declared: Declared) -> Leaf {
        Leaf::new(Some(self.member_inside(name)), declared).beside()
    }
}

/// One level of content.
#[derive(Debug)]
pub(crate) struct Node {
    place: Place,
    /// The first bytes, until the form is known.
    head: Vec<u8>,
    reader: Option<Box<dyn Reader>>,
    /// Whether it is text whatever it looks like.
    is_text: bool,
}

impl Node {
    pub(crate) fn new(place: Place) -> Node {
        Node { place, head: Vec::new(), reader: None, is_text: false }
    }

    /// Content that is never a container.
    pub(crate) fn text(place: Place) -> Node {
        Node { is_text: true, ..Node::new(place) }
    }

    /// The reader, once the form is known.
    fn open(&mut self, scan: &mut Scan) -> &mut dyn Reader {
        let place = &self.place;
        let head = &self.head;
        let text = self.is_text.then_some(Kind::Plain);
        self.reader.get_or_insert_with(|| open(scan, place, head, text)).as_mut()
    }
}

impl Reader for Node {
    fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        if let Some(reader) = &mut self.reader {
            return reader.feed(scan, bytes);
        }
        // What the sender tells for sure need not be looked at, and may be as short as it likes.
        let is_told = self.place.encodings.is_empty()
            && matches!(self.place.told, Some(Told::Grpc(..) | Told::GrpcWebText(..)))
            && !bytes.is_empty();
        let missing =
            if is_told { bytes.len().min(sniff::LEN) } else { sniff::LEN - self.head.len() };
        let Some((now, rest)) = bytes.split_at_checked(missing) else {
            return self.head.extend_from_slice(bytes);
        };
        self.head.extend_from_slice(now);
        self.open(scan);
        let head = std::mem::take(&mut self.head);
        if let Some(reader) = &mut self.reader {
            reader.feed(scan, &head);
            reader.feed(scan, rest);
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        if self.reader.is_none() {
            self.open(scan);
            let head = std::mem::take(&mut self.head);
            if let Some(reader) = &mut self.reader {
                reader.feed(scan, &head);
            }
        }
        if let Some(reader) = &mut self.reader {
            reader.finish(scan);
        }
    }

    fn cleared(&self) -> u64 {
        self.reader.as_ref().map_or(0, |reader| reader.cleared())
    }
}

/// Whether a message is no message but text. A key of a field of bytes may be a line break, and its
/// length white space.
fn is_prose(head: &[u8]) -> bool {
    is_plain_text(head) && head.first().is_none_or(|first| *first >= b' ')
}

/// Whether a message of Protocol Buffers may look so by chance: zlib has no magic, and a number in the
/// first field, such as Flower's of a node, begins like a window of 256 bytes. Compressors write 0x78.
fn is_chance(kind: Kind, head: &[u8]) -> bool {
    kind == Kind::Coded(Compression::Zlib) && head.first() != Some(&0x78)
}

/// The reader for what begins with `head`, in the form that is known of it.
fn open(scan: &mut Scan, place: &Place, head: &[u8], known: Option<Kind>) -> Box<dyn Reader> {
    let mut place = place.clone();
    let encoding = place.encodings.pop().map(|encoding| Kind::of(encoding, head));
    let told = if encoding.is_none() { place.told.take() } else { None };
    let kind = encoding.or(known).or_else(|| told.as_ref().and_then(Kind::of_told));
    let kind = kind.unwrap_or_else(|| match sniff::kind(head) {
        guessed if told == Some(Told::Protobuf) && is_chance(guessed, head) => Kind::Plain,
        guessed => guessed,
    });
    let leaf = |declared| Box::new(Leaf::new(place.member.clone(), declared));
    if kind.is_nested() && place.depth >= scan.limits.depth_max {
        scan.evidence.add_incomplete(IncompleteReason::DepthMax, place.member.as_ref());
        return leaf(Declared::Opaque);
    }
    if !head.is_empty() {
        scan.saw_form(kind);
    }
    match kind {
        Kind::AwsChunked => Box::new(AwsChunked::new(place)),
        Kind::Binary(form) => form.open(place, head, &scan.limits),
        Kind::Coded(compression) => Box::new(Coded::new(place, compression, &scan.limits)),
        Kind::Grpc => match told {
            Some(Told::GrpcWebText(encoding, is_protobuf)) => {
                let messages = Grpc::new(place.clone(), encoding, is_protobuf);
                Box::new(WebText::new(place, messages))
            }
            Some(Told::Grpc(encoding, is_protobuf)) => {
                Box::new(Grpc::new(place, encoding, is_protobuf))
            }
            Some(Told::Multipart(_) | Told::Protobuf) | None => {
                Box::new(Grpc::new(place, Encoding::Unknown, false))
            }
        },
        Kind::Multipart => {
            let boundary = match &told {
                Some(Told::Multipart(boundary)) => Some(&**boundary),
                Some(Told::Grpc(..) | Told::GrpcWebText(..) | Told::Protobuf) | None => None,
            };
            Box::new(Multipart::new(place, boundary))
        }
        Kind::Npy => Box::new(Npy::new(place)),
        Kind::Pickle => Box::new(Pickle::new(place)),
        Kind::Plain if told == Some(Told::Protobuf) && !is_prose(head) => {
            Box::new(Protobuf::of(place))
        }
        Kind::Plain => {
            let leaf = Leaf::new(place.member, place.declared).nested(place.depth);
            Box::new(leaf.with_dialect(dialect(head)))
        }
        Kind::Safetensors => Box::new(Safetensors::new(place)),
        Kind::Unknown => {
            scan.evidence.add_incomplete(IncompleteReason::UnknownEncoding, place.member.as_ref());
            leaf(Declared::Opaque)
        }
        Kind::Tar => Box::new(Tar::new(place)),
        Kind::Zip => Box::new(Zip::new(place)),
    }
}
