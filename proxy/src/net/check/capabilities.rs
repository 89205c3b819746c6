//! Who the workload is, and what it may do: with some capabilities no file mode and no rule holds.

use super::{Outcome, Probe};

/// Capabilities (capabilities(7)) that undo what the other probes prove, and their bits.
const DANGEROUS: [(u32, &str); 14] = [
    (0, "CHOWN"),
    (1, "DAC_OVERRIDE"),
    (2, "DAC_READ_SEARCH"),
    (3, "FOWNER"),
    (5, "KILL"),
    (6, "SETGID"),
    (7, "SETUID"),
    (8, "SETPCAP"),
    (12, "NET_ADMIN"),
    (13, "NET_RAW"),
    (16, "SYS_MODULE"),
    (19, "SYS_PTRACE"),
    (21, "SYS_ADMIN"),
    (39, "BPF"),
];

/// Looks at this process, which is started as the workload is.
pub(super) fn probe(uid: Option<u32>) -> Vec<Probe> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let own = rustix::process::getuid().as_raw();
    let who = if uid == Some(own) {
        (Outcome::Out, format!("it runs as Lazaret's own user {own}"))
    } else {
        (Outcome::Held, format!("it is user {own}"))
    };
    vec![
        Probe::new("identity", "be Lazaret's user", who),
        Probe::new("capabilities", "have capabilities that undo the rules", held(&status)),
        Probe::new("capabilities", "gain such capabilities by a program", gained(&status)),
    ]
}

fn held(status: &str) -> (Outcome, String) {
    let sets = ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"];
    match sets.iter().map(|set| bits(status, set)).collect::<Option<Vec<u64>>>() {
        None => (Outcome::Unproven, "/proc/self/status does not tell".to_owned()),
        Some(sets) => match named(sets.into_iter().fold(0, |all, set| all | set)) {
            names if names.is_empty() => (Outcome::Held, "it has none of them".to_owned()),
            names => (Outcome::Out, format!("it has {}", names.join(", "))),
        },
    }
}

/// A set-user-ID program gives no more than the bounding set, and nothing under `no_new_privs`.
fn gained(status: &str) -> (Outcome, String) {
    if status.lines().any(|line| line.split_whitespace().eq(["NoNewPrivs:", "1"])) {
        return (Outcome::Held, "no_new_privs is set".to_owned());
    }
    match bits(status, "CapBnd:").map(named) {
        Some(names) if names.is_empty() => (Outcome::Held, "its bounding set is empty".to_owned()),
        Some(names) => {
            let names = names.join(", ");
            (Outcome::Unproven, format!("a set-user-ID program could give it {names}"))
        }
        None => (Outcome::Unproven, "/proc/self/status does not tell".to_owned()),
    }
}

fn bits(status: &str, set: &str) -> Option<u64> {
    let digits = status.lines().find_map(|line| line.strip_prefix(set))?;
    u64::from_str_radix(digits.trim(), 16).ok()
}

fn named(bits: u64) -> Vec<&'static str> {
    let is_set = |(bit, _): &&(u32, &str)| (bits >> bit) & 1 == 1;
    DANGEROUS.iter().filter(is_set).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(effective: &str, bounding: &str, no_new_privs: u8) -> String {
        format!(
            "CapInh:\t0000000000000000\nCapPrm:\t{effective}\nCapEff:\t{effective}\n\
             CapBnd:\t{bounding}\nCapAmb:\t0000000000000000\nNoNewPrivs:\t{no_new_privs}\n"
        )
    }

    #[test]
    fn what_undoes_the_rules_is_named() {
        let none = "0000000000000000";
        let net = "0000000000003000";
        // NET_BIND_SERVICE opens ports below 1024 and nothing else.
        let bind = "0000000000000400";
        for (text, has, gains) in [
            (status(none, none, 0), Outcome::Held, Outcome::Held),
            (status(bind, bind, 0), Outcome::Held, Outcome::Held),
            (status(none, net, 1), Outcome::Held, Outcome::Held),
            (status(none, net, 0), Outcome::Held, Outcome::Unproven),
            (status(net, net, 1), Outcome::Out, Outcome::Held),
            (String::new(), Outcome::Unproven, Outcome::Unproven),
        ] {
            assert_eq!((held(&text).0, gained(&text).0), (has, gains), "{text}");
        }
        assert_eq!(held(&status(net, net, 0)).1, "it has NET_ADMIN, NET_RAW");
    }
}
