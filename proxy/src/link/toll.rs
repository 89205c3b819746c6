//! A body on its way over a link: counted against the link's budgets as it comes, and its first
//! bytes looked at for the node that sends it.
//!
//! Invariant: a body that is over a budget breaks off once, with the verdict in its exchange's
//! reading; whoever reads on only to be polite gets what follows, which goes nowhere.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use policy::Verdict;
use tokio::time::Sleep;

use super::budget::Share;
use super::federated::{FIRST_BYTES_MAX, Rpc};
use super::messages::Messages;
use crate::content::Meters;
use crate::http::body::BodyError;
use crate::http::headers;

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
#[error("a budget of the link")]
pub struct OverBudget(pub Box<Verdict>);

/// What is counted, and where the verdict goes.
#[derive(Debug)]
struct Toll {
    share: Arc<Share>,
    messages: Messages,
    wait: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

/// The first bytes of a request that may name its node.
#[derive(Debug)]
struct First {
    rpc: Rpc,
    bytes: Vec<u8>,
}

/// A body with its toll.
#[derive(Debug)]
pub struct Tolled<B> {
    body: B,
    toll: Option<Toll>,
    first: Option<First>,
    meters: Meters,
}

/// Whether a body says where its messages begin: gRPC, and gRPC-Web that is no base64. What only looks
/// like it is one message, whatever lengths it puts into it.
fn is_framed(headers: &HeaderMap) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    ["application/grpc", "application/grpc-web"].into_iter().any(|known| {
        kind.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
    })
}

impl<B> Tolled<B> {
    /// `share` is the exchange's, where it came over a link. `meters` are the exchange's.
    pub fn new(body: B, share: Option<Arc<Share>>, headers: &HeaderMap, meters: &Meters) -> Self {
        let is_framed = is_framed(headers);
        let toll = share.map(|share| {
            let messages = if is_framed { Messages::framed() } else { Messages::whole() };
            Toll { share, messages, wait: None, is_over: false }
        });
        Self { body, toll, first: None, meters: meters.clone() }
    }

    /// Looks at the first bytes for the node that `rpc` comes from.
    #[must_use]
    pub fn naming_node(mut self, rpc: Option<Rpc>) -> Self {
        let rpc = rpc.filter(Rpc::may_name_node);
        self.first = rpc.map(|rpc| First { rpc, bytes: Vec::with_capacity(FIRST_BYTES_MAX) });
        self
    }

    fn look(&mut self, data: &[u8]) {
        let Some(first) = &mut self.first else { return };
        let room = FIRST_BYTES_MAX.saturating_sub(first.bytes.len());
        first.bytes.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if let Some(node) = first.rpc.node(&first.bytes) {
            self.meters.cell.with(|reading| reading.node = Some(node));
        } else if first.bytes.len() < FIRST_BYTES_MAX {
            return;
        }
        self.first = None;
    }

    fn pay(&mut self, frame: &Frame<Bytes>) -> Result<(), Box<Verdict>> {
        let Some(toll) = self.toll.as_mut().filter(|toll| !toll.is_over) else { return Ok(()) };
        let longest = frame.data_ref().map_or(0, |data| toll.messages.longest(data));
        let bytes =
            frame.data_ref().map_or(0, Bytes::len) + frame.trailers_ref().map_or(0, headers::bytes);
        let paid = toll.share.admit_message(longest).and_then(|()| toll.share.spend(bytes));
        match paid {
            Ok(wait) if wait.is_zero() => Ok(()),
            Ok(wait) => {
                toll.wait = Some(Box::pin(tokio::time::sleep(wait)));
                Ok(())
            }
            Err(verdict) => {
                toll.is_over = true;
                self.meters.cell.with(|reading| {
                    reading.rule(&verdict);
                    reading.cut = true;
                });
                Err(verdict)
            }
        }
    }
}

impl<B> Body for Tolled<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(toll) = &mut this.toll
            && let Some(wait) = &mut toll.wait
        {
            std::task::ready!(wait.as_mut().poll(context));
            toll.wait = None;
        }
        let next = std::task::ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(Ok(frame)) = &next {
            if let Some(data) = frame.data_ref() {
                this.look(data);
            }
            if let Err(verdict) = this.pay(frame) {
                return Poll::Ready(Some(Err(OverBudget(verdict).into())));
            }
        }
        Poll::Ready(next.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;

    use super::*;

    #[test]
    fn only_what_is_grpc_has_messages() {
        for (kind, expected) in [
            ("application/grpc", true),
            ("Application/gRPC+proto; charset=x", true),
            ("application/grpc-web+proto", true),
            ("application/grpc-web-text", false),
            ("application/grpcish", false),
            ("application/json", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
            assert_eq!(is_framed(&headers), expected, "{kind}");
        }
        assert!(!is_framed(&HeaderMap::new()));
    }
}
