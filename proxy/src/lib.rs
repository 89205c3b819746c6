//! TRAFFIC: all sockets live here. How a rule matches, how a detector matches and how a
//! certificate is signed are other crates' affairs.
//!
//! The life of an exchange, room by room:
//!
//! | room | does |
//! |---|---|
//! | [`accept`] | takes connections, speaks HTTP/1.1 and HTTP/2 |
//! | [`outbound`] | the workload's requests: forward proxy, CONNECT, SOCKS5, redirected connections; interception and raw tunnels |
//! | [`inbound`] | peers' requests over mutual TLS, to [`app_link`] only |
//! | [`detect`] | pure: which protocol a connection speaks, and the name in its ClientHello |
//! | [`tunnel`], [`websocket`] | a raw connection, a WebSocket (of the workload or of a peer), both ways, bounded in bytes and time |
//! | [`link`] | a gateway's peers, through [`outbound`]; [`mutual`] is the TLS that peers meet |
//! | [`http`] | pure: targets, headers, replies |
//! | [`dns`] | the pod's questions for names: which are asked, which answers are told |
//! | [`content`] | reads what leaves; the only maker of [`content::Cleared`] |
//! | [`upstream`] | resolves, vets, dials, sends; takes one permit per exchange |
//! | [`audit`] | the chained record; [`ongoing`] closes it with meters and metrics |
//! | [`live`] | every exchange under way; asks each again when the policy changes |
//! | [`admin`], [`telemetry`] | metrics, health, logs |
//! | [`budget`], [`rate`] | what the whole process may keep in memory, how often one source may ask |
//! | [`app`], [`config`], [`reload`], [`drain`], [`rooms`] | building, watching and ending all of it |
//! | [`net`] | the pod's rules, and the proof that they hold |
//! | [`cli`], [`edm`], [`env`], [`quickstart`], [`redact`], [`scan`] | what people run |
//!
//! Every room gathers facts, asks policy, acts, records. A refusal is a value with its verdict
//! ([`stop::Stop::Refused`]); a failure says who is at fault ([`error::Error`]).

pub mod accept;
pub mod admin;
pub mod app;
pub mod app_link;
pub mod audit;
pub mod budget;
pub mod cli;
pub mod clock;
pub mod config;
pub mod content;
pub mod detect;
pub mod dns;
pub mod drain;
pub mod edm;
pub mod env;
pub mod error;
pub mod http;
pub mod inbound;
pub mod link;
pub mod live;
pub mod materials;
pub mod mutual;
pub mod net;
pub mod ongoing;
pub mod outbound;
pub mod quickstart;
pub mod rate;
pub mod redact;
pub mod reload;
pub mod rooms;
pub mod scan;
pub mod stop;
pub mod telemetry;
pub mod tunnel;
pub mod upstream;
pub mod websocket;
