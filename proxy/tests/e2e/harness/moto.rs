//! moto's S3 server over TLS, without client certificates.

use std::net::SocketAddr;

use super::process::{Running, free_address, listens};
use super::{S3, Site, bare, python_tool};

/// A running moto.
#[derive(Debug)]
pub(crate) struct Moto {
    pub(crate) address: SocketAddr,
    process: Running,
}

impl Moto {
    pub(crate) fn start(site: &Site) -> Moto {
        let address = free_address();
        let svid = site.issue("spiffe://example/ns/mlops/sa/s3", S3);
        let mut command = bare(site, &python_tool("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
        command.arg("-c").arg(&svid.chain).arg("-k").arg(&svid.key);
        // moto would otherwise take the first label of the host for a bucket.
        command.env("S3_IGNORE_SUBDOMAIN_BUCKETNAME", "true");
        let mut process = Running::start(&mut command, site.path("moto.log"));
        process.wait_until(|| listens(address));
        Moto { address, process }
    }

    /// Requests so far whose line holds `what`, in moto's own access log.
    pub(crate) fn requests(&self, what: &str) -> usize {
        self.process.said().lines().filter(|l| l.contains("HTTP/1.1\"") && l.contains(what)).count()
    }
}
