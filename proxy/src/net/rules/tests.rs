//! What the rules say. That they hold is shown in namespaces, by `tests/netns`.

use super::*;

fn plan() -> Plan {
    Plan {
        uid: 15000,
        transparent: vec!["127.0.0.1:15001".parse().unwrap(), "[::1]:15001".parse().unwrap()],
        dns: vec!["127.0.0.1:15053".parse().unwrap()],
        open_ports: vec![15020, 15006, 15020],
        inbound: None,
    }
}

/// The rules of one chain, its hook first.
fn chain_of(text: &str, name: &str) -> Vec<String> {
    let start = text.split(&format!("chain {name} {{\n")).nth(1).unwrap_or_default();
    let inside = start.split("\t}\n").next().unwrap_or_default();
    inside.lines().map(|line| line.trim().to_owned()).collect()
}

#[track_caller]
fn place(rules: &[String], part: &str) -> usize {
    let found = rules.iter().position(|rule| rule.contains(part));
    found.unwrap_or_else(|| panic!("no `{part}` in {rules:#?}"))
}

#[test]
fn the_table_is_made_anew_in_one_transaction() {
    let text = plan().rules().unwrap();
    let lines: Vec<&str> = text.lines().skip(1).take(3).collect();
    assert_eq!(
        lines,
        ["add table inet lazaret", "delete table inet lazaret", "table inet lazaret {"]
    );
    assert_eq!(removal(), "add table inet lazaret\ndelete table inet lazaret\n");
    assert_eq!(text.matches('{').count(), text.matches('}').count());
}

#[test]
fn what_is_not_ours_is_dropped_where_the_device_is_known() {
    let text = plan().rules().unwrap();
    for (chain, hook) in
        [("out", "hook output"), ("last", "hook postrouting"), ("in", "hook input")]
    {
        let rules = chain_of(&text, chain);
        assert!(rules[0].contains(hook) && rules[0].contains("policy drop"), "{}", rules[0]);
    }
    for chain in ["out", "last"] {
        let rules = chain_of(&text, chain);
        let process = place(&rules, "meta skuid 0-4294967294 ");
        assert!(place(&rules, "meta skuid 15000 ") < process);
        // A mark and a neighbour's message are for what no process sends.
        assert!(process < place(&rules, "ct mark 0x6c617a00 accept"));
        assert!(process < place(&rules, "icmpv6"));
        assert!(!rules[place(&rules, "ct mark 0x6c617a00 accept")].contains("udp"));
    }
    assert!(!chain_of(&text, "last").iter().any(|rule| rule.contains("daddr")));
}

#[test]
fn redirection_leaves_ours_alone_and_takes_names_from_the_loopback() {
    let rules = chain_of(&plan().rules().unwrap(), "redirect_out");
    assert_eq!(place(&rules, "meta skuid 15000 return"), 1, "or our own connections come back");
    let (names, local) = (place(&rules, "th dport 53 dnat"), place(&rules, "oifname \"lo\""));
    let tcp = place(&rules, "meta l4proto tcp dnat ip to 127.0.0.1:15001");
    assert!(names < local && local < tcp);
    assert!(rules.contains(&"meta nfproto ipv6 meta l4proto tcp dnat ip6 to [::1]:15001".into()));
    assert!(rules[local].contains("169.254.0.0/16"), "metadata on the loopback is not local");
}

#[test]
fn what_is_not_listened_for_is_refused() {
    let plan = Plan { transparent: Vec::new(), dns: Vec::new(), ..plan() };
    let text = plan.rules().unwrap();
    assert!(!text.contains("dnat"), "{text}");
    let rules = chain_of(&text, "out");
    assert!(place(&rules, "th dport 53 goto refuse") < place(&rules, "oifname \"lo\""));
}

#[test]
fn others_reach_our_ports_and_nothing_else() {
    let text = plan().rules().unwrap();
    let rules = chain_of(&text, "in");
    assert!(rules.contains(&"tcp dport { 15006, 15020 } accept".to_owned()), "{rules:#?}");
    assert!(!text.contains("redirect_in"));
    let redirected = Plan { inbound: Some(15006), open_ports: vec![15020], ..plan() };
    let rules = chain_of(&redirected.rules().unwrap(), "redirect_in");
    let kept = place(&rules, "tcp dport { 15006, 15020 } return");
    assert!(kept < place(&rules, "redirect to :15006"));
    let closed = Plan { open_ports: Vec::new(), ..plan() };
    assert!(!chain_of(&closed.rules().unwrap(), "in").iter().any(|rule| rule.contains("dport")));
}

#[test]
fn a_listener_on_every_address_is_met_on_the_loopback() {
    let plan = Plan { transparent: vec!["0.0.0.0:15001".parse().unwrap()], ..plan() };
    let text = plan.rules().unwrap();
    assert!(text.contains("dnat ip to 127.0.0.1:15001") && !text.contains("0.0.0.0"));
}

#[test]
fn root_is_no_user_of_ours() {
    assert_eq!(Plan { uid: 0, ..plan() }.rules(), Err(InvalidPlan::Root));
}
