//! The verifier of an upstream: one expected peer, by SPIFFE ID or by server name, plus pins.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use spiffe::{SpiffeId, TrustDomain};

use super::{
    Chain, Expect, ExpectPeer, PeerError, Usage, algorithms, check_name, check_path, pin,
    server_name, timestamp,
};
use crate::bundle::Bundle;
use crate::profile;

/// Accepts one peer: the expected one. The name given to the connection chooses the SNI and no more.
#[derive(Debug)]
pub struct UpstreamVerifier {
    bundle: Arc<Bundle>,
    peer: Peer,
    pins: Vec<[u8; 32]>,
}

#[derive(Debug)]
enum Peer {
    Id(SpiffeId),
    Name(ServerName<'static>),
}

impl UpstreamVerifier {
    /// A verifier for one upstream.
    ///
    /// # Errors
    ///
    /// The expected server name is neither a DNS name nor an IP literal.
    pub fn new(
        bundle: Arc<Bundle>,
        expect: &Expect,
    ) -> Result<UpstreamVerifier, InvalidDnsNameError> {
        let peer = match &expect.peer {
            ExpectPeer::ServerName(name) => Peer::Name(server_name(name)?),
            ExpectPeer::SpiffeId(id) => Peer::Id(id.clone()),
        };
        Ok(UpstreamVerifier { bundle, peer, pins: expect.pins.clone() })
    }

    fn roots(
        &self,
        domain: &TrustDomain,
        now: UnixTime,
    ) -> Result<Arc<RootCertStore>, rustls::Error> {
        let unknown = || PeerError::UnknownTrustDomain { trust_domain: domain.clone() };
        Ok(self.bundle.roots_at(domain, timestamp(now)?).ok_or_else(unknown)?)
    }

    /// Path and identity; answers with the roots that vouched.
    fn check_peer(
        &self,
        chain: Chain<'_>,
        now: UnixTime,
    ) -> Result<Arc<RootCertStore>, rustls::Error> {
        match &self.peer {
            Peer::Id(expected) => {
                // The expected id, not the claimed one, chooses the roots.
                let presented = profile::check_leaf(chain.leaf).map_err(PeerError::from)?;
                let roots = self.roots(expected.trust_domain(), now)?;
                check_path(chain, &roots, Usage::ServerAuth, now)?;
                if presented != *expected {
                    let expected = expected.clone();
                    return Err(PeerError::OtherSpiffeId { expected, presented }.into());
                }
                Ok(roots)
            }
            Peer::Name(name) => {
                profile::check_server_leaf(chain.leaf).map_err(PeerError::Leaf)?;
                let roots = self.roots(self.bundle.own(), now)?;
                check_path(chain, &roots, Usage::ServerAuth, now)?;
                check_name(chain, name)?;
                Ok(roots)
            }
        }
    }
}

impl ServerCertVerifier for UpstreamVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = Chain { leaf: end_entity, intermediates };
        chain.check_length()?;
        let roots = self.check_peer(chain, now)?;
        if !self.pins.is_empty() {
            pin::check(chain, &roots, &self.pins, now)?;
        }
        Ok(ServerCertVerified::assertion())
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
