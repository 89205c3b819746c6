//! What can go wrong in an exchange that is nobody's policy: `kind` says what, `side` says who is
//! at fault. A refusal is not an error; see `policy::Refusal`.
//!
//! Two texts: [`Kind::public`] is what a client may read, `Display` with its sources is for logs.

use std::fmt;

use http::StatusCode;
use policy::Verdict;

use crate::upstream::CarrierRefused;

/// An exchange that failed.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client that sent the request.
    Downstream,
    /// Lazaret itself, or a limit of it.
    Ours,
    /// The server that the request was for.
    Upstream,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No audit record could be written.
    AuditUnavailable,
    /// The client went away or broke its framing while sending.
    BodyAborted,
    /// The client sent nothing for `limits.bodyIdle`.
    BodyTimeout,
    /// `limits.connectionsMax` are under way on the listener.
    ConnectionsMax,
    /// The workload's or peer's TLS handshake failed.
    DownstreamTls,
    /// `limits.bufferedBytesMax` are in memory.
    BufferedBytesMax,
    /// `limits.exchangesMax` are under way.
    ExchangesMax,
    /// The header fields weigh more than `limits.headerBytesMax`.
    HeadTooLarge,
    /// A request head did not come whole within `limits.headerTimeout`.
    HeaderTimeout,
    /// No leaf could be minted for an intercepted session.
    InterceptBroken,
    /// The client sent a request that has two readings.
    Malformed,
    /// The side that a body was for went away.
    ReceiverGone,
    /// The source asks more often than `limits.sourceRequestsPerSecondMax`.
    SourceRequestsMax,
    /// The local application could not be reached.
    AppUnreachable,
    /// The spool could not be written or read.
    SpoolBroken,
    /// `limits.spoolMax` is used up by other exchanges.
    SpoolMax,
    /// A raw tunnel was silent, or open, for too long.
    TunnelTimeout,
    /// The name could not be resolved.
    UpstreamDns,
    /// The upstream broke the connection or the protocol.
    UpstreamBroken,
    /// `limits.upstreamConnectionsMax` to the destination are open.
    UpstreamConnectionsMax,
    /// The destination took no connection several times running and is not dialled for a while.
    UpstreamEjected,
    /// No identity is loaded, or ours has expired.
    UpstreamIdentity,
    /// The gateway that would carry it refuses it.
    UpstreamRefused,
    /// No vetted address took a connection.
    UpstreamUnreachable,
    /// Connecting, the handshake or the response took longer than its limit.
    UpstreamTimeout,
    /// The upstream's certificate, name, SPIFFE ID or pin is not what the policy asks for.
    UpstreamUnverified,
}

impl Error {
    /// An error with its cause.
    pub fn new(kind: Kind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// A TLS handshake that failed, in words that say what to do. Names that a peer presented
    /// pass the redactor.
    pub fn handshake(kind: Kind, error: &std::io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let text = tls.map_or_else(|| error.to_string(), certs::verify::explain);
        Self::new(kind, crate::ongoing::printable(&text))
    }

    /// What went wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The verdict of a gateway that refused to carry it.
    pub fn carrier_verdict(&self) -> Option<&Verdict> {
        let refused = self.source.as_ref()?.downcast_ref::<CarrierRefused>()?;
        Some(&refused.0)
    }

    /// The causes in one line, outermost first.
    pub fn chain(&self) -> String {
        let mut text = self.kind.code().to_owned();
        let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(self);
        while let Some(error) = cause {
            let part = error.to_string();
            if !text.ends_with(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            cause = error.source();
        }
        text
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Kind {
    /// The stable code in responses, records and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::AppUnreachable => "app-unreachable",
            Self::AuditUnavailable => "audit-unavailable",
            Self::BodyAborted => "body-aborted",
            Self::BodyTimeout => "body-timeout",
            Self::ConnectionsMax => "connections-max",
            Self::DownstreamTls => "downstream-tls",
            Self::BufferedBytesMax => "buffered-bytes-max",
            Self::ExchangesMax => "exchanges-max",
            Self::HeadTooLarge => "header-bytes-max",
            Self::HeaderTimeout => "header-timeout",
            Self::InterceptBroken => "intercept-broken",
            Self::Malformed => "malformed",
            Self::ReceiverGone => "receiver-gone",
            Self::SourceRequestsMax => "source-requests-max",
            Self::SpoolBroken => "spool-broken",
            Self::SpoolMax => "spool-max",
            Self::TunnelTimeout => "tunnel-timeout",
            Self::UpstreamBroken => "upstream-broken",
            Self::UpstreamConnectionsMax => "upstream-connections-max",
            Self::UpstreamDns => "upstream-dns",
            Self::UpstreamEjected => "upstream-ejected",
            Self::UpstreamIdentity => "upstream-identity",
            Self::UpstreamRefused => "upstream-refused",
            Self::UpstreamTimeout => "upstream-timeout",
            Self::UpstreamUnreachable => "upstream-unreachable",
            Self::UpstreamUnverified => "upstream-unverified",
        }
    }

    /// Who is at fault.
    pub fn side(self) -> Side {
        match self {
            Self::BodyAborted
            | Self::BodyTimeout
            | Self::DownstreamTls
            | Self::HeadTooLarge
            | Self::HeaderTimeout
            | Self::Malformed
            | Self::SourceRequestsMax => Side::Downstream,
            Self::AuditUnavailable
            | Self::BufferedBytesMax
            | Self::ConnectionsMax
            | Self::ExchangesMax
            | Self::InterceptBroken
            | Self::SpoolBroken
            | Self::SpoolMax
            | Self::TunnelTimeout
            | Self::UpstreamIdentity => Side::Ours,
            Self::AppUnreachable
            | Self::ReceiverGone
            | Self::UpstreamBroken
            | Self::UpstreamConnectionsMax
            | Self::UpstreamDns
            | Self::UpstreamEjected
            | Self::UpstreamRefused
            | Self::UpstreamTimeout
            | Self::UpstreamUnreachable
            | Self::UpstreamUnverified => Side::Upstream,
        }
    }

    /// The status that a client gets.
    pub fn status(self) -> StatusCode {
        match self {
            Self::BodyAborted | Self::DownstreamTls | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::BodyTimeout | Self::HeaderTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::SourceRequestsMax => StatusCode::TOO_MANY_REQUESTS,
            Self::UpstreamRefused => StatusCode::FORBIDDEN,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::AuditUnavailable
            | Self::BufferedBytesMax
            | Self::ConnectionsMax
            | Self::ExchangesMax
            | Self::InterceptBroken
            | Self::SpoolBroken
            | Self::SpoolMax
            | Self::UpstreamConnectionsMax
            | Self::UpstreamEjected
            | Self::UpstreamIdentity => StatusCode::SERVICE_UNAVAILABLE,
            Self::TunnelTimeout | Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::AppUnreachable
            | Self::ReceiverGone
            | Self::UpstreamBroken
            | Self::UpstreamDns
            | Self::UpstreamUnreachable
            | Self::UpstreamUnverified => StatusCode::BAD_GATEWAY,
        }
    }

    /// What a client may read: what happened and what to do, nothing of our inside.
    pub fn public(self) -> &'static str {
        match self {
            Self::AppUnreachable => "the local application does not answer",
            Self::AuditUnavailable => {
                "no audit record can be written, so nothing may pass; see the audit folder's disk and lazaret's log"
            }
            Self::BodyAborted => "the request body ended before it was whole",
            Self::BodyTimeout => {
                "the request body stalled (limits.bodyIdle, limits.bodyBytesPerSecondMin, limits.bodyTimeout)"
            }
            Self::BufferedBytesMax => "too much is buffered at once (limits.bufferedBytesMax)",
            Self::ConnectionsMax => "too many connections at once (limits.connectionsMax)",
            Self::DownstreamTls => "the TLS handshake failed",
            Self::ExchangesMax => "too many exchanges at once (limits.exchangesMax)",
            Self::HeadTooLarge => "the header fields are too large (limits.headerBytesMax)",
            Self::HeaderTimeout => "the request head did not come whole (limits.headerTimeout)",
            Self::SourceRequestsMax => {
                "this source asks too often (limits.sourceRequestsPerSecondMax)"
            }
            Self::InterceptBroken => "no certificate can be minted; see lazaret's log",
            Self::Malformed => "the request has more than one reading",
            Self::ReceiverGone => "the other side went away before the body ended",
            Self::SpoolBroken => "the hold spool cannot be used; see lazaret's log",
            Self::SpoolMax => "the hold spool is full (limits.spoolMax)",
            Self::TunnelTimeout => {
                "the tunnel was silent or open for too long (limits.tunnelIdle, limits.tunnelTotal)"
            }
            Self::UpstreamBroken => "the upstream broke the connection",
            Self::UpstreamConnectionsMax => {
                "too many connections to the upstream at once (limits.upstreamConnectionsMax)"
            }
            Self::UpstreamEjected => {
                "the upstream has taken no connection several times running and is left alone for a while (limits.upstreamFailuresMax, limits.upstreamPause)"
            }
            Self::UpstreamDns => "the name does not resolve",
            Self::UpstreamIdentity => "lazaret has no valid certificate of its own",
            Self::UpstreamTimeout => "the upstream did not answer in time",
            Self::UpstreamRefused => "the gateway that would carry it refuses it",
            Self::UpstreamUnreachable => "no permitted address of the upstream takes a connection",
            Self::UpstreamUnverified => {
                "the upstream's certificate is not the one that the policy asks for"
            }
        }
    }
}
