//! Certificates: a CA of the trust domain, one that nobody trusts, and TLS configurations whose
//! verifiers are rustls' own, so that ours are not judged by themselves.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use certs::ca::{Authority, BACKDATE, IssueRequest};
use jiff::Timestamp;
use rustls::client::Resumption;
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use spiffe::{SpiffeId, TrustDomain};

const HOUR: Duration = Duration::from_secs(3600);

/// A certificate authority.
pub(crate) struct Pki {
    authority: Authority,
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Svid {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
}

impl Pki {
    /// A CA of the tests' trust domain. Two of them do not know each other.
    pub(crate) fn new() -> Pki {
        Pki::of("hospital.example")
    }

    /// A CA of another trust domain.
    pub(crate) fn of(domain: &str) -> Pki {
        let domain = TrustDomain::parse(domain).unwrap();
        let yesterday = proxy::clock::now() - 24 * HOUR;
        Pki { authority: Authority::init(&domain, 72 * HOUR, yesterday).unwrap() }
    }

    /// Issues for an hour.
    pub(crate) fn issue(&self, id: &str, dns: &[&str]) -> Svid {
        self.issue_at(id, dns, (proxy::clock::now(), HOUR))
    }

    /// Issues at `from` for `lifetime`.
    pub(crate) fn issue_at(
        &self,
        id: &str,
        dns: &[&str],
        (from, lifetime): (Timestamp, Duration),
    ) -> Svid {
        let request = IssueRequest {
            id: SpiffeId::parse(id).unwrap(),
            dns: dns.iter().map(|name| (*name).to_owned()).collect(),
            ips: vec!["127.0.0.1".parse().unwrap()],
            lifetime,
            backdate: BACKDATE,
        };
        let issued = self.authority.issue(&request, from).unwrap();
        Svid { chain_pem: issued.chain_pem, key_pem: issued.key_pem }
    }

    /// A certificate that ended an hour ago.
    pub(crate) fn issue_expired(&self, id: &str, dns: &[&str]) -> Svid {
        self.issue_at(id, dns, (proxy::clock::now() - 2 * HOUR, HOUR))
    }

    /// The CA's certificate.
    pub(crate) fn bundle_pem(&self) -> &str {
        self.authority.certificate_pem()
    }

    fn roots(&self) -> Arc<RootCertStore> {
        roots_of(self.bundle_pem())
    }

    /// TLS of an upstream that asks for a client certificate.
    pub(crate) fn mutual_server(&self, svid: &Svid) -> Arc<ServerConfig> {
        let clients =
            WebPkiClientVerifier::builder_with_provider(self.roots(), certs::tls::provider());
        let clients = clients.build().unwrap();
        let config = ServerConfig::builder_with_provider(certs::tls::provider())
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(svid.chain(), svid.key());
        Arc::new(config.unwrap())
    }

    /// TLS of a client that trusts this CA, with a certificate of its own or without.
    pub(crate) fn client(&self, svid: Option<&Svid>) -> Arc<ClientConfig> {
        client_trusting(self.bundle_pem(), svid)
    }
}

impl Svid {
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.chain_pem.as_bytes()).map(Result::unwrap).collect()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).unwrap()
    }

    /// SHA-256 of the leaf, in hexadecimal.
    pub(crate) fn fingerprint(&self) -> String {
        fingerprint(&self.chain()[0])
    }

    /// The pin of the leaf's public key, as a policy writes it.
    pub(crate) fn pin(&self) -> String {
        let described = certs::inspect::describe(&self.chain_pem).unwrap();
        let pin = described.split_whitespace().find(|word| word.starts_with("sha256:"));
        pin.unwrap().to_owned()
    }

    /// Writes the three files of an identity, in the order in which a careless writer would.
    pub(crate) fn write(&self, folder: &Path, bundle_pem: &str) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("chain.pem"), &self.chain_pem).unwrap();
        std::fs::write(folder.join("key.pem"), &self.key_pem).unwrap();
        std::fs::write(folder.join("bundle.pem"), bundle_pem).unwrap();
    }
}

/// TLS of an upstream that asks for nothing.
pub(crate) fn plain_server(svid: &Svid) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(certs::tls::provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(svid.chain(), svid.key());
    Arc::new(config.unwrap())
}

/// The same TLS with other application protocols on offer.
pub(crate) fn offering(config: &ClientConfig, protocols: &[&[u8]]) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

/// A server that takes HTTP/2 by ALPN.
pub(crate) fn with_http2(config: &ServerConfig) -> Arc<ServerConfig> {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// TLS of a client that trusts the CA in `pem` alone, and offers HTTP/1.1.
pub(crate) fn client_trusting(pem: &str, svid: Option<&Svid>) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(certs::tls::provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots_of(pem));
    let mut config = match svid {
        Some(svid) => builder.with_client_auth_cert(svid.chain(), svid.key()).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// SHA-256 of a certificate, in hexadecimal.
pub(crate) fn fingerprint(certificate: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn roots_of(pem: &str) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    Arc::new(roots)
}
