//! TLS configurations, shaken in memory.

use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::{
    CertificateError, CipherSuite, ClientConnection, Connection, HandshakeKind, NamedGroup,
    PeerIncompatible, ProtocolVersion, ServerConnection,
};
use rustls_pki_types::CertificateDer;
use spiffe::SpiffeId;

use super::*;
use crate::ca::BACKDATE;
use crate::testing::*;

const CLIENT: &str = "spiffe://a.example/client";
const SERVER: &str = "spiffe://a.example/server";

fn expect_id(text: &str) -> Expect {
    Expect { peer: ExpectPeer::SpiffeId(id(text)), pins: Vec::new(), mutual: true }
}

struct Pair {
    client: Identity,
    server: Identity,
}

/// Two workloads of one trust domain.
fn pair() -> Pair {
    let authority = authority("a.example");
    let bundle = authority.certificate_pem();
    Pair {
        client: identity(&authority, CLIENT, bundle),
        server: identity(&authority, SERVER, bundle),
    }
}

impl Pair {
    fn shake(&self, expect: &Expect) -> Result<Shaken, Failed> {
        shake(&connect(&self.client, expect), &listen(&self.server))
    }
}

fn listen(identity: &Identity) -> Arc<ServerConfig> {
    server_config_at(identity, clock(now())).unwrap()
}

fn connect(identity: &Identity, expect: &Expect) -> Arc<ClientConfig> {
    client_config_at(identity, expect, Offer::Both, clock(now())).unwrap()
}

#[test]
fn two_workloads_of_one_trust_domain_meet() {
    let Shaken { client, server } = pair().shake(&expect_id(SERVER)).unwrap();
    let peer = |chain: Option<&[CertificateDer<'static>]>| -> SpiffeId {
        crate::verify::spiffe_id_of(&chain.unwrap()[0]).unwrap()
    };
    assert_eq!(peer(client.peer_certificates()), id(SERVER));
    assert_eq!(peer(server.peer_certificates()), id(CLIENT));
    assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(server.alpn_protocol(), Some(ALPN_HTTP2));
    let group = client.negotiated_key_exchange_group().map(SupportedKxGroup::name);
    assert_eq!(group, Some(NamedGroup::X25519MLKEM768), "post-quantum is preferred");
    let suite = client.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, CipherSuite::TLS13_AES_256_GCM_SHA384);
}

#[test]
fn without_a_client_certificate_nothing_is_served() {
    let expect = Expect { mutual: false, ..expect_id(SERVER) };
    let failed = pair().shake(&expect).err();
    assert!(
        matches!(failed, Some(Failed::Server(rustls::Error::NoCertificatesPresented))),
        "{failed:?}"
    );
}

/// How the last of three handshakes between the same configurations went.
fn third_time(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> HandshakeKind {
    for _ in 0..2 {
        shake(client, server).unwrap();
    }
    shake(client, server).unwrap().server.handshake_kind().unwrap()
}

#[test]
fn nothing_is_ever_resumed() {
    use rustls::server::ServerSessionMemoryCache;
    let pair = pair();
    let (client, server) = (connect(&pair.client, &expect_id(SERVER)), listen(&pair.server));
    assert_eq!(shake(&client, &server).unwrap().client.tls13_tickets_received(), 0);

    let mut eager_client = ClientConfig::clone(&client);
    eager_client.resumption = Resumption::in_memory_sessions(16);
    let eager_client = Arc::new(eager_client);
    let mut eager_server = ServerConfig::clone(&server);
    eager_server.session_storage = ServerSessionMemoryCache::new(16);
    eager_server.send_tls13_tickets = 2;
    let eager_server = Arc::new(eager_server);
    assert_eq!(third_time(&eager_client, &eager_server), HandshakeKind::Resumed, "the danger");
    assert_eq!(third_time(&client, &eager_server), HandshakeKind::Full, "our client never asks");
    assert_eq!(third_time(&eager_client, &server), HandshakeKind::Full, "our server never agrees");

    // Either half of the server's refusal is enough.
    let mut stores = ServerConfig::clone(&server);
    stores.session_storage = ServerSessionMemoryCache::new(16);
    assert_eq!(third_time(&eager_client, &Arc::new(stores)), HandshakeKind::Full);
    let mut sends = ServerConfig::clone(&server);
    sends.send_tls13_tickets = 2;
    assert_eq!(third_time(&eager_client, &Arc::new(sends)), HandshakeKind::Full);
}

/// A client whose provider offers something else than ours.
fn odd_client(identity: &Identity, change: impl FnOnce(&mut CryptoProvider)) -> Arc<ClientConfig> {
    let mut provider = aws_lc_rs::default_provider();
    change(&mut provider);
    let bundle = Arc::clone(identity.bundle());
    let verifier = UpstreamVerifier::new(bundle, &expect_id(SERVER)).unwrap();
    let config = ClientConfig::builder_with_details(Arc::new(provider), clock(now()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(identity.resolver()));
    Arc::new(config)
}

#[test]
fn only_the_named_groups_are_spoken() {
    use rustls::crypto::aws_lc_rs::kx_group::*;
    let pair = pair();
    let server = listen(&pair.server);
    for group in [X25519MLKEM768, X25519, SECP256R1, SECP384R1] {
        let client = odd_client(&pair.client, |provider| provider.kx_groups = vec![group]);
        let shaken = shake(&client, &server).unwrap();
        let spoken = shaken.server.negotiated_key_exchange_group().map(SupportedKxGroup::name);
        assert_eq!(spoken, Some(group.name()));
    }
    let client = odd_client(&pair.client, |provider| provider.kx_groups = vec![MLKEM768]);
    assert!(matches!(
        shake(&client, &server),
        Err(Failed::Server(rustls::Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon)))
    ));
}

#[test]
fn only_aes_gcm_is_spoken() {
    use rustls::crypto::aws_lc_rs::cipher_suite::*;
    let pair = pair();
    let server = listen(&pair.server);
    for suite in [TLS13_AES_256_GCM_SHA384, TLS13_AES_128_GCM_SHA256] {
        let client = odd_client(&pair.client, |provider| provider.cipher_suites = vec![suite]);
        assert!(shake(&client, &server).is_ok());
    }
    let chacha = vec![TLS13_CHACHA20_POLY1305_SHA256];
    let client = odd_client(&pair.client, |provider| provider.cipher_suites = chacha);
    assert!(matches!(
        shake(&client, &server),
        Err(Failed::Server(rustls::Error::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon
        )))
    ));
}

#[test]
fn a_client_of_tls_1_2_is_refused() {
    // A ClientHello as OpenSSL 1.0 would send it: no supported_versions extension.
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..], // supported_groups: secp256r1
        &[0, 13, 0, 4, 0, 2, 4, 3],      // signature_algorithms: ecdsa_secp256r1_sha256
        &[0, 11, 0, 2, 1, 0],            // ec_point_formats: uncompressed
    ]
    .concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]); // no session id, ECDHE-ECDSA-AES128-GCM, no compression
    body.extend([0, u8::try_from(extensions.len()).unwrap()]);
    body.extend(extensions);
    let length = u8::try_from(body.len()).unwrap();
    let mut hello = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    hello.extend(body);

    let mut server = ServerConnection::new(listen(&pair().server)).unwrap();
    server.read_tls(&mut hello.as_slice()).unwrap();
    let error = server.process_new_packets().unwrap_err();
    assert!(matches!(error, rustls::Error::PeerIncompatible(_)), "{error:?}");
    let mut answer = Vec::new();
    server.write_tls(&mut answer).unwrap();
    let protocol_version = 70;
    assert_eq!(answer[0], 21, "an alert");
    assert_eq!(answer.last(), Some(&protocol_version));
}

#[test]
fn a_client_that_wants_another_protocol_is_refused() {
    let pair = pair();
    let server = listen(&pair.server);
    let with_alpn = |protocols: &[&[u8]]| {
        let mut config = ClientConfig::clone(&connect(&pair.client, &expect_id(SERVER)));
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        shake(&Arc::new(config), &server)
    };
    assert!(matches!(
        with_alpn(&[b"acme-tls/1"]),
        Err(Failed::Server(rustls::Error::NoApplicationProtocol))
    ));
    let both = with_alpn(&[b"h2", b"http/1.1"]).unwrap();
    assert_eq!(both.client.alpn_protocol(), Some(ALPN_HTTP2));
    let old = with_alpn(&[b"http/1.1"]).unwrap();
    assert_eq!(old.client.alpn_protocol(), Some(ALPN_HTTP1));
    assert!(with_alpn(&[]).is_ok(), "a client may also name none");
}

#[test]
fn certificates_are_judged_at_the_time_of_the_handshake() {
    let pair = pair();
    let late = after(HOUR + BACKDATE);
    let early = now() - HOUR;
    let at = |client_clock, server_clock| {
        let client =
            client_config_at(&pair.client, &expect_id(SERVER), Offer::Both, clock(client_clock));
        let server = server_config_at(&pair.server, clock(server_clock));
        shake(&client.unwrap(), &server.unwrap()).err()
    };
    assert!(at(now(), now()).is_none());
    assert!(at(after(HOUR), after(HOUR)).is_none(), "the last second still counts");
    let expired = |failed: &rustls::Error| {
        let text = failed.to_string();
        assert!(text.contains("expired"), "{text}");
        matches!(failed, rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { .. }))
    };
    assert!(matches!(at(late, now()), Some(Failed::Client(error)) if expired(&error)));
    assert!(matches!(at(now(), late), Some(Failed::Server(error)) if expired(&error)));
    // Before its first second the root does not hold either, so nobody vouches.
    assert!(matches!(at(early, now()), Some(Failed::Client(_))));
    assert!(matches!(at(now(), early), Some(Failed::Server(_))));
}

#[test]
fn a_refused_client_gets_an_alert() {
    let (ours, theirs) = (authority("a.example"), authority("b.example"));
    let both = [ours.certificate_pem(), theirs.certificate_pem()].concat();
    let server = listen(&identity(&ours, SERVER, ours.certificate_pem()));
    let client = identity(&theirs, "spiffe://b.example/client", &both);
    let client = connect(&client, &expect_id(SERVER));

    // The client's own handshake is done by then; it must learn of the refusal and not hang.
    let client = ClientConnection::new(client, "svc.a.example".try_into().unwrap()).unwrap();
    let server = ServerConnection::new(server).unwrap();
    let mut wire = Vec::new();
    let mut carry = |from: &mut Connection, to: &mut Connection| {
        wire.clear();
        while from.wants_write() {
            from.write_tls(&mut wire).unwrap();
        }
        to.read_tls(&mut wire.as_slice()).unwrap();
        to.process_new_packets().map(|_| ())
    };
    let (mut client, mut server) = (Connection::from(client), Connection::from(server));
    carry(&mut client, &mut server).unwrap();
    carry(&mut server, &mut client).unwrap();
    assert!(!client.is_handshaking());
    carry(&mut client, &mut server).unwrap_err();
    let told = carry(&mut server, &mut client).unwrap_err();
    assert!(matches!(told, rustls::Error::AlertReceived(_)), "{told:?}");
}
