//! Requests that ask to leave HTTP: sent on a connection of their own, which is then no longer HTTP's.

use std::sync::Arc;

use certs::tls::Offer;
use http::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use policy::EgressPermit;

use super::tunnel::Tunnel;
use super::{Departure, Sent, Upstream, told};
use crate::audit::Announced;
use crate::budget::cost::BUFFER_BYTES;
use crate::drain::Drain;
use crate::error::{Error, Kind};
use crate::http::body::{Arriving, Kept};
use crate::stop::Stop;

impl Upstream {
    /// Sends a request that asks for an upgrade, as HTTP/1.1. The answer may be a 101, whose connection
    /// its extensions hold; what is returned beside it is kept as long as that.
    ///
    /// # Errors
    /// As [`Upstream::send`].
    pub async fn switch(
        &self,
        permit: EgressPermit,
        departure: Departure,
    ) -> Result<(Sent, Kept), Stop> {
        let Departure { cleared, announced, mut vetted, entry, as_whom, .. } = departure;
        let (shows, holder) = as_whom;
        let us = self.us(shows.as_ref());
        let Announced { .. } = announced;
        permit.check(crate::clock::now())?;
        if !vetted.is_fresh() {
            vetted = self.vet(&permit, vetted.aimed()).await?;
        }
        let identity = us.load();
        let tunnel = self.raw(&permit, (&identity, holder), &vetted, Offer::Http1).await?;
        let Tunnel { stream, address, facts, seat } = tunnel;
        told(entry.as_deref(), (address, facts.proof.clone()), (us, &identity))?;
        let broken = |error| Error::new(Kind::UpstreamBroken, error);
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let kept: Kept = Box::new(Arc::clone(&seat));
        Drain::spawn_background(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "an upstream connection ended");
            }
            drop(seat);
        });
        let (head, body) = cleared.into_parts();
        let sending = sender.send_request(Request::from_parts(head, body));
        let answered = tokio::time::timeout(self.response_timeout, sending).await;
        let response = answered.map_err(|_| Error::from(Kind::UpstreamTimeout))?.map_err(broken)?;
        Ok((Sent { response: response.map(Arriving::from), address, facts }, kept))
    }
}
