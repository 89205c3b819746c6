//! What a rule is for: which protocol an exchange speaks, and what it may turn into.

/// What an egress rule takes (`protocol`).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Protocol {
    /// gRPC calls only: a POST whose content type is `application/grpc`, alone or with a suffix.
    Grpc,
    /// HTTP exchanges, gRPC calls among them.
    #[default]
    Http,
    /// Raw tunnels: bytes that are copied without being parsed.
    Tcp,
}

impl Protocol {
    /// The name in policies and records.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
            Protocol::Tcp => "tcp",
        }
    }

    /// Whether a rule for `self` takes an exchange that speaks `spoken`.
    pub(crate) fn takes(self, spoken: Protocol) -> bool {
        self == spoken || (self == Protocol::Http && spoken == Protocol::Grpc)
    }
}

/// What an HTTP exchange may turn into (`upgrades`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Upgrade {
    /// RFC 6455, over HTTP/1.1 or (RFC 8441) HTTP/2.
    WebSocket,
}

impl Upgrade {
    /// The name in policies and records.
    pub fn name(self) -> &'static str {
        match self {
            Upgrade::WebSocket => "websocket",
        }
    }
}
