//! The resolver that the pod asks, over UDP and TCP: it knows the names that the policy's egress
//! rules go to and no other, and tells only addresses that those rules may dial.
//!
//! It cannot be made to flood somebody else: it listens on this machine's addresses, answers this
//! machine only, and never with more bytes than a client announced.

mod flood;
mod message;
mod question;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::flood::Flood;
pub use self::message::OWN_TEXT;
use self::message::{QUESTION_BYTES_MAX, Read, Way};
pub use self::question::TYPE_REFUSED;
use crate::accept::{ACCEPT_ERROR_PAUSE, Arrival};
use crate::audit::{Direction, Kind};
use crate::drain::Drain;
use crate::error;
use crate::ongoing::Ongoing;
use crate::rooms::Rooms;
use crate::stop::Stop;

/// How often what was dropped is written down, while anything is.
const DROPPED_NOTE_INTERVAL: Duration = Duration::from_secs(10);
/// The event of the note that counts dropped questions.
pub const DROPPED_EVENT: &str = "dns-dropped";

/// The resolver listener's work.
#[derive(Debug)]
pub struct Dns {
    rooms: Arc<Rooms>,
    flood: Mutex<Flood>,
    places: Arc<Semaphore>,
}

impl Dns {
    /// Its limits are those of `rooms`.
    pub fn new(rooms: Arc<Rooms>) -> Self {
        let limits = &rooms.limits;
        let flood = Mutex::new(Flood::new(limits.dns_questions_per_second));
        let places = Arc::new(Semaphore::new(limits.dns_questions_max));
        Self { rooms, flood, places }
    }

    /// Answers datagrams until the drain begins.
    pub async fn serve_datagrams(self: Arc<Self>, socket: UdpSocket, mut drain: Drain) {
        let socket = Arc::new(socket);
        let own = socket.local_addr().map(|address| address.ip()).ok();
        let mut notes = tokio::time::interval(DROPPED_NOTE_INTERVAL);
        // One byte more than is read, so that a longer one shows.
        let mut buffer = vec![0; QUESTION_BYTES_MAX + 1];
        loop {
            let received = tokio::select! {
                biased;
                () = drain.begun() => break,
                _ = notes.tick() => {
                    self.note_dropped();
                    continue;
                }
                received = socket.recv_from(&mut buffer) => received,
            };
            let Ok((len, from)) = received else {
                tokio::time::sleep(ACCEPT_ERROR_PAUSE).await;
                continue;
            };
            let Some(place) = self.place(from, own) else { continue };
            let question = buffer.get(..len).unwrap_or_default().to_vec();
            let (this, socket) = (Arc::clone(&self), Arc::clone(&socket));
            drain.spawn(async move {
                if let Some(answer) = this.reply(&question, (Way::Udp, from), place).await {
                    // Whoever asked may be gone.
                    let _best_effort = socket.send_to(&answer, from).await;
                }
            });
        }
        self.note_dropped();
    }

    /// Answers the questions of one connection, one after the other.
    pub async fn serve(self: Arc<Self>, mut stream: TcpStream, arrival: Arrival) {
        let idle = self.rooms.limits.dns_idle;
        let (own, from) = (stream.local_addr().map(|own| own.ip()).ok(), arrival.downstream);
        let mut drain = arrival.drain.clone();
        loop {
            let question = tokio::select! {
                biased;
                () = drain.begun() => return,
                question = tokio::time::timeout(idle, framed(&mut stream)) => question,
            };
            let Ok(Some(question)) = question else { return };
            let Some(place) = self.place(from, own) else { return };
            let Some(answer) = self.reply(&question, (Way::Tcp, from), place).await else { return };
            let Ok(length) = u16::try_from(answer.len()) else { return };
            let framed = [&length.to_be_bytes()[..], &answer].concat();
            let written = tokio::time::timeout(idle, stream.write_all(&framed)).await;
            // What was announced and not read stands in the way of the next question.
            if !matches!(written, Ok(Ok(()))) || question.len() > QUESTION_BYTES_MAX {
                return;
            }
        }
    }

    /// Records a connection that is one too many.
    pub fn turn_away(&self, from: SocketAddr) {
        if let Ok(ongoing) = self.open(from) {
            ongoing.stop_without_status(&Stop::from(error::Kind::ConnectionsMax));
        }
    }

    /// A place for a question, unless it comes from elsewhere or there are too many; those are
    /// dropped and counted.
    fn place(&self, from: SocketAddr, own: Option<IpAddr>) -> Option<OwnedSemaphorePermit> {
        let ip = from.ip().to_canonical();
        let is_ours = ip.is_loopback() || own.is_none_or(|own| own.is_loopback() || own == ip);
        let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let place = if !is_ours {
            flood.count(ip, now);
            None
        } else if flood.takes(ip, now) {
            let place = Arc::clone(&self.places).try_acquire_owned().ok();
            if place.is_none() {
                flood.count(ip, now);
            }
            place
        } else {
            None
        };
        if place.is_none() {
            self.rooms.metrics.dns_dropped.inc();
        }
        place
    }

    fn note_dropped(&self) {
        let dropped = self.flood.lock().unwrap_or_else(PoisonError::into_inner).dropped();
        for (source, count) in dropped {
            tracing::warn!(%source, count, "questions were dropped");
            let detail = serde_json::json!({ "source": source.to_string(), "dropped": count });
            self.rooms.audit.note(DROPPED_EVENT, detail);
        }
    }

    fn open(&self, from: SocketAddr) -> Result<Ongoing, crate::audit::AuditUnavailable> {
        let what = (Direction::Outbound, Kind::Dns);
        Ongoing::open(&self.rooms.audit, &self.rooms.metrics, what, from)
    }

    /// The answer to what came, which is recorded by then.
    async fn reply(
        &self,
        question: &[u8],
        (way, from): (Way, SocketAddr),
        place: OwnedSemaphorePermit,
    ) -> Option<Vec<u8>> {
        // Without a record there is no answer.
        let mut ongoing = self.open(from).ok()?;
        ongoing.keep(place);
        match message::read(question, way) {
            Read::Malformed(what, answer) => {
                let error = error::Error::new(error::Kind::Malformed, what);
                ongoing.stop_without_status(&Stop::from(error));
                answer
            }
            Read::Question(asked) => {
                let reply = question::answer(&self.rooms, ongoing, &asked).await;
                Some(asked.answer(&reply)).filter(|answer| !answer.is_empty())
            }
        }
    }
}

/// The next question of a connection (RFC 1035, section 4.2.2); none at its end, or where what is
/// announced is longer than is read.
async fn framed(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = usize::from(stream.read_u16().await.ok()?);
    // Read as far as one byte too many, so that it is answered and recorded as such.
    let mut question = vec![0; length.min(QUESTION_BYTES_MAX + 1)];
    stream.read_exact(&mut question).await.ok()?;
    Some(question)
}
