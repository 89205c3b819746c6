//! A gateway's listeners: bound in the configuration's order, so that socket and link go together.

use std::net::SocketAddr;
use std::sync::Arc;

use certs::source::Files;
use tokio::net::{TcpListener, TcpStream};

use super::sockets::Ports;
use super::{StartError, failed};
use crate::config::Config;
use crate::drain::Drain;
use crate::link::{Link, Own};
use crate::outbound::Outbound;
use crate::rooms::Rooms;

/// Binds every link, in the configuration's order.
pub(super) fn bind(config: &Config, ports: Ports) -> Result<Vec<TcpListener>, StartError> {
    let mut sockets = Vec::with_capacity(config.links.len());
    for link in &config.links {
        sockets.extend(ports.bind(&format!("link {}", link.name), Some(link.listen))?);
    }
    Ok(sockets)
}

/// Where each link is bound, by its name.
pub(super) fn addresses(sockets: &[TcpListener], config: &Config) -> Vec<(Arc<str>, SocketAddr)> {
    let bound = sockets.iter().zip(&config.links);
    bound
        .filter_map(|(socket, link)| Some((Arc::clone(&link.name), socket.local_addr().ok()?)))
        .collect()
}

/// Listens on every link.
pub(super) fn listen(
    config: &Config,
    (rooms, outbound): (&Arc<Rooms>, &Arc<Outbound>),
    sockets: Vec<TcpListener>,
    drain: &Drain,
) -> Result<(), StartError> {
    for (socket, own) in sockets.into_iter().zip(&config.links) {
        let load = |files: Option<&Files>, what: &str| {
            let Some(files) = files else { return Ok(None) };
            let what = format!("{what} of link {}", own.name);
            let shown = Own::load(files).map_err(|error| failed(&what, error))?;
            let identity = Arc::clone(&shown.current);
            let watch = shown.watch(Arc::clone(&own.name), Arc::clone(rooms), drain.clone());
            Drain::spawn_background(watch);
            Ok(Some(identity))
        };
        let shown = (
            load(own.identity.as_ref(), "identity")?,
            load(own.upstream_identity.as_ref(), "upstreamIdentity")?,
        );
        let link = Link::new(Arc::clone(rooms), Arc::clone(outbound), own, shown);
        let serving = Arc::new(link);
        let turning = Arc::clone(&serving);
        let serve = move |stream, arrival| Arc::clone(&serving).serve(stream, arrival);
        let turn_away = move |_: &TcpStream, from| turning.turn_away(from);
        let listener = super::listener(socket, &own.name, config);
        let work = (serve, turn_away);
        Drain::spawn_background(listener.run(drain.clone(), rooms.metrics.clone(), work));
    }
    Ok(())
}
