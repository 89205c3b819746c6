//! A WebSocket both ways: frames are read into messages, each message is read as content, and what may
//! leave is framed anew, so that no byte of a frame's form crosses, nor of a ping's payload.
//!
//! Invariant: a message leaves whole or not at all. Whatever ends it, both ends are told by a close
//! frame, unless one stands in the middle of a message; its record is written first.

mod end;
mod passing;
mod pings;
mod upgrading;

use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};

use self::end::End;
use self::passing::{Passing, Shared};
use self::pings::Pings;
pub use self::upgrading::Upgrading;
use crate::accept::Arrival;
use crate::audit::Outcome;
use crate::config::Limits;
use crate::content::{Content, Messages};
use crate::error::{Error, Kind as ErrorKind};
use crate::http::body::Kept;
use crate::http::websocket::deflate::Growth;
use crate::http::websocket::extension::Deflate;
use crate::http::websocket::{Broken, Code, Sender};
use crate::ongoing::Ongoing;
use crate::stop::Stop;
use crate::tunnel::Activity;

/// What a client of an upgrade is told, and what the record says of it.
const SWITCHED: u16 = 101;

/// A WebSocket that both ends have agreed on.
#[derive(Debug)]
pub struct Session {
    /// Whoever asked for it, once it has read its 101.
    pub client: OnUpgrade,
    /// Whoever answered.
    pub server: Upgraded,
    /// Which of them take compressed messages.
    pub agreed: Agreed,
    /// Reads what the client sends.
    pub up: Messages,
    /// Reads what the server sends.
    pub down: Messages,
    /// How long it lives, and how large it grows.
    pub bounds: Bounds,
    /// Keeps the budget of what is in memory.
    pub content: Content,
    /// What is kept until its end, such as a place among the connections to the upstream.
    pub kept: Option<Kept>,
}

/// What each end agreed on with us. A message goes on compressed if it came so and the end that it
/// goes to takes that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// Whoever asked.
    pub client: Option<Deflate>,
    /// Whoever answered.
    pub server: Option<Deflate>,
}

/// How long a WebSocket lives, and how large its messages are.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    idle: Duration,
    total: Duration,
    closing: Duration,
    growth: Growth,
    linger_max: u64,
}

impl Bounds {
    /// As the limits say.
    pub fn new(limits: &Limits) -> Self {
        Self {
            idle: limits.tunnel_idle,
            total: limits.tunnel_total,
            closing: limits.linger_timeout,
            growth: Growth {
                bytes_max: limits.websocket_message_max,
                ratio_max: limits.websocket_ratio_max as u64,
            },
            linger_max: limits.linger_bytes_max,
        }
    }
}

/// Why a direction ended before its close frame.
#[derive(Debug)]
struct Fault {
    stop: Stop,
    /// Who broke the protocol, and what it is told.
    broken: Option<(Sender, Broken)>,
}

impl<T: Into<Stop>> From<T> for Fault {
    fn from(stop: T) -> Self {
        Self { stop: stop.into(), broken: None }
    }
}

impl Fault {
    /// What an end is told: the code, and a word for the reason.
    fn told(&self, end: Sender) -> (Code, &'static str) {
        match (&self.broken, &self.stop) {
            (Some((who, broken)), _) if *who == end => (broken.code(), "malformed"),
            (None, Stop::Refused(verdict)) if verdict.reason.code != "drain-deadline" => {
                (Code::Policy, verdict.reason.code)
            }
            (_, stop) => (Code::GoingAway, stop.code()),
        }
    }
}

/// Carries a WebSocket to its end and records it. `arrival` is the connection that it came on, which
/// keeps its seat as long.
pub async fn run(mut ongoing: Ongoing, session: Session, arrival: Arrival) {
    let Session { client, server, agreed, mut up, mut down, bounds, content, kept } = session;
    let cut = ongoing.cut().clone();
    let mut server = End::of_server(server, agreed.server, bounds);
    let client = tokio::select! {
        upgraded = client => upgraded.map_err(|error| Stop::from(Error::new(ErrorKind::BodyAborted, error))),
        stop = cut.raised() => Err(stop),
        why = arrival.ended() => Err(Stop::from(&why)),
    };
    let mut client = match client {
        Ok(client) => End::of_client(client, agreed.client, bounds, &ongoing),
        Err(stop) => {
            drop((up, down));
            let fault = Fault::from(stop);
            ongoing.stop(&fault.stop, SWITCHED);
            return server.leave(Some(fault.told(Sender::Server)), bounds).await;
        }
    };
    let activity = Activity::new();
    let share = ongoing.share().cloned();
    let cell = ongoing.meters().cell.clone();
    let pings = Pings::default();
    let shared = Shared {
        activity: &activity,
        pings: &pings,
        bounds,
        content: &content,
        holder: ongoing.meters().holder,
        cell: &cell,
        share: share.as_deref(),
    };
    let carrying = carry((&mut client, &mut server), (&mut up, &mut down), shared);
    let carried = tokio::select! {
        biased;
        stop = cut.raised() => Err(Fault::from(stop)),
        why = arrival.ended() => Err(Fault::from(Stop::from(&why))),
        carried = carrying => carried,
    };
    drop((up, down));
    let (to_client, to_server) = match carried {
        Ok(()) => {
            ongoing.close(Outcome::Completed);
            (None, None)
        }
        Err(Fault { stop, broken }) => {
            let stop = stop.unless_cut(ongoing.meters());
            let fault = Fault { stop, broken };
            // What was masked before it ended says so, however it ended.
            let cell = ongoing.meters().cell.clone();
            ongoing.note(|record| cell.with(|reading| reading.write_verdict_to(record)));
            ongoing.stop(&fault.stop, SWITCHED);
            (Some(fault.told(Sender::Client)), Some(fault.told(Sender::Server)))
        }
    };
    tokio::join!(client.leave(to_client, bounds), server.leave(to_server, bounds));
    drop((kept, arrival));
}

/// Carries both directions until both have closed.
async fn carry(
    (client, server): (&mut End, &mut End),
    (up, down): (&mut Messages, &mut Messages),
    shared: Shared<'_>,
) -> Result<(), Fault> {
    let (activity, bounds) = (shared.activity, shared.bounds);
    let (from_client, to_client) = client.parts();
    let (from_server, to_server) = server.parts();
    let up = Passing::new(Sender::Client, (from_client, to_server), shared).run(up);
    let down = Passing::new(Sender::Server, (from_server, to_client), shared).run(down);
    let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
    let both = async {
        // Whoever is told of the close answers with its own, or goes.
        let rest = tokio::select! {
            ended = up.as_mut() => {
                ended?;
                tokio::time::timeout(bounds.closing, down).await
            }
            ended = down.as_mut() => {
                ended?;
                tokio::time::timeout(bounds.closing, up).await
            }
        };
        match rest {
            Ok(Err(fault)) if fault.broken.is_some() || matches!(fault.stop, Stop::Refused(_)) => {
                Err(fault)
            }
            Ok(_) | Err(_) => Ok(()),
        }
    };
    tokio::select! {
        ended = both => ended,
        () = activity.ceased(bounds.idle) => {
            Err(Error::new(ErrorKind::TunnelTimeout, "limits.tunnelIdle").into())
        }
        () = tokio::time::sleep(bounds.total) => {
            Err(Error::new(ErrorKind::TunnelTimeout, "limits.tunnelTotal").into())
        }
    }
}
