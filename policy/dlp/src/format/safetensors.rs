//! Safetensors: eight bytes of length, a JSON header, the tensors. The header is read as text;
//! tensors are numeric by its declaration, within the offsets that it gives. They must cover the
//! file without a hole, as the format asks; bytes that no tensor claims are judged by themselves.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use crate::coverage::Declared;
use crate::evidence::IncompleteReason;
use crate::scanner::{Leaf, Place, Reader, Scan, Weight};

/// Bytes of a header that are kept to be understood; a longer one is read, but declares nothing.
const HEADER_MAX: u64 = 16 << 20;
const LENGTH: usize = 8;

/// A safetensors file.
#[derive(Debug)]
pub(crate) struct Safetensors {
    member: Option<Arc<str>>,
    leaf: Leaf,
    /// Length and header, until they are whole.
    header: Vec<u8>,
    weight: Weight,
    /// Offset at which the tensors begin, once it is known.
    data_start: Option<u64>,
    /// What is declared of the bytes that follow, the next last: how many, and what.
    sections: Vec<(u64, Declared)>,
    input: u64,
    /// Whether the header does not tell what the file holds, so that readers may not agree.
    is_wrong: bool,
}

impl Safetensors {
    pub(crate) fn new(place: Place) -> Safetensors {
        Safetensors {
            leaf: Leaf::new(place.member.clone(), Declared::Nothing),
            member: place.member,
            header: Vec::new(),
            weight: Weight::default(),
            data_start: None,
            sections: Vec::new(),
            input: 0,
            is_wrong: false,
        }
    }

    fn add_incomplete(&self, scan: &mut Scan, reason: IncompleteReason) {
        scan.evidence.add_incomplete(reason, self.member.as_ref());
    }

    /// Takes some of the bytes and says how many.
    fn step(&mut self, scan: &mut Scan, bytes: &[u8]) -> usize {
        let Some(data_start) = self.data_start else {
            let take = (LENGTH - self.header.len()).min(bytes.len());
            self.header.extend_from_slice(bytes.get(..take).unwrap_or_default());
            self.leaf.watch(scan, bytes.get(..take).unwrap_or_default());
            if let Some(len) = self.header.first_chunk::<8>() {
                self.data_start = Some(u64::from_le_bytes(*len).saturating_add(LENGTH as u64));
                scan.evidence.coverage.read += LENGTH as u64;
                self.header.clear();
            }
            return take;
        };
        if self.input < data_start {
            let left = usize::try_from(data_start - self.input).unwrap_or(usize::MAX);
            let part = bytes.get(..left).unwrap_or(bytes);
            self.leaf.feed(scan, part);
            if data_start <= HEADER_MAX {
                self.header.extend_from_slice(part);
                scan.weigh(&mut self.weight, self.header.capacity());
            }
            if part.len() == left {
                self.end_header(scan);
            }
            return part.len();
        }
        let Some((left, _)) = self.sections.last_mut() else {
            self.is_wrong |= data_start <= HEADER_MAX;
            self.leaf.feed(scan, bytes);
            return bytes.len();
        };
        let part = bytes.get(..usize::try_from(*left).unwrap_or(usize::MAX)).unwrap_or(bytes);
        *left -= part.len() as u64;
        let is_over = *left == 0;
        self.leaf.feed(scan, part);
        if is_over {
            self.sections.pop();
            self.declare(scan);
        }
        part.len()
    }

    fn end_header(&mut self, scan: &mut Scan) {
        let header = std::mem::take(&mut self.header);
        scan.weigh(&mut self.weight, 0);
        scan.saw_safetensors(&header);
        let is_kept = self.data_start.is_some_and(|start| start <= HEADER_MAX);
        match serde_json::from_slice::<Tensors>(&header).ok().filter(|_| is_kept) {
            Some(tensors) => {
                let (sections, is_right) = tensors.sections();
                self.sections = sections;
                self.is_wrong |= !is_right;
            }
            None if is_kept => self.is_wrong = true,
            None => self.add_incomplete(scan, IncompleteReason::HeaderMax),
        }
        self.sections.reverse();
        self.declare(scan);
    }

    fn declare(&mut self, scan: &mut Scan) {
        let declared = self.sections.last().map_or(Declared::Nothing, |section| section.1);
        self.leaf.declare(scan, declared);
    }
}

impl Reader for Safetensors {
    fn feed(&mut self, scan: &mut Scan, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let is_behind = self.data_start.is_some_and(|start| self.input >= start);
            let used = self.step(scan, bytes);
            if is_behind {
                scan.saw_elements(bytes.get(..used).unwrap_or_default());
            }
            self.input += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    fn finish(&mut self, scan: &mut Scan) {
        if self.data_start.is_none() {
            scan.evidence.coverage.unidentified += self.header.len() as u64;
        }
        let is_cut = self.data_start.is_none_or(|start| self.input < start);
        if is_cut || !self.sections.is_empty() {
            self.add_incomplete(scan, IncompleteReason::Truncated);
        }
        if self.is_wrong {
            self.add_incomplete(scan, IncompleteReason::Damaged);
        }
        scan.end_tensors();
        self.leaf.finish(scan);
    }

    fn cleared(&self) -> u64 {
        self.leaf.cleared()
    }
}

/// Where each tensor lies, from the start of the tensors, and what it is declared as.
#[derive(Debug, Default)]
struct Tensors {
    places: Vec<(u64, u64, Declared)>,
    /// Whether a tensor has not the bytes that its shape needs.
    is_wrong: bool,
}

#[derive(Deserialize)]
struct Tensor<'a> {
    dtype: &'a str,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl Tensors {
    /// Consecutive sections, and whether these are as the format asks. None where tensors overlap,
    /// since then one of them is not what it says.
    fn sections(mut self) -> (Vec<(u64, Declared)>, bool) {
        self.places.sort_unstable_by_key(|place| (place.0, place.1));
        let mut sections: Vec<(u64, Declared)> = Vec::new();
        let (mut upto, mut is_right) = (0, !self.is_wrong);
        for (start, end, declared) in self.places {
            let (Some(hole), Some(len)) = (start.checked_sub(upto), end.checked_sub(start)) else {
                return (Vec::new(), false);
            };
            is_right &= hole == 0;
            for (len, declared) in [(hole, Declared::Nothing), (len, declared)] {
                match sections.last_mut() {
                    Some(last) if last.1 == declared => last.0 += len,
                    Some(_) | None if len > 0 => sections.push((len, declared)),
                    Some(_) | None => {}
                }
            }
            upto = end;
        }
        (sections, is_right)
    }
}

impl Tensor<'_> {
    /// Whether the tensor has as many bytes as its shape needs; true where the type is not known.
    fn fits(&self) -> bool {
        let Some(bits) = bits(self.dtype) else { return true };
        let elements = self.shape.iter().try_fold(1u64, |all, len| all.checked_mul(*len));
        let bits = elements.and_then(|elements| elements.checked_mul(bits));
        let len = self.data_offsets.1.checked_sub(self.data_offsets.0);
        bits.is_some() && bits.map(|bits| bits.div_ceil(8)) == len
    }
}

impl<'de> Deserialize<'de> for Tensors {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Tensors::default())
    }
}

impl<'de> Visitor<'de> for Tensors {
    type Value = Tensors;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Tensors, A::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let tensor = map.next_value::<Tensor<'de>>()?;
            let (start, end) = tensor.data_offsets;
            self.is_wrong |= !tensor.fits();
            self.places.push((start, end, declared(tensor.dtype)));
        }
        Ok(self)
    }
}

/// Bits of an element.
fn bits(dtype: &str) -> Option<u64> {
    match dtype {
        "F4" => Some(4),
        "F6_E2M3" | "F6_E3M2" => Some(6),
        "BOOL" | "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "I8" | "U8" => Some(8),
        "BF16" | "F16" | "I16" | "U16" => Some(16),
        "F32" | "I32" | "U32" => Some(32),
        "C64" | "F64" | "I64" | "U64" => Some(64),
        _ => None,
    }
}

/// What a dtype declares. Floats of eight bits and fewer look like any bytes, as integers do.
fn declared(dtype: &str) -> Declared {
    match (dtype, bits(dtype)) {
        (_, None) => Declared::Nothing,
        (_, Some(..=8)) => Declared::Integers,
        (dtype, Some(_)) if dtype.starts_with(['I', 'U']) => Declared::WideIntegers,
        (_, Some(_)) => Declared::Floats,
    }
}
