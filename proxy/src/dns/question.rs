//! One question: facts, policy, act, record. The name is read as content before anybody is asked,
//! since the question itself leaves.
//!
//! A name that may not be asked for is `NXDOMAIN`, not `REFUSED`: resolvers go on with their search
//! list, or give up, at once, where a refusal would make them ask every other server and then fail.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use policy::{Host, NameFacts, NamePermit, Verdict, code};

use super::budget::Budget;
use super::labels;
use super::message::{Asked, Reply, Wanted};
use crate::audit::{DnsRecord, Outcome};
use crate::error::{Error, Kind};
use crate::ongoing::{Ongoing, printable};
use crate::rooms::Rooms;
use crate::stop::Stop;
use crate::upstream::{Family, Resolved};

/// The longest that an answer may be kept, seconds: a policy that changes is to be felt.
const TTL_SECONDS_MAX: u64 = 60;
/// A type that is not answered. The name itself may be asked for.
pub const TYPE_REFUSED: &str = "dns-type";
/// `limits.dnsNamesMax` names under wildcards were asked for in this hour.
pub const NAMES_MAX: &str = "dns-names-max";
/// Labels at a name's end that a record shows when the others tell something.
const SHOWN_LABELS: usize = 2;

/// Answers a question and closes its exchange.
pub(super) async fn answer(
    rooms: (&Rooms, &Mutex<Budget>),
    mut ongoing: Ongoing,
    asked: &Asked,
) -> Reply {
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
    (rooms, budget): (&Rooms, &Mutex<Budget>),
    ongoing: &mut Ongoing,
    asked: &Asked,
    withheld: &mut usize,
) -> Result<Reply, Stop> {
    ongoing.note(|record| {
        record.method = Some(asked.kind());
        record.target = Some(seen(&asked.name));
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
        spend(budget, &permit)?;
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
    let (forms, headers) = (labels::forms(&asked.name), HeaderMap::new());
    for ruling in permit.rulings() {
        for form in &forms {
            let cell = &ongoing.meters().cell;
            if let Err(verdict) = rooms.content.read_head(&ruling, form, &headers, cell) {
                ongoing.note(|record| record.target = Some(covered(&asked.name)));
                return Err(verdict.into());
            }
        }
    }
    Ok(())
}

/// A name that the policy lists itself costs nothing.
fn spend(budget: &Mutex<Budget>, permit: &NamePermit) -> Result<(), Stop> {
    let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
    if permit.is_listed_by_name() || budget.takes(permit.host(), Instant::now()) {
        return Ok(());
    }
    let text = "too many different names under wildcards in an hour (limits.dnsNamesMax)";
    let rule = permit.verdict().rule.clone();
    Err(Box::new(Verdict::block(rule, NAMES_MAX, text.to_owned())).into())
}

/// The name as a record may show it.
fn seen(name: &str) -> String {
    let catalog = dlp::Catalog::builtin();
    let is_telling = |form: &String| dlp::scan(&catalog, form.as_bytes()).tally.total() > 0;
    // The name itself is masked where it tells something; what it is a spelling of has no place to
    // be masked at.
    if labels::forms(name).iter().skip(1).any(is_telling) { covered(name) } else { printable(name) }
}

fn covered(name: &str) -> String {
    let labels: Vec<&str> = name.split('.').collect();
    let shown = labels.get(labels.len().saturating_sub(SHOWN_LABELS)..).unwrap_or_default();
    printable(&format!("*.{}", shown.join(".")))
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
