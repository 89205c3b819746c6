//! What else than a whole message a WebSocket could carry out: control frames, and numbers in parts.

use serde_json::json;

use crate::harness::SSN;
use crate::harness::body::{gzip, noise};
use crate::harness::log::assert_record;
use crate::harness::site::Site;
use crate::harness::websocket::{CLOSE, PING, PONG, SocketServer, TEXT, bare, told};
use crate::websocket::{TALK, open, plan};

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_a_ping_or_pong_crosses() {
    let site = Site::new();
    // A ping of the server's own: the client answers with what it was asked, and then with more.
    let server = SocketServer::start(bare(PING, "the server's own")).await;
    let sidecar = site.start(&plan(&site, &server).await).await;
    let payloads =
        [TALK.as_bytes().to_vec(), gzip(TALK.as_bytes()), noise(125), b"alive".to_vec(), vec![]];
    let mut socket = open(&sidecar, "/deaf/a").await;
    let (first, asked) = socket.hear().await.unwrap();
    assert_eq!((first, asked.len()), (PING, 8), "a count");
    socket.send(PONG, &asked).await;
    // The server echoes pongs, too, which answers nothing.
    let unasked = (PONG, Vec::new());
    assert_eq!(socket.hear().await.unwrap(), unasked);
    for payload in &payloads {
        socket.send(PING, payload).await;
        assert_eq!(socket.hear().await.unwrap(), (PONG, payload.clone()), "its own comes back");
        socket.send(PONG, payload).await;
        assert_eq!(socket.hear().await.unwrap(), unasked);
    }
    socket.echo("and messages go on").await;
    drop(socket);

    let seen = server.ended(0).await;
    assert_eq!(seen.frames[0], (PONG, b"the server's own".to_vec()));
    let counts: Vec<_> = seen.frames.iter().filter(|frame| frame.0 == PING).collect();
    assert_eq!(counts.len(), payloads.len());
    for (at, (_, payload)) in counts.into_iter().enumerate() {
        assert_eq!(payload[..], (at as u64).to_be_bytes(), "only a count leaves");
    }
    let pongs = seen.frames[1..].iter().filter(|frame| frame.0 == PONG);
    assert!(pongs.clone().count() == payloads.len() && pongs.clone().all(|pong| *pong == unasked));
    let left = "and messages go on".len();
    let came = payloads.iter().map(Vec::len).sum::<usize>() * 2 + asked.len() + left;
    assert_record(&sidecar.record().await, &json!({ "bytes_in": came, "bytes_released": left }));
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_close_is_read_like_a_message() {
    let (first, rest) = SSN.split_at(5);
    let begun = (TEXT, format!("the patient's ssn is {first}").into_bytes());
    let unknown: String = noise(123).iter().map(|byte| char::from(byte & 0x7f)).collect();
    let close = |reason: &str| (CLOSE, [&4401_u16.to_be_bytes()[..], reason.as_bytes()].concat());
    let stories = [
        ("no text", vec![close(&unknown)], "unidentified"),
        ("the end of a message's number", vec![begun, close(rest)], "finding"),
    ];
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let sidecar = site.start(&plan(&site, &server).await).await;
    for (turn, (story, frames, why)) in stories.into_iter().enumerate() {
        let mut socket = open(&sidecar, "/deaf/a").await;
        for (first, payload) in &frames {
            socket.send(*first, payload).await;
            if *first == TEXT {
                assert_eq!(socket.hear().await.unwrap().0, TEXT, "{story}");
            }
        }
        assert_eq!(socket.closed().await, (1008, why.to_owned()), "{story}");
        let seen = server.ended(turn).await;
        assert_eq!(told(seen.frames.last().unwrap()), (1008, why.to_owned()), "{story}");
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(&record, &json!({ "outcome": "cut", "reason": why }));
    }
    // A code of the application's own and a reason in words cross.
    let mut socket = open(&sidecar, "/deaf/a").await;
    socket.send(CLOSE, close("log in again").1).await;
    assert_eq!(socket.closed().await, (4401, "log in again".to_owned()));
    sidecar.records(3).await;
    sidecar.finish().await;
}
