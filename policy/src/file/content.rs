//! `content` as written: what rules say of it, profiles, their rules, contracts and detectors.

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

use super::{Text, present};

/// `content` of a rule: a profile's name, or an exemption.
#[derive(Debug)]
pub enum ContentRef {
    /// `{exempt: true, because: ...}`.
    Exempt(Box<ExemptFile>),
    /// The name of a profile.
    Profile(String),
}

/// An exemption from reading.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExemptFile {
    /// `true`.
    pub exempt: Spanned<bool>,
    /// A contract, which cannot be judged on what is not read.
    #[serde(default, deserialize_with = "present")]
    pub payload: Option<Spanned<PayloadFile>>,
    /// Why.
    #[serde(default, deserialize_with = "present")]
    pub because: Option<Text>,
}

/// An entry of `content`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ContentFile {
    /// The name that rules use in `content`.
    pub name: Text,
    /// `hold` or `stream`.
    #[serde(default, deserialize_with = "present")]
    pub inspect: Option<Text>,
    /// The largest content that is held, such as `8GiB`.
    #[serde(default, deserialize_with = "present")]
    pub hold_max: Option<Text>,
    /// `block`, `quarantine` or `allow`.
    #[serde(default, deserialize_with = "present")]
    pub unreadable: Option<Text>,
    /// `block` or `allow`.
    #[serde(default, deserialize_with = "present")]
    pub unidentified: Option<Text>,
    /// Why `unreadable` or `unidentified` is `allow`.
    #[serde(default, deserialize_with = "present")]
    pub because: Option<Text>,
    /// What is done with findings.
    #[serde(default)]
    pub rules: Vec<Spanned<ContentRuleFile>>,
    /// What a body must be made of.
    #[serde(default, deserialize_with = "present")]
    pub payload: Option<Spanned<PayloadFile>>,
    /// A site's own detectors.
    #[serde(default, deserialize_with = "present")]
    pub detectors: Option<Spanned<Vec<DetectorFile>>>,
    /// Rosters of real patients, whose values are found.
    #[serde(default, deserialize_with = "present")]
    pub exact: Option<Spanned<Vec<Spanned<ExactFile>>>>,
    /// What takes the place of what is redacted.
    #[serde(default, deserialize_with = "present")]
    pub redaction: Option<Spanned<RedactionFile>>,
}

/// `payload` of a content profile: the contract on what may leave.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PayloadFile {
    /// Forms, outermost and inner.
    pub kinds: Spanned<Vec<Text>>,
    /// Element types.
    pub dtypes: Spanned<Vec<Text>>,
    /// Most tensors.
    #[serde(default, deserialize_with = "present")]
    pub tensors_max: Option<Spanned<i64>>,
    /// Most elements, all tensors together.
    #[serde(default, deserialize_with = "present")]
    pub elements_max: Option<Spanned<i64>>,
    /// The largest Euclidean norm of all floats together.
    #[serde(default, deserialize_with = "present")]
    pub norm_max: Option<Spanned<f64>>,
    /// The largest share of floats that are NaN or infinite.
    #[serde(default, deserialize_with = "present")]
    pub nan_share_max: Option<Spanned<f64>>,
    /// `refuse` or `allow`.
    #[serde(default, deserialize_with = "present")]
    pub free_text: Option<Text>,
    /// Keys of metadata whose values may be text.
    #[serde(default, deserialize_with = "present")]
    pub metadata_keys: Option<Spanned<Vec<Text>>>,
}

/// An entry of `rules` of a content profile.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentRuleFile {
    /// Which findings.
    pub when: Spanned<WhenFile>,
    /// `allow`, `redact`, `quarantine` or `block`.
    pub action: Text,
}

/// `when` of a content rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhenFile {
    /// Identifier names, or `any` for the Safe Harbor classes.
    pub identifiers: Spanned<Vec<Text>>,
    /// The least confidence: `low`, `medium` or `high`.
    #[serde(default, deserialize_with = "present")]
    pub confidence: Option<Text>,
    /// How many in one exchange.
    #[serde(default, deserialize_with = "present")]
    pub count: Option<Spanned<i64>>,
}

/// An entry of `detectors` of a content profile.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorFile {
    /// The detector's name in records.
    pub name: Text,
    /// What it finds.
    pub pattern: Text,
    /// The identifier class that it finds.
    pub identifier: Text,
    /// Words that must stand near.
    #[serde(default, deserialize_with = "present")]
    pub context: Option<Spanned<Vec<Text>>>,
}

/// An entry of `exact` of a content profile: a roster and its key, relative to the policy's folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExactFile {
    /// The roster, as `lazaret edm build` makes it.
    pub file: Text,
    /// Its key.
    pub key_file: Text,
}

/// `redaction` of a content profile.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RedactionFile {
    /// `mask` or `token`.
    pub style: Text,
    /// The key of tokens, relative to the policy's folder.
    #[serde(default, deserialize_with = "present")]
    pub key_file: Option<Text>,
}

impl<'de> Deserialize<'de> for ContentRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ContentRef, D::Error> {
        struct ContentVisitor;

        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = ContentRef;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a content profile's name or {exempt: true, because: ...}")
            }

            fn visit_str<E>(self, name: &str) -> Result<ContentRef, E> {
                Ok(ContentRef::Profile(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ContentRef, A::Error> {
                Box::deserialize(MapAccessDeserializer::new(map)).map(ContentRef::Exempt)
            }
        }

        deserializer.deserialize_any(ContentVisitor)
    }
}
