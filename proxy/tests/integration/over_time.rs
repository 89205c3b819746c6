//! Findings that a rule lets through because they are few add up, whichever way and however many
//! exchanges they go.

use serde_json::json;

use crate::harness::JOB_ID;
use crate::harness::log::assert_record;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::Upstream;
use crate::harness::workload::request;

/// The stories' policy with rules that let fewer than four record numbers through.
fn plan(site: &Site, registry: &Upstream) -> Plan {
    let mut plan = site.plan(registry);
    let rules = "egress:
  - {name: few, to: [registry], methods: [PUT], paths: [\"/few/**\"], content: few}
  - {name: flow, to: [registry], methods: [PUT], paths: [\"/flow/**\"], content: flow}
  - {name: seen, to: [registry], methods: [PUT], paths: [\"/seen/**\"], content: few, enforcement: monitor, until: 2099-01-01T00:00:00Z}
";
    let count =
        "rules: [{when: {identifiers: [mrn], confidence: medium, count: 4}, action: block}]";
    let content = format!(
        "content:\n  - {{name: few, inspect: hold, {count}}}\n  - {{name: flow, inspect: stream, {count}}}\n  - name:"
    );
    plan.policy =
        plan.policy.replacen("egress:\n", rules, 1).replacen("content:\n  - name:", &content, 1);
    plan
}

fn notes(turn: usize, count: usize) -> String {
    let line = |n: usize| format!("patient MRN: {}\n", 4_710_000 + turn * 100 + n);
    (0..count).map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn few_findings_in_many_exchanges_are_many() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&plan(&site, &registry).limit("sourceFindingsMax: 6")).await;
    for (turn, (path, status)) in [
        ("/few/a", 200),
        ("/flow/b", 200),
        // The seventh and eighth.
        ("/few/c", 403),
        ("/few/d", 403),
        // Where a rule only watches it is on record.
        ("/seen/e", 200),
    ]
    .into_iter()
    .enumerate()
    {
        let mut workload = sidecar.workload().await;
        let answer = workload.ask(request("PUT", path, notes(turn, 3))).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let record = sidecar.records(turn + 1).await.remove(turn);
        let reason = if turn < 2 { "permitted" } else { "source-findings-max" };
        assert_record(&record, &json!({"source": JOB_ID, "reason": reason}));
        assert_eq!(record["findings"][0]["identifier"], "mrn", "{record:#}");
    }
    // Without any there is nothing to answer for.
    let answer = sidecar.workload().await.ask(request("PUT", "/few/f", "weights")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(registry.requests(4).await.len(), 4);
    sidecar.until_metric("lazaret_source_findings_refused_total", 3.0).await;
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_exchange_may_have_what_its_rule_lets_through_and_heads_count() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&plan(&site, &registry).limit("sourceFindingsMax: 1")).await;
    let mut workload = sidecar.workload().await;
    assert_eq!(workload.ask(request("PUT", "/few/a", notes(0, 3))).await.status, 200);
    // Three more, one of them in a header: more than one exchange may have.
    let fields = "x-note: patient MRN: 4712345\r\n";
    let asked = crate::harness::workload::request_with("PUT", "/few/b", fields, notes(1, 2));
    let answer = sidecar.workload().await.ask(asked).await;
    answer.assert_problem(403, "source-findings-max");
    registry.requests(1).await;
    sidecar.finish().await;
}
