//! The rules as `nft` takes them: again and again, and away; and what they leave open.

use super::jail::{Jail, LAZARET};
use super::namespaces::{POD, Running, UPSTREAM, eventually, output, run};

fn listed(jail: &Jail) -> String {
    run(jail.namespaces.in_pod().args(["nft", "list", "ruleset"]))
}

#[test]
fn rules_are_applied_again_and_taken_away() {
    let jail = Jail::new();
    let printed = jail.setup(&[]);
    assert!(printed.contains(&format!("meta skuid {LAZARET} return")), "{printed}");
    assert_eq!(listed(&jail), "", "printing changes nothing");
    let said = jail.setup(&["--apply"]);
    assert!(said.contains("only user 15000 sends"), "{said}");
    let once = listed(&jail);
    assert!(once.contains("table inet lazaret"), "{once}");
    jail.setup(&["--apply"]);
    assert_eq!(listed(&jail), once, "a second time changes nothing");
    // Somebody else's table stays.
    run(jail.namespaces.in_pod().args(["nft", "add", "table", "inet", "others"]));
    jail.setup(&["--remove"]);
    jail.setup(&["--remove"]);
    assert_eq!(listed(&jail), "table inet others {\n}\n");
}

#[test]
fn the_workload_cannot_change_them() {
    let jail = Jail::closed();
    let mut command = jail.workload(jail.path("bin/lazaret"));
    let done = output(command.args(["net", "setup", "--remove"]));
    assert_eq!(done.status.code(), Some(2), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stderr).contains("CAP_NET_ADMIN"), "{done:?}");
    assert!(listed(&jail).contains("table inet lazaret"));
}

#[test]
fn what_is_permitted_goes_through_and_others_come_in_by_our_ports_alone() {
    let jail = Jail::closed();
    let proxy = ["-x", "http://127.0.0.1:3128"];
    let allowed = jail.curl(&[&proxy[..], &["http://registry.ml.internal:8080/v2/a"]].concat());
    assert_eq!(String::from_utf8_lossy(&allowed.stdout), "world", "{allowed:?}");
    let refused = jail.curl(&[&proxy[..], &["http://closed.example/"]].concat());
    assert!(String::from_utf8_lossy(&refused.stdout).contains("host-not-listed"), "{refused:?}");
    // Names by the resolver that the pod's own resolv.conf names, which is us.
    let mut python = jail.workload("/usr/bin/python3");
    let code = "import socket; print(socket.gethostbyname('registry.ml.internal'))";
    assert_eq!(run(python.args(["-c", code])), "10.99.0.1\n");
    // Its own services on the loopback stay within reach.
    let mut python = jail.workload("/usr/bin/python3");
    let code = "import socket; s = socket.create_server(('127.0.0.1', 9000)); \
                c = socket.create_connection(('127.0.0.1', 9000)); c.sendall(b'x'); \
                print(s.accept()[0].recv(1))";
    assert_eq!(run(python.args(["-c", code])), "b'x'\n");

    let outside = |port: u16, patience: &str| {
        let mut curl = jail.namespaces.in_world();
        let url = format!("http://{POD}:{port}/healthz");
        output(curl.args(["curl", "-sS", "--max-time", patience, &url])).status.success()
    };
    assert!(outside(15020, "60"), "the kubelet's probe");
    assert!(!outside(3128, "2"), "the forward proxy is for the pod");
    assert!(!outside(9000, "2"), "nobody comes in by another port");
    jail.record("dns");
    jail.record("http");
}

/// The kernel sends what a closed connection still has, and by then nobody's user is on it.
#[test]
fn what_we_sent_before_closing_arrives_whole() {
    let jail = Jail::closed();
    // The send buffer takes it all, and the other side reads nothing for a while.
    let code = format!(
        "import socket; s = socket.create_connection(('{UPSTREAM}', 9999)); \
         s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22); s.sendall(bytes(300000)); s.close()"
    );
    run(jail.as_lazaret("/usr/bin/python3").args(["-c", &code]));
    let whole = ("tcp 9999".to_owned(), "300000 bytes and the end".to_owned());
    eventually("the whole arrives", || jail.world().1.contains(&whole).then_some(()));
}

#[test]
fn inbound_connections_are_led_to_us_where_that_is_asked_for() {
    let jail = Jail::closed();
    let serve =
        "import socket; s = socket.create_server(('0.0.0.0', 9000)); print(s.accept(), flush=True)";
    let mut server = jail.workload("/usr/bin/python3");
    let log = jail.path("workload.log");
    let mut server = Running::start(server.args(["-c", serve]), &log);
    let knock = |patience: &str| {
        let mut curl = jail.namespaces.in_world();
        let url = format!("https://{POD}:9000/");
        output(curl.args(["curl", "-sSk", "--max-time", patience, &url])).status.code()
    };
    assert_eq!(knock("3"), Some(28), "dropped: curl waits in vain");
    jail.setup(&["--apply", "--redirect-inbound"]);
    // curl has no certificate, so that its handshake fails: with us, not with the workload.
    assert_ne!(knock("60"), Some(28));
    jail.record("handshake");
    assert!(server.lives(), "the workload was reached: {:?}", std::fs::read_to_string(&log));
}
