//! A gateway's links: listeners between sites. Peers prove who they are, and everything that they ask
//! for goes through the same rooms as a workload's requests, with the peer as the source.
//!
//! Invariant: nothing of a peer that the link's `from` does not list, or over the link's budgets, gets
//! as far as a name server or a socket.

pub mod budget;
mod entrance;
pub mod federated;
mod identity;
mod messages;
mod rate;
mod toll;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use certs::rotation::Current;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use self::budget::Budget;
pub use self::entrance::Entrance;
pub use self::identity::Own;
pub use self::toll::{OverBudget, Tolled};
pub use self::wire::TolledWire;
use crate::accept::{self, Arrival, Ended, Spoken};
use crate::audit::{Direction, Kind};
use crate::config;
use crate::error::{self, Error};
use crate::live::Proof;
use crate::mutual::Mutual;
use crate::outbound::Outbound;
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::tunnel::Abort;

/// One link's work.
#[derive(Debug)]
pub struct Link {
    rooms: Arc<Rooms>,
    outbound: Arc<Outbound>,
    own: config::Link,
    budget: Arc<Budget>,
    mutual: Mutual,
    /// What the link shows, and whose trust bundle vouches for its peers.
    identity: Arc<Current>,
    /// What it shows upstream, where that is not the gateway's own.
    upstream: Option<Arc<Current>>,
}

impl Link {
    /// `identity` is what the link shows its peers, and `upstream` what it shows upstreams, where that is
    /// not the gateway's own.
    pub fn new(
        rooms: Arc<Rooms>,
        outbound: Arc<Outbound>,
        own: &config::Link,
        (identity, upstream): (Option<Arc<Current>>, Option<Arc<Current>>),
    ) -> Self {
        let identity = identity.unwrap_or_else(|| Arc::clone(&rooms.identity));
        let mutual = Mutual::new(Arc::clone(&identity), rooms.limits.handshake_timeout);
        let budget = Arc::new(Budget::new(own));
        Self { rooms, outbound, own: own.clone(), budget, mutual, identity, upstream }
    }

    /// Serves one connection.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, mut arrival: Arrival) {
        let here = &self.own;
        let from = match &self.own.downstream {
            config::Downstream::Plaintext => {
                let identity = self.mutual.identity();
                let entrance = Entrance::of_anyone(here, &self.budget, identity.id());
                return self.speak((stream, Spoken::Either), arrival, entrance).await;
            }
            config::Downstream::Mutual(from) => from,
        };
        let identity = self.mutual.identity();
        let (stream, peer) = match self.mutual.accept(stream).await {
            Ok(accepted) => accepted,
            Err(error) => {
                return self.record_failed(Kind::Handshake, error, 0, arrival.downstream);
            }
        };
        let is_welcome = from.iter().any(|pattern| pattern.matches(&peer.id));
        let entrance = Entrance::of_peer(here, &self.budget, &peer, is_welcome);
        let spoken = Spoken::by_alpn(stream.get_ref().1.alpn_protocol());
        let Some(chain) = stream.get_ref().1.peer_certificates() else { return };
        let proof = Proof::new(chain, None);
        let seated = self.rooms.live.seat(proof, arrival.line.cut(), &self.identity);
        // A trust bundle that came into force during the handshake has not seen this connection.
        let now = self.mutual.identity();
        if !Arc::ptr_eq(&identity, &now) {
            seated.judge(now.bundle());
        }
        arrival.peer = Some(Arc::new(seated));
        self.speak((stream, spoken), arrival, entrance).await;
    }

    /// Records a connection that is one too many; before the handshake nothing can be answered.
    pub fn turn_away(&self, downstream: SocketAddr) {
        self.record_failed(Kind::Handshake, error::Kind::ConnectionsMax.into(), 0, downstream);
    }

    async fn speak<S>(
        &self,
        (stream, spoken): (S, Spoken),
        mut arrival: Arrival,
        entrance: Entrance,
    ) where
        S: AsyncRead + AsyncWrite + Abort + Send + Unpin + 'static,
    {
        arrival.entrance = Some(Arc::new(entrance.showing(self.upstream.as_ref())));
        if self.own.protocol == config::LinkProtocol::Tcp {
            return self.outbound.carry(stream, &arrival).await;
        }
        let (downstream, line, onlooker) =
            (arrival.downstream, arrival.line.clone(), arrival.clone());
        let outbound = Arc::clone(&self.outbound);
        let limits = (&self.rooms.limits, &self.rooms.memory);
        let serving = accept::serve(stream, spoken, limits, line, move |request| {
            Arc::clone(&outbound).handle(request, arrival.clone())
        });
        let ended = onlooker.bind(onlooker.line.cut(), Box::pin(serving)).await;
        if let Ended::Malformed { status, cause } = ended {
            self.record_failed(Kind::Http, cause, status, downstream);
        }
    }

    fn record_failed(&self, kind: Kind, error: Error, status: u16, downstream: SocketAddr) {
        if let Ok(mut ongoing) = self.rooms.open(Direction::Outbound, kind, downstream) {
            ongoing.note(|record| record.link = Some(self.own.name.to_string()));
            ongoing.stop(&Stop::from(error), status);
        }
    }
}
