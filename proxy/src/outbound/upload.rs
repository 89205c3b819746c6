//! Multipart uploads: which requests are parts of one artifact, and the last word before it becomes an
//! object.

use http::Method;
use hyper::body::Incoming;
use policy::{EgressPermit, Ruling};

use crate::accept::Arrival;
use crate::content::{ClearedBody, Hint, Meters, UploadKey};
use crate::error::{self, Error};
use crate::http::s3::UploadCall;
use crate::http::target::Target;
use crate::link::Tolled;
use crate::rooms::Rooms;
use crate::stop::Stop;

/// What a request does to an upload.
#[derive(Debug)]
pub(super) struct Upload {
    key: UploadKey,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Abort,
    Complete,
    Part(u32),
}

/// The upload that a permitted request belongs to, if any.
///
/// # Errors
/// The query names an upload in more than one way.
pub(super) fn of(
    method: &Method,
    target: &Target,
    permit: &EgressPermit,
) -> Result<Option<Upload>, Stop> {
    let call = UploadCall::of(method, target.query());
    let call = call.map_err(|invalid| Error::new(error::Kind::Malformed, invalid))?;
    let (id, step) = match call {
        None => return Ok(None),
        Some(UploadCall::Abort(id)) => (id, Step::Abort),
        Some(UploadCall::Complete(id)) => (id, Step::Complete),
        Some(UploadCall::Part(id, number)) => (id, Step::Part(number)),
    };
    let object = format!("{}{}", target.authority(), target.path());
    let endpoint = std::sync::Arc::clone(permit.endpoint());
    Ok(Some(Upload { key: UploadKey { endpoint, object, id: id.to_owned() }, step }))
}

/// Reads the body of a request, with the parts before it where it is a part.
///
/// # Errors
/// As `Content::read_body`; also where the whole upload may not become an object.
pub(super) async fn read(
    (rooms, arrival, meters): (&Rooms, &Arrival, &Meters),
    upload: Option<&Upload>,
    ruling: Ruling,
    (hint, body): (&Hint, Tolled<Incoming>),
) -> Result<ClearedBody, Stop> {
    let (content, metering) = (&rooms.content, (meters, &arrival.drain));
    match upload.map(|upload| (&upload.key, upload.step)) {
        None => {}
        Some((key, Step::Part(number))) => {
            return content.read_part(ruling, (key, number), (hint, body), metering).await;
        }
        Some((key, Step::Abort)) => content.uploads().abort(key),
        // An exempt upload was not read, so there is nothing to judge.
        Some((_, Step::Complete)) if ruling.profile().exempt().is_some() => {}
        Some((key, Step::Complete)) => {
            if let Err(stop) = content.uploads().complete(key, &ruling, &meters.cell) {
                content.linger(body, &arrival.drain);
                return Err(stop);
            }
        }
    }
    content.read_body(ruling, hint, body, metering).await
}
