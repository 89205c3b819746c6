//! `lazaret certs init|issue|inspect`: a small CA for trying things out and for sites without one.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use certs::ca::{Authority, BACKDATE, IssueRequest};
use certs::store::{self, Existing};
use clap::Subcommand;
use spiffe::{SpiffeId, TrustDomain};

use super::print;
use crate::clock;

#[derive(Debug, Subcommand)]
pub(super) enum CertsCommand {
    /// Makes a CA: `ca.pem` and `ca-key.pem` (0600).
    Init {
        /// The trust domain that it signs for.
        #[arg(long)]
        trust_domain: TrustDomain,
        /// Its folder.
        #[arg(long)]
        out: PathBuf,
        /// How long it lives, such as 24h or 365d.
        #[arg(long, value_parser = lifetime, default_value = "365d")]
        lifetime: Duration,
    },
    /// Shows what a PEM file holds.
    Inspect {
        /// Certificates in PEM.
        path: PathBuf,
    },
    /// Issues an SVID: `chain.pem`, `key.pem` (0600), `bundle.pem`. Files that exist are replaced,
    /// so that a running sidecar rotates.
    Issue {
        /// The CA's folder.
        #[arg(long)]
        ca: PathBuf,
        /// Such as spiffe://hospital.example/ns/train/sa/trainer.
        #[arg(long)]
        id: SpiffeId,
        /// DNS names.
        #[arg(long)]
        dns: Vec<String>,
        /// Addresses.
        #[arg(long)]
        ip: Vec<IpAddr>,
        /// How long it lives, such as 1h.
        #[arg(long, value_parser = lifetime, default_value = "1h")]
        lifetime: Duration,
        /// Its folder.
        #[arg(long)]
        out: PathBuf,
    },
}

impl CertsCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Init { trust_domain, out, lifetime } => {
                let authority = Authority::init(&trust_domain, lifetime, clock::now())?;
                store::save_authority(&out, &authority, Existing::Keep)?;
                print(&format!("{}\n", out.join(store::CA_CERTIFICATE).display()))
            }
            Self::Inspect { path } => {
                let pem = store::read(&path)?;
                print(&certs::inspect::describe_at(&String::from_utf8_lossy(&pem), clock::now())?)
            }
            Self::Issue { ca, id, dns, ip, lifetime, out } => {
                let authority = store::load_authority(&ca)?;
                let request = IssueRequest { id, dns, ips: ip, lifetime, backdate: BACKDATE };
                let svid = authority.issue(&request, clock::now())?;
                store::save_svid(&out, &svid, authority.certificate_pem(), Existing::Replace)?;
                print(&format!("{}\n", out.join(store::SVID_CHAIN).display()))
            }
        }
    }
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let hint = "write it as 90s, 15m, 1h or 365d";
    let span: jiff::Span = text.parse().map_err(|_| hint.to_owned())?;
    let duration =
        span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| hint.to_owned())?;
    Duration::try_from(duration).ok().filter(|d| !d.is_zero()).ok_or_else(|| hint.to_owned())
}
