//! The registry by itself: who is asked, who is cut, and what an entry costs.

use std::sync::Arc;

use http::Method;
use policy::{Policy, Source};
use spiffe::SpiffeId;

use super::*;

const POLICY: &str = "
apiVersion: lazaret/v1
kind: Policy
inbound:
  - {name: pulls, from: [\"spiffe://h.example/fl\"], methods: [GET], paths: [/updates/**], content: {exempt: true, because: tests}}
";

fn policy(text: &str) -> Policy {
    let source = Source { name: "p.yaml".to_owned(), text: text.to_owned() };
    Policy::compile(&[source]).unwrap().policy
}

fn facts(path: &str) -> Facts {
    let peer = SpiffeId::parse("spiffe://h.example/fl").unwrap();
    Facts::Inbound { peer, method: Method::GET, path: path.into(), upgrade: None }
}

fn live() -> Arc<Live> {
    Arc::new(Live::new(Metrics::new().unwrap()))
}

#[tokio::test]
async fn only_what_is_refused_is_cut_and_only_once() {
    let live = live();
    let cuts: Vec<Cut> = (0..40).map(|_| Cut::default()).collect();
    let enrolled: Vec<Enrolled> = cuts
        .iter()
        .enumerate()
        .map(|(at, cut)| live.enrol(facts(if at % 2 == 0 { "/updates/1" } else { "/a" }), cut))
        .collect();

    assert_eq!(live.ask_again(&policy(POLICY)), 20);
    assert_eq!(live.ask_again(&policy(POLICY)), 0);

    for (at, cut) in cuts.iter().enumerate() {
        assert_eq!(cut.withdrawn().is_some(), at % 2 == 1, "{at}");
    }
    drop(enrolled);
    assert_eq!(live.ask_again(&Policy::broken("a story")), 0, "nobody is left to ask");
}

#[tokio::test]
async fn a_broken_policy_permits_nobody() {
    let live = live();
    let cut = Cut::default();
    let _enrolled = live.enrol(facts("/updates/1"), &cut);
    assert_eq!(live.ask_again(&Policy::broken("a story")), 1);
    assert_eq!(cut.withdrawn().unwrap().code(), "policy-withdrawn");
}

/// Many enrol while the policy is swapped: whoever enrolled and then loaded the old one is cut.
#[test]
fn no_swap_slips_between_enrolling_and_loading() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let live = live();
    let new = Arc::new(policy(&POLICY.replace("/updates/**", "/other/**")));
    let force = arc_swap::ArcSwap::from_pointee(policy(POLICY));
    let enrol = || {
        let cut = Cut::default();
        let enrolled = live.enrol(facts("/updates/1"), &cut);
        let is_let_in = enrolled.entry().facts().decide(&force.load(), clock::now()).is_ok();
        (is_let_in, cut, enrolled)
    };
    let before = enrol();
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let work = || (0..2000).map(|_| enrol()).collect::<Vec<_>>();
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        force.store(Arc::clone(&new));
        live.ask_again(&new);
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(before.0 && !enrol().0);
    all.push(before);
    let slipped = all.iter().filter(|(is_let_in, cut, _)| *is_let_in && cut.check().is_ok());
    assert_eq!(slipped.count(), 0, "let in by a policy that is gone");
}

/// Prints what an entry and a walk cost; fails only where that is out of all proportion.
#[test]
fn an_entry_costs_little() {
    let live = live();
    let (cut, facts) = (Cut::default(), facts("/updates/1"));
    let began = std::time::Instant::now();
    const TURNS: u32 = 100_000;
    for _ in 0..TURNS {
        drop(live.enrol(facts.clone(), &cut));
    }
    let each = began.elapsed() / TURNS;
    let policy = policy(POLICY);
    let all: Vec<_> = (0..10_000).map(|_| live.enrol(facts.clone(), &cut)).collect();
    let began = std::time::Instant::now();
    assert_eq!(live.ask(&policy, clock::now()), 0);
    println!("enrol and leave: {each:?}; asking {} again: {:?}", all.len(), began.elapsed());
    assert!(each < Duration::from_micros(50), "{each:?}");
}
