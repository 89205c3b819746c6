//! Who came in over a link, and on which terms: kept with the connection, asked by each exchange on
//! it.

use std::sync::Arc;

use certs::rotation::Current;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Uri, request};
use policy::{Host, Verdict};
use spiffe::SpiffeId;

use super::budget::{Budget, Share};
use crate::config::{Destination, Link, LinkProtocol};
use crate::content::names;
use crate::http::target::{InvalidTarget, Target};
use crate::mutual::Peer;
use crate::ongoing::Ongoing;

/// A connection that came in over a link.
#[derive(Debug)]
pub struct Entrance {
    link: Arc<str>,
    /// The peer; where nobody had to prove anything, the gateway itself answers for it.
    source: SpiffeId,
    to: Option<Destination>,
    protocol: LinkProtocol,
    budget: Arc<Budget>,
    tls: Option<(Option<String>, Option<String>)>,
    is_welcome: bool,
    /// What is shown upstream, where that is not the gateway's own.
    shows: Option<Arc<Current>>,
}

impl Entrance {
    /// Of a peer that the link's `from` lists (`is_welcome`), or does not.
    pub(super) fn of_peer(own: &Link, budget: &Arc<Budget>, peer: &Peer, is_welcome: bool) -> Self {
        let tls = Some((peer.tls_version.clone(), peer.tls_group.clone()));
        Self { is_welcome, tls, ..Self::on(own, budget, peer.id.clone()) }
    }

    /// Of whoever reaches a link without TLS: it speaks as `own`, the gateway.
    pub(super) fn of_anyone(own: &Link, budget: &Arc<Budget>, identity: &SpiffeId) -> Self {
        Self::on(own, budget, identity.clone())
    }

    fn on(own: &Link, budget: &Arc<Budget>, source: SpiffeId) -> Self {
        Self {
            link: Arc::clone(&own.name),
            source,
            to: own.to.clone(),
            protocol: own.protocol,
            budget: Arc::clone(budget),
            tls: None,
            is_welcome: true,
            shows: None,
        }
    }

    /// Shows another identity upstream than the gateway's own.
    pub(super) fn showing(mut self, shows: Option<&Arc<Current>>) -> Self {
        self.shows = shows.cloned();
        self
    }

    /// Who came in; `None` where nobody had to prove it.
    pub fn peer(&self) -> Option<&SpiffeId> {
        self.tls.as_ref().map(|_| &self.source)
    }

    /// Whether the link lists who came in.
    pub fn is_welcome(&self) -> bool {
        self.is_welcome
    }

    /// Where everything goes, where the link says so.
    pub fn to(&self) -> Option<&Destination> {
        self.to.as_ref()
    }

    /// Whether it takes CONNECT streams alone, each a raw tunnel.
    pub fn is_hbone(&self) -> bool {
        self.protocol == LinkProtocol::Hbone
    }

    /// Writes what is known into the record.
    pub fn note(&self, ongoing: &mut Ongoing) {
        ongoing.show(self.shows.as_ref());
        ongoing.ask_as(&self.source);
        ongoing.note(|record| {
            record.link = Some(self.link.to_string());
            record.source = Some(self.source.to_string());
            if let Some((version, group)) = &self.tls {
                record.downstream_tls_version.clone_from(version);
                record.downstream_tls_group.clone_from(group);
            }
        });
    }

    /// Lets an exchange in.
    ///
    /// # Errors
    /// The peer is not one of the link's, or a budget is used up.
    pub fn admit(&self) -> Result<Arc<Share>, Box<Verdict>> {
        if !self.is_welcome {
            let text = format!(
                "link \"{}\" does not take this SPIFFE ID; its `downstream.from` would have to",
                self.link
            );
            return Err(Box::new(Verdict::block(None, "link-source-not-allowed", text)));
        }
        self.budget.begin()
    }

    /// Points a request at the link's fixed target, where there is one, and writes down what it asked
    /// for.
    ///
    /// # Errors
    /// [`InvalidTarget`] where the request line and `Host` are not one name: no request goes on as the
    /// peer aimed it.
    pub fn aim(
        &self,
        ongoing: &mut Ongoing,
        head: &mut request::Parts,
    ) -> Result<(), InvalidTarget> {
        let asked = self.asked(head);
        ongoing.note(|record| record.asked_host = asked);
        self.redirect(head)
    }

    fn asked(&self, head: &request::Parts) -> Option<String> {
        let is_aimed = self.to.is_some() && head.method != Method::CONNECT;
        let asked = if is_aimed { asked(head) } else { None };
        asked.map(|host| names::seen(&host))
    }

    /// CONNECT names where its stream goes, and is refused where there is a target.
    fn redirect(&self, head: &mut request::Parts) -> Result<(), InvalidTarget> {
        let Some(to) = self.to.as_ref().filter(|_| head.method != Method::CONNECT) else {
            return Ok(());
        };
        if head.uri.authority().is_some() {
            Target::from_absolute(&head.uri, head.version, &head.headers)?;
        } else if head.headers.get_all(HOST).iter().count() > 1 {
            return Err(InvalidTarget::DuplicateHost);
        }
        let (uri, authority) = aimed(&head.uri, to).ok_or(InvalidTarget::InvalidAuthority)?;
        head.uri = uri;
        head.headers.insert(HOST, authority);
        Ok(())
    }
}

/// The host that a request names, where it is one. User information is nobody's.
fn asked(head: &request::Parts) -> Option<String> {
    let authority = match head.uri.authority() {
        Some(authority) => authority.clone(),
        None => Authority::try_from(head.headers.get(HOST)?.as_bytes()).ok()?,
    };
    let host = Host::parse(authority.host()).ok()?;
    Some(authority.port_u16().map_or_else(|| host.to_string(), |port| format!("{host}:{port}")))
}

/// The request's target at `to`, in absolute form.
fn aimed(uri: &Uri, to: &Destination) -> Option<(Uri, HeaderValue)> {
    let text = to.to_string();
    let authority = text.parse::<Authority>().ok()?;
    // A port that is its scheme's own would be taken for one that nobody named.
    let scheme = if to.port == 80 { Scheme::HTTPS } else { Scheme::HTTP };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path);
    Some((uri.build().ok()?, HeaderValue::from_str(&text).ok()?))
}

#[cfg(test)]
mod tests {
    use http::Version;

    use super::*;
    use crate::config::{Budgets, Downstream};

    fn entrance(port: u16) -> Entrance {
        let to = Destination { host: policy::Host::parse("hub.example").unwrap(), port };
        let link = Link {
            name: Arc::from("hub"),
            listen: "127.0.0.1:1".parse().unwrap(),
            downstream: Downstream::Plaintext,
            identity: None,
            upstream_identity: None,
            to: Some(to),
            protocol: LinkProtocol::Http,
            budgets: Budgets::default(),
        };
        let budget = Arc::new(Budget::new(&link));
        let own = SpiffeId::parse("spiffe://site.example/gateway").unwrap();
        Entrance::of_anyone(&link, &budget, &own)
    }

    fn head(uri: &str, hosts: &[&'static str]) -> request::Parts {
        // HTTP/2 has its authority, and no `Host`.
        let version = if hosts.is_empty() { Version::HTTP_2 } else { Version::HTTP_11 };
        let mut request = http::Request::get(uri).version(version);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_request_goes_to_the_fixed_target_and_what_it_asked_for_is_told() {
        for (uri, hosts, asked) in [
            ("/a?b=c", &["other.example"][..], Some("other.example")),
            ("/a?b=c", &[], None),
            ("https://other.example/a?b=c", &[], Some("other.example")),
            ("http://other.example:8/a?b=c", &["Other.example:8"], Some("other.example:8")),
            // One name in two spellings is one name, and goes where all go.
            ("http://other.example:80/a?b=c", &["other.example"], Some("other.example:80")),
            ("http://other.example/a?b=c", &["other.example:80"], Some("other.example")),
            ("http://other.example.:8/a?b=c", &["other.example:8"], Some("other.example:8")),
            ("/a", &["219-45-6183.example"], Some("*.example")),
            ("/a", &["onzw4oraguztmljsgiwtqojuge"], Some("*.")),
            ("/a", &["the patient is Jane Doe"], None),
            ("http://other.example:08/a?b=c", &["other.example:8"], Some("other.example:8")),
        ] {
            let mut head = head(uri, hosts);
            assert_eq!(entrance(9092).asked(&head).as_deref(), asked, "{uri}");
            assert_eq!(entrance(9092).redirect(&mut head), Ok(()), "{uri}");
            assert!(head.uri.to_string().starts_with("http://hub.example:9092/a"));
            assert_eq!(head.headers[HOST], "hub.example:9092");
        }
        let mut plain = head("/", &["x"]);
        entrance(80).redirect(&mut plain).unwrap();
        assert_eq!(plain.uri.to_string(), "https://hub.example:80/");
    }

    #[test]
    fn what_has_two_readings_goes_nowhere() {
        for (uri, hosts, why) in [
            ("/a", &["one.example", "two.example"][..], InvalidTarget::DuplicateHost),
            ("http://one.example/a", &["two.example"], InvalidTarget::HostDisagrees),
            ("http://one.example:81/a", &["one.example"], InvalidTarget::HostDisagrees),
        ] {
            let mut head = head(uri, hosts);
            assert_eq!(entrance(9092).redirect(&mut head), Err(why), "{uri}");
        }
    }
}
