//! What an exchange may come to keep in memory when nobody takes what it carries, by how it is carried.
//! Held bodies and messages are not in it: they take their shares as they come. What of them is on its way
//! into a file, or out of it, is: the rest is not used meanwhile. Pure.
//!
//! A connection's own state is not in it either (its codecs, its TLS, what it has read of a head): that
//! is bounded by `limits.connectionsMax`.

use http::Version;

use crate::config::{Http2Limits, Limits};
use crate::content::GIVEN_OUT_BYTES;
use crate::tunnel::CHUNK_BYTES;

/// Read and write buffer of a connection that we open, bytes: what a reader who reads nothing keeps of an
/// answer, some times over. hyper's default is 400 KiB, which costs cache and memory for nothing.
pub const BUFFER_BYTES: usize = 32 * 1024;
/// Buffers of an HTTP/1.1 connection that are full when its body's receiver takes nothing: the one that is
/// being read, and the piece that waits in the channel behind it.
const BUFFERS: usize = 2;

/// The window of a stream while memory is short, bytes: the least that RFC 9113 begins with.
const SHORT_STREAM_WINDOW: u32 = 65_535;
/// The same for a connection.
const SHORT_CONNECTION_WINDOW: u32 = 1 << 20;

/// What a peer may send unread on an HTTP/2 connection, bytes. Settled when the connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// On each stream.
    pub stream: u32,
    /// On all streams together.
    pub connection: u32,
}

/// How a request comes.
#[derive(Clone, Copy, Debug)]
pub struct Carriage {
    /// Its version of HTTP.
    pub version: Version,
    /// The window of its stream, in HTTP/2.
    pub window: u32,
    /// Whether it has a body.
    pub has_body: bool,
}

impl Windows {
    /// Those of `limits.http2`; smaller ones where memory `is_short`.
    pub fn of(limits: &Http2Limits, is_short: bool) -> Self {
        let (stream, connection) = (limits.stream_window, limits.connection_window);
        if !is_short {
            return Self { stream, connection };
        }
        Self {
            stream: stream.min(SHORT_STREAM_WINDOW),
            connection: connection.min(SHORT_CONNECTION_WINDOW),
        }
    }
}

/// Of a request and its answer, bytes: all but the window of an upstream's HTTP/2 stream, which is added
/// once it is known that there is one.
pub fn of_exchange(limits: &Limits, carriage: Carriage) -> usize {
    let Carriage { version, window, has_body } = carriage;
    let is_http2 = version >= Version::HTTP_2;
    let send_buffer = limits.http2.send_buffer_max;
    let to_client = if is_http2 { send_buffer } else { limits.header_bytes_max };
    // A piece leaves one buffer before the next one has room for it.
    let answer = to_client + BUFFER_BYTES + BUFFERS * BUFFER_BYTES;
    if !has_body {
        return answer.max(GIVEN_OUT_BYTES);
    }
    let from_client = if is_http2 { window as usize } else { BUFFERS * limits.header_bytes_max };
    (answer + from_client + send_buffer.max(BUFFER_BYTES)).max(GIVEN_OUT_BYTES)
}

/// Of a stream that carries a connection: what its sender may send, and what waits for its receiver.
pub fn of_stream(limits: &Http2Limits, window: u32) -> usize {
    window as usize + limits.send_buffer_max
}

/// Of a raw tunnel, both ways: what is read at once, what a passage holds of it until it is clear, and a
/// copy of what leaves.
pub fn of_tunnel() -> usize {
    2 * 4 * CHUNK_BYTES
}

/// The costliest exchange: over HTTP/2 on both sides, through a gateway, with a body both ways.
pub fn most(limits: &Limits) -> usize {
    let window = limits.http2.stream_window;
    let of = |version| of_exchange(limits, Carriage { version, window, has_body: true });
    of(Version::HTTP_11).max(of(Version::HTTP_2)) + 2 * of_stream(&limits.http2, window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_reader_costs_what_its_way_may_keep() {
        let limits = Limits::default();
        let of = |version, has_body| {
            of_exchange(&limits, Carriage { version, window: 256 << 10, has_body }) >> 10
        };
        // README, "limits".
        assert_eq!((of(Version::HTTP_11, false), of(Version::HTTP_2, false)), (192, 192));
        assert_eq!((of(Version::HTTP_11, true), of(Version::HTTP_2, true)), (352, 480));
        assert_eq!(most(&limits) >> 10, 480 + 2 * 320);
    }

    #[test]
    fn where_memory_is_short_windows_shrink_and_never_grow() {
        let mut limits = Http2Limits::default();
        let ample = Windows { stream: limits.stream_window, connection: limits.connection_window };
        assert_eq!(Windows::of(&limits, false), ample);
        let short = Windows { stream: 65_535, connection: 1 << 20 };
        assert_eq!(Windows::of(&limits, true), short);
        limits.connection_window = 70_000;
        assert_eq!(Windows::of(&limits, true), Windows { connection: 70_000, ..short });
    }
}
