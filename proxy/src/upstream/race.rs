//! Which of several addresses is connected to: RFC 8305 within what was vetted. Families take turns,
//! a slow address does not keep the next one waiting, and the first that answers is taken.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::error::{Error, Kind};

/// Addresses of one answer that are tried before giving up.
const ADDRESSES_TRIED_MAX: usize = 4;
/// How long an attempt may go on alone (RFC 8305, section 8, "Connection Attempt Delay").
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first of `addresses` that answers. The attempts that lose are dropped.
///
/// # Errors
/// That of the last attempt, when none is left.
pub(super) async fn race<T, A, F>(addresses: &[SocketAddr], attempt: A) -> Result<T, Error>
where
    A: Fn(SocketAddr) -> F,
    F: Future<Output = Result<T, Error>>,
{
    let mut waiting = in_turns(addresses).into_iter().take(ADDRESSES_TRIED_MAX);
    let mut running: Vec<Pin<Box<F>>> = Vec::new();
    let mut last = Error::from(Kind::UpstreamUnreachable);
    loop {
        match waiting.next() {
            Some(address) => running.push(Box::pin(attempt(address))),
            None if running.is_empty() => return Err(last),
            None => {}
        }
        let is_last = waiting.len() == 0;
        let delay = async {
            if is_last {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(ATTEMPT_DELAY).await;
        };
        tokio::select! {
            biased;
            ended = first(&mut running) => match ended {
                Ok(connected) => return Ok(connected),
                Err(error) => last = error,
            },
            () = delay => {}
        }
    }
}

/// The first of `running` that ends, taken out.
async fn first<T, F>(running: &mut Vec<Pin<Box<F>>>) -> T
where
    F: Future<Output = T>,
{
    poll_fn(|context| {
        let ended = running.iter_mut().enumerate().find_map(|(at, attempt)| {
            match attempt.as_mut().poll(context) {
                Poll::Ready(ended) => Some((at, ended)),
                Poll::Pending => None,
            }
        });
        match ended {
            Some((at, ended)) => {
                drop(running.swap_remove(at));
                Poll::Ready(ended)
            }
            None => Poll::Pending,
        }
    })
    .await
}

/// The families by turns, beginning with that of the first address; each keeps its order.
fn in_turns(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_first_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let of = |is_other: bool| {
        addresses.iter().filter(move |address| (address.is_ipv6() != is_first_v6) == is_other)
    };
    let (mut first, mut second) = (of(false), of(true));
    let mut turns = Vec::with_capacity(addresses.len());
    loop {
        let before = turns.len();
        turns.extend(first.next());
        turns.extend(second.next());
        if turns.len() == before {
            return turns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        for (given, turns) in [
            (vec![], vec![]),
            (vec!["[::1]:1", "[::2]:1"], vec!["[::1]:1", "[::2]:1"]),
            (
                vec!["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1"],
                vec!["[::1]:1", "10.0.0.1:1", "[::2]:1", "[::3]:1"],
            ),
            (
                vec!["10.0.0.1:1", "10.0.0.2:1", "[::1]:1"],
                vec!["10.0.0.1:1", "[::1]:1", "10.0.0.2:1"],
            ),
        ] {
            assert_eq!(in_turns(&addresses(&given)), addresses(&turns));
        }
    }

    async fn as_told(address: SocketAddr) -> Result<SocketAddr, Error> {
        match address.port() {
            1 => Ok(address),
            2 => Err(Kind::UpstreamUnreachable.into()),
            3 => {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(address)
            }
            _ => std::future::pending().await,
        }
    }

    #[tokio::test]
    async fn the_first_that_answers_is_taken() {
        for (given, taken, after) in [
            (vec!["10.0.0.1:1", "10.0.0.2:1"], Some("10.0.0.1:1"), 0),
            // A failure starts the next one at once, silence after the delay.
            (vec!["10.0.0.1:2", "10.0.0.2:1"], Some("10.0.0.2:1"), 0),
            (vec!["10.0.0.1:9", "[::1]:1"], Some("[::1]:1"), 250),
            // The first one goes on meanwhile.
            (vec!["10.0.0.1:3", "10.0.0.2:3"], Some("10.0.0.1:3"), 300),
            (vec!["10.0.0.1:9", "10.0.0.2:9", "10.0.0.3:1"], Some("10.0.0.3:1"), 500),
            (vec!["10.0.0.1:2", "10.0.0.2:2"], None, 0),
            (vec![], None, 0),
            // Not more of them than that.
            (vec!["[::1]:2", "[::2]:2", "[::3]:2", "[::4]:2", "[::5]:1"], None, 0),
        ] {
            let began = tokio::time::Instant::now();
            let connected = race(&addresses(&given), as_told).await.ok();
            assert_eq!(connected, taken.map(|text| text.parse().unwrap()), "{given:?}");
            let took = began.elapsed().as_millis();
            assert!(took >= after && took < after + 5000, "{given:?} took {took} ms");
        }
    }
}
