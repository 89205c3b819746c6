//! The environment that makes clients use the proxy and trust its intercept CA. PURE.
//!
//! No two client families agree on the variables, so all of them are set, proxies in both cases.
//! Which client reads which was measured against a logging CONNECT proxy with an empty environment.

use std::fmt::Write as _;

/// The syntax that [`render`] writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for `docker run --env-file`: unquoted, so a value ends at its line.
    Docker,
    /// Items for a container's `env:` list.
    Kubernetes,
    /// `export` lines for a POSIX shell.
    Shell,
}

/// What the variables say.
#[derive(Debug, Clone)]
pub struct EnvSettings {
    /// Where the forward proxy listens, such as `http://127.0.0.1:3128`.
    pub proxy_url: String,
    /// The published certificate of the intercept CA, as the workload sees the file.
    pub ca_path: String,
    /// Hosts that clients reach without the proxy, separated by commas; empty leaves these
    /// variables out. This is advice to clients, not a permission.
    pub no_proxy: String,
}

/// Variables that one set of clients reads.
struct Group {
    /// The clients, for the comment above the variables.
    readers: &'static str,
    value: Value,
    names: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Value {
    Ca,
    NoProxy,
    On,
    Proxy,
}

const GROUPS: &[Group] = &[
    Group {
        readers: "plain HTTP: curl (lower case only), requests, httpx, boto3, pip, git, \
                  aiohttp (trust_env=True)",
        value: Value::Proxy,
        names: &["http_proxy", "HTTP_PROXY"],
    },
    Group {
        readers: "HTTPS by CONNECT: curl, requests, httpx, boto3, pip, git, \
                  aiohttp (trust_env=True)",
        value: Value::Proxy,
        names: &["https_proxy", "HTTPS_PROXY"],
    },
    Group {
        readers: "any other scheme: curl, git, requests, httpx",
        value: Value::Proxy,
        names: &["all_proxy", "ALL_PROXY"],
    },
    Group {
        readers: "gRPC core, as in grpcio (lower case only)",
        value: Value::Proxy,
        names: &["grpc_proxy", "GRPC_PROXY"],
    },
    Group {
        readers: "every client above",
        value: Value::NoProxy,
        names: &["no_proxy", "NO_PROXY"],
    },
    Group {
        readers: "gRPC core, before no_proxy",
        value: Value::NoProxy,
        names: &["no_grpc_proxy", "NO_GRPC_PROXY"],
    },
    Group {
        readers: "Node.js from 22.21 and 24.5 on; older ones need redirection",
        value: Value::On,
        names: &["NODE_USE_ENV_PROXY"],
    },
    Group {
        readers: "httpx, huggingface_hub, aiohttp, urllib, curl, Go",
        value: Value::Ca,
        names: &["SSL_CERT_FILE"],
    },
    Group { readers: "requests, mlflow, boto3", value: Value::Ca, names: &["REQUESTS_CA_BUNDLE"] },
    Group { readers: "curl, requests", value: Value::Ca, names: &["CURL_CA_BUNDLE"] },
    Group { readers: "boto3, aws", value: Value::Ca, names: &["AWS_CA_BUNDLE"] },
    Group {
        readers: "gRPC core, as in grpcio",
        value: Value::Ca,
        names: &["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"],
    },
    Group { readers: "git", value: Value::Ca, names: &["GIT_SSL_CAINFO"] },
    Group { readers: "Node.js", value: Value::Ca, names: &["NODE_EXTRA_CA_CERTS"] },
    Group { readers: "pip", value: Value::Ca, names: &["PIP_CERT"] },
];

/// The variables in `format`, each set under a comment that names its readers, ending in a
/// newline. Control characters in the settings are dropped: a Docker env file has no quoting, so
/// a line break there would begin another variable.
pub fn render(format: Format, settings: &EnvSettings) -> String {
    let mut text = String::new();
    for group in GROUPS {
        let value = value_of(group.value, settings);
        if value.is_empty() {
            continue;
        }
        let _ = writeln!(text, "# {}", group.readers);
        for name in group.names {
            let _ = match format {
                Format::Docker => writeln!(text, "{name}={value}"),
                Format::Kubernetes => {
                    writeln!(text, "- name: {name}\n  value: {}", yaml_quoted(&value))
                }
                Format::Shell => writeln!(text, "export {name}={}", shell_quoted(&value)),
            };
        }
    }
    text
}

fn value_of(value: Value, settings: &EnvSettings) -> String {
    let raw = match value {
        Value::Ca => &settings.ca_path,
        Value::NoProxy => &settings.no_proxy,
        Value::On => "1",
        Value::Proxy => &settings.proxy_url,
    };
    raw.chars().filter(|c| !c.is_control()).collect()
}

/// In single quotes, where only the quote itself is special.
fn shell_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A YAML double-quoted scalar; `value` has no control characters.
fn yaml_quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;
