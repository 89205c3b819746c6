//! nginx as the registry: TLS 1.3 alone, client certificate required, PUT to disk by its dav
//! module, and a log of what TLS it saw.

use std::net::SocketAddr;

use super::process::{Running, eventually, free_address, http_get, listens, run};
use super::{REGISTRY, Site, bare, tool};

/// A running nginx; files land in `nginx/files` of the scratch folder.
#[derive(Debug)]
pub(crate) struct Nginx {
    pub(crate) address: SocketAddr,
    status: SocketAddr,
    process: Running,
}

/// One request as nginx logged it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) status: String,
    pub(crate) protocol: String,
    pub(crate) cipher: String,
    pub(crate) verified: String,
    /// PEM, percent-encoded.
    pub(crate) client_certificate: String,
    pub(crate) host: String,
    /// Anything of these that arrives names the workload's side.
    pub(crate) forwarded: String,
}

impl Nginx {
    pub(crate) fn start(site: &Site) -> Nginx {
        let (address, status) = (free_address(), free_address());
        let home = site.path("nginx");
        std::fs::create_dir_all(home.join("files")).expect("nginx's folders");
        let svid = site.issue("spiffe://example/ns/mlops/sa/registry", REGISTRY);
        let config = include_str!("nginx.conf")
            .replace("@GIT_BACKEND@", &super::git::backend().display().to_string())
            .replace("@HOME@", &home.display().to_string())
            .replace("@ADDRESS@", &address.to_string())
            .replace("@STATUS@", &status.to_string())
            .replace("@CHAIN@", &svid.chain.display().to_string())
            .replace("@KEY@", &svid.key.display().to_string())
            .replace("@BUNDLE@", &svid.bundle.display().to_string());
        let config = site.write("nginx.conf", config.as_bytes());
        let mut command = bare(site, &tool("nginx"));
        command.arg("-e").arg("stderr").arg("-p").arg(&home).arg("-c").arg(config);
        let mut process = Running::start(&mut command, site.path("nginx.log"));
        process.wait_until(|| listens(address) && listens(status));
        Nginx { address, status, process }
    }

    /// The file that a PUT to `path` left behind.
    pub(crate) fn file(&self, site: &Site, path: &str) -> Option<Vec<u8>> {
        std::fs::read(site.path("nginx/files").join(path.trim_start_matches('/'))).ok()
    }

    /// Every request so far. A line that nginx is still writing counts once it is whole.
    pub(crate) fn seen(&self, site: &Site) -> Vec<Seen> {
        let log = std::fs::read(site.path("nginx/access.log")).unwrap_or_default();
        let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text = std::str::from_utf8(&log[..whole]).expect("nginx's log is text");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a line of nginx's log"))
            .collect()
    }

    /// The one request for `path`, once it is logged.
    pub(crate) fn saw(&self, site: &Site, path: &str) -> Seen {
        eventually(&format!("nginx logs {path}: {}", self.process.said()), || {
            self.seen(site).into_iter().find(|seen| seen.uri == path)
        })
    }

    /// Connections accepted so far; asking for it is one itself.
    pub(crate) fn accepted(&self) -> u64 {
        let text = http_get(self.status, "/").expect("nginx's status");
        let line = text.lines().skip_while(|line| !line.starts_with("server accepts")).nth(1);
        let count = line.and_then(|line| line.split_whitespace().next()).expect("a count");
        count.parse().expect("a number")
    }
}

impl Seen {
    /// The client certificate as text, by openssl.
    pub(crate) fn certificate(&self, site: &Site) -> String {
        let pem = percent_decoded(&self.client_certificate);
        let path = site.write("client.pem", &pem);
        let mut openssl = bare(site, &tool("openssl"));
        run(openssl.args(["x509", "-noout", "-text", "-in"]).arg(path))
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().expect("a digit"), bytes.next().expect("a digit")];
            let digits = std::str::from_utf8(&digits).expect("hexadecimal");
            out.push(u8::from_str_radix(digits, 16).expect("hexadecimal"));
        } else {
            out.push(byte);
        }
    }
    out
}
