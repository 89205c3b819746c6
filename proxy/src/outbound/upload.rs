//! Multipart uploads: which requests are parts of one artifact, and the last word before it becomes an
//! object.

use http::request;
use http_body_util::Full;
use hyper::body::Incoming;
use policy::Ruling;

use crate::accept::Arrival;
use crate::content::{ClearedBody, Hint, Meters};
use crate::error::{self, Error};
use crate::http::s3::UploadCall;
use crate::http::target::Target;
use crate::link::Tolled;
use crate::rooms::Rooms;
use crate::stop::Stop;

/// Bytes of the list with which an upload is completed: 10,000 parts with their checksums. It is compared
/// with what was read before any of it leaves.
const LIST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a request does to an upload, if anything.
///
/// # Errors
/// The query names an upload in more than one way, or a part whose bytes are not its body.
pub(super) fn of(head: &request::Parts, target: &Target) -> Result<Option<UploadCall>, Stop> {
    let call = UploadCall::of(&head.method, target.query(), &head.headers);
    Ok(call.map_err(|invalid| Error::new(error::Kind::Malformed, invalid))?)
}

/// Reads the body of a request, with the parts before it where it is a part.
///
/// # Errors
/// As `Content::read_body`; also where the whole upload may not become an object.
pub(super) async fn read(
    (rooms, arrival, meters): (&Rooms, &Arrival, &Meters),
    call: Option<&UploadCall>,
    ruling: Ruling,
    (hint, body): (&Hint, Tolled<Incoming>),
) -> Result<ClearedBody, Stop> {
    let (content, metering) = (&rooms.content, (meters, &arrival.drain));
    match call {
        Some(UploadCall::Part(id, number)) => {
            return content.read_part(ruling, (id, *number), (hint, body), metering).await;
        }
        // An exempt upload was not read, so there is nothing to judge.
        Some(UploadCall::Complete(id)) if ruling.profile().exempt().is_none() => {
            let (list, _memory) = content.take_whole(body, meters, LIST_BYTES_MAX).await?;
            content.uploads().complete((id, &list), &ruling, &meters.cell)?;
            return content.read_body(ruling, hint, Full::new(list), metering).await;
        }
        Some(UploadCall::Abort(id)) => content.uploads().abort(id),
        Some(UploadCall::Complete(_)) | None => {}
    }
    content.read_body(ruling, hint, body, metering).await
}
