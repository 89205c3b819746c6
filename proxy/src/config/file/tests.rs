//! Configuration files: what is in force, and where a wrong one is wrong.

use super::*;

const LEAST: &str = "\
mode: sidecar
policy: {path: /p}
identity: {files: {chain: /c, key: /k, bundle: /b}}
outbound: {httpProxy: \"127.0.0.1:3128\"}
audit: {path: /a}
";

fn cook(text: &str) -> Result<Config, InvalidConfig> {
    let path = Path::new("lazaret.yaml");
    parse(path, text)?.cook(path)
}

#[track_caller]
fn wrong(text: &str) -> String {
    cook(text).expect_err("a wrong configuration").to_string()
}

#[test]
fn the_least_configuration_has_every_limit() {
    let config = cook(LEAST).unwrap();
    assert_eq!(config.http_proxy, Some("127.0.0.1:3128".parse().unwrap()));
    assert!(config.inbound.is_none() && config.admin.is_none() && config.publish.is_none());
    assert!(!config.reuse_port, "a port is not shared unawares");
    assert_eq!((config.audit.sync, config.log_level.as_str()), (Sync::Batched, "info"));
    let described = config.describe();
    for name in ["exchanges_max", "spool_max", "body_idle", "headers_max", "drain_deadline"] {
        assert!(described.contains(name), "{name} is not in {described}");
    }
}

#[test]
fn a_whole_configuration_is_taken_at_its_word() {
    let text = format!(
        "{}{}",
        LEAST.replace(
            "\"127.0.0.1:3128\"}",
            "\"[::1]:3128\", socks5: \"127.0.0.1:1080\", transparent: \"127.0.0.1:15001\", \
             intercept: {publish: /ca.pem}}"
        ),
        "inbound: {listen: \"0.0.0.0:15006\", forward: \"127.0.0.1:8080\"}\n\
         admin: {listen: \"127.0.0.1:15020\", socket: /run/admin.sock}\n\
         resolver: {hosts: {a.example: [10.0.0.1, \"fd12::1\"]}, nameservers: [\"10.0.0.53:53\"]}\n\
         spool: {path: /s}\nlog: {format: json, level: debug}\nlinks: []\n\
         limits: {bodyIdle: 2m, spoolMax: 2GiB, headerBytesMax: 8KiB, exchangesMax: 7, tunnelIdle: 10m, tunnelFlush: 5ms}\n"
    );
    let config = cook(&text).unwrap();
    assert_eq!(config.socks5, Some("127.0.0.1:1080".parse().unwrap()));
    assert_eq!(config.transparent, Some("127.0.0.1:15001".parse().unwrap()));
    assert_eq!(config.limits.tunnel_flush.as_millis(), 5);
    assert_eq!(config.limits.tunnel_idle.as_secs(), 600);
    let described = config.describe();
    assert!(described.contains("outbound.socks5: 127.0.0.1:1080\n"), "{described}");
    assert!(described.contains("outbound.transparent: 127.0.0.1:15001\n"), "{described}");
    assert_eq!(config.hosts["a.example"].len(), 2);
    assert_eq!(config.limits.body_idle.as_secs(), 120);
    assert_eq!((config.limits.spool_max, config.limits.exchanges_max), (2 << 30, 7));
    assert_eq!(config.limits.header_bytes_max, 8 << 10);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.publish, Some("/ca.pem".into()));
}

#[test]
fn what_does_not_parse_says_where() {
    for (text, place, what) in [
        (LEAST.replace("audit:", "audti:"), "lazaret.yaml:5:1: ", "audti"),
        (LEAST.replace("{path: /p}", "{path: /p, watch: true}"), "lazaret.yaml:2:", "watch"),
        (LEAST.replace("127.0.0.1:3128", "localhost"), "lazaret.yaml:4:", ""),
        (LEAST.replace("sidecar", "router"), "lazaret.yaml:1:", "router"),
        (format!("{LEAST}limits: {{bodyIdle: soon}}\n"), "lazaret.yaml:6:", ""),
        (format!("{LEAST}limits: {{bodyMax: 1}}\n"), "lazaret.yaml:6:", "bodyMax"),
        (format!("{LEAST}limits: {{exchangesMax: -1}}\n"), "lazaret.yaml:6:", ""),
        (format!("{LEAST}audit: {{path: /b}}\n"), "lazaret.yaml:6:", "audit"),
        ("mode: [".to_owned(), "lazaret.yaml:1:", ""),
        (String::new(), "lazaret.yaml:1:", "end of input"),
    ] {
        let said = wrong(&text);
        assert!(said.starts_with(place) && said.contains(what), "{text}\n=> {said}");
    }
}

#[test]
fn values_that_cannot_be_are_named() {
    for (text, field) in [
        (LEAST.replace("127.0.0.1:3128", "0.0.0.0:3128"), "outbound.httpProxy"),
        (LEAST.replace("127.0.0.1:3128", "10.0.0.1:3128"), "outbound.httpProxy"),
        (LEAST.replace("outbound: {httpProxy: \"127.0.0.1:3128\"}\n", ""), "outbound.httpProxy"),
        (LEAST.replace("httpProxy: \"127.0.0.1", "socks5: \"0.0.0.0"), "outbound.socks5"),
        (LEAST.replace("httpProxy: \"127.0.0.1", "transparent: \"[::]"), "outbound.transparent"),
        (LEAST.replace("{files: {chain: /c, key: /k, bundle: /b}}", "{}"), "identity.files"),
        (format!("{LEAST}limits: {{bodyIdle: 0s}}\n"), "limits.bodyIdle"),
        (format!("{LEAST}limits: {{bodyIdle: -1s}}\n"), "limits.bodyIdle"),
        (format!("{LEAST}limits: {{bufferedBytesMax: 1MiB}}\n"), "limits.bufferedBytesMax"),
        (format!("{LEAST}limits: {{headersMax: 0}}\n"), "limits.headersMax"),
        (format!("{LEAST}limits: {{spoolMax: 1GB}}\n"), "limits.spoolMax"),
        (format!("{LEAST}limits: {{headerBytesMax: 1KiB}}\n"), "limits.headerBytesMax"),
    ] {
        let said = wrong(&text);
        assert!(said.starts_with(&format!("lazaret.yaml: {field}: ")), "{said}");
    }
}

#[test]
fn what_is_not_built_yet_is_refused_by_name() {
    for (text, field) in [
        (LEAST.replace("{files:", "{ca: {url: x}, files:"), "identity.ca"),
        (LEAST.replace("{files:", "{workloadApi: {socket: /x}, files:"), "identity.workloadApi"),
    ] {
        let said = wrong(&text);
        assert!(said.contains(field) && said.contains("not supported yet"), "{said}");
    }
}

#[test]
fn a_file_that_is_missing_or_huge_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lazaret.yaml");
    let said = Config::load(&path).unwrap_err().to_string();
    assert!(said.contains("cannot be read") && said.contains("--config"), "{said}");
    let size = usize::try_from(super::super::CONFIG_BYTES_MAX).unwrap() + 1;
    std::fs::write(&path, vec![b'#'; size]).unwrap();
    assert!(Config::load(&path).unwrap_err().to_string().contains("at most"));
}

#[test]
fn the_resolver_listens_where_only_the_pod_asks() {
    assert!(cook(LEAST).unwrap().dns.is_empty());
    for (listen, addresses) in [
        ("127.0.0.1:15053", &["127.0.0.1:15053"][..]),
        ("[127.0.0.1:15053, \"[::1]:15053\"]", &["127.0.0.1:15053", "[::1]:15053"]),
        ("10.1.2.3:53", &["10.1.2.3:53"]),
    ] {
        let config = cook(&format!("{LEAST}dns: {{listen: {listen}}}\n")).unwrap();
        let listed: Vec<String> = config.dns.iter().map(ToString::to_string).collect();
        assert_eq!(listed, addresses);
        let line = format!("\ndns: {}\n", addresses.join(", "));
        assert!(config.describe().contains(&line), "{}", config.describe());
    }
    for (listen, what) in [
        ("0.0.0.0:53", "dns.listen: must be"),
        ("[\"[::]:53\"]", "dns.listen: must be"),
        ("127.0.0.1", "lazaret.yaml:6:"),
    ] {
        let error = wrong(&format!("{LEAST}dns: {{listen: {listen}}}\n"));
        assert!(error.contains(what), "{listen}: {error}");
    }
}
