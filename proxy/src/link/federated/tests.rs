//! Which calls are known, and which node a body's first bytes name.

use http::HeaderValue;

use super::*;

fn of(method: &Method, path: &str, kind: &'static str) -> Option<Rpc> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
    Rpc::of(method, path, &headers)
}

#[test]
fn calls_of_the_frameworks_are_known_by_name() {
    let (grpc, http) = ("application/grpc", "application/protobuf");
    for (path, kind, name) in [
        ("/flwr.proto.FlowerService/Join", grpc, Some("flower.join")),
        ("/flwr.proto.Fleet/PushMessages", grpc, Some("flower.push-messages")),
        ("/flwr.proto.Fleet/PullTaskIns", "application/grpc+proto", Some("flower.pull-task-ins")),
        ("/v1/fleet/push-messages", http, Some("flower.push-messages")),
        ("/v1/fleet/get-fab", "application/protobuf; charset=x", Some("flower.get-fab")),
        ("/v1/fleet/mr-harker-of-exeter", http, Some("flower.other")),
        ("/flwr.proto.Fleet/MrHarkerOfExeter", grpc, Some("flower.other")),
        ("/streamer.Streamer/Stream", grpc, Some("nvflare.stream")),
        ("/flwr.proto.Fleet/PushMessages", "application/json", None),
        ("/flwr.proto.Fleet/Push Messages", grpc, None),
        ("/flwr.proto.Fleet/", grpc, None),
        ("/flwr.proto.Fleet/Ssn536228147IsTheNumberOfTheVeryPatientWhoIsInTheRoom", grpc, None),
        ("/flwr.protox.Fleet/PushMessages", grpc, None),
        ("/v1/fleet/push-messages", "application/json", None),
        ("/v1/fleet/Push", http, None),
        ("/v1/fleet/", http, None),
        ("/v1/fleets/push-messages", http, None),
    ] {
        assert_eq!(of(&Method::POST, path, kind).map(|rpc| rpc.name).as_deref(), name, "{path}");
    }
    assert_eq!(of(&Method::GET, "/v1/fleet/push-messages", "application/protobuf"), None);
}

#[test]
fn a_node_is_named_by_the_first_field() {
    let http = of(&Method::POST, "/v1/fleet/push-messages", "application/protobuf").unwrap();
    let grpc = of(&Method::POST, "/flwr.proto.Fleet/PushMessages", "application/grpc").unwrap();
    let join = of(&Method::POST, "/flwr.proto.FlowerService/Join", "application/grpc").unwrap();
    let most = [&[0x0a, 11, 0x08][..], &[0xff; 9], &[0x01]].concat();
    for (message, node) in [
        (&[0x0a, 3, 0x08, 0xac, 0x02][..], Some(300)),
        (&[0x0a, 5, 0x08, 0xac, 0x02, 0x10, 1, 0x12, 4], Some(300)),
        (&most, Some(u64::MAX)),
        // A public key, a field that is not the first, a message that is cut off, a number too long.
        (b"\x0a\x2c-----BEGIN PUBLIC KEY-----", None),
        (&[0x12, 3, 0x08, 0xac, 0x02], None),
        (&[0x0a, 3, 0x08, 0xac], None),
        (&[0x0a, 12, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], None),
        (&[0x0a, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2], None),
        (&[], None),
    ] {
        assert_eq!(http.node(message), node, "{message:?}");
        let framed = [&[0, 0, 0, 0, 9][..], message].concat();
        assert_eq!(grpc.node(&framed), node, "{message:?}");
        assert_eq!(
            (join.node(&framed), grpc.node(&[&[1, 0, 0, 0, 9], message].concat())),
            (None, None)
        );
    }
    assert!(most.len() + GRPC_FRAME_BYTES <= FIRST_BYTES_MAX);
}
