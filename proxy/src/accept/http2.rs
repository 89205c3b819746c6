//! HTTP/2 on one connection. What a client can make us keep or do is bounded: streams, windows,
//! header lists, send buffers by `limits.http2`; CONTINUATION frames by the header list, PING and
//! SETTINGS by h2, which reads no further before its answer is on the wire, small DATA frames by
//! h2's budget; resets by [`Streams`] and the two settings below.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::streams::{Streams, Watched};
use super::{Ended, StreamWindow};
use crate::budget::cost::Windows;
use crate::config::Limits;
use crate::error::{Error, Kind};
use crate::http::body::BodyError;
use crate::live::Line;

/// Streams that a client resets before we have looked at them (h2's
/// `max_pending_accept_reset_streams`).
const PENDING_RESETS_MAX: usize = 20;
/// Streams that we reset for breaking the protocol before the connection ends (h2's
/// `max_local_error_reset_streams`).
const LOCAL_RESETS_MAX: usize = 128;
/// Above `limits.headerBytesMax`, so that a head that is too large comes as far as our record; h2
/// counts 32 bytes more for each field than is on the wire (RFC 9113, section 6.5.2).
const HEADER_LIST_SPARE: usize = 16 * 1024;
/// How long a client may take to close once it has been told to go.
const LEAVE_MAX: Duration = Duration::from_secs(5);

/// Serves HTTP/2 until the connection ends. GOAWAY when the line retires, and when no stream has been
/// open for `limits.headerTimeout`.
pub(super) async fn serve<S, H, F, B>(
    stream: S,
    (limits, windows): (&Limits, Windows),
    mut line: Line,
    handle: H,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BodyError>,
{
    let given_up_max = limits.http2.resets_max;
    let streams = Streams::new(line.drain().clone(), limits.response_timeout, given_up_max);
    let counted = streams.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(StreamWindow(windows.stream));
        // A stream's task keeps room for this work until the last of the answer has gone.
        let (response, unanswered) = (Box::pin(handle(request)), counted.begin());
        async move {
            let response = response.await;
            unanswered.answered();
            Ok::<_, Infallible>(response.map(Watched::new))
        }
    });
    let connection =
        builder(&streams, limits, windows).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let cut = line.cut().clone();
    let mut is_leaving = false;
    loop {
        let idle_max = if is_leaving { LEAVE_MAX } else { limits.header_timeout };
        tokio::select! {
            ended = connection.as_mut() => return judge(ended),
            () = streams.flooded() => {
                let cause = Error::new(Kind::Malformed, "limits.http2.resetsMax");
                return Ended::Malformed { status: 0, cause };
            }
            _ = cut.raised() => return Ended::Done,
            () = line.retiring(), if !is_leaving => {}
            () = streams.idle(idle_max) => if is_leaving {
                return Ended::Done;
            },
        }
        connection.as_mut().graceful_shutdown();
        is_leaving = true;
    }
}

fn builder(streams: &Streams, limits: &Limits, windows: Windows) -> http2::Builder<Streams> {
    let own = &limits.http2;
    let header_list = u32::try_from(limits.header_bytes_max.saturating_add(HEADER_LIST_SPARE));
    let mut builder = http2::Builder::new(streams.clone());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(own.streams_per_connection_max)
        .initial_stream_window_size(windows.stream)
        .initial_connection_window_size(windows.connection)
        .max_send_buf_size(own.send_buffer_max)
        .max_header_list_size(header_list.unwrap_or(u32::MAX))
        .keep_alive_interval(own.keep_alive)
        .keep_alive_timeout(own.keep_alive_timeout)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX);
    builder
}

/// A connection that broke the protocol goes on record; one that was reset or left does not.
fn judge(ended: hyper::Result<()>) -> Ended {
    let Err(error) = ended else { return Ended::Done };
    let cause = std::error::Error::source(&error)
        .and_then(|cause| cause.downcast_ref::<h2::Error>())
        .filter(|cause| !cause.is_remote() && !cause.is_io())
        .and_then(h2::Error::reason);
    match cause {
        None | Some(h2::Reason::NO_ERROR | h2::Reason::CANCEL) => {
            tracing::debug!(%error, "a downstream connection ended");
            Ended::Done
        }
        Some(_) => Ended::Malformed { status: 0, cause: Error::new(Kind::Malformed, error) },
    }
}
