//! The verifier of a mutual listener: who may be a client at all.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::{Chain, PeerError, Usage, algorithms, check_path, timestamp};
use crate::bundle::Bundle;
use crate::profile;

/// Accepts any X509-SVID that chains to the roots of its own trust domain. Which of those peers may
/// do what is policy's question, not this one's.
#[derive(Debug)]
pub struct SpiffeClientVerifier {
    bundle: Arc<Bundle>,
    hints: Vec<DistinguishedName>,
}

impl SpiffeClientVerifier {
    /// A verifier over all trust domains of the bundle. A client certificate is mandatory.
    #[must_use]
    pub fn new(bundle: Arc<Bundle>) -> SpiffeClientVerifier {
        let hints = bundle.subjects();
        SpiffeClientVerifier { bundle, hints }
    }
}

impl ClientCertVerifier for SpiffeClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let chain = Chain { leaf: end_entity, intermediates };
        chain.check_length()?;
        // The claimed id only chooses the roots; nothing is believed before the path holds.
        let id = profile::check_leaf(end_entity).map_err(PeerError::from)?;
        let trust_domain = id.trust_domain();
        let roots = self
            .bundle
            .roots_at(trust_domain, timestamp(now)?)
            .ok_or_else(|| PeerError::UnknownTrustDomain { trust_domain: trust_domain.clone() })?;
        check_path(chain, &roots, Usage::ClientAuth, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}
