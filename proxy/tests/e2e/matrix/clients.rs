//! The rows of the matrix: how each client is run, which ways it cannot go, and what is asserted of a
//! pass and of a refusal: what the client printed, what the upstream saw, what is on record.

use std::process::Command;

use serde_json::Value;

use super::super::harness::git::{commit, git, head};
use super::super::harness::process::{Finished, eventually, finished, run};
use super::super::harness::{SSN, Site, audit, bare, client, make_file, tool};
use super::world::{Service, Way, World};

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    Clean,
    Leak,
}

impl Load {
    fn name(self) -> &'static str {
        match self {
            Load::Clean => "clean",
            Load::Leak => "leak",
        }
    }
}

/// A row.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) name: &'static str,
    cannot: &'static [(Way, &'static str)],
    /// Sends a load by a way, asserts what became of it, and gives back what was printed.
    pub(super) run: fn(&World, Way, Load) -> String,
}

impl Client {
    /// Why it cannot go this way.
    pub(super) fn cannot(&self, way: Way) -> Option<&'static str> {
        self.cannot.iter().find(|(cannot, _)| *cannot == way).map(|(_, reason)| *reason)
    }
}

const BY_ALPN: &str = "it speaks HTTP/2 where TLS offers it, and this way is plaintext";
const NO_SOCKS: &str = "it knows no SOCKS proxy";
const NO_PROXY: &str = "it knows no proxy";

pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "curl, HTTP/1.1",
        cannot: &[],
        run: |world, way, load| put(world, "curl", way, load),
    },
    Client {
        name: "curl, HTTP/2",
        cannot: &[(Way::Forward, "curl speaks HTTP/1.1 to a proxy in plaintext")],
        run: |world, way, load| put(world, "curl2", way, load),
    },
    Client {
        name: "requests",
        cannot: &[],
        run: |world, way, load| put(world, "requests", way, load),
    },
    Client {
        name: "httpx, HTTP/1.1",
        cannot: &[],
        run: |world, way, load| put(world, "httpx", way, load),
    },
    Client {
        name: "httpx, HTTP/2",
        cannot: &[(Way::Forward, BY_ALPN), (Way::Link, BY_ALPN)],
        run: |world, way, load| put(world, "httpx2", way, load),
    },
    Client {
        name: "aiohttp",
        cannot: &[],
        run: |world, way, load| put(world, "aiohttp", way, load),
    },
    Client {
        name: "node fetch",
        cannot: &[(Way::Socks, NO_SOCKS)],
        run: |world, way, load| put(world, "node", way, load),
    },
    Client {
        name: "h2load, HTTP/2",
        cannot: &[(Way::Connect, NO_PROXY), (Way::Socks, NO_PROXY)],
        run: h2load,
    },
    Client { name: "git", cannot: &[], run: repository },
    Client { name: "boto3", cannot: &[(Way::Socks, NO_SOCKS)], run: object },
    Client {
        name: "grpcio",
        cannot: &[(Way::Forward, "it asks any proxy by CONNECT"), (Way::Socks, NO_SOCKS)],
        run: call,
    },
    Client {
        name: "psql",
        cannot: &[(Way::Forward, "it speaks no HTTP"), (Way::Socks, NO_PROXY)],
        run: query,
    },
];

/// The closing record of an exchange whose target ends so, once it is there.
fn record(world: &World, way: Way, is_meant: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("a record by {}", way.name()), || {
        let lines = audit::lines_in(&world.log(way));
        lines.into_iter().find(|line| line["type"] == "close" && is_meant(line))
    })
}

fn targets<'a>(end: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |line| line["target"].as_str().is_some_and(|target| target.ends_with(end))
}

fn assert_refused(record: &Value, said: &str) {
    assert_eq!(record["reason"], "finding", "{record:#} {said}");
    // A commit's author is found, too, and let pass.
    let mut findings = record["findings"].as_array().into_iter().flatten();
    assert!(findings.any(|finding| finding["identifier"] == "ssn"), "{record:#}");
    assert_eq!((&record["bytes_released"], &record["opened"]), (&0.into(), &false.into()));
}

/// A PUT to nginx.
fn put(world: &World, name: &str, way: Way, load: Load) -> String {
    let site = &world.site;
    let path = format!("/v2/{name}-{}-{}", way.name(), load.name());
    let kind = if load == Load::Clean { "checkpoint" } else { "note" };
    let file = make_file(site, kind, &format!("{name}-{}-{}", way.name(), load.name()));
    let url = world.url(way, Service::Registry) + &path;
    let mut command = program(site, name, way);
    match name {
        "curl" | "curl2" => command.arg("-T").arg(&file).arg(&url),
        "node" => {
            command.arg(&url).arg(&file);
            let is_told = matches!(way, Way::Forward | Way::Connect);
            command.args(is_told.then(|| world.lazaret.proxy_url()))
        }
        _ => command.arg(&url).arg(&file),
    };
    let done = finished(&mut world.lead(way, &command));
    let said = done.said();
    let arrived = world.nginx.file(site, &path);
    let record = record(world, way, targets(&path));
    match load {
        Load::Clean => {
            assert!(done.status.success() && done.out.contains("201"), "{name} {way:?}: {said}");
            assert!(arrived == std::fs::read(&file).ok(), "{name} {way:?}: other bytes");
            assert_eq!((&record["action"], &record["status"]), (&"allow".into(), &201.into()));
            if name.ends_with('2') {
                assert!(done.out.contains("HTTP/2"), "{name} {way:?}: {said}");
            }
        }
        Load::Leak => {
            assert!(
                done.out.contains("403") && done.out.contains("\"finding\""),
                "{name} {way:?}: {said}"
            );
            assert_eq!(arrived, None, "{name} {way:?}");
            assert!(world.nginx.seen(site).iter().all(|seen| seen.uri != path), "{name} {way:?}");
            assert_refused(&record, &said);
        }
    }
    done.out
}

/// A client that PUTs, without its arguments.
fn program(site: &Site, name: &str, way: Way) -> Command {
    match name {
        "curl" | "curl2" => {
            let version = match (name, way) {
                ("curl", _) => "--http1.1",
                (_, Way::Link) => "--http2-prior-knowledge",
                (_, Way::Connect | Way::Forward | Way::Redirected | Way::Socks) => "--http2",
            };
            let mut curl = bare(site, &tool("curl"));
            curl.args(["-q", "-sS", "--max-time", "60", version]);
            curl.args(["-w", "\\nHTTP/%{http_version} %{http_code}"]);
            curl
        }
        "node" => {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
            let undici = root.join("../target/e2e-node/node_modules/undici");
            assert!(undici.exists(), "{} is missing: run .ci/install", undici.display());
            let mut node = bare(site, &tool("node"));
            node.arg(root.join("tests/e2e/clients/put.mjs")).arg(undici);
            node
        }
        _ => {
            let mut python = client(site, "put_by.py");
            python.arg(name);
            python
        }
    }
}

/// Twenty PUTs over two connections, all of one body.
fn h2load(world: &World, way: Way, load: Load) -> String {
    let site = &world.site;
    let path = format!("/v2/h2load-{}-{}", way.name(), load.name());
    let text = format!("the patient's ssn is {SSN}");
    let text = if load == Load::Clean { "the loss went down again" } else { &text };
    let body = site.write(&path.replace("/v2/", ""), text.as_bytes());
    let mut command = bare(site, &tool("h2load"));
    command.args(["-n", "20", "-c", "2", "-m", "5", "-H", ":method: PUT", "-d"]).arg(&body);
    if way == Way::Forward {
        command.args(["--connect-to", &world.lazaret.proxy.to_string()]);
    }
    command.arg(world.url(way, Service::Registry) + &path);
    let done = finished(&mut world.lead(way, &command));
    let counts = match load {
        Load::Clean => "status codes: 20 2xx, 0 3xx, 0 4xx, 0 5xx",
        Load::Leak => "status codes: 0 2xx, 0 3xx, 20 4xx, 0 5xx",
    };
    assert!(done.out.contains(counts), "{way:?}: {}", done.said());
    let arrived = world.nginx.file(site, &path);
    assert_eq!(arrived.is_some(), load == Load::Clean, "{way:?}");
    if load == Load::Leak {
        assert_refused(&record(world, way, targets(&path)), &done.out);
    }
    let lines =
        done.out.lines().filter(|line| line.starts_with("status") || line.contains("protocol"));
    lines.collect::<Vec<_>>().join("; ")
}

/// A clone and a push.
fn repository(world: &World, way: Way, load: Load) -> String {
    let site = &world.site;
    let name = format!("{}-{}", way.name(), load.name());
    world.repositories.add(site, &name);
    let (work, before) = (site.path(&name), world.repositories.main(site, &name));
    let url = format!("{}/code/{name}.git", world.url(way, Service::Registry));
    let mut clone = git(site);
    clone.args(["clone", &url]).arg(&work);
    let cloned = finished(&mut world.lead(way, &clone));
    assert!(cloned.status.success(), "{way:?}: {}", cloned.said());
    assert_eq!(head(site, &work), before, "{way:?}: another commit was cloned");

    let note = format!("patient ssn {SSN}\n");
    let text = if load == Load::Clean { "beds: 12\n" } else { &note };
    std::fs::write(work.join("notes.txt"), text).expect("a file");
    commit(site, &work, "Count the beds");
    let mut push = git(site);
    push.args(["-c", "pack.window=0", "-C"]).arg(&work).args(["push", "origin", "main"]);
    let pushed = finished(&mut world.lead(way, &push));
    let after = world.repositories.main(site, &name);
    match load {
        Load::Clean => {
            assert!(pushed.status.success(), "{way:?}: {}", pushed.said());
            assert_eq!(after, head(site, &work), "{way:?}: another commit arrived");
        }
        Load::Leak => {
            assert!(!pushed.status.success(), "{way:?}: {}", pushed.said());
            assert!(pushed.err.contains("403"), "{way:?}: {}", pushed.said());
            assert_eq!(after, before, "{way:?}: the commit arrived");
            let path = format!("/code/{name}.git/git-receive-pack");
            let is_push = targets(&path);
            let refused = record(world, way, |line| is_push(line) && line["action"] == "block");
            assert_refused(&refused, &pushed.err);
        }
    }
    pushed.err
}

/// An object of S3.
fn object(world: &World, way: Way, load: Load) -> String {
    let key = format!("{}-{}", way.name(), load.name());
    let kind = if load == Load::Clean { "checkpoint" } else { "note" };
    let file = make_file(&world.site, kind, &format!("object-{key}"));
    let mut command = client(&world.site, "object.py");
    command.args([&world.url(way, Service::S3), &key]).arg(file);
    let done = finished(&mut world.lead(way, &command));
    match load {
        Load::Clean => assert_eq!(done.out, "identical\n", "{way:?}: {}", done.said()),
        Load::Leak => {
            assert!(done.out.contains("(AccessDenied)"), "{way:?}: {}", done.said());
            assert!(done.out.contains("objects: 0"), "{way:?}: {}", done.said());
            let path = format!("/models/{key}");
            assert_refused(&record(world, way, targets(&path)), &done.out);
        }
    }
    done.out
}

/// A unary call.
fn call(world: &World, way: Way, load: Load) -> String {
    let site = &world.site;
    let note = format!("{} {}", way.name(), if load == Load::Clean { "beds: 12" } else { SSN });
    let text = if load == Load::Clean { note.clone() } else { format!("ssn {note}") };
    let security = if way == Way::Link { "plain" } else { "tls" };
    let mut command = client(site, "call.py");
    command.args([&world.place(way, Service::Calls), security, &text]);
    let done = finished(&mut world.lead(way, &command));
    let messages = std::fs::read_to_string(site.path("messages.log")).expect("the server's log");
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(messages.contains(&hex), load == Load::Clean, "{way:?}: {}", done.said());
    match load {
        Load::Clean => assert_eq!(done.out, "identical\n", "{way:?}: {}", done.said()),
        Load::Leak => {
            assert!(done.out.starts_with("PERMISSION_DENIED"), "{way:?}: {}", done.said());
            let is_call = targets("/lab.Study/Unary");
            record(world, way, |line| is_call(line) && line["reason"] == "finding");
        }
    }
    done.out
}

/// A row for a table, through a raw tunnel.
fn query(world: &World, way: Way, load: Load) -> String {
    let place = match way {
        // psql has no proxy: a relay asks for the tunnel.
        Way::Connect => world.relay.to_string(),
        Way::Forward | Way::Link | Way::Redirected | Way::Socks => world.place(way, Service::Sql),
    };
    let ask = |place: &str, sql: &str| {
        let mut psql = bare(&world.site, &tool("psql"));
        let url = format!("postgresql://trainer@{place}/postgres?sslmode=disable");
        psql.args([&url, "-XAtqc", sql]);
        psql
    };
    let table = format!("{}_{}", way.name(), load.name());
    let direct = world.postgres.address.to_string();
    run(&mut ask(&direct, &format!("create table {table} (note text)")));
    let note = if load == Load::Clean { "beds: 12".to_owned() } else { format!("ssn {SSN}") };
    let sql = format!("insert into {table} values ('{note}') returning note");
    let done: Finished = finished(&mut world.lead(way, &ask(&place, &sql)));
    let kept = run(&mut ask(&direct, &format!("select note from {table}")));
    match load {
        Load::Clean => {
            assert_eq!((done.out.as_str(), kept.as_str()), ("beds: 12\n", "beds: 12\n"), "{way:?}");
            done.out
        }
        Load::Leak => {
            assert!(!done.status.success(), "{way:?}: {}", done.said());
            assert_eq!(kept, "", "{way:?}: the row arrived");
            let end = format!(":{}", world.port(Service::Sql));
            let is_tunnel = targets(&end);
            record(world, way, |line| is_tunnel(line) && line["reason"] == "finding");
            done.err
        }
    }
}
