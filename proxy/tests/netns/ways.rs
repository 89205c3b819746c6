//! Every way out that a workload can try, against the rules and without them, as the world saw it.

use std::collections::BTreeSet;

use super::jail::Jail;
use super::namespaces::{POD, UPSTREAM, eventually, output};

/// The number that the tries carry; no real person's.
const LOOT: [&str; 3] = ["536-22-8941", "loot", "onzw4oragu"];

/// Whether a frame from the pod may be there: the link's own, or Lazaret's.
fn is_permitted(frame: &str) -> bool {
    let is_lazarets =
        frame == format!("tcp {UPSTREAM} 8080") || frame == format!("udp {UPSTREAM} 53");
    // Asking for the neighbours that there are, MLD reports and router solicitations: the kernel's own.
    let is_links = ["arp 10.99.0.1", "arp 10.99.0.2"].contains(&frame)
        || frame.starts_with("neighbour fe80:")
        || ["neighbour fd99::1", "neighbour fd99::2"].contains(&frame)
        || ["133", "131", "143"].iter().any(|kind| {
            frame.starts_with("icmpv6 ff02::") && frame.rsplit(' ').next() == Some(kind)
        });
    is_lazarets || is_links
}

#[test]
fn nothing_gets_out_by_any_way_that_was_tried() {
    let jail = Jail::closed();
    let lines = jail.tries(&[]);
    let ways: BTreeSet<&str> = lines.iter().filter_map(|line| line["way"].as_str()).collect();
    for line in &lines {
        println!("{:14} {} -> {}", line["way"].as_str().unwrap(), line["what"], line["happened"]);
    }
    assert!(ways.len() >= 12, "{ways:?}");
    // A frame that came last shows that the listener has seen all before it.
    let through =
        jail.curl(&["-x", "http://127.0.0.1:3128", "http://registry.ml.internal:8080/v2/a"]);
    assert_eq!(String::from_utf8_lossy(&through.stdout), "world", "{through:?}");
    let (frames, heard) = jail.world();
    assert!(frames.contains(&format!("tcp {UPSTREAM} 8080")), "the listener is deaf: {frames:?}");
    let out: BTreeSet<&String> = frames.iter().filter(|frame| !is_permitted(frame)).collect();
    assert!(out.is_empty(), "these got out: {out:#?}");
    for (server, said) in &heard {
        assert!(LOOT.iter().all(|loot| !said.contains(loot)), "{server} was told {said}");
        let is_known = ["tcp 8080", "udp 53"].contains(&server.as_str());
        assert!(is_known, "{server} was told {said}");
    }
}

/// What the rules stop is what would get out without them: the listener hears it all.
#[test]
fn without_rules_the_same_ways_are_open() {
    let jail = Jail::new();
    jail.tries(&["tcp", "other_port", "udp", "quic", "ipv6", "icmp", "metadata", "many"]);
    jail.tries(&["dns_elsewhere", "neighbour", "device"]);
    for frame in [
        "tcp 203.0.113.9 443",
        "tcp 203.0.113.9 4444",
        "udp 203.0.113.9 4444",
        "udp 203.0.113.9 443",
        "udp 203.0.113.9 53",
        "tcp 203.0.113.9 53",
        "tcp 2001:db8::9 443",
        "udp 2001:db8::9 4444",
        "icmp 203.0.113.9 8",
        "icmpv6 2001:db8::9 128",
        "tcp 169.254.169.254 80",
        "tcp 100.100.100.200 80",
        "tcp 168.63.129.16 80",
        "tcp fd00:ec2::254 80",
        "udp 224.0.0.251 5353",
        "udp ff02::fb 5353",
        "udp 10.99.0.255 4444",
        "udp 10.99.0.1 4444",
        "arp 10.99.0.77",
        "neighbour fd99::5368:6941",
        // A socket that is bound to the device sends even this to the link.
        "udp 127.0.0.1 15053",
    ] {
        eventually(frame, || jail.world().0.iter().any(|seen| seen == frame).then_some(()));
    }
    eventually("the loot at the world's servers", || {
        jail.world().1.iter().any(|(_, said)| said.contains(LOOT[0])).then_some(())
    });
}

/// A process of root's without NET_ADMIN, with raw sockets: what it makes up is stopped as well.
#[test]
fn raw_packets_are_stopped_where_somebody_may_make_them() {
    let jail = Jail::closed();
    let mut command = jail.namespaces.in_pod();
    command.args(["setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all", "--no-new-privs"]);
    command.args(["/usr/bin/python3", "-c"]).arg(
        "import socket\n\
         for protocol, packet in ((1, b'\\x08\\0\\xf7\\xff\\0\\0\\0\\0'), (253, b'loot'), (17, b'\\x11\\\\\\x11\\\\\\0\\x0c\\0\\0loot')):\n\
         \x20 s = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)\n\
         \x20 try: print(s.sendto(packet, ('203.0.113.9', 0)))\n\
         \x20 except OSError as e: print(e)\n\
         s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)\n\
         try: print(s.sendto(b'\\x87\\0\\0\\0\\0\\0\\0\\0' + bytes(16) + b'loot', ('2001:db8::9', 0)))\n\
         except OSError as e: print(e)\n",
    );
    let done = output(&mut command);
    assert!(done.status.success(), "{done:?}");
    let through =
        jail.curl(&["-x", "http://127.0.0.1:3128", "http://registry.ml.internal:8080/v2/a"]);
    assert_eq!(String::from_utf8_lossy(&through.stdout), "world", "{through:?}");
    let (frames, _) = jail.world();
    let out: BTreeSet<&String> = frames
        .iter()
        .filter(|frame| !is_permitted(frame) || frame.contains("2001:db8::9"))
        .collect();
    assert!(out.is_empty(), "{out:#?} got out of {POD}");
}
