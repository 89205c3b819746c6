//! TLS 1.3 where both ends prove a SPIFFE ID: what peers meet at the inbound listener and at a
//! gateway's links. Invariant: no [`Peer`] exists whose certificate our bundle does not vouch for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certs::Identity;
use certs::rotation::Current;
use http::HeaderValue;
use rustls::ServerConfig;
use spiffe::SpiffeId;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::error::{self, Error};

/// Takes handshakes with one identity of ours.
#[derive(Debug)]
pub struct Mutual {
    identity: Arc<Current>,
    timeout: Duration,
    /// The configuration made for the identity of this fingerprint.
    kept: Mutex<Option<(String, Arc<ServerConfig>)>>,
}

/// An authenticated party on a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What its certificate proves.
    pub id: SpiffeId,
    /// `x-forwarded-client-cert` for the application.
    pub forwarded: HeaderValue,
    /// Such as `TLSv1_3`.
    pub tls_version: Option<String>,
    /// Key exchange group, such as `X25519MLKEM768`.
    pub tls_group: Option<String>,
}

impl Mutual {
    /// `timeout` is that of one handshake.
    pub fn new(identity: Arc<Current>, timeout: Duration) -> Self {
        Self { identity, timeout, kept: Mutex::default() }
    }

    /// The identity that is shown.
    pub fn identity(&self) -> Arc<Identity> {
        self.identity.load()
    }

    /// Does the handshake.
    ///
    /// # Errors
    /// It failed or took too long, or our certificate has expired.
    pub async fn accept(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Peer), Error> {
        let identity = self.identity.load();
        if identity.not_after() <= crate::clock::now() {
            return Err(Error::new(error::Kind::UpstreamIdentity, "our certificate has expired"));
        }
        let accepting = TlsAcceptor::from(self.config(&identity)?).accept(stream);
        let stream = tokio::time::timeout(self.timeout, accepting)
            .await
            .map_err(|_| Error::new(error::Kind::DownstreamTls, "limits.handshakeTimeout"))?
            .map_err(|cause| Error::handshake(error::Kind::DownstreamTls, &cause))?;
        let (_, session) = stream.get_ref();
        let leaf = session
            .peer_certificates()
            .and_then(|chain| chain.first())
            .ok_or_else(|| Error::new(error::Kind::DownstreamTls, "no client certificate"))?;
        let id = certs::verify::spiffe_id_of(leaf)
            .map_err(|cause| Error::new(error::Kind::DownstreamTls, cause))?;
        let forwarded = forwarded_client_cert(&identity, leaf, &id)?;
        let tls_version =
            session.protocol_version().and_then(|version| version.as_str()).map(str::to_owned);
        let group = session.negotiated_key_exchange_group();
        let tls_group = group.map(|group| format!("{:?}", group.name()));
        Ok((stream, Peer { id, forwarded, tls_version, tls_group }))
    }

    fn config(&self, identity: &Identity) -> Result<Arc<ServerConfig>, Error> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((fingerprint, config)) = &*kept
            && fingerprint == identity.fingerprint()
        {
            return Ok(Arc::clone(config));
        }
        let config = certs::tls::server_config(identity)
            .map_err(|cause| Error::new(error::Kind::UpstreamIdentity, cause))?;
        *kept = Some((identity.fingerprint().to_owned(), Arc::clone(&config)));
        Ok(config)
    }
}

/// `By=<our id>;Hash=<SHA-256 of the leaf>;URI=<peer id>`, in Envoy's syntax.
fn forwarded_client_cert(
    identity: &Identity,
    leaf: &[u8],
    id: &SpiffeId,
) -> Result<HeaderValue, Error> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, leaf);
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("By={};Hash={hex};URI={id}", identity.id()))
        .map_err(|cause| Error::new(error::Kind::DownstreamTls, cause))
}
