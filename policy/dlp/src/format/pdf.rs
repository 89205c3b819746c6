//! PDF (ISO 32000-1): objects wherever they stand, streams through their filters, the text that pages
//! show, document information and metadata. What is encrypted, or shown in codes that no map
//! explains, is told. Invariant: what lies outside of streams is read at its offset in the file.

mod content;
mod filter;
mod font;
mod lexer;
mod pages;

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::whole::{Whole, count_read};
use crate::scanner::{Leaf, Node, Place, Reader, Scan};
use filter::Decoded;
use font::Map;
use lexer::{Lexer, Token};
use pages::Pages;

/// Streams and objects of one document.
pub(super) const OBJECTS_MAX: usize = 1 << 20;
/// Bytes of page contents, decoded, all together.
const CONTENTS_MAX: usize = 64 << 20;
/// Bytes of a stream's dictionary.
const DICTIONARY_MAX: usize = 16 * 1024;

/// A reader of a PDF document.
pub(crate) fn reader(place: Place) -> Whole {
    Whole::new(place, read)
}

fn read(scan: &mut Scan, place: &Place, bytes: &[u8]) {
    let mut document = Document {
        place,
        objects: Leaf::new(place.member.clone(), Declared::Tensor),
        text: place.leaf_inside("text", Declared::Nothing),
        contents: Vec::new(),
        contents_len: 0,
        fonts: Pages::default(),
        is_encrypted: has_word(bytes, b"/Encrypt"),
    };
    if document.is_encrypted {
        scan.evidence.add_incomplete(IncompleteReason::Encrypted, place.member.as_ref());
    }
    document.file(scan, bytes);
    document.show(scan);
    document.objects.finish(scan);
    document.text.finish(scan);
}

/// Whether the name stands anywhere, as a whole.
fn has_word(bytes: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find_iter(bytes, word)
        .any(|at| !bytes.get(at + word.len()).is_some_and(u8::is_ascii_alphanumeric))
}

/// A document that is being read.
struct Document<'a> {
    place: &'a Place,
    /// The file without its streams' data.
    objects: Leaf,
    /// Text that does not stand in the file as it is read, a line each.
    text: Leaf,
    /// Decoded page contents, to be shown when all fonts are known.
    contents: Vec<Vec<u8>>,
    contents_len: usize,
    fonts: Pages,
    is_encrypted: bool,
}

impl Document<'_> {
    fn file(&mut self, scan: &mut Scan, bytes: &[u8]) {
        let mut at = 0;
        for start in memchr::memmem::find_iter(bytes, b"stream").take(OBJECTS_MAX) {
            let behind = bytes.get(start + 6..).unwrap_or_default();
            let line = match behind {
                [b'\r', b'\n', ..] => 2,
                [b'\n' | b'\r', ..] => 1,
                _ => continue,
            };
            let data = start + 6 + line;
            let before = bytes.get(at..start).unwrap_or_default();
            // `endstream`, or a word within data that was passed already.
            if start < at || before.ends_with(b"end") {
                continue;
            }
            let Some(len) = bytes.get(data..).and_then(|b| memchr::memmem::find(b, b"endstream"))
            else {
                // None follows, so no stream does either.
                break;
            };
            self.outside(scan, bytes.get(at..data).unwrap_or_default());
            let dictionary =
                before.get(before.len().saturating_sub(DICTIONARY_MAX)..).unwrap_or_default();
            let object = memchr::memmem::rfind(dictionary, b" obj").unwrap_or(0);
            let number = number_before(dictionary, object);
            let dictionary = dictionary.get(object..).unwrap_or_default();
            let data_end = data + len;
            self.stream(scan, (number, dictionary), bytes.get(data..data_end).unwrap_or_default());
            at = data_end;
        }
        self.outside(scan, bytes.get(at..).unwrap_or_default());
    }

    /// Objects as they stand in the file.
    fn outside(&mut self, scan: &mut Scan, bytes: &[u8]) {
        self.objects.declare(scan, Declared::Tensor);
        self.objects.feed(scan, bytes);
        self.strings(scan, bytes);
        self.fonts.learn(bytes);
    }

    /// Strings that are written otherwise than they read: escaped, in hexadecimal, in UTF-16.
    fn strings(&mut self, scan: &mut Scan, bytes: &[u8]) {
        for token in Lexer::new(bytes) {
            if let Token::Text(text, is_plain) = token
                && (!is_plain || text.starts_with(b"\xfe\xff"))
            {
                let text = font::string(&text);
                self.text.watch(scan, text.as_bytes());
                self.text.watch(scan, b"\n");
            }
        }
    }

    fn stream(&mut self, scan: &mut Scan, (number, dictionary): (u32, &[u8]), data: &[u8]) {
        let facts = Facts::of(dictionary);
        let decoded = match filter::decode(scan, self.place, &facts.filters, data) {
            Ok(decoded) if !self.is_encrypted => decoded,
            outcome => {
                if let (Err(reason), false) = (outcome, self.is_encrypted) {
                    scan.evidence.add_incomplete(reason, self.place.member.as_ref());
                }
                let mut leaf = self.place.leaf_inside("stream", Declared::Opaque);
                leaf.feed(scan, data);
                return leaf.finish(scan);
            }
        };
        match decoded {
            Decoded::Jpeg(bytes) => self.node(scan, "image", &bytes),
            Decoded::Pixels(bytes) => self.leaf(scan, Declared::Integers, &bytes),
            Decoded::Bytes(bytes) => self.decoded(scan, number, &facts, bytes),
        }
    }

    fn decoded(&mut self, scan: &mut Scan, number: u32, facts: &Facts<'_>, bytes: Vec<u8>) {
        let has = |word: &[u8]| memchr::memmem::find(&bytes, word).is_some();
        match facts.kind {
            // Pixels, and outlines of glyphs.
            StreamKind::Image | StreamKind::FontProgram => {
                self.leaf(scan, Declared::Integers, &bytes)
            }
            StreamKind::Content => self.node(scan, "content", &bytes),
            StreamKind::Objects => {
                let mut leaf = self.place.leaf_inside("objects", Declared::Tensor);
                leaf.feed(scan, &bytes);
                leaf.finish(scan);
                self.strings(scan, &bytes);
                self.fonts.learn_packed(&bytes);
            }
            StreamKind::CrossReferences => self.leaf(scan, Declared::Integers, &bytes),
            StreamKind::Other if has(b"begincmap") => {
                self.fonts.add(number, Map::of(&bytes));
                self.leaf(scan, Declared::Tensor, &bytes);
            }
            StreamKind::Other if has(b"Tj") || has(b"TJ") || has(b"BT") => {
                if is_mostly_text(&bytes) {
                    count_read(scan, bytes.len());
                } else {
                    self.leaf(scan, Declared::Tensor, &bytes);
                }
                self.hold(scan, bytes);
            }
            StreamKind::Other => self.node(scan, "stream", &bytes),
        }
    }

    /// Keeps page contents until all fonts are known.
    fn hold(&mut self, scan: &mut Scan, content: Vec<u8>) {
        self.contents_len += content.len();
        if self.contents_len <= CONTENTS_MAX {
            return self.contents.push(content);
        }
        let member = self.place.member.as_ref();
        scan.evidence.add_incomplete(IncompleteReason::HeaderMax, member);
        self.text.watch(scan, &content);
    }

    fn node(&mut self, scan: &mut Scan, name: &str, bytes: &[u8]) {
        let mut place = self.place.inside(name);
        place.declared = Declared::Tensor;
        let mut node = Node::new(place);
        node.feed(scan, bytes);
        node.finish(scan);
    }

    fn leaf(&mut self, scan: &mut Scan, declared: Declared, bytes: &[u8]) {
        let mut leaf = self.place.leaf_inside("stream", declared);
        leaf.feed(scan, bytes);
        leaf.finish(scan);
    }

    /// The text of all pages.
    fn show(&mut self, scan: &mut Scan) {
        if !self.contents.is_empty() && self.fonts.is_unmapped() {
            let member = self.place.member.as_ref();
            scan.evidence.add_incomplete(IncompleteReason::UnknownEncoding, member);
        }
        for content in std::mem::take(&mut self.contents) {
            let text = &mut self.text;
            content::lines(&content, &self.fonts, &mut |line| {
                text.watch(scan, line.as_bytes());
                text.watch(scan, b"\n");
            });
        }
    }
}

/// Whether hardly a byte is a control, so that the lexer sees all of it.
fn is_mostly_text(bytes: &[u8]) -> bool {
    let controls = bytes.iter().filter(|b| **b < b' ' && !b.is_ascii_whitespace()).count();
    controls * 100 <= bytes.len()
}

/// The number of the object whose ` obj` stands at `at`: before its generation.
fn number_before(bytes: &[u8], at: usize) -> u32 {
    let before = bytes.get(..at).unwrap_or_default();
    let mut words = before.rsplit(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let word = words.nth(1).unwrap_or_default();
    std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StreamKind {
    /// A file or metadata of its own.
    Content,
    CrossReferences,
    FontProgram,
    Image,
    Objects,
    Other,
}

/// What a stream's dictionary says of it.
#[derive(Debug)]
struct Facts<'a> {
    filters: Vec<&'a [u8]>,
    kind: StreamKind,
}

impl<'a> Facts<'a> {
    fn of(dictionary: &'a [u8]) -> Facts<'a> {
        let mut facts = Facts { filters: Vec::new(), kind: StreamKind::Other };
        let mut tokens = Lexer::new(dictionary);
        let mut key: &[u8] = b"";
        while let Some(token) = tokens.next() {
            let Token::Name(name) = token else { continue };
            if name == b"Filter" {
                match tokens.next() {
                    Some(Token::Name(one)) => facts.filters.push(one),
                    Some(Token::ArrayStart) => {
                        let names = tokens.by_ref().map_while(|token| token.name());
                        facts.filters.extend(names);
                    }
                    _ => {}
                }
            }
            facts.kind = match (key, name) {
                (b"Subtype", b"Image") => StreamKind::Image,
                (b"Subtype", b"Type1C" | b"CIDFontType0C" | b"OpenType") | (_, b"Length1") => {
                    StreamKind::FontProgram
                }
                (b"Type", b"EmbeddedFile" | b"Metadata") => StreamKind::Content,
                (b"Type", b"ObjStm") => StreamKind::Objects,
                (b"Type", b"XRef") => StreamKind::CrossReferences,
                _ => facts.kind,
            };
            key = name;
        }
        facts
    }
}
