//! The example manifest and the Dockerfile, without a cluster and without Docker: the manifest
//! by Kubernetes' own schema, what protects the sidecar by its text, and what is embedded in it
//! by the programs that will read it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::harness::process::{finished, run};
use super::harness::{Site, bare, lazaret_command, python_tool, tool};

const SIDECAR_ONLY: [&str; 5] = ["config", "policy", "identity", "audit", "spool"];

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn manifest() -> Vec<Value> {
    let text = std::fs::read_to_string(root("examples/kubernetes/sidecar.yaml")).expect("manifest");
    serde_saphyr::from_multiple(&text).expect("YAML documents")
}

fn document(kind: &str, name: &str) -> Value {
    let found = manifest().into_iter().find(|d| d["kind"] == kind && d["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} named {name}"))
}

fn pod() -> Value {
    document("Job", "training")["spec"]["template"]["spec"].clone()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn mounts(container: &Value) -> Vec<(&str, &str, bool)> {
    list(&container["volumeMounts"])
        .iter()
        .map(|mount| {
            let text = |field: &str| mount[field].as_str().expect("a text");
            (text("name"), text("mountPath"), mount["readOnly"] == true)
        })
        .collect()
}

#[test]
fn the_manifest_is_valid_by_kubernetes_own_schema() {
    let site = Site::new();
    let mut validate = bare(&site, &python_tool("kubernetes-validate"));
    run(validate.args(["--strict", "--quiet"]).arg(root("examples/kubernetes/sidecar.yaml")));

    let text = std::fs::read_to_string(root("examples/kubernetes/sidecar.yaml")).unwrap();
    let wrong = site.write("wrong.yaml", text.replace("startupProbe", "startProbe").as_bytes());
    let mut validate = bare(&site, &python_tool("kubernetes-validate"));
    let done = finished(validate.args(["--strict", "--quiet"]).arg(wrong));
    assert!(!done.status.success(), "a misspelt field must not pass, or the check checks nothing");
}

#[test]
fn the_sidecar_starts_first_and_is_out_of_the_workloads_reach() {
    let pod = pod();
    assert_eq!(pod["automountServiceAccountToken"], false);
    for shared in ["shareProcessNamespace", "hostPID", "hostNetwork", "hostIPC"] {
        assert_ne!(pod[shared], true, "{shared}");
    }
    assert_eq!(list(&pod["initContainers"]).len(), 2);
    assert_eq!(list(&pod["containers"]).len(), 1);
    let (sidecar, workload) = (&pod["initContainers"][1], &pod["containers"][0]);
    assert_eq!(sidecar["restartPolicy"], "Always", "a native sidecar");
    assert_eq!(sidecar["startupProbe"]["httpGet"]["path"], "/readyz");
    for container in [sidecar, workload] {
        let security = &container["securityContext"];
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["runAsNonRoot"], true);
        assert_eq!(security["capabilities"], serde_json::json!({"drop": ["ALL"]}));
    }
    let uid = |container: &Value| container["securityContext"]["runAsUser"].as_u64().unwrap();
    assert!(uid(sidecar) != 0 && uid(workload) != 0 && uid(sidecar) != uid(workload));

    for (name, _, _) in mounts(workload) {
        assert!(!SIDECAR_ONLY.contains(&name), "the workload mounts {name}");
    }
    assert!(mounts(workload).contains(&("intercept-ca", "/run/lazaret/ca", true)));
    for read_only in ["config", "policy", "identity"] {
        assert!(
            mounts(sidecar).iter().any(|(name, _, ro)| *name == read_only && *ro),
            "{read_only}"
        );
    }
}

#[test]
fn the_rules_are_applied_before_anything_else_runs_and_for_the_sidecars_user() {
    let pod = pod();
    let (net, sidecar) = (&pod["initContainers"][0], &pod["initContainers"][1]);
    assert!(net["restartPolicy"].is_null(), "it ends before the next one begins");
    let security = &net["securityContext"];
    assert_eq!(
        security["capabilities"],
        serde_json::json!({"drop": ["ALL"], "add": ["NET_ADMIN"]})
    );
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(mounts(net), [("config", "/etc/lazaret/config", true)]);
    let text = std::fs::read_to_string(root("Dockerfile")).expect("Dockerfile");
    let (_, stage) = text.split_once(" AS net\n").expect("the stage with nft");
    let entry = "ENTRYPOINT [\"/usr/local/bin/lazaret\", \"net\", \"setup\", \"--apply\"]";
    assert!(stage.contains(entry), "{stage}");

    // What it would apply, from the manifest's own configuration and arguments.
    let site = Site::new();
    let map = document("ConfigMap", "lazaret-config");
    let config = map["data"]["lazaret.yaml"].as_str().expect("embedded file");
    let config = site.write("lazaret.yaml", config.as_bytes());
    let mut setup = lazaret_command(&site);
    setup.args(["net", "setup"]);
    for argument in list(&net["args"]) {
        match argument.as_str().expect("a text") {
            "/etc/lazaret/config/lazaret.yaml" => setup.arg(&config),
            other => setup.arg(other),
        };
    }
    let rules = run(&mut setup);
    let uid = &sidecar["securityContext"]["runAsUser"];
    assert!(rules.contains(&format!("meta skuid {uid} return")), "{rules}");
    for listener in ["127.0.0.1:15053", "127.0.0.1:15001", "[::1]:15001"] {
        assert!(rules.contains(&format!(" to {listener}\n")), "{listener}: {rules}");
    }
    assert!(rules.contains("tcp dport { 15020 } accept"), "{rules}");
}

#[test]
fn every_path_of_the_configuration_is_mounted_for_what_is_done_there() {
    let config: Value = {
        let map = document("ConfigMap", "lazaret-config");
        serde_saphyr::from_str(map["data"]["lazaret.yaml"].as_str().unwrap()).unwrap()
    };
    let pod = pod();
    let mounts = mounts(&pod["initContainers"][1]);
    let files = &config["identity"]["files"];
    for (path, writes) in [
        (&config["policy"]["path"], false),
        (&files["chain"], false),
        (&files["key"], false),
        (&files["bundle"], false),
        (&config["outbound"]["intercept"]["publish"], true),
        (&config["admin"]["socket"], true),
        (&config["audit"]["path"], true),
        (&config["spool"]["path"], true),
    ] {
        let path = Path::new(path.as_str().expect("a path"));
        let mount = mounts.iter().find(|(_, at, _)| path.starts_with(at));
        let (name, _, read_only) =
            mount.unwrap_or_else(|| panic!("{} is on no volume", path.display()));
        assert_eq!(*read_only, !writes, "{} on {name}", path.display());
    }
}

#[test]
fn the_embedded_policy_and_configuration_are_accepted() {
    let site = Site::new();
    let write = |map: &str, file: &str| {
        let map = document("ConfigMap", map);
        site.write(file, map["data"][file].as_str().expect("embedded file").as_bytes())
    };
    let policy = write("lazaret-policy", "training.yaml");
    let done = finished(lazaret_command(&site).args(["policy", "check"]).arg(&policy));
    assert!(done.status.success(), "{}", done.said());
    let config = write("lazaret-config", "lazaret.yaml");
    let done = finished(lazaret_command(&site).args(["config", "check", "--config"]).arg(&config));
    assert!(done.status.success(), "{}", done.said());
}

#[test]
fn the_workloads_environment_is_what_lazaret_env_prints() {
    let site = Site::new();
    let mut env = lazaret_command(&site);
    env.args(["env", "--format", "kubernetes"]);
    env.args(["--proxy", "http://127.0.0.1:3128", "--ca", "/run/lazaret/ca/ca.pem"]);
    let printed: Value = serde_saphyr::from_str(&run(&mut env)).expect("a YAML list");
    assert_eq!(pod()["containers"][0]["env"], printed);
}

#[test]
fn the_network_policy_confines_the_pod_it_belongs_to() {
    let job = document("Job", "training");
    let network = document("NetworkPolicy", "training");
    assert_eq!(
        network["spec"]["podSelector"]["matchLabels"],
        job["spec"]["template"]["metadata"]["labels"]
    );
    assert_eq!(network["spec"]["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    for rule in list(&network["spec"]["egress"]) {
        assert!(!list(&rule["to"]).is_empty(), "a rule without `to` allows every address");
        assert!(!list(&rule["ports"]).is_empty(), "a rule without `ports` allows every port");
        for to in list(&rule["to"]) {
            assert_ne!(to["ipBlock"]["cidr"], "0.0.0.0/0");
        }
    }
}

#[test]
fn the_image_has_no_shell_and_runs_as_a_number() {
    let text = std::fs::read_to_string(root("Dockerfile")).expect("Dockerfile");
    let build = text.lines().find_map(|line| line.strip_prefix("FROM rust:")).expect("build stage");
    let ours = env!("CARGO_PKG_RUST_VERSION");
    assert!(build.starts_with(&format!("{ours}-bookworm ")), "{build} builds what needs {ours}");

    let (_, last) = text.rsplit_once("FROM ").expect("stages");
    assert!(last.starts_with("gcr.io/distroless/cc-debian12:nonroot\n"), "{last}");
    let lines = || last.lines().skip(1);
    assert!(!lines().any(|line| line.starts_with("RUN ")), "nothing runs without a shell");
    let user = lines().find_map(|line| line.strip_prefix("USER ")).expect("a USER");
    let uid: u32 = user.split(':').next().and_then(|uid| uid.parse().ok()).expect("a number");
    assert_ne!(uid, 0);
    assert!(lines().any(|line| line.starts_with("ENTRYPOINT [\"")), "exec form needs no shell");
}

#[test]
fn the_binary_needs_no_library_that_the_image_lacks() {
    let site = Site::new();
    let listed = run(bare(&site, &tool("ldd")).arg(env!("CARGO_BIN_EXE_lazaret")));
    let there = ["linux-vdso.so.1", "libgcc_s.so.1", "libm.so.6", "libc.so.6"];
    for line in listed.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let is_loader = name.starts_with("/lib") && name.contains("/ld-linux");
        assert!(is_loader || there.contains(&name), "distroless/cc has no {name}: {listed}");
    }
}
