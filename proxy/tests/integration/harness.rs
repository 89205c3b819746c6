//! What surrounds the proxy under test. Every wait in here has a deadline and says what it was for.

pub(crate) mod admin;
pub(crate) mod body;
pub(crate) mod dns;
pub(crate) mod http2;
pub(crate) mod log;
pub(crate) mod peer;
pub(crate) mod pki;
pub(crate) mod raw;
pub(crate) mod sidecar;
pub(crate) mod site;
pub(crate) mod tcp;
pub(crate) mod upstream;
pub(crate) mod visits;
pub(crate) mod wait;
pub(crate) mod websocket;
pub(crate) mod wire;
pub(crate) mod workload;

/// The upstream that policies in here permit.
pub(crate) const REGISTRY: &str = "registry.ml.internal";
/// What the upstream proves.
pub(crate) const REGISTRY_ID: &str = "spiffe://hospital.example/ns/mlops/sa/registry";
/// What the sidecar proves.
pub(crate) const JOB_ID: &str = "spiffe://hospital.example/ns/train/sa/job";
/// The peer that inbound rules permit.
pub(crate) const AGGREGATOR_ID: &str = "spiffe://hospital.example/ns/fl/sa/aggregator";

/// A number that the Social Security Administration could have issued; no real person's.
pub(crate) const SSN: &str = "536-22-8941";
/// Forms in which the number may stand nowhere but in what a test sends.
pub(crate) const PLANTED: [&str; 3] = [SSN, "536228941", "536%2D22%2D8941"];

/// Whether the planted number stands in `bytes` in any form.
pub(crate) fn is_planted_in(bytes: &[u8]) -> bool {
    PLANTED
        .iter()
        .any(|planted| bytes.windows(planted.len()).any(|window| window == planted.as_bytes()))
}
