//! Every limit of the process, with its name and default. A limit that is not here does not exist.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

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
                Ok(Limits { $($name: $read($field, self.$name, or.$name)?,)+ })
            }
        }
    };
}

limits! {
    /// Silence that ends a request body.
    body_idle: Duration = Duration::from_secs(60), duration("limits.bodyIdle", SignedDuration);
    /// Opening a connection to one address.
    connect_timeout: Duration = Duration::from_secs(5), duration("limits.connectTimeout", SignedDuration);
    /// Age at which a downstream connection is asked to end, less up to a tenth at random: what is
    /// under way on it finishes.
    connection_age_max: Duration = Duration::from_secs(3600), duration("limits.connectionAgeMax", SignedDuration);
    /// Downstream connections per listener.
    connections_max: usize = 4096, count("limits.connectionsMax", usize);
    /// Connections to the resolver at once.
    dns_connections_max: usize = 64, count("limits.dnsConnectionsMax", usize);
    /// Silence on a connection to the resolver, and how long an answer may wait to be taken.
    dns_idle: Duration = Duration::from_secs(10), duration("limits.dnsIdle", SignedDuration);
    /// Different names under wildcards that the resolver asks for in an hour.
    dns_names_max: usize = 1000, count("limits.dnsNamesMax", usize);
    /// Questions under way in the resolver, over UDP and TCP together.
    dns_questions_max: usize = 256, count("limits.dnsQuestionsMax", usize);
    /// Questions that one source may ask the resolver in a second, with a burst of two seconds'
    /// worth. Those over it are dropped, counted and noted.
    dns_questions_per_second: usize = 200, count("limits.dnsQuestionsPerSecond", usize);
    /// How long the resolver waits for a name server.
    dns_timeout: Duration = Duration::from_secs(5), duration("limits.dnsTimeout", SignedDuration);
    /// How long a drain waits for exchanges to finish.
    drain_deadline: Duration = Duration::from_secs(25), duration("limits.drainDeadline", SignedDuration);
    /// Exchanges under way, each direction.
    exchanges_max: usize = 4096, count("limits.exchangesMax", usize);
    /// A TLS handshake, either side.
    handshake_timeout: Duration = Duration::from_secs(10), duration("limits.handshakeTimeout", SignedDuration);
    /// A request head, from its first byte (hyper counts from the connection's idle state).
    header_timeout: Duration = Duration::from_secs(30), duration("limits.headerTimeout", SignedDuration);
    /// Request line and headers together.
    header_bytes_max: usize = 64 * 1024, header_bytes("limits.headerBytesMax", String);
    /// Header fields in one request.
    headers_max: usize = 100, count("limits.headersMax", usize);
    /// Held bytes of one exchange that stay in memory before the spool file begins.
    hold_memory_max: usize = 1024 * 1024, in_memory("limits.holdMemoryMax", String);
    /// Body bytes still read and thrown away after a refusal, so that the client can read why.
    linger_bytes_max: u64 = 16 * MIB, size("limits.lingerBytesMax", String);
    /// From the end of the request to the response head; also silence in a response body, and an
    /// upstream or client that does not read on.
    response_timeout: Duration = Duration::from_secs(300), duration("limits.responseTimeout", SignedDuration);
    /// Spool bytes of the whole process.
    spool_max: u64 = 16 * GIB, size("limits.spoolMax", String);
    /// How long a drained or idle pooled connection is kept.
    pool_idle: Duration = Duration::from_secs(60), duration("limits.poolIdle", SignedDuration);
    /// Idle pooled connections per destination and identity.
    pool_idle_max: usize = 64, count("limits.poolIdleMax", usize);
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

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The derived form lists every limit by name, so that none can be left out here.
        write!(f, "limits: {self:#?}")
    }
}
