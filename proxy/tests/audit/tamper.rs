//! Each way of changing a log, and what `verify` says to it.

use std::fs;

use proptest::prelude::*;
use proxy::audit::chain::{self, LineHash, Seal, Tip};
use proxy::audit::verify::{VerifyRequest, verify};
use proxy::audit::{Audit, SigningKey};

use crate::station::{Station, run_exchange};

#[test]
fn an_untouched_log_is_intact() {
    let station = Station::with_log(12);
    let report = station.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(station.files().len() > 2, "the log has several segments");
    assert_eq!(report.lines, report.last_seq);
    assert_eq!((report.exchanges, report.open_exchanges), (12, 0));
    assert!(report.to_string().contains("INTACT"), "{report}");
    assert!(report.to_string().contains(": given"), "{report}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_edited_byte_is_found_at_its_line(place in any::<prop::sample::Index>(), to in any::<u8>()) {
        let station = shared_log();
        let lines = station.lines();
        let total: usize = lines.iter().map(|(_, _, line)| line.len()).sum();
        let mut at = place.index(total);
        let (file, number, line) = lines
            .iter()
            .find(|(_, _, line)| {
                let is_here = at < line.len();
                if !is_here {
                    at -= line.len();
                }
                is_here
            })
            .unwrap();
        prop_assume!(line[at] != to);
        let copy = copy_of(station);
        let mut bytes = copy.read(file);
        let before: usize = lines
            .iter()
            .filter(|(other, earlier, _)| other == file && earlier < number)
            .map(|(_, _, line)| line.len())
            .sum();
        bytes[before + at] = to;
        copy.write(file, &bytes);

        let report = verify(&VerifyRequest { folder: copy.folder(), keys: vec![], expect_head: None });
        prop_assert_eq!(report.exit_code(), 1, "{}", report);
        let first = &report.problems[0];
        prop_assert_eq!((&first.file, first.line), (file, Some(*number as u64)), "{}", report);
    }
}

#[test]
fn a_removed_line_is_missed_where_it_was() {
    let station = Station::with_log(6);
    let lines = station.lines();
    for (at, (file, number, _)) in lines.iter().enumerate() {
        let copy = copy_of(&station);
        rewrite(&copy, file, |kept| {
            kept.remove(*number - 1);
        });
        let report = copy.verify();
        let Some(after) = lines.get(at + 1) else {
            assert_eq!(report.exit_code(), 3, "the last head is gone: {report}");
            continue;
        };
        assert_eq!(report.exit_code(), 1, "{report}");
        let place = if after.0 == *file { (file, *number) } else { (&after.0, 1) };
        let names = |line: usize| {
            report
                .problems
                .iter()
                .any(|problem| (&problem.file, problem.line) == (place.0, Some(line as u64)))
        };
        assert!(names(place.1), "line {at}: {report}");
        assert!(report.to_string().contains("missing"), "{report}");
    }
}

#[test]
fn a_repeated_line_is_found() {
    let station = Station::with_log(6);
    for (file, number, line) in station.lines() {
        let copy = copy_of(&station);
        rewrite(&copy, &file, |lines| lines.insert(number, line.clone()));
        let report = copy.verify();
        assert_eq!(report.exit_code(), 1, "{report}");
        assert_eq!(report.problems.len(), 1, "{report}");
        assert_eq!(report.problems[0].line, Some(number as u64 + 1));
        assert!(report.problems[0].what.contains("repeated"), "{report}");
    }
}

#[test]
fn swapped_lines_are_found() {
    let station = Station::with_log(6);
    let lines = station.lines();
    for pair in lines.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        let copy = copy_of(&station);
        let at = pair[0].1;
        rewrite(&copy, &pair[0].0, |lines| lines.swap(at - 1, at));
        let report = copy.verify();
        assert_eq!(report.exit_code(), 1, "{report}");
        let mut places = report.problems.iter().map(|problem| problem.line);
        assert!(places.any(|place| place == Some(at as u64)), "{report}");
    }
}

#[test]
fn a_removed_segment_is_found_wherever_it_was() {
    let station = Station::with_log(12);
    let files = station.files();
    for file in &files {
        let copy = copy_of(&station);
        fs::remove_file(copy.folder().join(file)).unwrap();
        let report = copy.verify();
        assert_eq!(report.exit_code(), 1, "{report}");
        let text = report.to_string();
        assert!(text.contains(file.as_str()) && text.contains("missing"), "{text}");
    }
}

#[test]
fn a_log_cut_at_any_byte_is_unanchored_and_tampered_against_a_known_head() {
    let station = Station::with_segments_of(1 << 30, 3);
    let [file] = station.files().try_into().unwrap();
    let whole = station.read(&file);
    let head = station.tip();
    // Right behind a signed head a cut can't be seen from inside the log.
    let heads = |length: usize| {
        let kept = &whole[..length];
        let last = kept.split_inclusive(|byte| *byte == b'\n').next_back();
        last.is_some_and(|line| line.ends_with(b"\n") && is_head(line))
    };
    let copy = copy_of(&station);
    for length in whole.len() - 1500..whole.len() {
        copy.write(&file, &whole[..length]);
        let report = copy.verify();
        let expected = if heads(length) { 0 } else { 3 };
        assert_eq!(report.exit_code(), expected, "cut at {length}: {report}");
        let against = copy.verify_against(Some(head.clone()));
        assert_eq!(against.exit_code(), 1, "cut at {length}: {against}");
    }
}

#[test]
fn a_known_head_anchors_the_lines_up_to_it() {
    let station = Station::new();
    let (audit, writer) = station.start();
    run_exchange(&audit, 0);
    drop(writer);
    let tip = station.tip();
    let seq = station.records().len();
    assert_eq!(station.verify().exit_code(), 3);
    assert_eq!(station.verify_against(Some(tip.clone())).exit_code(), 0);
    assert_eq!(station.verify_against(Some(format!("{seq}:{tip}"))).exit_code(), 0);
    assert_eq!(station.verify_against(Some(format!("{}:{tip}", seq - 1))).exit_code(), 1);
    assert_eq!(station.verify_against(Some("abcd".to_owned())).exit_code(), 2);
    let start = station.records()[0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(station.verify_against(Some(start)).exit_code(), 3, "an older line anchors less");
}

#[test]
fn lines_made_up_after_the_last_head_are_an_unanchored_tail() {
    let station = Station::with_log(2);
    let file = station.files().pop().unwrap();
    let mut bytes = station.read(&file);
    let mut tip = tip_of(&bytes);
    let payload = b"\"time\":\"2026-11-21T00:00:00Z\",\"boot\":\"00000000\",\"type\":\"note\"";
    chain::append(&mut tip, payload, &mut bytes);
    station.write(&file, &bytes);
    let report = station.verify();
    assert_eq!((report.exit_code(), report.tail_lines()), (3, 1), "{report}");
}

#[test]
fn a_rewritten_chain_fails_at_its_next_head() {
    let station = Station::with_log(4);
    let forged = forge(&station, None);
    let report = forged.verify();
    assert_eq!(report.exit_code(), 1, "{report}");
    assert!(report.problems.iter().all(|problem| problem.what.contains("signature")), "{report}");
}

#[test]
fn a_log_signed_anew_by_a_stranger_fails_against_the_known_key() {
    let station = Station::with_log(4);
    let forged = forge(&station, Some(&SigningKey::ephemeral().unwrap()));
    let alone = verify(&VerifyRequest { folder: forged.folder(), keys: vec![], expect_head: None });
    assert_eq!(alone.exit_code(), 0, "{alone}");
    assert!(alone.to_string().contains("stated only by the log itself"), "{alone}");
    let keys = vec![station.key()];
    let known = verify(&VerifyRequest { folder: forged.folder(), keys, expect_head: None });
    assert_eq!(known.exit_code(), 1, "{known}");
    assert!(known.to_string().contains("not given"), "{known}");
}

#[test]
fn an_endless_line_is_passed_over() {
    let station = Station::with_log(1);
    let file = station.files()[0].clone();
    rewrite(&station, &file, |lines| lines.insert(1, [vec![b'x'; 1 << 20], vec![b'\n']].concat()));
    let report = station.verify();
    assert_eq!(report.exit_code(), 1, "{report}");
    assert_eq!(report.problems[0].line, Some(2));
    assert!(report.problems[0].what.contains("longer"), "{report}");
}

#[test]
fn what_is_not_a_log_can_not_be_read() {
    let station = Station::new();
    let missing = station.verify();
    assert_eq!(missing.exit_code(), 2, "{missing}");
    fs::create_dir(station.folder()).unwrap();
    let empty = station.verify();
    assert_eq!(empty.exit_code(), 2, "{empty}");
    assert!(empty.to_string().contains("no audit log"), "{empty}");
}

#[test]
fn a_flood_of_problems_is_counted_and_not_kept() {
    let station = Station::with_log(1);
    let file = station.files()[0].clone();
    station.write(&file, "nonsense\n".repeat(5000).as_bytes());
    let report = station.verify();
    assert_eq!(report.exit_code(), 1);
    assert!(report.problems.len() <= 100 && report.problems_omitted >= 4900);
}

/// One log that the property test reads again and again.
fn shared_log() -> &'static Station {
    static LOG: std::sync::OnceLock<Station> = std::sync::OnceLock::new();
    LOG.get_or_init(|| Station::with_log(6))
}

fn copy_of(station: &Station) -> Station {
    let copy = Station::new();
    fs::copy(station.key_path(), copy.key_path()).unwrap();
    fs::create_dir(copy.folder()).unwrap();
    for file in station.files() {
        copy.write(&file, &station.read(&file));
    }
    copy
}

fn rewrite(station: &Station, file: &str, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let bytes = station.read(file);
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec);
    let mut lines: Vec<Vec<u8>> = lines.collect();
    change(&mut lines);
    station.write(file, &lines.concat());
}

fn is_head(line: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(line).unwrap()["type"] == "head"
}

fn tip_of(bytes: &[u8]) -> Tip {
    let line = bytes.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap();
    let record: serde_json::Value = serde_json::from_slice(line).unwrap();
    let hash = LineHash::parse(record["hash"].as_str().unwrap().as_bytes()).unwrap();
    Tip { seq: record["seq"].as_u64().unwrap(), hash }
}

/// Changes a target in the log's first segment, and makes the chain whole again; with `key`, also
/// the start line's key and all heads.
fn forge(station: &Station, key: Option<&SigningKey>) -> Station {
    let copy = copy_of(station);
    let mut tip = Tip::GENESIS;
    for file in copy.files() {
        let mut forged = Vec::new();
        for line in copy.read(&file).split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let text = String::from_utf8(line.to_vec()).unwrap();
            let end = text.find(if is_head(line) { ",\"head_seq\"" } else { ",\"prev\"" }).unwrap();
            let start = text.find("\"time\"").unwrap();
            let mut payload = text[start..end].replace("/v2/1\"", "/v2/9\"");
            match key {
                Some(key) if is_head(line) => {
                    chain::append_head(&mut tip, payload.as_bytes(), key, &mut forged);
                    continue;
                }
                Some(key) if payload.contains("\"type\":\"start\"") => {
                    let old = SigningKey::load(&station.key_path()).unwrap();
                    payload = payload
                        .replace(&old.public().to_string(), &key.public().to_string())
                        .replace(old.fingerprint().as_str(), key.fingerprint().as_str());
                }
                None if is_head(line) => {
                    // Without the key the old signature is all there is.
                    let prev = text.find(",\"prev\"").unwrap();
                    let sig = &text[text.find(",\"key\"").unwrap()..prev];
                    let head = format!(
                        "{payload},\"head_seq\":{},\"head_hash\":\"{}\"{sig}",
                        tip.seq, tip.hash
                    );
                    chain::append(&mut tip, head.as_bytes(), &mut forged);
                    continue;
                }
                Some(_) | None => {}
            }
            chain::append(&mut tip, payload.as_bytes(), &mut forged);
        }
        assert!(
            forged.split(|byte| *byte == b'\n').all(|l| l.is_empty() || Seal::parse(l).is_some())
        );
        copy.write(&file, &forged);
    }
    copy
}

#[test]
fn a_key_made_for_one_run_is_called_stated_by_the_log_alone() {
    let station = Station::new();
    let settings = proxy::audit::Settings { signing_key: None, ..station.settings() };
    let (audit, writer) = Audit::start(settings).unwrap();
    run_exchange(&audit, 0);
    writer.stop().unwrap();
    let report =
        verify(&VerifyRequest { folder: station.folder(), keys: vec![], expect_head: None });
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(report.to_string().contains("stated only by the log itself"), "{report}");
    assert_eq!(report.keys[0].fingerprint, *audit.key());
    assert_eq!(station.verify().exit_code(), 1, "not the key we know");
}
