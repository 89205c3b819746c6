//! `lazaret env`: what it prints is all that a client needs.

use super::harness::lazaret::{Lazaret, Upstreams};
use super::harness::nginx::Nginx;
use super::harness::process::{finished, run};
use super::harness::{REGISTRY, Site, audit, bare, lazaret_command, make_file, python_tool, tool};

#[test]
fn curl_and_requests_work_with_the_printed_variables_alone() {
    let site = Site::new();
    let nginx = Nginx::start(&site);
    let lazaret = Lazaret::start(
        &site,
        Upstreams { registry: nginx.address.port(), s3: 1, ..Upstreams::NONE },
    );
    let file = make_file(&site, "checkpoint", "model.npz");

    let mut env = lazaret_command(&site);
    env.args(["env", "--format", "shell", "--proxy", &lazaret.proxy_url(), "--ca"]);
    let variables = run(env.arg(lazaret.intercept_ca(&site)));
    let variables = site.write("env.sh", variables.as_bytes());

    let put = format!("{}/tests/e2e/clients/put.py", env!("CARGO_MANIFEST_DIR"));
    let python = python_tool("python");
    let base = format!("https://{REGISTRY}:{}/v2", nginx.address.port());
    let requests = format!("{} {put}", python.display());
    for (name, client) in [
        ("curl-http", "curl -q -sSf -T model.npz http://registry.ml.internal/v2/curl-http".into()),
        ("curl-https", format!("curl -q -sSf -T model.npz {base}/curl-https")),
        ("requests-https", format!("{requests} {base}/requests-https model.npz")),
    ] {
        let mut shell = bare(&site, &tool("sh"));
        let done = finished(shell.arg("-c").arg(format!(". {} && {client}", variables.display())));
        assert!(done.status.success(), "{name}: {} {}", done.said(), lazaret.said());
        let arrived = nginx.file(&site, &format!("/v2/{name}")).expect(name);
        assert!(arrived == std::fs::read(&file).unwrap(), "{name}: the registry's bytes differ");
        assert_eq!(audit::record(&site, &format!("/v2/{name}"))["action"], "allow");
    }
}
