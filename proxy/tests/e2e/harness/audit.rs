//! Reads the audit log as a reviewer would: JSON lines in a folder.

use std::path::Path;

use serde_json::Value;

use super::Site;
use super::process::eventually;

/// Every line so far, in order. A last line still being written is left out.
pub(crate) fn lines(site: &Site) -> Vec<Value> {
    lines_in(&site.path("audit"))
}

/// Every line of the log in `folder`.
pub(crate) fn lines_in(folder: &Path) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the audit folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    let text: String =
        files.iter().map(|file| std::fs::read_to_string(file).expect("an audit file")).collect();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).expect("an audit line")).collect()
}

/// Puts records in the order in which their exchanges began, which a test that does one thing after
/// another has in its hand; the order in which they are written is the machine's.
pub(crate) fn sort(records: &mut [Value]) {
    let number = |id: &str| id.rsplit_once('-').and_then(|(_, number)| number.parse::<u64>().ok());
    records.sort_by_key(|record| record["exchange"].as_str().and_then(number));
}

/// The closing records of exchanges whose target holds `what`, as [`sort`] puts them.
pub(crate) fn closed(site: &Site, what: &str) -> Vec<Value> {
    let is_meant = |line: &Value| {
        line["type"] == "close"
            && line["target"].as_str().is_some_and(|target| target.contains(what))
    };
    let mut records: Vec<Value> = lines(site).into_iter().filter(is_meant).collect();
    sort(&mut records);
    records
}

/// The same, once there are `count` of them.
pub(crate) fn wait_for_closed(site: &Site, what: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} records of {what}"), || {
        let found = closed(site, what);
        (found.len() >= count).then_some(found)
    })
}

/// The one closing record of an exchange whose target holds `what`, once it is written.
pub(crate) fn record(site: &Site, what: &str) -> Value {
    let mut found = wait_for_closed(site, what, 1);
    assert_eq!(found.len(), 1, "one exchange, one record: {found:#?}");
    found.remove(0)
}

/// Is `text` anywhere in the log?
pub(crate) fn mentions(site: &Site, text: &str) -> bool {
    lines(site).iter().any(|line| line.to_string().contains(text))
}
