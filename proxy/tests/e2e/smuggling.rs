//! Requests with two readings, before three servers whose parsers have nothing in common: nginx, node and
//! gunicorn. None of those arrives; of what has one reading each server sees that one, as it was decided.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;

use serde_json::Value;

use super::harness::lazaret::{Lazaret, Upstreams};
use super::harness::nginx::Nginx;
use super::harness::process::{PATIENCE, Running, eventually, free_address, listens};
use super::harness::{REGISTRY, Site, audit, bare, python_tool, tool};
use super::raw_requests::{PUT, chunked_twice, framed_twice, named_twice, read_once};

/// A server that logs what it reads, and keeps the bodies.
struct Origin {
    address: SocketAddr,
    log: PathBuf,
    folder: PathBuf,
    _process: Option<Running>,
    _nginx: Option<Nginx>,
}

impl Origin {
    fn nginx(site: &Site) -> Origin {
        let nginx = Nginx::start(site);
        Origin {
            address: nginx.address,
            log: site.path("nginx/access.log"),
            folder: site.path("nginx/files"),
            _process: None,
            _nginx: Some(nginx),
        }
    }

    fn node(site: &Site) -> Origin {
        Origin::start(site, |address, [chain, key, bundle], log, folder| {
            let mut node = bare(site, &tool("node"));
            node.arg(script("origin.mjs")).arg(address.port().to_string());
            node.args([chain, key, bundle, log, folder]);
            node
        })
    }

    fn gunicorn(site: &Site) -> Origin {
        Origin::start(site, |address, [chain, key, bundle], log, folder| {
            let mut gunicorn = bare(site, &python_tool("gunicorn"));
            gunicorn.env("LOG", log).env("FOLDER", folder).env("PYTHONDONTWRITEBYTECODE", "1");
            gunicorn.arg("-b").arg(address.to_string()).arg("--chdir").arg(script(""));
            gunicorn.arg("--certfile").arg(chain).arg("--keyfile").arg(key);
            gunicorn.arg("--ca-certs").arg(bundle).args(["--cert-reqs", "2", "origin:app"]);
            gunicorn
        })
    }

    fn start(
        site: &Site,
        command: impl Fn(SocketAddr, [&PathBuf; 3], &PathBuf, &PathBuf) -> std::process::Command,
    ) -> Origin {
        let (address, log, folder) = (free_address(), site.write("seen", b""), site.path("files"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let svid = site.issue("spiffe://example/ns/mlops/sa/registry", REGISTRY);
        let mut command = command(address, [&svid.chain, &svid.key, &svid.bundle], &log, &folder);
        let mut process = Running::start(&mut command, site.path("origin.log"));
        process.wait_until(|| listens(address));
        Origin { address, log, folder, _process: Some(process), _nginx: None }
    }

    /// Method and target of every request so far.
    fn seen(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let line = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("a line of the server's log");
            let field = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            (field("method"), field("uri"))
        };
        text.lines().map(line).collect()
    }

    /// The same, once there are `count`: nginx answers before it logs.
    fn saw(&self, count: usize) -> Vec<(String, String)> {
        eventually(&format!("{count} requests"), || {
            Some(self.seen()).filter(|seen| seen.len() >= count)
        })
    }
}

fn script(name: &str) -> PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/clients").join(name)
}

/// Says `bytes` on a connection of their own, and hears all answers.
fn ask(proxy: SocketAddr, bytes: &str, is_closed: bool) -> String {
    #[expect(clippy::disallowed_methods, reason = "the test's own connection")]
    let mut stream = TcpStream::connect(proxy).expect("the proxy listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(bytes.as_bytes()).expect("it listens");
    if is_closed {
        stream.shutdown(Shutdown::Write).expect("it is open");
    }
    let mut answer = Vec::new();
    // A connection that is closed while it still has bytes for us is reset.
    let _reset = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn nginx_sees_the_requests_that_were_decided() {
    story(Origin::nginx);
}

#[test]
fn node_sees_the_requests_that_were_decided() {
    story(Origin::node);
}

#[test]
fn gunicorn_sees_the_requests_that_were_decided() {
    story(Origin::gunicorn);
}

fn story(start: fn(&Site) -> Origin) {
    let site = Site::new();
    let origin = start(&site);
    let upstreams = Upstreams { registry: origin.address.port(), ..Upstreams::NONE };
    let lazaret = Lazaret::start(&site, upstreams);

    let twice = framed_twice().into_iter().chain(named_twice()).map(|(bytes, _)| bytes);
    for bytes in twice.chain(chunked_twice()) {
        let answer = ask(lazaret.proxy, &bytes, true);
        let status = answer.get(9..12).unwrap_or("none");
        assert!(["400", "403", "none"].contains(&status), "{bytes:?}: {answer}");
        assert!(answer.matches("\r\ndate: ").count() <= 1, "a second answer: {bytes:?}: {answer}");
    }
    assert_eq!(origin.seen(), [], "what has two readings arrived");

    let mut decided = Vec::new();
    for (turn, (request, body)) in read_once().into_iter().enumerate() {
        let name = format!("once-{turn}");
        let answer = ask(lazaret.proxy, &closing(&request.replace("{}", &name)), false);
        assert!(answer.starts_with("HTTP/1.") && answer.contains(" 201 "), "{request:?}: {answer}");
        let record = audit::record(&site, &format!("/v2/{name}"));
        decided.push(what_was_decided(&record));
        assert_eq!(origin.saw(decided.len()), decided, "{request:?}");
        let kept = std::fs::read_to_string(origin.folder.join("v2").join(name)).expect("a file");
        assert_eq!(kept, body, "{request:?}");
    }
    // Two in one write are two, whatever stands in the first one's body.
    let put = |name: &str| PUT.replace("/v2/a", name) + "Content-Length: 5\r\n\r\nGET /";
    let two = put("/v2/first") + &closing(&put("/v2/second"));
    let answer = ask(lazaret.proxy, &two, false);
    assert_eq!(answer.matches("HTTP/1.1 20").count(), 2, "{answer}");
    for path in ["/v2/first", "/v2/second"] {
        decided.push(what_was_decided(&audit::record(&site, path)));
    }
    assert_eq!(origin.saw(decided.len()), decided);
}

/// The request, as the last on its connection.
fn closing(request: &str) -> String {
    request.replacen("\r\n", "\r\nConnection: close\r\n", 1)
}

fn what_was_decided(record: &Value) -> (String, String) {
    let field = |name: &str| record[name].as_str().expect("a field").to_owned();
    let target = field("target");
    let path = target.splitn(4, '/').nth(3).expect("a path");
    (field("method"), format!("/{path}"))
}
