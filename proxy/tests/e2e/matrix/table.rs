//! The matrix as text: a row for each client, a column for each way; then why some cells cannot be, and
//! what the clients printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::harness::SSN;
use super::clients::CLIENTS;
use super::world::Way;

/// Characters of what a client printed.
const PRINTED_MAX: usize = 240;

/// What became of a client by a way.
#[derive(Debug)]
pub(super) enum Cell {
    /// There is no such way for this client.
    Cannot(&'static str),
    Failed,
    /// What it printed when it sent something clean, and when it leaked.
    Ran {
        clean: String,
        leak: String,
    },
}

/// All cells.
#[derive(Debug, Default)]
pub(super) struct Table {
    cells: BTreeMap<(&'static str, &'static str), Cell>,
}

impl Table {
    pub(super) fn add(&mut self, client: &'static str, way: Way, cell: Cell) {
        if let Cell::Ran { clean, leak } = &cell {
            assert!(!format!("{clean}{leak}").contains(SSN), "{client} was told what was found");
        }
        self.cells.insert((client, way.name()), cell);
    }

    /// Cells that ran.
    pub(super) fn ran(&self) -> usize {
        self.cells.values().filter(|cell| matches!(cell, Cell::Ran { .. })).count()
    }

    /// Cells that did not do what they must.
    pub(super) fn failed(&self) -> usize {
        self.cells.values().filter(|cell| matches!(cell, Cell::Failed)).count()
    }

    pub(super) fn to_markdown(&self) -> String {
        let ways = Way::ALL.map(Way::name);
        let mut text = format!("| client | {} |\n|---|{}\n", ways.join(" | "), "---|".repeat(5));
        let (mut cannot, mut printed) = (String::new(), String::new());
        for client in CLIENTS {
            let _ = write!(text, "| {} |", client.name);
            for way in ways {
                let name = client.name;
                let told = match self.cells.get(&(name, way)) {
                    Some(Cell::Ran { clean, leak }) => {
                        for (load, said) in [("clean", clean), ("leak", leak)] {
                            let _ = writeln!(printed, "- {name}, {way}, {load}: `{}`", line(said));
                        }
                        "passed, refused"
                    }
                    Some(Cell::Cannot(reason)) => {
                        let _ = writeln!(cannot, "- {name}, {way}: {reason}");
                        "cannot be"
                    }
                    Some(Cell::Failed) => "FAILED",
                    None => "missing",
                };
                let _ = write!(text, " {told} |");
            }
            text.push('\n');
        }
        format!("{text}\nCannot be:\n\n{cannot}\nPrinted:\n\n{printed}")
    }
}

/// What was printed, on one line.
fn line(said: &str) -> String {
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "'");
    words.chars().take(PRINTED_MAX).collect()
}
