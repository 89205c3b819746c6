//! One question: facts, policy, act, record. The name is read as content before anybody is asked,
//! since the question itself leaves.
//!
//! A name that may not be asked for is `NXDOMAIN`, not `REFUSED`: resolvers go on with their search
//! list, or give up, at once, where a refusal would make them ask every other server and then fail.

use std::time::Duration;

use http::HeaderMap;
use policy::{Host, NameFacts, NamePermit, Verdict, code};

use super::message::{Asked, Reply, Wanted};
use crate::audit::{DnsRecord, Outcome};
use crate::content::{Line, names};
use crate::error::{Error, Kind};
use crate::ongoing::Ongoing;
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::upstream::{Family, Resolved};

/// The longest that an answer may be kept, seconds: a policy that changes is to be felt.
const TTL_SECONDS_MAX: u64 = 60;
/// A type that is not answered. The name itself may be asked for.
pub const TYPE_REFUSED: &str = "dns-type";

/// Answers a question and closes its exchange.
pub(super) async fn answer(rooms: &Rooms, mut ongoing: Ongoing, asked: &Asked) -> Reply {
    let mut withheld = 0;
    let ended = run(rooms, &mut ongoing, asked, &mut withheld).await;
    let reply = match &ended {
        Ok(reply) => reply.clone(),
        Err(stop) => reply_to(stop),
    };
    let answers = match &reply {
        Reply::Addresses(addresses, _) => addresses.len(),
        Reply::Us => 1,
        Reply::NoSuchName | Reply::Refused | Reply::Failed => 0,
    };
    let dns = DnsRecord { code: reply.code(), answers, withheld };
    ongoing.note(|record| record.dns = Some(dns));
    match ended {
        Ok(_) => ongoing.close(Outcome::Completed),
        Err(stop) => ongoing.stop_without_status(&stop),
    }
    reply
}

async fn run(
    rooms: &Rooms,
    ongoing: &mut Ongoing,
    asked: &Asked,
    withheld: &mut usize,
) -> Result<Reply, Stop> {
    ongoing.note(|record| {
        record.method = Some(asked.kind());
        record.target = Some(names::seen(&asked.name));
    });
    let wanted = asked.wanted();
    if wanted == Wanted::Us {
        return Ok(Reply::Us);
    }
    let permit = decide(rooms, ongoing, asked)?;
    let family = match wanted {
        Wanted::V4 => Family::V4,
        Wanted::V6 => Family::V6,
        // An empty answer: nobody learns of ECH keys, nor of other ports and hosts to go to.
        Wanted::Service => return Ok(Reply::Addresses(Vec::new(), 0)),
        Wanted::Us | Wanted::Other => {
            let text = "only addresses are answered (A, AAAA)".to_owned();
            return Err(Box::new(Verdict::block(None, TYPE_REFUSED, text)).into());
        }
    };
    read(rooms, ongoing, asked, &permit)?;
    let resolver = rooms.upstream.resolver();
    if resolver.asks_dns(permit.host()) {
        resolver.spend(permit.host(), permit.is_listed_by_name(), &permit.verdict().rule)?;
        let _announced = ongoing.announce().await?;
    }
    let limit = rooms.limits.dns_timeout;
    let resolved = tokio::time::timeout(limit, resolver.tell(&permit, family))
        .await
        .map_err(|_| Error::new(Kind::UpstreamDns, "limits.dnsTimeout"))??;
    let told = match resolved {
        Resolved::NoSuchName => return Ok(Reply::NoSuchName),
        Resolved::Addresses(told) => told,
    };
    *withheld = told.withheld;
    match told.refusal {
        Some(refusal) if told.addresses.is_empty() => Err(refusal.into()),
        Some(_) | None => {
            let first = told.addresses.first().map(ToString::to_string);
            ongoing.note(|record| record.address = first);
            Ok(Reply::Addresses(told.addresses, ttl(told.fresh_for)))
        }
    }
}

fn decide(rooms: &Rooms, ongoing: &mut Ongoing, asked: &Asked) -> Result<NamePermit, Stop> {
    let identity = rooms.identity.load();
    ongoing.answer_in(&rooms.ledger);
    ongoing.answers(identity.id());
    let policy = rooms.policy.load();
    let hash = policy.hash().to_string();
    ongoing.note(|record| {
        record.source = Some(identity.id().to_string());
        record.policy = Some(hash.clone());
    });
    let host = Host::parse(&asked.name).map_err(|_| {
        let text = "the question's name is no host name".to_owned();
        Stop::from(Box::new(Verdict::block(None, code::HOST_NOT_LISTED, text)))
    })?;
    let permit = policy.decide_name(&NameFacts {
        source: Some(identity.id()),
        host: &host,
        now: crate::clock::now(),
    })?;
    ongoing.permit(permit.verdict(), &hash);
    ongoing.note(|record| {
        record.endpoint = permit.endpoint().map(|name| name.to_string());
        record.region = permit.region().map(str::to_owned);
    });
    Ok(permit)
}

/// Reads the name in every form in which it could carry something, by every profile that applies.
fn read(
    rooms: &Rooms,
    ongoing: &mut Ongoing,
    asked: &Asked,
    permit: &NamePermit,
) -> Result<(), Stop> {
    let (line, headers) = (Line::name(&asked.name), HeaderMap::new());
    for ruling in permit.rulings() {
        let read = rooms.content.read_head(&ruling, line, &headers, &ongoing.meters().cell);
        if let Err(verdict) = read {
            ongoing.note(|record| record.target = Some(names::covered(&asked.name)));
            return Err(verdict.into());
        }
    }
    Ok(())
}

fn reply_to(stop: &Stop) -> Reply {
    match stop {
        Stop::Failed(_) => Reply::Failed,
        Stop::Refused(verdict) => match verdict.reason.code {
            // The name exists; what it has of this kind is not told. An NXDOMAIN would end the
            // question for the other kind of address, too.
            code::ADDRESS_NOT_LISTED | code::NEVER_DIAL_ADDRESS => Reply::Addresses(Vec::new(), 0),
            TYPE_REFUSED => Reply::Refused,
            _ => Reply::NoSuchName,
        },
    }
}

fn ttl(fresh_for: Duration) -> u32 {
    u32::try_from(fresh_for.as_secs().min(TTL_SECONDS_MAX)).unwrap_or(0)
}
