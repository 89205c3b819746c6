//! Fixtures of the unit tests: a fixed time, CAs, identities, forged certificates, and a handshake
//! that is pumped in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use rustls_pki_types::{CertificateDer, UnixTime};
use spiffe::{SpiffeId, TrustDomain};

use crate::ca::{Authority, BACKDATE, IssueRequest, IssuedSvid};
use crate::svid::Identity;
use crate::verify;

static COUNT: AtomicU64 = AtomicU64::new(0);

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// The moment at which every test plays.
pub(crate) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

pub(crate) fn after(wait: Duration) -> Timestamp {
    now() + wait
}

pub(crate) fn id(text: &str) -> SpiffeId {
    SpiffeId::parse(text).unwrap()
}

pub(crate) fn domain(text: &str) -> TrustDomain {
    TrustDomain::parse(text).unwrap()
}

pub(crate) fn authority(trust_domain: &str) -> Authority {
    Authority::init(&domain(trust_domain), DAY, now()).unwrap()
}

pub(crate) fn request(spiffe_id: &str) -> IssueRequest {
    IssueRequest {
        id: id(spiffe_id),
        dns: vec!["svc.a.example".to_owned()],
        ips: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
        lifetime: HOUR,
        backdate: BACKDATE,
    }
}

pub(crate) fn issue(authority: &Authority, spiffe_id: &str) -> IssuedSvid {
    authority.issue(&request(spiffe_id), now()).unwrap()
}

/// An identity of `authority` that trusts `bundle`.
pub(crate) fn identity(authority: &Authority, spiffe_id: &str, bundle: &str) -> Identity {
    read(&issue(authority, spiffe_id), bundle)
}

pub(crate) fn read(svid: &IssuedSvid, bundle: &str) -> Identity {
    let (chain, key) = (svid.chain_pem.as_bytes(), svid.key_pem.as_bytes());
    Identity::from_pem(chain, key, bundle.as_bytes(), now()).unwrap()
}

/// A clock that stands still.
#[derive(Debug)]
pub(crate) struct Clock(pub(crate) Timestamp);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(verify::unix_time(self.0))
    }
}

pub(crate) fn clock(at: Timestamp) -> Arc<dyn TimeProvider> {
    Arc::new(Clock(at))
}

/// A CA that signs whatever it is given, unlike [`Authority`].
pub(crate) struct Forge {
    pub(crate) pem: String,
    pub(crate) der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Forge {
    /// A root; `change` starts from a correct SPIFFE CA of `a.example`.
    pub(crate) fn root(change: impl FnOnce(&mut CertificateParams)) -> Forge {
        let mut params = ca_params("forged root");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Forge::from_parts(params, key, &certificate)
    }

    /// A CA below this one.
    pub(crate) fn intermediate(&self, change: impl FnOnce(&mut CertificateParams)) -> Forge {
        let mut params = ca_params("forged intermediate");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Forge::from_parts(params, key, &certificate)
    }

    /// A leaf; `change` starts from a correct X509-SVID of `spiffe://a.example/peer`.
    pub(crate) fn leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> IssuedSvid {
        let mut params = leaf_params();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        IssuedSvid { chain_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }

    fn from_parts(params: CertificateParams, key: KeyPair, made: &rcgen::Certificate) -> Forge {
        let (pem, der) = (made.pem(), made.der().clone());
        Forge { pem, der, issuer: Issuer::new(params, key) }
    }
}

fn dates(params: &mut CertificateParams, life: Duration) {
    let second = |at: Timestamp| time::OffsetDateTime::from_unix_timestamp(at.as_second()).unwrap();
    params.not_before = second(now() - BACKDATE);
    params.not_after = second(now() + life);
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    dates(&mut params, DAY);
    // Path building looks for issuers by name, so every CA has its own.
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    params.distinguished_name.push(DnType::CommonName, format!("{name} {count}"));
    params.subject_alt_names = vec![uri("spiffe://a.example")];
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    dates(&mut params, HOUR);
    params.distinguished_name.push(DnType::CommonName, "forged leaf");
    params.subject_alt_names =
        vec![uri("spiffe://a.example/peer"), SanType::DnsName("svc.a.example".try_into().unwrap())];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}

pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// An extension as raw DER, for what rcgen would never write.
pub(crate) fn raw_extension(oid: &[u64], critical: bool, content: &[u8]) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
    extension.set_criticality(critical);
    extension
}

pub(crate) fn der(pem: &str) -> CertificateDer<'static> {
    crate::pem::certificates(pem.as_bytes()).unwrap().remove(0)
}

/// Both ends of a finished handshake.
pub(crate) struct Shaken {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
}

/// Who gave up first, and why.
#[derive(Debug)]
pub(crate) enum Failed {
    Client(rustls::Error),
    Server(rustls::Error),
}

/// Pumps a handshake to its end, with the server name `svc.a.example` as SNI.
pub(crate) fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> Result<Shaken, Failed> {
    let name = "svc.a.example".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    loop {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let sent = wire.len();
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            server.read_tls(&mut unread).unwrap();
            server.process_new_packets().map_err(Failed::Server)?;
        }
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            client.read_tls(&mut unread).unwrap();
            client.process_new_packets().map_err(Failed::Client)?;
        }
        // Once more after the end, so that a late alert or ticket arrives too.
        if sent + wire.len() == 0 {
            assert!(!client.is_handshaking() && !server.is_handshaking(), "stuck");
            return Ok(Shaken { client, server });
        }
    }
}
