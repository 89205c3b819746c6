//! S3's multipart uploads, told by the query alone: `partNumber` and `uploadId` (Amazon S3 API,
//! UploadPart, CompleteMultipartUpload, AbortMultipartUpload). Whoever speaks this dialect, to whatever
//! host, sends one artifact in several bodies. Pure.

use http::{HeaderMap, Method};

use super::percent;

/// S3's largest part number.
const PART_NUMBER_MAX: u32 = 10_000;

/// What a request does to a multipart upload, with the upload's id, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadCall {
    /// Gives the upload up.
    Abort(String),
    /// Makes an object of its parts.
    Complete(String),
    /// Sends the part of this number, from 1.
    Part(String, u32),
}

/// Why a request to an upload has no single reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpload {
    /// `uploadId` or `partNumber` more than once, or in a spelling that only some servers read so.
    #[error("uploadId or partNumber stands in the query more than once or in another spelling")]
    Duplicate,
    /// A PUT to an upload that says no part, or whose content is a copy of another object's.
    #[error("a PUT with uploadId that is no part of a body of its own")]
    NoPart,
    /// Not a number from 1 to 10,000, in plain digits.
    #[error("partNumber is not a plain number from 1 to 10000")]
    PartNumber,
}

impl UploadCall {
    /// Reads a request's method, query and headers. None for a request that changes no upload.
    ///
    /// # Errors
    /// [`InvalidUpload`].
    pub fn of(
        method: &Method,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, InvalidUpload> {
        let Some(id) = value(query, "uploadId")?.map(decoded) else { return Ok(None) };
        let number = value(query, "partNumber")?;
        // UploadPartCopy: bytes that are at the store already, which nobody reads here.
        let is_copy = headers.contains_key("x-amz-copy-source");
        match (method, number) {
            (&Method::PUT, Some(number)) if !is_copy => {
                Ok(Some(Self::Part(id, part_number(number)?)))
            }
            (&Method::PUT, _) => Err(InvalidUpload::NoPart),
            // A store that goes by `uploadId` alone takes no notice of a `partNumber` beside it.
            (&Method::POST, _) => Ok(Some(Self::Complete(id))),
            (&Method::DELETE, _) => Ok(Some(Self::Abort(id))),
            (_, _) => Ok(None),
        }
    }
}

/// Whether the list of a CompleteMultipartUpload names the parts from 1 to `count`, each once and
/// in order: what becomes the object is then what was read. Anything in the text that an XML reader could take
/// otherwise (declarations, comments, CDATA, entities, prefixes) makes it another list.
pub fn lists_all(xml: &[u8], count: usize) -> bool {
    const OPEN: &str = "<PartNumber>";
    let Ok(text) = std::str::from_utf8(xml) else { return false };
    let mut numbers = text.split(OPEN).skip(1).map(|rest| {
        let (number, _) = rest.split_once("</PartNumber>")?;
        number.trim().parse::<usize>().ok()
    });
    let is_in_order = (1..=count).all(|number| numbers.next() == Some(Some(number)));
    let is_plain = !text.contains("<!") && text.matches("PartNumber").count() == 2 * count;
    is_in_order && is_plain && numbers.next().is_none()
}

/// The value of a field of the query. Servers decode names before they compare them, and some take
/// `;` for `&`: what only they would read so counts as a second one.
fn value<'a>(query: Option<&'a str>, name: &str) -> Result<Option<&'a str>, InvalidUpload> {
    let query = query.unwrap_or_default();
    let mut found = None;
    for field in query.split('&') {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        if key == name && found.replace(value).is_some() {
            return Err(InvalidUpload::Duplicate);
        }
        let is_hidden = |field: &str| {
            let key = field.split_once('=').map_or(field, |(key, _)| key);
            decoded(key).trim().eq_ignore_ascii_case(name)
        };
        if key != name && is_hidden(field) || field.split(';').skip(1).any(is_hidden) {
            return Err(InvalidUpload::Duplicate);
        }
    }
    Ok(found)
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&percent::decoded(text.as_bytes())).into_owned()
}

fn part_number(digits: &str) -> Result<u32, InvalidUpload> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let number = digits.parse().ok().filter(|number| (1..=PART_NUMBER_MAX).contains(number));
    number.filter(|_| is_plain).ok_or(InvalidUpload::PartNumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_by_method_and_query() {
        for (method, query, call) in [
            (
                Method::PUT,
                "partNumber=3&uploadId=a.b",
                Ok(Some(UploadCall::Part("a.b".to_owned(), 3))),
            ),
            (
                Method::PUT,
                "x-id=UploadPart&uploadId=a&partNumber=10000",
                Ok(Some(UploadCall::Part("a".to_owned(), 10_000))),
            ),
            (Method::POST, "uploadId=a", Ok(Some(UploadCall::Complete("a".to_owned())))),
            (
                Method::POST,
                "uploadId=a&partNumber=1",
                Ok(Some(UploadCall::Complete("a".to_owned()))),
            ),
            (Method::DELETE, "uploadId=a", Ok(Some(UploadCall::Abort("a".to_owned())))),
            (Method::GET, "uploadId=a", Ok(None)),
            (Method::POST, "uploads", Ok(None)),
            (Method::PUT, "partNumber=3", Ok(None)),
            (Method::PUT, "uploadId=a", Err(InvalidUpload::NoPart)),
            (
                Method::PUT,
                "partNumber=3&uploadId=%61+b",
                Ok(Some(UploadCall::Part("a b".to_owned(), 3))),
            ),
            (Method::PUT, "partNumber=3&x=1;uploadId=a", Err(InvalidUpload::Duplicate)),
            (Method::PUT, "partNumber=3&+uploadId=a", Err(InvalidUpload::Duplicate)),
            (Method::PUT, "partNumber=0&uploadId=a", Err(InvalidUpload::PartNumber)),
            (Method::PUT, "partNumber=03&uploadId=a", Err(InvalidUpload::PartNumber)),
            (Method::PUT, "partNumber=10001&uploadId=a", Err(InvalidUpload::PartNumber)),
            (Method::PUT, "partNumber=1&uploadId=a&uploadId=b", Err(InvalidUpload::Duplicate)),
            (Method::PUT, "partNumber=1&uploadId=a&partNumber=2", Err(InvalidUpload::Duplicate)),
            (Method::PUT, "partNumber=1&upload%49d=a", Err(InvalidUpload::Duplicate)),
            (Method::POST, "uploadid=a", Err(InvalidUpload::Duplicate)),
        ] {
            assert_eq!(
                UploadCall::of(&method, Some(query), &HeaderMap::new()),
                call,
                "{method} {query}"
            );
        }
        assert_eq!(UploadCall::of(&Method::PUT, None, &HeaderMap::new()), Ok(None));
    }
    #[test]
    fn a_copied_part_is_nothing_that_was_read() {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-amz-copy-source"),
            http::HeaderValue::from_static("/b/k"),
        )]);
        let call = UploadCall::of(&Method::PUT, Some("partNumber=1&uploadId=a"), &headers);
        assert_eq!(call, Err(InvalidUpload::NoPart));
    }

    #[test]
    fn a_list_is_all_parts_in_order_or_another_one() {
        let part = |number: &str| {
            format!("<Part><ETag>\"e\"</ETag><PartNumber>{number}</PartNumber></Part>")
        };
        let list = |numbers: &[&str]| numbers.iter().map(|number| part(number)).collect::<String>();
        assert!(lists_all(list(&["1", " 2 ", "3"]).as_bytes(), 3));
        for (text, count) in [
            (list(&["1", "3"]), 3),
            (list(&["1", "3"]), 2),
            (list(&["1", "2", "3"]), 2),
            (list(&["2", "1"]), 2),
            (list(&["1", "1"]), 1),
            (list(&["1"]) + "<!-- -->", 1),
            (list(&["1"]) + "<s:PartNumber>2</s:PartNumber>", 1),
            (list(&["1"]) + "<PartNumber a='b'>2</PartNumber>", 1),
            (list(&["&#49;"]), 1),
            (String::new(), 1),
        ] {
            assert!(!lists_all(text.as_bytes(), count), "{text}");
        }
    }
}
