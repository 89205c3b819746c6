//! Every limit of the process, with its name and default. A limit that is not here does not exist.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

/// The limits in force. Sizes are bytes.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Silence that ends a request body.
    pub body_idle: Duration,
    /// Opening a connection to one address.
    pub connect_timeout: Duration,
    /// Age at which a downstream connection is asked to end, less up to a tenth at random: what is
    /// under way on it finishes.
    pub connection_age_max: Duration,
    /// Downstream connections per listener.
    pub connections_max: usize,
    /// Connections to the resolver at once.
    pub dns_connections_max: usize,
    /// Silence on a connection to the resolver, and how long an answer may wait to be taken.
    pub dns_idle: Duration,
    /// Questions under way in the resolver, over UDP and TCP together.
    pub dns_questions_max: usize,
    /// Questions that one source may ask the resolver in a second, with a burst of two seconds'
    /// worth. Those over it are dropped, counted and noted.
    pub dns_questions_per_second: usize,
    /// How long the resolver waits for a name server.
    pub dns_timeout: Duration,
    /// How long a drain waits for exchanges to finish.
    pub drain_deadline: Duration,
    /// Exchanges under way, each direction.
    pub exchanges_max: usize,
    /// A TLS handshake, either side.
    pub handshake_timeout: Duration,
    /// A request head, from its first byte (hyper counts from the connection's idle state).
    pub header_timeout: Duration,
    /// Request line and headers together.
    pub header_bytes_max: usize,
    /// Header fields in one request.
    pub headers_max: usize,
    /// Held bytes of one exchange that stay in memory before the spool file begins.
    pub hold_memory_max: usize,
    /// Body bytes still read and thrown away after a refusal, so that the client can read why.
    pub linger_bytes_max: u64,
    /// From the end of the request to the response head; also silence in a response body, and an
    /// upstream or client that does not read on.
    pub response_timeout: Duration,
    /// Spool bytes of the whole process.
    pub spool_max: u64,
    /// How long a drained or idle pooled connection is kept.
    pub pool_idle: Duration,
    /// Idle pooled connections per destination and identity.
    pub pool_idle_max: usize,
}

/// The file's shape: everything optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LimitsFile {
    body_idle: Option<SignedDuration>,
    connect_timeout: Option<SignedDuration>,
    connection_age_max: Option<SignedDuration>,
    connections_max: Option<usize>,
    dns_connections_max: Option<usize>,
    dns_idle: Option<SignedDuration>,
    dns_questions_max: Option<usize>,
    dns_questions_per_second: Option<usize>,
    dns_timeout: Option<SignedDuration>,
    drain_deadline: Option<SignedDuration>,
    exchanges_max: Option<usize>,
    handshake_timeout: Option<SignedDuration>,
    header_timeout: Option<SignedDuration>,
    header_bytes_max: Option<String>,
    headers_max: Option<usize>,
    hold_memory_max: Option<String>,
    linger_bytes_max: Option<String>,
    response_timeout: Option<SignedDuration>,
    spool_max: Option<String>,
    pool_idle: Option<SignedDuration>,
    pool_idle_max: Option<usize>,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// hyper needs at least this much for a request head.
const HEADER_BYTES_MIN: u64 = 8 * KIB;

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_idle: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            connection_age_max: Duration::from_secs(3600),
            connections_max: 4096,
            dns_connections_max: 64,
            dns_idle: Duration::from_secs(10),
            dns_questions_max: 256,
            dns_questions_per_second: 200,
            dns_timeout: Duration::from_secs(5),
            drain_deadline: Duration::from_secs(25),
            exchanges_max: 4096,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            header_bytes_max: 64 * 1024,
            headers_max: 100,
            hold_memory_max: 1024 * 1024,
            linger_bytes_max: 16 * MIB,
            response_timeout: Duration::from_secs(300),
            spool_max: 16 * GIB,
            pool_idle: Duration::from_secs(60),
            pool_idle_max: 64,
        }
    }
}

type Wrong = (&'static str, String);

impl LimitsFile {
    pub(super) fn cook(self) -> Result<Limits, Wrong> {
        let or = Limits::default();
        let header_bytes_max =
            size("limits.headerBytesMax", self.header_bytes_max, or.header_bytes_max as u64)?;
        if header_bytes_max < HEADER_BYTES_MIN {
            return Err(("limits.headerBytesMax", "at least 8KiB".to_owned()));
        }
        let hold_memory_max =
            size("limits.holdMemoryMax", self.hold_memory_max, or.hold_memory_max as u64)?;
        Ok(Limits {
            body_idle: duration("limits.bodyIdle", self.body_idle, or.body_idle)?,
            connect_timeout: duration(
                "limits.connectTimeout",
                self.connect_timeout,
                or.connect_timeout,
            )?,
            connection_age_max: duration(
                "limits.connectionAgeMax",
                self.connection_age_max,
                or.connection_age_max,
            )?,
            connections_max: count(
                "limits.connectionsMax",
                self.connections_max,
                or.connections_max,
            )?,
            dns_connections_max: count(
                "limits.dnsConnectionsMax",
                self.dns_connections_max,
                or.dns_connections_max,
            )?,
            dns_idle: duration("limits.dnsIdle", self.dns_idle, or.dns_idle)?,
            dns_questions_max: count(
                "limits.dnsQuestionsMax",
                self.dns_questions_max,
                or.dns_questions_max,
            )?,
            dns_questions_per_second: count(
                "limits.dnsQuestionsPerSecond",
                self.dns_questions_per_second,
                or.dns_questions_per_second,
            )?,
            dns_timeout: duration("limits.dnsTimeout", self.dns_timeout, or.dns_timeout)?,
            drain_deadline: duration(
                "limits.drainDeadline",
                self.drain_deadline,
                or.drain_deadline,
            )?,
            exchanges_max: count("limits.exchangesMax", self.exchanges_max, or.exchanges_max)?,
            handshake_timeout: duration(
                "limits.handshakeTimeout",
                self.handshake_timeout,
                or.handshake_timeout,
            )?,
            header_timeout: duration(
                "limits.headerTimeout",
                self.header_timeout,
                or.header_timeout,
            )?,
            header_bytes_max: in_memory("limits.headerBytesMax", header_bytes_max)?,
            headers_max: count("limits.headersMax", self.headers_max, or.headers_max)?,
            hold_memory_max: in_memory("limits.holdMemoryMax", hold_memory_max)?,
            linger_bytes_max: size(
                "limits.lingerBytesMax",
                self.linger_bytes_max,
                or.linger_bytes_max,
            )?,
            response_timeout: duration(
                "limits.responseTimeout",
                self.response_timeout,
                or.response_timeout,
            )?,
            spool_max: size("limits.spoolMax", self.spool_max, or.spool_max)?,
            pool_idle: duration("limits.poolIdle", self.pool_idle, or.pool_idle)?,
            pool_idle_max: count("limits.poolIdleMax", self.pool_idle_max, or.pool_idle_max)?,
        })
    }
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

fn count(field: &'static str, value: Option<usize>, or: usize) -> Result<usize, Wrong> {
    match value {
        None => Ok(or),
        Some(0) => Err((field, "must be at least 1".to_owned())),
        Some(value) => Ok(value),
    }
}

fn size(field: &'static str, value: Option<String>, or: u64) -> Result<u64, Wrong> {
    match value {
        None => Ok(or),
        Some(text) => policy::size::parse(&text)
            .ok_or((field, format!("`{text}` is not a size such as 64KiB, 8MiB or 2GiB"))),
    }
}

fn in_memory(field: &'static str, value: u64) -> Result<usize, Wrong> {
    usize::try_from(value)
        .map_err(|_| (field, "larger than this machine's memory can be".to_owned()))
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The derived form lists every limit by name, so that none can be left out here.
        write!(f, "limits: {self:#?}")
    }
}
