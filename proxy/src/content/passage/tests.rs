//! Raw tunnels under a ruling: what leaves when, and that no way of splitting hides anything.

use policy::{Host, Policy, Source, TunnelFacts};
use proptest::prelude::*;

use super::*;
use crate::content::Meters;

const SSN: &str = "536-22-8941";

const POLICY: &str = r#"
apiVersion: lazaret/v1
kind: Policy
endpoints:
  - {name: e, hosts: [e.example], addresses: [10.0.0.1], ports: [1, 2, 3, 4], tls: {mode: server}}
  - {name: b, hosts: [b.example], addresses: [10.0.0.1], ports: [1], tls: {mode: server}}
  - {name: x, hosts: [x.example], addresses: [10.0.0.1], ports: [1], tls: {mode: server}}
egress:
  - {name: text, to: [e], protocol: tcp, content: text}
  - {name: binary, to: [b], protocol: tcp, content: binary}
  - {name: exempt, to: [x], protocol: tcp, content: {exempt: true, because: "a test"}}
content:
  - {name: text, inspect: stream}
  - {name: binary, inspect: stream, unidentified: allow, because: "a wire format"}
"#;

fn passage(host: &str) -> (Passage, Meters) {
    let source = Source { name: "p.yaml".to_owned(), text: POLICY.to_owned() };
    let policy = Policy::compile(&[source]).unwrap_or_else(|errors| panic!("{errors:#?}")).policy;
    let host = Host::parse(host).unwrap();
    let permit = policy
        .decide_tunnel(&TunnelFacts {
            source: None,
            host: Some(&host),
            address: None,
            port: 1,
            now: crate::clock::now(),
        })
        .unwrap();
    let meters = Meters::default();
    (Passage::new(Some(permit.ruling()), &meters), meters)
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn a_silent_sender_is_judged_as_it_stands_and_let_through() {
    let (mut passage, meters) = passage("e.example");
    let held = passage.take(Bytes::from_static(b"EHLO trainer.example\r\n")).unwrap();
    assert_eq!(passage.waits(), Waits::Flush, "the end of it waits: {:?}", held.as_slice());
    let rest = passage.flush().unwrap();
    let all = [held.as_slice(), rest.as_slice()].concat();
    assert_eq!(all, b"EHLO trainer.example\r\n");
    assert_eq!(passage.waits(), Waits::No);
    assert_eq!(meters.released.bytes(), 22);
    let more = passage.take(Bytes::from_static(b"QUIT\r\n")).unwrap();
    let end = passage.finish().unwrap();
    assert_eq!([more.as_slice(), end.as_slice()].concat(), b"QUIT\r\n");
    drop(passage);
    assert_eq!(meters.cell.with(|reading| reading.coverage().read), 28);
}

#[test]
fn a_finding_at_the_end_does_not_leave_however_silent_the_sender() {
    let (mut passage, meters) = passage("e.example");
    let before = passage.take(Bytes::from(format!("note: the ssn is {SSN}"))).unwrap();
    assert!(!crate_contains(before.as_slice()));
    let stop = passage.flush().unwrap_err();
    assert_eq!(stop.code(), "finding");
    assert!(meters.released.bytes() < 20);
}

#[test]
fn a_number_begun_before_the_silence_is_found_when_it_is_whole() {
    let (mut passage, meters) = passage("e.example");
    let mut stopped = None;
    for part in ["the patient's ssn is 536-2", "2-89", "41 as told\r\n"] {
        let taken = passage.take(Bytes::from_static(part.as_bytes()));
        let flushed = taken.and_then(|_| passage.flush());
        if let Err(stop) = flushed {
            stopped = Some(stop.code());
            break;
        }
    }
    assert_eq!(stopped, Some("finding"));
    assert!(meters.released.bytes() <= "the patient's ssn is ".len() as u64);
}

/// What leaves of `text`, a byte at a time and with a pause after each, and why no more does.
fn dribble(host: &str, text: &str) -> (String, Option<&'static str>) {
    let (mut passage, _meters) = passage(host);
    let mut left = Vec::new();
    for byte in text.bytes() {
        for waited in [passage.take(Bytes::copy_from_slice(&[byte])), flushed(&mut passage)] {
            match waited {
                Ok(passed) => left.extend_from_slice(passed.as_slice()),
                Err(stop) => return (String::from_utf8(left).unwrap(), Some(stop.code())),
            }
        }
    }
    (String::from_utf8(left).unwrap(), None)
}

fn flushed(passage: &mut Passage) -> Result<Passed, Stop> {
    match passage.waits() {
        Waits::Flush => passage.flush(),
        Waits::No | Waits::Number => Ok(Passed(Bytes::new())),
    }
}

#[test]
fn a_number_that_comes_digit_by_digit_does_not_leave_digit_by_digit() {
    for host in ["e.example", "b.example"] {
        // Where a label says what it is, not one digit leaves.
        let (left, why) = dribble(host, "the patient's ssn is 536-22-8941\r\n");
        assert_eq!((left.as_str(), why), ("the patient's ssn is ", Some("finding")), "{host}");
        // Where nothing does, less than half of it.
        let (left, why) = dribble(host, "he wrote down 536-22-8941 and left\r\n");
        assert_eq!(why, Some("finding"), "{host}");
        assert!(!left.contains("536-22"), "{left:?}");
        let (left, why) = dribble(host, "charge it to card 4539 1488 0343 6467 please\r\n");
        assert_eq!(why, Some("finding"), "{host}");
        assert!(!left.contains("4539 1488"), "{left:?}");
    }
}

#[test]
fn numbers_of_other_kinds_keep_nobody_waiting() {
    for text in [
        "SELECT name FROM runs WHERE id = 12345",
        "SELECT 1 FROM t WHERE created > '2026-01-31' LIMIT 100",
        "SET run:77:loss 0.03125\r\n",
        "MAIL FROM:<> SIZE=20480\r\n",
        "*3\r\n$3\r\nSET\r\n$5\r\nepoch\r\n$2\r\n12\r\n",
    ] {
        assert_eq!(dribble("b.example", text), (text.to_owned(), None), "{text:?}");
        let (mut passage, meters) = passage("b.example");
        passage.take(Bytes::copy_from_slice(text.as_bytes())).unwrap();
        flushed(&mut passage).unwrap();
        assert_eq!(meters.released.bytes(), text.len() as u64, "{text:?} at once");
    }
}

#[test]
fn ciphertext_keeps_nobody_waiting_by_chance() {
    let (mut passage, meters) = passage("b.example");
    let noise = noise(400_000);
    for part in noise.chunks(100) {
        passage.take(Bytes::copy_from_slice(part)).unwrap();
        flushed(&mut passage).unwrap();
        assert_eq!(passage.waits(), Waits::No, "{part:?}");
    }
    assert_eq!(meters.released.bytes(), 400_000);
}

#[test]
fn a_number_that_does_not_end_cuts_the_tunnel() {
    let (mut passage, meters) = passage("e.example");
    passage.take(Bytes::from_static(b"the patient's ssn is 536-22-8")).unwrap();
    passage.flush().unwrap();
    assert_eq!(passage.waits(), Waits::Number);
    let stop = passage.overdue().unwrap_err();
    assert_eq!(stop.code(), UNDER_WAY);
    assert_eq!(meters.released.bytes(), "the patient's ssn is ".len() as u64);
}

#[test]
fn a_number_that_ends_harmlessly_leaves() {
    let (mut passage, meters) = passage("e.example");
    for part in ["the patient's ssn is 536-2", " and something more\r\n"] {
        passage.take(Bytes::from_static(part.as_bytes())).unwrap();
        flushed(&mut passage).unwrap();
    }
    assert_eq!((passage.waits(), meters.released.bytes()), (Waits::No, 47));
}

#[test]
fn ciphertext_is_stopped_unless_the_profile_lets_it_through() {
    let noise = noise(20_000);
    let (mut strict, _) = passage("e.example");
    let stopped = noise.chunks(1_000).find_map(|part| {
        strict.take(Bytes::copy_from_slice(part)).and_then(|_| strict.flush()).err()
    });
    assert_eq!(stopped.map(|stop| stop.code()), Some("unidentified"));
    assert!(strict.judge_ciphertext().is_some());

    for host in ["b.example", "x.example"] {
        let (mut lenient, meters) = passage(host);
        assert!(lenient.judge_ciphertext().is_none());
        for part in noise.chunks(1_000) {
            lenient.take(Bytes::copy_from_slice(part)).unwrap();
        }
        lenient.finish().unwrap();
        assert_eq!(meters.released.bytes(), 20_000);
        drop(lenient);
        assert_eq!(meters.cell.with(|reading| reading.inspected), host == "b.example");
    }
}

#[test]
fn an_archive_that_begins_a_message_is_refused_since_nothing_opens_it() {
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &noise(500)].concat();
    let zip = [&b"PK\x03\x04\x14\0\0\0\x08\0"[..], &noise(500)].concat();
    let zstd = [&[0x28, 0xb5, 0x2f, 0xfd][..], &noise(500)].concat();
    for archive in [&gzip, &zip, &zstd] {
        // At the stream's beginning, however it is cut, and at a later message's.
        for (before, piece) in [(0, 1), (0, 600), (1_000, 600)] {
            let (mut passage, meters) = passage("b.example");
            passage.take(Bytes::from(noise(before))).unwrap();
            flushed(&mut passage).unwrap();
            let stopped = archive.chunks(piece).find_map(|part| {
                let taken = passage.take(Bytes::copy_from_slice(part));
                taken.and_then(|_| flushed(&mut passage)).err()
            });
            assert_eq!(stopped.map(|stop| stop.code()), Some("unreadable"), "{before} {piece}");
            assert!(meters.released.bytes() < before as u64 + 10);
            drop(passage);
            assert!(meters.cell.with(|reading| !reading.counts().any(|_| true)));
        }
    }
}

fn crate_contains(bytes: &[u8]) -> bool {
    bytes.windows(SSN.len()).any(|window| window == SSN.as_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However it is cut and wherever the sender pauses, the whole number never leaves; and text
    /// without one leaves as it came.
    #[test]
    fn no_split_hides_a_number(cuts in prop::collection::vec(1..60usize, 1..12), pauses in any::<u16>(), leaks in any::<bool>()) {
        let number = if leaks { SSN } else { "none at all" };
        let text = format!("dear colleague, as agreed: the patient's ssn is {number}, and no more of that. Regards, somebody\r\n");
        let (mut passage, meters) = passage("b.example");
        let mut left = Vec::new();
        let mut rest = text.as_bytes();
        let mut stopped = None;
        for (turn, cut) in cuts.iter().chain([&text.len()]).enumerate() {
            let (part, after) = rest.split_at((*cut).min(rest.len()));
            rest = after;
            let taken = passage.take(Bytes::copy_from_slice(part)).and_then(|first| {
                left.extend_from_slice(first.as_slice());
                if pauses >> (turn % 16) & 1 == 1 { passage.flush() } else { Ok(first_of_none(&passage)) }
            });
            match taken {
                Ok(more) => left.extend_from_slice(more.as_slice()),
                Err(stop) => { stopped = Some(stop.code()); break }
            }
        }
        if stopped.is_none() {
            match passage.finish() {
                Ok(more) => left.extend_from_slice(more.as_slice()),
                Err(stop) => stopped = Some(stop.code()),
            }
        }
        prop_assert!(!crate_contains(&left));
        prop_assert_eq!(meters.released.bytes(), left.len() as u64);
        prop_assert_eq!(stopped, leaks.then_some("finding"));
        if !leaks {
            prop_assert_eq!(left, text.as_bytes());
        }
    }
}

fn first_of_none(_: &Passage) -> Passed {
    Passed(Bytes::new())
}
