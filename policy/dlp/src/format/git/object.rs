//! One object of a pack: what its header says, and the content that its kind has.

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::format::whole::count_read;
use crate::scanner::{Leaf, Node, Place, Reader, Scan};

/// Bytes of a number of seven bits each.
const NUMBER_MAX: usize = 10;
/// Bytes of an object's name in a tree and before a delta.
const OBJECT_NAME: usize = 20;
/// Bytes of a file's mode and name that are looked at as one.
const NAME_MAX: usize = 4096;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A commit, a tag or a file.
    Content,
    /// What is added to another object, which this one names.
    Delta,
    Tree,
}

/// What stands before the compressed bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) len: usize,
}

impl Header {
    /// None where there are too few bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Header>, IncompleteReason> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (kind, base) = match first >> 4 & 7 {
            1 | 3 | 4 => (Kind::Content, Some(0)),
            2 => (Kind::Tree, Some(0)),
            // By a distance, or by its name.
            6 => (Kind::Delta, None),
            7 => (Kind::Delta, Some(OBJECT_NAME)),
            _ => return Err(IncompleteReason::Damaged),
        };
        let Some(size) = number(bytes)? else { return Ok(None) };
        let base = match base {
            Some(base) => base,
            None => match number(bytes.get(size..).unwrap_or_default())? {
                Some(base) => base,
                None => return Ok(None),
            },
        };
        let len = size + base;
        Ok((bytes.len() >= len).then_some(Header { kind, len }))
    }
}

/// How many bytes a number has: all but the last have their highest bit set.
fn number(bytes: &[u8]) -> Result<Option<usize>, IncompleteReason> {
    match bytes.iter().take(NUMBER_MAX).position(|byte| byte & 0x80 == 0) {
        Some(last) => Ok(Some(last + 1)),
        None if bytes.len() < NUMBER_MAX => Ok(None),
        None => Err(IncompleteReason::Damaged),
    }
}

/// The decoded content.
#[derive(Debug)]
pub(super) enum Object {
    Content(Box<Node>),
    Delta(Box<Leaf>),
    Tree(Box<Tree>),
}

/// Modes and names of files, each before the name of its object.
#[derive(Debug)]
pub(super) struct Tree {
    leaf: Leaf,
    /// Mode and name so far.
    name: Vec<u8>,
    /// Bytes of an object's name that are still to come.
    left: usize,
}

impl Object {
    pub(super) fn new(scan: &mut Scan, place: Place, kind: Kind) -> Object {
        match kind {
            Kind::Content => Object::Content(Box::new(Node::new(place))),
            Kind::Delta => {
                let member = Some(place.member_inside("delta"));
                scan.evidence.add_incomplete(IncompleteReason::UnknownEncoding, member.as_ref());
                Object::Delta(Box::new(Leaf::new(member, Declared::Opaque)))
            }
            Kind::Tree => {
                let leaf = place.leaf_inside("names", Declared::Nothing);
                Object::Tree(Box::new(Tree { leaf, name: Vec::new(), left: 0 }))
            }
        }
    }

    pub(super) fn feed(&mut self, scan: &mut Scan, bytes: &[u8]) {
        match self {
            Object::Content(node) => node.feed(scan, bytes),
            Object::Delta(leaf) => leaf.feed(scan, bytes),
            Object::Tree(tree) => bytes.iter().for_each(|byte| tree.push(scan, *byte)),
        }
    }

    pub(super) fn finish(&mut self, scan: &mut Scan) {
        match self {
            Object::Content(node) => node.finish(scan),
            Object::Delta(leaf) => leaf.finish(scan),
            Object::Tree(tree) => {
                tree.end_name(scan);
                tree.leaf.finish(scan);
            }
        }
    }
}

impl Tree {
    fn push(&mut self, scan: &mut Scan, byte: u8) {
        if self.left > 0 {
            self.left -= 1;
            return count_read(scan, 1);
        }
        if byte == 0 {
            self.left = OBJECT_NAME;
            count_read(scan, 1);
            return self.end_name(scan);
        }
        self.name.push(byte);
        if self.name.len() == NAME_MAX {
            self.end_name(scan);
        }
    }

    fn end_name(&mut self, scan: &mut Scan) {
        let name = std::mem::take(&mut self.name);
        if !name.is_empty() {
            self.leaf.field(scan, &name);
            // So that two names are never one.
            self.leaf.watch(scan, b"\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_long_as_their_numbers_and_bases() {
        let header =
            |bytes: &[u8]| Header::parse(bytes).map(|header| header.map(|h| (h.kind, h.len)));
        assert_eq!(header(&[0x35]), Ok(Some((Kind::Content, 1))));
        assert_eq!(header(&[0xa5, 0x81, 1]), Ok(Some((Kind::Tree, 3))));
        assert_eq!(header(&[0x65, 0x80, 1]), Ok(Some((Kind::Delta, 3))));
        assert_eq!(header(&[0x75; 21]), Ok(Some((Kind::Delta, 21))));
        for short in [&[][..], &[0xb5], &[0x65, 0x80], &[0x75; 20]] {
            assert_eq!(header(short), Ok(None), "{short:?}");
        }
        for wrong in [&[0x05][..], &[0x55], &[0xb5; 11]] {
            assert_eq!(header(wrong), Err(IncompleteReason::Damaged), "{wrong:?}");
        }
    }
}
