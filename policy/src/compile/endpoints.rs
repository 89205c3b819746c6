//! `endpoints` and `permittedRegions`.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde_saphyr::Spanned;

use super::Faults;
use super::{read, tls};
use crate::addr::{AddrGuard, AddrRefusal, RANGES_MAX, check_range};
use crate::endpoint::Endpoint;
use crate::file::{EndpointFile, PolicyFile, Text};
use crate::host::{Host, HostPattern, InvalidHost};
use crate::region::{self, Region};
use crate::suggest::did_you_mean;

/// Most hosts of one endpoint.
const HOSTS_MAX: usize = 1024;

/// Names under which anybody can have one: a wildcard reaches strangers' accounts.
const SHARED_SUFFIXES: &[&str] = &[
    "amazonaws.com",
    "azurewebsites.net",
    "blob.core.windows.net",
    "cloudfront.net",
    "co.uk",
    "com.au",
    "com.br",
    "co.jp",
    "github.io",
    "googleapis.com",
    "herokuapp.com",
    "ngrok.io",
    "pages.dev",
    "r2.cloudflarestorage.com",
    "web.core.windows.net",
    "workers.dev",
];

/// The regions that every file with a `permittedRegions` permits: a file can only narrow what others permit.
pub(super) fn permitted_regions(
    files: &[(Arc<str>, PolicyFile)],
    faults: &mut Faults,
) -> Option<Vec<Region>> {
    let mut permitted: Option<Vec<Region>> = None;
    for (name, file) in files {
        let Some(written) = &file.permitted_regions else { continue };
        faults.enter(name);
        let fix = "leave it out to permit every region, or list some";
        let texts = read::list(faults, written, "permittedRegions", fix);
        read::distinct(faults, texts, "permittedRegions");
        let here: Vec<Region> = texts.iter().filter_map(|text| region_of(faults, text)).collect();
        if here.is_empty() {
            continue;
        }
        permitted = Some(match permitted {
            None => here,
            Some(before) => {
                let both: Vec<Region> = before.into_iter().filter(|r| here.contains(r)).collect();
                if both.is_empty() {
                    let what = "no region is permitted by this file and by those before it";
                    let fix = "files narrow each other; give them a region in common";
                    faults.error(written.referenced, what, fix);
                }
                both
            }
        });
    }
    permitted
}

pub(super) fn compile(
    files: &[(Arc<str>, PolicyFile)],
    regions: Option<&Vec<Region>>,
    faults: &mut Faults,
) -> Vec<Arc<Endpoint>> {
    let mut endpoints = Vec::new();
    for (name, file) in files {
        faults.enter(name);
        for entry in &file.endpoints {
            endpoints.extend(endpoint(faults, entry, regions).map(Arc::new));
        }
    }
    endpoints
}

fn endpoint(
    faults: &mut Faults,
    entry: &Spanned<EndpointFile>,
    regions: Option<&Vec<Region>>,
) -> Option<Endpoint> {
    let file = &entry.value;
    let hosts = hosts(faults, file);
    let guard = guard(faults, entry);
    let ports = ports(faults, file);
    let region = region(faults, entry, &hosts, regions);
    let tls = tls::compile(faults, &file.tls);
    let guard = guard?;
    check_literals(faults, file, &hosts, &guard);
    Some(Endpoint {
        name: Arc::from(file.name.value.as_str()),
        hosts: hosts.into_iter().map(|(_, pattern)| pattern).collect(),
        guard,
        ports,
        region,
        tls: tls?,
        via: None,
    })
}

fn hosts<'a>(faults: &mut Faults, file: &'a EndpointFile) -> Vec<(&'a Text, HostPattern)> {
    let texts = read::list(faults, &file.hosts, "hosts", "name the hosts");
    read::distinct(faults, texts, "hosts");
    if texts.len() > HOSTS_MAX {
        let fix = format!("split the endpoint: {HOSTS_MAX} is the most");
        faults.error(file.hosts.referenced, "too many hosts in one endpoint", &fix);
        return Vec::new();
    }
    let mut patterns = Vec::with_capacity(texts.len());
    for text in texts {
        match HostPattern::parse(&text.value) {
            Ok(pattern) => {
                warn_if_shared(faults, text, &pattern);
                patterns.push((text, pattern));
            }
            Err(error) => {
                let what = format!("bad host `{}`: {error}", text.value);
                faults.error(text.referenced, &what, host_fix(error, &text.value));
            }
        }
    }
    patterns
}

pub(super) fn host_fix(error: InvalidHost, text: &str) -> &'static str {
    match error {
        InvalidHost::WideWildcard => {
            "name the domain whose labels it stands for, as in *.registry.ml.internal"
        }
        InvalidHost::PartialWildcard => "write `*` for the whole label, or spell the label out",
        InvalidHost::Number => "write an IPv4 address with four plain decimal numbers",
        InvalidHost::Empty | InvalidHost::TooLong => "correct the name",
        InvalidHost::Grammar if text.contains("://") => {
            "give the host alone, without scheme and path"
        }
        InvalidHost::Grammar if text.contains('/') => {
            "give the host alone; address ranges go to `addresses`"
        }
        InvalidHost::Grammar if text.contains(':') => "give the host alone; ports go to `ports`",
        InvalidHost::Grammar => "write a DNS name such as registry.ml.internal, or an address",
    }
}

fn warn_if_shared(faults: &mut Faults, text: &Text, pattern: &HostPattern) {
    let Some((_, fixed)) = pattern.as_str().rsplit_once("*.") else { return };
    let is_s3 = fixed.starts_with("s3") && fixed.ends_with(".amazonaws.com");
    if is_s3 || SHARED_SUFFIXES.contains(&fixed) {
        faults.warn(
            text.referenced,
            &format!(
                "anybody can have a name under `{fixed}`, so `{}` reaches strangers",
                text.value
            ),
            "spell out the names that are yours",
        );
    }
}

fn guard(faults: &mut Faults, entry: &Spanned<EndpointFile>) -> Option<AddrGuard> {
    let file = &entry.value;
    let public = file.public.as_ref().is_some_and(|public| public.value);
    if let (false, Some(because)) = (public, &file.because) {
        let what = "`because` here gives the reason for public: true";
        faults.error(because.referenced, what, "leave it out");
    }
    match (&file.addresses, public) {
        (Some(addresses), true) => {
            let what = "`addresses` and `public: true` exclude each other";
            faults.error(addresses.referenced, what, "keep `addresses`, or keep `public: true`");
            None
        }
        (Some(addresses), false) => {
            let fix = "list the ranges that the hosts may resolve to";
            let texts = read::list(faults, addresses, "addresses", fix);
            read::distinct(faults, texts, "addresses");
            if texts.len() > RANGES_MAX {
                let fix = format!("split the endpoint: {RANGES_MAX} is the most");
                faults.error(addresses.referenced, "too many ranges in one endpoint", &fix);
                return None;
            }
            let ranges: Vec<IpNet> = texts.iter().filter_map(|text| range(faults, text)).collect();
            Some(AddrGuard::listed(&ranges))
        }
        (None, true) => {
            match &file.because {
                Some(because) => {
                    read::reason(faults, because, "`because`");
                }
                None => {
                    let at = file.public.as_ref().map_or(entry.referenced, |p| p.referenced);
                    faults.error(at, "`public: true` without a reason", "add `because: ...`");
                }
            }
            Some(AddrGuard::public())
        }
        (None, false) => {
            faults.error(
                file.name.referenced,
                &format!("endpoint `{}` has no `addresses`", file.name.value),
                "list the only ranges that its hosts may resolve to, or say `public: true` with `because: ...`",
            );
            None
        }
    }
}

fn range(faults: &mut Faults, text: &Text) -> Option<IpNet> {
    let written = text.value.trim_start_matches('[').trim_end_matches(']');
    let parsed = written.parse::<IpNet>().or_else(|_| written.parse::<IpAddr>().map(IpNet::from));
    let Ok(net) = parsed else {
        let what = format!("`{}` is no address range", text.value);
        faults.error(text.referenced, &what, "write it as 10.20.0.0/16, fd12::/48 or one address");
        return None;
    };
    if net.trunc() != net {
        let what = format!("`{net}` has bits set after its prefix");
        faults.error(text.referenced, &what, &format!("write {}, or a longer prefix", net.trunc()));
        return None;
    }
    match check_range(net) {
        Ok(net) => Some(net),
        Err(error) => {
            let what = format!("`{}` {error}", text.value);
            let fix = "list ranges that can be dialled and hold what is meant only";
            faults.error(text.referenced, &what, fix);
            None
        }
    }
}

/// A host that is an address is dialled at that address, so the guard must let it.
fn check_literals(
    faults: &mut Faults,
    file: &EndpointFile,
    hosts: &[(&Text, HostPattern)],
    guard: &AddrGuard,
) {
    if file.addresses.as_ref().is_some_and(|list| list.value.is_empty()) {
        return;
    }
    for (text, pattern) in hosts {
        let Some(ip) = pattern.exact().and_then(Host::ip) else { continue };
        if let Err(refusal) = guard.vet(ip) {
            let what = format!("host `{}` can never take effect: {refusal}", text.value);
            let fix = match refusal {
                AddrRefusal::NeverDial(_) => "drop the host",
                AddrRefusal::NotListed => "list the address in `addresses`, or drop the host",
            };
            faults.error(text.referenced, &what, fix);
        }
    }
}

fn ports(faults: &mut Faults, file: &EndpointFile) -> Vec<u16> {
    let fix = "list the ports; the first one is the default";
    let mut ports = Vec::new();
    for port in read::list(faults, &file.ports, "ports", fix) {
        match u16::try_from(port.value) {
            Ok(0) | Err(_) => {
                let what = format!("{} is no port", port.value);
                faults.error(port.referenced, &what, "write a number from 1 to 65535");
            }
            Ok(number) if ports.contains(&number) => {
                let what = format!("port {number} stands here twice");
                faults.error(port.referenced, &what, "keep one of them");
            }
            Ok(number) => ports.push(number),
        }
    }
    ports
}

fn region_of(faults: &mut Faults, text: &Text) -> Option<Region> {
    match Region::parse(&text.value) {
        Ok(region) => {
            let hint = did_you_mean(&text.value, region::known().iter().copied());
            if !region.is_known() && !hint.is_empty() {
                let what = format!("`{region}` is not a region that cloud providers publish");
                faults.warn(text.referenced, &what, &format!("check the name{hint}"));
            }
            Some(region)
        }
        Err(error) => {
            faults.error(
                text.referenced,
                &format!("`{}` is no region", text.value),
                &error.to_string(),
            );
            None
        }
    }
}

fn region(
    faults: &mut Faults,
    entry: &Spanned<EndpointFile>,
    hosts: &[(&Text, HostPattern)],
    permitted: Option<&Vec<Region>>,
) -> Option<Region> {
    let file = &entry.value;
    let Some(text) = &file.region else {
        if permitted.is_some() {
            let what = format!("endpoint `{}` has no `region`", file.name.value);
            let fix = "say where it is: `permittedRegions` is set";
            faults.error(file.name.referenced, &what, fix);
        }
        return None;
    };
    let region = region_of(faults, text)?;
    if permitted.is_some_and(|permitted| !permitted.contains(&region)) {
        let what = format!("region `{region}` is not among `permittedRegions`");
        faults.error(text.referenced, &what, "move the endpoint, or have the region permitted");
    }
    for (host, pattern) in hosts {
        if let Some(named) = region::named_by(pattern)
            && named != region.as_str()
        {
            let what =
                format!("host `{}` is in `{named}` by its own name, not in `{region}`", host.value);
            faults.error(text.referenced, &what, "correct the region, or the host");
        }
    }
    Some(region)
}
