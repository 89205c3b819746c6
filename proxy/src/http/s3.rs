//! S3's multipart uploads, told by the query alone: `partNumber` and `uploadId` (Amazon S3 API,
//! UploadPart, CompleteMultipartUpload, AbortMultipartUpload). Whoever speaks this dialect, to whatever
//! host, sends one artifact in several bodies. Pure.

use http::Method;

/// S3's largest part number.
const PART_NUMBER_MAX: u32 = 10_000;

/// What a request does to a multipart upload, with the upload's id as it stands in the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadCall<'a> {
    /// Gives the upload up.
    Abort(&'a str),
    /// Makes an object of its parts.
    Complete(&'a str),
    /// Sends the part of this number, from 1.
    Part(&'a str, u32),
}

/// Why a request to an upload has no single reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpload {
    /// `uploadId` or `partNumber` more than once.
    #[error("uploadId or partNumber stands in the query more than once")]
    Duplicate,
    /// Not a number from 1 to 10,000, in plain digits.
    #[error("partNumber is not a plain number from 1 to 10000")]
    PartNumber,
}

impl<'a> UploadCall<'a> {
    /// Reads a request's method and query. None for a request that changes no upload.
    ///
    /// # Errors
    /// [`InvalidUpload`].
    pub fn of(method: &Method, query: Option<&'a str>) -> Result<Option<Self>, InvalidUpload> {
        let Some(id) = value(query, "uploadId")? else { return Ok(None) };
        let number = value(query, "partNumber")?;
        Ok(match (method, number) {
            (&Method::PUT, Some(number)) => Some(Self::Part(id, part_number(number)?)),
            // A store that goes by `uploadId` alone takes no notice of a `partNumber` beside it.
            (&Method::POST, _) => Some(Self::Complete(id)),
            (&Method::DELETE, _) => Some(Self::Abort(id)),
            (_, _) => None,
        })
    }
}

/// The value of a field of the query. Servers decode names before they compare them, so an escape in
/// one could hide it from us only: then it counts as a duplicate of whatever it may be.
fn value<'a>(query: Option<&'a str>, name: &str) -> Result<Option<&'a str>, InvalidUpload> {
    let mut found = None;
    for field in query.unwrap_or_default().split('&') {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        if key == name && found.replace(value).is_some() {
            return Err(InvalidUpload::Duplicate);
        }
        if key != name && decodes_to(key, name) {
            return Err(InvalidUpload::Duplicate);
        }
    }
    Ok(found)
}

/// Whether an escaped or differently cased key reads as `name` to some server.
fn decodes_to(key: &str, name: &str) -> bool {
    let mut decoded = Vec::with_capacity(key.len());
    let mut bytes = key.bytes();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        decoded.push(match byte {
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or(b'%'),
                _ => return false,
            },
            _ => byte,
        });
    }
    decoded.eq_ignore_ascii_case(name.as_bytes())
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
            (Method::PUT, "partNumber=3&uploadId=a.b", Ok(Some(UploadCall::Part("a.b", 3)))),
            (
                Method::PUT,
                "x-id=UploadPart&uploadId=a&partNumber=10000",
                Ok(Some(UploadCall::Part("a", 10_000))),
            ),
            (Method::POST, "uploadId=a", Ok(Some(UploadCall::Complete("a")))),
            (Method::POST, "uploadId=a&partNumber=1", Ok(Some(UploadCall::Complete("a")))),
            (Method::DELETE, "uploadId=a", Ok(Some(UploadCall::Abort("a")))),
            (Method::GET, "uploadId=a", Ok(None)),
            (Method::POST, "uploads", Ok(None)),
            (Method::PUT, "partNumber=3", Ok(None)),
            (Method::PUT, "partNumber=0&uploadId=a", Err(InvalidUpload::PartNumber)),
            (Method::PUT, "partNumber=03&uploadId=a", Err(InvalidUpload::PartNumber)),
            (Method::PUT, "partNumber=10001&uploadId=a", Err(InvalidUpload::PartNumber)),
            (Method::PUT, "partNumber=1&uploadId=a&uploadId=b", Err(InvalidUpload::Duplicate)),
            (Method::PUT, "partNumber=1&uploadId=a&partNumber=2", Err(InvalidUpload::Duplicate)),
            (Method::PUT, "partNumber=1&upload%49d=a", Err(InvalidUpload::Duplicate)),
            (Method::POST, "uploadid=a", Err(InvalidUpload::Duplicate)),
        ] {
            assert_eq!(UploadCall::of(&method, Some(query)), call, "{method} {query}");
        }
        assert_eq!(UploadCall::of(&Method::PUT, None), Ok(None));
    }
}
