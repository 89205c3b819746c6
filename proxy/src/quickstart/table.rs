//! The quickstart's table.

use std::fmt::Write as _;

/// One thing that was sent and what became of it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) sent: String,
    pub(super) verdict: String,
    pub(super) rule: String,
    pub(super) upstream: String,
    /// Why it did not complete.
    pub(super) why: Option<String>,
    /// Whether it came out as the story says.
    pub(super) is_as_told: bool,
}

/// Columns as wide as they need to be.
pub(super) fn render(lines: &[Line]) -> String {
    let heads = ["what was sent", "verdict", "rule", "what the upstream saw"];
    let rows: Vec<[&str; 4]> = lines
        .iter()
        .map(|line| [&*line.sent, &*line.verdict, &*line.rule, &*line.upstream])
        .collect();
    let mut widths = heads.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let rule = widths.map(|width| "-".repeat(width));
    push_row(&mut text, widths, &heads);
    push_row(&mut text, widths, &rule.each_ref().map(String::as_str));
    for row in &rows {
        push_row(&mut text, widths, row);
    }
    text.push_str("\nwhy, as the audit log has it:\n");
    for line in lines {
        if let Some(why) = &line.why {
            let _infallible = writeln!(text, "  {}: {why}", line.sent);
        }
    }
    text
}

fn push_row(text: &mut String, widths: [usize; 4], cells: &[&str; 4]) {
    let mut line = String::new();
    for (width, cell) in widths.iter().zip(cells) {
        // Writing into a string does not fail.
        let _infallible = write!(line, "{cell:<width$}  ");
    }
    text.push_str(line.trim_end());
    text.push('\n');
}
