//! `via` of an endpoint: the gateway that carries what goes to it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_saphyr::Spanned;

use super::Faults;
use super::names::Names;
use crate::endpoint::{Endpoint, TlsSetting};
use crate::file::{EndpointFile, PolicyFile, ViaFile};

/// Gives every endpoint that has a `via` the gateway that it names.
pub(super) fn link(
    files: &[(Arc<str>, PolicyFile)],
    names: &Names,
    endpoints: &mut [Arc<Endpoint>],
    faults: &mut Faults,
) {
    let written = |via: bool| {
        files.iter().flat_map(move |(file, policy)| {
            let entries = policy.endpoints.iter().map(|entry| &entry.value);
            entries.filter(move |entry| entry.via.is_some() == via).map(move |entry| (file, entry))
        })
    };
    let places: HashMap<String, usize> =
        endpoints.iter().enumerate().map(|(at, one)| (one.name.to_string(), at)).collect();
    let carriers: HashMap<&str, Arc<Endpoint>> = written(false)
        .filter_map(|(_, entry)| {
            let name = entry.name.value.as_str();
            Some((name, Arc::clone(endpoints.get(*places.get(name)?)?)))
        })
        .collect();
    for (file, entry) in written(true) {
        faults.enter(file);
        let Some(via) = &entry.via else { continue };
        let carrier = carrier(faults, names, (entry, via), &carriers);
        let endpoint = places.get(&entry.name.value).and_then(|at| endpoints.get_mut(*at));
        if let (Some(carrier), Some(endpoint)) = (carrier, endpoint.and_then(Arc::get_mut)) {
            endpoint.via = Some(carrier);
        }
    }
}

fn carrier(
    faults: &mut Faults,
    names: &Names,
    (entry, via): (&EndpointFile, &Spanned<ViaFile>),
    carriers: &HashMap<&str, Arc<Endpoint>>,
) -> Option<Arc<Endpoint>> {
    let text = &via.value.endpoint;
    names.endpoint(faults, text)?;
    let Some(carrier) = carriers.get(text.value.as_str()) else {
        let what = format!("`{}` goes via another endpoint itself", text.value);
        let fix = "name a gateway that is reached directly: tunnels are not put into tunnels";
        faults.error(text.referenced, &what, fix);
        return None;
    };
    if !matches!(carrier.tls, TlsSetting::Mutual { .. }) {
        let what = format!("gateway `{}` would not know who comes in", text.value);
        faults.error(text.referenced, &what, "give its endpoint `tls: {mode: mutual, peer: ...}`");
        return None;
    }
    if carrier.sole_name().is_none() {
        let what = format!("endpoint `{}` names more than one gateway", text.value);
        faults.error(text.referenced, &what, "give it exactly one host, without wildcards");
        return None;
    }
    if entry.name.value == text.value {
        return None;
    }
    Some(Arc::clone(carrier))
}
