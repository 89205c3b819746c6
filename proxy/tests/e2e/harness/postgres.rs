//! A PostgreSQL server of its own, and the way to it through CONNECT, which psql has not.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::process::{Running, free_address, listens, run};
use super::{Site, bare, tool};

/// A running server.
#[derive(Debug)]
pub(crate) struct Postgres {
    pub(crate) address: SocketAddr,
    _process: Running,
    _folder: tempfile::TempDir,
}

impl Postgres {
    pub(crate) fn start(site: &Site) -> Postgres {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let owner = owner();
        std::os::unix::fs::chown(folder.path(), owner, None).expect("to give the folder away");
        let data = folder.path().join("data");
        let as_owner = |name: &str| {
            let mut command = bare(site, &program(name));
            command.current_dir("/");
            if let Some(owner) = owner {
                command.uid(owner);
            }
            command
        };
        run(as_owner("initdb").args(["-A", "trust", "-U", "trainer", "-D"]).arg(&data));
        let address = free_address();
        let mut server = as_owner("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(folder.path());
        server.args(["-h", "127.0.0.1", "-p", &address.port().to_string()]);
        let mut process = Running::start(&mut server, site.path("postgres.log"));
        process.wait_until(|| listens(address));
        Postgres { address, _process: process, _folder: folder }
    }
}

/// PostgreSQL does not run as root; its package makes a user.
fn owner() -> Option<u32> {
    let users = std::fs::read_to_string("/etc/passwd").expect("users");
    let is_root = rustix::process::geteuid().is_root();
    let id = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == "postgres").then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    id.filter(|_| is_root)
}

fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let found = versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    found
        .map(|bin| bin.join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("`{name}` is missing: run .ci/install"))
}

/// `psql` to `address`, without TLS of its own.
pub(crate) fn psql(site: &Site, address: SocketAddr, sql: &str) -> Command {
    let mut psql = bare(site, &tool("psql"));
    let (host, port) = (address.ip(), address.port());
    let url = format!("postgresql://trainer@{host}:{port}/postgres?sslmode=disable");
    psql.args([&url, "-XAtqc", sql]);
    psql
}

/// Listens, and leads every connection to `authority` through CONNECT at `proxy`.
pub(crate) fn relay(proxy: SocketAddr, authority: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let authority = authority.clone();
            std::thread::spawn(move || lead(client, proxy, &authority));
        }
    });
    address
}

fn lead(mut client: TcpStream, proxy: SocketAddr, authority: &str) -> Option<()> {
    #[expect(clippy::disallowed_methods, reason = "the test's own connection")]
    let mut tunnel = TcpStream::connect(proxy).ok()?;
    write!(tunnel, "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n").ok()?;
    let mut reader = BufReader::with_capacity(1, tunnel.try_clone().ok()?);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    }
    let (mut up, mut down) = (client.try_clone().ok()?, tunnel.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ended = std::io::copy(&mut up, &mut down);
        let _gone = down.shutdown(std::net::Shutdown::Write);
    });
    let _ended = std::io::copy(&mut tunnel, &mut client);
    let _gone = client.shutdown(std::net::Shutdown::Both);
    Some(())
}
