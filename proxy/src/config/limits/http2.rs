//! `limits.http2`: what one HTTP/2 connection may hold, downstream and upstream alike.
//!
//! One stream whose receiver reads nothing keeps at most `sendBufferMax` and a piece on the one side
//! and `streamWindow` on the other; `limits.bufferedBytesMax` has that for each one under way. So the
//! connection's window need not hold them back, and holds up those who read where it does.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

use super::{Wrong, duration, in_memory, size};

/// A frame at least, and no more than the streams of one connection should cost together.
const SEND_BUFFER: std::ops::RangeInclusive<usize> = (16 << 10)..=(16 << 20);
/// RFC 9113, section 6.9.1: no window is larger.
const WINDOW_MAX: u64 = (1 << 31) - 1;
/// RFC 9113, section 6.9.2: a connection's window can only grow from here.
const WINDOW_MIN: u64 = 65_535;

/// Limits of HTTP/2. Sizes are bytes.
#[derive(Clone, Debug)]
pub struct Http2Limits {
    /// Body bytes of all streams of a connection that are received before they are read on. Where it is
    /// less than `streamWindow` for each stream, streams that nobody reads stall the others.
    pub connection_window: u32,
    /// After so much silence the other side is asked whether it lives.
    pub keep_alive: Duration,
    /// How long it may take to answer that.
    pub keep_alive_timeout: Duration,
    /// Requests on a connection that may be given up in excess of those answered.
    pub resets_max: u64,
    /// Body bytes of one stream that wait for the receiver's window.
    pub send_buffer_max: usize,
    /// How often a request is sent again that the upstream gave back unprocessed, where it has no body
    /// or its body is in memory whole.
    pub stream_retries_max: u32,
    /// Body bytes of one stream that are received before they are read on. Connections that begin while
    /// half of `limits.bufferedBytesMax` is used have 64 KiB, and 1 MiB for all streams.
    pub stream_window: u32,
    /// Streams at once on a connection; upstream, another connection is opened beyond it.
    pub streams_per_connection_max: u32,
}

/// The file's shape: everything optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::config) struct Http2LimitsFile {
    connection_window: Option<String>,
    keep_alive: Option<SignedDuration>,
    keep_alive_timeout: Option<SignedDuration>,
    resets_max: Option<u64>,
    send_buffer_max: Option<String>,
    stream_retries_max: Option<u32>,
    stream_window: Option<String>,
    streams_per_connection_max: Option<u32>,
}

impl Default for Http2Limits {
    fn default() -> Self {
        Self {
            connection_window: 25 << 20,
            keep_alive: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(20),
            resets_max: 100,
            send_buffer_max: 64 << 10,
            stream_retries_max: 2,
            stream_window: 256 << 10,
            streams_per_connection_max: 100,
        }
    }
}

impl Http2LimitsFile {
    pub(super) fn cook(self) -> Result<Http2Limits, Wrong> {
        let or = Http2Limits::default();
        let connection_window = "limits.http2.connectionWindow";
        let stream_window = "limits.http2.streamWindow";
        let send_buffer = "limits.http2.sendBufferMax";
        let send_buffer_max = in_memory(send_buffer, self.send_buffer_max, or.send_buffer_max)?;
        if !SEND_BUFFER.contains(&send_buffer_max) {
            return Err((send_buffer, "from 16KiB to 16MiB".to_owned()));
        }
        let streams = self.streams_per_connection_max.unwrap_or(or.streams_per_connection_max);
        if streams == 0 {
            return Err(("limits.http2.streamsPerConnectionMax", "must be at least 1".to_owned()));
        }
        Ok(Http2Limits {
            connection_window: window(
                connection_window,
                self.connection_window,
                or.connection_window,
            )?,
            keep_alive: duration("limits.http2.keepAlive", self.keep_alive, or.keep_alive)?,
            keep_alive_timeout: duration(
                "limits.http2.keepAliveTimeout",
                self.keep_alive_timeout,
                or.keep_alive_timeout,
            )?,
            resets_max: self.resets_max.unwrap_or(or.resets_max),
            send_buffer_max,
            stream_retries_max: self.stream_retries_max.unwrap_or(or.stream_retries_max),
            stream_window: window(stream_window, self.stream_window, or.stream_window)?,
            streams_per_connection_max: streams,
        })
    }
}

fn window(field: &'static str, value: Option<String>, or: u32) -> Result<u32, Wrong> {
    let bytes = size(field, value, u64::from(or))?;
    let told = || (field, "from 64KiB to 2047MiB".to_owned());
    if !(WINDOW_MIN..=WINDOW_MAX).contains(&bytes) {
        return Err(told());
    }
    u32::try_from(bytes).map_err(|_| told())
}
