//! The headers of tensor files, read strictly: what a lenient reader would pass over is told as a
//! string or as malformed. Pure: a whole header in, facts and the plan of the bytes behind it out.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use super::{Dtype, METADATA_VALUE_MAX, Measure, Payload, is_name};

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// Elements of one tensor; `is_big` where they are big-endian.
    Elements { dtype: Dtype, is_big: bool, bytes: u64 },
    /// So many bytes of no tensor.
    Hole(u64),
    /// Whatever follows: its type is unknown.
    Unknown,
}

/// Reads the JSON of a safetensors file.
pub(super) fn safetensors(json: &[u8], measure: &Measure, payload: &mut Payload) -> Vec<Section> {
    let parsed = serde_json::from_slice::<Tensors<'_>>(json);
    let Ok(Tensors { mut tensors, texts }) = parsed else {
        payload.malformed += 1;
        return Vec::new();
    };
    for text in texts {
        match text {
            Text::Foreign => payload.add_string(0),
            Text::Metadata(key, value) => {
                let is_declared = measure.metadata_keys.iter().any(|known| *known == key);
                if !is_declared || value.len() > METADATA_VALUE_MAX {
                    payload.add_string(key.len() + value.len());
                }
            }
            Text::Name(name) if !is_name(name.as_bytes()) => payload.add_string(name.len()),
            Text::Name(_) => {}
        }
    }
    for tensor in &tensors {
        let dtype = tensor.dtype();
        let elements = product(&tensor.shape);
        payload.add_tensor(dtype, elements.unwrap_or(0));
        if dtype == Dtype::Unknown && !is_name(tensor.dtype.as_bytes()) {
            payload.add_string(tensor.dtype.len());
        }
        let (start, end) = tensor.data_offsets;
        let told = elements.and_then(|elements| dtype.bytes(elements));
        let is_right = dtype == Dtype::Unknown || told.is_some() && told == end.checked_sub(start);
        payload.malformed += u64::from(!is_right);
    }
    tensors.sort_by_key(|tensor| tensor.data_offsets);
    plan(&tensors).unwrap_or_else(|| {
        payload.malformed += 1;
        Vec::new()
    })
}

/// The tensors in the order of their offsets, with the holes between them; nothing where they
/// overlap.
fn plan(tensors: &[Tensor<'_>]) -> Option<Vec<Section>> {
    let mut sections = Vec::new();
    let mut upto = 0;
    for tensor in tensors {
        let (start, end) = tensor.data_offsets;
        let hole = start.checked_sub(upto)?;
        if hole > 0 {
            sections.push(Section::Hole(hole));
        }
        let bytes = end.checked_sub(start)?;
        if bytes > 0 {
            let dtype = tensor.dtype();
            sections.push(Section::Elements { dtype, is_big: false, bytes });
        }
        upto = end;
    }
    Some(sections)
}

fn product(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1u64, |product, len| product.checked_mul(*len))
}

/// A header's tensors, and every text in it, in their order.
#[derive(Debug, Default)]
struct Tensors<'a> {
    tensors: Vec<Tensor<'a>>,
    texts: Vec<Text<'a>>,
}

#[derive(Debug)]
enum Text<'a> {
    /// A field that a tensor does not have.
    Foreign,
    Metadata(Cow<'a, str>, Cow<'a, str>),
    Name(Cow<'a, str>),
}

#[derive(Debug, Deserialize)]
struct Tensor<'a> {
    #[serde(borrow)]
    dtype: Cow<'a, str>,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
    /// Fields that the format does not know.
    #[serde(flatten)]
    foreign: Foreign,
}

impl Tensor<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::of_safetensors(&self.dtype)
    }
}

/// How many fields there were beside those that are known.
#[derive(Debug, Default)]
struct Foreign(usize);

impl<'de> Deserialize<'de> for Foreign {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Foreign::default())
    }
}

impl<'de> Visitor<'de> for Foreign {
    type Value = Foreign;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fields")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Foreign, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            self.0 += 1;
        }
        Ok(self)
    }
}

impl<'de> Deserialize<'de> for Tensors<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Tensors::default())
    }
}

impl<'de> Visitor<'de> for Tensors<'de> {
    type Value = Tensors<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name == "__metadata__" {
                let Metadata(pairs) = map.next_value()?;
                self.texts.extend(pairs.into_iter().map(|(k, v)| Text::Metadata(k, v)));
                continue;
            }
            let tensor = map.next_value::<Tensor<'de>>()?;
            self.texts.push(Text::Name(name));
            self.texts.extend((0..tensor.foreign.0).map(|_| Text::Foreign));
            self.tensors.push(tensor);
        }
        Ok(self)
    }
}

/// `__metadata__`, with keys that stand in it twice.
struct Metadata<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de> Deserialize<'de> for Metadata<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Metadata(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Metadata<'de> {
    type Value = Metadata<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(pair) = map.next_entry()? {
            self.0.push(pair);
        }
        Ok(self)
    }
}

/// Reads the Python literal of a NumPy array's header (NEP 1), without its preamble.
pub(super) fn npy(literal: &[u8], payload: &mut Payload) -> Vec<Section> {
    let mut header = Npy { rest: literal, descr: None, shape: None };
    let is_whole = header.read().is_some();
    let Some((order, code)) = header.descr.and_then(<[u8]>::split_first) else {
        // A record, or no header.
        payload.add_tensor(Dtype::Unknown, 0);
        payload.malformed += 1;
        return vec![Section::Unknown];
    };
    if code.first() == Some(&b'O') {
        payload.object_arrays += 1;
        return Vec::new();
    }
    let (order, code) = if order.is_ascii_alphabetic() || *order == b'?' {
        (&b'|', header.descr.unwrap_or_default())
    } else {
        (order, code)
    };
    let dtype = Dtype::of_numpy(code);
    let elements = header.shape;
    payload.add_tensor(dtype, elements.unwrap_or(0));
    if dtype == Dtype::Unknown {
        return vec![Section::Unknown];
    }
    let bytes = elements.and_then(|elements| dtype.bytes(elements));
    let Some(bytes) = bytes.filter(|_| is_whole) else {
        payload.malformed += 1;
        return Vec::new();
    };
    vec![Section::Elements { dtype, is_big: *order == b'>', bytes }]
}

/// The fields of a literal such as `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct Npy<'a> {
    rest: &'a [u8],
    descr: Option<&'a [u8]>,
    /// Elements of the shape.
    shape: Option<u64>,
}

impl<'a> Npy<'a> {
    /// Reads all of it; nothing where anything else stands in it.
    fn read(&mut self) -> Option<()> {
        self.token(b"{")?;
        let mut has_order = false;
        while self.token(b"}").is_none() {
            let key = self.string()?;
            self.token(b":")?;
            match key {
                b"descr" if self.descr.is_none() => self.descr = Some(self.string()?),
                b"fortran_order" if !has_order => {
                    has_order = true;
                    self.token(b"False").or_else(|| self.token(b"True"))?;
                }
                b"shape" if self.shape.is_none() => self.shape = Some(self.tuple()?),
                _ => return None,
            }
            if self.token(b",").is_none() {
                self.token(b"}")?;
                break;
            }
        }
        let is_padding = self.rest.iter().all(|b| matches!(b, b' ' | b'\n'));
        (is_padding && has_order && self.descr.is_some() && self.shape.is_some()).then_some(())
    }

    fn token(&mut self, token: &[u8]) -> Option<()> {
        self.rest = self.rest.trim_ascii_start().strip_prefix(token)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        self.token(b"'")?;
        let end = memchr::memchr(b'\'', self.rest)?;
        let (string, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..)?;
        Some(string)
    }

    /// The product of a tuple of lengths.
    fn tuple(&mut self) -> Option<u64> {
        self.token(b"(")?;
        let mut product = 1u64;
        while self.token(b")").is_none() {
            let digits = self.rest.trim_ascii_start();
            let len = digits.iter().take_while(|b| b.is_ascii_digit()).count();
            let (number, rest) = digits.split_at_checked(len)?;
            product = product.checked_mul(std::str::from_utf8(number).ok()?.parse().ok()?)?;
            self.rest = rest;
            if self.token(b",").is_none() {
                self.token(b")")?;
                break;
            }
        }
        Some(product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(json: &str, keys: &[&str]) -> (Payload, Vec<Section>) {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let mut payload = Payload::default();
        let measure = Measure { metadata_keys: keys.into() };
        let plan = safetensors(json.as_bytes(), &measure, &mut payload);
        (payload, plan)
    }

    const TENSOR: &str = r#"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;

    #[test]
    fn a_plain_header_has_no_strings() {
        let json = format!(r#"{{"__metadata__":{{"format":"pt"}},"a.weight":{TENSOR}}}  "#);
        let (payload, plan) = measured(&json, &["format"]);
        assert_eq!((payload.strings, payload.malformed), (0, 0));
        assert_eq!((payload.tensors, payload.elements), (1, 2));
        assert_eq!(plan, [Section::Elements { dtype: Dtype::F32, is_big: false, bytes: 8 }]);
    }

    #[test]
    fn every_other_text_is_a_string() {
        let long = "x".repeat(METADATA_VALUE_MAX + 1);
        for json in [
            format!(r#"{{"__metadata__":{{"note":"seen today"}},"a":{TENSOR}}}"#),
            format!(r#"{{"__metadata__":{{"format":"{long}"}},"a":{TENSOR}}}"#),
            format!(r#"{{"Jane Roe":{TENSOR}}}"#),
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"note":"x"}}"#.to_owned(),
            r#"{"a":{"dtype":"of Jane","shape":[2],"data_offsets":[0,8]}}"#.to_owned(),
        ] {
            assert_eq!(measured(&json, &["format"]).0.strings, 1, "{json}");
        }
    }

    #[test]
    fn what_does_not_add_up_is_malformed() {
        for json in [
            "no json",
            r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#,
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
            r#"{"__metadata__":{"a":[1]}}"#,
        ] {
            assert!(measured(json, &[]).0.malformed > 0, "{json}");
        }
    }

    #[test]
    fn holes_between_tensors_are_told() {
        let json = r#"{"b":{"dtype":"I8","shape":[2],"data_offsets":[10,12]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        let (payload, plan) = measured(json, &[]);
        let elements = |dtype, bytes| Section::Elements { dtype, is_big: false, bytes };
        assert_eq!(plan, [elements(Dtype::F32, 8), Section::Hole(2), elements(Dtype::I8, 2)]);
        assert_eq!(payload.dtypes[&Dtype::I8].first, 1, "in the order of the header");
    }

    #[test]
    fn a_numpy_header_is_what_numpy_writes() {
        let mut payload = Payload::default();
        let literal = b"{'descr': '>f4', 'fortran_order': False, 'shape': (3, 4), }      \n";
        let plan = npy(literal, &mut payload);
        assert_eq!(plan, [Section::Elements { dtype: Dtype::F32, is_big: true, bytes: 48 }]);
        assert_eq!((payload.malformed, payload.elements), (0, 12));
        let scalar = b"{'descr': '|b1', 'fortran_order': True, 'shape': ()}\n";
        assert_eq!(npy(scalar, &mut payload).len(), 1);
        assert_eq!(payload.malformed, 0);
    }

    #[test]
    fn a_numpy_header_with_anything_else_is_malformed() {
        for literal in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), } seen today\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'note': 'x'}\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}\n",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}\n",
            "{'descr': '', 'fortran_order': False, 'shape': (3,)}\n",
            "",
        ] {
            let mut payload = Payload::default();
            npy(literal.as_bytes(), &mut payload);
            assert!(payload.malformed > 0, "{literal}");
        }
        let mut payload = Payload::default();
        npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}\n", &mut payload);
        assert_eq!(payload.object_arrays, 1);
        npy(b"{'descr': '<U12', 'fortran_order': False, 'shape': (3,)}\n", &mut payload);
        assert!(payload.dtypes.contains_key(&Dtype::Unknown));
    }
}
