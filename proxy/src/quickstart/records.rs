//! Reads the quickstart's own audit log back: the record is what the table quotes.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// How long a closed exchange may take to stand in the log.
const LOOKS_MAX: u32 = 200;
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// What one close line says.
#[derive(Clone, Debug, Default)]
pub(super) struct Closed {
    pub(super) outcome: String,
    pub(super) rule: Option<String>,
    pub(super) why: String,
}

/// The close line of `exchange` (counted from 0 in this run), once it is written.
pub(super) async fn closed(log: &Path, exchange: usize) -> anyhow::Result<Closed> {
    for _ in 0..LOOKS_MAX {
        if let Some(line) = close_lines(log)?.into_iter().nth(exchange) {
            return Ok(line);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    anyhow::bail!("exchange {exchange} has no close line in {}", log.display())
}

/// The close lines that the log already holds, in order.
pub(super) fn close_lines(log: &Path) -> anyhow::Result<Vec<Closed>> {
    let mut files: Vec<_> = std::fs::read_dir(log)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file)?;
        lines.extend(text.lines().filter_map(close_line));
    }
    Ok(lines)
}

fn close_line(line: &str) -> Option<Closed> {
    let line: Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    (field("type")? == "close").then(|| Closed {
        outcome: field("outcome").unwrap_or_default(),
        rule: field("rule"),
        why: field("error").or_else(|| field("reason_text")).unwrap_or_default(),
    })
}
