//! TLS 1.3 mutual settings from PEM files, with AES-256-GCM alone, so that all proxies measured
//! do the same cipher work.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Certificates of one end. All three or none.
#[derive(Debug, Clone, Args)]
pub(crate) struct Material {
    /// Certificate chain, PEM, leaf first.
    #[arg(long, requires_all = ["key", "bundle"])]
    pub(crate) chain: Option<PathBuf>,
    /// Private key, PEM.
    #[arg(long, requires = "chain")]
    pub(crate) key: Option<PathBuf>,
    /// Certificates that the other end's chain must lead to, PEM.
    #[arg(long, requires = "chain")]
    pub(crate) bundle: Option<PathBuf>,
}

/// The same, read.
#[derive(Debug)]
struct Loaded {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

impl Material {
    /// `chain.pem`, `key.pem` and `bundle.pem` of a folder.
    pub(crate) fn in_folder(folder: &std::path::Path) -> Material {
        let file = |name| Some(folder.join(name));
        Material { chain: file("chain.pem"), key: file("key.pem"), bundle: file("bundle.pem") }
    }

    fn load(&self) -> anyhow::Result<Option<Loaded>> {
        let (Some(chain), Some(key), Some(bundle)) = (&self.chain, &self.key, &self.bundle) else {
            return Ok(None);
        };
        let certificates = |path: &PathBuf| -> anyhow::Result<Vec<_>> {
            CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .with_context(|| format!("cannot read certificates from {}", path.display()))
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(bundle)? {
            roots.add(certificate).with_context(|| format!("bad root in {}", bundle.display()))?;
        }
        let key = PrivateKeyDer::from_pem_file(key)
            .with_context(|| format!("cannot read a key from {}", key.display()))?;
        Ok(Some(Loaded { chain: certificates(chain)?, key, roots: Arc::new(roots) }))
    }

    /// A server that asks for and verifies a client certificate, without tickets; `None` without
    /// material.
    pub(crate) fn server(&self) -> anyhow::Result<Option<Arc<ServerConfig>>> {
        let Some(loaded) = self.load()? else { return Ok(None) };
        let provider = provider();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(loaded.roots, Arc::clone(&provider))
                .build()
                .context("cannot verify clients with this bundle")?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(loaded.chain, loaded.key)
            .context("the chain and the key do not fit")?;
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Arc::new(config)))
    }

    /// A client that shows its certificate; `None` without material.
    pub(crate) fn client(&self) -> anyhow::Result<Option<Arc<ClientConfig>>> {
        let Some(loaded) = self.load()? else { return Ok(None) };
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(loaded.roots)
            .with_client_auth_cert(loaded.chain, loaded.key)
            .context("the chain and the key do not fit")?;
        Ok(Some(Arc::new(config)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .retain(|suite| suite.suite() == rustls::CipherSuite::TLS13_AES_256_GCM_SHA384);
    Arc::new(provider)
}
