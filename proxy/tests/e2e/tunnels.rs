//! Real clients by SOCKS5 and through raw tunnels: curl (HTTP, HTTPS, SMTP, whose server speaks first)
//! and psql.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};

use super::harness::lazaret::{Lazaret, Upstreams};
use super::harness::nginx::Nginx;
use super::harness::postgres::{Postgres, psql, relay};
use super::harness::process::{finished, run};
use super::harness::{SSN, Site, audit, bare, tool};

#[test]
fn curl_by_socks5_is_read_and_decided_over_http_and_https() {
    let site = Site::new();
    let nginx = Nginx::start(&site);
    let port = nginx.address.port();
    let lazaret = Lazaret::start(&site, Upstreams { registry: port, ..Upstreams::NONE });
    let clean = site.write("clean.txt", b"nothing to see\n");
    let leak = site.write("leak.txt", format!("the patient's ssn is {SSN}\n").as_bytes());
    for scheme in ["http", "https"] {
        for (file, name, status) in [(&clean, "clean", "201"), (&leak, "leak", "403")] {
            let mut curl = bare(&site, &tool("curl"));
            curl.args(["-q", "-sS", "--max-time", "60", "-o", "answer", "-w", "%{http_code}"]);
            curl.args(["--socks5-hostname", &lazaret.socks.to_string(), "--cacert"]);
            curl.arg(lazaret.intercept_ca(&site)).arg("-T").arg(file);
            let path = format!("/v2/{scheme}-{name}");
            curl.arg(format!("{scheme}://registry.ml.internal:{port}{path}"));
            let done = finished(&mut curl);
            assert_eq!(done.out, status, "{scheme} {name}: {}", done.said());
            assert_eq!(nginx.file(&site, &path).is_some(), status == "201", "{path}");
        }
    }
}

#[test]
fn psql_through_a_tunnel_asks_and_does_not_tell() {
    let site = Site::new();
    let postgres = Postgres::start(&site);
    let port = postgres.address.port();
    let lazaret = Lazaret::start(&site, Upstreams { sql: port, ..Upstreams::NONE });
    let through = relay(lazaret.proxy, format!("sql.ml.internal:{port}"));

    let sql =
        "create table notes (text text); insert into notes values ('nothing'); select * from notes";
    assert_eq!(run(&mut psql(&site, through, sql)), "nothing\n");
    let rows = "select count(*), sum(n) from generate_series(1, 20000) n";
    assert_eq!(run(&mut psql(&site, through, rows)), "20000|200010000\n");
    let leak = format!("insert into notes values ('the patient''s ssn is {SSN}')");
    let done = finished(&mut psql(&site, through, &leak));
    assert!(
        !done.status.success() && done.err.contains("closed the connection"),
        "{}",
        done.said()
    );

    let kept = run(&mut psql(&site, postgres.address, "select count(*) from notes"));
    assert_eq!(kept, "1\n", "what leaked was not written");
    let records = audit::wait_for_closed(&site, "tcp://sql.ml.internal", 3);
    assert_eq!(records[0]["outcome"], "completed", "{}", records[0]);
    assert_eq!((&records[2]["outcome"], &records[2]["reason"]), (&"cut".into(), &"finding".into()));
    assert!(!audit::mentions(&site, SSN));
}

#[test]
fn a_mail_server_that_speaks_first_is_reached_by_socks5() {
    let site = Site::new();
    let mail = mail_server();
    let lazaret = Lazaret::start(&site, Upstreams { mail: mail.port(), ..Upstreams::NONE });
    for (text, passes) in
        [("nothing to see".to_owned(), true), (format!("the patient's ssn is {SSN}"), false)]
    {
        let letter = site.write("letter.txt", format!("Subject: a\r\n\r\n{text}\r\n").as_bytes());
        let mut curl = bare(&site, &tool("curl"));
        curl.args([
            "-q",
            "-sS",
            "--max-time",
            "60",
            "--socks5-hostname",
            &lazaret.socks.to_string(),
        ]);
        curl.args(["--mail-from", "job@train.internal", "--mail-rcpt", "ops@ml.internal", "-T"]);
        curl.arg(&letter).arg(format!("smtp://mail.ml.internal:{}", mail.port()));
        let done = finished(&mut curl);
        assert_eq!(done.status.success(), passes, "{text}: {} {}", done.said(), lazaret.said());
    }
    let records = audit::wait_for_closed(&site, "tcp://mail.ml.internal", 2);
    assert_eq!(
        (&records[0]["kind"], &records[0]["outcome"]),
        (&"socks5".into(), &"completed".into())
    );
    assert_eq!(records[1]["reason"], "finding");
}

/// Takes any letter.
fn mail_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut answers = stream.try_clone().ok()?;
                answers.write_all(b"220 mail.ml.internal ready\r\n").ok()?;
                let mut is_letter = false;
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let answer = match line.as_str() {
                        "." if is_letter => "250 taken",
                        _ if is_letter => continue,
                        "DATA" => "354 go on",
                        "QUIT" => "221 bye",
                        _ => "250 ok",
                    };
                    is_letter = line == "DATA";
                    answers.write_all(format!("{answer}\r\n").as_bytes()).ok()?;
                }
                Some(())
            });
        }
    });
    address
}
