//! Minted leaves: whom they serve, how long, and how many are kept.

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls_pki_types::CertificateDer;

use super::*;
use crate::testing::{Failed, after, clock, der, now, shake};

/// A workload that trusts the published certificate, as curl with `--cacert` does.
fn workload(ca: &InterceptCa, at: Timestamp) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(der(ca.certificate_pem())).unwrap();
    let mut config = ClientConfig::builder_with_details(tls::provider(), clock(at))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// The leaf that a workload accepted for `host`.
fn visit(
    ca: &InterceptCa,
    host: &'static str,
    config: &Arc<ServerConfig>,
    at: Timestamp,
) -> Result<CertificateDer<'static>, rustls::Error> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let mut client = ClientConnection::new(workload(ca, at), bare.try_into().unwrap()).unwrap();
    let mut server = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
    while client.is_handshaking() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    assert_eq!(client.alpn_protocol(), Some(tls::ALPN_HTTP2));
    Ok(client.peer_certificates().unwrap()[0].clone())
}

#[test]
fn a_workload_accepts_the_minted_leaf_for_names_and_addresses() {
    let ca = InterceptCa::new(now()).unwrap();
    for host in ["registry.ml.internal", "my_bucket.s3.example", "10.0.0.1", "[::1]", "::1"] {
        let config = ca.server_config(host, now()).unwrap();
        visit(&ca, host, &config, now()).unwrap();
    }
    let config = ca.server_config("registry.ml.internal", now()).unwrap();
    assert!(visit(&ca, "other.ml.internal", &config, now()).is_err(), "good for its name alone");
    assert!(visit(&ca, "registry.ml.internal", &config, after(LEAF_LIFETIME * 2)).is_err());
}

#[test]
fn nobody_else_trusts_the_intercept_ca() {
    let (ours, other) = (InterceptCa::new(now()).unwrap(), InterceptCa::new(now()).unwrap());
    let config = ours.server_config("a.example", now()).unwrap();
    assert!(visit(&other, "a.example", &config, now()).is_err());
    let name = |ca: &InterceptCa| {
        crate::profile::parse(&der(ca.certificate_pem())).unwrap().subject().to_string()
    };
    assert!(name(&ours).contains("Lazaret intercept CA "));
    assert_ne!(name(&ours), name(&other), "two sidecars are told apart");
}

#[test]
fn the_ca_is_good_for_servers_alone_and_signs_no_other_ca() {
    let ca = InterceptCa::new(now()).unwrap();
    let certificate = der(ca.certificate_pem());
    let parsed = crate::profile::parse(&certificate).unwrap();
    let constraints = parsed.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth && !usage.any);
    assert!(!ca.certificate_pem().contains("PRIVATE"));
    assert!(!format!("{ca:?}").contains("KeyPair"));
}

#[test]
fn a_host_that_is_none_is_refused() {
    let ca = InterceptCa::new(now()).unwrap();
    for host in ["", " ", "a b", "*.a.example", "a..b", "a.example:443", "[a.example]", "bücher.de"]
    {
        assert_eq!(ca.server_config(host, now()).map(drop), Err(MintError::Host), "{host}");
    }
    assert_eq!(ca.leaves(), 0, "a refusal takes no room");
}

#[test]
fn one_leaf_serves_every_spelling_until_it_grows_old() {
    let ca = InterceptCa::new(now()).unwrap();
    let first = ca.server_config("a.example", now()).unwrap();
    for same in ["A.Example", "a.example."] {
        assert!(Arc::ptr_eq(&first, &ca.server_config(same, now()).unwrap()), "{same}");
    }
    let address = ca.server_config("[::1]", now()).unwrap();
    assert!(Arc::ptr_eq(&address, &ca.server_config("0:0::1", now()).unwrap()));

    let still = after(LEAF_LIFETIME - LEAF_REMAINING_MIN - Duration::from_secs(1));
    assert!(Arc::ptr_eq(&first, &ca.server_config("a.example", still).unwrap()));
    let later = after(LEAF_LIFETIME - LEAF_REMAINING_MIN);
    let second = ca.server_config("a.example", later).unwrap();
    assert!(!Arc::ptr_eq(&first, &second), "minted again before it ends");
    visit(&ca, "a.example", &second, after(LEAF_LIFETIME + LEAF_REMAINING_MIN)).unwrap();
}

#[test]
fn a_ca_at_its_end_mints_nothing() {
    let ca = InterceptCa::new(now()).unwrap();
    let near = after(CA_LIFETIME - Duration::from_secs(600));
    let config = ca.server_config("a.example", near).unwrap();
    visit(&ca, "a.example", &config, near).unwrap();
    let over = after(CA_LIFETIME + Duration::from_secs(1));
    let refused = ca.server_config("a.example", over).map(drop);
    assert_eq!(refused, Err(MintError::CaExpired { not_after: ca.validity().not_after }));
}

#[test]
fn a_constrained_ca_is_believed_for_its_names_alone() {
    let domains = [Permitted::Domain("ml.internal".into())];
    let both = [domains[0].clone(), Permitted::Address("10.0.0.1".parse().unwrap())];
    let cases: &[(&[Permitted], &[&'static str], &[&'static str])] = &[
        (&domains, &["ml.internal", "a.ml.internal"], &["xml.internal", "a.example", "10.0.0.1"]),
        (&both, &["a.ml.internal", "10.0.0.1"], &["10.0.0.2", "::1", "a.example"]),
        (&[], &[], &["a.example", "10.0.0.1", "::1"]),
    ];
    for (permitted, good, bad) in cases {
        let ca = InterceptCa::constrained(permitted, now()).unwrap();
        for host in *good {
            let config = ca.server_config(host, now()).unwrap();
            visit(&ca, host, &config, now()).unwrap();
        }
        for host in *bad {
            let config = ca.server_config(host, now()).unwrap();
            assert!(visit(&ca, host, &config, now()).is_err(), "{host}");
        }
    }
    let malformed = [Permitted::Domain("*.ml.internal".into())];
    assert!(InterceptCa::constrained(&malformed, now()).is_err());
}

#[test]
fn an_intercept_resumes_nothing_and_wants_no_certificate() {
    let ca = InterceptCa::new(now()).unwrap();
    let config = ca.server_config("svc.a.example", now()).unwrap();
    let client = workload(&ca, now());
    for _ in 0..2 {
        let shaken = shake(&client, &config).unwrap();
        assert_eq!(shaken.server.handshake_kind(), Some(rustls::HandshakeKind::Full));
        assert_eq!(shaken.client.tls13_tickets_received(), 0);
        assert!(shaken.server.peer_certificates().is_none());
    }
    let speaking = |protocol: &[u8]| {
        let mut speaking = ClientConfig::clone(&client);
        speaking.alpn_protocols = vec![protocol.to_vec()];
        shake(&Arc::new(speaking), &config)
    };
    for spoken in [&b"h2"[..], b"http/1.1"] {
        assert_eq!(speaking(spoken).unwrap().server.alpn_protocol(), Some(spoken));
    }
    let refused = speaking(b"mqtt").err();
    assert!(matches!(refused, Some(Failed::Server(rustls::Error::NoApplicationProtocol))));
}

fn leaf(not_after: Timestamp) -> Leaf {
    let ca = InterceptCa::new(now()).unwrap();
    let config = ca.server_config("a.example", now()).unwrap();
    Leaf { config, not_after }
}

#[test]
fn under_contention_a_name_is_minted_once() {
    let leaves = Leaves::new(8);
    let (mints, threads) = (AtomicUsize::new(0), 8);
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                start.wait();
                for name in ["a", "b"] {
                    let mint = || {
                        mints.fetch_add(1, Ordering::SeqCst);
                        Ok(leaf(after(LEAF_LIFETIME)))
                    };
                    leaves.fetch(name, now(), mint).unwrap();
                }
            });
        }
    });
    assert_eq!(mints.load(Ordering::SeqCst), 2);
}

#[test]
fn a_failure_is_not_kept() {
    let leaves = Leaves::new(8);
    let failed = leaves.fetch("a", now(), || Err(MintError::Host)).map(drop);
    assert_eq!(failed, Err(MintError::Host));
    assert!(leaves.fetch("a", now(), || Ok(leaf(after(LEAF_LIFETIME)))).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against the plainest model: a list in order of use.
    #[test]
    fn the_least_recently_used_leaf_goes_first(
        names in prop::collection::vec(0..12_u8, 1..60),
        max in 1..8_usize,
    ) {
        let shared = leaf(after(LEAF_LIFETIME)).config;
        let leaves = Leaves::new(max);
        let mut model: Vec<u8> = Vec::new();
        for name in names {
            let mut minted = false;
            let mint = || {
                minted = true;
                Ok(Leaf { config: Arc::clone(&shared), not_after: after(LEAF_LIFETIME) })
            };
            leaves.fetch(&name.to_string(), now(), mint).unwrap();
            prop_assert_eq!(minted, !model.contains(&name));
            model.retain(|kept| *kept != name);
            model.push(name);
            if model.len() > max {
                model.remove(0);
            }
            prop_assert_eq!(leaves.len(), model.len());
        }
        let distinct: HashSet<u8> = model.iter().copied().collect();
        prop_assert!(distinct.len() <= max);
    }
}
