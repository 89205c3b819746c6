//! The audit log as a reader finds it: lines of JSON, and a verification of the whole.

use std::path::{Path, PathBuf};

use proxy::audit::verify::{Verdict, VerifyRequest, verify};
use serde_json::Value;

use super::wait::until;

/// The lines so far. Those of exchanges are `open` and `close`.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    lines: Vec<Value>,
}

impl Log {
    /// Reads the folder. A line that is being written is left out.
    pub(crate) fn read(folder: &Path) -> Log {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
            .collect();
        files.sort();
        let mut lines = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(file).unwrap();
            let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            lines.extend(whole.map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        Log { lines }
    }

    /// The records, in the order in which their exchanges began. A test has that in its hand where it
    /// begins one thing after another; the order in which they are written is the machine's.
    pub(crate) fn closes(&self) -> Vec<&Value> {
        let mut closes: Vec<_> = self.lines.iter().filter(|line| line["type"] == "close").collect();
        closes.sort_by_key(|close| number(close));
        closes
    }

    pub(crate) fn opens(&self) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["type"] == "open").collect()
    }

    pub(crate) fn notes(&self, event: &str) -> Vec<&Value> {
        let is_it = |line: &&Value| line["type"] == "note" && line["event"] == event;
        self.lines.iter().filter(is_it).collect()
    }

    /// Every exchange ended once, and its open line, where bytes could leave, came before.
    pub(crate) fn assert_whole(&self) {
        for close in self.closes() {
            let of_it = |line: &&Value| line["exchange"] == close["exchange"];
            let kinds: Vec<&str> = self
                .lines
                .iter()
                .filter(of_it)
                .map(|line| line["type"].as_str().unwrap())
                .collect();
            let expected: &[&str] =
                if close["opened"] == true { &["open", "close"] } else { &["close"] };
            assert_eq!(kinds, expected, "{close}");
            assert!(close["opened"] == true || close["bytes_released"] == 0, "{close}");
        }
        let opens = self.opens().len();
        let opened = self.closes().iter().filter(|close| close["opened"] == true).count();
        assert_eq!(opens, opened, "an exchange was opened and never closed");
    }
}

/// The number that an exchange took when it began.
fn number(record: &Value) -> u64 {
    record["exchange"].as_str().and_then(|id| id.rsplit_once('-')).unwrap().1.parse().unwrap()
}

/// Waits until `count` exchanges are closed and gives their records, as [`Log::closes`] does.
pub(crate) async fn records(folder: &Path, count: usize) -> Vec<Value> {
    until(&format!("{count} closed exchanges in the audit log"), || {
        let log = Log::read(folder);
        let closes = log.closes();
        assert!(closes.len() <= count, "more than {count} exchanges: {closes:#?}");
        (closes.len() == count).then(|| closes.into_iter().cloned().collect())
    })
    .await
}

/// A log whose run has stopped proves itself.
pub(crate) fn assert_intact(folder: &Path) {
    let request = VerifyRequest { folder: folder.to_owned(), keys: Vec::new(), expect_head: None };
    let report = verify(&request);
    assert_eq!(report.verdict(), Verdict::Intact, "{report}");
    assert!(report.stopped && report.open_exchanges == 0, "{report}");
}

/// The one record whose field has this value. Exchanges that a test begins side by side have no order:
/// their records are told apart by what they say.
#[track_caller]
pub(crate) fn only<'a>(records: &'a [Value], field: &str, value: impl Into<Value>) -> &'a Value {
    let value = value.into();
    let found: Vec<&Value> = records.iter().filter(|record| record[field] == value).collect();
    assert!(found.len() == 1, "{} records have {field} = {value}: {records:#?}", found.len());
    found[0]
}

/// Compares fields of a record; `null` means that the field is absent.
#[track_caller]
pub(crate) fn assert_record(record: &Value, expected: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&record[field], value, "field `{field}` of {record:#}");
    }
}
