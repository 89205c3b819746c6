//! What a sender's `Content-Type` says of the form of content that cannot be told by its first
//! bytes. Pure.

use std::sync::Arc;

use crate::decode::Encoding;

/// Bytes of a boundary (RFC 2046 section 5.1.1).
pub(crate) const BOUNDARY_MAX: usize = 70;

/// Media types of one Protocol Buffers message: as registered, and as OpenTelemetry and older
/// senders say.
const PROTOBUF: [&str; 3] =
    ["application/protobuf", "application/vnd.google.protobuf", "application/x-protobuf"];

/// A form by the sender's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Messages, how compressed ones are compressed, and whether they are Protocol Buffers.
    Grpc(Encoding, bool),
    /// The same in base64.
    GrpcWebText(Encoding, bool),
    /// Parts behind lines with this boundary.
    Multipart(Arc<[u8]>),
    /// One message without its schema.
    Protobuf,
}

impl Told {
    /// The form that a media type tells, with the `grpc-encoding` beside it.
    pub(crate) fn of(content_type: &str, grpc_encoding: Option<&str>) -> Option<Told> {
        let (media, _) = content_type.split_once(';').unwrap_or((content_type, ""));
        let media = media.trim().to_ascii_lowercase();
        let (form, message) = media.split_once('+').unwrap_or((&media, "proto"));
        let encoding = || {
            let encoding = grpc_encoding.and_then(|name| Encoding::of(name.trim()));
            encoding.unwrap_or(Encoding::Unknown)
        };
        match form {
            "application/grpc" | "application/grpc-web" => {
                return Some(Told::Grpc(encoding(), message == "proto"));
            }
            "application/grpc-web-text" => {
                return Some(Told::GrpcWebText(encoding(), message == "proto"));
            }
            _ => {}
        }
        if PROTOBUF.contains(&media.as_str()) {
            return Some(Told::Protobuf);
        }
        if !media.starts_with("multipart/") {
            return None;
        }
        let boundary = parameter(content_type, "boundary")?;
        let is_possible = !boundary.is_empty() && boundary.len() <= BOUNDARY_MAX;
        is_possible.then(|| Told::Multipart(boundary.as_bytes().into()))
    }
}

/// The value of a parameter such as `boundary="..."`, without quotes and escapes.
pub(crate) fn parameter(field: &str, name: &str) -> Option<String> {
    let mut rest = field.split_once(';')?.1;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ';']);
        let (key, behind) = rest.split_once('=')?;
        let (value, behind) = value(behind.trim_start());
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = behind;
    }
}

/// A token or a quoted string, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return (token.trim().to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            // Browsers write the backslashes of a Windows path as they are.
            '\\' if quoted.get(at + 1..).is_some_and(|next| next.starts_with(['"', '\\'])) => {
                value.extend(chars.next().map(|(_, c)| c));
            }
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_tell_forms() {
        let boundary = |text: &str| Some(Told::Multipart(text.as_bytes().into()));
        assert_eq!(
            Told::of("Multipart/Form-Data; charset=x; Boundary=ab-c", None),
            boundary("ab-c")
        );
        assert_eq!(Told::of("multipart/mixed;boundary=\"a b;=\\\"\"", None), boundary("a b;=\""));
        assert_eq!(Told::of("multipart/mixed", None), None);
        assert_eq!(Told::of("text/plain; boundary=x", None), None);
        assert_eq!(
            Told::of("application/grpc+proto", None),
            Some(Told::Grpc(Encoding::Unknown, true))
        );
        for (media, is_protobuf) in [
            ("application/grpc-web-text", true),
            ("Application/gRPC-Web-Text+Proto; charset=utf-8", true),
            ("application/grpc-web-text+json", false),
        ] {
            let gzip = Encoding::of("gzip").unwrap();
            let told = Some(Told::GrpcWebText(gzip, is_protobuf));
            assert_eq!(Told::of(media, Some("GZIP")), told, "{media}");
        }
        assert_eq!(Told::of("application/grpc-web-texts", None), None);
        for media in ["application/protobuf", "Application/X-Protobuf; messageType=\"a.B\""] {
            assert_eq!(Told::of(media, None), Some(Told::Protobuf), "{media}");
        }
        assert_eq!(Told::of("application/protobuffer", None), None);
        assert_eq!(parameter("form-data; name=\"C:\\dir\\a\"; x=1", "name").unwrap(), "C:\\dir\\a");
    }
}
