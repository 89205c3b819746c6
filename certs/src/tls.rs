//! rustls configurations from an [`Identity`]: TLS 1.3 alone, AES-GCM alone, post-quantum first.
//!
//! Invariant: nothing is ever resumed. rustls takes the peer's certificates out of a resumed session
//! without asking the verifier again, so a revoked or expired peer could come back.

use std::sync::{Arc, LazyLock};

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::NoServerSessionStorage;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};

use crate::svid::Identity;
pub use crate::verify::{Expect, ExpectPeer};
use crate::verify::{SpiffeClientVerifier, UpstreamVerifier};

/// HTTP/1.1 in ALPN (RFC 7301, section 6).
pub const ALPN_HTTP1: &[u8] = b"http/1.1";
/// HTTP/2 in ALPN (RFC 9113, section 3.1).
pub const ALPN_HTTP2: &[u8] = b"h2";

/// Which versions of HTTP a connection to an upstream offers, by ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offer {
    /// `h2`, then `http/1.1`.
    Both,
    /// `http/1.1` alone.
    Http1,
    /// `h2` alone.
    Http2,
    /// No ALPN: what is said inside is not ours to know.
    Nothing,
}

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
            aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
        ],
        kx_groups: vec![
            aws_lc_rs::kx_group::X25519MLKEM768,
            aws_lc_rs::kx_group::X25519,
            aws_lc_rs::kx_group::SECP256R1,
            aws_lc_rs::kx_group::SECP384R1,
        ],
        ..aws_lc_rs::default_provider()
    })
});

/// The one crypto provider: AES-GCM suites; X25519MLKEM768, X25519, P-256, P-384 in this order.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// Why a TLS configuration could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTls {
    /// The expected server name is neither a DNS name nor an IP literal.
    #[error("the expected server name is neither a DNS name nor an IP address")]
    ServerName,
    /// rustls refused the material.
    #[error("the TLS configuration was refused: {0}")]
    Rustls(#[from] rustls::Error),
}

/// A mutual listener: we show our SVID, the client must show one that its trust domain vouches for.
///
/// # Errors
///
/// rustls refuses the key or chain, which a loaded [`Identity`] has ruled out.
pub fn server_config(identity: &Identity) -> Result<Arc<ServerConfig>, InvalidTls> {
    server_config_at(identity, Arc::new(DefaultTimeProvider))
}

/// As [`server_config`], with peers judged at the time that `clock` gives.
///
/// # Errors
///
/// As [`server_config`].
pub fn server_config_at(
    identity: &Identity,
    clock: Arc<dyn TimeProvider>,
) -> Result<Arc<ServerConfig>, InvalidTls> {
    let verifier = SpiffeClientVerifier::new(Arc::clone(identity.bundle()));
    let mut config = ServerConfig::builder_with_details(provider(), clock)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(identity.resolver()));
    forget_sessions(&mut config);
    Ok(Arc::new(config))
}

/// A connection to one upstream, which must prove what `expect` says.
///
/// # Errors
///
/// The expected server name is malformed.
pub fn client_config(
    identity: &Identity,
    expect: &Expect,
    offer: Offer,
) -> Result<Arc<ClientConfig>, InvalidTls> {
    client_config_at(identity, expect, offer, Arc::new(DefaultTimeProvider))
}

/// As [`client_config`], with the upstream judged at the time that `clock` gives.
///
/// # Errors
///
/// As [`client_config`].
pub fn client_config_at(
    identity: &Identity,
    expect: &Expect,
    offer: Offer,
    clock: Arc<dyn TimeProvider>,
) -> Result<Arc<ClientConfig>, InvalidTls> {
    let verifier = UpstreamVerifier::new(Arc::clone(identity.bundle()), expect)
        .map_err(|_| InvalidTls::ServerName)?;
    let builder = ClientConfig::builder_with_details(provider(), clock)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = if expect.mutual {
        builder.with_client_cert_resolver(Arc::new(identity.resolver()))
    } else {
        builder.with_no_client_auth()
    };
    config.alpn_protocols = match offer {
        Offer::Both => vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()],
        Offer::Http1 => vec![ALPN_HTTP1.to_vec()],
        Offer::Http2 => vec![ALPN_HTTP2.to_vec()],
        Offer::Nothing => Vec::new(),
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// No tickets, no stored sessions, no early data; HTTP/2 where the client offers it, else HTTP/1.1.
pub(crate) fn forget_sessions(config: &mut ServerConfig) {
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
}

#[cfg(test)]
mod tests;
