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

#[tokio::test(flavor = "multi_thread")]
async fn most_of_a_number_does_not_leave_before_its_end() {
    let (most, last) = SSN.split_at(SSN.len() - 1);
    let (half, _) = SSN.split_at(6);
    let each = format!("the patient's ssn is {most}");
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let stories: [(&str, Vec<String>); 4] = [
        ("most of it", vec![each.clone(), format!("{last} admitted")]),
        ("half of it", vec![format!("the patient's ssn is {half}")]),
        ("label, then number", vec!["the patient's ssn is ".to_owned(), most.to_owned()]),
        ("each byte", each.chars().map(String::from).collect()),
    ];
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let sidecar = site.start(&plan(&site, &server).await).await;
    for (turn, (story, messages)) in stories.into_iter().enumerate() {
        let mut socket = open(&sidecar, "/deaf/a").await;
        for message in &messages {
            socket.send(TEXT, message).await;
        }
        let mut heard = socket.hear().await.unwrap();
        while heard.0 == TEXT {
            heard = socket.hear().await.unwrap();
        }
        assert_eq!(told(&heard), (1008, "under-way".to_owned()), "{story}");
        drop(socket);
        let seen = server.ended(turn).await;
        let (close, left) = seen.frames.split_last().unwrap();
        assert_eq!(told(close), (1008, "under-way".to_owned()), "{story}");
        let left: Vec<u8> = left.iter().flat_map(|(_, payload)| payload.clone()).collect();
        let left = String::from_utf8(left).unwrap();
        assert!(digits(&left) < 5, "{story}: {left}");
        let record = sidecar.records(turn + 1).await.pop().unwrap();
        assert_record(
            &record,
            &json!({ "outcome": "cut", "reason": "under-way", "bytes_released": left.len() }),
        );
        assert!(record["reason_text"].as_str().unwrap().contains("come whole"), "{record}");
    }
    sidecar.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_end_in_numbers_of_no_meaning_pass() {
    let site = Site::new();
    let server = SocketServer::start(Vec::new()).await;
    let sidecar = site.start(&plan(&site, &server).await).await;
    let mut socket = open(&sidecar, "/deaf/a").await;
    for message in [
        "42",
        "1732280400",
        "1732280400123",
        "0.6931471",
        "epoch 12 of 100, loss 0.1234567",
        "records without ssn: 14",
        r#"{"ssn_column": "dropped", "rows": 53622894}"#,
        "step 536228941234 took 536-2",
        "[1, 2, 3]",
    ] {
        socket.echo(message).await;
    }
    drop(socket);
    let record = sidecar.record().await;
    assert_record(&record, &json!({ "action": "allow", "reason": "permitted" }));
    sidecar.finish().await;
}
