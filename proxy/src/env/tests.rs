//! What each client family finds, in each syntax, and that no value can escape its quoting.

use std::collections::BTreeMap;

use super::*;

fn settings() -> EnvSettings {
    EnvSettings {
        proxy_url: "http://127.0.0.1:3128".into(),
        ca_path: "/run/lazaret/ca.pem".into(),
        no_proxy: "localhost,127.0.0.1,::1".into(),
    }
}

fn docker(settings: &EnvSettings) -> BTreeMap<String, String> {
    render(Format::Docker, settings)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('=').expect("NAME=value"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn every_proxy_variable_is_set_in_both_cases() {
    let env = docker(&settings());
    for name in ["http_proxy", "https_proxy", "all_proxy", "grpc_proxy"] {
        assert_eq!(env[name], "http://127.0.0.1:3128", "{name}");
        assert_eq!(env[&name.to_uppercase()], "http://127.0.0.1:3128", "{name} in upper case");
    }
    for name in ["no_proxy", "no_grpc_proxy"] {
        assert_eq!(env[name], "localhost,127.0.0.1,::1", "{name}");
        assert_eq!(env[&name.to_uppercase()], "localhost,127.0.0.1,::1", "{name} in upper case");
    }
}

#[test]
fn every_client_family_finds_the_ca_where_it_looks() {
    let env = docker(&settings());
    for (client, name) in [
        ("requests", "REQUESTS_CA_BUNDLE"),
        ("httpx, aiohttp, urllib", "SSL_CERT_FILE"),
        ("curl", "CURL_CA_BUNDLE"),
        ("boto3", "AWS_CA_BUNDLE"),
        ("grpcio", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"),
        ("git", "GIT_SSL_CAINFO"),
        ("node", "NODE_EXTRA_CA_CERTS"),
        ("pip", "PIP_CERT"),
    ] {
        assert_eq!(env.get(name).map(String::as_str), Some("/run/lazaret/ca.pem"), "{client}");
    }
}

#[test]
fn each_variable_stands_under_a_comment_and_once() {
    for format in [Format::Docker, Format::Kubernetes, Format::Shell] {
        let text = render(format, &settings());
        assert!(text.starts_with("# "), "{format:?}");
        assert!(text.ends_with('\n'), "{format:?}");
        assert_eq!(text.matches("PIP_CERT").count(), 1, "{format:?}");
    }
}

#[test]
fn no_proxy_is_left_out_when_it_is_empty() {
    let text = render(Format::Shell, &EnvSettings { no_proxy: String::new(), ..settings() });
    assert!(!text.to_lowercase().contains("no_proxy"), "{text}");
    assert!(!text.contains("NO_GRPC_PROXY"), "{text}");
}

#[test]
fn kubernetes_items_are_yaml_with_string_values() {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        name: String,
        value: String,
    }
    let odd = EnvSettings { ca_path: "/a \"b\"\\: #c.pem".into(), ..settings() };
    let items: Vec<Item> =
        serde_saphyr::from_str(&render(Format::Kubernetes, &odd)).expect("YAML list");
    let one = |name: &str| &items.iter().find(|item| item.name == name).expect(name).value;
    assert_eq!(one("NODE_USE_ENV_PROXY"), "1");
    assert_eq!(one("AWS_CA_BUNDLE"), "/a \"b\"\\: #c.pem");
}

#[test]
fn a_shell_reads_back_exactly_what_was_set() {
    let odd = EnvSettings { ca_path: "/tmp/it's $(touch x) `y` \\ \"z\".pem".into(), ..settings() };
    let script = format!("{}printf %s \"$SSL_CERT_FILE\"", render(Format::Shell, &odd));
    let out = std::process::Command::new("sh").args(["-c", &script]).output().expect("sh runs");
    assert!(out.status.success());
    assert_eq!(String::from_utf8_lossy(&out.stdout), odd.ca_path);
}

#[test]
fn a_line_break_in_a_setting_cannot_begin_another_variable() {
    let evil = EnvSettings { ca_path: "/ca.pem\nLD_PRELOAD=/evil.so".into(), ..settings() };
    for format in [Format::Docker, Format::Kubernetes, Format::Shell] {
        let text = render(format, &evil);
        assert!(!text.lines().any(|line| line.trim_start().starts_with("LD_PRELOAD")), "{text}");
    }
}
