//! Every limit of the process, with its name and default. A limit that is not here does not exist.

mod http2;

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

pub use self::http2::Http2Limits;
use self::http2::Http2LimitsFile;
use crate::budget::{Budget, cost};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// hyper needs at least this much for a request head.
const HEADER_BYTES_MIN: usize = 8 * 1024;

/// What is wrong with which field.
pub(super) type Wrong = (&'static str, String);

/// One line for each limit: its name and type, its default, and how it is read from the file: by
/// which function, under which name, and from what.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $or:expr, $read:ident($field:literal, $file:ty);)+) => {
        /// The limits in force. Sizes are bytes.
        #[derive(Clone, Debug)]
        pub struct Limits {
            $($(#[$doc])* pub $name: $type,)+
        }

        /// The file's shape: everything optional.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(super) struct LimitsFile {
            $($name: Option<$file>,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $or,)+ }
            }
        }

        impl LimitsFile {
            pub(super) fn cook(self) -> Result<Limits, Wrong> {
                let or = Limits::default();
                Limits { $($name: $read($field, self.$name, or.$name)?,)+ }.checked()
            }
        }
    };
}

limits! {
    /// Silence of what is still on its way out after an exchange was answered; then it is cut.
    answered_idle: Duration = Duration::from_secs(120), duration("limits.answeredIdle", SignedDuration);
    /// Bytes of a held body that must come in a second, on average, once it has had `bodyIdle` to begin
    /// with: each byte buys time.
    body_bytes_per_second_min: u64 = 100, number("limits.bodyBytesPerSecondMin", u64);
    /// Silence that ends a request body.
    body_idle: Duration = Duration::from_secs(60), duration("limits.bodyIdle", SignedDuration);
    /// From a body's head to its end, however steadily it comes. Off unless set, since checkpoints
    /// and streams take their time.
    body_timeout: Option<Duration> = None, optional("limits.bodyTimeout", SignedDuration);
    /// Bytes of bodies that the whole process keeps in memory, and what each exchange under way may come
    /// to keep while nobody reads it: its buffers and the windows that its senders were given; and what
    /// decoders of bodies and of uploads under way keep. Past
    /// half of it new HTTP/2 connections get small windows, past three quarters held bodies go to the
    /// spool; where it is spent, new exchanges are turned away.
    buffered_bytes_max: u64 = 512 * MIB, size("limits.bufferedBytesMax", String);
    /// Opening a connection to one address.
    connect_timeout: Duration = Duration::from_secs(5), duration("limits.connectTimeout", SignedDuration);
    /// Age at which a downstream connection is asked to end, less up to a tenth at random: what is
    /// under way on it finishes.
    connection_age_max: Duration = Duration::from_secs(3600), duration("limits.connectionAgeMax", SignedDuration);
    /// Downstream connections per listener.
    connections_max: usize = 4096, count("limits.connectionsMax", usize);
    /// How long a connection may keep silent, or unclear, before it is taken for neither TLS nor HTTP.
    detect_timeout: Duration = Duration::from_secs(5), duration("limits.detectTimeout", SignedDuration);
    /// Connections to the resolver at once.
    dns_connections_max: usize = 64, count("limits.dnsConnectionsMax", usize);
    /// Silence on a connection to the resolver, and how long an answer may wait to be taken.
    dns_idle: Duration = Duration::from_secs(10), duration("limits.dnsIdle", SignedDuration);
    /// Different names under wildcards that are asked for in an hour, whoever asks: the resolver's
    /// clients, requests, CONNECT and SOCKS5.
    dns_names_max: usize = 1000, count("limits.dnsNamesMax", usize);
    /// Questions under way in the resolver, over UDP and TCP together.
    dns_questions_max: usize = 256, count("limits.dnsQuestionsMax", usize);
    /// Questions that one source may ask the resolver in a second, with a burst of two seconds'
    /// worth. Those over it are dropped, counted and noted.
    dns_questions_per_second: usize = 200, count("limits.dnsQuestionsPerSecond", usize);
    /// How long the resolver waits for a name server.
    dns_timeout: Duration = Duration::from_secs(5), duration("limits.dnsTimeout", SignedDuration);
    /// How long a drain goes on accepting, not ready any more, before it begins: where traffic is
    /// still sent here until others have noticed. Off unless set: a sidecar's workload has ended.
    drain_delay: Option<Duration> = None, optional("limits.drainDelay", SignedDuration);
    /// How long a drain waits for exchanges to finish.
    drain_deadline: Duration = Duration::from_secs(25), duration("limits.drainDeadline", SignedDuration);
    /// Exchanges under way, each direction.
    exchanges_max: usize = 4096, count("limits.exchangesMax", usize);
    /// Silence in a gRPC call that streams, either way: calls wait for each other, and HTTP/2 asks by
    /// itself whether the other side lives.
    grpc_idle: Duration = Duration::from_secs(3600), duration("limits.grpcIdle", SignedDuration);
    /// A TLS handshake, either side.
    handshake_timeout: Duration = Duration::from_secs(10), duration("limits.handshakeTimeout", SignedDuration);
    /// A request head, from its first byte (hyper counts from the connection's idle state).
    header_timeout: Duration = Duration::from_secs(30), duration("limits.headerTimeout", SignedDuration);
    /// Request line and headers together.
    header_bytes_max: usize = 64 * 1024, header_bytes("limits.headerBytesMax", String);
    /// Header fields in one request.
    headers_max: usize = 100, count("limits.headersMax", usize);
    /// What one HTTP/2 connection may hold.
    http2: Http2Limits = Http2Limits::default(), http2_limits("limits.http2", Http2LimitsFile);
    /// Held bytes of one exchange that stay in memory before the spool file begins.
    hold_memory_max: usize = 1024 * 1024, in_memory("limits.holdMemoryMax", String);
    /// Body bytes still read and thrown away after a refusal, so that the client can read why.
    linger_bytes_max: u64 = 16 * MIB, size("limits.lingerBytesMax", String);
    /// How long a refused body is still read and thrown away; also how long the other end of a
    /// WebSocket that is closed may take to say so, too.
    linger_timeout: Duration = Duration::from_secs(5), duration("limits.lingerTimeout", SignedDuration);
    /// From the end of the request to the response head; also silence in a response body, and an
    /// upstream or client that does not read on.
    response_timeout: Duration = Duration::from_secs(300), duration("limits.responseTimeout", SignedDuration);
    /// Requests that one source (a peer's SPIFFE ID, a client's address) may have at once on top of
    /// its rate; a second's worth unless set.
    source_burst_max: Option<u32> = None, some("limits.sourceBurstMax", u32);
    /// Findings of one identifier that are let through for one source (SPIFFE ID) within the window,
    /// because each exchange has fewer than a rule's `count`.
    source_findings_max: u64 = 100, number("limits.sourceFindingsMax", u64);
    /// For how long such a finding counts.
    source_findings_window: Duration = Duration::from_secs(3600), duration("limits.sourceFindingsWindow", SignedDuration);
    /// Requests that one source may ask in a second, in the long run. Off unless set.
    source_requests_per_second_max: Option<u32> = None, some("limits.sourceRequestsPerSecondMax", u32);
    /// Spool bytes of the whole process.
    spool_max: u64 = 16 * GIB, size("limits.spoolMax", String);
    /// How long a part of an upload waits for one before it that nobody sends; then the upload is
    /// broken.
    part_wait: Duration = Duration::from_secs(20), duration("limits.partWait", SignedDuration);
    /// How long a drained or idle pooled connection is kept.
    pool_idle: Duration = Duration::from_secs(60), duration("limits.poolIdle", SignedDuration);
    /// Idle pooled connections per destination and identity.
    pool_idle_max: usize = 64, count("limits.poolIdleMax", usize);
    /// An upload that nothing happens to for so long is forgotten: it cannot be completed any more.
    upload_idle: Duration = Duration::from_secs(3600), duration("limits.uploadIdle", SignedDuration);
    /// Uploads in parts under way; beyond it the one that was used least lately of whoever has
    /// begun most is forgotten.
    uploads_max: usize = 256, count("limits.uploadsMax", usize);
    /// Connections to one destination at once.
    upstream_connections_max: usize = 1024, count("limits.upstreamConnectionsMax", usize);
    /// Connections to a destination that fail running, after which it is not dialled for a while.
    upstream_failures_max: usize = 5, count("limits.upstreamFailuresMax", usize);
    /// The first such while; each further one is twice as long, and up to a fifth longer at random.
    upstream_pause: Duration = Duration::from_secs(1), duration("limits.upstreamPause", SignedDuration);
    /// The longest such while, before the random part.
    upstream_pause_max: Duration = Duration::from_secs(60), duration("limits.upstreamPauseMax", SignedDuration);
    /// Silence on a connection after which the kernel asks whether the other end is still there.
    keepalive: Duration = Duration::from_secs(60), duration("limits.keepalive", SignedDuration);
    /// Silence of a sender after which the bytes of a raw tunnel that are held for what may follow are
    /// judged as they stand, and leave.
    tunnel_flush: Duration = Duration::from_millis(20), duration("limits.tunnelFlush", SignedDuration);
    /// Silence of a sender in a raw tunnel in the middle of a number that would be refused as a whole;
    /// then the tunnel is cut.
    tunnel_hold: Duration = Duration::from_secs(10), duration("limits.tunnelHold", SignedDuration);
    /// Silence, in both directions, that ends a raw tunnel or a WebSocket.
    tunnel_idle: Duration = Duration::from_secs(3600), duration("limits.tunnelIdle", SignedDuration);
    /// The longest that a raw tunnel or a WebSocket stays open.
    tunnel_total: Duration = Duration::from_secs(24 * 3600), duration("limits.tunnelTotal", SignedDuration);
    /// Bytes of one WebSocket message, which is held until it has been read; for each direction.
    /// A compressed one is as long as it is inflated.
    websocket_message_max: u64 = 16 * MIB, size("limits.websocketMessageMax", String);
    /// Bytes of a compressed WebSocket message for each one that came, after the first MiB.
    websocket_ratio_max: usize = 200, count("limits.websocketRatioMax", usize);
}

fn http2_limits(
    _field: &'static str,
    value: Option<Http2LimitsFile>,
    _or: Http2Limits,
) -> Result<Http2Limits, Wrong> {
    value.unwrap_or_default().cook()
}

fn duration(
    field: &'static str,
    value: Option<SignedDuration>,
    or: Duration,
) -> Result<Duration, Wrong> {
    match value {
        None => Ok(or),
        Some(value) => Duration::try_from(value)
            .ok()
            .filter(|value| !value.is_zero())
            .ok_or((field, "must be longer than nothing, such as \"10s\"".to_owned())),
    }
}

fn optional(
    field: &'static str,
    value: Option<SignedDuration>,
    _off: Option<Duration>,
) -> Result<Option<Duration>, Wrong> {
    value.map(|value| duration(field, Some(value), Duration::ZERO)).transpose()
}

fn some(field: &'static str, value: Option<u32>, _off: Option<u32>) -> Result<Option<u32>, Wrong> {
    match value {
        Some(0) => Err((field, "must be at least 1; leave it out for no limit".to_owned())),
        value => Ok(value),
    }
}

fn count(field: &'static str, value: Option<usize>, or: usize) -> Result<usize, Wrong> {
    match value {
        None => Ok(or),
        Some(0) => Err((field, "must be at least 1".to_owned())),
        Some(value) => Ok(value),
    }
}

fn number(field: &'static str, value: Option<u64>, or: u64) -> Result<u64, Wrong> {
    match value {
        Some(0) => Err((field, "must be at least 1".to_owned())),
        value => Ok(value.unwrap_or(or)),
    }
}

fn size(field: &'static str, value: Option<String>, or: u64) -> Result<u64, Wrong> {
    match value {
        None => Ok(or),
        Some(text) => policy::size::parse(&text)
            .ok_or((field, format!("`{text}` is not a size such as 64KiB, 8MiB or 2GiB"))),
    }
}

fn in_memory(field: &'static str, value: Option<String>, or: usize) -> Result<usize, Wrong> {
    let value = size(field, value, or as u64)?;
    usize::try_from(value)
        .map_err(|_| (field, "larger than this machine's memory can be".to_owned()))
}

fn header_bytes(field: &'static str, value: Option<String>, or: usize) -> Result<usize, Wrong> {
    let value = in_memory(field, value, or)?;
    if value < HEADER_BYTES_MIN {
        return Err((field, "at least 8KiB".to_owned()));
    }
    Ok(value)
}

impl Limits {
    /// One exchange at least must fit, or every one would be turned away.
    fn checked(self) -> Result<Self, Wrong> {
        let most = cost::most(&self) as u64;
        let least = Budget::least_for(most);
        if self.buffered_bytes_max < least {
            let text = format!(
                "at least {} KiB: what one exchange may come to keep, with both of its streams' \
                 limits.http2.streamWindow and buffers, of which one source may use three quarters",
                least.div_ceil(KIB)
            );
            return Err(("limits.bufferedBytesMax", text));
        }
        Ok(self)
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The derived form lists every limit by name, so that none can be left out here.
        write!(f, "limits: {self:#?}")
    }
}
