//! What a head says of the body that follows: how it is encoded, how long it is, and whether a
//! checksum covers it.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

/// What the headers say of the body's encoding.
#[derive(Clone, Debug, Default)]
pub struct Hint {
    pub(super) content_encoding: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) grpc_encoding: Option<String>,
    pub(super) length: Option<u64>,
    pub(super) is_grpc: bool,
    pub(super) is_sealed: bool,
}

const AWS_CHUNKED: &str = "aws-chunked";

impl Hint {
    /// Reads `Content-Encoding`, `Content-Type`, `grpc-encoding` and `Content-Length`.
    pub fn of(headers: &HeaderMap) -> Self {
        let joined = |name: &str| {
            let values: Vec<_> = headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect();
            (!values.is_empty()).then(|| values.join(","))
        };
        let length = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse().ok());
        let mut content_encoding = joined(CONTENT_ENCODING.as_str());
        if is_streamed_to_s3(headers) {
            let named = content_encoding.get_or_insert_default();
            if !named.to_ascii_lowercase().contains(AWS_CHUNKED) {
                *named = format!("{named},{AWS_CHUNKED}");
            }
        }
        Self {
            content_encoding,
            content_type: joined(CONTENT_TYPE.as_str()),
            grpc_encoding: joined("grpc-encoding"),
            length,
            is_grpc: crate::http::headers::is_grpc(headers),
            is_sealed: is_sealed(headers),
        }
    }

    pub(super) fn to_scanner(&self) -> dlp::Hint<'_> {
        dlp::Hint {
            content_encoding: self.content_encoding.as_deref(),
            content_type: self.content_type.as_deref(),
            grpc_encoding: self.grpc_encoding.as_deref(),
        }
    }
}

/// Whether a checksum or signature covers the body, so that masking any of it would break it:
/// RFC 9530, RFC 1864 and the S3 and GCS fields.
fn is_sealed(headers: &HeaderMap) -> bool {
    const SEALS: [&str; 5] =
        ["content-digest", "content-md5", "digest", "repr-digest", "x-goog-hash"];
    let is_unsigned = |value: &http::HeaderValue| value.as_bytes().starts_with(b"UNSIGNED");
    SEALS.iter().any(|name| headers.contains_key(*name))
        || headers.keys().any(|name| name.as_str().starts_with("x-amz-checksum-"))
        || headers.get("x-amz-content-sha256").is_some_and(|value| !is_unsigned(value))
}

/// Stores undo `aws-chunked` by this field alone, whatever `Content-Encoding` says.
fn is_streamed_to_s3(headers: &HeaderMap) -> bool {
    let values = headers.get_all("x-amz-content-sha256").iter();
    values.into_iter().any(|value| value.as_bytes().starts_with(b"STREAMING-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_streamed_to_s3_is_chunked_whether_it_is_named_or_not() {
        let streaming = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
        for (named, digest, encoding) in [
            (None, streaming, Some(",aws-chunked")),
            (Some("gzip"), streaming, Some("gzip,aws-chunked")),
            (Some("gzip, AWS-chunked"), streaming, Some("gzip, AWS-chunked")),
            (Some("gzip"), "UNSIGNED-PAYLOAD", Some("gzip")),
            (None, "UNSIGNED-PAYLOAD", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-amz-content-sha256", digest.parse().unwrap());
            if let Some(named) = named {
                headers.insert(CONTENT_ENCODING, named.parse().unwrap());
            }
            assert_eq!(Hint::of(&headers).content_encoding.as_deref(), encoding, "{named:?}");
        }
    }
}
