//! What is written when, and what is refused when it can't be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use proxy::audit::chain::{self, LINE_BYTES_MAX, Tip};
use proxy::audit::{
    Audit, AuditUnavailable, CoverageRecord, Direction, FindingCount, Kind, Outcome, Settings,
};

use crate::station::{Station, block_on, open, run_exchange, until};

#[test]
fn an_exchange_leaves_one_line_before_it_sends_and_one_at_its_end() {
    let station = Station::new();
    let (audit, writer) = station.start();
    let mut exchange = audit.open(Direction::Outbound, Kind::Http).unwrap();
    let id = exchange.id().to_owned();
    let record = exchange.record_mut();
    record.source = Some("spiffe://hospital.example/ns/train/sa/trainer".to_owned());
    record.method = Some("PUT".to_owned());
    record.target = Some("http://registry.ml.internal:80/v2/models/x".to_owned());
    record.rule = Some("checkpoints-to-registry".to_owned());
    let _announced = block_on(exchange.announce()).unwrap();

    let opened = station.records_of("open");
    assert_eq!(opened.len(), 1, "the line stands before anything may leave");
    assert_eq!(opened[0]["exchange"], id.as_str());
    assert_eq!(opened[0]["target"], "http://registry.ml.internal:80/v2/models/x");
    assert_eq!(opened[0].get("bytes_released"), None, "not known yet");

    let record = exchange.record_mut();
    record.findings.push(FindingCount {
        identifier: "ssn".to_owned(),
        confidence: "high".to_owned(),
        detector: "us-ssn".to_owned(),
        count: 2,
        member: Some("gzip!notes.zip!patient.txt".to_owned()),
    });
    record.coverage = Some(CoverageRecord { read: 9, ..CoverageRecord::default() });
    (record.bytes_in, record.inspected, record.status) = (9, true, Some(403));
    exchange.close(Outcome::Refused);
    writer.stop().unwrap();

    let closed = station.records_of("close");
    assert_eq!(closed.len(), 1);
    let closed = &closed[0];
    assert_eq!(closed["exchange"], id.as_str());
    assert_eq!((&closed["outcome"], &closed["direction"]), (&"refused".into(), &"outbound".into()));
    assert_eq!((&closed["kind"], &closed["opened"]), (&"http".into(), &true.into()));
    assert_eq!((&closed["bytes_in"], &closed["bytes_released"]), (&9.into(), &0.into()));
    assert_eq!((&closed["inspected"], &closed["status"]), (&true.into(), &403.into()));
    assert_eq!(closed["findings"][0]["member"], "gzip!notes.zip!patient.txt");
    assert_eq!(closed["coverage"]["read"], 9);
    assert!(closed["duration_us"].is_u64());
    assert_eq!(station.verify().exit_code(), 0);
}

#[test]
fn an_exchange_refused_before_it_sends_leaves_its_close_line_alone() {
    let station = Station::new();
    let (audit, writer) = station.start();
    open(&audit).unwrap().close(Outcome::Refused);
    writer.stop().unwrap();
    assert!(station.records_of("open").is_empty());
    let closed = station.records_of("close");
    assert_eq!((closed.len(), &closed[0]["opened"]), (1, &false.into()));
    assert_eq!(closed[0]["inspected"], false, "an unread exchange says so");
}

#[test]
fn a_dropped_exchange_is_recorded_as_aborted() {
    let station = Station::new();
    let (audit, writer) = station.start();
    drop(open(&audit).unwrap());
    let panicking = audit.clone();
    let panicked = std::thread::spawn(move || {
        let _exchange = open(&panicking).unwrap();
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    writer.stop().unwrap();
    let closed = station.records_of("close");
    assert_eq!(closed.len(), 2);
    assert!(closed.iter().all(|record| record["outcome"] == "aborted"));
}

#[test]
fn an_announcement_that_was_cancelled_is_not_written_twice() {
    let station = Station::new();
    let (audit, writer) = station.start();
    let mut exchange = open(&audit).unwrap();
    block_on(async {
        {
            let mut first = std::pin::pin!(exchange.announce());
            let waker = std::task::Waker::noop();
            let _maybe_pending = first.as_mut().poll(&mut std::task::Context::from_waker(waker));
        }
        let _announced = exchange.announce().await.unwrap();
        let _announced = exchange.announce().await.unwrap();
    });
    exchange.close(Outcome::Completed);
    writer.stop().unwrap();
    assert_eq!(station.records_of("open").len(), 1);
    assert_eq!(station.records_of("close").len(), 1);
}

#[test]
fn a_full_queue_refuses_to_open_and_never_blocks() {
    let station = Station::new();
    let (audit, writer) = Audit::start(Settings { queue_max: 5, ..station.settings() }).unwrap();
    let first = open(&audit).unwrap();
    let second = open(&audit).unwrap();
    assert_eq!(open(&audit).unwrap_err(), AuditUnavailable::QueueFull);
    assert_eq!(audit.places_free(), 1);
    assert!(audit.is_healthy(), "a full queue passes by itself");
    first.close(Outcome::Completed);
    until("the place is free again", || audit.places_free() == 3);
    let third = open(&audit).unwrap();
    drop((second, third));
    writer.stop().unwrap();
    assert_eq!(station.records_of("close").len(), 3);
}

/// What other programs rely on: the seal is the SHA-256 of the bytes before `,"hash":`, as
/// `head -c` and `sha256sum` compute it.
#[test]
fn the_bytes_of_a_line_are_pinned() {
    let payload = br#""time":"2026-11-21T00:00:00.000000Z","boot":"0badcafe","type":"note""#;
    let (mut tip, mut line) = (Tip::GENESIS, Vec::new());
    chain::append(&mut tip, payload, &mut line);
    let zeros = "0".repeat(64);
    let hash = "1e00483525aa152c9c66e7ba9d40800485740b73fdd5d3a649f12eddb573b5b2";
    let expected = format!(
        r#"{{"v":1,"seq":1,{},"prev":"{zeros}","hash":"{hash}"}}"#,
        std::str::from_utf8(payload).unwrap()
    );
    assert_eq!(String::from_utf8(line).unwrap(), format!("{expected}\n"));
    assert_eq!((tip.seq, tip.hash.to_string().as_str()), (1, hash));
}

/// A run makes the next segment before it writes the line that names it.
#[test]
fn an_empty_next_segment_has_not_begun_and_the_last_line_may_be_under_way() {
    let station = Station::with_log(5);
    let (files, half) = (station.files(), 40);
    let first = station.read(&files[0]);
    station.write(&files[0], &[&first[..], &first[..half]].concat());
    std::fs::write(station.folder().join("audit-00000002.jsonl"), b"").unwrap();

    let report = station.verify();

    assert!(report.problems.is_empty(), "{report}");
    assert_eq!((report.exit_code(), report.torn_bytes), (3, half as u64), "{report}");
}

#[test]
fn a_log_that_is_being_written_is_never_called_tampered() {
    let station = Station::new();
    let settings =
        Settings { segment_bytes_max: 20_000, head_records_max: 8, ..station.settings() };
    let (audit, writer) = Audit::start(settings).unwrap();
    let writing =
        std::thread::spawn(move || (0..2000).for_each(|number| run_exchange(&audit, number)));
    let mut verified = 0;
    while !writing.is_finished() {
        let report = station.verify();
        assert!([0, 3].contains(&report.exit_code()), "{report}");
        verified += 1;
    }
    writing.join().unwrap();
    assert!(verified > 0);
    writer.stop().unwrap();
    assert_eq!(station.verify().exit_code(), 0);
}

#[test]
fn every_line_of_many_tasks_is_there_once() {
    let station = Station::new();
    let settings =
        Settings { segment_bytes_max: 100_000, head_records_max: 64, ..station.settings() };
    let (audit, writer) = Audit::start(settings).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let audit = audit.clone();
            std::thread::spawn(move || (0..100).for_each(|number| run_exchange(&audit, number)))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    writer.stop().unwrap();
    let report = station.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!((report.exchanges, report.open_exchanges), (400, 0));
    let mut ids: Vec<String> =
        station.records_of("open").iter().map(|record| record["exchange"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 400);
    assert!(station.files().len() > 1);
}

#[test]
fn heads_come_after_so_many_records() {
    let station = Station::new();
    let (audit, writer) =
        Audit::start(Settings { head_records_max: 10, ..station.settings() }).unwrap();
    for number in 0..50 {
        run_exchange(&audit, number);
    }
    drop(writer);
    let report = station.verify();
    assert!(report.keys[0].heads >= 9, "{report}");
    assert!(report.tail_lines() <= 10, "{report}");
}

#[test]
fn heads_come_while_nothing_happens() {
    let station = Station::new();
    let head_interval = Duration::from_millis(5);
    let (audit, writer) = Audit::start(Settings { head_interval, ..station.settings() }).unwrap();
    let before = audit.head();
    until("three heartbeats came", || audit.head().anchored_seq >= before.anchored_seq + 3);
    writer.stop().unwrap();
    assert_eq!(station.verify().exit_code(), 0);
}

#[test]
fn the_exported_head_is_a_line_of_the_log() {
    let station = Station::new();
    let (audit, writer) = station.start();
    let first = audit.head();
    assert_eq!((first.seq, first.anchored_seq), (2, 2), "start, and a head that signs it");
    run_exchange(&audit, 0);
    until("the line is durable", || audit.head().seq >= 3);
    let head = audit.head();
    drop(writer);
    let against = station.verify_against(Some(format!("{}:{}", head.seq, head.hash)));
    assert_eq!(against.expected_seq, Some(head.seq), "{against}");
}

#[test]
fn notes_are_bounded_and_lost_ones_are_counted_in_the_log() {
    let station = Station::new();
    let (audit, writer) = station.start();
    let detail = serde_json::json!({ "hash": "sha256:00", "text": "x".repeat(100) });
    while audit.notes_lost() == 0 {
        audit.note("policy-swapped", detail.clone());
    }
    writer.stop().unwrap();
    let notes = station.records_of("note");
    assert_eq!(notes[0]["event"], "policy-swapped");
    assert_eq!(notes[0]["detail"]["hash"], "sha256:00");
    let lost = notes.last().unwrap();
    assert_eq!(lost["event"], "notes-lost");
    assert_eq!(lost["detail"]["count"], audit.notes_lost());
    assert_eq!(station.verify().exit_code(), 0);
}

#[test]
fn a_detail_too_long_for_a_note_is_left_out() {
    let station = Station::new();
    let (audit, writer) = station.start();
    audit.note("identity-swapped", serde_json::json!("x".repeat(1 << 20)));
    writer.stop().unwrap();
    let notes = station.records_of("note");
    assert_eq!(notes[0]["detail_omitted"], true);
    assert_eq!(notes[0].get("detail"), None);
}

#[test]
fn however_long_its_texts_are_a_record_fits_one_line() {
    let station = Station::new();
    let (audit, writer) = station.start();
    let mut exchange = open(&audit).unwrap();
    let record = exchange.record_mut();
    // Each of these becomes six bytes of JSON.
    let long = "\u{1}".repeat(100_000);
    (record.target, record.error, record.sni) =
        (Some(long.clone()), Some(long.clone()), Some(long.clone()));
    (record.source, record.reason_text) = (Some(long.clone()), Some("é".repeat(100_000)));
    record.incomplete = vec![long.clone(); 500];
    record.findings = vec![
        FindingCount {
            identifier: long.clone(),
            confidence: long.clone(),
            detector: long.clone(),
            count: 1,
            member: Some(long),
        };
        1000
    ];
    let _announced = block_on(exchange.announce()).unwrap();
    exchange.close(Outcome::Completed);
    writer.stop().unwrap();
    assert!(station.lines().iter().all(|(_, _, line)| line.len() <= LINE_BYTES_MAX + 1));
    let closed = &station.records_of("close")[0];
    let kept = closed["findings"].as_array().unwrap().len() as u64;
    assert_eq!(closed["findings_omitted"].as_u64().unwrap() + kept, 1000);
    assert!(closed["target"].as_str().unwrap().ends_with('…'));
    assert_eq!(closed["outcome"], "completed");
    assert_eq!(station.verify().exit_code(), 0);
}

#[test]
fn a_removed_replaced_or_cut_file_is_noticed_before_a_line_counts() {
    type Change = fn(&std::path::Path);
    let changes: [(&str, Change); 4] = [
        ("removed", |file| fs::remove_file(file).unwrap()),
        ("replaced", |file| {
            fs::copy(file, file.with_extension("copy")).unwrap();
            fs::rename(file.with_extension("copy"), file).unwrap();
        }),
        ("cut", |file| {
            let file = fs::OpenOptions::new().write(true).open(file).unwrap();
            file.set_len(100).unwrap();
        }),
        ("written by another", |file| {
            use std::io::Write;
            let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
            file.write_all(b"{}\n").unwrap();
        }),
    ];
    for (what, change) in changes {
        let station = Station::new();
        let (audit, writer) = station.start();
        run_exchange(&audit, 0);
        let mut exchange = open(&audit).unwrap();
        change(&station.folder().join("audit-00000001.jsonl"));
        assert_eq!(block_on(exchange.announce()).unwrap_err(), AuditUnavailable::Failed, "{what}");
        assert!(!audit.is_healthy(), "{what}");
        assert_eq!(open(&audit).unwrap_err(), AuditUnavailable::Unhealthy, "{what}");
        let why = audit.why_unhealthy().unwrap();
        assert!(why.contains("audit-00000001.jsonl"), "{what}: {why}");
        drop(exchange);
        assert!(writer.stop().is_err(), "{what}");
    }
}

#[test]
fn a_file_that_goes_while_nothing_happens_turns_the_log_unhealthy() {
    let station = Station::new();
    let (audit, writer) = station.start();
    fs::remove_dir_all(station.folder()).unwrap();
    until("the loss is noticed", || !audit.is_healthy());
    assert!(writer.stop().is_err());
}

#[test]
fn nothing_opens_after_the_stop() {
    let station = Station::new();
    let (audit, writer) = station.start();
    let late = open(&audit).unwrap();
    writer.stop().unwrap();
    assert_eq!(open(&audit).unwrap_err(), AuditUnavailable::Stopped);
    assert!(!audit.is_healthy());
    late.close(Outcome::Completed);
    assert_eq!(audit.lines_lost(), 1, "its line came too late, and that is counted");
    let stop = &station.records_of("stop")[0];
    assert_eq!(stop["exchanges_open"], 0, "it had not been announced");
}

#[test]
fn the_log_is_for_its_owner_alone() {
    let station = Station::new();
    fs::create_dir(station.folder()).unwrap();
    fs::set_permissions(station.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    let (_audit, writer) = station.start();
    let mode = |path: std::path::PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(station.folder()), 0o700);
    for entry in fs::read_dir(station.folder()).unwrap() {
        assert_eq!(mode(entry.unwrap().path()), 0o600);
    }
    writer.stop().unwrap();
}
