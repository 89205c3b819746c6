//! What the next run makes of what the last one left.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use proxy::audit::key::PublicKey;
use proxy::audit::{Audit, AuditError, Fingerprint, Outcome, Settings, SigningKey};

use crate::station::{Station, block_on, open, run_exchange, settings_in};

const FIRST: &str = "audit-00000001.jsonl";

#[test]
fn a_restart_after_a_stop_goes_on_with_the_chain() {
    let station = Station::new();
    for run in 0..3 {
        let (audit, writer) = station.start();
        run_exchange(&audit, run);
        writer.stop().unwrap();
    }
    let report = station.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!((report.runs, report.recoveries, report.stopped), (3, 0, true));
    let boots: std::collections::BTreeSet<String> =
        station.records().iter().map(|record| record["boot"].to_string()).collect();
    assert_eq!(boots.len(), 3, "ids of exchanges are unique over restarts");
}

#[test]
fn a_restart_after_a_kill_says_what_was_left_open() {
    let station = Station::new();
    let (audit, writer) = station.start();
    run_exchange(&audit, 0);
    let mut killed = open(&audit).unwrap();
    let _announced = block_on(killed.announce()).unwrap();
    let refused = open(&audit).unwrap();
    refused.close(Outcome::Refused);
    let id = killed.id().to_owned();
    drop(writer);
    drop(killed);
    assert_eq!(station.verify().exit_code(), 3, "nothing proves that this is all");

    let (_audit, writer) = station.start();
    let recovery = &station.records_of("recovery")[0];
    assert_eq!(recovery["exchanges_open"], 1);
    assert_eq!(recovery["cut_bytes"], 0);
    assert_eq!(recovery["from_boot"].as_str(), id.split('-').next());
    assert_eq!(recovery["from_seq"].as_u64().unwrap() + 2, recovery["seq"].as_u64().unwrap());
    writer.stop().unwrap();
    let report = station.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!((report.open_exchanges, &report.open_exchange_ids), (1, &vec![id]));
}

#[test]
fn a_torn_line_is_put_aside_and_said() {
    let whole = Station::with_log(1);
    let last = whole.lines().pop().unwrap().2;
    for kept in [1, 20, last.len() - 150, last.len() - 2, last.len() - 1] {
        let station = Station::new();
        let (audit, writer) = station.start();
        run_exchange(&audit, 0);
        drop(writer);
        append(&station, FIRST, &last[..kept]);
        let before = station.verify();
        assert_eq!((before.exit_code(), before.torn_bytes), (3, kept as u64), "{before}");

        let (_audit, writer) = station.start();
        writer.stop().unwrap();
        let recovery = &station.records_of("recovery")[0];
        assert_eq!(recovery["cut_bytes"], kept);
        let aside = station.folder().join(recovery["cut_file"].as_str().unwrap());
        assert_eq!(fs::read(aside).unwrap(), &last[..kept]);
        let report = station.verify();
        assert_eq!((report.exit_code(), report.cut_bytes), (0, kept as u64), "{report}");
    }
}

#[test]
fn zeros_that_a_power_cut_left_are_put_aside() {
    let station = Station::new();
    drop(station.start().1);
    append(&station, FIRST, &[0; 300_000]);
    let (_audit, writer) = station.start();
    writer.stop().unwrap();
    assert_eq!(station.records_of("recovery")[0]["cut_bytes"], 300_000);
    assert_eq!(station.verify().exit_code(), 0);
}

#[test]
fn a_log_damaged_before_its_end_is_not_continued() {
    let station = Station::new();
    let (audit, writer) = station.start();
    run_exchange(&audit, 0);
    writer.stop().unwrap();
    let lines = station.lines();
    for (at, (_, number, line)) in lines.iter().enumerate() {
        let mut bytes = station.read(FIRST);
        let before: usize = lines[..at].iter().map(|(_, _, line)| line.len()).sum();
        bytes[before + line.len() / 2] ^= 1;
        let copy = Station::new();
        fs::create_dir(copy.folder()).unwrap();
        copy.write(FIRST, &bytes);
        let error = copy.start_error();
        let named = format!("{FIRST}:{number} is not the audit log that was written");
        assert!(matches!(error, AuditError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(&named), "{error}");
        assert_eq!(copy.read(FIRST), bytes, "the evidence stays as it was");
    }
}

#[test]
fn lines_behind_a_torn_one_are_not_thrown_away() {
    let station = Station::new();
    let (audit, writer) = station.start();
    run_exchange(&audit, 0);
    writer.stop().unwrap();
    let mut lines: Vec<Vec<u8>> = station.lines().into_iter().map(|(_, _, line)| line).collect();
    lines[2] = b"torn\n".to_vec();
    station.write(FIRST, &lines.concat());
    assert!(matches!(station.start_error(), AuditError::Damaged { line: Some(3), .. }));
}

#[test]
fn a_restart_in_a_later_segment_goes_on_there() {
    let station = Station::with_log(12);
    let (segments, lines) = (station.files().len(), station.lines().len());
    let (_audit, writer) = station.start();
    writer.stop().unwrap();
    assert_eq!(station.files().len(), segments);
    assert_eq!(station.lines().len(), lines + 4, "start, head, stop, head");
    assert_eq!(station.verify().exit_code(), 0);
}

#[test]
fn a_segment_that_was_begun_and_never_written_is_gone_on_with() {
    let station = Station::with_log(12);
    let begun = station.files().pop().unwrap();
    station.write(&begun, b"");
    assert_eq!(station.verify().exit_code(), 0, "the segment before it ends in a signed head");
    let (_audit, writer) = station.start();
    writer.stop().unwrap();
    let report = station.verify();
    assert_eq!((report.exit_code(), report.recoveries), (0, 1), "{report}");
    assert!(station.read(&begun).starts_with(b"{\"v\":1"));
}

#[test]
fn a_newest_segment_that_does_not_follow_is_not_continued() {
    let station = Station::with_log(12);
    let files = station.files();
    fs::remove_file(station.folder().join(&files[files.len() - 2])).unwrap();
    let (audit, writer) = station.start();
    drop((audit, writer));
    let other = Station::with_log(12);
    fs::copy(other.folder().join(FIRST), station.folder().join(&files[files.len() - 2])).unwrap();
    assert!(matches!(station.start_error(), AuditError::Damaged { .. }));
}

#[test]
fn one_process_at_a_time_keeps_a_log() {
    let station = Station::new();
    let (_audit, writer) = station.start();
    assert!(matches!(station.start_error(), AuditError::Locked { .. }));
    writer.stop().unwrap();
    let (_audit, writer) = station.start();
    writer.stop().unwrap();
}

#[test]
fn settings_that_can_not_work_are_refused_by_name() {
    let station = Station::new();
    let error = Audit::start(Settings { queue_max: 1, ..station.settings() }).unwrap_err();
    assert!(error.to_string().contains("queue_max"), "{error}");
    let error = Audit::start(Settings { head_records_max: 0, ..station.settings() }).unwrap_err();
    assert!(error.to_string().contains("head_records_max"), "{error}");
}

#[test]
fn a_key_in_the_folder_it_protects_is_refused() {
    let station = Station::new();
    fs::create_dir(station.folder()).unwrap();
    let inside = station.folder().join("key.der");
    fs::copy(station.key_path(), &inside).unwrap();
    let error = Audit::start(Settings { signing_key: Some(inside), ..station.settings() });
    assert!(matches!(error.unwrap_err(), AuditError::KeyInFolder { .. }));
}

#[test]
fn a_key_file_that_is_no_key_is_refused_without_its_bytes() {
    let station = Station::new();
    fs::write(
        station.key_path(),
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    let error = station.start_error().to_string();
    assert!(error.contains("Ed25519") && !error.contains("c2VjcmV0"), "{error}");
}

/// Made by `openssl genpkey -algorithm ed25519`, `openssl pkey -pubout`, and
/// `openssl pkey -pubin -outform der | sha256sum`; it signs nothing but this test.
#[test]
fn keys_of_openssl_are_read() {
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIGZaJdihYEQ+VQqSgltpRQD6OyjfRZjFLOUS79QmpMCL\n-----END PRIVATE KEY-----\n";
    let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAo+EWkCBMbdquCSWhlfgY1AbzLtboS89PhIlzOkTovK4=\n-----END PUBLIC KEY-----\n";
    let fingerprint = "sha256:5c14ba84e2554365ee264745fbc779ff3fa834511aed7ed1b53abe7e829ccb37";
    let key = SigningKey::parse(private.as_bytes()).unwrap();
    assert_eq!(key.fingerprint().as_str(), fingerprint);
    assert_eq!(*key.public(), PublicKey::parse(public).unwrap());
    for text in [public, fingerprint, &key.public().to_string()] {
        assert_eq!(Fingerprint::parse(text).unwrap().as_str(), fingerprint);
    }
    assert!(Fingerprint::parse("sha256:abcd").is_err());
    assert!(Fingerprint::parse("").is_err());
}

/// The other half of [`no_announced_exchange_is_lost_to_a_kill`] runs this very test in a child
/// process that is killed.
const VICTIM: &str = "LAZARET_TEST_AUDIT_VICTIM";

#[test]
fn no_announced_exchange_is_lost_to_a_kill() {
    if let Some(scratch) = std::env::var_os(VICTIM) {
        return announce_for_ever(Path::new(&scratch));
    }
    let station = Station::new();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["restart::no_announced_exchange_is_lost_to_a_kill", "--exact", "--nocapture"])
        .env(VICTIM, station.scratch())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut announced = said.filter(|line| line.starts_with("announced "));
    let mut ids: Vec<String> = announced.by_ref().take(500).collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    ids.extend(announced);
    assert!(ids.len() >= 500);

    let report = station.verify();
    assert!(report.problems.is_empty(), "{report}");
    let (_audit, writer) = station.start();
    writer.stop().unwrap();
    let opened: std::collections::HashSet<String> = station
        .records_of("open")
        .iter()
        .map(|record| format!("announced {}", record["exchange"].as_str().unwrap()))
        .collect();
    for id in ids.iter().filter_map(|id| id.strip_suffix('.')) {
        assert!(opened.contains(id), "{id} has no line");
    }
    let (report, recovery) = (station.verify(), &station.records_of("recovery")[0]);
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!(report.open_exchanges, recovery["exchanges_open"].as_u64().unwrap());
    assert!(report.open_exchanges > 0);
}

fn announce_for_ever(scratch: &Path) {
    let (audit, _writer) = Audit::start(settings_in(scratch)).unwrap();
    let mut held = Vec::new();
    loop {
        let mut exchange = open(&audit).unwrap();
        let _announced = block_on(exchange.announce()).unwrap();
        // The full stop tells a whole line from one that the kill cut.
        println!("announced {}.", exchange.id());
        held.push(exchange);
        if held.len() > 100 {
            held.clear();
        }
    }
}

fn append(station: &Station, file: &str, bytes: &[u8]) {
    let path = station.folder().join(file);
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}
