//! PURE: the nftables rules that leave a pod no way but through us: a plan in, text out.
//!
//! Who sends is told by the socket's user, never by an address or a port, which anyone may use. What
//! the kernel sends after a process has closed its connection has no user any more; a connection that
//! our user has sent on bears a mark for that.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// The table, in the family `inet`. It is ours as a whole: applying makes it anew.
pub const TABLE: &str = "lazaret";
/// On connections that our user has sent on; "laz" in ASCII.
const MARK: &str = "0x6c617a00";
/// Addresses at which clouds tell credentials, also where a node has one of them on the loopback.
const METADATA_V4: &str = "{ 169.254.0.0/16, 100.100.100.200, 168.63.129.16 }";
/// The same in IPv6.
const METADATA_V6: &str = "fd00:ec2::254";
/// TCP with SYN alone: an attempt, which a mark does not cover.
const NO_ATTEMPT: &str = "tcp flags & (fin | syn | rst | ack) != syn";
/// What the kernel sends to be found on its link; a process could only send it from a raw socket.
const NEIGHBOURS_OUT: &str = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld-listener-report, mld2-listener-report } accept";
const NEIGHBOURS_IN: &str = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert, mld-listener-query } accept";

/// What the rules are made from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Plan {
    /// The user that Lazaret runs as: the only one whose traffic leaves.
    pub uid: u32,
    /// Where redirected connections go: `outbound.transparent`. Without one of a family, its TCP is
    /// refused.
    pub transparent: Vec<SocketAddr>,
    /// Where questions for names go: `dns.listen`. Without one of a family, they are refused.
    pub dns: Vec<SocketAddr>,
    /// Ports at which others may reach us.
    pub open_ports: Vec<u16>,
    /// Where other inbound connections go, instead of nowhere: the port of `inbound.listen`.
    pub inbound: Option<u16>,
}

/// Why there are no rules for a plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPlan {
    /// Root's processes would all be let out.
    #[error("--uid 0: every process of root would be let out; run Lazaret as a user of its own")]
    Root,
}

impl Plan {
    /// The rules, for `nft -f`. They replace the table as a whole, in one transaction.
    ///
    /// # Errors
    /// [`InvalidPlan`].
    pub fn rules(&self) -> Result<String, InvalidPlan> {
        if self.uid == 0 {
            return Err(InvalidPlan::Root);
        }
        let mut text = format!(
            "# lazaret net setup: what user {} does not send goes to it, or nowhere.\n\
             add table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n",
            self.uid
        );
        self.redirect_out(&mut text);
        self.out(&mut text);
        self.last(&mut text);
        Self::refuse(&mut text);
        self.redirect_in(&mut text);
        self.inward(&mut text);
        text.push_str("}\n");
        Ok(text)
    }

    fn redirect_out(&self, text: &mut String) {
        let mut rules = vec![format!("meta skuid {} return", self.uid)];
        // Names first, also where a resolver listens on the loopback: that would be a way around.
        rules.extend(self.dns.iter().map(|to| {
            let (family, to) = (nfproto(to.ip()), dnat(*to));
            format!("meta nfproto {family} meta l4proto {{ tcp, udp }} th dport 53 {to}")
        }));
        rules.push(format!("oifname \"lo\" ip daddr != {METADATA_V4} return"));
        rules.push(format!("oifname \"lo\" ip6 daddr != {METADATA_V6} return"));
        rules.extend(self.transparent.iter().map(|to| {
            let (family, to) = (nfproto(to.ip()), dnat(*to));
            format!("meta nfproto {family} meta l4proto tcp {to}")
        }));
        chain(text, "redirect_out", "type nat hook output priority -100; policy accept;", &rules);
    }

    fn out(&self, text: &mut String) {
        let uid = self.uid;
        let mut rules = vec![
            format!("meta skuid {uid} meta l4proto tcp ct mark set {MARK} accept"),
            format!("meta skuid {uid} accept"),
        ];
        // The device that a redirected packet is said to leave by is still the old one here.
        for (listeners, protocols) in [(&self.dns, "{ tcp, udp }"), (&self.transparent, "tcp")] {
            rules.extend(listeners.iter().map(|to| {
                let (daddr, port) = (daddr(to.ip()), to.port());
                format!("{daddr} meta l4proto {protocols} th dport {port} accept")
            }));
        }
        rules.push("meta l4proto { tcp, udp } th dport 53 goto refuse".to_owned());
        rules.push(format!("oifname \"lo\" ip daddr != {METADATA_V4} accept"));
        rules.push(format!("oifname \"lo\" ip6 daddr != {METADATA_V6} accept"));
        rules.extend(kernels_own("goto refuse"));
        rules.push("goto refuse".to_owned());
        chain(text, "out", "type filter hook output priority 0; policy drop;", &rules);
    }

    /// Where the device is known: a socket bound to one is not led astray by a redirection.
    fn last(&self, text: &mut String) {
        let mut rules =
            vec!["oifname \"lo\" accept".to_owned(), format!("meta skuid {} accept", self.uid)];
        // A chain here may not answer, only drop.
        rules.extend(kernels_own("drop"));
        chain(text, "last", "type filter hook postrouting priority 300; policy drop;", &rules);
    }

    /// A sender learns at once that nothing goes. A reset would look like one from outside.
    fn refuse(text: &mut String) {
        chain(text, "refuse", "", &["reject with icmpx type admin-prohibited".to_owned()]);
    }

    fn redirect_in(&self, text: &mut String) {
        let Some(port) = self.inbound else { return };
        let mut rules = vec!["iifname \"lo\" return".to_owned()];
        rules.extend(self.open().map(|open| format!("{open} return")));
        rules.push(format!("meta l4proto tcp redirect to :{port}"));
        chain(
            text,
            "redirect_in",
            "type nat hook prerouting priority -100; policy accept;",
            &rules,
        );
    }

    fn inward(&self, text: &mut String) {
        let mut rules = vec![
            "iifname \"lo\" accept".to_owned(),
            "ct state established accept".to_owned(),
            "ct state related meta l4proto { icmp, ipv6-icmp } accept".to_owned(),
        ];
        rules.extend(self.open().map(|open| format!("{open} accept")));
        rules.push(format!("ip6 hoplimit 255 {NEIGHBOURS_IN}"));
        chain(text, "in", "type filter hook input priority 0; policy drop;", &rules);
    }

    fn open(&self) -> Option<String> {
        let mut ports = self.open_ports.clone();
        ports.extend(self.inbound);
        ports.sort_unstable();
        ports.dedup();
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        (!ports.is_empty()).then(|| format!("tcp dport {{ {} }}", ports.join(", ")))
    }
}

/// Takes the rules away; no error where there are none.
pub fn removal() -> String {
    format!("add table inet {TABLE}\ndelete table inet {TABLE}\n")
}

/// What no process sends: the ends of our own connections, and what a link needs. In this order,
/// so that neither lets a process through.
fn kernels_own(otherwise: &str) -> [String; 3] {
    [
        format!("meta skuid 0-4294967294 {otherwise}"),
        format!("meta l4proto tcp {NO_ATTEMPT} ct mark {MARK} accept"),
        NEIGHBOURS_OUT.to_owned(),
    ]
}

fn nfproto(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { "ipv4" } else { "ipv6" }
}

/// A listener on every address is reached on the loopback.
fn reached_at(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) if v4.is_unspecified() => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(v6) if v6.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        IpAddr::V4(_) | IpAddr::V6(_) => ip,
    }
}

fn dnat(to: SocketAddr) -> String {
    match reached_at(to.ip()) {
        IpAddr::V4(ip) => format!("dnat ip to {ip}:{}", to.port()),
        IpAddr::V6(ip) => format!("dnat ip6 to [{ip}]:{}", to.port()),
    }
}

fn daddr(ip: IpAddr) -> String {
    match reached_at(ip) {
        IpAddr::V4(ip) => format!("ip daddr {ip}"),
        IpAddr::V6(ip) => format!("ip6 daddr {ip}"),
    }
}

fn chain(text: &mut String, name: &str, hook: &str, rules: &[String]) {
    // Writing to a text does not fail.
    let _ = writeln!(text, "\tchain {name} {{");
    if !hook.is_empty() {
        let _ = writeln!(text, "\t\t{hook}");
    }
    for rule in rules {
        let _ = writeln!(text, "\t\t{rule}");
    }
    text.push_str("\t}\n");
}

#[cfg(test)]
mod tests;
