//! What the other end of a connection proved, kept so that it can be proved again against another
//! trust bundle.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use certs::bundle::Bundle;
use certs::rotation::Current;
use certs::tls::Expect;
use certs::verify::{SpiffeClientVerifier, UpstreamVerifier};
use jiff::Timestamp;
use rustls::client::danger::ServerCertVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::cut::Cut;

/// The certificates of a handshake that was accepted, and when.
#[derive(Debug)]
pub struct Proof {
    chain: Vec<CertificateDer<'static>>,
    at: UnixTime,
    /// When the first of the certificates comes to its end.
    end: Option<Timestamp>,
    /// What an upstream had to prove; `None` for a peer that came in.
    expect: Option<Expect>,
}

/// A peer's connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) proof: Proof,
    pub(super) line: Cut,
    /// The identity of ours that it met, whose trust bundle vouches for it.
    pub(super) met: Arc<Current>,
}

impl Proof {
    /// Of a handshake that has just been accepted; `expect` is what an upstream had to prove.
    pub fn new(chain: &[CertificateDer<'_>], expect: Option<Expect>) -> Self {
        let ends = chain.iter().map(|one| certs::profile::validity(one));
        let end = ends.filter_map(Result::ok).map(|validity| validity.not_after).min();
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        Self { chain, at: unix(crate::clock::now()), end, expect }
    }

    /// Whether `bundle` vouches for it: now, or at the handshake's time, so that a certificate that
    /// has come to its end since is not taken for one that lost its root.
    pub fn holds(&self, bundle: &Arc<Bundle>, now: Timestamp) -> bool {
        let Some((leaf, rest)) = self.chain.split_first() else { return false };
        let verify = |at| match &self.expect {
            None => {
                let verifier = SpiffeClientVerifier::new(Arc::clone(bundle));
                verifier.verify_client_cert(leaf, rest, at).is_ok()
            }
            Some(expect) => {
                // Unused there: `expect` says which name must be proved.
                let name = ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
                UpstreamVerifier::new(Arc::clone(bundle), expect).is_ok_and(|verifier| {
                    verifier.verify_server_cert(leaf, rest, &name, &[], at).is_ok()
                })
            }
        };
        verify(unix(now)) || verify(self.at)
    }

    /// When the first of its certificates comes to its end.
    pub fn end(&self) -> Option<Timestamp> {
        self.end
    }
}

fn unix(at: Timestamp) -> UnixTime {
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}
