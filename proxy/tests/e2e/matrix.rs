//! The client matrix: every client by every way out that exists for it, once with what is clean and once
//! with a patient's number in it. The table, with what each client printed, goes to
//! `target/tmp/client-matrix.md` (and to the terminal with `--nocapture`).

mod clients;
mod table;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use clients::{CLIENTS, Load};
use table::{Cell, Table};
use world::{Way, World};

/// Cells at a time.
const WORKERS: usize = 3;

/// Cells that can be.
const RUN: usize = 49;

#[test]
fn every_client_passes_clean_and_is_refused_by_every_way_out() {
    let world = World::begin();
    let cells: Vec<_> = CLIENTS.iter().flat_map(|row| Way::ALL.map(|way| (row, way))).collect();
    let (next, table) = (AtomicUsize::new(0), Mutex::new(Table::default()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((client, way)) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let cell = match client.cannot(*way) {
                        Some(reason) => Cell::Cannot(reason),
                        None => {
                            let run = |load| (client.run)(&world, *way, load);
                            // One that fails has said why; the others are run all the same.
                            let ran = catch_unwind(AssertUnwindSafe(|| {
                                let (clean, leak) = (run(Load::Clean), run(Load::Leak));
                                Cell::Ran { clean, leak }
                            }));
                            ran.unwrap_or(Cell::Failed)
                        }
                    };
                    let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
                    table.add(client.name, *way, cell);
                }
            });
        }
    });

    let table = table.into_inner().unwrap_or_else(PoisonError::into_inner);
    let text = table.to_markdown();
    println!("{text}");
    let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("client-matrix.md");
    std::fs::write(&place, &text).expect("the table");
    assert_eq!((table.ran(), table.failed()), (RUN, 0), "{}\n{}", text, world.said());
}
