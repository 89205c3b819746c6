//! Contracts on payloads: a model update leaves, and nothing that rides along with one.

use serde_json::json;

use crate::harness::body::{floats, gzip};
use crate::harness::log::assert_record;
use crate::harness::site::{Plan, Site};
use crate::harness::upstream::Upstream;
use crate::harness::workload::{request, request_with};

const NOTE: &str = "she came back on the ward after lunch and felt better";

/// The stories' policy, whose bodies are held to a contract.
fn plan(site: &Site, registry: &Upstream) -> Plan {
    let mut plan = site.plan(registry);
    plan.policy = plan.policy.replace(
        "  - name: small\n    inspect: hold\n",
        "  - name: small\n    inspect: hold\n    payload:\n      kinds: [safetensors, gzip]\n      \
         dtypes: [f32, f16]\n      normMax: 100\n      metadataKeys: [format]\n",
    );
    plan.policy = plan.policy.replace("holdMax: 64KiB", "holdMax: 1MiB");
    plan
}

/// A safetensors file of one tensor, with what else is to be in its header.
fn update(more: &str, dtype: &str, data: &[u8]) -> Vec<u8> {
    let width = if dtype == "I64" { 8 } else { 4 };
    let header = format!(
        r#"{{{more}"dense.weight":{{"dtype":"{dtype}","shape":[{}],"data_offsets":[0,{}]}}}}"#,
        data.len() / width,
        data.len()
    );
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_update_leaves() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&plan(&site, &registry)).await;
    let body = update(r#""__metadata__":{"format":"pt"},"#, "F32", &floats(50_000));

    let answer = sidecar.workload().await.ask(request("PUT", "/small/round/7", &body)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(registry.request().await.body == body, "the update changed on its way");
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "outcome": "completed", "rule": "small", "findings": null }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_in_gzip_leaves_where_the_contract_names_gzip() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&plan(&site, &registry)).await;
    let body = gzip(&update("", "F32", &floats(50_000)));

    let request = request_with("PUT", "/small/round/7", "Content-Encoding: gzip\r\n", &body);
    let answer = sidecar.workload().await.ask(request).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(registry.request().await.body == body);
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rides_along_with_an_update_stops_it() {
    let site = Site::new();
    let registry = site.registry().await;
    let sidecar = site.start(&plan(&site, &registry)).await;
    let numbers = floats(50_000);
    let noted = format!(r#""__metadata__":{{"format":"pt","note":"{NOTE}"}},"#);
    let mut slack = update("", "F32", &numbers);
    slack.extend(NOTE.as_bytes());
    let mut flood = numbers.clone();
    flood.chunks_exact_mut(40).for_each(|ten| ten[..4].copy_from_slice(&f32::NAN.to_le_bytes()));
    let stories = [
        (update(&noted, "F32", &numbers), "1 string of"),
        (slack, "bytes in no tensor"),
        (update("", "I64", &numbers), "dtype i64 in tensor #1 is not among f32, f16"),
        (update("", "F32", &flood), "5000 floats are no finite number"),
        (update("", "F32", &4e3_f32.to_le_bytes()), "a norm of 4.0000e3 is more than normMax, 100"),
        (gzip(NOTE.as_bytes()), "content in no known form"),
        (b"\x80\x04\x8c\x04note.".to_vec(), "form pickle is not among"),
    ];
    for (place, (body, why)) in stories.into_iter().enumerate() {
        let answer = sidecar.workload().await.ask(request("PUT", "/small/round/7", &body)).await;
        answer.assert_problem(403, "payload");
        let record = sidecar.records(place + 1).await.remove(place);
        assert_record(
            &record,
            &json!({ "outcome": "refused", "rule": "small", "reason": "payload", "bytes_released": 0 }),
        );
        let text = record["reason_text"].as_str().unwrap();
        assert!(text.contains(why), "wanted {why}: {text}");
        assert!(!record.to_string().contains("ward"), "{record}");
    }
    registry.assert_untouched();
    sidecar.finish().await;
}
